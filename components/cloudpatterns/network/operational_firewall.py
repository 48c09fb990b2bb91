"""Security groups for those who operate a system, and trust stores for their consoles.

Pattern: "Operational Firewall" (Cloud Design Patterns for AWS).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import (
    GROUP_DELETION,
    MOST_RULES_PER_INTERFACE,
    RULES_PER_GROUP,
    Peer,
    group_name_problems,
    ingress_rule,
    security_group,
)
from cloudpatterns.core import Component, Keys, Problem, after, by_name, excludes
from cloudpatterns.core.vocabulary import Cidr, Ports, Tags
from cloudpatterns.network._cidrs import Network, entry_problems, networks_of, too_broad

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTrustStore.html
_TRUST_STORE_NAMES = Keys("[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*", "letters, digits and single hyphens between them")


class OperatorEntryArgs(TypedDict):
    """One network that operators connect from."""

    cidr: Cidr
    """The network; a single address is a /32 or /128. At most an IPv4 /8 or an IPv6 /16."""
    description: Annotated[str, Field(min_length=1, max_length=255)]
    """What the network is. A change of it alone takes the entry out of the prefix list for a moment."""


class OperatorArgs(TypedDict):
    """One operator role: its ports, and the networks it connects from. Without a source of its own it has the shared ``entries``."""

    ports: Annotated[Ports, Field(min_length=1)]
    """Administrative TCP ports."""
    entries: NotRequired[Annotated[list[OperatorEntryArgs], Field(default=[])]]
    """Networks of this role alone, of which a prefix list is created per address family. Without any source the role has the shared
    ``entries``."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """Existing prefix list instead of ``entries``; its networks are not checked. Default: none."""
    max_entries: NotRequired[Annotated[int, Field(ge=1, le=1000)]]
    """Entries that the role's own prefix lists have room for, or its existing one can hold. Default: the firewall's ``max_entries``."""
    client_vpn_security_group_id: NotRequired[pulumi.Input[str]]
    """Security group of a Client VPN whose users are admitted, alone or beside networks. Default: none."""


class RevocationListArgs(TypedDict):
    """A certificate revocation list in S3."""

    bucket: pulumi.Input[str]
    """The bucket."""
    key: pulumi.Input[str]
    """Key of the object."""
    object_version: pulumi.Input[str]
    """Version of the object: without it, a new list at the same key would change nothing."""


class OperatorConsoleArgs(TypedDict):
    """An HTTPS console that requires a client certificate: the bundle of accepted certificate authorities."""

    bucket: pulumi.Input[str]
    """Bucket of the bundle."""
    key: pulumi.Input[str]
    """Key of the bundle: certificates of the accepted authorities, PEM."""
    object_version: pulumi.Input[str]
    """Version of the object: without it, a new authority at the same key would change nothing."""
    revocations: NotRequired[Annotated[dict[str, RevocationListArgs], Field(default={}), _TRUST_STORE_NAMES]]
    """Revocation lists by a name of your choice."""


class OperationalFirewallArgs(TypedDict):
    """Arguments of ``OperationalFirewall``. At least one operator or console is needed."""

    vpc_id: pulumi.Input[str]
    """VPC of the security groups."""
    operators: NotRequired[
        Annotated[
            dict[str, OperatorArgs],
            Field(default={}),
            Keys("[a-z][a-z0-9-]{0,31}", "lower-case letters, digits and hyphens, a letter first, at most 32"),
        ]
    ]
    """Operator roles by name."""
    entries: NotRequired[Annotated[list[OperatorEntryArgs], Field(default=[])]]
    """Networks of every role without a source of its own: one prefix list, so one edit changes all their groups."""
    # https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-quotas-managed-prefix-lists
    max_entries: NotRequired[Annotated[int, Field(default=10, ge=1, le=1000)]]
    """Entries that each created prefix list has room for. Times the ports of a role it counts in the rule quota, however few entries there
    are."""
    consoles: NotRequired[Annotated[dict[str, OperatorConsoleArgs], Field(default={}), _TRUST_STORE_NAMES]]
    """Consoles guarded by client certificates, by name."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules per security group, direction and address family."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside the Name of groups and lists."""


class OperationalFirewall(Component):
    """Security groups by operator role (Cloud Design Patterns for AWS, "Operational Firewall").

    Creates a security group per role, which admits the role's administrative ports from a managed prefix list or a Client VPN, never from
    the internet, and allows no egress. Add it to the servers that the role operates, beside the groups of their functions. For consoles
    behind a load balancer it creates trust stores: mutual TLS in mode ``verify`` then refuses clients without a certificate.

    **Use when**: administrators reach servers over SSH, RDP or database ports, each role its own ports, from known networks.

    **Not when**: Session Manager is enough, which needs no port; or administration needs a network of its own (``ManagementNetwork``).

    **Cost drivers**: none for groups and prefix lists; trust stores are charged by the hour.

    **Trade-offs**: a prefix list counts with its room, not its entries, in the quota of rules; each role takes one of the five groups of a
    network interface.

    **Proven by**: controls ``operational-firewall``, ``security-group-ssh``, ``security-group-rdp``, ``security-group-high-risk-ports``;
    ``test_operational_firewall.py``.
    """

    security_group_ids: pulumi.Output[dict[str, str]]
    """Role to its security group, available after its rules."""
    prefix_list_ids: pulumi.Output[dict[str, str]]
    """Ids of the created prefix lists: ``ipv4`` and ``ipv6`` for the shared ones, ``<role>-ipv4`` and ``<role>-ipv6`` for a role's own."""
    trust_store_arns: pulumi.Output[dict[str, str]]
    """Console to ARN of its trust store, available after its revocation lists."""

    def __init__(self, name: str, args: OperationalFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names=_child_names)
        self._checked, self._tags = checked, checked["tags"]
        self._prefix_lists: dict[str, aws.ec2.ManagedPrefixList] = {}
        shared = self._create_prefix_lists("", checked["entries"], checked["max_entries"])
        self._group_ids = {role: self._group_id(role, operator, shared) for role, operator in checked["operators"].items()}
        self.security_group_ids = by_name(self._group_ids)
        self.prefix_list_ids = by_name({key: prefix_list.id for key, prefix_list in self._prefix_lists.items()})
        self.trust_store_arns = by_name({key: self._trust_store_arn(key, console) for key, console in checked["consoles"].items()})
        self.register()

    def group_id(self, role: str) -> pulumi.Output[str]:
        """The id of a role's security group, available after its rules.

        :raises ArgumentError: for an unknown role.
        """
        return self.lookup(self._group_ids, role, "group_id", "an operator")

    def _create_prefix_lists(self, prefix: str, entries: Sequence[OperatorEntryArgs], room: int) -> dict[str, Peer]:
        peers: dict[str, Peer] = {}
        for version in (4, 6):
            # A list holds one address family, and the family of a list cannot be changed.
            own = [dict(entry) for entry in entries if (":" in entry["cidr"]) == (version == 6)]
            if not own:
                continue
            family, name = f"ipv{version}", f"{self.pulumi_resource_name}-{prefix}ipv{version}"
            prefix_list = aws.ec2.ManagedPrefixList(
                name,
                address_family=f"IPv{version}",
                max_entries=room,
                entries=own,  # ty: ignore[invalid-argument-type]  # a plain dictionary is the TypedDict it asks for
                tags={"Name": name, **self._tags},
                opts=self.child(),
            )
            self._prefix_lists[f"{prefix}{family}"] = prefix_list
            peers[family] = {"prefix_list_id": prefix_list.id}
        return peers

    def _group_id(self, role: str, operator: OperatorArgs, shared: Mapping[str, Peer]) -> pulumi.Output[str]:
        name = f"{self.pulumi_resource_name}-{role}"
        # By this tag policies know for whom narrow, declared networks may be admitted.
        tags = {**self._tags, "cloudpatterns:operator": role}
        group = security_group(self, name, self._checked["vpc_id"], f"Operated by {role}", tags, custom_timeouts=GROUP_DELETION)
        room = _room(operator, self._checked)
        sources = dict(shared) if _uses_shared(operator) else self._create_prefix_lists(f"{role}-", operator["entries"], room)
        prefix_list, vpn = operator.get("prefix_list_id"), operator.get("client_vpn_security_group_id")
        if prefix_list is not None:
            sources["list"] = {"prefix_list_id": prefix_list}
        if vpn is not None:
            sources["vpn"] = {"referenced_security_group_id": vpn}
        rules: list[pulumi.Resource] = []
        for source, peer in sources.items():
            description = f"From the {'Client VPN' if source == 'vpn' else 'prefix list'} of {role}"
            for port in operator["ports"]:
                rules.append(ingress_rule(self, f"{name}-{source}-{port}", group.id, port, peer, description, self._tags))
        return after(group.id, *rules)

    def _trust_store_arn(self, console: str, args: OperatorConsoleArgs) -> pulumi.Output[str]:
        name = f"{self.pulumi_resource_name}-{console}"
        store = aws.lb.TrustStore(
            f"{name}-ca",
            ca_certificates_bundle_s3_bucket=args["bucket"],
            ca_certificates_bundle_s3_key=args["key"],
            ca_certificates_bundle_s3_object_version=args["object_version"],
            tags=self._tags,
            opts=self.child(),
        )
        revocations = [
            aws.lb.TrustStoreRevocation(
                f"{name}-revocation-{key}",
                trust_store_arn=store.arn,
                revocations_s3_bucket=revocation["bucket"],
                revocations_s3_key=revocation["key"],
                revocations_s3_object_version=revocation["object_version"],
                opts=self.child(),
            )
            for key, revocation in args["revocations"].items()
        ]
        return after(store.arn, *revocations)


