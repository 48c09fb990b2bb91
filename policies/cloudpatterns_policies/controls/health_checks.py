"""Health checks of Route 53 and of load balancers: switched on, clear about silence, and not of the same depth."""

from functools import partial
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_HEALTH_CHECK: Final = "aws:route53/healthCheck:HealthCheck"
_TARGET_GROUPS: Final = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")

_operation = partial(stack_control, pack="operations")


@_operation(
    id="health-check-enabled",
    title="Health checks are switched on",
    severity=Severity.MEDIUM,
    types=(_HEALTH_CHECK,),
    why="Route 53 takes what a disabled check is for as healthy, whatever happens: records that depend on it never fail over.",
    remediation="Omit disabled, or set it to False; to send clients elsewhere for a while, set invert_healthcheck.",
    url="https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html",
)
def health_check_enabled(resource: Resource, stack: Stack) -> Verdict:
    disabled = read(resource, "disabled", computed=True)
    if disabled is UNKNOWN:
        return Unknown("disabled")
    return Fail("is disabled, and so reports what it is for as healthy", "disabled") if disabled else Pass()


@_operation(
    id="health-check-silence",
    title="Health checks on an alarm say what silence means",
    severity=Severity.LOW,
    types=(_HEALTH_CHECK,),
    why="A metric has no data when what sends it is down: without a word, the check stays at its last status, at first healthy.",
    remediation='Set insufficient_data_health_status to "Unhealthy" where silence is a failure; else to "LastKnownStatus" or "Healthy".',
    url="https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html",
)
def health_check_silence(resource: Resource, stack: Stack) -> Verdict:
    kind, path = read(resource, "type"), "insufficientDataHealthStatus"
    if kind is UNKNOWN:
        return Unknown("type")
    if kind != "CLOUDWATCH_METRIC":
        return NotApplicable("is on no alarm")
    status = read(resource, path, computed=True)
    return Fail("does not say what it reports without data", path) if status is None else Pass()


@_operation(
    id="balancer-check-shallow",
    title="Load balancers do not check what Route 53 checks in depth",
    severity=Severity.LOW,
    types=_TARGET_GROUPS,
    why="When a database or a queue that all targets share fails, all of them fail the check at once, and none is left that could answer.",
    remediation="Set path of health_check to a page that answers from the target alone, and leave the deep one to aws.route53.HealthCheck.",
    url="https://aws.amazon.com/builders-library/implementing-health-checks/",
)
def balancer_check_shallow(resource: Resource, stack: Stack) -> Verdict:
    path = "healthCheck.path"
    own = read(resource, path, computed=True)
    if own is UNKNOWN:
        return Unknown(path)
    if own is None or _page(own) == "/":
        return NotApplicable("has no check of a page of its own")
    for check in stack.of_type(_HEALTH_CHECK):
        kind, page = read(check, "type"), read(check, "resourcePath", computed=True)
        # Whoever looks for a text in the answer wants to know more than that somebody answers.
        if kind is UNKNOWN or page is UNKNOWN or page is None or not str(kind).endswith("_STR_MATCH"):
            continue
        if _page(page) == _page(own):
            return Fail(f"checks {_page(own)}, the page that {check.name} checks in depth", path)
    return Pass()


def _page(path: object) -> str:
    """A path without its query and its last slash."""
    return "/" + str(path).partition("?")[0].strip("/")
