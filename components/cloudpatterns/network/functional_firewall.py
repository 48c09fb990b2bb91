"""Functional Firewall (Cloud Design Patterns for AWS): one security group per function, stacked on whatever performs it.

Makes a security group per function and one resource per rule. Web functions admit the internet; all others admit the groups of
their callers, by reference, and nothing else. Each caller may reach what it calls; any other egress is listed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import (
    GROUP_DELETION,
    GROUPS_PER_INTERFACE,
    MOST_GROUPS_PER_INTERFACE,
    MOST_RULES_PER_INTERFACE,
    RULES_PER_GROUP,
    description_problem,
    group_name_problems,
    port_problems,
)
from cloudpatterns.core import ArgumentError, Choice, Component, after, by_name
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import Tags
from cloudpatterns.network._cidrs import parse

_BUILT_IN: dict[str, tuple[int, ...]] = {
    "http": (80,),
    "https": (443,),
    "app": (8080,),
    "mysql": (3306,),
    "postgres": (5432,),
    "redis": (6379,),
}
_WEB = ("http", "https")
_WEB_PORTS = (80, 443)
_INTERNET = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
# Names of children join two functions with -from- or -to-; a name that holds such a part could spell another pair.
# By this tag policies know which groups the internet may reach, attached to a balancer or not.
_INTERNET_TAG = {"cloudpatterns:internet": "true"}
_NAME = re.compile(r"(?!(?:[a-z0-9]+-)*(?:to|from)(?:-|$))[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


class FunctionEgressArgs(TypedDict):
    """One further destination of a function, beside the functions it calls."""

    ports: list[int]
    """Ports of the destination, 1 to 65535, each once."""
    description: str
    """What is there. 1 to 255 of the letters, digits, blanks and ``._-:/()#,@[]+=;{}!$*``."""
    cidr: NotRequired[str]
    """The destination's network, IPv4 or IPv6, without host bits. Either this or ``prefix_list_id``."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """A prefix list with the destination's networks, e.g. that of Amazon S3. Either this or ``cidr``."""
    prefix_list_entries: NotRequired[Annotated[int, Field(default=1, ge=1, le=1000)]]
    """What the prefix list counts in the rule quota: its maximum of entries, or the weight AWS gives its own. Default: 1, as for S3 and
    DynamoDB."""
    protocol: NotRequired[Annotated[str, Choice("tcp", "udp"), Field(default="tcp")]]
    """``tcp`` or ``udp``. Default: ``tcp``."""


class FunctionArgs(TypedDict):
    """One function. The built-in ones know their ports: http 80, https 443, app 8080, mysql 3306, postgres 5432, redis 6379."""

    ports: NotRequired[list[int]]
    """TCP ports the function serves. Default: those of the built-in function of this name, of which only ``app`` takes others; none for a
    function of your own, which then only calls."""
    callers: NotRequired[Annotated[list[str], Field(default=[])]]
    """Functions that may connect, by name; a function may call itself, as the nodes of a cluster do. Default: none."""
    internet: NotRequired[bool]
    """Whether the internet may connect, over IPv4 and IPv6. Possible for ``http``, ``https`` and functions of your own on 80 and 443 alone.
    Default: true for ``http`` and ``https``, else false."""
    egress: NotRequired[Annotated[dict[str, FunctionEgressArgs], Field(default={})]]
    """Destinations other than the functions called, by a name of your choice. Default: none. Amazon's DNS, time and metadata addresses need
    no rule."""


class FunctionalFirewallArgs(TypedDict):
    """Arguments of a FunctionalFirewall."""

    vpc_id: pulumi.Input[str]
    """The VPC of the groups."""
    functions: Annotated[dict[str, FunctionArgs], Field(min_length=1)]
    """The functions, by name: lower-case letters, digits and hyphens, a letter first, no part ``to`` or ``from``."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules of a group, per direction and address family. Default: 60, AWS's own default."""
    groups_per_interface: NotRequired[Annotated[int, Field(default=GROUPS_PER_INTERFACE, ge=1, le=MOST_GROUPS_PER_INTERFACE)]]
    """The account's quota of groups on one network interface, 1 to 16. Default: 5, AWS's own default. Times ``rules_per_group`` it may not
    pass 1000."""
    tags: NotRequired[Tags]
    """Tags of every group and rule. Default: none but the groups' Name."""


@dataclass(frozen=True)
class _Function:
    ports: tuple[int, ...]
    callers: tuple[str, ...]
    internet: bool
    egress: Mapping[str, Mapping[str, Any]]


