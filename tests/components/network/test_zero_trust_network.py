import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network.zero_trust_network import ZeroTrustNetwork
from hypothesis import given, settings
from hypothesis import strategies as st
from offline_preview.graph import Graph

from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:ZeroTrustNetwork"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
NETWORK = "aws:vpclattice/serviceNetwork:ServiceNetwork"
VPC = "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation"
ASSOCIATION = "aws:vpclattice/serviceNetworkServiceAssociation:ServiceNetworkServiceAssociation"
AUTH = "aws:vpclattice/authPolicy:AuthPolicy"
LOGS = "aws:vpclattice/accessLogSubscription:AccessLogSubscription"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

Path = tuple[str, str, int, str]

ROLE = "arn:aws:iam::123456789012:role/shop/{}"
SERVICE = "arn:aws:vpc-lattice:eu-west-1:123456789012:service/svc-0123456789abcdef{}"
WEB: dict[str, Any] = {"source": "web", "target": "api", "port": 8080}
CALLS: dict[str, Any] = {
    "apps": {"web": {"role_arn": ROLE.format("web")}, "api": {"role_arn": ROLE.format("api")}, "job": {}},
    "services": {
        "orders": {"service_arn": SERVICE.format(0), "callers": ["web", "api"], "app": "job", "app_port": 8443},
        "carts": {"service_arn": SERVICE.format(1), "callers": ["api"], "port": 8443},
    },
    "lattice_prefix_list_id": "pl-0a1b",
}


def network(name: str = "shop", mode: Any = "preview", **arguments: Any) -> Graph:
    given = {"vpc_id": "vpc-1", "apps": {"web": {}, "api": {}, "db": {}}, **arguments}
    return record(lambda: ZeroTrustNetwork(name, given), mode=mode)  # ty: ignore[invalid-argument-type] (built by keyword)


