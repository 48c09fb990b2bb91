from datetime import date, timedelta
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import WebApplicationFirewall
from cloudpatterns.network.web_application_firewall.rules import PRIORITIES
from offline_preview.graph import Graph

from tests.harness import record, refs

ACL = "aws:wafv2/webAcl:WebAcl"
RULE = "aws:wafv2/webAclRule:WebAclRule"
SET = "aws:wafv2/ipSet:IpSet"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
GROUP = "aws:cloudwatch/logGroup:LogGroup"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
BUILT_IN = ["common", "cross-site-scripting", "ip-reputation", "known-bad-inputs", "rate-limit", "sql-injection"]
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
SOON = str(date.today() + timedelta(days=30))
LATEST = str(date.today() + timedelta(days=90))


def firewall(name: str = "shop", mode: Any = "preview", **arguments: Any) -> Graph:
    return record(lambda: WebApplicationFirewall(name, arguments), mode=mode)  # ty: ignore[invalid-argument-type]  # the tests' own mistakes


def problems(name: str = "shop", **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        firewall(name, **arguments)
    return caught.value.problems


def rule(graph: Graph, name: str) -> dict[str, Any]:
    return graph.one(RULE, f"shop-{name}").inputs


def test_the_default_firewall() -> None:
    graph = firewall()
    assert sorted(made.inputs["name"] for made in graph.of_type(RULE)) == BUILT_IN
    assert [len(graph.of_type(kind)) for kind in (ACL, LOGGING, GROUP, SET, ASSOCIATION)] == [1, 1, 1, 0, 0]
    component = graph.one("cloudpatterns:index:WebApplicationFirewall")
    assert {made.parent for made in graph.of_type(ACL, RULE, LOGGING, GROUP)} == {component.urn}


def test_the_web_acl_lets_through_what_no_rule_blocks_and_leaves_its_rules_alone() -> None:
    acl = firewall(tags={"Owner": "platform"}).one(ACL, "shop-acl")
    assert acl.inputs == {
        "scope": "REGIONAL",
        "defaultAction": {"allow": {}},
        "visibilityConfig": {"metricName": "shop-acl", "cloudwatchMetricsEnabled": True, "sampledRequestsEnabled": False},
        "tags": {"Owner": "platform"},
    }
    assert acl.options["ignoreChanges"] == ["rules"]


def test_arguments_change_nothing_of_the_web_acl_but_its_tags() -> None:
    changed = firewall(
        rate_limit=10, blocked_cidrs=["192.0.2.0/24"], rules={"own": {"priority": 1, "method": "PUT"}}, associations={"lb": BALANCER}
    )
    assert changed.one(ACL).inputs == firewall().one(ACL).inputs


@pytest.mark.parametrize(
    ("name", "group", "priority"),
    [
        ("ip-reputation", "AWSManagedRulesAmazonIpReputationList", 3000),
        ("common", "AWSManagedRulesCommonRuleSet", 5000),
        ("known-bad-inputs", "AWSManagedRulesKnownBadInputsRuleSet", 6000),
        ("sql-injection", "AWSManagedRulesSQLiRuleSet", 7000),
    ],
)
def test_managed_groups_decide_themselves(name: str, group: str, priority: int) -> None:
    inputs = rule(firewall(), name)
    assert inputs["statement"] == {"managedRuleGroupStatement": {"vendorName": "AWS", "name": group}}
    assert (inputs["overrideAction"], inputs["priority"], "action" in inputs) == ({"none": {}}, priority, False)


def test_the_rate_limit_blocks_an_address() -> None:
    inputs = rule(firewall(rate_limit=500), "rate-limit")
    assert inputs["statement"] == {"rateBasedStatement": {"limit": 500, "aggregateKeyType": "IP", "evaluationWindowSec": 300}}
    assert (inputs["action"], inputs["priority"], "overrideAction" in inputs) == ({"block": {}}, 4000, False)
    assert rule(firewall(), "rate-limit")["statement"]["rateBasedStatement"]["limit"] == 2000


def test_scripts_are_blocked_in_query_and_body() -> None:
    inputs = rule(firewall(), "cross-site-scripting")
    decoded = [{"priority": 0, "type": "URL_DECODE"}, {"priority": 1, "type": "HTML_ENTITY_DECODE"}]
    assert inputs["statement"] == {
        "orStatement": {
            "statements": [
                {"xssMatchStatement": {"fieldToMatch": {"allQueryArguments": {}}, "textTransformations": decoded}},
                {"xssMatchStatement": {"fieldToMatch": {"body": {"oversizeHandling": "CONTINUE"}}, "textTransformations": decoded}},
            ]
        }
    }
    assert (inputs["action"], inputs["priority"]) == ({"block": {}}, 8000)


def test_blocked_and_allowed_networks_have_a_set_and_a_rule_per_family() -> None:
    graph = firewall(blocked_cidrs=["198.51.100.0/24", "2001:DB8:0::/48"], allowed_cidrs=["203.0.113.7/32", "2001:db8:1::/48"])
    sets = {made.name: (made.inputs["ipAddressVersion"], made.inputs["addresses"], made.inputs["scope"]) for made in graph.of_type(SET)}
    assert sets == {
        "shop-blocked-ipv4": ("IPV4", ["198.51.100.0/24"], "REGIONAL"),
        "shop-blocked-ipv6": ("IPV6", ["2001:db8::/48"], "REGIONAL"),
        "shop-allowed-ipv4": ("IPV4", ["203.0.113.7/32"], "REGIONAL"),
        "shop-allowed-ipv6": ("IPV6", ["2001:db8:1::/48"], "REGIONAL"),
    }
    shown = {name.removeprefix("shop-"): rule(graph, name.removeprefix("shop-")) for name in sets}
    assert {name: (inputs["priority"], inputs["action"]) for name, inputs in shown.items()} == {
        "blocked-ipv4": (1000, {"block": {}}),
        "blocked-ipv6": (1001, {"block": {}}),
        "allowed-ipv4": (2000, {"allow": {}}),
        "allowed-ipv6": (2001, {"allow": {}}),
    }
    # The set can only be deleted once its rule is gone, which the reference of rule to set brings about.
    assert refs(graph, graph.one(RULE, "shop-blocked-ipv6"), "statement") == ["shop-blocked-ipv6"]


def test_every_rule_has_a_metric_and_hangs_on_the_web_acl() -> None:
    graph = firewall(blocked_cidrs=["192.0.2.0/24"], rules={"own": {"priority": 1, "method": "PUT"}})
    for made in graph.of_type(RULE):
        assert made.inputs["visibilityConfig"] == {
            "metricName": made.name,
            "cloudwatchMetricsEnabled": True,
            "sampledRequestsEnabled": False,
        }
        assert refs(graph, made, "webAclArn") == ["shop-acl"]
    places = [made.inputs["priority"] for made in graph.of_type(RULE)]
    assert len(places) == len(set(places)) == 8


@pytest.mark.parametrize(
    ("given", "statement", "action", "capacity"),
    [
        (
            {"path_prefix": "/admin"},
            {
                "byteMatchStatement": {
                    "fieldToMatch": {"uriPath": {}},
                    "positionalConstraint": "STARTS_WITH",
                    "searchString": "/admin",
                    "textTransformations": [{"priority": 0, "type": "URL_DECODE"}, {"priority": 1, "type": "NORMALIZE_PATH"}],
                }
            },
            {"block": {}},
            22,
        ),
        (
            {"method": "PUT", "country_codes": ["DE", "FR"], "action": "allow"},
            {
                "andStatement": {
                    "statements": [
                        {
                            "byteMatchStatement": {
                                "fieldToMatch": {"method": {}},
                                "positionalConstraint": "EXACTLY",
                                "searchString": "PUT",
                                "textTransformations": [{"priority": 0, "type": "NONE"}],
                            }
                        },
                        {"geoMatchStatement": {"countryCodes": ["DE", "FR"]}},
                    ]
                }
            },
            {"allow": {}},
            3,
        ),
        (
            {"header_name": "User-Agent", "header_contains": "EvilBot"},
            {
                "byteMatchStatement": {
                    "fieldToMatch": {"singleHeader": {"name": "user-agent"}},
                    "positionalConstraint": "CONTAINS",
                    "searchString": "evilbot",
                    "textTransformations": [{"priority": 0, "type": "LOWERCASE"}],
                }
            },
            {"block": {}},
            20,
        ),
        (
            {"except_country_codes": ["DE"]},
            {"notStatement": {"statement": {"geoMatchStatement": {"countryCodes": ["DE"]}}}},
            {"block": {}},
            1,
        ),
        (
            {"method": "POST", "country_codes": ["DE"], "rate_limit": 100},
            {
                "rateBasedStatement": {
                    "limit": 100,
                    "aggregateKeyType": "IP",
                    "evaluationWindowSec": 300,
                    "scopeDownStatement": {
                        "andStatement": {
                            "statements": [
                                {
                                    "byteMatchStatement": {
                                        "fieldToMatch": {"method": {}},
                                        "positionalConstraint": "EXACTLY",
                                        "searchString": "POST",
                                        "textTransformations": [{"priority": 0, "type": "NONE"}],
                                    }
                                },
                                {"geoMatchStatement": {"countryCodes": ["DE"]}},
                            ]
                        }
                    },
                }
            },
            {"block": {}},
            5,
        ),
    ],
)
def test_custom_rules(given: dict[str, Any], statement: dict[str, Any], action: dict[str, Any], capacity: int) -> None:
    inputs = rule(firewall(rules={"own": {"priority": 7, **given}}), "own")
    assert (inputs["statement"], inputs["action"], inputs["priority"]) == (statement, action, 7)
    reached = problems(rules={"own": {"priority": 7, **given}}, max_capacity=1)[0][1]
    assert f", own {capacity})" in reached


def test_a_rule_group_of_ones_own_decides_itself() -> None:
    arn = "arn:aws:wafv2:eu-west-1:123456789012:regional/rulegroup/own/1"
    own = {"priority": 7, "rule_group_arn": arn, "rule_group_capacity": 100}
    graph = firewall(rules={"own": own})
    assert rule(graph, "own")["statement"] == {"ruleGroupReferenceStatement": {"arn": arn}}
    assert rule(graph, "own")["overrideAction"] == {"none": {}}
    assert rule(firewall(rules={"own": own}, count_rules=[{"rule": "own", "until": SOON}]), "own")["overrideAction"] == {"count": {}}


def test_capacity_is_what_aws_publishes() -> None:
    found = problems(blocked_cidrs=["192.0.2.0/24"], max_capacity=1257)
    assert found == [
        (
            "max_capacity",
            "is 1257; the rules need 1258 WCU (blocked-ipv4 1, ip-reputation 25, common 700, known-bad-inputs 200, sql-injection 200, "
            "rate-limit 2, cross-site-scripting 130). Use fewer rules, or raise it up to 5000.",
        )
    ]
    big = {"big": {"priority": 1, "rule_group_arn": "arn:aws:wafv2:x", "rule_group_capacity": 243}}
    assert firewall(rules=big).of_type(RULE)
    big["big"]["rule_group_capacity"] = 244
    assert [path for path, _ in problems(rules=big)] == ["max_capacity"]
    assert firewall(rules=big, max_capacity=1501).of_type(RULE)


def test_a_rule_counts_for_a_while_and_the_web_acl_says_until_when() -> None:
    graph = firewall(count_rules=[{"rule": "common", "until": SOON}, {"rule": "rate-limit", "until": LATEST}], tags={"Owner": "x"})
    assert rule(graph, "common")["overrideAction"] == {"count": {}}
    assert rule(graph, "rate-limit")["action"] == {"count": {}}
    assert rule(graph, "sql-injection")["overrideAction"] == {"none": {}}
    assert graph.one(ACL).inputs["tags"] == {"Owner": "x", "count-until:common": SOON, "count-until:rate-limit": LATEST}


def test_rules_inside_a_managed_group_count_for_a_while_or_for_good() -> None:
    graph = firewall(
        count_rules=[{"rule": "common/NoUserAgent_HEADER", "until": SOON}],
        exceptions=[{"rule": "common/SizeRestrictions_BODY", "reason": "uploads of 1 MB"}],
    )
    group = rule(graph, "common")["statement"]["managedRuleGroupStatement"]
    assert group["ruleActionOverrides"] == [
        {"name": "NoUserAgent_HEADER", "actionToUse": {"count": {}}},
        {"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}},
    ]
    assert rule(graph, "common")["overrideAction"] == {"none": {}}
    assert "ruleActionOverrides" not in rule(graph, "sql-injection")["statement"]["managedRuleGroupStatement"]
    assert graph.one(ACL).inputs["tags"] == {
        "count-until:common/NoUserAgent_HEADER": SOON,
        "exception:common/SizeRestrictions_BODY": "uploads of 1 MB",
    }


def test_a_date_that_has_passed_warns_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, resource: warned.append(message))
    yesterday = str(date.today() - timedelta(days=1))
    counting = [{"rule": "common", "until": yesterday}, {"rule": "rate-limit", "until": str(date.today())}]
    graph = firewall(count_rules=counting)
    assert rule(graph, "common")["overrideAction"] == {"count": {}}
    assert graph.one(ACL).inputs["tags"]["count-until:common"] == yesterday
    assert warned == [f"common should block since {yesterday}: remove it from count_rules"]


def test_everything_is_logged_but_credentials() -> None:
    graph = firewall(redacted_headers=["X-Token", "Cookie"], redact_query_string=True)
    logging = graph.one(LOGGING, "shop-logging")
    headers = ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-amz-security-token", "x-token"]
    assert logging.inputs["redactedFields"] == [*({"singleHeader": {"name": header}} for header in headers), {"queryString": {}}]
    assert "loggingFilter" not in logging.inputs
    assert refs(graph, logging, "resourceArn") == ["shop-acl"]
    assert refs(graph, logging, "logDestinationConfigs") == ["shop-logs"]
    assert logging.options["deleteBeforeReplace"] is True
    assert len(firewall().one(LOGGING).inputs["redactedFields"]) == 5


def test_the_log_group_has_the_name_that_aws_demands() -> None:
    group = firewall(log_retention_days=30, kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1", tags={"Owner": "x"}).one(GROUP)
    assert group.name == "shop-logs"
    assert group.inputs == {
        "name": "aws-waf-logs-project-test-shop",
        "retentionInDays": 30,
        "kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1",
        "tags": {"Owner": "x"},
    }
    assert firewall().one(GROUP).inputs["retentionInDays"] == 365


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:s3:::aws-waf-logs-shop",
        "arn:aws:logs:eu-west-1:123456789012:log-group:aws-waf-logs-shop",
        "arn:aws:firehose:eu-west-1:123456789012:deliverystream/aws-waf-logs-shop",
    ],
)
def test_logs_can_go_elsewhere(arn: str) -> None:
    graph = firewall(log_destination_arn=arn, mode="deployed")
    assert not graph.of_type(GROUP)
    assert graph.one(LOGGING).inputs["logDestinationConfigs"] == [arn]
    outputs = graph.one("cloudpatterns:index:WebApplicationFirewall").outputs
    assert (outputs["log_destination_arn"], outputs["log_group_name"]) == (arn, "")


