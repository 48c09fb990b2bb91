"""Names that AWS refuses: those that Pulumi makes longer, and those that must begin in one way."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.models import is_given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_SUFFIX: Final = 8
"""Characters that auto-naming adds: a hyphen and seven at random."""
_FIFO: Final = len(".fifo")

_LIMITS: Final[Mapping[str, tuple[str, int]]] = {
    "aws:alb/loadBalancer:LoadBalancer": ("name", 32),
    "aws:alb/targetGroup:TargetGroup": ("name", 32),
    "aws:apprunner/service:Service": ("serviceName", 40),
    "aws:backup/plan:Plan": ("name", 50),
    "aws:backup/selection:Selection": ("name", 50),
    "aws:backup/vault:Vault": ("name", 50),
    "aws:cloudfront/function:Function": ("name", 64),
    "aws:cloudfront/originAccessControl:OriginAccessControl": ("name", 64),
    "aws:cloudwatch/eventApiDestination:EventApiDestination": ("name", 64),
    "aws:cloudwatch/eventArchive:EventArchive": ("name", 48),
    "aws:cloudwatch/eventConnection:EventConnection": ("name", 64),
    "aws:cloudwatch/eventEndpoint:EventEndpoint": ("name", 64),
    "aws:cloudwatch/eventRule:EventRule": ("name", 64),
    "aws:codepipeline/pipeline:Pipeline": ("name", 100),
    "aws:cognito/userPool:UserPool": ("name", 128),
    "aws:dax/cluster:Cluster": ("clusterName", 20),
    "aws:eks/cluster:Cluster": ("name", 100),
    "aws:elasticache/cluster:Cluster": ("clusterId", 50),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("replicationGroupId", 40),
    "aws:elasticache/serverlessCache:ServerlessCache": ("name", 40),
    "aws:elb/loadBalancer:LoadBalancer": ("name", 32),
    "aws:iam/group:Group": ("name", 128),
    "aws:iam/instanceProfile:InstanceProfile": ("name", 128),
    "aws:iam/policy:Policy": ("name", 128),
    "aws:iam/role:Role": ("name", 64),
    "aws:iam/rolePolicy:RolePolicy": ("name", 128),
    "aws:iam/user:User": ("name", 64),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": ("name", 64),
    "aws:kinesis/stream:Stream": ("name", 128),
    "aws:lambda/function:Function": ("name", 64),
    "aws:lb/loadBalancer:LoadBalancer": ("name", 32),
    "aws:lb/targetGroup:TargetGroup": ("name", 32),
    "aws:memorydb/acl:Acl": ("name", 40),
    "aws:memorydb/cluster:Cluster": ("name", 40),
    "aws:mq/broker:Broker": ("brokerName", 50),
    "aws:msk/cluster:Cluster": ("clusterName", 64),
    "aws:opensearch/domain:Domain": ("domainName", 28),
    "aws:opensearch/serverlessAccessPolicy:ServerlessAccessPolicy": ("name", 32),
    "aws:opensearch/serverlessCollection:ServerlessCollection": ("name", 32),
    "aws:opensearch/serverlessCollectionGroup:ServerlessCollectionGroup": ("name", 32),
    "aws:opensearch/serverlessLifecyclePolicy:ServerlessLifecyclePolicy": ("name", 32),
    "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy": ("name", 32),
    "aws:opensearch/serverlessVpcEndpoint:ServerlessVpcEndpoint": ("name", 32),
    "aws:pipes/pipe:Pipe": ("name", 64),
    "aws:rds/cluster:Cluster": ("clusterIdentifier", 63),
    "aws:rds/clusterInstance:ClusterInstance": ("identifier", 63),
    "aws:rds/instance:Instance": ("identifier", 63),
    "aws:rds/proxy:Proxy": ("name", 63),
    "aws:s3/bucket:Bucket": ("bucket", 63),
    "aws:scheduler/schedule:Schedule": ("name", 64),
    "aws:scheduler/scheduleGroup:ScheduleGroup": ("name", 64),
    "aws:sfn/stateMachine:StateMachine": ("name", 80),
    "aws:sqs/queue:Queue": ("name", 80),
    "aws:vpclattice/service:Service": ("name", 40),
    "aws:vpclattice/serviceNetwork:ServiceNetwork": ("name", 63),
    "aws:vpclattice/targetGroup:TargetGroup": ("name", 128),
    "aws:wafv2/ipSet:IpSet": ("name", 128),
    "aws:wafv2/ruleGroup:RuleGroup": ("name", 128),
    "aws:wafv2/webAcl:WebAcl": ("name", 128),
}
"""Types that Pulumi names, with the property and the most characters that AWS takes."""

_WAF_LOGS: Final = "aws-waf-logs-"
_WAF_ARN: Final = re.compile(r"arn:aws[\w-]*:(?:s3:::|logs:.*?:log-group:|firehose:.*?:deliverystream/)([^:/]+)")
_WAF_TARGETS: Final[Mapping[str, str]] = {
    "aws:cloudwatch/logGroup:LogGroup": "name",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": "name",
    "aws:s3/bucket:Bucket": "bucket",
}


@stack_control(
    id="auto-name-fits",
    title="Names that Pulumi generates fit AWS's limits",
    severity=Severity.HIGH,
    types=tuple(_LIMITS),
    why="Auto-naming appends eight characters to the resource's logical name; the provider refuses a name beyond AWS's limit.",
    remediation="Shorten the resource's logical name, with an alias of the old one, or set the property.",
    url="https://www.pulumi.com/docs/iac/concepts/resources/names/",
    pack="acceptance",
)
def auto_name_fits(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Only names that the program leaves to Pulumi: others are judged as values."""
    path, limit = _LIMITS[resource.type]
    if not _is_auto_named(resource, path):
        return
    most = limit - _SUFFIX - (_FIFO if resource.inputs.raw.get("fifoQueue") is True else 0)
    if len(resource.name) > most:
        yield Fail(
            f"would be refused: the logical name has {len(resource.name)} characters, and auto-naming leaves {most} of {limit}", path
        )


