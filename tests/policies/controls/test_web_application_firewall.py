"""Web ACLs, and the proof of the Web Application Firewall."""

from datetime import date
from typing import Any

import pytest
from cloudpatterns_policies.controls import web_application_firewall as module
from cloudpatterns_policies.controls.web_application_firewall import (
    alb_web_acl,
    web_acl_count_expires,
    web_acl_logging,
    web_acl_rules,
    web_application_firewall,
)
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

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
        ({}, [], Fail("is internet-facing without a web ACL")),
        ({}, ["other"], Fail("is internet-facing without a web ACL")),
        ({"internal": UNKNOWN}, [], Fail("is internet-facing without a web ACL")),
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
        "is internet-facing without a web ACL"
    )


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"rules": [{"name": "rate"}]}, Pass()),
        ({"ruleJson": '[{"Name": "rate"}]'}, Pass()),
        ({"ruleJson": "[]"}, Fail("has no rules")),
        ({"ruleJson": ""}, Fail("has no rules")),
        ({"ruleJson": "", "rules": [{"name": "rate"}]}, Pass()),
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


REST_STAGE = "aws:apigateway/stage:Stage"
REST_API = "aws:apigateway/restApi:RestApi"
GRAPHQL = "aws:appsync/graphQLApi:GraphQLApi"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
RULE = "aws:wafv2/webAclRule:WebAclRule"
ALLOW: dict[str, Any] = {"defaultAction": {"allow": {}}}
BLOCKING: dict[str, Any] = {**ALLOW, "rules": [{"name": "sql", "action": {"block": {}}}]}
ENTRANCES = [(BALANCER, {}), (REST_STAGE, {}), (GRAPHQL, {}), (DISTRIBUTION, {"webAclId": UNKNOWN})]


def joined(type: str, props: dict[str, Any], acl: Resource, *more: Resource, logged: bool = True) -> list[tuple[str, Verdict]]:
    """The verdict on an entrance that has the web ACL."""
    distribution = type == DISTRIBUTION
    parts = [acl, resource(type, "web", props, deps={"webAclId": [acl.name]} if distribution else {}), *more]
    if not distribution:
        props = {"resourceArn": UNKNOWN, "webAclArn": UNKNOWN}
        parts.append(resource(ASSOCIATION, "a", props, deps={"resourceArn": ["web"], "webAclArn": [acl.name]}))
    if logged:
        parts.append(resource(LOGGING, "logs", {"resourceArn": UNKNOWN}, deps={"resourceArn": [acl.name]}))
    return [found for found in verdicts(web_application_firewall, stack(*parts)) if found[0] == "web"]


@pytest.mark.parametrize(("type", "props"), ENTRANCES)
def test_an_entrance_with_a_web_acl_that_blocks_and_logs(type: str, props: dict[str, Any]) -> None:
    assert joined(type, props, resource(WEB_ACL, "acl", BLOCKING)) == [("web", Pass())]
    assert joined(type, props, resource(WEB_ACL, "acl", {**BLOCKING, "ruleJson": ""})) == [("web", Pass())]
    idle = Fail("has the web ACL acl, in which no rule blocks", "acl")
    assert joined(type, props, resource(WEB_ACL, "acl", ALLOW)) == [("web", idle)]
    silent = Fail("has the web ACL acl, which is not logged", "acl")
    assert joined(type, props, resource(WEB_ACL, "acl", BLOCKING), logged=False) == [("web", silent)]
    assert joined(type, props, resource(WEB_ACL, "acl", ALLOW), logged=False) == [("web", silent), ("web", idle)]


@pytest.mark.parametrize(("type", "props"), ENTRANCES)
def test_an_entrance_without_a_web_acl(type: str, props: dict[str, Any]) -> None:
    where = "webAclId" if type == DISTRIBUTION else ""
    bare = resource(type, "web", {key: value for key, value in props.items() if key != "webAclId"})
    for token in (BALANCER, "aws:cognito/userPool:UserPool"):
        other = resource(token, "other", {"internal": True})
        elsewhere = resource(ASSOCIATION, "a", {"resourceArn": UNKNOWN, "webAclArn": UNKNOWN}, deps={"resourceArn": [other]})
        found = verdicts(web_application_firewall, stack(bare, other, elsewhere))
        assert dict(found)["web"] == Fail("is internet-facing without a web ACL", where)


