"""A relational database: an RDS instance with a standby, or an Aurora cluster."""

from cloudpatterns.database.relational_database.arguments import (
    RelationalDatabaseArgs,
    RelationalDatabaseOptions,
    RelationalDatabasePasswordArgs,
    RelationalDatabaseReplicaArgs,
)
from cloudpatterns.database.relational_database.component import RelationalDatabase

__all__ = [
    "RelationalDatabase",
    "RelationalDatabaseArgs",
    "RelationalDatabaseOptions",
    "RelationalDatabasePasswordArgs",
    "RelationalDatabaseReplicaArgs",
]
