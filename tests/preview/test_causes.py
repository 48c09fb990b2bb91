"""Findings with one cause are one block: what breaks, which controls say so, and every resource that has it."""

from pathlib import Path

from cloudpatterns_policies.core.profiles import PACKS
from offline_preview.causes import Cause, causes
from offline_preview.findings import Control, Finding, Level, PackReport, StackReport
from offline_preview.graph import Graph, Resource
from offline_preview.reports import terminal

RULE, BALANCER = "urn:rule::ssh", "urn:lb::front"
SSH = "opens port 22 (SSH) to 0.0.0.0/0 - cidrIpv4."
PATH = "allows the internet on port 22: rule ssh -> security group web - cidrIpv4."


def finding(control: str, urn: str, message: str, severity: str = "high", level: Level = "mandatory") -> Finding:
    return Finding(control, "own", "fail", level, severity, urn, message)


def found(*findings: Finding) -> list[Cause]:
    return causes(findings, lambda one: one.message)


def said(cause: Cause) -> list[tuple[str, list[str]]]:
    return [(statement.text, [one.control for one in statement.findings]) for statement in cause.statements]


def test_what_controls_say_about_one_property_has_one_cause_under_the_worst() -> None:
    (cause,) = found(
        finding("ssh", RULE, SSH),
        finding("path", RULE, PATH, "critical"),
        finding("risky", RULE, SSH, "critical"),
    )
    assert (cause.where, cause.urns, cause.worst.control, cause.count) == ("cidrIpv4", (RULE,), "path", 3)
    assert said(cause) == [
        ("allows the internet on port 22: rule ssh -> security group web.", ["path"]),
        ("opens port 22 (SSH) to 0.0.0.0/0.", ["risky", "ssh"]),
    ]


def test_without_a_property_the_text_tells_causes_apart() -> None:
    first, second = found(
        finding("acl", BALANCER, "is internet-facing without a web ACL."),
        finding("https", BALANCER, "has no HTTPS listener."),
        finding("waf", BALANCER, "is internet-facing without a web ACL.", "medium"),
    )
    assert said(first) == [("is internet-facing without a web ACL.", ["acl", "waf"])]
    assert said(second) == [("has no HTTPS listener.", ["https"])]


def test_resources_with_the_same_findings_are_shown_together() -> None:
    urns = [f"urn:queue::q{number}" for number in range(50)]
    first, second = found(*(finding("tags", urn, f"has no tag {'Team' if urn == urns[7] else 'Owner'} - tags.") for urn in urns))
    assert (first.urns, first.count) == (tuple(urn for urn in urns if urn != urns[7]), 49)
    assert (second.urns, said(second)) == ((urns[7],), [("has no tag Team.", ["tags"])])


def test_another_level_of_one_resource_keeps_it_apart() -> None:
    blocks, allowed = found(
        finding("tags", "urn:q::b", "has no tag Owner - tags.", level="advisory"), finding("tags", "urn:q::a", "has no tag Owner - tags.")
    )
    assert (blocks.urns, allowed.urns) == (("urn:q::a",), ("urn:q::b",))


def test_a_dash_in_a_sentence_is_no_property() -> None:
    (cause,) = found(finding("no-path", RULE, "reaches the database - by two ways, over a peering."))
    assert (cause.where, said(cause)) == ("", [("reaches the database - by two ways, over a peering.", ["no-path"])])


def test_the_note_of_an_exemption_stays_behind_the_property() -> None:
    (cause,) = found(finding("tags", RULE, "has no tag Owner - tags. Exempted until 2027-01-31 by a (OPS-1): soon."))
    assert (cause.where, said(cause)) == ("tags", [("has no tag Owner. Exempted until 2027-01-31 by a (OPS-1): soon.", ["tags"])])


def test_five_findings_of_one_rule_a_missing_web_acl_and_fifty_missing_tags_fit_on_a_screen() -> None:
    """Text and links as the packs have them; every finding stays in the reports for programs."""
    start = "urn:pulumi:prod::shop::"
    rule = f"{start}aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::ssh"
    balancer = f"{start}aws:lb/loadBalancer:LoadBalancer::front"
    queues = [f"{start}aws:sqs/queue:Queue::queue-{number}" for number in range(50)]
    texts = {one.id: one for controls in PACKS.values() for one in controls()}
    ssh = ("security-group-high-risk-ports", "security-group-authorized-ports", "security-group-ssh")
    findings = (
        *(finding(name, rule, SSH, texts[name].severity.label) for name in ssh),
        *(finding(name, rule, PATH, "critical") for name in ("functional-firewall", "operational-firewall")),
        *(finding(name, balancer, "is internet-facing without a web ACL.") for name in ("web-application-firewall", "alb-web-acl")),
        *(finding("required-tags", queue, "has no tag Owner, CostCenter, Environment - tags.", "medium") for queue in queues),
    )
    controls = tuple(
        Control(name, "own", remediation=texts[name].remediation, url=texts[name].url)
        for name in dict.fromkeys(one.control for one in findings)
    )
    resources = [Resource(urn, urn.split("::")[2], urn.split("::")[-1], True) for urn in (rule, balancer, *queues)]
    report = StackReport(Graph("shop", "prod", resources), (PackReport("own", "1", Path("own"), controls, findings),))
    out = terminal.console(80)
    with out.capture() as capture:
        terminal.show(out, [report])
    text = capture.get()
    shown = text[text.index(" CRITICAL ") : text.index("prod  ")].rstrip().splitlines()
    assert len(shown) <= 25
    assert "sqs.Queue queue-0, queue-1, queue-2 and 47 more - tags" in text
    assert len(report.findings) == 57
