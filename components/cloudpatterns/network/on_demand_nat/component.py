"""Internet egress of private subnets: always, never, or only in maintenance windows.

Pattern: "On-Demand NAT" (Cloud Design Patterns for AWS): keep instances off the internet in private subnets, and run a NAT only while it
is needed, for instance for updates.
"""

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm
from cloudpatterns.core import Component, after
from cloudpatterns.network.on_demand_nat.arguments import INSTANCES, OnDemandNatArgs, child_names, nat_zone, problems
from cloudpatterns.network.on_demand_nat.instance import nat_instance, recovery_alarms
from cloudpatterns.network.on_demand_nat.schedules import runbook, weekly_schedules

# Metric of a NAT gateway, seconds of a period, how many of them must be above zero, and what that means.
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway-cloudwatch.html
_GATEWAY_ALARMS = {
    "ports": ("ErrorPortAllocation", 300, 1, "finds no free port, and new connections fail: too many go to one destination"),
    "drops": ("PacketsDropCount", 60, 5, "has dropped packets in each of five minutes"),
}


class OnDemandNat(Component):
    """The default route of private subnets to a NAT of the chosen kind (Cloud Design Patterns for AWS, "On-Demand NAT").

    Each private route table gets one route, ``0.0.0.0/0``, or with ``none`` no route. With ``on_demand`` it always leads to the NAT
    instance, and packets are dropped while that is stopped. The instance stops after its first boot, even in a window; EventBridge
    Scheduler starts and stops it in the windows. The runbook starts it by hand for some minutes: it stops then, or with the first window
    that ends. Who runs the runbook needs ``ssm:StartAutomationExecution`` on it and ``iam:PassRole`` on ``runbook_role_arn``.

    **Use when**: private subnets need the internet over IPv4: ``per_zone`` or ``regional`` for production, ``single`` or ``instance`` where
    cost counts more, ``on_demand`` where egress is for updates only.

    **Not when**: only AWS services are called: the endpoints of ``Network`` reach them without the internet. For calls from the internet
    use a load balancer.

    **Cost drivers**: NAT gateways by the hour and by the gigabyte, one in each zone with ``per_zone``; a NAT instance by the hour that it
    runs, with its disk; public IPv4 addresses by the hour, also while the instance is stopped.

    **Trade-offs**: ``single``, ``instance`` and ``on_demand`` depend on one zone, and other zones pay for traffic to it. A NAT instance has
    the bandwidth of its type, and passes TCP on ``egress_ports`` only; a NAT gateway has no security group.

    **Proven by**: controls ``private-subnet-nat``, ``nat-gateway-default-route``, ``imdsv2-required``,
    ``launch-template-volumes-encrypted``; ``test_on_demand_nat.py``, ``test_network_routes.py``, which states every route,
    ``test_on_demand_nat_on_aws.py``, which runs the runbook's script against windows and clock changes, and
    ``test_on_demand_nat_boot.py``, which runs the boot script.
    """

    public_ips: pulumi.Output[list[str]]
    """Public addresses of outbound traffic, in the order of the zones. With ``regional`` those of the last deployment or refresh: AWS
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
    """Name of the Systems Manager Automation document that starts the instance by hand, with ``on_demand``; its parameter is
    ``Minutes``, 5 to 720."""
    runbook_role_arn: pulumi.Output[str] | None
    """Role that the runbook runs with, with ``on_demand``."""

    def __init__(self, name: str, args: OnDemandNatArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._checked, self._zones = checked, sorted(checked["private_route_table_ids_by_zone"])
        self.public_ips = pulumi.Output.from_input([])
        self.nat_gateway_ids_by_zone = pulumi.Output.from_input({})
        self.instance_id = self.network_interface_id = self.security_group_id = None
        self.schedule_group_name = self.runbook_name = self.runbook_role_arn = None
        strategy = checked["strategy"]
        if strategy in INSTANCES:
            self._create_instance()
        elif strategy == "regional":
            self._create_regional_gateway(name)
        elif strategy != "none":
            self._create_gateways(name, self._zones if strategy == "per_zone" else [nat_zone(checked)])
        self.register()

    def _create_gateways(self, name: str, zones: list[str]) -> None:
        addresses, gateways = {}, {}
        for zone in zones:
            tags = {"Name": f"{name}-{zone}", **self._checked["tags"]}
            addresses[zone] = aws.ec2.Eip(f"{name}-address-{zone}", domain="vpc", tags=tags, opts=self.child())
            gateways[zone] = aws.ec2.NatGateway(
                f"{name}-gateway-{zone}",
                subnet_id=self._checked["public_subnet_ids_by_zone"][zone],
                allocation_id=addresses[zone].id,
                connectivity_type="public",
                tags=tags,
                # The address stays and fits one gateway at a time: https://github.com/pulumi/pulumi-aws/issues/1483
                opts=self.child(delete_before_replace=True),
            )
            self._watch_gateway(gateways[zone], f" in {zone}", f"-{zone}")
        self._route_to_gateways({zone: gateways.get(zone, gateways[zones[0]]) for zone in self._zones})
        self.public_ips = pulumi.Output.all(*[address.public_ip for address in addresses.values()])

    def _create_regional_gateway(self, name: str) -> None:
        # The VPC's id comes through a public subnet, so that the internet gateway is there first; of one zone only, so that other zones
        # that come and go leave the gateway alone. https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateways-regional.html
        subnets = self._checked["public_subnet_ids_by_zone"]
        gateway = aws.ec2.NatGateway(
            f"{name}-gateway",
            availability_mode="regional",
            connectivity_type="public",
            vpc_id=after(self._checked["vpc_id"], subnets[min(subnets)]),
            tags={"Name": name, **self._checked["tags"]},
            opts=self.child(),
        )
        self._watch_gateway(gateway, "", "")
        self._route_to_gateways(dict.fromkeys(self._zones, gateway))
        self.public_ips = gateway.regional_nat_gateway_addresses.apply(
            lambda addresses: sorted(address.public_ip for address in addresses or [] if address.public_ip)
        )

    def _watch_gateway(self, gateway: aws.ec2.NatGateway, place: str, suffix: str) -> None:
        """Alarms of a NAT gateway; one that carries no traffic has no data."""
        for key, (metric, period_seconds, periods, meaning) in _GATEWAY_ALARMS.items() if self._checked["alarm_topic_arns"] else ():
            alarm(
                self,
                f"{self.pulumi_resource_name}-gateway-{key}{suffix}",
                f"The NAT gateway{place} {meaning}",
                Metric("AWS/NATGateway", metric, {"NatGatewayId": gateway.id}, "Sum"),
                0,
                period_seconds=period_seconds,
                periods=periods,
                actions=self._checked["alarm_topic_arns"],
                tags=self._checked["tags"],
            )

    def _route_to_gateways(self, gateways: dict[str, aws.ec2.NatGateway]) -> None:
        for zone, gateway in gateways.items():
            self._route(zone, nat_gateway_id=gateway.id)
        self.nat_gateway_ids_by_zone = pulumi.Output.all(**{zone: gateway.id for zone, gateway in gateways.items()})

    def _create_instance(self) -> None:
        nat = nat_instance(self, self._checked)
        for zone in self._zones:
            self._route(zone, nat.instance, network_interface_id=nat.interface.id)
        if self._checked["strategy"] == "on_demand":
            group, schedule_role_arn = weekly_schedules(self, self._checked, nat.instance)
            document, role = runbook(self, self._checked, nat.instance, group, schedule_role_arn)
            self.schedule_group_name, self.runbook_name, self.runbook_role_arn = group.name, document.name, role.arn
        else:
            recovery_alarms(self, self._checked, nat.instance)
        self.public_ips = nat.address.public_ip.apply(lambda address: [address])
        self.instance_id, self.network_interface_id, self.security_group_id = nat.instance.id, nat.interface.id, nat.group.id

    def _route(self, zone: str, *others: pulumi.Resource, **target: pulumi.Output[str]) -> None:
        """The route of a zone's private table to a target, after other resources."""
        # The same name for every strategy: a change of strategy updates the route in place, and a table never holds two.
        aws.ec2.Route(
            f"{self.pulumi_resource_name}-{zone}",
            route_table_id=self._checked["private_route_table_ids_by_zone"][zone],
            destination_cidr_block="0.0.0.0/0",
            opts=self.child(depends_on=list(others)),
            **target,
        )
