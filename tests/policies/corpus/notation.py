"""How the corpus writes resources, in one line each, and what the engine would send for them.

    {group: db}                                                       a security group called db
    {ingress: mysql, of: $db, allow: tcp 3306 from $web}              a rule of it
    {instance: vm, subnetId: $private, vpcSecurityGroupIds: [$web]}   short type name, logical name, properties as AWS spells them

- `$web` is a reference: in a preview an unknown value with a property dependency, after deployment the id (or ARN, or name, by the
  property's own name). `$vpc.mainRouteTableId` is an attribute of another resource.
- `<net>` is an unknown value that comes from the resource net, `<a|b>` from one of these, `<>` from AWS; it stays unknown after deployment.
- A rule's text is `<protocol> [<ports>] from|to <source> [+ <source> ...]`: `tcp 443`, `tcp 20-30`, `tcp` (without ports), `all`, `17 53`,
  `icmp 8/-1`; sources are CIDRs, `$group`, `$prefixlist`, `sg-...`, `123456789012/sg-...`, `pl-...`, `self`, and unknowns. The same text
  stands in inline lists, and with a number before it in network ACLs: `100 allow tcp 443 from 0.0.0.0/0`, `90 deny all from ::/0`.

Each property is looked up in the SDK's own types: a misspelt one is an error.
"""

import importlib
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Resource
from pulumi import _types

from tests.policies.helpers import resource


class CorpusError(Exception):
    """A mistake in the data. The text names the file, the case and the word."""


@dataclass(frozen=True, slots=True)
class Type:
    """A resource type: its token, how its ids begin, and what a preview shows as unknown where the program is silent."""

    token: str
    start: str = "id"
    computed: tuple[str, ...] = ()


