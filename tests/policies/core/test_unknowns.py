"""Unknown verdicts: one line for all of them, or findings where the profile asks for that."""

import re
from collections.abc import Iterator

import pytest
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    Level,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.core.pack import Pack
from cloudpatterns_policies.core.unknowns import UNKNOWNS_REMEDY, UNKNOWNS_REMEDY_ELSEWHERE

from tests.policies.core.sample_controls import BUCKET, REMEDY, closed, meta, small, told
from tests.policies.helpers import resource, stack, urn

LINE = "values are unknown"


def summed(text: str) -> tuple[str, str, str, str]:
    return ("unknowns", "advisory", "", f"[UNKNOWN] {text}. Remedy: {UNKNOWNS_REMEDY}")


def test_an_unknown_is_silent_for_the_resource_and_all_are_one_line_for_the_stack() -> None:
    pack = Pack([closed, small])
    buckets = [resource(BUCKET, f"b{number}", {"acl": UNKNOWN, "rules": [{"size": 11}, {"size": UNKNOWN}]}) for number in range(4)]
    for bucket in buckets:
        report = pack.analyze(bucket)
        assert [item.message for item in report.findings] == [f"is too big - rules.0. {REMEDY}"]
        assert report.not_applicable == (("closed", "[UNKNOWN] acl"), ("small", "[UNKNOWN] rules.1.size"))
    assert told(pack.analyze_stack(stack(*buckets)).findings) == [
        summed(f"8 checks of 2 controls cannot be decided, because {LINE}: closed (4), small (4)")
    ]


@pytest.mark.parametrize("remedy", [UNKNOWNS_REMEDY, UNKNOWNS_REMEDY_ELSEWHERE])
def test_the_remedy_holds_however_the_pack_is_run(remedy: str) -> None:
    # In a deployed run, or on an export, advice to do just that would go round in circles.
    assert not re.match("Run |Once ", remedy)
    assert "what stays unknown there needs a look at the program or at AWS" in remedy


def test_a_single_unknown_is_summed_up_too_and_a_disabled_summary_says_nothing() -> None:
    pack = Pack([closed])
    pack.analyze(resource(BUCKET, "only", {"acl": UNKNOWN}))
    assert told(pack.analyze_stack(stack()).findings) == [summed(f"1 check of 1 control cannot be decided, because {LINE}: closed (1)")]
    pack.configure({"unknowns": Level.DISABLED}, {})
    assert pack.analyze_stack(stack()).findings == ()


def test_many_controls_with_unknowns_are_cut() -> None:
    pack = Pack([control(**meta(f"c{number}"))(lambda resource: Fail(resource.get("acl"))) for number in range(7)])
    pack.analyze(resource(BUCKET, "b", {"acl": UNKNOWN}))
    (finding,) = pack.analyze_stack(stack()).findings
    assert "7 checks of 7 controls" in finding.message
    assert ": c0 (1), c1 (1), c2 (1), c3 (1), c4 (1) and 2 more." in finding.message


def test_unknowns_of_resource_and_stack_controls_are_counted_together_and_named() -> None:
    @stack_control(**meta("strict"))
    def strict(resource: Resource, stack: Stack) -> Verdict:
        return Fail("is open") if resource.get("acl") == "open" else Pass()

    @stack_control(**meta("whole", types=()))
    def whole(stack: Stack) -> Iterator[Verdict]:
        yield Unknown("account")
        yield Unknown("account")

    pack = Pack([closed, strict, whole])
    bucket = resource(BUCKET, "b", {"acl": UNKNOWN})
    pack.analyze(bucket)
    report = pack.analyze_stack(stack(bucket, resource(BUCKET, "c")))
    assert told(report.findings) == [summed(f"3 checks of 3 controls cannot be decided, because {LINE}: closed (1), strict (1), whole (1)")]
    assert report.not_applicable == (("strict", f"[UNKNOWN] acl at {urn(BUCKET, 'b')}"), ("whole", "[UNKNOWN] account"))


@pytest.mark.parametrize(("severity", "level"), [(Severity.HIGH, "mandatory"), (Severity.LOW, "advisory")])
def test_an_unknown_fails_as_hard_as_its_control_when_asked_to(severity: Severity, level: str) -> None:
    strict = control(**meta("strict", severity))(lambda resource: Fail("is open") if resource.get("acl") == "open" else Pass())
    pack = Pack([strict, small])
    pack.configure({}, {"strict": {"onUnknown": "fail"}})
    bucket = resource(BUCKET, "b", {"acl": UNKNOWN, "rules": UNKNOWN})
    text = "[UNKNOWN] cannot be checked before deployment, because acl is unknown until then. If it fails then: Close it."
    report = pack.analyze(bucket)
    assert told(report.findings) == [("strict", level, "b", f"{text} https://example.com/x")]
    assert report.not_applicable == (("small", "[UNKNOWN] rules"), ("strict", "[UNKNOWN] acl"))
    assert told(pack.analyze_stack(stack(bucket)).findings) == [
        summed(f"1 check of 1 control cannot be decided, because {LINE}: small (1)")
    ]


def test_an_unknown_of_a_stack_control_fails_one_by_one() -> None:
    @stack_control(**meta("strict"))
    def strict(resource: Resource, stack: Stack) -> Verdict:
        return Fail("is open") if resource.get("acl") == "open" else Pass()

    pack = Pack([strict])
    pack.configure({}, {"strict": {"onUnknown": "fail"}})
    buckets = [resource(BUCKET, name, {"acl": UNKNOWN}) for name in ("b", "a")]
    assert [item[:3] for item in told(pack.analyze_stack(stack(*buckets)).findings)] == [
        ("strict", "mandatory", "a"),
        ("strict", "mandatory", "b"),
    ]
