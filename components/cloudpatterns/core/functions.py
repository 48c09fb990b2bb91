"""A function of the user's own as an argument: wherever a pattern runs code in Lambda, it takes a ``FunctionOptions``."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core.arguments import Problem
from cloudpatterns.core.limits import Choice, Keys, Matches
from cloudpatterns.core.rules import excludes, is_given, needs, one_of
from cloudpatterns.core.statements import WorkloadStatementArgs, statement_problems
from cloudpatterns.core.vocabulary import FunctionArn, LogRetentionDays, RoleArn, SecurityGroupIds, SubnetIdsByZone

RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14", "nodejs22.x", "nodejs24.x")
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
FUNCTION_NAME_LENGTH = 64
"""https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
_MOST_LAYERS = 5
_RESERVED = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "_HANDLER", "TZ")
# Of the code's archive alone; an image holds all of it.
_OF_ARCHIVES = ("runtime", "handler", "layers", "runtime_library")

_Environment = Annotated[
    dict[str, pulumi.Input[str]],
    Keys("[a-zA-Z][a-zA-Z0-9_]+", "two or more letters, digits and _, a letter first"),
    Field(default={}),
]


class FunctionOptions(TypedDict):
    """A Lambda function of the user's own: its code, and what it may use."""

    code: NotRequired[pulumi.Archive]
    """A folder or archive with the code, such as ``pulumi.FileArchive("app")``. Exactly one of ``code`` and ``image_uri``."""
    image_uri: NotRequired[pulumi.Input[str]]
    """A container image in a private ECR repository of the Region, best by its digest. Exactly one of ``code`` and ``image_uri``."""
    runtime: NotRequired[Annotated[str, Choice(*RUNTIMES), Field(default="python3.13")]]
    """Runtime of ``code``."""
    handler: NotRequired[
        Annotated[str, Matches(r"[^\s]{1,128}", "a module and a function in it such as index.handler"), Field(default="index.handler")]
    ]
    """The function in ``code`` that Lambda calls."""
    architecture: NotRequired[Annotated[str, Choice("arm64", "x86_64"), Field(default="arm64")]]
    """Instruction set of the code or image."""
    memory_mib: NotRequired[Annotated[int, Field(default=256, ge=128, le=10_240)]]
    """Memory; the share of the CPU follows it."""
    timeout_seconds: NotRequired[Annotated[int, Field(default=30, ge=1, le=900)]]
    """Longest invocation."""
    ephemeral_storage_mib: NotRequired[Annotated[int, Field(default=512, ge=512, le=10_240)]]
    """Size of ``/tmp``."""
    environment: NotRequired[_Environment]
    """Environment variables. No secrets: anyone who may read the function's configuration sees them. Pass a secret's ARN instead."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the function may do, beside what the pattern itself needs of it."""
    managed_policy_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=10)]]
    """Managed policies by a short name, which names the attachment."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that the function's role can never exceed. Default: no boundary."""
    existing_role_arn: NotRequired[RoleArn]
    """A role that trusts ``lambda.amazonaws.com``, such as ``WorkloadRole.role_arn``, and that no other function has: it gets the policies
    of a new one. For what must name the role before the function is there, such as ``SearchIndex``. Default: a new role."""
    layers: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=_MOST_LAYERS)]]
    """ARNs of layer versions, later ones over earlier ones."""
    powertools: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the function has AWS's public layer of Powertools for AWS Lambda (batch processing, idempotency, logging), in Python and
    Node.js. A container image brings its own."""
    runtime_library: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the function has a layer with ``cloudpatterns_runtime`` (retries, circuit breaker and others), in Python."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZone]
    """Subnets of the function's network interfaces, with ``security_group_ids``. Default: the function is outside any VPC of yours."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the function's network interfaces, with ``subnet_ids_by_zone``. Lambda removes the interfaces up to 45 minutes
    after the function: give groups and subnets of the same program ``custom_timeouts`` for their deletion. Default: none, without
    subnets."""
    reserved_concurrency: NotRequired[Annotated[int, Field(ge=0)]]
    """Concurrent invocations that are kept for the function and limit it; 0 stops it. Default: it shares those of the account."""
    tracing: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether X-Ray traces invocations."""
    log_level: NotRequired[Annotated[str, Choice("DEBUG", "INFO", "WARN", "ERROR"), Field(default="INFO")]]
    """The least level of the function's own log events, which are in JSON."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the function's log group keeps its events."""
    code_signing_config_arn: NotRequired[pulumi.Input[str]]
    """A code signing configuration that the archive must satisfy, and each layer as well: where it enforces, set ``powertools`` to False
    and bring the library in ``code``. Default: none."""


class ExistingFunction(TypedDict):
    """A function that somebody else deploys, and which is not changed."""

    arn: FunctionArn
    """ARN of the function, of an alias (``...:function:orders:live``) or of a version."""
    timeout_seconds: Annotated[int, Field(ge=1, le=900)]
    """The function's timeout, on which others depend."""
    role_name: NotRequired[pulumi.Input[str]]
    """Name of the function's role, which gets a policy with what the pattern needs. Default: the role has it already."""


def function_problems(options: FunctionOptions, path: str = "function") -> Iterator[Problem]:
    """What is wrong with the options of a function that stand at ``path`` among a component's arguments."""
    prefix = f"{path}."
    yield from one_of(options, "code", "image_uri", path=prefix)
    yield from excludes(options, "image_uri", *_OF_ARCHIVES, "code_signing_config_arn", path=prefix, why="an image holds all of it")
    yield from excludes(options, "existing_role_arn", "permissions_boundary_arn", path=prefix, why="the role is there already")
    yield from needs(options, "subnet_ids_by_zone", "security_group_ids", path=prefix)
    yield from needs(options, "security_group_ids", "subnet_ids_by_zone", path=prefix)
    if options["runtime_library"] and not options["runtime"].startswith("python"):
        yield f"{prefix}runtime_library", f"is True with the runtime {options['runtime']}; the library is in Python. Leave it out."
    layers = len(options["layers"]) + options["runtime_library"] + (options["powertools"] and not is_given(options, "image_uri"))
    if layers > _MOST_LAYERS:
        given = len(options["layers"])
        reason = f"has {given} entries, with those of powertools and runtime_library {layers}; Lambda takes {_MOST_LAYERS}. Remove one."
        yield f"{prefix}layers", reason
    for name in options["environment"]:
        if name in _RESERVED:
            yield f"{prefix}environment.{name}", "is a variable that Lambda sets itself. Choose another name."
    yield from statement_problems(options["statements"], f"{prefix}statements")