def test_an_association_that_may_be_anybodys() -> None:
    acl = resource(WEB_ACL, "acl", BLOCKING)
    other, stray = resource(BALANCER, "other"), resource("x:y:Z", "stray")
    log = resource(LOGGING, "logs", {"resourceArn": UNKNOWN}, deps={"resourceArn": ["acl"]})
    both = {"resourceArn": UNKNOWN, "webAclArn": UNKNOWN}
    lost = Unknown("resourceArn of a")
    for sources in ([stray], [resource(BALANCER, "web"), other]):
        parts = sources if len(sources) > 1 else [resource(BALANCER, "web"), stray]
        a = resource(ASSOCIATION, "a", both, deps={"resourceArn": sources, "webAclArn": ["acl"]})
        assert dict(verdicts(web_application_firewall, stack(acl, log, *parts, a)))["web"] == lost
    # Where a web ACL surely is attached there is no place for another.
    assert joined(BALANCER, {}, acl, stray, resource(ASSOCIATION, "b", both, deps={"resourceArn": [stray]})) == [("web", Pass())]


def test_a_log_and_rules_that_may_be_any_web_acls() -> None:
    acl, bare, stray = resource(WEB_ACL, "acl", BLOCKING), resource(WEB_ACL, "acl", ALLOW), resource("x:y:Z", "stray")
    log = resource(LOGGING, "log", {"resourceArn": UNKNOWN}, deps={"resourceArn": [stray]})
    assert joined(BALANCER, {}, acl, stray, log, logged=False) == [("web", Unknown("resourceArn of log"))]
    for token in (RULE, "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation"):
        rule = resource(token, "rule", {"webAclArn": UNKNOWN, "action": {"block": {}}}, deps={"webAclArn": [stray]})
        assert joined(BALANCER, {}, bare, stray, rule) == [("web", Unknown("webAclArn of rule"))]


def test_a_web_acl_that_may_be_one_of_two() -> None:
    acls = [resource(WEB_ACL, name, BLOCKING) for name in ("one", "two")]
    site = resource(DISTRIBUTION, "site", {"webAclId": UNKNOWN}, deps={"webAclId": acls})
    assert verdicts(web_application_firewall, stack(*acls, site)) == [("site", Unknown("webAclId"))]


def test_a_stage_of_an_api_that_is_not_known() -> None:
    apis = [resource(REST_API, "open"), resource(REST_API, "private", {"endpointConfiguration": {"types": "PRIVATE"}})]
    stray = resource("x:y:Z", "stray")
    for sources in ([stray], apis):
        stage = resource(REST_STAGE, "live", {"restApi": UNKNOWN}, deps={"restApi": sources})
        assert verdicts(web_application_firewall, stack(*apis, stray, stage)) == [("live", Unknown("restApi"))]
    assert joined(REST_STAGE, {"restApi": UNKNOWN}, resource(WEB_ACL, "acl", BLOCKING)) == [("web", Pass())]


def test_an_association_that_names_no_web_acl() -> None:
    parts = resource(BALANCER, "web"), resource(ASSOCIATION, "a", {"resourceArn": UNKNOWN}, deps={"resourceArn": ["web"]})
    assert verdicts(web_application_firewall, stack(*parts)) == [("web", Fail("is internet-facing without a web ACL"))]


@pytest.mark.parametrize(
    ("type", "props", "reason"),
    [
        (BALANCER, {"internal": True}, "is internal or not an application load balancer"),
        (BALANCER, {"loadBalancerType": "network"}, "is internal or not an application load balancer"),
        (GRAPHQL, {"visibility": "PRIVATE"}, "is a private API"),
    ],
)
def test_what_the_internet_does_not_reach(type: str, props: dict[str, Any], reason: str) -> None:
    assert verdicts(web_application_firewall, resource(type, "web", props)) == [("web", NotApplicable(reason))]


