"""Service Mesh (2025 guide, "Service Mesh", "Traffic splitting for canary releases"): services that find, trust and watch each other
without code of their own, and releases that take their traffic step by step.

Makes VPC Lattice services with a TLS listener each, a target group with health checks per version, the weights between versions, a rule
that lets a header such as ``x-canary`` choose, auth policies that name the callers, access logs, and a service network for the VPC.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import ArgumentError, Component, after, by_name, document
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.network._lattice import GROUPS_PER_ASSOCIATION, NAME_LIMITS, grant_calls, log_destination, may_call, service_network
from cloudpatterns.network._lattice import name_problem as lattice_name_problem
from cloudpatterns.network.service_mesh.versions import MeshVersionArgs, target_group, version_problems

# Names of children join a service with its versions, callers and targets; a name that holds such a part could spell another pair.
_NAME = re.compile(r"(?!(?:[a-z0-9]+-)*(?:caller|target)(?:-|$))[a-z0-9]+(?:-[a-z0-9]+)*")
_VERSION = re.compile(r"[a-z0-9]+")
# The provider never sends a changed priority, so it is the same for ever; https://github.com/hashicorp/terraform-provider-aws/pull/30815
_CANARY_PRIORITY = 10
# https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_ForwardAction.html
_MOST_VERSIONS = 10


class MeshCanaryArgs(TypedDict):
    """Requests that choose their version by a header."""

    weights: dict[str, pulumi.Input[int]]
    """Version to weight, 0 to 999, of the requests with the header, e.g. ``{"v2": 20, "v1": 80}`` or ``{"v2": 100}``."""
    header_name: NotRequired[Annotated[str, Field(default="x-canary", pattern="^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")]]
    """The header. Default: ``x-canary``."""
    header_value: NotRequired[Annotated[str, Field(default="true", min_length=1, max_length=200)]]
    """Its exact value, upper or lower case. Default: ``true``."""


class MeshServiceArgs(TypedDict):
    """One service."""

    versions: Annotated[dict[str, MeshVersionArgs], Field(min_length=1, max_length=_MOST_VERSIONS)]
    """Its versions, 1 to 10, by a name of lower-case letters and digits, e.g. ``v1``. What a version listens on never
    changes: another port or protocol is another version."""
    canary: NotRequired[MeshCanaryArgs]
    """Requests that choose their version by a header. Default: none."""
    external_weights: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a release controller moves the weights, those of ``canary`` too. The weights given here are then those of the first
    deployment, and no later one touches the routes: the controller also takes versions in and out. Take a version out of the
    routes before you take it out here. Default: False: the weights given here hold."""
    callers: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Who may call, by a name of your choice: ARNs of IAM roles, whose requests must be signed (SigV4, service ``vpc-lattice-svcs``).
    Needed unless ``iam_auth`` is False."""
    iam_auth: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether callers are known by their IAM role. Default: True. False lets in every request that the network lets through."""
    port: NotRequired[Annotated[int, Field(default=443, ge=1, le=65535)]]
    """Port of the TLS listener, 1 to 65535. Changing it replaces the listener. Default: 443."""
    custom_domain_name: NotRequired[Annotated[str, Field(min_length=3, max_length=255)]]
    """A name of your own, with ``certificate_arn``. Changing it replaces the service. Default: a name and certificate
    of VPC Lattice's own."""
    certificate_arn: NotRequired[pulumi.Input[str]]
    """The certificate of ``custom_domain_name``, in this region. Default: none."""
    hosted_zone_id: NotRequired[pulumi.Input[str]]
    """The hosted zone in which ``custom_domain_name`` gets an alias record. Default: none; the record is then yours to make."""


