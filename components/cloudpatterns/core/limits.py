"""Limits of plain values that pydantic's ``Field`` cannot say, or cannot say readably, for use in ``Annotated``."""

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pulumi
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema


@dataclass(frozen=True, init=False)
class Choice:
    """The value is one of a few: ``Annotated[str, Choice("standard", "advanced")]``."""

    values: tuple[str | int, ...]
    description: str
    """What the values are, for messages and the schema."""

    def __init__(self, *values: str | int, description: str = "one of") -> None:
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "description", description)

    @property
    def allowed(self) -> str:
        """The values in one phrase."""
        return f"{self.description} {', '.join(map(str, self.values))}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": list(self.values)}

    def _check(self, value: Any) -> Any:
        if value not in self.values:
            raise PydanticCustomError("choice", "must be {allowed}", {"allowed": self.allowed})
        return value


@dataclass(frozen=True)
class Matches:
    """The whole text matches a pattern: ``Annotated[str, Matches(r"ami-[0-9a-f]+", "an image id such as ami-0abc1234")]``."""

    pattern: str
    """A regular expression that the whole text must match."""
    allowed: str
    """What that means, with an example behind ``such as``, for messages and the schema."""

    @property
    def example(self) -> str | None:
        """The example, None where ``allowed`` gives none."""
        return self.allowed.partition("such as ")[2].split(" ")[0].rstrip(",;") or None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def _check(self, value: Any) -> Any:
        if re.fullmatch(self.pattern, value) is None:
            raise PydanticCustomError("matches", "must be {allowed}", {"allowed": self.allowed})
        return value


@dataclass(frozen=True)
class Keys:
    """Every key of a mapping matches a pattern: ``Annotated[dict[str, ...], Keys("[a-z]+", "lower-case letters")]``."""

    pattern: str
    """A regular expression that the whole key must match."""
    allowed: str
    """What that means, in words that follow "a name has"."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        for key in value:
            if re.fullmatch(self.pattern, key) is None:
                context = {"key": key, "allowed": self.allowed}
                raise PydanticCustomError("keys", "has {key}; a name has {allowed}. Rename it", context)
        return value


class Unique:
    """Every entry of a list is there once: ``Annotated[list[int], Unique()]``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    @staticmethod
    def _check(value: Any) -> Any:
        for index, entry in enumerate(value):
            # Outputs cannot be compared before they are known.
            if not isinstance(entry, pulumi.Output) and any(
                entry == other for other in value[:index] if not isinstance(other, pulumi.Output)
            ):
                raise PydanticCustomError("unique", "has {entry} twice. Name each once", {"entry": str(entry)})
        return value


class Network:
    """The text is an IPv4 or IPv6 network without host bits: AWS would cut these off, and every later preview would show a change."""

    allowed = "a network such as 203.0.113.0/24 or 2001:db8::/32"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def _check(self, value: Any) -> Any:
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            raise PydanticCustomError("network", "must be {allowed}", {"allowed": self.allowed}) from None
        if str(network) == value:
            return value
        if network.prefixlen == network.max_prefixlen or "/" not in value:
            raise PydanticCustomError("network", "must be a network in CIDR notation: write {network}", {"network": str(network)})
        raise PydanticCustomError(
            "network", "must be a network without host bits: write {network}, or a /32 or /128 for one address", {"network": str(network)}
        )


class Hidden:
    """The value may be a secret: no message shows it, nor what stands in its place or around it."""


HIDDEN = Hidden()
"""``Annotated[pulumi.Input[str], HIDDEN]``."""
