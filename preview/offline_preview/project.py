"""A Pulumi project on disk: ``Pulumi.yaml``, its declared configuration and its stacks."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline_preview.errors import PreviewError, listed, nearest
from offline_preview.yaml_text import read_mapping

_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
_STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_TYPES = ("string", "integer", "boolean", "array", "object")
_DECLARATION_KEYS = ("type", "description", "items", "default", "value", "secret")


@dataclass(frozen=True, slots=True)
class Declared:
    """One configuration key that ``Pulumi.yaml`` declares. ``default`` is ``None`` when the project gives no value."""

    key: str
    type: str | None = None
    items: dict[str, Any] | None = None
    default: Any = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """A project.

    ``root`` is the folder of ``Pulumi.yaml``, ``program`` the program's folder or file, ``stack_folder`` the folder of the stack files,
    ``interpreter`` the Python that runs the program, and ``environment`` the virtual environment that the project names, there or not.
    """

    root: Path
    file: Path
    name: str
    program: Path
    stack_folder: Path
    interpreter: str = sys.executable
    declared: tuple[Declared, ...] = ()
    environment: Path | None = None

    def stack_file(self, stack: str) -> Path:
        """The file of a stack's configuration, whether it exists or not."""
        return self.stack_folder / f"Pulumi.{stack}{self.file.suffix}"

    def stacks(self) -> list[str]:
        """The names of the stacks that have a file, in alphabetical order."""
        files = self.stack_folder.glob(f"Pulumi.*{self.file.suffix}")
        names = (path.name.removeprefix("Pulumi.").removesuffix(self.file.suffix) for path in files)
        return sorted(name for name in names if _STACK_NAME.fullmatch(name))

    def check_stack(self, stack: str) -> None:
        """Raises ``PreviewError``, naming the nearest stack, when the stack has no file."""
        if not _STACK_NAME.fullmatch(stack):
            raise PreviewError(f"--stack: '{stack}' is not a stack name; allowed are letters, digits, '_', '.' and '-', at most 100.")
        if not self.stack_file(stack).is_file():
            raise PreviewError(
                f"--stack: there is no stack '{stack}': {self.stack_file(stack)} does not exist."
                f" Existing stacks: {listed(self.stacks())}.{nearest(stack, self.stacks())}"
            )


def load_project(folder: Path) -> Project:
    """The project in a folder. Raises ``PreviewError`` when there is none or its file is wrong."""
    if not folder.is_dir():
        raise PreviewError(f"--project: {folder} is not a folder. Use the folder that contains Pulumi.yaml.")
    file = next((folder / name for name in _PROJECT_FILES if (folder / name).is_file()), None)
    if file is None:
        raise PreviewError(f"--project: there is no Pulumi.yaml in {folder.resolve()}. Use the folder that contains it.")
    data = read_mapping(file)
    name = data.get("name")
    if not isinstance(name, str) or not name:
        raise PreviewError(f"{file}: 'name' must be a non-empty text; it is {name!r}.{nearest('name', set(data) - {'name'})}")
    options = _runtime_options(file, data.get("runtime"))
    config, stack_folder = data.get("config"), data.get("stackConfigDir")
    if isinstance(config, str):
        if stack_folder is not None:
            raise PreviewError(f"{file}: 'config' and 'stackConfigDir' both name the folder of the stack files; keep 'stackConfigDir'.")
        config, stack_folder = None, config
    root = folder.resolve()
    return Project(
        root=root,
        file=root / file.name,
        name=name,
        program=Path(os.path.normpath(root / _text(file, "main", data.get("main")))),
        stack_folder=root / _text(file, "stackConfigDir", stack_folder),
        interpreter=interpreter(root, options.get("virtualenv")),
        declared=_declarations(file, name, config),
        environment=environment(root, options.get("virtualenv")),
    )


def environment(root: Path, virtualenv: Any) -> Path | None:
    """The folder of the virtual environment that a project or pack names, whether it exists or not; None when it names none."""
    return root / virtualenv if isinstance(virtualenv, str) and virtualenv else None


