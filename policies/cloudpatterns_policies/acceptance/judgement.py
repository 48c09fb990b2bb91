"""What AWS would refuse of a stack: the validator's words on the resources and properties of the program."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cloudpatterns_policies.acceptance import engine
from cloudpatterns_policies.acceptance.facts import is_translated
from cloudpatterns_policies.acceptance.memory import COMMON, recall, remember
from cloudpatterns_policies.acceptance.models import judge_models
from cloudpatterns_policies.acceptance.rules import GROWING, TOLD_BY_RULES, is_told_by_control
from cloudpatterns_policies.acceptance.translate import Path, Template, translate
from cloudpatterns_policies.acceptance.unknowns import is_about_unknown
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.stack import Stack

# Rules that miss something: they are right only where the table could have translated it.
_MISSING = {"F3003", "F3014", "F3017", "F3018", "F3021", "F3058"}
_QUOTED = re.compile(r"'([A-Za-z0-9]+)'")
# What a message says of something that is not there, and how it names properties.
_MISSES = re.compile(
    r"\b(miss(es|ing)|neither|none|without|no|not set|not true|requires?d?|needs?|must be (given|set|specified))\b", re.IGNORECASE
)
_ANSWER = re.compile(r"; | \(\"")
_PROPERTIES = re.compile(r"\b[A-Z][a-z0-9]+[A-Z]\w*")
_LOGICAL_ID = re.compile(r"\bR\d+\b")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One thing that AWS refuses, or advises against."""

    resource: Resource
    """The resource that has it."""
    property: str
    """The property's path in the program's names; empty for the whole resource."""
    family: str
    """`value`, `combination` or `reference`."""
    refused: bool
    """Whether AWS refuses it; else it is advice."""
    message: str
    """What is wrong, in the validator's words, the rule's id, the fix where it is known, and a page of AWS's."""


def prepare() -> None:
    """Begins to build the validator in the background: for the types that the stack had the last time, else for common ones.

    A pack calls it when it starts, so that the validator is ready when the program has run.
    """
    engine.shared().prepare(recall(f"{os.environ.get('PULUMI_PROJECT', '')}/{os.environ.get('PULUMI_STACK', '')}") or COMMON)


@lru_cache(maxsize=1)
def judgements(stack: Stack) -> tuple[Judgement, ...]:
    """What the validator says about a stack, once for all controls."""
    template = translate(stack)
    found = tuple(_judgements(template, engine.judge(template.document, template.types, _region(stack))))
    if stack.resources:
        _, _, name, project, *_ = re.split("::?", stack.resources[0].urn)
        remember(f"{project}/{name}", template.types)
    return (*found, *_by_models(stack, {(one.resource.urn, one.property) for one in found}))


def _by_models(stack: Stack, found: set[tuple[str, str]]) -> Iterator[Judgement]:
    """What AWS's API models refuse where the validator says nothing: its schemas lack types, properties, and many an enum or range."""
    for resource, problem in judge_models(stack, _grows):
        if (resource.urn, problem.path) not in found:
            yield Judgement(resource, problem.path, "value", True, f"{problem.message} ({problem.rule}). {problem.url}")


def _grows(token: str, path: str) -> bool:
    """Whether AWS extends the values of a property so often that one which the validator does not know is advice."""
    return GROWING.fullmatch(path.rpartition(".")[2]) is not None and is_translated(token, path)


def gaps() -> tuple[str, ...]:
    """What could not be judged so far, one sentence each."""
    return engine.shared().gaps


def _judgements(template: Template, found: list[engine.Diagnostic]) -> Iterator[Judgement]:
    # Two rules may say the same.
    once = {(one.logical_id, one.path, one.message): one for one in reversed(found)}
    rules: dict[str, set[str]] = {}
    for one in found:
        rules.setdefault(one.logical_id, set()).add(one.rule)
    for diagnostic in reversed(once.values()):
        if _is_told_better(diagnostic, rules[diagnostic.logical_id]):
            continue
        if diagnostic.rule in _MISSING and not _could_be_there(template, diagnostic):
            continue
        if template.lacks(diagnostic.logical_id, diagnostic.path) or _is_of_stand_in(template, diagnostic):
            continue
        properties = template.document["Resources"][diagnostic.logical_id]["Properties"]
        if is_about_unknown(diagnostic.path, diagnostic.message, properties, template.document["Parameters"]):
            continue
        if _is_translated_in_part(template, diagnostic) or _is_elsewhere(template, diagnostic):
            continue
        resource, path = template.origin(diagnostic.logical_id, diagnostic.path)
        fix = f" {diagnostic.fix}." if diagnostic.fix else ""
        text = f"{_in_words_of_the_provider(template, diagnostic)} ({diagnostic.rule}).{fix} {diagnostic.url}"
        yield Judgement(resource, path, diagnostic.family, diagnostic.refused, text)


