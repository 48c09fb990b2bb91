"""The function that moves a floating address: only off a failing instance, only to a healthy one, and once."""

import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cloudpatterns.network.floating_ip.on_aws import index

ADDRESS = "eipalloc-1"
A, B = "i-a", "i-b"
ON_A, ON_B = "eni-a", "eni-b"
EVENT = {"source": "aws.cloudwatch"}


class NotFound(Exception):
    """As botocore's ClientError."""

    response = {"Error": {"Code": "InvalidInstanceID.NotFound"}}


class FakeEc2:
    def __init__(self, interface: str | None, checks: dict[str, tuple[str, str]]):
        self.interface = interface
        self.checks = checks
        self.states: dict[str, str] = {}
        self.moves: list[str] = []

    def describe_addresses(self, AllocationIds: list[str]) -> dict[str, Any]:
        assert AllocationIds == [ADDRESS]
        return {"Addresses": [{"AllocationId": ADDRESS, **({"NetworkInterfaceId": self.interface} if self.interface else {})}]}

    def describe_instance_status(self, InstanceIds: list[str], IncludeAllInstances: bool) -> dict[str, Any]:
        assert IncludeAllInstances is True
        [instance] = InstanceIds
        if instance not in self.checks:
            raise NotFound
        state = self.states.get(instance, "running")
        own, system = self.checks[instance] if state == "running" else ("not-applicable", "not-applicable")
        status = {"InstanceState": {"Name": state}, "InstanceStatus": {"Status": own}, "SystemStatus": {"Status": system}}
        return {"InstanceStatuses": [status]}

    def associate_address(self, AllocationId: str, NetworkInterfaceId: str, AllowReassociation: bool) -> None:
        assert (AllocationId, AllowReassociation) == (ADDRESS, True)
        self.interface = NetworkInterfaceId
        self.moves.append(NetworkInterfaceId)


class FakeCloudWatch:
    def __init__(self, states: dict[str, str], points: dict[str, list[datetime]] | None = None):
        self.states = states
        self.points = points or {}

    def describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:
        assert (AlarmNames, AlarmTypes) == (["alarm-a", "alarm-b"], ["MetricAlarm"])
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": self.states[name]} for name in AlarmNames if name in self.states]}

    def get_metric_statistics(
        self, *, Dimensions: list[dict[str, str]], StartTime: datetime, EndTime: datetime, **request: Any
    ) -> dict[str, Any]:
        assert request == {"Namespace": "Shop", "MetricName": "Heartbeat", "Period": 60, "Statistics": ["SampleCount"]}
        [dimension] = Dimensions
        assert dimension["Name"] == "InstanceId"
        minutes = {point.replace(second=0) for point in self.points[dimension["Value"]]}
        return {"Datapoints": [{"Timestamp": minute} for minute in sorted(minutes) if StartTime <= minute < EndTime]}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [{"instance_id": f"i-{key}", "interface_id": f"eni-{key}", "alarm_name": f"alarm-{key}"} for key in "ab"]
    monkeypatch.setenv("ALLOCATION_ID", ADDRESS)
    monkeypatch.setenv("SERVERS", json.dumps(servers))


GOOD = ("ok", "ok")


def world(interface: str | None, a: str, b: str, checks: dict[str, tuple[str, str]] | None = None) -> tuple[FakeEc2, FakeCloudWatch]:
    states = {"alarm-a": a, "alarm-b": b}
    return FakeEc2(interface, {A: GOOD, B: GOOD} if checks is None else checks), FakeCloudWatch(states)


def run(ec2: FakeEc2, cloudwatch: FakeCloudWatch, event: dict[str, Any] = EVENT, now: datetime | None = None) -> dict[str, Any]:
    return index.handler(event, None, ec2, cloudwatch, now)


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
        ("OK", "OK", {A: ("initializing", "initializing"), B: GOOD}),
        ("OK", "OK", {A: ("insufficient-data", "insufficient-data"), B: GOOD}),
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


@pytest.mark.parametrize("state", ["pending", "stopping", "stopped", "shutting-down", "terminated", "gone"])
def test_an_instance_that_does_not_run_loses_the_address_before_its_alarm_fires(state: str, caplog: pytest.LogCaptureFixture) -> None:
    ec2, cloudwatch = world(ON_A, "OK", "OK")
    ec2.states[A] = state
    if state == "gone":
        del ec2.checks[A]
    assert run(ec2, cloudwatch) == {"instance_id": B, "moved": True}
    assert caplog.messages[0] == f"i-a is {state}"
    assert run(ec2, cloudwatch) == {"instance_id": B, "moved": False}


