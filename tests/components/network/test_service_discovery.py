from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network.service_discovery import ServiceDiscovery
from offline_preview.graph import Graph

from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:ServiceDiscovery"
NAMESPACE = "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace"
PUBLIC_NAMESPACE = "aws:servicediscovery/publicDnsNamespace:PublicDnsNamespace"
SERVICE = "aws:servicediscovery/service:Service"
ZONE = "aws:route53/zone:Zone"
RECORD = "aws:route53/record:Record"

BALANCER: dict[str, Any] = {"dns_name": "internal-web-1.eu-west-1.elb.amazonaws.com", "zone_id": "Z32O12XQLNTSW2"}


def discovery(name: str = "shop", mode: Any = "preview", **arguments: Any) -> Graph:
    arguments = {"vpc_id": "vpc-1", "domain_name": "shop.internal", **arguments}
    return record(lambda: ServiceDiscovery(name, arguments), mode=mode)  # ty: ignore[invalid-argument-type] (built by keyword)


def problems(**arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        discovery(**arguments)
    return caught.value.problems


def children(graph: Graph) -> list[tuple[str, str]]:
    component = graph.one(COMPONENT)
    return [(resource.type, resource.name) for resource in graph.resources if resource.parent == component.urn]


def test_services_register_in_a_namespace_that_resolves_inside_the_vpc_only() -> None:
    graph = discovery(services={"orders": {}, "_carts._tcp": {"record_types": ["SRV"]}}, tags={"Owner": "platform"})
    assert children(graph) == [(NAMESPACE, "shop-namespace"), (SERVICE, "shop-orders"), (SERVICE, "shop-_carts._tcp")]
    assert graph.one(NAMESPACE).inputs == {
        "name": "shop.internal",
        "description": "Services of shop",
        "vpc": "vpc-1",
        "tags": {"Name": "shop", "Owner": "platform"},
    }
    for service in graph.of_type(SERVICE):
        assert refs(graph, service, "dnsConfig") == ["shop-namespace"]
        assert service.inputs["tags"] == {"Name": service.inputs["name"], "Owner": "platform"}


def test_a_service_answers_with_healthy_instances_for_ten_seconds() -> None:
    service = discovery(services={"orders": {}}, mode="deployed").one(SERVICE)
    config = service.inputs["dnsConfig"]
    assert (config["dnsRecords"], config["routingPolicy"]) == ([{"type": "A", "ttl": 10}], "MULTIVALUE")
    assert service.inputs["healthCheckCustomConfig"] == {"failureThreshold": 1}
    assert service.inputs["name"] == "orders"
    assert service.inputs["forceDestroy"] is False
    assert "healthCheckConfig" not in service.inputs


@pytest.mark.parametrize(
    ("types", "policy", "expected", "expected_policy"),
    [
        (["AAAA", "A"], None, ["A", "AAAA"], "MULTIVALUE"),
        (["AAAA"], "WEIGHTED", ["AAAA"], "WEIGHTED"),
        (["SRV"], None, ["SRV"], "MULTIVALUE"),
        (["CNAME"], None, ["CNAME"], "WEIGHTED"),
        (["CNAME"], "WEIGHTED", ["CNAME"], "WEIGHTED"),
    ],
)
def test_records_ttl_and_routing_policy(types: list[str], policy: str | None, expected: list[str], expected_policy: str) -> None:
    service = {"record_types": types, "routing_policy": policy, "ttl_seconds": 60.0, "description": "Orders"}
    made = discovery(services={"orders": service}, mode="deployed").one(SERVICE).inputs
    assert made["dnsConfig"]["dnsRecords"] == [{"type": type, "ttl": 60} for type in expected]
    assert made["dnsConfig"]["routingPolicy"] == expected_policy
    assert made["description"] == "Orders"


def test_a_service_without_health_check_that_goes_with_its_instances() -> None:
    service = discovery(services={"orders": {"custom_health_check": False, "force_destroy": True}}).one(SERVICE)
    assert "healthCheckCustomConfig" not in service.inputs
    assert service.inputs["forceDestroy"] is True


def test_load_balancers_get_alias_records_in_a_zone_of_the_vpc() -> None:
    graph = discovery(load_balancers={"web": BALANCER, "api": {**BALANCER, "dual_stack": True}}, tags={"Owner": "platform"})
    assert children(graph) == [
        (ZONE, "shop-zone"),
        (RECORD, "shop-web-a"),
        (RECORD, "shop-api-a"),
        (RECORD, "shop-api-aaaa"),
    ]
    assert graph.one(ZONE).inputs == {
        "name": "shop.internal",
        "comment": "Load balancers of shop",
        "vpcs": [{"vpcId": "vpc-1"}],
        "tags": {"Name": "shop", "Owner": "platform"},
    }
    for alias, name, kind in (("shop-web-a", "web", "A"), ("shop-api-a", "api", "A"), ("shop-api-aaaa", "api", "AAAA")):
        made = graph.one(RECORD, alias)
        assert (made.inputs["name"], made.inputs["type"]) == (f"{name}.shop.internal", kind)
        assert made.inputs["aliases"] == [{"name": BALANCER["dns_name"], "zoneId": BALANCER["zone_id"], "evaluateTargetHealth": True}]
        assert refs(graph, made, "zoneId") == ["shop-zone"]
        assert "ttl" not in made.inputs


@pytest.mark.parametrize("arguments", [{"services": {"orders": {}}}, {"load_balancers": {"web": BALANCER}}])
def test_no_name_resolves_outside_the_vpc(arguments: dict[str, Any]) -> None:
    graph = discovery(**arguments)
    assert not graph.of_type(PUBLIC_NAMESPACE)
    assert [zone.inputs["vpcs"] for zone in graph.of_type(ZONE)] == [[{"vpcId": "vpc-1"}]] * len(graph.of_type(ZONE))
    assert [namespace.inputs["vpc"] for namespace in graph.of_type(NAMESPACE)] == ["vpc-1"] * len(graph.of_type(NAMESPACE))
    assert len(graph.of_type(ZONE)) + len(graph.of_type(NAMESPACE)) == 1
    made_here = {resource.name for resource in graph.of_type(ZONE, NAMESPACE)}
    for resource in graph.of_type(RECORD, SERVICE):
        assert set(refs(graph, resource, "zoneId", "dnsConfig")) == made_here


def test_a_namespace_or_zone_of_your_own() -> None:
    graph = discovery(services={"orders": {}}, namespace_id="ns-1a2b")
    assert children(graph) == [(SERVICE, "shop-orders")]
    assert graph.one(SERVICE).inputs["dnsConfig"]["namespaceId"] == "ns-1a2b"
    assert graph.one(COMPONENT).outputs["namespace_id"] == "ns-1a2b"
    assert "hosted_zone_id" not in graph.one(COMPONENT).outputs
    graph = discovery(load_balancers={"web": BALANCER}, hosted_zone_id="Z0123456789")
    assert children(graph) == [(RECORD, "shop-web-a")]
    assert graph.one(RECORD).inputs["zoneId"] == "Z0123456789"


def test_outputs() -> None:
    graph = discovery(services={"orders": {}, "_carts._tcp": {"record_types": ["SRV"]}}, mode="deployed")
    outputs = graph.one(COMPONENT).outputs
    assert outputs["domain_name"] == "shop.internal"
    assert outputs["host_names"] == {"orders": "orders.shop.internal", "_carts._tcp": "_carts._tcp.shop.internal"}
    assert outputs["service_arns"] == {service.inputs["name"]: service.outputs["arn"] for service in graph.of_type(SERVICE)}
    assert outputs["namespace_id"] == graph.one(NAMESPACE).id
    assert outputs["hosted_zone_id"] == graph.one(NAMESPACE).outputs["hostedZone"]
    graph = discovery(load_balancers={"web": BALANCER}, mode="deployed")
    outputs = graph.one(COMPONENT).outputs
    assert outputs["host_names"] == {"web": graph.one(RECORD).outputs["fqdn"]}
    assert outputs["service_arns"] == {}
    assert "namespace_id" not in outputs
    assert outputs["hosted_zone_id"] == graph.one(ZONE).outputs["zoneId"]


def test_the_arn_of_a_service_by_its_name() -> None:
    def program() -> None:
        made = ServiceDiscovery("shop", {"vpc_id": "vpc-1", "domain_name": "shop.internal", "services": {"orders": {}}})
        pulumi.export("arn", made.service_arn("orders"))
        made.service_arn("carts")

    with pytest.raises(ArgumentError) as caught:
        record(program, mode="deployed")
    assert caught.value.problems == [("service_arn", "is 'carts', which is not a service; known are orders.")]

    def without_services() -> None:
        args: Any = {"vpc_id": "vpc-1", "domain_name": "shop.internal", "load_balancers": {"web": BALANCER}}
        ServiceDiscovery("shop", args).service_arn("web")

    with pytest.raises(ArgumentError) as caught:
        record(without_services)
    assert caught.value.problems == [("service_arn", "is 'web', which is not a service; known are none.")]


def test_transforms_reach_the_children() -> None:
    def shorten(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != SERVICE:
            return None
        return pulumi.ResourceTransformResult({**args.props, "description": "changed"}, args.opts)

    def program() -> None:
        args: Any = {"vpc_id": "vpc-1", "domain_name": "shop.internal", "services": {"orders": {}}}
        ServiceDiscovery("shop", args, pulumi.ResourceOptions(transforms=[shorten]))

    assert record(program).one(SERVICE).inputs["description"] == "changed"


ONE_OF_TWO = "exactly one of services and load_balancers is needed;"
BAD_NAME = "a name has lower-case letters, digits, _ and - between dots, each part up to 63 and without - at its ends. Rename it"
BAD_DOMAIN = "must be a domain in lower case such as shop.internal"
BAD_TYPES = "Cloud Map takes A, AAAA, A and AAAA, SRV, or CNAME. Choose one of these."


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [("services", f"{ONE_OF_TWO} none is given. Give one.")]),
        (
            {"services": {"orders": {}}, "load_balancers": {"web": BALANCER}},
            [("services", f"{ONE_OF_TWO} both are given. Remove one.")],
        ),
        (
            {"load_balancers": {"web": BALANCER}, "namespace_id": "ns-1"},
            [
                (
                    "namespace_id",
                    "excludes load_balancers: Cloud Map alone writes the records of a namespace; both are given. Remove one of them.",
                )
            ],
        ),
        (
            {"services": {"orders": {}}, "hosted_zone_id": "Z0123456789"},
            [("hosted_zone_id", "excludes services: services register in a namespace; both are given. Remove one of them.")],
        ),
        ({"services": {"orders": {}}, "domain_name": "Shop.internal"}, [("domain_name", f"is 'Shop.internal'; {BAD_DOMAIN}")]),
        ({"services": {"orders": {}}, "domain_name": "shop."}, [("domain_name", f"is 'shop.'; {BAD_DOMAIN}")]),
        ({"services": {"Orders": {}}}, [("services", f"has 'Orders'; {BAD_NAME}")]),
        ({"services": {"a" * 64: {}}}, [("services", f"has {'a' * 64!r}; {BAD_NAME}")]),
        ({"load_balancers": {"web-": BALANCER}}, [("load_balancers", f"has 'web-'; {BAD_NAME}")]),
        (
            {"services": {"orders": {"record_types": ["A", "SRV"]}}},
            [("services.orders.record_types", f"is ['A', 'SRV']; {BAD_TYPES}")],
        ),
        ({"services": {"orders": {"record_types": []}}}, [("services.orders.record_types", f"is []; {BAD_TYPES}")]),
        (
            {"services": {"orders": {"record_types": ["CNAME"], "routing_policy": "MULTIVALUE"}}},
            [("services.orders.routing_policy", "is MULTIVALUE; CNAME takes WEIGHTED alone. Remove it.")],
        ),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert problems(**arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"services": {"orders": {"ttl_seconds": -1}}}, "services.orders.ttl_seconds"),
        ({"services": {"orders": {"routing_policy": "LATENCY"}}}, "services.orders.routing_policy"),
        ({"services": {"orders": {"description": "x" * 1025}}}, "services.orders.description"),
        ({"services": {"orders": {}}, "namespace_id": "Z0123456789"}, "namespace_id"),
        ({"load_balancers": {"web": BALANCER}, "hosted_zone_id": "ns-1"}, "hosted_zone_id"),
        ({"load_balancers": {"web": {"dns_name": "x"}}}, "load_balancers.web.zone_id"),
    ],
)
def test_limits(arguments: dict[str, Any], path: str) -> None:
    assert [problem[0] for problem in problems(**arguments)] == [path]
