"""Sums the orders of a day by product, in a job that can be tried again whole.

The input is read alone: CSV files under ``<INPUT_PREFIX><day>/`` with the columns ``product`` and ``amount``. Each attempt writes its parts
under a prefix of its own. The last step publishes them: one object that names the parts, created only if it is not there yet. So a reader
sees all of a share or nothing, a lost worker leaves parts that nobody reads, and of two attempts at the same time one counts.

As an array job, each child sums the files of its share.
"""

import csv
import io
import json
import os
import signal
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

import boto3
from botocore.exceptions import ClientError

_ENDED_BY_SIGTERM = 128 + signal.SIGTERM


def day_before(scheduled_time: str) -> str:
    """The day that a run sums: it follows from the time of the schedule, so that a retry after midnight sums the same one."""
    return str((datetime.fromisoformat(scheduled_time) - timedelta(days=1)).date())


def run(s3: Any, scheduled_time: str, environment: Mapping[str, str], say: Callable[[str], object] = print) -> str:
    """Sums the share of this child, and publishes it; the key of what is published."""
    day = day_before(scheduled_time)
    index, size = int(environment.get("AWS_BATCH_JOB_ARRAY_INDEX", "0")), int(environment.get("AWS_BATCH_JOB_ARRAY_SIZE", "1"))
    bucket, prefix = environment["OUTPUT_BUCKET"], environment.get("OUTPUT_PREFIX", "")
    published = f"{prefix}published/{day}/{index}-of-{size}.json"
    if _exists(s3, bucket, published):
        say(f"{published} is there: an earlier attempt published it")
        return published
    attempt = f"{prefix}attempts/{day}/{index}-of-{size}/{environment['AWS_BATCH_JOB_ID']}/{environment['AWS_BATCH_JOB_ATTEMPT']}"
    parts = []
    for key in _share(s3, environment["INPUT_BUCKET"], f"{environment.get('INPUT_PREFIX', '')}{day}/", index, size):
        sums = _sums(s3.get_object(Bucket=environment["INPUT_BUCKET"], Key=key)["Body"].read().decode())
        part = f"{attempt}/part-{len(parts):05}.json"
        s3.put_object(Bucket=bucket, Key=part, Body=json.dumps(sums, sort_keys=True).encode(), ContentType="application/json")
        parts.append(part)
        say(f"{key} -> {part}")
    _publish(s3, bucket, published, parts, say)
    return published


def _exists(s3: Any, bucket: str, key: str) -> bool:
    return any(found["Key"] == key for found in s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents", []))


def _share(s3: Any, bucket: str, prefix: str, index: int, size: int) -> Iterator[str]:
    """The keys that this child processes: the same ones in each attempt."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            if zlib.crc32(found["Key"].encode()) % size == index:
                yield found["Key"]


def _sums(text: str) -> dict[str, str]:
    sums: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(text)):
        sums[row["product"]] += Decimal(row["amount"])  # ty: ignore[invalid-assignment]
    return {product: str(amount) for product, amount in sums.items()}


def _publish(s3: Any, bucket: str, key: str, parts: list[str], say: Callable[[str], object]) -> None:
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"parts": parts}).encode(), ContentType="application/json", IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise
        say(f"{key} is there: another attempt published it first")
    else:
        say(f"published {key}")


def _end(number: int, frame: Any) -> NoReturn:
    # Fargate Spot takes the worker. With the code 0 the job would count as done.
    sys.exit(_ENDED_BY_SIGTERM)


def main() -> None:
    """The container's command: ``python job.py 2026-11-30T02:00:00Z``."""
    signal.signal(signal.SIGTERM, _end)
    run(boto3.client("s3"), sys.argv[1], os.environ, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
