"""Writes docs/acceptance.md, what the pack judges and what not: ``python -m tests.policies.acceptance.docs``.

Everything in it comes from the tables of the pack, the rules that are off and the SDK's list of types; the texts are in ``page.md``. The
figures of the tables are of the pinned pulumi-aws.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template

from cloudpatterns_policies.acceptance import models
from cloudpatterns_policies.acceptance.facts import facts
from cloudpatterns_policies.acceptance.rules import (
    ADVISED_DESPITE_SEVERITY,
    MESSAGES_OFF,
    REFUSED_DESPITE_SEVERITY,
    RULES_OFF,
    RULES_UNLESS,
    TOLD_BY_CONTROLS,
    TOLD_BY_RULES,
)
from cloudpatterns_policies.controls._document_places import DOCUMENTS
from cloudpatterns_policies.core import Control, discover

from tests.policies.acceptance.coverage import NONE, PROVIDER, Coverage, TypeCoverage, coverage
from tests.policies.acceptance.generate import tokens
from tests.policies.acceptance.test_accepted import graphs, sent
from tests.program import ROOT

PAGE = ROOT / "docs" / "acceptance.md"
TEXTS = Path(__file__).with_name("page.md")
FOREIGN = Path(__file__).with_name("foreign.json")
"""The programs of others that were judged: `{"sources": [{"name", "revision", "programs", "resources"}], "alarms": [{"program", "type",
"property", "rule", "why"}]}`. The section is left out while there is no such file."""
CONTROLS = "cloudpatterns_policies.acceptance.controls"
SOURCES = {f"{CONTROLS}.{name}" for name in ("accepted", "iam", "provider")}
"""The modules of the controls that report what the packages and tables know."""
FORM, MODEL, NOT = "form", "model", "not"


def page() -> str:
    """The page, as Markdown."""
    controls = discover(CONTROLS, pack="acceptance")
    found = services()
    whole = {name: kinds for name, kinds in found.items() if not kinds[NOT]}
    count = {kind: sum(len(kinds[kind]) for kinds in found.values()) for kind in (FORM, MODEL, NOT)}
    return Template(TEXTS.read_text(encoding="utf-8")).substitute(
        controls="\n".join(_control(control) for control in controls if control.check.__module__ in SOURCES),
        others=sum(control.check.__module__ not in SOURCES for control in controls),
        refused=_rules(REFUSED_DESPITE_SEVERITY),
        advised=_rules(ADVISED_DESPITE_SEVERITY),
        off=_rules(RULES_OFF),
        messages=_rules(MESSAGES_OFF),
        unless="\n".join(f"| `{rule}` | `{name}` is `{value}` | {reason} |" for rule, (name, value, reason) in RULES_UNLESS.items()),
        told="\n".join(_told()),
        types=sum(count.values()),
        services=len(found),
        **_ours(ours()),
        foreign=_foreign(),
        whole=", ".join(f"`{name}` ({sum(map(len, kinds.values()))})" for name, kinds in whole.items()),
        partial="\n".join(_row(name, kinds) for name, kinds in found.items() if name not in whole),
        **count,
    )


def ours() -> Coverage:
    """What is judged of this repository's stacks, components and examples. Takes seconds: their programs run."""
    return coverage(sent(graph) for _, graph in graphs())


def services() -> Mapping[str, Mapping[str, list[str]]]:
    """The SDK's modules, sorted; for each the types by how they are judged."""
    by_model = models.tokens()
    found: dict[str, dict[str, list[str]]] = {}
    for token in sorted(tokens()):
        module, name = token.split(":")[1].partition("/")[0], token.split(":")[2]
        kind = FORM if facts(token) is not None else MODEL if token in by_model else NOT
        mark = "*" if kind == NOT and token in DOCUMENTS else ""
        found.setdefault(module, {FORM: [], MODEL: [], NOT: []})[kind].append(f"{name}{mark}")
    return found


