"""Limits of plain values that pydantic's ``Field`` cannot say, or cannot say readably, for use in ``Annotated``."""

import re
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

import pulumi
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema


class Limit:
    """What a value must be beyond its type."""

    def words(self) -> str:
        """What is allowed, for messages and the schema."""
        raise NotImplementedError

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, in words that follow the argument's name, or None."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """The limit in JSON schema, where that can say it."""
        return {}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), **self.json_schema()}

    def _check(self, value: Any) -> Any:
        if problem := self.problem(value):
            raise PydanticCustomError("limit", "{problem}", {"problem": problem})
        return value


class Choice(Limit):
    """The value is one of a few: ``Annotated[str, Choice("standard", "advanced")]``."""

    def __init__(self, *values: str | int, description: str = "one of") -> None:
        self.values = values
        self.description = description

    def words(self) -> str:
        """See ``Limit``."""
        return f"{self.description} {', '.join(map(str, self.values))}"

    def problem(self, value: Any) -> str | None:
        """See ``Limit``."""
        return None if value in self.values else f"is {value!r}; must be {self.words()}"

    def json_schema(self) -> dict[str, Any]:
        """See ``Limit``."""
        return {"enum": list(self.values)}


@dataclass(frozen=True)
class Matches(Limit):
    """The whole text matches a pattern: ``Annotated[str, Matches(r"ami-[0-9a-f]+", "an image id such as ami-0abc1234")]``.

    The words have an example behind ``such as``.
    """

    pattern: str
    allowed: str

    @property
    def example(self) -> str | None:
        """The example, None where the words give none."""
        return self.allowed.partition("such as ")[2].split(" ")[0].rstrip(",;") or None

    def words(self) -> str:
        """See ``Limit``."""
        return self.allowed

    def problem(self, value: Any) -> str | None:
        """See ``Limit``."""
        return None if re.fullmatch(self.pattern, value) else f"is {value!r}; must be {self.allowed}"

    def json_schema(self) -> dict[str, Any]:
        """See ``Limit``."""
        return {"pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True)
class Keys(Limit):
    """Every key of a mapping matches a pattern: ``Annotated[dict[str, ...], Keys("[a-z]+", "lower-case letters")]``."""

    pattern: str
    allowed: str

    def words(self) -> str:
        """See ``Limit``."""
        return f"names of {self.allowed}"

    def problem(self, value: Any) -> str | None:
        """See ``Limit``."""
        wrong = next((key for key in value if not re.fullmatch(self.pattern, key)), None)
        return None if wrong is None else f"has {wrong!r}; a name has {self.allowed}. Rename it"


class Unique(Limit):
    """Every entry of a list is there once: ``Annotated[list[int], Unique()]``."""

    def words(self) -> str:
        """See ``Limit``."""
        return "each once"

    def problem(self, value: Any) -> str | None:
        """See ``Limit``."""
        # Outputs cannot be compared before they are known.
        plain = [entry for entry in value if not isinstance(entry, pulumi.Output)]
        twice = next((entry for entry, times in Counter(plain).items() if times > 1), None)
        return None if twice is None else f"has {twice} twice. Name each once"


class CidrBlock(Limit):
    """The text is an IPv4 or IPv6 network without host bits: AWS would cut these off, and every later preview would show a change.

    The checked value is the network's canonical text: ``2001:DB8:0::/48`` becomes ``2001:db8::/48``.
    """

    def words(self) -> str:
        """See ``Limit``."""
        return "a network such as 203.0.113.0/24 or 2001:db8::/32"

    def problem(self, value: Any) -> str | None:
        """See ``Limit``."""
        try:
            network = ip_network(value, strict=False)
        except ValueError:
            return f"is {value!r}; must be {self.words()}"
        if "/" not in value:
            return f"is {value!r}; must be in CIDR notation: write {network}"
        address, _, _ = value.partition("/")
        if ip_address(address) == network.network_address:
            return None
        return f"is {value!r}; must have no host bits: write {network}, or a /32 or /128 for one address"

    def _check(self, value: Any) -> Any:
        return str(ip_network(super()._check(value)))


class Ipv4Network(CidrBlock):
    """A ``CidrBlock`` of IPv4."""

    def words(self) -> str:
        """See ``Limit``."""
        return "an IPv4 network such as 10.20.0.0/16"

    def problem(self, value: Any) -> str | None:
        """See ``Limit``."""
        return f"is {value!r}; must be {self.words()}" if ":" in value else super().problem(value)


class Hidden:
    """The value may be a secret: no message shows it, nor what stands in its place or around it."""


HIDDEN = Hidden()
"""``Annotated[pulumi.Input[str], HIDDEN]``."""
