"""MultiServer: a fixed number of servers, what stands before them, their environment in a real shell, and every refusal."""

import base64
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cloudpatterns.compute import MultiServer
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import StateSharing
from offline_preview.graph import Graph

from tests.harness import record, refs

GROUP, TEMPLATE, POLICY = "aws:autoscaling/group:Group", "aws:ec2/launchTemplate:LaunchTemplate", "aws:autoscaling/policy:Policy"
TARGET_GROUP, ALARM = "aws:lb/targetGroup:TargetGroup", "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
PROFILE = "arn:aws:iam::123456789012:instance-profile/web"
TARGETS = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000001"
SERVERS: Any = {
    "servers": 4,
    "instance_types": ["t4g.small"],
    "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-web"],
}
BALANCER: Any = {
    "load_balancer": {"certificate_arn": CERTIFICATE},
    "vpc_id": "vpc-1",
    "load_balancer_subnet_ids_by_zone": {"eu-west-1a": "subnet-p", "eu-west-1b": "subnet-q"},
    "load_balancer_security_group_ids": ["sg-lb"],
    "target_port": 8080,
}


def arguments(**changes: Any) -> Any:
    """Arguments of servers behind a new load balancer; a change to None leaves the argument out."""
    return {key: value for key, value in {**SERVERS, **BALANCER, **changes}.items() if value is not None}


def servers(**changes: Any) -> Graph:
    return record(lambda: MultiServer("shop", arguments(**changes)), mode="deployed")


def refused(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        servers(**changes)
    return error.value.problems


def script(graph: Graph) -> str:
    return base64.b64decode(graph.one(TEMPLATE).inputs["userData"]).decode()


def test_minimum_maximum_and_desired_size_are_alike() -> None:
    graph = servers()
    group = graph.one(GROUP)
    assert (group.inputs["minSize"], group.inputs["maxSize"], group.inputs["desiredCapacity"]) == (4, 4, 4)
    assert graph.of_type(POLICY, "aws:autoscaling/schedule:Schedule") == []
    # Replacements start before old servers end.
    assert group.inputs["instanceMaintenancePolicy"] == {"minHealthyPercentage": 100, "maxHealthyPercentage": 150}


def test_the_servers_stand_behind_a_load_balancer_that_checks_them() -> None:
    graph = servers()
    group = graph.one(GROUP)
    assert (group.name, group.inputs["healthCheckType"]) == ("shop-servers-group", "ELB")
    assert "shop-web-tg" in refs(graph, group, "targetGroupArns")
    outputs = graph.one("cloudpatterns:index:MultiServer").outputs
    assert outputs["target_group_arn"] == graph.one(TARGET_GROUP).outputs["arn"]
    assert outputs["dns_name"] == graph.one("aws:lb/loadBalancer:LoadBalancer").outputs["dnsName"]
    assert outputs["auto_scaling_group_name"] == group.outputs["name"]


def test_at_least_two_zones() -> None:
    assert len(servers().one(GROUP).inputs["vpcZoneIdentifiers"]) == 2
    [(path, reason)] = refused(subnet_ids_by_zone={"eu-west-1a": "subnet-a"})
    assert path == "subnet_ids_by_zone"
    assert "at least 2" in reason
    zones = {f"eu-west-1{letter}": f"subnet-{letter}" for letter in "abc"}
    problems = refused(servers=2, subnet_ids_by_zone=zones, load_balancer_subnet_ids_by_zone=zones)
    assert problems == [("servers", "is 2, in 3 zones; a zone would have none. Raise it to 3 or more, or name fewer zones.")]


def test_sessions_are_outside_the_servers() -> None:
    def program() -> None:
        sessions = StateSharing("visits", {})
        MultiServer("shop", arguments(environment=sessions.environment(), statements=sessions.reader_statements()))

    graph = record(program, mode="deployed")
    # The provider's default is off: only a cookie that is named is switched on.
    assert not graph.one(TARGET_GROUP).inputs.get("stickiness", {}).get("enabled", False)
    assert f'CLOUDPATTERNS_SESSIONS_TABLE="{graph.one("aws:dynamodb/table:Table").outputs["name"]}"' in script(graph)
    policies = "".join(str(policy.inputs["policy"]) for policy in graph.of_type("aws:iam/rolePolicy:RolePolicy"))
    assert "dynamodb:GetItem" in policies
    assert "ssmmessages:OpenDataChannel" in policies
    assert refused(load_balancer={"certificate_arn": CERTIFICATE, "stickiness": {"duration_seconds": 60}}) == [
        ("load_balancer.stickiness", "is given; sessions are outside the servers. Remove it, and keep them in StateSharing.")
    ]


VALUES = {"PLAIN": "visits", "QUOTED": 'a "b" \\ $HOME `id` é', "SINGLE": "it's"}


@pytest.mark.parametrize("shebang", ["#!/bin/bash", "#! /usr/bin/env bash", "#!/bin/sh"])
def test_a_shell_and_a_service_read_the_same_environment(shebang: str, tmp_path: Path) -> None:
    text = script(servers(environment=VALUES, user_data=f'{shebang}\nset -eu\nprintf \'%s\\n\' "$PLAIN" "$QUOTED" "$SINGLE"\n'))
    file = tmp_path / "boot"
    file.write_text(text.replace("/etc/cloudpatterns", str(tmp_path / "etc")))
    for _ in range(2):
        shown = subprocess.run(["bash", str(file)], capture_output=True, text=True, check=True, timeout=10).stdout
        assert shown.splitlines() == list(VALUES.values())
    kept = (tmp_path / "etc/server.env").read_text().splitlines()
    assert kept == ['PLAIN="visits"', 'QUOTED="a \\"b\\" \\\\ \\$HOME \\`id\\` é"', 'SINGLE="it\'s"']


def test_an_environment_without_a_script_is_kept_for_services() -> None:
    assert script(servers(environment={"TABLE": "visits"})).startswith("#!/bin/bash\ninstall -d")
    assert "userData" not in servers().one(TEMPLATE).inputs


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        (
            {"environment": {"A": "b"}, "user_data": "#cloud-config\n"},
            "user_data",
            "begins with '#cloud-config\\n'; environment needs a script of a shell. Begin it with #!/bin/bash.",
        ),
        (
            {"environment": {"A": "b\nc"}},
            "environment.A",
            "has several lines, or control characters. Give one line, or the name of where it is.",
        ),
    ],
)
def test_an_environment_that_cannot_be_read_is_refused(changes: Any, path: str, reason: str) -> None:
    assert refused(**changes) == [(path, reason)]


