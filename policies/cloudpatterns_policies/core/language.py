"""Remedies in the language of the program that they are for.

Controls write names as a Python program does: `publicly_accessible`, `True`. Other programs, and exports, have
Pulumi's own names, in camel case.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from cloudpatterns_policies.core.control import Control

# A property, or a path of them; a parameter of a database, such as rds.force_ssl, begins with another word.
_NAME: Final = re.compile(r"(?<![\w.\-/])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?:\.[a-z][a-z0-9_]*[a-z0-9])*(?![\w/])")
_GIVEN: Final = re.compile(r"\b([A-Za-z]\w*)=(?=True\b|False\b|\"|\[|\{|\d)")
_CONSTANTS: Final = {"True": "true", "False": "false", "None": "null"}
_CONSTANT: Final = re.compile(r"\b(True|False|None)\b")

NO_PROPERTIES: Final = frozenset({"audit_logs", "neptune_enable_audit_log", "policy_sentry", "require_secure_transport", "require_ssl"})
"""Words in remedies that only look like names of properties."""


def is_python_program(environment: Mapping[str, str]) -> bool:
    """Whether the program of a pack's stack is in Python: by the `Pulumi.yaml` of that project around the folder of the command.

    Neither the CLI nor the protocol tells a pack the program's language; where no such file is found, the answer is no.
    """
    project, start = environment.get("PULUMI_PROJECT"), environment.get("PWD")
    if not project or not start:
        return False
    import yaml

    for folder in (Path(start), *Path(start).parents):
        file = next((file for name in ("Pulumi.yaml", "Pulumi.yml") if (file := folder / name).is_file()), None)
        if file is not None:
            try:
                found = yaml.safe_load(file.read_text(encoding="utf-8"))
            except (OSError, ValueError, yaml.YAMLError):
                return False
            runtime = found.get("runtime") if isinstance(found, dict) and found.get("name") == project else None
            return (runtime.get("name") if isinstance(runtime, dict) else runtime) == "python"
    return False


def neutral(control: Control) -> Control:
    """A control whose remedy names properties as Pulumi's schema and all languages but Python do."""
    return replace(control, remediation=in_camel_case(control.remediation))


def in_camel_case(text: str) -> str:
    """A text with the names of properties in camel case, `name: value` for `name=value`, and constants as in JSON."""
    text = _GIVEN.sub(r"\1: ", text.replace("aws.lambda_.", "aws.lambda."))
    text = _CONSTANT.sub(lambda found: _CONSTANTS[found[1]], text)
    return _NAME.sub(lambda found: found[0] if found[0].partition(".")[0] in NO_PROPERTIES else _camel(found[0]), text)


def _camel(path: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), path)