@stack_control(
    id="waf-log-destination-name",
    title="Log destinations of web ACLs have a name that AWS WAF accepts",
    severity=Severity.HIGH,
    types=("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",),
    why="AWS WAF refuses a bucket, log group or delivery stream whose name begins otherwise.",
    remediation=f"Let the name of the destination begin with {_WAF_LOGS}.",
    url="https://docs.aws.amazon.com/waf/latest/developerguide/logging-destinations.html",
    pack="acceptance",
)
def waf_log_destination_name(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """By the name in an ARN; for destinations of the stack, by the one that the program gives or that auto-naming begins with."""
    arns = resource.inputs.raw.get("logDestinationConfigs")
    for index, arn in enumerate(arns if isinstance(arns, list) else ()):
        named = _WAF_ARN.match(arn) if isinstance(arn, str) else None
        if named is not None and not named[1].startswith(_WAF_LOGS):
            yield Fail(f"would be refused: the name {named[1]} does not begin with {_WAF_LOGS}", f"logDestinationConfigs.{index}")
            return
    for target in stack.refs(resource, "logDestinationConfigs", *_WAF_TARGETS):
        path = _WAF_TARGETS[target.type]
        name: Any = target.inputs.raw.get(path)
        prefix = target.inputs.raw.get(f"{path}Prefix")
        if name is None or _is_auto_named(target, path):
            name = target.name if prefix is None else prefix
        if name is not UNKNOWN and isinstance(name, str) and not name.startswith(_WAF_LOGS):
            yield Fail(f"would be refused: the name of {target.name} does not begin with {_WAF_LOGS}", "logDestinationConfigs")


@stack_control(
    id="secret-name-reusable",
    title="Secrets can be created again after they were deleted",
    severity=Severity.LOW,
    types=("aws:secretsmanager/secret:Secret",),
    why="A deleted secret keeps its name during the recovery window, and a new one of that name is refused until then.",
    remediation="Leave the name to Pulumi, or set recovery_window_in_days to 0 where secrets need no recovery.",
    url="https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html",
    pack="acceptance",
)
def secret_name_reusable(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A name that the program sets."""
    if isinstance(given(resource, "name"), str) and not _is_auto_named(resource, "name"):
        window = given(resource, "recoveryWindowInDays")
        if window is not UNKNOWN and window != 0:
            yield Fail(f"keeps its fixed name for {30 if window is None else window} days after its deletion", "name")


def _is_auto_named(resource: Resource, path: str) -> bool:
    """Whether Pulumi makes the name: it is left out, or in the list of what the provider's bridge filled in."""
    given = resource.inputs.raw
    filled = given.get("__defaults")
    if isinstance(filled, list) and path in filled:
        return True
    if isinstance(name := given.get(path), str) and is_given(name):
        return True
    return given.get(path) is None and given.get(f"{path}Prefix") is None
