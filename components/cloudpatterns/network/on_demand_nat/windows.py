"""Maintenance windows as weekly cron expressions. Nothing here needs Pulumi."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

_DAY = 24 * 60
_WEEK = 7 * _DAY
_SHORTEST_RETRY, _LONGEST_RETRY = 60, 86_400
# Clocks skip an hour in spring, somewhere in the world at 00:00, 01:00, 02:00 or 03:00.
_SKIPPED_HOURS = (0, 1, 2, 3)


@dataclass(frozen=True)
class Window:
    """A weekly window: days, start in minutes since midnight, length in minutes."""

    name: str
    days: tuple[str, ...]
    start: int
    minutes: int

    @property
    def begins(self) -> list[int]:
        """Minutes of the week, from Monday 00:00, at which it opens."""
        return [DAYS.index(day) * _DAY + self.start for day in self.days]


@dataclass(frozen=True)
class Occasion:
    """Times of the week at which something is done: days and minutes since midnight."""

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


def opening(window: Window) -> Occasion:
    """When a window opens."""
    return _occasion(window.begins)


def closing(window: Window) -> Occasion:
    """When it closes, which may be on the next day."""
    return _occasion([begin + window.minutes for begin in window.begins])


def closing_again(window: Window, windows: Sequence[Window]) -> Occasion | None:
    """A second closing, an hour later, where the first may fall into the hour that clocks skip in spring: such a run is left out.

    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
    None where it is not needed; days on which it would fall into a window, or come right before one, are left out.
    """
    if closing(window).minute // 60 not in _SKIPPED_HOURS:
        return None
    later = [begin + window.minutes + 60 for begin in window.begins]
    free = [time for time in later if not any(_inside(time, other) for other in windows)]
    return _occasion(free) if free else None


def retry_seconds_open(window: Window) -> int:
    """How long a failed opening may be tried again: never into or past the closing."""
    return _clamp((window.minutes - 1) * 60)


def retry_seconds_close(window: Window, windows: Sequence[Window], *, after_minutes: int = 0) -> int:
    """How long a failed closing may be tried again: for half the time to the next opening, so never into a window."""
    begins = [begin for other in windows for begin in other.begins]
    ends = [begin + window.minutes + after_minutes for begin in window.begins]
    gap = min(((begin - end) % _WEEK or _WEEK) for begin in begins for end in ends)
    return _clamp(gap * 60 // 2)


def clashes(windows: Sequence[Window]) -> Iterator[tuple[int, int]]:
    """Pairs of windows (by index; twice the same for a window and its own next day) that overlap or touch."""
    spans = [(index, begin, window.minutes) for index, window in enumerate(windows) for begin in window.begins]
    told: set[tuple[int, int]] = set()
    for (one, begin, minutes), (other, later, later_minutes) in combinations(spans, 2):
        if (one, other) not in told and ((later - begin) % _WEEK <= minutes or (begin - later) % _WEEK <= later_minutes):
            told.add((one, other))
            yield one, other


def _inside(time: int, window: Window) -> bool:
    # Two minutes before it opens count as inside: schedules run within the minute they name.
    return any((time + 2 - begin) % _WEEK <= window.minutes + 2 for begin in window.begins)


def _occasion(times: Sequence[int]) -> Occasion:
    week = sorted(time % _WEEK for time in times)
    return Occasion(tuple(DAYS[time // _DAY] for time in week), week[0] % _DAY)


def _clamp(seconds: int) -> int:
    # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html
    return max(_SHORTEST_RETRY, min(seconds, _LONGEST_RETRY))
