"""The NAT instance: one small Amazon Linux router with an address that stays."""

from pathlib import Path
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, service_role
from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.blocks.security_group import INTERNET, egress_rule, ingress_rule, security_group
from cloudpatterns.blocks.server import METADATA_OPTIONS, ROOT_DEVICE, amazon_linux, disk, launch_template
from cloudpatterns.core import Component, Statement, after, partition_of
from cloudpatterns.network.on_demand_nat.arguments import OnDemandNatArgs, nat_zone

# Where the packages come from, Systems Manager answers and the heartbeat goes.
_OWN_PORT = 443
HEARTBEAT_NAMESPACE, HEARTBEAT = "CloudPatterns/NatInstance", "Heartbeat"
"""The metric that the instance publishes every minute while it forwards, with the dimension ``InstanceId``."""


class NatInstance(NamedTuple):
    """The instance, the network interface that routes lead to, its address and its security group."""

    instance: aws.ec2.Instance
    interface: aws.ec2.NetworkInterface
    address: aws.ec2.Eip
    group: aws.ec2.SecurityGroup


def nat_instance(component: Component, checked: OnDemandNatArgs) -> NatInstance:
    """The instance and what it needs.

    https://docs.aws.amazon.com/vpc/latest/userguide/work-with-nat-instances.html
    """
    name, cidr = component.pulumi_resource_name, checked["vpc_cidr_block"]
    tags = {"Name": name, **checked["tags"]}
    group = _group(component, checked)
    # Interface and address come first and outlive the instance: routes and other people's allow-lists stay, and the first boot, which has
    # to fetch the packet filter, reaches the internet.
    interface = aws.ec2.NetworkInterface(
        f"{name}-interface",
        subnet_id=checked["public_subnet_ids_by_zone"][nat_zone(checked)],
        security_groups=[group.id],
        # With the check it drops what is not addressed to itself.
        source_dest_check=False,
        description="NAT instance",
        tags=tags,
        opts=component.child(),
    )
    address = aws.ec2.Eip(f"{name}-instance-address", domain="vpc", network_interface=interface.id, tags=tags, opts=component.child())
    template = launch_template(
        component,
        f"{name}-template",
        image_parameter=amazon_linux(checked["instance_type"]),
        image_id=None,
        disks=[disk(ROOT_DEVICE, None, checked.get("kms_key_arn"))],
        tags=tags,
        # A new image architecture or disk key creates a new template, whose first version the instance is created from; other changes leave
        # the instance alone.
        replace_on_changes=["imageId", "blockDeviceMappings"],
    )
    instance = aws.ec2.Instance(
        f"{name}-instance",
        # A number, not $Latest: no later version of the template replaces the instance.
        launch_template={"id": template.id, "version": "1"},
        instance_type=checked["instance_type"],
        primary_network_interface={"network_interface_id": interface.id},
        iam_instance_profile=_profile(component, checked),
        user_data=pulumi.Output.from_input(cidr).apply(
            lambda block: user_data(block, checked["strategy"] == "on_demand", checked["instance_revision"])
        ),
        # Changed in place it would be stopped and started, and the script would not run again.
        user_data_replace_on_change=True,
        instance_initiated_shutdown_behavior="stop",
        metadata_options=METADATA_OPTIONS,
        tags=tags,
        volume_tags=tags,
        opts=component.child(
            depends_on=[address],
            # The interface fits one instance at a time.
            delete_before_replace=True,
            # A change of type in place ends with a start, which may be outside the windows.
            replace_on_changes=["instanceType"],
            # The provider reads it from the interface, which owns it, but refuses it as an argument here, and would switch it on again.
            # https://github.com/hashicorp/terraform-provider-aws/issues/44768
            ignore_changes=["sourceDestCheck"],
        ),
    )
    return NatInstance(instance, interface, address, group)


