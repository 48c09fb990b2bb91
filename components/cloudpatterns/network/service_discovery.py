"""Service Discovery (Architecting for the Cloud, "Service Discovery"): names of services that resolve inside the VPC only.

Creates one of the two forms that the source describes. ``services``: a Cloud Map private DNS namespace, where instances register
themselves by IP address and port, with a custom health check. ``load_balancers``: a private hosted zone whose alias records
hide the names of load balancers, so that one can replace another.
"""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import Choice, Component, Keys, Matches, Problem, by_name, excludes, one_of
from cloudpatterns.core.vocabulary import DualStack, HostedZoneId, Tags

# https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsRecord.html
_RECORD_SETS = (["A"], ["AAAA"], ["A", "AAAA"], ["SRV"], ["CNAME"])
# One label, which may begin with an underscore as in _orders._tcp; https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateService.html
_LABEL = "(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)"
_NAMES = Keys(
    rf"(?=.{{1,127}}$){_LABEL}(?:\.{_LABEL})*",
    "lower-case letters, digits, _ and - between dots, each part up to 63 and without - at its ends",
)
_DOMAIN = r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"


class DiscoveredServiceArgs(TypedDict):
    """A service whose instances register themselves, through Amazon ECS or with Cloud Map's RegisterInstance."""

    record_types: NotRequired[Annotated[list[str], Field(default=["A"])]]
    """Records of each instance: ``A``, ``AAAA``, both, ``SRV`` (address and port) or ``CNAME``. A change replaces the service."""
    ttl_seconds: NotRequired[Annotated[int, Field(default=10, ge=0, le=2_147_483_647)]]
    """How long a client may cache an answer, and so call an instance that is gone."""
    routing_policy: NotRequired[Annotated[str, Choice("MULTIVALUE", "WEIGHTED")]]
    """``MULTIVALUE`` answers with up to eight healthy instances, ``WEIGHTED`` with one at random; ``CNAME`` takes ``WEIGHTED`` alone.
    A change replaces the service. Default: ``MULTIVALUE``, for ``CNAME`` ``WEIGHTED``."""
    custom_health_check: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the platform that runs the instances reports their health, and answers leave out unhealthy ones. Route 53 cannot check
    private addresses itself. A change replaces the service."""
    description: NotRequired[Annotated[str, Field(max_length=1024)]]
    """What the service is. Default: no description."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether deleting the service deregisters the instances that are left; otherwise AWS refuses to delete it."""


class DiscoveredLoadBalancerArgs(TypedDict):
    """A load balancer behind a private name."""

    dns_name: pulumi.Input[str]
    """The balancer's own host name."""
    zone_id: pulumi.Input[str]
    """The hosted zone of ``dns_name``: the balancer's output, not your own zone."""
    dual_stack: NotRequired[DualStack]
    """Whether the balancer has IPv6 as well, so that the name gets an AAAA record."""


class ServiceDiscoveryArgs(TypedDict):
    """Arguments of ``ServiceDiscovery``."""

    vpc_id: pulumi.Input[str]
    """The VPC in which the names resolve; it needs DNS support and DNS hostnames."""
    domain_name: Annotated[str, Matches(_DOMAIN, "a domain in lower case such as shop.internal")]
    """The domain of the names. Inside the VPC it hides a public domain of the same name."""
    services: NotRequired[Annotated[dict[str, DiscoveredServiceArgs], _NAMES, Field(default={})]]
    """Services by name, in a Cloud Map namespace; a name is the part before the domain, such as ``orders`` or ``_orders._tcp``.
    Exactly one of ``services`` and ``load_balancers``: a namespace's zone belongs to Cloud Map, and a VPC takes one zone of a name."""
    load_balancers: NotRequired[Annotated[dict[str, DiscoveredLoadBalancerArgs], _NAMES, Field(default={})]]
    """Load balancers by name, in a private hosted zone. Exactly one of ``services`` and ``load_balancers``."""
    namespace_id: NotRequired[Annotated[pulumi.Input[str], Matches("ns-[a-z0-9]+", "the id of a namespace such as ns-0a1b2c3d4e5f")]]
    """An existing private DNS namespace for ``services``, with the domain ``domain_name``. Its id does not tell whether it is private,
    so nothing checks that. Default: a new one."""
    hosted_zone_id: NotRequired[HostedZoneId]
    """An existing private hosted zone for ``load_balancers``, with the domain ``domain_name``. Its id does not tell whether it is
    private, so nothing checks that. Default: a new one."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside Name."""


