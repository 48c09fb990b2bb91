import fnmatch
import json
import shlex
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import HighAvailabilityStorage
from offline_preview.graph import Graph

from tests.harness import record, refs

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
DISTRIBUTION = "arn:aws:cloudfront::123456789012:distribution/E1"
CDN = {"cdn_domain_name": "cdn.example.com"}
EXISTING = {"existing_bucket": {"arn": "arn:aws:s3:::kept", "kms_key_arn": KEY}}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    return record(lambda: HighAvailabilityStorage("shop", args), mode=mode)  # ty: ignore[invalid-argument-type]


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def given(method: str, *arguments: Any, **args: Any) -> Any:
    """What one of the component's methods gives."""
    found: list[Any] = []

    def program() -> None:
        assets: Any = HighAvailabilityStorage("shop", args)  # ty: ignore[invalid-argument-type]
        pulumi.Output.from_input(getattr(assets, method)(*arguments)).apply(found.append)

    record(program, mode="deployed")
    return found[0]


def allowed(document: list[dict[str, Any]], action: str, resource: str) -> bool:
    """Whether the statements allow an action on a resource, conditions aside."""
    return any(
        one["Effect"] == "Allow"
        and any(fnmatch.fnmatchcase(action, pattern) for pattern in one["Action"])
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in one["Resource"])
        for one in document
    )


def test_bucket_private() -> None:
    graph = make(**CDN)
    blocked = {key: value for key, value in graph.named("shop-assets-access-block").inputs.items() if key != "bucket"}
    assert blocked == dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
    allow = [one for one in statements(graph, "shop-assets-policy") if one["Effect"] == "Allow"]
    bucket = graph.named("shop-assets-bucket").outputs["arn"]
    assert allow == [
        {
            "Sid": "Cdn",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [f"{bucket}/assets/*"],
            "Principal": {"Service": ["cloudfront.amazonaws.com"]},
            "Condition": {"ArnLike": {"aws:SourceArn": ["arn:aws:cloudfront::123456789012:distribution/*"]}},
        }
    ]
    # Without a CDN nobody but roles reads.
    assert [one["Effect"] for one in statements(make(), "shop-assets-policy")] == ["Deny"]


def test_the_web_tiers_role_reads_and_does_not_write() -> None:
    graph = make(reader_role_names={"web": "shop-web"}, publisher_role_names={"pipeline": "shop-pipeline"})
    bucket, key = graph.named("shop-assets-bucket").outputs["arn"], graph.one("aws:kms/key:Key").outputs["arn"]
    assert graph.named("shop-reader-web").inputs["role"] == "shop-web"
    reader, publisher = statements(graph, "shop-reader-web"), statements(graph, "shop-publisher-pipeline")
    asset = f"{bucket}/assets/app.js"
    assert allowed(reader, "s3:GetObject", asset)
    assert allowed(reader, "kms:Decrypt", key)
    assert not allowed(reader, "s3:GetObject", f"{bucket}/other/secret")
    writes = ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl", "s3:PutObjectTagging")
    for action in (*writes, "s3:AbortMultipartUpload", "s3:RestoreObject", "s3:PutBucketPolicy", "s3:BypassGovernanceRetention"):
        assert not allowed(reader, action, asset), action
        assert not allowed(reader, action, bucket), action
    assert not allowed(reader, "kms:GenerateDataKey", key)
    assert allowed(publisher, "s3:PutObject", asset)
    assert allowed(publisher, "kms:GenerateDataKey", key)
    # What is published by mistake is recovered from its old version.
    assert not allowed(publisher, "s3:DeleteObjectVersion", asset)
    assert not allowed(publisher, "s3:PutObject", f"{bucket}/other/file")
    assert [one["sid"] for one in given("reader_statements")] == [one["Sid"] for one in reader]
    assert [one["sid"] for one in given("publisher_statements")] == [one["Sid"] for one in publisher]


