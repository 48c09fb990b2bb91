"""Runs the examples of the SDK's docstrings, and lists what the models find in them.

    python -m tests.policies.acceptance.documented [MODULE...]

A name that an example uses and does not define is an unknown value, as is what `pulumi_std` gives; the examples that still fail are counted
by error.
"""

import ast
import builtins
import collections
import contextlib
import io
import re
import sys
import types
from collections.abc import Iterator
from typing import Any

import pulumi
from cloudpatterns_policies.acceptance.models import judge_models
from cloudpatterns_policies.core import Resource, Stack
from offline_preview.wire import Requests

from tests.harness import record
from tests.policies.acceptance.models import sdk

_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


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
        return _unknown if name.islower() else type(name, (), {})


def run(code: str) -> tuple[Stack, set[str]]:
    """The resources that an example registers, and the names that it does not define."""
    program = compile(code, "example", "exec")
    names = _Names()
    sys.modules["pulumi_std"] = _Std("pulumi_std")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        graph = record(lambda: exec(program, {"__name__": "__main__"}, names))
    stack = Stack.sent(Resource(message) for message in Requests(graph).analyze_stack().resources)
    return stack, names.used


def main() -> None:
    """Prints each finding, and how many examples ran."""
    alone, helped, broken = 0, 0, collections.Counter[str]()
    found: list[tuple[Any, ...]] = []
    for place, code in examples(sys.argv[1:]):
        try:
            stack, used = run(code)
        except Exception as error:  # an example may be wrong in any way
            broken[type(error).__name__] += 1
            continue
        alone, helped = alone + (not used), helped + bool(used)
        for resource, problem in judge_models(stack, lambda token, path: False):
            value = str(resource.get(problem.path))
            if "Calling __str__ on an Output" in value:  # the example puts an output into a text, which gives no value at all
                continue
            found.append((place, resource.type, problem.path, problem.message[:300], value[:120]))
            print(*found[-1], sep=" | ", flush=True)
    print(f"{alone} examples stand alone, {helped} ran with unknown values for undefined names, {sum(broken.values())} do not run")
    print(f"({dict(broken)}); {len(found)} findings")


if __name__ == "__main__":
    main()