def test_a_secret_in_the_environment_is_refused() -> None:
    reason = "like a secret, and user data can be read. Pass the secret's ARN as {}_ARN and fetch it at run time."
    assert refused(environment={"DB_PASSWORD": "x"}) == [("environment.DB_PASSWORD", f"is named {reason.format('DB_PASSWORD')}")]
    # What another resource computes is judged when it is known.
    with pytest.raises(ArgumentError) as error:
        record(
            lambda: MultiServer("shop", arguments(environment={"ID": pulumi.Output.from_input("AKIAABCDEFGHIJKLMNOP")})), mode="deployed"
        )
    assert error.value.problems == [("environment.ID", f"has a value that looks {reason.format('ID')}")]


def test_servers_join_target_groups_that_are_there() -> None:
    left_out = dict.fromkeys(BALANCER)
    graph = servers(**left_out, target_group_arns=[TARGETS], instance_profile_arn=PROFILE, kms_key_arn="arn:aws:kms:eu-west-1:1:key/k")
    assert graph.of_type("aws:lb/loadBalancer:LoadBalancer", "aws:iam/role:Role") == []
    assert graph.one(GROUP).inputs["targetGroupArns"] == [TARGETS]
    outputs = graph.one("cloudpatterns:index:MultiServer").outputs
    empty = {"role_arn", "load_balancer_arn", "dns_name", "zone_id", "target_group_arn"}
    assert {key for key, value in outputs.items() if value == ""} == empty
    assert outputs["instance_profile_arn"] == PROFILE


def test_as_many_topics_as_an_alarm_has_actions() -> None:
    topics = [f"arn:aws:sns:eu-west-1:123456789012:alarms-{number}" for number in range(5)]
    assert servers(alarm_topic_arns=topics).named("shop-cpu").inputs["alarmActions"] == topics


def test_alarms() -> None:
    graph = servers(alarm_topic_arns=[TOPIC], alarm_cpu_percent=70)
    alarms = {alarm.name: alarm.inputs for alarm in graph.of_type(ALARM)}
    assert {"shop-cpu", "shop-servers-too-few-instances", "shop-web-unhealthy-target"} <= alarms.keys()
    cpu = alarms["shop-cpu"]
    assert (cpu["metricName"], cpu["threshold"], cpu["period"], cpu["evaluationPeriods"]) == ("CPUUtilization", 70, 300, 3)
    assert cpu["alarmActions"] == [TOPIC]
    assert servers().of_type(ALARM) == []


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        (
            {"target_group_arns": [TARGETS]},
            "load_balancer",
            "exactly one of load_balancer and target_group_arns is needed; both are given. Remove one.",
        ),
        ({"vpc_id": None}, "vpc_id", "is missing; load_balancer needs it. Give it, or remove load_balancer."),
        (
            {"load_balancer_subnet_ids_by_zone": {"eu-west-1a": "subnet-p", "eu-west-1c": "subnet-q"}},
            "load_balancer_subnet_ids_by_zone",
            "has no subnet in eu-west-1b, where servers are; they would get no requests. Name one in each zone.",
        ),
        (
            {"instance_profile_arn": PROFILE, "statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::a/*"]}]},
            "instance_profile_arn",
            "excludes statements: the profile's role is the caller's; both are given. Remove one of them.",
        ),
        (
            {"load_balancer": {}},
            "certificate_arn",
            "exactly one of certificate_arn and domain_name with hosted_zone_id is needed; none is given. Give one.",
        ),
        (
            {"instance_types": ["t4g.small", "t3.small"]},
            "instance_types",
            "has t4g.small (arm64) and t3.small (x86_64); one image runs on one architecture. Choose types of the same.",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(changes: Any, path: str, reason: str) -> None:
    problems = refused(**changes)
    assert [problem for problem in problems if problem[0].endswith(path)] == [(problems[0][0], reason)], problems
