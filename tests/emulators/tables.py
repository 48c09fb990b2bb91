"""DynamoDB tables for tests, on either emulator."""

from typing import Any


def table_by_id(dynamodb: Any, name: str) -> None:
    """A table whose one key is the text ``id``, as Powertools' idempotency has it."""
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
