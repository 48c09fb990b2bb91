"""A picture shows what is where and what can flow, readably and the same each time."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns_pictures import draw
from cloudpatterns_pictures.kinds import BEHIND, CONNECTORS, GUARDS, KINDS, ROLES, SETTINGS
from cloudpatterns_pictures.layout import Area, Layout, Line, layout, text_width
from cloudpatterns_pictures.scene import OUTSIDE, Arrow, Scene, Thing
from cloudpatterns_pictures.stage import scene_of
from cloudpatterns_pictures.svg import render

from catalogue.__main__ import STACK
from tests.harness import record
from tests.pictures.geometry import loose, outside, overlapping, without_icons
from tests.policies.acceptance.generate import tokens
from tests.program import program_graph


def recorded(program: Callable[[], Any]) -> Scene:
    return scene_of(record(program, mode="deployed"))


def place(scene: Scene, name: str) -> list[str]:
    """The kinds of the boxes around a thing, from the inside."""
    [thing] = [thing for thing in scene.things.values() if thing.title == name]
    kinds, box = [], thing.box
    while box:
        kinds.append(scene.boxes[box].kind)
        box = scene.boxes[box].parent
    return kinds


def arrows(scene: Scene) -> set[tuple[str, str, str, str]]:
    names = {key: thing.title for key, thing in scene.things.items()}
    return {(names[arrow.tail], names[arrow.head], arrow.kind, arrow.label) for arrow in scene.arrows}


def test_the_readme_shows_the_stack_prod_as_it_is() -> None:
    drawn = draw(program_graph("prod"))
    assert without_icons(STACK.read_text(encoding="utf-8")) == without_icons(drawn), "run `make docs`"


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_shipped_stacks_draw_readably(stack: str) -> None:
    scene = scene_of(program_graph(stack))
    placed = layout(scene)
    assert (overlapping(scene, placed), outside(scene, placed), loose(scene, placed)) == ([], [], [])


def test_what_lies_on_something_else_is_found() -> None:
    """The two checks above can fail."""
    scene = Scene("x", things={key: Thing(key, "compute/lambda", key, "function") for key in ("one", "two")})
    placed = layout(scene)
    same = Layout(placed.size, {}, dict.fromkeys(placed.things, placed.things["one"]), [])
    assert overlapping(scene, placed) == []
    assert ("one", "two") in overlapping(scene, same)
    boxed = recorded(lambda: aws.sqs.Queue("jobs"))
    there = layout(boxed)
    away = Layout(there.size, {key: Area(900, 900, 10, 10) for key in there.boxes}, there.things, there.lines)
    assert outside(boxed, away) == ["jobs and eu-west-1"]
    arrow = Arrow("one", "two", "data", "443")
    joined = Scene("x", things=scene.things, arrows=[arrow])
    there = layout(joined)
    assert loose(joined, there) == overlapping(joined, there) == []
    [line] = there.lines
    short = Layout(there.size, {}, there.things, [Line(((0, 0), *line.points[1:-1], (0, 0)), None)])
    assert loose(joined, short) == ["one to two at one", "one to two at two"]
    assert overlapping(joined, short) == [("443", "no place")]


def test_the_prod_stack_shows_the_way_from_the_internet_to_the_database() -> None:
    scene = scene_of(program_graph("prod"))
    assert {arrow for arrow in arrows(scene) if arrow[2] == "traffic" and "nat" not in arrow[0]} == {
        ("Internet", "shop-cdn-distribution", "traffic", "443 HTTPS"),
        ("shop-cdn-distribution", "shop-origin-lb", "traffic", ""),
        ("shop-origin-lb", "shop-app-group", "traffic", "8080"),
        ("shop-app-group", "shop-db-cluster", "traffic", "3306 MySQL"),
        ("shop-app-group", "shop-reads-proxy", "traffic", "3306 MySQL"),
        ("shop-reads-proxy", "shop-db-cluster", "traffic", "3306 MySQL"),
        ("shop-app-group", "shop-cache-cache", "traffic", "6379 Redis"),
        ("shop-app-group", "network \u00d73", "traffic", "443 HTTPS"),
    }
    assert place(scene, "shop-db-cluster") == ["group", "isolated", "vpc", "region"]
    assert place(scene, "shop-app-group") == ["group", "private", "vpc", "region"]
    assert place(scene, "nat-gateway-eu-west-1a") == ["subnet", "public", "vpc", "region"]
    assert place(scene, "shop-cdn-distribution") == ["everywhere"]
    assert place(scene, "audit-trail") == ["component", "region"]
    [distribution] = [thing for thing in scene.things.values() if thing.noun == "distribution"]
    assert distribution.guards == ["shop-cdn-firewall-acl"]


def test_messages_go_from_queue_to_function_and_to_the_dead_letters() -> None:
    def program() -> None:
        dead = aws.sqs.Queue("dead")
        jobs = aws.sqs.Queue(
            "jobs", redrive_policy=dead.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3}))
        )
        store = aws.dynamodb.Table("store", attributes=[], hash_key="id")
        role = aws.iam.Role("role", assume_role_policy="{}")
        rights = pulumi.Output.all(jobs.arn, store.arn).apply(
            lambda arns: json.dumps({"Statement": [{"Effect": "Allow", "Resource": arns}]})
        )
        aws.iam.RolePolicy("rights", role=role.id, policy=rights)
        worker = aws.lambda_.Function("worker", role=role.arn)
        aws.lambda_.EventSourceMapping("jobs-to-worker", event_source_arn=jobs.arn, function_name=worker.arn)

    # That the role may read from the queue is said by the queue's own arrow.
    assert arrows(recorded(program)) == {
        ("jobs", "dead", "event", ""),
        ("jobs", "worker", "event", ""),
        ("worker", "store", "data", ""),
    }


def test_what_is_known_only_after_the_deployment_hides_nothing_else() -> None:
    def program() -> None:
        queue = aws.sqs.Queue("jobs")
        # Each of these decides where something stands or who reaches it.
        aws.ec2.NatGateway("nat", subnet_id=queue.arn, connectivity_type=queue.arn)
        aws.apigateway.RestApi("api", endpoint_configuration=queue.arn.apply(lambda _: {"types": "PRIVATE"}), body=queue.arn)
        visibility: Any = {"metricName": "acl"}
        aws.wafv2.WebAcl("acl", scope=queue.arn, default_action={}, visibility_config=visibility, region=queue.arn)
        vpc = aws.ec2.Vpc("vpc", cidr_block=queue.arn)
        subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, availability_zone=queue.arn)
        aws.ec2.Instance("server", subnet_id=subnet.id)

    scene = scene_of(record(program))
    assert sorted(thing.title for thing in scene.things.values()) == ["Internet", "acl", "api", "jobs", "nat", "server"]
    assert place(scene, "server") == ["group", "subnet", "isolated", "vpc", "region"]
    assert [box.title for box in scene.boxes.values() if box.kind in ("vpc", "subnet")] == ["vpc", "subnet"]


def test_large_components_outside_of_vpcs_are_folded() -> None:
    class Part(pulumi.ComponentResource):
        def __init__(self, name: str, queues: int) -> None:
            super().__init__("test:index:Part", name)
            made = [aws.sqs.Queue(f"{name}-{index}", opts=pulumi.ResourceOptions(parent=self)) for index in range(queues)]
            topic = aws.sns.Topic(f"{name}-topic", opts=pulumi.ResourceOptions(parent=self))
            aws.sns.TopicSubscription(f"{name}-sub", topic=topic.arn, endpoint=made[0].arn, protocol="sqs")
            self.last = made[-1]

    def program() -> None:
        big = Part("big", 9)
        small = Part("small", 2)
        topic = aws.sns.Topic("news")
        for index, part in enumerate((big, small)):
            aws.sns.TopicSubscription(f"to-{index}", topic=topic.arn, endpoint=part.last.arn, protocol="sqs")

    graph = record(program, mode="deployed")
    whole = scene_of(graph)
    assert (len(whole.things), [box.kind for box in whole.boxes.values()]) == (14, ["region", "component", "component"])
    folded = scene_of(graph, most=5)
    assert {(thing.title, thing.noun) for thing in folded.things.values()} == {
        ("big", "Part, 10 parts"), ("small-0", "queue"), ("small-1", "queue"), ("small-topic", "topic"), ("news", "topic"),
    }  # fmt: skip
    assert arrows(folded) == {("small-topic", "small-0", "event", ""), ("news", "big", "event", ""), ("news", "small-1", "event", "")}


def test_more_than_a_picture_can_show_is_drawn_as_one_by_kind_and_box() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/24", availability_zone="eu-west-1a")
        web, store = (aws.ec2.SecurityGroup(name, vpc_id=vpc.id) for name in ("web", "store"))
        for port in (80, 443):
            aws.vpc.SecurityGroupIngressRule(
                f"in-{port}",
                security_group_id=store.id,
                referenced_security_group_id=web.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
            )
        aws.vpc.SecurityGroupEgressRule("out", security_group_id=web.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")
        for index in range(4):
            group = store if index > 2 else web
            aws.ec2.Instance(
                f"server-{index}", subnet_id=subnet.id, vpc_security_group_ids=[group.id], ami="ami-1", instance_type="m8g.large"
            )
        dead = aws.sqs.Queue("dead")
        for index in range(5):
            letters = dead.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn}))
            aws.sqs.Queue(f"queue-{index}", redrive_policy=letters)

    graph = record(program, mode="deployed")
    assert len(scene_of(graph).things) == 10
    small = scene_of(graph, most=4)
    assert {(thing.title, thing.noun, len(thing.urns)) for thing in small.things.values()} == {
        ("server-0 +2", "instances", 3), ("server-3", "instance", 1), ("dead +5", "queues", 6),
    }  # fmt: skip
    assert arrows(small) == {("server-0 +2", "server-3", "traffic", "several ports")}


def test_a_long_chain_is_placed() -> None:
    """Longer than Python's stack of calls."""
    keys = [f"step-{index}" for index in range(1200)]
    things = {key: Thing(key, "compute/lambda", key, "function") for key in keys}
    placed = layout(Scene("x", things=things, arrows=[Arrow(tail, head, "event") for tail, head in pairwise(keys)]))
    assert placed.things[keys[0]].x < placed.things[keys[-1]].x