def test_an_association_waits_for_rules_and_logs_and_goes_before_its_successor() -> None:
    graph = firewall(associations={"lb": BALANCER})
    association = graph.one(ASSOCIATION, "shop-lb")
    assert association.inputs["resourceArn"] == BALANCER
    assert refs(graph, association, "webAclArn") == ["shop-acl"]
    awaited = {made.urn for made in graph.of_type(ACL, RULE, LOGGING)}
    assert set(association.dependencies) == awaited
    assert association.options["deleteBeforeReplace"] is True


def test_the_arn_is_given_out_once_the_rules_are_there() -> None:
    def program() -> None:
        made = WebApplicationFirewall("shop", {})
        aws.wafv2.WebAclAssociation("other", resource_arn=BALANCER, web_acl_arn=made.web_acl_arn)

    graph = record(program, mode="deployed")
    association = graph.named("other")
    assert association.inputs["webAclArn"] == graph.one(ACL).outputs["arn"]
    assert sorted(refs(graph, association, "webAclArn")) == ["shop-acl", *(f"shop-{name}" for name in BUILT_IN)]
    outputs = graph.one("cloudpatterns:index:WebApplicationFirewall").outputs
    assert outputs["web_acl_arn"] == graph.one(ACL).outputs["arn"]
    assert outputs["log_destination_arn"] == graph.one(GROUP).outputs["arn"]
    assert outputs["log_group_name"] == graph.one(GROUP).outputs["name"]


