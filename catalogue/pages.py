"""The pages: everything on them is read from the component, its example, and the documents about alarms and controls."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from cloudpatterns.plugin import components, examples, snippets
from cloudpatterns.plugin.schema import DescribingAnalyzer, package_schema, project_version
from offline_preview.graph import Graph
from offline_preview.record import record
from pulumi.provider.experimental.analyzer import PropertyDefinition

from catalogue import alarms, limits

FIELDS: Final = ("Use when", "Not when", "Cost drivers", "Trade-offs", "Proven by")
"""The fields of a component's docstring, in their order."""
ROOMS: Final = {
    "network": "Network",
    "compute": "Compute",
    "storage": "Storage",
    "database": "Databases",
    "messaging": "Messages and events",
    "resilience": "Resilience",
    "delivery": "Delivery",
    "uploads": "Uploads",
    "security": "Security",
    "operations": "Operations",
    "systems": "Whole systems",
}
"""The subpackages, in the order of the index."""
_ALARM_TYPES: Final = (
    "aws:cloudwatch/compositeAlarm:CompositeAlarm",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
)
_REGION: Final = "eu-west-1"
_ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One component of the catalogue."""

    component: type

    @property
    def name(self) -> str:
        """The class."""
        return self.component.__name__

    @property
    def slug(self) -> str:
        """The name of its page."""
        return self.component.__module__.removesuffix(".component").rpartition(".")[2]

    @property
    def room(self) -> str:
        """The subpackage."""
        return self.component.__module__.split(".")[1]

    @property
    def paragraphs(self) -> list[str]:
        """The docstring as Markdown, by paragraph, before the fields."""
        return _markdown(self.component.__doc__ or "").split("**Use when**")[0].strip().split("\n\n")

    def field(self, name: str) -> str:
        """The text of one field."""
        text = _markdown(self.component.__doc__ or "")
        found = re.search(rf"\*\*{name}\*\*: (.*?)(?=\n\n|\Z)", text, re.DOTALL)
        if found is None:
            raise LookupError(f"the docstring of {self.name} has no field {name}")
        return " ".join(found[1].split())

    def graph(self) -> Graph:
        """What the example registers."""
        function = snippets.example(self.component)
        if function is None:
            raise LookupError(f"{self.name} has no example in cloudpatterns.plugin.examples")
        return record(function, project="example", stack=self.slug.replace("_", "-"), config={"aws:region": _REGION}, deployed=True)


def patterns() -> list[Pattern]:
    """Every component, by subpackage and name."""
    found = [Pattern(component) for component in components()]
    return sorted(found, key=lambda pattern: (list(ROOMS).index(pattern.room), pattern.name))


def index() -> str:
    """The index by problem."""
    found = patterns()
    lines = [
        "# Catalogue",
        "",
        "Written by `make docs` from the components: change those, not this file. Find your problem on the left; the page of the pattern",
        "has a picture of its real graph, when not to use it, what it costs, a program, its arguments and outputs, what it uses of AWS's",
        "quotas, what to do when it fails, and the controls and tests that prove it.",
        "",
        *(f"- [{title}](#{_anchor(title)})" for title in ROOMS.values()),
    ]
    for room, title in ROOMS.items():
        lines += ["", f"## {title}", "", "| I have this problem | pattern |", "|---|---|"]
        lines += [f"| {_cell(_sentence(one.field('Use when')))} | [{one.name}]({one.slug}.md) |" for one in found if one.room == room]
    return "\n".join([*lines, ""])


def page(pattern: Pattern, graph: Graph) -> str:
    """The page of one pattern, whose example has registered this graph."""
    lines = [
        f"# {pattern.name}",
        "",
        *("\n\n".join(pattern.paragraphs).split("\n")),
        "",
        f"[![The resources of the example below, and what flows between them](pictures/{pattern.slug}.svg)](pictures/{pattern.slug}.svg)",
    ]
    for name in FIELDS[:-1]:
        lines += ["", f"**{name}**: {_sentence(pattern.field(name))}"]
    lines += ["", "## Example", "", *_example(pattern, graph)]
    lines += ["", "## Arguments", "", *_arguments(pattern)]
    lines += ["", "## Outputs", "", *_outputs(pattern)]
    lines += ["", "## Limits and quotas", "", *limits.section(graph, pattern.name)]
    lines += ["", "## When it fails", "", *_failures(pattern, graph)]
    lines += ["", "## Proof", "", *_proof(pattern)]
    return "\n".join([*lines, ""])


def _example(pattern: Pattern, graph: Graph) -> Iterator[str]:
    function: Any = snippets.example(pattern.component)
    custom = [resource for resource in graph.resources if resource.custom and not resource.type.startswith("pulumi:")]
    yield f"{inspect.cleandoc(function.__doc__ or '').rstrip('.')}: {len(custom)} resources."
    yield from ("", "```python", *_program(function).splitlines(), "```")
    for language, program in (("typescript", snippets.in_typescript(function, _schema())), ("yaml", snippets.in_yaml(function, _schema()))):
        title = {"typescript": "TypeScript", "yaml": "YAML"}[language]
        yield from ("", f"<details><summary>{title}</summary>", "", f"```{language}", *program.splitlines(), "```", "", "</details>")


def _program(function: Any) -> str:
    """The example as a program: its statements, with what they name of their module."""
    [definition] = [node for node in ast.parse(inspect.getsource(function)).body if isinstance(node, ast.FunctionDef)]
    names = dict.fromkeys(node.id for node in ast.walk(definition) if isinstance(node, ast.Name))
    # Not those of other examples, which variables may be called like.
    used = {name: vars(examples)[name] for name in names if name in vars(examples) and not inspect.isfunction(vars(examples)[name])}
    classes = {name: value for name, value in used.items() if inspect.isclass(value)}
    rooms: dict[str, list[str]] = {}
    for name, value in classes.items():
        rooms.setdefault(".".join(value.__module__.split(".")[:2]), []).append(name)
    imports = [f"from {room} import {', '.join(sorted(names))}" for room, names in sorted(rooms.items())]
    constants = [f"{name} = {value!r}".replace("'", '"') for name, value in used.items() if name not in classes]
    source = inspect.getsource(function).splitlines()
    body = inspect.cleandoc("\n".join(["", *source[definition.body[1].lineno - 1 :]]))
    return "\n\n".join(part for part in ("\n".join(imports), "\n".join(constants), body) if part)


def _arguments(pattern: Pattern) -> Iterator[str]:
    definition, types = _definitions()[0][pattern.name], _definitions()[1]
    reached: list[str] = []

    def table(properties: Mapping[str, PropertyDefinition], mapping: Mapping[str, str]) -> Iterator[str]:
        yield from ("| argument | type | what it is |", "|---|---|---|")
        # Required ones first; each in the order of the declaration.
        for name, value in sorted(properties.items(), key=lambda pair: pair[1].optional):
            needed = "" if value.optional else " (required)"
            yield f"| `{mapping.get(name, name)}`{needed} | {_type(value, reached)} | {_cell(_markdown(value.description or ''))} |"

    yield from table(definition.inputs, definition.inputs_mapping)
    done: set[str] = set()
    while reached:
        if (name := reached.pop(0)) in done:
            continue
        done.add(name)
        nested = types[name]
        yield from ("", f"### {name}", "")
        if nested.enum:
            yield from (f"- `{member.value}`{f': {member.description}' if member.description else ''}" for member in nested.enum)
        else:
            yield from table(nested.properties, nested.properties_mapping)


def _outputs(pattern: Pattern) -> Iterator[str]:
    definition = _definitions()[0][pattern.name]
    yield from ("| output | type | what it is |", "|---|---|---|")
    for name, value in definition.outputs.items():
        yield f"| `{definition.outputs_mapping.get(name, name)}` | {_type(value, [])} | {_cell(_markdown(value.description or ''))} |"


def _failures(pattern: Pattern, graph: Graph) -> Iterator[str]:
    found = list(alarms.about(pattern.name, (resource.name for resource in graph.of_type(*_ALARM_TYPES))))
    if not found:
        yield "It has no alarm: what is about it watches it. [Operations](../operations.md) has the procedures."
        return
    yield "Alarms, rules and subscriptions by their names in the examples; [operations](../operations.md#when-an-alarm-is-raised) has all."
    yield from ("", "| alarm | what breaks | what fires | what to do |", "|---|---|---|---|")
    for row in found:
        # Links of the table are within its own document.
        breaks, fires, _, cure = (cell.replace("](#", "](../operations.md#") for cell in row.cells)
        yield f"| {', '.join(f'`{name}`' for name in row.alarms)} | {breaks} | {fires} | {cure} |"


def _proof(pattern: Pattern) -> Iterator[str]:
    """The field with links: controls to their page, tests to their file."""
    text = re.sub(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", r"[`\1`](../controls.md#\1)", pattern.field("Proven by"))
    yield re.sub(r"`(test_\w+\.py)`", lambda name: f"[{name[0]}](../../{_test(name[1], pattern.room)})", _sentence(text))


def _test(name: str, room: str) -> str:
    """The path of a test, preferably among those of the subpackage."""
    paths = sorted(path.relative_to(_ROOT) for path in _ROOT.glob(f"tests/**/{name}"))
    return min(paths, key=lambda path: path.parent.name != room).as_posix()


@cache
def _definitions() -> tuple[Any, Any]:
    found = DescribingAnalyzer("cloudpatterns").analyze(components())
    return found["component_definitions"], found["type_definitions"]


@cache
def _schema() -> dict[str, Any]:
    return package_schema(project_version())


def _type(value: PropertyDefinition, reached: list[str]) -> str:
    """A type in words; nested ones are added to ``reached``."""
    if value.items is not None:
        return f"list of {_type(value.items, reached)}"
    if value.additional_properties is not None:
        return f"map of {_type(value.additional_properties, reached)}"
    if value.ref is None:
        return value.type.value if value.type is not None else "any"
    name = value.ref.rpartition(":")[2].rpartition("/")[2]
    if name not in _definitions()[1]:
        return {"Any": "any", "Archive": "archive", "Asset": "asset", "Json": "JSON"}.get(name, name)
    reached.append(name)
    return f"[{name}](#{name.lower()})"


def _markdown(text: str) -> str:
    return inspect.cleandoc(text).replace("``", "`")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
