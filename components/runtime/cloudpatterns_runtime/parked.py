"""Replays the records of a stream that Lambda has given up and parked in a bucket, when the cause of their failure is fixed.

``python -m cloudpatterns_runtime.parked --bucket sales-failed-bucket-4f2a1b`` invokes the function of each object under ``aws/lambda/``
with the records in it, oldest first, and deletes what succeeds. What fails again stays, and is printed; the command then ends with 1. It
may be run again at any time: functions that read streams are idempotent.

An object holds a whole invocation, as Lambda writes it for an on-failure destination in S3:
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-errors.html
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["PREFIX", "Replayed", "replay"]

PREFIX = "aws/lambda/"
"""Where Lambda puts the objects: followed by the event source, the shard and the time."""
_FUNCTION_SECONDS = 900


class Replayed(NamedTuple):
    """What became of one object."""

    key: str
    """Its key in the bucket."""
    records: int
    """Records in it."""
    problem: str
    """Why it is still there; empty: it succeeded, and the object is deleted."""


def replay(
    s3: Any, functions: Any, bucket: str, *, prefix: str = PREFIX, function: str | None = None, dry_run: bool = False
) -> Iterator[Replayed]:
    """Invokes the function of each parked object again, one after the other; what became of each.

    ``s3`` and ``functions`` are boto3's clients of S3 and Lambda; ``client_config`` says what the latter needs. ``function`` is the name
    or ARN of another function than the one that failed. With ``dry_run`` nothing is invoked or deleted.
    """
    for key in sorted(_keys(s3, bucket, prefix), key=_time_of):
        try:
            parked = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            event = json.loads(parked["payload"]) if isinstance(parked["payload"], str) else parked["payload"]
            arn = parked["requestContext"]["functionArn"]
            records = event["Records"]
        except (KeyError, TypeError, ValueError) as error:
            yield Replayed(key, 0, f"is no parked invocation: {error!r}")
            continue
        problem = "not invoked: dry run" if dry_run else _invoke(functions, function or arn.removesuffix(":$LATEST"), event)
        if not problem:
            s3.delete_object(Bucket=bucket, Key=key)
        yield Replayed(key, len(records), problem)


def client_config() -> Any:
    """The configuration of Lambda's client: it waits as long as a function may run, and invokes once."""
    from botocore.config import Config

    return Config(read_timeout=_FUNCTION_SECONDS + 10, retries={"total_max_attempts": 1})


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (entry["Key"] for entry in page.get("Contents", []))


def _time_of(key: str) -> tuple[str, str]:
    """Objects of several shards in the order of their times, which begin their names."""
    return key.rpartition("/")[2], key


def _invoke(functions: Any, function: str, event: Mapping[str, Any]) -> str:
    # No longer than it was: Lambda takes 6 MB.
    try:
        answer = functions.invoke(FunctionName=function, Payload=json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode())
    except Exception as error:
        return f"{function} cannot be invoked: {error}"
    payload = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        # The message may hold values of records; the function's log has it.
        return f"{function} failed: {payload.get('errorType') if isinstance(payload, dict) else answer['FunctionError']}"
    failed = payload.get("batchItemFailures") if isinstance(payload, dict) else None
    return f"{len(failed)} of its records fail in {function}" if failed else ""


def main(arguments: Sequence[str] | None = None, s3: Any = None, functions: Any = None) -> int:
    """Replays records of a stream that failed and are in a bucket; ends with 1 when some fail again."""
    parser = argparse.ArgumentParser(prog="python -m cloudpatterns_runtime.parked", description=main.__doc__)
    parser.add_argument("--bucket", required=True, help="the bucket for failed records")
    parser.add_argument("--prefix", default=PREFIX, help=f"objects to replay (default: {PREFIX}); an event source's is behind it")
    parser.add_argument("--function", help="a function to invoke instead of the one that failed")
    parser.add_argument("--dry-run", action="store_true", help="print what would be replayed, and change nothing")
    given = parser.parse_args(arguments)
    if s3 is None or functions is None:
        import boto3

        s3, functions = boto3.client("s3"), boto3.client("lambda", config=client_config())
    left = 0
    for one in replay(s3, functions, given.bucket, prefix=given.prefix, function=given.function, dry_run=given.dry_run):
        left += bool(one.problem)
        print(f"{one.key}: {one.problem or f'{one.records} records replayed'}", flush=True)
    print(f"{left} left" if left else "nothing is left")
    return 1 if left and not given.dry_run else 0


if __name__ == "__main__":
    sys.exit(main())
