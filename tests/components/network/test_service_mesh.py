import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import ServiceMesh
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:ServiceMesh"
LATTICE = "aws:vpclattice"
SERVICE = f"{LATTICE}/service:Service"
NETWORK = f"{LATTICE}/serviceNetwork:ServiceNetwork"
VPC = f"{LATTICE}/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation"
ASSOCIATION = f"{LATTICE}/serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation"
AUTH = f"{LATTICE}/authPolicy:AuthPolicy"
TARGET_GROUP = f"{LATTICE}/targetGroup:TargetGroup"
TARGET = f"{LATTICE}/targetGroupAttachment:TargetGroupAttachment"
LISTENER = f"{LATTICE}/listener:Listener"
RULE = f"{LATTICE}/listenerRule:ListenerRule"
LOGS = f"{LATTICE}/accessLogSubscription:AccessLogSubscription"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RECORD = "aws:route53/record:Record"

WEB = "arn:aws:iam::123456789012:role/team/web"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/7f4c3b0e-7a2b-4c58-9d0f-2f1f5f3a9b11"
ORDERS: dict[str, Any] = {"callers": {"web": WEB}, "versions": {"v1": {"port": 8080}}}
CANARY: dict[str, Any] = {
    "callers": {"web": WEB},
    "versions": {"v1": {"port": 8080, "weight": 95}, "v2": {"port": 8080, "weight": 5}},
    "canary": {"weights": {"v2": 20, "v1": 80}},
}


def mesh(services: dict[str, Any], name: str = "shop", mode: Any = "preview", **arguments: Any) -> Graph:
    given = {"vpc_id": "vpc-1", "security_group_ids": ["sg-1"], "services": services, **arguments}
    return record(lambda: ServiceMesh(name, given), mode=mode)  # ty: ignore[invalid-argument-type] (built by keyword)