def test_everything_of_cloudfront_is_in_us_east_1() -> None:
    graph = firewall(scope="CLOUDFRONT", blocked_cidrs=["192.0.2.0/24"])
    regions = {made.name: made.inputs.get("region") for made in graph.of_type(ACL, RULE, SET, LOGGING, GROUP)}
    assert set(regions.values()) == {"us-east-1"}
    assert {made.inputs["scope"] for made in graph.of_type(ACL, SET)} == {"CLOUDFRONT"}
    regional = firewall(blocked_cidrs=["192.0.2.0/24"], associations={"lb": BALANCER})
    assert not [made.name for made in regional.of_type(ACL, RULE, SET, LOGGING, GROUP, ASSOCIATION) if "region" in made.inputs]


def test_the_places_of_the_built_in_rules_never_move() -> None:
    assert PRIORITIES == {
        "blocked-ipv4": 1000,
        "blocked-ipv6": 1001,
        "allowed-ipv4": 2000,
        "allowed-ipv6": 2001,
        "ip-reputation": 3000,
        "rate-limit": 4000,
        "common": 5000,
        "known-bad-inputs": 6000,
        "sql-injection": 7000,
        "cross-site-scripting": 8000,
    }


def test_transforms_reach_the_children() -> None:
    def mark(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != ACL:
            return None
        return pulumi.ResourceTransformResult({**args.props, "description": "Ours"}, args.opts)

    graph = record(lambda: WebApplicationFirewall("shop", {}, pulumi.ResourceOptions(transforms=[mark])))
    assert graph.one(ACL).inputs["description"] == "Ours"
