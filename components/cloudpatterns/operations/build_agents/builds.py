"""Projects of CodeBuild: a machine for each build, and none in between."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, service_role
from cloudpatterns.blocks.fargate import image_statements
from cloudpatterns.core import Component, Statement, account_of, iam_statement, partition_of, region_of
from cloudpatterns.operations.build_agents.arguments import RELEASED, BuildArgs, is_of_codebuild
from cloudpatterns.storage import DurableBucket

_CODEBUILD = "codebuild.amazonaws.com"
_PERIOD_SECONDS = 300


class BuildPlace(NamedTuple):
    """What all builds of a component share."""

    bucket: DurableBucket
    log_group: aws.cloudwatch.LogGroup
    kms_key_arn: pulumi.Output[str]
    vpc_id: pulumi.Input[str] | None
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_ids: Sequence[pulumi.Input[str]]
    permissions_boundary_arn: pulumi.Input[str] | None
    tags: Mapping[str, pulumi.Input[str]]


def build_project(component: Component, name: str, key: str, build: BuildArgs, place: BuildPlace) -> aws.codebuild.Project:
    """A project with its role and, where there is one, its webhook."""
    role = service_role(
        component,
        f"{name}-role",
        _CODEBUILD,
        f"Builds {name}",
        statements={f"{name}-policy": _statements(key, build, place)},
        conditions={"StringEquals": {"aws:SourceAccount": account_of(place.log_group.arn)}},
        permissions_boundary_arn=place.permissions_boundary_arn,
        tags=place.tags,
    )
    source = build["source"]
    git = {"report_build_status": True, "git_clone_depth": 1} if build.get("webhook") is not None else {}
    connection = source.get("connection_arn")
    vpc: Any = {"vpc_id": place.vpc_id, "subnets": place.subnet_ids, "security_group_ids": place.security_group_ids}
    variables: list[Any] = [{"name": one, "value": value} for one, value in build["variables"].items()]
    variables += [{"name": one, "value": arn, "type": "SECRETS_MANAGER"} for one, arn in build["secrets"].items()]
    own_image = not is_of_codebuild(build["image"])
    project = aws.codebuild.Project(
        name,
        description=f"Builds {name} on demand",
        service_role=role.arn,
        source={
            "type": source["type"],
            "location": source.get("location"),
            "buildspec": source.get("buildspec"),
            **({} if connection is None else {"auth": {"type": "CODECONNECTIONS", "resource": connection}}),
            **git,
        },
        source_version=source.get("branch"),
        artifacts={"type": "NO_ARTIFACTS"},
        environment={
            "type": build["environment_type"],
            "compute_type": build["compute_type"],
            "image": build["image"],
            "image_pull_credentials_type": "SERVICE_ROLE" if own_image else "CODEBUILD",
            "privileged_mode": build["docker"] or None,
            "environment_variables": variables,
        },
        # A folder for each: what one build leaves, another does not run.
        cache={"type": "S3", "location": pulumi.Output.concat(place.bucket.bucket_name, "/cache/", key)},
        logs_config={"cloudwatch_logs": {"group_name": place.log_group.name, "stream_name": key}},
        encryption_key=place.kms_key_arn,
        vpc_config=None if place.vpc_id is None else vpc,
        build_timeout=build["timeout_minutes"],
        concurrent_build_limit=build.get("most_concurrent"),
        tags=place.tags,
        opts=component.child(),
    )
    _webhook(component, name, build, project)
    return project


def build_alarms(
    component: Component,
    name: str,
    project: aws.codebuild.Project,
    most: tuple[int, int],
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """Alarms on more failed builds than ``most[0]``, and on builds that wait for longer than ``most[1]`` minutes."""
    failed, minutes = most
    for suffix, metric, statistic, threshold, words in (
        ("failed", "FailedBuilds", "Sum", failed, "builds fail; their logs say why"),
        (
            "queued",
            "QueuedDuration",
            "Maximum",
            60 * minutes,
            "builds wait for a machine: the account has as many at once as its quota allows",
        ),
    ):
        alarm(
            component,
            f"{name}-{suffix}",
            f"{name}: {words}",
            Metric("AWS/CodeBuild", metric, {"ProjectName": project.name}, statistic),
            threshold,
            period_seconds=_PERIOD_SECONDS,
            actions=topic_arns,
            tags=tags,
        )


def _webhook(component: Component, name: str, build: BuildArgs, project: aws.codebuild.Project) -> None:
    webhook = build.get("webhook")
    if webhook is None:
        return
    actors = {"type": "ACTOR_ACCOUNT_ID", "pattern": webhook["actor_pattern"]}
    branches = {"type": "HEAD_REF", "pattern": webhook["branch_pattern"]}
    pushes = [event for event in webhook["events"] if event != RELEASED]
    # All filters of a group must fit, and one group is enough. A release has no branch, and that filter would fit none.
    groups: Any = []
    if pushes:
        groups.append({"filters": [{"type": "EVENT", "pattern": ", ".join(pushes)}, actors, branches]})
    if RELEASED in webhook["events"]:
        groups.append({"filters": [{"type": "EVENT", "pattern": RELEASED}, actors]})
    aws.codebuild.Webhook(f"{name}-webhook", project_name=project.name, build_type="BUILD", filter_groups=groups, opts=component.child())


def _statements(key: str, build: BuildArgs, place: BuildPlace) -> list[Statement]:
    bucket_arn, group_arn = place.bucket.bucket_arn, place.log_group.arn
    secrets, keys, connection = [*build["secrets"].values()], build["secret_kms_key_arns"], build["source"].get("connection_arn")
    connections = [f"{service}:{action}" for service in ("codeconnections", "codestar-connections") for action in _CONNECTION_ACTIONS]
    read = [] if not secrets else [Statement(sid="Secrets", actions=["secretsmanager:GetSecretValue"], resources=secrets)]
    return [
        Statement(sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[pulumi.Output.concat(group_arn, ":*")]),
        Statement(
            sid="Cache",
            actions=["s3:GetObject", "s3:PutObject"],
            resources=[pulumi.Output.concat(bucket_arn, f"/cache/{key}"), pulumi.Output.concat(bucket_arn, f"/cache/{key}/*")],
        ),
        Statement(sid="Key", actions=[f"kms:{action}" for action in _KEY_ACTIONS], resources=[place.kms_key_arn]),
        *read,
        *image_statements([build["image"]], group_arn),
        *([Statement(sid="SecretKeys", actions=["kms:Decrypt"], resources=keys)] if keys else []),
        *([] if connection is None else [Statement(sid="Connection", actions=connections, resources=[connection])]),
        *(_network_statements(place) if place.vpc_id is not None else []),
        *[iam_statement(one) for one in build["statements"]],
    ]


# https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-kms.html
_KEY_ACTIONS = ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey*", "ReEncrypt*")
_CONNECTION_ACTIONS = ("GetConnection", "GetConnectionToken", "UseConnection")
_DESCRIBED = ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")


def _network_statements(place: BuildPlace) -> list[Statement]:
    """An interface for each build: https://docs.aws.amazon.com/codebuild/latest/userguide/vpc-support.html."""
    arn = place.log_group.arn
    here = pulumi.Output.concat("arn:", partition_of(arn), ":ec2:", region_of(arn), ":", account_of(arn), ":")
    subnets = [pulumi.Output.concat(here, "subnet/", one) for one in place.subnet_ids]
    groups = [pulumi.Output.concat(here, "security-group/", one) for one in place.security_group_ids]
    interfaces = pulumi.Output.concat(here, "network-interface/*")
    own = {"ArnEquals": {"ec2:Subnet": subnets}}
    return [
        Statement(sid="Describe", actions=[f"ec2:Describe{one}" for one in _DESCRIBED], resources=["*"]),
        Statement(sid="Interface", actions=["ec2:CreateNetworkInterface"], resources=[*subnets, *groups, interfaces]),
        Statement(sid="EndInterface", actions=["ec2:DeleteNetworkInterface"], resources=[interfaces], conditions=own),
        Statement(
            sid="GiveInterface",
            actions=["ec2:CreateNetworkInterfacePermission"],
            resources=[interfaces],
            conditions={"StringEquals": {"ec2:AuthorizedService": _CODEBUILD}, **own},
        ),
    ]
