"""Instances have a role."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.compute import instance_role
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

INSTANCE, SPOT = "aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest"
TEMPLATE, CONFIGURATION = "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/launchConfiguration:LaunchConfiguration"
PATH = "iamInstanceProfile"
NONE = Fail("has no role", PATH)


@pytest.mark.parametrize(
    ("type", "value"),
    [(INSTANCE, "web"), (SPOT, "web"), (CONFIGURATION, "web"), (TEMPLATE, {"name": "web"}), (TEMPLATE, {"arn": UNKNOWN})],
)
def test_a_role_that_is_given(type: str, value: Any) -> None:
    assert verdicts(instance_role, resource(type, "vm", {PATH: value})) == [("vm", Pass())]


@pytest.mark.parametrize("type", [INSTANCE, SPOT, CONFIGURATION, TEMPLATE])
@pytest.mark.parametrize("props", [{}, {PATH: ""}, {PATH: UNKNOWN}, {"launchTemplate": UNKNOWN}])
def test_a_role_that_is_left_out(type: str, props: dict[str, Any]) -> None:
    # What the provider works out by itself is unknown in a preview, too.
    assert verdicts(instance_role, resource(type, "vm", props)) == [("vm", NONE)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [("aws:iam/instanceProfile:InstanceProfile", Pass()), ("aws:ssm/parameter:Parameter", Unknown(PATH))],
)
def test_a_role_that_is_not_known_yet(source: str, expected: Verdict) -> None:
    vm = resource(INSTANCE, "vm", {PATH: UNKNOWN}, deps={PATH: ["source"]})
    assert verdicts(instance_role, stack(resource(source, "source"), vm)) == [("vm", expected)]


def test_a_launch_template_decides_for_its_instances() -> None:
    vm = resource(INSTANCE, "vm", {"launchTemplate": {"id": UNKNOWN}}, deps={"launchTemplate": ["template"]})
    found = verdicts(instance_role, stack(resource(TEMPLATE, "template"), vm))
    assert found == [("vm", NotApplicable("takes its role from its launch template")), ("template", NONE)]
    own = resource(INSTANCE, "vm", {"launchTemplate": {"id": "lt-1"}, PATH: "web"})
    assert verdicts(instance_role, own) == [("vm", Pass())]


@pytest.mark.parametrize("own", [{PATH: "web"}, {}])
@pytest.mark.parametrize(
    ("fleet", "path"),
    [
        (None, ""),
        ("aws:autoscaling/group:Group", "launchTemplate"),
        ("aws:autoscaling/group:Group", "mixedInstancesPolicy"),
        ("aws:ec2/fleet:Fleet", "launchTemplateConfigs"),
        ("aws:ec2/spotFleetRequest:SpotFleetRequest", "launchTemplateConfigs"),
        ("aws:eks/nodeGroup:NodeGroup", "launchTemplate"),
    ],
)
def test_a_launch_template_may_leave_the_role_to_instances_alone(own: dict[str, Any], fleet: str | None, path: str) -> None:
    vm = resource(INSTANCE, "vm", {"launchTemplate": {"id": UNKNOWN}, **own}, deps={"launchTemplate": ["template"]})
    parts = [resource(TEMPLATE, "template"), vm]
    if fleet is not None:
        parts.append(resource(fleet, "fleet", {path: UNKNOWN}, deps={path: ["template"]}))
    left = NotApplicable("leaves the role to the instances launched from it")
    assert dict(verdicts(instance_role, stack(*parts)))["template"] == (left if own and fleet is None else NONE)
