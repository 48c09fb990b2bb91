"""A typed, read-only view of one resource, as the engine shows it to a policy pack."""

import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cached_property
from typing import Any

from pulumi.runtime.proto import analyzer_pb2

from cloudpatterns_policies.core.values import UNKNOWN, Decoder, secret_texts
from cloudpatterns_policies.core.verdicts import UnknownValueError

# The container that was returned last. `UNKNOWN` inside it has neither path nor resource; this has both.
_last_read: ContextVar[tuple["Resource", str] | None] = ContextVar("last_read", default=None)

_MISSING = object()


class Resource:
    """One resource. Properties are decoded once, on first use.

    In a resource control they are the inputs; in a stack control the outputs, which hold the inputs too.
    """

    def __init__(self, message: analyzer_pb2.AnalyzerResource | analyzer_pb2.AnalyzeRequest) -> None:
        self._message = message
        self.urn: str = message.urn
        """The resource's URN."""
        self.type: str = message.type
        """The type token, such as `aws:s3/bucket:Bucket`."""
        self.name: str = message.name
        """The logical name."""
        self.inputs: Resource = self
        """The resource as its program gave it: in a stack control of a pack that keeps inputs, without what the provider computes."""

    def __repr__(self) -> str:
        return f"Resource({self.type} {self.name})"

    @property
    def message(self) -> analyzer_pb2.AnalyzerResource | analyzer_pb2.AnalyzeRequest:
        """The message the view reads from."""
        return self._message

    @property
    def parent(self) -> str:
        """The parent's URN; empty for a resource without one."""
        return self._message.parent if isinstance(self._message, analyzer_pb2.AnalyzerResource) else self._message.options.parent

    @property
    def options(self) -> analyzer_pb2.AnalyzerResourceOptions:
        """Resource options: `protect`, `ignoreChanges`, `aliases`, ... as the engine sends them."""
        return self._message.options

    @cached_property
    def dependencies(self) -> tuple[str, ...]:
        """URNs this resource depends on, sorted. Empty in a resource control: the engine sends dependencies to stack controls only."""
        return tuple(sorted(self._message.dependencies)) if isinstance(self._message, analyzer_pb2.AnalyzerResource) else ()

    @cached_property
    def property_dependencies(self) -> Mapping[str, tuple[str, ...]]:
        """For each top-level property the URNs its value came from, sorted. Empty in a resource control."""
        if not isinstance(self._message, analyzer_pb2.AnalyzerResource):
            return {}
        return {key: tuple(sorted(value.urns)) for key, value in self._message.propertyDependencies.items()}

    @cached_property
    def _decoded(self) -> tuple[dict[str, Any], Decoder]:
        decoder = Decoder()
        return decoder.struct(self._message.properties), decoder

    @property
    def raw(self) -> dict[str, Any]:
        """All properties as plain Python; `UNKNOWN` is what is known only after deployment. Secrets are in plain text: never print them."""
        return self._decoded[0]

    @property
    def secrets(self) -> frozenset[str]:
        """Texts of the secret values, for redaction only."""
        return frozenset(self._decoded[1].secrets)

    def is_secret(self, path: str) -> bool:
        """Whether the value at `path`, or a value around it, is a secret."""
        return any(path == secret or path.startswith(f"{secret}.") for secret in self._decoded[1].secret_paths)

    def get(self, path: str, default: Any = None) -> Any:
        """Returns the value at a dotted path such as `metadataOptions.httpTokens` or `ingress.0.cidrBlocks`.

        A missing or null value, and a path through one, gives `default`. Raises `UnknownValueError` when the value, or one on the way to
        it, is known only after deployment. A list or map is returned even if something inside it is unknown; using that raises.
        """
        value = self._find(path)
        if value is UNKNOWN:
            raise UnknownValueError(path, self.urn)
        if value is _MISSING or value is None:
            return default
        if isinstance(value, dict | list):
            _last_read.set((self, path))
        return value

    def is_unknown(self, path: str) -> bool:
        """Whether the value at `path`, or one on the way to it, is known only after deployment."""
        return self._find(path) is UNKNOWN

    def json(self, path: str, default: Any = None) -> Any:
        """Returns the parsed JSON document at `path`; a value that is a list or map already is returned as it is.

        `default` when it is missing, or an empty text, which the provider takes for not set. Raises `UnknownValueError` when unknown and
        `ValueError` when it is not JSON.
        """
        value = self.get(path)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            return value
        try:
            document = json.loads(value)
        except json.JSONDecodeError as error:
            # Not the decoder's own error: that one carries the whole document, which may be a secret.
            raise ValueError(f"{path} of {self.name} is not valid JSON: {error.msg}") from None
        if self.is_secret(path):
            self._decoded[1].secrets.update(secret_texts(document))
        return document

    def unknown_paths(self, prefix: str = "") -> list[str]:
        """Paths of all unknown values at or under `prefix`, in order."""
        value = self._find(prefix) if prefix else self.raw
        return sorted(_unknowns(value, prefix))

    def _find(self, path: str) -> Any:
        value: Any = self._decoded[0]
        for part in path.split("."):
            if type(value) is dict:
                value = value.get(part, _MISSING)
            elif type(value) is list:
                index = int(part) if part.isdigit() else len(value)
                value = value[index] if index < len(value) else _MISSING
            else:
                return UNKNOWN if value is UNKNOWN else _MISSING
        return value


def _unknowns(value: Any, path: str) -> Iterator[str]:
    if value is UNKNOWN:
        yield path
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unknowns(item, f"{path}.{key}" if path else str(key))


def locate(error: UnknownValueError) -> tuple[str, str]:
    """Returns URN and path of the value that raised `error`, as far as they are known."""
    if error.path:
        return error.urn, error.path
    last = _last_read.get()
    if last is None:
        return "", "a value away from its resource"
    resource, path = last
    nested = resource.unknown_paths(path)
    return resource.urn, nested[0] if nested else path


def forget_last_read() -> None:
    """Forgets what was read last; called before each control, so that an unknown value is never attributed to what another control read."""
    _last_read.set(None)
