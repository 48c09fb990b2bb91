"""CacheProxy: the group, the balancer, draining, purges, rights, alarms, and every refusal."""

import base64
import gzip
import json
import re
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import CacheProxy
from offline_preview.graph import Graph

from tests.emulators import automation
from tests.harness import record, refs

GROUP, TEMPLATE, HOOK = (
    "aws:autoscaling/group:Group",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:autoscaling/lifecycleHook:LifecycleHook",
)
BALANCER, TARGETS, ALARM = "aws:lb/loadBalancer:LoadBalancer", "aws:lb/targetGroup:TargetGroup", "aws:cloudwatch/metricAlarm:MetricAlarm"
DOCUMENT, POLICY = "aws:ssm/document:Document", "aws:iam/rolePolicy:RolePolicy"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000001"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000002"
ARTICLES: Any = {"service": {"host_name": "articles.shop.internal", "port": 8000}}
PICTURES: Any = {
    "bucket": {
        "arn": "arn:aws:s3:::shop-pictures",
        "regional_domain_name": "shop-pictures.s3.eu-west-1.amazonaws.com",
        "kms_key_arn": KEY,
    },
    "default_ttl_seconds": 3600,
}
ARGUMENTS: Any = {
    "origins": {"/": ARTICLES, "/pictures/": PICTURES},
    "instance_types": ["t4g.small"],
    "max_size": 6,
    "load_balancer": {"certificate_arn": CERTIFICATE},
    "vpc_id": "vpc-1",
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-proxy"],
    "load_balancer_subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "load_balancer_security_group_ids": ["sg-lb"],
}


def proxies(**changes: Any) -> Graph:
    return record(lambda: CacheProxy("cache", {**ARGUMENTS, **changes}), mode="deployed")


