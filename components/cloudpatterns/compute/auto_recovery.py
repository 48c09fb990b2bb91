"""Alarms that move stand-alone instances off broken hardware.

Pattern: EC2 auto recovery (AWS, "Web Application Hosting in the AWS Cloud").
"""

import re
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.recovery import recovery_alarm
from cloudpatterns.core import Component, Matches, Problem, by_name
from cloudpatterns.core.vocabulary import MOST_ALARM_ACTIONS, AlarmTopicArns, InstanceType, Region, ShortNames, Tags

# The recover action is one of the alarm's.
_MOST_TOPICS = MOST_ALARM_ACTIONS - 1
# Families whose instances have disks of their host, where EC2 supports recovery of some old ones and of X2idn and X2iedn alone.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/cloudwatch-recovery.html
_HOST_DISKS = re.compile(
    r"([dhi]\d+[a-z]*|i[ms]\d+[a-z]*|f[12]|g[567]e?|g6f|gr6f?|p5e?n?|p6-b\d+|trn[12][nu]?|hs1|[cm]1|m2|[a-z]+\d[a-z]*d[a-z]*)\..+"
)
# Without disks of their host, and not recovered all the same. Other bare metal is: DescribeInstanceTypes says so (AutoRecoverySupported).
_OTHERS = re.compile(r"(inf2|dl2q|mac[0-9a-z-]*)\..+|g5g\.metal")
_RECOVERED = re.compile(r"x2ie?dn\..+")

InstanceId = Annotated[
    pulumi.Input[str],
    Matches(
        "i-[0-9a-f]{8,17}",
        "the id of a stand-alone instance such as i-0abc1234def567890; a member of an Auto Scaling group is not recovered but replaced, by "
        "its group",
    ),
]


class AutoRecoveryOptions(TypedDict):
    """What a user tunes of ``AutoRecovery``."""

    recover_minutes: NotRequired[Annotated[int, Field(default=2, ge=1, le=15)]]
    """Minutes that the system status check fails before the instance is recovered."""
    reboot: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether an instance whose own status check fails is rebooted: its operating system, memory or network settings."""
    reboot_minutes: NotRequired[Annotated[int, Field(ge=2, le=30)]]
    """Minutes that the instance's check fails before the reboot; more than ``recover_minutes``, or both act at once. Needs ``reboot``.
    Default: one more than ``recover_minutes``."""


class AutoRecoveryArgs(AutoRecoveryOptions):
    """Arguments of ``AutoRecovery``."""

    instance_ids: Annotated[dict[str, InstanceId], ShortNames, Field(min_length=1, max_length=100)]
    """Stand-alone instances by a short name of your choice, which names their alarms. Not members of Auto Scaling groups."""
    region: Region
    """Region of the instances: EC2 acts on alarms of the same Region alone."""
    instance_types: NotRequired[Annotated[dict[str, InstanceType], Field(default={})]]
    """Types of the instances, by the same names: those that EC2 does not recover are refused. Others are not checked."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of a recovery or reboot and of its end; at most four."""
    tags: NotRequired[Tags]
    """Tags of the alarms."""


class AutoRecovery(Component):
    """One alarm for each stand-alone instance, which recovers it (AWS, "Web Application Hosting in the AWS Cloud": EC2 auto recovery).

    When the system status check fails (the host's power, network or hardware), EC2 moves the instance to another host: it keeps its id,
    addresses, disks and metadata, loses what was in memory, and boots as after a power failure. With ``reboot``, a second alarm restarts an
    instance whose own check fails.

    **Use when**: an instance cannot be one of several: a licence server, a NAT or VPN instance, an old application.

    **Not when**: it can be replaced by another: a group (``MultiServer``, ``ScaleOut``) also survives the loss of its zone, and recovery
    stays in the zone.

    **Cost drivers**: one or two alarms for each instance.

    **Trade-offs**: the application must start at boot by itself. EC2 tries three times a day, recovers no Mac and, but for a few types,
    no instance with disks of its host, and not while AWS repairs a zone. EC2's simplified automatic recovery, on by default, does
    the same later and without a message.

    **Proven by**: control ``alarm-actions``; ``test_auto_recovery.py``.
    """

    recover_alarm_arns: pulumi.Output[dict[str, str]]
    """ARN of the alarm that recovers each instance, by name."""
    reboot_alarm_arns: pulumi.Output[dict[str, str]]
    """ARN of the alarm that reboots each instance, by name; empty without ``reboot``."""

    def __init__(self, name: str, args: AutoRecoveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        minutes = {"recover": checked["recover_minutes"], **({"reboot": _reboot_minutes(checked)} if checked["reboot"] else {})}
        arns = {
            action: {
                key: recovery_alarm(
                    self,
                    f"{name}-{key}-{action}",
                    action,
                    f"instance {key}",
                    instance_id=instance_id,
                    partition=_partition(checked["region"]),
                    region=checked["region"],
                    minutes=periods,
                    topic_arns=checked["alarm_topic_arns"],
                    notify_at_end=True,
                    alarm_region=checked["region"],
                    tags=checked["tags"],
                ).arn
                for key, instance_id in checked["instance_ids"].items()
            }
            for action, periods in minutes.items()
        }
        self.recover_alarm_arns = by_name(arns["recover"])
        self.reboot_alarm_arns = by_name(arns.get("reboot", {}))
        self.register()


def _partition(region: str) -> str:
    """The partition of a Region, which is in no ARN before the first resource is there."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def _reboot_minutes(checked: AutoRecoveryArgs) -> int:
    given = checked.get("reboot_minutes")
    return checked["recover_minutes"] + 1 if given is None else given


def _child_names(checked: AutoRecoveryArgs) -> dict[str, int]:
    return {f"{key}-recover": 255 for key in checked["instance_ids"]}


def _problems(checked: AutoRecoveryArgs) -> Iterator[Problem]:
    given, recover = checked.get("reboot_minutes"), checked["recover_minutes"]
    if given is not None and not checked["reboot"]:
        yield "reboot_minutes", f"is {given} without reboot. Set reboot to True, or remove reboot_minutes."
    elif given is not None and given <= recover:
        yield "reboot_minutes", f"is {given}; it must be more than recover_minutes, {recover}, or both act at once. Raise it."
    if (topics := len(checked["alarm_topic_arns"])) > _MOST_TOPICS:
        reason = f"has {topics} entries; an alarm has {MOST_ALARM_ACTIONS} actions at most, and recovery is one"
        yield "alarm_topic_arns", f"{reason}. Name {_MOST_TOPICS} or fewer."
    for key, instance_type in checked["instance_types"].items():
        if key not in checked["instance_ids"]:
            known = ", ".join(checked["instance_ids"])
            yield f"instance_types.{key}", f"is of no instance; instance_ids has {known}. Correct the name, or remove it."
        elif reason := _not_recovered(instance_type):
            yield (
                f"instance_types.{key}",
                f"is {instance_type!r}; EC2 recovers no {reason}. Choose another type, or put the server in a group.",
            )


def _not_recovered(instance_type: str) -> str | None:
    if _HOST_DISKS.fullmatch(instance_type) and not _RECOVERED.fullmatch(instance_type):
        return "instance with disks of its host"
    return "instance of this type" if _OTHERS.fullmatch(instance_type) else None