class FunctionalFirewall(Component):
    """Security groups by function (Cloud Design Patterns for AWS, "Functional Firewall").

    Stack the groups of all functions that a machine performs; ``group_ids`` refuses a stack that passes the quota. A group without
    egress rules lets nothing out: AWS's own allow-all rule is taken away when the group is made.
    """

    security_group_ids: pulumi.Output[dict[str, str]]
    """Ids of the groups by function, given out once their rules are in place."""

    def __init__(self, name: str, args: FunctionalFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        functions = {key: _function(key, value) for key, value in checked["functions"].items()}
        if problems := [*_problems(name, functions, checked["functions"]), *_quota_problems(functions, checked)]:
            raise ArgumentError("FunctionalFirewall", name, problems)
        check_names("FunctionalFirewall", name, dict.fromkeys(functions, 255))
        super().__init__("FunctionalFirewall", name, opts)
        self._label = name
        self._tags = checked["tags"]
        self._groups_per_interface = checked["groups_per_interface"]
        # The provider removes the allow-all egress rule that AWS gives every new group.
        # https://www.pulumi.com/registry/packages/aws/api-docs/ec2/securitygroup/ ("NOTE on Egress rules")
        self._groups = {
            key: aws.ec2.SecurityGroup(
                f"{name}-{key}",
                vpc_id=checked["vpc_id"],
                # Changing it replaces the group, so it says nothing that may change.
                description=f"Members of the function {key}",
                tags={"Name": f"{name}-{key}", **self._tags, **(_INTERNET_TAG if functions[key].internet else {})},
                opts=self.child(custom_timeouts=GROUP_DELETION),
            )
            for key in functions
        }
        self._rules: dict[str, list[pulumi.Resource]] = {key: [] for key in functions}
        for key, function in functions.items():
            self._admit(key, function)
            self._let_out(key, function)
        self._ids = {key: after(group.id, *self._rules[key]) for key, group in self._groups.items()}
        self.security_group_ids = by_name(self._ids)
        self.register()

    def group_id(self, function: str) -> pulumi.Output[str]:
        """The id of a function's group, given out once its rules are in place.

        :raises ArgumentError: when there is no such function.
        """
        return self.group_ids(function)[0]

    def group_ids(self, *functions: str) -> list[pulumi.Output[str]]:
        """The ids of the groups to stack on one network interface.

        :raises ArgumentError: for an unknown or repeated function, and for more groups than an interface takes.
        """
        problems = [("group_ids", f"{one} is no function; known are {', '.join(self._ids)}.") for one in functions if one not in self._ids]
        if len(set(functions)) < len(functions):
            problems.append(("group_ids", f"{', '.join(functions)} names a function twice. Name each once."))
        if len(functions) > self._groups_per_interface:
            problems.append(
                (
                    "group_ids",
                    f"{', '.join(functions)} are {len(functions)} groups; a network interface takes {self._groups_per_interface}. Join "
                    "functions into one of your own, or have the quota raised and say so in groups_per_interface.",
                )
            )
        if problems:
            raise ArgumentError("FunctionalFirewall", self._label, problems)
        return [self._ids[one] for one in functions]

    def _admit(self, key: str, function: _Function) -> None:
        for port in function.ports:
            for family, everyone in _INTERNET.items() if function.internet else ():
                source: dict[str, Any] = {f"cidr_{family}": everyone, "description": "From the internet"}
                self._ingress(key, f"internet-{family}", port, source)
            for caller in function.callers:
                source = {"referenced_security_group_id": self._groups[caller].id, "description": f"From the function {caller}"}
                self._ingress(key, caller, port, source)
                target = {"referenced_security_group_id": self._groups[key].id, "description": f"To the function {key}"}
                self._egress(caller, key, port, "tcp", target)

    def _let_out(self, key: str, function: _Function) -> None:
        for destination, egress in function.egress.items():
            target: dict[str, Any] = {"prefix_list_id": egress["prefix_list_id"], "description": egress["description"]}
            if egress["cidr"] is not None:
                family = "ipv6" if ":" in egress["cidr"] else "ipv4"
                target = {f"cidr_{family}": str(parse(egress["cidr"])), "description": egress["description"]}
            for port in egress["ports"]:
                self._egress(key, destination, port, egress["protocol"], target)

    def _ingress(self, key: str, source: str, port: int, source_args: Mapping[str, Any]) -> None:
        rule = aws.vpc.SecurityGroupIngressRule(
            f"{self._label}-{key}-from-{source}-{port}",
            security_group_id=self._groups[key].id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            tags=self._tags,
            opts=self.child(),
            **source_args,
        )
        self._rules[key].append(rule)

    def _egress(self, key: str, target: str, port: int, protocol: str, target_args: Mapping[str, Any]) -> None:
        rule = aws.vpc.SecurityGroupEgressRule(
            f"{self._label}-{key}-to-{target}-{port}",
            security_group_id=self._groups[key].id,
            ip_protocol=protocol,
            from_port=port,
            to_port=port,
            tags=self._tags,
            opts=self.child(),
            **target_args,
        )
        self._rules[key].append(rule)


def _function(name: str, given: FunctionArgs) -> _Function:
    checked: Mapping[str, Any] = given
    ports = _BUILT_IN.get(name, ()) if checked["ports"] is None else tuple(checked["ports"])
    internet = name in _WEB if checked["internet"] is None else checked["internet"]
    return _Function(ports, tuple(checked["callers"]), internet, checked["egress"])


def _problems(name: str, functions: dict[str, _Function], given: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    yield from group_name_problems(name)
    for key, function in functions.items():
        path = f"functions.{key}"
        if problem := _name_problem(key):
            yield path, problem
        yield from port_problems(f"{path}.ports", function.ports)
        yield from _port_choice_problems(path, key, function)
        yield from _caller_problems(path, functions, function)
        if function.internet and key not in _WEB and (key in _BUILT_IN or not set(function.ports) <= set(_WEB_PORTS)):
            reason = "is true; only http, https and functions of your own on the ports 80 and 443 alone may accept the internet."
            yield f"{path}.internet", f"{reason} Name its callers instead."
        if function.ports and not function.internet and not function.callers:
            yield f"{path}.callers", "is empty, so nobody could connect. Name the functions that call it, or leave the function out."
        if not function.ports and (function.callers or function.internet):
            yield f"{path}.ports", "is empty, so its callers could not connect. Name the ports it serves."
        for destination, egress in function.egress.items():
            yield from _egress_problems(f"{path}.egress.{destination}", destination, egress, functions)


def _name_problem(name: str) -> str | None:
    if name == "internet" or not _NAME.fullmatch(name):
        return (
            f"is named {name!r}; a name has lower-case letters, digits and hyphens, a letter first, no part `to` or `from`, and is not "
            "`internet`. Choose another."
        )
    return None


def _port_choice_problems(path: str, key: str, function: _Function) -> Iterator[tuple[str, str]]:
    if key in _BUILT_IN and key != "app" and function.ports != _BUILT_IN[key]:
        yield (
            f"{path}.ports",
            f"is {list(function.ports)}; {key} is the port {_BUILT_IN[key][0]}. Leave the ports out, or choose a name of your own.",
        )


def _caller_problems(path: str, functions: dict[str, _Function], function: _Function) -> Iterator[tuple[str, str]]:
    for index, caller in enumerate(function.callers):
        if caller not in functions:
            yield (
                f"{path}.callers.{index}",
                f"is {caller!r}, which is no function; known are {', '.join(functions)}. Add it, or correct the name.",
            )
        elif caller in function.callers[:index]:
            yield f"{path}.callers.{index}", f"is {caller!r}, which is there already. Name each caller once."


def _egress_problems(
    path: str, destination: str, egress: Mapping[str, Any], functions: Mapping[str, _Function]
) -> Iterator[tuple[str, str]]:
    if problem := _name_problem(destination):
        yield path, problem
    if destination in functions:
        yield path, f"has the name of a function. To let it connect, name it among the callers of {destination}; else choose another name."
    if not egress["ports"]:
        yield f"{path}.ports", "is empty. Name the destination's ports."
    yield from port_problems(f"{path}.ports", egress["ports"])
    if problem := description_problem(egress["description"]):
        yield f"{path}.description", problem
    if (egress["cidr"] is None) == (egress["prefix_list_id"] is None):
        yield path, "needs either cidr or prefix_list_id, and not both."
    elif egress["cidr"] is not None and isinstance(network := parse(egress["cidr"]), str):
        yield f"{path}.cidr", network


def _quota_problems(functions: dict[str, _Function], checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    quota, groups = checked["rules_per_group"], checked["groups_per_interface"]
    if quota * groups > MOST_RULES_PER_INTERFACE:
        yield (
            "rules_per_group",
            f"is {quota}; times {groups} groups per interface it passes the {MOST_RULES_PER_INTERFACE} rules that AWS allows an interface. "
            "Lower one of both.",
        )
    for key, function in functions.items():
        admitted = len(function.ports) * (len(function.callers) + function.internet)
        called = sum(len(other.ports) for other in functions.values() if key in other.callers)
        counts = {"ingress": admitted, "egress": called + max(_egress_count(function, version) for version in (4, 6))}
        for direction, count in counts.items():
            if count > quota:
                yield (
                    f"functions.{key}",
                    f"needs {count} {direction} rules; a security group takes {quota} per direction and address family. Use fewer ports, "
                    "callers or destinations, or have the quota raised and say so in rules_per_group.",
                )


def _egress_count(function: _Function, version: int) -> int:
    count = 0
    for egress in function.egress.values():
        network = None if egress["cidr"] is None else parse(egress["cidr"])
        if network is None:
            count += len(egress["ports"]) * egress["prefix_list_entries"]
        elif isinstance(network, IPv6Network) == (version == 6):
            count += len(egress["ports"])
    return count