def problems(name: str = "shop", **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        network(name, **arguments)
    return caught.value.problems


def names(graph: Graph, *types: str) -> list[str]:
    return sorted(resource.name for resource in graph.of_type(*types))


def admitted(graph: Graph) -> list[Path]:
    """Every connection that a target's group lets in."""
    return [
        (source, target, port, rule.inputs["ipProtocol"])
        for rule in graph.of_type(INGRESS)
        for source in refs(graph, rule, "referencedSecurityGroupId")
        for target in refs(graph, rule, "securityGroupId")
        for port in range(rule.inputs["fromPort"], rule.inputs["toPort"] + 1)
    ]


def let_out(graph: Graph) -> list[Path]:
    """Every connection that a source's group lets out."""
    return [
        (source, target, port, rule.inputs["ipProtocol"])
        for rule in graph.of_type(EGRESS)
        for source in refs(graph, rule, "securityGroupId")
        for target in refs(graph, rule, "referencedSecurityGroupId")
        for port in range(rule.inputs["fromPort"], rule.inputs["toPort"] + 1)
    ]


def test_a_group_without_edges_has_no_rule_at_all() -> None:
    graph = network()
    assert names(graph, GROUP) == ["shop-api", "shop-db", "shop-web"]
    assert not graph.of_type(INGRESS, EGRESS, NETWORK, VPC, AUTH, LOGS, LOG_GROUP)
    group = graph.one(GROUP, "shop-db").inputs
    # No inline rules either: without them, the provider takes away the one that lets everything out.
    assert group == {"vpcId": "vpc-1", "description": "Members of the app db", "tags": {"Name": "shop-db"}}


def test_an_edge_is_one_rule_on_either_side() -> None:
    graph = network(edges=[WEB], tags={"Owner": "platform"})
    ingress, egress = graph.one(INGRESS), graph.one(EGRESS)
    assert (ingress.name, egress.name) == ("shop-api-from-web-8080", "shop-web-to-api-8080")
    common = {"ipProtocol": "tcp", "fromPort": 8080, "toPort": 8080, "tags": {"Owner": "platform"}}
    assert {key: ingress.inputs[key] for key in common} == common
    assert {key: egress.inputs[key] for key in common} == common
    assert ingress.inputs["description"] == "From the app web"
    assert egress.inputs["description"] == "To the app api"
    component = graph.one(COMPONENT)
    assert {resource.parent for resource in graph.of_type(GROUP, INGRESS, EGRESS)} == {component.urn}


APPS = ("web", "api", "db", "job-1")
EDGES = st.sets(
    st.tuples(st.sampled_from(APPS), st.sampled_from(APPS), st.integers(1, 65535), st.sampled_from(("tcp", "udp"))), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(EDGES, st.randoms(use_true_random=False))
def test_the_allowed_paths_are_the_declared_edges_no_more_and_no_fewer(declared: set[Path], order: Any) -> None:
    shuffled = sorted(declared)
    order.shuffle(shuffled)
    edges = [{"source": source, "target": target, "port": port, "protocol": protocol} for source, target, port, protocol in shuffled]
    graph = network(apps={app: {} for app in APPS}, edges=edges)
    expected = {(f"shop-{source}", f"shop-{target}", port, protocol) for source, target, port, protocol in declared}
    for found in (admitted(graph), let_out(graph)):
        assert len(found) == len(declared)
        assert set(found) == expected
    # Every rule names groups, and none a network, so that these paths are all there are.
    for rule in graph.of_type(INGRESS, EGRESS):
        assert not {"cidrIpv4", "cidrIpv6", "prefixListId"} & set(rule.inputs)
    assert not [group for group in graph.of_type(GROUP) if {"ingress", "egress"} & set(group.inputs)]


def test_apps_may_talk_to_themselves_and_over_both_protocols() -> None:
    own = {"source": "db", "target": "db", "port": 53}
    graph = network(edges=[own, {**own, "protocol": "udp"}])
    assert names(graph, INGRESS) == ["shop-db-from-db-53", "shop-db-from-db-53-udp"]
    assert names(graph, EGRESS) == ["shop-db-to-db-53", "shop-db-to-db-53-udp"]
    assert {rule.inputs["ipProtocol"] for rule in graph.of_type(INGRESS)} == {"tcp", "udp"}


def test_only_declared_callers_are_named_for_each_service() -> None:
    graph = network(**CALLS, mode="deployed")
    assert graph.one(NETWORK).inputs == {"authType": "AWS_IAM", "tags": {"Name": "shop"}}
    auth = graph.one(AUTH)
    assert auth.inputs["resourceIdentifier"] == graph.one(NETWORK).id

    def statement(service: str, *apps: str) -> dict[str, Any]:
        return {
            "Effect": "Allow",
            "Action": ["vpc-lattice-svcs:Invoke"],
            "Resource": [f"{service}/*"],
            "Principal": {"AWS": [ROLE.format(app) for app in apps]},
            "Condition": {"StringEquals": {"vpc-lattice-svcs:SourceVpc": "vpc-1"}},
        }

    assert json.loads(auth.inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [statement(SERVICE.format(0), "web", "api"), statement(SERVICE.format(1), "api")],
    }


@settings(max_examples=30, deadline=None)
@given(st.sets(st.tuples(st.sampled_from(("web", "api", "db")), st.integers(0, 3)), min_size=1))
def test_the_allowed_calls_are_the_declared_ones_no_more_and_no_fewer(declared: set[tuple[str, int]]) -> None:
    services = {
        f"s{number}": {"service_arn": SERVICE.format(number), "callers": sorted(app for app, other in declared if other == number)}
        for number in sorted({number for _, number in declared})
    }
    apps = {app: {"role_arn": ROLE.format(app)} for app in ("web", "api", "db")}
    graph = network(apps=apps, services=services, lattice_prefix_list_id="pl-0a1b", mode="deployed")
    expected = {(ROLE.format(app), f"{SERVICE.format(number)}/*") for app, number in declared}
    found = [
        (principal, resource)
        for statement in json.loads(graph.one(AUTH).inputs["policy"])["Statement"]
        for principal in statement["Principal"]["AWS"]
        for resource in statement["Resource"]
    ]
    assert len(found) == len(expected)
    assert set(found) == expected
    callers = {app for app, _ in declared}
    assert names(graph, EGRESS) == sorted(f"shop-{app}-to-lattice-443" for app in callers)
    assert names(graph, INGRESS) == sorted(f"shop-lattice-from-{app}-443" for app in callers)
    grants = {policy.inputs["role"]: json.loads(policy.inputs["policy"])["Statement"] for policy in graph.of_type(ROLE_POLICY)}
    assert {(ROLE.format(app), resource) for app, statements in grants.items() for resource in statements[0]["Resource"]} == expected


def test_calls_pass_lattice_alone() -> None:
    graph = network(**CALLS, mode="deployed")
    assert names(graph, EGRESS) == ["shop-api-to-lattice-443", "shop-api-to-lattice-8443", "shop-web-to-lattice-443"]
    assert {rule.inputs["prefixListId"] for rule in graph.of_type(EGRESS)} == {"pl-0a1b"}
    assert refs(graph, graph.one(EGRESS, "shop-web-to-lattice-443"), "securityGroupId") == ["shop-web"]
    gate = [rule for rule in graph.of_type(INGRESS) if refs(graph, rule, "securityGroupId") == ["shop-lattice"]]
    assert sorted((*refs(graph, rule, "referencedSecurityGroupId"), rule.inputs["fromPort"], rule.inputs["toPort"]) for rule in gate) == [
        ("shop-api", 443, 443),
        ("shop-api", 8443, 8443),
        ("shop-web", 443, 443),
    ]
    target = graph.one(INGRESS, "shop-job-from-lattice-8443")
    assert (target.inputs["prefixListId"], target.inputs["fromPort"], target.inputs["toPort"]) == ("pl-0a1b", 8443, 8443)
    assert refs(graph, target, "securityGroupId") == ["shop-job"]
    assert len(graph.of_type(INGRESS)) == len(gate) + 1


def test_targets_admit_health_checks_on_a_port_of_their_own() -> None:
    graph = network(**orders(app="job", app_port=8443, health_check_port=8081))
    found = {rule.name: rule.inputs for rule in graph.of_type(INGRESS) if "prefixListId" in rule.inputs}
    assert sorted(found) == ["shop-job-from-lattice-8081", "shop-job-from-lattice-8443"]
    assert {(rule["prefixListId"], rule["fromPort"], rule["toPort"]) for rule in found.values()} == {
        ("pl-0a1b", 8081, 8081),
        ("pl-0a1b", 8443, 8443),
    }
    paths = graph.one(COMPONENT).outputs["edges"]
    assert [path for path in paths if path.startswith("pl-")] == ["pl-0a1b -> shop-job: 8081", "pl-0a1b -> shop-job: 8443"]
    same = network(**orders(app="job", app_port=8443, health_check_port=8443))
    assert [rule.name for rule in same.of_type(INGRESS) if "prefixListId" in rule.inputs] == ["shop-job-from-lattice-8443"]


def test_apps_with_ipv6_addresses_reach_lattice_by_its_second_list() -> None:
    graph = network(**CALLS, lattice_ipv6_prefix_list_id="pl-0a6b")
    for kind in (INGRESS, EGRESS):
        found = {rule.name: rule.inputs for rule in graph.of_type(kind) if "prefixListId" in rule.inputs}
        plain = {name for name in found if not name.endswith("-ipv6")}
        assert {name: found[name]["prefixListId"] for name in found} == {
            **dict.fromkeys(plain, "pl-0a1b"),
            **dict.fromkeys([f"{name}-ipv6" for name in plain], "pl-0a6b"),
        }
    assert names(graph, EGRESS) == [
        f"shop-{app}-to-lattice-{port}{family}" for app, port in (("api", 443), ("api", 8443), ("web", 443)) for family in ("", "-ipv6")
    ]
    assert "shop-job-from-lattice-8443-ipv6" in names(graph, INGRESS)
    paths = graph.one(COMPONENT).outputs["edges"]
    assert paths[3:] == ["pl-0a1b -> shop-job: 8443", "pl-0a6b -> shop-job: 8443"]
    # The quota holds for each address family.
    network(**CALLS, lattice_ipv6_prefix_list_id="pl-0a6b", rules_per_group=20)


def test_the_vpc_and_the_services_join_the_network() -> None:
    graph = network(**CALLS, mode="deployed")
    vpc = graph.one(VPC)
    assert (vpc.inputs["vpcIdentifier"], vpc.inputs["securityGroupIds"]) == ("vpc-1", [graph.one(GROUP, "shop-lattice").id])
    assert names(graph, ASSOCIATION) == ["shop-carts-association", "shop-orders-association"]
    by_urn = {resource.urn: resource.name for resource in graph.resources}
    for association in graph.of_type(ASSOCIATION):
        assert {by_urn[urn] for urn in association.dependencies} >= {"shop-auth", "shop-logs", "shop-vpc"}
        assert association.inputs["serviceNetworkIdentifier"] == graph.one(NETWORK).id
    assert graph.one(ASSOCIATION, "shop-carts-association").inputs["serviceIdentifier"] == SERVICE.format(1)


def test_callers_get_the_permission_to_call() -> None:
    graph = network(**CALLS, mode="deployed")
    grant = graph.one(ROLE_POLICY, "shop-api-calls")
    assert grant.inputs["role"] == "api"
    assert json.loads(grant.inputs["policy"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["vpc-lattice-svcs:Invoke"],
            "Resource": [f"{SERVICE.format(0)}/*", f"{SERVICE.format(1)}/*"],
        }
    ]
    assert names(graph, ROLE_POLICY) == ["shop-api-calls", "shop-web-calls"]
    assert not network(**CALLS, attach_role_policies=False).of_type(ROLE_POLICY)


def test_calls_are_logged() -> None:
    graph = network(**CALLS, mode="deployed", log_retention_days=30, kms_key_arn="arn:aws:kms:eu-west-1:1:key/k")
    group, logs = graph.one(LOG_GROUP), graph.one(LOGS)
    assert (group.inputs["retentionInDays"], group.inputs["kmsKeyId"]) == (30, "arn:aws:kms:eu-west-1:1:key/k")
    assert (logs.inputs["resourceIdentifier"], logs.inputs["destinationArn"]) == (graph.one(NETWORK).id, group.outputs["arn"])
    assert network(**CALLS).one(LOG_GROUP).inputs["retentionInDays"] == 365
    graph = network(**CALLS, access_log_destination_arn="arn:aws:s3:::logs")
    assert not graph.of_type(LOG_GROUP)
    assert graph.one(LOGS).inputs["destinationArn"] == "arn:aws:s3:::logs"
    assert "log_group_name" not in graph.one(COMPONENT).outputs


def test_outputs_and_tags() -> None:
    graph = network(**CALLS, mode="deployed", tags={"Owner": "platform"})
    outputs = graph.one(COMPONENT).outputs
    assert outputs["security_group_ids"] == {app: graph.one(GROUP, f"shop-{app}").id for app in ("web", "api", "job")}
    assert outputs["lattice_security_group_id"] == graph.one(GROUP, "shop-lattice").id
    assert outputs["service_network_id"] == graph.one(NETWORK).id
    assert outputs["log_group_name"] == graph.one(LOG_GROUP).outputs["name"]
    for resource in graph.of_type(GROUP, INGRESS, EGRESS, NETWORK, VPC, ASSOCIATION, LOGS, LOG_GROUP):
        assert resource.inputs["tags"]["Owner"] == "platform", resource.name
    outputs = network(mode="deployed").one(COMPONENT).outputs
    assert outputs == {"security_group_ids": outputs["security_group_ids"], "edges": []}


def test_all_that_is_declared_is_an_output() -> None:
    edges = [WEB, {"source": "db", "target": "db", "port": 53, "protocol": "udp"}]
    assert network(edges=edges).one(COMPONENT).outputs["edges"] == ["shop-web -> shop-api: 8080", "shop-db -> shop-db: 53/udp"]
    assert network(**CALLS).one(COMPONENT).outputs["edges"] == [
        "shop-api -> shop-lattice: 443",
        "shop-api -> shop-lattice: 8443",
        "shop-web -> shop-lattice: 443",
        "pl-0a1b -> shop-job: 8443",
    ]


def test_a_groups_id_waits_for_its_rules() -> None:
    def program() -> None:
        made = ZeroTrustNetwork("shop", {"vpc_id": "vpc-1", "apps": {"web": {}, "api": {}}, "edges": [WEB]})  # ty: ignore[invalid-argument-type] (Any inside)
        pulumi.CustomResource("test:index:Machine", "machine", {"groups": [made.group_id("web")]})

    graph = record(program)
    assert refs(graph, graph.named("machine"), "groups") == ["shop-web", "shop-web-to-api-8080"]


def test_the_group_of_an_unknown_app() -> None:
    def program() -> None:
        ZeroTrustNetwork("shop", {"vpc_id": "vpc-1", "apps": {"web": {}, "api": {}}}).group_id("db")

    with pytest.raises(ArgumentError) as caught:
        record(program)
    assert caught.value.problems == [("group_id", "is 'db', which is not an app; known are web, api.")]


def test_transforms_reach_the_children() -> None:
    def rename(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        return pulumi.ResourceTransformResult({**args.props, "name": "mine"}, args.opts) if args.type_ == GROUP else None

    options = pulumi.ResourceOptions(transforms=[rename])
    graph = record(lambda: ZeroTrustNetwork("shop", {"vpc_id": "vpc-1", "apps": {"web": {}}}, options))
    assert graph.one(GROUP).inputs["name"] == "mine"


NAMES = "a name has lower-case letters, digits and hyphens, a letter first, and no part `to` or `from`, and is not `lattice`. Rename it"


@pytest.mark.parametrize("name", ["Web", "1st", "a-to-b", "from", "lattice", "a--b"])
def test_names_of_apps_and_services(name: str) -> None:
    assert problems(apps={name: {}}) == [("apps", f"has {name!r}; {NAMES}")]
    services = {name: CALLS["services"]["carts"]}
    changed: dict[str, Any] = {**CALLS, "services": services}
    assert problems(**changed) == [("services", f"has {name!r}; {NAMES}")]


def orders(**change: Any) -> dict[str, Any]:
    return {**CALLS, "services": {"orders": {"service_arn": SERVICE.format(0), "callers": ["web"], **change}}}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            {"edges": [{**WEB, "source": "www"}]},
            [("edges.0.source", "is 'www', which is not an app; known are web, api, db.")],
        ),
        (
            {"edges": [WEB, {**WEB, "port": 1}, {**WEB, "protocol": "tcp"}]},
            [("edges.2", "is web to api on tcp 8080, which is already in the list. Declare each edge once.")],
        ),
        (
            orders(callers=["www"]),
            [("services.orders.callers.0", "is 'www', which is not an app; known are web, api, job.")],
        ),
        (
            orders(callers=["job"]),
            [("services.orders.callers.0", "is 'job', which has no role_arn to authenticate with. Give apps.job.role_arn.")],
        ),
        (
            orders(callers=["web", "web"]),
            [("services.orders.callers", "has web twice. Name each once")],
        ),
        (orders(app="api"), [("services.orders.app_port", "is missing; app needs it. Give it, or remove app.")]),
        (
            orders(health_check_port=80),
            [("services.orders.app", "is missing; health_check_port needs it. Give it, or remove health_check_port.")],
        ),
        (
            {"lattice_ipv6_prefix_list_id": "pl-1"},
            [("services", "is missing; lattice_ipv6_prefix_list_id needs it. Give it, or remove lattice_ipv6_prefix_list_id.")],
        ),
        (orders(app_port=80), [("services.orders.app", "is missing; app_port needs it. Give it, or remove app_port.")]),
        (
            orders(app="www", app_port=80),
            [("services.orders.app", "is 'www', which is not an app; known are web, api, job.")],
        ),
        (
            {**CALLS, "lattice_prefix_list_id": None},
            [
                (
                    "lattice_prefix_list_id",
                    "is missing; services needs it. Give it, or remove services.",
                )
            ],
        ),
        (
            {"lattice_prefix_list_id": "pl-1"},
            [("services", "is missing; lattice_prefix_list_id needs it. Give it, or remove lattice_prefix_list_id.")],
        ),
        (
            {"kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
            [("services", "is missing; kms_key_arn needs it. Give it, or remove kms_key_arn.")],
        ),
        (
            {**CALLS, "access_log_destination_arn": "arn:aws:s3:::logs", "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
            [
                (
                    "kms_key_arn",
                    "excludes access_log_destination_arn: it is for a new log group; both are given. Remove one of them.",
                )
            ],
        ),
        (
            {"edges": [{**WEB, "port": port} for port in range(1, 4)], "rules_per_group": 2},
            [
                (
                    f"apps.{app}",
                    f"needs 3 {direction} rules; a security group takes 2 per direction. Divide the app, or have the quota raised and "
                    "say so in rules_per_group.",
                )
                for app, direction in (("api", "ingress"), ("web", "egress"))
            ],
        ),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert problems(**arguments) == expected


def test_lattice_counts_as_ten_rules() -> None:
    found = problems(**CALLS, rules_per_group=9)
    assert [(path, reason.split(";")[0]) for path, reason in found] == [
        ("apps.api", "needs 20 egress rules"),
        ("apps.job", "needs 10 ingress rules"),
        ("apps.web", "needs 10 egress rules"),
    ]
    assert [path for path, _ in problems(**CALLS, rules_per_group=2)][-1] == "apps.web"
    assert ("services", "needs 3 ingress rules") in [(path, reason.split(";")[0]) for path, reason in problems(**CALLS, rules_per_group=2)]
    network(**CALLS, rules_per_group=20)


def test_names_of_the_component() -> None:
    assert problems("sg-shop") == [
        ("name", "is 'sg-shop'; names of security groups cannot begin with sg-. Give the component another name.")
    ]
    assert [path for path, _ in problems("Shop", **CALLS)] == ["name"]
    network("Shop")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"apps": {}}, "apps"),
        ({"edges": [{**WEB, "port": 0}]}, "edges.0.port"),
        ({"edges": [{**WEB, "protocol": "icmp"}]}, "edges.0.protocol"),
        (orders(callers=[]), "services.orders.callers"),
        (orders(port=0), "services.orders.port"),
        ({**CALLS, "lattice_prefix_list_id": "vpc-lattice"}, "lattice_prefix_list_id"),
        ({**CALLS, "lattice_ipv6_prefix_list_id": "vpc-lattice"}, "lattice_ipv6_prefix_list_id"),
        (orders(app="job", app_port=80, health_check_port=0), "services.orders.health_check_port"),
    ],
)
def test_limits(arguments: dict[str, Any], path: str) -> None:
    assert [problem[0] for problem in problems(**arguments)] == [path]
