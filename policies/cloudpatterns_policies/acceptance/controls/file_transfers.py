"""Transfer Family: servers and their users."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.core import Fail, Resource, Severity, Verdict, control
from cloudpatterns_policies.graph.reading import has_value

_SERVER_PAGE: Final = "https://docs.aws.amazon.com/transfer/latest/APIReference/API_CreateServer.html"

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="transfer-server-protocols",
    title="A server's endpoint and identities suit its protocols",
    types=("aws:transfer/server:Server",),
    why="Transfer Family refuses FTP and FTPS on a public endpoint or with its own users, and FTPS without a certificate.",
    remediation="Use endpoint_type VPC, identities of Lambda, API Gateway or a directory, and a certificate for FTPS; or SFTP alone.",
    url=_SERVER_PAGE,
)
def transfer_server_protocols(resource: Resource) -> Iterator[Verdict]:
    protocols = resource.get("protocols", ["SFTP"])
    plain = [name for name in protocols if name in ("FTP", "FTPS")]
    if plain:
        endpoint, identities = resource.get("endpointType", "PUBLIC"), resource.get("identityProviderType", "SERVICE_MANAGED")
        if endpoint != "VPC":
            yield Fail(f"has {' and '.join(plain)} on an endpoint of the type {endpoint}", "endpointType")
        if identities == "SERVICE_MANAGED":
            yield Fail(f"has {' and '.join(plain)} with identities of the type {identities}", "identityProviderType")
    if "FTPS" in protocols and not has_value(resource, "certificate"):
        yield Fail("has FTPS and no certificate", "certificate")
    if "FTP" in protocols and has_value(resource, "endpointDetails.addressAllocationIds"):
        yield Fail("has FTP and Elastic IP addresses", "endpointDetails.addressAllocationIds")


@_refusal(
    id="transfer-dual-stack-addresses",
    title="A server with IPv6 has no Elastic IP addresses",
    types=("aws:transfer/server:Server",),
    why="Transfer Family refuses address allocations on a server of the address type DUALSTACK.",
    remediation="Leave address_allocation_ids out, or set ip_address_type to IPV4.",
    url=_SERVER_PAGE,
)
def transfer_dual_stack_addresses(resource: Resource) -> Iterator[Verdict]:
    if resource.get("ipAddressType") == "DUALSTACK" and has_value(resource, "endpointDetails.addressAllocationIds"):
        yield Fail("has Elastic IP addresses and the address type DUALSTACK", "endpointDetails.addressAllocationIds")


@_refusal(
    id="transfer-home-directory",
    title="A user's home directory is a path, or mappings of the type LOGICAL",
    types=("aws:transfer/user:User", "aws:transfer/access:Access"),
    why="Transfer Family refuses LOGICAL without mappings, and mappings of another type.",
    remediation="Set home_directory_type to LOGICAL and give home_directory_mappings, or set home_directory.",
    url="https://docs.aws.amazon.com/transfer/latest/APIReference/API_CreateUser.html",
)
def transfer_home_directory(resource: Resource) -> Iterator[Verdict]:
    kind, mapped = resource.get("homeDirectoryType", "PATH"), has_value(resource, "homeDirectoryMappings")
    if kind == "LOGICAL" and not mapped:
        yield Fail("has a LOGICAL home directory and no mappings", "homeDirectoryMappings")
    if kind == "PATH" and mapped:
        yield Fail("has mappings, and a home directory of the type PATH", "homeDirectoryType")
