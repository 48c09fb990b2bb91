"""Keeps the index of a bucket from the messages of its queue: events of the bucket, keys to look at, and pages of re-index jobs."""

import functools
from collections.abc import Mapping
from typing import Any

import boto3
from cloudpatterns_runtime.storage_index import Indexer


@functools.cache
def indexer() -> Indexer:
    """The indexer that the environment describes, kept between invocations."""
    return Indexer.from_environment(boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sqs"))


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The entry point: the answer names the messages that failed."""
    return indexer().handle(event)
