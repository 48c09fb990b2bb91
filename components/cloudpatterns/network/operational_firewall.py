"""Operational Firewall (Cloud Design Patterns for AWS): the Functional Firewall's stricter sister, for those who operate the system.

Makes one security group per operator role. Each admits its administrative ports from a managed prefix list or from a Client VPN, never
from the internet. For consoles behind a load balancer it makes trust stores, with which the balancer demands a client certificate.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import (
    GROUP_DELETION,
    MOST_RULES_PER_INTERFACE,
    RULES_PER_GROUP,
    group_name_problems,
    port_problems,
)
from cloudpatterns.core import ArgumentError, Component, after, by_name
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import Tags
from cloudpatterns.network._cidrs import BROADEST, Network, parse, too_broad

_ROLE = re.compile(r"[a-z][a-z0-9-]{0,31}")
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTrustStore.html
_TRUST_STORE = re.compile(r"[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*")
_TRUST_STORE_LENGTH = 32


class OperatorEntryArgs(TypedDict):
    """One network that operators come from."""

    cidr: str
    """The network, IPv4 or IPv6, without host bits; a single address is a /32 or /128. At most an IPv4 /8 or an IPv6 /16."""
    description: Annotated[str, Field(min_length=1, max_length=255)]
    """What the network is, 1 to 255 characters. Changing it alone takes the entry out of the list for a moment."""


class OperatorArgs(TypedDict):
    """One operator role: its ports and where it comes from. With no source of its own it has the shared ``entries``."""

    ports: list[int]
    """Administrative TCP ports, 1 to 65535, each once."""
    entries: NotRequired[Annotated[list[OperatorEntryArgs], Field(default=[])]]
    """The networks of this role alone; a prefix list is made of them, one per address family. Default: the shared ``entries``, unless a
    source below is given."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """An existing prefix list instead of ``entries``; what it holds is not checked. Default: none."""
    max_entries: NotRequired[Annotated[int, Field(ge=1, le=1000)]]
    """Entries that the role's own lists have room for, or that its existing prefix list can hold, 1 to 1000. Default: the
    firewall's ``max_entries``."""
    client_vpn_security_group_id: NotRequired[pulumi.Input[str]]
    """The security group of a Client VPN, whose users are admitted; alone or beside networks. Default: none."""


class RevocationListArgs(TypedDict):
    """A certificate revocation list in S3."""

    bucket: pulumi.Input[str]
    """The bucket."""
    key: pulumi.Input[str]
    """The object."""
    object_version: pulumi.Input[str]
    """The object's version: without one, a new list at the same key would change nothing."""


class OperatorConsoleArgs(TypedDict):
    """An HTTPS console that demands a client certificate: where the bundle of accepted authorities is."""

    bucket: pulumi.Input[str]
    """The bucket of the bundle."""
    key: pulumi.Input[str]
    """The bundle: certificates of the accepted authorities, PEM."""
    object_version: pulumi.Input[str]
    """The object's version: without one, a new authority at the same key would change nothing."""
    revocations: NotRequired[Annotated[dict[str, RevocationListArgs], Field(default={})]]
    """Revocation lists by a name of your choice. Default: none."""


class OperationalFirewallArgs(TypedDict):
    """Arguments of an OperationalFirewall. At least one operator or console is needed."""

    vpc_id: pulumi.Input[str]
    """The VPC of the groups."""
    operators: NotRequired[Annotated[dict[str, OperatorArgs], Field(default={})]]
    """The roles by name: lower-case letters, digits and hyphens, a letter first, at most 32. Default: none."""
    entries: NotRequired[Annotated[list[OperatorEntryArgs], Field(default=[])]]
    """Networks of every role that names no source of its own: one list, so one edit changes all their groups. Default: none."""
    # https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-quotas-managed-prefix-lists
    max_entries: NotRequired[Annotated[int, Field(default=10, ge=1, le=1000)]]
    """Entries that each prefix list made here has room for, 1 to 1000. Times the ports of a role it counts in the rule quota, however few
    entries there are. Default: 10."""
    consoles: NotRequired[Annotated[dict[str, OperatorConsoleArgs], Field(default={})]]
    """Consoles guarded by client certificates, by name: letters, digits and hyphens. Default: none."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules of a group, per direction and address family. Default: 60, AWS's own default."""
    tags: NotRequired[Tags]
    """Tags of everything made here. Default: none but the groups' and lists' Name."""


