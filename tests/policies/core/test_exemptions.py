"""Exemptions at work: what they cover, how they show, and what makes one an error."""

from collections.abc import Mapping

import pytest
from cloudpatterns_policies.core import (
    UNKNOWN,
    Level,
    control,
)
from cloudpatterns_policies.core.pack import Pack

from tests.policies.core.sample_controls import BUCKET, REMEDY, TODAY, closed, failing, keyed, meta, small, told
from tests.policies.helpers import resource, stack


def exemption(**changes: str) -> dict[str, str]:
    entry = {"control": "closed", "urn": "*::b*", "reason": "It is empty.", "owner": "me", "ticket": "T-1", "expires": "2026-11-20"}
    return {**entry, **changes}


def exempting(pack: Pack, *entries: dict[str, str], levels: Mapping[str, Level] | None = None) -> Pack:
    pack.configure(levels or {}, {"exemptions": {"entries": list(entries)}})
    return pack


def test_an_exempted_finding_still_shows() -> None:
    pack = exempting(Pack([closed, small], TODAY), exemption())
    bad = {"acl": "open", "rules": [{"size": 11}]}
    assert told(pack.analyze(resource(BUCKET, "bad", bad)).findings) == [
        ("closed", "advisory", "bad", f"[EXEMPT] is open - acl. Exempted until 2026-11-20 by me (T-1): It is empty. {REMEDY}"),
        ("small", "advisory", "bad", f"is too big - rules.0. {REMEDY}"),
    ]
    assert [item[1] for item in told(pack.analyze(resource(BUCKET, "other", {"acl": "open"})).findings)] == ["mandatory"]
    assert pack.analyze_stack(stack()).findings == ()


def test_an_exemption_of_a_stack_control() -> None:
    pack = exempting(Pack([keyed], TODAY), exemption(control="keyed"))
    (finding,) = pack.analyze_stack(stack(resource(BUCKET, "b"))).findings
    assert (finding.level, finding.message.startswith("[EXEMPT] has no key.")) == (Level.ADVISORY, True)


def test_an_exemption_without_a_finding_is_an_error() -> None:
    pack = exempting(Pack([closed], TODAY), exemption())
    pack.analyze(resource(BUCKET, "b", {"acl": "closed"}))
    text = "the exemption of closed for *::b* (T-1) covers no finding. Remedy: Remove it from the profile."
    assert told(pack.analyze_stack(stack()).findings) == [("exemptions", "mandatory", "", text)]
    exempting(pack, exemption(), levels={"exemptions": Level.ADVISORY})
    assert told(pack.analyze_stack(stack()).findings) == [("exemptions", "advisory", "", text)]
    exempting(pack, exemption(), levels={"exemptions": Level.DISABLED})
    assert pack.analyze_stack(stack()).findings == ()


def test_what_cannot_be_judged_yet_keeps_its_exemption() -> None:
    pack = exempting(Pack([closed], TODAY), exemption())
    pack.analyze(resource(BUCKET, "b", {"acl": UNKNOWN}))
    assert [item.policy for item in pack.analyze_stack(stack()).findings] == ["unknowns"]
    exempting(pack, exemption(detail="is open"))
    pack.analyze(resource(BUCKET, "b", {"acl": UNKNOWN}))
    assert [item.policy for item in pack.analyze_stack(stack()).findings] == ["unknowns"]


@pytest.mark.parametrize(
    ("detail", "covered"),
    [("*", [0, 1, 2]), ("is too big", [0, 1, 2]), ("rules.1", [1]), ("rules.?", [0, 1, 2]), ("*.[12]", [1, 2])],
)
def test_a_detail_confines_an_exemption_to_some_findings_of_a_resource(detail: str, covered: list[int]) -> None:
    loud = control(**meta("loud"))(small.check)
    pack = exempting(Pack([loud], TODAY), exemption(control="loud", detail=detail))
    findings = pack.analyze(resource(BUCKET, "b", {"rules": [{"size": 11}] * 3})).findings
    assert [index for index, item in enumerate(findings) if item.message.startswith("[EXEMPT] ")] == covered
    assert [index for index, item in enumerate(findings) if item.level is Level.ADVISORY] == covered
    assert pack.analyze_stack(stack()).findings == ()


def test_an_exemption_whose_detail_fits_no_finding_is_of_no_use() -> None:
    pack = exempting(Pack([closed], TODAY), exemption(detail="is half open"))
    (finding,) = pack.analyze(resource(BUCKET, "b", {"acl": "open"})).findings
    assert finding.level is Level.MANDATORY
    text = "the exemption of closed for *::b* with detail is half open (T-1) covers no finding. Remedy: Remove it from the profile."
    assert told(pack.analyze_stack(stack()).findings) == [("exemptions", "mandatory", "", text)]


@pytest.mark.parametrize(("detail", "level"), [({}, "advisory"), ({"detail": "acl"}, "advisory"), ({"detail": "is open"}, "mandatory")])
def test_an_exempted_unknown_does_not_block(detail: dict[str, str], level: str) -> None:
    pack = Pack([closed], TODAY)
    pack.configure({}, {"closed": {"onUnknown": "fail"}, "exemptions": {"entries": [exemption(**detail)]}})
    (finding,) = pack.analyze(resource(BUCKET, "b", {"acl": UNKNOWN})).findings
    assert finding.level.value == level
    assert ("Exempted until 2026-11-20 by me (T-1): It is empty." in finding.message) is (level == "advisory")
    assert pack.analyze_stack(stack()).findings == ()


def test_an_exemption_of_a_disabled_control_is_of_no_use() -> None:
    pack = exempting(Pack([closed], TODAY), exemption(), levels={"closed": Level.DISABLED})
    assert pack.analyze(resource(BUCKET, "b", {"acl": "open"})).findings == ()
    assert [item.policy for item in pack.analyze_stack(stack()).findings] == ["exemptions"]


def test_a_failing_control_is_not_exempted() -> None:
    pack = exempting(Pack([failing], TODAY), exemption(control="failing"))
    levels = {item.message[:8]: item.level for item in pack.analyze(resource(BUCKET, "b")).findings}
    assert levels == {"[ERROR] ": Level.MANDATORY, "[EXEMPT]": Level.ADVISORY}
