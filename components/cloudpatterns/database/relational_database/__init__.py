"""``relational_database``."""

from cloudpatterns.database.relational_database.component import (
    RelationalDatabase,
    RelationalDatabaseArgs,
    RelationalDatabasePasswordArgs,
    RelationalDatabaseReplicaArgs,
)

__all__ = ["RelationalDatabase", "RelationalDatabaseArgs", "RelationalDatabasePasswordArgs", "RelationalDatabaseReplicaArgs"]
