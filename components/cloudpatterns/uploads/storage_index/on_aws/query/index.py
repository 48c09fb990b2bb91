"""Answers queries from the index: ``{"folder": "photos/ada/", "newest_first": true}`` and others, see ``StorageIndex.answer``."""

import functools
from collections.abc import Mapping
from typing import Any

import boto3
from cloudpatterns_runtime.storage_index import StorageIndex


@functools.cache
def index() -> StorageIndex:
    """The index that the environment names, kept between invocations."""
    return StorageIndex.from_environment(boto3.client("dynamodb"))


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The entry point: entries, and the token of the next page."""
    return index().answer(event)
