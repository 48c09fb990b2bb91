"""Runs on the servers that take orders: sends each to the shortest queue among its customer's workers.

Needs cloudpatterns-runtime, boto3, and the name of the map's parameter in SHARD_MAP_PARAMETER.
"""

import json
import os
from typing import Any

from cloudpatterns_runtime.sharding import ShardedQueues


def queues(ssm: Any, sqs: Any) -> ShardedQueues:
    """The queues of the workers, read once at the start of a server."""
    document = ssm.get_parameter(Name=os.environ["SHARD_MAP_PARAMETER"])["Parameter"]["Value"]
    return ShardedQueues.from_json(sqs, document)


def send(queues: ShardedQueues, customer: str, order: dict[str, Any]) -> str:
    """Sends an order; the worker that gets it. An order may arrive twice, in two queues: workers know it by its id."""
    return queues.send(customer, json.dumps({**order, "customer": customer}))
