import io
import json
from typing import Any

import pytest
from cloudpatterns_runtime.parked import Replayed, main, replay

from tests.emulators.locked_moto import client

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
SHARD = "aws/lambda/uuid-1/shardId-1"
POISON, LATE = f"{SHARD}/2026/11/29/2026-11-29T08.00.00-a", f"{SHARD}/2026/11/30/2026-11-30T08.00.00-b"
FIRST = "aws/lambda/uuid-1/shardId-2/2026/11/28/2026-11-28T08.00.00-c"


class Functions:
    """Lambda, with one function that fails on poison as the test says."""

    def __init__(self) -> None:
        self.invoked: list[tuple[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        event = json.loads(Payload)
        self.invoked.append((FunctionName, event))
        answer = self.answers.get(event["Records"][0], {"result": {"batchItemFailures": []}})
        if "raise" in answer:
            raise RuntimeError(answer["raise"])
        error = {"FunctionError": "Unhandled"} if answer.get("error") else {}
        return {"Payload": io.BytesIO(json.dumps(answer["result"]).encode()), **error}


@pytest.fixture
def s3(moto_account: None) -> Any:
    s3 = client("s3")
    s3.create_bucket(Bucket="failed", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key, records in ((LATE, ["late"]), (POISON, ["poison", "more"]), (FIRST, ["first"])):
        body = {"requestContext": {"functionArn": f"{ARN}:$LATEST"}, "payload": json.dumps({"Records": records})}
        s3.put_object(Bucket="failed", Key=key, Body=json.dumps(body).encode())
    return s3


def keys(s3: Any) -> list[str]:
    return sorted(entry["Key"] for entry in s3.list_objects_v2(Bucket="failed").get("Contents", []))


def test_parked_records_are_replayed_oldest_first_and_what_fails_again_stays_whole(s3: Any) -> None:
    functions = Functions()
    functions.answers["poison"] = {"result": {"batchItemFailures": [{"itemIdentifier": "1"}]}}
    assert list(replay(s3, functions, "failed")) == [
        Replayed(FIRST, 1, ""),
        Replayed(POISON, 2, f"1 of its records fail in {ARN}"),
        Replayed(LATE, 1, ""),
    ]
    assert functions.invoked == [(ARN, {"Records": records}) for records in (["first"], ["poison", "more"], ["late"])]
    assert keys(s3) == [POISON]
    functions.answers.clear()
    assert list(replay(s3, functions, "failed", function="orders:live")) == [Replayed(POISON, 2, "")]
    assert functions.invoked[-1][0] == "orders:live"
    assert keys(s3) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"result": {"errorType": "KeyError", "errorMessage": "'4111'"}, "error": True}, f"{ARN} failed: KeyError"),
        ({"result": None, "error": True}, f"{ARN} failed: Unhandled"),
        ({"raise": "ResourceNotFoundException"}, f"{ARN} cannot be invoked: ResourceNotFoundException"),
    ],
)
def test_a_function_that_fails_keeps_its_records_and_the_message_has_none_of_their_values(
    s3: Any, answer: dict[str, Any], problem: str
) -> None:
    functions = Functions()
    functions.answers["poison"] = answer
    assert [one.problem for one in replay(s3, functions, "failed")] == ["", problem, ""]
    assert keys(s3) == [POISON]


def test_what_is_no_parked_invocation_stays(s3: Any) -> None:
    s3.put_object(Bucket="failed", Key="aws/lambda/other", Body=b"{}")
    [other, *_] = [one for one in replay(s3, Functions(), "failed") if one.problem]
    assert other == Replayed("aws/lambda/other", 0, "is no parked invocation: KeyError('payload')")
    assert keys(s3) == ["aws/lambda/other"]


def test_the_command_says_what_is_left(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    functions = Functions()
    assert main(["--bucket", "failed", "--dry-run"], s3, functions) == 0
    assert functions.invoked == []
    assert capsys.readouterr().out.splitlines() == [
        *(f"{key}: not invoked: dry run" for key in (FIRST, POISON, LATE)),
        "3 left",
    ]
    functions.answers["poison"] = {"raise": "no"}
    assert main(["--bucket", "failed", "--prefix", SHARD], s3, functions) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == [f"{LATE}: 1 records replayed", "1 left"]
    functions.answers.clear()
    assert main(["--bucket", "failed"], s3, functions) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing is left"
