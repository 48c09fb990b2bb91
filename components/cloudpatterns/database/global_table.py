"""A DynamoDB table that has a writable replica in each of several Regions.

Pattern: "Multi-Region Active-Active" (2025 guide).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import Metric, alarm, create_key, throttled_alarm
from cloudpatterns.core import (
    Component,
    Keys,
    Problem,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    excludes,
    is_given,
    table_problems,
    table_schema,
)
from cloudpatterns.core.tables import AttributeName, TableIndexes, TableKeyArgs
from cloudpatterns.core.vocabulary import AlarmTopicArns, DeletionProtection, KmsKeyArn, Region, Tags

_REGION = r"[a-z]{2}(-[a-z]+)+-\d"
# Regions that one strongly consistent table may be in.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
_REGION_SETS = (
    ("us-east-1", "us-east-2", "us-west-2"),
    ("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"),
    ("ap-northeast-1", "ap-northeast-2", "ap-northeast-3"),
)
_READ = ("BatchGetItem", "ConditionCheckItem", "DescribeTable", "GetItem", "Query", "Scan")
_WRITE = ("BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem")
_STREAM = ("DescribeStream", "GetRecords", "GetShardIterator")


class GlobalTableReplicaArgs(TypedDict):
    """A replica in another Region."""

    kms_key_arn: NotRequired[KmsKeyArn]
    """Its key, of its Region. Default: a new customer managed key there. Another key replaces the replica."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics of its Region, which its alarms notify."""


class GlobalTableOptions(TypedDict):
    """What a user tunes of a ``GlobalTable``."""

    partition_key: TableKeyArgs
    """Partition key. Another one replaces the table."""
    sort_key: NotRequired[TableKeyArgs]
    """Sort key. Another one replaces the table. Default: none."""
    indexes: NotRequired[TableIndexes]
    """Global secondary indexes by name. After the table exists, add or remove one in each update: DynamoDB builds one at a time."""
    ttl_attribute: NotRequired[AttributeName]
    """Attribute with the time, in seconds since 1970, after which DynamoDB deletes an item, within days; readers compare it themselves.
    Default: none. Not with ``strong_consistency``."""
    strong_consistency: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a write is in a second Region before it is acknowledged, so that strongly consistent reads see it in every Region. In three
    Regions of one set (United States, Europe, Asia), one of which may be the ``witness_region``; for ever. Without transactions and
    ``ttl_attribute``."""
    witness_region: NotRequired[Region]
    """Region that only stores the changes of a strongly consistent table with one replica: no endpoint, no storage cost. Needs
    ``strong_consistency``. Default: none, the table has two replicas."""
    recovery_days: NotRequired[Annotated[int, Field(default=35, ge=1, le=35)]]
    """Days back to which the table here can be restored. Replicas have AWS's own 35."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table and each replica."""


class GlobalTableArgs(GlobalTableOptions):
    """Arguments of ``GlobalTable``."""

    replicas: Annotated[
        dict[str, GlobalTableReplicaArgs], Keys(_REGION, "the form of an AWS Region such as eu-central-1"), Field(min_length=1)
    ]
    """Replicas by Region, beside the table in ``region``."""
    region: NotRequired[Region]
    """The table's own Region. Default: the provider's. Given, it is compared with those of the replicas before anything is created."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the table, of its Region. Default: a new customer managed key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics of the table's Region, which its alarms notify; see ``replicas`` for others."""
    tags: NotRequired[Tags]
    """Tags of the table, its replicas and every other child that takes some."""


