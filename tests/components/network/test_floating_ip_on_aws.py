"""The function that moves a floating address: only off a failing instance, only to a healthy one, and once."""

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from cloudpatterns.network.floating_ip.on_aws import index

ADDRESS = "eipalloc-1"
A, B = "i-a", "i-b"
ON_A, ON_B = "eni-a", "eni-b"
EVENT = {"source": "aws.cloudwatch"}


class FakeEc2:
    def __init__(self, interface: str | None, checks: dict[str, tuple[str, str]]):
        self.interface = interface
        self.checks = checks
        self.moves: list[str] = []

    def describe_addresses(self, AllocationIds: list[str]) -> dict[str, Any]:
        assert AllocationIds == [ADDRESS]
        return {"Addresses": [{"AllocationId": ADDRESS, **({"NetworkInterfaceId": self.interface} if self.interface else {})}]}

    def describe_instance_status(self, InstanceIds: list[str]) -> dict[str, Any]:
        """Says nothing of instances that do not run."""
        found = [self.checks[one] for one in InstanceIds if one in self.checks]
        return {"InstanceStatuses": [{"InstanceStatus": {"Status": own}, "SystemStatus": {"Status": system}} for own, system in found]}

    def associate_address(self, AllocationId: str, NetworkInterfaceId: str, AllowReassociation: bool) -> None:
        assert (AllocationId, AllowReassociation) == (ADDRESS, True)
        self.interface = NetworkInterfaceId
        self.moves.append(NetworkInterfaceId)


class FakeCloudWatch:
    def __init__(self, states: dict[str, str]):
        self.states = states

    def describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:
        assert (AlarmNames, AlarmTypes) == (["alarm-a", "alarm-b"], ["MetricAlarm"])
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": self.states[name]} for name in AlarmNames if name in self.states]}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [{"instance_id": f"i-{key}", "interface_id": f"eni-{key}", "alarm_name": f"alarm-{key}"} for key in "ab"]
    monkeypatch.setenv("ALLOCATION_ID", ADDRESS)
    monkeypatch.setenv("SERVERS", json.dumps(servers))


GOOD = ("ok", "ok")


def world(interface: str | None, a: str, b: str, checks: dict[str, tuple[str, str]] | None = None) -> tuple[FakeEc2, FakeCloudWatch]:
    states = {"alarm-a": a, "alarm-b": b}
    return FakeEc2(interface, {A: GOOD, B: GOOD} if checks is None else checks), FakeCloudWatch(states)


def run(ec2: FakeEc2, cloudwatch: FakeCloudWatch, event: dict[str, Any] = EVENT) -> dict[str, Any]:
    return index.handler(event, None, ec2, cloudwatch)


@pytest.mark.parametrize(("failing", "healthy", "states", "instance"), [(ON_A, ON_B, ("ALARM", "OK"), B), (ON_B, ON_A, ("OK", "ALARM"), A)])
def test_the_address_moves_off_whichever_instance_fails(failing: str, healthy: str, states: tuple[str, str], instance: str) -> None:
    ec2, cloudwatch = world(failing, *states)
    assert run(ec2, cloudwatch) == {"instance_id": instance, "moved": True}
    assert ec2.moves == [healthy]


def test_a_second_run_finds_nothing_left_to_do() -> None:
    ec2, cloudwatch = world(ON_A, "ALARM", "OK")
    run(ec2, cloudwatch)
    assert run(ec2, cloudwatch) == {"instance_id": B, "moved": False}
    assert ec2.moves == [ON_B]


def test_it_does_not_move_back_when_the_first_recovers_and_follows_when_the_second_fails() -> None:
    ec2, cloudwatch = world(ON_A, "ALARM", "OK")
    run(ec2, cloudwatch)
    cloudwatch.states = {"alarm-a": "OK", "alarm-b": "OK"}
    run(ec2, cloudwatch)
    assert ec2.moves == [ON_B]
    cloudwatch.states["alarm-b"] = "ALARM"
    run(ec2, cloudwatch)
    assert ec2.moves == [ON_B, ON_A]


