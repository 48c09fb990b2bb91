"""What both kinds of replicas have: where reads go, and how far behind a replica may be."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.database.read_replica.arguments import ReadReplicaArgs
from cloudpatterns.database.relational_database.engines import ENGINES


class Reads(NamedTuple):
    """Where reads go, and what a role needs to log in there."""

    host: pulumi.Output[str]
    connect_arns: list[pulumi.Output[str]]
    proxy_arn: pulumi.Input[str] = ""
    hosted_zone_id: pulumi.Input[str] = ""
    replicas: Mapping[str, aws.rds.Instance] = MappingProxyType({})


def max_lag_seconds(checked: ReadReplicaArgs) -> int:
    """The lag that the alarms allow, by engine where it is not given."""
    given, engine = checked.get("max_lag_seconds"), ENGINES[checked["engine"]]
    if given is not None:
        return given
    if engine.aurora:
        return 1
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.ReadReplicas.Monitor.html: time since the last
    # transaction, up to five minutes where nothing is written.
    return 60 if engine.mysql else 600
