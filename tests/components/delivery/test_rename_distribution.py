import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import RenameDistribution
from offline_preview.graph import Graph, Resource

from tests.emulators.handlers import load_handler
from tests.harness import record, refs
from tests.program import ROOT

BUCKET = "arn:aws:s3:::site"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
FILE = ROOT / "components/cloudpatterns/delivery/rename_distribution/on_aws/index.py"
FILES = {"app.js": "let a = 1;", "css/main.css": "p {}", "LICENSE": "MIT", ".DS_Store": "x", ".git/config": "x", "scene.GLB": "3d"}
NOW = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        file = tmp_path / "dist" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "dist"


def make(folder: Path, mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"folder": str(folder), "bucket_arn": BUCKET, **args}
    return record(lambda: RenameDistribution("web", given), mode=mode)


def renamed(path: str, text: str) -> str:
    stem, dot, ending = path.rpartition(".")
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{stem}.{digest}.{ending}" if dot else f"{path}.{digest}"


def objects(graph: Graph) -> dict[str, Resource]:
    return {one.inputs["key"]: one for one in graph.of_type(OBJECT)}


def manifest(graph: Graph) -> dict[str, str]:
    return json.loads(graph.named("web-manifest").inputs["content"])


def test_assets_are_under_hashed_names_and_kept_by_caches(folder: Path) -> None:
    found = objects(make(folder))
    visible = {path: text for path, text in FILES.items() if not path.startswith(".")}
    assert set(found) == {"assets/manifest.json", *(f"assets/{renamed(path, text)}" for path, text in visible.items())}
    script = found[f"assets/{renamed('app.js', 'let a = 1;')}"].inputs
    assert (script["cacheControl"], script["contentType"]) == ("public, max-age=31536000, immutable", "text/javascript; charset=utf-8")
    # An ETag says nothing under KMS.
    assert script["sourceHash"] == hashlib.sha256(b"let a = 1;").hexdigest()
    assert (script["bucket"], "etag" in script) == ("site", False)


def test_the_manifest_is_kept_for_a_short_time_and_comes_last(folder: Path) -> None:
    graph = make(folder)
    whole = graph.named("web-manifest")
    assert (whole.inputs["cacheControl"], whole.inputs["contentType"]) == ("public, max-age=60", "application/json")
    assert manifest(graph)["css/main.css"] == f"/assets/{renamed('css/main.css', 'p {}')}"
    uploads = {one.name for key, one in objects(graph).items() if key != "assets/manifest.json"}
    assert len(uploads) == 4
    assert uploads <= {urn.split("::")[-1] for urn in whole.dependencies}


def test_a_changed_file_gets_a_new_name(folder: Path) -> None:
    before = make(folder)
    (folder / "app.js").write_text("let a = 2;")
    after = make(folder)
    old, new = renamed("app.js", "let a = 1;"), renamed("app.js", "let a = 2;")
    assert {one.name for one in before.of_type(OBJECT)} ^ {one.name for one in after.of_type(OBJECT)} == {f"web-{old}", f"web-{new}"}
    assert (manifest(before)["app.js"], manifest(after)["app.js"]) == (f"/assets/{old}", f"/assets/{new}")


def test_the_old_one_stays_when_it_leaves_the_program(folder: Path) -> None:
    for key, one in objects(make(folder)).items():
        assert one.options.get("retainOnDelete", False) == (key != "assets/manifest.json"), key


def test_content_types(folder: Path) -> None:
    def types(**args: Any) -> dict[str, str]:
        return {path.split(".")[0]: one.inputs["contentType"] for path, one in objects(make(folder, **args)).items()}

    found = types()
    assert found["assets/LICENSE"] == found["assets/scene"] == "application/octet-stream"
    assert found["assets/css/main"] == "text/css; charset=utf-8"
    assert types(content_types={".glb": "model/gltf-binary"})["assets/scene"] == "model/gltf-binary"


def test_the_function_reads_the_manifest_and_removes_what_is_below_the_prefix(folder: Path) -> None:
    graph = make(folder, kms_key_arn=KEY, path_prefix="web/", retention_days=7)
    function = graph.named("web-cleanup")
    assert function.inputs["environment"]["variables"] == {
        "BUCKET": "site",
        "PREFIX": "web/",
        "MANIFEST_KEY": "web/manifest.json",
        "RETENTION_DAYS": "7",
    }
    # No function before there is a manifest.
    assert "web-manifest" in refs(graph, function, "environment")
    policy = json.loads(graph.named("web-cleanup-policy").inputs["policy"])
    rights = {one["Sid"]: (one["Action"], one["Resource"]) for one in policy["Statement"]}
    assert rights["ListAssets"] == (["s3:ListBucket"], [BUCKET])
    assert rights["ReadManifest"] == (["s3:GetObject"], [f"{BUCKET}/web/manifest.json"])
    assert rights["RemoveAssets"][1] == [f"{BUCKET}/web/*"]
    assert rights["ReadManifestKey"] == (["kms:Decrypt"], [KEY])
    assert graph.named("web-cleanup-rule").inputs["scheduleExpression"] == "rate(1 day)"
    assert not graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")


def test_a_run_that_fails_is_kept_and_raises_an_alarm(folder: Path) -> None:
    graph = make(folder, alarm_topic_arns=[TOPIC])
    queue = graph.named("web-cleanup-failed")
    assert graph.named("web-cleanup").inputs["deadLetterConfig"] == {"targetArn": queue.outputs["arn"]}
    assert graph.named("web-cleanup-rule-target").inputs["deadLetterConfig"] == {"arn": queue.outputs["arn"]}
    alarm = graph.named("web-cleanup-failed-alarm").inputs
    assert (alarm["dimensions"], alarm["alarmActions"]) == ({"QueueName": queue.outputs["name"]}, [TOPIC])


