"""LoadBalancer: several zones, TLS by default, logs in place first, and what is refused."""

import json

import pulumi
import pytest
from cloudpatterns.network.load_balancer import LoadBalancer, LoadBalancerArgs
from offline_preview.graph import Graph
from offline_preview.values import UNKNOWN

from tests.harness import record, refs

CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/mine"
TRUST_STORE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:truststore/clients/1"
BASE: LoadBalancerArgs = {
    "vpc_id": "vpc-1",
    "subnet_ids_by_zone": {"eu-west-1b": "subnet-b", "eu-west-1a": "subnet-a"},
    "security_group_ids": ["sg-1"],
    "target_port": 8080,
    "certificate_arn": CERTIFICATE,
}
DOMAIN = {
    **{key: value for key, value in BASE.items() if key != "certificate_arn"},
    "domain_name": "www.example.org",
    "hosted_zone_id": "Z123",
}


def make(args=BASE, name: str = "web", mode="deployed") -> Graph:
    return record(lambda: LoadBalancer(name, args), mode=mode)


def children(graph: Graph) -> dict[str, str]:
    parent = graph.one("cloudpatterns:index:LoadBalancer")
    return {child.name: child.type.split(":")[-1] for child in graph.children(parent.urn)}


PARTS = {"web-tg": "TargetGroup", "web-lb": "LoadBalancer", "web-http": "Listener", "web-https": "Listener"}


def test_makes_a_balancer_in_all_zones_with_its_defences_on():
    graph = make()
    assert children(graph) == {**PARTS, "web-logs": "DurableBucket"}
    logs = graph.named("web-logs-bucket").outputs["bucket"]
    assert graph.named("web-lb").inputs == {
        "loadBalancerType": "application",
        "internal": False,
        "ipAddressType": "ipv4",
        "subnets": ["subnet-a", "subnet-b"],
        "securityGroups": ["sg-1"],
        "accessLogs": {"enabled": True, "bucket": logs, "prefix": ""},
        "connectionLogs": {"enabled": False, "bucket": logs, "prefix": ""},
        "enableDeletionProtection": True,
        "dropInvalidHeaderFields": True,
        "desyncMitigationMode": "defensive",
        "xffHeaderProcessingMode": "append",
        "preserveHostHeader": False,
        "idleTimeout": 60,
        "enableWafFailOpen": False,
        "tags": {"Name": "web"},
    }


def test_https_forwards_under_a_current_policy_and_http_only_redirects():
    graph = make()
    balancer, group = graph.named("web-lb").outputs["arn"], graph.named("web-tg").outputs["arn"]
    assert graph.named("web-https").inputs == {
        "loadBalancerArn": balancer,
        "port": 443,
        "protocol": "HTTPS",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "certificateArn": CERTIFICATE,
        "defaultActions": [{"type": "forward", "targetGroupArn": group}],
        "tags": {},
    }
    assert graph.named("web-http").inputs == {
        "loadBalancerArn": balancer,
        "port": 80,
        "protocol": "HTTP",
        "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"}}],
        "tags": {},
    }


def test_http_can_be_left_closed():
    assert children(make({**BASE, "http_redirect": False})) == {
        **{name: kind for name, kind in PARTS.items() if name != "web-http"},
        "web-logs": "DurableBucket",
    }


def test_the_target_group_checks_health():
    assert make().named("web-tg").inputs == {
        "vpcId": "vpc-1",
        "port": 8080,
        "protocol": "HTTP",
        "protocolVersion": "HTTP1",
        "targetType": "instance",
        "healthCheck": {
            "enabled": True,
            "protocol": "HTTP",
            "path": "/",
            "port": "traffic-port",
            "matcher": "200",
            "interval": 15,
            "timeout": 5,
            "healthyThreshold": 2,
            "unhealthyThreshold": 3,
        },
        "loadBalancingAlgorithmType": "round_robin",
        "slowStart": 0,
        "deregistrationDelay": 300,
        "stickiness": {"type": "lb_cookie", "enabled": False, "cookieDuration": 86400},
        "tags": {"Name": "web"},
    }


