"""Global Accelerator: listeners of one accelerator."""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_LISTENER: Final = "aws:globalaccelerator/listener:Listener"
_ACCELERATORS: Final = (
    "aws:globalaccelerator/accelerator:Accelerator",
    "aws:globalaccelerator/customRoutingAccelerator:CustomRoutingAccelerator",
)


@stack_control(
    id="accelerator-ports-apart",
    title="Listeners of one accelerator share no port",
    severity=Severity.HIGH,
    types=(_LISTENER,),
    why="Global Accelerator refuses a listener whose ports overlap with another's of the same protocol.",
    remediation="Give each listener ports of its own.",
    url="https://docs.aws.amazon.com/global-accelerator/latest/dg/about-listeners.html",
    pack="acceptance",
)
def accelerator_ports_apart(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    accelerator = target(stack, resource, "acceleratorArn", *_ACCELERATORS)
    protocol = given(resource, "protocol")
    if accelerator is None or not isinstance(protocol, str):
        return
    for other in stack.referrers(accelerator, _LISTENER, "acceleratorArn"):
        rival = other.urn < resource.urn and target(stack, other, "acceleratorArn", *_ACCELERATORS) is accelerator
        if rival and is_given(other, "protocol", protocol) and _overlap(_ranges(resource), _ranges(other)):
            yield Fail(f"has a port that {other.name} has too", "portRanges")


def _ranges(listener: Resource) -> list[tuple[float, float]]:
    ranges = given(listener, "portRanges")
    pairs: list[Any] = (
        [(one.get("fromPort"), one.get("toPort")) for one in ranges if isinstance(one, dict)] if isinstance(ranges, list) else []
    )
    return [(low, high) for low, high in pairs if isinstance(low, int | float) and isinstance(high, int | float)]


def _overlap(left: list[tuple[float, float]], right: list[tuple[float, float]]) -> bool:
    return any(low <= top and bottom <= high for low, high in left for bottom, top in right)
