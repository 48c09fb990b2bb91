"""The models of AWS's APIs, as botocore ships them."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import botocore


class Service:
    """One service's operations and shapes."""

    def __init__(self, name: str, model: dict[str, Any]) -> None:
        self.name = name
        self.shapes: dict[str, dict[str, Any]] = model["shapes"]
        self.operations: dict[str, dict[str, Any]] = model["operations"]
        self.uid: str = model["metadata"].get("uid", "")
        """The name in addresses of the documentation, such as `lambda-2015-03-31`."""

    def input(self, operation: str) -> str:
        """The name of the operation's input shape; empty when it takes none."""
        return self.operations[operation].get("input", {}).get("shape", "")


def folder() -> Path:
    """Where the installed botocore keeps its models."""
    return Path(botocore.__file__).parent / "data"


def names() -> list[str]:
    """The services that botocore knows."""
    return sorted(path.name for path in folder().iterdir() if path.is_dir())


@cache
def load(name: str) -> Service:
    """The newest model of a service."""
    return Service(name, model(folder() / name) or {})


def model(service: Path) -> dict[str, Any] | None:
    """The newest model in the folder of a service, whole; None when there is none."""
    versions = sorted(path for path in service.glob("*") if path.is_dir()) if service.is_dir() else []
    for version in reversed(versions):
        for file in ("service-2.json.gz", "service-2.json"):
            if (path := version / file).exists():
                return json.loads(gzip.decompress(path.read_bytes()) if file.endswith("gz") else path.read_bytes())
    return None


def words(name: str) -> str:
    """A name without what writers differ in: case and separators."""
    return "".join(character for character in name.casefold() if character.isalnum())
