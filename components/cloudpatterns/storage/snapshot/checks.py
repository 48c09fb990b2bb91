"""Rules over the arguments of ``Snapshot``: what AWS refuses, or accepts and then fails job by job."""

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

from cloudpatterns.core import Problem, excludes, is_given, needs, one_of, unknown
from cloudpatterns.storage.snapshot.arguments import (
    FREQUENCIES,
    MOST_SILENCE_HOURS,
    SnapshotArgs,
    SnapshotCopyArgs,
    SnapshotLockArgs,
    SnapshotRuleArgs,
)

MOST_CONTINUOUS_DAYS = 35
LEAST_COLD_DAYS = 90
_LONGEST_HOURLY_START = 60
_LONGEST_START = 480
_HOURS_BETWEEN = {"hourly": 1, "daily": 24, "weekly": 7 * 24, "monthly": 31 * 24, "yearly": 366 * 24}


def snapshot_problems(checked: SnapshotArgs) -> Iterator[Problem]:
    """All problems."""
    yield from one_of(checked, ("rules", "selections"), "disks")
    if is_given(checked, "disks"):
        yield from _disk_problems(checked)
        return
    new_copies = any(copy.get("region") is not None for copy in checked["copies"].values())
    # A new vault for copies may have both.
    changes = ("kms_key_arn", "copy_source_account_ids", *(() if new_copies else ("lock", "backup_administrator_arns")))
    yield from excludes(checked, "existing_vault_arn", *changes, why="an existing vault is not changed")
    if is_given(checked, "alarm_hours_without_backup"):
        yield from needs(checked, "alarm_hours_without_backup", "alarm_topic_arns")
        yield from _silence_problems(checked)
    for name, rule in checked["rules"].items():
        yield from _rule_problems(rule, f"rules.{name}.")
    for name, selection in checked["selections"].items():
        path = f"selections.{name}."
        yield from one_of(selection, "tags", "resource_arns", path=path)
        yield from excludes(selection, "resource_arns", "excluded_tags", "resource_types", path=path, why="it names resources already")
    for name, copy in checked["copies"].items():
        yield from _copy_problems(checked, copy, f"copies.{name}.")
    if (lock := checked.get("lock")) is not None:
        yield from _lock_problems(checked, lock)
    if (tests := checked.get("restore_tests")) is not None:
        yield from _zone_problems(tests["time_zone"], "restore_tests.time_zone")
        yield from _cron_problems(tests["schedule"], "restore_tests.schedule")


def schedule_of(rule: SnapshotRuleArgs) -> str:
    """The cron expression of a rule."""
    given = rule.get("schedule")
    return FREQUENCIES[rule["frequency"]] if given is None else given


def start_window_of(rule: SnapshotRuleArgs) -> int:
    """Minutes within which a backup of a rule starts."""
    given = rule.get("start_window_minutes")
    if given is not None:
        return given
    return _LONGEST_HOURLY_START if rule.get("frequency") == "hourly" else _LONGEST_START


def copied_rules(checked: SnapshotArgs, copy: SnapshotCopyArgs) -> list[str]:
    """Names of the rules whose backups a copy takes."""
    return [name for name in checked["rules"] if not copy["rules"] or name in copy["rules"]]


def copy_retention_days(checked: SnapshotArgs, copy: SnapshotCopyArgs, rule: str) -> int:
    """Days that a copy of a rule's backup is kept."""
    given = copy.get("retention_days")
    return checked["rules"][rule]["retention_days"] if given is None else given


def retentions(checked: SnapshotArgs, copy_name: str | None = None) -> dict[str, int]:
    """Days that backups are kept in the vault, or in that of a copy, by the path of the argument that says so."""
    if copy_name is None:
        return {f"rules.{name}.retention_days": rule["retention_days"] for name, rule in checked["rules"].items()}
    copy = checked["copies"][copy_name]
    own = copy.get("retention_days") is not None
    return {
        f"copies.{copy_name}.retention_days" if own else f"rules.{rule}.retention_days": copy_retention_days(checked, copy, rule)
        for rule in copied_rules(checked, copy)
    }


def _rule_problems(rule: SnapshotRuleArgs, path: str) -> Iterator[Problem]:
    yield from one_of(rule, "frequency", "schedule", path=path)
    yield from _zone_problems(rule["time_zone"], f"{path}time_zone")
    if (schedule := rule.get("schedule")) is not None:
        yield from _cron_problems(schedule, f"{path}schedule")
    if rule["continuous"]:
        yield from excludes(rule, "continuous", "cold_storage_after_days", path=path, why="continuous backups never go to cold storage")
        if rule["retention_days"] > MOST_CONTINUOUS_DAYS:
            reason = (
                f"is {rule['retention_days']}; continuous backups are kept for {MOST_CONTINUOUS_DAYS} days at most. Lower it, and add "
                "another rule for longer retention."
            )
            yield f"{path}retention_days", reason
    else:
        yield from _cold_problems(rule, rule["retention_days"], path)
    yield from needs(rule, "archive_volumes", "cold_storage_after_days", path=path)
    if rule["archive_volumes"] and rule.get("frequency") in ("hourly", "daily", "weekly"):
        yield f"{path}archive_volumes", f"is for rules that run monthly or less often; frequency is {rule['frequency']!r}. Remove it."
    start, completion = start_window_of(rule), rule["completion_window_minutes"]
    if completion < start + 60:
        reason = f"is {completion}; must be at least 60 above the start window of {start} minutes: {start + 60} or more."
        yield f"{path}completion_window_minutes", reason


