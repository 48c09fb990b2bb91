from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network.functional_firewall import FunctionalFirewall
from offline_preview.graph import Graph

from tests.harness import record, refs

GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
EGRESS_443: dict[str, Any] = {"ports": [443], "description": "x", "cidr": "192.0.2.0/24"}

CLOUDFRONT: dict[str, Any] = {"id": "pl-4fa04526", "description": "CloudFront", "entries": 55}

SHOP: dict[str, Any] = {
    "http": {},
    "https": {},
    "app": {"callers": ["http", "https"]},
    "mysql": {"callers": ["app"]},
    "redis": {"callers": ["app"]},
}


def firewall(functions: dict[str, Any], name: str = "shop", mode: Any = "preview", **arguments: Any) -> Graph:
    return record(lambda: FunctionalFirewall(name, {"vpc_id": "vpc-1", "functions": functions, **arguments}), mode=mode)


def problems(functions: dict[str, Any], name: str = "shop", **arguments: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        firewall(functions, name, **arguments)
    return caught.value.problems


def names(graph: Graph, type: str) -> list[str]:
    return sorted(resource.name for resource in graph.of_type(type))


def test_a_managed_prefix_list_takes_the_place_of_the_internet() -> None:
    graph = firewall({"https": {"internet": False, "prefix_lists": {"cloudfront": CLOUDFRONT}}, "app": {"callers": ["https"]}})
    assert names(graph, INGRESS) == ["shop-app-from-https-8080", "shop-https-from-cloudfront-443"]
    rule = graph.named("shop-https-from-cloudfront-443")
    found = {key: rule.inputs.get(key) for key in ("prefixListId", "fromPort", "toPort", "ipProtocol", "description", "cidrIpv4")}
    assert found == {
        **{"prefixListId": "pl-4fa04526", "fromPort": 443, "toPort": 443, "ipProtocol": "tcp"},
        **{"description": "CloudFront", "cidrIpv4": None},
    }
    assert refs(graph, rule, "securityGroupId") == ["shop-https"]
    # It is no entry from the internet.
    assert "cloudpatterns:internet" not in graph.named("shop-https").inputs["tags"]


def test_each_function_has_a_group_and_each_edge_a_rule_on_both_sides() -> None:
    graph = firewall(SHOP)
    assert names(graph, GROUP) == ["shop-app", "shop-http", "shop-https", "shop-mysql", "shop-redis"]
    assert names(graph, INGRESS) == [
        "shop-app-from-http-8080",
        "shop-app-from-https-8080",
        "shop-http-from-internet-ipv4-80",
        "shop-http-from-internet-ipv6-80",
        "shop-https-from-internet-ipv4-443",
        "shop-https-from-internet-ipv6-443",
        "shop-mysql-from-app-3306",
        "shop-redis-from-app-6379",
    ]
    assert names(graph, EGRESS) == [
        "shop-app-to-mysql-3306",
        "shop-app-to-redis-6379",
        "shop-http-to-app-8080",
        "shop-https-to-app-8080",
    ]
    component = graph.one("cloudpatterns:index:FunctionalFirewall")
    assert {resource.parent for resource in graph.of_type(GROUP, INGRESS, EGRESS)} == {component.urn}


def test_a_group_is_deleted_only_once_an_instance_refresh_had_time_to_take_it_off() -> None:
    assert [group.options["customTimeouts"] for group in firewall({"http": {}}).of_type(GROUP)] == [{"delete": "60m"}]


def test_groups_have_no_inline_rules_and_a_description_that_never_changes() -> None:
    group = firewall(SHOP, tags={"Owner": "platform"}).one(GROUP, "shop-mysql")
    assert group.inputs == {
        "vpcId": "vpc-1",
        "description": "Members of the function mysql",
        "tags": {"Name": "shop-mysql", "Owner": "platform"},
    }


def test_a_data_function_admits_its_callers_by_reference() -> None:
    graph = firewall(SHOP)
    rule = graph.one(INGRESS, "shop-mysql-from-app-3306")
    assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("tcp", 3306, 3306)
    assert rule.inputs["description"] == "From the function app"
    assert refs(graph, rule, "securityGroupId") == ["shop-mysql"]
    assert refs(graph, rule, "referencedSecurityGroupId") == ["shop-app"]
    back = graph.one(EGRESS, "shop-app-to-mysql-3306")
    assert (back.inputs["fromPort"], back.inputs["toPort"], back.inputs["description"]) == (3306, 3306, "To the function mysql")
    assert refs(graph, back, "securityGroupId") == ["shop-app"]
    assert refs(graph, back, "referencedSecurityGroupId") == ["shop-mysql"]


def test_only_web_functions_have_rules_with_networks() -> None:
    graph = firewall({**SHOP, "web": {"ports": [80, 443], "internet": True}})
    open_rules = [rule for rule in graph.of_type(INGRESS) if {"cidrIpv4", "cidrIpv6"} & set(rule.inputs)]
    assert sorted((rule.name, rule.inputs.get("cidrIpv4", rule.inputs.get("cidrIpv6"))) for rule in open_rules) == [
        ("shop-http-from-internet-ipv4-80", "0.0.0.0/0"),
        ("shop-http-from-internet-ipv6-80", "::/0"),
        ("shop-https-from-internet-ipv4-443", "0.0.0.0/0"),
        ("shop-https-from-internet-ipv6-443", "::/0"),
        ("shop-web-from-internet-ipv4-443", "0.0.0.0/0"),
        ("shop-web-from-internet-ipv4-80", "0.0.0.0/0"),
        ("shop-web-from-internet-ipv6-443", "::/0"),
        ("shop-web-from-internet-ipv6-80", "::/0"),
    ]
    assert {rule.inputs["description"] for rule in open_rules} == {"From the internet"}


def test_an_internal_web_function_admits_its_callers_alone() -> None:
    graph = firewall({"app": {"callers": ["https"], "ports": [9000.0]}, "https": {"internet": False, "callers": ["app"]}})
    assert names(graph, INGRESS) == ["shop-app-from-https-9000", "shop-https-from-app-443"]
    assert graph.one(INGRESS, "shop-app-from-https-9000").inputs["fromPort"] == 9000


def test_functions_may_call_each_other_and_themselves() -> None:
    graph = firewall({"redis": {"callers": ["redis", "worker"]}, "worker": {"ports": [7000], "callers": ["redis"]}})
    assert names(graph, INGRESS) == ["shop-redis-from-redis-6379", "shop-redis-from-worker-6379", "shop-worker-from-redis-7000"]
    own = graph.one(EGRESS, "shop-redis-to-redis-6379")
    assert refs(graph, own, "securityGroupId") == refs(graph, own, "referencedSecurityGroupId") == ["shop-redis"]


def test_listed_egress_and_nothing_else() -> None:
    egress = {
        "s3": {"ports": [443], "prefix_list_id": "pl-1", "description": "Amazon S3"},
        "mirror": {"ports": [80, 443], "cidr": "192.0.2.0/24", "description": "Mirror"},
        "partner": {"ports": [123], "cidr": "2001:DB8:0::/48", "protocol": "udp", "description": "Time"},
    }
    graph = firewall({"worker": {"egress": egress}})
    assert names(graph, INGRESS) == []
    rules = {rule.name: rule.inputs for rule in graph.of_type(EGRESS)}
    assert sorted(rules) == ["shop-worker-to-mirror-443", "shop-worker-to-mirror-80", "shop-worker-to-partner-123", "shop-worker-to-s3-443"]
    fields = ("description", "ipProtocol", "fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId")
    shown = {name: [inputs.get(field) for field in fields] for name, inputs in rules.items()}
    assert shown["shop-worker-to-s3-443"] == ["Amazon S3", "tcp", 443, 443, None, None, "pl-1"]
    assert shown["shop-worker-to-mirror-80"] == ["Mirror", "tcp", 80, 80, "192.0.2.0/24", None, None]
    assert shown["shop-worker-to-partner-123"] == ["Time", "udp", 123, 123, None, "2001:db8::/48", None]


def test_a_group_id_waits_for_the_rules_of_its_group() -> None:
    def program() -> None:
        made = FunctionalFirewall("shop", {"vpc_id": "vpc-1", "functions": SHOP})
        aws.ec2.NetworkInterface("nic", subnet_id="subnet-1", security_groups=made.group_ids("app", "redis"))
        aws.ec2.NetworkInterface("one", subnet_id="subnet-1", security_groups=[made.group_id("http")])
        pulumi.export("ids", made.security_group_ids)

    graph = record(program, mode="deployed")
    nic = graph.named("nic")
    assert nic.inputs["securityGroups"] == [graph.one(GROUP, "shop-app").id, graph.one(GROUP, "shop-redis").id]
    assert sorted(refs(graph, nic, "securityGroups")) == [
        "shop-app",
        "shop-app-from-http-8080",
        "shop-app-from-https-8080",
        "shop-app-to-mysql-3306",
        "shop-app-to-redis-6379",
        "shop-redis",
        "shop-redis-from-app-6379",
    ]
    assert graph.named("one").inputs["securityGroups"] == [graph.one(GROUP, "shop-http").id]
    assert graph.outputs["ids"] == {name: graph.one(GROUP, f"shop-{name}").id for name in SHOP}
    assert graph.one("cloudpatterns:index:FunctionalFirewall").outputs["security_group_ids"] == graph.outputs["ids"]


@pytest.mark.parametrize(
    ("stack", "reason"),
    [
        (("app", "nobody"), "is 'nobody', which is not a function; known are http, https, app, mysql, redis."),
        (("app", "app"), "app, app names a function twice. Name each once."),
        (
            ("http", "https", "app"),
            "http, https, app are 3 groups; a network interface takes 2. Join functions into one, or have the quota raised and say "
            "so in groups_per_interface.",
        ),
    ],
)
def test_a_stack_that_cannot_be_is_refused(stack: tuple[str, ...], reason: str) -> None:
    def program() -> None:
        FunctionalFirewall("shop", {"vpc_id": "vpc-1", "functions": SHOP, "groups_per_interface": 2}).group_ids(*stack)

    with pytest.raises(ArgumentError) as caught:
        record(program)
    assert caught.value.problems == [("group_ids", reason)]


NAMING = "a name has lower-case letters, digits and hyphens, a letter first, and no part `to` or `from`, and is not `internet`. Rename it"
WEB_ONLY = "is true; only http, https and custom functions on the ports 80 and 443 may admit the internet. Name its callers instead."


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        ({"App": {}}, ("functions", f"has 'App'; {NAMING}")),
        ({"internet": {}}, ("functions", f"has 'internet'; {NAMING}")),
        ({"a-to-b": {}}, ("functions", f"has 'a-to-b'; {NAMING}")),
        ({"from": {}}, ("functions", f"has 'from'; {NAMING}")),
        ({"https": {}, "mysql": {"internet": True}}, ("functions.mysql.internet", WEB_ONLY)),
        ({"app": {"ports": [443], "internet": True}}, ("functions.app.internet", WEB_ONLY)),
        ({"own": {"ports": [443, 8443], "internet": True}}, ("functions.own.internet", WEB_ONLY)),
        (
            {"https": {"ports": [8443]}},
            ("functions.https.ports", "is [8443]; https is the port 443. Leave the ports out, or choose a name of your own."),
        ),
        (
            {"mysql": {}},
            ("functions.mysql.callers", "is empty, so nobody could connect. Name the functions that call it, or leave the function out."),
        ),
        (
            {"own": {"prefix_lists": {"cloudfront": CLOUDFRONT}}},
            ("functions.own.ports", "is empty, so its callers could not connect. Name the ports that it serves."),
        ),
        (
            {"own": {"ports": [9000], "prefix_lists": {"http": CLOUDFRONT}}, "http": {}},
            ("functions.own.prefix_lists.http", "has the name of a function. Choose another name."),
        ),
        (
            {"own": {"ports": [443, 8443], "prefix_lists": {"cloudfront": CLOUDFRONT}}},
            (
                "functions.own",
                "needs 110 ingress rules; a security group takes 60 per direction and address family. Use fewer ports, callers or "
                "destinations, or have the quota raised and say so in rules_per_group.",
            ),
        ),
        (
            {"own": {"callers": ["own"]}},
            ("functions.own.ports", "is empty, so its callers could not connect. Name the ports that it serves."),
        ),
        (
            {"own": {"internet": True}},
            ("functions.own.ports", "is empty, so its callers could not connect. Name the ports that it serves."),
        ),
        (
            {"mysql": {"callers": ["ap"]}},
            ("functions.mysql.callers.0", "is 'ap', which is not a function; known are mysql."),
        ),
        (
            {"redis": {"callers": ["redis", "redis"]}},
            ("functions.redis.callers", "has redis twice. Name each once"),
        ),
        (
            {"own": {"ports": [70000], "callers": ["own"]}},
            ("functions.own.ports.0", "is 70000; must be at most 65535"),
        ),
        (
            {"own": {"ports": [90, 90], "callers": ["own"]}},
            ("functions.own.ports", "has 90 twice. Name each once"),
        ),
        ({"own": {"egress": {"To": EGRESS_443}}}, ("functions.own.egress", f"has 'To'; {NAMING}")),
        (
            {"own": {"egress": {"http": EGRESS_443}}, "http": {}},
            (
                "functions.own.egress.http",
                "has the name of a function; name it among the callers of http to let it connect, or choose another name.",
            ),
        ),
        (
            {"own": {"egress": {"x": {**EGRESS_443, "ports": []}}}},
            ("functions.own.egress.x.ports", "has 0 entries; at least 1 is needed"),
        ),
        (
            {"own": {"egress": {"x": {**EGRESS_443, "ports": [0]}}}},
            ("functions.own.egress.x.ports.0", "is 0; must be at least 1"),
        ),
        (
            {"own": {"egress": {"x": {**EGRESS_443, "description": "R&D"}}}},
            (
                "functions.own.egress.x.description",
                "is 'R&D'; must be 1 to 255 of the letters a-z and A-Z, digits, spaces and ._-:/()#,@[]+=;{}!$*",
            ),
        ),
        (
            {"own": {"egress": {"x": {**EGRESS_443, "prefix_list_id": "pl-1"}}}},
            ("functions.own.egress.x.cidr", "exactly one of cidr and prefix_list_id is needed; both are given. Remove one."),
        ),
        (
            {"own": {"egress": {"x": {"ports": [443], "description": "x"}}}},
            ("functions.own.egress.x.cidr", "exactly one of cidr and prefix_list_id is needed; none is given. Give one."),
        ),
        (
            {"own": {"egress": {"x": {**EGRESS_443, "cidr": "192.0.2.1/24"}}}},
            (
                "functions.own.egress.x.cidr",
                "is '192.0.2.1/24'; must have no host bits: write 192.0.2.0/24, or a /32 or /128 for one address",
            ),
        ),
        (
            {"own": {"egress": {"x": {**EGRESS_443, "cidr": "everywhere"}}}},
            (
                "functions.own.egress.x.cidr",
                "is 'everywhere'; must be a network such as 203.0.113.0/24 or 2001:db8::/32",
            ),
        ),
        (
            {"own": {"egress": {"x": {**EGRESS_443, "protocol": "icmp"}}}},
            ("functions.own.egress.x.protocol", "is 'icmp'; must be one of tcp, udp"),
        ),
    ],
)
def test_a_function_that_cannot_be_is_refused(functions: dict[str, Any], expected: tuple[str, str]) -> None:
    assert problems(functions) == [expected]


