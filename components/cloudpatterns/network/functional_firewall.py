"""One security group per function, stacked on whatever performs it.

Pattern: "Functional Firewall" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.security_group import (
    GROUP_DELETION,
    GROUPS_PER_INTERFACE,
    INTERNET,
    MOST_GROUPS_PER_INTERFACE,
    MOST_RULES_PER_INTERFACE,
    RULES_PER_GROUP,
    Peer,
    egress_rule,
    group_name_problems,
    ingress_rule,
    security_group,
)
from cloudpatterns.core import Component, Problem, Unique, after, by_name, unknown
from cloudpatterns.core.vocabulary import Ports, RuleDescription, Tags
from cloudpatterns.network._destinations import FunctionEgressArgs, destination_problems, group_names, let_out

_BUILT_IN = {"http": [80], "https": [443], "app": [8080], "mysql": [3306], "postgres": [5432], "redis": [6379]}
_WEB = ("http", "https")
# By this tag policies know which groups the internet may reach, attached to a load balancer or not.
_INTERNET_TAG = {"cloudpatterns:internet": "true"}
_NAMES = group_names("internet")


class FunctionPrefixListArgs(TypedDict):
    """A managed prefix list that may connect to a function."""

    id: pulumi.Input[str]
    """Id of the list, such as that of CloudFront's servers that fetch from origins."""
    description: RuleDescription
    """Who its networks are."""
    entries: NotRequired[Annotated[int, Field(default=1, ge=1, le=1000)]]
    """How many rules the list counts as in the quota: its maximum of entries, or the weight of AWS's own lists; 55 is CloudFront's."""


class FunctionArgs(TypedDict):
    """One function. The built-in ones know their ports: http 80, https 443, app 8080, mysql 3306, postgres 5432, redis 6379."""

    ports: NotRequired[Ports]
    """TCP ports that the function serves. Default: those of the built-in function of this name, of which only ``app`` may have
    others; none for a custom function, which then only calls."""
    callers: NotRequired[Annotated[list[str], Field(default=[]), Unique()]]
    """Functions that may connect, by name; a function may call itself, as the nodes of a cluster do."""
    prefix_lists: NotRequired[Annotated[dict[str, FunctionPrefixListArgs], _NAMES, Field(default={})]]
    """Managed prefix lists whose networks may connect, by a name of your choice."""
    internet: NotRequired[bool]
    """Whether the internet may connect, over IPv4 and IPv6: for ``http``, ``https`` and custom functions on the ports 80 and 443 only.
    Default: true for ``http`` and ``https``, otherwise false."""
    egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], _NAMES, Field(default={})]]
    """Destinations other than the called functions, by a name of your choice. Amazon's DNS, time and metadata addresses need no rule."""


class FunctionalFirewallArgs(TypedDict):
    """Arguments of ``FunctionalFirewall``."""

    vpc_id: pulumi.Input[str]
    """VPC of the security groups."""
    functions: Annotated[dict[str, FunctionArgs], _NAMES, Field(min_length=1)]
    """The functions, by name."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules per security group, direction and address family."""
    groups_per_interface: NotRequired[Annotated[int, Field(default=GROUPS_PER_INTERFACE, ge=1, le=MOST_GROUPS_PER_INTERFACE)]]
    """The account's quota of security groups per network interface. Times ``rules_per_group`` it is at most 1000."""
    tags: NotRequired[Tags]
    """Tags of every security group and rule, beside the groups' Name."""


class FunctionalFirewall(Component):
    """Security groups by function (Cloud Design Patterns for AWS, "Functional Firewall").

    Creates a security group per function and a resource per rule. Web functions admit the internet; all others admit the groups of their
    callers, by reference, and nothing else. A caller may reach what it calls; all other egress is listed. Stack the groups of all functions
    that a server performs; ``group_ids`` refuses more groups than the quota allows.

    **Use when**: the tiers of a system call each other, and each may reach only the next.

    **Not when**: people operate the servers (``OperationalFirewall``), or callers are identified by IAM rather than by network
    (``ZeroTrustNetwork``).

    **Cost drivers**: none; security groups and rules are free.

    **Trade-offs**: a network interface takes five groups and a group sixty rules by default, which limits functions per server, ports and
    callers; rules reach as far as the VPC and its peers.

    **Proven by**: controls ``functional-firewall``, ``security-group-high-risk-ports``, ``security-group-authorized-ports``,
    ``security-group-descriptions``; ``test_functional_firewall.py``.
    """

    security_group_ids: pulumi.Output[dict[str, str]]
    """Function to its security group, available after its rules."""

    def __init__(self, name: str, args: FunctionalFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=partial(_problems, name), names=_child_names)
        functions, self._tags = checked["functions"], checked["tags"]
        self._groups = {
            key: security_group(
                self,
                f"{name}-{key}",
                checked["vpc_id"],
                f"Members of the function {key}",
                {**self._tags, **(_INTERNET_TAG if _admits_internet(key, function) else {})},
                custom_timeouts=GROUP_DELETION,
            )
            for key, function in functions.items()
        }
        self._rules: dict[str, list[pulumi.Resource]] = {key: [] for key in functions}
        for key, function in functions.items():
            for port in _ports(key, function):
                for family, internet in INTERNET.items() if _admits_internet(key, function) else ():
                    self._admit(key, f"internet-{family}", port, internet, "From the internet")
                for caller in function["callers"]:
                    self._connect(caller, key, port)
                for source, listed in function["prefix_lists"].items():
                    self._admit(key, source, port, {"prefix_list_id": listed["id"]}, listed["description"])
            self._rules[key] += let_out(self, f"{name}-{key}", self._groups[key], function["egress"], self._tags)
        self._group_ids = {key: after(group.id, *self._rules[key]) for key, group in self._groups.items()}
        self.security_group_ids = by_name(self._group_ids)
        self.register()

    def group_id(self, function: str) -> pulumi.Output[str]:
        """The id of a function's security group, available after its rules.

        :raises ArgumentError: for an unknown function.
        """
        return self.lookup(self._group_ids, function, "group_id", "a function")

    def group_ids(self, *functions: str) -> list[pulumi.Output[str]]:
        """The ids of the security groups to stack on one network interface.

        :raises ArgumentError: for an unknown or repeated function, and for more groups than an interface takes.
        """
        names, quota = ", ".join(functions), self._checked["groups_per_interface"]
        if len(set(functions)) < len(functions):
            self.refuse(("group_ids", f"{names} names a function twice. Name each once."))
        if len(functions) > quota:
            reason = f"{names} are {len(functions)} groups; a network interface takes {quota}. Join functions into one"
            self.refuse(("group_ids", f"{reason}, or have the quota raised and say so in groups_per_interface."))
        return [self.lookup(self._group_ids, function, "group_ids", "a function") for function in functions]

    def _admit(self, function: str, source: str, port: int, peer: Peer, description: str) -> None:
        name = f"{self.pulumi_resource_name}-{function}-from-{source}-{port}"
        self._rules[function].append(ingress_rule(self, name, self._groups[function].id, port, peer, description, self._tags))

    def _connect(self, caller: str, function: str, port: int) -> None:
        source, target = self._groups[caller].id, self._groups[function].id
        self._admit(function, caller, port, {"referenced_security_group_id": source}, f"From the function {caller}")
        name, peer = f"{self.pulumi_resource_name}-{caller}-to-{function}-{port}", {"referenced_security_group_id": target}
        self._rules[caller].append(egress_rule(self, name, source, port, peer, f"To the function {function}", self._tags))