_BALANCER: Final = ("internal", "ipAddressType", "subnetMappings")
TYPES: Final[dict[str, Type]] = {
    "vpc": Type("aws:ec2/vpc:Vpc", "vpc", ("ipv6CidrBlock", "mainRouteTableId", "defaultRouteTableId", "defaultNetworkAclId")),
    "defaultvpc": Type("aws:ec2/defaultVpc:DefaultVpc", "vpc", ("cidrBlock",)),
    "cidr": Type("aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation", "vpc-cidr-assoc"),
    "subnet": Type("aws:ec2/subnet:Subnet", "subnet"),
    "defaultsubnet": Type("aws:ec2/defaultSubnet:DefaultSubnet", "subnet", ("cidrBlock", "vpcId")),
    "igw": Type("aws:ec2/internetGateway:InternetGateway", "igw"),
    "eigw": Type("aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway", "eigw"),
    "nat": Type("aws:ec2/natGateway:NatGateway", "nat"),
    "vgw": Type("aws:ec2/vpnGateway:VpnGateway", "vgw"),
    "tgw": Type("aws:ec2transitgateway/transitGateway:TransitGateway", "tgw"),
    "tgwattachment": Type("aws:ec2transitgateway/vpcAttachment:VpcAttachment", "tgw-attach"),
    "peering": Type("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "pcx"),
    "cagw": Type("aws:ec2/carrierGateway:CarrierGateway", "cagw"),
    "table": Type("aws:ec2/routeTable:RouteTable", "rtb", ("routes", "propagatingVgws")),
    "defaulttable": Type("aws:ec2/defaultRouteTable:DefaultRouteTable", "rtb", ("routes",)),
    "route": Type("aws:ec2/route:Route", "r", ("networkInterfaceId", "instanceId")),
    "join": Type("aws:ec2/routeTableAssociation:RouteTableAssociation", "rtbassoc"),
    "mainjoin": Type("aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation", "rtbassoc"),
    "propagation": Type("aws:ec2/vpnGatewayRoutePropagation:VpnGatewayRoutePropagation", "vgw"),
    "acl": Type("aws:ec2/networkAcl:NetworkAcl", "acl", ("ingress", "egress", "subnetIds")),
    "defaultacl": Type("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", "acl"),
    "aclrule": Type("aws:ec2/networkAclRule:NetworkAclRule", "nacl"),
    "acljoin": Type("aws:ec2/networkAclAssociation:NetworkAclAssociation", "aclassoc"),
    "group": Type("aws:ec2/securityGroup:SecurityGroup", "sg", ("ingress", "egress", "name", "vpcId")),
    "defaultgroup": Type("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "sg", ("ingress", "egress", "vpcId")),
    "ingress": Type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "sgr"),
    "egress": Type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "sgr"),
    "rule": Type("aws:ec2/securityGroupRule:SecurityGroupRule", "sgrule", ("sourceSecurityGroupId",)),
    "prefixlist": Type("aws:ec2/managedPrefixList:ManagedPrefixList", "pl", ("entries",)),
    "entry": Type("aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry", "pl"),
    "instance": Type(
        "aws:ec2/instance:Instance",
        "i",
        ("subnetId", "vpcSecurityGroupIds", "privateIp", "associatePublicIpAddress", "ipv6AddressCount", "ipv6Addresses",
         "networkInterfaces", "primaryNetworkInterface", "primaryNetworkInterfaceId", "securityGroups"),
    ),
    "eni": Type("aws:ec2/networkInterface:NetworkInterface", "eni", ("securityGroups", "privateIp", "ipv6AddressCount", "ipv6Addresses")),
    "enijoin": Type("aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment", "eni-attach"),
    "enigroup": Type("aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment", "sg"),
    "eip": Type("aws:ec2/eip:Eip", "eipalloc", ("instance", "networkInterface")),
    "eipjoin": Type("aws:ec2/eipAssociation:EipAssociation", "eipassoc", ("instanceId", "networkInterfaceId")),
    "template": Type("aws:ec2/launchTemplate:LaunchTemplate", "lt"),
    "configuration": Type("aws:ec2/launchConfiguration:LaunchConfiguration", "lc"),
    "fleet": Type("aws:autoscaling/group:Group", "asg", ("vpcZoneIdentifiers", "targetGroupArns", "loadBalancers", "tags")),
    "alb": Type("aws:lb/loadBalancer:LoadBalancer", "lb", _BALANCER),
    "oldalb": Type("aws:alb/loadBalancer:LoadBalancer", "lb", _BALANCER),
    "elb": Type("aws:elb/loadBalancer:LoadBalancer", "elb", ("internal", "instances", "securityGroups", "subnets")),
    "targets": Type("aws:lb/targetGroup:TargetGroup", "tg"),
    "target": Type("aws:lb/targetGroupAttachment:TargetGroupAttachment", "tga"),
    "listener": Type("aws:lb/listener:Listener", "listener"),
    "cdn": Type("aws:cloudfront/distribution:Distribution", "E"),
    "vpcorigin": Type("aws:cloudfront/vpcOrigin:VpcOrigin", "vo"),
    "function": Type("aws:lambda/function:Function", "fn"),
    "service": Type("aws:ecs/service:Service", "svc"),
    "efs": Type("aws:efs/mountTarget:MountTarget", "fsmt", ("securityGroups",)),
    "rds": Type("aws:rds/instance:Instance", "db", ("vpcSecurityGroupIds", "dbSubnetGroupName", "publiclyAccessible", "networkType")),
    "aurora": Type("aws:rds/cluster:Cluster", "db", ("vpcSecurityGroupIds", "dbSubnetGroupName", "networkType")),
    "auroranode": Type("aws:rds/clusterInstance:ClusterInstance", "db", ("publiclyAccessible",)),
    "rdssubnets": Type("aws:rds/subnetGroup:SubnetGroup", "dbsub"),
    "cache": Type("aws:elasticache/replicationGroup:ReplicationGroup", "rg", ("securityGroupIds", "subnetGroupName")),
    "cachesubnets": Type("aws:elasticache/subnetGroup:SubnetGroup", "cachesub"),
    "redshift": Type("aws:redshift/cluster:Cluster", "rs", ("vpcSecurityGroupIds", "clusterSubnetGroupName", "publiclyAccessible")),
    "redshiftsubnets": Type("aws:redshift/subnetGroup:SubnetGroup", "rssub"),
    "search": Type("aws:opensearch/domain:Domain", "es"),
    "kafka": Type("aws:msk/cluster:Cluster", "msk"),
    "proxy": Type("aws:rds/proxy:Proxy", "prx"),
    "proxytarget": Type("aws:rds/proxyTarget:ProxyTarget", "prxt"),
    "vpce": Type("aws:ec2/vpcEndpoint:VpcEndpoint", "vpce", ("routeTableIds", "subnetIds", "securityGroupIds")),
    "clientvpn": Type("aws:ec2clientvpn/endpoint:Endpoint", "cvpn", ("securityGroupIds", "vpcId")),
    "eice": Type("aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint", "eice", ("securityGroupIds",)),
    "eks": Type("aws:eks/cluster:Cluster", "eks"),
    "certificate": Type("aws:acm/certificate:Certificate", "certificate"),
    "validation": Type("aws:acm/certificateValidation:CertificateValidation", "validation"),
    "morecertificate": Type("aws:lb/listenerCertificate:ListenerCertificate", "lc"),
    "listenerrule": Type("aws:lb/listenerRule:ListenerRule", "lr"),
    "webacl": Type("aws:wafv2/webAcl:WebAcl", "webacl", ("rules", "ruleJson")),
    "webrule": Type("aws:wafv2/webAclRule:WebAclRule", "webrule"),
    "webgroup": Type("aws:wafv2/ruleGroup:RuleGroup", "rulegroup", ("rules", "rulesJson")),
    "webacljoin": Type("aws:wafv2/webAclAssociation:WebAclAssociation", "webassoc"),
    "weblog": Type("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration", "weblog"),
    "restapi": Type("aws:apigateway/restApi:RestApi", "api", ("endpointConfiguration",)),
    "reststage": Type("aws:apigateway/stage:Stage", "stage", ("webAclArn",)),
    "httpapi": Type("aws:apigatewayv2/api:Api", "api"),
    "httpstage": Type("aws:apigatewayv2/stage:Stage", "stage"),
    "graphql": Type("aws:appsync/graphQLApi:GraphQLApi", "graphql"),
    "bucket": Type("aws:s3/bucket:Bucket", "bkt"),
    "stack": Type("pulumi:pulumi:StackReference", "stack"),
}  # fmt: skip
"""Short names of resource types."""

