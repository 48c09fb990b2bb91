"""Servers with several network interfaces, and the security groups and subnets of each interface."""

from dataclasses import dataclass, field
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from cloudpatterns_policies.graph.firewall import INSTANCE, INTERFACE, TEMPLATE, Attachment, Group, firewall_of
from cloudpatterns_policies.graph.reading import Reference, expand, label, read, refer
from cloudpatterns_policies.graph.regions import Place
from cloudpatterns_policies.graph.topology import SUBNETS

ATTACHMENT: Final = "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"
"""The resource type that attaches an interface to an existing instance."""


@dataclass(eq=False, slots=True)
class Interface:
    """One network interface of a server."""

    holder: Resource
    """The resource that defines it: the interface itself, or the instance or launch template with an inline interface."""
    name: str
    """Its name in messages."""
    primary: bool
    """Whether it is at device index 0, which the server's default route uses."""
    groups: list[Group] = field(default_factory=list)
    """Its certain security groups."""
    unknown: list[Place] = field(default_factory=list)
    """What leaves further groups, or rules of its groups, unknown."""
    subnets: list[Reference] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Server:
    """An instance or launch template with all its interfaces."""

    subject: Resource
    interfaces: list[Interface]
    unknown: list[Place] = field(default_factory=list)
    """What leaves further interfaces unknown."""

    @property
    def name(self) -> str:
        """Its name in messages."""
        return label(self.subject)


def servers_of(stack: Stack) -> tuple[list[Server], list[Place]]:
    """The stack's instances and launch templates in the order of URNs, and attachments to unknown instances."""
    reader = _Reader(stack)
    found = [*map(reader.instance, stack.of_type(INSTANCE)), *map(reader.template, stack.of_type(TEMPLATE))]
    return sorted(found, key=lambda server: server.subject.urn), reader.unassigned()


class _Reader:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._attached: dict[str, list[tuple[Group, Attachment]]] = {}
        for group in firewall_of(stack).groups:
            for item in group.attachments:
                self._attached.setdefault(item.subject.urn, []).append((group, item))
        self._unresolved: dict[str, list[Place]] = {}
        for place in firewall_of(stack).unresolved:
            self._unresolved.setdefault(place[0].urn, []).append(place)

    def instance(self, subject: Resource) -> Server:
        """An instance: the interfaces that it names, else the one that AWS creates, and those that are attached later."""
        server = Server(subject, [])
        if read(subject, "primaryNetworkInterface", computed=True) is not None:
            self._named(server, subject, "primaryNetworkInterface.networkInterfaceId", primary=True)
        self._listed(server, subject)
        if not server.interfaces and not server.unknown:
            server.interfaces.append(self._own(subject))
        for attachment in self._stack.referrers(subject, ATTACHMENT, "instanceId"):
            self._named(server, attachment, "networkInterfaceId", primary=False)
        for interface in self._stack.referrers(subject, INTERFACE, "attachments"):
            self._add(server, interface, primary=False)
        return server

    def template(self, subject: Resource) -> Server:
        """A launch template: the interfaces that it defines."""
        server = Server(subject, [])
        for index, path in enumerate(expand(subject, "networkInterfaces.*")):
            if path == "networkInterfaces":
                server.unknown.append((subject, path))
                continue
            primary = _is_first(subject, path) if read(subject, f"{path}.deviceIndex") is not None else index == 0
            made = Interface(subject, f"{path} of {label(subject)}", primary)
            reference = refer(self._stack, subject, f"{path}.networkInterfaceId", (INTERFACE,))
            self._guard(made, subject, f"{path}.", optional=not reference.empty)
            for interface in reference.targets:
                self._guard(made, interface)
            if reference.unresolved or reference.foreign or not reference.certain:
                made.unknown.append((subject, reference.path))
            made.subnets.append(refer(self._stack, subject, f"{path}.subnetId", SUBNETS))
            server.interfaces.append(made)
        return server

    def unassigned(self) -> list[Place]:
        """Attachments to unknown instances."""
        found = []
        for attachment in sorted(self._stack.of_type(ATTACHMENT), key=lambda item: item.urn):
            reference = refer(self._stack, attachment, "instanceId", (INSTANCE,))
            if reference.unresolved or reference.foreign or not reference.certain:
                found.append((attachment, "instanceId"))
        return found

    def _listed(self, server: Server, subject: Resource) -> None:
        """The interfaces of the older argument. Dependencies are those of the whole list: as many as it has items, so all apply."""
        paths = expand(subject, "networkInterfaces.*")
        if paths == ["networkInterfaces"]:
            self._named(server, subject, "networkInterfaces", primary=False)
            return
        references = [refer(self._stack, subject, f"{path}.networkInterfaceId", (INTERFACE,)) for path in paths]
        targets = {target.urn: target for reference in references for target in reference.targets}
        for path, reference in zip(paths, references, strict=True):
            if reference.certain:
                for target in reference.targets:
                    self._add(server, target, primary=_is_first(subject, path))
        for target in targets.values():
            self._add(server, target, primary=False)
        if len(targets) != len(paths):
            server.unknown.append((subject, "networkInterfaces"))

    def _named(self, server: Server, holder: Resource, path: str, *, primary: bool) -> None:
        """The interfaces that a property names."""
        found = refer(self._stack, holder, path, (INTERFACE,))
        for target in found.targets:
            self._add(server, target, primary=primary)
        if found.unresolved or found.foreign or not found.certain:
            server.unknown.append((holder, path))

    def _add(self, server: Server, interface: Resource, *, primary: bool) -> None:
        if any(item.holder is interface for item in server.interfaces):
            return
        made = Interface(interface, label(interface), primary)
        self._guard(made, interface)
        made.subnets.append(refer(self._stack, interface, "subnetId", SUBNETS))
        server.interfaces.append(made)

    def _own(self, subject: Resource) -> Interface:
        """The interface that AWS creates with an instance, with the groups of its template when the instance names none."""
        made = Interface(subject, "primary interface", primary=True)
        templates = self._stack.refs(subject, "launchTemplate", TEMPLATE)
        self._guard(made, subject, optional=bool(templates))
        for template in templates if not made.groups and not made.unknown else ():
            self._guard(made, template)
        made.subnets.append(refer(self._stack, subject, "subnetId", SUBNETS, computed=True))
        return made

    def _guard(self, made: Interface, subject: Resource, prefix: str = "", *, optional: bool = False) -> None:
        """Adds the groups that are attached to `subject`, in its properties below `prefix` or by a separate resource."""
        for group, item in self._attached.get(subject.urn, ()):
            if item.holder is subject and not item.path.startswith(prefix):
                continue
            if not item.certain or group.resource is None:
                made.unknown.append((item.holder, item.path))
            if item.certain:
                made.groups.append(group)
        for place in self._unresolved.get(subject.urn, ()):
            if place[1].startswith(prefix) and place not in made.unknown:
                made.unknown.append(place)
        if not made.groups and not made.unknown and not optional:
            # AWS then uses the default group of the VPC, whose rules are unknown.
            made.unknown.append((subject, "vpcSecurityGroupIds" if subject.type == INSTANCE else f"{prefix}securityGroups"))


def _is_first(subject: Resource, path: str) -> bool:
    """Whether the interface defined at `path` surely is at device index 0."""
    index = read(subject, f"{path}.deviceIndex")
    return index is not UNKNOWN and str(index) == "0"