class OperationalFirewall(Component):
    """Security groups by operator role (Cloud Design Patterns for AWS, "Operational Firewall").

    Stack a role's group on the servers it operates, beside the groups of their functions; it lets nothing out, and needs not to. Hand the
    trust stores to the load balancer of a console, whose mutual TLS in mode ``verify`` then turns away who has no certificate.
    """

    security_group_ids: pulumi.Output[dict[str, str]]
    """Ids of the groups by role, given out once their rules are in place."""
    prefix_list_ids: pulumi.Output[dict[str, str]]
    """Ids of the prefix lists made here: ``ipv4`` and ``ipv6`` for the shared one, ``<role>-ipv4`` and ``<role>-ipv6`` for a role's own."""
    trust_store_arns: pulumi.Output[dict[str, str]]
    """ARNs of the trust stores by console, given out once their revocation lists are in place."""

    def __init__(self, name: str, args: OperationalFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        if problems := list(_problems(name, checked)):
            raise ArgumentError("OperationalFirewall", name, problems)
        check_names("OperationalFirewall", name, dict.fromkeys(checked["operators"], 255))
        check_names("OperationalFirewall", name, {f"{console}-ca": _TRUST_STORE_LENGTH for console in checked["consoles"]})
        super().__init__("OperationalFirewall", name, opts)
        self._label = name
        self._tags = checked["tags"]
        self._max_entries = checked["max_entries"]
        self._lists: dict[str, aws.ec2.ManagedPrefixList] = {}
        shared = self._make_lists("", checked["entries"], checked["max_entries"])
        self._ids = {role: self._make_group(role, operator, checked["vpc_id"], shared) for role, operator in checked["operators"].items()}
        self.security_group_ids = by_name(self._ids)
        self.prefix_list_ids = by_name({key: prefix_list.id for key, prefix_list in self._lists.items()})
        self.trust_store_arns = by_name({key: self._make_trust_store(key, console) for key, console in checked["consoles"].items()})
        self.register()

    def group_id(self, role: str) -> pulumi.Output[str]:
        """The id of a role's group, given out once its rules are in place.

        :raises ArgumentError: when there is no such role.
        """
        if role not in self._ids:
            reason = f"{role} is no operator; known are {', '.join(self._ids) or 'none'}."
            raise ArgumentError("OperationalFirewall", self._label, [("group_id", reason)])
        return self._ids[role]

    def _make_lists(self, role: str, entries: Sequence[OperatorEntryArgs], room: int) -> dict[str, aws.ec2.ManagedPrefixList]:
        made: dict[str, aws.ec2.ManagedPrefixList] = {}
        networks = [(ip_network(entry["cidr"]), entry["description"]) for entry in entries]
        for version in (4, 6):
            # A list holds one address family, and the family of a list cannot be changed.
            own = [{"cidr": str(network), "description": text} for network, text in networks if network.version == version]
            if not own:
                continue
            key = f"{role}-ipv{version}" if role else f"ipv{version}"
            made[f"ipv{version}"] = self._lists[key] = aws.ec2.ManagedPrefixList(
                f"{self._label}-{key}",
                address_family=f"IPv{version}",
                max_entries=room,
                entries=own,  # ty: ignore[invalid-argument-type]  # a plain dictionary is the TypedDict it asks for
                tags={"Name": f"{self._label}-{key}", **self._tags},
                opts=self.child(),
            )
        return made

    def _make_group(
        self, role: str, operator: Mapping[str, Any], vpc_id: pulumi.Input[str], shared: Mapping[str, aws.ec2.ManagedPrefixList]
    ) -> pulumi.Output[str]:
        group = aws.ec2.SecurityGroup(
            f"{self._label}-{role}",
            vpc_id=vpc_id,
            # Changing it replaces the group, so it says nothing that may change.
            description=f"Operated by {role}",
            # By this tag policies know whom narrow, declared networks may be admitted for.
            tags={"Name": f"{self._label}-{role}", **self._tags, "cloudpatterns:operator": role},
            opts=self.child(custom_timeouts=GROUP_DELETION),
        )
        lists = (
            shared if _uses_shared(operator) else self._make_lists(role, operator["entries"], operator["max_entries"] or self._max_entries)
        )
        sources: dict[str, dict[str, Any]] = {family: {"prefix_list_id": prefix_list.id} for family, prefix_list in lists.items()}
        if operator["prefix_list_id"] is not None:
            sources["list"] = {"prefix_list_id": operator["prefix_list_id"]}
        if operator["client_vpn_security_group_id"] is not None:
            sources["vpn"] = {"referenced_security_group_id": operator["client_vpn_security_group_id"]}
        rules = [
            aws.vpc.SecurityGroupIngressRule(
                f"{self._label}-{role}-{source}-{port}",
                security_group_id=group.id,
                description=f"From the {'Client VPN' if source == 'vpn' else 'prefix list'} of {role}",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                tags=self._tags,
                opts=self.child(),
                **target,
            )
            for source, target in sources.items()
            for port in operator["ports"]
        ]
        return after(group.id, *rules)

    def _make_trust_store(self, console: str, args: Mapping[str, Any]) -> pulumi.Output[str]:
        store = aws.lb.TrustStore(
            f"{self._label}-{console}-ca",
            ca_certificates_bundle_s3_bucket=args["bucket"],
            ca_certificates_bundle_s3_key=args["key"],
            ca_certificates_bundle_s3_object_version=args["object_version"],
            tags=self._tags,
            opts=self.child(),
        )
        revocations = [
            aws.lb.TrustStoreRevocation(
                f"{self._label}-{console}-revocation-{key}",
                trust_store_arn=store.arn,
                revocations_s3_bucket=revocation["bucket"],
                revocations_s3_key=revocation["key"],
                revocations_s3_object_version=revocation["object_version"],
                opts=self.child(),
            )
            for key, revocation in args["revocations"].items()
        ]
        return after(store.arn, *revocations)


def _uses_shared(operator: Mapping[str, Any]) -> bool:
    return not operator["entries"] and operator["prefix_list_id"] is None and operator["client_vpn_security_group_id"] is None


def _problems(name: str, checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    operators, consoles = checked["operators"], checked["consoles"]
    yield from group_name_problems(name)
    if not operators and not consoles:
        yield "operators", "is empty, and so is consoles. Name at least one operator or console."
    if checked["entries"] and not any(map(_uses_shared, operators.values())):
        yield "entries", "is used by no operator: each has a source of its own. Take it out, or take out a role's own source."
    sound = [*_entry_problems("entries", checked["entries"], checked["max_entries"])]
    for role, operator in operators.items():
        sound.extend(_operator_problems(f"operators.{role}", role, operator, checked))
    yield from sound
    if not sound:
        yield from _joint_problems(checked)
    for console, args in consoles.items():
        for text in (console, *args["revocations"]):
            if not _TRUST_STORE.fullmatch(text):
                yield (
                    f"consoles.{console}",
                    f"has the name {text!r}; letters, digits and single hyphens between them are allowed. Rename it.",
                )
    if consoles and not _TRUST_STORE.fullmatch(name):
        yield "name", f"is {name!r}; a trust store carries it, and allows letters, digits and single hyphens between them. Rename it."


def _entry_problems(path: str, entries: Sequence[OperatorEntryArgs], max_entries: int) -> Iterator[tuple[str, str]]:
    networks: list[Network] = []
    for index, entry in enumerate(entries):
        network = parse(entry["cidr"])
        if isinstance(network, str):
            yield f"{path}.{index}.cidr", network
        elif network in networks:
            yield f"{path}.{index}.cidr", f"is {network}, which is there already. Name each network once."
        elif too_broad([network]):
            limit = f"/{BROADEST[network.version]}"
            whose = "the whole internet" if network.prefixlen == 0 else f"broader than {limit}"
            yield f"{path}.{index}.cidr", f"is {network}, {whose}; operators come from networks of {limit} or narrower. Name those."
        else:
            networks.append(network)
    for network in too_broad(networks):
        yield path, f"adds up to {network}; together, too, entries stay within an IPv4 /8 or IPv6 /16. Name fewer or narrower networks."
    for version in (4, 6):
        count = sum(network.version == version for network in networks)
        if count > max_entries:
            yield path, f"has {count} IPv{version} networks; the prefix list has room for {max_entries}. Raise max_entries, or name fewer."


def _operator_problems(path: str, role: str, operator: Mapping[str, Any], checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not _ROLE.fullmatch(role):
        yield path, f"is named {role!r}; a role has lower-case letters, digits and hyphens, a letter first, at most 32. Rename it."
    if not operator["ports"]:
        yield f"{path}.ports", "is empty. Name the role's ports."
    yield from port_problems(f"{path}.ports", operator["ports"])
    if operator["entries"] and operator["prefix_list_id"] is not None:
        yield path, "has both entries and prefix_list_id. Give one of both."
    if _uses_shared(operator) and not checked["entries"]:
        yield path, "comes from nowhere. Give it entries, prefix_list_id or client_vpn_security_group_id, or give the shared entries."
    yield from _entry_problems(f"{path}.entries", operator["entries"], operator["max_entries"] or checked["max_entries"])
    count = len(operator["ports"]) * _sources(operator, checked)
    if count > checked["rules_per_group"]:
        yield (
            path,
            f"counts as {count} rules: {len(operator['ports'])} ports times {_sources(operator, checked)}, a prefix list counting as its "
            f"max_entries; a security group takes {checked['rules_per_group']}. Lower max_entries, use fewer ports, or split the role.",
        )


def _sources(operator: Mapping[str, Any], checked: Mapping[str, Any]) -> int:
    """Rules per port that AWS counts, in the address family that has more; a list counts as its room, not as what is in it."""
    lists = 0
    if operator["entries"] or operator["prefix_list_id"] is not None:
        lists = operator["max_entries"] or checked["max_entries"]
    elif _uses_shared(operator):
        lists = checked["max_entries"]
    return lists + (operator["client_vpn_security_group_id"] is not None)


def _joint_problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Groups are stacked, so what all roles admit to one port counts together."""
    admitted: dict[int, list[Network]] = {}
    for operator in checked["operators"].values():
        entries = checked["entries"] if _uses_shared(operator) else operator["entries"]
        for port in operator["ports"]:
            admitted.setdefault(port, []).extend(ip_network(entry["cidr"]) for entry in entries)
    for port, networks in admitted.items():
        for network in too_broad(networks):
            yield (
                "operators",
                f"admit {network} to port {port} together; that is broader than an IPv4 /8 or IPv6 /16. Name narrower networks.",
            )