def _uses_shared(operator: OperatorArgs) -> bool:
    return not operator["entries"] and operator.get("prefix_list_id") is None and operator.get("client_vpn_security_group_id") is None


def _room(operator: OperatorArgs, checked: OperationalFirewallArgs) -> int:
    room = operator.get("max_entries")
    return checked["max_entries"] if room is None else room


def _child_names(checked: OperationalFirewallArgs) -> dict[str, int]:
    return dict.fromkeys(checked["operators"], 255) | {f"{console}-ca": 32 for console in checked["consoles"]}


def _problems(name: str, checked: OperationalFirewallArgs) -> Iterator[Problem]:
    operators, consoles = checked["operators"], checked["consoles"]
    yield from group_name_problems(name)
    if not operators and not consoles:
        yield "operators", "is empty, and so is consoles. Name at least one operator or console."
    if checked["entries"] and not any(map(_uses_shared, operators.values())):
        yield "entries", "is used by no operator: each has a source of its own. Remove it, or a role's own source."
    one_by_one = [*_entry_problems("entries", checked["entries"], checked["max_entries"])]
    for role, operator in operators.items():
        one_by_one += _operator_problems(f"operators.{role}", operator, checked)
    yield from one_by_one or _joint_problems(operators, checked["entries"])
    if consoles and not re.fullmatch(_TRUST_STORE_NAMES.pattern, name):
        yield "name", f"is {name!r}; trust stores carry it, and allow {_TRUST_STORE_NAMES.allowed}. Rename it."


