"""CloudFront content behind signed URLs and cookies: what can be had without a signature all the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cloudpatterns_policies.controls.cloudfront import DISTRIBUTION
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import read

_DEFAULT: Final = "defaultCacheBehavior"
_EVERYTHING: Final = "*"
_SIGNERS: Final = ("trustedKeyGroups", "trustedSigners")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an origin has its objects. Two origins of one domain name and different paths have objects in common."""

    domain: str
    path: str


@dataclass(frozen=True, slots=True)
class _Behavior:
    """What CloudFront does with the requests of a path."""

    path: str
    """The property."""
    pattern: str
    """The path pattern without the slash at its beginning, which CloudFront ignores."""
    origin: str
    signed: bool

    @property
    def default(self) -> bool:
        return self.path == _DEFAULT


@control(
    id="cloudfront-signed-paths",
    title="CloudFront behaviors without a signature do not open what others need one for",
    severity=Severity.MEDIUM,
    types=(DISTRIBUTION,),
    why="CloudFront takes the first behavior whose path pattern matches: one without key groups before it, or one that reaches the same"
    " objects by another path, serves private content to everybody; a default behavior without them serves all that no pattern names.",
    remediation="Set trusted_key_groups in default_cache_behavior and name what is open by narrower path patterns before it; or keep open"
    " and private content in different origins.",
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html#DownloadDistValuesPathPattern",
    config={
        "openPaths": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": 'Path patterns of behaviors that are open on purpose, as the program writes them; "*" is the default behavior.',
        }
    },
)
def cloudfront_signed_paths(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    if read(resource, _DEFAULT) is UNKNOWN:
        yield Unknown(_DEFAULT)
        return
    paths = [*(f"orderedCacheBehaviors.{index}" for index in range(len(resource.get("orderedCacheBehaviors", ())))), _DEFAULT]
    unknown = [where for path in paths if (where := _unknown(resource, path))]
    behaviors = [_behavior(resource, path) for path in paths if not _unknown(resource, path)]
    if not any(behavior.signed for behavior in behaviors):
        yield Unknown(unknown[0]) if unknown else NotApplicable("has no behavior with key groups")
        return
    yield from map(Unknown, unknown)
    declared = {pattern.removeprefix("/") for pattern in config["openPaths"]}
    for index, behavior in enumerate(behaviors):
        if not behavior.signed and behavior.pattern not in declared:
            yield _judged(resource, behaviors, index)


def _unknown(resource: Resource, path: str) -> str:
    """The property that keeps a behavior from being judged; empty when there is none."""
    names = ("targetOriginId", *(() if path == _DEFAULT else ("pathPattern",)), *_SIGNERS)
    return next((f"{path}.{name}" for name in names if read(resource, f"{path}.{name}") is UNKNOWN), "")


def _behavior(resource: Resource, path: str) -> _Behavior:
    pattern = _EVERYTHING if path == _DEFAULT else str(resource.get(f"{path}.pathPattern", "")).removeprefix("/")
    signed = any(len(resource.get(f"{path}.{name}", ())) > 0 for name in _SIGNERS)
    return _Behavior(path, pattern, str(resource.get(f"{path}.targetOriginId", "")), signed)


def _judged(resource: Resource, behaviors: list[_Behavior], index: int) -> Verdict:
    """The verdict on an open behavior: the first signed one whose objects it serves, if any."""
    behavior, unknown = behaviors[index], ""
    for position, signed in enumerate(behaviors):
        if not signed.signed:
            continue
        pairs = _same_objects(resource, behavior.origin, signed.origin)
        unknown = unknown or next((pair for pair in pairs if isinstance(pair, str)), "")
        for pair in pairs:
            if not isinstance(pair, str) and (message := _weakness(behavior, signed, pair, first=index < position)):
                return Fail(message, f"{behavior.path}.trustedKeyGroups")
    return Unknown(unknown) if unknown else Pass()


def _weakness(open_one: _Behavior, signed: _Behavior, places: tuple[_Place, _Place], *, first: bool) -> str:
    """What is wrong between two behaviors that reach one server or bucket; empty when nothing is."""
    here, there = places
    opened, private = f"{here.path}{open_one.pattern}", f"{there.path}{signed.pattern}"
    same = here.path == there.path
    if same and not first and not open_one.default:
        return ""
    # A narrower pattern before a wider one says openly what needs no signature.
    if not _overlap(opened, private) or (_overlap(opened, private, whole=True) and not _overlap(private, opened, whole=True)):
        return ""
    what = f"the path pattern {signed.pattern}"
    if open_one.default and same:
        return f"needs a signature for {what}, and none for what no pattern names in the same origin {open_one.origin}"
    if same:
        return f"serves {open_one.pattern} without a signature before {what}, which needs one and matches the same requests"
    return f"serves by {open_one.pattern}, without a signature, objects that need one by {what}: their origins are one"


def _same_objects(resource: Resource, first: str, second: str) -> list[tuple[_Place, _Place] | str]:
    """The pairs of places of two targets that are in one server or bucket, and the unknown properties that may hide one."""
    if first == second:
        place = _Place("", "")
        return [(place, place)]
    found: list[tuple[_Place, _Place] | str] = []
    for here in _places(resource, first):
        for there in _places(resource, second):
            if isinstance(here, str) or isinstance(there, str):
                found += [place for place in (here, there) if isinstance(place, str)]
            elif here.domain == there.domain:
                found.append((here, there))
    return found


def _places(resource: Resource, target: str) -> Iterator[_Place | str]:
    """Where the origin or the members of the origin group have their objects; a property that is unknown in its place."""
    members = {target}
    for index in range(len(resource.get("originGroups", ()))):
        if resource.get(f"originGroups.{index}.originId") == target:
            count = len(resource.get(f"originGroups.{index}.members", ()))
            members = {str(resource.get(f"originGroups.{index}.members.{member}.originId")) for member in range(count)}
    for index in range(len(resource.get("origins", ()))):
        origin = f"origins.{index}"
        if str(resource.get(f"{origin}.originId")) not in members:
            continue
        domain, path = read(resource, f"{origin}.domainName"), read(resource, f"{origin}.originPath")
        if domain is UNKNOWN or path is UNKNOWN:
            yield f"{origin}.{'domainName' if domain is UNKNOWN else 'originPath'}"
        else:
            prefix = str(path or "").strip("/")
            yield _Place(str(domain), f"{prefix}/" if prefix else "")


def _overlap(first: str, second: str, *, whole: bool = False) -> bool:
    """Whether some path matches both patterns; with `whole`, whether each path that matches the first one matches the second."""
    ahead, seen = [(0, 0)], set[tuple[int, int]]()
    while ahead:
        place = ahead.pop()
        if place in seen:
            continue
        seen.add(place)
        here, there = place
        one, other = first[here : here + 1], second[there : there + 1]
        if not one and not other:
            return True
        if other == "*":
            ahead += [(here, there + 1), *([(here + 1, there)] if one else [])]
        elif one == "*":
            ahead += [] if whole else [(here + 1, there), *([(here, there + 1)] if other else [])]
        elif one and other and (one == other or other == "?" or (one == "?" and not whole)):
            ahead.append((here + 1, there + 1))
    return False
