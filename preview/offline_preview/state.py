"""An existing stack, exported by ``pulumi stack export``, as a graph: packs can check it without its program.

The format is the engine's own: ``sdk/go/common/apitype/core.go`` (``UntypedDeployment``, ``DeploymentV3``, ``ResourceV3``) for the
envelope, ``pkg/resource/stack/deployment.go`` (``DeserializePropertyValue``) for the values. An export contains the state after the
last update, refresh or import; later changes in the cloud are not in it.
"""

import base64
import json
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from offline_preview.errors import PreviewError, listed
from offline_preview.graph import Graph, Resource
from offline_preview.values import ARCHIVE, ASSET, RESOURCE, SECRET, SIGNATURE, UNKNOWN, UNKNOWN_WIRE, Secret

STANDARD_INPUT: Final = "-"
"""The name that stands for standard input."""
STACK_TYPE: Final = "pulumi:pulumi:Stack"
BYTE_STRING: Final = "803fd3297a5875dc03ca845dda5d2a98"
FLOAT: Final = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
FEATURES: Final = frozenset(
    {
        "refreshBeforeUpdate",
        "views",
        "hooks",
        "taint",
        "replaceWith",
        "snippets-prototype",
        "extensionParameterization",
        "byteString",
    }
)
"""The features that a deployment of version 4 may list; none of them changes what is read here."""

_VERSIONS: Final = (3, 4)
_FIX: Final = "Write it with `pulumi stack export --stack NAME --file FILE`."
# As exported: as a recorded graph has it.
_OPTIONS: Final = {
    "protect": "protect",
    "retainOnDelete": "retainOnDelete",
    "external": "external",
    "ignoreChanges": "ignoreChanges",
    "additionalSecretOutputs": "additionalSecretOutputs",
    "replaceOnChanges": "replaceOnChanges",
    "aliases": "aliases",
    "customTimeouts": "customTimeouts",
    "importID": "importId",
    "deletedWith": "deletedWith",
    "provider": "provider",
}
# The type of each part of a resource, if it exists.
_SHAPES: Final = {
    "type": str,
    "parent": str,
    "id": str,
    "provider": str,
    "inputs": dict,
    "outputs": dict,
    "propertyDependencies": dict,
    "customTimeouts": dict,
    "stackTrace": list,
}
_LISTS_OF_TEXT: Final = ("dependencies", "ignoreChanges", "additionalSecretOutputs", "replaceOnChanges", "aliases")
_TIMEOUTS: Final = ("create", "update", "delete", "read")
_FOREIGN: Final = frozenset({"..", "site-packages", "node_modules"})


@dataclass(frozen=True, slots=True)
class State:
    """An exported stack: its graph, and notes for the user on missing information."""

    graph: Graph
    notes: tuple[str, ...] = ()


