"""Roles that a service takes on: whether they let it, and where one is needed."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import target, targets
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Unknown, Verdict, stack_control

_ROLE: Final = "aws:iam/role:Role"

TAKEN_ON: Final = (
    ("aws:apigateway/account:Account", "cloudwatchRoleArn", "apigateway"),
    ("aws:appsync/dataSource:DataSource", "serviceRoleArn", "appsync"),
    ("aws:backup/selection:Selection", "iamRoleArn", "backup"),
    ("aws:cfg/recorder:Recorder", "roleArn", "config"),
    ("aws:cloudtrail/trail:Trail", "cloudWatchLogsRoleArn", "cloudtrail"),
    ("aws:cloudwatch/eventTarget:EventTarget", "roleArn", "events"),
    ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "roleArn", "logs"),
    ("aws:codebuild/project:Project", "serviceRole", "codebuild"),
    ("aws:codedeploy/deploymentGroup:DeploymentGroup", "serviceRoleArn", "codedeploy"),
    ("aws:codepipeline/pipeline:Pipeline", "roleArn", "codepipeline"),
    ("aws:dlm/lifecyclePolicy:LifecyclePolicy", "executionRoleArn", "dlm"),
    ("aws:ec2/flowLog:FlowLog", "iamRoleArn", "vpc-flow-logs"),
    ("aws:ecs/taskDefinition:TaskDefinition", "executionRoleArn", "ecs-tasks"),
    ("aws:ecs/taskDefinition:TaskDefinition", "taskRoleArn", "ecs-tasks"),
    ("aws:eks/cluster:Cluster", "roleArn", "eks"),
    ("aws:eks/nodeGroup:NodeGroup", "nodeRoleArn", "ec2"),
    ("aws:glue/crawler:Crawler", "role", "glue"),
    ("aws:glue/job:Job", "roleArn", "glue"),
    ("aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan", "role", "malware-protection-plan.guardduty"),
    ("aws:iam/instanceProfile:InstanceProfile", "role", "ec2"),
    ("aws:imagebuilder/lifecyclePolicy:LifecyclePolicy", "executionRole", "imagebuilder"),
    ("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "extendedS3Configuration.roleArn", "firehose"),
    ("aws:lambda/function:Function", "role", "lambda"),
    ("aws:pipes/pipe:Pipe", "roleArn", "pipes"),
    ("aws:rds/cluster:Cluster", "monitoringRoleArn", "monitoring.rds"),
    ("aws:rds/instance:Instance", "monitoringRoleArn", "monitoring.rds"),
    ("aws:rds/proxy:Proxy", "roleArn", "rds"),
    ("aws:s3/bucketReplicationConfig:BucketReplicationConfig", "role", "s3"),
    ("aws:scheduler/schedule:Schedule", "target.roleArn", "scheduler"),
    ("aws:sfn/stateMachine:StateMachine", "roleArn", "states"),
    ("aws:sns/topicSubscription:TopicSubscription", "subscriptionRoleArn", "sns"),
    ("aws:transfer/server:Server", "loggingRole", "transfer"),
    ("aws:transfer/user:User", "role", "transfer"),
)
"""Properties that name a role, and the service that takes it on, without its domain."""

_STREAM: Final = "aws:kinesis/stream:Stream"
_FIREHOSE: Final = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
_STREAM_ARN: Final = re.compile(r"arn:[^:]+:(kinesis|firehose|states):")
_BY_ROLE: Final = (
    (
        "aws:cloudwatch/eventTarget:EventTarget",
        "arn",
        "roleArn",
        (
            *(_STREAM, _FIREHOSE, "aws:sfn/stateMachine:StateMachine", "aws:ecs/cluster:Cluster", "aws:batch/jobQueue:JobQueue"),
            *("aws:codebuild/project:Project", "aws:codepipeline/pipeline:Pipeline", "aws:ssm/document:Document"),
            "aws:cloudwatch/eventApiDestination:EventApiDestination",
        ),
    ),
    ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "destinationArn", "roleArn", (_STREAM, _FIREHOSE)),
    ("aws:sns/topicSubscription:TopicSubscription", "endpoint", "subscriptionRoleArn", (_FIREHOSE,)),
)
"""Properties that name a destination, the property with the role, and the destinations that have no policy of their own."""

_refusal = partial(stack_control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="role-trusts-service",
    title="Roles trust the service that takes them on",
    types=tuple(dict.fromkeys(type_ for type_, _, _ in TAKEN_ON)),
    why="AWS refuses most resources whose role the service cannot take on; the others fail when they run.",
    remediation="Allow sts:AssumeRole to the service in assume_role_policy of the role.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-service.html",
)
def role_trusts_service(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of the roles in the stack."""
    for type_, path, service in TAKEN_ON:
        role = target(stack, resource, path, _ROLE) if resource.type == type_ else None
        if role is None:
            continue
        trusted = _trusted(role)
        if trusted is UNKNOWN:
            yield Unknown(f"assumeRolePolicy of {role.name}")
        elif not any(map(re.compile(_principal(service)).fullmatch, trusted)):
            yield Fail(f"takes on role {role.name}, which does not trust {service}.amazonaws.com", path)


@_refusal(
    id="delivery-role",
    title="Deliveries to what has no policy of its own name a role",
    types=tuple(type_ for type_, _, _, _ in _BY_ROLE),
    why="Streams, state machines and jobs let a service in by a role alone: AWS refuses the target without one.",
    remediation="Set the property to the ARN of a role that trusts the service and may write to the destination.",
    url="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html",
)
def delivery_role(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Of the destinations in the stack."""
    for type_, path, role, destinations in _BY_ROLE:
        if resource.type == type_ and given(resource, role) is None:
            for _, destination in targets(stack, resource, path, *destinations):
                yield Fail(f"delivers to {destination.name}, which needs a role", role)
            arn = given(resource, path)
            if isinstance(arn, str) and _STREAM_ARN.match(arn) and not stack.refs(resource, path, *destinations):
                yield Fail(f"delivers to {arn}, which needs a role", role)


def _principal(service: str) -> str:
    """Regular expression of the principals that stand for a service: those of a region and of China too, and everybody."""
    return rf"\*|{re.escape(service)}(\.[a-z]{{2}}(-[a-z]+)+-\d)?\.amazonaws\.com(\.cn)?"


def _trusted(role: Resource) -> Any:
    """The principals of services that a role's document allows to take it on; `UNKNOWN` when one is not known."""
    try:
        if role.is_unknown("assumeRolePolicy"):
            return UNKNOWN
        document = role.json("assumeRolePolicy")
    except ValueError:
        return UNKNOWN  # iam-statement-effective says it
    found: list[str] = []
    for statement in _list(document.get("Statement") if isinstance(document, dict) else None):
        if statement is UNKNOWN or not isinstance(statement, dict) or statement.get("Effect") is UNKNOWN:
            return UNKNOWN
        if statement.get("Effect") == "Allow":
            principal = statement.get("Principal")
            services = principal.get("Service") if isinstance(principal, dict) else principal
            names = _list(services)
            if any(name is UNKNOWN for name in names):
                return UNKNOWN
            found += [name for name in names if isinstance(name, str)]
    return found


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
