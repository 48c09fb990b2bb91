"""Web ACLs."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.web_application_firewall import alb_web_acl, web_acl_logging, web_acl_rules
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

BALANCER = "aws:lb/loadBalancer:LoadBalancer"
WEB_ACL = "aws:wafv2/webAcl:WebAcl"
ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
LOGGING = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"


@pytest.mark.parametrize(
    ("props", "attached", "expected"),
    [
        ({}, ["web"], Pass()),
        ({}, ["web", "other"], Pass()),
        ({}, [], Fail("faces the internet without a web ACL")),
        ({}, ["other"], Fail("faces the internet without a web ACL")),
        ({"internal": UNKNOWN}, [], Fail("faces the internet without a web ACL")),
        ({"internal": True}, [], NotApplicable("is internal or not an application load balancer")),
        ({"loadBalancerType": "network"}, [], NotApplicable("is internal or not an application load balancer")),
    ],
)
def test_balancer_has_a_web_acl(props: dict[str, Any], attached: list[str], expected: Verdict) -> None:
    association = resource(ASSOCIATION, "association", {"resourceArn": UNKNOWN}, deps={"resourceArn": attached})
    found = verdicts(alb_web_acl, stack(resource(BALANCER, "web", props), resource("x:y:Z", "other"), association))
    assert found == [("web", expected)]


def test_balancer_is_named_by_its_arn() -> None:
    web = resource(BALANCER, "web", {"arn": "arn:1"})
    assert verdicts(alb_web_acl, stack(web, resource(ASSOCIATION, "a", {"resourceArn": "arn:1"}))) == [("web", Pass())]
    assert verdicts(alb_web_acl, stack(web, resource(ASSOCIATION, "a", {"resourceArn": "arn:2"})))[0][1] == Fail(
        "faces the internet without a web ACL"
    )


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"rules": [{"name": "rate"}]}, Pass()),
        ({"ruleJson": "[]"}, Pass()),
        ({}, Fail("has no rules")),
        ({"rules": []}, Fail("has no rules")),
        ({"rules": UNKNOWN}, Fail("has no rules")),
    ],
)
def test_web_acl_has_rules_in_line(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(web_acl_rules, resource(WEB_ACL, "acl", props)) == [("acl", expected)]


@pytest.mark.parametrize("type", ["aws:wafv2/webAclRule:WebAclRule", "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation"])
def test_web_acl_has_rules_of_their_own(type: str) -> None:
    acls = [resource(WEB_ACL, name) for name in ("acl", "other")]
    rule = resource(type, "rule", {"webAclArn": UNKNOWN}, deps={"webAclArn": ["acl"]})
    assert verdicts(web_acl_rules, stack(*acls, rule)) == [("acl", Pass()), ("other", Fail("has no rules"))]


def test_web_acl_whose_rules_are_not_known_yet() -> None:
    acl = resource(WEB_ACL, "acl", {"rules": UNKNOWN}, deps={"rules": ["source"]})
    assert verdicts(web_acl_rules, stack(resource("x:y:Z", "source"), acl)) == [("acl", Unknown("rules"))]


def test_web_acl_is_logged() -> None:
    acls = [resource(WEB_ACL, name) for name in ("acl", "other")]
    logging = resource(LOGGING, "logging", {"resourceArn": UNKNOWN}, deps={"resourceArn": ["acl"]})
    assert verdicts(web_acl_logging, stack(*acls, logging)) == [("acl", Pass()), ("other", Fail("is not logged"))]
