"""Databases and caches."""

from cloudpatterns.database.relational_database import (
    RelationalDatabase,
    RelationalDatabaseArgs,
    RelationalDatabasePasswordArgs,
    RelationalDatabaseReplicaArgs,
)

__all__ = ["RelationalDatabase", "RelationalDatabaseArgs", "RelationalDatabasePasswordArgs", "RelationalDatabaseReplicaArgs"]
