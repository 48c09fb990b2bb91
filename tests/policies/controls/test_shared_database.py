"""A database that two services share."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.shared_database import database_of_one_service
from cloudpatterns_policies.core import Fail, Pass, Resource, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

GROUP, DATABASE = "aws:ec2/securityGroup:SecurityGroup", "aws:rds/instance:Instance"
ECS, FUNCTION = "aws:ecs/service:Service", "aws:lambda/function:Function"
INGRESS, RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:ec2/securityGroupRule:SecurityGroupRule"
SHARED = Fail("is shared by the services orders, stock", "vpcSecurityGroupIds")


def edge(type: str, name: str, props: dict[str, Any] | None = None, **to: list[str]) -> Resource:
    return resource(type, name, {**dict.fromkeys(to, UNKNOWN), **(props or {})}, deps=to)


def admit(*sources: str, type: str = INGRESS, **props: Any) -> list[Resource]:
    path = "referencedSecurityGroupId" if type == INGRESS else "sourceSecurityGroupId"
    return [edge(type, f"from-{source}", props, securityGroupId=["data"], **{path: [source]}) for source in sources]


def judged(*others: Resource, kind: str = DATABASE, config: dict[str, Any] | None = None) -> Verdict:
    groups = [resource(GROUP, name) for name in ("one", "two")]
    data = [] if any(item.name == "data" for item in others) else [resource(GROUP, "data")]
    database = edge(kind, "db", vpcSecurityGroupIds=["data"])
    ((_, found),) = verdicts(database_of_one_service, stack(*groups, *data, database, *others), config)
    return found


SERVICES = [edge(ECS, "orders", networkConfiguration=["one"]), edge(ECS, "stock", networkConfiguration=["two"])]


@pytest.mark.parametrize("kind", [DATABASE, "aws:rds/cluster:Cluster", "aws:docdb/cluster:Cluster"])
def test_two_services(kind: str) -> None:
    assert judged(*SERVICES, *admit("one", "two"), kind=kind) == SHARED
    assert judged(*SERVICES, *admit("one"), kind=kind) == Pass()
    both = [edge(ECS, name, networkConfiguration=["one", "two"]) for name in ("orders", "stock")]
    assert judged(*both, *admit("one"), kind=kind) == SHARED
    assert judged(*SERVICES, kind=kind) == Pass()


def test_ways_to_write_a_rule() -> None:
    assert judged(*SERVICES, *admit("one", "two", type=RULE)) == SHARED
    outgoing = edge(RULE, "out", {"type": "egress"}, securityGroupId=["data"], sourceSecurityGroupId=["two"])
    assert judged(*SERVICES, *admit("one"), outgoing) == Pass()
    inline = edge(GROUP, "data", {"ingress": [{"securityGroups": [UNKNOWN, UNKNOWN]}]}, ingress=["one", "two"])
    assert judged(*SERVICES, inline) == SHARED


def test_services_in_one_group() -> None:
    assert judged(*[edge(ECS, name, networkConfiguration=["one"]) for name in ("orders", "stock")], *admit("one")) == SHARED


@pytest.mark.parametrize(
    ("type", "path"),
    [
        (ECS, "networkConfiguration"),
        (FUNCTION, "vpcConfig"),
        ("aws:ec2/instance:Instance", "vpcSecurityGroupIds"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "vpcSecurityGroupIds"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "networkInterfaces"),
    ],
)
def test_services_by_tag(type: str, path: str) -> None:
    def machines(tag: str, *services: Any) -> list[Resource]:
        return [edge(type, f"m{index}", {"tags": {tag: name}}, **{path: ["one"]}) for index, name in enumerate(services)]

    assert judged(*machines("Service", "orders", "stock"), *admit("one")) == SHARED
    assert judged(*machines("Service", "orders", "orders"), *admit("one")) == Pass()
    assert judged(*machines("App", "orders", "stock"), *admit("one"), config={"serviceTag": "App"}) == SHARED


@pytest.mark.parametrize("tags", [None, UNKNOWN, {}, {"Service": ""}, {"Service": UNKNOWN}])
def test_machines_that_do_not_say_their_service(tags: Any) -> None:
    machines = [edge(FUNCTION, name, {"tags": tags}, vpcConfig=["one"]) for name in ("orders", "migrate")]
    assert judged(*machines, *admit("one")) == Pass()
