"""Arguments of ``OfficeHours``, the rules over them, and the times of its schedules."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Annotated, NotRequired, TypedDict
from zoneinfo import ZoneInfo, available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Problem, Unique
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, LogRetentionDays, Tags

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_DAY = 24 * 60
_BOOT = 30
"""Minutes after the start until all should run, and alarms count again."""
_PAUSE = 60
"""Minutes without a stop before the start: a database takes some to stop, and cannot be started meanwhile."""
# What EC2, RDS, Auto Scaling and ECS allow in tags, without spaces: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
_TAG = r"(?!aws:)[A-Za-z0-9_.:/=+@-]{1,128}"
_TAG_WORDS = "1 to 128 letters, digits and _.:/=+@-, not with aws: in front, such as"
_CalendarArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:ssm:[^:]+:\d{12}:document/.+", "the ARN of a calendar such as arn:aws:ssm:eu-west-1:123456789012:document/holidays"
    ),
]
_Time = Annotated[str, Matches(r"([01]\d|2[0-3]):[0-5]\d", "a time of day such as 08:00")]


class OfficeHoursOptions(TypedDict):
    """What a user tunes of ``OfficeHours``."""

    time_zone: str
    """IANA time zone of the hours and holidays, such as ``Europe/Berlin``; summer time is followed."""
    start: NotRequired[Annotated[_Time, Field(default="08:00")]]
    """Time of day at which what is stopped is started, ``HH:MM``, on ``days`` that are no holidays. A database takes minutes to start. On a
    day on which the clock skips that time in spring, nothing is started."""
    end: NotRequired[Annotated[_Time, Field(default="19:00")]]
    """Time of day at which everything is stopped, ``HH:MM``, on the same day. From then on until an hour before the next start, what runs
    again is stopped each hour."""
    days: NotRequired[
        Annotated[list[Annotated[str, Choice(*DAYS)]], Field(default=["MON", "TUE", "WED", "THU", "FRI"], min_length=1), Unique()]
    ]
    """Working days."""
    holidays: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"\d{4}-\d\d-\d\d", "a date such as 2026-12-25")]], Field(default=[], max_length=50), Unique()
        ]
    ]
    """Dates on which nothing is started, ``YYYY-MM-DD``, at most 50."""
    change_calendar_arns: NotRequired[Annotated[list[_CalendarArn], Field(default=[], max_length=10)]]
    """Change calendars of Systems Manager (documents of type ``ChangeCalendar``) with more holidays: while one is closed, nothing starts.
    A calendar of another account is shared with this one."""
    tag_key: NotRequired[Annotated[str, Matches(_TAG, f"{_TAG_WORDS} Schedule"), Field(default="Schedule")]]
    """Key of the tag that selects resources; the control ``schedule-outside-production`` accepts the keys of its ``scheduleTags``."""
    tag_value: NotRequired[Annotated[str, Matches(_TAG, f"{_TAG_WORDS} office-hours"), Field(default="office-hours")]]
    """Value of the tag that selects resources, which is no name of production."""
    environment_tag_key: NotRequired[Annotated[str, Matches(_TAG, f"{_TAG_WORDS} Environment"), Field(default="Environment")]]
    """Key of the tag that names the environment of a resource, or of this component's stack."""
    production_names: NotRequired[
        Annotated[
            list[Annotated[str, Matches(_TAG, f"{_TAG_WORDS} prod")]],
            Field(default=["prod", "production", "prd", "live"], min_length=1, max_length=20),
        ]
    ]
    """Names of production in that tag, in any case. What has one is never touched, whatever other tags it has: the role may not."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the function's log is kept: it names what was stopped and started."""


class OfficeHoursArgs(OfficeHoursOptions):
    """Arguments of ``OfficeHours``."""

    disk_kms_key_arns: NotRequired[Annotated[list[KmsKeyArn], Field(default=[])]]
    """Customer managed keys of the disks of instances that are started; without it, such an instance stops again at once, and nothing says
    why. Disks under the AWS managed key need none."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when something could not be stopped or started, or a schedule could not invoke the function."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some. The component's own resources need no ``tag_key``."""


