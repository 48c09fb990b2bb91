"""The section `tags`: the tags of every resource of the stack."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, WrapValidator
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Fix, Remove, collect, fault, refuse

REQUIRED = {"Owner": "platform", "CostCenter": "cc-1234", "Environment": "dev"}
"""Tags every stack must have, each with an example."""

# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_MOST = 50
_CHARACTERS = r"[\w +\-=.:/@]*"
_KEY_TEXT = "1 to 128 letters, digits, spaces and + - = . _ : / @, not beginning with aws:"


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        raise refuse("a boolean, not text: write it in quotes", "true" if value else "false")
    if isinstance(value, (int, float)):
        raise refuse("a number, of which YAML drops zeros: write it in quotes", str(value))
    if isinstance(value, str) and not re.fullmatch(_CHARACTERS, value):
        raise refuse("has a character that AWS does not allow", re.sub(r"[^\w +\-=.:/@]", "-", value))
    return value


def _keys(value: Any, handler: Callable[[Any], Any]) -> Any:
    def faults() -> Iterable[InitErrorDetails]:
        if not isinstance(value, dict):
            return
        fix: list[Fix]
        lowered = {key.lower(): key for key in value}
        for key, example in REQUIRED.items():
            if key not in value:
                fix = [Assign((key,), example)]
                because = "is missing"
                if (other := lowered.get(key.lower())) is not None:
                    because, fix = f"is missing; {other} differs in case", [Remove((other,)), *fix]
                yield fault((key,), because, fix=fix, allowed="every stack has the tags Owner, CostCenter and Environment")
        for key in value:
            if not 1 <= len(key) <= 128 or not re.fullmatch(_CHARACTERS, key) or key.lower().startswith("aws:"):
                yield fault((key,), "AWS does not allow this key", fix=[Remove((key,))], allowed=f"a key of {_KEY_TEXT}")
        if len(value) > _MOST:
            others = [key for key in value if key not in REQUIRED]
            fix = [Remove((key,)) for key in others[_MOST - len(REQUIRED) :]]
            yield fault((), f"{len(value)} tags", fix=fix, allowed="at most 50 tags")

    return collect("tags", handler, value, faults)


TagValue = Annotated[
    str,
    BeforeValidator(_text),
    Field(max_length=256),
    Allowed("text of at most 256 letters, digits, spaces and + - = . _ : / @", "platform"),
]

Tags = Annotated[
    dict[str, TagValue],
    WrapValidator(_keys),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 256},
            "required": list(REQUIRED),
            "maxProperties": _MOST,
        }
    ),
    Allowed("tags by key, including Owner, CostCenter and Environment", REQUIRED),
]
