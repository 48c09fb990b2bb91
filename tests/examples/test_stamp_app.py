"""The component of ``examples/stamp`` on a pretended instance."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.emulators.instance import Instance
from tests.program import ROOT

DOCUMENT: Any = yaml.safe_load((ROOT / "examples/stamp/app/web-server.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def build(tmp_path: Path, instance: Instance) -> Path:
    """The commands of the phase ``build`` as a script, which writes below the root of the pretended instance."""
    steps = next(phase["steps"] for phase in DOCUMENT["phases"] if phase["name"] == "build")
    text = "\n".join(["#!/bin/bash", *(command for step in steps for command in step["inputs"]["commands"])])
    text, count = re.subn(r"(?<=> )/|(?<=mkdir -p )/", f"{instance.root}/", text)
    assert count == len(re.findall(r">\s*/|mkdir ", text)) == 3
    # The package brings it.
    (instance.root / "etc/nginx/conf.d").mkdir(parents=True)
    script = tmp_path / "build.sh"
    script.write_text(text, encoding="utf-8")
    return script


def test_the_build_installs_a_web_server_with_its_page(instance: Instance, build: Path) -> None:
    for _ in range(2):
        done = instance.run(build)
        assert done == (0, "", ""), done
    assert instance.file("etc/nginx/conf.d/shop.conf") == "server {\n  listen 8080 default_server;\n  root /srv/shop;\n}\n"
    assert instance.file("srv/shop/index.html") == "<!doctype html><title>Shop</title><h1>Open all night</h1>\n"
    assert instance.calls("systemctl")[0] == ["systemctl", "enable", "nginx.service"]


def test_a_package_that_cannot_be_installed_fails_the_build(instance: Instance, build: Path) -> None:
    (instance.state / "dnf-fails").touch()
    assert instance.run(build).code == 1
    assert instance.calls("systemctl") == []


def test_the_image_is_tested_on_a_server_that_was_started_from_it() -> None:
    assert [phase["name"] for phase in DOCUMENT["phases"]] == ["build", "validate", "test"]
