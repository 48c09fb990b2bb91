"""Quotas that the resources of one stack exceed together."""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_ROLE: Final = "aws:iam/role:Role"
_ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_LOG_POLICY: Final = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
_OLD_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
_RULES: Final = {
    "ingress": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "egress": "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
}
_INTERFACES: Final = {
    "aws:ec2/instance:Instance": "vpcSecurityGroupIds",
    "aws:ec2/launchTemplate:LaunchTemplate": "vpcSecurityGroupIds",
    "aws:ec2/networkInterface:NetworkInterface": "securityGroups",
    "aws:ecs/service:Service": "networkConfiguration.securityGroups",
    "aws:elasticache/replicationGroup:ReplicationGroup": "securityGroupIds",
    "aws:lb/loadBalancer:LoadBalancer": "securityGroups",
    "aws:rds/instance:Instance": "vpcSecurityGroupIds",
}

_INLINE: Final = 10_240
_RULE_COUNT: Final = 60
_GROUP_COUNT: Final = 5
_LOG_POLICIES: Final = 10


@stack_control(
    id="role-inline-size",
    title="The inline policies of a role fit together",
    severity=Severity.HIGH,
    types=(_ROLE,),
    why="IAM refuses inline policies of a role that have more than 10,240 characters together, white space not counted.",
    remediation="Move statements to managed policies (aws.iam.Policy with RolePolicyAttachment), or name resources by a common prefix.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
    pack="acceptance",
)
def role_inline_size(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """The documents that are known."""
    documents = [given(policy, "policy") for policy in stack.referrers(resource, _ROLE_POLICY, "role")]
    inline: Any = given(resource, "inlinePolicies")
    documents += [given(resource, f"inlinePolicies.{index}.policy") for index in range(len(inline) if isinstance(inline, list) else 0)]
    size = sum(len("".join(document.split())) for document in documents if isinstance(document, str))
    if size > _INLINE:
        yield Fail(f"would be refused: its inline policies have {size:,} characters together, more than {_INLINE:,}")


@stack_control(
    id="security-group-rule-count",
    title="Security groups stay within the default quota of rules",
    severity=Severity.LOW,
    types=(_GROUP,),
    why="A security group takes 60 inbound and 60 outbound rules, for IPv4 and IPv6 each, unless the account's quota was raised.",
    remediation="Admit a prefix list or another security group in place of single addresses, or request a higher quota.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
    pack="acceptance",
)
def security_group_rule_count(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Rules of the stack; those whose addresses are unknown count once."""
    for direction, type in _RULES.items():
        counts = {"IPv4": 0, "IPv6": 0}
        rules = [(one, "") for one in stack.referrers(resource, type, "securityGroupId")]
        rules += [(one, "") for one in stack.referrers(resource, _OLD_RULE, "securityGroupId") if is_given(one, "type", direction)]
        inline = given(resource, direction)
        rules += [(resource, f"{direction}.{index}.") for index in range(len(inline) if isinstance(inline, list) else 0)]
        for rule, path in rules:
            four = _count(rule, path, "cidrIpv4", "cidrBlocks")
            six = _count(rule, path, "cidrIpv6", "ipv6CidrBlocks")
            counts["IPv4"] += four or (not six)
            counts["IPv6"] += six or (not four)
        for family, count in counts.items():
            if count > _RULE_COUNT:
                yield Fail(f"has {count} {direction} rules for {family}; without a higher quota AWS takes {_RULE_COUNT}")
                break


@stack_control(
    id="interface-group-count",
    title="Network interfaces stay within the default quota of security groups",
    severity=Severity.LOW,
    types=tuple(_INTERFACES),
    why="A network interface takes five security groups unless the account's quota was raised, to 16 at most.",
    remediation="Join security groups, or request a higher quota.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
    pack="acceptance",
)
def interface_group_count(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """Groups that the program lists."""
    path = _INTERFACES[resource.type]
    groups = given(resource, path)
    if isinstance(groups, list) and len(groups) > _GROUP_COUNT:
        yield Fail(f"has {len(groups)} security groups; without a higher quota AWS takes {_GROUP_COUNT}", path)


@stack_control(
    id="log-resource-policy-count",
    title="CloudWatch Logs has ten resource policies in a region at most",
    severity=Severity.HIGH,
    types=(_LOG_POLICY,),
    why="CloudWatch Logs refuses the eleventh resource policy of an account in a region, and the quota cannot be raised.",
    remediation="Join statements in one policy, or set resource_arn, which places a policy at one log group.",
    url="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html",
    pack="acceptance",
)
def log_resource_policy_count(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    """Those of one provider and region; the finding is at the eleventh by name."""
    places: dict[tuple[Any, ...], list[Resource]] = {}
    for policy in stack.of_type(_LOG_POLICY):
        region = given(policy, "region")
        if region is not UNKNOWN and given(policy, "resourceArn") is None:
            places.setdefault((policy.message.provider.urn, region), []).append(policy)
    for policies in places.values():
        for policy in sorted(policies, key=lambda one: one.urn)[_LOG_POLICIES : _LOG_POLICIES + 1]:
            yield policy, Fail(f"would be refused: the stack has {len(policies)} in the region, and AWS takes {_LOG_POLICIES}")


def _count(rule: Resource, path: str, one: str, several: str) -> int:
    """Addresses of a rule in one IP family."""
    value = given(rule, f"{path}{several}")
    if isinstance(value, list):
        return len(value)
    return int(value is not None or given(rule, f"{path}{one}") is not None)