@pytest.mark.parametrize(
    ("args", "changed"),
    [
        ({"stickiness": {}}, {"stickiness": {"type": "lb_cookie", "enabled": True, "cookieDuration": 86400}}),
        ({"stickiness": {"duration_seconds": 60}}, {"stickiness": {"type": "lb_cookie", "enabled": True, "cookieDuration": 60}}),
        ({"target_type": "ip", "target_protocol": "HTTPS"}, {"targetType": "ip", "protocol": "HTTPS"}),
        ({"slow_start_seconds": 30, "deregistration_delay_seconds": 0}, {"slowStart": 30, "deregistrationDelay": 0}),
        ({"routing_algorithm": "least_outstanding_requests"}, {"loadBalancingAlgorithmType": "least_outstanding_requests"}),
        ({"protocol_version": "GRPC"}, {"protocolVersion": "GRPC"}),
    ],
)
def test_target_group_settings(args, changed):
    before, after = make().named("web-tg").inputs, make({**BASE, **args}).named("web-tg").inputs
    assert {key: value for key, value in after.items() if before[key] != value and key != "healthCheck"} == changed


@pytest.mark.parametrize(
    ("args", "changed"),
    [
        ({"protocol_version": "GRPC"}, {"path": "/AWS.ALB/healthcheck", "matcher": "12"}),
        (
            {"protocol_version": "GRPC", "health_check_path": "/grpc.health", "health_check_matcher": "0"},
            {"path": "/grpc.health", "matcher": "0"},
        ),
        ({"target_protocol": "HTTPS"}, {"protocol": "HTTPS"}),
        (
            {
                "health_check_path": "/health",
                "health_check_port": 9090,
                "health_check_matcher": "200-299",
                "health_check_interval_seconds": 30,
                "health_check_timeout_seconds": 29,
                "healthy_threshold": 5,
                "unhealthy_threshold": 2,
            },
            {
                "path": "/health",
                "port": "9090",
                "matcher": "200-299",
                "interval": 30,
                "timeout": 29,
                "healthyThreshold": 5,
                "unhealthyThreshold": 2,
            },
        ),
    ],
)
def test_health_check_settings(args, changed):
    before, after = (make(arguments).named("web-tg").inputs["healthCheck"] for arguments in (BASE, {**BASE, **args}))
    assert {key: value for key, value in after.items() if before[key] != value} == changed


@pytest.mark.parametrize(
    ("args", "changed"),
    [
        ({"internal": True}, {"internal": True}),
        ({"ip_address_type": "dualstack"}, {"ipAddressType": "dualstack"}),
        ({"deletion_protection": False}, {"enableDeletionProtection": False}),
        ({"desync_mitigation_mode": "strictest"}, {"desyncMitigationMode": "strictest"}),
        ({"xff_header_processing_mode": "remove"}, {"xffHeaderProcessingMode": "remove"}),
        ({"preserve_host_header": True, "idle_timeout_seconds": 4000}, {"preserveHostHeader": True, "idleTimeout": 4000}),
        (
            {"access_log_bucket_name": "logs", "log_prefix": "web", "connection_logs": True},
            {
                "accessLogs": {"enabled": True, "bucket": "logs", "prefix": "web"},
                "connectionLogs": {"enabled": True, "bucket": "logs", "prefix": "web"},
            },
        ),
    ],
)
def test_balancer_settings(args, changed):
    before, after = make({**BASE, "access_log_bucket_name": "mine"}), make({"access_log_bucket_name": "mine", **BASE, **args})
    old, new = before.named("web-lb").inputs, after.named("web-lb").inputs
    assert {key: value for key, value in new.items() if old[key] != value} == changed


def test_the_log_bucket_takes_the_balancers_logs_before_it_is_made():
    graph = make({**BASE, "log_prefix": "web", "log_retention_days": 30, "force_destroy": True})
    arn = graph.named("web-logs-bucket").outputs["arn"]
    assert json.loads(graph.named("web-logs-policy").inputs["policy"])["Statement"][1] == {
        "Effect": "Allow",
        "Action": ["s3:PutObject"],
        "Resource": [f"{arn}/web/AWSLogs/123456789012/*"],
        "Principal": {"Service": ["logdelivery.elasticloadbalancing.amazonaws.com"]},
    }
    balancer = graph.named("web-lb")
    assert "web-logs-policy" in refs(graph, balancer, "accessLogs")
    assert "web-logs-policy" in refs(graph, balancer, "connectionLogs")
    assert graph.named("web-logs-lifecycle").inputs["rules"][0]["expiration"] == {"days": 30}
    assert graph.named("web-logs-bucket").inputs["forceDestroy"] is True
    assert graph.named("web").outputs["log_bucket_name"] == graph.named("web-logs-bucket").outputs["bucket"]


