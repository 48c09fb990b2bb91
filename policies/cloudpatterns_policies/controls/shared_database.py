"""The anti-pattern of a database that several services share.

The graph does not show which service a resource belongs to: a tag, or an ECS service, must state it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_SOURCES: Final = (
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "referencedSecurityGroupId"),
    ("aws:ec2/securityGroupRule:SecurityGroupRule", "sourceSecurityGroupId"),
)
_ECS_SERVICE: Final = "aws:ecs/service:Service"
_COMPUTE: Final = (
    (_ECS_SERVICE, "networkConfiguration"),
    ("aws:lambda/function:Function", "vpcConfig"),
    ("aws:ec2/instance:Instance", "vpcSecurityGroupIds"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "vpcSecurityGroupIds"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "networkInterfaces"),
)


@stack_control(
    id="database-of-one-service",
    title="Each database is used by one service only",
    severity=Severity.MEDIUM,
    types=("aws:rds/instance:Instance", "aws:rds/cluster:Cluster", "aws:docdb/cluster:Cluster"),
    why="Services that share a database cannot change its tables, scale or fail independently.",
    remediation="Give each service its own database, exchange data through APIs or events, and remove the other service's rule.",
    url="https://docs.aws.amazon.com/prescriptive-guidance/latest/modernization-data-persistence/database-per-service.html",
    config={
        "serviceTag": {"type": "string", "default": "Service", "description": "The tag that states which service a resource belongs to."}
    },
    pack="operations",
)
def database_of_one_service(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> Verdict:
    admitted = {group.urn for own in stack.refs(resource, "vpcSecurityGroupIds", _GROUP) for group in _admitted(own, stack)}
    services = {
        service
        for kind, path in _COMPUTE
        for machine in stack.of_type(kind)
        if any(group.urn in admitted for group in stack.refs(machine, path, _GROUP))
        if (service := _service(machine, config["serviceTag"]))
    }
    if len(services) < 2:
        return Pass()
    return Fail(f"is shared by the services {', '.join(sorted(services))}", "vpcSecurityGroupIds")


def _admitted(own: Resource, stack: Stack) -> Iterator[Resource]:
    """Groups that the rules of a group allow."""
    yield from (group for group in stack.refs(own, "ingress", _GROUP) if group is not own)
    for kind, source in _SOURCES:
        for rule in stack.referrers(own, kind, "securityGroupId"):
            if read(rule, "type") != "egress":
                yield from stack.refs(rule, source, _GROUP)


def _service(machine: Resource, tag: str) -> str:
    tags = read(machine, "tags")
    name = tags.get(tag) if isinstance(tags, dict) else None
    return name if isinstance(name, str) and name else machine.name if machine.type == _ECS_SERVICE else ""
