"""What all tests share."""

import gc
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from offline_preview import children

from tests import forking
from tests.emulators.instance import Account, Instance, account, cli_missing, pretended
from tests.emulators.locked_moto import locked_moto
from tests.emulators.ministack import MiniStack, ministack, missing

# Machines are shared and noisy: how long an example takes says nothing about what it proves.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# The SDK and the tests are a million objects that all stay. To look for garbage among them again and again takes an eighth of the time.
gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
    # The program freezes as well; each run in this process would keep the garbage of the tests before it for good, gigabytes in the end.
    setattr(gc, "freeze", lambda: None)  # noqa: B010 (its type is that of the built-in function)


@pytest.fixture(scope="session", autouse=True)
def forked_children() -> Generator[None]:
    """The children of the offline preview are forks of a process that has loaded the SDK, see ``tests.forking``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "subprocess", forking.Subprocess())
        yield
    # Waited for: with coverage, the server writes down at its end what it has run.
    forking.stop()


_SIGNALS = tuple(getattr(signal, name) for name in ("SIGPIPE", "SIGTERM", "SIGINT") if hasattr(signal, name))


@pytest.fixture(autouse=True)
def signals_stay() -> Generator[None]:
    """A test that changes what a signal does to this process ends it in another test, which then looks guilty."""
    before = [signal.getsignal(number) for number in _SIGNALS]
    yield
    after = [signal.getsignal(number) for number in _SIGNALS]
    for number, handler in zip(_SIGNALS, before, strict=True):
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)
    assert after == before, "the test changed the handler of a signal"


@pytest.fixture
def started_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """The children of the offline preview are started as they are for a user, each in a new interpreter."""
    monkeypatch.setattr(children, "subprocess", subprocess)


@pytest.fixture
def moto_account() -> Generator[None]:
    """An empty account on moto, one request at a time."""
    with locked_moto():
        yield


@pytest.fixture(scope="session")
def emulator() -> Generator[MiniStack]:
    """MiniStack, one server for all tests of this process: names must be unique to the test."""
    if reason := missing():
        pytest.skip(reason)
    with ministack() as server:
        yield server


@pytest.fixture(scope="session")
def account_server() -> Generator[Account]:
    """AWS over HTTP for pretended instances, one server for all tests of this process."""
    with account() as server:
        yield server


@pytest.fixture
def instance(tmp_path: Path, account_server: Account) -> Generator[Instance]:
    """A pretended instance in an empty account, with the real AWS CLI."""
    if sys.platform != "linux":
        pytest.skip("boot scripts are for Amazon Linux")
    if reason := cli_missing():
        pytest.skip(reason)
    account_server.reset()
    with pretended(tmp_path / "instance", account_server) as pretence:
        yield pretence
