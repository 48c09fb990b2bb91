"""Settings that many services share: switches, lists of logs, retention of backups, secrets in the state, CIDRs."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Unknown, UnknownValueError, Verdict
from cloudpatterns_policies.graph.addresses import VERSIONS, is_internet, parse
from cloudpatterns_policies.graph.spans import Spans

PRODUCTION: Final[Mapping[str, Any]] = {
    "type": "boolean",
    "default": True,
    "description": "Whether the stack is production; the profile of any other sets it to false.",
}
"""JSON schema of the setting `production`."""

NOT_PRODUCTION: Final = NotApplicable("need not survive the loss of a zone: production is false in the profile")
"""The verdict of a control of production elsewhere."""


def minimum_days(days: int, most: int = 35) -> dict[str, Mapping[str, Any]]:
    """The configuration of a control of backups: how long they must be kept at least."""
    return {
        "minimumDays": {
            "type": "integer",
            "minimum": 1,
            "maximum": most,
            "default": days,
            "description": "Minimum number of days that a backup is kept.",
        }
    }


def kept_long_enough(resource: Resource, path: str, default: int, config: Mapping[str, Any]) -> Verdict:
    """Whether the number of days at `path` is at least `minimumDays`; `default` is the number when the property is omitted."""
    days = resource.get(path, default)
    if days >= config["minimumDays"]:
        return Pass()
    return Fail(f"keeps backups for {days} day{'' if days == 1 else 's'}" if days else "keeps no backups", path)


def switched_on(resource: Resource, path: str, weakness: str, *, default: bool = False) -> Verdict:
    """Whether the switch at `path` is on. Older versions of the provider have some of them as text."""
    return Pass() if str(resource.get(path, default)).lower() == "true" else Fail(weakness, path)


def missing(resource: Resource, path: str, wanted: Iterable[str]) -> list[str]:
    """Those of the wanted texts that are not in the list at `path`. An unknown item may be any of them."""
    items = resource.get(path, ())
    absent = [text for text in wanted if not any(item is not UNKNOWN and item == text for item in items)]
    if absent and any(item is UNKNOWN for item in items):
        raise UnknownValueError(path, resource.urn)
    return absent


def not_in_state(resource: Resource, *paths: str, what: str = "master password") -> Verdict:
    """Fails when one of the properties is set. It is enough that it is: its value is not read."""
    path = next((path for path in paths if resource.raw.get(path) is not None), "")
    return Fail(f"keeps its {what} in the state", path) if path else Pass()


def any_set(resource: Resource, paths: Sequence[str], weakness: str) -> Verdict:
    """Passes when one of the properties has a value; an unknown one may have."""
    unknown = [path for path in paths if resource.is_unknown(path)]
    if any(resource.get(path) for path in paths if path not in unknown):
        return Pass()
    return Unknown(unknown[0]) if unknown else Fail(weakness, paths[0])


def internet_among(resource: Resource, path: str, default: Sequence[str] = ()) -> str:
    """Those CIDRs in the list at `path` that amount to the internet, alone or, where none does alone, together; empty for none."""
    items = resource.get(path) or default
    ranges: dict[int, dict[str, Spans]] = {version: {} for version in VERSIONS}
    for text in items:
        if isinstance(text, str):
            # AWS refuses an invalid CIDR, so it opens nothing.
            with contextlib.suppress(ValueError):
                version, addresses = parse(text)
                ranges[version][text] = addresses
    for version, found in ranges.items():
        alone = [text for text, addresses in found.items() if is_internet(version, addresses)]
        if alone or is_internet(version, Spans.union(found.values())):
            return " and ".join(alone or found)
    if any(text is UNKNOWN for text in items):
        raise UnknownValueError(path, resource.urn)
    return ""
