"""moto in process, one request at a time: https://docs.getmoto.org.

Its backends are not thread-safe: of 40 rounds of conditional writes by 16 threads, 10 had not exactly one winner. With a lock around each
request every round has one.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

REGION = "eu-west-1"
_LOCK = threading.RLock()


@contextmanager
def locked_moto(config: Any = None) -> Generator[None]:
    """An empty account on moto, for the time of the block; ``config`` is ``mock_aws``'s."""
    answer = BotocoreStubber.__call__

    def locked(self: BotocoreStubber, *args: Any, **named: Any) -> Any:
        with _LOCK:
            return answer(self, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", locked)
        # The session behind `boto3.client` keeps the credentials that it found first: moto's are not for what comes after.
        patch.setattr(boto3, "DEFAULT_SESSION", None)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        with mock_aws(config=config):
            yield


def client(service: str, **options: Any) -> Any:
    """A client of moto, inside ``locked_moto``."""
    return boto3.client(service, region_name=REGION, **options)
