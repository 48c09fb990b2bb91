"""The corpus: resources that AWS accepts, each with a change that it refuses, as a program gives them. One file for each
module of the SDK, and `references.json` for pairs of several.

A file has `resources`, each with a type and complete inputs, and `pairs`:

| key        | what it says                                                                                                |
|------------|-------------------------------------------------------------------------------------------------------------|
| `of`       | the resource                                                                                                |
| `accepted` | changes to its inputs, property path to value (null: without it); AWS accepts the result                    |
| `refused`  | further changes; AWS refuses the result                                                                     |
| `at`       | the property where the refusal is reported                                                                  |
| `rule`     | the rule or control that reports it                                                                         |
| `also`     | other refusals of the same change, each a property and a rule                                               |
| `mistake`  | what somebody got wrong, of a pair that is one of the sixty mistakes; `says` is then a piece of the message |

`{"ref": "vpc"}` in inputs is an output of another resource of the same file, which is not known before deployment.
"""

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from cloudpatterns_policies.acceptance.controls import accepted
from cloudpatterns_policies.core import Control, Fail, Resource, Severity, Stack, discover

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

FOLDER = Path(__file__).with_name("corpus")
REGION = "eu-west-1"
_RULE = re.compile(r"\(([EFIW]\d{4}|(?:pf|api)-[\w-]+)\)")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One resource in a form that AWS accepts, and in one that it refuses."""

    file: str
    of: str
    type: str
    base: Mapping[str, Any]
    refused: Mapping[str, Any]
    at: str = ""
    rule: str = ""
    accepted: Mapping[str, Any] = field(default_factory=dict)
    also: Sequence[Sequence[str]] = ()
    mistake: str = ""
    says: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def module(self) -> str:
        """The module of the SDK, which is the service for most."""
        return self.type.split(":")[1].partition("/")[0]

    @property
    def good(self) -> dict[str, Any]:
        """The inputs that AWS accepts."""
        return changed(self.base, self.accepted)

    @property
    def bad(self) -> dict[str, Any]:
        """The inputs that AWS refuses."""
        return changed(self.good, self.refused)

    @property
    def unknown(self) -> dict[str, Any]:
        """The inputs of which nobody knows whether AWS refuses them: what the change is about is not known."""
        return changed(self.good, dict.fromkeys(self.refused, UNKNOWN))

    def __str__(self) -> str:
        return f"{self.file}: {self.of} {json.dumps(self.refused, ensure_ascii=False)}"


class Refusal(NamedTuple):
    """What the pack refuses of a resource."""

    at: str
    rule: str
    message: str


def pairs() -> list[Pair]:
    """All pairs."""
    return [pair for file in sorted(FOLDER.glob("*.json")) for pair in _pairs(file)]


def _pairs(file: Path) -> Iterator[Pair]:
    content = json.loads(file.read_text(encoding="utf-8"))
    resources = content["resources"]
    for entry in content["pairs"]:
        of = resources[entry["of"]]
        yield Pair(file=file.stem, type=of["type"], base=of["inputs"], resources=resources, **entry)


def changed(inputs: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs with values at property paths; a property whose value is None is not there."""
    result = copy.deepcopy(dict(inputs))
    for path, value in changes.items():
        *outer, last = path.split(".")
        inside: Any = result
        for part in outer:
            inside = inside[int(part)] if isinstance(inside, list) else inside[part]
        if isinstance(inside, list):
            inside[int(last)] = value
        elif value is None:
            inside.pop(last, None)
        else:
            inside[last] = value
    return result


def resources(name: str, kind: str, inputs: Mapping[str, Any], others: Mapping[str, Any]) -> Iterator[Resource]:
    """A resource of a stack, and those that it takes outputs of."""
    references: dict[str, list[str]] = {}
    for key, value in inputs.items():
        references[key] = list(_references(value))
    for other in dict.fromkeys(one for found in references.values() for one in found):
        yield from resources(f"{name}-{other}", others[other]["type"], others[other]["inputs"], others)
    deps = {key: [f"{name}-{one}" for one in found] for key, found in references.items() if found}
    yield resource(kind, name, {key: _plain(value) for key, value in inputs.items()}, deps=deps)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if value.keys() == {"ref"}:
            yield value["ref"]
        else:
            for inside in value.values():
                yield from _references(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _references(inside)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return UNKNOWN if value.keys() == {"ref"} else {key: _plain(inside) for key, inside in value.items()}
    return [_plain(inside) for inside in value] if isinstance(value, list) else value


def stacks(form: str, given: Sequence[Pair]) -> Iterator[tuple[list[Pair], Stack]]:
    """The pairs in one form (`good`, `bad`, `unknown`), as many in a stack as have no name in common: one of each resource."""
    seen: Counter[tuple[str, str]] = Counter()
    groups: dict[int, list[Pair]] = {}
    for pair in given:
        groups.setdefault(seen[pair.file, pair.of], []).append(pair)
        seen[pair.file, pair.of] += 1
    for group in groups.values():
        yield group, one_stack({str(number): (pair, getattr(pair, form)) for number, pair in enumerate(group)})


def judged(form: str, given: Sequence[Pair]) -> Iterator[tuple[Pair, list[Refusal]]]:
    """Each pair in one form, with what is refused of it."""
    for group, subject in stacks(form, given):
        found = refusals(subject)
        yield from ((pair, found.pop(str(number), [])) for number, pair in enumerate(group))
        assert found == {}, "of the resources around"


def with_each_input_unknown(given: Sequence[Pair]) -> Iterator[Pair]:
    """Each resource of the pairs once for each part of its inputs, with that part unknown."""
    for pair in {(pair.file, pair.of): pair for pair in given}.values():
        for path in _paths(pair.base, ""):
            yield replace(pair, accepted={path: UNKNOWN}, refused={path: None})


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value.keys() == {"ref"}:
        return
    inside = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        here = f"{path}.{key}" if path else str(key)
        yield here
        yield from _paths(one, here)


def one_stack(forms: Mapping[str, tuple[Pair, Mapping[str, Any]]]) -> Stack:
    """A stack with a resource for each name."""
    provider = resource("pulumi:providers:aws", "default", {"region": REGION})
    found = [one for name, (pair, inputs) in forms.items() for one in resources(name, pair.type, inputs, pair.resources)]
    return stack(provider, *found)


def refusals(subject: Stack) -> dict[str, list[Refusal]]:
    """What the pack refuses, by resource."""
    found: dict[str, list[Refusal]] = {}
    for control in controls():
        for name, verdict in verdicts(control, subject):
            if isinstance(verdict, Fail):
                rule = _RULE.search(verdict.message)
                found.setdefault(name, []).append(Refusal(verdict.where, rule[1] if rule else control.id, verdict.message))
    return found


def controls() -> list[Control]:
    """The pack's controls of what AWS refuses."""
    return [one for one in discover(accepted.__package__ or "", pack="acceptance") if one.severity >= Severity.HIGH]
