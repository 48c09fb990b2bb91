from pathlib import Path

import pytest
from offline_preview.findings import (
    Control,
    Finding,
    PackReport,
    Redactor,
    StackReport,
    Undecided,
    classify,
    rank,
    short_type,
    shown_message,
    undecided_path,
)
from offline_preview.graph import Graph
from offline_preview.values import Secret

from tests.preview.conftest import STACK_URN


def finding(**changes: str) -> Finding:
    """A failed advisory control of medium severity."""
    fields = {"control": "c", "pack": "p", "verdict": "fail", "level": "advisory", "severity": "medium", "urn": STACK_URN, "message": "m"}
    return Finding(**{**fields, **changes})  # ty: ignore[invalid-argument-type] - texts of the right kind


@pytest.mark.parametrize(
    ("message", "verdict", "text"),
    [
        ("[UNKNOWN] cannot be judged", "unknown", "cannot be judged"),
        ("[EXEMPT] is open", "exempt", "is open"),
        ("[ERROR] failed", "error", "failed"),
        ("is open [EXEMPT]", "fail", "is open [EXEMPT]"),
        ("can't run policy 'x' from policy pack", "unknown", "can't run policy 'x' from policy pack"),
    ],
)
def test_a_messages_mark_tells_its_verdict(message: str, verdict: str, text: str) -> None:
    assert classify(message) == (verdict, text)


def test_the_sdks_description_before_a_mark_does_not_hide_it() -> None:
    assert classify("Ports are closed\n[UNKNOWN] it depends", "Ports are closed") == ("unknown", "it depends")
    assert classify("Ports are closed\n[UNKNOWN] it depends", "Ports") == ("fail", "Ports are closed\n[UNKNOWN] it depends")
    assert classify("Ports are closed\nis open", "Ports are closed") == ("fail", "Ports are closed\nis open")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("is open - cidrIpv4. Remedy: Close it. https://x", "is open - cidrIpv4."),
        ("cannot be judged. If it fails then: Close it. https://x", "cannot be judged."),
        ("Ports are closed\nport 22 is open", "port 22 is open"),
        ("is open", "is open"),
    ],
)
def test_views_show_the_message_without_what_they_show_elsewhere(message: str, shown: str) -> None:
    control = Control("c", "p", description="Ports are closed", remediation="Close it.")
    assert shown_message(finding(message=message), control) == shown
    assert shown_message(finding(message="plain"), Control("c", "p")) == "plain"


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("of another resource type", None),
        ("is [UNKNOWN] acl", None),
        ("[UNKNOWN] acl", ("acl", "")),
        ("[UNKNOWN] arn of b at urn:pulumi:dev::shop::a:b:C::x", ("arn of b", "urn:pulumi:dev::shop::a:b:C::x")),
        ("[UNKNOWN] a value at home", ("a value at home", "")),
    ],
)
def test_a_reason_tells_what_could_not_be_decided(reason: str, found: tuple[str, str] | None) -> None:
    assert undecided_path(reason) == found


def test_undecided_checks_are_counted_in_the_place_of_their_summary(graph: Graph) -> None:
    checks = tuple(Undecided("d", "p", "high", urn, "acl") for urn in ("a", "b", "c"))
    first = PackReport("p", "1", Path("p"), (), (finding(verdict="unknown", severity="low"), finding()), undecided=checks)
    second = PackReport("q", "1", Path("q"), (), (finding(verdict="unknown"), finding(verdict="unknown")))
    report = StackReport(graph, (first, second))
    assert report.summary()["unknown"] == 5
    assert [found.severity for found in report.all_findings] == ["high", "high", "high", "medium", "medium", "medium", "low"]


def test_an_undecided_check_that_is_a_finding_already_is_not_told_twice() -> None:
    checks = tuple(Undecided("c", "p", "medium", urn, "acl") for urn in (STACK_URN, "other"))
    told = (finding(verdict="unknown", level="mandatory"), finding(control="d"))
    message = "cannot be checked before deployment, because acl is unknown until then."
    assert PackReport("p", "1", Path("p"), (), told, undecided=checks).all_findings == [
        *told,
        finding(verdict="unknown", urn="other", message=message),
    ]


def test_the_summary_counts(graph: Graph) -> None:
    findings = (
        finding(),
        finding(verdict="error"),
        finding(level="mandatory", severity="low"),
        finding(verdict="unknown"),
        finding(verdict="exempt"),
    )
    controls = (Control("c", "p"), Control("d", "p", level="disabled"))
    report = StackReport(graph, (PackReport("p", "1", Path("p"), controls, findings),), 1.23456)
    assert report.summary() == {
        "compliant": False,
        "resources": 3,
        "components": 1,
        "mandatory": 1,
        "advisory": 2,
        "unknown": 1,
        "exempt": 1,
        "known": 0,
        "gone": 0,
        "controls": 1,
        "packs": ["p"],
        "profiles": [None],
        "seconds": 1.235,
    }


def test_blocking_findings_come_first_then_the_severest(graph: Graph) -> None:
    findings = (finding(message="a"), finding(message="b", severity="critical"), finding(message="c", severity="low", level="mandatory"))
    report = StackReport(graph, (PackReport("p", "1", Path("p"), (), findings),))
    assert [found.message for found in report.findings] == ["c", "b", "a"]
    assert not report.compliant
    assert StackReport(graph, (PackReport("p", "1", Path("p"), (), findings[:2]),)).compliant


def test_secrets_are_taken_out_of_texts(graph: Graph) -> None:
    redact = Redactor(graph)
    assert redact("password correct horse and token hunter22 for logs") == "password [secret] and token [secret] for logs"


def test_a_secret_that_begins_another_leaves_no_rest(graph: Graph) -> None:
    graph.outputs["longer"] = Secret(["hunter22-and-more", {"key": "hunter22-and"}, "abc", 12345])
    assert Redactor(graph)("hunter22-and-more abc 12345") == "[secret] abc 12345"


def test_names_are_short() -> None:
    assert [short_type(text) for text in ("aws:ec2/vpc:Vpc", "cloudpatterns:index:Network", "aws:s3:Bucket", "odd")] == [
        "ec2.Vpc",
        "Network",
        "s3.Bucket",
        "odd",
    ]
    assert sorted(["low", "made-up", "critical", "unspecified"], key=rank) == ["critical", "low", "unspecified", "made-up"]


def test_what_the_packs_were_judged_by_is_said_once_where_it_is_the_same(graph: Graph) -> None:
    prod = PackReport("p", "1", Path("p"), profile=Path("p/prod.json"))
    other, none = PackReport("q", "1", Path("q"), profile=Path("q/prod.json")), PackReport("r", "1", Path("r"))
    assert StackReport(graph, (prod, other)).profiles == "profile prod"
    assert StackReport(graph, (prod, none)).profiles == "p: profile prod, r: no profile"
    assert StackReport(graph, (none,)).profiles == "no profile"
    assert StackReport(graph).profiles == ""
