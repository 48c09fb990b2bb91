"""AWS Network Firewall."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import network_firewall as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

Props = dict[str, Any]

FIREWALL, POLICY = "aws:networkfirewall/firewall:Firewall", "aws:networkfirewall/firewallPolicy:FirewallPolicy"
GROUP, LOGGING = "aws:networkfirewall/ruleGroup:RuleGroup", "aws:networkfirewall/loggingConfiguration:LoggingConfiguration"


@pytest.mark.parametrize(
    ("control", "path", "message"),
    [
        (controls.network_firewall_deletion_protection, "deleteProtection", "has no deletion protection"),
        (controls.network_firewall_subnet_change_protection, "subnetChangeProtection", "allows its subnets to be changed"),
    ],
)
def test_protections(control: Control, path: str, message: str) -> None:
    assert verdicts(control, resource(FIREWALL, props={path: True})) == [Pass()]
    assert verdicts(control, resource(FIREWALL, props={path: False})) == [Fail(message, path)]
    assert verdicts(control, resource(FIREWALL, props={path: UNKNOWN})) == [Unknown(path)]
    assert verdicts(control, resource(FIREWALL)) == [Fail(message, path)]


def test_logs() -> None:
    control, firewall = controls.network_firewall_logging, resource(FIREWALL, "edge", {"arn": "arn:edge"})
    logging = resource(LOGGING, "logs", {"firewallArn": UNKNOWN}, deps={"firewallArn": ["edge"]})
    assert verdicts(control, stack(firewall, logging)) == [("edge", Pass())]
    assert verdicts(control, stack(firewall, resource(LOGGING, "logs", {"firewallArn": "arn:edge"}))) == [("edge", Pass())]
    assert verdicts(control, stack(firewall, resource(LOGGING, "logs", {"firewallArn": "arn:other"}))) == [("edge", Fail("writes no logs"))]
    assert verdicts(control, stack(firewall)) == [("edge", Fail("writes no logs"))]


def actions(packets: Any, fragments: Any) -> Props:
    return {"firewallPolicy": {"statelessDefaultActions": packets, "statelessFragmentDefaultActions": fragments}}


PACKETS, FRAGMENTS = "firewallPolicy.statelessDefaultActions", "firewallPolicy.statelessFragmentDefaultActions"
PASSED = Fail("passes packets that no stateless rule matches without inspection", PACKETS)
FRAGMENTS_PASSED = Fail("passes fragments that no stateless rule matches without inspection", FRAGMENTS)


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (actions(["aws:forward_to_sfe"], ["aws:drop"]), [Pass()]),
        (actions(["aws:drop", "metric"], ["aws:forward_to_sfe"]), [Pass()]),
        (actions(["aws:pass"], ["aws:drop"]), [PASSED]),
        (actions(["aws:drop"], ["aws:pass"]), [FRAGMENTS_PASSED]),
        (actions([UNKNOWN], UNKNOWN), [Unknown(PACKETS), Unknown(FRAGMENTS)]),
        ({}, [PASSED, FRAGMENTS_PASSED]),
    ],
)
def test_default_actions(props: Props, expected: list[Verdict]) -> None:
    assert verdicts(controls.network_firewall_default_actions, resource(POLICY, props=props)) == expected


STATEFUL, STATELESS = "statefulRuleGroupReferences", "statelessRuleGroupReferences"
NO_GROUP = Fail("has no rule group", f"firewallPolicy.{STATEFUL}")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({STATEFUL: [{"resourceArn": UNKNOWN}]}, Pass()),
        ({STATELESS: [{"resourceArn": "a"}], STATEFUL: UNKNOWN}, Pass()),
        ({STATEFUL: [], STATELESS: []}, NO_GROUP),
        ({}, NO_GROUP),
        ({STATEFUL: UNKNOWN}, Unknown(f"firewallPolicy.{STATEFUL}")),
        ({STATELESS: UNKNOWN}, Unknown(f"firewallPolicy.{STATELESS}")),
    ],
)
def test_rule_groups(policy: Props, expected: Verdict) -> None:
    assert verdicts(controls.network_firewall_rule_groups, resource(POLICY, props={"firewallPolicy": policy})) == [expected]


RULES = "ruleGroup.rulesSource.statelessRulesAndCustomActions.statelessRules"


def group(rules: Any, kind: Any = "STATELESS") -> Props:
    return {"type": kind, "ruleGroup": {"rulesSource": {"statelessRulesAndCustomActions": {"statelessRules": rules}}}}


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (group([{"priority": 1}]), Pass()),
        (group([]), Fail("has no rules", RULES)),
        ({"type": "STATELESS"}, Fail("has no rules", RULES)),
        (group(UNKNOWN), Unknown(RULES)),
        (group([], UNKNOWN), Unknown("type")),
        ({"type": "STATEFUL", "rules": "pass"}, NotApplicable("is no stateless rule group")),
    ],
)
def test_stateless_rules(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.network_firewall_stateless_rules, resource(GROUP, props=props)) == [expected]


def strict(stateful: Any, order: Any = "STRICT_ORDER") -> Props:
    return {"firewallPolicy": {"statefulEngineOptions": {"ruleOrder": order}, "statefulDefaultActions": stateful}}


DEFAULTS = "firewallPolicy.statefulDefaultActions"
LET_THROUGH = Fail("passes traffic that no stateful rule matches", DEFAULTS)


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (strict(["aws:alert_established", "aws:drop_established"]), Pass()),
        (strict(["aws:drop_strict"]), Pass()),
        (strict(["aws:alert_established"]), LET_THROUGH),
        (strict(None), LET_THROUGH),
        (strict(UNKNOWN), Unknown(DEFAULTS)),
        (strict([UNKNOWN]), Unknown(f"{DEFAULTS}.0")),
        (strict([], UNKNOWN), Unknown("firewallPolicy.statefulEngineOptions.ruleOrder")),
        (strict([], "DEFAULT_ACTION_ORDER"), NotApplicable("has no strict rule order")),
        ({}, NotApplicable("has no strict rule order")),
    ],
)
def test_stateful_default(props: Props, expected: Verdict) -> None:
    assert verdicts(controls.network_firewall_stateful_default, resource(POLICY, props=props)) == [expected]
