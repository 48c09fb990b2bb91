"""`python -m cloudpatterns_policies.acceptance TYPE [WORD ...]`: what AWS refuses for a resource type."""

import argparse
import difflib
import importlib
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from cloudpatterns_policies.acceptance import engine, preflight
from cloudpatterns_policies.acceptance.preflight import ANY_TYPE, Preflight, Rule
from cloudpatterns_policies.acceptance.rules import REFUSED_DESPITE_SEVERITY, why_off

_EPILOG: Final = """examples:
  python -m cloudpatterns_policies.acceptance AWS::ECS::Service
  python -m cloudpatterns_policies.acceptance ecs.Service fargate
  python -m cloudpatterns_policies.acceptance aws:ecs/service:Service fargate
  python -m cloudpatterns_policies.acceptance --types"""

_PROBE: Final = "CloudpatternsProbe"
_TEXT: Final = "\u0001" * 3
# Values of every kind, none of which any property takes: what the validator says about them is what the schema asks for.
_PROBES: Final[tuple[Any, ...]] = ({_PROBE: 1}, [], [_TEXT] * 200, {}, "", _TEXT * 4000, _TEXT, -(10**15), 10**15, 0.5)
_DEMANDS: Final = (
    (("F3012",), r"is not of type '(.*)'$", "type"),
    (("F3003",), r"'(.*)' is a required property$", "requires"),
    (("F3014", "F3058"), r"\[(.*)\]", "requires one of"),
    (("W3030", "F3030"), r"is not one of \[(.*)\]$", "one of"),
    (("F3031",), r"does not match pattern '(.*)'$", "pattern"),
    (("F3034",), r"less than the minimum of (.*)$", "from"),
    (("F3034",), r"greater than the maximum of (.*)$", "to"),
    (("F3033",), r"minimum (?:of )?(\d+)$", "characters from"),
    (("F3033",), r"maximum (?:of )?(\d+)$", "characters to"),
    (("F3032",), r"minimum item count: (\d+)", "items from"),
    (("F3032",), r"maximum item count: (\d+)", "items to"),
    (("E3027",), r"(has to be .*)$", "form"),
)
_FORMS: Final = {
    "requires": "requires {}",
    "requires one of": "requires one of {}",
    "one of": "one of {}",
    "from": "at least {}",
    "to": "at most {}",
    "characters from": "at least {} characters",
    "characters to": "at most {} characters",
    "items from": "at least {} items",
    "items to": "at most {} items",
    "pattern": "pattern {}",
    "form": "{}",
}

_NAMED: Final = re.compile(r"Properties\.((?:[A-Z]\w*)(?:\.(?:%[sd]|\d+|[A-Z]\w*))*)")
_SERVICES: Final = {
    "ApiGateway": "API Gateway|RestApi|Rest API",
    "ElastiCache": "Elastic Cache|ElastiCache|Valkey",
    "ElasticLoadBalancing": "ELB",
    "ElasticLoadBalancingV2": "ELBv2|ELB|[Ll]oad balancers",
    "Events": "Event|EventBridge",
    "OpenSearchService": "OpenSearch",
    "StepFunctions": "StateMachine",
}
"""How the validator's descriptions call a service."""

_ATTRIBUTES: Final = re.compile(r"'([A-Za-z]\w*)[^']*'")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m cloudpatterns_policies.acceptance",
        description="Prints what AWS refuses for a resource type: what the schema requires, allows and limits, and the rules of\n"
        "cdk-preflight with AWS's own error.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "type",
        nargs="?",
        help="CloudFormation's type, such as AWS::ECS::Service, or Pulumi's, such as ecs.Service or aws:ecs/service:Service",
    )
    parser.add_argument("word", nargs="*", help="print only what holds all of these words")
    parser.add_argument("--types", action="store_true", help="print the types that have rules of cdk-preflight, with their number")
    options = parser.parse_args(arguments)
    rules = preflight.load()
    if options.types:
        return _print_types(rules)
    if options.type is None:
        parser.error("give a resource type, or --types")
    return _print_type(options.type, [word.lower() for word in options.word], rules)


def _print_types(rules: Preflight) -> int:
    if rules.problem:
        return _stop(rules.problem)
    for name, count in rules.types.items():
        print(f"{count:4}  {'every type' if name == ANY_TYPE else name}")
    return 0