def interpreter(root: Path, virtualenv: Any) -> str:
    """The Python of the virtual environment that a project or pack names, when it exists, else the one that runs this command."""
    if (folder := environment(root, virtualenv)) is not None:
        for relative in ("bin/python", "Scripts/python.exe"):
            if (path := folder / relative).is_file():
                return str(path)
    return sys.executable


def namespaced(project: str, key: str) -> str:
    """A configuration key with its namespace, by default the project's name."""
    return key if ":" in key else f"{project}:{key}"


def is_of_type(value: Any, type_: str, items: dict[str, Any] | None) -> bool:
    """Whether a configuration value is of a declared type, by the CLI's rules: text that looks like an integer or a boolean is one."""
    if type_ == "string":
        return isinstance(value, str)
    if type_ == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    if type_ == "integer":
        if isinstance(value, str):
            return re.fullmatch(r"[-+]?[0-9]+", value) is not None
        return not isinstance(value, bool) and isinstance(value, int | float) and value == int(value)
    if type_ == "object":
        return isinstance(value, dict)
    if not isinstance(value, list) or items is None:
        return False
    return all(is_of_type(item, items.get("type", ""), items.get("items")) for item in value)


def type_name(type_: str, items: dict[str, Any] | None) -> str:
    """A declared type for a message: ``array<string>``."""
    return f"array<{type_name(items.get('type', ''), items.get('items'))}>" if items else type_


def _text(file: Path, key: str, value: Any) -> str:
    if value is None:
        return "."
    if not isinstance(value, str):
        raise PreviewError(f"{file}: '{key}' must be a path; it is {value!r}.")
    return value


def _runtime_options(file: Path, runtime: Any) -> dict[str, Any]:
    name, options = (runtime.get("name"), runtime.get("options")) if isinstance(runtime, dict) else (runtime, None)
    if name != "python":
        raise PreviewError(f"{file}: 'runtime' is {name!r}; the offline preview runs Python programs only, 'runtime: python'.")
    return options if isinstance(options, dict) else {}


def _declarations(file: Path, project: str, config: Any) -> tuple[Declared, ...]:
    if config is None:
        return ()
    if not isinstance(config, dict):
        raise PreviewError(f"{file}: 'config' must be a mapping of keys to values or declarations; it is {config!r}.")
    return tuple(_declaration(file, project, str(key), config[key]) for key in sorted(config, key=str))


def _declaration(file: Path, project: str, key: str, value: Any) -> Declared:
    own = namespaced(project, key).startswith(f"{project}:")
    where = f"{file}: config '{key}'"
    if not isinstance(value, dict):
        if value is None:
            raise PreviewError(f"{where}: has neither a value nor a declaration; use one of {listed(_DECLARATION_KEYS)}.")
        return Declared(namespaced(project, key), default=value)
    for attribute in value:
        if attribute not in _DECLARATION_KEYS:
            raise PreviewError(
                f"{where}: '{attribute}' is unknown; allowed: {listed(_DECLARATION_KEYS)}.{nearest(attribute, _DECLARATION_KEYS)}"
            )
    type_, items, default = value.get("type"), value.get("items"), value.get("default")
    if default is not None and value.get("value") is not None:
        raise PreviewError(f"{where}: has a 'default' and a 'value'; keep one.")
    if not own and (type_ is not None or default is not None or value.get("value") is None):
        raise PreviewError(f"{where}: is not in the project's namespace and needs only a 'value', without 'type' and 'default'.")
    if type_ is not None and type_ not in _TYPES:
        raise PreviewError(f"{where}: the type '{type_}' is unknown; allowed: {listed(_TYPES)}.{nearest(str(type_), _TYPES)}")
    if type_ == "array" and not items:
        raise PreviewError(f"{where}: is an array without 'items'; add the type of its items, e.g. 'items: {{type: string}}'.")
    if type_ is not None and default is not None and not is_of_type(default, type_, items):
        raise PreviewError(f"{where}: the default {default!r} is not of the type '{type_name(type_, items)}'.")
    return Declared(
        namespaced(project, key),
        type=type_,
        items=items,
        default=default if default is not None else value.get("value"),
        secret=bool(value.get("secret", False)),
    )
