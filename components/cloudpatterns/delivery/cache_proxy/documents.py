"""The documents that purge the proxies: the command that runs on each of them, and the automation that runs it on all."""

import json
from typing import Any

import pulumi

from cloudpatterns.blocks.automation import step

_PATHS = "Paths"
_CACHE = "/var/cache/cache-proxy/objects"
# As purge.py has it, without what a shell could take for its own.
_PATTERN = r"^/[A-Za-z0-9._~%:@,+=&/?-]*\*?( /[A-Za-z0-9._~%:@,+=&/?-]*\*?){0,49}$"
PARAMETERS = {
    _PATHS: {
        "type": "String",
        "description": "Paths with a space between them, such as /news/today /pictures/*; with * at the end all that begin so",
        "allowedPattern": _PATTERN,
    }
}


def purge_command(name: str, longest_request_seconds: int) -> str:
    """The command document, which Run Command runs on a proxy."""
    # In quotes, since * is for the program. https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
    program = f"/usr/bin/python3 /usr/local/lib/cache-proxy/purge.py {_CACHE} {longest_request_seconds}"
    # An instance that has not started its proxy has no copies.
    commands = [f"[ -d {_CACHE} ] || exit 0", f"exec {program} '{{{{ {_PATHS} }}}}'"]
    inputs = {"timeoutSeconds": str(2 * longest_request_seconds + 600), "runCommand": commands}
    return json.dumps(
        {
            "schemaVersion": "2.2",
            "description": f"Removes copies from the cache of a proxy of {name}",
            "parameters": PARAMETERS,
            "mainSteps": [{"action": "aws:runShellScript", "name": "purge", "inputs": inputs}],
        }
    )


def purge_steps(
    name: str, document_name: pulumi.Input[str], group_name: pulumi.Input[str], *, max_errors: int, longest_request_seconds: int
) -> list[Any]:
    """The one step of the automation: the command on every instance of the group at once."""
    seconds = 2 * longest_request_seconds + 600
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-action-runcommand.html
    inputs = {
        "DocumentName": document_name,
        "Parameters": {_PATHS: [f"{{{{ {_PATHS} }}}}"]},
        "Targets": [{"Key": "tag:aws:autoscaling:groupName", "Values": [group_name]}],
        # All at once: until the last one is purged, clients see old and new responses in turn.
        "MaxConcurrency": "100%",
        "MaxErrors": str(max_errors),
        # An instance that has gone in the meantime does not take it up: it has no copies any more.
        "TimeoutSeconds": 60,
    }
    return [
        step("purge", "aws:runCommand", f"Removes the copies from each proxy of {name}.", inputs, timeout_seconds=seconds + 120, isEnd=True)
    ]
