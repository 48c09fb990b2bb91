"""Writes the shard map of a `ShardingWrite`: which shards there are, and how to reach them.

It is invoked when the addresses change, by the program that creates the databases. It writes the first map, and from then on the addresses
alone: which shard has which slots is up to the mover (`cloudpatterns_runtime.shard_mover`). Invoked twice it finds nothing left to do.
"""

import importlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)

_RIGHTS_SECONDS = 20
"""A new role's rights reach DynamoDB and KMS within seconds."""


def handler(
    event: Mapping[str, Any], _context: object, dynamodb: Any = None, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Brings the map to the ``addresses`` of the event; ``first_shards`` and ``slots`` are those of the first map.

    :raises ValueError: where a shard would go that has slots or is about to get some, or the number of slots would change.
    """
    # Lambda's runtime brings boto3 along, a layer the library.
    dynamodb = dynamodb or importlib.import_module("boto3").client("dynamodb")
    shards = importlib.import_module("cloudpatterns_runtime.shards")
    maps = shards.MapTable(dynamodb, os.environ["TABLE"], os.environ["MAP"])
    for waited in range(_RIGHTS_SECONDS):
        try:
            current = _written(shards, maps, event)
        except Exception as error:
            # botocore's ClientError, which this file does not import.
            if getattr(error, "response", {}).get("Error", {}).get("Code") != "AccessDeniedException" or waited == _RIGHTS_SECONDS - 1:
                raise
            sleep(1)
        else:
            return {"shards": list(current.shards), "known": list(current.addresses), "generation": current.generation}
    raise AssertionError("the last attempt returns or raises")


def _written(shards: Any, maps: Any, event: Mapping[str, Any]) -> Any:
    while True:
        try:
            return _attempt(shards, maps, event)
        except shards.MapConflict:
            # The mover swaps the map after each slot.
            continue


def _attempt(shards: Any, maps: Any, event: Mapping[str, Any]) -> Any:
    addresses, slots = event["addresses"], event["slots"]
    try:
        current = maps.read()
    except shards.MapMissing:
        _log.info("the first map: %s", ", ".join(event["first_shards"]))
        return maps.create(shards.SlotMap(addresses=addresses, shards=event["first_shards"], slots=slots))
    if current.slots != slots:
        raise ValueError(f"slots is {slots}; the map has {current.slots}, for good. Set slots to {current.slots}.")
    if kept := sorted({*current.shards, *current.previous} - set(addresses)):
        raise ValueError(f"{', '.join(kept)} has slots; start a move to the other shards, and remove it when the mover is done.")
    if dict(current.addresses) == addresses:
        return current
    _log.info("the shards are %s", ", ".join(sorted(addresses)))
    return maps.swap(current, current.reached_at(addresses))
