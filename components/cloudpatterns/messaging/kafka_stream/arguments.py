"""Arguments of ``KafkaStream``: what a user tunes, and where the cluster stands."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, ExistingFunction, FunctionOptions, Keys, Matches
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    BucketArn,
    DeletionProtection,
    KmsKeyArn,
    LogRetentionDays,
    SecurityGroupIds,
    ShortNames,
    SubnetIdsByZone,
    Tags,
)

_TOPIC = r"[a-zA-Z0-9._-]{1,249}"
# Lambda allows 200 characters; a colon would hide the group's lag from CloudWatch.
# https://docs.aws.amazon.com/msk/latest/developerguide/consumer-lag.html
_GROUP = r"[a-zA-Z0-9._-]{1,200}"

TopicName = Annotated[str, Matches(_TOPIC, "1 to 249 letters, digits and ._- such as orders.placed")]
GroupName = Annotated[str, Matches(_GROUP, "1 to 200 letters, digits and ._- such as billing")]


class KafkaStreamBrokers(TypedDict):
    """Brokers of a provisioned cluster."""

    instance_type: Annotated[str, Matches(r"(express|kafka)\.[a-z0-9]+\.[a-z0-9]+", "a broker type such as express.m7g.large")]
    """``express.`` types scale and recover faster and manage their own storage; ``kafka.`` types are standard brokers."""
    brokers_per_zone: NotRequired[Annotated[int, Field(default=1, ge=1, le=20)]]
    """Brokers in each zone. A standard cluster cannot lose brokers again while they hold partitions."""
    kafka_version: NotRequired[
        Annotated[str, Field(default="3.9.x.kraft"), Matches(r"\d+\.\d+\.(x|\d+)(\.kraft)?", "a version of MSK such as 3.9.x.kraft")]
    ]
    """Apache Kafka's version, as MSK names it; an upgrade cannot be undone."""
    storage_gib: NotRequired[Annotated[int, Field(ge=1, le=16_384)]]
    """First size of each standard broker's disk. Express brokers have none. Default: 100 for standard brokers."""
    max_storage_gib: NotRequired[Annotated[int, Field(ge=1, le=16_384)]]
    """Size up to which the disks grow by themselves; they never shrink. Express brokers have none. Default: ten times ``storage_gib``, at
    most 16384."""
    properties: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """More of Kafka's server properties, such as ``{"log.retention.hours": "72"}``."""
    monitoring_level: NotRequired[
        Annotated[str, Choice("DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION"), Field(default="PER_BROKER")]
    ]
    """Metrics in CloudWatch; those beyond ``DEFAULT`` cost. The alarm on under-replicated partitions needs ``PER_BROKER`` or more."""


class KafkaStreamTopic(TypedDict):
    """A topic."""

    partitions: Annotated[int, Field(ge=1, le=10_000)]
    """Number of partitions. Kafka cannot take any away, and more of them change which partition a key goes to."""
    replicas: NotRequired[Annotated[int, Field(ge=1, le=3)]]
    """Copies of each record; a change replaces the topic and loses its records. Default: 3, or 2 in a cluster of two zones."""
    properties: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """Kafka's properties of the topic, such as ``{"retention.ms": "604800000"}``."""


class KafkaStreamConsumer(TypedDict):
    """A Lambda function that gets the records of a topic in batches, in order within each partition."""

    topic: TopicName
    """The topic to read."""
    function: NotRequired[FunctionOptions]
    """The function. It returns the records that failed (``batchItemFailures``), and may get a record more than once. Exactly one of
    ``function`` and ``existing_function``."""
    existing_function: NotRequired[ExistingFunction]
    """A function that is there. Its role needs what Lambda's pollers do with it: without ``role_name``, the statements of
    ``poller_statements``. Exactly one of ``function`` and ``existing_function``."""
    idempotency: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether ``function`` has a table for Powertools' idempotency, named in its environment variable ``IDEMPOTENCY_TABLE``."""
    group: NotRequired[GroupName]
    """Consumer group. A change replaces the event source, which then begins at ``starting_position``. Default: the names of the component
    and the consumer with a hyphen between."""
    starting_position: NotRequired[Annotated[str, Choice("TRIM_HORIZON", "LATEST"), Field(default="TRIM_HORIZON")]]
    """Where a group without offsets begins: at the oldest record, or with those to come."""
    batch_size: NotRequired[Annotated[int, Field(default=100, ge=1, le=10_000)]]
    """Most records of an invocation."""
    batching_window_seconds: NotRequired[Annotated[int, Field(default=1, ge=0, le=300)]]
    """Longest wait for a full batch."""
    minimum_pollers: NotRequired[Annotated[int, Field(default=1, ge=1, le=200)]]
    """Pollers that always run, each billed by the hour."""
    maximum_pollers: NotRequired[Annotated[int, Field(default=10, ge=1, le=2000)]]
    """Most pollers; more than the topic has partitions do nothing."""
    maximum_retry_attempts: NotRequired[Annotated[int, Field(default=5, ge=0, le=10_000)]]
    """Retries of a failed record before it goes to the bucket. The records behind it in its partition wait."""
    maximum_record_age_seconds: NotRequired[Annotated[int, Field(default=86_400, ge=60, le=604_800)]]
    """Age at which a failing record goes to the bucket, whatever retries are left."""
    most_lag: NotRequired[Annotated[int, Field(default=10_000, ge=1)]]
    """Records that the group may be behind in one partition, for a quarter of an hour, before the alarm is raised."""


