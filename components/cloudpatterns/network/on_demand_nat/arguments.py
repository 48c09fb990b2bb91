"""The arguments of ``OnDemandNat``, and the rules over them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Problem, is_given, unknown
from cloudpatterns.core.vocabulary import AlarmTopicArns, DualStack, InstanceType, KmsKeyArn, Ports, SubnetIdsByZone, Tags
from cloudpatterns.network.on_demand_nat.windows import NatWindow, clashes

INSTANCES = ("instance", "on_demand")
"""Strategies with a NAT instance."""
_ONE_ZONE = ("single", *INSTANCES)
_USED_BY = {
    "zone": _ONE_ZONE,
    "windows": ("on_demand",),
    "time_zone": ("on_demand",),
    "instance_type": INSTANCES,
    "instance_revision": INSTANCES,
    "egress_ports": INSTANCES,
}


class OnDemandNatOptions(TypedDict):
    """What a user tunes of an ``OnDemandNat``."""

    strategy: Annotated[str, Choice("none", "single", "per_zone", "regional", "instance", "on_demand")]
    """Which NAT it creates: ``none`` (no internet egress), ``single`` (one NAT gateway; the loss of its zone cuts off all), ``per_zone``
    (a NAT gateway in each zone, each with an Elastic IP, of which an account has 5 in a Region until AWS raises the quota), ``regional``
    (one that AWS spreads over the zones in use, with addresses of AWS's choice), ``instance`` (a NAT instance, always on) or
    ``on_demand`` (a NAT instance that runs in maintenance windows, and by the runbook)."""
    zone: NotRequired[str]
    """Zone of the one NAT of ``single``, ``instance`` and ``on_demand``. Default: the first in alphabetical order."""
    windows: NotRequired[Annotated[list[NatWindow], Field(default=[])]]
    """Maintenance windows, a minute or more apart; with ``on_demand`` only, at least one."""
    time_zone: NotRequired[
        Annotated[str, Field(default="UTC"), Matches(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", "a time zone such as Europe/Berlin")]
    ]
    """IANA time zone of the windows, with ``on_demand`` only."""
    instance_type: NotRequired[Annotated[InstanceType, Field(default="t4g.micro")]]
    """EC2 type, with ``instance`` and ``on_demand`` only. Changing it replaces the instance; its address stays. On a type of 512
    MiB, such as ``t4g.nano``, the first boot makes a swap file before it installs the packet filter, and takes longer."""
    instance_revision: NotRequired[Annotated[int, Field(default=1, ge=1)]]
    """Raise it to replace the NAT instance by one of the newest Amazon Linux image, for an image is read at launch only; with ``instance``
    and ``on_demand`` only. The address and the routes stay; private subnets have no internet egress for some minutes."""
    # Half of the 60 rules that a security group has room for in each direction.
    egress_ports: NotRequired[Annotated[Ports, Field(default=[80, 443], min_length=1, max_length=30)]]
    """TCP ports on which a NAT instance lets the VPC out; with ``instance`` and ``on_demand`` only, as a NAT gateway has no security group.
    Nothing else passes, UDP neither. The instance itself always reaches the internet on 443, for its packages and its heartbeat."""


class OnDemandNatArgs(OnDemandNatOptions):
    """Arguments of ``OnDemandNat``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    private_route_table_ids_by_zone: SubnetIdsByZone
    """Zone to route table of its private subnets; one table for each zone."""
    public_subnet_ids_by_zone: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Zone to public subnet, whose route to the internet gateway must be in place. Needed for the zones that get a NAT; ``none`` needs
    none, and ``regional`` one of any zone, only to wait for the internet gateway."""
    vpc_cidr_block: NotRequired[Annotated[pulumi.Input[str], Matches(r"(\d{1,3}\.){3}\d{1,3}/\d{1,2}", "a network such as 10.20.0.0/16")]]
    """IPv4 addresses that may use a NAT instance. Required with ``instance`` and ``on_demand``."""
    dual_stack: NotRequired[DualStack]
    """Whether private route tables have a ``::/0`` route beside, as in a ``Network`` with ``dual_stack``. ``on_demand`` refuses it, since
    private subnets would reach the internet by IPv6 outside the windows."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the instance's disk; other strategies do not use it. Default: the account's default key for EBS, which must
    then be the AWS managed one: the schedules get no rights to another."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when a NAT gateway finds no free port or drops packets, when an ``instance`` fails its status checks (CloudWatch
    recovers or reboots it in any case) or does not report that it forwards, or when a scheduled start or stop of ``on_demand`` fails for
    good."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, beside ``Name``."""


def nat_zone(checked: OnDemandNatArgs) -> str:
    """Zone of the one NAT of ``single``, ``instance`` and ``on_demand``."""
    zone = checked.get("zone")
    return min(checked["private_route_table_ids_by_zone"]) if zone is None else zone


def child_names(checked: OnDemandNatArgs) -> dict[str, int]:
    """AWS's limits of the names of children, by suffix."""
    limits = {"instance-role": 64} if checked["strategy"] in INSTANCES else {}
    if checked["strategy"] == "on_demand":
        # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
        limits |= {"runbook-role": 64, "windows-role": 64, **{f"close-again-{window['name']}": 64 for window in checked["windows"]}}
    return limits


def problems(checked: OnDemandNatArgs) -> Iterator[Problem]:
    """What is wrong with the arguments taken together."""
    strategy = checked["strategy"]
    for name, strategies in _USED_BY.items():
        if is_given(checked, name) and strategy not in strategies:
            yield name, f"is not used by strategy {strategy}; only by {', '.join(strategies)}. Remove it."
    if strategy in INSTANCES and checked.get("vpc_cidr_block") is None:
        yield "vpc_cidr_block", f"is missing; strategy {strategy} needs the addresses that may use the instance. Give the VPC's block."
    if strategy == "on_demand":
        if checked["dual_stack"]:
            yield "dual_stack", "is True; private subnets would reach the internet by IPv6 outside the windows. Use a network without IPv6."
        yield from _window_problems(checked["windows"])
    yield from _place_problems(checked)


def _place_problems(checked: OnDemandNatArgs) -> Iterator[Problem]:
    strategy, zone = checked["strategy"], checked.get("zone")
    tables, subnets = checked["private_route_table_ids_by_zone"], checked["public_subnet_ids_by_zone"]
    if strategy == "regional" and not subnets:
        yield "public_subnet_ids_by_zone", "is empty; strategy regional waits for a public subnet's internet gateway. Give one."
    if strategy in _ONE_ZONE and zone is not None and zone not in tables:
        yield "zone", unknown(zone, "a zone of a private route table", sorted(tables))
        return
    needed = sorted(tables) if strategy == "per_zone" else [nat_zone(checked)] if strategy in _ONE_ZONE else []
    if missing := [needed_zone for needed_zone in needed if needed_zone not in subnets]:
        yield "public_subnet_ids_by_zone", f"lacks {', '.join(missing)}, where strategy {strategy} puts a NAT. Give its public subnet."


def _window_problems(windows: Sequence[NatWindow]) -> Iterator[Problem]:
    if not windows:
        yield "windows", "is empty; strategy on_demand opens in windows only. Give at least one."
    for index, window in enumerate(windows):
        if window["name"] in [other["name"] for other in windows[:index]]:
            yield f"windows.{index}.name", f"is {window['name']!r} again; each window needs a name of its own. Rename it."
    for one, other in clashes(windows):
        which = f"window {windows[one]['name']}" if one != other else "its own next day"
        yield f"windows.{other}", f"overlaps or touches {which}; a minute at least must lie between. Shorten one."
