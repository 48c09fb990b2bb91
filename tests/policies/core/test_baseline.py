"""The baseline in a profile: what is known does not block, what is new does, what is gone is said."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from cloudpatterns_policies.core import UNKNOWN, Level
from cloudpatterns_policies.core.baseline import Known, recognised
from cloudpatterns_policies.core.configuration import ProfileError, validate_profile
from cloudpatterns_policies.core.pack import Pack
from cloudpatterns_policies.core.server import Analyzer
from pulumi.runtime.proto import analyzer_pb2

from tests.policies.core.sample_controls import BUCKET, REMEDY, TODAY, closed, failing, keyed, small, told
from tests.policies.helpers import resource, stack, urn

BAD = {"acl": "open", "rules": [{"size": 11}]}


def entry(control: str = "closed", name: str = "bad", detail: str = "is open - acl") -> dict[str, str]:
    return {"control": control, "urn": urn(BUCKET, name), "detail": detail}


def knowing(pack: Pack, *entries: Mapping[str, str], levels: Mapping[str, Level] | None = None, **more: Any) -> Pack:
    pack.configure(levels or {}, {"baseline": {"entries": list(entries)}, **more})
    return pack


def test_a_known_finding_shows_and_does_not_block() -> None:
    pack = knowing(Pack([closed, small], TODAY), entry())
    assert told(pack.analyze(resource(BUCKET, "bad", BAD)).findings) == [
        ("closed", "advisory", "bad", f"[KNOWN] is open - acl. {REMEDY}"),
        ("small", "advisory", "bad", f"is too big - rules.0. {REMEDY}"),
    ]
    assert told(pack.analyze(resource(BUCKET, "other", BAD)).findings)[0][:3] == ("closed", "mandatory", "other")
    assert pack.analyze_stack(stack()).findings == ()


def test_another_finding_of_the_control_is_new() -> None:
    pack = knowing(Pack([small], TODAY), entry("small", detail="is too big - rules.3"), levels={"small": Level.MANDATORY})
    both = {"rules": [{"size": 11}, {"size": 1}, {"size": 12}]}
    assert [item[1] for item in told(pack.analyze(resource(BUCKET, "bad", both)).findings)] == ["advisory", "mandatory"]
    # Of two that differ in their position only, the one that says the same is the known one.
    pack = knowing(pack, entry("small", detail="is too big - rules.2"), levels={"small": Level.MANDATORY})
    assert [item[1] for item in told(pack.analyze(resource(BUCKET, "bad", both)).findings)] == ["mandatory", "advisory"]


def test_what_is_gone_is_said_once_and_never_blocks() -> None:
    pack = knowing(Pack([closed], TODAY), entry(), entry(name="away"), levels={"all": Level.MANDATORY, "baseline": Level.MANDATORY})
    pack.analyze(resource(BUCKET, "bad", {"acl": "closed"}))
    text = "the finding of closed on {} is gone: is open - acl. Remedy: Remove it from the baseline of the profile."
    assert told(pack.analyze_stack(stack()).findings) == [
        ("baseline", "advisory", "", text.format("away")),
        ("baseline", "advisory", "bad", text.format("bad")),
    ]
    knowing(pack, entry(), levels={"baseline": Level.DISABLED})
    assert pack.analyze_stack(stack()).findings == ()


def test_a_control_that_is_gone_from_the_pack_leaves_its_finding_gone() -> None:
    pack = knowing(Pack([closed], TODAY), entry("removed"))
    (finding,) = pack.analyze_stack(stack()).findings
    assert (finding.policy, finding.message[:36]) == ("baseline", "the finding of removed on bad is gon")


@pytest.mark.parametrize(
    ("value", "level"), [(UNKNOWN, Level.MANDATORY), ("closed", Level.DISABLED)], ids=["an unknown value", "a disabled control"]
)
def test_what_was_not_judged_is_not_gone(value: Any, level: Level) -> None:
    pack = knowing(Pack([closed], TODAY), entry(), levels={"closed": level, "unknowns": Level.DISABLED})
    pack.analyze(resource(BUCKET, "bad", {"acl": value}))
    assert pack.analyze_stack(stack()).findings == ()


def test_an_unknown_is_no_known_finding() -> None:
    pack = knowing(Pack([closed], TODAY), entry(detail="acl"), closed={"onUnknown": "fail"})
    (finding,) = pack.analyze(resource(BUCKET, "bad", {"acl": UNKNOWN})).findings
    assert (finding.level, finding.message[:9]) == (Level.MANDATORY, "[UNKNOWN]")


def test_a_control_that_fails_is_not_known() -> None:
    pack = knowing(Pack([failing], TODAY), entry("failing", detail="told before"))
    findings = pack.analyze(resource(BUCKET, "bad", {"password": "p"})).findings
    assert [(item.level, item.message.partition("]")[0]) for item in findings] == [
        (Level.ADVISORY, "[KNOWN"),
        (Level.MANDATORY, "[ERROR"),
    ]
    assert pack.analyze_stack(stack()).findings == ()


def test_a_finding_of_the_stack_is_known_by_the_stacks_urn() -> None:
    exemption = {"control": "keyed", "urn": "*::b*", "reason": "r", "owner": "me", "ticket": "T-1", "expires": "2026-11-20"}
    known = {
        "control": "exemptions",
        "urn": "urn:pulumi:test::project::pulumi:pulumi:Stack::project-test",
        "detail": "the exemption of keyed for *::b* (T-1) covers no finding",
    }
    pack = knowing(Pack([keyed], TODAY), known, exemptions={"entries": [exemption]})
    (finding,) = pack.analyze_stack(stack()).findings
    assert (finding.level, finding.message[:21]) == (Level.ADVISORY, "[KNOWN] the exemption")


def test_a_stack_control_has_known_findings_too() -> None:
    pack = knowing(Pack([keyed], TODAY), entry("keyed", "b", "has no key"))
    (finding,) = pack.analyze_stack(stack(resource(BUCKET, "b"))).findings
    assert (finding.level, finding.message) == (Level.ADVISORY, f"[KNOWN] has no key. {REMEDY}")


@pytest.mark.parametrize(
    ("known", "now", "same"),
    [
        ("allows 22 - ingress[0].fromPort", "allows 22 - ingress[4].fromPort", True),
        ("allows everyone in statement 1", "allows everyone in statement 2", True),
        ("reads logs-1a2b3c4 in vpc-0a1b2c3d4e5f60718", "reads logs-9f8e7d6 in vpc-01234567", True),
        ("allows port 22", "allows port 3389", False),
        ("allows 10.0.0.0/8", "allows 10.0.0.0/9", False),
        ("trusts 123456789012", "trusts 999999999999", False),
        ("keeps backups for 1 day", "keeps backups for 0 days", False),
        ("uses TLS 1.0", "uses TLS 1.1", False),
    ],
)
def test_what_makes_a_finding_the_same(known: str, now: str, same: bool) -> None:
    entries = recognised([Known("a", "u", now)], [Known("a", "u", known)])
    assert entries == [Known("a", "u", known) if same else None]
    assert recognised([Known("a", "u", now)], [Known("b", "u", now), Known("a", "v", now)]) == [None]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([{**entry(), "reason": "r"}], "baseline: entries[0]: must have the texts control, urn, detail, and nothing else"),
        ([entry(), {"control": "closed"}], "baseline: entries[1]: must have the texts control, urn, detail, and nothing else"),
        ([entry(detail="")], "baseline: entries[0]: must have the texts control, urn, detail, and nothing else"),
        ("x", "baseline: entries must be array, not 'x'"),
    ],
)
def test_a_wrong_baseline_is_refused(given: Any, problem: str) -> None:
    assert problem in validate_profile({"baseline": {"entries": given}}, [closed], TODAY)


def test_a_baseline_is_advisory_or_disabled() -> None:
    text = "baseline: a finding that is gone never blocks, so it must be advisory or disabled"
    assert validate_profile({"baseline": "mandatory"}, [closed], TODAY) == [text]


def test_a_baseline_of_another_stack_is_refused_with_one_message() -> None:
    analyzer = Analyzer("pack", "1", [closed], TODAY)
    context: Any = SimpleNamespace(send_initial_metadata=lambda _metadata: None)
    analyzer.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="dev", project="shop"), context)
    with pytest.raises(ProfileError) as caught:
        knowing(analyzer.pack, entry(), entry())
    problem = f"baseline: entries[0]: is of another stack, {urn(BUCKET, 'bad')}; record the findings of this one"
    assert caught.value.problems == (problem,)
