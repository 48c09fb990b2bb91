"""Maintenance windows as cron expressions, and how long a failed start or stop may be tried again."""

import pytest
from cloudpatterns.network.on_demand_nat.windows import (
    NatWindow,
    WeeklyTime,
    clashes,
    closing,
    closing_again,
    opening,
    retry_seconds_close,
    retry_seconds_open,
)

NIGHT: NatWindow = {"name": "night", "days": ["SUN", "TUE"], "start": "23:30", "minutes": 120}


def window(day: str, start: str, minutes: int, name: str = "patch") -> NatWindow:
    return {"name": name, "days": day.split(), "start": start, "minutes": minutes}


def test_a_window_over_midnight_closes_on_the_next_day() -> None:
    assert opening(NIGHT).cron == "cron(30 23 ? * TUE,SUN *)"
    assert closing(NIGHT).cron == "cron(30 1 ? * MON,WED *)"
    assert closing(NIGHT).clock == "01:30"


def test_a_window_of_a_day_closes_at_its_own_time_of_the_next_day() -> None:
    assert closing(window("MON", "02:00", 1440)) == WeeklyTime(("TUE",), 120)


@pytest.mark.parametrize(("end", "again"), [("00:10", "01:10"), ("03:59", "04:59"), ("04:00", None), ("23:59", None)])
def test_a_closing_in_the_hours_that_clocks_skip_has_a_second_one(end: str, again: str | None) -> None:
    start = (int(end[:2]) * 60 + int(end[3:]) - 5) % 1440
    one = window("SUN", f"{start // 60:02}:{start % 60:02}", 5)
    found = closing_again(one, [one], "Europe/Berlin")
    assert closing_again(one, [one], "UTC") is None
    assert (found and found.clock) == again


def test_a_second_closing_spares_the_windows_that_follow() -> None:
    first = window("SAT SUN", "01:00", 60)
    assert closing_again(first, [first, window("SUN", "02:30", 60, "next")], "Europe/Berlin") == WeeklyTime(("SAT",), 180)
    assert closing_again(first, [first, window("SUN", "03:02", 60, "next")], "Europe/Berlin") == WeeklyTime(("SAT",), 180)
    assert closing_again(first, [first, window("SUN", "03:03", 60, "next")], "Europe/Berlin") == WeeklyTime(("SAT", "SUN"), 180)
    assert closing_again(first, [first, window("SAT SUN", "02:30", 60, "next")], "Europe/Berlin") is None


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60), (2, 60), (120, 119 * 60), (1440, 1439 * 60)])
def test_a_failed_opening_is_given_up_before_the_window_closes(minutes: int, seconds: int) -> None:
    assert retry_seconds_open(window("MON", "02:00", minutes)) == seconds


def test_a_failed_closing_is_given_up_halfway_to_the_next_opening() -> None:
    monday = window("MON", "02:00", 60)
    assert retry_seconds_close(monday, [monday]) == 86_400
    later = window("MON", "05:00", 60, "later")
    assert retry_seconds_close(monday, [monday, later]) == 3600
    assert retry_seconds_close(monday, [monday, later], after_minutes=60) == 1800
    assert retry_seconds_close(monday, [monday, window("MON", "03:01", 60, "soon")]) == 60
    daily = window("MON TUE WED THU FRI SAT SUN", "02:00", 60)
    assert retry_seconds_close(daily, [daily]) == 23 * 3600 // 2


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (window("MON", "02:00", 60), window("MON", "03:01", 60), False),
        (window("MON", "02:00", 60), window("MON", "03:00", 60), True),
        (window("MON", "02:00", 60), window("MON", "02:00", 60), True),
        (window("MON", "03:00", 60), window("MON", "02:00", 60), True),
        (window("SUN", "23:30", 60), window("MON", "00:30", 5), True),
        (window("SUN", "23:30", 60), window("MON", "00:31", 5), False),
        (window("MON", "02:00", 60), window("TUE", "02:00", 60), False),
    ],
)
def test_windows_overlap_on_the_circle_of_a_week(first: NatWindow, second: NatWindow, clash: bool) -> None:
    assert list(clashes([first, second])) == ([(0, 1)] if clash else [])


def test_a_window_may_meet_its_own_next_day_and_is_told_once() -> None:
    assert list(clashes([window("MON TUE WED", "02:00", 1440)])) == [(0, 0)]
