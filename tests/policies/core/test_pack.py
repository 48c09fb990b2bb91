"""A pack at work: levels, isolation, unknowns, exemptions, redaction, order."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import pytest
from cloudpatterns_policies.core import (
    UNKNOWN,
    Control,
    Fail,
    Level,
    NotApplicable,
    Pass,
    ProfileError,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.core.pack import Finding, Pack

from tests.policies.helpers import resource, secret, stack, urn, verdicts

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


def test_a_failure_has_title_severity_remedy_and_link() -> None:
    (finding,) = Pack([closed]).analyze(resource(BUCKET, "b", {"acl": "open"})).findings
    assert finding == Finding("closed", "Title of closed", Level.MANDATORY, Severity.HIGH, urn(BUCKET, "b"), f"is open - acl. {REMEDY}")


@pytest.mark.parametrize(
    ("severity", "level"),
    [(Severity.LOW, "advisory"), (Severity.MEDIUM, "mandatory"), (Severity.HIGH, "mandatory"), (Severity.CRITICAL, "mandatory")],
)
def test_level_follows_severity(severity: Severity, level: str) -> None:
    failure = control(**meta("it", severity))(lambda resource: Fail("is bad"))
    assert told(Pack([failure]).analyze(resource(BUCKET)).findings) == [("it", level, "x", f"is bad. {REMEDY}")]


def test_the_profile_sets_levels_and_properties() -> None:
    pack = Pack([closed, small, configured])
    bad = resource(BUCKET, "b", {"acl": "open", "count": 6, "rules": [{"size": 11}]})
    assert [item[:2] for item in told(pack.analyze(bad).findings)] == [
        ("closed", "mandatory"),
        ("configured", "mandatory"),
        ("small", "advisory"),
    ]
    pack.configure({"closed": Level.DISABLED, "small": Level.MANDATORY, "configured": Level.ADVISORY}, {"configured": {"limit": 1}})
    assert told(pack.analyze(bad).findings) == [
        ("configured", "advisory", "b", f"exceeds 1 o. {REMEDY}"),
        ("small", "mandatory", "b", f"is too big - rules.0. {REMEDY}"),
    ]
    pack.configure({"all": Level.ADVISORY, "closed": Level.MANDATORY}, {})
    assert [item[:2] for item in told(pack.analyze(bad).findings)] == [
        ("closed", "mandatory"),
        ("configured", "advisory"),
        ("small", "advisory"),
    ]


def test_a_disabled_stack_control_does_not_run() -> None:
    pack = Pack([keyed])
    pack.configure({"keyed": Level.DISABLED}, {})
    assert pack.analyze_stack(stack(resource(BUCKET))).findings == ()


def test_a_profile_that_is_refused_changes_nothing() -> None:
    pack = Pack([closed])
    with pytest.raises(ProfileError):
        pack.configure({"clsoed": Level.DISABLED}, {})
    assert len(pack.analyze(resource(BUCKET, props={"acl": "open"})).findings) == 1


def test_a_failing_control_is_told_and_takes_no_other_down() -> None:
    report = Pack([failing, closed]).analyze(resource(BUCKET, "b", {"acl": "open", "password": secret("hunter2")}))
    assert told(report.findings) == [
        ("closed", "mandatory", "b", f"is open - acl. {REMEDY}"),
        ("failing", "mandatory", "b", f"told before. {REMEDY}"),
        (
            "failing",
            "mandatory",
            "b",
            "[ERROR] the control itself failed with KeyError, so nothing is proven. Remedy: Report it, or mend the control failing.",
        ),
    ]


@pytest.mark.parametrize("result", [None, True, [None], [("x", Pass())], [(Pass(),)], 5])
def test_a_control_that_gives_no_verdict_fails(result: Any) -> None:
    broken = control(**meta("broken"))(lambda resource: result)
    (finding,) = Pack([broken]).analyze(resource(BUCKET)).findings
    assert finding.message.startswith("[ERROR] the control itself failed with TypeError")


def test_an_unknown_is_silent_for_the_resource_and_one_line_for_the_stack() -> None:
    pack = Pack([closed, small])
    buckets = [resource(BUCKET, f"b{number}", {"acl": UNKNOWN, "rules": [{"size": 11}, {"size": UNKNOWN}]}) for number in range(4)]
    for bucket in buckets:
        assert [item.message for item in pack.analyze(bucket).findings] == [f"is too big - rules.0. {REMEDY}"]
    later = "If it fails then: Close it. https://example.com/x"
    assert told(pack.analyze_stack(stack(*buckets)).findings) == [
        (
            name,
            "advisory",
            "",
            f"[UNKNOWN] cannot be judged before deployment on 4 resources: b0 ({path}), b1 ({path}), b2 ({path}), b3 ({path}). {later}",
        )
        for name, path in (("closed", "acl"), ("small", "rules.1.size"))
    ]


def test_a_long_list_of_unknowns_is_cut_and_a_single_one_names_its_resource() -> None:
    pack = Pack([closed])
    pack.analyze(resource(BUCKET, "only", {"acl": UNKNOWN}))
    (finding,) = pack.analyze_stack(stack()).findings
    assert finding.urn == urn(BUCKET, "only")
    assert "on 1 resource: only (acl)." in finding.message
    for number in range(6):
        pack.analyze(resource(BUCKET, f"b{number}", {"acl": UNKNOWN}))
    (finding,) = pack.analyze_stack(stack()).findings
    assert finding.urn == ""
    assert "on 7 resources: b0 (acl), b1 (acl), b2 (acl), b3 (acl), b4 (acl) and 2 more." in finding.message


def test_a_resource_that_is_analysed_again_counts_once() -> None:
    pack = Pack([closed])
    pack.analyze(resource(BUCKET, "b", {"acl": UNKNOWN}))
    pack.analyze(resource(BUCKET, "b", {"acl": "closed"}))
    assert pack.analyze_stack(stack()).findings == ()


def test_stack_controls_judge_each_resource_on_its_own() -> None:
    @stack_control(**meta("strict"))
    def strict(resource: Resource, stack: Stack) -> Verdict:
        return Fail("is open") if resource.get("acl") == "open" else Pass()

    whole = stack(resource(BUCKET, "a", {"acl": UNKNOWN}), resource(BUCKET, "b", {"acl": "open"}), resource(BUCKET, "c", {"acl": "closed"}))
    assert verdicts(strict, whole) == [("a", Unknown("acl")), ("b", Fail("is open")), ("c", Pass())]


def test_an_unknown_of_another_resource_names_it() -> None:
    @stack_control(**meta("strict"))
    def strict(resource: Resource, stack: Stack) -> Verdict:
        return Pass() if all(key.get("rotation") for key in stack.of_type(KEY)) else Fail("is not rotated")

    whole = stack(resource(BUCKET, "b"), resource(KEY, "k", {"rotation": UNKNOWN}))
    assert verdicts(strict, whole) == [("b", Unknown("rotation of k"))]


def test_an_unknown_met_away_from_its_resource_is_still_told() -> None:
    @control(**meta("strict"))
    def strict(resource: Resource) -> Verdict:
        return Fail("is on") if resource.raw["on"] else Pass()

    assert verdicts(strict, resource(BUCKET, props={"on": UNKNOWN})) == [Unknown("a value away from its resource")]


def test_a_container_read_by_one_control_is_not_blamed_for_another() -> None:
    @control(**meta("raw"))
    def raw(resource: Resource) -> Verdict:
        return Fail("is on") if resource.raw["on"] else Pass()

    pack = Pack([small, raw])
    pack.analyze(resource(BUCKET, "b", {"on": UNKNOWN, "rules": []}))
    (finding,) = pack.analyze_stack(stack()).findings
    assert "b (a value away from its resource)" in finding.message


def test_a_control_of_the_whole_stack_ends_at_an_unknown_and_keeps_what_it_told() -> None:
    @stack_control(**meta("strict", types=()))
    def strict(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
        for item in stack.resources:
            yield item, Fail("is open") if item.get("acl") == "open" else Pass()

    whole = stack(resource(BUCKET, "a", {"acl": "open"}), resource(BUCKET, "b", {"acl": UNKNOWN}), resource(BUCKET, "c", {"acl": "open"}))
    assert verdicts(strict, whole) == [("a", Fail("is open")), ("b", Unknown("acl"))]


def test_a_failing_stack_control_is_told() -> None:
    def fails(resource: Resource, stack: Stack) -> Verdict:
        raise RuntimeError("hunter2")

    broken = stack_control(**meta("broken", Severity.LOW))(fails)
    findings = Pack([broken, keyed]).analyze_stack(stack(resource(BUCKET, "b"))).findings
    assert [(item.policy, item.level.value) for item in findings] == [("broken", "advisory"), ("keyed", "mandatory")]
    assert "RuntimeError" in findings[0].message
    assert "hunter2" not in findings[0].message
    with pytest.raises(RuntimeError, match="hunter2"):
        verdicts(broken, stack(resource(BUCKET)))


def test_not_applicable_is_told_apart() -> None:
    pack = Pack([closed, elsewhere, keyed, one_key, encrypted])
    assert pack.analyze(resource(BUCKET)).not_applicable == (("elsewhere", "kind of log target"),)
    assert pack.analyze(resource(KEY)).not_applicable == (("closed", "of another resource type"), ("elsewhere", "of another resource type"))
    report = pack.analyze_stack(stack(resource(BUCKET)))
    assert report.not_applicable == (("encrypted", f"the stack has no resource of type {KEY}"),)
    assert verdicts(elsewhere, resource(KEY)) == [NotApplicable(f"not of type {BUCKET}")]


def test_a_control_that_judged_something_is_applicable() -> None:
    @stack_control(**meta("some"))
    def some(resource: Resource, stack: Stack) -> Verdict:
        return NotApplicable("kind of log target") if resource.name == "logs" else Pass()

    pack = Pack([some])
    assert pack.analyze_stack(stack(resource(BUCKET, "logs"), resource(BUCKET, "b"))).not_applicable == ()
    assert pack.analyze_stack(stack(resource(BUCKET, "logs"))).not_applicable == (("some", "kind of log target"),)


def test_findings_come_in_one_order_whatever_the_order_of_resources() -> None:
    resources = [resource(BUCKET, "b"), resource(BUCKET, "a"), resource(KEY, "z"), resource(KEY, "y")]
    reports = {Pack([encrypted, keyed]).analyze_stack(stack(*order)).findings for order in itertools.permutations(resources)}
    assert len(reports) == 1
    assert [item[::2] for item in told(reports.pop())] == [("encrypted", "y"), ("encrypted", "z"), ("keyed", "a"), ("keyed", "b")]


def test_findings_of_one_resource_come_in_one_order() -> None:
    rules = [{"size": 11 + index} for index in range(3)]
    findings = Pack([small, closed]).analyze(resource(BUCKET, props={"rules": rules, "acl": "open"})).findings
    assert [(item.policy, item.message.split(".", 2)[1]) for item in findings][1:] == [("small", "0"), ("small", "1"), ("small", "2")]


def test_findings_of_one_control_come_in_one_order() -> None:
    @control(**meta("backwards"))
    def backwards(resource: Resource) -> list[Verdict]:
        return [Fail("is bad", "b"), Fail("is bad", "a"), Fail("is awful", "b")]

    findings = Pack([backwards]).analyze(resource(BUCKET)).findings
    assert [item.message.split(".")[0] for item in findings] == ["is bad - a", "is awful - b", "is bad - b"]


def test_unknowns_stand_among_the_findings_by_control() -> None:
    pack = Pack([closed, keyed])
    bucket = resource(BUCKET, "b", {"acl": UNKNOWN})
    pack.analyze(bucket)
    assert [item.policy for item in pack.analyze_stack(stack(bucket)).findings] == ["closed", "keyed"]


def telltale(path: str) -> Control:
    return control(**meta("telltale"))(lambda resource: Fail(f"has {resource.get(path)}", f"value {resource.get(path)}"))


def test_a_message_never_holds_a_secret() -> None:
    (finding,) = Pack([telltale("password")]).analyze(resource(BUCKET, props={"password": secret("hunter2")})).findings
    assert finding.message == f"has [secret] - value [secret]. {REMEDY}"


def test_a_stack_control_tells_no_secret_of_another_resource() -> None:
    @stack_control(**meta("telltale"))
    def tell(resource: Resource, stack: Stack) -> Verdict:
        return Fail(f"knows {stack.of_type(KEY)[0].get('material')}")

    (finding,) = Pack([tell]).analyze_stack(stack(resource(BUCKET), resource(KEY, "k", {"material": secret("hunter2")}))).findings
    assert finding.message == f"knows [secret]. {REMEDY}"


def test_secret_settings_are_kept_out_too() -> None:
    pack = Pack([telltale("plain")])
    pack.add_secrets(["hunter2"])
    (finding,) = pack.analyze(resource(BUCKET, props={"plain": "hunter2"})).findings
    assert "hunter2" not in finding.message


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
    assert [item.policy for item in pack.analyze_stack(stack()).findings] == ["closed"]


def test_a_failing_control_is_not_exempted() -> None:
    pack = exempting(Pack([failing], TODAY), exemption(control="failing"))
    levels = {item.message[:8]: item.level for item in pack.analyze(resource(BUCKET, "b")).findings}
    assert levels == {"[ERROR] ": Level.MANDATORY, "[EXEMPT]": Level.ADVISORY}
