"""Arguments of ``SearchIndex``: the options that a user tunes, and what it stands among."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, Matches, Unique
from cloudpatterns.core.vocabulary import (
    SHORT_NAME,
    SHORT_NAME_WORDS,
    AlarmTopicArns,
    DeletionProtection,
    KmsKeyArn,
    LogRetentionDays,
    RoleArn,
    SecurityGroupIds,
    SubnetIdsByZone,
    Tags,
)

_RoleArns = Annotated[dict[str, RoleArn], Keys(SHORT_NAME, SHORT_NAME_WORDS), Field(default={}, max_length=20)]
_NodeType = Annotated[str, Matches(r"[a-z0-9]+\.[a-z0-9]+\.search", "an instance type of OpenSearch such as r7g.large.search")]
# https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scaling.html
_Ocus = Annotated[int, Choice(2, 4, 8, 16, 32, 48, 64, 80, 96), Field(default=8)]


class SearchIndexDomainArgs(TypedDict):
    """Servers that are always there: for steady use."""

    engine_version: Annotated[str, Matches(r"OpenSearch_\d+\.\d+", "a version such as OpenSearch_3.1")]
    """Version of the engine. A higher one upgrades the domain in place; there is no way back."""
    instance_type: NotRequired[Annotated[_NodeType, Field(default="r7g.large.search")]]
    """Instance type of the data nodes: one with EBS volumes, not with disks of its own."""
    instance_count: NotRequired[Annotated[int, Field(default=3, ge=1, le=80)]]
    """Data nodes, at least one for each zone."""
    volume_gib: NotRequired[Annotated[int, Field(default=100, ge=10, le=24_576)]]
    """Size of the gp3 volume of each data node."""
    dedicated_masters: NotRequired[Annotated[bool, Field(default=True)]]
    """Three nodes of ``master_instance_type`` that keep the cluster's state and no data."""
    master_instance_type: NotRequired[Annotated[_NodeType, Field(default="m7g.large.search")]]
    """Instance type of the dedicated masters."""
    standby: NotRequired[Annotated[bool, Field(default=False)]]
    """Keeps the nodes of one of three zones idle, so that the loss of a zone moves no data; an index then needs copies in three zones."""
    off_peak_start: NotRequired[Annotated[str, Matches(r"([01]\d|2[0-3]):[0-5]\d", "a time in UTC such as 22:00"), Field(default="22:00")]]
    """When the ten hours begin, in UTC, in which updates may be installed."""


class SearchIndexCollectionArgs(TypedDict):
    """A serverless collection, which costs nothing but storage while nobody searches: for use now and then."""

    type: NotRequired[Annotated[str, Choice("SEARCH", "TIMESERIES", "VECTORSEARCH"), Field(default="SEARCH")]]
    """What it is made for: full-text search, logs, or vectors. Another one replaces it, with its data."""
    max_search_ocus: NotRequired[_Ocus]
    """Most OpenSearch Compute Units for searches; from none up."""
    max_indexing_ocus: NotRequired[_Ocus]
    """Most OpenSearch Compute Units for writes; from none up."""
    existing_vpc_endpoint_id: NotRequired[
        Annotated[pulumi.Input[str], Matches(r"vpce-[0-9a-f]+", "the id of an endpoint such as vpce-0abc")]
    ]
    """An endpoint of OpenSearch Serverless that the VPC has already, which collections can share. Default: a new one."""


class SearchIndexOptions(TypedDict):
    """What a user tunes of a ``SearchIndex``."""

    domain: NotRequired[SearchIndexDomainArgs]
    """A domain. Exactly one of ``domain`` and ``collection``."""
    collection: NotRequired[SearchIndexCollectionArgs]
    """A serverless collection. Exactly one of ``domain`` and ``collection``."""
    index_patterns: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"[a-z0-9][a-z0-9_.-]*\*?|\*", "a name of an index, which may end in *, such as products-*")]],
            Unique(),
            Field(default=["*"], min_length=1, max_length=20),
        ]
    ]
    """Indexes that readers and writers reach."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that a domain's logs of errors, logins and slow requests are kept."""
    deletion_protection: NotRequired[DeletionProtection]
    """Pulumi refuses to delete or replace it; OpenSearch has no protection of its own."""
    create_service_linked_role: NotRequired[Annotated[bool, Field(default=False)]]
    """Creates the role with which domains reach VPCs, once in an account: all its stacks share it. Needed before its first domain. The role
    stays when the index goes, or this is False again."""


class SearchIndexArgs(SearchIndexOptions):
    """Arguments of ``SearchIndex``: its options, and what it stands among."""

    admin_role_arn: RoleArn
    """Role that creates indexes and grants rights in them: the master user of a domain. It may use Dashboards."""
    reader_role_arns: NotRequired[_RoleArns]
    """Roles that search, by a short name: each gets a policy for it. A function takes one that is there as ``existing_role_arn``."""
    writer_role_arns: NotRequired[_RoleArns]
    """Roles that search and write, by a short name: each gets a policy for it, as ``reader_role_arns`` do."""
    subnet_ids_by_zone: SubnetIdsByZone
    """Private or data subnets in one to three zones. Two zones are for two or more data nodes, three for three or more."""
    security_group_ids: SecurityGroupIds
    """Security groups that admit the callers on 443 and nobody else."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """VPC of the subnets. Needed for the new endpoint of a ``collection``. Default: a domain asks the subnets."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key for documents and logs; its policy must let CloudWatch Logs use it. Another one replaces the domain or
    collection, with its data. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of a domain that is red, full, or short of memory or processor, or of a collection that answers with errors."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
