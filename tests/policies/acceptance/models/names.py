"""The entries of names.yaml, which overrule the rules."""

from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).with_name("names.yaml")


def names() -> dict[str, Any]:
    """All entries."""
    return yaml.safe_load(PATH.read_text(encoding="utf-8"))
