"""Pictures on their way through the stages, on an emulator: the queues, functions and index that the component declares, with faults."""

import functools
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudpatterns.systems import MediaProcessing
from cloudpatterns.systems.media_processing import component
from cloudpatterns.uploads.storage_index import component as storage_index
from offline_preview.graph import Graph
from PIL import Image

from tests.components.systems.pictures import animation, archive, bomb, drawn, encoded, photo
from tests.emulators.deployed import Deployed, redrive
from tests.emulators.events import Context, drive_queue
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.harness import record

CODE = component._CODE
STAGES = ("check", "render", "publish")
OWNER = "0123456789abcdef0123456789abcdef"
ORIGIN = "https://shop.example.com"
RENDITIONS: Any = {
    "thumbnail": {"width": 32, "height": 32},
    "square": {"width": 40, "height": 40, "fit": "cover", "format": "jpeg"},
    "moving": {"width": 32, "height": 32, "animated": True},
}
_CREATED = ("aws:sqs/queue:Queue", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "aws:dynamodb/table:Table")


class Killed(BaseException):
    """The function ends here, as at a power cut."""


class Faulty:
    """A client of AWS whose calls fail by a plan: by the number of the call of an operation, before or after it is carried out."""

    def __init__(self, service: str, plan: dict[str, Callable[[int], Any]]) -> None:
        self._real, self._plan, self._calls = client(service), plan, dict[str, int]()

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in self._plan:
            return real

        def call(**given: Any) -> Any:
            self._calls[name] = self._calls.get(name, 0) + 1
            fault = self._plan[name](self._calls[name])
            if fault == "throttled":
                raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, name)
            answer = real(**given)
            if fault == "killed":
                raise Killed
            return answer

        return call


@functools.cache
def recorded() -> Graph:
    """What the component creates."""
    given: Any = {
        "pillow_layer_arn": "arn:aws:lambda:eu-west-1:123456789012:layer:pillow:1",
        "cdn": {"default_certificate": True},
        "renditions": RENDITIONS,
        "max_megapixels": 1,
        "max_size_mib": 1,
        "max_receive_count": 3,
        "allowed_origins": [ORIGIN],
    }
    return record(lambda: MediaProcessing("media", given), mode="deployed")


