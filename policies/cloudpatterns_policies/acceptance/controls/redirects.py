"""Redirects of Application Load Balancers."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_ACTIONS: Final = {
    "aws:lb/listener:Listener": "defaultActions.*",
    "aws:alb/listener:Listener": "defaultActions.*",
    "aws:lb/listenerRule:ListenerRule": "actions.*",
    "aws:alb/listenerRule:ListenerRule": "actions.*",
}
_KEPT: Final = {"protocol": "#{protocol}", "port": "#{port}", "host": "#{host}", "path": "/#{path}"}
"""Parts of the address, and the placeholder that leaves each as it is."""


@control(
    id="redirect-changes-address",
    title="A redirect changes protocol, port, host or path",
    severity=Severity.HIGH,
    types=tuple(_ACTIONS),
    why="Elastic Load Balancing refuses a redirect that leads back to the same address.",
    remediation="Set at least one of protocol, port, host and path to something else than its placeholder.",
    url="https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html",
    pack="acceptance",
)
def redirect_changes_address(resource: Resource) -> Iterator[Verdict]:
    for action in expand(resource, _ACTIONS[resource.type]):
        redirect = read(resource, f"{action}.redirect")
        if not isinstance(redirect, dict):
            continue
        values = {name: read(resource, f"{action}.redirect.{name}") for name in _KEPT}
        unknown = [name for name, value in values.items() if value is UNKNOWN]
        if any(value is not UNKNOWN and value not in (None, _KEPT[name]) for name, value in values.items()):
            continue
        yield (
            Unknown(f"{action}.redirect.{unknown[0]}")
            if unknown
            else Fail("redirects to the address that it came from", f"{action}.redirect")
        )