def refused(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        proxies(**changes)
    return error.value.problems


def script(graph: Graph) -> str:
    data = base64.b64decode(graph.one(TEMPLATE).inputs["userData"])
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()


def document(graph: Graph, kind: str) -> dict[str, Any]:
    [content] = [one.inputs["content"] for one in graph.of_type(DOCUMENT) if one.inputs["documentType"] == kind]
    return json.loads(content)


def policies(graph: Graph) -> dict[str, Any]:
    return {one.name: json.loads(one.inputs["policy"]) for one in graph.of_type(POLICY)}


def test_a_group_of_proxies_stands_behind_an_internal_load_balancer() -> None:
    graph = proxies()
    group, balancer = graph.one(GROUP), graph.one(BALANCER)
    assert (balancer.name, balancer.inputs["internal"]) == ("cache-web-lb", True)
    assert (group.inputs["minSize"], group.inputs["maxSize"], group.inputs["healthCheckType"]) == (2, 6, "ELB")
    assert "cache-web-tg" in refs(graph, group, "targetGroupArns")
    assert len(group.inputs["vpcZoneIdentifiers"]) == 2
    outputs = graph.one("cloudpatterns:index:CacheProxy").outputs
    assert outputs["dns_name"] == balancer.outputs["dnsName"]
    assert outputs["auto_scaling_group_name"] == group.outputs["name"]
    assert outputs["purge_document_name"] == next(
        one.outputs["name"] for one in graph.of_type(DOCUMENT) if one.inputs["documentType"] == "Automation"
    )


def test_an_instance_without_an_image_has_the_newest_amazon_linux_for_its_type() -> None:
    parameter = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"
    assert proxies().one(TEMPLATE).inputs["imageId"] == f"{parameter}arm64"
    assert proxies(instance_types=["m7i.large"]).one(TEMPLATE).inputs["imageId"] == f"{parameter}x86_64"
    assert proxies(image_id="ami-0abc1234").one(TEMPLATE).inputs["imageId"] == "ami-0abc1234"


def test_the_root_disk_has_room_for_the_cache() -> None:
    def size(**changes: Any) -> int:
        return proxies(**changes).one(TEMPLATE).inputs["blockDeviceMappings"][0]["ebs"]["volumeSize"]

    assert size() == 18
    assert size(cache_gib=40) == 48
    assert size(cache_gib=40, disks={"root_disk_gib": 100}) == 100
    assert refused(cache_gib=40, disks={"root_disk_gib": 40}) == [
        ("disks.root_disk_gib", "is 40; the cache and the system need 48. Raise it, or remove it.")
    ]


def test_a_lost_proxy_loses_no_request() -> None:
    graph = proxies()
    # It gets no new requests for longer than the longest one takes, ...
    assert graph.one(TARGETS).inputs["deregistrationDelay"] == 300
    # ... then stays for as long, ...
    hook = graph.one(HOOK)
    assert hook.inputs["lifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    assert (hook.inputs["heartbeatTimeout"], hook.inputs["defaultResult"]) == (60, "CONTINUE")
    assert refs(graph, hook, "autoscalingGroupName") == ["cache-proxies-group"]
    # ... and completes what it has begun.
    text = script(graph)
    assert "STOP_SECONDS=70\n" in text
    assert '"KillSignal=SIGQUIT" "KillMode=mixed" "TimeoutStopSec=$STOP_SECONDS"' in text
    # It waits longer for requests than the balancer does: 60 seconds.
    assert "keepalive_timeout 75s;" in text
    # Spot instances have two minutes.
    assert "mixedInstancesPolicy" not in graph.one(GROUP).inputs
    assert graph.one(GROUP).inputs["instanceMaintenancePolicy"] == {"minHealthyPercentage": 100, "maxHealthyPercentage": 150}


def test_the_delay_is_above_the_longest_request() -> None:
    assert refused(longest_request_seconds=300, load_balancer={"certificate_arn": CERTIFICATE, "idle_timeout_seconds": 300}) == [
        (
            "load_balancer.deregistration_delay_seconds",
            "is 300, and longest_request_seconds 300; a proxy that is replaced would lose requests. Raise it above 300.",
        )
    ]
    graph = proxies(
        longest_request_seconds=600,
        load_balancer={"certificate_arn": CERTIFICATE, "deregistration_delay_seconds": 700, "idle_timeout_seconds": 600},
    )
    assert (graph.one(TARGETS).inputs["deregistrationDelay"], graph.one(HOOK).inputs["heartbeatTimeout"]) == (700, 600)
    assert "proxy_read_timeout 600s;" in script(graph)
    assert "keepalive_timeout 615s;" in script(graph)


def test_the_load_balancer_waits_as_long_as_the_longest_request() -> None:
    assert refused(longest_request_seconds=90) == [
        (
            "load_balancer.idle_timeout_seconds",
            "is 60, and longest_request_seconds 90; the load balancer would answer 504 before. Raise it to 90.",
        )
    ]


def test_the_health_path_is_the_proxies_own() -> None:
    graph = proxies()
    assert graph.one(TARGETS).inputs["healthCheck"]["path"] == "/cache-proxy/health"
    assert "    location = /cache-proxy/health {\n      access_log off;" in script(graph)
    assert "HEALTH_CHECK_URL=http://127.0.0.1:8080/cache-proxy/health\n" in script(graph)
    other = proxies(load_balancer={"certificate_arn": CERTIFICATE, "health_check_path": "/proxyz"})
    assert other.one(TARGETS).inputs["healthCheck"]["path"] == "/proxyz"
    assert "location = /proxyz {" in script(other)


def test_origins_are_found_by_name_or_are_buckets() -> None:
    text = script(proxies())
    assert "set $origin articles.shop.internal;\n      proxy_pass http://$origin:8000;" in text
    assert "proxy_set_header Host shop-pictures.s3.eu-west-1.amazonaws.com;" in text
    assert "proxy_cache_valid 200 301 308 404 3600s;" in text
    assert "resolver 169.254.169.253 ipv6=off;" in text
    secure = {"service": {"host_name": "articles.shop.internal", "protocol": "https", "tls_server_name": "articles.shop.example"}}
    text = script(proxies(origins={"/": secure}, certificate_authorities="-----BEGIN CERTIFICATE-----\nMIIB\n"))
    assert "proxy_pass https://$origin:443;\n      proxy_ssl_name articles.shop.example;" in text
    assert "CERTIFICATES='-----BEGIN CERTIFICATE-----\nMIIB\n'\n" in text
    # Without buckets nothing signs.
    assert "SIGN_PROGRAM=''\n" in text
    assert "buckets.sock" not in text


def test_the_role_reads_the_objects_of_its_buckets_and_nothing_else() -> None:
    [policy] = [one for name, one in policies(proxies()).items() if name.startswith("cache-role")]
    allowed = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert allowed["Objects"]["Action"] == ["s3:GetObject"]
    assert allowed["Objects"]["Resource"] == ["arn:aws:s3:::shop-pictures/*"]
    assert (allowed["ObjectKeys"]["Action"], allowed["ObjectKeys"]["Resource"]) == (["kms:Decrypt"], [KEY])
    assert set(allowed) == {"SessionManager", "ProxyLogs", "RunCommand", "Objects", "ObjectKeys"}
    [policy] = [one for name, one in policies(proxies(origins={"/": ARTICLES})).items() if name.startswith("cache-role")]
    assert {statement["Sid"] for statement in policy["Statement"]} == {"SessionManager", "ProxyLogs", "RunCommand"}


def test_purge_by_automation() -> None:
    graph = proxies(purge_max_errors=1)
    content = document(graph, "Automation")
    assert automation.errors(content) == []
    [step] = content["mainSteps"]
    group = graph.one(GROUP).outputs["name"]
    [command] = [one for one in graph.of_type(DOCUMENT) if one.inputs["documentType"] == "Command"]
    assert step["action"] == "aws:runCommand"
    assert step["inputs"] == {
        "DocumentName": command.outputs["name"],
        "Parameters": {"Paths": ["{{ Paths }}"]},
        "Targets": [{"Key": "tag:aws:autoscaling:groupName", "Values": [group]}],
        "MaxConcurrency": "100%",
        "MaxErrors": "1",
        "TimeoutSeconds": 60,
    }
    assert document(graph, "Command")["mainSteps"][0]["inputs"] == {
        "timeoutSeconds": "720",
        "runCommand": [
            "[ -d /var/cache/cache-proxy/objects ] || exit 0",
            "exec /usr/bin/python3 /usr/local/lib/cache-proxy/purge.py /var/cache/cache-proxy/objects 60 '{{ Paths }}'",
        ],
    }
    assert document(proxies(), "Automation")["mainSteps"][0]["inputs"]["MaxErrors"] == "0"


@pytest.mark.parametrize(
    ("paths", "allowed"),
    [
        ("/news", True),
        ("/*", True),
        ("/news/today /pictures/* /a?b=c&d=%20", True),
        ("/ /a", True),
        ("/a;reboot", False),
        ("/a' ; reboot '", False),
        ("/$(reboot)", False),
        ("/`reboot`", False),
        ("news", False),
        ("", False),
        ("/a\n/b", False),
        ("/a  /b", False),
    ],
)
def test_a_purge_takes_paths_alone(paths: str, allowed: bool) -> None:
    graph = proxies()
    for kind in ("Automation", "Command"):
        pattern = document(graph, kind)["parameters"]["Paths"]["allowedPattern"]
        assert bool(re.fullmatch(pattern, paths)) is allowed


def test_a_purge_reaches_the_instances_of_the_group_alone() -> None:
    graph = proxies()
    statements = policies(graph)["cache-purge-policy"]["Statement"]
    group = graph.one(GROUP).outputs["name"]
    [command] = [one.outputs["arn"] for one in graph.of_type(DOCUMENT) if one.inputs["documentType"] == "Command"]
    sends = [one for one in statements if one["Action"] == ["ssm:SendCommand"]]
    assert [(one["Resource"], one.get("Condition")) for one in sends] == [
        ([command], None),
        (["arn:aws:ec2:eu-west-1:123456789012:instance/*"], {"StringEquals": {"ssm:resourceTag/aws:autoscaling:groupName": group}}),
    ]


def test_a_function_gets_the_rights_to_purge() -> None:
    found: list[Any] = []
    graph = record(lambda: found.extend(CacheProxy("cache", ARGUMENTS).purge_statements()), mode="deployed")
    assert [statement["actions"] for statement in found] == [["ssm:StartAutomationExecution"], ["iam:PassRole"]]
    assert graph.one(GROUP)


def test_old_copies_and_failed_purges_are_reported() -> None:
    graph = proxies(alarm_topic_arns=[TOPIC])
    [alarm] = [one for one in graph.of_type(ALARM) if one.name == "cache-stale-alarm"]
    metric = graph.one("aws:cloudwatch/logMetricFilter:LogMetricFilter").inputs
    assert metric["pattern"] == '{ $.cache = "STALE" }'
    assert (alarm.inputs["namespace"], alarm.inputs["metricName"]) == (
        metric["metricTransformation"]["namespace"],
        metric["metricTransformation"]["name"],
    )
    assert (alarm.inputs["threshold"], alarm.inputs["evaluationPeriods"], alarm.inputs["alarmActions"]) == (0, 2, [TOPIC])
    rules = {one.name: json.loads(one.inputs["eventPattern"]) for one in graph.of_type("aws:cloudwatch/eventRule:EventRule")}
    assert rules["cache-purge-failed"]["detail"]["Definition"] == [
        one.outputs["name"] for one in graph.of_type(DOCUMENT) if one.inputs["documentType"] == "Automation"
    ]
    assert {one.name for one in proxies().of_type(ALARM)} == {"cache-proxies-burst-alarm"}


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        (
            {"origins": {"/": {}}},
            [("origins./.service", "exactly one of service and bucket is needed; none is given. Give one.")],
        ),
        (
            {"origins": {"/": {"service": {"host_name": "a.internal", "tls_server_name": "a.example"}}}},
            [("origins./.service.tls_server_name", "is given; http has no certificate. Remove it, or set protocol to https.")],
        ),
        (
            {"load_balancer": {"certificate_arn": CERTIFICATE, "stickiness": {}}},
            [("load_balancer.stickiness", "is given; any proxy answers any request. Remove it.")],
        ),
        (
            {"load_balancer": {"certificate_arn": CERTIFICATE, "health_check_path": "/"}},
            [("load_balancer.health_check_path", "is '/'; the proxies answer a plain path of their own, such as /cache-proxy/health.")],
        ),
        (
            {"load_balancer": {"certificate_arn": CERTIFICATE, "slow_start_seconds": 5}},
            [("load_balancer.slow_start_seconds", "is 5; 30 to 900 is allowed, or 0 for no slow start. Give at least 30.")],
        ),
        (
            {"load_balancer_subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1c": "subnet-c"}},
            [
                (
                    "load_balancer_subnet_ids_by_zone",
                    "has no subnet in eu-west-1b, where proxies are; they would get no requests. Name one in each zone.",
                )
            ],
        ),
        ({"min_size": 7}, [("min_size", "is 7, above max_size 6. Lower it or raise max_size.")]),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_created(changes: Any, problems: list[tuple[str, str]]) -> None:
    assert refused(**changes) == problems


@pytest.mark.parametrize("name", ["a.internal; include /etc/passwd", "a", "A.internal", "$host", "a.internal\n}"])
def test_a_name_that_others_compute_is_nothing_but_a_name(name: str) -> None:
    def program() -> None:
        import pulumi

        host_name = pulumi.Output.from_input(name)
        CacheProxy("cache", {**ARGUMENTS, "origins": {"/": {"service": {"host_name": host_name}}}})

    with pytest.raises(ArgumentError) as error:
        record(program, mode="deployed")
    assert error.value.problems == [("origins./", f"has the host name {name!r}, which is none. Pass one in lower case.")]


def test_user_data_is_within_the_limit_of_ec2() -> None:
    origins = {f"/{'x' * 20}{number}/": {"service": {"host_name": f"{'y' * 40}{number}.shop.internal"}} for number in range(49)}
    data = base64.b64decode(proxies(origins={**origins, "/pictures/": PICTURES}).one(TEMPLATE).inputs["userData"])
    assert len(data) < 16_384
