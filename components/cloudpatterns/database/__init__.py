"""Databases, caches, session stores, warehouses and search indexes."""

from cloudpatterns.database.certificates import rds_certificate_files, rds_certificates
from cloudpatterns.database.cqrs.arguments import CqrsArgs, CqrsExistingReadTable, CqrsExistingWriteTable, CqrsOptions, CqrsProjectionArgs
from cloudpatterns.database.cqrs.component import Cqrs
from cloudpatterns.database.data_warehouse import DataWarehouse, DataWarehouseArgs, DataWarehouseOptions, DataWarehouseUsageLimitArgs
from cloudpatterns.database.database_per_service.arguments import (
    DatabasePerServiceArgs,
    DatabasePerServiceDocumentsArgs,
    DatabasePerServiceOptions,
    DatabasePerServiceServiceArgs,
    DatabasePerServiceTableArgs,
)
from cloudpatterns.database.database_per_service.component import DatabasePerService
from cloudpatterns.database.global_table import (
    GlobalTable,
    GlobalTableArgs,
    GlobalTableOptions,
    GlobalTableReplicaArgs,
)
from cloudpatterns.database.in_memory_cache.arguments import (
    InMemoryCacheArgs,
    InMemoryCacheCredentialArgs,
    InMemoryCacheOptions,
    InMemoryCacheServerlessArgs,
)
from cloudpatterns.database.in_memory_cache.component import InMemoryCache
from cloudpatterns.database.read_replica.arguments import ReadReplicaArgs, ReadReplicaOptions, ReadReplicaPlaceArgs
from cloudpatterns.database.read_replica.component import ReadReplica
from cloudpatterns.database.relational_database.arguments import (
    RelationalDatabaseArgs,
    RelationalDatabaseOptions,
    RelationalDatabasePasswordArgs,
    RelationalDatabaseReplicaArgs,
    RelationalDatabaseRestoreArgs,
)
from cloudpatterns.database.relational_database.component import RelationalDatabase
from cloudpatterns.database.search_index.arguments import (
    SearchIndexArgs,
    SearchIndexCollectionArgs,
    SearchIndexDomainArgs,
    SearchIndexOptions,
)
from cloudpatterns.database.search_index.component import SearchIndex
from cloudpatterns.database.sharding_write.arguments import (
    ShardingWriteArgs,
    ShardingWriteDatabaseArgs,
    ShardingWriteOptions,
    ShardingWriteShardArgs,
    ShardingWriteTableArgs,
)
from cloudpatterns.database.sharding_write.component import ShardingWrite
from cloudpatterns.database.state_sharing import StateSharing, StateSharingArgs, StateSharingOptions, StateSharingTableArgs

__all__ = [
    "Cqrs",
    "CqrsArgs",
    "CqrsExistingReadTable",
    "CqrsExistingWriteTable",
    "CqrsOptions",
    "CqrsProjectionArgs",
    "DataWarehouse",
    "DataWarehouseArgs",
    "DataWarehouseOptions",
    "DataWarehouseUsageLimitArgs",
    "DatabasePerService",
    "DatabasePerServiceArgs",
    "DatabasePerServiceDocumentsArgs",
    "DatabasePerServiceOptions",
    "DatabasePerServiceServiceArgs",
    "DatabasePerServiceTableArgs",
    "GlobalTable",
    "GlobalTableArgs",
    "GlobalTableOptions",
    "GlobalTableReplicaArgs",
    "InMemoryCache",
    "InMemoryCacheArgs",
    "InMemoryCacheCredentialArgs",
    "InMemoryCacheOptions",
    "InMemoryCacheServerlessArgs",
    "ReadReplica",
    "ReadReplicaArgs",
    "ReadReplicaOptions",
    "ReadReplicaPlaceArgs",
    "RelationalDatabase",
    "RelationalDatabaseArgs",
    "RelationalDatabaseOptions",
    "RelationalDatabasePasswordArgs",
    "RelationalDatabaseReplicaArgs",
    "RelationalDatabaseRestoreArgs",
    "SearchIndex",
    "SearchIndexArgs",
    "SearchIndexCollectionArgs",
    "SearchIndexDomainArgs",
    "SearchIndexOptions",
    "ShardingWrite",
    "ShardingWriteArgs",
    "ShardingWriteDatabaseArgs",
    "ShardingWriteOptions",
    "ShardingWriteShardArgs",
    "ShardingWriteTableArgs",
    "StateSharing",
    "StateSharingArgs",
    "StateSharingOptions",
    "StateSharingTableArgs",
    "rds_certificate_files",
    "rds_certificates",
]
