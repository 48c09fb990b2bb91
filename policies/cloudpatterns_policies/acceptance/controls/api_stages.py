"""Stages of HTTP and WebSocket APIs: what the provider fills in for their routes."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.core import Fail, Resource, Severity, Verdict, control
from cloudpatterns_policies.graph.reading import expand

_LIMITS: Final = {"throttlingBurstLimit": "throttling_burst_limit", "throttlingRateLimit": "throttling_rate_limit"}


@control(
    id="api-stage-throttle-set",
    title="A stage with settings for its routes has both throttling limits",
    severity=Severity.HIGH,
    types=("aws:apigatewayv2/stage:Stage",),
    why="The provider sends 0 for a limit that is left out beside other settings: every request is then answered with 429.",
    remediation="Set throttling_burst_limit and throttling_rate_limit wherever default_route_settings or route_settings has anything.",
    url="https://github.com/pulumi/pulumi-aws/issues/2363",
    pack="acceptance",
)
def api_stage_throttle_set(resource: Resource) -> Iterator[Verdict]:
    for path in ("defaultRouteSettings", *expand(resource, "routeSettings.*")):
        settings = given(resource, path)
        if not isinstance(settings, dict) or not settings:
            continue
        missing = [name for name, word in _LIMITS.items() if given(resource, f"{path}.{name}") is None]
        if missing:
            of = given(resource, f"{path}.routeKey")
            requests = f"requests for {of}" if isinstance(of, str) else "requests"
            yield Fail(f"answers all {requests} with 429: {_LIMITS[missing[0]]} is 0 when it is left out", f"{path}.{missing[0]}")
