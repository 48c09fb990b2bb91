"""Copies the items of a write table, or some of their attributes, into a read table: a projection without code of the user's."""

import functools
from collections.abc import Mapping
from typing import Any

import boto3
from cloudpatterns_runtime.projection import Projection


@functools.cache
def projection() -> Projection:
    """The projection that the environment describes, kept between invocations."""
    return Projection.from_environment(boto3.client("dynamodb"))


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The entry point: the answer names the records that failed."""
    return projection().handle(event)