def load_state(file: Path) -> State:
    """The stack in a file that ``pulumi stack export`` has written; ``-`` is standard input.

    Resources that are only waiting to be deleted are left out. A secret that the export encrypts is ``Secret(UNKNOWN)``: its text could
    be a number, a switch or a whole document, so any other placeholder would make controls pass or fail wrongly.
    Raises ``PreviewError`` when the file is not an export, is of an unknown version, or of a stack without resources.
    """
    name = "standard input" if str(file) == STANDARD_INPUT else str(file)
    where = f"--state: {name}"
    try:
        text = sys.stdin.buffer.read() if str(file) == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        raise PreviewError(f"{where} cannot be read: {error.strerror}.") from error
    try:
        data = json.loads(text, parse_int=_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise PreviewError(f"{where} is not valid JSON: {error}. {_FIX}") from error
    return _Reader(name).state(_deployment(where, data))


def _deployment(where: str, data: Any) -> dict[str, Any]:
    """The deployment in an export, its version and features checked."""
    if isinstance(data, dict) and "checkpoint" in data:
        raise PreviewError(f"{where} is a backend's own state file, not an export. {_FIX}")
    if not isinstance(data, dict) or not isinstance(data.get("deployment"), dict):
        raise PreviewError(f"{where} is not an export of a stack: it is not an object with a 'version' and a 'deployment'. {_FIX}")
    version = data.get("version")
    if version not in _VERSIONS:
        raise PreviewError(
            f"{where} has version {json.dumps(version)}; allowed are {' and '.join(map(str, _VERSIONS))}. Export it again with Pulumi 3."
        )
    features = data.get("features") or []
    if unknown := set(map(str, features if isinstance(features, list) else [features])) - FEATURES:
        raise PreviewError(f"{where} uses unknown features: {listed(unknown)}. Known: {listed(FEATURES)}.")
    return data["deployment"]


class _Reader:
    """Reads one deployment, and counts what it cannot read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._encrypted = 0

    def state(self, deployment: Mapping[str, Any]) -> State:
        """The graph of a deployment, with notes."""
        listed_resources = deployment.get("resources") or []
        if not isinstance(listed_resources, list):
            raise self._error("'resources' is not a list")
        found = [self._checked(item, f"resource {number}") for number, item in enumerate(listed_resources, 1)]
        kept = [item for item in found if not item.get("delete")]
        if not kept:
            raise PreviewError(f"--state: {self._name} contains no resources: nothing to check. Export a stack that has been deployed.")
        stack, project = kept[0]["urn"].removeprefix("urn:pulumi:").split("::")[:2]
        resources = [self._resource(item) for item in kept]
        outputs = next((resource.outputs for resource in resources if resource.type == STACK_TYPE), {})
        notes = [*self._left_out(len(found) - len(kept)), *self._pending(deployment.get("pending_operations") or []), *self._unread()]
        return State(Graph(project, stack, resources, dict(outputs)), tuple(notes))

    def _checked(self, item: Any, what: str) -> dict[str, Any]:
        """The item, if it is a resource."""
        urn = item.get("urn") if isinstance(item, dict) else None
        if not isinstance(urn, str) or not urn.startswith("urn:pulumi:") or urn.count("::") < 3:
            raise self._error(f"{what} has no URN")
        if not item.get("type"):
            raise self._error(f"{urn} has no type")
        for key, kind in _SHAPES.items():
            if item.get(key) is not None and not isinstance(item[key], kind):
                raise self._error(f"{urn}: '{key}' is of the wrong type")
        texts = [(key, item.get(key)) for key in _LISTS_OF_TEXT]
        texts += [("propertyDependencies", urns) for urns in (item.get("propertyDependencies") or {}).values()]
        for key, value in texts:
            if not isinstance(value, list | None) or not all(isinstance(text, str) for text in value or ()):
                raise self._error(f"{urn}: '{key}' is of the wrong type")
        return item

    def _resource(self, item: Mapping[str, Any]) -> Resource:
        urn = item["urn"]
        return Resource(
            urn=urn,
            type=item["type"],
            # A name may hold the separator itself.
            name=urn.split("::", 3)[3],
            custom=bool(item.get("custom")),
            parent=item.get("parent") or "",
            inputs=self._values(urn, item.get("inputs") or {}),
            outputs=self._values(urn, item.get("outputs") or {}),
            id=item.get("id") or "",
            dependencies=list(item.get("dependencies") or ()),
            property_dependencies={key: list(urns) for key, urns in (item.get("propertyDependencies") or {}).items() if urns},
            options=_options(item),
            source=_source(item),
        )

    def _values(self, urn: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._value(value, f"{urn}: '{key}'") for key, value in values.items()}

    def _value(self, value: Any, what: str) -> Any:
        if isinstance(value, str):
            return UNKNOWN if value == UNKNOWN_WIRE else value
        if isinstance(value, list):
            return [self._value(item, what) for item in value]
        if not isinstance(value, dict):
            return value
        signature = value.get(SIGNATURE)
        if signature == SECRET:
            return self._secret(value, what)
        if decoder := _DECODERS.get(str(signature)):
            try:
                return decoder(value)
            except (KeyError, OverflowError, TypeError, ValueError) as error:
                raise self._error(f"{what} contains a malformed value") from error
        if signature not in (None, ASSET, ARCHIVE):
            raise self._error(f"{what} contains a value of an unknown kind, {signature}")
        return {key: self._value(item, what) for key, item in value.items()}

    def _secret(self, value: Mapping[str, Any], what: str) -> Secret:
        plain, encrypted = value.get("plaintext"), value.get("ciphertext")
        if isinstance(plain, str) and encrypted is None:
            try:
                return Secret(self._value(json.loads(plain, parse_int=_number, parse_float=_number), what))
            # The text of the parser's error may quote the secret.
            except (ValueError, RecursionError):
                raise self._error(f"{what} contains a secret that is not valid JSON") from None
        if isinstance(encrypted, str) and plain is None:
            self._encrypted += 1
            return Secret(UNKNOWN)
        raise self._error(f"{what} contains a secret that does not have exactly one of 'plaintext' and 'ciphertext'")

    def _left_out(self, number: int) -> Iterable[str]:
        if number:
            yield f"{self._name}: ignored, because they are pending deletion: {number} of the resources."

    def _pending(self, operations: Any) -> Iterable[str]:
        if not isinstance(operations, list):
            raise self._error("'pending_operations' is not a list")
        for number, item in enumerate(operations, 1):
            operation = item if isinstance(item, dict) else {}
            resource = self._checked(operation.get("resource"), f"pending operation {number}")
            yield (
                f"{self._name}: {operation.get('type') or 'changing'} {resource['urn']} was not finished when the stack was exported."
                " Fix: pulumi refresh, then export again."
            )

    def _unread(self) -> Iterable[str]:
        if self._encrypted:
            yield (
                f"{self._name}: encrypted values, which cannot be read: {self._encrypted}. A control that needs one reports it as unknown."
                " `pulumi stack export --show-secrets` writes them in plain text: keep such a file secret."
            )

    def _error(self, what: str) -> PreviewError:
        return PreviewError(f"--state: {self._name} is a damaged export: {what}. {_FIX}")


def _number(text: str) -> int | float:
    """A number as the engine stores it, a 64-bit float, whole ones as ``int``."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _reference(value: Mapping[str, Any]) -> dict[str, Any]:
    """A whole-resource reference, with the id of those that some engines wrote as ``{"V": ...}`` put right."""
    result = {SIGNATURE: RESOURCE, "urn": str(value["urn"])}
    identity = value.get("id")
    if isinstance(identity, dict):
        inner = identity.get("V")
        identity = "" if isinstance(inner, dict) else inner
    return result if identity is None else {**result, "id": str(identity)}


def _byte_string(value: Mapping[str, Any]) -> str:
    """A text that is not UTF-8. Messages to packs can carry no such text, so what does not fit is replaced."""
    return base64.b64decode(value["value"], validate=True).decode("utf-8", errors="replace")


def _float(value: Mapping[str, Any]) -> float:
    """A number that JSON cannot hold, NaN or infinite, from the hexadecimal digits of its bits."""
    (number,) = struct.unpack(">d", int(value["value"], 16).to_bytes(8))
    return number


_DECODERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {RESOURCE: _reference, BYTE_STRING: _byte_string, FLOAT: _float}


def _options(item: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are set. Timeouts of operations that packs do not know are left out."""
    options = {name: item[key] for key, name in _OPTIONS.items() if item.get(key)}
    if timeouts := options.pop("customTimeouts", None):
        options["customTimeouts"] = {key: timeouts[key] for key in _TIMEOUTS if isinstance(timeouts.get(key), int | float)}
    return options


def _source(item: Mapping[str, Any]) -> str:
    """``file:line`` of the innermost frame in the program's own folder, outside installed libraries, or empty."""
    frames = [item, *(frame for frame in item.get("stackTrace") or () if isinstance(frame, dict))]
    for frame in frames:
        position = urlsplit(str(frame.get("sourcePosition") or ""))
        path = unquote(position.path).lstrip("/")
        line = position.fragment.partition(",")[0]
        if position.scheme == "project" and line.isdigit() and not _FOREIGN & set(path.split("/")):
            return f"{path}:{line}"
    return ""
