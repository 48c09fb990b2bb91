"""What the rules of a web ACL do, however they are written."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls._web_rules import Effect, WebRule, default_blocks, web_rules
from cloudpatterns_policies.core import Resource, UnknownValueError

from tests.policies.helpers import UNKNOWN, resource, stack

ACL = "aws:wafv2/webAcl:WebAcl"
RULE = "aws:wafv2/webAclRule:WebAclRule"
ASSOCIATION = "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation"
GROUP = "aws:wafv2/ruleGroup:RuleGroup"
SQL: dict[str, Any] = {"sqliMatchStatement": {}}
MANAGED: dict[str, Any] = {"managedRuleGroupStatement": {"vendorName": "AWS", "name": "Common"}}
REFERENCE: dict[str, Any] = {"ruleGroupReferenceStatement": {"arn": UNKNOWN}}
NONE: dict[str, Any] = {"none": {}}


def overriding(statement: dict[str, Any], *overrides: Any, **more: Any) -> dict[str, Any]:
    ((kind, group),) = statement.items()
    return {kind: {**group, "ruleActionOverrides": list(overrides), **more}}


def override(name: Any, action: Any) -> dict[str, Any]:
    return {"name": name, "actionToUse": action if action is UNKNOWN else {action: {}}}


# A rule, what it does as a whole, what only counts inside it, and the property that says so.
RULES: list[tuple[dict[str, Any], Effect, bool, tuple[str, ...], str]] = [
    ({"action": {"block": {}}, "statement": SQL}, Effect.BLOCKS, False, (), "action"),
    ({"action": {"block": {}, "count": None}, "statement": SQL}, Effect.BLOCKS, False, (), "action"),
    ({"action": {"block": UNKNOWN}, "statement": SQL}, Effect.BLOCKS, False, (), "action"),
    ({"action": {"block": {}}, "statement": UNKNOWN}, Effect.BLOCKS, False, (), "action"),
    ({"action": {"count": {}}, "statement": SQL}, Effect.COUNTS, True, (), "action"),
    ({"action": {"block": None, "count": {}}, "statement": SQL}, Effect.COUNTS, True, (), "action"),
    ({"action": {"allow": {}}, "statement": SQL}, Effect.OTHER, False, (), "action"),
    ({"action": {"captcha": {}}, "statement": SQL}, Effect.OTHER, False, (), "action"),
    ({"action": {"challenge": {}}, "statement": SQL}, Effect.OTHER, False, (), "action"),
    ({"action": UNKNOWN, "statement": SQL}, Effect.UNKNOWN, False, (), "action"),
    ({"statement": SQL}, Effect.OTHER, False, (), "overrideAction"),
    ({"overrideAction": NONE, "statement": MANAGED}, Effect.BLOCKS, False, (), "overrideAction"),
    ({"overrideAction": {"count": {}}, "statement": MANAGED}, Effect.COUNTS, True, (), "overrideAction"),
    ({"overrideAction": UNKNOWN, "statement": MANAGED}, Effect.UNKNOWN, False, (), "overrideAction"),
    ({"overrideAction": NONE, "statement": UNKNOWN}, Effect.UNKNOWN, False, (), "overrideAction"),
    ({"overrideAction": {"count": {}}, "statement": UNKNOWN}, Effect.COUNTS, True, (), "overrideAction"),
    ({"overrideAction": NONE, "statement": {"managedRuleGroupStatement": UNKNOWN}}, Effect.UNKNOWN, False, (), "overrideAction"),
    (
        {"overrideAction": NONE, "statement": overriding(MANAGED, override("a", "count"), override("b", "block"), override("c", UNKNOWN))},
        Effect.BLOCKS,
        False,
        ("a",),
        "overrideAction",
    ),
    (
        {"overrideAction": {"count": {}}, "statement": overriding(MANAGED, UNKNOWN, override(UNKNOWN, "count"), override("a", "count"))},
        Effect.COUNTS,
        True,
        ("a",),
        "overrideAction",
    ),
    (
        {"overrideAction": NONE, "statement": overriding(MANAGED, excludedRules=[{"name": "x"}])},
        Effect.BLOCKS,
        False,
        ("x",),
        "overrideAction",
    ),
    (
        {"overrideAction": NONE, "statement": {**REFERENCE, "managedRuleGroupStatement": None}},
        Effect.UNKNOWN,
        False,
        (),
        "statement.ruleGroupReferenceStatement.arn",
    ),
    (
        {"overrideAction": {"count": {}}, "statement": REFERENCE},
        Effect.COUNTS,
        True,
        (),
        "overrideAction",
    ),
]


@pytest.mark.parametrize(("rule", "effect", "counts", "counted", "where"), RULES)
def test_a_rule_in_line_and_as_a_resource(rule: dict[str, Any], effect: Effect, counts: bool, counted: tuple[str, ...], where: str) -> None:
    inline = resource(ACL, "acl", {"rules": [{"name": "first", "action": {"allow": {}}}, {"name": "r", **rule}]})
    assert list(web_rules(inline, stack(inline)))[1] == WebRule("r", effect, f"rules.1.{where}", counts, counted)
    acl = resource(ACL, "acl")
    own = resource(RULE, "own", {"name": "r", "webAclArn": UNKNOWN, **rule}, deps={"webAclArn": ["acl"]})
    assert list(web_rules(acl, stack(acl, own))) == [WebRule("r", effect, where, counts, counted)]


def test_rules_as_json() -> None:
    rules = [
        {"Name": "a", "Action": {"Block": {}}, "Statement": {"SqliMatchStatement": {}}},
        {"Name": "b", "Action": {"Count": {}}},
        {
            "Name": "c",
            "OverrideAction": {"None": {}},
            "Statement": {"ManagedRuleGroupStatement": {"Name": "x", "RuleActionOverrides": [{"Name": "i", "ActionToUse": {"Count": {}}}]}},
        },
        {"Name": "d", "OverrideAction": {"None": {}}, "Statement": {"RuleGroupReferenceStatement": {"ARN": "arn:group"}}},
    ]
    acl = resource(ACL, "acl", {"ruleJson": json.dumps(rules)})
    quiet = resource(GROUP, "quiet", {"arn": "arn:group", "rules": [{"name": "q", "action": {"count": {}}}]})
    found = [WebRule("a", Effect.BLOCKS, "ruleJson.0.action"), WebRule("b", Effect.COUNTS, "ruleJson.1.action", True)]
    found.append(WebRule("c", Effect.BLOCKS, "ruleJson.2.overrideAction", False, ("i",)))
    assert list(web_rules(acl, stack(acl))) == [*found, WebRule("d", Effect.BLOCKS, "ruleJson.3.overrideAction")]
    acl = resource(ACL, "acl", {"ruleJson": json.dumps(rules)})
    late = resource(GROUP, "late", {"arn": UNKNOWN})
    assert list(web_rules(acl, stack(acl, quiet, late))) == [
        *found,
        WebRule("d", Effect.COUNTS, "ruleJson.3.overrideAction", False, ("q",)),
    ]


def test_rules_that_are_not_known() -> None:
    later = resource("x:y:Z", "later")
    acl = resource(ACL, "acl", {"rules": UNKNOWN, "ruleJson": UNKNOWN})
    assert list(web_rules(acl, stack(later, acl))) == []
    for path in ("rules", "ruleJson"):
        acl = resource(ACL, "acl", {path: UNKNOWN}, deps={path: ["later"]})
        assert list(web_rules(acl, stack(later, acl))) == [WebRule("acl", Effect.UNKNOWN, path)]
    acl = resource(ACL, "acl", {"rules": [UNKNOWN, {"name": UNKNOWN, "action": {"block": {}}}]})
    assert list(web_rules(acl, stack(acl))) == [
        WebRule("acl", Effect.UNKNOWN, "rules.0"),
        WebRule("acl", Effect.BLOCKS, "rules.1.action"),
    ]


def group(name: str, *actions: str, **more: Any) -> Resource:
    rules = [{"name": f"{name}-{action}", "action": UNKNOWN if action == "unknown" else {action: {}}} for action in actions]
    return resource(GROUP, name, {"rules": rules, **more})


@pytest.mark.parametrize(
    ("groups", "effect", "counted"),
    [
        ([group("g", "block", "count")], Effect.BLOCKS, ("g-count",)),
        ([group("g", "count")], Effect.COUNTS, ("g-count",)),
        ([group("g", "allow")], Effect.OTHER, ()),
        ([group("g")], Effect.OTHER, ()),
        ([group("g", "unknown", "count")], Effect.UNKNOWN, ("g-count",)),
        ([group("g", "unknown", "block")], Effect.BLOCKS, ()),
        ([group("g", "block"), group("h", "block", "count")], Effect.BLOCKS, ()),
        ([group("g", "block"), group("h", "count")], Effect.UNKNOWN, ()),
        ([resource(GROUP, "g", {"rulesJson": '[{"Name": "r", "Action": {"Count": {}}}]'})], Effect.COUNTS, ("r",)),
        ([group("g", "block", rulesJson="")], Effect.BLOCKS, ()),
    ],
)
def test_a_rule_group_of_the_stack_is_looked_into(groups: list[Resource], effect: Effect, counted: tuple[str, ...]) -> None:
    acl = resource(ACL, "acl")
    names = [item.name for item in groups]
    rule = resource(
        RULE,
        "own",
        {"name": "r", "webAclArn": UNKNOWN, "overrideAction": NONE, "statement": REFERENCE},
        deps={"webAclArn": ["acl"], "statement": names},
    )
    joined = resource(
        ASSOCIATION,
        "joined",
        {"ruleName": "j", "webAclArn": UNKNOWN, "ruleGroupReference": {"arn": UNKNOWN}},
        deps={"webAclArn": ["acl"], "ruleGroupReference": names},
    )
    assert list(web_rules(acl, stack(acl, *groups, rule, joined))) == [
        WebRule("r", effect, "overrideAction", False, counted),
        WebRule("j", effect, "overrideAction", False, counted),
    ]


@pytest.mark.parametrize(
    ("action", "effect", "counted"), [("count", Effect.COUNTS, ("g-block",)), ("allow", Effect.OTHER, ()), ("block", Effect.BLOCKS, ())]
)
def test_an_override_takes_the_place_of_an_action_inside(action: str, effect: Effect, counted: tuple[str, ...]) -> None:
    acl = resource(ACL, "acl")
    statement = overriding(REFERENCE, override("g-block", action))
    props = {"name": "r", "webAclArn": UNKNOWN, "overrideAction": NONE, "statement": statement}
    rule = resource(RULE, "own", props, deps={"webAclArn": ["acl"], "statement": ["g"]})
    assert list(web_rules(acl, stack(acl, group("g", "block"), rule))) == [WebRule("r", effect, "overrideAction", False, counted)]


@pytest.mark.parametrize(
    ("lists", "named", "effect"),
    [
        ({"ruleActionOverrides": UNKNOWN}, True, Effect.UNKNOWN),
        ({"ruleActionOverrides": [UNKNOWN]}, True, Effect.UNKNOWN),
        ({"ruleActionOverrides": [override(UNKNOWN, "count")]}, True, Effect.UNKNOWN),
        ({"excludedRules": [{"name": UNKNOWN}]}, True, Effect.UNKNOWN),
        ({"ruleActionOverrides": [UNKNOWN, override("g-block", "block")]}, True, Effect.BLOCKS),
        ({"ruleActionOverrides": [override("other", "count")]}, True, Effect.BLOCKS),
        ({"ruleActionOverrides": [override("other", "count")]}, False, Effect.UNKNOWN),
        ({"ruleActionOverrides": []}, False, Effect.BLOCKS),
    ],
)
def test_an_override_that_may_be_about_any_rule_inside(lists: dict[str, Any], named: bool, effect: Effect) -> None:
    acl = resource(ACL, "acl")
    inside = resource(GROUP, "g", {"rules": [{"name": "g-block" if named else UNKNOWN, "action": {"block": {}}}]})
    statement = {"ruleGroupReferenceStatement": {"arn": UNKNOWN, **lists}}
    props = {"name": "r", "webAclArn": UNKNOWN, "overrideAction": NONE, "statement": statement}
    rule = resource(RULE, "own", props, deps={"webAclArn": ["acl"], "statement": ["g"]})
    (found,) = web_rules(acl, stack(acl, inside, rule))
    assert found.effect is effect


def test_overrides_of_a_statement_that_is_not_known() -> None:
    acl = resource(ACL, "acl")
    props = {"name": "r", "webAclArn": UNKNOWN, "overrideAction": NONE, "statement": {"ruleGroupReferenceStatement": UNKNOWN}}
    rule = resource(RULE, "own", props, deps={"webAclArn": ["acl"], "statement": ["g"]})
    assert list(web_rules(acl, stack(acl, group("g", "block"), rule))) == [WebRule("r", Effect.UNKNOWN, "overrideAction")]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"managedRuleGroup": {"name": "x"}}, WebRule("j", Effect.BLOCKS, "overrideAction")),
        ({"managedRuleGroup": {"name": "x"}, "overrideAction": "none"}, WebRule("j", Effect.BLOCKS, "overrideAction")),
        ({"managedRuleGroup": {"name": "x"}, "overrideAction": "count"}, WebRule("j", Effect.COUNTS, "overrideAction", True)),
        ({"managedRuleGroup": {"name": "x"}, "overrideAction": UNKNOWN}, WebRule("j", Effect.UNKNOWN, "overrideAction")),
        ({"managedRuleGroup": UNKNOWN}, WebRule("j", Effect.UNKNOWN, "overrideAction")),
        ({"managedRuleGroup": {"name": "x"}, "ruleName": UNKNOWN}, WebRule("joined", Effect.BLOCKS, "overrideAction")),
        (
            {"managedRuleGroup": {"name": "x", "ruleActionOverrides": [override("i", "count")]}},
            WebRule("j", Effect.BLOCKS, "overrideAction", False, ("i",)),
        ),
        ({"ruleGroupReference": {"arn": "arn:elsewhere"}}, WebRule("j", Effect.BLOCKS, "overrideAction")),
    ],
)
def test_a_group_that_is_joined_by_a_resource_of_its_own(props: dict[str, Any], expected: WebRule) -> None:
    acl = resource(ACL, "acl")
    joined = resource(ASSOCIATION, "joined", {"ruleName": "j", "webAclArn": UNKNOWN, **props}, deps={"webAclArn": ["acl"]})
    assert list(web_rules(acl, stack(acl, joined))) == [expected]


def test_rules_of_another_web_acl_do_not_count() -> None:
    acl, other = resource(ACL, "acl"), resource(ACL, "other")
    rule = resource(RULE, "r", {"name": "r", "webAclArn": UNKNOWN, "action": {"block": {}}}, deps={"webAclArn": ["other"]})
    assert list(web_rules(acl, stack(acl, other, rule))) == []


@pytest.mark.parametrize(
    ("action", "blocks"), [({"block": {}}, True), ({"block": {}, "allow": None}, True), ({"allow": {}}, False), ({"block": None}, False)]
)
def test_the_default_action(action: Any, blocks: bool) -> None:
    assert default_blocks(resource(ACL, "acl", {"defaultAction": action})) is blocks


@pytest.mark.parametrize("action", [UNKNOWN, {"block": UNKNOWN}])
def test_an_unknown_default_action(action: Any) -> None:
    with pytest.raises(UnknownValueError) as raised:
        default_blocks(resource(ACL, "acl", {"defaultAction": action}))
    assert raised.value.path == "defaultAction"
