import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.uploads import DirectObjectUpload
from offline_preview.graph import Graph

from tests.components.uploads.access import Request, allowed
from tests.harness import record, refs

FORMS: Any = {"images": {"content_types": ["image/png"]}, "letters": {"content_types": ["text/plain"], "prefix": "mail/in/"}}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
ADMINISTRATOR = "arn:aws:iam::123456789012:role/administrator"
ANY_FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:done"
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
PLAN = "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan"
CLEAN = {"s3:ExistingObjectTag/GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"forms": FORMS, **args}
    return record(lambda: DirectObjectUpload("shop", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def policy(graph: Graph, name: str) -> dict[str, Any]:
    return json.loads(graph.named(name).inputs["policy"])


def objects(graph: Graph, key: str) -> str:
    return f"{graph.named('shop-files-bucket').outputs['arn']}/{key}"


def test_content_is_scanned_before_it_is_served() -> None:
    graph = make()
    plan = graph.one(PLAN)
    assert plan.inputs["protectedResource"]["s3Bucket"]["objectPrefixes"] == ["images/", "mail/in/"]
    assert plan.inputs["actions"] == [{"taggings": [{"status": "ENABLED"}]}]
    bucket = policy(graph, "shop-files-policy")

    def reads(context: dict[str, str], principal: str = ADMINISTRATOR, action: str = "s3:GetObject") -> bool:
        request = Request(principal, action, objects(graph, "images/a/b"), {"aws:SecureTransport": "true", **context})
        return allowed(request, identity=[EVERYTHING], resource=bucket)

    assert reads(CLEAN)
    assert reads(CLEAN, action="s3:GetObjectVersion")
    for result in ("THREATS_FOUND", "UNSUPPORTED", "ACCESS_DENIED", "FAILED"):
        assert not reads({"s3:ExistingObjectTag/GuardDutyMalwareScanStatus": result})
    assert not reads({})
    assert not reads({}, action="s3:GetObjectVersion")
    assert reads({}, principal=graph.named("shop-scanner").outputs["arn"])


def test_nobody_but_the_scanner_tags_an_upload() -> None:
    graph = make()
    bucket, scanner = policy(graph, "shop-files-policy"), graph.named("shop-scanner").outputs["arn"]
    for action in ("PutObjectTagging", "PutObjectVersionTagging", "DeleteObjectTagging", "DeleteObjectVersionTagging", "ReplicateTags"):
        for principal, may in ((ADMINISTRATOR, False), (scanner, True)):
            request = Request(principal, f"s3:{action}", objects(graph, "images/a/b"), {"aws:SecureTransport": "true"})
            assert allowed(request, identity=[EVERYTHING], resource=bucket) == may, action
    rights = policy(graph, "shop-scan-policy")
    request = Request(scanner, "s3:PutObjectTagging", objects(graph, "images/a/b"), {"aws:SecureTransport": "true"})
    assert allowed(request, identity=[rights], resource=bucket)


def test_a_form_can_write_below_its_prefixes_and_by_post_alone() -> None:
    graph = make()
    rights, bucket = policy(graph, "shop-forms-policy"), policy(graph, "shop-files-policy")
    signer = graph.named("shop-forms-role").outputs["arn"]

    def writes(key: str, kind: str = "POST", action: str = "s3:PutObject") -> bool:
        request = Request(signer, action, objects(graph, key), {"aws:SecureTransport": "true", "s3:authType": kind})
        return allowed(request, identity=[rights], resource=bucket)

    assert writes("images/a/b")
    assert writes("mail/in/a")
    assert not writes("elsewhere/a")
    assert not writes("images/a/b", kind="REST-HEADER")
    assert not writes("images/a/b", kind="REST-QUERY-STRING")
    assert not writes("images/a/b", action="s3:DeleteObject")
    assert not writes("images/a/b", action="s3:GetObject")


def test_more_statements_let_others_read_what_is_clean_and_nothing_else() -> None:
    cdn = "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE"
    served = {
        "actions": ["s3:GetObject"],
        "principals": {"Service": ["cloudfront.amazonaws.com"]},
        "conditions": {"StringEquals": {"aws:SourceArn": [cdn]}},
    }
    graph = make(bucket_statements=[served])
    found = policy(graph, "shop-files-policy")["Statement"]
    [allows] = [one for one in found if one["Effect"] == "Allow" and one["Principal"] == {"Service": ["cloudfront.amazonaws.com"]}]
    assert allows["Condition"] == {"StringEquals": {"aws:SourceArn": [cdn]}}
    # Services are not exempt from the refusal of what is not clean.
    [refusal] = [one for one in found if one.get("Sid") == "ReadCleanObjectsOnly"]
    assert refusal["Principal"] == {"AWS": ["*"]} or refusal["Principal"] == "*"
    domain = graph.one("cloudpatterns:index:DirectObjectUpload").outputs["bucket_regional_domain_name"]
    assert domain == graph.named("shop-files-bucket").outputs["bucketRegionalDomainName"]


def test_cors_is_for_named_origins_only() -> None:
    graph = make(allowed_origins=["https://shop.example.com"])
    [rule] = graph.one("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration").inputs["corsRules"]
    assert (rule["allowedMethods"], rule["allowedOrigins"]) == (["POST"], ["https://shop.example.com"])
    assert graph.named("shop-forms").inputs["environment"]["variables"]["ORIGINS"] == '["https://shop.example.com"]'
    assert make().of_type("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration") == []
    for origin in ("*", "https://*.example.com", "https://shop.example.com/", "http://shop.example.com"):
        assert refused(allowed_origins=[origin])[0][0] == "allowed_origins.0"


def test_a_clean_upload_invokes_the_completion_function() -> None:
    graph = make(completion_function={"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/done@sha256:1"})
    pattern = json.loads(graph.named("shop-completed").inputs["eventPattern"])
    bucket = graph.named("shop-files-bucket").outputs["bucket"]
    assert pattern == {
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Malware Protection Object Scan Result"],
        "detail": {
            "s3ObjectDetails": {"bucketName": [bucket], "objectKey": [{"prefix": "images/"}, {"prefix": "mail/in/"}]},
            "scanResultDetails": {"scanResultStatus": ["NO_THREATS_FOUND"]},
        },
    }
    target, dead = graph.named("shop-completed-target"), graph.named("shop-incomplete")
    assert target.inputs["arn"] == graph.named("shop-completion").outputs["arn"]
    assert target.inputs["deadLetterConfig"] == {"arn": dead.outputs["arn"]}
    failures = graph.named("shop-completion-failures").inputs["destinationConfig"]
    assert failures == {"onFailure": {"destination": dead.outputs["arn"]}}
    rights = policy(graph, "shop-completion-policy")
    role = graph.named("shop-completion-role").outputs["arn"]
    for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"):
        request = Request(role, action, objects(graph, "images/a/b"), {"aws:SecureTransport": "true", **CLEAN})
        assert allowed(request, identity=[rights], resource=policy(graph, "shop-files-policy"))


def test_a_function_that_is_there_is_invoked_and_gets_the_rights_to_read() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:done"
    graph = make("preview", existing_completion_function={"arn": arn, "timeout_seconds": 30, "role_name": "done"})
    assert graph.named("shop-completed-target").inputs["arn"] == arn
    assert graph.named("shop-completion-policy").inputs["role"] == "done"
    assert refs(graph, graph.named("shop-completed-target"), "deadLetterConfig") == ["shop-incomplete", "shop-incomplete-policy"]


def test_an_existing_bucket_is_scanned_and_not_changed() -> None:
    graph = make(existing_bucket={"arn": "arn:aws:s3:::mine", "kms_key_arn": KEY})
    assert [one for one in graph.resources if one.type.startswith("aws:s3/")] == []
    assert [one for one in graph.resources if one.type.startswith("aws:kms/")] == []
    assert graph.one(PLAN).inputs["protectedResource"]["s3Bucket"]["bucketName"] == "mine"
    outputs = graph.one("cloudpatterns:index:DirectObjectUpload").outputs
    assert (outputs["bucket_name"], outputs["kms_key_arn"], outputs["log_bucket_name"]) == ("mine", KEY, "")
    needed = json.loads(outputs["bucket_policy"])
    for key, may in (("images/a", False), ("others/a", True)):
        assert allowed(Request(ADMINISTRATOR, "s3:GetObject", f"arn:aws:s3:::mine/{key}"), identity=[EVERYTHING], resource=needed) == may
    use = next(one for one in policy(graph, "shop-scan-policy")["Statement"] if one.get("Sid") == "ObjectsKey")
    assert (use["Action"], use["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], [KEY])


def test_topics_hear_of_refused_uploads_and_of_a_scan_that_does_not_work() -> None:
    graph = make(alarm_topic_arns=[TOPIC])
    results = json.loads(graph.named("shop-scan-refused").inputs["eventPattern"])["detail"]["scanResultDetails"]
    assert results == {"scanResultStatus": [{"anything-but": ["NO_THREATS_FOUND"]}]}
    assert json.loads(graph.named("shop-scan-broken").inputs["eventPattern"])["detail-type"] == [
        "GuardDuty Malware Protection Post Scan Action Failed",
        "GuardDuty Malware Protection Resource Status Warning",
        "GuardDuty Malware Protection Resource Status Error",
    ]
    for name in ("shop-scan-refused-topic-1", "shop-scan-broken-topic-1"):
        assert graph.named(name).inputs["arn"] == TOPIC
    assert graph.named("shop-forms-errors").inputs["alarmActions"] == [TOPIC]
    kinds = ("aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/metricAlarm:MetricAlarm")
    assert [one for kind in kinds for one in make().of_type(kind)] == []


def test_the_function_reads_the_limits_of_its_forms() -> None:
    forms: Any = {"images": {"content_types": ["image/png"], "max_size_mib": 2, "success_redirect_url": "https://shop.example.com/done"}}
    variables = make(forms=forms).named("shop-forms").inputs["environment"]["variables"]
    assert json.loads(variables["FORMS"]) == {
        "images": {
            "prefix": "images/",
            "content_types": ["image/png"],
            "min_bytes": 1,
            "max_bytes": 2_097_152,
            "expiry_seconds": 300,
            "redirect_url": "https://shop.example.com/done",
        }
    }
    assert (variables["IDENTITY_CLAIM"], variables["ANONYMOUS"]) == ("sub", "false")


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"forms": {"a": {"content_types": ["a/b"], "min_size_bytes": 1_048_577, "max_size_mib": 1}}},
            "forms.a.min_size_bytes",
            "is 1048577, more than max_size_mib 1. Lower it.",
        ),
        (
            {"forms": {"a": {"content_types": ["a/b"]}, "b": {"content_types": ["a/b"], "prefix": "a/b/"}}},
            "forms.b.prefix",
            "is a/b/; the form a has a/. Give each form a folder that is in no other's.",
        ),
        (
            {"existing_bucket": {"arn": "arn:aws:s3:::mine"}, "retention_days": 30},
            "retention_days",
            "is for a new bucket; existing_bucket is given, and is not changed. Remove one of them.",
        ),
        (
            {"completion_function": {"image_uri": "a"}, "existing_completion_function": {"arn": ANY_FUNCTION, "timeout_seconds": 3}},
            "completion_function",
            "excludes existing_completion_function; both are given. Remove one of them.",
        ),
        (
            {"completion_function": {"timeout_seconds": 3}},
            "completion_function.code",
            "exactly one of code and image_uri is needed; none is given. Give one.",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    assert refused(**args) == [(path, reason)]


def test_the_plan_outlives_neither_the_rights_of_its_role_nor_the_events_of_the_bucket() -> None:
    graph = make("preview")
    plan = graph.one(PLAN)
    assert refs(graph, plan, "role") == ["shop-scanner", "shop-scan-policy"]
    assert graph.named("shop-events").inputs["eventbridge"] is True
    assert graph.named("shop-events").urn in plan.dependencies
