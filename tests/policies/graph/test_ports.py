"""Protocols and ports as one line of numbers, as rules and configuration write them."""

from typing import Any

import pytest
from cloudpatterns_policies.graph.ports import ALL, admitted, describe, icmp, parse_ports


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (("tcp", 443, 443), ["443"]),
        (("TCP", "443", "443"), ["443/tcp"]),
        ((6, 80, 90), ["80-90"]),
        (("17", 53, 53), ["53/udp"]),
        (("tcp", 90, 80), ["80-90"]),
        (("tcp", None, None), ["0-65535"]),
        (("tcp", -1, -1), ["0-65535"]),
        (("udp", None, 99), ["0-99/udp"]),
        (("tcp", 65000, 70000), ["65000-65535"]),
        (("tcp", "", ""), ["0-65535"]),
    ],
)
def test_what_a_rule_admits(rule: tuple[Any, Any, Any], named: list[str]) -> None:
    assert admitted(*rule) == parse_ports(named)


@pytest.mark.parametrize("protocol", ["-1", -1, "all", "ALL", ""])
def test_all_traffic_ignores_its_ports(protocol: object) -> None:
    assert admitted(protocol, 443, 443) == ALL


def test_other_protocols_ignore_their_ports() -> None:
    assert admitted("47", 443, 443) == admitted(47)
    assert admitted("47").size == 65536
    assert not admitted("47") & parse_ports(["0-65535", "0-65535/udp"])


def test_icmp_has_types_and_codes() -> None:
    assert admitted("icmp", 3, 4) & icmp([3]) == admitted("icmp", 3, 4)
    assert admitted("icmp", 3, -1) == icmp([3])
    assert admitted("icmp", -1, -1) == icmp(range(256)) == admitted(1)
    assert admitted("icmpv6", 2, -1) == admitted("ipv6-icmp", 2, None) == admitted(58, 2) == icmp([2], v6=True)
    assert not icmp([3]) & icmp([3], v6=True)


@pytest.mark.parametrize("rule", [("sctp!", 1, 1), ("tcp", "http", 80), ("300", None, None), ("-2", None, None)])
def test_what_ec2_would_refuse(rule: tuple[Any, Any, Any]) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|not a protocol number"):
        admitted(*rule)


@pytest.mark.parametrize("spec", ["ssh", "22-", "-22", "70000", "30-20", "22/sctp", "", "22,23"])
def test_what_configuration_may_not_say(spec: str) -> None:
    with pytest.raises(ValueError, match="is not a port; use 22, 9092-9098 or 2049/udp"):
        parse_ports([spec])


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        (ALL, "all protocols and ports"),
        (parse_ports(["3306"]), "port 3306 (MySQL)"),
        (parse_ports(["8080"]), "port 8080"),
        (parse_ports(["80", "443"]), "ports 80 (HTTP), 443 (HTTPS)"),
        (parse_ports(["22-30"]), "ports 22-30"),
        (parse_ports(["53", "53/udp"]), "ports 53, 53/udp"),
        (parse_ports(["1", "3", "5", "7", "9", "11"]), "ports 1, 3, 5, 7 and 2 more"),
        (admitted("47"), "protocol 47"),
        (icmp([3]) | icmp([2], v6=True), "ICMP, ICMPv6"),
        (parse_ports(["22"]) | icmp([8]), "port 22 (SSH) and ICMP"),
    ],
)
def test_descriptions(ports: Any, text: str) -> None:
    assert describe(ports) == text
