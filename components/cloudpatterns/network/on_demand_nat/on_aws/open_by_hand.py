"""Opens the NAT instance by hand for some minutes: the script of the Systems Manager runbook that `OnDemandNat` makes.

It first writes the schedule that stops the instance and only then starts it, so an automation that is cancelled leaves nothing open.
The stop is never put inside a maintenance window: it then falls on the window's own end. A stop of the weekly schedule that comes first
closes earlier than asked. The closing time is the step's output. A later step of the runbook waits for the instance's heartbeat, the proof
that packets pass. Runs on Systems Manager's Python 3.11 with nothing but boto3.
"""

import json
import time as clock
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SHORTEST_MINUTES, LONGEST_MINUTES = 5, 720

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MINUTE = timedelta(minutes=1)
# A schedule runs within the minute it names, and the instance takes a while to start:
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
_BEFORE_A_WINDOW = 2 * _MINUTE
_BEFORE_A_STOP = 3 * _MINUTE
# https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
_LONGEST_RETRY_SECONDS = 86_400
# A script may run for ten minutes; a boot and the first data point take two to four.
# https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm
_LONGEST_WAIT = timedelta(minutes=9)
_SECONDS_BETWEEN_LOOKS = 15


class Closing(NamedTuple):
    """When the instance is stopped, in UTC, and for how many seconds a failing stop may be tried again."""

    at: datetime
    retry_seconds: int


def handler(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the runbook's step. Raises ValueError, before anything is changed, when it cannot be opened as asked."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    return open_for_minutes(events, datetime.now(UTC), boto3.client("scheduler"), boto3.client("ec2"))


def open_for_minutes(events: Mapping[str, Any], now: datetime, scheduler: Any, ec2: Any) -> dict[str, str]:
    """Schedules the stop, starts the instance and says when it closes."""
    closing = closing_time(now, int(events["minutes"]), events["windows"], events["extra_stops"], zone_named(events["time_zone"]))
    schedule = {
        "Name": events["schedule_name"],
        "GroupName": events["schedule_group_name"],
        "Description": "Closes the NAT instance that was opened by hand",
        "ScheduleExpression": f"at({closing.at:%Y-%m-%dT%H:%M:%S})",
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": events["stop_target_arn"],
            "RoleArn": events["schedule_role_arn"],
            "Input": json.dumps({"InstanceIds": [events["instance_id"]]}),
            "RetryPolicy": {"MaximumEventAgeInSeconds": closing.retry_seconds, "MaximumRetryAttempts": 185},
        },
    }
    try:
        scheduler.create_schedule(**schedule)
    except scheduler.exceptions.ConflictException:
        # Opened by hand before: the last call decides, and there is never a moment without a stop.
        scheduler.update_schedule(**schedule)
    ec2.start_instances(InstanceIds=[events["instance_id"]])
    return {"closes_at": _written(closing.at), "started_at": _written(now)}


def wait_for_heartbeat(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the runbook's last step. Raises RuntimeError when the instance does not report in time that it forwards."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    return first_heartbeat(events, boto3.client("cloudwatch"), lambda: datetime.now(UTC), clock.sleep)


def first_heartbeat(
    events: Mapping[str, Any], cloudwatch: Any, now: Callable[[], datetime], sleep: Callable[[float], None]
) -> dict[str, str]:
    """Waits for a data point that the instance published after it was started, and says from when it is."""
    # From the first whole minute after the start: a data point carries the minute alone, and one of a run before must not count.
    since = datetime.fromisoformat(events["started_at"]).replace(second=0) + _MINUTE
    deadline = now() + _LONGEST_WAIT
    while True:
        found = cloudwatch.get_metric_statistics(
            Namespace=events["namespace"],
            MetricName=events["metric_name"],
            Dimensions=[{"Name": "InstanceId", "Value": events["instance_id"]}],
            StartTime=since,
            EndTime=max(now(), since) + _MINUTE,
            Period=60,
            Statistics=["SampleCount"],
        )["Datapoints"]
        if found:
            return {"forwards_since": _written(min(point["Timestamp"] for point in found))}
        if now() >= deadline:
            raise RuntimeError(
                f"{events['instance_id']} was started and does not report that it forwards packets; it stops at {events['closes_at']}. "
                "Read its log: journalctl --unit nat-instance --unit nat-heartbeat"
            )
        sleep(_SECONDS_BETWEEN_LOOKS)


def closing_time(
    now: datetime, minutes: int, windows: Sequence[Mapping[str, Any]], extra_stops: Sequence[Mapping[str, Any]], zone: tzinfo
) -> Closing:
    """When to stop an instance that is opened at `now` for `minutes`.

    `windows` have days, start (HH:MM) and minutes; `extra_stops` days and start of stops beside the windows' own.
    Raises ValueError when the minutes are out of range, or a stop of the weekly schedule is about to run.
    """
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise ValueError(f"Minutes is {minutes}; it must be {SHORTEST_MINUTES} to {LONGEST_MINUTES}")
    spans = sorted(span for window in windows for span in _spans(window, int(window["minutes"]), now, zone))
    stops = sorted([*(end for _, end in spans), *(begin for extra in extra_stops for begin, _ in _spans(extra, 0, now, zone))])
    for stop in stops:
        if now - _MINUTE < stop < now + _BEFORE_A_STOP:
            raise ValueError(f"a scheduled stop runs at {stop:%H:%M} UTC; start this runbook again after {stop + 2 * _MINUTE:%H:%M} UTC")
    closes = (now + timedelta(minutes=minutes)).replace(second=0, microsecond=0) + _MINUTE
    closes = min([closes, *(stop for stop in stops if stop > now)])
    for begin, end in spans:
        if begin - _BEFORE_A_WINDOW <= closes < end:
            closes = end
    gap = min((begin - closes for begin, _ in spans if begin > closes), default=timedelta(days=1))
    # Tried again for half the way to the next window, so that it cannot close that one; three minutes at least lie between.
    return Closing(closes, min(int(gap.total_seconds() / 2), _LONGEST_RETRY_SECONDS))


def zone_named(name: str) -> tzinfo:
    """The time zone of an IANA name; from dateutil, which comes with boto3, where the machine has no time zone data."""
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        from dateutil.zoneinfo import get_zonefile_instance  # comes with boto3

        found = get_zonefile_instance().get(name)
        if found is None:
            raise ValueError(f"the time zone {name} is not known here") from None
        return found


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _spans(entry: Mapping[str, Any], minutes: int, now: datetime, zone: tzinfo) -> list[tuple[datetime, datetime]]:
    """Begin and end, in UTC, of an entry's occurrences from two days before now to nine after."""
    hour, minute = map(int, entry["start"].split(":"))
    today = now.astimezone(zone).date()
    found = []
    for offset in range(-2, 10):
        day = today + timedelta(days=offset)
        if _DAYS[day.weekday()] not in entry["days"]:
            continue
        # Both ends are times on the clock, as in the weekly schedules.
        begin = datetime.combine(day, time(hour, minute))
        end = begin + timedelta(minutes=minutes)
        found.append((begin.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)))
    return found
