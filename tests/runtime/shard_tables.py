"""Tables for shard maps, on either emulator."""

from typing import Any
from uuid import uuid4

from tests.emulators.tables import table_by_id


def map_table(dynamodb: Any) -> str:
    """A table of a name of its own."""
    name = f"shards-{uuid4()}"
    table_by_id(dynamodb, name)
    return name
