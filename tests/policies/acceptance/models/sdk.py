"""The inputs of every resource type, read out of the text of the installed `pulumi_aws`: importing its 271 MB takes minutes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_TOKEN = re.compile(r"""super\((\w+), __self__\)\.__init__\(\s*'(aws:[\w./-]+:\w+)'""")
_GETTER = re.compile(r'@pulumi\.getter\(name="(\w+)"\)\n(?:    @[^\n]*\n)*    def (\w+)\(self\)')
_ARGUMENT = re.compile(r"^                 (\w+): (.+?)(?: = None)?(?:,|\):)$", re.MULTILINE)
_PROSE = re.compile(r"^        :param [^\n]*?\] (\w+): (.*?)(?=^        :param|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Kind:
    """The type of an input: `str`, `int`, `float`, `bool`, `any`; `list` or `map` of another; or `block`, a class of the module."""

    name: str
    of: "Kind | None" = None
    block: str = ""


@dataclass(frozen=True)
class Input:
    """One input of a resource or of a block in it."""

    name: str
    """In camel case, as every language but Python has it and the engine sends it."""
    kind: Kind
    prose: str
    """Its documentation."""


@dataclass(frozen=True)
class ResourceType:
    """One resource type of the SDK."""

    token: str
    module: str
    """The folder: `ec2`, `cloudwatch`."""
    name: str
    inputs: tuple[Input, ...]


def folder() -> Path:
    """Where the SDK is installed."""
    spec = find_spec("pulumi_aws")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def resource_types() -> Iterator[ResourceType]:
    """All resource types, sorted by file."""
    for path in sorted(folder().glob("*/*.py")):
        text = path.read_text(encoding="utf-8")
        if path.name.startswith("_") or (found := _TOKEN.search(text)) is None:
            continue
        camel = _camel(text)
        # The second name where a block of the module has the first.
        inputs = _inputs(text, f"{found[1]}Args", camel) or _inputs(text, f"{found[1]}InitArgs", camel)
        yield ResourceType(found[2], path.parent.name, found[1], inputs)


@cache
def blocks(module: str) -> dict[str, tuple[Input, ...]]:
    """The classes of inputs within inputs, by name."""
    path = folder() / module / "_inputs.py"
    if not path.exists():
        return {}
    found = {}
    for text in path.read_text(encoding="utf-8").split("\n@pulumi.input_type\n")[1:]:
        name = text[len("class ") : text.index(":")]
        found[name] = _inputs(text, name, _camel(text))
    return found


def _camel(text: str) -> dict[str, str]:
    return {python: name for name, python in _GETTER.findall(text)}


def _inputs(text: str, name: str, camel: dict[str, str]) -> tuple[Input, ...]:
    begin = text.find(f"class {name}:")
    if begin < 0 or (begin := text.find("def __init__(__self__", begin)) < 0:
        return ()
    end = text.find("\n    @", begin)
    body = text[begin : end if end > 0 else len(text)]
    signature, _, rest = body.partition("):\n")
    prose = dict(_PROSE.findall(rest.partition('"""')[2].partition('"""')[0]))
    found = _ARGUMENT.findall(f"{signature}):\n")
    return tuple(Input(camel.get(each, each), _kind(kind), prose.get(each, "")) for each, kind in found)


def _kind(text: str) -> Kind:
    text = text.strip()
    for wrapper in ("pulumi.Input[", "Optional[", "_builtins."):
        if text.startswith(wrapper):
            return _kind(text[len(wrapper) :].removesuffix("]") if wrapper.endswith("[") else text[len(wrapper) :])
    if text.startswith("Sequence["):
        return Kind("list", _kind(text[len("Sequence[") : -1]))
    if text.startswith("Mapping[str, "):
        return Kind("map", _kind(text[len("Mapping[str, ") : -1]))
    if text.startswith("'"):
        return Kind("block", block=text.strip("'"))
    if text.startswith("Union["):  # an enumeration of the SDK, or its text
        return Kind("str" if "_builtins.str" in text else "any")
    return Kind(text if text in ("str", "int", "float", "bool") else "any")
