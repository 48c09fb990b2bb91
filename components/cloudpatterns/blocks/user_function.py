"""Lambda functions with the user's own code, see ``FunctionOptions``, or that the user has already."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.function import errors_alarm
from cloudpatterns.blocks.layer import runtime_layer
from cloudpatterns.blocks.log_group import log_group
from cloudpatterns.blocks.role import role_policies, service_role
from cloudpatterns.blocks.table import idempotency_table, item_statements
from cloudpatterns.core import (
    Component,
    ExistingFunction,
    FunctionOptions,
    Statement,
    after,
    document,
    iam_statement,
    partition_of,
    region_of,
)

# AWS's public layers of Powertools for AWS Lambda, pinned. One account publishes them in a partition, in GovCloud one for each Region.
# https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/
# https://docs.aws.amazon.com/powertools/typescript/latest/getting-started/lambda-layers/
_POWERTOOLS_PYTHON_VERSION, _POWERTOOLS_NODE_VERSION = 27, 40
_POWERTOOLS_PYTHON_ACCOUNT, _POWERTOOLS_NODE_ACCOUNT = "017000801446", "094274105915"
_POWERTOOLS_ACCOUNTS_ELSEWHERE = {"aws-cn": "498634801083", "us-gov-west-1": "165087284144", "us-gov-east-1": "165093116878"}


class UserFunction(NamedTuple):
    """A function; the ARN is available after the rights of its role."""

    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    """Name for permissions and metrics, without an alias."""
    role_arn: pulumi.Output[str]
    """Empty for a function that was there."""
    timeout_seconds: int
    function: aws.lambda_.Function | None
    """None for a function that was there."""
    idempotency_table_name: pulumi.Output[str]
    """Empty without such a table."""


class Idempotency(NamedTuple):
    """A table for Powertools' idempotency, by the name of the child."""

    child_name: str
    deletion_protection: bool


def user_function(
    component: Component,
    child_name: str,
    options: FunctionOptions | None,
    existing: ExistingFunction | None = None,
    *,
    description: str,
    statements: Sequence[Statement],
    environment: Mapping[str, pulumi.Input[str]] | None = None,
    idempotency: Idempotency | None = None,
    kms_key_arn: pulumi.Input[str],
    alarm_topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> UserFunction:
    """The user's function by its checked options, or the existing one, as children of ``component``.

    Its role may do what ``statements`` and the options say. The key encrypts environment variables and, by a policy that admits CloudWatch
    Logs (``logs_statement``), the log group. An alarm is raised, where there are topics, when invocations fail for five minutes. A new
    function with ``idempotency`` finds the name of its table in ``IDEMPOTENCY_TABLE``.
    """
    if options is None:
        assert existing is not None, "either options or an existing function is given"
        return _existing(component, child_name, existing, statements)
    group = log_group(component, f"{child_name}-logs", options["log_retention_days"], kms_key_arn=kms_key_arn, tags=tags)
    records = None
    if idempotency is not None:
        protected = idempotency.deletion_protection
        records = idempotency_table(component, idempotency.child_name, kms_key_arn=kms_key_arn, deletion_protection=protected, tags=tags)
    given = {**options["environment"], **(environment or {})}
    records_name = pulumi.Output.from_input("") if records is None else records.name
    if records is not None:
        statements = [*statements, *item_statements(records.arn, kms_key_arn, sid="Idempotency")]
        given["IDEMPOTENCY_TABLE"] = records.name
    role_arn, rights = _role(component, child_name, options, [*statements, *_own_statements(options, group, kms_key_arn)], tags)
    function = aws.lambda_.Function(
        child_name,
        description=description,
        role=after(role_arn, *rights),
        architectures=[options["architecture"]],
        timeout=options["timeout_seconds"],
        memory_size=options["memory_mib"],
        ephemeral_storage={"size": options["ephemeral_storage_mib"]},
        environment={"variables": {"POWERTOOLS_SERVICE_NAME": child_name, **given}},
        kms_key_arn=kms_key_arn,
        layers=_layers(component, child_name, options, group.arn) or None,
        reserved_concurrent_executions=options.get("reserved_concurrency"),
        tracing_config={"mode": "Active" if options["tracing"] else "PassThrough"},
        code_signing_config_arn=options.get("code_signing_config_arn"),
        logging_config={
            "log_format": "JSON",
            "log_group": group.name,
            "application_log_level": options["log_level"],
            "system_log_level": "INFO",
        },
        tags=tags,
        opts=component.child(),
        **_code(options),
        **_network(options),
    )
    if alarm_topic_arns:
        errors_alarm(component, child_name, function, alarm_topic_arns, tags)
    return UserFunction(function.arn, function.name, role_arn, options["timeout_seconds"], function, records_name)


def pattern_options(folder: Path, log_retention_days: int, *, timeout_seconds: int = 30) -> FunctionOptions:
    """A pattern's own code as a user's function would be: ``handler`` of ``index.py`` in the folder, with the runtime library.

    It has half a core, so that it starts within a second.
    """
    return {
        "code": pulumi.AssetArchive({"index.py": pulumi.FileAsset(str(folder / "index.py"))}),
        "runtime": "python3.13",
        "handler": "index.handler",
        "architecture": "arm64",
        "memory_mib": 512,
        "timeout_seconds": timeout_seconds,
        "ephemeral_storage_mib": 512,
        "environment": {},
        "statements": [],
        "managed_policy_arns": {},
        "layers": [],
        "powertools": False,
        "runtime_library": True,
        "tracing": False,
        "log_level": "INFO",
        "log_retention_days": log_retention_days,
    }


def function_names(options: FunctionOptions | None, suffix: str) -> dict[str, int]:
    """Suffixes of the children of ``user_function`` with AWS's limits for their names, for ``begin``."""
    return {} if options is None else {suffix: 64, f"{suffix}-role": 64}


def _existing(component: Component, child_name: str, existing: ExistingFunction, statements: Sequence[Statement]) -> UserFunction:
    arn = pulumi.Output.from_input(existing["arn"])
    role_name = existing.get("role_name")
    # IAM refuses a policy without statements.
    if role_name is not None and statements:
        policy = aws.iam.RolePolicy(f"{child_name}-policy", role=role_name, policy=document(*statements), opts=component.child())
        arn = after(arn, policy)
    nothing = pulumi.Output.from_input("")
    return UserFunction(arn, arn.apply(lambda text: text.split(":")[6]), nothing, existing["timeout_seconds"], None, nothing)


def _own_statements(options: FunctionOptions, group: aws.cloudwatch.LogGroup, kms_key_arn: pulumi.Input[str]) -> list[Statement]:
    """What every function needs: its log, its key and, by choice, traces."""
    trace = Statement(sid="Trace", actions=["xray:PutTelemetryRecords", "xray:PutTraceSegments"], resources=["*"])
    return [
        *[iam_statement(statement) for statement in options["statements"]],
        Statement(sid="Log", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[pulumi.Output.concat(group.arn, ":*")]),
        Statement(sid="Environment", actions=["kms:Decrypt"], resources=[kms_key_arn]),
        # Neither has resource types.
        *([trace] if options["tracing"] else []),
    ]


def _role(
    component: Component,
    child_name: str,
    options: FunctionOptions,
    statements: Sequence[Statement],
    tags: Mapping[str, pulumi.Input[str]],
) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
    """The ARN of the new or existing role, and its policies."""
    # Lambda's own policy for network interfaces: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    network = {f"{child_name}-network": "service-role/AWSLambdaENIManagementAccess"} if options.get("subnet_ids_by_zone") else {}
    rights = {f"{child_name}-policy": statements}
    existing = options.get("existing_role_arn")
    if existing is None:
        made = service_role(
            component,
            f"{child_name}-role",
            "lambda.amazonaws.com",
            f"What the function {child_name} may do",
            statements=rights,
            managed_policies=network,
            permissions_boundary_arn=options.get("permissions_boundary_arn"),
            tags=tags,
        )
        arn, name, policies = made.role.arn, made.role.name, made.policies
    else:
        arn = pulumi.Output.from_input(existing)
        # Without the path of the role, which policies do not name.
        name = arn.apply(lambda text: text.rpartition("/")[2])
        policies = role_policies(component, name, arn, rights, network)
    attachments: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(f"{child_name}-policy-{key}", role=name, policy_arn=policy_arn, opts=component.child())
        for key, policy_arn in options["managed_policy_arns"].items()
    ]
    return arn, [*policies, *attachments]