class ServiceDiscovery(Component):
    """Private names for services or load balancers (Architecting for the Cloud, "Service Discovery").

    Nothing outside the VPC can resolve the names. Route 53's resolver in the VPC answers, so no security group rule is needed.

    **Use when**: callers must find instances that come and go, or a load balancer that may be replaced, by a name that stays.

    **Not when**: callers need load balancing, retries or authentication between services (``ServiceMesh``), or come from outside the VPC.

    **Cost drivers**: a hosted zone per domain, registered instances per month, and queries; alias queries to load balancers are free.

    **Trade-offs**: clients cache answers for ``ttl_seconds`` and longer, so a failed instance still gets calls; with a custom health check
    the platform that runs the instances must report their health.

    **Proven by**: ``test_service_discovery.py``, which holds that every namespace and zone is private.
    """

    domain_name: pulumi.Output[str]
    """The domain of the names."""
    namespace_id: pulumi.Output[str] | None
    """The Cloud Map namespace; none with ``load_balancers``."""
    hosted_zone_id: pulumi.Output[str] | None
    """The private hosted zone; none with an existing namespace."""
    service_arns: pulumi.Output[dict[str, str]]
    """ARNs of the services by name, for the service registries of Amazon ECS; empty with ``load_balancers``."""
    host_names: pulumi.Output[dict[str, str]]
    """The full names by name, available after their records or services."""

    def __init__(self, name: str, args: ServiceDiscoveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems)
        self._arns: dict[str, pulumi.Output[str]] = {}
        self.namespace_id = self.hosted_zone_id = None
        self.domain_name = pulumi.Output.from_input(checked["domain_name"])
        hosts = self._register_services(name) if checked["services"] else self._point_to_load_balancers(name)
        self.service_arns = by_name(self._arns)
        self.host_names = by_name(hosts)
        self.register()

    def service_arn(self, service: str) -> pulumi.Output[str]:
        """The ARN of a service.

        :raises ArgumentError: when there is no such service.
        """
        return self.lookup(self._arns, service, "service_arn", "a service")

    def _register_services(self, name: str) -> dict[str, pulumi.Output[str]]:
        checked = self._checked
        namespace_id = checked.get("namespace_id")
        if namespace_id is None:
            namespace = aws.servicediscovery.PrivateDnsNamespace(
                f"{name}-namespace",
                name=checked["domain_name"],
                description=f"Services of {name}",
                vpc=checked["vpc_id"],
                tags={"Name": name, **checked["tags"]},
                opts=self.child(),
            )
            namespace_id, self.hosted_zone_id = namespace.id, namespace.hosted_zone
        self.namespace_id = pulumi.Output.from_input(namespace_id)
        services = {key: self._service(key, service, self.namespace_id) for key, service in checked["services"].items()}
        self._arns = {key: service.arn for key, service in services.items()}
        return {key: pulumi.Output.concat(service.name, ".", checked["domain_name"]) for key, service in services.items()}

    def _service(self, key: str, service: DiscoveredServiceArgs, namespace_id: pulumi.Output[str]) -> aws.servicediscovery.Service:
        types, policy = sorted(service["record_types"]), service.get("routing_policy")
        if policy is None:
            policy = "WEIGHTED" if types == ["CNAME"] else "MULTIVALUE"
        return aws.servicediscovery.Service(
            f"{self.pulumi_resource_name}-{key}",
            # A DNS label, so no auto-name.
            name=key,
            description=service.get("description"),
            dns_config={
                "namespace_id": namespace_id,
                "dns_records": [{"type": record_type, "ttl": service["ttl_seconds"]} for record_type in types],
                "routing_policy": policy,
            },
            # AWS knows no other threshold than 1, but without it the provider forgets the block, and each update would replace the service:
            # https://github.com/hashicorp/terraform-provider-aws/issues/44285
            health_check_custom_config={"failure_threshold": 1} if service["custom_health_check"] else None,
            force_destroy=service["force_destroy"],
            tags={"Name": key, **self._checked["tags"]},
            opts=self.child(),
        )

    def _point_to_load_balancers(self, name: str) -> dict[str, pulumi.Output[str]]:
        checked, zone_id = self._checked, self._checked.get("hosted_zone_id")
        if zone_id is None:
            zone_id = aws.route53.Zone(
                f"{name}-zone",
                name=checked["domain_name"],
                comment=f"Load balancers of {name}",
                # Makes the zone private.
                vpcs=[{"vpc_id": checked["vpc_id"]}],
                tags={"Name": name, **checked["tags"]},
                opts=self.child(),
            ).zone_id
        self.hosted_zone_id = pulumi.Output.from_input(zone_id)
        hosts: dict[str, pulumi.Output[str]] = {}
        for key, balancer in checked["load_balancers"].items():
            for record_type in ("A", "AAAA") if balancer["dual_stack"] else ("A",):
                record = aws.route53.Record(
                    f"{name}-{key}-{record_type.lower()}",
                    zone_id=self.hosted_zone_id,
                    name=f"{key}.{checked['domain_name']}",
                    type=record_type,
                    aliases=[{"name": balancer["dns_name"], "zone_id": balancer["zone_id"], "evaluate_target_health": True}],
                    opts=self.child(),
                )
                hosts.setdefault(key, record.fqdn)
        return hosts


def _problems(checked: ServiceDiscoveryArgs) -> Iterator[Problem]:
    yield from one_of(checked, "services", "load_balancers")
    yield from excludes(checked, "namespace_id", "load_balancers", why="Cloud Map alone writes the records of a namespace")
    yield from excludes(checked, "hosted_zone_id", "services", why="services register in a namespace")
    for key, service in checked["services"].items():
        types = service["record_types"]
        if sorted(types) not in _RECORD_SETS:
            yield f"services.{key}.record_types", f"is {types}; Cloud Map takes A, AAAA, A and AAAA, SRV, or CNAME. Choose one of these."
        elif types == ["CNAME"] and service.get("routing_policy") == "MULTIVALUE":
            yield f"services.{key}.routing_policy", "is MULTIVALUE; CNAME takes WEIGHTED alone. Remove it."
