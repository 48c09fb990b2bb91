"""Weekly maintenance windows as cron expressions of EventBridge Scheduler."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Annotated, NamedTuple, TypedDict

from pydantic import Field

from cloudpatterns.core import Choice, Matches, Unique

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

_DAY = 24 * 60
_WEEK = 7 * _DAY


class NatWindow(TypedDict):
    """A weekly maintenance window in which the NAT instance runs."""

    name: Annotated[
        str, Matches(r"[a-z][a-z0-9-]{0,31}", "at most 32 lower-case letters, digits and hyphens, a letter first, such as patch")
    ]
    """Name of the window, part of resource names."""
    days: Annotated[list[Annotated[str, Choice(*DAYS)]], Field(min_length=1), Unique()]
    """Days on which it opens."""
    start: Annotated[str, Matches(r"([01]\d|2[0-3]):[0-5]\d", "a time of day such as 02:00")]
    """Time of day at which it opens, ``HH:MM``. On a day on which the clock skips that time in spring, the window stays closed."""
    minutes: Annotated[int, Field(ge=1, le=_DAY)]
    """How long it stays open; it may close on the next day."""


class WeeklyTime(NamedTuple):
    """A time of day, in minutes since midnight, on some days of every week."""

    days: tuple[str, ...]
    minute: int

    @property
    def cron(self) -> str:
        """The expression for EventBridge Scheduler, https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based."""
        return f"cron({self.minute % 60} {self.minute // 60} ? * {','.join(self.days)} *)"

    @property
    def clock(self) -> str:
        """The time of day as HH:MM."""
        return f"{self.minute // 60:02}:{self.minute % 60:02}"


def opening(window: NatWindow) -> WeeklyTime:
    """When a window opens."""
    return _weekly(_openings(window))


def closing(window: NatWindow) -> WeeklyTime:
    """When a window closes, which may be on the next day."""
    return _weekly(_closings(window))


def closing_again(window: NatWindow, windows: Sequence[NatWindow], time_zone: str) -> WeeklyTime | None:
    """A second closing, an hour later, where the first may fall into the hour that clocks skip in spring: such a run is left out.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
    None where it is not needed; days on which it would fall into a window, or come right before one, are left out.
    """
    # Clocks skip an hour in spring, somewhere in the world at 00:00, 01:00, 02:00 or 03:00.
    if time_zone == "UTC" or closing(window).minute >= 4 * 60:
        return None
    free = [time for time in _closings(window, 60) if not any(_is_inside(time, other) for other in windows)]
    return _weekly(free) if free else None


def retry_seconds_open(window: NatWindow) -> int:
    """How long a failed opening may be tried again: never into or past the closing."""
    return _clamp((window["minutes"] - 1) * 60)


def retry_seconds_close(window: NatWindow, windows: Sequence[NatWindow], *, after_minutes: int = 0) -> int:
    """How long a failed closing may be tried again: for half the time to the next opening, so never into a window."""
    begins = [begin for other in windows for begin in _openings(other)]
    gap = min(((begin - end) % _WEEK or _WEEK) for begin in begins for end in _closings(window, after_minutes))
    return _clamp(gap * 60 // 2)


def clashes(windows: Sequence[NatWindow]) -> Iterator[tuple[int, int]]:
    """Pairs of windows (by index; twice the same for a window and its own next day) that overlap or touch."""
    spans = [(index, begin, window["minutes"]) for index, window in enumerate(windows) for begin in _openings(window)]
    pairs = [
        (one, other)
        for (one, begin, minutes), (other, later, later_minutes) in combinations(spans, 2)
        if (later - begin) % _WEEK <= minutes or (begin - later) % _WEEK <= later_minutes
    ]
    yield from dict.fromkeys(pairs)


def _openings(window: NatWindow) -> list[int]:
    """Minutes of the week, from Monday 00:00, at which a window opens."""
    hour, minute = window["start"].split(":")
    return [DAYS.index(day) * _DAY + int(hour) * 60 + int(minute) for day in window["days"]]


def _closings(window: NatWindow, after_minutes: int = 0) -> list[int]:
    return [begin + window["minutes"] + after_minutes for begin in _openings(window)]


def _is_inside(time: int, window: NatWindow) -> bool:
    # Two minutes before it opens count as inside: schedules run within the minute they name.
    return any((time + 2 - begin) % _WEEK <= window["minutes"] + 2 for begin in _openings(window))


def _weekly(times: Sequence[int]) -> WeeklyTime:
    week = sorted(time % _WEEK for time in times)
    return WeeklyTime(tuple(DAYS[time // _DAY] for time in week), week[0] % _DAY)


def _clamp(seconds: int) -> int:
    # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
    return max(60, min(seconds, 86_400))