class GlobalTable(Component):
    """A DynamoDB table on demand with a writable replica in each of several Regions (2025 guide, "Multi-Region Active-Active").

    Applications of each Region read and write the replica that is next to them, under the same name. Point-in-time recovery, deletion
    protection, a customer managed key of its own Region and the tags are set for each replica, as DynamoDB leaves all four out by default.

    The conflict rule: with eventual consistency, the write with the latest time wins, item by item, and the other is lost without a
    trace: let one Region own each item, or write in a way that any order is right. Conditions and transactions are judged in the Region of
    the request alone. With ``strong_consistency`` a write that collides with one of another Region fails instead
    (``ReplicatedWriteConflictException``), and is tried again.

    **Use when**: users of several continents write, or the loss of a Region must not stop writes.

    **Not when**: one Region is enough, or transactions span items of several Regions.

    **Cost drivers**: each write is paid in every Region, and so is the storage; traffic between Regions; one key in each.

    **Trade-offs**: eventual: milliseconds for a write, a second or two until other Regions see it. Strong: a round trip to the next Region.

    **Proven by**: controls ``dynamodb-point-in-time-recovery``, ``dynamodb-deletion-protection``; ``test_global_table.py``.
    """

    table_name: pulumi.Output[str]
    """Name of the table, the same in every Region."""
    table_arns: pulumi.Output[dict[str, str]]
    """ARNs of the table and its replicas by Region, that of the table under its own."""
    stream_arns: pulumi.Output[dict[str, str]]
    """ARNs of the streams of changes (new and old images) by Region. Each has the writes of all Regions: process one of them, or let each
    Region's consumer skip what is not its own."""
    kms_key_arns: pulumi.Output[dict[str, str]]
    """ARNs of the keys by Region."""

    def __init__(self, name: str, args: GlobalTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_problems, names={"table": 255})
        self._checked, tags = checked, checked["tags"]
        self._key_arn = self._key(f"{name}-key", checked.get("kms_key_arn"), checked.get("region"))
        self._replica_keys = {
            region: self._key(f"{name}-key-{region}", replica.get("kms_key_arn"), region) for region, replica in checked["replicas"].items()
        }
        table = aws.dynamodb.Table(
            f"{name}-table",
            region=checked.get("region"),
            billing_mode="PAY_PER_REQUEST",
            **table_schema(checked["partition_key"], checked.get("sort_key"), checked["indexes"], checked.get("ttl_attribute")),
            **self._replication(),
            stream_enabled=True,
            # What replication needs: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
            stream_view_type="NEW_AND_OLD_IMAGES",
            server_side_encryption={"enabled": True, "kms_key_arn": self._key_arn},
            point_in_time_recovery={"enabled": True, "recovery_period_in_days": checked["recovery_days"]},
            deletion_protection_enabled=checked["deletion_protection"],
            tags=tags,
            # A replica takes about as long as the table, and they follow one another.
            opts=self.child(custom_timeouts=pulumi.CustomTimeouts(create="2h", update="3h", delete="1h")),
        )
        self.table_name = table.name
        self._arns = [table.arn, *(replica_arn(region, table.arn) for region in checked["replicas"])]
        keys_by_region = {checked.get("region"): self._key_arn, **self._replica_keys}
        self._known = {
            region: (arn, pulumi.Output.from_input(key_arn))
            for (region, key_arn), arn in zip(keys_by_region.items(), self._arns, strict=True)
            if region is not None
        }
        arns = pulumi.Output.all(table.region, *self._arns)
        self.table_arns = arns.apply(lambda found: dict(zip((found[0], *checked["replicas"]), found[1:], strict=True)))
        streams = pulumi.Output.all(table.region, table.stream_arn, table.replicas)
        self.stream_arns = streams.apply(lambda found: _stream_arns(*found))
        keys = pulumi.Output.all(table.region, self._key_arn, pulumi.Output.all(**self._replica_keys))
        self.kms_key_arns = keys.apply(lambda found: {found[0]: found[1], **found[2]})
        self._alarms(name, table)
        self.register()

    def reader_statements(self, *regions: str) -> list[WorkloadStatementArgs]:
        """What a role needs to read items; without a Region in every one: an application that was moved to another one goes on.

        :raises ArgumentError: for a Region without the table, with those known.
        """
        return as_arguments(item_statements(*self._places(regions), write=False))

    def writer_statements(self, *regions: str) -> list[WorkloadStatementArgs]:
        """What a role needs to read and write items; without a Region in every one.

        :raises ArgumentError: for a Region without the table, with those known.
        """
        return as_arguments(item_statements(*self._places(regions), write=True))

    def stream_statements(self) -> list[WorkloadStatementArgs]:
        """What a function needs to read the streams of changes in every Region."""
        # Any stream of the table: it gets another one when streams are switched off and on.
        streams = [pulumi.Output.concat(arn, "/stream/*") for arn in self._arns]
        read = Statement(sid="GlobalTableStreams", actions=[f"dynamodb:{action}" for action in _STREAM], resources=streams)
        return as_arguments([read, self._key_use("GlobalTableStreamsKey")])

    def arns_in(self, *regions: str) -> dict[str, pulumi.Output[str]]:
        """ARNs of the table and its replicas in Regions of it; its own must be given by ``region``.

        :raises ArgumentError: for a Region without the table, with those known.
        """
        return {region: self.lookup(self._known, region, "regions", "a Region of it")[0] for region in regions}

    def key_arns_in(self, *regions: str) -> dict[str, pulumi.Output[str]]:
        """ARNs of its keys, as ``arns_in``."""
        return {region: self.lookup(self._known, region, "regions", "a Region of it")[1] for region in regions}

    def _places(self, regions: Sequence[str]) -> tuple[list[pulumi.Output[str]], list[pulumi.Output[str]]]:
        """The ARNs of the table and of its keys, in some Regions or all."""
        if regions:
            return [*self.arns_in(*regions).values()], [*self.key_arns_in(*regions).values()]
        return self._arns, [pulumi.Output.from_input(key_arn) for key_arn in (self._key_arn, *self._replica_keys.values())]

    def _key_use(self, sid: str) -> Statement:
        return Statement(sid=sid, actions=["kms:Decrypt"], resources=[self._key_arn, *self._replica_keys.values()])

    def _key(self, child_name: str, given: pulumi.Input[str] | None, region: str | None) -> pulumi.Input[str]:
        if given is not None:
            return given
        return create_key(self, child_name, f"Items of {self.pulumi_resource_name}", region=region, tags=self._checked["tags"])

    def _replication(self) -> dict[str, Any]:
        checked = self._checked
        strong = {"consistency_mode": "STRONG"} if checked["strong_consistency"] else {}
        replicas = [
            {
                "region_name": region,
                "kms_key_arn": key_arn,
                # To switch it later replaces a replica that has a key: https://github.com/hashicorp/terraform-provider-aws/pull/29102
                "point_in_time_recovery": True,
                "deletion_protection_enabled": checked["deletion_protection"],
                "propagate_tags": True,
                **strong,
            }
            for region, key_arn in self._replica_keys.items()
        ]
        witness = checked.get("witness_region")
        return {"replicas": replicas, **({} if witness is None else {"global_table_witness": {"region_name": witness}})}

    def _alarms(self, name: str, table: aws.dynamodb.Table) -> None:
        """In each Region that has topics: throttled requests and, with eventual consistency, the time that changes take to the others."""
        checked = self._checked
        places: dict[str | None, Sequence[pulumi.Input[str]]] = {checked.get("region"): checked["alarm_topic_arns"]}
        places |= {region: replica["alarm_topic_arns"] for region, replica in checked["replicas"].items()}
        for region, topics in places.items():
            own = next(iter(places)) == region
            suffix = "" if own else f"-{region}"
            if topics:
                description = f"DynamoDB throttles requests for {name} in each of five minutes"
                throttled_alarm(
                    self, f"{name}-throttled{suffix}", description, table.name, actions=topics, region=region, tags=checked["tags"]
                )
                for other in checked["replicas"] if own and not checked["strong_consistency"] else ():
                    self._late(f"{name}-late-{other}", table, other, topics)

    def _late(self, child_name: str, table: aws.dynamodb.Table, other: str, topics: Sequence[pulumi.Input[str]]) -> None:
        alarm(
            self,
            child_name,
            f"Changes of {self.pulumi_resource_name} reach {other} a minute late or later: what is written here now would be missing there",
            # Milliseconds: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
            Metric("AWS/DynamoDB", "ReplicationLatency", {"TableName": table.name, "ReceivingRegion": other}),
            60_000,
            periods=5,
            actions=topics,
            region=self._checked.get("region"),
            tags=self._checked["tags"],
        )


