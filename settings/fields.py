"""Types of settings that several sections use."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cloudpatterns.core.vocabulary import LOG_RETENTION_DAYS
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from settings.faults import Allowed, Remove, refuse

T = TypeVar("T")


def _number(value: Any) -> Any:
    # pydantic would read true as 1.
    if isinstance(value, bool):
        raise refuse("a boolean where a number is expected")
    return value


def _listed_days(value: Any) -> Any:
    value = _number(value)
    if isinstance(value, int) and value not in LOG_RETENTION_DAYS:
        if value == 0:
            raise refuse("0 would keep the logs forever", 365)
        longer = next((days for days in LOG_RETENTION_DAYS if days >= value), LOG_RETENTION_DAYS[-1])
        raise refuse("CloudWatch Logs does not support this retention", longer)
    return value


def _ipv4(value: Any) -> IPv4Network:
    if isinstance(value, str) and "/" not in value and _is_address(value):
        raise refuse("has no prefix length")
    network = _ip(value)
    if isinstance(network, IPv6Network):
        raise refuse("an IPv6 network")
    return network


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _ip(value: Any) -> IPv4Network | IPv6Network:
    if not isinstance(value, str):
        raise refuse("not a text")
    try:
        loose = ip_network(value, strict=False)
    except ValueError:
        raise refuse("not a network in CIDR notation") from None
    if "/" not in value:
        raise refuse("has no prefix length", str(loose))
    try:
        return ip_network(value)
    except ValueError:
        raise refuse("is an address inside the network, not its first address", str(loose)) from None


def _there(value: Path) -> Path:
    if not value.exists():
        raise refuse("is not there")
    return value


def each_once(value: tuple[T, ...]) -> tuple[T, ...]:
    """The value itself; refuses duplicates."""
    repeated = next((index for index, item in enumerate(value) if item in value[:index]), None)
    if repeated is not None:
        raise refuse(f"{value[repeated]} is listed twice", Remove((repeated,)))
    return value


def from_last(items: Sequence[T]) -> Iterator[tuple[int, T]]:
    """Items with their indexes, the last first: `config rm` of one must not move others that are still to be removed."""
    return reversed(list(enumerate(items)))


WHOLE = BeforeValidator(_number)
"""For an int: refuses true and false."""
Port = Annotated[int, Field(ge=1, le=65535), WHOLE, Allowed("a port, 1 to 65535", 8080)]
LogRetentionDays = Annotated[
    int,
    BeforeValidator(_listed_days),
    WithJsonSchema({"type": "integer", "enum": list(LOG_RETENTION_DAYS)}),
    Allowed(f"days, one of {', '.join(map(str, LOG_RETENTION_DAYS))}", 365),
]
Ipv4Cidr = Annotated[
    IPv4Network,
    BeforeValidator(_ipv4),
    WithJsonSchema({"type": "string", "format": "ipv4network"}),
    Allowed("an IPv4 network in CIDR notation", "10.20.0.0/16"),
]
Cidr = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_ip),
    WithJsonSchema({"type": "string"}),
    Allowed("an IPv4 or IPv6 network in CIDR notation", "203.0.113.10/32"),
]
FolderOrArchive = Annotated[Path, AfterValidator(_there), WithJsonSchema({"type": "string"})]
Switch = Annotated[bool, Allowed("true or false", True)]


def number_as_version(value: Any, versions: tuple[str, ...], example: str) -> Any:
    """A version that YAML read as a number (`8.4`), as text, if it can only mean one of `versions`; otherwise an error.

    YAML reads 17.10 as the number 17.1: a number that is not a listed version is ambiguous.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # 9.0 becomes the number 9 in JSON.
        for text in (str(value), f"{value}.0"):
            if text in versions:
                return text
        raise refuse("a number, of which YAML drops trailing zeros: write the version in quotes", example)
    return value
