"""Health checks: switched on, clear about silence, and the load balancer's not as deep as that of Route 53."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import health_checks as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

CHECK = "aws:route53/healthCheck:HealthCheck"
TARGETS = "aws:lb/targetGroup:TargetGroup"
GONE = "urn:pulumi:test::project::x:y:Z::gone"


def check(props: dict[str, Any], name: str = "deep") -> Resource:
    return resource(CHECK, name, props, deps={path: [GONE] for path, value in props.items() if value is UNKNOWN})


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"disabled": False}, Pass()),
        ({}, Pass()),
        ({"disabled": True}, Fail("is disabled, and so reports what it is for as healthy", "disabled")),
        ({"disabled": UNKNOWN}, Unknown("disabled")),
    ],
)
def test_switch(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.health_check_enabled, check(props)) == [("deep", expected)]


SILENCE = "insufficientDataHealthStatus"


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        *[({"type": "CLOUDWATCH_METRIC", SILENCE: status}, Pass()) for status in ("Healthy", "Unhealthy", "LastKnownStatus", UNKNOWN)],
        ({"type": "CLOUDWATCH_METRIC"}, Fail("does not say what it reports without data", SILENCE)),
        ({"type": "HTTPS"}, NotApplicable("is on no alarm")),
        ({"type": UNKNOWN}, Unknown("type")),
    ],
)
def test_silence(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.health_check_silence, check(props)) == [("deep", expected)]


def depth(own: dict[str, Any] | None, *checks: Resource, type: str = TARGETS) -> Verdict:
    targets = resource(type, "web", {} if own is None else {"healthCheck": own})
    return dict(verdicts(controls.balancer_check_shallow, stack(targets, *checks)))["web"]


def deep(path: Any = "/health/deep", type: Any = "HTTPS_STR_MATCH") -> Resource:
    return check({"type": type, **({} if path is None else {"resourcePath": path})})


DEEP = Fail("checks /health/deep, the page that deep checks in depth", "healthCheck.path")
NO_PAGE = NotApplicable("has no check of a page of its own")


@pytest.mark.parametrize(
    ("own", "checks", "expected"),
    [
        ({"path": "/health"}, [deep()], Pass()),
        ({"path": "/health/deep"}, [], Pass()),
        ({"path": "/health/deep"}, [deep()], DEEP),
        ({"path": "/health/deep"}, [deep(type="HTTP_STR_MATCH")], DEEP),
        ({"path": "/health/deep/"}, [deep("/health/deep?full=1")], DEEP),
        ({"path": "/health/deep"}, [deep("health/deep")], DEEP),
        ({"path": "/health/deep"}, [deep(type="HTTPS")], Pass()),
        ({"path": "/health/deep"}, [deep(type=UNKNOWN)], Pass()),
        ({"path": "/health/deep"}, [deep(UNKNOWN)], Pass()),
        ({"path": "/health/deep"}, [deep(None)], Pass()),
        ({"path": "/"}, [deep("/")], NO_PAGE),
        ({"protocol": "TCP"}, [deep()], NO_PAGE),
        (None, [deep()], NO_PAGE),
        ({"path": UNKNOWN}, [deep()], Unknown("healthCheck.path")),
    ],
)
def test_depth(own: dict[str, Any] | None, checks: list[Resource], expected: Verdict) -> None:
    assert depth(own, *checks) == expected


def test_depth_by_the_other_name_of_a_target_group() -> None:
    assert depth({"path": "/health/deep"}, deep(), type="aws:alb/targetGroup:TargetGroup") == DEEP