@pytest.mark.parametrize("visibility", [{}, {"visibility": "GLOBAL"}, {"visibility": UNKNOWN}])
def test_a_public_graphql_api(visibility: dict[str, Any]) -> None:
    found = verdicts(web_application_firewall, resource(GRAPHQL, "web", visibility))
    assert found == [("web", Fail("is internet-facing without a web ACL"))]


def test_a_graphql_api_whose_visibility_is_not_known_yet() -> None:
    api = resource(GRAPHQL, "web", {"visibility": UNKNOWN}, deps={"visibility": ["later"]})
    assert verdicts(web_application_firewall, stack(resource("x:y:Z", "later"), api)) == [("web", Unknown("visibility"))]


def test_a_stage_of_a_private_api() -> None:
    api = resource(REST_API, "api", {"endpointConfiguration": {"types": "PRIVATE"}})
    stage = resource(REST_STAGE, "web", {"restApi": UNKNOWN}, deps={"restApi": ["api"]})
    assert verdicts(web_application_firewall, stack(api, stage)) == [("web", NotApplicable("belongs to a private API"))]


def test_a_web_acl_that_is_kept_elsewhere() -> None:
    association = resource(ASSOCIATION, "a", {"resourceArn": UNKNOWN, "webAclArn": "arn:1"}, deps={"resourceArn": ["web"]})
    found = verdicts(web_application_firewall, stack(resource(BALANCER, "web"), association))
    assert found == [("web", Unknown("webAclArn of a (a web ACL outside the stack)"))]
    found = verdicts(web_application_firewall, resource(DISTRIBUTION, "web", {"webAclId": "arn:1"}))
    assert found == [("web", Unknown("webAclId (a web ACL outside the stack)"))]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"name": "a", "action": {"count": {}}}], Fail("has the web ACL acl, in which no rule blocks: a only counts", "acl")),
        (
            [{"name": name, "action": {"count": {}}} for name in "ba"],
            Fail("has the web ACL acl, in which no rule blocks: a, b only count", "acl"),
        ),
        (
            [{"name": name, "action": {"count": {}}} for name in "cab"],
            Fail("has the web ACL acl, in which no rule blocks: a, b and 1 more only count", "acl"),
        ),
        ([{"name": "a", "action": {"allow": {}}}], Fail("has the web ACL acl, in which no rule blocks", "acl")),
        ([{"name": "a", "action": {"allow": {}}}, {"name": "b", "action": {"block": {}}}], Pass()),
        ([{"name": "a", "action": UNKNOWN}, {"name": "b", "action": {"block": {}}}], Pass()),
        ([{"name": "a", "action": {"count": {}}}, {"name": "b", "action": UNKNOWN}], Unknown("rules.1.action of b")),
    ],
)
def test_one_rule_at_least_blocks(rules: list[dict[str, Any]], expected: Verdict) -> None:
    assert joined(BALANCER, {}, resource(WEB_ACL, "acl", {**ALLOW, "rules": rules})) == [("web", expected)]


def test_a_web_acl_that_blocks_by_default_needs_no_rule() -> None:
    assert joined(BALANCER, {}, resource(WEB_ACL, "acl", {"defaultAction": {"block": {}}})) == [("web", Pass())]
    found = joined(BALANCER, {}, resource(WEB_ACL, "acl", {"defaultAction": UNKNOWN}))
    assert found == [("web", Unknown("defaultAction of acl"))]


def test_rules_of_their_own_block_too() -> None:
    props = {"name": "r", "webAclArn": UNKNOWN, "action": {"block": {}}}
    rule = resource(RULE, "rule", props, deps={"webAclArn": ["acl"]})
    assert joined(BALANCER, {}, resource(WEB_ACL, "acl", ALLOW), rule) == [("web", Pass())]


HEADERS = {"customHeaders": [{"name": "x-from", "value": UNKNOWN}]}


