"""Findings by their cause: what one weakness of one resource breaks, and how many resources have the same.

Findings on one property of one resource have one cause; without a property, those with the same text. Resources on which the same
controls say the same are shown together. Views that people read show causes; reports for programs show each finding.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from offline_preview.findings import Control, Finding, rank

# Our packs end a message with the property that shows the weakness: "has no dead-letter queue - redrivePolicy."
_PROPERTY: Final = re.compile(r"(?s)\A(?P<what>.*\S) - (?P<where>[A-Za-z_][\w/\[\]:*-]*(?:\.[\w/\[\]:*-]+)*)(?P<rest>|\.|\. .*)\Z")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one or more controls say about a cause."""

    text: str
    findings: tuple[Finding, ...]
    """One of each control that says it, on the first resource, the worst first."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One weakness, and the resources that have it."""

    where: str
    """The property that shows it; empty for the whole resource."""
    urns: tuple[str, ...]
    """The resources, in the order of the findings."""
    statements: tuple[Statement, ...]
    """The worst first."""

    @property
    def worst(self) -> Finding:
        """The finding that the cause is listed under."""
        return self.statements[0].findings[0]

    @property
    def count(self) -> int:
        """The number of findings."""
        return len(self.urns) * sum(len(statement.findings) for statement in self.statements)


def remedies(cause: Cause, control: Callable[[Finding], Control]) -> list[Control]:
    """The controls whose remedy and link are to be shown: of each statement the worst one, and each remedy once."""
    found = [control(statement.findings[0]) for statement in cause.statements if statement.findings[0].verdict != "error"]
    return list({(one.remediation, one.url): one for one in found if one.remediation or one.url}.values())


def causes(findings: Iterable[Finding], shown: Callable[[Finding], str]) -> list[Cause]:
    """The causes of findings, the worst first, else in the order of the findings; `shown` gives a finding's text without its remedy."""
    by_place: dict[tuple[str, str], list[tuple[Finding, str, str]]] = {}
    for finding in findings:
        what, where = parted(shown(finding))
        by_place.setdefault((finding.urn, where or f" {what}"), []).append((finding, what, where))
    alike: dict[tuple[object, ...], list[str]] = {}
    said: dict[tuple[object, ...], list[tuple[Finding, str, str]]] = {}
    for (urn, _), found in by_place.items():
        found.sort(key=lambda item: _order(item[0]))
        signature = tuple((item.pack, item.control, item.level, what, where) for item, what, where in found)
        alike.setdefault(signature, []).append(urn)
        said.setdefault(signature, found)
    result = [_cause(urns, said[signature]) for signature, urns in alike.items()]
    return sorted(result, key=lambda cause: _order(cause.worst))


def _cause(urns: list[str], found: list[tuple[Finding, str, str]]) -> Cause:
    by_text: dict[str, list[Finding]] = {}
    for finding, what, _ in found:
        by_text.setdefault(what, []).append(finding)
    return Cause(found[0][2], tuple(urns), tuple(Statement(text, tuple(items)) for text, items in by_text.items()))


def _order(finding: Finding) -> tuple[bool, int]:
    return not finding.blocks, rank(finding.severity)


def parted(text: str) -> tuple[str, str]:
    """What a finding says, and the property that it ends with, if it does."""
    match = _PROPERTY.match(text)
    return (f"{match['what']}{match['rest']}", match["where"]) if match else (text, "")
