"""Replicas of an RDS instance, weighted records in front of them, and the health checks that take a replica out."""

import hashlib
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, create_key, log_group, logs_statement
from cloudpatterns.core import Component, after
from cloudpatterns.database.read_replica.arguments import ReadReplicaArgs, ReadReplicaPlaceArgs
from cloudpatterns.database.read_replica.reads import Reads, max_lag_seconds
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.foundation import group_parameters, monitoring_role_arn
from cloudpatterns.database.relational_database.users import connect_arn

_MONITORING_SECONDS = 60
_RECORD_SECONDS = 5


def create_replicas(component: Component, name: str, checked: ReadReplicaArgs) -> Reads:
    """The replicas and their records."""
    role_arn = monitoring_role_arn(component, name, checked["database_arn"], checked["tags"])
    zone_id = _zone_id(component, name, checked)
    replicas: dict[str, aws.rds.Instance] = {}
    records: list[pulumi.Resource] = []
    for key, place in checked["replicas"].items():
        replicas[key] = _replica(component, f"{name}-{key}", checked, place, role_arn)
        records.append(
            aws.route53.Record(
                f"{name}-{key}-record",
                zone_id=zone_id,
                name=_record_name(checked),
                type="CNAME",
                ttl=_RECORD_SECONDS,
                records=[replicas[key].address],
                set_identifier=key,
                weighted_routing_policies=[{"weight": place["weight"]}],
                health_check_id=_health_check_id(component, f"{name}-{key}", checked, place, replicas[key]),
                opts=component.child(),
            )
        )
    user_name = checked["reader_user_name"]
    return Reads(
        host=after(_record_name(checked), *records),
        connect_arns=[connect_arn(one.arn, one.resource_id, user_name) for one in replicas.values()],
        hosted_zone_id=zone_id,
        replicas=replicas,
    )


def _record_name(checked: ReadReplicaArgs) -> str:
    record_name = checked.get("record_name")
    assert record_name is not None
    return record_name


def _zone_id(component: Component, name: str, checked: ReadReplicaArgs) -> pulumi.Input[str]:
    existing, vpc_id = checked.get("existing_hosted_zone_id"), checked.get("vpc_id")
    if existing is not None:
        return existing
    assert vpc_id is not None
    return aws.route53.Zone(
        f"{name}-zone",
        # A name cannot be an alias of others at the top of its zone.
        name=_record_name(checked).split(".", 1)[1],
        comment=f"Replicas of {name}",
        # Makes the zone private.
        vpcs=[{"vpc_id": vpc_id}],
        tags={"Name": name, **checked["tags"]},
        opts=component.child(),
    ).zone_id


def _replica(
    component: Component, child_name: str, checked: ReadReplicaArgs, place: ReadReplicaPlaceArgs, role_arn: pulumi.Output[str]
) -> aws.rds.Instance:
    engine, arn, region = ENGINES[checked["engine"]], pulumi.Output.from_input(checked["database_arn"]), place.get("region")
    own, common = place.get("instance_class"), checked.get("instance_class")
    instance_class = own if own is not None else common
    assert instance_class is not None
    elsewhere: dict[str, Any] = {} if region is None else _elsewhere(component, child_name, checked, place)
    key_arn = checked.get("kms_key_arn") if region is None else elsewhere["kms_key_id"]
    # Known before the replica is there, so that its log groups come first; of another source it is another one.
    identifier = arn.apply(lambda text: f"{child_name}-{hashlib.sha256(text.encode()).hexdigest()[:7]}")
    groups = [
        log_group(
            component,
            f"{child_name}-logs-{log}",
            checked["log_retention_days"],
            name=pulumi.Output.concat("/aws/rds/instance/", identifier, "/", log),
            kms_key_arn=key_arn,
            region=region,
            tags=checked["tags"],
        )
        for log in engine.default_logs
    ]
    groups_of = place.get("security_group_ids")
    insights = engine.has_insights(instance_class)
    return aws.rds.Instance(
        child_name,
        identifier=after(identifier, *groups),
        replicate_source_db=arn.apply(lambda text: text.split(":")[6]) if region is None else arn,
        instance_class=instance_class,
        availability_zone=place.get("zone"),
        storage_type="gp3",
        max_allocated_storage=checked.get("max_allocated_storage_gib"),
        storage_encrypted=True,
        vpc_security_group_ids=checked["security_group_ids"] if groups_of is None else groups_of,
        publicly_accessible=False,
        iam_database_authentication_enabled=True,
        auto_minor_version_upgrade=True,
        enabled_cloudwatch_logs_exports=list(engine.default_logs),
        monitoring_interval=_MONITORING_SECONDS,
        monitoring_role_arn=role_arn,
        # Without it the service takes the advanced mode, which is paid.
        database_insights_mode="standard",
        performance_insights_enabled=insights,
        performance_insights_kms_key_id=key_arn if insights else None,
        performance_insights_retention_period=7 if insights else None,
        copy_tags_to_snapshot=True,
        deletion_protection=checked["deletion_protection"],
        # RDS refuses a final snapshot of a replica; the data is the source's.
        skip_final_snapshot=True,
        **elsewhere,
        tags={"Name": child_name, **checked["tags"]},
        opts=component.child(
            protect=checked["deletion_protection"],
            # The name is fixed, so a replacement cannot stand beside the old one.
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create="4h", update="4h"),
        ),
    )