@pytest.mark.parametrize("through", ["api", "stage", "domain"])
@pytest.mark.parametrize(
    ("origins", "expected"),
    [
        ([{"domainName": UNKNOWN, **HEADERS}], Pass()),
        ([{"domainName": "other"}, {"domainName": UNKNOWN, **HEADERS}], Pass()),
        (
            [{"domainName": UNKNOWN, "customHeaders": []}],
            Fail("can be called directly, bypassing the distribution cdn, which sends no secret header to its origin", "apiId"),
        ),
        (UNKNOWN, Unknown("origins of cdn")),
    ],
)
def test_an_http_api_stands_behind_a_distribution(through: str, origins: Any, expected: Verdict) -> None:
    found = stack(
        resource("aws:apigatewayv2/api:Api", "api"),
        resource("aws:apigatewayv2/stage:Stage", "stage", {"apiId": UNKNOWN}, deps={"apiId": ["api"]}),
        resource("aws:apigatewayv2/domainName:DomainName", "domain"),
        resource(
            "aws:apigatewayv2/apiMapping:ApiMapping",
            "mapping",
            {"apiId": UNKNOWN, "domainName": UNKNOWN},
            deps={"apiId": ["api"], "domainName": ["domain"]},
        ),
        resource(DISTRIBUTION, "cdn", {"origins": origins, "webAclId": "arn:1"}, deps={"origins": [through]}),
    )
    assert verdicts(web_application_firewall, found)[0] == ("stage", expected)


def test_an_http_api_without_a_distribution() -> None:
    parts = (
        resource("aws:apigatewayv2/api:Api", "api"),
        resource("x:y:Z", "other"),
        resource("aws:apigatewayv2/stage:Stage", "stage", {"apiId": UNKNOWN}, deps={"apiId": ["api"]}),
        resource(DISTRIBUTION, "cdn", {"origins": [HEADERS], "webAclId": "arn:1"}, deps={"origins": ["other"]}),
    )
    fail = Fail("belongs to an API that supports no web ACL, and no distribution is in front of it", "apiId")
    assert verdicts(web_application_firewall, stack(*parts))[0] == ("stage", fail)


@pytest.mark.parametrize(
    ("api", "mapping", "origins", "expected"),
    [
        (["stray"], {}, ["bucket"], Unknown("apiId")),
        (["api"], {"apiId": ["stray"], "domainName": ["domain"]}, ["bucket"], Unknown("apiId of mapping")),
        (["api"], {"apiId": ["api"], "domainName": ["stray"]}, ["bucket"], Unknown("domainName of mapping")),
        (["api"], {"apiId": ["api"], "domainName": ["domain"]}, ["bucket", "stray"], Unknown("origins of cdn")),
        (["api"], {"apiId": ["api"], "domainName": ["domain"]}, [], Unknown("origins of cdn")),
        (
            ["api"],
            {"apiId": ["api"], "domainName": ["domain"]},
            ["bucket"],
            Fail("belongs to an API that supports no web ACL, and no distribution is in front of it", "apiId"),
        ),
    ],
)
def test_a_distribution_that_may_stand_before_an_http_api(
    api: list[str], mapping: dict[str, list[str]], origins: list[str], expected: Verdict
) -> None:
    found = stack(
        resource("x:y:Z", "stray"),
        resource("aws:s3/bucket:Bucket", "bucket"),
        resource("aws:apigatewayv2/api:Api", "api"),
        resource("aws:apigatewayv2/domainName:DomainName", "domain"),
        resource("aws:apigatewayv2/stage:Stage", "stage", {"apiId": UNKNOWN}, deps={"apiId": api}),
        resource("aws:apigatewayv2/apiMapping:ApiMapping", "mapping", dict.fromkeys(mapping, UNKNOWN), deps=mapping),
        resource(DISTRIBUTION, "cdn", {"origins": [{"domainName": UNKNOWN, **HEADERS}], "webAclId": "arn:1"}, deps={"origins": origins}),
    )
    assert verdicts(web_application_firewall, found)[0] == ("stage", expected)


COUNTED = {"name": "a", "action": {"count": {}}}
INSIDE = {
    "name": "g",
    "overrideAction": {"none": {}},
    "statement": {"managedRuleGroupStatement": {"name": "x", "ruleActionOverrides": [{"name": "i", "actionToUse": {"count": {}}}]}},
}
WHOLE = {**INSIDE, "overrideAction": {"count": {}}}
SOON = "2026-12-31"


def endless(rule: str) -> Fail:
    return Fail(f"only counts matches of {rule}, without an end date", f"tags.count-until:{rule}")


