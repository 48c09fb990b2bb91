"""Arguments of ``ReadReplica``: the options that a user tunes, and what it stands among."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DeletionProtection,
    DomainName,
    HostedZoneId,
    KmsKeyArn,
    LogRetentionDays,
    Region,
    SecurityGroupIds,
    ShortNames,
    SubnetIdsByZones,
    Tags,
)
from cloudpatterns.database._shared import InstanceClass
from cloudpatterns.database.relational_database.engines import ENGINES

_Cooldown = Annotated[int, Field(default=300, ge=0, le=3600)]


class ReadReplicaPlaceArgs(TypedDict):
    """A replica of an RDS instance: in a zone of its Region, or in another Region."""

    zone: NotRequired[str]
    """Availability Zone in the Region of the instance. Default: one that RDS chooses."""
    region: NotRequired[Region]
    """Another Region; needs ``subnet_ids_by_zone`` and ``security_group_ids``. Default: the Region of the instance."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZones]
    """Data subnets of a VPC in the other Region, by zone, which the callers' VPC reaches. Needed with ``region``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the replica. Default: those of the component; needed in another Region."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """A key in the other Region, for storage and logs; its policy must let CloudWatch Logs use it. Default: a new key there. A replica in
    the Region of the instance has the key of the instance."""
    instance_class: NotRequired[InstanceClass]
    """Instance class. Default: the component's."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics in the other Region, which its alarms notify. In the Region of the instance they are the component's."""
    weight: NotRequired[Annotated[int, Field(default=100, ge=0, le=255)]]
    """Share of the replica in the answers, in proportion to the sum of all weights; 0 takes it out."""


class ReadReplicaOptions(TypedDict):
    """What a user tunes of ``ReadReplica``."""

    reader_user_name: NotRequired[Annotated[str, Field(default="reader")]]
    """Name of the database user with read rights alone, whom ``reader_sql`` creates."""
    consistency_seconds: NotRequired[Annotated[int, Field(default=10, ge=1, le=3600)]]
    """Seconds after a write for which ``cloudpatterns_runtime.replicas`` sends the reads of that visitor to the writer."""
    max_lag_seconds: NotRequired[Annotated[int, Field(ge=1, le=86_400)]]
    """Lag above which the alarm is raised, and an RDS replica gets no more readers. Default: 1 (Aurora), 60 (MySQL), 600 (PostgreSQL, whose
    metric grows to 300 while nothing is written)."""
    min_readers: NotRequired[Annotated[int, Field(default=1, ge=1, le=15)]]
    """Aurora: fewest readers, those of the cluster included."""
    max_readers: NotRequired[Annotated[int, Field(default=3, ge=1, le=15)]]
    """Aurora: most readers, those of the cluster included."""
    target_cpu_percent: NotRequired[Annotated[int, Field(default=60, ge=10, le=90)]]
    """Aurora: average processor utilization of the readers that autoscaling keeps."""
    target_connections: NotRequired[Annotated[int, Field(ge=1)]]
    """Aurora: average connections of a reader that autoscaling keeps, instead of the processor. Default: the processor."""
    scale_in_cooldown_seconds: NotRequired[_Cooldown]
    """Aurora: seconds after a change before a reader is removed."""
    scale_out_cooldown_seconds: NotRequired[_Cooldown]
    """Aurora: seconds after a change before another reader is added."""
    max_connections_percent: NotRequired[Annotated[int, Field(default=90, ge=1, le=100)]]
    """Aurora: connections of the proxy to a reader, of all that the reader allows."""
    connection_borrow_timeout_seconds: NotRequired[Annotated[int, Field(default=10, ge=0, le=300)]]
    """Aurora: how long the proxy lets a client wait for a connection, such as while no reader answers."""
    instance_class: NotRequired[InstanceClass]
    """RDS: instance class of the replicas. Needed with ``replicas`` that have none of their own. Aurora adds readers of the writer's
    class."""
    max_allocated_storage_gib: NotRequired[Annotated[int, Field(ge=22, le=65_536)]]
    """RDS: storage of the replicas grows by itself up to this size, as that of the instance should. Default: it does not grow."""
    replicas: NotRequired[Annotated[dict[str, ReadReplicaPlaceArgs], ShortNames, Field(default={}, max_length=15)]]
    """RDS: replicas by short name, such as ``{"a": {"zone": "eu-west-1a"}}``; at least one with ``mysql`` and ``postgres``."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs are kept."""
    deletion_protection: NotRequired[DeletionProtection]
    """RDS: whether AWS refuses to delete the replicas. Aurora's readers have none of their own."""


class ReadReplicaArgs(ReadReplicaOptions):
    """Arguments of ``ReadReplica``: its options, and what it stands among."""

    engine: Annotated[str, Choice(*ENGINES)]
    """The engine of the database."""
    engine_version: NotRequired[str]
    """Version of the instance, such as ``17``. Needed with a replica in another Region, whose parameter group has the same family. Default:
    replicas in the Region of the instance share its parameter group."""
    database_arn: Annotated[
        pulumi.Input[str],
        Matches(
            r"arn:[^:]+:rds:[^:]+:\d{12}:(cluster|db):[a-zA-Z0-9-]+",
            "the ARN of an Aurora cluster or an RDS instance, such as arn:aws:rds:eu-west-1:123456789012:cluster:orders",
        ),
    ]
    """The Aurora cluster or RDS instance: ``RelationalDatabase.instance_arn``. RDS creates no replica of an instance whose password it
    manages."""
    resource_id: NotRequired[
        Annotated[pulumi.Input[str], Matches(r"cluster-[A-Z0-9]+", "the resource id of a cluster, such as cluster-ABCDEFGHIJKLMNOP")]
    ]
    """Resource id of the Aurora cluster: ``RelationalDatabase.resource_id``. Needed with Aurora."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZones]
    """Aurora: subnets of the proxy, by zone. Needed with Aurora."""
    security_group_ids: SecurityGroupIds
    """Security groups of Aurora's proxy, which admit the callers and which the cluster admits; or of the replicas of an RDS instance in its
    Region."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the new log groups: ``RelationalDatabase.kms_key_arn``; its policy must let CloudWatch Logs use it for ``/aws/rds/*``. With an
    RDS instance also the key of Performance Insights. Default: CloudWatch's own encryption."""
    record_name: NotRequired[DomainName]
    """RDS: private name of the replicas, such as ``reads.orders.internal``. Needed with ``replicas``."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """RDS: VPC that sees a new private zone, named after what follows the first dot of ``record_name``; the zone hides public names below
    that. Exactly one of ``vpc_id`` and ``existing_hosted_zone_id``."""
    existing_hosted_zone_id: NotRequired[HostedZoneId]
    """RDS: a private hosted zone that ``record_name`` is in. Exactly one of the two."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when replicas lag, break or fall silent, or when Aurora's proxy reaches no reader. Without any,
    nothing is reported."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
