"""Entries of a network for others: transit gateways, endpoint services, VPN connections and clients."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import has_value, read

_EC2: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html"
_TUNNELS: Final = "https://docs.aws.amazon.com/vpn/latest/s2svpn/VPNTunnels.html"

_VPN: Final = "aws:ec2/vpnConnection:VpnConnection"
_CLIENTS: Final = "aws:ec2clientvpn/endpoint:Endpoint"
_BOTH: Final = ("tunnel1", "tunnel2")
_WEAK_GROUPS: Final = (2, 5)
"""Diffie-Hellman groups of 1,024 and 1,536 bits."""


@control(
    id="transit-gateway-manual-acceptance",
    title="Transit gateways do not accept attachments of other accounts by themselves",
    severity=Severity.HIGH,
    types=("aws:ec2transitgateway/transitGateway:TransitGateway",),
    why="Every account that the gateway is shared with could connect any VPC to the network, without anybody looking at it.",
    remediation='Omit auto_accept_shared_attachments, or set it to "disable".',
    url=f"{_EC2}#ec2-23",
    frameworks={"FSBP": ("EC2.23",), "Checkov": ("CKV_AWS_331",)},
)
def transit_gateway_manual_acceptance(resource: Resource) -> Verdict:
    path = "autoAcceptSharedAttachments"
    return Fail("accepts attachments of other accounts by itself", path) if resource.get(path, "disable") == "enable" else Pass()


@control(
    id="endpoint-service-acceptance",
    title="VPC endpoint services accept connections by hand",
    severity=Severity.MEDIUM,
    types=("aws:ec2/vpcEndpointService:VpcEndpointService",),
    why="Every allowed principal can connect a VPC to the service, without anybody looking at it.",
    remediation="Set acceptance_required to True, and accept each connection by an aws.ec2.VpcEndpointConnectionAccepter.",
    url="https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html",
    frameworks={"Checkov": ("CKV_AWS_123",)},
)
def endpoint_service_acceptance(resource: Resource) -> Verdict:
    return Pass() if resource.get("acceptanceRequired") else Fail("accepts every connection by itself", "acceptanceRequired")


@stack_control(
    id="vpc-endpoint-security-groups",
    title="Interface endpoints have security groups of their own",
    severity=Severity.LOW,
    types=("aws:ec2/vpcEndpoint:VpcEndpoint",),
    why="Without one, the endpoint has the VPC's default security group, which should allow nothing.",
    remediation="Set security_group_ids to a group that allows port 443 from the callers.",
    url="https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html",
)
def vpc_endpoint_security_groups(resource: Resource, stack: Stack) -> Verdict:
    kind = read(resource, "vpcEndpointType", computed=True) or "Gateway"
    if kind is UNKNOWN:
        return Unknown("vpcEndpointType")
    if kind != "Interface":
        return NotApplicable(f"is an endpoint of type {kind}")
    return Pass() if has_value(resource, "securityGroupIds", computed=True) else Fail("names no security group", "securityGroupIds")


def _each_tunnel(name: str) -> Iterator[str]:
    """The paths of a property of both tunnels."""
    yield from (f"{tunnel}{name}" for tunnel in _BOTH)


@control(
    id="vpn-ike-version",
    title="VPN tunnels use IKEv2 alone",
    # A device of a customer may have IKEv1 alone; AWS accepts both by default.
    severity=Severity.LOW,
    types=(_VPN,),
    why="IKEv1 is deprecated, and shows more of the negotiation to whoever listens.",
    remediation='Set tunnel1_ike_versions and tunnel2_ike_versions to ["ikev2"].',
    url=_TUNNELS,
)
def vpn_ike_version(resource: Resource) -> Iterator[Verdict]:
    for path in _each_tunnel("IkeVersions"):
        if resource.unknown_paths(path):
            yield Unknown(path)
        elif list(resource.get(path, ())) != ["ikev2"]:
            yield Fail("accepts IKEv1", path)


@control(
    id="vpn-strong-algorithms",
    title="VPN tunnels accept no SHA-1 and no short Diffie-Hellman groups",
    severity=Severity.LOW,
    types=(_VPN,),
    why="By default AWS accepts SHA-1 and groups of 1,024 bits, and an attacker in between can force the tunnel down to them.",
    remediation='Set the integrity algorithms of both phases and tunnels to ["SHA2-256"] or longer, and the group numbers to 14 or higher.',
    url=_TUNNELS,
)
def vpn_strong_algorithms(resource: Resource) -> Iterator[Verdict]:
    for phase in ("Phase1", "Phase2"):
        for path in _each_tunnel(f"{phase}IntegrityAlgorithms"):
            if resource.unknown_paths(path):
                yield Unknown(path)
            elif not (algorithms := resource.get(path)) or "SHA1" in algorithms:
                yield Fail("accepts SHA-1", path)
        for path in _each_tunnel(f"{phase}DhGroupNumbers"):
            if resource.unknown_paths(path):
                yield Unknown(path)
            elif not (groups := resource.get(path)) or any(int(group) in _WEAK_GROUPS for group in groups):
                yield Fail("accepts short Diffie-Hellman groups", path)


@control(
    id="vpn-tunnel-logs",
    title="VPN tunnels write logs",
    severity=Severity.MEDIUM,
    types=(_VPN,),
    why="Without logs, nobody can find out why a tunnel failed, or who tried to open one.",
    remediation="Set cloudwatch_log_options with log_enabled=True and a log_group_arn in tunnel1_log_options and tunnel2_log_options.",
    url=f"{_EC2}#ec2-171",
    frameworks={"FSBP": ("EC2.171",)},
)
def vpn_tunnel_logs(resource: Resource) -> Iterator[Verdict]:
    for path in _each_tunnel("LogOptions.cloudwatchLogOptions.logEnabled"):
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, False):
            yield Fail("writes no logs", path)


@control(
    id="client-vpn-connection-logs",
    title="Client VPN endpoints log connections",
    severity=Severity.MEDIUM,
    types=(_CLIENTS,),
    why="After an incident, nobody can find out who was connected to the network.",
    remediation="Set connection_log_options with enabled=True and a cloudwatch_log_group.",
    url=f"{_EC2}#ec2-51",
    frameworks={"FSBP": ("EC2.51",)},
)
def client_vpn_connection_logs(resource: Resource) -> Verdict:
    path = "connectionLogOptions.enabled"
    return Pass() if resource.get(path, False) else Fail("does not log connections", path)


@control(
    id="vpc-default-not-used",
    title="Workloads have VPCs of their own, not the account's default VPC",
    severity=Severity.LOW,
    types=("aws:ec2/defaultVpc:DefaultVpc", "aws:ec2/defaultSubnet:DefaultSubnet"),
    why="Each subnet of the default VPC has a route to the internet and gives instances public addresses.",
    remediation="Create an aws.ec2.Vpc with private subnets; the component Network does.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html",
    frameworks={"Checkov": ("CKV_AWS_148",)},
)
def vpc_default_not_used(resource: Resource) -> Verdict:
    return Fail("belongs to the account's default VPC" if resource.type.endswith("Subnet") else "is the account's default VPC")


@control(
    id="accelerator-flow-logs",
    title="Accelerators write flow logs",
    severity=Severity.MEDIUM,
    types=("aws:globalaccelerator/accelerator:Accelerator",),
    why="After an incident, nobody can find out which addresses reached the endpoints.",
    remediation="Set attributes with flow_logs_enabled=True, flow_logs_s3_bucket and flow_logs_s3_prefix.",
    url="https://docs.aws.amazon.com/global-accelerator/latest/dg/monitoring-global-accelerator.flow-logs.html",
    frameworks={"Checkov": ("CKV_AWS_75",)},
)
def accelerator_flow_logs(resource: Resource) -> Verdict:
    path = "attributes.flowLogsEnabled"
    return Pass() if resource.get(path, False) else Fail("writes no flow logs", path)
