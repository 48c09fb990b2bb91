"""DynamoDB tables for tests, on either emulator."""

from typing import Any


def table_by_id(dynamodb: Any, name: str, key: str = "id") -> None:
    """A table whose one key is the text ``id``, as Powertools' idempotency has it, or another text."""
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
