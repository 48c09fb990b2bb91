"""Readers of an Aurora cluster: autoscaling, a proxy whose endpoint reaches readers alone, and what is reported of both."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, log_group, pattern_function, service_role
from cloudpatterns.core import Component, Statement, account_of, after, partition_of, region_of
from cloudpatterns.database._shared import unique_name
from cloudpatterns.database.read_replica.arguments import ReadReplicaArgs
from cloudpatterns.database.read_replica.reads import Reads, max_lag_seconds
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.users import connect_arn

_FOLDER = Path(__file__).parent / "on_aws"
# What a reader of Aurora Auto Scaling is named, and tagged with:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Integrating.AutoScaling.html
_AUTOSCALED = "application-autoscaling-*"
_AUTOSCALED_TAG = "aws:ResourceTag/application-autoscaling:resourceId"


def create_readers(component: Component, name: str, checked: ReadReplicaArgs) -> Reads:
    """Autoscaling and the proxy of a cluster, with its alarms where there are topics."""
    cluster_id = pulumi.Output.from_input(checked["database_arn"]).apply(lambda arn: arn.split(":")[6])
    _scale(component, name, checked, cluster_id)
    return _proxy(component, name, checked, cluster_id)


def _scale(component: Component, name: str, checked: ReadReplicaArgs, cluster_id: pulumi.Output[str]) -> None:
    removal = _removal(component, name, checked, cluster_id)
    target = aws.appautoscaling.Target(
        f"{name}-readers",
        service_namespace="rds",
        scalable_dimension="rds:cluster:ReadReplicaCount",
        resource_id=pulumi.Output.concat("cluster:", cluster_id),
        min_capacity=checked["min_readers"],
        max_capacity=checked["max_readers"],
        tags=checked["tags"],
        # The other way round when they go: nothing adds readers any more while the last ones are removed.
        opts=component.child(depends_on=[removal]),
    )
    connections = checked.get("target_connections")
    metric = "RDSReaderAverageCPUUtilization" if connections is None else "RDSReaderAverageDatabaseConnections"
    aws.appautoscaling.Policy(
        f"{name}-readers-policy",
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "target_value": checked["target_cpu_percent"] if connections is None else connections,
            "predefined_metric_specification": {"predefined_metric_type": metric},
            "scale_in_cooldown": checked["scale_in_cooldown_seconds"],
            "scale_out_cooldown": checked["scale_out_cooldown_seconds"],
        },
        opts=component.child(),
    )


def _removal(component: Component, name: str, checked: ReadReplicaArgs, cluster_id: pulumi.Output[str]) -> aws.lambda_.Invocation:
    """What deletes autoscaling's readers when it is itself deleted: AWS leaves them, and refuses to delete a cluster that has some."""
    arn = checked["database_arn"]
    instances = pulumi.Output.concat("arn:", partition_of(arn), ":rds:", region_of(arn), ":", account_of(arn), ":db:")
    tag = pulumi.Output.concat("cluster:", cluster_id)
    remover = pattern_function(
        component,
        f"{name}-remover",
        _FOLDER,
        description=f"Deletes the readers that autoscaling added for {name}, when {name} is deleted",
        role_description=f"Deletes readers of {name}",
        statements=[
            Statement(sid="Cluster", actions=["rds:DescribeDBClusters", "rds:FailoverDBCluster"], resources=[arn]),
            Statement(sid="Instances", actions=["rds:DescribeDBInstances"], resources=[pulumi.Output.concat(instances, "*")]),
            Statement(
                sid="Readers",
                actions=["rds:DeleteDBInstance"],
                resources=[pulumi.Output.concat(instances, _AUTOSCALED)],
                conditions={"StringEquals": {_AUTOSCALED_TAG: tag}},
            ),
        ],
        memory_mib=256,
        timeout_seconds=900,
        log_retention_days=checked["log_retention_days"],
        tags=checked["tags"],
    )
    return aws.lambda_.Invocation(
        f"{name}-removal",
        function_name=remover.function.name,
        input=pulumi.Output.json_dumps({"cluster_id": cluster_id}),
        lifecycle_scope="CRUD",
        # Of another cluster the old one's readers go first, as the cluster does.
        opts=component.child(
            replace_on_changes=["input"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(delete="20m"),
        ),
    )


def _proxy(component: Component, name: str, checked: ReadReplicaArgs, cluster_id: pulumi.Output[str]) -> Reads:
    arn, user_name, tags = checked["database_arn"], checked["reader_user_name"], checked["tags"]
    resource_id, subnets = checked.get("resource_id"), checked.get("subnet_ids_by_zone")
    assert resource_id is not None
    assert subnets is not None
    role = service_role(
        component,
        f"{name}-proxy-role",
        "rds.amazonaws.com",
        f"Proxy of {name}: logs in to readers",
        # As one user, who reads: the proxy's own endpoint, which reaches the writer, takes no writes either.
        statements={
            f"{name}-proxy-policy": [
                Statement(sid="Connect", actions=["rds-db:connect"], resources=[connect_arn(arn, resource_id, user_name)]),
            ]
        },
        conditions={"StringEqualsIfExists": {"aws:SourceAccount": account_of(arn)}},  # AWS does not say that a proxy sends it.
        tags=tags,
    )
    identifier = unique_name(role.role.name, f"{name}-proxy-role", f"{name}-proxy")
    # One that the proxy creates by itself keeps its events for ever.
    group = log_group(
        component,
        f"{name}-proxy-logs",
        checked["log_retention_days"],
        name=pulumi.Output.concat("/aws/rds/proxy/", identifier),
        kms_key_arn=checked.get("kms_key_arn"),
        tags=tags,
    )
    network: Any = {
        "vpc_subnet_ids": [subnets[zone] for zone in sorted(subnets)],
        "vpc_security_group_ids": checked["security_group_ids"],
    }
    proxy = aws.rds.Proxy(
        f"{name}-proxy",
        name=after(identifier, group),
        engine_family="MYSQL" if ENGINES[checked["engine"]].mysql else "POSTGRESQL",
        role_arn=role.arn,
        # Clients log in to the proxy, and the proxy to readers, through IAM: there is no password.
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-iam-setup.html
        default_auth_scheme="IAM_AUTH",
        require_tls=True,
        debug_logging=False,
        **network,
        tags=tags,
        # The name is fixed, so a replacement cannot stand beside the old one.
        opts=component.child(delete_before_replace=True),
    )
    target = _target(component, name, checked, cluster_id, proxy)
    endpoint = aws.rds.ProxyEndpoint(
        f"{name}-proxy-endpoint",
        db_proxy_name=proxy.name,
        db_proxy_endpoint_name=pulumi.Output.concat(identifier, "-reads"),
        target_role="READ_ONLY",
        **network,
        tags=tags,
        opts=component.child(replacement_trigger=proxy.arn),
    )
    _report(component, name, checked, cluster_id, proxy)
    return Reads(after(endpoint.endpoint, target), [connect_arn(arn, _proxy_id(proxy.arn), user_name)], proxy.arn)


def _target(
    component: Component, name: str, checked: ReadReplicaArgs, cluster_id: pulumi.Output[str], proxy: aws.rds.Proxy
) -> aws.rds.ProxyTarget:
    pool = aws.rds.ProxyDefaultTargetGroup(
        f"{name}-proxy-pool",
        db_proxy_name=proxy.name,
        connection_pool_config={
            "max_connections_percent": checked["max_connections_percent"],
            "connection_borrow_timeout": checked["connection_borrow_timeout_seconds"],
        },
        opts=component.child(),
    )
    return aws.rds.ProxyTarget(
        f"{name}-proxy-target",
        db_proxy_name=proxy.name,
        target_group_name=pool.name,
        db_cluster_identifier=cluster_id,
        # A new proxy of the same name has no target.
        opts=component.child(replacement_trigger=proxy.arn),
    )


def _proxy_id(arn: pulumi.Output[str]) -> pulumi.Output[str]:
    """The id that IAM policies name a proxy by: ``prx-0123456789abcdef0``, the last part of its ARN."""
    return arn.apply(lambda text: text.split(":")[-1])


def _report(component: Component, name: str, checked: ReadReplicaArgs, cluster_id: pulumi.Output[str], proxy: aws.rds.Proxy) -> None:
    if not checked["alarm_topic_arns"]:
        return
    most = max_lag_seconds(checked)
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html: milliseconds
    lag = Metric("AWS/RDS", "AuroraReplicaLag", {"DBClusterIdentifier": cluster_id, "Role": "READER"}, "Maximum")
    alarm(
        component,
        f"{name}-lag",
        f"Readers of {name} are more than {most} seconds behind the writer, or no reader reports, for five minutes",
        # A negative lag, which means a broken replication where there is one, counts as above the limit.
        MetricMath(f"IF(lag < 0, {most * 1000 + 1}, lag)", {"lag": lag}),
        most * 1000,
        periods=5,
        # No data: no reader is there.
        missing="breaching",
        actions=checked["alarm_topic_arns"],
        tags=checked["tags"],
    )
    alarm(
        component,
        f"{name}-proxy-unavailable",
        f"The proxy of {name} reaches no reader for five minutes: reads fail",
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.monitoring.html
        Metric("AWS/RDS", "AvailabilityPercentage", {"ProxyName": proxy.name, "TargetGroup": "default", "TargetRole": "READ_ONLY"}),
        100,
        comparison="LessThanThreshold",
        periods=5,
        # The metric begins with the first connection.
        missing="notBreaching",
        actions=checked["alarm_topic_arns"],
        tags=checked["tags"],
    )