class ServiceMeshArgs(TypedDict):
    """Arguments of ``ServiceMesh``."""

    vpc_id: pulumi.Input[str]
    """The VPC of the targets, and of the callers unless ``service_network_id`` or ``associate`` says otherwise."""
    services: Annotated[dict[str, MeshServiceArgs], Field(min_length=1)]
    """The services by name: lower-case letters and digits with single hyphens between them, no part ``caller`` or ``target``."""
    security_group_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[], max_length=GROUPS_PER_ASSOCIATION)]]
    """Groups of the VPC's connection to the mesh, 1 to 5: their ingress rules say who in the VPC may reach its services. Needed for a new
    service network."""
    service_network_id: NotRequired[pulumi.Input[str]]
    """A service network of your own to join, e.g. one that several VPCs share; its connections and auth policy stay yours.
    Default: a new one for this VPC."""
    associate: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the services join a service network. False leaves that to another component, e.g. a ``ZeroTrustNetwork``. Default: True."""
    attach_role_policies: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the callers' roles get the permission to call. Default: True; False when they are in another account or have it already."""
    access_log_destination_arn: NotRequired[pulumi.Input[str]]
    """Where access logs go: a CloudWatch log group, an S3 bucket or a Firehose stream of your own, which must let
    ``delivery.logs.amazonaws.com`` write. Default: a new log group."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the new log group keeps the access logs. Default: 365."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer key of the new log group; its policy must admit the regional logs principal. Default: CloudWatch's own encryption."""
    tags: NotRequired[Tags]
    """Tags of everything that takes some. Default: none."""


_WEIGHT = Field(ge=0, le=999)
_RETENTION_DAYS = 365


