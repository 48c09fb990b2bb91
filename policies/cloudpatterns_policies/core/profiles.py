"""The packs' own profiles, kept up to date with the controls: `python -m cloudpatterns_policies.core.profiles` rewrites them.

A control blocks by severity, and without a profile medium and above do. So a profile lists only where it differs: `prod.json` nowhere,
`dev.json` every control that it loosens. Properties and exemptions in a profile are kept.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from cloudpatterns_policies.core.baseline import BASELINE
from cloudpatterns_policies.core.configuration import default_level
from cloudpatterns_policies.core.control import Control
from cloudpatterns_policies.core.exemptions import EXEMPTIONS
from cloudpatterns_policies.core.registry import discover
from cloudpatterns_policies.core.unknowns import UNKNOWNS
from cloudpatterns_policies.core.verdicts import Severity

RULES: Final[Mapping[str, Severity]] = {"dev": Severity.HIGH, "prod": Severity.MEDIUM}
"""For each profile the lowest severity that blocks."""

OF_DEV_ALONE: Final = frozenset({"small-outside-production"})
"""Controls about stacks outside production alone: they block there by the rule of `prod`, or they would block nowhere."""

PACKS: Final[Mapping[str, Callable[[], tuple[Control, ...]]]] = {
    "security": partial(discover, pack="security"),
    "operations": partial(discover, pack="operations"),
    "acceptance": partial(discover, "cloudpatterns_policies.acceptance.controls", pack="acceptance"),
}
"""For each pack's folder the controls it serves."""


def profile(controls: Iterable[Control], lowest_mandatory: Severity, present: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the profile that follows the rule, with the properties, exemptions, baseline and level of unknowns of the `present` one."""
    result: dict[str, Any] = {EXEMPTIONS: present.get(EXEMPTIONS, {"entries": []})}
    result |= {name: present[name] for name in (BASELINE, UNKNOWNS) if name in present}
    for control in sorted(controls, key=lambda item: item.id):
        given = present.get(control.id)
        properties = {key: value for key, value in given.items() if key != "enforcementLevel"} if isinstance(given, Mapping) else {}
        level = default_level(control, RULES["prod"] if control.id in OF_DEV_ALONE else lowest_mandatory)
        if level is default_level(control):
            if properties:
                result[control.id] = properties
        else:
            result[control.id] = {"enforcementLevel": level.value, **properties} if properties else level.value
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrites the profiles, or with `--check` only reports which are out of date. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m cloudpatterns_policies.core.profiles", description="Keep the packs' profiles up to date."
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a profile is out of date")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[2], help="the folder that holds the packs")
    options = parser.parse_args(arguments)
    stale = 0
    for pack, controls in PACKS.items():
        for name, lowest_mandatory in RULES.items():
            path = options.folder / pack / f"{name}.json"
            present = path.read_text(encoding="utf-8") if path.exists() else "{}"
            wanted = json.dumps(profile(controls(), lowest_mandatory, json.loads(present)), indent=2) + "\n"
            if wanted == present:
                continue
            stale += 1
            print(f"{path}: {'out of date' if options.check else 'rewritten'}")
            if not options.check:
                path.write_text(wanted, encoding="utf-8")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