def problems(checked: OfficeHoursArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    zones, zone = available_timezones(), checked["time_zone"]
    # Without the database of the system there is nothing to compare with.
    if zone not in zones and (zones or checked["holidays"]):
        yield "time_zone", f"is {zone!r}; a name of the IANA database is needed, such as Europe/Berlin."
    if _minute(checked["end"]) - _minute(checked["start"]) < _PAUSE:
        reason = f"is {checked['end']}; an hour at least after start ({checked['start']}) is needed, on the same day. Give a later one."
        yield "end", reason
    for index, day in enumerate(checked["holidays"]):
        if not _is_date(day):
            yield f"holidays.{index}", f"is {day!r}, which is no date. Correct it."
    yield from _production_problems(checked)


def _production_problems(checked: OfficeHoursArgs) -> Iterator[Problem]:
    names, key = production_names(checked), checked["environment_tag_key"]
    if checked["tag_key"] == key:
        yield "tag_key", f"is {key}, the tag of the environment; selecting takes a tag that somebody sets on purpose. Give another key."
    if checked["tag_value"].lower() in names:
        yield "tag_value", f"is {checked['tag_value']!r}, a name of production; nothing of production is stopped. Give another value."
    defaults = (pulumi.Config("aws").get_object("defaultTags") or {}).get("tags", {})
    for where, tags in (("tags", checked["tags"]), ("aws:defaultTags", defaults)):
        environment = tags.get(key)
        if isinstance(environment, str) and environment.lower() in names:
            reason = f"has {key}: {environment} in {where}; nothing of production is stopped. Leave OfficeHours out of this stack."
            yield "tags", reason


def production_names(checked: OfficeHoursArgs) -> list[str]:
    """Names of production in lower case, each once."""
    return sorted({name.lower() for name in checked["production_names"]})


def starting(checked: OfficeHoursArgs) -> str:
    """The expression of the start: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based."""
    minute = _minute(checked["start"])
    return f"cron({minute % 60} {minute // 60} ? * {','.join(_ordered(checked['days']))} *)"


def watching(checked: OfficeHoursArgs) -> str:
    """The expression of the time at which what was started should run."""
    minute = _minute(checked["start"]) + _BOOT
    return f"cron({minute % 60} {minute // 60} ? * {','.join(_ordered(checked['days']))} *)"


def stopping(checked: OfficeHoursArgs) -> dict[str, str]:
    """The expressions of the stops, each hour outside working hours: of working days, and of the others where there are any.

    The first stop of a working day is at its end. A second one an hour later finds what was being backed up or changed, and what AWS has
    started after seven days: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html
    """
    begin, end = _minute(checked["start"]), _minute(checked["end"])
    minute = end % 60
    hours = [str(hour) for hour in range(24) if hour * 60 + minute >= end or hour * 60 + minute <= begin - _PAUSE]
    days = _ordered(checked["days"])
    off = [day for day in DAYS if day not in days]
    expressions = {"stop": f"cron({minute} {','.join(hours)} ? * {','.join(days)} *)"}
    return {**expressions, "stop-days-off": f"cron({minute} * ? * {','.join(off)} *)"} if off else expressions


def holidays_in_utc(checked: OfficeHoursArgs) -> list[list[str]]:
    """Begin and end of each holiday in UTC: the function has no time zones of its own to rely on."""
    if not checked["holidays"]:
        return []
    zone = ZoneInfo(checked["time_zone"])

    def midnight(day: date) -> str:
        return f"{datetime.combine(day, clock(), zone).astimezone(UTC):%Y-%m-%dT%H:%MZ}"

    days = [date.fromisoformat(day) for day in sorted(checked["holidays"])]
    return [[midnight(day), midnight(day + timedelta(days=1))] for day in days]


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _ordered(days: list[str]) -> list[str]:
    return [day for day in DAYS if day in days]


def _minute(time: str) -> int:
    hour, minute = time.split(":")
    return int(hour) * 60 + int(minute)