def _is_told_better(diagnostic: engine.Diagnostic, rules: set[str]) -> bool:
    """Whether a control, or another of the rules that the same resource breaks, says the same better."""
    better, _ = TOLD_BY_RULES.get(diagnostic.rule, ("", ""))
    return is_told_by_control(diagnostic.rule) or any(re.fullmatch(better, rule) for rule in rules)


def _is_translated_in_part(template: Template, diagnostic: engine.Diagnostic) -> bool:
    """Whether what is missed may be what the table does not know."""
    logical_id, path = diagnostic.logical_id, diagnostic.path
    misses = _MISSES.search(diagnostic.message) is not None
    if diagnostic.family == "value" and not misses:
        return False
    if path and template.is_partial(logical_id, path):
        return True
    if not misses or logical_id not in template.incomplete:
        return False
    # What AWS answers follows.
    named = _PROPERTIES.findall(_ANSWER.split(diagnostic.message)[0])
    return not (named and template.knows(logical_id, named))


def _is_of_stand_in(template: Template, diagnostic: engine.Diagnostic) -> bool:
    """Whether it is about more than one part of a resource that is elsewhere, for which another only stands."""
    if diagnostic.logical_id in template.stand_ins:
        # Schemas know combinations within a part.
        is_of_part = diagnostic.path and (diagnostic.family == "value" or diagnostic.rule.startswith("F"))
        return not is_of_part
    named = {diagnostic.logical_id, *_LOGICAL_ID.findall(diagnostic.message)}
    return diagnostic.family == "reference" and not named.isdisjoint(template.stand_ins)


def _is_elsewhere(template: Template, diagnostic: engine.Diagnostic) -> bool:
    """Whether it is about resources of several regions or accounts, which the validator takes for one."""
    named = {diagnostic.logical_id, *_LOGICAL_ID.findall(diagnostic.message)} & template.origins.keys()
    return diagnostic.family == "reference" and len({_place(template.origins[one][()][0]) for one in named}) > 1


def _could_be_there(template: Template, diagnostic: engine.Diagnostic) -> bool:
    place: Path = diagnostic.path
    named = _QUOTED.findall(diagnostic.message)
    return bool(named) and all(template.can_have(diagnostic.logical_id, place, name) for name in named)


def _plain(template: Template, diagnostic: engine.Diagnostic) -> str:
    """The message with names of resources in place of logical ids."""

    def named(match: re.Match[str]) -> str:
        origins = template.origins.get(match[0])
        return match[0] if origins is None else origins[()][0].name

    return _LOGICAL_ID.sub(named, diagnostic.message)


def _in_words_of_the_provider(template: Template, diagnostic: engine.Diagnostic) -> str:
    """The message, with what is allowed in the provider's words where CloudFormation has others."""
    words = template.words.get((diagnostic.logical_id, diagnostic.path), {})
    given = {f"'{theirs}'": ours if ours in ("true", "false") else f"'{ours}'" for ours, theirs in words.items()}
    value, mark, allowed = _plain(template, diagnostic).partition(" is not one of ")
    return value + mark + re.sub(r"'[^']*'", lambda match: given.get(match[0], match[0]), allowed)


def _region(stack: Stack) -> str | None:
    """The region of the stack's providers and resources, where it is one and known."""
    regions = {one.inputs.raw.get("region") for one in stack.of_type("pulumi:providers:aws")}
    regions |= {one.inputs.raw["region"] for one in stack.resources if one.type.startswith("aws:") and one.inputs.raw.get("region")}
    [region] = regions if len(regions) == 1 else [None]
    return region if isinstance(region, str) else None


def _place(resource: Resource) -> tuple[str, str]:
    """What tells resources of different regions or accounts apart."""
    return resource.message.provider.urn, str(resource.inputs.raw.get("region"))
