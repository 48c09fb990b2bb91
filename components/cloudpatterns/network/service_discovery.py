"""Service Discovery (Architecting for the Cloud, "Service Discovery"): names that lead to services, and that resolve inside the VPC only.

Makes one of the two forms that the source describes. ``services``: a Cloud Map private DNS namespace, where instances register
themselves by IP address and port, with a health check of their own. ``load_balancers``: a private hosted zone whose alias records
hide the names of load balancers, so that one can take the place of another.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import ArgumentError, Choice, Component, by_name
from cloudpatterns.core.vocabulary import DualStack, Tags

# https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsRecord.html
_RECORD_SETS = (("A",), ("AAAA",), ("A", "AAAA"), ("SRV",), ("CNAME",))
# One label, which may begin with an underscore as in _orders._tcp; https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateService.html
_LABEL = "(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)"
_SERVICE = re.compile(rf"(?=.{{1,127}}$){_LABEL}(?:\.{_LABEL})*")
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")


class DiscoveredServiceArgs(TypedDict):
    """A service whose instances register themselves, e.g. by Amazon ECS or with Cloud Map's RegisterInstance."""

    record_types: NotRequired[Annotated[list[str], Field(default=["A"])]]
    """Records that an instance gets: ``A``, ``AAAA``, both, ``SRV`` (address and port) or ``CNAME``. Changing them replaces the service.
    Default: ``["A"]``."""
    ttl_seconds: NotRequired[Annotated[int, Field(default=10, ge=0, le=2147483647)]]
    """How long a client may keep an answer, and go on calling an instance that is gone, 0 to 2147483647. Default: 10."""
    routing_policy: NotRequired[Annotated[str, Choice("MULTIVALUE", "WEIGHTED")]]
    """``MULTIVALUE`` answers with up to eight healthy instances, ``WEIGHTED`` with one at random; ``CNAME`` takes ``WEIGHTED`` alone.
    Changing it replaces the service. Default: ``MULTIVALUE``, for ``CNAME`` ``WEIGHTED``."""
    custom_health_check: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether whoever runs the instances reports their health, and unhealthy ones get no answers. Route 53 cannot check private addresses
    itself. Changing it replaces the service. Default: True."""
    description: NotRequired[Annotated[str, Field(max_length=1024)]]
    """What the service is, up to 1024 characters. Default: none."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether instances that are still registered are deregistered when the service goes; else it cannot be deleted. Default: False."""


class DiscoveredLoadBalancerArgs(TypedDict):
    """A load balancer behind a name of your own."""

    dns_name: pulumi.Input[str]
    """The balancer's own host name."""
    zone_id: pulumi.Input[str]
    """The hosted zone of ``dns_name``: the balancer's output, not your own zone."""
    dual_stack: NotRequired[DualStack]
    """Whether the balancer has IPv6 as well, so that the name gets an AAAA record. Default: False."""


class ServiceDiscoveryArgs(TypedDict):
    """Arguments of ``ServiceDiscovery``."""

    vpc_id: pulumi.Input[str]
    """The VPC in which the names resolve; it needs DNS support and DNS hostnames."""
    domain_name: str
    """The domain of the names, lower case, e.g. ``shop.internal``. It covers a public domain of the same name inside the VPC."""
    services: NotRequired[Annotated[dict[str, DiscoveredServiceArgs], Field(default={})]]
    """Services by name, in a Cloud Map namespace; a name is the part before the domain, e.g. ``orders`` or ``_orders._tcp``.
    Either these or ``load_balancers``."""
    load_balancers: NotRequired[Annotated[dict[str, DiscoveredLoadBalancerArgs], Field(default={})]]
    """Load balancers by name, in a private hosted zone. Either these or ``services``: the zone of a namespace belongs to Cloud Map,
    and a VPC has one zone of a name."""
    namespace_id: NotRequired[Annotated[pulumi.Input[str], Field(pattern="^ns-[a-z0-9]+$")]]
    """A private DNS namespace of your own for ``services``, with the domain ``domain_name``. That it is a private one cannot be seen
    from its id. Default: a new one."""
    hosted_zone_id: NotRequired[Annotated[pulumi.Input[str], Field(pattern="^Z[A-Z0-9]+$")]]
    """A private hosted zone of your own for ``load_balancers``, with the domain ``domain_name``. That it is a private one cannot be
    seen from its id. Default: a new one."""
    tags: NotRequired[Tags]
    """Tags of everything that takes some. Default: none."""