def test_the_log_bucket_keeps_a_year_and_refuses_to_go_with_logs_in_it():
    graph = make()
    assert graph.named("web-logs-lifecycle").inputs["rules"][0]["expiration"] == {"days": 365}
    assert graph.named("web-logs-bucket").inputs["forceDestroy"] is False


def test_a_log_bucket_can_be_given():
    graph = make({**BASE, "access_log_bucket_name": "central-logs"})
    assert children(graph) == PARTS
    assert graph.named("web").outputs["log_bucket_name"] == "central-logs"


@pytest.mark.parametrize(("given", "expected"), [({}, "on"), ({"advertise_ca_names": True}, "on"), ({"advertise_ca_names": False}, "off")])
def test_mutual_tls_verifies_and_refuses_expired_certificates(given, expected):
    graph = make({**BASE, "mutual_tls": {"trust_store_arn": TRUST_STORE, **given}})
    assert graph.named("web-https").inputs["mutualAuthentication"] == {
        "mode": "verify",
        "trustStoreArn": TRUST_STORE,
        "advertiseTrustStoreCaNames": expected,
        "ignoreClientCertificateExpiry": False,
    }


def test_mutual_tls_can_be_switched_off_again():
    graph = make({**BASE, "mutual_tls": {"trust_store_arn": TRUST_STORE, "enabled": False}})
    assert graph.named("web-https").inputs["mutualAuthentication"] == {"mode": "off"}


def test_further_certificates_join_the_listener():
    graph = make({**BASE, "additional_certificate_arns": {"partner": f"{CERTIFICATE}-2"}})
    further = graph.one("aws:lb/listenerCertificate:ListenerCertificate")
    assert further.name == "web-certificate-partner"
    assert further.inputs == {"listenerArn": graph.named("web-https").outputs["arn"], "certificateArn": f"{CERTIFICATE}-2"}


DOMAIN_PARTS = {
    "web-certificate": "Certificate",
    "web-certificate-record": "Record",
    "web-certificate-validation": "CertificateValidation",
    "web-alias-a": "Record",
}


def test_a_domain_name_gets_a_certificate_and_an_alias():
    graph = make(DOMAIN)
    assert children(graph) == {**PARTS, **DOMAIN_PARTS, "web-logs": "DurableBucket"}
    assert graph.named("web-certificate").inputs == {"domainName": "www.example.org", "validationMethod": "DNS", "tags": {}}
    proof = graph.named("web-certificate-record")
    assert (proof.inputs["zoneId"], proof.inputs["ttl"], proof.inputs["allowOverwrite"]) == ("Z123", 300, True)
    assert refs(graph, proof, "name") == refs(graph, proof, "type") == refs(graph, proof, "records") == ["web-certificate"]
    assert refs(graph, graph.named("web-certificate-validation"), "certificateArn") == ["web-certificate"]
    assert refs(graph, graph.named("web-certificate-validation"), "validationRecordFqdns") == ["web-certificate-record"]
    assert "web-certificate-validation" in refs(graph, graph.named("web-https"), "certificateArn")
    alias = graph.named("web-alias-a")
    balancer = graph.named("web-lb").outputs
    assert alias.inputs == {
        "zoneId": "Z123",
        "name": "www.example.org",
        "type": "A",
        "aliases": [{"name": balancer["dnsName"], "zoneId": balancer["zoneId"], "evaluateTargetHealth": True}],
    }
    assert graph.named("web-https").urn in alias.dependencies


def test_a_dualstack_balancer_gets_both_aliases():
    graph = make({**DOMAIN, "ip_address_type": "dualstack"})
    assert children(graph) == {**PARTS, **DOMAIN_PARTS, "web-alias-aaaa": "Record", "web-logs": "DurableBucket"}
    assert graph.named("web-alias-aaaa").inputs["type"] == "AAAA"


def test_the_target_group_is_given_out_once_the_listener_is_there():
    def program():
        made = LoadBalancer("web", BASE)
        for name, value in (("arn", made.target_group_arn), ("suffix", made.target_group_arn_suffix)):
            LoadBalancer(name, {**BASE, "vpc_id": value})

    graph = record(program, mode="deployed")
    for name in ("arn", "suffix"):
        assert set(refs(graph, graph.named(f"{name}-tg"), "vpcId")) >= {"web-tg", "web-https"}


