"""Limits of plain values that pydantic's ``Field`` cannot say readably, for use in ``Annotated``: ``Choice`` and ``Matches``."""

import re
from dataclasses import dataclass
from typing import Any

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


class Hidden:
    """The value may be a secret: no message shows it, nor what stands in its place or around it."""


HIDDEN = Hidden()
"""``Annotated[pulumi.Input[str], HIDDEN]``."""
