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


def test_cors_is_for_named_origins_only() -> None:
    graph = make(allowed_origins=["https://shop.example.com"])
    [rule] = graph.one("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration").inputs["corsRules"]
    assert (rule["allowedMethods"], rule["allowedOrigins"]) == (["POST"], ["https://shop.example.com"])
    assert graph.named("shop-forms").inputs["environment"]["variables"]["ORIGINS"] == '["https://shop.example.com"]'
    assert make().of_type("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration") == []
    for origin in ("*", "https://*.example.com", "https://shop.example.com/", "http://shop.example.com"):
        assert refused(allowed_origins=[origin])[0][0] == "allowed_origins.0"


def test_the_plan_outlives_neither_the_rights_of_its_role_nor_the_events_of_the_bucket() -> None:
    graph = make("preview")
    plan = graph.one(PLAN)
    assert refs(graph, plan, "role") == ["shop-scanner", "shop-scan-policy"]
    assert graph.named("shop-events").inputs["eventbridge"] is True
    assert graph.named("shop-events").urn in plan.dependencies
