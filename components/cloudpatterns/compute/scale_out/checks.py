"""Checks of what instances are made of: types, images, disks, times."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import available_timezones

# Graviton families have a g right after the generation (t4g, m7gd, im4gn), and a1; g4dn and g5 do not, g5g does.
_ARM = re.compile(r"(a1|[a-z]+-?\d+g[a-z]*)\..+")


def architecture(instance_type: str) -> str:
    """The CPU architecture of an instance type, as image names write it."""
    return "arm64" if _ARM.fullmatch(instance_type) else "x86_64"


def instance_problems(instance_types: Sequence[str], spot_percentage: int, image_parameter: Any) -> list[tuple[str, str]]:
    """What is wrong with a choice of instance types, as pairs of argument and reason."""
    problems: list[tuple[str, str]] = []
    if twice := sorted({kind for kind in instance_types if instance_types.count(kind) > 1}):
        problems.append(("instance_types", f"has {', '.join(twice)} more than once. Name each type once, the preferred first."))
    found = {architecture(kind): kind for kind in instance_types}
    if len(found) > 1:
        kinds = " and ".join(f"{kind} ({cpu})" for cpu, kind in sorted(found.items()))
        problems.append(("instance_types", f"has {kinds}; one image runs on one architecture. Choose types of the same."))
    elif isinstance(image_parameter, str):
        [(cpu, kind)] = found.items()
        other = "x86_64" if cpu == "arm64" else "arm64"
        if re.search(rf"(^|[^a-z0-9]){other}($|[^a-z0-9])", image_parameter):
            problems.append(("image_parameter", f"is {image_parameter!r}, an {other} image; {kind} is {cpu}. Choose the image for {cpu}."))
    if spot_percentage and len(set(instance_types)) < 2:
        reason = (
            f"has {instance_types[0]} alone, with Spot instances; Spot takes capacity back by type and zone. Name two types or more, "
            "or set spot_percentage to 0."
        )
        problems.append(("instance_types", reason))
    return problems


def disk_problems(path: str, disk: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What gp3 refuses: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html#gp3-ebs-volume-type ."""
    problems: list[tuple[str, str]] = []
    size, iops, throughput = disk["size_gib"], disk.get("iops") or 3000, disk.get("throughput_mib_per_second") or 125
    if iops > max(3000, 500 * size):
        problems.append((f"{path}.iops", f"is {iops}; {size} GiB of gp3 allow {max(3000, 500 * size)}. Enlarge the disk or lower it."))
    if throughput > iops / 4:
        reason = f"is {throughput}; {iops} operations per second allow {iops // 4}. Raise iops or lower it."
        problems.append((f"{path}.throughput_mib_per_second", reason))
    return problems


def schedule_problems(path: str, action: Mapping[str, Any], group: tuple[int, int]) -> list[tuple[str, str]]:
    """What is wrong with a scheduled action of a group of the given minimum and maximum."""
    problems: list[tuple[str, str]] = []
    sizes = [action.get(key) for key in ("min_size", "max_size", "desired_capacity")]
    if all(size is None for size in sizes):
        problems.append((path, "changes nothing; give min_size, max_size or desired_capacity."))
    if action.get("recurrence") is None and action.get("start_time") is None:
        problems.append((path, "has no time; give recurrence or start_time."))
    least = group[0] if sizes[0] is None else sizes[0]
    most = group[1] if sizes[1] is None else sizes[1]
    if least > most:
        problems.append((path, f"leaves a minimum of {least} above a maximum of {most}. Set both."))
    elif sizes[2] is not None and not least <= sizes[2] <= most:
        problems.append((f"{path}.desired_capacity", f"is {sizes[2]}; the sizes at that time allow {least} to {most}."))
    # Without time zone data on this machine, AWS alone can tell.
    zones = available_timezones()
    if zones and (action.get("time_zone") or "Etc/UTC") not in zones:
        reason = f"is {action.get('time_zone')!r}; a name of the IANA database is needed, such as Europe/Berlin."
        problems.append((f"{path}.time_zone", reason))
    return problems