@pytest.mark.parametrize(
    ("rule", "tags", "expected"),
    [
        ({"name": "a", "action": {"block": {}}}, {}, [Pass()]),
        (COUNTED, {"count-until:a": SOON}, [Pass()]),
        (COUNTED, {"count-until:a": "2026-11-20"}, [Pass()]),
        (COUNTED, {"count-until:a": "2027-02-18"}, [Pass()]),
        (COUNTED, {}, [endless("a")]),
        (COUNTED, None, [endless("a")]),
        (COUNTED, {"count-until:a": ""}, [endless("a")]),
        (COUNTED, {"count-until:b": SOON, "exception:a": "It does not fit."}, [endless("a")]),
        (
            COUNTED,
            {"count-until:a": "2026-11-19"},
            [Fail("only counts matches of a, but should have blocked since 2026-11-19", "tags.count-until:a")],
        ),
        (
            COUNTED,
            {"count-until:a": "2027-02-19"},
            [Fail("only counts matches of a until 2027-02-19, more than 90 days ahead", "tags.count-until:a")],
        ),
        (COUNTED, {"count-until:a": "soon"}, [Fail("counts matches of a until 'soon', which is not a date", "tags.count-until:a")]),
        (COUNTED, {"count-until:a": UNKNOWN}, [Unknown("tags.count-until:a")]),
        ({"name": "a", "action": UNKNOWN}, {}, [Unknown("rules.0.action of a")]),
        (INSIDE, {}, [endless("g/i")]),
        (INSIDE, {"count-until:g/i": SOON}, [Pass()]),
        (INSIDE, {"exception:g/i": "It does not fit."}, [Pass()]),
        (INSIDE, {"exception:g/i": ""}, [endless("g/i")]),
        (INSIDE, {"exception:g/i": UNKNOWN}, [Unknown("tags.exception:g/i")]),
        (WHOLE, {}, [endless("g"), endless("g/i")]),
        (WHOLE, {"count-until:g": SOON}, [endless("g/i")]),
        (WHOLE, {"exception:g/i": "It does not fit."}, [endless("g")]),
        (WHOLE, {"count-until:g": SOON, "exception:g/i": "It does not fit."}, [Pass()]),
    ],
)
def test_counting_has_an_end(
    rule: dict[str, Any], tags: dict[str, Any] | None, expected: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "today", lambda: date(2026, 11, 20))
    for path in ("tags", "tagsAll"):
        acl = resource(WEB_ACL, "acl", {"rules": [rule], path: tags} if tags is not None else {"rules": [rule]})
        assert verdicts(web_acl_count_expires, acl) == [("acl", verdict) for verdict in expected]


def test_tags_that_are_not_known_yet() -> None:
    acl = resource(WEB_ACL, "acl", {"rules": [COUNTED], "tags": UNKNOWN}, deps={"tags": ["later"]})
    assert verdicts(web_acl_count_expires, stack(resource("x:y:Z", "later"), acl)) == [("acl", Unknown("tags.count-until:a"))]
    computed = resource(WEB_ACL, "acl", {"rules": [COUNTED], "tagsAll": UNKNOWN})
    assert verdicts(web_acl_count_expires, computed) == [("acl", endless("a"))]


def test_an_empty_rule_json_is_not_set() -> None:
    assert verdicts(web_acl_count_expires, resource(WEB_ACL, "acl", {"ruleJson": ""})) == [("acl", Pass())]
    counting = {"ruleJson": "", "rules": [{"name": "a", "action": {"count": {}}}]}
    assert verdicts(web_acl_count_expires, resource(WEB_ACL, "acl", counting)) == [("acl", endless("a"))]


def test_how_far_ahead_counting_may_end_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "today", lambda: date(2026, 11, 20))
    acl = resource(WEB_ACL, "acl", {"rules": [COUNTED], "tags": {"count-until:a": SOON}})
    late = Fail("only counts matches of a until 2026-12-31, more than 40 days ahead", "tags.count-until:a")
    assert verdicts(web_acl_count_expires, acl, {"maximumDays": 40}) == [("acl", late)]
    assert verdicts(web_acl_count_expires, acl, {"maximumDays": 41}) == [("acl", Pass())]
