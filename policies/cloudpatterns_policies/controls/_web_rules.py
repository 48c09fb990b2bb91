"""The rules of a web ACL, inline, as JSON and as separate resources, and which of them block and which only count."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from cloudpatterns_policies.controls._references import associations
from cloudpatterns_policies.core import UNKNOWN, Resource, Stack, UnknownValueError
from cloudpatterns_policies.graph.reading import from_provider

WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"
RULE: Final = "aws:wafv2/webAclRule:WebAclRule"
GROUP_ASSOCIATION: Final = "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation"
_RULE_GROUP: Final = "aws:wafv2/ruleGroup:RuleGroup"
_REFERENCE: Final = "ruleGroupReferenceStatement"
_OVERRIDES: Final = ("excludedRules", "ruleActionOverrides")
_GROUP_STATEMENTS: Final = ("managedRuleGroupStatement", _REFERENCE)


class Effect(Enum):
    """What a rule does with a request that it matches."""

    BLOCKS = "block"
    COUNTS = "count"
    OTHER = "allows the request, or requires a CAPTCHA or challenge"
    UNKNOWN = "known only after deployment"


@dataclass(frozen=True, slots=True)
class WebRule:
    """One rule of a web ACL or a rule group."""

    name: str
    """Its name in metrics, logs and tags; when that is unknown, the name of the resource that contains it."""
    effect: Effect
    """Its effect. A rule group blocks when one of its rules does; a group outside the stack is assumed to block."""
    where: str
    """The property that sets the effect."""
    counts: bool = False
    """Whether the whole rule only counts."""
    counted: tuple[str, ...] = ()
    """Rules inside its group that only count."""
    named: bool = field(default=True, compare=False)
    """Whether `name` is the name of the rule itself."""


def web_rules(acl: Resource, stack: Stack) -> Iterator[WebRule]:
    """The rules of a web ACL. An unknown list is one rule of unknown effect, and so is a rule that may belong to another web ACL."""
    yield from _own(acl, stack, "rules", "ruleJson")
    for token in (RULE, GROUP_ASSOCIATION):
        sure, possible = associations(stack, acl, token, "webAclArn", (WEB_ACL,))
        for resource in sure:
            yield _rule(resource, stack, "", resource.raw) if token == RULE else _association(resource, stack)
        yield from (WebRule(resource.name, Effect.UNKNOWN, "webAclArn", named=False) for resource in possible)


def _own(holder: Resource, stack: Stack, listed: str, text: str) -> Iterator[WebRule]:
    for path in (listed, text):
        if from_provider(holder, path):
            continue
        if holder.is_unknown(path):
            yield WebRule(holder.name, Effect.UNKNOWN, path, named=False)
            continue
        items = _lowered(holder.json(path, [])) if path == text else holder.get(path, [])
        for index, item in enumerate(items):
            place = f"{path}.{index}"
            lost = WebRule(holder.name, Effect.UNKNOWN, place, named=False)
            yield lost if item is UNKNOWN else _rule(holder, stack, place, item)


def _rule(holder: Resource, stack: Stack, place: str, rule: Mapping[str, Any]) -> WebRule:
    """A rule at the path `place` of `holder`; an empty path is the resource itself."""
    given = rule.get("name", "")
    named = given is not UNKNOWN
    name = str(given) if named else holder.name
    statement = rule.get("statement")
    # A rule has an action, or, with a group as its statement, an override of the group's actions. AWS refuses a rule with both or neither.
    if (action := rule.get("action")) is not None:
        effect = _effect(action, "block", "count")
        return WebRule(name, effect, _path(place, "action"), effect is Effect.COUNTS, named=named)
    effect = _effect(rule.get("overrideAction"), "none", "count")
    where = _path(place, "overrideAction")
    if not isinstance(statement, Mapping):
        return WebRule(name, Effect.UNKNOWN if effect is Effect.BLOCKS else effect, where, effect is Effect.COUNTS, named=named)
    kind = next((kind for kind in _GROUP_STATEMENTS if statement.get(kind) is UNKNOWN or statement.get(kind)), "")
    reference = _path(place, f"statement.{_REFERENCE}.arn") if kind == _REFERENCE else ""
    own = WebRule(name, effect, where, effect is Effect.COUNTS, named=named)
    return _of_group(holder, stack, own, statement.get(kind), reference)


def _association(resource: Resource, stack: Stack) -> WebRule:
    """A rule group that a separate resource attaches to a web ACL."""
    given = resource.raw.get("overrideAction")
    effect = Effect.UNKNOWN if given is UNKNOWN else Effect.COUNTS if given == "count" else Effect.BLOCKS
    kept = resource.raw.get("ruleGroupReference")
    group = resource.raw.get("managedRuleGroup") if kept is None else kept
    named = resource.raw.get("ruleName")
    known = named is not UNKNOWN
    rule = WebRule(str(named) if known else resource.name, effect, "overrideAction", effect is Effect.COUNTS, named=known)
    return _of_group(resource, stack, rule, group, "" if kept is None else "ruleGroupReference.arn")


def _of_group(holder: Resource, stack: Stack, rule: WebRule, group: Any, reference: str) -> WebRule:
    """The rule, with the effect of the rules inside its group."""
    overrides = _overrides(group) if isinstance(group, Mapping) else {}
    targets = stack.refs(holder, reference, _RULE_GROUP) if reference else []
    if reference and not targets and isinstance(arn := group.get("arn"), str):
        # A reference in JSON text is no property dependency.
        targets = [target for target in stack.of_type(_RULE_GROUP) if _arn(target) == arn]
    inside = [list(_own(target, stack, "rules", "rulesJson")) for target in targets]
    possible = {_strongest([_overridden(found, group, overrides) for found in rules]) for rules in inside}
    effect, where = rule.effect, rule.where
    if effect is Effect.BLOCKS and reference and not targets and group is not UNKNOWN and group.get("arn") is UNKNOWN:
        effect, where = Effect.UNKNOWN, reference
    elif effect is Effect.BLOCKS and (group is UNKNOWN or possible):
        # When an unknown value depends on several groups, it may be any of them.
        effect = possible.pop() if len(possible) == 1 else Effect.UNKNOWN
    actions = {**({found.name: found.effect for found in inside[0]} if len(inside) == 1 else {}), **overrides}
    return replace(rule, effect=effect, where=where, counted=tuple(name for name, found in actions.items() if found is Effect.COUNTS))


def _overridden(rule: WebRule, group: Any, overrides: Mapping[str, Effect]) -> Effect:
    """The effect of a rule inside a group where the group is used."""
    if rule.named and rule.name in overrides:
        return overrides[rule.name]
    lists = [UNKNOWN] if group is UNKNOWN else [group.get(key) for key in _OVERRIDES]
    lost = any(items is UNKNOWN or len(items or ()) > len(_with_known_names(items)) for items in lists)
    return Effect.UNKNOWN if lost or (overrides and not rule.named) else rule.effect


def _arn(target: Resource) -> Any:
    return None if target.is_unknown("arn") else target.get("arn")


def _strongest(effects: Collection[Effect]) -> Effect:
    """The effect of a group whose rules have these effects."""
    return next((effect for effect in (Effect.BLOCKS, Effect.UNKNOWN, Effect.COUNTS) if effect in effects), Effect.OTHER)


def _overrides(group: Mapping[str, Any]) -> dict[str, Effect]:
    """The effects that replace the actions of rules inside a group."""
    found = {str(item["name"]): Effect.COUNTS for item in _with_known_names(group.get("excludedRules"))}
    for item in _with_known_names(group.get("ruleActionOverrides")):
        found[str(item["name"])] = _effect(item.get("actionToUse"), "block", "count")
    return found


def _with_known_names(items: Any) -> list[Mapping[str, Any]]:
    listed = items if isinstance(items, list) else []
    return [item for item in listed if item is not UNKNOWN and item.get("name") is not UNKNOWN]


def _effect(action: Any, blocks: str, counts: str) -> Effect:
    if action is UNKNOWN:
        return Effect.UNKNOWN
    # Exported stacks contain unset actions as null.
    chosen = {key for key, value in (action or {}).items() if value is UNKNOWN or value is not None}
    return Effect.BLOCKS if blocks in chosen else Effect.COUNTS if counts in chosen else Effect.OTHER


def _path(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _lowered(value: Any) -> Any:
    """A rule in WAF's JSON form, `{"Action": {"Block": {}}}`, converted to the form of the provider's properties."""
    if isinstance(value, Mapping):
        return {"arn" if key == "ARN" else key[:1].lower() + key[1:]: _lowered(item) for key, item in value.items()}
    return [_lowered(item) for item in value] if isinstance(value, list) else value


def default_blocks(acl: Resource) -> bool:
    """Whether the default action of a web ACL is to block. Raises `UnknownValueError`."""
    if acl.is_unknown("defaultAction") or acl.is_unknown("defaultAction.block"):
        raise UnknownValueError("defaultAction", acl.urn)
    return acl.get("defaultAction.block") is not None
