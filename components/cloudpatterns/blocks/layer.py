"""The Lambda layer with the library that users' functions import, ``cloudpatterns_runtime``."""

import functools
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component

_PACKAGE = "cloudpatterns_runtime"
# A wheel holds a copy (see setup.py); an editable installation and the plugin have the library's own folder beside the package.
_COPY = Path(__file__).parents[1] / "runtime-copy" / _PACKAGE
_SOURCE = Path(__file__).parents[2] / "runtime" / _PACKAGE


def runtime_layer(component: Component, child_name: str, *, skip_destroy: bool = False) -> aws.lambda_.LayerVersion:
    """A version of a Lambda layer with ``cloudpatterns_runtime``, as a child of ``component``.

    Its ARN goes into ``layers`` of functions in Python 3.11 to 3.14, on arm64 and x86_64; they import the library by its name. It
    holds no boto3, which Lambda's runtimes have.

    A change of the library makes a new version and deletes the old one, after the functions of the same stack have moved. AWS
    keeps a deleted version for the functions that use it and lets no function be configured with it any more
    (https://docs.aws.amazon.com/lambda/latest/api/API_DeleteLayerVersion.html). ``skip_destroy`` keeps old versions: for functions
    elsewhere that take a new ARN later than this stack. They, and the last one after a destroy, are then left to delete by hand.
    """
    package = _package()
    files = sorted(package.rglob("*.py"))
    return aws.lambda_.LayerVersion(
        child_name,
        # AWS has no layers without a name. Stacks with the same one number their versions together and delete only their own.
        layer_name=child_name,
        description=f"{_PACKAGE} {_version(package)}",
        license_info="Apache-2.0",
        code=pulumi.AssetArchive({f"python/{file.relative_to(package.parent).as_posix()}": pulumi.FileAsset(str(file)) for file in files}),
        compatible_runtimes=["python3.11", "python3.12", "python3.13", "python3.14"],
        compatible_architectures=["arm64", "x86_64"],
        skip_destroy=skip_destroy,
        opts=component.child(),
    )


@functools.cache
def runtime_module(name: str) -> ModuleType:
    """A module of the library as users' code will have it, for what components work out with it themselves.

    Read from the library's own files, since it need not be installed where the components are; and under another name, since another
    version may be.
    """
    file = _package() / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"_cloudpatterns_runtime_copy_{name}", file)
    assert spec, f"{file} is no module"
    assert spec.loader, f"{file} has no loader"
    module = importlib.util.module_from_spec(spec)
    # Data classes look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _package() -> Path:
    return _COPY if _COPY.is_dir() else _SOURCE


def _version(package: Path) -> str:
    # Read, not imported: the library need not be installed where the components are.
    found = re.search(r'^__version__ = "(.+)"$', (package / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{package} has no version"
    return found[1]
