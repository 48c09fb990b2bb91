"""MultiLoadBalancer: each audience has a balancer, certificate and group of its own; the fleet admits the balancers' groups alone."""

import functools
import json
from typing import Any, cast

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import MultiLoadBalancer, MultiLoadBalancerArgs
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

COMPONENT = "cloudpatterns:index:MultiLoadBalancer"
INGRESS, EGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUP, LISTENER = "aws:ec2/securityGroup:SecurityGroup", "aws:lb/listener:Listener"
SUBNETS = {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"}


def certificate(audience: str) -> str:
    return f"arn:aws:acm:eu-west-1:123456789012:certificate/{audience}"


def audience(name: str, **args: Any) -> dict[str, Any]:
    given = {"subnet_ids_by_zone": SUBNETS, "certificate_arn": certificate(name), **args}
    return {key: value for key, value in given.items() if value is not ...}


OFFICE = {"cidr": "203.0.113.0/24", "description": "Partner A"}
AUDIENCES: dict[str, Any] = {
    "public": audience("public", internet=True),
    "partner": audience("partner", entries=[OFFICE, {"cidr": "2001:db8::/32", "description": "Partner B"}], http_redirect=False),
    "staff": audience("staff", internal=True, client_security_group_ids={"vpn": "sg-vpn"}, prefix_list_id="pl-1"),
}
NAMES = tuple(AUDIENCES)


def make(mode: Any = "deployed", audiences: Any = AUDIENCES, **args: Any) -> Graph:
    given = {"vpc_id": "vpc-1", "audiences": audiences, "target_port": 8080, **args}
    return record(lambda: MultiLoadBalancer("edge", cast(MultiLoadBalancerArgs, given)), mode=mode)


@functools.cache
def preview() -> Graph:
    return make("preview")


@functools.cache
def deployed() -> Graph:
    return make()


def rules(graph: Graph, kind: str, group: str) -> dict[str, Resource]:
    """The rules of the group with this name, by name, found through references."""
    return {rule.name: rule for rule in graph.of_type(kind) if refs(graph, rule, "securityGroupId") == [group]}


def test_it_makes_a_balancer_and_a_group_for_each_audience_and_one_bucket_for_all() -> None:
    graph = preview()
    made = {child.name: child.type.split(":")[-1] for child in graph.children(graph.one(COMPONENT).urn)}
    rule_names = [name for name, kind in made.items() if kind.startswith("SecurityGroup") and kind != "SecurityGroup"]
    assert {name: kind for name, kind in made.items() if name not in rule_names} == {
        **{f"edge-{name}": "LoadBalancer" for name in NAMES},
        **{f"edge-{name}-group": "SecurityGroup" for name in (*NAMES, "fleet")},
        "edge-logs": "DurableBucket",
    }
    assert sorted(rule_names) == sorted(
        [
            *(f"edge-public-from-internet-{port}" for port in (443, 80)),
            *(f"edge-partner-from-{source}-443" for source in ("203.0.113.0-24", "2001_db8__-32")),
            *(f"edge-staff-from-{source}-{port}" for source in ("list", "client-vpn") for port in (443, 80)),
            *(f"edge-{name}-to-fleet-8080" for name in NAMES),
            *(f"edge-fleet-from-{name}-8080" for name in NAMES),
        ]
    )


def test_each_balancer_ends_tls_with_its_own_certificate_behind_its_own_group() -> None:
    graph = preview()
    for name in NAMES:
        (listener,) = [one for one in graph.of_type(LISTENER) if one.inputs["protocol"] == "HTTPS" and one.name == f"edge-{name}-https"]
        assert listener.inputs["certificateArn"] == certificate(name)
        assert refs(graph, listener, "loadBalancerArn") == [f"edge-{name}-lb"]
        assert set(refs(graph, graph.named(f"edge-{name}-lb"), "securityGroups")) & {f"edge-{one}-group" for one in (*NAMES, "fleet")} == {
            f"edge-{name}-group"
        }
    https = [one.inputs["certificateArn"] for one in graph.of_type(LISTENER) if one.inputs["protocol"] == "HTTPS"]
    assert len(set(https)) == len(https) == 3
    plain = [one.inputs["defaultActions"][0]["type"] for one in graph.of_type(LISTENER) if one.inputs["protocol"] == "HTTP"]
    assert plain == ["redirect", "redirect"]


def test_the_fleet_admits_plain_http_from_each_balancers_group_by_reference_only() -> None:
    graph = preview()
    found = rules(graph, INGRESS, "edge-fleet-group")
    assert {name: refs(graph, rule, "referencedSecurityGroupId") for name, rule in found.items()} == {
        f"edge-fleet-from-{name}-8080": [f"edge-{name}-group"] for name in NAMES
    }
    for rule in found.values():
        assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("tcp", 8080, 8080)
        assert not {"cidrIpv4", "cidrIpv6", "prefixListId"} & rule.inputs.keys()
    assert rules(graph, EGRESS, "edge-fleet-group") == {}
    for name in NAMES:
        target = graph.named(f"edge-{name}-tg").inputs
        assert (target["port"], target["protocol"]) == (8080, "HTTP")


def test_each_balancer_admits_its_audience_and_reaches_the_fleet_alone() -> None:
    graph = deployed()

    def admitted(name: str) -> set[tuple[Any, ...]]:
        keys = ("fromPort", "toPort", "cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId", "description")
        return {tuple(rule.inputs.get(key) for key in keys) for rule in rules(graph, INGRESS, f"edge-{name}-group").values()}

    assert admitted("public") == {(port, port, "0.0.0.0/0", None, None, None, "From the internet") for port in (80, 443)}
    assert admitted("partner") == {
        (443, 443, "203.0.113.0/24", None, None, None, "Partner A"),
        (443, 443, None, "2001:db8::/32", None, None, "Partner B"),
    }
    assert admitted("staff") == {
        *((port, port, None, None, "pl-1", None, "From the prefix list of the audience") for port in (80, 443)),
        *((port, port, None, None, None, "sg-vpn", "From vpn") for port in (80, 443)),
    }
    for name in NAMES:
        (rule,) = rules(graph, EGRESS, f"edge-{name}-group").values()
        assert refs(graph, rule, "referencedSecurityGroupId") == ["edge-fleet-group"]
        assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (8080, 8080)


def test_a_health_check_port_of_its_own_is_open_between_balancer_and_fleet() -> None:
    graph = make("preview", health_check_port=9000)
    assert {rule.inputs["fromPort"] for rule in rules(graph, INGRESS, "edge-fleet-group").values()} == {8080, 9000}
    assert {rule.inputs["fromPort"] for rule in rules(graph, EGRESS, "edge-staff-group").values()} == {8080, 9000}
    assert graph.named("edge-staff-tg").inputs["healthCheck"]["port"] == "9000"


def test_a_dual_stack_audience_of_the_internet_comes_by_ipv6_too() -> None:
    graph = make(audiences={**AUDIENCES, "public": audience("public", internet=True, ip_address_type="dualstack")})
    found = rules(graph, INGRESS, "edge-public-group").values()
    assert {rule.inputs.get("cidrIpv6") or rule.inputs["cidrIpv4"] for rule in found} == {"0.0.0.0/0", "::/0"}
    assert graph.named("edge-public-lb").inputs["ipAddressType"] == "dualstack"


def test_balancers_are_reached_only_once_their_groups_and_the_fleets_are_complete() -> None:
    graph = preview()
    needed = refs(graph, graph.named("edge-staff-lb"), "securityGroups")
    assert {"edge-staff-from-list-443", "edge-staff-to-fleet-8080"} <= set(needed)


def test_logs_of_all_balancers_share_a_bucket_and_are_kept_apart() -> None:
    graph = deployed()
    bucket = graph.one("aws:s3/bucket:Bucket")
    for name in NAMES:
        logs = graph.named(f"edge-{name}-lb").inputs["accessLogs"]
        assert logs == {"enabled": True, "bucket": bucket.outputs["bucket"], "prefix": name}
    policy = json.loads(graph.one("aws:s3/bucketPolicy:BucketPolicy").inputs["policy"])["Statement"]
    paths = [statement["Resource"] for statement in policy if statement["Action"] == ["s3:PutObject"]]
    assert paths == [[f"{bucket.outputs['arn']}/{name}/AWSLogs/123456789012/*"] for name in NAMES]
    own = make(access_log_bucket_name="mine")
    assert own.of_type("aws:s3/bucket:Bucket") == []
    assert own.named("edge-staff-lb").inputs["accessLogs"] == {"enabled": True, "bucket": "mine", "prefix": "staff"}


def test_what_is_set_for_all_and_for_one_reaches_the_balancers() -> None:
    mutual = {"trust_store_arn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:truststore/t/1"}
    partner = audience("partner", entries=[OFFICE], mutual_tls=mutual, idle_timeout_seconds=30, stickiness={"duration_seconds": 60})
    graph = make(
        audiences={**AUDIENCES, "partner": {**partner, "tls_policy": "ELBSecurityPolicy-TLS13-1-3-2021-06"}},
        health_check_path="/healthz",
        health_check_matcher="204",
        deletion_protection=False,
        force_destroy=True,
        log_retention_days=7,
        target_type="ip",
        deregistration_delay_seconds=10,
        tags={"Owner": "web"},
    )
    listener = graph.named("edge-partner-https").inputs
    assert (listener["sslPolicy"], listener["mutualAuthentication"]["mode"]) == ("ELBSecurityPolicy-TLS13-1-3-2021-06", "verify")
    assert [graph.named(f"edge-{name}-lb").inputs["idleTimeout"] for name in NAMES] == [60, 30, 60]
    assert [graph.named(f"edge-{name}-lb").inputs["internal"] for name in NAMES] == [False, False, True]
    assert [graph.named(f"edge-{name}-lb").inputs["enableDeletionProtection"] for name in NAMES] == [False, False, False]
    assert [graph.named(f"edge-{name}-tg").inputs["stickiness"]["enabled"] for name in NAMES] == [False, True, False]
    for name in NAMES:
        target = graph.named(f"edge-{name}-tg").inputs
        assert (target["healthCheck"]["path"], target["healthCheck"]["matcher"]) == ("/healthz", "204")
        assert (target["targetType"], target["deregistrationDelay"]) == ("ip", 10)
    assert graph.one("aws:s3/bucket:Bucket").inputs["forceDestroy"] is True
    assert deployed().named("edge-staff-lb").inputs["enableDeletionProtection"] is True
    assert [one.name for one in graph.resources if "tags" in one.inputs and one.inputs["tags"].get("Owner") != "web"] == []


def test_the_fleet_may_have_a_group_already() -> None:
    graph = make(fleet_security_group_id="sg-fleet")
    assert [group.name for group in graph.of_type(GROUP)] == [f"edge-{name}-group" for name in NAMES]
    for name in NAMES:
        assert graph.named(f"edge-fleet-from-{name}-8080").inputs["securityGroupId"] == "sg-fleet"
        assert graph.named(f"edge-{name}-to-fleet-8080").inputs["referencedSecurityGroupId"] == "sg-fleet"
    assert graph.one(COMPONENT).outputs["fleet_security_group_id"] == "sg-fleet"


def test_outputs_by_audience() -> None:
    graph = deployed()
    assert graph.one(COMPONENT).outputs == {
        "fleet_security_group_id": graph.named("edge-fleet-group").id,
        "security_group_ids": {name: graph.named(f"edge-{name}-group").id for name in NAMES},
        "load_balancer_arns": {name: graph.named(f"edge-{name}-lb").outputs["arn"] for name in NAMES},
        "dns_names": {name: graph.named(f"edge-{name}-lb").outputs["dnsName"] for name in NAMES},
        "zone_ids": {name: graph.named(f"edge-{name}-lb").outputs["zoneId"] for name in NAMES},
        "https_listener_arns": {name: graph.named(f"edge-{name}-https").outputs["arn"] for name in NAMES},
        "target_group_arns": {name: graph.named(f"edge-{name}-tg").outputs["arn"] for name in NAMES},
        "log_bucket_name": graph.one("aws:s3/bucket:Bucket").outputs["bucket"],
    }


def test_the_balancer_of_an_audience_can_be_asked_for() -> None:
    def program() -> None:
        edge = MultiLoadBalancer("edge", {"vpc_id": "v", "audiences": AUDIENCES, "target_port": 8080})
        pulumi.export("arn", edge.balancer("staff").load_balancer_arn)
        with pytest.raises(ArgumentError) as error:
            edge.balancer("press")
        assert error.value.problems == [("balancer", "is 'press', which is not an audience; known are public, partner, staff.")]

    graph = record(program, mode="deployed")
    assert graph.outputs["arn"] == graph.named("edge-staff-lb").outputs["arn"]


ONE = {"public": AUDIENCES["public"]}
NOBODY = "admits nobody. Set internet to True, or give entries, prefix_list_id or client_security_group_ids."


@pytest.mark.parametrize(
    ("audiences", "args", "path", "reason"),
    [
        (ONE, {}, "audiences", "has public; for one audience a LoadBalancer is enough. Name two or more."),
        ({}, {}, "audiences", "has none; for one audience a LoadBalancer is enough. Name two or more."),
        (
            {**ONE, "fleet": AUDIENCES["staff"]},
            {},
            "audiences",
            "has 'fleet'; a name has lower-case letters and digits, a letter first, and is not fleet or logs. Rename it",
        ),
        (
            {**ONE, "a-b": AUDIENCES["staff"]},
            {},
            "audiences",
            "has 'a-b'; a name has lower-case letters and digits, a letter first, and is not fleet or logs. Rename it",
        ),
        (
            {**ONE, "other": audience("public", entries=[OFFICE])},
            {},
            "audiences.other.certificate_arn",
            "is that of public as well; each audience has a certificate of its own. Give it another.",
        ),
        ({**ONE, "staff": audience("staff", internal=True)}, {}, "audiences.staff", NOBODY),
        (
            {**ONE, "staff": audience("staff", internal=True, internet=True)},
            {},
            "audiences.staff.internet",
            "excludes internal: the internet does not reach private addresses; both are given. Remove one of them.",
        ),
        (
            {**ONE, "partner": audience("partner", internet=True, entries=[OFFICE])},
            {},
            "audiences.partner.internet",
            "excludes entries: the internet includes every network; both are given. Remove one of them.",
        ),
        (
            {**ONE, "partner": audience("partner", entries=[{"cidr": "203.0.113.1/24", "description": "x"}])},
            {},
            "audiences.partner.entries.0.cidr",
            "is '203.0.113.1/24'; must have no host bits: write 203.0.113.0/24, or a /32 or /128 for one address",
        ),
        (
            {**ONE, "partner": audience("partner", entries=[OFFICE, OFFICE])},
            {},
            "audiences.partner.entries.1.cidr",
            "is 203.0.113.0/24, which is already in the list. Name each network once.",
        ),
        (
            {**ONE, "partner": audience("partner", entries=[{"cidr": "203.0.113.0/24", "description": "A & B"}])},
            {},
            "audiences.partner.entries.0.description",
            "is 'A & B'; must be 1 to 255 of the letters a-z and A-Z, digits, spaces and ._-:/()#,@[]+=;{}!$*",
        ),
        (
            {**ONE, "partner": audience("partner", entries=[{"cidr": "0.0.0.0/0", "description": "x"}])},
            {},
            "audiences.partner.entries",
            "add up to 0.0.0.0/0, broader than an IPv4 /8 or IPv6 /16. Name narrower networks, or set internet to True.",
        ),
        (
            {**ONE, "staff": audience("staff", client_security_group_ids={"a b": "sg-1"})},
            {},
            "audiences.staff.client_security_group_ids",
            "has 'a b'; a name has letters, digits and hyphens. Rename it",
        ),
        (
            {**ONE, "staff": audience("staff", prefix_list_id="pl-1", prefix_list_max_entries=31)},
            {},
            "audiences.staff",
            "needs 62 rules, a prefix list counting as its prefix_list_max_entries; a security group takes 60. Name fewer.",
        ),
        (
            {**ONE, "staff": audience("staff", internal=True, client_security_group_ids={"vpn": "sg-1"})},
            {"rules_per_group": 2, "health_check_port": 1},
            "audiences",
            "need 4 rules in the fleet's security group, which takes 2. Name fewer audiences.",
        ),
        (
            {**ONE, "staff": audience("staff", certificate_arn=..., client_security_group_ids={"vpn": "sg-1"})},
            {},
            "audiences.staff.certificate_arn",
            "exactly one of certificate_arn and domain_name with hosted_zone_id is needed; none is given. Give one.",
        ),
        (
            {**ONE, "staff": audience("staff", subnet_ids_by_zone={"eu-west-1a": "s"}, client_security_group_ids={"vpn": "sg-1"})},
            {},
            "audiences.staff.subnet_ids_by_zone",
            "has 1 entry; at least 2 are needed",
        ),
        (
            AUDIENCES,
            {"access_log_bucket_name": "mine", "force_destroy": True},
            "access_log_bucket_name",
            "excludes force_destroy: it is for a bucket that is created; both are given. Remove one of them.",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is(audiences: Any, args: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as error:
        make(audiences=audiences, **args)
    assert error.value.problems == [(path, reason)]
    assert error.value.component == "MultiLoadBalancer"


def test_a_fault_of_what_all_balancers_share_names_the_shared_argument() -> None:
    with pytest.raises(ArgumentError) as error:
        make(health_check_path="healthz")
    assert error.value.problems == [("health_check_path", "is 'healthz'; must be a path such as /healthz")]


def test_the_same_output_is_no_second_certificate() -> None:
    def program() -> None:
        shared = pulumi.Output.from_input(certificate("one"))
        audiences = {name: {**AUDIENCES[name], "certificate_arn": shared} for name in ("public", "staff")}
        MultiLoadBalancer("edge", cast(MultiLoadBalancerArgs, {"vpc_id": "v", "audiences": audiences, "target_port": 80}))

    with pytest.raises(ArgumentError, match="is that of public as well"):
        record(program)


def test_names_that_aws_would_refuse() -> None:
    for name, message in (
        ("sg-edge", "cannot begin with sg-"),
        ("x" * 20, "at most 13 characters"),
        ("internal-edge", "do not begin with"),
    ):
        given = cast(MultiLoadBalancerArgs, {"vpc_id": "v", "audiences": AUDIENCES, "target_port": 80})
        with pytest.raises(ArgumentError, match=message):
            record(lambda name=name, given=given: MultiLoadBalancer(name, given))


def test_transforms_reach_the_children() -> None:
    def slower(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:lb/loadBalancer:LoadBalancer":
            return None
        return pulumi.ResourceTransformResult({**args.props, "idleTimeout": 600}, args.opts)

    given = cast(MultiLoadBalancerArgs, {"vpc_id": "v", "audiences": AUDIENCES, "target_port": 80})
    graph = record(lambda: MultiLoadBalancer("edge", given, pulumi.ResourceOptions(transforms=[slower])))
    assert [graph.named(f"edge-{name}-lb").inputs["idleTimeout"] for name in NAMES] == [600, 600, 600]


def test_the_alarms_of_every_balancer_have_the_options_of_all() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:alarms"
    graph = make(alarm_topic_arns=[topic], alarm_5xx_percent=1, alarm_unhealthy_minutes=20)
    alarms = {alarm.name: alarm for alarm in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    suffixes = ("no-healthy-target", "unhealthy-target", "target-5xx", "balancer-5xx")
    assert set(alarms) == {f"edge-{name}-{suffix}" for name in NAMES for suffix in suffixes}
    for name in NAMES:
        assert set(refs(graph, alarms[f"edge-{name}-no-healthy-target"], "dimensions")) == {f"edge-{name}-lb", f"edge-{name}-tg"}
        assert alarms[f"edge-{name}-target-5xx"].inputs["threshold"] == 1
        assert alarms[f"edge-{name}-unhealthy-target"].inputs["datapointsToAlarm"] == 20
        assert alarms[f"edge-{name}-balancer-5xx"].inputs["alarmActions"] == [topic]