def problems(services: dict[str, Any], name: str = "shop", **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        mesh(services, name, **arguments)
    return caught.value.problems


def names(graph: Graph) -> list[str]:
    component = graph.one(COMPONENT)
    return sorted(f"{resource.type.split('/')[0]} {resource.name}" for resource in graph.resources if resource.parent == component.urn)


def shares(action: Any) -> list[int]:
    return [group["weight"] for group in action["targetGroups"]]


def policy(resource: Resource) -> list[Any]:
    return json.loads(resource.inputs["policy"])["Statement"]


def test_everything_that_is_made() -> None:
    assert names(mesh({"orders": CANARY})) == [
        "aws:cloudwatch shop-log",
        "aws:iam shop-orders-caller-web",
        "aws:vpclattice shop-auth",
        "aws:vpclattice shop-network",
        "aws:vpclattice shop-orders",
        "aws:vpclattice shop-orders-association",
        "aws:vpclattice shop-orders-auth",
        "aws:vpclattice shop-orders-canary",
        "aws:vpclattice shop-orders-https",
        "aws:vpclattice shop-orders-logs",
        "aws:vpclattice shop-orders-v1",
        "aws:vpclattice shop-orders-v2",
        "aws:vpclattice shop-vpc",
    ]


def test_requests_are_divided_by_weight_over_tls() -> None:
    graph = mesh({"orders": CANARY}, mode="deployed")
    listener = graph.one(LISTENER)
    assert (listener.inputs["protocol"], listener.inputs["port"]) == ("HTTPS", 443)
    assert listener.inputs["serviceIdentifier"] == graph.one(SERVICE).id
    assert listener.inputs["defaultAction"] == {
        "forwards": [
            {
                "targetGroups": [
                    {"targetGroupIdentifier": graph.one(TARGET_GROUP, "shop-orders-v1").id, "weight": 95},
                    {"targetGroupIdentifier": graph.one(TARGET_GROUP, "shop-orders-v2").id, "weight": 5},
                ]
            }
        ]
    }
    assert graph.one(SERVICE).inputs == {"authType": "AWS_IAM", "tags": {"Name": "shop-orders"}}


def test_the_header_x_canary_chooses_a_version() -> None:
    graph = mesh({"orders": CANARY})
    rule = graph.one(RULE)
    assert rule.inputs["match"] == {
        "httpMatch": {"headerMatches": [{"name": "x-canary", "caseSensitive": False, "match": {"exact": "true"}}]}
    }
    assert shares(rule.inputs["action"]["forward"]) == [80, 20]
    assert rule.inputs["priority"] == 10
    assert refs(graph, rule, "action") == ["shop-orders-v1", "shop-orders-v2"]
    assert refs(graph, rule, "listenerIdentifier") == ["shop-orders-https"]
    other = {**CANARY, "canary": {"weights": {"v2": 100}, "header_name": "X-Ring", "header_value": "blue"}}
    rule = mesh({"orders": other}).one(RULE)
    assert rule.inputs["match"]["httpMatch"]["headerMatches"] == [{"name": "X-Ring", "caseSensitive": False, "match": {"exact": "blue"}}]
    assert shares(rule.inputs["action"]["forward"]) == [100]


def test_weights_are_an_input() -> None:
    def program() -> None:
        share = pulumi.Output.from_input(7)
        versions: Any = {"v1": {"port": 8080, "weight": share.apply(lambda value: 100 - value)}, "v2": {"port": 8080, "weight": share}}
        services: Any = {"orders": {"callers": {"web": WEB}, "versions": versions, "canary": {"weights": {"v2": share}}}}
        ServiceMesh("shop", {"vpc_id": "vpc-1", "security_group_ids": ["sg-1"], "services": services})

    graph = record(program)
    assert shares(graph.one(LISTENER).inputs["defaultAction"]["forwards"][0]) == [93, 7]
    assert shares(graph.one(RULE).inputs["action"]["forward"]) == [7]


def test_weights_hold_unless_a_controller_moves_them() -> None:
    graph = mesh({"orders": CANARY})
    assert [graph.one(kind).options.get("ignoreChanges", []) for kind in (LISTENER, RULE)] == [[], []]
    graph = mesh({"orders": {**CANARY, "external_weights": True}})
    assert graph.one(LISTENER).options["ignoreChanges"] == ["defaultAction"]
    assert graph.one(RULE).options["ignoreChanges"] == ["action"]
    # Those of the first deployment.
    assert shares(graph.one(LISTENER).inputs["defaultAction"]["forwards"][0]) == [95, 5]


def test_with_a_controller_a_further_version_changes_no_input_outside_what_is_ignored() -> None:
    services = {"orders": {**CANARY, "external_weights": True}}
    before = mesh(services, mode="deployed")
    services["orders"]["versions"] = {**CANARY["versions"], "v3": {"port": 9090}}
    later = mesh(services, mode="deployed")
    known = {resource.urn: resource for resource in before.resources}
    assert [resource.name for resource in later.resources if resource.urn not in known] == ["shop-orders-v3"]
    for resource in later.of_type(LISTENER, RULE):
        ignored = resource.options["ignoreChanges"]
        old = {key: value for key, value in known[resource.urn].inputs.items() if key not in ignored}
        assert {key: value for key, value in resource.inputs.items() if key not in ignored} == old


def test_one_version_gets_everything_and_a_version_without_weight_only_the_canaries() -> None:
    assert shares(mesh({"orders": ORDERS}).one(LISTENER).inputs["defaultAction"]["forwards"][0]) == [100]
    only = {"callers": {"web": WEB}, "versions": {"v1": {"port": 8080, "weight": 7.0}}}
    assert shares(mesh({"orders": only}).one(LISTENER).inputs["defaultAction"]["forwards"][0]) == [7]
    dark = {**CANARY, "versions": {"v1": {"port": 80, "weight": 1}, "v2": {"port": 80}}, "canary": {"weights": {"v2": 1}}}
    graph = mesh({"orders": dark})
    assert refs(graph, graph.one(LISTENER), "defaultAction") == ["shop-orders-v1"]
    assert refs(graph, graph.one(RULE), "action") == ["shop-orders-v2"]


def test_callers_are_named_in_the_policies_of_service_and_network_and_may_call_themselves() -> None:
    graph = mesh({"orders": ORDERS, "open": {"iam_auth": False, "versions": {"v1": {"port": 80}}}}, mode="deployed")
    orders, public = graph.one(SERVICE, "shop-orders"), graph.one(SERVICE, "shop-open")
    call = {"Effect": "Allow", "Action": ["vpc-lattice-svcs:Invoke"]}
    named = {**call, "Resource": [f"{orders.outputs['arn']}/*"], "Principal": {"AWS": [WEB]}}
    anonymous = {
        **call,
        "Resource": [f"{public.outputs['arn']}/*"],
        "Principal": "*",
        "Condition": {"StringEquals": {"vpc-lattice-svcs:SourceVpc": "vpc-1"}},
    }
    assert policy(graph.one(AUTH, "shop-orders-auth")) == [named]
    assert policy(graph.one(AUTH, "shop-auth")) == [named, anonymous]
    assert [resource.name for resource in graph.of_type(AUTH)] == ["shop-orders-auth", "shop-auth"]
    assert (orders.inputs["authType"], public.inputs["authType"]) == ("AWS_IAM", "NONE")
    assert graph.one(AUTH, "shop-orders-auth").inputs["resourceIdentifier"] == orders.id
    assert graph.one(AUTH, "shop-auth").inputs["resourceIdentifier"] == graph.one(NETWORK).id
    grant = graph.one(ROLE_POLICY)
    assert (grant.name, grant.inputs["role"]) == ("shop-orders-caller-web", "web")
    assert policy(grant) == [{**call, "Resource": [f"{orders.outputs['arn']}/*"]}]
    assert not mesh({"orders": ORDERS}, attach_role_policies=False).of_type(ROLE_POLICY)


def test_the_vpc_and_the_services_join_a_network_of_known_callers() -> None:
    graph = mesh({"orders": CANARY}, mode="deployed")
    assert graph.one(NETWORK).inputs == {"authType": "AWS_IAM", "tags": {"Name": "shop"}}
    vpc = graph.one(VPC).inputs
    assert (vpc["vpcIdentifier"], vpc["securityGroupIds"]) == ("vpc-1", ["sg-1"])
    assert vpc["serviceNetworkIdentifier"] == graph.one(NETWORK).id
    association = graph.one(ASSOCIATION)
    assert association.inputs["serviceIdentifier"] == graph.one(SERVICE).id
    assert association.inputs["serviceNetworkIdentifier"] == graph.one(NETWORK).id
    by_urn = {resource.urn: resource.name for resource in graph.resources}
    waits = {by_urn[urn] for urn in association.dependencies}
    assert waits >= {"shop-orders-https", "shop-orders-canary", "shop-orders-auth", "shop-orders-caller-web"}


def test_joining_a_network_of_your_own_or_none() -> None:
    graph = mesh({"orders": ORDERS}, security_group_ids=[], service_network_id="sn-1", mode="deployed")
    assert not graph.of_type(NETWORK, VPC)
    assert [resource.name for resource in graph.of_type(AUTH)] == ["shop-orders-auth"]
    assert graph.one(ASSOCIATION).inputs["serviceNetworkIdentifier"] == "sn-1"
    assert graph.one(COMPONENT).outputs["service_network_id"] == "sn-1"
    graph = mesh({"orders": ORDERS}, security_group_ids=[], associate=False, mode="deployed")
    assert not graph.of_type(NETWORK, VPC, ASSOCIATION)
    assert "service_network_id" not in graph.one(COMPONENT).outputs


def test_access_logs_go_to_a_log_group_or_elsewhere() -> None:
    graph = mesh({"orders": ORDERS, "carts": ORDERS}, log_retention_days=30.0, kms_key_arn="arn:aws:kms:eu-west-1:1:key/k", mode="deployed")
    group = graph.one(LOG_GROUP)
    assert (group.inputs["retentionInDays"], group.inputs["kmsKeyId"]) == (30, "arn:aws:kms:eu-west-1:1:key/k")
    assert [(logs.name, logs.inputs["destinationArn"]) for logs in graph.of_type(LOGS)] == [
        ("shop-orders-logs", group.outputs["arn"]),
        ("shop-carts-logs", group.outputs["arn"]),
    ]
    assert [logs.inputs["resourceIdentifier"] for logs in graph.of_type(LOGS)] == [service.id for service in graph.of_type(SERVICE)]
    assert mesh({"orders": ORDERS}).one(LOG_GROUP).inputs["retentionInDays"] == 365
    graph = mesh({"orders": ORDERS}, access_log_destination_arn="arn:aws:s3:::logs")
    assert not graph.of_type(LOG_GROUP)
    assert graph.one(LOGS).inputs["destinationArn"] == "arn:aws:s3:::logs"
    assert "log_group_name" not in graph.one(COMPONENT).outputs


def test_a_name_and_certificate_of_your_own() -> None:
    own = {
        **ORDERS,
        "custom_domain_name": "orders.example.com",
        "certificate_arn": CERTIFICATE,
        "hosted_zone_id": "Z0123456789",
        "port": 8443,
    }
    graph = mesh({"orders": own}, mode="deployed")
    service = graph.one(SERVICE)
    assert (service.inputs["customDomainName"], service.inputs["certificateArn"]) == ("orders.example.com", CERTIFICATE)
    alias = graph.one(RECORD)
    entry = service.outputs["dnsEntries"][0]
    assert (alias.name, alias.inputs["zoneId"], alias.inputs["name"], alias.inputs["type"]) == (
        "shop-orders-alias",
        "Z0123456789",
        "orders.example.com",
        "A",
    )
    assert alias.inputs["aliases"] == [{"name": entry["domainName"], "zoneId": entry["hostedZoneId"], "evaluateTargetHealth": False}]
    assert graph.one(LISTENER).inputs["port"] == 8443
    assert graph.one(COMPONENT).outputs["host_names"] == {"orders": "orders.example.com"}
    assert not mesh({"orders": {**own, "hosted_zone_id": None}}).of_type(RECORD)


def version(**arguments: Any) -> Graph:
    return mesh({"orders": {**ORDERS, "versions": {"v1": arguments}}})


def test_a_version_is_checked_on_its_own_port() -> None:
    group = version(port=8080).one(TARGET_GROUP)
    assert group.inputs == {
        "type": "INSTANCE",
        "tags": {"Name": "shop-orders-v1"},
        "config": {
            "vpcIdentifier": "vpc-1",
            "port": 8080,
            "protocol": "HTTP",
            "protocolVersion": "HTTP1",
            "healthCheck": {
                "enabled": True,
                "protocol": "HTTP",
                "protocolVersion": "HTTP1",
                "path": "/",
                "port": 8080,
                "matcher": {"value": "200"},
                "healthCheckIntervalSeconds": 15,
                "healthCheckTimeoutSeconds": 5,
                "healthyThresholdCount": 2,
                "unhealthyThresholdCount": 3,
            },
        },
    }


def test_a_version_with_everything_said() -> None:
    check = version(
        port=8443,
        target_type="ip",
        protocol="HTTPS",
        protocol_version="HTTP2",
        health_check_path="/health",
        health_check_port=9000,
        health_check_matcher="200-299",
        health_check_interval_seconds=30,
        health_check_timeout_seconds=3,
        healthy_threshold=4,
        unhealthy_threshold=5,
    ).one(TARGET_GROUP)
    assert check.inputs["type"] == "IP"
    assert check.inputs["config"]["protocolVersion"] == "HTTP2"
    assert check.inputs["config"]["healthCheck"] == {
        "enabled": True,
        "protocol": "HTTPS",
        "protocolVersion": "HTTP2",
        "path": "/health",
        "port": 9000,
        "matcher": {"value": "200-299"},
        "healthCheckIntervalSeconds": 30,
        "healthCheckTimeoutSeconds": 3,
        "healthyThresholdCount": 4,
        "unhealthyThresholdCount": 5,
    }


@pytest.mark.parametrize(("path", "enabled"), [(None, False), ("/health", True)])
def test_grpc_is_checked_only_with_a_path(path: str | None, enabled: bool) -> None:
    check = version(port=80, protocol_version="GRPC", health_check_path=path).one(TARGET_GROUP).inputs["config"]["healthCheck"]
    assert (check["enabled"], check["protocolVersion"]) == (enabled, "HTTP2")


def test_load_balancers_and_functions_are_not_checked() -> None:
    graph = version(port=443, protocol="HTTPS", target_type="alb", targets={"web": "arn:alb"})
    assert graph.one(TARGET_GROUP).inputs["config"] == {
        "vpcIdentifier": "vpc-1",
        "port": 443,
        "protocol": "HTTPS",
        "protocolVersion": "HTTP1",
    }
    assert graph.one(TARGET).inputs["target"] == {"id": "arn:alb", "port": 443}
    graph = version(target_type="lambda", targets={"handler": "arn:function"})
    assert graph.one(TARGET_GROUP).inputs == {"type": "LAMBDA", "tags": {"Name": "shop-orders-v1"}}
    assert graph.one(TARGET).name == "shop-orders-v1-target-handler"
    assert graph.one(TARGET).inputs["target"] == {"id": "arn:function"}
    assert refs(graph, graph.one(TARGET), "targetGroupIdentifier") == ["shop-orders-v1"]


def test_outputs_and_tags() -> None:
    graph = mesh({"orders": CANARY}, mode="deployed", tags={"Owner": "platform"})
    outputs = graph.one(COMPONENT).outputs
    service = graph.one(SERVICE)
    assert outputs["service_arns"] == {"orders": service.outputs["arn"]}
    assert outputs["host_names"] == {"orders": service.outputs["dnsEntries"][0]["domainName"]}
    groups = {group.name.removeprefix("shop-"): group.id for group in graph.of_type(TARGET_GROUP)}
    assert outputs["target_group_ids"] == groups
    assert outputs["log_group_name"] == graph.one(LOG_GROUP).outputs["name"]
    assert outputs["service_network_id"] == graph.one(NETWORK).id
    for kind in (SERVICE, NETWORK, VPC, ASSOCIATION, TARGET_GROUP, LISTENER, RULE, LOGS, LOG_GROUP):
        for resource in graph.of_type(kind):
            assert resource.inputs["tags"]["Owner"] == "platform", resource.name


def test_the_arn_of_a_service_by_its_name() -> None:
    def program() -> None:
        made = ServiceMesh("shop", {"vpc_id": "vpc-1", "associate": False, "services": {"orders": ORDERS}})  # ty: ignore[invalid-argument-type] (Any inside)
        pulumi.export("arn", made.service_arn("orders"))
        made.service_arn("carts")

    with pytest.raises(ArgumentError) as caught:
        record(program)
    assert caught.value.problems == [("service_arn", "is 'carts', which is not a service; known are orders.")]


def test_transforms_reach_the_children() -> None:
    def longer(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        return pulumi.ResourceTransformResult({**args.props, "idleTimeoutSeconds": 120}, args.opts) if args.type_ == SERVICE else None

    given: Any = {"vpc_id": "vpc-1", "security_group_ids": ["sg-1"], "services": {"orders": ORDERS}}
    graph = record(lambda: ServiceMesh("shop", given, pulumi.ResourceOptions(transforms=[longer])))
    assert graph.one(SERVICE).inputs["idleTimeoutSeconds"] == 120


NAMES = (
    "names in VPC Lattice have lower-case letters and digits with single hyphens between them, and do not begin with svc-, tg-, listener- "
    "or rule-."
)
SERVICE_NAMES = "a name has lower-case letters and digits with single hyphens between them, and no part `caller` or `target`. Rename it"


@pytest.mark.parametrize("name", ["Shop", "svc-shop", "svc", "shop--a", "-shop", "rule-1"])
def test_names_that_lattice_refuses(name: str) -> None:
    assert problems({"orders": ORDERS}, name) == [("name", f"is {name!r}; {NAMES} Give the component such a name.")]


def test_names_that_are_too_long() -> None:
    assert problems({"orders": ORDERS}, "a" * 26) == [
        (
            "name",
            "has 26 characters; the child " + "a" * 26 + "-orders would pass the 40 characters that AWS allows. "
            "Give the component a name of at most 25 characters.",
        )
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"callers": {}},
            [("services.orders.callers", "is empty, so nobody could call. Name the callers' roles, or set iam_auth to False.")],
        ),
        ({"iam_auth": False}, [("services.orders.callers", "needs iam_auth, which is False. Remove one of them.")]),
        (
            {"callers": {"Web": WEB}},
            [("services.orders.callers", f"has 'Web'; {SERVICE_NAMES}")],
        ),
        (
            {"custom_domain_name": "orders.example.com"},
            [("services.orders.certificate_arn", "is missing; custom_domain_name needs it. Give it, or remove custom_domain_name.")],
        ),
        (
            {"certificate_arn": CERTIFICATE},
            [
                (
                    "services.orders.custom_domain_name",
                    "is missing; certificate_arn needs it. Give it, or remove certificate_arn.",
                )
            ],
        ),
        (
            {"hosted_zone_id": "Z0123456789"},
            [("services.orders.custom_domain_name", "is missing; hosted_zone_id needs it. Give it, or remove hosted_zone_id.")],
        ),
        (
            {"versions": {"v-1": {"port": 80}}},
            [("services.orders.versions", "has 'v-1'; a name has lower-case letters and digits. Rename it")],
        ),
        (
            {"versions": {"v1": {"port": 80, "weight": 0}}},
            [("services.orders.versions", "have no weight above 0, so requests would have no target. Give one of them a weight.")],
        ),
        (
            {"versions": {"v1": {"port": 80, "weight": 1}, "v2": {"port": 80}}},
            [
                (
                    "services.orders.versions.v2.weight",
                    "is missing, and no canary names the version. Give it a weight; with 0 it gets no requests yet.",
                )
            ],
        ),
        (
            {"canary": {"weights": {"v2": 1}}},
            [("services.orders.canary.weights.v2", "is 'v2', which is not a version; known are v1.")],
        ),
        (
            {"canary": {"weights": {"v1": 1000}}},
            [("services.orders.canary.weights.v1", "is 1000; must be at most 999")],
        ),
        (
            {"canary": {"weights": {}}},
            [("services.orders.canary.weights", "have no weight above 0, so requests would have no target. Give one version a weight.")],
        ),
        (
            {"versions": {"v1": {}}},
            [("services.orders.versions.v1.port", "is missing; targets of the type instance listen on a port. Give it.")],
        ),
        (
            {"versions": {"v1": {"target_type": "lambda", "port": 80}}},
            [("services.orders.versions.v1.port", "is not supported on the target_type lambda. Remove it.")],
        ),
        (
            {"versions": {"v1": {"target_type": "alb", "port": 80, "health_check_path": "/"}}},
            [
                (
                    "services.orders.versions.v1.health_check_path",
                    "is not supported on the target_type alb. Remove it.",
                )
            ],
        ),
        (
            {"versions": {"v1": {"target_type": "alb", "port": 80, "targets": {"a": "x", "b": "y"}}}},
            [("services.orders.versions.v1.targets", "has 2 targets; the target_type alb takes one. Add a version for each.")],
        ),
    ],
)
def test_services_that_cannot_be_made(change: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert problems({"orders": {**ORDERS, **change}}) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"security_group_ids": []},
            [
                (
                    "security_group_ids",
                    "is missing; a new service network needs a group that decides who in the VPC may reach it. Give one.",
                )
            ],
        ),
        (
            {"service_network_id": "sn-1"},
            [("security_group_ids", "is only for the VPC connection of a new service network. Remove it.")],
        ),
        (
            {"service_network_id": "sn-1", "associate": False, "security_group_ids": []},
            [("service_network_id", "excludes associate = False, with which the services join no network. Remove one of them.")],
        ),
        (
            {"access_log_destination_arn": "arn:aws:s3:::logs", "log_retention_days": 30},
            [
                (
                    "log_retention_days",
                    "excludes access_log_destination_arn: it is for a new log group; both are given. Remove one of them.",
                )
            ],
        ),
    ],
)
def test_arguments_that_exclude_each_other(arguments: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert problems({"orders": ORDERS}, **arguments) == expected


@pytest.mark.parametrize("name", ["Orders", "a-target", "caller", "a--b"])
def test_names_of_services(name: str) -> None:
    assert problems({name: ORDERS}) == [("services", f"has {name!r}; {SERVICE_NAMES}")]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"versions": {}}, "services.orders.versions"),
        ({"versions": {f"v{n}": {"port": 80, "weight": 1} for n in range(11)}}, "services.orders.versions"),
        ({"versions": {"v1": {"port": 80, "weight": 1000}}}, "services.orders.versions.v1.weight"),
        ({"versions": {"v1": {"port": 80, "weight": -1}}}, "services.orders.versions.v1.weight"),
        ({"versions": {"v1": {"port": 0}}}, "services.orders.versions.v1.port"),
        ({"versions": {"v1": {"port": 80, "protocol": "TCP"}}}, "services.orders.versions.v1.protocol"),
        ({"canary": {"weights": {"v1": 1}, "header_name": "x canary"}}, "services.orders.canary.header_name"),
        ({"port": 65536}, "services.orders.port"),
    ],
)
def test_limits(change: dict[str, Any], path: str) -> None:
    assert [problem[0] for problem in problems({"orders": {**ORDERS, **change}})] == [path]
