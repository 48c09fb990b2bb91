import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.systems import MediaProcessing
from cloudpatterns.systems.media_processing.arguments import memory_mib, picture_memory_mib, timeout_seconds
from offline_preview.graph import Graph

from tests.harness import record, refs

TOPIC, EDGE_TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sns:us-east-1:123456789012:alarms"
LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:pillow:1"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001"
CDN = {"domain_names": ["media.example.com"], "hosted_zone_id": "Z0123456789ABCDEFGHIJ", "alarm_topic_arns": [EDGE_TOPIC]}
POOL = {"user_pool": {"user_pool_arns": ["arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_aBcDeFgHi"]}}
API = {"api": {"kind": "rest"}, "authorizer": POOL, "account_logging_role": "existing"}
ALARM, FUNCTION = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:lambda/function:Function"
STAGES = ("check", "render", "publish")


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"pillow_layer_arn": LAYER, "cdn": CDN, "alarm_topic_arns": [TOPIC], **args}
    known: Any = {key: value for key, value in given.items() if value is not None}
    return record(lambda: MediaProcessing("media", known), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make(**API, allowed_origins=["https://www.example.com"])


@pytest.fixture(scope="module")
def preview() -> Graph:
    return make("preview", **API)


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return {one.get("Sid", str(number)): one for number, one in enumerate(json.loads(graph.named(name).inputs["policy"])["Statement"])}


def variables(graph: Graph, stage: str) -> dict[str, Any]:
    return graph.named(f"media-stages-{stage}-function").inputs["environment"]["variables"]


def test_it_is_composed_of_the_patterns_that_it_names(graph: Graph) -> None:
    system = graph.one("cloudpatterns:index:MediaProcessing")
    composed = {one.name: one.type.split(":")[-1] for one in graph.children(system.urn) if one.type.startswith("cloudpatterns:")}
    assert composed == {
        "media-api": "ApiGateway",
        "media-cdn": "ContentDeliveryNetwork",
        "media-index": "StorageIndex",
        "media-media": "DurableBucket",
        "media-stages": "QueuingChain",
        "media-uploads": "DirectObjectUpload",
    }


def test_uploads_are_scanned_before_any_function_reads_them(graph: Graph) -> None:
    clean = {"StringNotEquals": {"s3:ExistingObjectTag/GuardDutyMalwareScanStatus": ["NO_THREATS_FOUND"]}}
    deny = statements(graph, "media-uploads-files-policy")["ReadCleanObjectsOnly"]
    assert (deny["Effect"], deny["Condition"] | clean) == ("Deny", deny["Condition"])
    pattern = json.loads(graph.named("media-clean").inputs["eventPattern"])
    assert pattern["detail"]["scanResultDetails"] == {"scanResultStatus": ["NO_THREATS_FOUND"]}
    assert pattern["detail"]["s3ObjectDetails"] == {
        "bucketName": [graph.named("media-uploads-files-bucket").outputs["bucket"]],
        "objectKey": [{"prefix": "pictures/"}],
    }


def test_a_clean_upload_reaches_the_first_queue_or_stays_in_one_that_is_watched(graph: Graph, preview: Graph) -> None:
    target = graph.named("media-clean-target")
    assert target.inputs["arn"] == graph.named("media-stages-check-queue").outputs["arn"]
    # The queues admit the rule before the rule has its target.
    assert "media-stages-check-queue-policy" in refs(preview, preview.named("media-clean-target"), "arn")
    assert set(refs(preview, preview.named("media-clean-target"), "deadLetterConfig")) == {"media-undelivered", "media-undelivered-policy"}
    admitted = json.loads(graph.named("media-stages-check-queue-policy").inputs["policy"])["Statement"][-1]
    assert admitted["Principal"] == {"Service": ["events.amazonaws.com"]}
    assert graph.named("media-clean").outputs["arn"] in json.dumps(admitted["Condition"])
    assert statements(graph, "media-key-policy").keys() >= {"CloudWatchLogs"}
    assert "events.amazonaws.com" in graph.named("media-key-policy").inputs["policy"]
    alarm = graph.named("media-undelivered-alarm").inputs
    assert (alarm["dimensions"], alarm["threshold"]) == ({"QueueName": graph.named("media-undelivered").outputs["name"]}, 0)


def test_each_stage_hands_on_to_the_next_and_has_the_rights_that_it_needs_alone(graph: Graph) -> None:
    queues = {stage: graph.named(f"media-stages-{stage}-queue").outputs["url"] for stage in STAGES}
    assert [variables(graph, stage).get("NEXT_QUEUE_URL") for stage in STAGES] == [queues["render"], queues["publish"], None]
    assert [graph.named(f"media-stages-{stage}-function").inputs["handler"] for stage in STAGES] == [f"index.{one}" for one in STAGES]
    media = graph.named("media-media-bucket").outputs["arn"]
    uploads = graph.named("media-uploads-files-bucket").outputs["arn"]
    rights = {stage: statements(graph, f"media-stages-{stage}-function-policy") for stage in STAGES}
    assert {stage: sorted(rights[stage].keys() & {"ReadUploads", "ListUploads", "Media"}) for stage in STAGES} == {
        "check": ["ListUploads", "ReadUploads"],
        "render": ["ListUploads", "Media", "ReadUploads"],
        "publish": ["Media"],
    }
    assert rights["check"]["ReadUploads"]["Resource"] == [f"{uploads}/pictures/*"]
    assert rights["render"]["Media"]["Resource"] == [f"{media}/renditions/*"]
    assert rights["publish"]["Media"]["Resource"] == [f"{media}/pictures/*"]
    assert rights["publish"]["MediaKey"]["Action"] == ["kms:GenerateDataKey"]
    assert rights["publish"]["MediaKey"]["Resource"] == [graph.named("media-media-key").outputs["arn"]]
    assert "s3.*.amazonaws.com" in json.dumps(rights["publish"]["MediaKey"]["Condition"])


def test_pillow_comes_by_a_layer_to_the_functions_that_read_pictures(graph: Graph) -> None:
    layers = {stage: graph.named(f"media-stages-{stage}-function").inputs.get("layers") for stage in STAGES}
    assert layers == {"check": [LAYER], "render": [LAYER], "publish": None}
    assets = graph.named("media-stages-render-function").inputs["code"]["assets"]
    assert sorted(assets) == ["index.py", "pictures.py"]
    runtime = graph.named("media-stages-render-function").inputs
    assert (runtime["runtime"], runtime["architectures"]) == ("python3.13", ["arm64"])


def test_an_archive_with_pillow_becomes_a_layer() -> None:
    built = make("preview", pillow_layer_arn=None, pillow_layer=pulumi.FileArchive("tests"))
    layer = built.named("media-pillow").inputs
    assert (layer["compatibleRuntimes"], layer["compatibleArchitectures"]) == (["python3.13"], ["arm64"])
    assert refs(built, built.named("media-stages-render-function"), "layers") == ["media-pillow"]


def test_memory_and_time_follow_from_the_pixel_limit(graph: Graph) -> None:
    render, check = (graph.named(f"media-stages-{stage}-function").inputs for stage in ("render", "check"))
    # A whole CPU; 50 megapixels need less memory than comes with it.
    assert (render["memorySize"], render["timeout"], render["ephemeralStorage"]) == (1769, 89, {"size": 1024})
    assert (check["memorySize"], check["timeout"]) == (512, 60)
    settings = json.loads(variables(graph, "render")["SETTINGS"])
    assert (settings["max_pixels"], settings["memory_mib"]) == (50_000_000, 1155)
    assert json.loads(variables(graph, "check")["SETTINGS"])["memory_mib"] == 296
    for megapixels, size, memory in ((50, 20, 1769), (100, 20, 2205), (400, 200, 7715)):
        args: Any = {"max_megapixels": megapixels, "max_size_mib": size, "renditions": {"one": {"width": 4096, "height": 4096}}}
        assert memory_mib(args, "render") == memory
        assert picture_memory_mib(args, "render") + 192 <= memory <= 10_240
        assert timeout_seconds(args, "render") == 30 + megapixels + 34


def test_a_message_is_hidden_for_as_long_as_its_function_may_take(graph: Graph) -> None:
    waits = {stage: graph.named(f"media-stages-{stage}-queue").inputs["visibilityTimeoutSeconds"] for stage in STAGES}
    assert waits == {"check": 360, "render": 534, "publish": 360}
    assert {stage: graph.named(f"media-stages-{stage}-source").inputs["batchSize"] for stage in STAGES} == {
        "check": 1,
        "render": 1,
        "publish": 10,
    }


def test_concurrency_is_limited_and_reserved_where_asked(graph: Graph) -> None:
    assert "reservedConcurrentExecutions" not in graph.named("media-stages-render-function").inputs
    reserved = make("preview", maximum_concurrency=30, reserve_concurrency=True)
    assert reserved.named("media-stages-render-function").inputs["reservedConcurrentExecutions"] == 30
    assert [reserved.named(f"media-stages-{stage}-source").inputs["scalingConfig"] for stage in STAGES] == [{"maximumConcurrency": 30}] * 3
    assert "reservedConcurrentExecutions" not in reserved.named("media-stages-check-function").inputs


def test_viewers_reach_renditions_and_nothing_else(graph: Graph) -> None:
    distribution = graph.one("aws:cloudfront/distribution:Distribution")
    [origin] = distribution.inputs["origins"]
    # Records and their reasons are below another folder of the bucket.
    assert origin["originPath"] == "/renditions"
    assert distribution.inputs["defaultCacheBehavior"]["allowedMethods"] == ["GET", "HEAD"]
    allowed = statements(graph, "media-media-policy")["CloudFront"]
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceArn": [distribution.outputs["arn"]]}}
    assert statements(graph, "media-media-key-policy").keys() == {"Administration", "CloudFront"}
    headers = graph.named("media-cdn-headers").inputs["securityHeadersConfig"]
    assert headers["contentSecurityPolicy"]["contentSecurityPolicy"] == "default-src 'none'; sandbox"
    assert headers["contentTypeOptions"] == {"override": True}
    signed = make(key_group_ids=["group-1"], cdn={**CDN, "headers": {"content_security_policy": "default-src 'none'"}})
    behavior = signed.one("aws:cloudfront/distribution:Distribution").inputs["defaultCacheBehavior"]
    assert behavior["trustedKeyGroups"] == ["group-1"]
    policy = signed.named("media-cdn-headers").inputs["securityHeadersConfig"]["contentSecurityPolicy"]
    assert policy["contentSecurityPolicy"] == "default-src 'none'"


def test_the_index_is_of_the_records_and_links_are_those_of_the_cdn(graph: Graph) -> None:
    rule = json.loads(graph.named("media-index-changed").inputs["eventPattern"])
    assert rule["detail"]["object"] == {"key": [{"prefix": "pictures/"}]}
    assert rule["detail"]["bucket"]["name"] == [graph.named("media-media-bucket").outputs["bucket"]]
    status = graph.named("media-status").inputs["environment"]["variables"]
    assert status["MEDIA_URL"] == "https://media.example.com"
    assert status["CLOUDPATTERNS_INDEX_TABLE"] == graph.named("media-index-entries").outputs["name"]
    rights = statements(graph, "media-status-policy")
    # It sees that an upload is there and scanned, and reads none.
    assert rights["Scans"]["Action"] == ["s3:GetObjectTagging"]
    assert not [one for one in rights.values() if "s3:GetObject" in one["Action"]]


def test_alarms_are_for_parked_late_and_refused_pictures_and_for_errors(graph: Graph) -> None:
    alarms = {one.name: one.inputs for one in graph.of_type(ALARM)}
    for stage in STAGES:
        assert {f"media-stages-{stage}-{what}" for what in ("queue-age", "queue-dead-letters-alarm", "function-errors")} <= alarms.keys()
        assert alarms[f"media-stages-{stage}-queue-age"]["threshold"] == 1800
    parked = alarms["media-refused"]
    assert (parked["namespace"], parked["metricName"], parked["dimensions"], parked["statistic"]) == (
        "CloudPatterns/MediaProcessing",
        "Refused",
        {"Pipeline": "media"},
        "Sum",
    )
    assert (parked["threshold"], parked["period"]) == (20, 900)
    assert (variables(graph, "publish")["METRIC_NAMESPACE"], variables(graph, "publish")["PIPELINE"]) == (parked["namespace"], "media")
    assert all(one["alarmActions"] in ([TOPIC], [EDGE_TOPIC]) for one in alarms.values())
    assert {"media-status-errors", "media-uploads-forms-errors"} <= alarms.keys()
    assert make("preview", alarm_topic_arns=None, cdn={"default_certificate": True}).of_type(ALARM) == []


def test_the_api_has_the_routes_of_both_functions_each_behind_the_authorizer(graph: Graph) -> None:
    body = json.dumps(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])
    assert all(path in body for path in ("/uploads", "/pictures", "/pictures/{id}", "https://www.example.com"))
    [outputs] = [one.outputs for one in graph.of_type("cloudpatterns:index:MediaProcessing")]
    assert outputs["api_url"].startswith("https://")
    without = make("deployed")
    assert without.one("cloudpatterns:index:MediaProcessing").outputs["api_url"] == ""
    assert not without.of_type("cloudpatterns:index:ApiGateway")