_ATTRIBUTES: Final = {
    "mainRouteTableId": "rtb", "defaultRouteTableId": "rtb", "defaultNetworkAclId": "acl", "defaultSecurityGroupId": "sg",
    "prefixListId": "pl", "primaryNetworkInterfaceId": "eni", "networkInterfaceId": "eni",
}  # fmt: skip
"""Attributes that others refer to, and how their ids begin."""

_SUGAR: Final = {"route": ("of", "to"), "ingress": ("of", "allow"), "egress": ("of", "allow"), "rule": ("of", "allow"),
                 "aclrule": ("of", "ingress", "egress"), "entry": ("of",)}  # fmt: skip
_RULE: Final = re.compile(r"(?P<protocol>[\w-]+)(?: (?P<ports>-?\d+/-?\d+|\d+(?:-\d+)?))? (?:from|to) (?P<ends>.+)")
_LINE: Final = re.compile(r"(?P<number>\d+|<\w*>) (?P<action>allow|deny|<\w*>) (?P<rest>.+)")
_GROUP_ID: Final = re.compile(r"(\d{12}/)?sg-\w+")


@dataclass(frozen=True, slots=True)
class Ref:
    """`$name` or `$name.attribute`."""

    name: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """`<>`, `<name>` or `<a|b>`."""

    names: tuple[str, ...] = ()


def build(written: Sequence[Mapping[str, Any]], *, deployed: bool) -> list[Resource]:
    """The resources of a case, in a preview or after deployment. Raises `CorpusError`."""
    return _Network(written, deployed).resources()


def name_of(item: object) -> str:
    """The logical name of a resource as written. Raises `CorpusError` for what is no resource."""
    if not isinstance(item, Mapping) or not item:
        raise CorpusError(f"{item!r} is no resource; write {{type: name, property: value}}")
    kind, name = next(iter(item.items()))
    if kind not in TYPES:
        raise CorpusError(f"{kind!r} is no type; the first word of a resource is one of {', '.join(sorted(TYPES))}")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][\w-]*", name):
        raise CorpusError(f"{name!r} is no name of a {kind}")
    return name


