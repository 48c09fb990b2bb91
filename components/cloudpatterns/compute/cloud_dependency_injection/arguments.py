"""The arguments of ``CloudDependencyInjection``, and the rules over several of them."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired

import pulumi
from pydantic import Field

from cloudpatterns.compute.scale_out.arguments import ScaleOutArgs, ScaleOutOptions
from cloudpatterns.compute.scale_out.component import ScaleOut
from cloudpatterns.core import (
    ArgumentError,
    Keys,
    Matches,
    Problem,
    WorkloadStatementArgs,
    declared,
    excludes,
    pick,
    statement_problems,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, SecurityGroupIds, SubnetIdsByZone, Tags

_Part = Annotated[str, Matches(r"[A-Za-z0-9_-]{1,64}", "1 to 64 letters, digits, hyphens and underscores such as web")]
ROLE_TAGS = ("app", "env", "role")
"""Tags that say where the configuration is, in the order of the path."""
_MOST_PARAMETER_BYTES = 4096


class CloudDependencyInjectionOptions(ScaleOutOptions):
    """Which configuration the instances read, how often, and what they are."""

    app: _Part
    """The application: the tag ``app``, and the first part of the path. It cannot begin with ``aws`` or ``ssm``."""
    env: _Part
    """The environment: the tag ``env``, and the second part of the path."""
    role: _Part
    """What the instances do: the tag ``role``, and the third part of the path."""
    parameters: NotRequired[
        Annotated[
            dict[str, pulumi.Input[str]],
            Keys("[A-Z_][A-Z0-9_]*", "capital letters, digits and underscores such as DATABASE_HOST"),
            Field(default={}),
        ]
    ]
    """Configuration to keep as SecureString parameters ``/app/env/role/<name>``, of at most 4 KB each; the state has them encrypted. Others
    may write more there. Not with ``bucket_name``."""
    unit: NotRequired[Annotated[str, Matches(r"[A-Za-z0-9:_.@-]+\.service", "the name of a systemd service such as shop.service")]]
    """systemd service that is restarted after a change; it has ``EnvironmentFile=/etc/cloudpatterns/configuration.env``. With
    ``After=cloudpatterns-configuration.service`` it starts at a later boot once the configuration was read. Default: none."""
    refresh_minutes: NotRequired[Annotated[int, Field(default=5, ge=1, le=1440)]]
    """Time between two looks at the configuration."""


class CloudDependencyInjectionArgs(CloudDependencyInjectionOptions):
    """Arguments of ``CloudDependencyInjection``."""

    subnet_ids_by_zone: SubnetIdsByZone
    """Private subnets, one per zone. Two zones or more, unless ``single_zone``. They reach Systems Manager, or S3."""
    security_group_ids: SecurityGroupIds
    """Security groups of the instances."""
    single_zone: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a single zone is intended, such as for a licence server."""
    bucket_name: NotRequired[
        Annotated[
            pulumi.Input[str], Matches(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket, not its ARN, such as configuration")
        ]
    ]
    """Bucket whose object ``app/env/role/configuration.json`` is the configuration: names and values in JSON. Default: Parameter Store."""
    configuration_kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the parameters or the object. Its policy must let the account's roles use it. Default: the AWS managed key."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, which begins with ``#!``, or ``Bootstrap.user_data``; it runs after the configuration was read. Default:
    no script."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the instances may do beside Session Manager and their configuration, such as ``Bootstrap.read_statements()``; never another path
    of Parameter Store."""
    target_group_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Target groups to register with, see ``ScaleOut``."""
    load_balancer_arn_suffix: NotRequired[pulumi.Input[str]]
    """``app/<name>/<id>`` of the load balancer. Needed with ``requests_per_target``."""
    target_group_arn_suffix: NotRequired[pulumi.Input[str]]
    """``targetgroup/<name>/<id>`` of a target group that has a listener. Needed with ``requests_per_target``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the disks, see ``ScaleOut``. Default: the AWS managed key for EBS."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of bursts, of fewer instances than ``min_size``, and of instance refreshes that failed; at most four."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the instances, disks and network interfaces, beside ``app``, ``env``, ``role``, Name."""


def place_of(checked: CloudDependencyInjectionArgs) -> str:
    """Where the configuration is, without a slash at its ends."""
    return f"{checked['app']}/{checked['env']}/{checked['role']}"


def group(
    checked: CloudDependencyInjectionArgs, instance_profile_arn: pulumi.Input[str], user_data: pulumi.Input[str] | None
) -> ScaleOutArgs:
    """The arguments of the group."""
    given: Any = {
        **pick(checked, *declared(ScaleOutOptions)),
        **pick(checked, "subnet_ids_by_zone", "security_group_ids", "single_zone", "target_group_arns", "load_balancer_arn_suffix"),
        **pick(checked, "target_group_arn_suffix", "kms_key_arn", "alarm_topic_arns"),
        "instance_metadata_tags": True,
        "instance_profile_arn": instance_profile_arn,
        "user_data": user_data,
        "tags": {**checked["tags"], "app": checked["app"], "env": checked["env"], "role": checked["role"]},
    }
    return given


def problems(name: str, checked: CloudDependencyInjectionArgs) -> Iterator[Problem]:
    """What is wrong with the arguments."""
    if checked["app"].lower().startswith(("aws", "ssm")):
        yield "app", f"is {checked['app']!r}; names of parameters cannot begin with aws or ssm. Rename it."
    for key in ROLE_TAGS:
        if key in checked["tags"]:
            yield f"tags.{key}", f"is given; the argument {key} sets it. Remove it."
    for key, value in checked["parameters"].items():
        if isinstance(value, str):
            yield from ((f"parameters.{key}", reason) for reason in _value_problems(value))
    yield from excludes(checked, "bucket_name", "parameters", why="the configuration is in the bucket")
    yield from statement_problems(checked["statements"])
    try:
        ScaleOut.check(f"{name}-servers", group(checked, "arn", None))
    except ArgumentError as error:
        for path, reason in error.problems:
            # A name that is too long is reported by its own limit, and zones of another region are by the component's own arguments.
            if not (path == "name" and reason.startswith("has ")) and not path.startswith("subnet_ids_by_zone."):
                yield path, reason


def _value_problems(value: str) -> Iterator[str]:
    """What Parameter Store refuses of a value, which is never shown.

    https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
    """
    if not 1 <= (size := len(value.encode())) <= _MOST_PARAMETER_BYTES:
        yield f"has {size:,} bytes; a standard parameter has 1 to {_MOST_PARAMETER_BYTES:,}. Shorten it, remove it, or use bucket_name."
    if re.search(r"\{\{.*\}\}", value, re.DOTALL):
        yield "has text between {{ and }}, which Parameter Store refuses. Change it, or use bucket_name."
