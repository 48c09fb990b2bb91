"""Arguments of ``StackDeployment``, and the rules over them."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Any, NotRequired, TypedDict
from zoneinfo import available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.core import (
    HIDDEN,
    Choice,
    Keys,
    Matches,
    Problem,
    Unique,
    WorkloadStatementArgs,
    excludes,
    looks_secret,
    one_of,
    statement_problems,
    unknown,
)
from cloudpatterns.core.vocabulary import MOST_ALARM_ACTIONS, DeletionProtection, RecurringExpression, RoleArn, Tags, TopicArn
from cloudpatterns.operations.stack_deployment.template import MOST_BYTES, Template, UnreadableError, is_dynamic, read

KINDS = ("text", "number", "flag", "list")
STATEFUL = (
    *("AWS::Cognito::UserPool", "AWS::DocDB::DBCluster", "AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table", "AWS::EC2::Volume"),
    *("AWS::EFS::FileSystem", "AWS::ElastiCache::ReplicationGroup", "AWS::FSx::FileSystem", "AWS::KMS::Key", "AWS::Kinesis::Stream"),
    *("AWS::MSK::Cluster", "AWS::Neptune::DBCluster", "AWS::OpenSearchService::Domain", "AWS::RDS::DBCluster", "AWS::RDS::DBInstance"),
    *("AWS::Redshift::Cluster", "AWS::S3::Bucket", "AWS::SecretsManager::Secret"),
)
"""Types whose resources hold what nobody can create again."""
_STACK = r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+"
_LOGICAL = Keys("[A-Za-z0-9]{1,255}", "letters and digits")
_READING = ("BatchGet", "Describe", "Get", "Head", "List")
_DATA = (
    *("dynamodb:BatchGetItem", "dynamodb:GetItem", "kinesis:GetRecords", "s3:GetObject", "s3:GetObjectVersion"),
    *("secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"),
)
"""Reading actions that give data, which no drift is in."""
_RESOLVE = "{{resolve:secretsmanager:NAME:SecretString:KEY}}"

_Type = Annotated[str, Matches(r"(AWS|Custom|[A-Za-z0-9]+)::[A-Za-z0-9:]+", "a type of resources such as AWS::S3::Bucket")]
_LogicalId = Annotated[str, Matches("[A-Za-z0-9]{1,255}", "the logical id of a resource such as OrdersTable")]


class StackOutputArgs(TypedDict):
    """An output of another stack of Pulumi."""

    stack: Annotated[str, Matches(_STACK, "organization/project/stack such as organization/network/prod")]
    """The stack, as ``pulumi stack ls --all`` shows it; the organization of a self-managed backend is named ``organization``."""
    output: Annotated[str, Field(min_length=1)]
    """Name of the output: text, a number, true or false, or a list of texts. A secret is refused."""


class StackDeploymentOptions(TypedDict):
    """What a user tunes of a ``StackDeployment``."""

    template: NotRequired[Annotated[str, Field(min_length=1)]]
    """The text of a template in YAML or JSON, at most 51,200 bytes. Exactly one of ``template``, ``template_url`` and
    ``existing_stack_arn``."""
    template_url: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"https://[a-z0-9.-]+\.amazonaws\.com(\.cn)?/.+",
                "the URL of an object in S3 such as https://templates.s3.eu-west-1.amazonaws.com/orders/7f3a.yaml",
            ),
        ]
    ]
    """A template in S3, at most 460,800 bytes; whoever deploys reads it. Another text needs another URL, such as one with a version in it:
    Pulumi compares the URL alone. Exactly one of ``template``, ``template_url`` and ``existing_stack_arn``."""
    parameters: NotRequired[Annotated[dict[str, Annotated[pulumi.Input[str], HIDDEN]], _LOGICAL, Field(default={}, max_length=200)]]
    """Values of the template's parameters, lists with commas. No secrets: they would be readable in Pulumi's state and for everyone who may
    describe stacks. In their place the template, or a value here, has a dynamic reference, which CloudFormation resolves while it deploys:
    ``{{resolve:secretsmanager:NAME:SecretString:KEY}}``."""
    parameters_from: NotRequired[Annotated[dict[str, StackOutputArgs], _LOGICAL, Field(default={}, max_length=200)]]
    """Parameters whose values are outputs of other stacks of Pulumi."""
    outputs: NotRequired[Annotated[dict[str, Annotated[str, Choice(*KINDS)]], _LOGICAL, Field(default={}, max_length=200)]]
    """Types of the stack's outputs, all of which CloudFormation has as text: ``number``, ``flag`` (``true`` or ``false``) or ``list`` (with
    commas). Those of ``template`` that are left out are text; of another template, only those named here are known. One that has a
    ``Condition`` counts where it is named."""
    capabilities: NotRequired[
        Annotated[
            list[Annotated[str, Choice("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")]], Unique(), Field(default=[])
        ]
    ]
    """What somebody acknowledges: that the template creates resources of IAM, under names of its own, or that it has macros."""
    kept_types: NotRequired[Annotated[list[_Type], Unique(), Field(default=[*STATEFUL], max_length=100)]]
    """Types whose resources no update may replace or delete: the stack policy. To replace one on purpose, take its type out and deploy
    that first."""
    kept_resources: NotRequired[Annotated[list[_LogicalId], Unique(), Field(default=[], max_length=100)]]
    """Further resources that no update may replace or delete, by their logical ids."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether Pulumi refuses to delete or replace the stack (``protect``). To delete it, set it to False and deploy that first. The
    termination protection of CloudFormation is no substitute: with it, ``pulumi destroy`` succeeds, and the stack stays."""
    on_failure: NotRequired[Annotated[str, Choice("DELETE", "ROLLBACK", "DO_NOTHING"), Field(default="DELETE")]]
    """What CloudFormation does when the first deployment fails; a later change is ignored. After ``DELETE`` the next one is
    ``pulumi up --refresh``; what is left by the other two must be deleted by hand before it. An update that fails is rolled back."""
    timeout_minutes: NotRequired[Annotated[int, Field(default=60, ge=5, le=720)]]
    """Minutes that a deployment waits for the stack to be created, updated or deleted."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[], max_length=50)]]
    """What CloudFormation may do with the resources of the template: create, read, update, tag and delete them. Exactly one of
    ``statements`` and ``existing_deployment_role_arn``."""
    drift_schedule_expression: NotRequired[Annotated[RecurringExpression, Field(default="cron(0 5 * * ? *)")]]
    """When drift is detected, in ``time_zone``."""
    time_zone: NotRequired[Annotated[str, Field(default="Etc/UTC")]]
    """A name of the IANA database."""
    drift_statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[], max_length=50)]]
    """What the detection may read of the resources. Without any, the reading actions among ``statements`` (``Describe``, ``Get``,
    ``List``) except those that read data."""


