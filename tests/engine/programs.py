"""Programs that are smaller than the whole, for what does not need the whole, and what a state and an account have in common."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from sandbox.workspace import Workspace

PROJECT = "name: small\nruntime:\n  name: python\n  options:\n    toolchain: pip\n    virtualenv: .venv\n"

# Two components, some 70 resources: names, order, replacement and secrets all occur in the whole program too.
NETWORK = """
import pulumi
from cloudpatterns.network import FunctionalFirewall, Network

network = Network("network", {"cidr_block": "10.20.0.0/16", "zones": ["eu-west-1a", "eu-west-1b"]})
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "https": {"ports": [443], "internet": True},
            "app": {"ports": [8080], "callers": ["https"]},
            "mysql": {"ports": [3306], "callers": ["app"]},
        },
    },
)
pulumi.export("vpc_id", network.vpc_id)
"""


def small(program: str) -> dict[str, str]:
    """The files of a project with this program."""
    return {"Pulumi.yaml": PROJECT, "__main__.py": program}


def new_stack(workspace: Workspace, stack: str) -> str:
    """A stack in Ireland; its name."""
    (workspace.project / f"Pulumi.{stack}.yaml").write_text("config:\n  aws:region: eu-west-1\n", encoding="utf-8")
    made = workspace.pulumi("stack", "init", stack)
    assert made.returncode == 0, made.stdout + made.stderr
    return stack


def in_account(workspace: Workspace, stack: str) -> list[tuple[str, str]]:
    """URN and id of everything of a stack that lives in the account."""
    cloud = workspace.cloud()
    found = sorted((one.urn, one.id) for one in cloud.living() if one.urn.startswith(f"urn:pulumi:{stack}::"))
    cloud.close()
    return found


def in_state(workspace: Workspace, stack: str) -> list[tuple[str, str]]:
    """URN and id of everything of a stack that its state knows, but providers."""
    return sorted(
        (one["urn"], one["id"])
        for one in state(workspace, stack).get("resources", [])
        if one.get("custom") and not one["type"].startswith("pulumi:") and not one.get("delete")
    )


def state(workspace: Workspace, stack: str) -> dict[str, Any]:
    """The state of a stack as the backend keeps it."""
    return json.loads(state_file(workspace, stack).read_bytes())["checkpoint"]["latest"] or {}


def twice(found: list[tuple[str, str]]) -> list[str]:
    """URNs that occur more than once."""
    return sorted(urn for urn, count in Counter(urn for urn, _identity in found).items() if count > 1)


def state_file(workspace: Workspace, stack: str) -> Path:
    """The file that holds the state of a stack."""
    found = [file for file in (workspace.project.parent / "state").rglob(f"stacks/**/{stack}.json") if "history" not in file.parts]
    assert len(found) == 1, found
    return found[0]


def steps(preview: str) -> dict[str, set[str]]:
    """What a preview in JSON would do: the names of the resources by what happens to them."""
    found: dict[str, set[str]] = {}
    for step in json.loads(preview)["steps"]:
        if step["op"] not in ("same", "read"):
            found.setdefault(step["op"], set()).add(step["urn"].rpartition("::")[2])
    return found