@pytest.mark.parametrize("checks", [("impaired", "ok"), ("ok", "impaired"), ("impaired", "impaired")])
def test_an_instance_that_fails_ec2s_checks_loses_the_address_before_its_alarm_fires(checks: tuple[str, str]) -> None:
    ec2, cloudwatch = world(ON_A, "OK", "OK", {A: checks, B: GOOD})
    assert run(ec2, cloudwatch) == {"instance_id": B, "moved": True}


def test_other_errors_of_ec2_are_errors_of_the_function() -> None:
    class Denied(FakeEc2):
        def describe_instance_status(self, InstanceIds: list[str], IncludeAllInstances: bool) -> dict[str, Any]:
            raise PermissionError

    _, cloudwatch = world(ON_A, "OK", "OK")
    with pytest.raises(PermissionError):
        run(Denied(ON_A, {}), cloudwatch)


# --- how long a failover takes, on a simulated clock ---

START = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC)
HEALTH_METRIC = {"namespace": "Shop", "metric_name": "Heartbeat", "failover_minutes": 2}


def seconds_to_failover(fault: str, *, phase: int, event: bool = True) -> int:
    """Seconds from the fault of A, three minutes after START, until the address is on B.

    The schedule runs the function every minute at ``phase`` seconds, and EC2's event, where it is not lost, two seconds after the state
    changes. EC2 reports failed status checks after two minutes. CloudWatch takes five minutes to raise an alarm on data that stop. Each
    instance sends its metric at 50 seconds past the minute.
    """
    ec2, cloudwatch = world(ON_A, "OK", "OK")
    failed = START + timedelta(minutes=3)
    beats = [START + timedelta(minutes=minute, seconds=50) for minute in range(-10, 20)]
    for elapsed in range(1, 20 * 60):
        now = START + timedelta(seconds=elapsed)
        since = (now - failed).total_seconds()
        if since >= 0 and fault in ("stopping", "terminated"):
            ec2.states[A] = fault
        if since >= 120 and fault == "impaired":
            ec2.checks[A] = ("impaired", "ok")
        if since >= 5 * 60:
            cloudwatch.states["alarm-a"] = "ALARM"
        cloudwatch.points = {
            B: [beat for beat in beats if beat <= now],
            A: [beat for beat in beats if beat <= (now if fault != "silent" else min(now, failed))],
        }
        if now.second == phase or (event and since == 2):
            run(ec2, cloudwatch, now=now)
        if ec2.moves:
            assert ec2.moves == [ON_B]
            return int(since)
    return -1


PHASES = [0, 1, 17, 30, 45, 59]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("fault", ["stopping", "terminated"])
def test_a_failover_from_an_instance_that_stops_takes_seconds_and_without_the_event_a_minute(fault: str, phase: int) -> None:
    assert seconds_to_failover(fault, phase=phase) <= 2
    assert 0 <= seconds_to_failover(fault, phase=phase, event=False) <= 60


@pytest.mark.parametrize("phase", PHASES)
def test_a_failover_from_an_instance_that_hangs_takes_a_minute_more_than_ec2(phase: int) -> None:
    assert 120 <= seconds_to_failover("impaired", phase=phase) < 180


@pytest.mark.parametrize("minutes", [1, 2, 5])
@pytest.mark.parametrize("phase", PHASES)
def test_a_failover_from_a_silent_instance_takes_the_minutes_given_and_up_to_two_more(
    phase: int, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_METRIC", json.dumps({**HEALTH_METRIC, "failover_minutes": minutes}))
    # The alarm comes after five minutes, whatever the function hears.
    assert min(minutes * 60, 300) <= seconds_to_failover("silent", phase=phase) <= (minutes + 2) * 60


@pytest.mark.parametrize("phase", PHASES)
def test_a_metric_that_arrives_every_minute_is_never_silent(phase: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEALTH_METRIC", json.dumps({**HEALTH_METRIC, "failover_minutes": 1}))
    ec2, cloudwatch = world(ON_A, "OK", "OK")
    for minute in range(5):
        now = START + timedelta(minutes=minute, seconds=phase)
        beats = [START + timedelta(minutes=sent, seconds=50) for sent in range(-5, minute)]
        cloudwatch.points = {A: beats, B: beats}
        assert run(ec2, cloudwatch, now=now)["moved"] is False


def test_while_cloudwatch_has_no_data_of_either_the_address_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HEALTH_METRIC", json.dumps(HEALTH_METRIC))
    ec2, cloudwatch = world(ON_A, "OK", "OK")
    cloudwatch.points = {A: [], B: []}
    assert run(ec2, cloudwatch, now=START) == {"instance_id": A, "moved": False}
    assert caplog.messages == ["i-a sends no data, and no other instance is healthy"]


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