def test_the_cdn_decrypts_without_a_cycle() -> None:
    graph = make(**CDN)
    [cdn] = [one for one in statements(graph, "shop-key-policy") if one["Sid"] == "Cdn"]
    assert (cdn["Principal"], cdn["Action"]) == ({"Service": ["cloudfront.amazonaws.com"]}, ["kms:Decrypt"])
    assert cdn["Condition"] == {"ArnLike": {"aws:SourceArn": ["arn:aws:cloudfront::123456789012:distribution/*"]}}
    graph = make(**CDN, distribution_arns=[DISTRIBUTION])
    for name, sid in (("shop-key-policy", "Cdn"), ("shop-assets-policy", "Cdn")):
        [cdn] = [one for one in statements(graph, name) if one.get("Sid") == sid]
        assert cdn["Condition"] == {"ArnLike": {"aws:SourceArn": [DISTRIBUTION]}}
    assert [one["Sid"] for one in statements(make(), "shop-key-policy")] == ["Administration"]


@pytest.mark.parametrize(
    ("args", "url", "age"),
    [
        ({}, "https://cdn.example.com/assets/img/logo.svg", "public, max-age=300"),
        ({"release": "7"}, "https://cdn.example.com/assets/7/img/logo.svg", "public, max-age=31536000, immutable"),
    ],
)
def test_links_under_the_cdn_and_what_is_published_there(args: dict[str, Any], url: str, age: str) -> None:
    assert given("asset_url", "img/logo.svg", **CDN, **args) == url
    command = shlex.split(given("publish_command", "it's dist", **CDN, **args, **EXISTING))
    target = f"s3://kept/{url.removeprefix('https://cdn.example.com/').removesuffix('img/logo.svg')}"
    assert command == ["aws", "s3", "sync", "it's dist", target, "--cache-control", age]


def test_pages_of_named_origins_load_assets() -> None:
    graph = make(cors_origins=["https://shop.example.com"])
    cors = graph.named("shop-cors")
    assert refs(graph, cors, "bucket")[0] == "shop-assets-bucket"
    [rule] = cors.inputs["corsRules"]
    assert (rule["allowedOrigins"], rule["allowedMethods"]) == (["https://shop.example.com"], ["GET", "HEAD"])
    assert make().of_type("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration") == []


def test_a_copy_in_another_region() -> None:
    graph = make(replication={"region": "eu-central-1"})
    assert graph.named("shop-assets-replica-bucket").inputs["region"] == "eu-central-1"
    assert graph.named("shop").outputs["replica_bucket_name"] == graph.named("shop-assets-replica-bucket").outputs["bucket"]


def test_a_bucket_that_is_there_is_not_changed() -> None:
    graph = make(**EXISTING, reader_role_names={"web": "shop-web"})
    assert [one.type for one in graph.of_type("aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:s3/bucketPolicy:BucketPolicy")] == []
    assert allowed(statements(graph, "shop-reader-web"), "s3:GetObject", "arn:aws:s3:::kept/assets/app.js")
    outputs = graph.named("shop").outputs
    assert (outputs["bucket_name"], outputs["bucket_regional_domain_name"], outputs["asset_base_url"]) == ("kept", "", "")
    without = given("reader_statements", existing_bucket={"arn": "arn:aws:s3:::kept"})
    assert [one["sid"] for one in without] == ["ReadAssets", "FindAssets"]


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            {**EXISTING, "cors_origins": ["https://a.example.com"]},
            [("existing_bucket", "excludes cors_origins: the bucket is there already; both are given. Remove one of them.")],
        ),
        (
            {"distribution_arns": [DISTRIBUTION]},
            [("cdn_domain_name", "is missing; distribution_arns needs it. Give it, or remove distribution_arns.")],
        ),
        ({"cors_origins": ["*"]}, [("cors_origins.0", "is '*'; must be an origin such as https://shop.example.com")]),
        ({"release": "a/b"}, [("release", "is 'a/b'; must be a name such as 2026-11-30")]),
    ],
)
def test_refused(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    assert error.value.problems == problems


@pytest.mark.parametrize(
    ("args", "path", "problem"),
    [
        ({}, "app.js", ("cdn_domain_name", "is missing, so assets have no links. Give the CDN's domain name.")),
        (CDN, "../app.js", ("path", "is '../app.js'; the path of an asset below assets/ is needed, such as img/logo.svg.")),
        (CDN, "/app.js", ("path", "is '/app.js'; the path of an asset below assets/ is needed, such as img/logo.svg.")),
    ],
)
def test_links_that_there_are_not(args: dict[str, Any], path: str, problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as error:
        given("asset_url", path, **args)
    assert error.value.problems == [problem]
