"""A table for an index of objects."""

from typing import Any


def index_table(dynamodb: Any, name: str) -> str:
    """A table as the component creates it, with an index for the metadata ``owner``."""
    keys = {"folder": "HASH", "name": "RANGE"}
    indexes = {"by-modified": ("folder", "last_modified"), "by-owner": ("metadata_owner", "last_modified")}
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (*keys, "last_modified", "metadata_owner")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [{"AttributeName": one, "KeyType": "HASH"}, {"AttributeName": two, "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, (one, two) in indexes.items()
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name
