"""Arguments of a service mesh, and the rules over them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, Matches, Problem, declared, is_given, needs, unknown
from cloudpatterns.core.vocabulary import MOST_SECURITY_GROUPS, HostedZoneId, Port
from cloudpatterns.network._lattice import NAME_LIMITS, LatticeArgs, access_log_problems, lattice_name_problems

Weight = Annotated[pulumi.Input[int], Field(ge=0, le=999)]
"""A share of requests, in proportion to the other weights."""
WITHOUT_HEALTH_CHECK = ("alb", "lambda")
"""Target types that VPC Lattice does not check, and that take one target each.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/register-targets.html
"""
# Names of children join a service with its versions, callers and targets; a name that holds such a part could spell another pair.
_NAMES = Keys(
    "(?!(?:[a-z0-9]+-)*(?:caller|target)(?:-|$))[a-z0-9]+(?:-[a-z0-9]+)*",
    "lower-case letters and digits with single hyphens between them, and no part `caller` or `target`",
)


class MeshVersionArgs(TypedDict):
    """One version of a service."""

    weight: NotRequired[Weight]
    """Its share of the requests, in proportion to the other versions'. Default: all for a single version; none for one of several, which
    then gets the requests of ``canary`` alone."""
    target_type: NotRequired[Annotated[str, Choice("instance", "ip", "alb", "lambda"), Field(default="instance")]]
    """Type of the targets; ``alb`` is an internal load balancer."""
    port: NotRequired[Port]
    """The port of the targets. Required with every ``target_type`` but ``lambda``."""
    protocol: NotRequired[Annotated[str, Choice("HTTP", "HTTPS"), Field(default="HTTP")]]
    """Protocol to the targets, whose certificate is not checked. Not for ``lambda``."""
    protocol_version: NotRequired[Annotated[str, Choice("HTTP1", "HTTP2", "GRPC"), Field(default="HTTP1")]]
    """Version of the protocol. Not for ``lambda``."""
    targets: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Targets by a name of your choice: ids of instances, addresses, or the ARN of a load balancer or function. Without any, they register
    themselves, or a controller registers them."""
    health_check_path: NotRequired[Annotated[str, Field(max_length=2048), Matches("/[a-zA-Z0-9@:%_+.~#?&/=-]*", "a path such as /health")]]
    """Path of the health check. Load balancers and functions have none. Default: ``/``; with ``GRPC`` no health check, which VPC Lattice
    sends over HTTP2 where a path is given."""
    health_check_port: NotRequired[Port]
    """Port of the health check, at which the targets must admit VPC Lattice as well. Default: the targets' port."""
    health_check_matcher: NotRequired[
        Annotated[str, Matches(r"\d+([-,]\d+)*", "status codes such as 200 or 200-299"), Field(default="200")]
    ]
    """Status codes of a healthy target."""
    health_check_interval_seconds: NotRequired[Annotated[int, Field(default=15, ge=5, le=300)]]
    """Seconds between two checks."""
    health_check_timeout_seconds: NotRequired[Annotated[int, Field(default=5, ge=1, le=120)]]
    """Seconds without an answer after which a check has failed."""
    healthy_threshold: NotRequired[Annotated[int, Field(default=2, ge=2, le=10)]]
    """Successes in a row after which a target gets requests."""
    unhealthy_threshold: NotRequired[Annotated[int, Field(default=3, ge=2, le=10)]]
    """Failures in a row after which a target gets no more requests."""


class MeshCanaryArgs(TypedDict):
    """Requests that choose their version by a header."""

    weights: dict[str, Weight]
    """Version to weight of the requests with the header: ``{"v2": 20, "v1": 80}`` or ``{"v2": 100}``."""
    header_name: NotRequired[
        Annotated[
            str,
            Matches("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", "a header of at most 100 characters such as x-canary"),
            Field(default="x-canary"),
        ]
    ]
    """The header."""
    header_value: NotRequired[Annotated[str, Field(default="true", min_length=1, max_length=200)]]
    """Its exact value, in upper or lower case."""


class MeshServiceArgs(TypedDict):
    """One service."""

    # https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_ForwardAction.html
    versions: Annotated[dict[str, MeshVersionArgs], Keys("[a-z0-9]+", "lower-case letters and digits"), Field(min_length=1, max_length=10)]
    """Its versions by name, such as ``v1``. The port and protocol of a version never change: another
    port or protocol is another version."""
    canary: NotRequired[MeshCanaryArgs]
    """Requests that choose their version by a header. Default: no request does."""
    external_weights: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a release controller changes the weights, those of ``canary`` too. The weights given here are then those of the first
    deployment, and no later one changes the routes: the controller also adds and removes versions. Remove a version from the routes before
    you remove it here."""
    callers: NotRequired[Annotated[dict[str, pulumi.Input[str]], _NAMES, Field(default={})]]
    """Who may call, by a name of your choice: ARNs of IAM roles, whose requests must be signed (SigV4, service ``vpc-lattice-svcs``).
    Needed unless ``iam_auth`` is false."""
    iam_auth: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether VPC Lattice authenticates callers by IAM. Without, it accepts every request that reaches it."""
    port: NotRequired[Annotated[Port, Field(default=443)]]
    """Port of the TLS listener. A change replaces the listener."""
    custom_domain_name: NotRequired[Annotated[str, Field(min_length=3, max_length=255)]]
    """A custom domain name, with ``certificate_arn``. A change replaces the service. Default: a name and certificate of VPC Lattice."""
    certificate_arn: NotRequired[pulumi.Input[str]]
    """The certificate of ``custom_domain_name``, in this Region. Required with ``custom_domain_name``."""
    hosted_zone_id: NotRequired[HostedZoneId]
    """The hosted zone in which ``custom_domain_name`` gets an alias record. Default: no record; you create it."""


