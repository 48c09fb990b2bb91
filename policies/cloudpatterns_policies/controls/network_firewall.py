"""AWS Network Firewall: policies that inspect, rule groups, logs, and protection against changes."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.core import (
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/networkfirewall-controls.html"

_FIREWALL: Final = "aws:networkfirewall/firewall:Firewall"
_POLICY: Final = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
_GROUP: Final = "aws:networkfirewall/ruleGroup:RuleGroup"
_LOGGING: Final = "aws:networkfirewall/loggingConfiguration:LoggingConfiguration"

_STATELESS: Final = ("statelessDefaultActions", "statelessFragmentDefaultActions")
_INSPECTING: Final = ("aws:drop", "aws:forward_to_sfe")
_GROUPS: Final = ("statefulRuleGroupReferences", "statelessRuleGroupReferences")


@control(
    id="network-firewall-deletion-protection",
    title="Network firewalls are protected against deletion",
    severity=Severity.MEDIUM,
    types=(_FIREWALL,),
    why="One wrong command deletes the firewall, and the traffic that is routed through it stops.",
    remediation="Set delete_protection to True.",
    url=f"{_PAGE}#networkfirewall-9",
    frameworks={"FSBP": ("NetworkFirewall.9",), "Checkov": ("CKV_AWS_344",)},
)
def network_firewall_deletion_protection(resource: Resource) -> Verdict:
    return Pass() if resource.get("deleteProtection", False) else Fail("has no deletion protection", "deleteProtection")


@control(
    id="network-firewall-subnet-change-protection",
    title="Network firewalls are protected against a change of subnets",
    severity=Severity.LOW,
    types=(_FIREWALL,),
    why="A firewall that loses a subnet leaves the traffic of that zone without an endpoint.",
    remediation="Set subnet_change_protection to True.",
    url=f"{_PAGE}#networkfirewall-10",
    frameworks={"FSBP": ("NetworkFirewall.10",)},
)
def network_firewall_subnet_change_protection(resource: Resource) -> Verdict:
    path = "subnetChangeProtection"
    return Pass() if resource.get(path, False) else Fail("allows its subnets to be changed", path)


@stack_control(
    id="network-firewall-logging",
    title="Network firewalls write logs",
    severity=Severity.MEDIUM,
    types=(_FIREWALL,),
    why="Without logs, nobody sees what the firewall dropped, and what it let through.",
    remediation="Add an aws.networkfirewall.LoggingConfiguration with the firewall's ARN as firewall_arn.",
    url=f"{_PAGE}#networkfirewall-2",
    frameworks={"FSBP": ("NetworkFirewall.2",), "Checkov": ("CKV2_AWS_63",)},
)
def network_firewall_logging(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if stack.referrers(resource, _LOGGING, "firewallArn") else Fail("writes no logs")


@control(
    id="network-firewall-default-actions",
    title="Firewall policies drop or inspect what no stateless rule matches",
    severity=Severity.MEDIUM,
    types=(_POLICY,),
    why="What passes by default is neither inspected by the stateful rules nor logged.",
    remediation="Set stateless_default_actions and stateless_fragment_default_actions to forward to the stateful engine, or to drop.",
    url=f"{_PAGE}#networkfirewall-4",
    frameworks={"FSBP": ("NetworkFirewall.4", "NetworkFirewall.5")},
)
def network_firewall_default_actions(resource: Resource) -> Iterator[Verdict]:
    for name in _STATELESS:
        path = f"firewallPolicy.{name}"
        if resource.is_unknown(path) or resource.unknown_paths(path):
            yield Unknown(path)
        elif not set(_INSPECTING) & set(resource.get(path, ())):
            what = "fragments" if "Fragment" in name else "packets"
            yield Fail(f"passes {what} that no stateless rule matches without inspection", path)


@control(
    id="network-firewall-rule-groups",
    title="Firewall policies have rule groups",
    severity=Severity.MEDIUM,
    types=(_POLICY,),
    why="A policy without rules treats all traffic alike.",
    remediation="Name rule groups in stateful_rule_group_references or stateless_rule_group_references.",
    url=f"{_PAGE}#networkfirewall-3",
    frameworks={"FSBP": ("NetworkFirewall.3",)},
)
def network_firewall_rule_groups(resource: Resource) -> Verdict:
    paths = [f"firewallPolicy.{name}" for name in _GROUPS]
    unknown = [path for path in paths if resource.is_unknown(path)]
    if any(resource.get(path) for path in paths if path not in unknown):
        return Pass()
    return Unknown(unknown[0]) if unknown else Fail("has no rule group", paths[0])


@control(
    id="network-firewall-stateless-rules",
    title="Stateless rule groups have rules",
    severity=Severity.MEDIUM,
    types=(_GROUP,),
    why="An empty group matches nothing, although the policy seems to have rules.",
    remediation="Add stateless_rules to rules_source.stateless_rules_and_custom_actions.",
    url=f"{_PAGE}#networkfirewall-6",
    frameworks={"FSBP": ("NetworkFirewall.6",)},
)
def network_firewall_stateless_rules(resource: Resource) -> Verdict:
    if resource.get("type") != "STATELESS":
        return NotApplicable("is no stateless rule group")
    # `rules` has them as text, of stateful groups alone.
    path = "ruleGroup.rulesSource.statelessRulesAndCustomActions.statelessRules"
    return Pass() if resource.get(path) else Fail("has no rules", path)


@control(
    id="network-firewall-stateful-default",
    title="Firewall policies with a strict rule order drop what no rule allows",
    severity=Severity.LOW,
    types=(_POLICY,),
    why="In strict order, traffic that matches no rule passes unless the policy has a default action that drops it.",
    remediation="Set stateful_default_actions to an action that drops established connections, and one that alerts of them.",
    url="https://docs.aws.amazon.com/network-firewall/latest/developerguide/suricata-rule-evaluation-order.html",
)
def network_firewall_stateful_default(resource: Resource) -> Verdict:
    if resource.get("firewallPolicy.statefulEngineOptions.ruleOrder", "DEFAULT_ACTION_ORDER") != "STRICT_ORDER":
        return NotApplicable("has no strict rule order")
    path = "firewallPolicy.statefulDefaultActions"
    if unknown := resource.unknown_paths(path):
        return Unknown(unknown[0])
    dropped = any(action.startswith("aws:drop_") for action in resource.get(path, ()))
    return Pass() if dropped else Fail("passes traffic that no stateful rule matches", path)
