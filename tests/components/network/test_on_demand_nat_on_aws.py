"""The runbook's script: when an instance opened by hand closes, and that its stop is scheduled before it starts."""

import json
import sys
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from cloudpatterns.network.on_demand_nat.on_aws import open_by_hand
from cloudpatterns.network.on_demand_nat.on_aws.open_by_hand import Closing, closing_time, open_for_minutes
from hypothesis import given
from hypothesis import strategies as st

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
PATCH = {"days": ["TUE"], "start": "02:00", "minutes": 120}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def closes(now: str, minutes: int, *windows: dict[str, Any], extra: tuple[dict[str, Any], ...] = (), zone: Any = UTC) -> str:
    return f"{closing_time(utc(now), minutes, windows, extra, zone).at:%a %H:%M}"


# 2026-11-24 is a Tuesday.
@pytest.mark.parametrize(
    ("now", "minutes", "at"),
    [
        ("2026-11-24 12:00:30", 60, "Tue 13:01"),  # far from the window: rounded up to a whole minute
        ("2026-11-24 01:00:00", 30, "Tue 01:31"),  # over before it
        ("2026-11-24 01:00:00", 57, "Tue 04:00"),  # two minutes before it counts as inside
        ("2026-11-24 01:00:00", 90, "Tue 04:00"),  # would end inside: closes with it
        ("2026-11-24 02:30:00", 10, "Tue 04:00"),  # opened and over inside
        ("2026-11-24 03:30:00", 60, "Tue 04:00"),  # the window's own stop comes first
        ("2026-11-24 01:00:00", 300, "Tue 04:00"),  # spans the window
        ("2026-11-24 04:01:10", 60, "Tue 05:02"),  # just after it
        ("2026-11-23 23:00:00", 60, "Tue 00:01"),  # over midnight
    ],
)
def test_it_closes_in_time_and_never_inside_a_window(now: str, minutes: int, at: str) -> None:
    assert closes(now, minutes, PATCH) == at


def test_a_window_over_midnight_counts_on_the_next_day() -> None:
    night = {"days": ["MON"], "start": "23:00", "minutes": 120}
    assert closes("2026-11-24 00:10:00", 5, night) == "Tue 01:00"
    assert closes("2026-11-24 00:10:00", 5, {**night, "days": ["TUE"]}) == "Tue 00:16"


def test_windows_are_in_their_time_zone_and_its_summer_time() -> None:
    assert closes("2026-11-24 01:30:00", 5, PATCH, zone=BERLIN) == "Tue 03:00"
    assert closes("2026-07-07 01:30:00", 5, PATCH, zone=BERLIN) == "Tue 02:00"


def test_stops_beside_the_windows_come_first_too() -> None:
    assert closes("2026-11-24 04:10:00", 120, PATCH, extra=({"days": ["TUE"], "start": "05:00"},)) == "Tue 05:00"


@pytest.mark.parametrize("now", ["2026-11-24 03:57:01", "2026-11-24 03:59:50", "2026-11-24 04:00:40"])
def test_it_does_not_open_into_a_stop_that_is_about_to_run(now: str) -> None:
    with pytest.raises(ValueError, match="a scheduled stop runs at 04:00 UTC; start this runbook again after 04:02 UTC"):
        closes(now, 30, PATCH)


@pytest.mark.parametrize("minutes", [4, 721])
def test_minutes_out_of_range_are_refused(minutes: int) -> None:
    with pytest.raises(ValueError, match=f"Minutes is {minutes}; it must be 5 to 720"):
        closes("2026-11-24 12:00:00", minutes, PATCH)


@pytest.mark.parametrize(
    ("now", "minutes", "retry"),
    [
        ("2026-11-24 12:00:00", 60, 86_400),  # a day at most
        ("2026-11-24 00:00:00", 5, 57 * 60),  # half of the 114 minutes from 00:06 to 02:00
        ("2026-11-24 01:51:00", 5, 90),
    ],
)
def test_a_failing_stop_is_never_tried_into_a_window(now: str, minutes: int, retry: int) -> None:
    assert closing_time(utc(now), minutes, [PATCH], [], UTC).retry_seconds == retry