def _print_type(given: str, words: list[str], rules: Preflight) -> int:
    kind = _cloudformation_type(given)
    if kind is None:
        text = f"{given} is not in the table of types: give CloudFormation's type, such as AWS::ECS::Service."
        return _stop(text + _did_you_mean(given))
    module, problem = engine.validator_module()
    if module is None and rules.problem:
        return _stop(problem, rules.problem)
    schema = _Schema(module, kind, _candidates(kind, rules)) if module is not None else None
    if not re.fullmatch(r"AWS(::\w+){2}", kind) or (kind not in rules.types and (schema is None or not schema.known)):
        return _stop(f"{kind} is no resource type of CloudFormation.{_nearest(kind, rules)}")
    for message in (problem, rules.problem):
        if message:
            print(f"{message}\n")
    sections = [
        ("The schema", schema.lines() if schema is not None else ()),
        ("Rules of cdk-preflight, reproduced on AWS", _preflight_lines(rules.of([kind]))),
        ("Rules of cdk-preflight for every type", _preflight_lines(rule for rule in rules.of([ANY_TYPE]) if not why_off(rule.id))),
        ("Rules of AWS's validator about the service", _validator_lines(module, kind) if module is not None else ()),
    ]
    print(kind)
    for title, entries in sections:
        chosen = [entry for entry in entries if all(word in " ".join(entry).lower() for word in words)]
        if chosen:
            print(f"\n{title} ({len(chosen)})")
            print("\n".join(_wrapped(entry) for entry in chosen))
    return 0


def _cloudformation_type(given: str) -> str | None:
    """The type that was given, by a Pulumi token too."""
    facts = _facts()
    if "::" in given or not re.search(r"[/.:]", given):
        return given
    if facts is None:
        return None
    token = given if "/" in given else _tokens().get(_as_written(given))
    return facts.cfn_type(token) if token is not None else None


def _tokens() -> Mapping[str, str]:
    """Token by the name that a program writes, such as `lambda.function`, in lower case."""
    named = re.compile(r"aws:(\w+)/\w+:(\w+)")
    return {".".join(found.groups()).lower(): token for token in _facts().tokens() if (found := named.fullmatch(token))}


def _as_written(given: str) -> str:
    """A name as in `_tokens`: of `aws.lambda_.Function` (Python), `aws.lambda.Function` (TypeScript) or `aws:lambda:Function` (YAML)."""
    return given.replace(":", ".").replace("_.", ".").removeprefix("pulumi_").removeprefix("aws.").lower()


def _did_you_mean(given: str) -> str:
    """The nearest type that the table has, in the form that was given."""
    tokens = _tokens() if _facts() is not None else {}
    name = re.sub(r"/\w+:", ".", given.removeprefix("aws:")).lower() if "/" in given else _as_written(given)
    close = [tokens[one] for one in difflib.get_close_matches(name, tokens, n=3, cutoff=0.7)]
    shown = close if "/" in given else [re.sub(r"aws:(\w+)/\w+:", r"\1.", one) for one in close]
    return f" Did you mean {' or '.join(shown)}?" if shown else ""


def _candidates(kind: str, rules: Preflight) -> set[str]:
    """Paths of properties that the type may have, such as `Rules.0.Status`: those that the table of types and the rules name."""
    found = {re.sub(r"%[sd]", "0", path) for rule in rules.of([kind]) for path in _NAMED.findall(rule.rego)}
    paths = getattr(_facts(), "paths", None)
    return found | set(paths(kind)) if paths is not None else found


def _facts() -> Any:
    """The table of types, read only where it is needed; None without one."""
    try:
        return importlib.import_module("cloudpatterns_policies.acceptance.facts")
    except ImportError:
        return None


def _nearest(kind: str, rules: Preflight) -> str:
    names = [name for name in rules.types if name != ANY_TYPE]
    last = kind.rpartition("::")[2].lower()
    close = difflib.get_close_matches(kind.lower(), [name.lower() for name in names], n=5, cutoff=0.75)
    found = [name for name in names if name.lower() in close or name.rpartition("::")[2].lower() == last]
    found += [name for name in names if last and last in name.lower() and name not in found]
    return f" Near it: {', '.join(found[:6])}" if found else ""


def _stop(*messages: str) -> int:
    print("\n".join(messages), file=sys.stderr)
    return 2


def _wrapped(entry: tuple[str, ...]) -> str:
    """The first text at the margin, the others below it."""
    width = min(shutil.get_terminal_size().columns, 140)
    first = textwrap.fill(entry[0], width, initial_indent="  ", subsequent_indent="      ", break_long_words=False, break_on_hyphens=False)
    rest = (textwrap.fill(text, width, initial_indent="      ", subsequent_indent="      ", break_long_words=False) for text in entry[1:])
    return "\n".join([first, *rest])


