"""Refuses an update that would do anything else than its approved plan: `plan.py APPROVED NOW`.

Both are plans that `pulumi preview --save-plan` wrote: the one that was shown for the approval, and one of just before the update. The
update itself holds to the approved plan, but stops half-way where it meets a difference; this looks first, before anything is changed.
Names of resources and properties are shown, and no value.
"""

import json
import re
import sys
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

MOST = 30
"""Differences that are shown."""
SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which Pulumi marks a value; that of a secret is encrypted anew each time."""
RANDOM = re.compile(r"([\w-]+)-[0-9a-f]{7}\b")
"""A name that Pulumi gives, from that of the resource: until that is there, another one in each preview."""
LEFT_OUT = ("dependencies", "propertyDependencies", "inputDiff", "outputDiff")
"""What says nothing of the resource itself, and comes in any order; the properties are looked at one by one."""


def resources(file: str) -> dict[str, Any]:
    """The plan of each resource, by its URN."""
    return json.loads(Path(file).read_text(encoding="utf-8")).get("resourcePlans", {})


def plain(value: Any, names: Set[str]) -> Any:
    """A value without what differs between two previews of the same; `names` are those of the resources."""
    if isinstance(value, dict):
        return {key: plain(one, names) for key, one in value.items() if SECRET not in value or key != "ciphertext"}
    if isinstance(value, list):
        return [plain(one, names) for one in value]
    if isinstance(value, str):
        return RANDOM.sub(lambda found: found[1] if found[1] in names else found[0], value)
    return value


def properties(plan: dict[str, Any]) -> dict[str, Any]:
    """The options and properties of a resource that its plan sets."""
    goal = plan.get("goal") or {}
    found = {key: value for key, value in goal.items() if key not in LEFT_OUT}
    changes = goal.get("inputDiff") or {}
    found |= {f"property {name}": value for part in ("adds", "updates") for name, value in (changes.get(part) or {}).items()}
    return found | {f"property {name}": None for name in changes.get("deletes") or ()}


def differences(approved: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """What the update would do otherwise, by resource."""
    names = {(plan.get("goal") or {}).get("name", "") for plan in (*approved.values(), *now.values())}
    for urn in sorted(approved.keys() | now.keys()):
        before, after = approved.get(urn, {}), now.get(urn, {})
        steps, others = (" and ".join(plan.get("steps") or ["nothing"]) for plan in (before, after))
        if steps != others:
            yield f"{urn}: approved was {steps}, it would be {others}"
            continue
        old, new = (plain(properties(plan), names) for plan in (before, after))
        if changed := sorted(key for key in old.keys() | new.keys() if old.get(key, ...) != new.get(key, ...)):
            yield f"{urn}: {', '.join(changed)}"


def main(approved: str, now: str) -> int:
    """Says what differs. Returns the exit code: 1 refuses the update."""
    found = list(differences(resources(approved), resources(now)))
    if not found:
        print("The update is the approved one.")
        return 0
    for line in found[:MOST]:
        print(f"- {line}")
    if len(found) > MOST:
        print(f"- and {len(found) - MOST} more")
    print(
        f"::error::The update differs from the approved plan in {len(found)} resources, so nothing was changed: something else has changed"
        " the stack, or what it reads, since. Run the workflow again, and approve its new plan."
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