def _ports(name: str, function: FunctionArgs) -> list[int]:
    ports = function.get("ports")
    return _BUILT_IN.get(name, []) if ports is None else ports


def _admits_internet(name: str, function: FunctionArgs) -> bool:
    internet = function.get("internet")
    return name in _WEB if internet is None else internet


def _child_names(checked: FunctionalFirewallArgs) -> dict[str, int]:
    return dict.fromkeys(checked["functions"], 255)


def _problems(name: str, checked: FunctionalFirewallArgs) -> Iterator[Problem]:
    functions = checked["functions"]
    yield from group_name_problems(name)
    for key, function in functions.items():
        path = f"functions.{key}"
        yield from _port_problems(path, key, function)
        for index, caller in enumerate(function["callers"]):
            if caller not in functions:
                yield f"{path}.callers.{index}", unknown(caller, "a function", functions)
        for source in function["prefix_lists"]:
            if source in functions:
                yield f"{path}.prefix_lists.{source}", "has the name of a function. Choose another name."
        yield from destination_problems(f"{path}.egress", function["egress"])
        for destination in function["egress"]:
            if destination in functions:
                reason = f"name it among the callers of {destination} to let it connect, or choose another name."
                yield f"{path}.egress.{destination}", f"has the name of a function; {reason}"
    yield from _quota_problems(checked)


def _port_problems(path: str, key: str, function: FunctionArgs) -> Iterator[Problem]:
    ports, internet = _ports(key, function), _admits_internet(key, function)
    if key in _BUILT_IN and key != "app" and ports != _BUILT_IN[key]:
        yield f"{path}.ports", f"is {ports}; {key} is the port {_BUILT_IN[key][0]}. Leave the ports out, or choose a name of your own."
    if internet and key not in _WEB and (key in _BUILT_IN or not set(ports) <= {80, 443}):
        yield (
            f"{path}.internet",
            "is true; only http, https and custom functions on the ports 80 and 443 may admit the internet. Name its callers instead.",
        )
    if ports and not (internet or function["callers"] or function["prefix_lists"]):
        yield f"{path}.callers", "is empty, so nobody could connect. Name the functions that call it, or leave the function out."
    if not ports and (function["callers"] or function["prefix_lists"] or internet):
        yield f"{path}.ports", "is empty, so its callers could not connect. Name the ports that it serves."


def _quota_problems(checked: FunctionalFirewallArgs) -> Iterator[Problem]:
    functions, quota, groups = checked["functions"], checked["rules_per_group"], checked["groups_per_interface"]
    if quota * groups > MOST_RULES_PER_INTERFACE:
        yield (
            "rules_per_group",
            f"is {quota}; times {groups} groups per interface it passes the {MOST_RULES_PER_INTERFACE} rules that AWS allows an interface. "
            "Lower one of them.",
        )
    for key, function in functions.items():
        listed = sum(one["entries"] for one in function["prefix_lists"].values())
        callers = len(function["callers"]) + _admits_internet(key, function) + listed
        called = sum(len(_ports(name, other)) for name, other in functions.items() if key in other["callers"])
        counts = {
            "ingress": len(_ports(key, function)) * callers,
            "egress": called + max(_egress_count(function["egress"], version) for version in (4, 6)),
        }
        for direction, count in counts.items():
            if count > quota:
                yield (
                    f"functions.{key}",
                    f"needs {count} {direction} rules; a security group takes {quota} per direction and address family. Use fewer ports, "
                    "callers or destinations, or have the quota raised and say so in rules_per_group.",
                )


def _egress_count(destinations: Mapping[str, FunctionEgressArgs], version: int) -> int:
    """Egress rules that AWS counts in an address family; a prefix list counts in both."""
    count = 0
    for egress in destinations.values():
        cidr = egress.get("cidr")
        if cidr is None:
            count += len(egress["ports"]) * egress["prefix_list_entries"]
        elif (":" in cidr) == (version == 6):
            count += len(egress["ports"])
    return count