def recovery_alarms(component: Component, checked: OnDemandNatArgs, instance: aws.ec2.Instance) -> None:
    """Alarms that move the instance off broken hardware, reboot it when its own checks fail, and report that it does not forward."""
    # Recover after two minutes, reboot after three, so that both never act at once.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/UsingAlarmActions.html
    for action, metric, minutes in (("recover", "StatusCheckFailed_System", 2), ("reboot", "StatusCheckFailed_Instance", 3)):
        arn = pulumi.Output.concat("arn:", partition_of(instance.arn), ":automate:", instance.region, ":ec2:", action)
        alarm(
            component,
            f"{component.pulumi_resource_name}-{action}",
            f"{metric} of the NAT instance is raised; the alarm's action is to {action} it",
            Metric("AWS/EC2", metric, {"InstanceId": instance.id}, "Maximum"),
            1,
            comparison="GreaterThanOrEqualToThreshold",
            periods=minutes,
            missing=None,
            actions=[arn, *checked["alarm_topic_arns"]],
            ok_actions=[],
            tags=checked["tags"],
        )
    if checked["alarm_topic_arns"]:
        alarm(
            component,
            f"{component.pulumi_resource_name}-heartbeat",
            "The NAT instance has not reported for three minutes that it forwards packets: private subnets may have no internet egress",
            Metric(HEARTBEAT_NAMESPACE, HEARTBEAT, {"InstanceId": instance.id}, "SampleCount"),
            1,
            comparison="LessThanThreshold",
            periods=3,
            # Whatever stops the instance, or keeps it from forwarding, stops the metric.
            missing="breaching",
            actions=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )


def user_data(vpc_cidr_block: str, stops_after_first_boot: bool, revision: int) -> str:
    """The boot script with its settings before it. The revision is among them because changed user data replaces the instance."""
    settings: dict[str, str | int] = {
        "NAT_SOURCE_CIDR": vpc_cidr_block,
        "NAT_METRIC_NAMESPACE": HEARTBEAT_NAMESPACE,
        "NAT_REVISION": revision,
        "NAT_CLOSE_AFTER_FIRST_BOOT": int(stops_after_first_boot),
    }
    # Without its comments it would be another user data, which would replace the instances that are there.
    return boot_script(Path(__file__).parent / "on_aws/nat_instance.sh", settings, comments=True)


def _group(component: Component, checked: OnDemandNatArgs) -> aws.ec2.SecurityGroup:
    name, tags = component.pulumi_resource_name, checked["tags"]
    group = security_group(component, f"{name}-group", checked["vpc_id"], "NAT instance: admits the VPC alone", {"Name": name, **tags})
    # Name resolution, the clock and the metadata are no matter of security groups, and responses pass by themselves:
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    for port in sorted(checked["egress_ports"]):
        vpc = {"cidr_ipv4": checked["vpc_cidr_block"]}
        ingress_rule(component, f"{name}-from-vpc-{port}", group.id, port, vpc, f"From the VPC to the internet, TCP {port}", tags)
    for port in sorted({*checked["egress_ports"], _OWN_PORT}):
        description = f"To the internet on behalf of {'the VPC' if port in checked['egress_ports'] else 'the instance itself'}, TCP {port}"
        egress_rule(component, f"{name}-to-internet-{port}", group.id, port, INTERNET["ipv4"], description, tags)
    return group


def _profile(component: Component, checked: OnDemandNatArgs) -> pulumi.Output[str]:
    name, tags = component.pulumi_resource_name, checked["tags"]
    # PutMetricData has no resource types; the namespace is its only limit.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
    own_namespace = {"StringEquals": {"cloudwatch:namespace": HEARTBEAT_NAMESPACE}}
    publish = Statement(actions=["cloudwatch:PutMetricData"], resources=["*"], conditions=own_namespace)
    role = service_role(
        component,
        f"{name}-instance-role",
        "ec2.amazonaws.com",
        "Lets Systems Manager manage a NAT instance, and the instance publish its heartbeat",
        managed_policies={f"{name}-instance-ssm": "AmazonSSMManagedInstanceCore"},
        # The managed policy lets an instance read every parameter of the account; a router needs none.
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
        statements={
            f"{name}-instance-fence": [Statement(effect="Deny", actions=["ssm:GetParameter*"], resources=["*"])],
            f"{name}-instance-heartbeat": [publish],
        },
        tags=tags,
    )
    profile = aws.iam.InstanceProfile(f"{name}-instance-profile", role=role.role.name, tags=tags, opts=component.child())
    return after(profile.name, *role.policies)