def _elsewhere(component: Component, child_name: str, checked: ReadReplicaArgs, place: ReadReplicaPlaceArgs) -> dict[str, Any]:
    """What a replica in another Region has of its own; in the Region of the source it takes the source's, and RDS refuses others."""
    region, subnets, given = place.get("region"), place.get("subnet_ids_by_zone"), place.get("kms_key_arn")
    engine, version = ENGINES[checked["engine"]], checked.get("engine_version")
    assert region is not None
    assert subnets is not None
    assert version is not None
    subnet_group = aws.rds.SubnetGroup(
        f"{child_name}-subnets",
        description=f"Data subnets of {child_name}",
        subnet_ids=list(subnets.values()),
        region=region,
        tags={"Name": child_name, **checked["tags"]},
        opts=component.child(),
    )
    parameters = aws.rds.ParameterGroup(
        f"{child_name}-parameters",
        description=f"Parameters of {child_name}",
        family=engine.family(version),
        parameters=group_parameters(engine, version, engine.default_logs, {}),  # ty: ignore[invalid-argument-type]
        region=region,
        tags=checked["tags"],
        opts=component.child(),
    )
    if given is None:
        given = create_key(
            component,
            f"{child_name}-key",
            f"Replica {child_name}",
            lambda key_arn: [logs_statement(key_arn, "/aws/rds/*")],
            region=region,
            tags=checked["tags"],
        )
    return {"region": region, "kms_key_id": given, "db_subnet_group_name": subnet_group.name, "parameter_group_name": parameters.name}


def _health_check_id(
    component: Component, child_name: str, checked: ReadReplicaArgs, place: ReadReplicaPlaceArgs, replica: aws.rds.Instance
) -> pulumi.Output[str]:
    """A health check that fails while the replica is too far behind, while its replication is broken, and while it says nothing."""
    most, region = max_lag_seconds(checked), place.get("region")
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.Monitoring.html: -1 where replication is not active
    behind = f"The replica {child_name} is more than {most} seconds behind, or says nothing, for five minutes: it gets no more readers"
    broken = f"Replication to {child_name} is broken, or the replica says nothing, for five minutes: it gets no more readers"
    kinds = {"lag": (behind, most, "GreaterThanThreshold"), "broken": (broken, 0, "LessThanThreshold")}
    checks = []
    for kind, (description, threshold, comparison) in kinds.items():
        # Two alarms: Route 53 reads alarms on a metric, and none on an expression.
        # https://docs.aws.amazon.com/Route53/latest/APIReference/API_AlarmIdentifier.html
        watch = alarm(
            component,
            f"{child_name}-{kind}",
            description,
            Metric("AWS/RDS", "ReplicaLag", {"DBInstanceIdentifier": replica.identifier}),
            threshold,
            comparison=comparison,
            periods=5,
            missing="breaching",
            # A topic is in the Region of the alarm.
            actions=checked["alarm_topic_arns"] if region is None else place["alarm_topic_arns"],
            region=region,
            tags=checked["tags"],
        )
        checks.append(
            aws.route53.HealthCheck(
                f"{child_name}-{kind}-check",
                type="CLOUDWATCH_METRIC",
                cloudwatch_alarm_name=watch.name,
                cloudwatch_alarm_region=replica.arn.apply(lambda arn: arn.split(":")[3]),
                insufficient_data_health_status="Unhealthy",
                # Route 53 keeps a copy of the alarm's settings.
                triggers={"threshold": str(threshold)},
                tags={"Name": f"{child_name}-{kind}", **checked["tags"]},
                opts=component.child(),
            )
        )
    return aws.route53.HealthCheck(
        f"{child_name}-check",
        type="CALCULATED",
        child_healthchecks=[check.id for check in checks],
        child_health_threshold=len(checks),
        tags={"Name": child_name, **checked["tags"]},
        opts=component.child(),
    ).id
