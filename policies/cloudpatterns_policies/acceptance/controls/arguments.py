"""Numbers, networks and events that the provider or AWS refuses, where the schemas have no or another limit."""

from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.controls._near import is_one_letter_away
from cloudpatterns_policies.acceptance.models import is_given as is_made_up
from cloudpatterns_policies.core import Fail, Resource, Severity, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_STREAM: Final = "aws:kinesis/stream:Stream"
_RANGES: Final = {
    _STREAM: ("retentionPeriod", 24, 8760, (), "hours"),
    "aws:secretsmanager/secret:Secret": ("recoveryWindowInDays", 7, 30, (0,), "days"),
}
"""By type the property, the least and the most, what is taken besides, and the unit."""
_MOST_IS_KNOWN: Final = (_STREAM,)
"""Types whose schemas have the most."""
_ROUTE: Final = "aws:ec2/route:Route"
_BLOCKS: Final = {
    _ROUTE: "destinationCidrBlock",
    "aws:ec2/subnet:Subnet": "cidrBlock",
    "aws:ec2/vpc:Vpc": "cidrBlock",
}
"""By type the property with an IPv4 network."""

_NOTIFICATION: Final = "aws:s3/bucketNotification:BucketNotification"
_EVENTS: Final = (
    *("IntelligentTiering", "LifecycleExpiration", "LifecycleTransition", "ObjectAcl", "ObjectCreated", "ObjectRemoved", "ObjectRestore"),
    *("ObjectTagging", "ReducedRedundancyLostObject", "Replication"),
)
"""What happens to objects in S3. One that is missing here is never reported."""

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="provider-range",
    title="Retention and recovery are in the provider's range",
    types=tuple(_RANGES),
    why="The provider refuses another number, as AWS does.",
    remediation="Give a number in the range.",
    url="https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html",
)
def provider_range(resource: Resource) -> Iterator[Verdict]:
    name, least, most, besides, unit = _RANGES[resource.type]
    value = given(resource, name)
    if not isinstance(value, int | float) or value in besides:
        return
    if value < least or (value > most and resource.type not in _MOST_IS_KNOWN):
        also = "".join(f"{one} or " for one in besides)
        yield Fail(f"would be refused: has {int(value)} {unit}; {also}{least} to {most} are taken", name)


@_refusal(
    id="provider-network",
    title="IPv4 networks are written by their first address",
    types=tuple(_BLOCKS),
    why="The provider refuses a network that is not valid, or that is written by another address than its first.",
    remediation="Write the network as the finding has it.",
    url="https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/verify/validate.go",
)
def provider_network(resource: Resource) -> Iterator[Verdict]:
    name = _BLOCKS[resource.type]
    text = given(resource, name)
    if not isinstance(text, str) or is_made_up(text):
        return
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        if resource.type != _ROUTE:  # of the others AWS's own rules say it
            return
        yield Fail(f"would be refused: {text} is no IPv4 network", name)
        return
    if "/" in text and str(network) != text:
        yield Fail(f"would be refused: {text} is not written by its first address; did you mean {network}?", name)


@_refusal(
    id="notification-event",
    title="Notifications of a bucket name events that S3 has",
    types=(_NOTIFICATION,),
    why="S3 refuses an event that it does not have.",
    remediation="Write the event as S3 has it.",
    url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html",
)
def notification_event(resource: Resource) -> Iterator[Verdict]:
    """Names that are one letter away from one that exists; of others nobody knows."""
    for kind in ("lambdaFunctions", "queues", "topics"):
        for path in expand(resource, f"{kind}.*.events.*"):
            event = read(resource.inputs, path)
            _, _, text = event.partition("s3:") if isinstance(event, str) else ("", "", "")
            name, _, rest = text.partition(":")
            for near in (one for one in _EVENTS if is_one_letter_away(name, one)):
                whole = f"s3:{near}:{rest}" if rest else f"s3:{near}"
                yield Fail(f"would be refused: names {event}, an event that there is not; did you mean {whole}?", path)