@pytest.fixture
def s3(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {"BUCKET": "site", "PREFIX": "assets/", "MANIFEST_KEY": "assets/manifest.json", "RETENTION_DAYS": "30"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="eu-west-1")
    client.create_bucket(Bucket="site", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.put_object(Bucket="site", Key="index.html", Body=b"page")
    return client


def release(s3: Any, *keys: str) -> None:
    """As the component does: first the assets, then the manifest."""
    for key in keys:
        s3.put_object(Bucket="site", Key=f"assets/{key}", Body=b"x")
    paths = {key.split(".")[0]: f"/assets/{key}" for key in keys}
    s3.put_object(Bucket="site", Key="assets/manifest.json", Body=json.dumps(paths))


def clean(s3: Any, days: float) -> dict[str, int]:
    return load_handler(FILE).handler({}, None, s3, NOW + timedelta(days=days))


def keys(s3: Any) -> set[str]:
    return {one["Key"].removeprefix("assets/") for one in s3.list_objects_v2(Bucket="site").get("Contents", [])}


def test_the_old_one_stays_until_it_expires(s3: Any) -> None:
    release(s3, "app.1.js", "logo.1.svg")
    assert clean(s3, 0) == {"current": 3, "superseded": 0, "deleted": 0}
    release(s3, "app.2.js", "logo.1.svg")
    # A year old, and superseded only now.
    for day in (365, 366, 394):
        assert clean(s3, day) == {"current": 3, "superseded": 1, "deleted": 0}
    assert clean(s3, 395) == {"current": 3, "superseded": 0, "deleted": 1}
    assert keys(s3) == {"app.2.js", "logo.1.svg", "manifest.json", "index.html"}


def test_an_asset_that_comes_back_counts_anew(s3: Any) -> None:
    release(s3, "app.1.js")
    release(s3, "app.2.js")
    clean(s3, 0)
    # Back to the first one, whose object is not uploaded again.
    s3.put_object(Bucket="site", Key="assets/manifest.json", Body=json.dumps({"app": "/assets/app.1.js"}))
    assert clean(s3, 20) == {"current": 2, "superseded": 1, "deleted": 0}
    assert s3.get_object_tagging(Bucket="site", Key="assets/app.1.js")["TagSet"] == []
    release(s3, "app.3.js")
    clean(s3, 40)
    assert clean(s3, 60)["deleted"] == 1
    assert keys(s3) == {"app.1.js", "app.3.js", "manifest.json", "index.html"}


def test_other_tags_stay(s3: Any) -> None:
    release(s3, "app.1.js")
    s3.put_object_tagging(Bucket="site", Key="assets/app.1.js", Tagging={"TagSet": [{"Key": "team", "Value": "web"}]})
    release(s3, "app.2.js")
    clean(s3, 0)
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket="site", Key="assets/app.1.js")["TagSet"]}
    assert tags == {"team": "web", "superseded-at": "2026-11-30T00:00:00+00:00"}


@pytest.mark.parametrize("body", ["", "{}", "[]", "no JSON"])
def test_nothing_is_removed_without_a_manifest(s3: Any, body: str) -> None:
    release(s3, "app.1.js")
    release(s3, "app.2.js")
    clean(s3, 0)
    s3.put_object(Bucket="site", Key="assets/manifest.json", Body=body)
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's errors are such
        clean(s3, 365)
    s3.delete_object(Bucket="site", Key="assets/manifest.json")
    with pytest.raises(s3.exceptions.NoSuchKey):
        clean(s3, 365)
    assert {"app.1.js", "app.2.js"} <= keys(s3)


def test_links(folder: Path) -> None:
    found: list[str] = []

    def program() -> None:
        args: Any = {"folder": str(folder), "bucket_arn": BUCKET, "base_url": "https://cdn.example.com"}
        web = RenameDistribution("web", args)
        pulumi.Output.all(web.asset_path("app.js"), web.asset_url("css/main.css"), web.asset_paths["LICENSE"]).apply(found.extend)
        with pytest.raises(ArgumentError, match=r"'b\.js', which is not a file of the folder"):
            web.asset_path("b.js")

    record(program, mode="deployed")
    assert found == [
        f"/assets/{renamed('app.js', 'let a = 1;')}",
        f"https://cdn.example.com/assets/{renamed('css/main.css', 'p {}')}",
        f"/assets/{renamed('LICENSE', 'MIT')}",
    ]


def test_links_need_an_address(folder: Path) -> None:
    def program() -> None:
        args: Any = {"folder": str(folder), "bucket_arn": BUCKET}
        with pytest.raises(ArgumentError, match=r"is missing, so assets have no addresses\. Give the CDN's, or use asset_path\."):
            RenameDistribution("web", args).asset_url("app.js")

    record(program)


def test_refused_folders(tmp_path: Path) -> None:
    def refused(folder: Path) -> list[tuple[str, str]]:
        with pytest.raises(ArgumentError) as caught:
            make(folder)
        return caught.value.problems

    missing = tmp_path / "none"
    assert refused(missing) == [("folder", f"is '{missing}', which is no folder here. Name one with the files, such as dist.")]
    reason = "each is a resource of the program, and 1 to 1000 are allowed"
    hint = "Publish large sites by DirectStorageHosting, or check the path."
    assert refused(tmp_path) == [("folder", f"has 0 files; {reason}. {hint}")]
    (tmp_path / "my file.js").write_text("x")
    (tmp_path / "manifest.json").write_text("{}")
    assert refused(tmp_path) == [
        ("folder", "has manifest.json, which is the name of the manifest. Rename the file."),
        ("folder", "has 'my file.js'; names in URLs have letters, digits, '.', '_', '~' and '-'. Rename the file."),
    ]
