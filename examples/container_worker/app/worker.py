"""The sample worker: it works off the queue of a ``QueueWorker``, or the queues of a ``PriorityQueue``, until ECS stops it.

SIGTERM ends it: it receives nothing more, ends what it has begun, and returns what it cannot end in time.
"""

import json
import logging
import os
import time
from typing import Any

import boto3
from cloudpatterns_runtime.priority import Message, PriorityPoller

LOG = logging.getLogger("worker")
# Less than `stop_timeout_seconds` of the service, after which ECS kills the container.
STOP_SECONDS = 50


def handle(message: Message) -> None:
    """What is to be done with a message; whatever it raises sends the message back to its queue. It may come twice."""
    if not message.body.isdigit():
        raise ValueError(f"{message.id} has no number")
    time.sleep(float(os.environ.get("WORK_SECONDS", "0")))
    LOG.info("done %s", message.body)


def settings() -> dict[str, Any]:
    """The queues, and how to poll them."""
    if parameter := os.environ.get("PRIORITY_SETTINGS_PARAMETER"):
        return json.loads(boto3.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"])
    return {"queue_urls": [os.environ["QUEUE_URL"]]}


def main() -> None:
    """Polls until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    poller = PriorityPoller(sqs=boto3.client("sqs"), handler=handle, stop_seconds=STOP_SECONDS, **settings())
    poller.stop_on_signals()
    LOG.info("polls")
    poller.run()
    LOG.info("ended")


if __name__ == "__main__":
    main()