class KafkaStreamGroup(TypedDict):
    """A consumer group of clients that run elsewhere, whose lag raises an alarm."""

    topic: TopicName
    """The topic that the group reads."""
    group: GroupName
    """The consumer group."""
    most_lag: NotRequired[Annotated[int, Field(default=10_000, ge=1)]]
    """Records that the group may be behind in one partition, for a quarter of an hour, before the alarm is raised."""


class KafkaStreamOptions(TypedDict):
    """What a user tunes of a ``KafkaStream``."""

    brokers: NotRequired[KafkaStreamBrokers]
    """Brokers of a provisioned cluster. Default: a serverless cluster."""
    topics: NotRequired[Annotated[dict[TopicName, KafkaStreamTopic], Keys(_TOPIC, "1 to 249 letters, digits and ._-"), Field(default={})]]
    """Topics by name, of a provisioned cluster. MSK Serverless has no API for topics: there a client creates them, with
    ``administrator_statements``. Whoever deploys needs ``kafka-cluster:Connect``, ``CreateTopic``, ``DescribeTopic``,
    ``DescribeTopicDynamicConfiguration``, ``AlterTopic``, ``AlterTopicDynamicConfiguration`` and ``DeleteTopic``."""
    consumer_groups: NotRequired[Annotated[dict[str, KafkaStreamGroup], ShortNames, Field(default={})]]
    """Consumer groups of clients that run elsewhere, by a name of your choice; each has an alarm on its lag."""
    deletion_protection: NotRequired[DeletionProtection]
    """Pulumi refuses to delete or replace the cluster and the topics, and AWS the idempotency tables: nothing is kept of their records."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the brokers' logs are kept. A serverless cluster has none."""
    failed_record_retention_days: NotRequired[Annotated[int, Field(default=30, ge=1)]]
    """Days that a new bucket keeps failed records."""


class KafkaStreamArgs(KafkaStreamOptions):
    """Arguments of ``KafkaStream``: its options, and where it stands."""

    cluster_arn: NotRequired[pulumi.Input[str]]
    """A cluster to adopt, with IAM authentication: topics, consumers and alarms are added, and the cluster is not changed. For consumers
    its security group admits itself on port 9098, and allows port 443 to S3. Exactly one of ``cluster_arn`` and
    ``subnet_ids_by_zone``."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZone]
    """Private subnets by zone: two or three for standard brokers, three for Express brokers, two to six for a serverless cluster.
    Exactly one of ``cluster_arn`` and ``subnet_ids_by_zone``."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """VPC of a new security group. Exactly one of ``vpc_id`` and ``security_group_ids`` with a new cluster."""
    client_security_group_ids: NotRequired[Annotated[dict[str, pulumi.Input[str]], ShortNames, Field(default={})]]
    """Security groups of the clients, by a name of your choice. The new group admits these and nobody else, on port 9098, and each gets a
    rule that lets it reach the brokers. Needs ``vpc_id``."""
    s3_prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list of the VPC's gateway endpoint for S3, through which the pollers keep failed records. Needed with ``vpc_id`` and
    ``consumers``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups that admit the clients on port 9098 and nobody else. With ``consumers`` one admits itself on 9098, where the pollers
    stand, and allows port 443 to S3. Exactly one of ``vpc_id`` and ``security_group_ids`` with a new cluster."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the brokers' disks and logs, and of the consumers' logs, environment, tables and failed records; its policy must let
    CloudWatch Logs use it. A serverless cluster itself takes none: AWS's own key encrypts it. Default: a new key."""
    consumers: NotRequired[Annotated[dict[str, KafkaStreamConsumer], ShortNames, Field(default={})]]
    """Lambda functions that read topics, by name. The subnets need the VPC's gateway endpoint for S3."""
    failed_record_bucket_arn: NotRequired[BucketArn]
    """Bucket for the records that ``consumers`` failed to process, each kept whole. Default: a new one, where there are consumers."""
    failed_record_kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts ``failed_record_bucket_arn``. Default: S3 encrypts it by itself."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the access logs of the new bucket for failed records. Default: a new one."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of brokers that fail or are full, of lag, and of records that consumers failed to process."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