def test_no_function_and_unknown_arguments_are_refused() -> None:
    assert [path for path, _ in problems({})] == ["functions"]
    assert [path for path, _ in problems({"http": {"port": 80}}, vpc="x")] == ["functions.http.port", "vpc"]


@pytest.mark.parametrize("name", ["sg-shop", "SG-shop", "sg"])
def test_a_name_that_aws_reserves_is_refused(name: str) -> None:
    reason = f"is {name!r}; names of security groups cannot begin with sg-. Give the component another name."
    assert problems({"http": {}}, name) == [("name", reason)]


def test_a_name_too_long_for_a_group_is_refused() -> None:
    assert [path for path, _ in problems({"http": {}}, "n" * 243)] == ["name"]
    assert names(firewall({"http": {}}, "n" * 242), GROUP) == [f"{'n' * 242}-http"]


def quota(count: int, direction: str, limit: int) -> str:
    return (
        f"needs {count} {direction} rules; a security group takes {limit} per direction and address family. Use fewer ports, callers or "
        "destinations, or have the quota raised and say so in rules_per_group."
    )


def test_rules_count_against_the_quota_by_direction_and_family() -> None:
    ports = list(range(1000, 1060))
    fits: dict[str, Any] = {"own": {"ports": ports, "callers": ["own"]}}
    assert len(firewall(fits).of_type(INGRESS)) == 60
    ipv4, ipv6 = ({"ports": [443], "description": "x", "cidr": cidr} for cidr in ("192.0.2.0/24", "2001:db8::/32"))
    twice = {"own": {"ports": ports, "callers": ["own", "other"]}, "other": {"egress": {"x": ipv4, "y": ipv6}}}
    assert problems(twice) == [
        ("functions.own", quota(120, "ingress", 60)),
        ("functions.other", quota(61, "egress", 60)),
    ]
    weighty = {
        "own": {"egress": {"list": {**EGRESS_443, "ports": [80, 443], "cidr": None, "prefix_list_id": "pl-1", "prefix_list_entries": 31}}}
    }
    assert problems(weighty) == [("functions.own", quota(62, "egress", 60))]
    assert len(firewall(weighty, rules_per_group=62).of_type(EGRESS)) == 2


def test_quotas_that_aws_does_not_grant_together_are_refused() -> None:
    reason = "is 101; times 10 groups per interface it passes the 1000 rules that AWS allows an interface. Lower one of them."
    assert problems({"http": {}}, rules_per_group=101, groups_per_interface=10) == [("rules_per_group", reason)]
    assert firewall({"http": {}}, rules_per_group=100, groups_per_interface=10).of_type(GROUP)


def test_transforms_reach_the_children() -> None:
    def mark(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != GROUP:
            return None
        return pulumi.ResourceTransformResult({**args.props, "description": "Changed"}, args.opts)

    def program() -> None:
        FunctionalFirewall("shop", {"vpc_id": "vpc-1", "functions": {"http": {}}}, pulumi.ResourceOptions(transforms=[mark]))

    assert record(program).one(GROUP).inputs["description"] == "Changed"


def test_groups_that_admit_the_internet_say_so_to_policies() -> None:
    graph = firewall(SHOP, tags={"cloudpatterns:internet": "no"})
    marked = {group.name: group.inputs["tags"]["cloudpatterns:internet"] for group in graph.of_type(GROUP)}
    assert {name for name, mark in marked.items() if mark == "true"} == {"shop-http", "shop-https"}
