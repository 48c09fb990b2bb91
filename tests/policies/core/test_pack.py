"""A pack at work: levels, isolation, redaction, order."""

import itertools
from collections.abc import Iterator
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

from tests.policies.core.sample_controls import (
    BUCKET,
    KEY,
    REMEDY,
    closed,
    configured,
    elsewhere,
    encrypted,
    failing,
    keyed,
    meta,
    one_key,
    small,
    told,
)
from tests.policies.helpers import resource, secret, stack, urn, verdicts


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


def test_a_stack_control_finds_the_inputs_where_the_pack_keeps_them() -> None:
    def given(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
        for one in stack.resources:
            yield one, Fail(f"was given {sorted(one.inputs.raw)}")

    control = stack_control(**{key: value for key, value in meta("given").items() if key != "types"})(given)
    outputs = stack(resource(BUCKET, "b", {"acl": "closed", "id": "computed"}))
    for keep_inputs, expected in ((True, ["acl"]), (False, ["acl", "id"])):
        pack = Pack([control], keep_inputs=keep_inputs)
        pack.analyze(resource(BUCKET, "b", {"acl": "closed"}))
        assert [finding.message.split(". ")[0] for finding in pack.analyze_stack(outputs).findings] == [f"was given {expected}"]
        outputs = stack(resource(BUCKET, "b", {"acl": "closed", "id": "computed"}))


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
            "[ERROR] the control itself failed with KeyError, so nothing was checked. Remedy: Report it, or fix the control failing.",
        ),
    ]


@pytest.mark.parametrize("result", [None, True, [None], [("x", Pass())], [(Pass(),)], 5])
def test_a_control_that_gives_no_verdict_fails(result: Any) -> None:
    broken = control(**meta("broken"))(lambda resource: result)
    (finding,) = Pack([broken]).analyze(resource(BUCKET)).findings
    assert finding.message.startswith("[ERROR] the control itself failed with TypeError")


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
    report = pack.analyze(resource(BUCKET, "b", {"on": UNKNOWN, "rules": []}))
    (finding,) = pack.analyze_stack(stack()).findings
    assert finding.policy == "unknowns"
    assert report.not_applicable == (("raw", "[UNKNOWN] a value away from its resource"),)


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


def test_unknowns_stand_among_the_findings_by_name() -> None:
    pack = Pack([closed, keyed])
    bucket = resource(BUCKET, "b", {"acl": UNKNOWN})
    pack.analyze(bucket)
    assert [item.policy for item in pack.analyze_stack(stack(bucket)).findings] == ["keyed", "unknowns"]


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
