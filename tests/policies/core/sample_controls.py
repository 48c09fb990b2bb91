"""Controls of every form, and what the tests of a pack share."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from cloudpatterns_policies.core import (
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.core.pack import Finding

BUCKET = "aws:s3/bucket:Bucket"
KEY = "aws:kms/key:Key"
TODAY = date(2026, 11, 20)


def meta(id: str, severity: Severity = Severity.HIGH, types: tuple[str, ...] = (BUCKET,), **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "title": f"Title of {id}",
        "severity": severity,
        "types": types,
        "why": "Why.",
        "remediation": "Close it.",
        "url": "https://example.com/x",
        **more,
    }


@control(**meta("closed"))
def closed(resource: Resource) -> Verdict:
    return Fail("is open", "acl") if resource.get("acl") == "open" else Pass()


@control(**meta("small", Severity.LOW))
def small(resource: Resource) -> Iterator[Verdict]:
    for index, rule in enumerate(resource.get("rules", [])):
        if rule["size"] > 10:
            yield Fail("is too big", f"rules.{index}")


@control(**meta("configured", config={"limit": {"type": "integer", "default": 5}, "other": {"type": "string", "default": "o"}}))
def configured(resource: Resource, *, config: Mapping[str, Any]) -> Verdict:
    return Fail(f"exceeds {config['limit']} {config['other']}") if resource.get("count", 0) > config["limit"] else Pass()


@control(**meta("failing", Severity.MEDIUM))
def failing(resource: Resource) -> Iterator[Verdict]:
    yield Fail("told before")
    raise KeyError(resource.get("password", "p"))


@control(**meta("elsewhere"))
def elsewhere(resource: Resource) -> Verdict:
    return NotApplicable("kind of log target")


@stack_control(**meta("keyed", Severity.MEDIUM))
def keyed(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if stack.refs(resource, "kmsKeyId", KEY) else Fail("has no key")


@stack_control(**meta("one-key", types=()))
def one_key(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    for extra in stack.of_type(KEY)[1:]:
        yield extra, Fail("is one key too many")


@stack_control(**meta("encrypted", types=(KEY,)))
def encrypted(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if resource.get("rotation") else Fail("is not rotated")


def told(findings: Iterable[Finding]) -> list[tuple[str, str, str, str]]:
    return [(item.policy, item.level.value, item.urn.rsplit("::", 1)[-1], item.message) for item in findings]


REMEDY = "Remedy: Close it. https://example.com/x"
