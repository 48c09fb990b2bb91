"""Runs the examples of the SDK's docstrings, and lists what the pack finds in them.

    python -m tests.policies.acceptance.documented [--check | --write] [MODULE...]

A name that an example uses and does not define is an unknown value, as is what `pulumi_std` gives; the examples that still fail are counted
by error. `documented.json` lists the findings that are right, each with a reason: `--check` compares with it, and `--write` writes it
again, with an empty reason for what is new. A whole run takes some minutes.
"""

import ast
import builtins
import collections
import contextlib
import io
import json
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
from cloudpatterns_policies.acceptance import engine
from cloudpatterns_policies.acceptance.controls.iam import iam_statement_effective
from cloudpatterns_policies.acceptance.facts import facts
from cloudpatterns_policies.acceptance.judgement import judgements
from cloudpatterns_policies.core import Fail, Stack

from tests.harness import record
from tests.policies.acceptance.generate import tokens
from tests.policies.acceptance.models import sdk
from tests.policies.acceptance.test_accepted import sent

LISTED = Path(__file__).with_name("documented.json")
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
RULE = re.compile(r"\(([A-Z]\d{4}|[a-z]+(?:-[a-z0-9]+)+)\)")
# What Python writes for an output in a text: the example is wrong in a way that gives no value at all.
_NO_VALUE = "Calling __str__ on an Output"


def examples(modules: list[str]) -> Iterator[tuple[str, str]]:
    """File and text of each example, those of all modules when none is named; each text once."""
    seen = set()
    for path in sorted(sdk.folder().glob("*/*.py")):
        if path.name.startswith("_") or (modules and path.parent.name not in modules):
            continue
        for number, text in enumerate(_BLOCK.findall(path.read_text(encoding="utf-8"))):
            code = _dedent(text)
            if code not in seen:
                seen.add(code)
                yield f"{path.parent.name}/{path.stem}#{number}", code


def _dedent(text: str) -> str:
    lines = text.splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    # The docstrings are no raw texts: what the reader's SDK shows has the escapes resolved.
    return ast.literal_eval('"""' + "\n".join(line[indent:] for line in lines) + '\n"""')


class _Names(dict[str, Any]):
    """The names of an example; `used` are those that it does not define."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[str] = set()

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        self.used.add(name)
        return _unknown()


def _unknown(*_: object, **__: object) -> pulumi.Output[Any]:
    """A value that is known only after deployment."""

    async def answer(value: Any) -> Any:
        return value

    return pulumi.Output(answer(set()), answer(None), answer(False))


class _Std(types.ModuleType):
    """Stands in for `pulumi_std`, whose functions run in a provider."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python asks every module for
            raise AttributeError(name)
        return _unknown if name.islower() else type(name, (), {})


def run(code: str) -> tuple[Stack, set[str]]:
    """The resources that an example registers, and the names that it does not define."""
    program = compile(code, "example", "exec")
    names = _Names()
    sys.modules["pulumi_std"] = _Std("pulumi_std")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        graph = record(lambda: exec(program, {"__name__": "__main__"}, names))
    return sent(graph), names.used


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def findings(stack: Stack) -> Iterator[str]:
    """What AWS would refuse, as `rule token property` for each."""
    for one in judgements(stack):
        texts = _texts(one.resource.inputs.raw.get(one.property.partition(".")[0]))
        if one.refused and not any(_NO_VALUE in text for text in (one.message, *texts)):
            rules = RULE.findall(one.message)
            yield f"{rules[0] if rules else '?'} {one.resource.type} {one.property}".strip()
    for found in iam_statement_effective.check(stack):
        resource, verdict = found if isinstance(found, tuple) else (None, found)
        if resource is not None and isinstance(verdict, Fail):
            yield f"{RULE.findall(verdict.message)[-1]} {resource.type} {verdict.where}"


def judge(modules: list[str]) -> tuple[dict[str, list[str]], collections.Counter[str]]:
    """The findings by example, and how many examples ran, alone or helped with unknown values, or by which error they did not."""
    found: dict[str, list[str]] = {}
    counts = collections.Counter[str]()
    for place, code in examples(modules):
        try:
            stack, used = run(code)
        except Exception as error:  # an example may be wrong in any way
            counts[type(error).__name__] += 1
            continue
        counts["helped" if used else "alone"] += 1
        if refused := sorted(set(findings(stack))):
            found[place] = refused
    return found, counts


def listed() -> dict[str, dict[str, str]]:
    """The reason of each finding that is right, by example and finding."""
    return json.loads(LISTED.read_text(encoding="utf-8"))["findings"]


def differences(found: dict[str, list[str]], modules: list[str]) -> list[str]:
    """What is found and not listed, or listed and not found."""
    ours = {(place, one) for place, items in found.items() for one in items}
    theirs = {(place, one) for place, items in listed().items() for one in items if not modules or place.partition("/")[0] in modules}
    new = [f"new: {place} {one}" for place, one in sorted(ours - theirs)]
    return new + [f"gone: {place} {one}" for place, one in sorted(theirs - ours)]


def write(found: dict[str, list[str]]) -> None:
    """Writes the list, with the reasons that it had."""
    data = json.loads(LISTED.read_text(encoding="utf-8"))
    known = data["findings"]
    data["findings"] = {place: {one: known.get(place, {}).get(one, "") for one in items} for place, items in sorted(found.items())}
    LISTED.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Prints each finding, or the differences, and how many examples ran."""
    options = {one for one in sys.argv[1:] if one.startswith("--")}
    modules = [one for one in sys.argv[1:] if not one.startswith("--")]
    engine.shared().prepare({found.type for token in tokens() if (found := facts(token)) is not None})
    found, counts = judge(modules)
    if "--write" in options:
        write(found)
    lines = differences(found, modules) if "--check" in options else [f"{place} {one}" for place, items in found.items() for one in items]
    print(*lines, sep="\n")
    print(dict(counts), sum(map(len, found.values())), "findings")
    sys.exit("--check" in options and bool(lines))


if __name__ == "__main__":
    main()
