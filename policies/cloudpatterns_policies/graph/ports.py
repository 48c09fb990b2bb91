"""Protocols and ports as one line of numbers: protocol number times 65,536, plus the port (for ICMP: type times 256, plus the code).

So "all traffic" is one run, and the ports of rules are sets that can be intersected and united.
"""

import re
from collections.abc import Iterable
from typing import Final

from cloudpatterns_policies.graph.reading import some
from cloudpatterns_policies.graph.spans import Spans

_SPACE: Final = 65536
_SHOWN: Final = 4
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_NUMBERS: Final = {"tcp": _TCP, "udp": _UDP, "icmp": _ICMP, "icmpv6": _ICMPV6, "ipv6-icmp": _ICMPV6}
_ALL_NAMES: Final = frozenset({"-1", "all", ""})

ALL: Final = Spans(((0, 256 * _SPACE - 1),))
"""All protocols and ports."""

PATTERN: Final = r"^(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp))?$"
"""The format of ports in configuration: `22`, `9092-9098` or `2049/udp`."""

SERVICES: Final = {
    22: "SSH", 23: "Telnet", 80: "HTTP", 443: "HTTPS", 1433: "SQL Server", 1521: "Oracle", 2049: "NFS", 2375: "Docker",
    2376: "Docker over TLS", 3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL", 5439: "Redshift", 5900: "VNC", 5985: "WinRM",
    5986: "WinRM over TLS", 6379: "Redis", 6380: "Redis over TLS", 6443: "Kubernetes API", 8182: "Neptune", 9092: "Kafka",
    9200: "OpenSearch", 10250: "kubelet", 11211: "Memcached", 27017: "MongoDB",
}  # fmt: skip
"""The usual service on a port; for messages only."""


def protocol_number(protocol: object) -> int | None:
    """The IANA number of a protocol as security group rules write it (`tcp`, `6`, 6); None for all protocols (`-1`, `all`).

    Raises `ValueError` for an unknown name.
    """
    text = str(protocol).strip().lower()
    if text in _ALL_NAMES:
        return None
    number = _NUMBERS[text] if text in _NUMBERS else int(text)
    if not 0 <= number <= 255:
        raise ValueError(f"{text} is not a protocol number")
    return number


def admitted(protocol: object, first: object = None, last: object = None) -> Spans:
    """The ports that a rule with these fields allows in EC2. Raises `ValueError` for invalid fields.

    Ports apply only to TCP, UDP and ICMP; any other protocol, and `-1`, means all of it whatever the ports say
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html). Missing ports, and -1, mean all. EC2 refuses a range
    that ends before it begins; here its ends are swapped, which is what its author meant.
    """
    number = protocol_number(protocol)
    if number is None:
        return ALL
    base = number * _SPACE
    whole = Spans(((base, base + _SPACE - 1),))
    if number not in (_TCP, _UDP, _ICMP, _ICMPV6):
        return whole
    low, high = _number(first), _number(last)
    if number in (_ICMP, _ICMPV6):
        if low is None:
            return whole
        if high is None:
            return Spans(((base + low * 256, base + low * 256 + 255),))
        return Spans(((base + low * 256 + high, base + low * 256 + high),))
    low, high = 0 if low is None else low, _SPACE - 1 if high is None else high
    return Spans(((base + min(low, high), base + min(max(low, high), _SPACE - 1)),))


def _number(value: object) -> int | None:
    if value is None or value == "":
        return None
    number = int(str(value))
    return None if number < 0 else number


def parse_ports(specs: Iterable[str]) -> Spans:
    """The set that configuration such as `["22", "9092-9098", "2049/udp"]` names; TCP by default. Raises `ValueError`."""
    runs = []
    for spec in specs:
        match = re.fullmatch(PATTERN, spec.strip())
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if match is None or not 0 <= low <= high < _SPACE:
            raise ValueError(f"{spec!r} is not a port; use 22, 9092-9098 or 2049/udp")
        base = _NUMBERS[match[3] or "tcp"] * _SPACE
        runs.append((base + low, base + high))
    return Spans.of(runs)


def icmp(types: Iterable[int], *, v6: bool = False) -> Spans:
    """ICMP messages of the given types, with every code."""
    base = (_ICMPV6 if v6 else _ICMP) * _SPACE
    return Spans.of((base + kind * 256, base + kind * 256 + 255) for kind in types)


def describe(ports: Spans) -> str:
    """Names a set in a sentence: `port 3306 (MySQL)`, `ports 80 (HTTP), 9000-9100`, `all protocols and ports`."""
    if ports == ALL:
        return "all protocols and ports"
    numbers: list[str] = []
    others: list[str] = []
    for protocol, low, high in _pieces(ports):
        if protocol in (_TCP, _UDP):
            suffix = "/udp" if protocol == _UDP else ""
            name = f" ({SERVICES[low]})" if low == high and low in SERVICES else ""
            numbers.append(f"{low}{suffix}{name}" if low == high else f"{low}-{high}{suffix}")
        else:
            others.append({_ICMP: "ICMP", _ICMPV6: "ICMPv6"}.get(protocol, f"protocol {protocol}"))
    parts = [f"port{'s' if len(numbers) > 1 or '-' in numbers[0] else ''} {some(numbers, _SHOWN)}"] if numbers else []
    return " and ".join([*parts, *([some(list(dict.fromkeys(others)), _SHOWN)] if others else [])])


def _pieces(ports: Spans) -> list[tuple[int, int, int]]:
    """The runs, split by protocol, as `(protocol, first, last)`; TCP and UDP first."""
    pieces = []
    for first, last in ports.runs:
        while first <= last:
            protocol, low = divmod(first, _SPACE)
            end = min(last, (protocol + 1) * _SPACE - 1)
            pieces.append((protocol, low, end % _SPACE))
            first = end + 1
    return sorted(pieces, key=lambda piece: (piece[0] not in (_TCP, _UDP), piece))