def _entry_problems(path: str, entries: Sequence[OperatorEntryArgs], room: int) -> Iterator[Problem]:
    cidrs = [entry["cidr"] for entry in entries]
    yield from entry_problems(path, cidrs)
    for version in (4, 6):
        count = sum(network.version == version for network in networks_of(cidrs))
        if count > room:
            yield path, f"has {count} IPv{version} networks; the prefix list has room for {room}. Raise max_entries, or name fewer."


def _operator_problems(path: str, operator: OperatorArgs, checked: OperationalFirewallArgs) -> Iterator[Problem]:
    yield from excludes(operator, "entries", "prefix_list_id", path=f"{path}.")
    if _uses_shared(operator) and not checked["entries"]:
        yield path, "has no source. Give it entries, prefix_list_id or client_vpn_security_group_id, or give the shared entries."
    room = _room(operator, checked)
    yield from _entry_problems(f"{path}.entries", operator["entries"], room)
    # AWS counts a prefix list as its room, not as its entries.
    has_list = operator["entries"] or operator.get("prefix_list_id") is not None
    listed = room if has_list else checked["max_entries"] if _uses_shared(operator) else 0
    sources = listed + (operator.get("client_vpn_security_group_id") is not None)
    count, quota = len(operator["ports"]) * sources, checked["rules_per_group"]
    if count > quota:
        yield (
            path,
            f"counts as {count} rules: {len(operator['ports'])} ports times {sources}, a prefix list counting as its max_entries; a "
            f"security group takes {quota}. Lower max_entries, use fewer ports, or split the role.",
        )


def _joint_problems(operators: Mapping[str, OperatorArgs], shared: Sequence[OperatorEntryArgs]) -> Iterator[Problem]:
    """Groups are stacked, so what all roles admit to one port counts together."""
    admitted: dict[int, list[Network]] = {}
    for operator in operators.values():
        entries = shared if _uses_shared(operator) else operator["entries"]
        for port in operator["ports"]:
            admitted.setdefault(port, []).extend(networks_of(entry["cidr"] for entry in entries))
    for port, networks in admitted.items():
        for network in too_broad(networks):
            yield "operators", f"add up to {network} on port {port}, broader than an IPv4 /8 or IPv6 /16. Name narrower networks."