def _row(name: str, kinds: Mapping[str, list[str]]) -> str:
    missing = ", ".join(re.sub(r"(\w+)", r"`\1`", one).replace("*", r"\*") for one in kinds[NOT])
    return f"| `{name}` | {len(kinds[FORM])} | {len(kinds[MODEL])} | {missing} |"


def _ours(found: Coverage) -> Mapping[str, object]:
    judged = {token: one for token, one in found.types.items() if one.by.by != PROVIDER}
    properties = [one.by for known in judged.values() for one in known.properties.values() if one.by != PROVIDER]
    missing = {token: [path for path, one in known.properties.items() if one.by == NONE] for token, known in judged.items()}
    rows = [_missing(token, judged[token], paths) for token, paths in missing.items() if paths or judged[token].by.by == NONE]
    return {
        "our_types": len(judged),
        "our_properties": len(properties),
        "type_share": f"{found.type_share:.0%}".replace("%", " %"),
        "property_share": f"{found.property_share:.0%}".replace("%", " %"),
        "ours": "\n".join(rows),
    }


def _foreign() -> str:
    """The section about programs of others, with each refusal and why it is right."""
    if not FOREIGN.exists():
        return ""
    found = json.loads(FOREIGN.read_text(encoding="utf-8"))
    sources = [f"| {one['name']} | {one['revision']} | {one['programs']} | {one['resources']} |" for one in found["sources"]]
    alarms = [
        f"| {one['program']} | `{one['type']}` | `{one['property']}` | `{one['rule']}` | {_cell(one['why'])} |" for one in found["alarms"]
    ]
    head = ("## Programs of others", "", "| programs | revision | number | resources |", "|---|---|---|---|")
    body = ("", "What the pack refuses of them:", "", "| program | type | property | rule | why it is right |", "|---|---|---|---|---|")
    return "\n".join([*head, *sources, *(body if alarms else ("", "The pack refuses nothing of them.")), *alarms, "", ""])


def _missing(token: str, known: TypeCoverage, paths: Iterable[str]) -> str:
    names = "the whole type" if known.by.by == NONE else ", ".join(f"`{path}`" for path in paths)
    return f"| `{token}` | {names} |"


def _control(control: Control) -> str:
    return f"| [{control.id}](controls.md#{control.id}) | {control.title} | {control.severity.label} |"


def _rules(reasons: Mapping[str, str]) -> str:
    """A row for each reason, with the rules that it is about."""
    grouped: dict[str, list[str]] = {}
    for pattern, reason in reasons.items():
        grouped.setdefault(reason, []).extend(alternatives(pattern))
    return "\n".join(f"| {', '.join(f'`{_cell(one)}`' for one in patterns)} | {reason} |" for reason, patterns in grouped.items())


def _told() -> Iterator[str]:
    """A row for each pattern of rules that something else tells."""
    for pattern, (better, reason) in {**TOLD_BY_CONTROLS, **TOLD_BY_RULES}.items():
        rules, others = (" or ".join(f"`{_cell(one)}`" for one in alternatives(text)) for text in (pattern, better))
        yield f"| {rules} | {others} | {reason} |"


def alternatives(pattern: str) -> Iterator[str]:
    """The alternatives of a regular expression that are not inside brackets."""
    depth, begin = 0, 0
    for at, character in enumerate(pattern):
        depth += (character in "([") - (character in ")]")
        if character == "|" and depth == 0:
            yield pattern[begin:at]
            begin = at + 1
    yield pattern[begin:]


def _cell(text: str) -> str:
    # GitHub reads an escaped bar in a table's code as a bar.
    return text.replace("|", r"\|")


def main(arguments: Iterable[str]) -> int:
    """Writes the page, or with `--check` only says whether it is out of date; returns the exit code."""
    wanted = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    if "--check" in arguments:
        print(f"{PAGE}: out of date. Fix: python -m tests.policies.acceptance.docs")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    print(f"{PAGE}: rewritten")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
