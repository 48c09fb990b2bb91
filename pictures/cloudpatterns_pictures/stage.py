"""From a recorded graph to what a picture shows."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from cloudpatterns_policies.core import Resource, Stack
from cloudpatterns_policies.graph.endpoints import Endpoint
from cloudpatterns_policies.graph.ports import describe
from cloudpatterns_policies.graph.reach import Reach, reach_of
from cloudpatterns_policies.graph.topology import SUBNETS, topology_of
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from cloudpatterns_pictures.kinds import (
    BALANCER,
    BEHIND,
    CONNECTORS,
    DATA,
    GUARDS,
    INTERNET,
    KINDS,
    NETWORK_BALANCER,
    ROLES,
    SETTINGS,
    TRAFFIC,
    Kind,
)
from cloudpatterns_pictures.scene import DOT, OUTSIDE, Arrow, Box, Scene, Thing

_EVERYWHERE: Final = "everywhere"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_INSTANCE: Final = "aws:ec2/instance:Instance"
_INTERFACE: Final = "aws:ec2/networkInterface:NetworkInterface"
_VPC: Final = "aws:ec2/vpc:Vpc"
_TIERS: Final = {"public": "public subnets", "private": "private subnets", "isolated": "isolated subnets"}
_ALIKE: Final = frozenset({_ENDPOINT, "aws:efs/mountTarget:MountTarget", "aws:secretsmanager/secret:Secret"})
"""Types whose resources of one component are one thing in the picture."""
_FROM_OUTSIDE: Final = {
    "aws:cloudfront/distribution:Distribution": "443 HTTPS",
    "aws:apigateway/restApi:RestApi": "443 HTTPS",
    "aws:apigatewayv2/api:Api": "443 HTTPS",
    "aws:appsync/graphQLApi:GraphQLApi": "443 HTTPS",
    "aws:cognito/userPool:UserPool": "443 HTTPS",
    "aws:lambda/functionUrl:FunctionUrl": "443 HTTPS",
    "aws:transfer/server:Server": "",
    "aws:globalaccelerator/accelerator:Accelerator": "",
}
"""Types outside VPCs that answer the internet, with their ports."""
_LONGEST_LABEL: Final = 16
_SERVICE: Final = re.compile(r"(\d+) \((\w+)\)")
MOST: Final = 80
"""A picture of more things is read by nobody: components are folded, the largest first, then things alike are drawn as one."""
MOST_ARROWS: Final = 200
"""More arrows hide everything, and take Graphviz minutes: things alike are drawn as one then, whatever their security groups."""
_FOLDED: Final = "management/cloudformation-stack"


def scene_of(graph: Graph, most: int = MOST, most_arrows: int = MOST_ARROWS) -> Scene:
    """What a picture of the graph shows, with components folded, and things alike drawn as one, until there are at most ``most`` things.

    More are left only where everything in a box differs. With more than ``most_arrows`` arrows, all things alike are drawn as one.
    """
    stack = Stack.sent(Resource(message) for message in Requests(graph).analyze_stack().resources)
    return _Stage(graph, stack).scene(most, most_arrows)


class _Stage:
    """The picture of one graph as it grows."""

    def __init__(self, graph: Graph, stack: Stack) -> None:
        self._graph = graph
        self._recorded = graph.by_urn()
        self._stack = stack
        self._reach: Reach = reach_of(stack)
        self._topology = topology_of(stack)
        self._scene = Scene(f"{graph.project}/{graph.stack}")
        self._thing_of: dict[str, str] = {}
        self._alike: dict[tuple[str, str, str], Thing] = {}
        """By type, parent and box, the thing that further resources of the kind join."""

    def scene(self, most: int, most_arrows: int) -> Scene:
        for kinds in (KINDS, *SETTINGS):
            if all(thing.icon == KINDS[_ENDPOINT].icon for thing in self._scene.things.values()):
                # Security groups of what is in the picture are boxes already.
                boxed = {urn for box in self._scene.boxes.values() for urn in box.urns}
                for resource in self._stack.resources:
                    if resource.type in kinds and resource.urn not in boxed:
                        self._add(resource, kinds[resource.type])
        self._attach()
        self._guard()
        self._fold(most)
        self._merge(most)
        self._scene.arrows = self._arrows()
        if len(self._scene.arrows) > most_arrows:
            self._ungroup()
            self._merge(0)
            self._scene.arrows = self._arrows()
        if any(OUTSIDE in (arrow.tail, arrow.head) for arrow in self._scene.arrows):
            self._scene.things = {OUTSIDE: Thing(OUTSIDE, INTERNET.icon, "Internet", ""), **self._scene.things}
        return self._scene

    # Things and where they are

    def _add(self, resource: Resource, kind: Kind) -> None:
        if kind is BALANCER and _text(resource, "loadBalancerType") == "network":
            kind = NETWORK_BALANCER
        box = self._box_of(resource, kind)
        thing = Thing(resource.urn, kind.icon, resource.name, kind.noun, box)
        if resource.type in _ALIKE:
            thing = self._alike.setdefault((resource.type, resource.parent, box), thing)
        thing.urns.append(resource.urn)
        if len(thing.urns) > 1:
            thing.title = f"{resource.parent.rpartition('::')[2]} \u00d7{len(thing.urns)}"
            thing.noun = _plural(kind.noun)
        self._scene.things[thing.key] = thing
        self._thing_of[resource.urn] = thing.key

    def _box_of(self, resource: Resource, kind: Kind) -> str:
        if kind.everywhere or _text(resource, "scope") == "CLOUDFRONT":
            return self._box(_EVERYWHERE, _EVERYWHERE, "Global")
        region = self._box(f"region {self._region(resource)}", "region", self._region(resource))
        subnets = self._subnets(resource)
        vpcs = list(dict.fromkeys(vpc for subnet in subnets for vpc in self._stack.refs(subnet, "vpcId", _VPC)))
        vpcs = vpcs or self._stack.refs(resource, "vpcId", _VPC)
        if len(vpcs) != 1:
            return self._component(resource, region)
        title = DOT.join(part for part in (vpcs[0].name, _text(vpcs[0], "cidrBlock")) if part)
        vpc = self._box(vpcs[0].urn, "vpc", title, region, [vpcs[0].urn])
        return self._group(resource, self._tier(subnets, vpc))

    def _component(self, resource: Resource, region: str) -> str:
        """The box of the outermost component, within a Region: what is in no VPC stands by what it is part of."""
        component, parent = None, self._recorded.get(resource.parent)
        while parent is not None and parent.type != "pulumi:pulumi:Stack":
            component, parent = parent, self._recorded.get(parent.parent)
        if component is None:
            return region
        title = f"{component.name}{DOT}{component.type.rpartition(':')[2]}"
        return self._box(f"{region} {component.urn}", "component", title, region, [component.urn])

    def _region(self, resource: Resource) -> str:
        if own := _text(resource, "region"):
            return own
        provider = str(self._recorded[resource.urn].options.get("provider", "")).rpartition("::")[0]
        region = self._recorded[provider].inputs.get("region") if provider in self._recorded else None
        return region if isinstance(region, str) and region else "Region"

    def _subnets(self, resource: Resource) -> list[Resource]:
        if resource.type == "aws:ec2/natGateway:NatGateway":
            return self._stack.refs(resource, "subnetId", *SUBNETS)
        endpoint = self._reach.endpoints.get(resource.urn)
        known = [location.subnet.resource for location in endpoint.locations] if endpoint else []
        return list(dict.fromkeys(subnet for subnet in known if subnet is not None))

    def _tier(self, subnets: list[Resource], vpc: str) -> str:
        kinds = {self._kind_of_subnet(subnet) for subnet in subnets}
        if len(kinds) != 1:
            return vpc
        kind = kinds.pop()
        tier = self._box(f"{vpc} {kind}", kind, _TIERS[kind], vpc, [subnet.urn for subnet in subnets])
        if len(subnets) > 1:
            return tier
        [subnet] = subnets
        return self._box(subnet.urn, "subnet", _text(subnet, "availabilityZone") or subnet.name, tier, [subnet.urn])

    def _kind_of_subnet(self, subnet: Resource) -> str:
        routes = [route for table in self._topology.subnet(subnet).tables for route in table.routes]
        if any(route.public for route in routes):
            return "public"
        return "private" if any(route.leads_out for route in routes) else "isolated"

    def _group(self, resource: Resource, box: str) -> str:
        endpoint = self._reach.endpoints.get(resource.urn)
        if endpoint is None or not endpoint.groups:
            return box
        names = sorted(group.name.removeprefix("security group ") for group in endpoint.groups)
        keys = sorted(group.key for group in endpoint.groups)
        return self._box(f"{box} {' '.join(keys)}", "group", ", ".join(names), box, keys)

    def _box(self, key: str, kind: str, title: str, parent: str = "", urns: Iterable[str] = ()) -> str:
        box = self._scene.boxes.setdefault(key, Box(key, kind, title, parent))
        box.urns += [urn for urn in urns if urn not in box.urns]
        return key

    def _attach(self) -> None:
        """A network interface beside the instance that it is attached to is a part of it."""
        attached = [
            (instance.urn, interface)
            for instance in self._stack.of_type(_INSTANCE)
            for name in ("networkInterfaces", "primaryNetworkInterface")
            for interface in self._stack.refs(instance, name, _INTERFACE)
        ]
        for attachment in self._stack.of_type("aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment"):
            interfaces = self._stack.refs(attachment, "networkInterfaceId", _INTERFACE)
            attached += [(one.urn, other) for one in self._stack.refs(attachment, "instanceId", _INSTANCE) for other in interfaces]
        for key, interface in attached:
            instance, other = self._scene.things[key], self._scene.things.get(interface.urn)
            if other is not None and other.box == instance.box:
                del self._scene.things[interface.urn]
                instance.urns.append(interface.urn)
                self._thing_of[interface.urn] = key

    def _guard(self) -> None:
        """Web ACLs become a small icon at what they guard."""
        guards: dict[str, list[str]] = {}
        for connector in GUARDS:
            for resource in self._stack.of_type(connector.type):
                for guard in self._named(resource, connector.tail):
                    guards.setdefault(guard, []).extend(self._named(resource, connector.head))
        for guard, guarded in guards.items():
            if guarded:
                acl = self._scene.things.pop(guard)
                for key in guarded:
                    self._scene.things[key].guards.append(acl.title)
                    self._scene.things[key].urns.extend(acl.urns)
        self._thing_of = {urn: key for urn, key in self._thing_of.items() if key in self._scene.things}
        inhabited = {box for thing in self._scene.things.values() for box in self._around(thing.box)}
        self._scene.boxes = {key: box for key, box in self._scene.boxes.items() if key in inhabited}

    def _fold(self, most: int) -> None:
        """Components outside of VPCs become one thing each, until few enough are left."""
        inside: dict[str, list[Thing]] = {}
        for thing in self._scene.things.values():
            if thing.box and self._scene.boxes[thing.box].kind == "component":
                inside.setdefault(thing.box, []).append(thing)
        for key, things in sorted(inside.items(), key=lambda pair: (-len(pair[1]), pair[0])):
            if len(self._scene.things) <= most or len(things) == 1:
                return
            box = self._scene.boxes.pop(key)
            name, _, type = box.title.partition(DOT)
            folded = Thing(key, _FOLDED, name, f"{type}, {len(things)} parts", box.parent, [urn for thing in things for urn in thing.urns])
            for thing in things:
                del self._scene.things[thing.key]
            self._scene.things[key] = folded
            # Without the web ACLs among them, which are not things any more.
            self._thing_of |= dict.fromkeys((urn for urn in folded.urns if urn in self._thing_of), key)

    def _merge(self, most: int) -> None:
        """Things of one kind in one box become one thing, the most numerous first, until few enough are left."""
        alike: dict[tuple[str, str], list[Thing]] = {}
        for thing in self._scene.things.values():
            alike.setdefault((thing.box, thing.noun), []).append(thing)
        for first, *others in sorted(alike.values(), key=lambda things: (-len(things), things[0].key)):
            if len(self._scene.things) <= most or not others:
                return
            first.title, first.noun = f"{first.title} +{len(others)}", _plural(first.noun)
            for thing in others:
                first.urns += thing.urns
                first.guards += [guard for guard in thing.guards if guard not in first.guards]
                self._thing_of |= dict.fromkeys((urn for urn in thing.urns if urn in self._thing_of), first.key)
                del self._scene.things[thing.key]

    def _ungroup(self) -> None:
        """Takes things out of the boxes of their security groups."""
        boxes = self._scene.boxes
        for thing in self._scene.things.values():
            if thing.box and boxes[thing.box].kind == "group":
                thing.box = boxes[thing.box].parent
        self._scene.boxes = {key: box for key, box in boxes.items() if box.kind != "group"}

    def _around(self, box: str) -> Iterator[str]:
        while box:
            yield box
            box = self._scene.boxes[box].parent

    # Arrows

    def _arrows(self) -> list[Arrow]:
        arrows = dict.fromkeys([*self._traffic(), *self._connections(), *self._uses()])
        ends = {(arrow.tail, arrow.head) for arrow in arrows if arrow.kind != DATA}
        # A role that may read from the queue that invokes its function says nothing new.
        said = {
            arrow for arrow in arrows if arrow.kind == DATA and not ends.isdisjoint([(arrow.tail, arrow.head), (arrow.head, arrow.tail)])
        }
        return [arrow for arrow in arrows if arrow.tail != arrow.head and arrow not in said]

    def _traffic(self) -> Iterator[Arrow]:
        shown = [endpoint for urn, endpoint in self._reach.endpoints.items() if urn in self._thing_of]
        # Of endpoints alike, one stands for all; whether the internet reaches them is a matter of the addresses of each.
        # Between those of which no security group is certain, such as functions without a known VPC, no path is.
        alike = {
            (
                self._end(one),
                one.subject.type,
                *sorted(group.key for group in one.groups),
                *(place.subnet.key for place in one.locations),
            ): one
            for one in shown
            if one.groups or one.without_groups
        }
        pairs = ((source, target) for source in alike.values() for target in alike.values() if self._end(source) != self._end(target))
        labels: dict[tuple[str, str], list[str]] = {}
        for source, target in (*((None, target) for target in shown), *pairs):
            if (path := self._reach.direct(source, target)) and path.unknown is None:
                labels.setdefault((self._end(source), self._end(target)), []).append(_short(describe(path.ports)))
        for (tail, head), found in labels.items():
            yield Arrow(tail, head, TRAFFIC, found[0] if len(set(found)) == 1 else "several ports")
        for gateway in self._stack.of_type("aws:ec2/natGateway:NatGateway"):
            if _text(gateway, "connectivityType") != "private":
                yield Arrow(self._thing_of[gateway.urn], OUTSIDE, TRAFFIC)
        for route in self._stack.of_type("aws:ec2/route:Route"):
            if _text(route, "destinationCidrBlock") == "0.0.0.0/0":
                for tail in self._named(route, "networkInterfaceId"):
                    yield Arrow(tail, OUTSIDE, TRAFFIC)
        for type, label in _FROM_OUTSIDE.items():
            for resource in self._stack.of_type(type):
                if _text(resource, "endpointType") in ("", "PUBLIC") and "PRIVATE" not in repr(resource.raw.get("endpointConfiguration")):
                    for head in self._standing_for(resource):
                        yield Arrow(OUTSIDE, head, TRAFFIC, label)

    def _end(self, endpoint: Endpoint | None) -> str:
        return OUTSIDE if endpoint is None else self._thing_of[endpoint.subject.urn]

    def _connections(self) -> Iterator[Arrow]:
        for connector in CONNECTORS:
            for resource in self._stack.of_type(connector.type):
                for tail in self._named(resource, connector.tail):
                    for head in self._named(resource, connector.head):
                        yield Arrow(tail, head, connector.kind, _port(resource))

    def _named(self, resource: Resource, path: str) -> list[str]:
        """The things that a property names; the resource's own without a property."""
        targets = self._stack.refs(resource, path) if path else [resource]
        return list(dict.fromkeys(key for target in targets for key in self._standing_for(target)))

    def _standing_for(self, resource: Resource) -> list[str]:
        if resource.urn in self._thing_of:
            return [self._thing_of[resource.urn]]
        behind = BEHIND.get(resource.type)
        return self._named(resource, behind) if behind else []

    def _uses(self) -> Iterator[Arrow]:
        """What the role of some code may use."""
        policies: dict[str, list[str]] = {}
        for policy in self._stack.of_type("aws:iam/rolePolicy:RolePolicy"):
            for role in self._stack.refs(policy, "role", "aws:iam/role:Role"):
                policies.setdefault(role.urn, []).extend(self._named(policy, "policy"))
        for type, path in ROLES.items():
            for resource in self._stack.of_type(type):
                if resource.urn not in self._thing_of:
                    continue
                roles = [resource]
                for step in path:
                    roles = [target for role in roles for target in self._stack.refs(role, step)]
                for role in roles:
                    for head in policies.get(role.urn, ()):
                        yield Arrow(self._thing_of[resource.urn], head, DATA)


def _text(resource: Resource, name: str) -> str:
    """A property that is a text; empty where it is missing, or known only after deployment."""
    value = resource.raw.get(name)
    return value if isinstance(value, str) else ""


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("ry") else noun if noun.endswith("s") else f"{noun}s"


def _port(rule: Resource) -> str:
    """The port of a rule between security groups."""
    port = rule.raw.get("fromPort")
    return f"{port:.0f}" if isinstance(port, int | float) and port == rule.raw.get("toPort") else ""


def _short(ports: str) -> str:
    """Ports as an arrow's label: `3306 MySQL`."""
    label = _SERVICE.sub(r"\1 \2", ports.removeprefix("ports ").removeprefix("port "))
    return label if len(label) <= _LONGEST_LABEL else "several ports" if label[0].isdigit() else label.partition(" and ")[0]