def _cold_problems(holder: Mapping[str, Any], retention_days: int, path: str) -> Iterator[Problem]:
    cold = holder.get("cold_storage_after_days")
    if cold is not None and retention_days < cold + LEAST_COLD_DAYS:
        reason = (
            f"is {cold}, and the retention {retention_days} days; a backup stays in cold storage for {LEAST_COLD_DAYS} days at least. "
            f"Keep it for {cold + LEAST_COLD_DAYS} days or more, or leave it warm."
        )
        yield f"{path}cold_storage_after_days", reason


def _copy_problems(checked: SnapshotArgs, copy: SnapshotCopyArgs, path: str) -> Iterator[Problem]:
    yield from one_of(copy, "region", "vault_arn", path=path)
    yield from excludes(copy, "vault_arn", "kms_key_arn", path=path, why="an existing vault has a key")
    for index, rule in enumerate(copy["rules"]):
        if rule not in checked["rules"]:
            yield f"{path}rules.{index}", unknown(rule, "a rule", checked["rules"])
    for days in {copy_retention_days(checked, copy, rule) for rule in copied_rules(checked, copy)}:
        yield from _cold_problems(copy, days, path)


def _silence_problems(checked: SnapshotArgs) -> Iterator[Problem]:
    """An alarm that would be raised between any two backups. How far schedules are apart is not judged."""
    hours = checked["alarm_hours_without_backup"]
    frequencies = [rule.get("frequency") for rule in checked["rules"].values()]
    most_often = min((frequency for frequency in frequencies if frequency is not None), key=list(FREQUENCIES).index, default=None)
    if None in frequencies or most_often is None or hours > _HOURS_BETWEEN[most_often]:
        return
    remedy = f"Give {_HOURS_BETWEEN[most_often] + 1} or more" if _HOURS_BETWEEN[most_often] < MOST_SILENCE_HOURS else "Remove it"
    reason = f"is {hours}; the rule that runs most often is {most_often}: the alarm would be raised between its backups. {remedy}."
    yield "alarm_hours_without_backup", reason


def _lock_problems(checked: SnapshotArgs, lock: SnapshotLockArgs) -> Iterator[Problem]:
    if lock["mode"] == "COMPLIANCE" and lock.get("changeable_for_days") is None:
        reason = (
            "is missing; a compliance lock needs it: the days, 3 or more, in which it can still be removed. After that nobody can "
            "delete it. Give it, or choose the mode GOVERNANCE."
        )
        yield "lock.changeable_for_days", reason
    if lock["mode"] == "COMPLIANCE" and lock.get("min_retention_days") is None:
        shortest = min(days for name in (None, *checked["copies"]) for days in retentions(checked, name).values())
        reason = (
            "is missing; a compliance lock needs it: its limits can never be changed, so they cannot follow a rule whose retention is. "
            f"Give the shortest retention that you will ever need, {shortest} or less."
        )
        yield "lock.min_retention_days", reason
    if lock["mode"] == "GOVERNANCE" and lock.get("changeable_for_days") is not None:
        yield "lock.changeable_for_days", "is for the mode COMPLIANCE only: it would make the lock one. Remove it."
    least, longest = lock.get("min_retention_days"), lock.get("max_retention_days")
    if least is not None and longest is not None and least > longest:
        yield "lock.min_retention_days", f"is {least}, above max_retention_days, {longest}: no backup could be kept. Lower it."
        return
    every = {} if checked.get("existing_vault_arn") else retentions(checked)
    for name, copy in checked["copies"].items():
        every |= retentions(checked, name) if copy.get("region") is not None else {}
    # A lock changes no rule: AWS fails each job outside its limits.
    for path, days in every.items():
        if least is not None and days < least:
            yield path, f"is {days}, below lock.min_retention_days, {least}: AWS would fail each job. Raise it, or lower the lock's."
        if longest is not None and days > longest:
            yield path, f"is {days}, above lock.max_retention_days, {longest}: AWS would fail each job. Lower it, or raise the lock's."


def _disk_problems(checked: SnapshotArgs) -> Iterator[Problem]:
    others = ("lock", "restore_tests", "opt_in_region", "alarm_hours_without_backup", "existing_vault_arn", "kms_key_arn", "copies")
    more = ("copy_source_account_ids", "backup_administrator_arns", "notification_topic_arn", "key_arns")
    yield from excludes(checked, "disks", *others, *more, why="Data Lifecycle Manager has no vault")
    disks = checked["disks"]
    if disks["reboot"] and disks["resource_type"] == "VOLUME":
        yield "disks.reboot", "is for the resource_type INSTANCE only. Remove it."
    for name, schedule in disks["schedules"].items():
        yield from one_of(schedule, "retention_count", "retention_days", path=f"disks.schedules.{name}.")
        yield from _cron_problems(schedule["schedule"], f"disks.schedules.{name}.schedule")


def _cron_problems(expression: str, path: str) -> Iterator[Problem]:
    _, _, day_of_month, _, day_of_week, _ = expression.removeprefix("cron(").removesuffix(")").split(" ")
    if (day_of_month == "?") == (day_of_week == "?"):
        yield path, f"is {expression!r}; exactly one of day of month (third) and day of week (fifth) is ?. Write cron(0 3 ? * SUN *)."


def _zone_problems(time_zone: str, path: str) -> Iterator[Problem]:
    zones = available_timezones()
    if zones and time_zone not in zones:
        yield path, f"is {time_zone!r}; a name of the IANA database is needed, such as Europe/Berlin."
