"""The way from private subnets to the internet: always, never, or only when it is needed.

Pattern: On-Demand NAT (AWS cloud design patterns): keep instances off the internet in private subnets, and bring up a NAT only while it
is needed, for instance for updates. Made is what the strategy asks for: nothing, NAT gateways, a regional NAT gateway, or a NAT instance,
with ``on_demand`` the schedules that start and stop it and a runbook to open it by hand. In each case the private route tables get at
most one route, ``0.0.0.0/0``.
"""

from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks.security_group import port_problems
from cloudpatterns.core import ArgumentError, Choice, Component
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import AlarmTopicArns, DualStack, KmsKeyArn, Tags
from cloudpatterns.network.on_demand_nat import windows as weekly
from cloudpatterns.network.on_demand_nat.instance import make_alarms, make_instance
from cloudpatterns.network.on_demand_nat.runbook import make_runbook
from cloudpatterns.network.on_demand_nat.schedules import make_schedules


class NatWindow(TypedDict):
    """A weekly maintenance window in which the way out is open."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    """Name of the window, part of resource names: lower-case letters, digits and hyphens, a letter first, at most 32 characters."""
    days: Annotated[list[str], Field(min_length=1)]
    """Days on which it opens: MON, TUE, WED, THU, FRI, SAT, SUN."""
    start: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    """Time of day at which it opens, ``HH:MM``. A time that the clock skips in spring is skipped: the window stays closed that day."""
    minutes: Annotated[int, Field(ge=1, le=1440)]
    """How long it stays open, 1 to 1440; it may close on the next day."""


class OnDemandNatArgs(TypedDict):
    """Arguments of ``OnDemandNat``."""

    strategy: Annotated[str, Choice("none", "single", "per_zone", "regional", "instance", "on_demand")]
    """Which NAT is made: ``none`` (no way out), ``single`` (one NAT gateway; the loss of its zone cuts off all), ``per_zone`` (a NAT
    gateway in each zone), ``regional`` (one that AWS spreads over the zones in use, with addresses of AWS's choice), ``instance`` (a NAT
    instance, always on) or ``on_demand`` (a NAT instance that runs in maintenance windows and by hand)."""
    vpc_id: pulumi.Input[str]
    """The VPC."""
    private_route_table_ids_by_zone: Annotated[dict[str, pulumi.Input[str]], Field(min_length=1)]
    """Zone to route table of its private subnets; one table for each zone."""
    public_subnet_ids_by_zone: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Zone to public subnet, whose route to the internet gateway must be in place. Needed for the zones that get a NAT; ``none`` needs
    none, and ``regional`` one of any zone, only to wait for the internet gateway."""
    vpc_cidr_block: NotRequired[Annotated[pulumi.Input[str], Field(pattern=r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$")]]
    """IPv4 addresses that may use a NAT instance. Required with ``instance`` and ``on_demand``."""
    zone: NotRequired[str]
    """Zone of the one NAT of ``single``, ``instance`` and ``on_demand``. Default: the first in alphabetical order."""
    windows: NotRequired[Annotated[list[NatWindow], Field(default=[])]]
    """Maintenance windows, a minute or more apart; with ``on_demand`` only, at least one."""
    time_zone: NotRequired[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$")]]
    """IANA time zone of the windows, with ``on_demand`` only. Default: UTC."""
    dual_stack: NotRequired[DualStack]
    """Whether private route tables have a ``::/0`` route beside, as in a ``Network`` with ``dual_stack``. ``on_demand`` refuses it, since
    that way would stay open outside its windows. Default: False."""
    instance_type: NotRequired[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$")]]
    """EC2 type, with ``instance`` and ``on_demand`` only. Changing it replaces the instance; its address stays. Default: t4g.nano."""
    # Half of the 60 rules that a security group has room for in each direction.
    egress_ports: NotRequired[Annotated[list[int], Field(min_length=1, max_length=30)]]
    """TCP ports on which a NAT instance lets the VPC out, 1 to 30 of them; with ``instance`` and ``on_demand`` only, as a NAT gateway has
    no security group. Nothing else gets through, UDP neither. Default: 80 and 443."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer key of the instance's disk; other strategies do not use it. Default: the account's default key for EBS, which must then be
    AWS's own: the schedules get no rights to another."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics told when an ``instance`` fails its status checks (CloudWatch recovers or reboots it in any case), or when a start
    or stop of ``on_demand`` fails for good. Default: none."""
    tags: NotRequired[Tags]
    """Tags of everything that is made, beside ``Name``. Default: none."""


_INSTANCE_TYPE = "t4g.nano"
_EGRESS_PORTS = (80, 443)
_TIME_ZONE = "UTC"

_ONE_ZONE = ("single", "instance", "on_demand")
_INSTANCES = ("instance", "on_demand")


class OnDemandNat(Component):
    """The one route of private subnets to the internet, to a NAT of the chosen kind.

    With ``on_demand`` the route always leads to the NAT instance and is a dead end while that is stopped; its address costs all the same.
    The instance closes itself after its first boot, even in a window, EventBridge Scheduler starts and stops it in the windows, and the
    runbook opens it by hand for some minutes: it closes then or with the first window that ends. Who may run the runbook
    needs ``ssm:StartAutomationExecution`` on it and ``iam:PassRole`` on ``runbook_role_arn``.
    """

    public_ips: pulumi.Output[list[str]]
    """Public addresses that the internet sees, in the order of the zones. With ``regional`` those of the last deployment or refresh: AWS
    adds and removes some as zones come into use."""
    nat_gateway_ids_by_zone: pulumi.Output[dict[str, str]]
    """Zone to the NAT gateway that serves it; empty without NAT gateways."""
    instance_id: pulumi.Output[str] | None
    """Id of the NAT instance, with ``instance`` and ``on_demand``."""
    network_interface_id: pulumi.Output[str] | None
    """Id of the NAT instance's network interface, which the routes lead to."""
    security_group_id: pulumi.Output[str] | None
    """Security group of the NAT instance."""
    schedule_group_name: pulumi.Output[str] | None
    """Name of the group of schedules, with ``on_demand``."""
    runbook_name: pulumi.Output[str] | None
    """Name of the Systems Manager Automation document that opens by hand, with ``on_demand``; its parameter is ``Minutes``, 5 to 720."""
    runbook_role_arn: pulumi.Output[str] | None
    """Role that the runbook runs with, with ``on_demand``."""

    def __init__(self, name: str, args: OnDemandNatArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._arguments.check(name, args)
        windows = [_window(window) for window in checked["windows"]]
        if found := _problems(checked, windows):
            raise ArgumentError("OnDemandNat", name, found)
        strategy = checked["strategy"]
        _check_names(name, strategy, windows)
        super().__init__("OnDemandNat", name, opts)

        self.public_ips = pulumi.Output.from_input([])
        self.nat_gateway_ids_by_zone = pulumi.Output.from_input({})
        self.instance_id = self.network_interface_id = self.security_group_id = None
        self.schedule_group_name = self.runbook_name = self.runbook_role_arn = None
        if strategy in _INSTANCES:
            self._make_instance(name, checked, windows)
        elif strategy == "regional":
            self._make_regional_gateway(name, checked)
        elif strategy != "none":
            self._make_gateways(name, checked)
        self.register()

    def _make_gateways(self, name: str, args: OnDemandNatArgs) -> None:
        zones = sorted(args["private_route_table_ids_by_zone"])
        places = [_zone(args)] if args["strategy"] == "single" else zones
        addresses, gateways = {}, {}
        for zone in places:
            own_tags = {"Name": f"{name}-{zone}", **args["tags"]}
            addresses[zone] = aws.ec2.Eip(f"{name}-address-{zone}", domain="vpc", tags=own_tags, opts=self.child())
            gateways[zone] = aws.ec2.NatGateway(
                f"{name}-gateway-{zone}",
                subnet_id=args["public_subnet_ids_by_zone"][zone],
                allocation_id=addresses[zone].id,
                connectivity_type="public",
                tags=own_tags,
                # The address stays and fits one gateway at a time: https://github.com/pulumi/pulumi-aws/issues/1483
                opts=self.child(delete_before_replace=True),
            )
        serving = {zone: gateways[zone if zone in gateways else places[0]].id for zone in zones}
        for zone, gateway_id in serving.items():
            _route(self, name, args, zone, nat_gateway_id=gateway_id)
        self.public_ips = pulumi.Output.all(*[addresses[zone].public_ip for zone in places])
        self.nat_gateway_ids_by_zone = pulumi.Output.all(**serving)

    def _make_regional_gateway(self, name: str, args: OnDemandNatArgs) -> None:
        # The VPC's id comes through a public subnet, so that the internet gateway is there first; of one zone only, so that other zones
        # that come and go leave the gateway alone. https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
        waits_for = [args["public_subnet_ids_by_zone"][zone] for zone in sorted(args["public_subnet_ids_by_zone"])[:1]]
        gateway = aws.ec2.NatGateway(
            f"{name}-gateway",
            availability_mode="regional",
            connectivity_type="public",
            vpc_id=pulumi.Output.all(args["vpc_id"], *waits_for).apply(lambda values: values[0]),
            tags={"Name": name, **args["tags"]},
            opts=self.child(),
        )
        zones = sorted(args["private_route_table_ids_by_zone"])
        for zone in zones:
            _route(self, name, args, zone, nat_gateway_id=gateway.id)
        self.public_ips = gateway.regional_nat_gateway_addresses.apply(
            lambda found: sorted(address.public_ip for address in found or [] if address.public_ip)
        )
        self.nat_gateway_ids_by_zone = pulumi.Output.all(**dict.fromkeys(zones, gateway.id))

    def _make_instance(self, name: str, args: OnDemandNatArgs, windows: list[weekly.Window]) -> None:
        on_demand = args["strategy"] == "on_demand"
        key, tags = args.get("kms_key_arn"), args["tags"]
        nat = make_instance(
            self,
            name,
            vpc_id=args["vpc_id"],
            vpc_cidr_block=args["vpc_cidr_block"],
            subnet_id=args["public_subnet_ids_by_zone"][_zone(args)],
            instance_type=args.get("instance_type") or _INSTANCE_TYPE,
            egress_ports=sorted(args.get("egress_ports") or _EGRESS_PORTS),
            kms_key_arn=key,
            closes_after_first_boot=on_demand,
            tags=tags,
        )
        for zone in sorted(args["private_route_table_ids_by_zone"]):
            _route(self, name, args, zone, network_interface_id=nat.interface.id, after=nat.instance)
        if on_demand:
            time_zone = args.get("time_zone") or _TIME_ZONE
            schedules = make_schedules(self, name, nat.instance, windows, time_zone, key, args["alarm_topic_arns"], tags)
            runbook = make_runbook(self, name, nat.instance, schedules, windows, time_zone, key, tags)
            self.schedule_group_name = schedules.group.name
            self.runbook_name = runbook.document.name
            self.runbook_role_arn = runbook.role.arn
        else:
            make_alarms(self, name, nat.instance, args["alarm_topic_arns"], tags)
        self.public_ips = nat.address.public_ip.apply(lambda address: [address])
        self.instance_id = nat.instance.id
        self.network_interface_id = nat.interface.id
        self.security_group_id = nat.group.id


def _route(
    component: Component,
    name: str,
    args: OnDemandNatArgs,
    zone: str,
    *,
    nat_gateway_id: pulumi.Output[str] | None = None,
    network_interface_id: pulumi.Output[str] | None = None,
    after: pulumi.Resource | None = None,
) -> None:
    # The same name for every strategy: changing it turns the route over in place, and a table never holds two.
    aws.ec2.Route(
        f"{name}-{zone}",
        route_table_id=args["private_route_table_ids_by_zone"][zone],
        destination_cidr_block="0.0.0.0/0",
        nat_gateway_id=nat_gateway_id,
        network_interface_id=network_interface_id,
        opts=component.child(depends_on=[] if after is None else [after]),
    )


def _zone(args: OnDemandNatArgs) -> str:
    return args.get("zone") or min(args["private_route_table_ids_by_zone"])


def _window(window: NatWindow) -> weekly.Window:
    hour, minute = window["start"].split(":")
    return weekly.Window(window["name"], tuple(window["days"]), int(hour) * 60 + int(minute), window["minutes"])


def _check_names(name: str, strategy: str, windows: list[weekly.Window]) -> None:
    limits = {"instance-role": 64} if strategy in _INSTANCES else {}
    if strategy == "on_demand":
        # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
        limits |= {"runbook-role": 64, "windows-role": 64, **{f"close-again-{window.name}": 64 for window in windows}}
    check_names("OnDemandNat", name, limits)


def _problems(args: OnDemandNatArgs, windows: list[weekly.Window]) -> list[tuple[str, str]]:
    strategy, found = args["strategy"], []
    chosen = f"strategy {strategy}"
    for key, strategies in (
        *(("instance_type", _INSTANCES), ("egress_ports", _INSTANCES), ("zone", _ONE_ZONE)),
        *(("windows", ("on_demand",)), ("time_zone", ("on_demand",))),
        ("alarm_topic_arns", _INSTANCES),
    ):
        if args.get(key) and strategy not in strategies:
            users = " and ".join(strategies)
            found.append((key, f"is not used by {chosen}; only by {users}. Remove it."))
    found += port_problems("egress_ports", args.get("egress_ports") or [])
    if strategy in _INSTANCES and args.get("vpc_cidr_block") is None:
        found.append(("vpc_cidr_block", f"is missing; {chosen} needs the addresses that may use the instance."))
    if strategy == "on_demand" and args["dual_stack"]:
        found.append(
            ("dual_stack", "is True; private subnets would reach the internet by IPv6 outside the windows. Use a network without IPv6.")
        )
    tables, public = args["private_route_table_ids_by_zone"], args["public_subnet_ids_by_zone"]
    zone = args.get("zone")
    if zone is not None and strategy in _ONE_ZONE and zone not in tables:
        found.append(("zone", f"is {zone!r}; it must be one of {', '.join(sorted(tables))}."))
    elif strategy in (*_ONE_ZONE, "per_zone"):
        needed = sorted(tables) if strategy == "per_zone" else [_zone(args)]
        if missing := [place for place in needed if place not in public]:
            found.append(("public_subnet_ids_by_zone", f"lacks {', '.join(missing)}, where {chosen} puts a NAT. Give its public subnet."))
    if strategy == "regional" and not public:
        found.append(("public_subnet_ids_by_zone", "is empty; strategy regional waits for a public subnet's internet gateway. Give one."))
    if strategy == "on_demand":
        found += _window_problems(windows)
    return found


def _window_problems(windows: list[weekly.Window]) -> list[tuple[str, str]]:
    if not windows:
        return [("windows", "is empty; strategy on_demand opens in windows alone. Give at least one.")]
    found = []
    for index, window in enumerate(windows):
        if window.name in [other.name for other in windows[:index]]:
            found.append((f"windows.{index}.name", f"is {window.name!r} again; each window needs a name of its own."))
        for day in window.days:
            if day not in weekly.DAYS:
                found.append((f"windows.{index}.days", f"has {day!r}; the days are {', '.join(weekly.DAYS)}."))
        if len(set(window.days)) < len(window.days):
            found.append((f"windows.{index}.days", "names a day twice; name each once."))
    if not found:
        for one, other in weekly.clashes(windows):
            which = f"window {windows[one].name}" if one != other else "its own next day"
            found.append((f"windows.{other}", f"overlaps or touches {which}; a minute at least must lie between. Shorten one."))
    return found
