"""Keys and indexes of a DynamoDB table as arguments, and what is wrong with them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

from pydantic import Field

from cloudpatterns.core.arguments import Problem
from cloudpatterns.core.limits import Choice, Keys, Unique

AttributeName = Annotated[str, Field(min_length=1, max_length=255)]
"""An attribute of a table's items."""


class TableKeyArgs(TypedDict):
    """An attribute that is a key of a DynamoDB table."""

    name: AttributeName
    """Its name."""
    type: NotRequired[Annotated[str, Choice("S", "N", "B"), Field(default="S")]]
    """Its type: ``S`` text, ``N`` number, ``B`` bytes. An attribute that is a key twice has the same type in both places."""


class TableIndexArgs(TypedDict):
    """A global secondary index of a DynamoDB table, in which all of its replicas have a part."""

    partition_key: TableKeyArgs
    """Partition key of the index."""
    sort_key: NotRequired[TableKeyArgs]
    """Sort key of the index. Default: none."""
    attributes: NotRequired[Annotated[list[AttributeName], Unique(), Field(max_length=100)]]
    """Attributes that a query of the index returns beside the keys; an empty list: the keys alone. Default: all."""


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
TableIndexes = Annotated[
    dict[str, TableIndexArgs],
    Keys(r"[a-zA-Z0-9_.-]{3,255}", "3 to 255 letters, digits, underscores, dots and hyphens"),
    Field(default={}, max_length=20),
]
"""Global secondary indexes by name."""


def table_schema(
    partition_key: TableKeyArgs, sort_key: TableKeyArgs | None, indexes: Mapping[str, TableIndexArgs], ttl_attribute: str | None
) -> dict[str, Any]:
    """Arguments of ``aws.dynamodb.Table``: keys, indexes and the attributes in them; DynamoDB refuses others."""
    given: dict[str, Any] = {"partition_key": partition_key, "sort_key": sort_key, "indexes": indexes}
    types = {key["name"]: key["type"] for _path, key in _key_places(given)}
    return {
        "hash_key": partition_key["name"],
        "range_key": None if sort_key is None else sort_key["name"],
        "attributes": [{"name": name, "type": kind} for name, kind in sorted(types.items())],
        "global_secondary_indexes": [_index(name, index) for name, index in sorted(indexes.items())] or None,
        "ttl": None if ttl_attribute is None else {"attribute_name": ttl_attribute, "enabled": True},
    }


def table_problems(holder: Mapping[str, Any], path: str = "") -> Iterator[Problem]:
    """What is wrong with ``partition_key``, ``sort_key`` and ``indexes`` together."""
    types: dict[str, str] = {}
    for place, key in _key_places(holder):
        known = types.setdefault(key["name"], key["type"])
        if known != key["type"]:
            reason = f"is {key['type']!r}, but the key {key['name']!r} has the type {known!r} elsewhere. Give both the same type."
            yield f"{path}{place}.type", reason
    for place, one in _holders(holder):
        sort_key = one.get("sort_key")
        if sort_key is not None and sort_key["name"] == one["partition_key"]["name"]:
            yield f"{path}{place}sort_key.name", f"is {sort_key['name']!r}, the partition key. Name another attribute."


def _holders(holder: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "", holder
    yield from ((f"indexes.{name}.", index) for name, index in holder["indexes"].items())


def _key_places(holder: Mapping[str, Any]) -> Iterator[tuple[str, TableKeyArgs]]:
    """Every key with its path among the arguments."""
    for path, one in _holders(holder):
        for role in ("partition_key", "sort_key"):
            if (key := one.get(role)) is not None:
                yield f"{path}{role}", key


def _index(name: str, index: TableIndexArgs) -> dict[str, Any]:
    keys = [{"attribute_name": index["partition_key"]["name"], "key_type": "HASH"}]
    if (sort_key := index.get("sort_key")) is not None:
        keys.append({"attribute_name": sort_key["name"], "key_type": "RANGE"})
    attributes = index.get("attributes")
    if attributes is None:
        return {"name": name, "key_schemas": keys, "projection_type": "ALL"}
    if not attributes:
        return {"name": name, "key_schemas": keys, "projection_type": "KEYS_ONLY"}
    return {"name": name, "key_schemas": keys, "projection_type": "INCLUDE", "non_key_attributes": attributes}
