"""The programs of ``examples/container_service`` and ``examples/container_worker``, as processes that get SIGTERM."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.emulators.instance import Account
from tests.program import ROOT

SHOP = ROOT / "examples/container_service/app/shop.py"
WORKER = ROOT / "examples/container_worker/app/worker.py"
SLOW_SECONDS = "1"


@contextmanager
def running(program: Any, **variables: str) -> Generator[subprocess.Popen[str]]:
    runtime = str(ROOT / "components/runtime")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": runtime, "PYTHONUNBUFFERED": "1", **variables}
    process = subprocess.Popen([sys.executable, str(program)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line.strip()
    raise AssertionError(f"the program ended without {text}")


def test_the_shop_answers_and_ends_at_sigterm() -> None:
    with running(SHOP, PORT="0") as shop:
        port = until(shop, "listens on").rpartition(" ")[2]
        for path, body in (("/healthz", b"ok\n"), ("/", b"Welcome to the shop.\n")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                assert (answer.status, answer.read()) == (200, body)
        shop.send_signal(signal.SIGTERM)
        assert until(shop, "ended") == "ended"
        assert shop.wait(20) == 0


@pytest.fixture
def aws(account_server: Account) -> Account:
    account_server.reset()
    return account_server


def polling(aws: Account, **variables: str) -> AbstractContextManager[subprocess.Popen[str]]:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_DEFAULT_REGION": "eu-west-1"}
    return running(WORKER, AWS_ENDPOINT_URL=aws.url, **keys, **variables)


def left(sqs: Any, url: str) -> list[int]:
    """Messages that wait, and those that somebody has."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return [int(found[name]) for name in names]


def test_the_worker_ends_what_it_has_begun_at_sigterm_and_takes_nothing_more(aws: Account) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="labels")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="1")
    with polling(aws, QUEUE_URL=url, WORK_SECONDS=SLOW_SECONDS) as worker:
        until(worker, "polls")
        deadline = time.monotonic() + 20
        while left(sqs, url) != [0, 1] and time.monotonic() < deadline:
            time.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        assert until(worker, "done") == "INFO done 1"
        assert until(worker, "ended") == "INFO ended"
        assert worker.wait(20) == 0
    assert left(sqs, url) == [0, 0]


def test_the_worker_leaves_a_message_that_fails_to_the_queue(aws: Account) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="labels", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    for body in ("four", "2"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    with polling(aws, QUEUE_URL=url) as worker:
        until(worker, "done 2")
        worker.send_signal(signal.SIGTERM)
        until(worker, "INFO ended")
    assert sum(left(sqs, url)) == 1


def test_the_worker_polls_queues_by_priority_as_the_parameter_says(aws: Account) -> None:
    sqs = aws.client("sqs")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("interactive", "nightly")]
    for url, body in zip(urls, ("1", "2"), strict=True):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    settings = {"queue_urls": urls, "share_every": 10, "visibility_seconds": 60, "most_seconds": 3600}
    aws.parameter("settings", json.dumps(settings), "String")
    with polling(aws, PRIORITY_SETTINGS_PARAMETER="settings") as worker:
        assert [until(worker, "done"), until(worker, "done")] == ["INFO done 1", "INFO done 2"]
        worker.send_signal(signal.SIGTERM)
        until(worker, "INFO ended")
        assert worker.wait(20) == 0