def item_statements(arns: Sequence[pulumi.Input[str]], key_arns: Sequence[pulumi.Input[str]], *, write: bool) -> list[Statement]:
    """What a role needs to read, and where asked to write, items of a table and its replicas."""
    places = [place for arn in arns for place in (arn, pulumi.Output.concat(arn, "/index/*"))]
    actions = sorted(f"dynamodb:{action}" for action in ((*_READ, *_WRITE) if write else _READ))
    items = Statement(sid="GlobalTable", actions=actions, resources=places)
    return [items, Statement(sid="GlobalTableKey", actions=["kms:Decrypt"], resources=[*key_arns])]


def replica_arn(region: str, arn: pulumi.Output[str]) -> pulumi.Output[str]:
    """The ARN of a replica, which differs from that of the table in the Region alone."""
    return arn.apply(partial(_in_region, region))


def _in_region(region: str, arn: str) -> str:
    return ":".join(region if index == 3 else part for index, part in enumerate(arn.split(":")))


def _stream_arns(region: str, own: str, replicas: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    # The ARN of a stream ends with the time of its beginning, which a preview does not know.
    others = {one["region_name"]: one["stream_arn"] for one in replicas or () if "stream_arn" in one}
    return {region: own, **others}


def _problems(checked: GlobalTableArgs) -> Iterator[Problem]:
    yield from table_problems(checked)
    region = checked.get("region")
    if region in checked["replicas"]:
        yield f"replicas.{region}", f"is {region!r}, the table's own Region. Name another one."
    yield from excludes(checked, "ttl_attribute", "strong_consistency", why="DynamoDB deletes no expired items of such a table")
    if is_given(checked, "witness_region") and not checked["strong_consistency"]:
        yield "strong_consistency", "is False; witness_region needs it. Set it to True, or remove witness_region."
    if checked["strong_consistency"]:
        yield from _strong_problems(checked)


def _strong_problems(checked: GlobalTableArgs) -> Iterator[Problem]:
    witness, replicas = checked.get("witness_region"), list(checked["replicas"])
    others = [*replicas, *([] if witness is None else [witness])]
    if witness in replicas:
        yield "witness_region", f"is {witness!r}, which has a replica. Name another Region, or remove it from replicas."
    elif len(others) != 2:
        found = "1 Region" if len(replicas) == 1 else f"{len(replicas)} Regions"
        yield (
            "replicas",
            f"has {found}{'' if witness is None else ' beside witness_region'}; a strongly consistent table is in exactly "
            "three: its own and two replicas, or its own, one replica and witness_region.",
        )
    regions = [*others, *([] if (own := checked.get("region")) is None else [own])]
    if not any(set(regions) <= set(one) for one in _REGION_SETS):
        sets = "; ".join(", ".join(one) for one in _REGION_SETS)
        yield "replicas", f"has {', '.join(sorted(set(regions)))}; a strongly consistent table is in Regions of one of these sets: {sets}."