def _preflight_lines(rules: Iterable[Rule]) -> Iterator[tuple[str, ...]]:
    for rule in rules:
        advice = "" if rule.severity == "ERROR" else "  (advice)"
        yield (f"{rule.id}{advice}", rule.title, *([f"AWS: {rule.message}"] if rule.message else []))


def _validator_lines(module: ModuleType, kind: str) -> Iterator[tuple[str, ...]]:
    """The validator's rules whose descriptions name the type's service."""
    service = kind.split("::")[1]
    words = re.compile(rf"\b({_SERVICES.get(service, re.escape(service))})\b")
    for rule in module.CompositeEngine().list_rules():
        if not why_off(rule.id) and words.search(rule.description):
            refused = rule.severity.name in ("FATAL", "ERROR") or rule.id in REFUSED_DESPITE_SEVERITY
            yield (f"{rule.id}{'' if refused else '  (advice)'}  {rule.description}",)


class _Schema:
    """What the validator's schema of a type says. The package does not give its schemas, so it is asked about impossible values."""

    def __init__(self, module: ModuleType, kind: str, candidates: set[str]) -> None:
        self._module, self._kind = module, kind
        self._engine = module.CompositeEngine()
        empty = self._ask({"Empty": {}})
        self.known = not any(message.rule_id == "F3006" and message.message.startswith("Unknown") for message in empty)
        self.required = [message.message.replace("'", "") for message in empty if message.rule_id in ("F3003", "F3014", "F3058")]
        self._demands: dict[str, dict[str, list[str]]] = {}
        if self.known:
            self._probe(candidates | self._attributes())

    def lines(self) -> Iterator[tuple[str, ...]]:
        """Entries for what is required, and for each property that takes less than its type."""
        for message in sorted(self.required):
            yield (message,)
        for path, demands in sorted(self._demands.items()):
            if sentence := _sentence(demands):
                yield (f"{path.replace('.0', '[]')}  {sentence}",)

    def _attributes(self) -> set[str]:
        """Names of the type's attributes, most of which are properties as well."""
        document = {
            "Asked": {"Type": self._kind, "Properties": {}},
            "Asking": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": ["Asked", _PROBE]}}},
        }
        texts = [message.message for message in self._run(document) if message.rule_id == "E9004"]
        return {name for text in texts for name in _ATTRIBUTES.findall(text.partition("one of")[2])}

    def _probe(self, candidates: set[str]) -> None:
        """Asks about every candidate, with its parents; those that the type does not have drop out."""
        paths = {".".join(path.split(".")[:length]) for path in candidates for length in range(1, path.count(".") + 2)}
        asked = {f"P{number}": (path, probe) for number, (path, probe) in enumerate((p, v) for p in sorted(paths) for v in _PROBES)}
        for message in self._ask({name: _nested(path.split("."), probe) for name, (path, probe) in asked.items()}):
            path, _ = asked[message.entity.logical_id]
            if message.property_path != f"Properties.{path}":
                continue
            kind, text = _demand(message)
            texts = self._demands.setdefault(path, {}).setdefault(kind, [])
            if kind and text not in texts:
                texts.append(text)

    def _ask(self, properties: Mapping[str, Any]) -> list[Any]:
        return self._run({name: {"Type": self._kind, "Properties": value} for name, value in properties.items()})

    def _run(self, resources: Mapping[str, Any]) -> list[Any]:
        found: list[Any] = []
        names = list(resources)
        config = self._module.ValidateConfig(exclude=self._module.RuleFilterConfig(id_patterns=["^[IP].*", "^W(?!3030).*"]))
        for at in range(0, len(names), 400):
            part = {name: resources[name] for name in names[at : at + 400]}
            found += self._engine.validate_template(json.dumps({"Resources": part}).encode(), config).diagnostics
        return [message for message in found if message.entity is not None]


def _nested(parts: list[str], value: Any) -> Any:
    for part in reversed(parts):
        value = [value] if part.isdigit() else {part: value}
    return value


def _demand(message: Any) -> tuple[str, str]:
    """What a diagnostic demands of the property itself, as a kind and a text; empty for what demands nothing that can be said briefly."""
    for rules, pattern, kind in _DEMANDS:
        if message.rule_id in rules and (found := re.search(pattern, message.message, re.DOTALL)):
            return kind, found[1]
    return "", ""


def _sentence(demands: Mapping[str, list[str]]) -> str:
    """The demands on one property, the most telling first; empty when nothing but its type is known."""
    parts = []
    for kind, form in _FORMS.items():
        if texts := demands.get(kind):
            parts.append(form.format(", ".join(sorted(texts) if kind == "requires" else texts)))
    return f"{', '.join(sorted(demands.get('type', ['any'])))}: {'; '.join(parts)}" if parts else ""