def _code(options: FunctionOptions) -> dict[str, Any]:
    image = options.get("image_uri")
    if image is not None:
        return {"package_type": "Image", "image_uri": image}
    return {"code": options["code"], "runtime": options["runtime"], "handler": options["handler"]}


def _network(options: FunctionOptions) -> dict[str, Any]:
    subnets = options.get("subnet_ids_by_zone")
    if subnets is None:
        return {}
    return {"vpc_config": {"subnet_ids": [*subnets.values()], "security_group_ids": options["security_group_ids"]}}


def _layers(component: Component, child_name: str, options: FunctionOptions, regional_arn: pulumi.Input[str]) -> list[pulumi.Input[str]]:
    if options.get("image_uri") is not None:
        return []
    layers: list[pulumi.Input[str]] = []
    if options["powertools"]:
        layers.append(_powertools(options["runtime"], options["architecture"], regional_arn))
    if options["runtime_library"]:
        layers.append(runtime_layer(component, f"{child_name}-library").arn)
    return [*layers, *options["layers"]]


def _powertools(runtime: str, architecture: str, regional_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    def arn(parts: list[str]) -> str:
        partition, region = parts
        if runtime.startswith("python"):
            account = _POWERTOOLS_PYTHON_ACCOUNT
            name = f"AWSLambdaPowertoolsPythonV3-{runtime.replace('.', '')}-{architecture}:{_POWERTOOLS_PYTHON_VERSION}"
        else:
            account, name = _POWERTOOLS_NODE_ACCOUNT, f"AWSLambdaPowertoolsTypeScriptV2:{_POWERTOOLS_NODE_VERSION}"
        account = _POWERTOOLS_ACCOUNTS_ELSEWHERE.get(region, _POWERTOOLS_ACCOUNTS_ELSEWHERE.get(partition, account))
        return f"arn:{partition}:lambda:{region}:{account}:layer:{name}"

    return pulumi.Output.all(partition_of(regional_arn), region_of(regional_arn)).apply(arn)