class StackDeploymentArgs(StackDeploymentOptions):
    """Arguments of ``StackDeployment``."""

    existing_stack_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:cloudformation:[^:]+:\d{12}:stack/[^/]+/.+",
                "the ARN of a stack such as arn:aws:cloudformation:eu-west-1:123456789012:stack/orders/1a2b3c4d",
            ),
        ]
    ]
    """A stack that is deployed elsewhere: its drift and its failures are reported, and nothing else. Exactly one of ``template``,
    ``template_url`` and ``existing_stack_arn``."""
    existing_deployment_role_arn: NotRequired[RoleArn]
    """A role that ``cloudformation.amazonaws.com`` may assume; CloudFormation deploys with it. Needed with it are
    ``drift_statements``. Exactly one of ``statements`` and ``existing_deployment_role_arn``."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """Permissions boundary of the new roles. Default: none."""
    alarm_topic_arns: Annotated[list[TopicArn], Field(min_length=1, max_length=MOST_ALARM_ACTIONS)]
    """SNS topics that hear of drift and failures; their policies must let ``events.amazonaws.com`` publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some; CloudFormation gives those of the stack to its resources."""


def read_statements(checked: StackDeploymentArgs) -> list[WorkloadStatementArgs]:
    """What the detection of drift may read."""
    if checked["drift_statements"]:
        return checked["drift_statements"]
    found: list[WorkloadStatementArgs] = []
    for statement in checked["statements"]:
        if actions := [action for action in statement["actions"] if _reads(action)]:
            found.append({**statement, "actions": actions})
    return found


def hidden_data(checked: StackDeploymentArgs) -> list[str]:
    """Actions that read data, and that a wildcard among ``statements`` (``s3:Get*``) would let the detection do."""
    if checked["drift_statements"]:
        return []
    patterns = [action for statement in read_statements(checked) for action in statement["actions"]]
    return [action for action in _DATA if any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)]


def _reads(action: str) -> bool:
    return action.partition(":")[2].startswith(_READING) and action not in _DATA


def declared_template(checked: StackDeploymentArgs) -> Template | None:
    """The template, where its text is given."""
    text = checked.get("template")
    return None if text is None else read(text)


def output_kinds(checked: StackDeploymentArgs) -> dict[str, str]:
    """Types of the outputs by name: all that are always there, and those that are named."""
    template = declared_template(checked)
    always = {} if template is None else {name: "text" for name, there in template.outputs.items() if there}
    return {**always, **checked["outputs"]}


def problems(name: str, checked: StackDeploymentArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9-]*", name):
        yield "name", f"is {name!r}; a stack has letters, digits and hyphens, a letter first. Rename the component."
    yield from one_of(checked, "template", "template_url", "existing_stack_arn")
    if checked.get("existing_stack_arn") is None:
        yield from one_of(checked, "statements", "existing_deployment_role_arn")
    else:
        others = (
            "parameters",
            "parameters_from",
            "outputs",
            "capabilities",
            "statements",
            "existing_deployment_role_arn",
            "kept_resources",
        )
        yield from excludes(checked, "existing_stack_arn", *others, why="that stack is deployed elsewhere")
    yield from statement_problems(checked["statements"])
    yield from statement_problems(checked["drift_statements"], "drift_statements")
    if not read_statements(checked):
        reason = "is missing; the detection of drift reads each resource with rights of its own. Name the actions, such as s3:GetBucket*."
        yield "drift_statements", reason
    zones = available_timezones()
    # Without the database of the system there is nothing to compare with.
    if zones and checked["time_zone"] not in zones:
        yield "time_zone", f"is {checked['time_zone']!r}; a name of the IANA database is needed, such as Europe/Berlin."
    yield from _parameter_problems(checked)
    text = checked.get("template")
    if text is not None:
        yield from _template_problems(checked, text)


def _parameter_problems(checked: StackDeploymentArgs) -> Iterator[Problem]:
    for name in checked["parameters"].keys() & checked["parameters_from"].keys():
        yield f"parameters_from.{name}", "is in parameters too. Remove one of them."
    for name, reference in checked["parameters_from"].items():
        if reference["stack"] == f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}":
            reason = f"is {reference['stack']}, this very stack. Give the value itself in parameters."
            yield f"parameters_from.{name}.stack", reason
    for name, value in checked["parameters"].items():
        if looks_secret(name, value) and not is_dynamic(value):
            yield f"parameters.{name}", f"may be a secret, which parameters do not hide. Give {_RESOLVE} in its place."


def _template_problems(checked: StackDeploymentArgs, text: str) -> Iterator[Problem]:
    if (size := len(text.encode())) > MOST_BYTES:
        reason = f"has {size} bytes; CloudFormation takes {MOST_BYTES} in a request. Put it into a bucket, and give template_url."
        yield "template", reason
        return
    try:
        template = read(text)
    except UnreadableError as error:
        yield "template", str(error)
        return
    yield from _declared_parameter_problems(checked, template)
    for path in template.secrets():
        reason = f"has a secret in plain text in {path}. Write {_RESOLVE} there."
        yield "template", reason
    for capability in template.capabilities():
        given = checked["capabilities"]
        if capability not in given and not (capability == "CAPABILITY_IAM" and "CAPABILITY_NAMED_IAM" in given):
            yield "capabilities", f"lacks {capability}, which the template needs. Add it, once somebody has read what it creates."
    for name in checked["outputs"]:
        if name not in template.outputs:
            yield f"outputs.{name}", unknown(name, "an output of the template", template.outputs)
    for index, name in enumerate(checked["kept_resources"]):
        if name not in template.resources and not template.has_transform:
            yield f"kept_resources.{index}", unknown(name, "a resource of the template", template.resources)


def _declared_parameter_problems(checked: StackDeploymentArgs, template: Template) -> Iterator[Problem]:
    given = {**checked["parameters"], **checked["parameters_from"]}
    for name in given:
        if name not in template.parameters:
            where = "parameters" if name in checked["parameters"] else "parameters_from"
            yield f"{where}.{name}", unknown(name, "a parameter of the template", template.parameters)
    for name, one in template.parameters.items():
        if str(one.get("NoEcho", "")).lower() == "true":
            fix = f"Take the parameter out, and write {_RESOLVE} where the template uses it."
            yield "template", f"has the parameter {name} with NoEcho, whose value Pulumi's state would keep and each preview change. {fix}"
        elif "Default" not in one and name not in given:
            yield f"parameters.{name}", "is missing; the template has no default for it. Give it a value."
        elif looks_secret(name, one.get("Default")) and one.get("Default") and not is_dynamic(one["Default"]):
            yield "template", f"has a secret as the default of the parameter {name}. Write {_RESOLVE} there."
        yield from _value_problems(name, one, checked["parameters"].get(name))


def _value_problems(name: str, declaration: Any, value: Any) -> Iterator[Problem]:
    """What CloudFormation would refuse before it begins; values are not shown."""
    allowed, pattern = declaration.get("AllowedValues"), declaration.get("AllowedPattern")
    if not isinstance(value, str) or is_dynamic(value):
        return
    if isinstance(allowed, list) and "List" not in str(declaration.get("Type")) and value not in {_as_text(one) for one in allowed}:
        yield f"parameters.{name}", f"is none of the template's AllowedValues: {', '.join(map(_as_text, allowed))}. Give one of them."
    if isinstance(pattern, str) and not _fits(pattern, value):
        yield f"parameters.{name}", f"does not match the template's AllowedPattern, {pattern}. Correct it."


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        # Written for Java; CloudFormation itself judges it.
        return True
