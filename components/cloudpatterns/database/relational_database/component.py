"""A relational database with a standby in a second zone.

Pattern: "Database Replication" (Cloud Design Patterns for AWS), and the data tier of an N-tier architecture.
"""

import functools

import pulumi

from cloudpatterns.core import Component, after
from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.aurora import aurora_cluster, aurora_instances
from cloudpatterns.database.relational_database.foundation import Foundation
from cloudpatterns.database.relational_database.instance import database_instance, replica_instance
from cloudpatterns.database.relational_database.rules import child_names, problems


class RelationalDatabase(Component):
    """A private, encrypted and deletion-protected database on RDS or Aurora (Cloud Design Patterns for AWS, "Database Replication").

    Creates an RDS instance (MySQL, PostgreSQL) with a Multi-AZ standby, or an Aurora cluster with an instance in each of two zones, that
    accepts TLS connections alone, with backups, log groups, Enhanced Monitoring, a master password in Secrets Manager and, where asked for,
    alarms and a replica in another region. A replacement deletes the database first: deletion protection refuses it; without, only the
    final snapshot keeps the data.

    **Use when**: data is relational, transactions matter, and one writer of the largest instance class is enough.

    **Not when**: access by key alone is enough, or writes must scale over several servers.

    **Cost drivers**: the instance class, twice with ``multi_az``; storage and backups; a replica with its traffic between regions; advanced
    Database Insights.

    **Trade-offs**: a failover to the standby breaks connections for a minute or two. A password that RDS manages excludes ``replica``;
    one that the caller gives needs a rotation function. The standby of an RDS instance serves no reads.

    **Proven by**: controls ``rds-private``, ``rds-encrypted``, ``rds-tls-required``, ``rds-password-not-in-state``, ``rds-backups``,
    ``rds-deletion-protection``, ``rds-instance-multi-az``, ``rds-cluster-multi-az``, ``rds-iam-authentication``, ``rds-logs-exported``,
    ``secret-rotated``; ``test_relational_database.py`` and ``test_relational_database_arguments.py``.
    """

    endpoint: pulumi.Output[str]
    """Address and port of the writer, ``host:port``."""
    address: pulumi.Output[str]
    """Host name of the writer."""
    reader_address: pulumi.Output[str]
    """Host name for reads: Aurora's reader endpoint; for RDS, whose standby takes no connections, the writer's."""
    port: pulumi.Output[int]
    """Port, 3306 or 5432."""
    secret_arn: pulumi.Output[str]
    """ARN of the secret with user name and password of the master user."""
    instance_id: pulumi.Output[str]
    """Identifier of the instance, or of the Aurora cluster."""
    instance_arn: pulumi.Output[str]
    """ARN of the instance, or of the Aurora cluster."""
    resource_id: pulumi.Output[str]
    """The id that IAM policies name a database by (``rds-db:connect`` on ``...:dbuser:<resource id>/<user>``)."""
    kms_key_arn: pulumi.Output[str]
    """ARN of the key that encrypts it."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups, one per exported log."""
    replica_endpoints: pulumi.Output[list[str]]
    """Endpoint of the replica in the other region; empty without one."""

    def __init__(self, name: str, args: RelationalDatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=functools.partial(problems, name), names=child_names)
        foundation = Foundation(self, name, checked)
        self.kms_key_arn = pulumi.Output.from_input(foundation.kms_key_arn)
        self.log_group_names = pulumi.Output.all(*[group.name for group in foundation.log_groups])
        self.replica_endpoints = pulumi.Output.from_input([])
        if foundation.engine.aurora:
            self._create_cluster(foundation)
        else:
            self._create_instances(foundation)
        self.register()

    def _create_cluster(self, foundation: Foundation) -> None:
        cluster = aurora_cluster(foundation)
        instances = aurora_instances(foundation, cluster)
        # A cluster without an instance has an address where nothing answers.
        self.address = after(cluster.endpoint, *instances)
        self.reader_address = after(cluster.reader_endpoint, *instances)
        self.port = cluster.port
        self.endpoint = pulumi.Output.concat(self.address, ":", cluster.port.apply(str))
        self.instance_id, self.instance_arn, self.resource_id = cluster.cluster_identifier, cluster.arn, cluster.cluster_resource_id
        self.secret_arn = foundation.secret(cluster, self.address)
        foundation.alarms({"DBClusterIdentifier": cluster.cluster_identifier})

    def _create_instances(self, foundation: Foundation) -> None:
        instance = database_instance(foundation)
        self.address = self.reader_address = instance.address
        self.port, self.endpoint = instance.port, instance.endpoint
        self.instance_id, self.instance_arn, self.resource_id = instance.identifier, instance.arn, instance.resource_id
        self.secret_arn = foundation.secret(instance, instance.address)
        foundation.alarms({"DBInstanceIdentifier": instance.identifier})
        if foundation.checked.get("replica") is not None:
            replica = replica_instance(Foundation(self, f"{foundation.name}-replica", foundation.checked, source=foundation), instance)
            self.replica_endpoints = pulumi.Output.all(replica.endpoint)