def test_a_window_that_ends_right_before_another_closes_with_that_one() -> None:
    soon = [PATCH, {"days": ["TUE"], "start": "04:01", "minutes": 60}]
    assert closing_time(utc("2026-11-24 03:00:00"), 60, soon, [], UTC) == Closing(utc("2026-11-24 05:01:00"), 86_400)


@given(
    st.integers(0, 7 * 1440 - 1),
    st.integers(5, 720),
    st.integers(0, 1439),
    st.integers(1, 1439),
    st.sets(st.sampled_from(DAILY), min_size=1),
)
def test_no_stop_ever_falls_inside_a_window(at: int, minutes: int, start: int, length: int, days: set[str]) -> None:
    window = {"days": sorted(days), "start": f"{start // 60:02}:{start % 60:02}", "minutes": length}
    now = utc("2026-11-23 00:00:00") + timedelta(minutes=at)
    try:
        closing = closing_time(now, minutes, [window], [], UTC).at
    except ValueError:
        return
    assert now < closing
    week = int((closing - utc("2026-11-23 00:00:00")).total_seconds() // 60)
    for day in days:
        assert not 0 <= (week - DAILY.index(day) * 1440 - start) % (7 * 1440) < length


class Recorder:
    """Stands in for both clients, notes the calls in order, and may have the schedule already."""

    class Conflict(Exception):
        """The schedule is there."""

    class exceptions:
        """As boto3 gives them."""

        ConflictException: type[Exception]

    exceptions.ConflictException = Conflict

    def __init__(self, there: bool = False) -> None:
        self.there, self.calls = there, []

    def create_schedule(self, **request: Any) -> None:
        if self.there:
            raise self.Conflict
        self.calls.append(("create", request))

    def update_schedule(self, **request: Any) -> None:
        self.calls.append(("update", request))

    def start_instances(self, **request: Any) -> None:
        self.calls.append(("start", request))


EVENTS = {
    "minutes": "30",
    "instance_id": "i-0a",
    "schedule_name": "opened-by-hand",
    "schedule_group_name": "nat-windows",
    "schedule_role_arn": "arn:aws:iam::123456789012:role/windows",
    "stop_target_arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances",
    "time_zone": "Europe/Berlin",
    "windows": [PATCH],
    "extra_stops": [],
}


@pytest.mark.parametrize(("there", "how"), [(False, "create"), (True, "update")])
def test_the_stop_is_scheduled_before_the_instance_starts(there: bool, how: str) -> None:
    aws = Recorder(there)
    assert open_for_minutes(EVENTS, utc("2026-11-24 12:00:00"), aws, aws) == {
        "closes_at": "2026-11-24T12:31:00Z",
        "started_at": "2026-11-24T12:00:00Z",
    }
    (first, schedule), second = aws.calls
    assert (first, second) == (how, ("start", {"InstanceIds": ["i-0a"]}))
    target = schedule.pop("Target")
    assert schedule == {
        "Name": "opened-by-hand",
        "GroupName": "nat-windows",
        "Description": "Closes the NAT instance that was opened by hand",
        "ScheduleExpression": "at(2026-11-24T12:31:00)",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
    }
    assert (target["Arn"], target["RoleArn"]) == (EVENTS["stop_target_arn"], EVENTS["schedule_role_arn"])
    assert json.loads(target["Input"]) == {"InstanceIds": ["i-0a"]}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_nothing_is_started_when_the_stop_cannot_be_scheduled() -> None:
    class Denied(Recorder):
        def create_schedule(self, **request: Any) -> None:
            raise PermissionError

    aws = Denied()
    with pytest.raises(PermissionError):
        open_for_minutes(EVENTS, utc("2026-11-24 12:00:00"), aws, aws)
    assert aws.calls == []


def test_the_handler_takes_its_clients_from_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    aws, asked = Recorder(), []
    module = ModuleType("boto3")
    module.__dict__["client"] = lambda name: asked.append(name) or aws
    monkeypatch.setitem(sys.modules, "boto3", module)
    always = {**EVENTS, "windows": [], "extra_stops": []}
    assert open_by_hand.handler(always, None).keys() == {"closes_at", "started_at"}
    assert (asked, [name for name, _ in aws.calls]) == (["scheduler", "ec2"], ["create", "start"])


class Metrics:
    """CloudWatch with the data points of one instance, and a clock that only ``sleep`` moves."""

    def __init__(self, now: str, *points: str) -> None:
        self.time, self.points, self.asked = utc(now), [utc(point) for point in points], []

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def get_metric_statistics(self, *, StartTime: datetime, EndTime: datetime, **request: Any) -> dict[str, Any]:
        assert StartTime < EndTime
        self.asked.append(request)
        # CloudWatch shows what has been published, by its minute.
        there = [point.replace(second=0) for point in self.points if point <= self.time]
        return {"Datapoints": [{"Timestamp": minute, "SampleCount": 1.0} for minute in there if StartTime <= minute < EndTime]}


BEAT = {"instance_id": "i-0a", "namespace": "CloudPatterns/NatInstance", "metric_name": "Heartbeat"}
BEAT |= {"started_at": "2026-11-24T12:00:20Z", "closes_at": "2026-11-24T12:31:00Z"}


def first_heartbeat(metrics: Metrics) -> dict[str, str]:
    return open_by_hand.first_heartbeat(BEAT, metrics, metrics.now, metrics.sleep)


def test_the_nat_is_open_once_its_heartbeat_came() -> None:
    metrics = Metrics("2026-11-24 12:00:40", "2026-11-24 12:02:01", "2026-11-24 12:03:01")
    assert first_heartbeat(metrics) == {"forwards_since": "2026-11-24T12:02:00Z"}
    assert metrics.now() == utc("2026-11-24 12:02:10")
    assert metrics.asked[0] == {
        "Namespace": "CloudPatterns/NatInstance",
        "MetricName": "Heartbeat",
        "Dimensions": [{"Name": "InstanceId", "Value": "i-0a"}],
        "Period": 60,
        "Statistics": ["SampleCount"],
    }


def test_a_heartbeat_of_the_run_before_does_not_count() -> None:
    metrics = Metrics("2026-11-24 12:00:40", "2026-11-24 11:59:01", "2026-11-24 12:00:01")
    with pytest.raises(RuntimeError, match=r"^i-0a was started and does not report that it forwards packets; it stops at 2026-11-24T12:31"):
        first_heartbeat(metrics)
    # Within the ten minutes that Systems Manager gives a script.
    assert metrics.now() - utc("2026-11-24 12:00:40") == timedelta(minutes=9)


def test_the_last_step_takes_its_client_from_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    started = f"{datetime.now(UTC) - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    metrics = Metrics(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}", f"{datetime.now(UTC) - timedelta(minutes=2):%Y-%m-%d %H:%M:%S}")
    module = ModuleType("boto3")
    module.__dict__["client"] = {"cloudwatch": metrics}.__getitem__
    monkeypatch.setitem(sys.modules, "boto3", module)
    assert open_by_hand.wait_for_heartbeat({**BEAT, "started_at": started}, None).keys() == {"forwards_since"}


def test_time_zones_come_from_dateutil_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> ZoneInfo:
        raise ZoneInfoNotFoundError(name)

    module = ModuleType("dateutil.zoneinfo")
    module.__dict__["get_zonefile_instance"] = lambda: {"Europe/Berlin": BERLIN}
    monkeypatch.setitem(sys.modules, "dateutil", ModuleType("dateutil"))
    monkeypatch.setitem(sys.modules, "dateutil.zoneinfo", module)
    assert open_by_hand.zone_named("Europe/Berlin").key == "Europe/Berlin"  # ty: ignore[missing-attribute]  # a ZoneInfo here
    monkeypatch.setattr(open_by_hand, "ZoneInfo", unknown)
    assert open_by_hand.zone_named("Europe/Berlin") is BERLIN
    with pytest.raises(ValueError, match="the time zone Europe/Bonn is not known here"):
        open_by_hand.zone_named("Europe/Bonn")
