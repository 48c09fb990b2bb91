"""The catalogue of controls, `docs/controls.md`, kept up to date with them: `python -m cloudpatterns_policies.core.catalogue` rewrites it.

Everything in it comes from the registry, the packs and the rule of their profiles; a concern's heading and introduction are the docstring
of the module that holds its controls.
"""

import argparse
import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from cloudpatterns_policies.core.configuration import default_level
from cloudpatterns_policies.core.control import Control
from cloudpatterns_policies.core.profiles import PACKS, RULES
from cloudpatterns_policies.core.verdicts import Severity

FILE: Final = Path(__file__).parents[3] / "docs" / "controls.md"
"""The path of the catalogue."""

_INTRODUCTION: Final = """\
# Controls

Written by `make docs` from the controls themselves: change those, not this file.

Controls of severity {levels} are mandatory: a finding blocks the deployment. The others are advisory:
a finding is reported, and blocks nothing. These are the levels of the packs' own profiles.
A control that *looks at the inputs* checks each resource before creation; one that *follows references* checks the stack, in the preview.
Every control takes the setting `onUnknown` in a profile: `warn` (default) counts checks that read a value known only after deployment
in one line for the stack, `fail` makes each of them a finding with the level of the control.
Framework ids (FSBP: AWS Foundational Security Best Practices, CIS 5.0: CIS AWS Foundations Benchmark) are listed where they were verified.
A control covers an id marked *partial* except for what the line *Not covered* names.
[Resource policies](resource-policies.md) lists every resource type that takes a document with principals, and the control that judges it.
"""
# Characters that Markdown would read as markup, except underscores within a word.
_MARKUP: Final = re.compile(r"[\\*<`]|(?<!\w)_|_(?!\w)")


def catalogue(packs: Mapping[str, Iterable[Control]]) -> str:
    """The catalogue, as Markdown, of the controls of each pack."""
    concerns: dict[str, list[tuple[str, Control]]] = {}
    for pack, controls in packs.items():
        for control in controls:
            concerns.setdefault(control.check.__module__, []).append((pack, control))
    described = [(*_described(module), found) for module, found in sorted(concerns.items())]
    twice = Counter(heading for heading, _, _ in described)
    sections = sorted(
        (
            (
                # Two packs may have controls on one service.
                heading if twice[heading] == 1 else f"{heading} (pack {found[0][0]})",
                text,
                sorted(found, key=lambda item: (-item[1].severity, item[1].id)),
            )
            for heading, text, found in described
        ),
        key=lambda section: section[0],
    )
    levels = ", and of ".join(f"{severity.label} and above in `{name}`" for name, severity in RULES.items())
    parts = [_INTRODUCTION.format(levels=levels), _figures(packs), "## Contents\n"]
    parts.append("\n".join(f"- [{_text(heading)}](#{anchor(heading)}): {_links(found)}" for heading, _, found in sections) + "\n")
    for heading, introduction, found in sections:
        parts.append(f"## {_text(heading)}\n")
        parts.append(f"{_text(introduction)}\n")
        parts += [_entry(pack, control) for pack, control in found]
    return "\n".join(parts)


def anchor(heading: str) -> str:
    """The anchor of a heading on GitHub."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrites the catalogue, or with `--check` only reports whether it is out of date. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m cloudpatterns_policies.core.catalogue", description="Keep the catalogue up to date.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the catalogue is out of date")
    parser.add_argument("--file", type=Path, default=FILE, help="the catalogue")
    options = parser.parse_args(arguments)
    wanted = catalogue({pack: controls() for pack, controls in PACKS.items()})
    if options.file.exists() and options.file.read_text(encoding="utf-8") == wanted:
        return 0
    if options.check:
        print(f"{options.file}: out of date with the controls. Fix: make docs")
        return 1
    options.file.parent.mkdir(parents=True, exist_ok=True)
    options.file.write_text(wanted, encoding="utf-8")
    print(f"{options.file}: rewritten")
    return 0


def _described(module: str) -> tuple[str, str]:
    """Heading and introduction of a module: the first paragraph of its docstring, and that up to its first colon or full stop."""
    documentation = importlib.import_module(module).__doc__ or module.rpartition(".")[2].replace("_", " ")
    introduction = " ".join(documentation.strip().split("\n\n", 1)[0].split())
    return re.split(r"[:.](?: |\Z)", introduction, maxsplit=1)[0], introduction


def _figures(packs: Mapping[str, Iterable[Control]]) -> str:
    lines = ["| pack | " + " | ".join(severity.label for severity in reversed(Severity)) + " | all |", "|---" * (len(Severity) + 2) + "|"]
    for pack, controls in packs.items():
        count = Counter(control.severity for control in controls)
        lines.append(f"| `{pack}` | " + " | ".join(str(count[severity]) for severity in reversed(Severity)) + f" | {count.total()} |")
    return "\n".join(lines) + "\n"


def _links(found: Iterable[tuple[str, Control]]) -> str:
    return ", ".join(f"[{control.id}](#{control.id})" for _, control in found)


def _entry(pack: str, control: Control) -> str:
    lines = [f"### {control.id}", "", f"**{_text(control.title)}** ({control.severity.label})", ""]
    what = ", ".join(f"`{type_}`" for type_ in control.types) or "the whole stack"
    lines.append(f"- {'Looks at the inputs of' if control.kind == 'resource' else 'Follows references of'}: {what}")
    lines.append(f"- Why: {_text(control.why)}")
    lines.append(f"- Remedy: {_text(control.remediation)}")
    lines.append(f"- Link: <{control.url}>")
    if control.frameworks:
        named = (f"{name} {', '.join(control.claims(name))}" for name in control.frameworks)
        lines.append(f"- Frameworks: {'; '.join(named)}")
    if control.partial:
        lines.append(f"- Not covered: {_text('; '.join(f'{item}: {gap}' for item, gap in control.partial.items()))}")
    levels = ", ".join(f"{default_level(control, lowest).value} in `{name}`" for name, lowest in RULES.items())
    lines.append(f"- Pack: `{pack}`, {levels}")
    if control.disabled:
        lines.append(f"- Shipped disabled: {_text(control.disabled)}")
    for name, schema in control.config.items():
        meaning = f": {_text(schema['description'])}" if "description" in schema else ""
        lines.append(f"- Setting `{name}`, default `{json.dumps(schema['default'])}`{meaning}")
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return _MARKUP.sub(lambda found: f"\\{found[0]}", text)


if __name__ == "__main__":
    sys.exit(main())