@pytest.mark.parametrize(
    ("a", "b", "checks"),
    [
        ("OK", "OK", None),
        ("OK", "ALARM", None),
        ("INSUFFICIENT_DATA", "OK", None),
        ("ALARM", "ALARM", None),
        ("ALARM", "INSUFFICIENT_DATA", None),
        ("ALARM", "OK", {A: GOOD}),
        ("ALARM", "OK", {A: GOOD, B: ("initializing", "ok")}),
        ("ALARM", "OK", {A: GOOD, B: ("ok", "impaired")}),
        ("ALARM", "OK", {A: GOOD, B: ("impaired", "impaired")}),
    ],
)
def test_it_stays_unless_its_instance_fails_and_the_other_is_healthy(a: str, b: str, checks: Any) -> None:
    ec2, cloudwatch = world(ON_A, a, b, checks)
    assert run(ec2, cloudwatch) == {"instance_id": A, "moved": False}
    assert ec2.moves == []


def test_an_alarm_that_is_gone_says_nothing() -> None:
    ec2, cloudwatch = world(ON_A, "ALARM", "OK")
    del cloudwatch.states["alarm-b"]
    assert run(ec2, cloudwatch)["moved"] is False
    cloudwatch.states = {"alarm-b": "OK"}
    assert run(ec2, cloudwatch)["moved"] is False


def test_it_waits_for_the_other_to_recover(caplog: pytest.LogCaptureFixture) -> None:
    ec2, cloudwatch = world(ON_A, "ALARM", "ALARM")
    run(ec2, cloudwatch)
    assert caplog.messages == ["i-a fails, and no other instance is healthy"]
    cloudwatch.states["alarm-b"] = "OK"
    assert run(ec2, cloudwatch) == {"instance_id": B, "moved": True}


@pytest.mark.parametrize(("a", "b", "expected"), [("OK", "OK", ON_A), ("ALARM", "OK", ON_B), ("INSUFFICIENT_DATA", "ALARM", None)])
def test_an_address_on_neither_goes_to_a_healthy_one_the_first_before_the_second(a: str, b: str, expected: str | None) -> None:
    ec2, cloudwatch = world(None, a, b)
    result = run(ec2, cloudwatch)
    assert ec2.interface == expected
    assert result == {"instance_id": expected and expected.replace("eni", "i"), "moved": expected is not None}


def test_an_address_on_somebody_elses_interface_is_left_there() -> None:
    ec2, cloudwatch = world("eni-else", "ALARM", "OK")
    with pytest.raises(RuntimeError, match=r"^eipalloc-1 is on eni-else, which is neither instance's; it is left there$"):
        run(ec2, cloudwatch)
    assert ec2.moves == []


def test_by_hand_it_moves_between_healthy_instances() -> None:
    ec2, cloudwatch = world(ON_A, "OK", "OK")
    assert run(ec2, cloudwatch, {"move_to": B}) == {"instance_id": B, "moved": True}
    assert run(ec2, cloudwatch, {"move_to": B}) == {"instance_id": B, "moved": False}
    assert ec2.moves == [ON_B]


@pytest.mark.parametrize(("target", "message"), [(B, "i-b is not healthy; the address stays"), ("i-else", "i-else is neither of i-a, i-b")])
def test_by_hand_it_refuses_what_is_not_healthy_or_unknown(target: str, message: str) -> None:
    ec2, cloudwatch = world(ON_A, "OK", "ALARM")
    with pytest.raises(ValueError, match=f"^{message}$"):
        run(ec2, cloudwatch, {"move_to": target})
    assert ec2.moves == []


def test_in_lambda_the_clients_come_from_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    ec2, cloudwatch = world(ON_A, "ALARM", "OK")
    clients = {"ec2": ec2, "cloudwatch": cloudwatch}
    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=clients.__getitem__))
    assert index.handler(EVENT, None) == {"instance_id": B, "moved": True}