class Pipeline:
    """The system on moto: buckets, queues with their dead-letter queues, the table, and the functions' code with their environments."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        graph = recorded()
        self.deployed = Deployed(Graph(graph.project, graph.stack, [one for one in graph.resources if one.type in _CREATED]), client)
        self._variables = {
            one.name: self.deployed._inputs(one.inputs["environment"]["variables"]) for one in graph.of_type("aws:lambda/function:Function")
        }
        self.patch, self.plan = patch, dict[str, dict[str, Callable[[int], Any]]]()
        self.s3, self.sqs = client("s3"), client("sqs")
        self.uploads, self.media = (self.environment("render")[name] for name in ("UPLOADS", "MEDIA"))
        for bucket in (self.uploads, self.media):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def environment(self, name: str) -> dict[str, str]:
        full = f"media-stages-{name}-function" if name in STAGES else f"media-{name}"
        return self._variables[full]

    def queue(self, stage: str) -> str:
        return self.deployed.urls[f"media-stages-{stage}-queue"]

    def parked(self, stage: str) -> list[Any]:
        return [json.loads(body) for body in self.deployed.bodies(f"media-stages-{stage}-queue-dead-letters")]

    def upload(self, data: bytes, name: str = "picture-1", *, scan: str | None = "NO_THREATS_FOUND", owner: str = OWNER) -> dict[str, Any]:
        """An upload that was scanned; the event that says so."""
        key = f"pictures/{owner}/{name}"
        version = self.s3.put_object(Bucket=self.uploads, Key=key, Body=data, ContentType="image/jpeg")["VersionId"]
        if scan is not None:
            tags = [{"Key": "GuardDutyMalwareScanStatus", "Value": scan}]
            self.s3.put_object_tagging(Bucket=self.uploads, Key=key, Tagging={"TagSet": tags})
        place = {"bucketName": self.uploads, "objectKey": key, "eTag": "x", "versionId": version, "s3Throttled": False}
        detail = {"scanStatus": "COMPLETED", "s3ObjectDetails": place, "scanResultDetails": {"scanResultStatus": scan}}
        return {"source": "aws.guardduty", "detail-type": "GuardDuty Malware Protection Object Scan Result", "detail": detail}

    def send(self, *messages: Any, stage: str = "check") -> None:
        for message in messages:
            self.sqs.send_message(QueueUrl=self.queue(stage), MessageBody=json.dumps(message))

    def module(self, stage: str) -> ModuleType:
        for name, value in self.environment(stage).items():
            self.patch.setenv(name, value)
        module = load_handler(CODE / "stages" / "index.py")
        plan = self.plan
        clients = {service: Faulty(service, plan.get(f"{stage}:{service}", {})) for service in ("s3", "sqs")}
        setattr(module, "client", clients.__getitem__)  # noqa: B010 (the module is known to the test alone)
        return module

    def run(self, *stages: str, context: Any = None) -> None:
        """Each stage until its queue is empty, and the index after the last."""
        for stage in stages or STAGES:
            handler = getattr(self.module(stage), stage)

            def survived(event: Any, given: Any, handler: Any = handler) -> Any:
                try:
                    return handler(event, given)
                except Killed as killed:
                    raise RuntimeError("killed") from killed

            batch = 10 if stage == "publish" else 1
            drive_queue(self.sqs, self.queue(stage), survived, batch_size=batch, context=context or Context(60_000))

    def indexed(self, seed: int = 0) -> None:
        """The index, from events about every record: twice, in any order."""
        for name, value in self.environment("index-indexer").items():
            self.patch.setenv(name, value)
        handler = load_handler(storage_index._CODE / "indexer" / "index.py").handler
        events = []
        for number, key in enumerate(self.keys("")):
            # Below another prefix nothing matches the rule.
            if key.startswith("pictures/"):
                detail = {"bucket": {"name": self.media}, "object": {"key": key, "sequencer": f"{number:04X}"}}
                events += 2 * [{"source": "aws.s3", "detail-type": "Object Created", "detail": detail}]
        random.Random(seed).shuffle(events)
        records = [{"messageId": str(number), "body": json.dumps(event)} for number, event in enumerate(events)]
        assert handler({"Records": records}, None) == {"batchItemFailures": []}

    def keys(self, prefix: str) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=self.media, Prefix=prefix).get("Contents", [])]

    def versions(self, prefix: str) -> int:
        return len(self.s3.list_object_versions(Bucket=self.media, Prefix=prefix).get("Versions", []))

    def record(self, name: str = "picture-1", owner: str = OWNER) -> dict[str, Any]:
        return json.loads(self.s3.get_object(Bucket=self.media, Key=f"pictures/{owner}/{name}")["Body"].read())

    def ask(self, picture: str | None = None, *, sub: str | None = "ada", **query: str) -> tuple[int, Any]:
        """What the owner is shown."""
        for name, value in self.environment("status").items():
            self.patch.setenv(name, value)
        claims = {} if sub is None else {"authorizer": {"jwt": {"claims": {"sub": sub}}}}
        event = {
            "requestContext": claims,
            "headers": {"Origin": ORIGIN},
            "pathParameters": picture and {"id": picture},
            "queryStringParameters": query,
        }
        answer = load_handler(CODE / "status" / "index.py").handler(event, None)
        assert answer["headers"]["access-control-allow-origin"] == ORIGIN
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def pipeline(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    return Pipeline(monkeypatch)


def owner_of(sub: str) -> str:
    return hashlib.sha256(sub.encode()).hexdigest()[:32]


def test_a_picture_is_checked_rendered_and_published(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.send(pipeline.upload(photo(6)))
    pipeline.run()
    found = pipeline.record()
    assert {name: found[name] for name in ("state", "format", "width", "height", "frames")} == {
        "state": "ready",
        "format": "jpeg",
        "width": 48,
        "height": 64,
        "frames": 1,
    }
    sizes = {name: (one["width"], one["height"], one["frames"]) for name, one in found["renditions"].items()}
    assert sizes == {"thumbnail": (24, 32, 1), "square": (40, 40, 1), "moving": (24, 32, 1)}
    for name, one in found["renditions"].items():
        written = pipeline.s3.get_object(Bucket=pipeline.media, Key=one["key"])
        assert written["CacheControl"] == "public, max-age=31536000, immutable"
        assert written["ContentType"] == ("image/jpeg" if name == "square" else "image/webp")
        # Viewers see these headers: nothing of the owner or the upload.
        assert set(written["Metadata"]) == {"width", "height", "frames", "picture-width", "picture-height"}
        assert OWNER not in one["key"]
        image = Image.open(written["Body"])
        assert (image.width, image.height) == (one["width"], one["height"])
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metric["Pipeline"], metric["Ready"], metric["Refused"]) == ("media", 1, 0)
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "CloudPatterns/MediaProcessing"


def test_an_animation_stays_one_where_the_rendition_says_so(pipeline: Pipeline) -> None:
    pipeline.send(pipeline.upload(animation("gif")))
    pipeline.run()
    found = pipeline.record()
    assert found["frames"] == 5
    assert {name: one["frames"] for name, one in found["renditions"].items()} == {"thumbnail": 1, "square": 1, "moving": 5}


def test_a_duplicate_event_changes_nothing(pipeline: Pipeline) -> None:
    event = pipeline.upload(photo())
    pipeline.send(event, event)
    pipeline.run()
    before = pipeline.record()
    assert (len(pipeline.keys("renditions/")), pipeline.versions("renditions/"), pipeline.versions("pictures/")) == (3, 3, 1)
    pipeline.send(event, {"upload": f"pictures/{OWNER}/picture-1"})
    pipeline.run()
    assert pipeline.record() == before
    assert (pipeline.versions("renditions/"), pipeline.versions("pictures/")) == (3, 1)
    assert not any(pipeline.parked(stage) for stage in STAGES)


@pytest.mark.parametrize(
    ("stage", "service", "operation", "number"),
    [
        ("check", "sqs", "send_message", 1),
        ("render", "s3", "put_object", 1),
        ("render", "s3", "put_object", 3),
        ("render", "sqs", "send_message", 1),
        ("publish", "s3", "put_object", 1),
    ],
    ids=["after-check", "first-rendition", "between-rendition-and-index", "after-render", "after-the-record"],
)
def test_a_stage_that_is_killed_anywhere_begins_again_and_nothing_is_lost_or_double(
    pipeline: Pipeline, stage: str, service: str, operation: str, number: int
) -> None:
    pipeline.plan[f"{stage}:{service}"] = {operation: lambda call: "killed" if call == number else None}
    pipeline.send(pipeline.upload(photo()))
    pipeline.run()
    assert pipeline.record()["state"] == "ready"
    assert len(pipeline.keys("renditions/")) == 3
    assert pipeline.versions("pictures/") == 1
    assert sorted(one["key"] for one in pipeline.record()["renditions"].values()) == pipeline.keys("renditions/")
    assert not any(pipeline.parked(stage) for stage in STAGES)


@pytest.mark.parametrize(("stage", "service", "operation"), [("render", "s3", "put_object"), ("publish", "s3", "head_object")])
def test_a_throttled_store_only_delays(pipeline: Pipeline, stage: str, service: str, operation: str) -> None:
    pipeline.plan[f"{stage}:{service}"] = {operation: lambda call: "throttled" if call <= 2 else None}
    pipeline.send(pipeline.upload(photo()))
    pipeline.run()
    assert pipeline.record()["state"] == "ready"


def test_a_store_that_is_away_parks_the_message_whole_and_it_goes_on_when_it_is_moved_back(pipeline: Pipeline) -> None:
    pipeline.plan["render:s3"] = {"put_object": lambda call: "throttled"}
    pipeline.send(pipeline.upload(photo()), pipeline.upload(photo(3), "picture-2"))
    pipeline.run()
    assert pipeline.keys("") == []
    assert sorted(one["upload"] for one in pipeline.parked("render")) == [f"pictures/{OWNER}/picture-{number}" for number in (1, 2)]
    pipeline.plan.clear()
    assert redrive(pipeline.sqs, pipeline.deployed.urls["media-stages-render-queue-dead-letters"], pipeline.queue("render")) == 2
    pipeline.run()
    assert [pipeline.record(f"picture-{number}")["state"] for number in (1, 2)] == ["ready", "ready"]


def test_records_race_and_the_newer_upload_wins_whatever_comes_last(pipeline: Pipeline) -> None:
    base = {"upload": f"pictures/{OWNER}/picture-1", "format": "png", "width": 1, "height": 1, "frames": 1, "bytes": 1, "renditions": {}}
    newer, older = {**base, "uploaded_at": "2026-11-30T10:00:05Z"}, {**base, "uploaded_at": "2026-11-30T10:00:00Z"}
    late = {"upload": base["upload"], "uploaded_at": newer["uploaded_at"], "refused": "too_expensive"}
    for messages in ([newer, older], [older, newer]):
        pipeline.send(*messages, stage="publish")
        pipeline.run("publish")
        assert pipeline.record()["uploaded_at"] == newer["uploaded_at"]
    # What was published stays: a second delivery that ran out of time takes nothing back.
    pipeline.send(late, stage="publish")
    pipeline.run("publish")
    assert pipeline.record()["state"] == "ready"
    # Somebody writes between the look and the write: the condition fails, and the next try looks again.
    key = f"pictures/{OWNER}/picture-1"
    module = pipeline.module("publish")
    real, before = module.client("s3"), pipeline.s3.head_object(Bucket=pipeline.media, Key=key)

    class Racing:
        def head_object(self, **given: Any) -> Any:
            pipeline.s3.put_object(Bucket=pipeline.media, Key=key, Body=b"{}", Metadata=before["Metadata"])
            return before

        put_object = real.put_object

    setattr(module, "client", lambda _service: Racing())  # noqa: B010 (as above)
    body = json.dumps({**newer, "uploaded_at": "2026-11-30T11:00:00Z"})
    assert module.publish({"Records": [{"messageId": "1", "body": body}]}, None) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def test_an_upload_that_was_replaced_or_deleted_meanwhile_is_left_to_its_successor(pipeline: Pipeline) -> None:
    first = pipeline.upload(photo())
    second = pipeline.upload(encoded(drawn(20, 20), "png"))
    pipeline.send(first)
    pipeline.run()
    assert pipeline.keys("") == []
    pipeline.send(second)
    pipeline.run("check")
    pipeline.s3.delete_object(Bucket=pipeline.uploads, Key=f"pictures/{OWNER}/picture-1")
    pipeline.s3.delete_object(
        Bucket=pipeline.uploads, Key=f"pictures/{OWNER}/picture-1", VersionId=second["detail"]["s3ObjectDetails"]["versionId"]
    )
    pipeline.run("render", "publish")
    pipeline.send(second)
    pipeline.run()
    assert pipeline.keys("") == []
    assert not any(pipeline.parked(stage) for stage in STAGES)


@pytest.mark.parametrize("scan", [None, "THREATS_FOUND", "UNSUPPORTED"])
def test_what_the_scan_has_not_found_clean_is_not_processed_whatever_the_message_says(pipeline: Pipeline, scan: str | None) -> None:
    pipeline.send(pipeline.upload(photo(), scan=scan))
    pipeline.run()
    assert pipeline.keys("") == []
    assert len(pipeline.parked("check")) == 1


@pytest.mark.parametrize("key", ["pictures/picture", "other/a/b", "pictures/a/b/c", "pictures/a/..%2f", f"pictures/{'a' * 65}/b"])
def test_a_message_about_what_is_no_upload_is_parked(pipeline: Pipeline, key: str) -> None:
    pipeline.send({"upload": key})
    pipeline.run("check")
    assert pipeline.parked("check") == [{"upload": key}]


def test_an_event_of_another_bucket_is_parked(pipeline: Pipeline) -> None:
    event = pipeline.upload(photo())
    event["detail"]["s3ObjectDetails"]["bucketName"] = "elsewhere"
    pipeline.send(event)
    pipeline.run("check")
    assert pipeline.parked("check") == [event]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no picture", "unknown_format"),
        (photo()[:-100], "truncated"),
        (photo() + archive(), "foreign_content"),
        (bomb(), "too_many_pixels"),
        (animation("gif", 50, 300), "too_many_frames"),
        (b"\xff\xd8\xff" + b"\0" * (1024 * 1024), "too_large"),
        (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0IEND\xae\x42\x60\x82", "damaged"),
    ],
    ids=["text", "truncated", "polyglot", "bomb", "long", "large", "empty"],
)
def test_a_picture_that_is_refused_has_a_record_with_the_reason_and_no_renditions(
    pipeline: Pipeline, data: bytes, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.send(pipeline.upload(data, owner=owner_of("ada")))
    pipeline.run()
    found = pipeline.record(owner=owner_of("ada"))
    assert (found["state"], found["reason"], "renditions" in found) == ("refused", reason, False)
    assert pipeline.keys("renditions/") == []
    # The upload itself is kept, and the message is not parked: nobody could do anything about it.
    assert pipeline.s3.list_objects_v2(Bucket=pipeline.uploads)["KeyCount"] == 1
    assert not any(pipeline.parked(stage) for stage in STAGES)
    metric = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (metric["Refused"], metric["reason"]) == (1, reason)
    pipeline.indexed()
    status, shown = pipeline.ask("picture-1")
    assert (status, shown["state"], shown["reason"]) == (200, "refused", reason)
    assert shown["message"].endswith(".")


def test_reasons_that_the_program_has_are_those_that_owners_are_shown(pipeline: Pipeline) -> None:
    pipeline.ask()
    shown = load_handler(CODE / "status" / "index.py").REASONS
    assert set(shown) == {"unsafe", *load_handler(CODE / "stages" / "pictures.py").REASONS}


PROGRAMS = {
    "late": ("import time; print('ready', flush=True); time.sleep(60)", "too_expensive"),
    "crash": ("import os; print('ready', flush=True); os.abort()", "damaged"),
    "silent": ("print('ready')", "damaged"),
}


@pytest.mark.parametrize(("program", "reason"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_picture_that_breaks_or_delays_its_process_is_refused_and_breaks_nothing_else(
    pipeline: Pipeline, tmp_path: Path, program: str, reason: str
) -> None:
    (tmp_path / "program.py").write_text(program)
    module = pipeline.module("check")
    setattr(module, "_PROGRAM", tmp_path / "program.py")  # noqa: B010 (as above)
    assert module._picture({"file": "none"}, Context(11_000)) == {"refused": reason}


def test_a_process_that_does_not_start_is_no_fault_of_the_picture(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import no_pillow_here")
    module = pipeline.module("check")
    setattr(module, "_PROGRAM", tmp_path / "program.py")  # noqa: B010 (as above)
    pipeline.send(pipeline.upload(photo()))
    drive_queue(pipeline.sqs, pipeline.queue("check"), module.check, batch_size=1, context=Context(60_000))
    assert len(pipeline.parked("check")) == 1


def test_the_process_that_reads_pictures_has_no_credentials(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import json, os; print('ready'); print(json.dumps(dict(os.environ)))")
    module = pipeline.module("check")
    pipeline.patch.setenv("AWS_SESSION_TOKEN", "token")
    setattr(module, "_PROGRAM", tmp_path / "program.py")  # noqa: B010 (as above)
    seen = module._picture({"file": "none"}, Context(60_000))
    assert not [name for name in seen if name.startswith("AWS") or name in ("UPLOADS", "NEXT_QUEUE_URL", "SETTINGS")]
    assert seen["MALLOC_ARENA_MAX"] == "1"


def test_the_owner_sees_every_state(pipeline: Pipeline) -> None:
    ada, states = owner_of("ada"), {}
    assert pipeline.ask("picture-1") == (404, {"message": "there is no such picture"})
    pipeline.upload(photo(), scan=None, owner=ada)
    states["arrived"] = pipeline.ask("picture-1")
    event = pipeline.upload(photo(), owner=ada)
    states["scanned"] = pipeline.ask("picture-1")
    pipeline.send(event)
    pipeline.run()
    pipeline.indexed()
    states["done"] = pipeline.ask("picture-1")
    pipeline.upload(photo(), "picture-2", scan="THREATS_FOUND", owner=ada)
    states["threat"] = pipeline.ask("picture-2")
    assert [(status, shown["state"]) for status, shown in states.values()] == [
        (200, "scanning"),
        (200, "processing"),
        (200, "ready"),
        (200, "refused"),
    ]
    assert [states[name][1]["late"] for name in ("arrived", "scanned")] == [False, False]
    assert states["threat"][1]["reason"] == "unsafe"
    shown = states["done"][1]
    assert shown["id"] == "picture-1"
    square = shown["renditions"]["square"]
    key = pipeline.record(owner=ada)["renditions"]["square"]["key"]
    assert square["url"] == f"{pipeline.environment('status')['MEDIA_URL']}/{key.removeprefix('renditions/')}"
    assert square["url"].startswith("https://")
    assert (square["content_type"], square["width"], square["height"], square["frames"]) == ("image/jpeg", 40, 40, 1)
    pipeline.s3.delete_object(Bucket=pipeline.uploads, Key=f"pictures/{ada}/picture-2")
    assert pipeline.ask("picture-2")[0] == 404
    pipeline.patch.setitem(pipeline.environment("status"), "LATE_SECONDS", "-1")
    pipeline.upload(photo(), "picture-3", owner=ada)
    assert pipeline.ask("picture-3")[1]["late"] is True


def test_an_owner_sees_their_own_pictures_alone_the_newest_first(pipeline: Pipeline) -> None:
    ada = owner_of("ada")
    for number in range(1, 4):
        pipeline.send(pipeline.upload(encoded(drawn(10 + number, 10), "png"), f"picture-{number}", owner=ada))
    pipeline.run()
    pipeline.indexed()
    status, first = pipeline.ask(limit="2")
    assert (status, len(first["pictures"])) == (200, 2)
    _, second = pipeline.ask(limit="2", token=first["token"])
    assert {one["id"] for one in [*first["pictures"], *second["pictures"]]} == {"picture-1", "picture-2", "picture-3"}
    assert all(one["state"] == "ready" for one in first["pictures"])
    assert pipeline.ask(sub="eve") == (200, {"pictures": [], "token": None})
    assert pipeline.ask("picture-1", sub="eve")[0] == 404
    refusal = (400, {"message": "token is none of a page of this list"})
    assert pipeline.ask(sub="eve", token=first["token"]) == refusal
    assert pipeline.ask(token="nonsense") == refusal
    for limit in ("0", "101", "many"):
        assert pipeline.ask(limit=limit) == (400, {"message": "limit must be a number from 1 to 100"})
    assert pipeline.ask(sub=None) == (401, {"message": "sign in first"})
    assert pipeline.ask("../../secret")[0] == 404


def test_the_index_shows_what_is_there_after_events_in_any_order(pipeline: Pipeline) -> None:
    ada = owner_of("ada")
    for number in range(5):
        data = b"none" if number % 2 else encoded(drawn(10 + number, 10), "png")
        pipeline.send(pipeline.upload(data, f"picture-{number}", owner=ada))
    pipeline.run()
    for seed in range(3):
        pipeline.indexed(seed)
    shown = {one["id"]: one["state"] for one in pipeline.ask()[1]["pictures"]}
    assert shown == {f"picture-{number}": "refused" if number % 2 else "ready" for number in range(5)}


def test_a_bucket_without_versions_works_as_well(pipeline: Pipeline) -> None:
    event = pipeline.upload(photo())
    module = pipeline.module("check")
    key = event["detail"]["s3ObjectDetails"]["objectKey"]
    assert module._upload_of({"detail": {"s3ObjectDetails": {"bucketName": pipeline.uploads, "objectKey": key}}}) == (key, None)
    real = module.client("s3")

    class Plain:
        def get_object_tagging(self, **given: Any) -> Any:
            return {**real.get_object_tagging(**given), "VersionId": "null"}

    setattr(module, "client", lambda _service: Plain())  # noqa: B010 (as above)
    assert module._newest(key, None) is None