class ServiceDiscovery(Component):
    """Private names for services or load balancers (Architecting for the Cloud, "Service Discovery").

    Nothing outside the VPC can resolve the names. Route 53's resolver in the VPC answers, so no security group rule is needed.
    """

    domain_name: pulumi.Output[str]
    """The domain of the names."""
    namespace_id: pulumi.Output[str] | None
    """The Cloud Map namespace; none with ``load_balancers``."""
    hosted_zone_id: pulumi.Output[str] | None
    """The private hosted zone; none with a namespace of your own."""
    service_arns: pulumi.Output[dict[str, str]]
    """ARNs of the services by name, for the service registries of Amazon ECS; empty with ``load_balancers``."""
    host_names: pulumi.Output[dict[str, str]]
    """The full names by name, given out once a client can ask for them."""

    def __init__(self, name: str, args: ServiceDiscoveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        if problems := list(_problems(checked)):
            raise ArgumentError("ServiceDiscovery", name, problems)
        super().__init__("ServiceDiscovery", name, opts)
        self._label = name
        self._checked = checked
        self._arns: dict[str, pulumi.Output[str]] = {}
        self.namespace_id = self.hosted_zone_id = None
        self.domain_name = pulumi.Output.from_input(checked["domain_name"])
        hosts = self._register_services() if checked["services"] else self._point_to_load_balancers()
        self.service_arns = by_name(self._arns)
        self.host_names = by_name(hosts)
        self.register()

    def service_arn(self, service: str) -> pulumi.Output[str]:
        """The ARN of a service.

        :raises ArgumentError: when there is no such service.
        """
        if service not in self._arns:
            known = ", ".join(self._arns) or "none"
            raise ArgumentError("ServiceDiscovery", self._label, [("service_arn", f"{service} is no service; known are {known}.")])
        return self._arns[service]

    def _register_services(self) -> dict[str, pulumi.Output[str]]:
        checked = self._checked
        hosts: dict[str, pulumi.Output[str]] = {}
        if (given := checked["namespace_id"]) is not None:
            namespace_id = pulumi.Output.from_input(given)
        else:
            namespace = aws.servicediscovery.PrivateDnsNamespace(
                f"{self._label}-namespace",
                name=checked["domain_name"],
                description=f"Services of {self._label}",
                vpc=checked["vpc_id"],
                tags={"Name": self._label, **checked["tags"]},
                opts=self.child(),
            )
            namespace_id, self.hosted_zone_id = namespace.id, namespace.hosted_zone
        self.namespace_id = namespace_id
        for key, service in checked["services"].items():
            made = self._service(key, service, namespace_id)
            self._arns[key] = made.arn
            hosts[key] = made.name.apply(lambda label: f"{label}.{checked['domain_name']}")
        return hosts

    def _service(self, key: str, service: Mapping[str, Any], namespace_id: pulumi.Output[str]) -> aws.servicediscovery.Service:
        types = sorted(service["record_types"])
        return aws.servicediscovery.Service(
            f"{self._label}-{key}",
            # A DNS label, so no auto-name.
            name=key,
            description=service["description"],
            dns_config={
                "namespace_id": namespace_id,
                "dns_records": [{"type": type, "ttl": service["ttl_seconds"]} for type in types],
                "routing_policy": service["routing_policy"] or ("WEIGHTED" if types == ["CNAME"] else "MULTIVALUE"),
            },
            # AWS knows no other threshold than 1, but without it the provider forgets the block, and each update would replace the service:
            # https://github.com/hashicorp/terraform-provider-aws/issues/44285
            health_check_custom_config={"failure_threshold": 1} if service["custom_health_check"] else None,
            force_destroy=service["force_destroy"],
            tags={"Name": key, **self._checked["tags"]},
            opts=self.child(),
        )

    def _point_to_load_balancers(self) -> dict[str, pulumi.Output[str]]:
        checked = self._checked
        if (given := checked["hosted_zone_id"]) is not None:
            zone_id = pulumi.Output.from_input(given)
        else:
            zone_id = aws.route53.Zone(
                f"{self._label}-zone",
                name=checked["domain_name"],
                comment=f"Load balancers of {self._label}",
                # What makes the zone a private one.
                vpcs=[{"vpc_id": checked["vpc_id"]}],
                tags={"Name": self._label, **checked["tags"]},
                opts=self.child(),
            ).zone_id
        self.hosted_zone_id = zone_id
        hosts: dict[str, pulumi.Output[str]] = {}
        for key, balancer in checked["load_balancers"].items():
            for kind in ("A", "AAAA") if balancer["dual_stack"] else ("A",):
                record = aws.route53.Record(
                    f"{self._label}-{key}-{kind.lower()}",
                    zone_id=zone_id,
                    name=f"{key}.{checked['domain_name']}",
                    type=kind,
                    aliases=[{"name": balancer["dns_name"], "zone_id": balancer["zone_id"], "evaluate_target_health": True}],
                    opts=self.child(),
                )
                hosts.setdefault(key, record.fqdn)
        return hosts


def _problems(checked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    services, balancers = checked["services"], checked["load_balancers"]
    if bool(services) == bool(balancers):
        given = "is there beside load_balancers" if services else "is empty, and so is load_balancers"
        yield "services", f"{given}; a private domain is a namespace of services or a zone of load balancers. Give one of the two."
    if balancers and checked["namespace_id"] is not None:
        yield (
            "namespace_id",
            "is of no use to load_balancers: a namespace's records are Cloud Map's own. Give hosted_zone_id, or neither.",
        )
    if services and checked["hosted_zone_id"] is not None:
        yield "hosted_zone_id", "is of no use to services, which register in a namespace. Give namespace_id, or neither."
    if not _DOMAIN.fullmatch(checked["domain_name"]):
        reason = "a domain has lower-case letters, digits and hyphens between dots, each part up to 63, e.g. shop.internal."
        yield "domain_name", f"is {checked['domain_name']!r}; {reason} Correct it."
    yield from _name_problems("services", services)
    yield from _name_problems("load_balancers", balancers)
    for key, service in services.items():
        yield from _record_problems(f"services.{key}", service["record_types"], service)


def _name_problems(path: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for key in names:
        if not _SERVICE.fullmatch(key):
            reason = "a name has lower-case letters, digits, _ and - between dots, each part up to 63 and without - at its ends."
            yield f"{path}.{key}", f"is named {key!r}; {reason} Choose another."


def _record_problems(path: str, types: Sequence[str], service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if tuple(sorted(types)) not in _RECORD_SETS:
        yield f"{path}.record_types", f"is {types}; Cloud Map takes A, AAAA, A and AAAA, SRV, or CNAME. Choose one of these."
    elif types == ["CNAME"] and service["routing_policy"] == "MULTIVALUE":
        yield f"{path}.routing_policy", "is MULTIVALUE; CNAME takes WEIGHTED alone. Leave it out."