class ServiceMesh(Component):
    """Services with TLS, known callers, health checks, access logs and weighted releases (2025 guide, "Service Mesh").

    Let the targets' security groups admit VPC Lattice's prefix list, ``com.amazonaws.<region>.vpc-lattice``, and the callers' reach it.
    """

    service_network_id: pulumi.Output[str] | None
    """The service network; none without ``associate``."""
    service_arns: pulumi.Output[dict[str, str]]
    """ARNs of the services by name."""
    host_names: pulumi.Output[dict[str, str]]
    """Names that callers use, by service, given out once the service has joined its network."""
    target_group_ids: pulumi.Output[dict[str, str]]
    """Target groups by ``<service>-<version>``, for a release controller or for registering targets, given out once routed."""
    log_group_name: pulumi.Output[str] | None
    """The log group with the access logs; none with a destination of your own."""

    def __init__(self, name: str, args: ServiceMeshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        if problems := list(_problems(name, checked)):
            raise ArgumentError("ServiceMesh", name, problems)
        check_names("ServiceMesh", name, _limits(checked["services"]))
        super().__init__("ServiceMesh", name, opts)
        self._label = name
        self._checked = checked
        self._services: dict[str, aws.vpclattice.Service] = {}
        self._target_groups: dict[tuple[str, str], pulumi.Output[str]] = {}
        destination, group = log_destination(
            self,
            name,
            checked["access_log_destination_arn"],
            checked["log_retention_days"] or _RETENTION_DAYS,
            checked["kms_key_arn"],
            checked["tags"],
        )
        self.log_group_name = group.name if group else None
        ready = {key: self._service(key, service, destination) for key, service in checked["services"].items()}
        network_id, joined = self._network()
        self.service_network_id = network_id
        hosts: dict[str, pulumi.Output[str]] = {}
        for key, made in self._services.items():
            association = self._associate(key, made, network_id, ready[key])
            host = checked["services"][key]["custom_domain_name"] or made.dns_entries[0].domain_name
            hosts[key] = after(host, *ready[key], *joined, *association)
        self.service_arns = by_name({key: made.arn for key, made in self._services.items()})
        self.host_names = by_name(hosts)
        self.target_group_ids = by_name({"-".join(key): group_id for key, group_id in self._target_groups.items()})
        self.register()

    def service_arn(self, service: str) -> pulumi.Output[str]:
        """The ARN of a service.

        :raises ArgumentError: when there is no such service.
        """
        if service not in self._services:
            reason = f"{service} is no service; known are {', '.join(self._services)}."
            raise ArgumentError("ServiceMesh", self._label, [("service_arn", reason)])
        return self._services[service].arn

    def _service(self, key: str, service: Mapping[str, Any], log_destination_arn: pulumi.Output[str]) -> list[pulumi.Resource]:
        """Makes a service; what is returned must be there before anybody calls."""
        name, tags = f"{self._label}-{key}", self._checked["tags"]
        made = self._services[key] = aws.vpclattice.Service(
            name,
            auth_type="AWS_IAM" if service["iam_auth"] else "NONE",
            custom_domain_name=service["custom_domain_name"],
            certificate_arn=service["certificate_arn"],
            tags={"Name": name, **tags},
            opts=self.child(),
        )
        ready: list[pulumi.Resource] = [*self._listener(key, service, made)]
        if service["iam_auth"]:
            policy = document(may_call(made.arn, list(service["callers"].values())))
            ready.append(aws.vpclattice.AuthPolicy(f"{name}-auth", resource_identifier=made.id, policy=policy, opts=self.child()))
        if self._checked["attach_role_policies"]:
            ready += [grant_calls(self, f"{name}-caller-{caller}", role, [made.arn]) for caller, role in service["callers"].items()]
        aws.vpclattice.AccessLogSubscription(
            f"{name}-logs", resource_identifier=made.id, destination_arn=log_destination_arn, tags=tags, opts=self.child()
        )
        if (zone_id := service["hosted_zone_id"]) is not None:
            entry = made.dns_entries[0]
            aws.route53.Record(
                f"{name}-alias",
                zone_id=zone_id,
                name=service["custom_domain_name"],
                type="A",
                aliases=[{"name": entry.domain_name, "zone_id": entry.hosted_zone_id, "evaluate_target_health": False}],
                opts=self.child(),
            )
        return ready

    def _listener(self, key: str, service: Mapping[str, Any], made: aws.vpclattice.Service) -> list[pulumi.Resource]:
        name, checked = f"{self._label}-{key}", self._checked
        groups = {
            version: target_group(self, f"{name}-{version}", version_args, checked["vpc_id"], checked["tags"])
            for version, version_args in service["versions"].items()
        }
        # The whole action, not the weights in it: a list whose weights alone are ignored gets the wrong ones when it grows.
        # https://github.com/pulumi/pulumi-aws/issues/5772 https://github.com/pulumi/pulumi-aws/issues/5798
        external = service["external_weights"]
        listener = aws.vpclattice.Listener(
            f"{name}-https",
            service_identifier=made.id,
            protocol="HTTPS",
            port=service["port"],
            default_action={"forwards": [{"target_groups": _shares(groups, _weights(service["versions"]))}]},
            tags=checked["tags"],
            opts=self.child(ignore_changes=["defaultAction"] if external else None),
        )
        routes: list[pulumi.Resource] = [listener]
        if canary := service["canary"]:
            rule = aws.vpclattice.ListenerRule(
                f"{name}-canary",
                service_identifier=made.id,
                listener_identifier=listener.listener_id,
                priority=_CANARY_PRIORITY,
                match={
                    "http_match": {
                        "header_matches": [
                            {"name": canary["header_name"], "case_sensitive": False, "match": {"exact": canary["header_value"]}}
                        ]
                    }
                },
                action={"forward": {"target_groups": _shares(groups, canary["weights"])}},
                tags=checked["tags"],
                opts=self.child(ignore_changes=["action"] if external else None),
            )
            routes.append(rule)
        self._target_groups |= {(key, version): after(group.id, *routes) for version, group in groups.items()}
        return routes

    def _network(self) -> tuple[pulumi.Output[str] | None, list[pulumi.Resource]]:
        """The id of the network to join, and what must be there before anybody calls."""
        checked = self._checked
        if not checked["associate"]:
            return None, []
        if (given := checked["service_network_id"]) is not None:
            return pulumi.Output.from_input(given), []
        network, association = service_network(self, self._label, checked["vpc_id"], checked["security_group_ids"], checked["tags"])
        statements = [
            may_call(self._services[key].arn, list(service["callers"].values()))
            if service["iam_auth"]
            else may_call(self._services[key].arn, None, checked["vpc_id"])
            for key, service in checked["services"].items()
        ]
        policy = aws.vpclattice.AuthPolicy(
            f"{self._label}-auth", resource_identifier=network.id, policy=document(*statements), opts=self.child()
        )
        return network.id, [association, policy]

    def _associate(
        self, key: str, made: aws.vpclattice.Service, network_id: pulumi.Output[str] | None, ready: list[pulumi.Resource]
    ) -> list[pulumi.Resource]:
        if network_id is None:
            return []
        return [
            aws.vpclattice.ServiceNetworkServiceAssociation(
                f"{self._label}-{key}-association",
                service_identifier=made.id,
                service_network_identifier=network_id,
                tags=self._checked["tags"],
                # Before, callers would be refused or find no listener.
                opts=self.child(depends_on=ready),
            )
        ]


def _weights(versions: Mapping[str, Mapping[str, Any]]) -> dict[str, pulumi.Input[int]]:
    if len(versions) == 1:
        return {version: 100 if args["weight"] is None else args["weight"] for version, args in versions.items()}
    return {version: args["weight"] for version, args in versions.items() if args["weight"] is not None}


def _shares(groups: Mapping[str, aws.vpclattice.TargetGroup], weights: Mapping[str, pulumi.Input[int]]) -> list[Any]:
    return [{"target_group_identifier": groups[version].id, "weight": weights[version]} for version in sorted(weights)]


def _limits(services: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    limits = {"network": NAME_LIMITS["network"]}
    for key, service in services.items():
        limits[key] = NAME_LIMITS["service"]
        limits[f"{key}-https"] = NAME_LIMITS["listener"]
        limits[f"{key}-canary"] = NAME_LIMITS["rule"]
        limits |= {f"{key}-{version}": NAME_LIMITS["target_group"] for version in service["versions"]}
    return limits


def _problems(name: str, checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if problem := lattice_name_problem(name):
        yield "name", problem
    yield from _network_problems(checked)
    if checked["access_log_destination_arn"] is not None:
        for key in ("log_retention_days", "kms_key_arn"):
            if checked[key] is not None:
                yield key, "excludes access_log_destination_arn: it is about a log group of the mesh's own. Leave out one of the two."
    for key, service in checked["services"].items():
        yield from _service_problems(f"services.{key}", key, service)


def _network_problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    own = checked["associate"] and checked["service_network_id"] is None
    if own and not checked["security_group_ids"]:
        yield "security_group_ids", "is missing; a new service network needs a group that says who in the VPC may reach it. Give one."
    if not own and checked["security_group_ids"]:
        yield "security_group_ids", "is of no use without a new service network: its VPC connection takes them. Leave it out."
    if not checked["associate"] and checked["service_network_id"] is not None:
        yield "service_network_id", "excludes associate False, with which no network is joined. Leave out one of the two."


def _service_problems(path: str, key: str, service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(key):
        reason = "a name has lower-case letters and digits with single hyphens between them, and no part `caller` or `target`."
        yield path, f"is named {key!r}; {reason} Choose another."
    if service["iam_auth"] != bool(service["callers"]):
        problem = (
            "is empty, so nobody could call. Name the callers' roles"
            if service["iam_auth"]
            else "is of no use without iam_auth. Leave it out"
        )
        yield f"{path}.callers", f"{problem}, or change iam_auth."
    for caller in service["callers"]:
        if not _NAME.fullmatch(caller):
            yield f"{path}.callers.{caller}", f"is named {caller!r}; names are like those of services. Choose another."
    if (service["custom_domain_name"] is None) != (service["certificate_arn"] is None):
        missing = "certificate_arn" if service["certificate_arn"] is None else "custom_domain_name"
        yield f"{path}.{missing}", "is missing; a name of your own and its certificate go together. Give both or neither."
    if service["hosted_zone_id"] is not None and service["custom_domain_name"] is None:
        yield f"{path}.hosted_zone_id", "is of no use without custom_domain_name. Leave it out."
    for version, args in service["versions"].items():
        if not _VERSION.fullmatch(version):
            reason = "is named {!r}; a version has lower-case letters and digits, e.g. v2. Choose another."
            yield f"{path}.versions.{version}", reason.format(version)
        yield from version_problems(f"{path}.versions.{version}", args)
    yield from _route_problems(path, service)


def _route_problems(path: str, service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    versions, canary = service["versions"], service["canary"]
    routed = _weights(versions)
    if _nothing(routed):
        yield f"{path}.versions", "have no weight above 0, so requests would go nowhere. Give one of them a weight."
    if canary is not None:
        for version, weight in canary["weights"].items():
            if version not in versions:
                yield f"{path}.canary.weights.{version}", f"is no version; known are {', '.join(versions)}. Add it, or correct the name."
            elif isinstance(weight, int) and not 0 <= weight <= 999:
                yield f"{path}.canary.weights.{version}", f"is {weight}; a weight is a number from 0 to 999. Correct it."
        if _nothing(canary["weights"]):
            yield f"{path}.canary.weights", "have nothing above 0, so requests would go nowhere. Give one version a weight."
    if not service["external_weights"]:
        for version in versions:
            if version not in routed and version not in (canary["weights"] if canary else ()):
                yield (
                    f"{path}.versions.{version}.weight",
                    "is missing, and no canary names the version. Give it a weight; 0 sends nothing yet.",
                )


def _nothing(weights: Mapping[str, pulumi.Input[int]]) -> bool:
    return all(weight == 0 for weight in weights.values() if isinstance(weight, int)) and all(
        isinstance(weight, int) for weight in weights.values()
    )
