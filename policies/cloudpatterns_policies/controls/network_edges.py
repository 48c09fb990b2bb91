"""Connections of a VPC to other networks: VPC block public access, peering, NAT."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.addresses import parse
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html"

_ROUTE: Final = "aws:ec2/route:Route"
_ROUTES: Final = (_ROUTE, "aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable")
_DEFAULT_ROUTES: Final = ("0.0.0.0/0", "::/0")


def _routes(resource: Resource) -> Iterator[tuple[str, tuple[str, str]]]:
    """For each route its prefix and the names of its destinations. Raises `UnknownValueError` for a list that is unknown."""
    if resource.type == _ROUTE:
        yield "", ("destinationCidrBlock", "destinationIpv6CidrBlock")
    else:
        for index in range(len(resource.get("routes", ()))):
            yield f"routes.{index}.", ("cidrBlock", "ipv6CidrBlock")


@control(
    id="vpc-block-public-access",
    title="VPC block public access is not disabled",
    severity=Severity.MEDIUM,
    types=("aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions",),
    why="Without it, one internet gateway and one route expose any subnet of the region to the internet.",
    remediation='Set internet_gateway_block_mode to "block-bidirectional" or "block-ingress", and exclude the VPCs that need the internet.',
    url=f"{_PAGE}#ec2-172",
    frameworks={"FSBP": ("EC2.172",)},
)
def vpc_block_public_access(resource: Resource) -> Verdict:
    path = "internetGatewayBlockMode"
    mode = resource.get(path, "off")
    return Pass() if mode in ("block-bidirectional", "block-ingress") else Fail(f"has its mode at {mode}", path)


@control(
    id="peering-routes-narrow",
    title="Routes to peered VPCs are narrow",
    severity=Severity.MEDIUM,
    types=_ROUTES,
    why="A wide route also makes everything reachable that is added to the peered VPC later.",
    remediation="Set the route's destination to the CIDR of the subnets that must be reached.",
    url="https://docs.aws.amazon.com/vpc/latest/peering/peering-configurations-partial-access.html",
    frameworks={"CIS 5.0": ("5.6",), "Checkov": ("CKV2_AWS_44",)},
    config={
        # The largest CIDR blocks of a VPC: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
        "minimumPrefix": {
            "type": "integer",
            "minimum": 0,
            "maximum": 32,
            "default": 16,
            "description": "Shortest IPv4 prefix that a route to a peer may have.",
        },
        "minimumIpv6Prefix": {
            "type": "integer",
            "minimum": 0,
            "maximum": 128,
            "default": 44,
            "description": "Shortest IPv6 prefix that a route to a peer may have.",
        },
    },
)
def peering_routes_narrow(resource: Resource, config: Mapping[str, Any]) -> list[Verdict]:
    limits = {4: config["minimumPrefix"], 6: config["minimumIpv6Prefix"]}
    found: list[Verdict] = []
    for prefix, destinations in _routes(resource):
        # An unknown id is an id too: it comes from another resource.
        if read(resource, f"{prefix}vpcPeeringConnectionId") is None:
            continue
        for name in destinations:
            path = f"{prefix}{name}"
            text = read(resource, path)
            if text is UNKNOWN:
                found.append(Unknown(path))
            elif text is not None:
                found.append(Fail(f"routes all of {text} to a peered VPC", path) if _wide(text, limits) else Pass())
    return found or [NotApplicable("has no route to a peered VPC by CIDR")]


def _wide(text: str, limits: Mapping[int, int]) -> bool:
    try:
        version, _ = parse(text)
    except ValueError:
        return False
    length = text.rpartition("/")[2]
    return "/" in text and int(length) < limits[version]


@control(
    id="nat-gateway-default-route",
    title="Default routes lead to managed gateways",
    # A NAT instance trades availability for cost, which is reasonable outside production.
    severity=Severity.LOW,
    types=_ROUTES,
    why="Behind a single instance, the whole subnet loses outbound access whenever that instance is patched, overloaded or terminated.",
    remediation="Set nat_gateway_id of the route to an aws.ec2.NatGateway of the same zone.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-comparison.html",
    frameworks={"Checkov": ("CKV2_AWS_35",)},
)
def nat_gateway_default_route(resource: Resource) -> list[Verdict]:
    found: list[Verdict] = []
    for prefix, destinations in _routes(resource):
        path = f"{prefix}networkInterfaceId"
        if read(resource, path) is None:
            continue
        for name in destinations:
            text = read(resource, f"{prefix}{name}")
            if text is UNKNOWN:
                found.append(Unknown(f"{prefix}{name}"))
            elif text in _DEFAULT_ROUTES:
                found.append(Fail(f"routes {text} through a single network interface", path))
    return found