def test_outputs():
    graph = make()
    balancer, group, https = (graph.named(f"web-{part}").outputs for part in ("lb", "tg", "https"))
    assert graph.named("web").outputs == {
        "load_balancer_arn": balancer["arn"],
        "arn_suffix": balancer["arnSuffix"],
        "dns_name": balancer["dnsName"],
        "zone_id": balancer["zoneId"],
        "https_listener_arn": https["arn"],
        "target_group_arn": group["arn"],
        "target_group_arn_suffix": group["arnSuffix"],
        "alternate_target_group_arn": "",
        "production_listener_rule_arn": "",
        "certificate_arn": CERTIFICATE,
        "log_bucket_name": graph.named("web-logs-bucket").outputs["bucket"],
    }


def test_ecs_may_move_the_weights_of_two_target_groups():
    args: LoadBalancerArgs = {
        **BASE,
        "target_type": "ip",
        "alternate_target_group": True,
        "alarm_topic_arns": ["arn:aws:sns:eu-west-1:1:a"],
    }
    graph = make(args)
    first, second, rule = (graph.named(f"web-{part}") for part in ("tg", "tg2", "rule"))
    assert {key: value for key, value in first.inputs.items() if key != "name"} == {
        key: value for key, value in second.inputs.items() if key != "name"
    }
    groups = [{"arn": first.outputs["arn"], "weight": 100}, {"arn": second.outputs["arn"], "weight": 0}]
    assert rule.inputs["actions"] == [{"type": "forward", "forward": {"targetGroups": groups}}]
    assert rule.inputs["conditions"] == [{"pathPattern": {"values": ["/*"]}}]
    assert (rule.options["ignoreChanges"], rule.inputs["priority"], refs(graph, rule, "listenerArn")) == (
        ["actions"],
        50_000,
        ["web-https"],
    )
    outputs = graph.named("web").outputs
    assert outputs["alternate_target_group_arn"] == second.outputs["arn"]
    assert outputs["production_listener_rule_arn"] == rule.outputs["arn"]
    suffixes = {first.outputs["arnSuffix"], second.outputs["arnSuffix"]}
    for alarm, metric in (("no-healthy-target", "HealthyHostCount"), ("unhealthy-target", "UnHealthyHostCount")):
        result, *hosts = graph.named(f"web-{alarm}").inputs["metricQueries"]
        assert result["expression"] == "FILL(first, 0) + FILL(second, 0)"
        assert {one["metric"]["metricName"] for one in hosts} == {metric}
        assert {one["metric"]["dimensions"]["TargetGroup"] for one in hosts} == suffixes
    errors = graph.named("web-target-5xx").inputs["metricQueries"][1]
    assert set(errors["metric"]["dimensions"]) == {"LoadBalancer"}


def test_both_target_groups_are_available_after_the_rule():
    def program():
        made = LoadBalancer("web", {**BASE, "target_type": "ip", "alternate_target_group": True})
        for name, value in (("first", made.target_group_arn), ("second", made.alternate_target_group_arn)):
            LoadBalancer(name, {**BASE, "vpc_id": value})

    graph = record(program, mode="deployed")
    assert set(refs(graph, graph.named("first-tg"), "vpcId")) >= {"web-tg", "web-rule"}
    assert set(refs(graph, graph.named("second-tg"), "vpcId")) >= {"web-tg2", "web-rule"}


def test_a_preview_needs_nothing_that_aws_computes():
    graph = make(DOMAIN, mode="preview")
    assert graph.named("web-https").inputs["certificateArn"] is UNKNOWN
    assert set(children(graph)) == {*PARTS, *DOMAIN_PARTS, "web-logs"}


def test_tags_reach_everything():
    graph = make({**DOMAIN, "tags": {"Team": "web"}})
    tagged = {resource.name: resource.inputs["tags"]["Team"] for resource in graph.resources if "Team" in resource.inputs.get("tags", {})}
    assert tagged == dict.fromkeys(["web-tg", "web-lb", "web-http", "web-https", "web-certificate", "web-logs-bucket"], "web")


