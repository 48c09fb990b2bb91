"""Properties off the wire: one pass from the protobuf Struct to plain Python, which marks unknowns and remembers secrets.

Reading the message directly is several times faster than `json_format.MessageToDict` followed by a second walk.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from google.protobuf import struct_pb2

from cloudpatterns_policies.core.verdicts import UnknownValueError

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
"""The key that marks a map on the wire as a special value."""
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

UNKNOWN_SENTINELS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string, and what SDKs send for any type
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
"""The texts that represent an unknown value on the wire."""


class UnknownValue:
    """The type of `UNKNOWN`. Any use of its value raises `UnknownValueError`, so that no control passes by mistake.

    `is UNKNOWN` is the only safe test.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> str:
        # Copies and pickles are the same object, so that `is UNKNOWN` still holds for them.
        return "UNKNOWN"

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        raise UnknownValueError()

    def __getattr__(self, name: str) -> NoReturn:
        # Python itself probes special names (copying, pickling) and expects AttributeError for those that are missing.
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownValueError()

    def _refuse(self, *_: object) -> NoReturn:
        raise UnknownValueError()

    __bool__ = __str__ = __iter__ = __len__ = __contains__ = __getitem__ = __int__ = __float__ = __index__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = __rsub__ = __format__ = _refuse


UNKNOWN: Final = UnknownValue()
"""Represents, in decoded properties, a value that is known only after deployment."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, a text or an archive given as a property. One of `path`, `text`, `uri` is set, or `assets` for an archive of several."""

    path: str = ""
    text: str = ""
    uri: str = ""
    hash: str = ""
    assets: tuple[tuple[str, Any], ...] = ()
    archive: bool = False


@dataclass(frozen=True, slots=True)
class ResourceReference:
    """A property that is another resource."""

    urn: str
    id: str = ""


class Decoder:
    """Decodes one resource's properties and collects the secrets met on the way."""

    __slots__ = ("secret_paths", "secrets")

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        """Texts of the secret values, to be kept out of messages."""
        self.secret_paths: list[str] = []
        """The paths of the secrets."""

    def struct(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        """Returns the decoded top-level properties."""
        # Not `.items()`, which is slow for a protobuf map.
        fields = struct.fields
        return {key: self._value(fields[key], key) for key in fields}

    def _value(self, value: struct_pb2.Value, path: str) -> Any:
        kind = value.WhichOneof("kind")
        if kind == "string_value":
            text = value.string_value
            return UNKNOWN if len(text) == 36 and text in UNKNOWN_SENTINELS else text
        if kind == "bool_value":
            return value.bool_value
        if kind == "number_value":
            number = value.number_value
            return int(number) if number % 1 == 0 else number
        if kind == "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE_KEY in fields:
                return self._special(fields, path)
            return {key: self._value(fields[key], f"{path}.{key}") for key in fields}
        if kind == "list_value":
            return [self._value(item, f"{path}.{index}") for index, item in enumerate(value.list_value.values)]
        return None

    def _special(self, fields: Any, path: str) -> Any:
        signature = fields[SIGNATURE_KEY].string_value
        if signature == SECRET_SIGNATURE:
            return self._secret(fields["value"], path) if "value" in fields else UNKNOWN
        if signature == OUTPUT_SIGNATURE:
            if "value" not in fields:
                return UNKNOWN
            if "secret" in fields and fields["secret"].bool_value:
                return self._secret(fields["value"], path)
            return self._value(fields["value"], path)
        if signature == RESOURCE_SIGNATURE:
            identity = self._value(fields["id"], path) if "id" in fields else ""
            return ResourceReference(fields["urn"].string_value, identity if isinstance(identity, str) else "")
        if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
            texts = {key: fields[key].string_value for key in ("path", "text", "uri", "hash") if key in fields}
            parts = fields["assets"].struct_value.fields.items() if "assets" in fields else ()
            assets = tuple(sorted((key, self._value(item, f"{path}.{key}")) for key, item in parts))
            return Asset(**texts, assets=assets, archive=signature == ARCHIVE_SIGNATURE)
        return {key: self._value(item, f"{path}.{key}") for key, item in fields.items() if key != SIGNATURE_KEY}

    def _secret(self, value: struct_pb2.Value, path: str) -> Any:
        decoded = self._value(value, path)
        self.secret_paths.append(path)
        self.secrets.update(secret_texts(decoded))
        return decoded


_LARGEST_PORT: Final = 65535
_SHORTEST: Final = 4


def secret_texts(value: Any) -> Iterator[str]:
    """Yields the texts under which a secret value could show in a message: each leaf, and the lines of a long one.

    Small numbers inside a secret object are left out: a connection with a secret password also has a port, which messages must be able to
    name.
    """
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            if not (isinstance(item, int | float) and abs(item) <= _LARGEST_PORT):
                yield from secret_texts(item)
    elif isinstance(value, Asset):
        yield from secret_texts([value.text, *(item for _, item in value.assets)])
    elif isinstance(value, str):
        if value.strip():
            yield value
            if "\n" in value:
                yield from (line.strip() for line in value.splitlines() if len(line.strip()) >= 8)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


class Redactor:
    """Keeps secrets out of text. Shorter secrets than four characters occur in names by chance and are not replaced."""

    def __init__(self, secrets: set[str] | frozenset[str]) -> None:
        forms: set[str] = set()
        for secret in (text for text in secrets if len(text) >= _SHORTEST):
            # A message may hold the secret as written, or as `repr` and JSON escape it.
            forms.update((secret, repr(secret)[1:-1], secret.encode("unicode_escape").decode().replace('"', '\\"')))
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        parts = [re.escape(form) for form in ordered]
        self._pattern = re.compile("|".join(parts)) if parts else None

    def __call__(self, text: str) -> str:
        """Returns `text` with every secret replaced by `[secret]`."""
        return self._pattern.sub("[secret]", text) if self._pattern else text
