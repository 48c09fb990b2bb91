"""A worker on an instance: takes one job after the other from the queue, and runs each under job-guard.

It needs Python 3.9 and the AWS CLI, both of Amazon Linux 2023, and no package. With packages, ``cloudpatterns_runtime.priority`` polls
several queues and runs several jobs at the same time.
"""

import json
import os
import signal
import subprocess
import sys
import threading

REFUSED = 75
"""The exit code of job-guard for a job that must not begin: the instance is about to be terminated."""
VISIBILITY_SECONDS = 300
stopping = threading.Event()


def sqs(action: str, *options: str) -> str:
    """Calls SQS about the queue."""
    command = ["aws", "sqs", action, "--queue-url", os.environ["QUEUE_URL"], *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def keep_hidden(receipt: str, ended: threading.Event, seconds: float) -> None:
    """Hides a message for as long as its job runs."""
    while not ended.wait(seconds):
        sqs("change-message-visibility", "--receipt-handle", receipt, "--visibility-timeout", str(VISIBILITY_SECONDS))


def work(command: list, refresh_seconds: float = VISIBILITY_SECONDS / 3) -> None:
    """Takes at most one job, and runs the command with its text as the last argument."""
    answer = sqs("receive-message", "--wait-time-seconds", "20", "--visibility-timeout", str(VISIBILITY_SECONDS))
    for message in json.loads(answer or "{}").get("Messages", []):
        receipt, ended = message["ReceiptHandle"], threading.Event()
        heartbeat = threading.Thread(target=keep_hidden, args=(receipt, ended, refresh_seconds))
        heartbeat.start()
        try:
            code = subprocess.run(["job-guard", "run", "--", *command, message["Body"]], check=False).returncode
        finally:
            ended.set()
            heartbeat.join()
        if code == 0:
            sqs("delete-message", "--receipt-handle", receipt)
        elif code == REFUSED:
            # Another instance takes it at once, and this one takes no more.
            sqs("change-message-visibility", "--receipt-handle", receipt, "--visibility-timeout", "0")
            stopping.set()
        # Otherwise the job failed: the message shows again, and goes to the dead-letter queue in the end.


def main(command: list) -> int:
    """Works until it is asked to end; the job that runs is finished first."""
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    while not stopping.is_set():
        work(command)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