class _Network:
    def __init__(self, written: Sequence[Mapping[str, Any]], deployed: bool) -> None:
        self._deployed = deployed
        self._written: dict[str, Mapping[str, Any]] = {}
        for item in written:
            if name_of(item) in self._written:
                raise CorpusError(f"two resources are called {name_of(item)!r}")
            self._written[name_of(item)] = item

    def resources(self) -> list[Resource]:
        return [self._resource(name, item) for name, item in self._written.items()]

    def _resource(self, name: str, item: Mapping[str, Any]) -> Resource:
        kind = next(iter(item))
        given = self._plain(kind, name, {key: value for key, value in item.items() if key != kind})
        known = _properties(TYPES[kind].token)
        _check(given, known, f"{kind} {name}")
        props: dict[str, Any] = {"id": f"{TYPES[kind].start}-0{name}" if self._deployed else UNKNOWN}
        for key, start in _ATTRIBUTES.items() if kind in ("vpc", "defaultvpc") else ():
            props[key] = f"{start}-0{name}" if self._deployed and key in known else UNKNOWN
        for key in ("arn", "name"):
            if key in known:
                props[key] = self._identity(name, key) if self._deployed else UNKNOWN
        props.update(dict.fromkeys(() if self._deployed else TYPES[kind].computed, UNKNOWN))
        deps: dict[str, list[str | Resource]] = {}
        for key, value in given.items():
            read = _read(value)
            props[key] = self._value(read, key)
            deps[key] = list(dict.fromkeys(self._sources(read)))
        return resource(TYPES[kind].token, name, props, deps=deps)

    def _plain(self, kind: str, name: str, item: dict[str, Any]) -> dict[str, Any]:
        """The properties with all shorthands written out."""
        own = {key: item.pop(key) for key in _SUGAR.get(kind, ()) if key in item}
        made: dict[str, Any] = {}
        if "of" in own:
            made[{"route": "routeTableId", "aclrule": "networkAclId", "entry": "prefixListId"}.get(kind, "securityGroupId")] = own["of"]
        if "to" in own:
            made[_destination(own["to"], ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"))] = own["to"]
        if "allow" in own:
            made |= self._own_rule(kind, own["allow"])
        for direction in ("ingress", "egress"):
            if direction in own:
                made |= {"egress": direction == "egress", **_line(own[direction], ("ruleNumber", "ruleAction"))}
            if kind in ("group", "defaultgroup") and isinstance(item.get(direction), list):
                item[direction] = [self._inline(rule) if isinstance(rule, str) else rule for rule in item[direction]]
            if kind in ("acl", "defaultacl") and isinstance(item.get(direction), list):
                item[direction] = [_line(rule, ("ruleNo", "action")) if isinstance(rule, str) else rule for rule in item[direction]]
        if kind == "prefixlist" and isinstance(item.get("entries"), list):
            item["entries"] = [{"cidr": entry} for entry in item["entries"]]
        if kind == "rule":
            item.setdefault("type", "ingress")
        if both := sorted(made.keys() & item.keys()):
            raise CorpusError(f"{kind} {name}: {both[0]} is given twice, as itself and by its shorthand")
        return made | item

    def _own_rule(self, kind: str, text: str) -> dict[str, Any]:
        if kind == "rule":
            made = self._inline(text)
            groups = made.pop("securityGroups", [])
            return made | ({"sourceSecurityGroupId": groups[0]} if groups else {})
        fields, ends = _parse(text)
        if len(ends) != 1:
            raise CorpusError(f"{text!r}: a rule of this type has one source")
        names = ("cidrIpv4", "cidrIpv6", "prefixListId")
        made = {"ipProtocol" if key == "protocol" else key: value for key, value in fields.items()}
        return made | {"referencedSecurityGroupId" if self._is_group(ends[0]) else self._end(ends[0], names): ends[0]}

    def _inline(self, text: str) -> dict[str, Any]:
        made, ends = _parse(text)
        for end in ends:
            if end == "self":
                made["self"] = True
            else:
                key = "securityGroups" if self._is_group(end) else self._end(end, ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds"))
                made.setdefault(key, []).append(end)
        return made

    def _is_group(self, end: str) -> bool:
        if end.startswith("$"):
            name, _, attribute = end[1:].partition(".")
            return attribute == "defaultSecurityGroupId" or (not attribute and "group" in self._kind(name))
        return bool(_GROUP_ID.fullmatch(end))

    def _end(self, end: str, names: tuple[str, str, str]) -> str:
        if end.startswith("$") and (self._kind(end[1:].partition(".")[0]) == "prefixlist" or end.endswith(".prefixListId")):
            return names[2]
        return _destination(end, names)

    def _kind(self, name: str) -> str:
        if name not in self._written:
            raise CorpusError(f"nothing in the case is called {name!r}")
        return next(iter(self._written[name]))

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, Ref):
            return self._identity(value.name, value.attribute or key) if self._deployed else UNKNOWN
        if isinstance(value, Doubt):
            return UNKNOWN
        if isinstance(value, Mapping):
            return {inner: self._value(item, inner) for inner, item in value.items()}
        return [self._value(item, key) for item in value] if isinstance(value, list) else value

    def _sources(self, value: Any) -> Iterator[str]:
        for name in (value.name,) if isinstance(value, Ref) else value.names if isinstance(value, Doubt) else ():
            self._kind(name)
            yield name
        for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
            yield from self._sources(item)

    def _identity(self, name: str, key: str) -> str:
        """What a property of that name holds after deployment: an id, an ARN or a name."""
        kind = TYPES[self._kind(name)]
        if key in _ATTRIBUTES and kind.start != _ATTRIBUTES[key]:
            return f"{_ATTRIBUTES[key]}-0{name}"
        if key.lower().endswith(("arn", "arns")):
            return f"arn:aws:{kind.token.split(':')[1].partition('/')[0]}:eu-west-1:123456789012:{kind.start}/{kind.start}-0{name}"
        return f"{name}-0a1b2c3" if key.lower().endswith("name") else f"{kind.start}-0{name}"


def _destination(value: object, names: tuple[str, str, str]) -> str:
    """Which of the properties for IPv4, IPv6 and prefix lists a text belongs in."""
    text = str(value)
    return names[2] if text.startswith(("pl-", "$")) else names[1] if ":" in text else names[0]


def _parse(text: str) -> tuple[dict[str, Any], list[str]]:
    """Protocol and ports of a rule's text, and its sources."""
    match = _RULE.fullmatch(text)
    if match is None:
        raise CorpusError(f"{text!r} is no rule; write tcp 443 from 0.0.0.0/0")
    made: dict[str, Any] = {"protocol": "-1" if match["protocol"] == "all" else match["protocol"]}
    if match["ports"]:
        first, slash, last = match["ports"].partition("/")
        if not slash:
            first, _, last = first.partition("-")
        made |= {"fromPort": _number(first), "toPort": _number(last or first)}
    return made, match["ends"].split(" + ")


def _line(text: str, names: tuple[str, str]) -> dict[str, Any]:
    """A network ACL's rule."""
    match = _LINE.fullmatch(text)
    if match is None:
        raise CorpusError(f"{text!r} is no rule of a network ACL; write 100 allow tcp 443 from 0.0.0.0/0")
    made, ends = _parse(match["rest"])
    key = _destination(ends[0], ("cidrBlock", "ipv6CidrBlock", ""))
    if not key or len(ends) != 1:
        raise CorpusError(f"{text!r}: a rule of a network ACL has one CIDR")
    if made["protocol"] in ("icmp", "1", "58") and "fromPort" in made:
        made |= {"icmpType": made.pop("fromPort"), "icmpCode": made.pop("toPort")}
    last = 65535 if made["protocol"] in ("tcp", "udp", "6", "17") else 0
    return {names[0]: _number(match["number"]), names[1]: match["action"], "fromPort": 0, "toPort": last, **made, key: ends[0]}


def _number(text: str) -> int | str:
    return text if text.startswith("<") else int(text)


def _read(value: Any) -> Any:
    """The value with references and unknowns as objects."""
    if isinstance(value, str) and value.startswith("$"):
        name, _, attribute = value[1:].partition(".")
        return Ref(name, attribute)
    if isinstance(value, str) and value.startswith("<") and value.endswith(">"):
        return Doubt(tuple(name for name in value[1:-1].split("|") if name))
    if isinstance(value, Mapping):
        return {key: _read(item) for key, item in value.items()}
    return [_read(item) for item in value] if isinstance(value, list) else value


def _check(value: Any, known: Any, where: str) -> None:
    """Raises `CorpusError` for a property that the SDK's type does not have."""
    if isinstance(known, dict) and isinstance(value, Mapping):
        for key, item in value.items():
            if key not in known:
                raise CorpusError(f"{where} has no property {key!r}; it has {', '.join(sorted(known))}")
            _check(item, _inner(known[key]), f"{where}.{key}")
    elif isinstance(value, list):
        for item in value:
            _check(item, known[0] if isinstance(known, list) else None, where)
    elif isinstance(known, dict | list) and value is not None and not (isinstance(value, str) and value[:1] in "$<" and value):
        raise CorpusError(f"{where} is {value!r}; a {'list' if isinstance(known, list) else 'map'} is wanted")


@cache
def _properties(token: str) -> dict[str, Any]:
    package, module, name = token.replace("/", ":").split(":")[0], token.split(":")[1].partition("/")[0], token.rpartition(":")[2]
    if package != "aws":
        return {"name": str, "outputs": dict}
    found = importlib.import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}")
    return dict(_types.resource_types(getattr(found, name)))


def _inner(kind: Any) -> Any:
    """Properties of a nested type, a list with those of its items, or None for a plain value."""
    kind = _types.unwrap_type(kind)
    if _types.is_output_type(kind):
        return dict(_types.output_type_types(kind))
    if typing.get_origin(kind) in (list, Sequence, typing.Sequence):
        return [_inner(typing.get_args(kind)[0])]
    return None