class ServiceMeshArgs(LatticeArgs):
    """Arguments of ``ServiceMesh``."""

    vpc_id: pulumi.Input[str]
    """The VPC of the targets, and of the callers unless ``service_network_id`` or ``associate`` says otherwise."""
    services: Annotated[dict[str, MeshServiceArgs], _NAMES, Field(min_length=1)]
    """The services by name."""
    security_group_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=MOST_SECURITY_GROUPS)]]
    """Security groups of the VPC's connection to the mesh: their ingress rules decide who in the VPC may reach its services. Needed with a
    new service network."""
    service_network_id: NotRequired[pulumi.Input[str]]
    """An existing service network to join, such as one that several VPCs share; its connections and auth policy are not changed.
    Default: a new one for this VPC."""
    associate: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the services join a service network; false where another component does that, such as ``ZeroTrustNetwork``."""


def weights(versions: Mapping[str, MeshVersionArgs]) -> dict[str, pulumi.Input[int]]:
    """The versions that get requests without the canary's header, with their weights."""
    given = {key: weight for key, version in versions.items() if (weight := version.get("weight")) is not None}
    return given if given or len(versions) > 1 else dict.fromkeys(versions, 100)


def child_names(checked: ServiceMeshArgs) -> dict[str, int]:
    """AWS's limits for the names of children."""
    limits = {"network": NAME_LIMITS["network"]}
    for key, service in checked["services"].items():
        limits |= {key: NAME_LIMITS["service"], f"{key}-https": NAME_LIMITS["listener"], f"{key}-canary": NAME_LIMITS["rule"]}
        limits |= {f"{key}-{version}": NAME_LIMITS["target_group"] for version in service["versions"]}
    return limits


def problems(name: str, checked: ServiceMeshArgs) -> Iterator[Problem]:
    """Everything that is wrong with checked arguments."""
    yield from lattice_name_problems(name)
    yield from _network_problems(checked)
    yield from access_log_problems(checked)
    for key, service in checked["services"].items():
        yield from _service_problems(f"services.{key}", service)
        yield from _route_problems(f"services.{key}", service)


def _network_problems(checked: ServiceMeshArgs) -> Iterator[Problem]:
    creates_network = checked["associate"] and not is_given(checked, "service_network_id")
    if creates_network and not checked["security_group_ids"]:
        yield "security_group_ids", "is missing; a new service network needs a group that decides who in the VPC may reach it. Give one."
    if not creates_network and checked["security_group_ids"]:
        yield "security_group_ids", "is only for the VPC connection of a new service network. Remove it."
    if not checked["associate"] and is_given(checked, "service_network_id"):
        yield "service_network_id", "excludes associate = False, with which the services join no network. Remove one of them."


def _service_problems(path: str, service: MeshServiceArgs) -> Iterator[Problem]:
    if service["iam_auth"] and not service["callers"]:
        yield f"{path}.callers", "is empty, so nobody could call. Name the callers' roles, or set iam_auth to False."
    if not service["iam_auth"] and service["callers"]:
        yield f"{path}.callers", "needs iam_auth, which is False. Remove one of them."
    yield from needs(service, "custom_domain_name", "certificate_arn", path=f"{path}.")
    for argument in ("certificate_arn", "hosted_zone_id"):
        yield from needs(service, argument, "custom_domain_name", path=f"{path}.")
    for key, version in service["versions"].items():
        yield from _version_problems(f"{path}.versions.{key}", version)


def _version_problems(path: str, version: MeshVersionArgs) -> Iterator[Problem]:
    kind = version["target_type"]
    if kind != "lambda" and not is_given(version, "port"):
        yield f"{path}.port", f"is missing; targets of the type {kind} listen on a port. Give it."
    health_check = [key for key in declared(MeshVersionArgs) if key.startswith("health_check") or key.endswith("healthy_threshold")]
    excluded = ("port", "protocol", "protocol_version") if kind == "lambda" else ()
    for name in (*excluded, *(health_check if kind in WITHOUT_HEALTH_CHECK else ())):
        if is_given(version, name):
            yield f"{path}.{name}", f"is not supported on the target_type {kind}. Remove it."
    if kind in WITHOUT_HEALTH_CHECK and len(version["targets"]) > 1:
        yield f"{path}.targets", f"has {len(version['targets'])} targets; the target_type {kind} takes one. Add a version for each."


def _route_problems(path: str, service: MeshServiceArgs) -> Iterator[Problem]:
    versions, canary = service["versions"], service.get("canary")
    routed = weights(versions)
    canary_weights = canary["weights"] if canary else {}
    if _is_nothing(routed):
        yield f"{path}.versions", "have no weight above 0, so requests would have no target. Give one of them a weight."
    for version in canary_weights:
        if version not in versions:
            yield f"{path}.canary.weights.{version}", unknown(version, "a version", versions)
    if canary and _is_nothing(canary_weights):
        yield f"{path}.canary.weights", "have no weight above 0, so requests would have no target. Give one version a weight."
    if not service["external_weights"]:
        for version in (key for key in versions if key not in routed and key not in canary_weights):
            reason = "is missing, and no canary names the version. Give it a weight; with 0 it gets no requests yet."
            yield f"{path}.versions.{version}.weight", reason


def _is_nothing(given: Mapping[str, pulumi.Input[int]]) -> bool:
    return all(isinstance(weight, int) and weight == 0 for weight in given.values())
