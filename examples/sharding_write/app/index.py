"""A shop over several databases: writes orders into the database of their customer, and brings customers to databases.

Each function of the example runs one of the two handlers.
"""

import json
import logging
import os
import ssl
from pathlib import Path
from typing import Any

import boto3
import pg8000.dbapi
from cloudpatterns_runtime.shard_mover import Mover, ShardedTable
from cloudpatterns_runtime.shards import MapTable, Router, Shard

LOGGER = logging.getLogger()
MAPS = MapTable.from_environment(boto3.client("dynamodb"))
ENGINE = os.environ["CLOUDPATTERNS_SHARDS_ENGINE"]
USER = os.environ["DATABASE_USER"]
RDS = boto3.client("rds")

# A table that refers to another one comes after it.
SCHEMA = {
    "customers": "id VARCHAR(40) PRIMARY KEY, slot INTEGER NOT NULL, orders INTEGER NOT NULL DEFAULT 0",
    "orders": "customer VARCHAR(40) NOT NULL REFERENCES customers (id), id VARCHAR(40) NOT NULL, slot INTEGER NOT NULL, "
    "articles JSONB NOT NULL, PRIMARY KEY (customer, id)",
}
TABLES = [
    ShardedTable("customers", key="id", primary_key=["id"]),
    ShardedTable("orders", key="customer", primary_key=["customer", "id"]),
]
# To end before Lambda does. A move that is cut off goes on all the same.
SPARE_SECONDS = 60

ADD_CUSTOMER = "INSERT INTO customers (id, slot) VALUES (%s, %s) ON CONFLICT DO NOTHING"
ADD_ORDER = "INSERT INTO orders (customer, id, slot, articles) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
COUNT = "UPDATE customers SET orders = orders + 1 WHERE id = %s"


def connect(shard: Shard) -> Any:
    """A connection over verified TLS, by a token that is signed here: nothing of AWS is asked for it."""
    host, port = shard.address["host"], int(shard.address["port"])
    token = RDS.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=USER)
    context = ssl.create_default_context(cafile=str(Path(__file__).parent / "rds.pem"))
    return pg8000.dbapi.connect(USER, host, shard.address["database"], port, token, ssl_context=context, timeout=10)


ROUTER = Router(MAPS, connect, engine=ENGINE)


def add(order: dict[str, Any]) -> None:
    """Writes an order and counts it; one that is there already changes nothing."""

    def work(connection: Any, slot: int) -> None:
        cursor = connection.cursor()
        cursor.execute(ADD_CUSTOMER, (order["customer"], slot))
        cursor.execute(ADD_ORDER, (order["customer"], order["id"], slot, json.dumps(order["articles"])))
        if cursor.rowcount:
            cursor.execute(COUNT, (order["customer"],))

    ROUTER.write(order["customer"], work)


def orders_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Names the messages that failed, so that SQS shows those alone again."""
    failed = []
    for record in event["Records"]:
        try:
            add(json.loads(record["body"]))
        except Exception:
            LOGGER.exception("message %s failed", record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def create_tables() -> None:
    """The tables of each shard, where they are not there yet."""
    current = MAPS.read()
    for name in current.addresses:
        connection = connect(current.at(name))
        try:
            for table, columns in SCHEMA.items():
                connection.cursor().execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
                connection.cursor().execute(f"CREATE INDEX IF NOT EXISTS {table}_slot ON {table} (slot)")
            connection.commit()
        finally:
            connection.close()


def mover_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Brings customers to the shards that are to have some: begins a move where one is due, and goes on with it each time it runs.

    Its answer is how many slots are left.
    """
    create_tables()
    mover = Mover(MAPS, connect, TABLES, engine=ENGINE)
    mover.prepare()
    wanted, current = sorted(os.environ["SHARDS_WITH_KEYS"].split(",")), MAPS.read()
    if not current.previous and list(current.shards) != wanted:
        mover.start(wanted)
    return {"left": mover.run(seconds=context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)}
