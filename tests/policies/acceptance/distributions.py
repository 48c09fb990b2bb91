"""Stand-ins for installed distributions, found where Python finds all of them."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

HEADER = "package cdk_preflight\n\nimport rego.v1\n"
BUCKETS = 'some name in resources_of_type("AWS::S3::Bucket")'


def rule(
    name: str, condition: str = BUCKETS, *, before: str = "", kinds: tuple[str, ...] = ("AWS::S3::Bucket",), **more: Any
) -> dict[str, Any]:
    """A rule in the form of the package's."""
    body = (
        f'violation contains make_diag_full("{name}", "ERROR", name, "Properties.BucketName", "{name} says no", "Fix", "https://x") if {{'
    )
    source = f"{HEADER}\n{before}\n{body}\n\t{condition}\n}}\n"
    return {"id": name, "title": name, "severity": "ERROR", "resourceTypes": list(kinds), "rego": source, **more}


def install(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    rules: list[dict[str, Any]] | str,
    libraries: list[dict[str, Any]] | None = None,
    *,
    version: str = "2.0",
    member: str = "package/lib/rules.generated.js",
) -> Path:
    """Puts a distribution cdk-preflight with these rules before the installed one; returns its archive."""
    text = rules if isinstance(rules, str) else _script(rules, libraries or [])
    archive = folder / "site" / "cdk_preflight" / "_jsii" / f"cdk-preflight@{version}.jsii.tgz"
    about = folder / "site" / f"cdk_preflight-{version}.dist-info"
    archive.parent.mkdir(parents=True)
    about.mkdir()
    with tarfile.open(archive, "w:gz") as members:
        info = tarfile.TarInfo(member)
        info.size = len(text.encode())
        members.addfile(info, io.BytesIO(text.encode()))
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cdk-preflight\nVersion: {version}\n")
    (about / "RECORD").write_text(f"{archive.relative_to(folder / 'site').as_posix()},,\n")
    monkeypatch.syspath_prepend(str(folder / "site"))
    return archive


def _script(rules: list[dict[str, Any]], libraries: list[dict[str, Any]]) -> str:
    return f'"use strict";\nexports.BUNDLED_RULES = {json.dumps(rules)};\nexports.BUNDLED_LIBS = {json.dumps(libraries)};\n'
