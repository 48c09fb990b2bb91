"""Property values as the engine's wire format carries them, and as plain Python.

The wire is a protobuf ``Struct`` in which unknowns, secrets, assets and references are marked by signatures
(pulumi/sdk: ``pulumi/runtime/rpc.py``). Here an unknown is the sentinel ``UNKNOWN``, a secret is ``Secret(value)``;
everything else is plain Python, and whole numbers are ``int``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from google.protobuf import struct_pb2

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_VALUE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_WIRE: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# One sentinel for each kind of value; all of them mean "unknown before the deployment".
UNKNOWN_WIRES: Final = frozenset(
    {
        UNKNOWN_WIRE,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


class _Unknown:
    """The one value that stands for "not known before the deployment". It has no truth value, on purpose."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false; compare it with `is UNKNOWN`")

    def __copy__(self) -> "_Unknown":
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> "_Unknown":
        return self


UNKNOWN: Final = _Unknown()


class Secret:
    """A secret value. Its text never shows the value; take ``.value`` where the value itself is needed."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "[secret]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.value == self.value

    def __hash__(self) -> int:
        return hash((Secret, repr(self.value)))


def decode(value: struct_pb2.Value) -> Any:
    """Plain Python from one protobuf value."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in UNKNOWN_WIRES else text
    if kind == "struct_value":
        return _object(decode_struct(value.struct_value))
    if kind == "list_value":
        return [decode(item) for item in value.list_value.values]
    if kind == "number_value":
        number = float(value.number_value)
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    return None


def decode_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Plain Python from a protobuf ``Struct``."""
    return {key: decode(value) for key, value in struct.fields.items()}


def _object(fields: dict[str, Any]) -> Any:
    """A decoded object, with what its signature says applied. Assets and references stay objects with their signature."""
    signature = fields.get(SIGNATURE)
    if signature == SECRET:
        return Secret(fields.get("value"))
    if signature == OUTPUT_VALUE:
        value = fields.get("value", UNKNOWN)
        return Secret(value) if fields.get("secret") else value
    return fields


def encode(value: Any) -> struct_pb2.Value:
    """One protobuf value from plain Python; the reverse of ``decode``."""
    result = struct_pb2.Value()
    if value is None:
        result.null_value = struct_pb2.NULL_VALUE
    elif value is UNKNOWN:
        result.string_value = UNKNOWN_WIRE
    elif isinstance(value, bool):
        result.bool_value = value
    elif isinstance(value, int | float):
        result.number_value = value
    elif isinstance(value, str):
        result.string_value = value
    elif isinstance(value, Secret):
        fields = result.struct_value.fields
        fields[SIGNATURE].string_value = SECRET
        fields["value"].CopyFrom(encode(value.value))
    elif isinstance(value, Mapping):
        result.struct_value.CopyFrom(encode_struct(value))
    elif isinstance(value, list | tuple):
        result.list_value.values.extend(encode(item) for item in value)
    else:
        raise TypeError(f"a {type(value).__name__} is not a property value")
    return result


def encode_struct(fields: Mapping[str, Any]) -> struct_pb2.Struct:
    """A protobuf ``Struct`` from plain Python; the reverse of ``decode_struct``."""
    result = struct_pb2.Struct()
    for key, value in fields.items():
        result.fields[key].CopyFrom(encode(value))
    # An empty Struct is not the same as an absent one.
    result.SetInParent()
    return result


def to_json(value: Any) -> Any:
    """The value in JSON with the wire's signatures, so that nothing is lost; the reverse is ``from_json``.

    A secret's value is in it: for the pipe between processes only, never for a file.
    """
    if value is UNKNOWN:
        return UNKNOWN_WIRE
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": to_json(value.value)}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any) -> Any:
    """The value from its lossless JSON."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_WIRES else value
    if isinstance(value, dict):
        return _object({key: from_json(item) for key, item in value.items()})
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return value


def shown(value: Any) -> Any:
    """The value for reports, with ``[unknown]`` and ``[secret]`` instead of unknown and secret values."""
    if value is UNKNOWN:
        return "[unknown]"
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items() if key != SIGNATURE}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


def plain(value: Any) -> Any:
    """The value with secrets unwrapped at every depth, as the engine sends it to a policy pack."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def references(value: Any) -> Iterator[str]:
    """URNs of the resources that a value refers to as whole resources."""
    if isinstance(value, Secret):
        yield from references(value.value)
    elif isinstance(value, dict):
        if value.get(SIGNATURE) == RESOURCE:
            yield value["urn"]
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
