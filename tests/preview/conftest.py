"""Throw-away projects, packs and graphs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview.graph import Graph, Resource
from offline_preview.values import Secret

URN = "urn:pulumi:dev::shop::"
STACK_URN = f"{URN}pulumi:pulumi:Stack::shop-dev"


@pytest.fixture(params=["forked", "started"])
def either_children(request: pytest.FixtureRequest) -> None:
    """Runs a test twice: with children that are forked, as in all other tests, and with children that are started as for a user."""
    if request.param == "started":
        request.getfixturevalue("started_children")


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Writes a project ``shop`` with one stack ``dev``; keyword arguments are more files, ``__`` stands for a dot in their names."""

    def write(**files: str) -> Path:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        contents = {"Pulumi__yaml": "name: shop\nruntime: python\n", "Pulumi__dev__yaml": "config:\n  aws:region: eu-west-1\n", **files}
        for name, text in contents.items():
            (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Writes a policy pack with the given program."""

    def write(program: str, name: str = "pack", settings: str = "runtime: python\nversion: 1.2.3\n") -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "PulumiPolicy.yaml").write_text(settings, encoding="utf-8")
        (folder / "__main__.py").write_text(program, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def graph() -> Graph:
    """A stack with a component, two buckets in it, a provider and a database with a secret."""
    provider = f"{URN}pulumi:providers:aws::default"
    component = f"{URN}shop:index:Store::store"
    options = {"provider": f"{provider}::04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    return Graph(
        project="shop",
        stack="dev",
        resources=[
            Resource(STACK_URN, "pulumi:pulumi:Stack", "shop-dev", False),
            Resource(provider, "pulumi:providers:aws", "default", True, inputs={"region": "eu-west-1"}),
            Resource(component, "shop:index:Store", "store", False, parent=STACK_URN),
            Resource(
                f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs",
                "aws:s3/bucket:Bucket",
                "logs",
                True,
                parent=component,
                inputs={"bucket": "logs", "__defaults": []},
                outputs={"bucket": "logs", "arn": "arn:aws:s3:::logs"},
                options=options,
                source="store.py:7",
            ),
            Resource(
                f"{URN}shop:index:Store$aws:s3/bucket:Bucket::data",
                "aws:s3/bucket:Bucket",
                "data",
                True,
                parent=component,
                inputs={"bucket": "data", "tags": {"Owner": "me"}},
                outputs={"bucket": "data", "tags": {"Owner": "me"}, "arn": "arn:aws:s3:::data"},
                options=options,
                source="store.py:9",
            ),
            Resource(
                f"{URN}aws:rds/instance:Instance::db",
                "aws:rds/instance:Instance",
                "db",
                True,
                parent=STACK_URN,
                inputs={"password": Secret("correct horse")},
                outputs={"password": Secret("correct horse")},
                dependencies=[f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs"],
                property_dependencies={
                    "password": [f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs"],
                    "port": [],
                },
                options={**options, "protect": True, "customTimeouts": {"create": "1h30m"}},
            ),
        ],
        outputs={"url": "https://shop", "token": Secret("hunter22")},
    )