def test_a_picture_of_settings_alone_shows_them() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        web, store = (aws.ec2.SecurityGroup(name, vpc_id=vpc.id) for name in ("web", "store"))
        aws.vpc.SecurityGroupIngressRule(
            "in", security_group_id=store.id, referenced_security_group_id=web.id, ip_protocol="tcp", from_port=443, to_port=443
        )
        aws.iam.Role("role", assume_role_policy="{}")

    assert arrows(recorded(program)) == {("web", "store", "traffic", "443")}
    assert [thing.noun for thing in recorded(lambda: aws.iam.Role("role", assume_role_policy="{}")).things.values()] == ["role"]


def test_an_interface_is_a_part_of_its_instance_which_leads_out() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/24", availability_zone="eu-west-1a")
        group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id)
        interface = aws.ec2.NetworkInterface("interface", subnet_id=subnet.id, security_groups=[group.id], source_dest_check=False)
        primary: Any = {"network_interface_id": interface.id}
        aws.ec2.Instance("nat", primary_network_interface=primary, ami="ami-1", instance_type="t4g.nano")
        table = aws.ec2.RouteTable("table", vpc_id=vpc.id)
        aws.ec2.Route("out", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", network_interface_id=interface.id)

    scene = recorded(program)
    assert [(thing.title, len(thing.urns)) for thing in scene.things.values()] == [("Internet", 0), ("nat", 2)]
    assert arrows(scene) == {("nat", "Internet", "traffic", "")}


def test_the_legend_explains_what_there_is() -> None:
    quiet = draw(record(lambda: aws.sqs.Queue("jobs"), mode="deployed"))
    assert "events and messages" not in quiet

    def program() -> None:
        queue = aws.sqs.Queue("jobs")
        topic = aws.sns.Topic("news")
        aws.sns.TopicSubscription("to-jobs", topic=topic.arn, endpoint=queue.arn, protocol="sqs")

    drawn = draw(record(program, mode="deployed"))
    assert "events and messages" in drawn
    assert "traffic that is allowed" not in drawn


def test_texts_are_as_wide_as_they_are_drawn() -> None:
    """Widths are those of Arial and Helvetica, of letters with accents those of the letters, of others the most."""
    assert text_width("iii") == pytest.approx(3 * 0.222 * 12)
    assert text_width("\u00e9") == text_width("e")
    assert text_width("\u6f22") == 12
    assert 'textLength="' in draw(record(lambda: aws.sqs.Queue("jobs"), mode="deployed"))


def test_an_svg_needs_nothing_from_outside_and_has_a_name_for_everything() -> None:
    text = draw(record(lambda: aws.sqs.Queue("a&b<c>"), mode="deployed"))
    root = ET.fromstring(text)
    space = {"svg": "http://www.w3.org/2000/svg"}
    assert root.findtext("svg:title", namespaces=space) == "project/test"
    assert [title.text for title in root.iterfind(".//svg:g[@class='thing']/svg:title", space)] == ["queue a&b<c>"]
    assert root.findall(".//svg:script", space) == []
    links = [value for element in root.iter() for name, value in element.attrib.items() if name.endswith("href")]
    assert [link[:22] for link in links] == ["data:image/png;base64,", "#integration-simple-qu"]


@pytest.mark.parametrize("icon", sorted({kind.icon for kinds in (KINDS, *SETTINGS) for kind in kinds.values()}))
def test_every_icon_is_there(icon: str) -> None:
    assert render(
        Scene("x", things={OUTSIDE: Thing(OUTSIDE, icon, "x", "")}), Layout(Area(0, 0, 9, 9), {}, {OUTSIDE: Area(0, 0, 9, 9)}, [])
    )


def test_every_type_of_the_tables_is_one_of_the_provider() -> None:
    assert {
        *KINDS,
        *(type for kinds in SETTINGS for type in kinds),
        *BEHIND,
        *ROLES,
        *(connector.type for connector in (*CONNECTORS, *GUARDS)),
    } - tokens().keys() == set()


def test_where_arrows_would_hide_everything_things_alike_are_one() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/8")
        subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/16")
        for number in range(16):
            group = aws.ec2.SecurityGroup(f"g{number}", vpc_id=vpc.id)
            everything: Any = {"security_group_id": group.id, "cidr_ipv4": "10.0.0.0/8", "ip_protocol": "-1"}
            aws.vpc.SecurityGroupIngressRule(f"in{number}", **everything)
            aws.vpc.SecurityGroupEgressRule(f"out{number}", **everything)
            aws.ec2.Instance(f"s{number}", subnet_id=subnet.id, vpc_security_group_ids=[group.id])

    graph = record(program, mode="deployed")
    assert len(scene_of(graph, most_arrows=240).arrows) == 16 * 15
    scene = scene_of(graph)
    assert ([thing.title for thing in scene.things.values()], scene.arrows) == (["s0 +15"], [])
    assert [len(thing.urns) for thing in scene.things.values()] == [16]
    assert place(scene, "s0 +15") == ["subnet", "isolated", "vpc", "region"]