def test_what_is_there_can_be_given(graph: Graph) -> None:
    bucket = {"arn": "arn:aws:s3:::photos", "kms_key_arn": KEY}
    cdn = {**CDN, "log_bucket_arn": "arn:aws:s3:::logs"}
    given = make(existing_bucket=bucket, kms_key_arn=KEY, media_kms_key_arn=KEY, cdn=cdn)
    assert [one.name for one in given.of_type("aws:s3/bucket:Bucket")] == ["media-media-bucket", "media-media-logs-bucket"]
    assert given.of_type("aws:kms/key:Key") == []
    assert variables(given, "check")["UPLOADS"] == "photos"
    assert "photos" in given.named("media-clean").inputs["eventPattern"]
    assert [one.name for one in make(log_bucket_name="logs", cdn=cdn).of_type("aws:s3/bucket:Bucket")] == [
        "media-media-bucket",
        "media-uploads-files-bucket",
    ]
    kept = make(retention_days=30, cdn={"default_certificate": True})
    assert "media-cdn-certificate" not in [one.name for one in kept.resources]
    assert kept.named("media-uploads-files-lifecycle").inputs["rules"][0]["expiration"] == {"days": 30}


def test_others_may_read_the_index_and_send_uploads_again() -> None:
    seen: dict[str, Any] = {}

    def program() -> None:
        args: Any = {"pillow_layer_arn": LAYER, "cdn": {"default_certificate": True}}
        media = MediaProcessing("media", args)
        for name, value in (("send", media.send_statements()), ("read", media.index_statements()), ("where", media.index_environment())):
            pulumi.Output.from_input(value).apply(lambda found, name=name: seen.update({name: found}))

    graph = record(program, mode="deployed")
    assert seen["send"][0]["resources"] == [graph.named("media-stages-check-queue").outputs["arn"]]
    assert seen["read"][0]["resources"][0] == graph.named("media-index-entries").outputs["arn"]
    assert seen["where"] == {"CLOUDPATTERNS_INDEX_TABLE": graph.named("media-index-entries").outputs["name"]}


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"pillow_layer_arn": None},
            ("pillow_layer", "exactly one of pillow_layer and pillow_layer_arn is needed; none is given. Give one."),
        ),
        (
            {"renditions": {"moving": {"width": 10, "height": 10, "format": "jpeg", "animated": True}}},
            ("renditions.moving.animated", "is True with the format jpeg; animations stay in webp. Set format to webp."),
        ),
        (
            {"cdn": {"domain_names": ["media.example.com"]}},
            (
                "cdn.certificate_arn",
                "is missing; domain_names need a certificate. Give it, or hosted_zone_id, in which a new one is validated.",
            ),
        ),
        ({"authorizer": POOL}, ("api", "is missing; authorizer needs it. Give it, or remove authorizer.")),
        (
            {**API, "account_logging_role": None},
            (
                "account_logging_role",
                "is missing; a REST API writes logs by a role in the settings of the account and Region. Give create, or existing where "
                "they name one already.",
            ),
        ),
        (
            {**API, "authorizer": {}},
            ("authorizer.jwt", "exactly one of jwt, user_pool and function is needed; none is given. Give one."),
        ),
        (
            {"api": {"kind": "http", "firewall": {}}, "authorizer": {"jwt": {"issuer": "https://login.example.com/", "audiences": ["a"]}}},
            ("api.firewall", "is for kind rest only; this API is of kind http. Remove it, or choose rest."),
        ),
        (
            {"pillow_layer_arn": LAYER.rpartition(":")[0]},
            (
                "pillow_layer_arn",
                f"is '{LAYER.rpartition(':')[0]}'; must be the ARN of a version of a layer such as {LAYER}",
            ),
        ),
        (
            {**API, "api": {"kind": "rest", "cors": {"allowed_origins": ["https://a.example.com"]}}},
            ("api.cors", "is not for this API, which has it from the arguments beside. Give allowed_origins."),
        ),
        (
            {**API, "authorizer": {"function": {"function": "mine"}}},
            ("authorizer.function.function", "names a new function, and this API has none of yours. Give function_arn."),
        ),
        (
            {"existing_bucket": {"arn": "arn:aws:s3:::photos"}, "retention_days": 3},
            ("retention_days", "is for a new bucket; existing_bucket is given, and is not changed. Remove one of them."),
        ),
    ],
)
def test_what_does_not_go_together_is_refused(args: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]