def test_transforms_reach_the_children():
    def tune(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:lb/loadBalancer:LoadBalancer":
            return None
        return pulumi.ResourceTransformResult({**args.props, "clientKeepAlive": 60}, args.opts)

    graph = record(lambda: LoadBalancer("web", BASE, pulumi.ResourceOptions(transforms=[tune])))
    assert graph.named("web-lb").inputs["clientKeepAlive"] == 60


TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def test_nobody_to_notify_no_alarms():
    assert make().of_type(ALARM) == []


def alarm_inputs(name: str, args=BASE, **more):
    graph = make({**args, "alarm_topic_arns": [TOPIC], "tags": {"Team": "web"}, **more})
    assert {alarm.name for alarm in graph.of_type(ALARM)} == {
        *("web-no-healthy-target", "web-unhealthy-target", "web-target-5xx", "web-balancer-5xx"),
    }
    inputs = dict(graph.named(name).inputs)
    assert [inputs.pop(key) for key in ("alarmActions", "okActions", "tags")] == [[TOPIC], [TOPIC], {"Team": "web"}]
    balancer = {"LoadBalancer": graph.named("web-lb").outputs["arnSuffix"]}
    return inputs, balancer, {**balancer, "TargetGroup": graph.named("web-tg").outputs["arnSuffix"]}


def test_a_group_without_a_healthy_target_or_without_any_target_raises_an_alarm():
    inputs, _, of_targets = alarm_inputs("web-no-healthy-target")
    assert inputs == {
        "alarmDescription": "web has no healthy target: its clients get errors",
        "namespace": "AWS/ApplicationELB",
        "metricName": "HealthyHostCount",
        "dimensions": of_targets,
        "statistic": "Maximum",
        "threshold": 1,
        "comparisonOperator": "LessThanThreshold",
        "period": 60,
        "evaluationPeriods": 2,
        "treatMissingData": "breaching",
    }


@pytest.mark.parametrize(
    ("given", "minutes", "of"), [({}, 10, 15), ({"alarm_unhealthy_minutes": 1}, 1, 1), ({"alarm_unhealthy_minutes": 5}, 5, 7)]
)
def test_one_target_that_stays_unhealthy_raises_an_alarm(given, minutes, of):
    inputs, _, of_targets = alarm_inputs("web-unhealthy-target", **given)
    assert inputs == {
        "alarmDescription": f"Targets of web failed their health checks for {minutes} minutes: they do not recover, or their replacements "
        "fail too",
        "namespace": "AWS/ApplicationELB",
        "metricName": "UnHealthyHostCount",
        "dimensions": of_targets,
        "statistic": "Maximum",
        "threshold": 0,
        "comparisonOperator": "GreaterThanThreshold",
        "period": 60,
        "evaluationPeriods": of,
        "datapointsToAlarm": minutes,
        "treatMissingData": "notBreaching",
    }


@pytest.mark.parametrize(
    ("name", "metric", "dimension", "total", "description"),
    [
        (
            "web-target-5xx",
            "HTTPCode_Target_5XX_Count",
            2,
            "requests",
            "The targets of web answered more than {}% of the requests of five minutes with 5xx",
        ),
        (
            "web-balancer-5xx",
            "HTTPCode_ELB_5XX_Count",
            1,
            "(requests + errors)",
            "web itself answered more than {}% of the requests of five minutes with 5xx: its targets do not respond, close connections or "
            "time out",
        ),
    ],
)
@pytest.mark.parametrize(("given", "percent"), [({}, 5), ({"alarm_5xx_percent": 0.5}, 0.5)])
def test_a_share_of_errors_raises_an_alarm_unless_they_are_few(name, metric, dimension, total, description, given, percent):
    found = alarm_inputs(name, **given)
    assert found[0] == {
        "alarmDescription": description.format(percent),
        "metricQueries": [
            {
                "id": "result",
                "expression": f"IF(errors >= 5, 100 * errors / {total}, 0)",
                "label": "Result",
                "returnData": True,
            },
            *(
                {
                    "id": key,
                    "metric": {
                        "namespace": "AWS/ApplicationELB",
                        "metricName": each,
                        "dimensions": found[dimension],
                        "stat": "Sum",
                        "period": 300,
                    },
                }
                for key, each in (("errors", metric), ("requests", "RequestCount"))
            ),
        ],
        "threshold": percent,
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
    }
