"""The Automation document of ``Stamp``: all Regions name the images of one build, or stay as they were."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks.automation import script_step

_SCRIPT = Path(__file__).parent / "on_aws" / "promote.py"
_BUILD = r"^(previous|arn:aws[a-z-]*:imagebuilder:[a-z0-9-]+:[0-9]{12}:image/[a-z0-9-_]+/[0-9]+\.[0-9]+\.[0-9]+/[0-9]+)$"

PROMOTE_PARAMETERS = {
    "Build": {
        "type": "String",
        "description": "ARN of a build (image/<name>/<version>/<number>); previous: the one that the parameters named before.",
        "allowedPattern": _BUILD,
    }
}


def promote_steps(parameter: str, regions: Sequence[str], recipe: pulumi.Input[str]) -> list[dict[str, Any]]:
    """Reads first, writes then, and on any failure or cancellation writes back what was read."""
    plan = {
        "execution_id": "{{ automation:EXECUTION_ID }}",
        "build": "{{ Build }}",
        "parameter": parameter,
        "regions": ",".join(regions),
        "recipe": recipe,
    }
    values = {"parameter": parameter, "images": "{{ plan.images }}", "before": "{{ plan.before }}"}
    outputs = ["build", "images", "before"]
    repaired = {"onFailure": "step:restore", "onCancel": "step:restore", "nextStep": "verify"}
    return [
        script_step("plan", "Checks that all images of the build are available.", _SCRIPT, "plan", plan, outputs, timeout_seconds=300),
        script_step(
            "write", "Writes the images to the parameters of all Regions.", _SCRIPT, "write", values, timeout_seconds=300, **repaired
        ),
        script_step("restore", "Writes back what the parameters named before.", _SCRIPT, "restore", values, maxAttempts=3, isEnd=True),
        # A step that is an end leads nowhere when it fails: so the last look is one of its own, and changes nothing.
        script_step("verify", "Checks what the parameters name.", _SCRIPT, "verify", values, timeout_seconds=120, isEnd=True),
    ]
