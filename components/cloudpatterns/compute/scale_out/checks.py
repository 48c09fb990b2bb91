"""Rules over several arguments of ``ScaleOut``."""

import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from cloudpatterns.blocks.server import architecture
from cloudpatterns.compute.scale_out.arguments import ScaleOutActionArgs, ScaleOutArgs, ScaleOutDiskArgs, ScaleOutRefresh, ScaleOutScaling
from cloudpatterns.core import Problem, excludes, is_given, one_of
from cloudpatterns.core.vocabulary import MOST_ALARM_ACTIONS

# What gp3 includes without extra charge: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html#gp3-ebs-volume-type
_INCLUDED_IOPS, _INCLUDED_THROUGHPUT = 3000, 125

_ONE_DAY_SECONDS = 86_400
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
_METADATA_TAG_KEY = re.compile(r"[0-9a-zA-Z\-_+=,.@:]{1,255}")
_RESERVED_TAG_KEYS = (".", "..", "_index")
_MOST_TOPICS = MOST_ALARM_ACTIONS - 1


def burst_percent(scaling: ScaleOutScaling) -> int:
    """The CPU that counts as a burst: without a value, 85 or five points above the target."""
    given = scaling.get("burst_cpu_percent")
    return max(85, scaling["cpu_target_percent"] + 5) if given is None else given


def protected_instances(scaling: ScaleOutScaling, refresh: ScaleOutRefresh) -> str:
    """What an instance refresh does with instances that are protected from scale-in."""
    given = refresh.get("protected_instances")
    return ("Refresh" if scaling["protect_from_scale_in"] else "Ignore") if given is None else given


def argument_problems(checked: ScaleOutArgs) -> Iterator[Problem]:
    """What is wrong with the arguments."""
    zones, scaling, disks = sorted(checked["subnet_ids_by_zone"]), checked["scaling"], checked["disks"]
    if len(zones) < 2 and not checked["single_zone"]:
        reason = f"has {zones[0]} alone; a zone can fail. Name subnets in two zones or more, or set single_zone to True."
        yield "subnet_ids_by_zone", reason
    if len(zones) > 1 and checked["single_zone"]:
        yield "single_zone", f"is True with {len(zones)} zones. Leave it out, or name one subnet."
    if checked["min_size"] > checked["max_size"]:
        yield "min_size", f"is {checked['min_size']}, above max_size {checked['max_size']}. Lower it or raise max_size."
    yield from one_of(checked, "image_parameter", "image_id")
    yield from _instance_problems(checked)
    burst, target = burst_percent(scaling), scaling["cpu_target_percent"]
    if burst <= target:
        yield "scaling.burst_cpu_percent", f"is {burst}; it must be above cpu_target_percent {target}, or every rise counts as a burst."
    if is_given(scaling, "requests_per_target"):
        for needed in ("target_group_arns", "load_balancer_arn_suffix", "target_group_arn_suffix"):
            if not is_given(checked, needed):
                yield needed, "is missing; scaling.requests_per_target needs it. Give it, or remove scaling.requests_per_target."
    yield from excludes(checked, "create_kms_key", "kms_key_arn")
    topics = len(checked["alarm_topic_arns"])
    if topics > _MOST_TOPICS and scaling["by_cpu"]:
        reason = f"has {topics} entries; the burst alarm has {MOST_ALARM_ACTIONS} actions at most, and scaling is one."
        yield "alarm_topic_arns", f"{reason} Name {_MOST_TOPICS} or fewer."
    if 0 < (lifetime := checked["refresh"]["max_instance_lifetime_seconds"]) < _ONE_DAY_SECONDS:
        reason = f"is {lifetime}; AWS allows {_ONE_DAY_SECONDS} or more. Raise it, or set 0 for no limit."
        yield "refresh.max_instance_lifetime_seconds", reason
    if checked["instance_metadata_tags"]:
        # The provider's default tags do not reach the instances.
        for key in checked["tags"]:
            if key in _RESERVED_TAG_KEYS or not _METADATA_TAG_KEY.fullmatch(key):
                reason = f"has the key {key!r}; tags in the metadata have keys of 1 to 255 letters, digits and -_+=,.@:, and not "
                yield "tags", f"{reason}{', '.join(_RESERVED_TAG_KEYS)}. Rename it, or no instance starts."
    for device, disk in disks["data_disks"].items():
        if device == disks["root_device_name"]:
            yield f"disks.data_disks.{device}", "is the root disk. Set root_disk_gib, or choose another device."
        yield from _disk_problems(f"disks.data_disks.{device}", disk)
    for name, action in scaling["scheduled_actions"].items():
        yield from _action_problems(f"scaling.scheduled_actions.{name}", action, checked["min_size"], checked["max_size"])


def _instance_problems(checked: ScaleOutArgs) -> Iterator[Problem]:
    instance_types, image_parameter = checked["instance_types"], checked.get("image_parameter")
    by_architecture = {architecture(name): name for name in instance_types}
    if len(by_architecture) > 1:
        both = " and ".join(f"{name} ({cpu})" for cpu, name in sorted(by_architecture.items()))
        yield "instance_types", f"has {both}; one image runs on one architecture. Choose types of the same."
    elif isinstance(image_parameter, str):
        [(cpu, name)] = by_architecture.items()
        other = "x86_64" if cpu == "arm64" else "arm64"
        if re.search(rf"(^|[^a-z0-9]){other}($|[^a-z0-9])", image_parameter):
            yield "image_parameter", f"is {image_parameter!r}, an {other} image; {name} is {cpu}. Choose the image for {cpu}."
    if checked["spot_percentage"] and len(instance_types) < 2:
        yield (
            "instance_types",
            f"has {instance_types[0]} alone, with Spot instances; Spot takes capacity back by type and zone. Name two types or more, "
            "or set spot_percentage to 0.",
        )


def _disk_problems(path: str, disk: ScaleOutDiskArgs) -> Iterator[Problem]:
    iops, throughput = disk.get("iops"), disk.get("throughput_mib_per_second")
    most_iops = max(_INCLUDED_IOPS, 500 * disk["size_gib"])
    if iops is None:
        iops = _INCLUDED_IOPS
    elif iops > most_iops:
        yield f"{path}.iops", f"is {iops}; {disk['size_gib']} GiB of gp3 allow {most_iops}. Enlarge the disk or lower it."
    if throughput is not None and throughput > iops / 4:
        reason = f"is {throughput}; {iops} operations per second allow {iops // 4}. Raise iops or lower it."
        yield f"{path}.throughput_mib_per_second", reason


def _action_problems(path: str, action: ScaleOutActionArgs, min_size: int, max_size: int) -> Iterator[Problem]:
    if not any(is_given(action, size) for size in ("min_size", "max_size", "desired_capacity")):
        yield path, "changes nothing; give min_size, max_size or desired_capacity."
    if not is_given(action, "recurrence") and not is_given(action, "start_time"):
        yield path, "has no time; give recurrence or start_time."
    least = action["min_size"] if is_given(action, "min_size") else min_size
    most = action["max_size"] if is_given(action, "max_size") else max_size
    desired = action.get("desired_capacity")
    if least > most:
        yield path, f"leaves a minimum of {least} above a maximum of {most}. Set both."
    elif desired is not None and not least <= desired <= most:
        yield f"{path}.desired_capacity", f"is {desired}; the sizes at that time allow {least} to {most}."
    # Without time zone data on this machine, AWS alone can tell.
    zones = available_timezones()
    if zones and action["time_zone"] not in zones:
        yield f"{path}.time_zone", f"is {action['time_zone']!r}; a name of the IANA database is needed, such as Europe/Berlin."
