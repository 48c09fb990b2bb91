"""A NAT instance: one small Amazon Linux router with an address that stays."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, Statement, assume_role, document, partition_of

Tags = Mapping[str, pulumi.Input[str]]

# Graviton families carry a g after the generation: t4g, c7gn, im4gn, x2gd; a1 is the first of them.
_ARM = re.compile(r"a1\.|[a-z]+\d+[a-z]*g[a-z]*\.")


@dataclass(frozen=True)
class NatInstance:
    """The instance, the network interface that routes lead to, its address and its security group."""

    instance: aws.ec2.Instance
    interface: aws.ec2.NetworkInterface
    address: aws.ec2.Eip
    group: aws.ec2.SecurityGroup


def image_architecture(instance_type: str) -> str:
    """``arm64`` or ``x86_64``, as Amazon Linux calls the processors of an instance type."""
    return "arm64" if _ARM.match(instance_type) else "x86_64"


def make_instance(
    component: Component,
    name: str,
    *,
    vpc_id: pulumi.Input[str],
    vpc_cidr_block: pulumi.Input[str],
    subnet_id: pulumi.Input[str],
    instance_type: str,
    egress_ports: Sequence[int],
    kms_key_arn: pulumi.Input[str] | None,
    closes_after_first_boot: bool,
    tags: Tags,
) -> NatInstance:
    """The instance and what it needs.

    https://docs.aws.amazon.com/vpc/latest/userguide/work-with-nat-instances.html
    """
    own_tags = {"Name": name, **tags}
    group = _security_group(component, name, vpc_id, vpc_cidr_block, egress_ports, tags)
    # Interface and address come first and outlive the instance: routes and other people's allow-lists stay, and the first boot, which has
    # to fetch the packet filter, finds the internet.
    interface = aws.ec2.NetworkInterface(
        f"{name}-interface",
        subnet_id=subnet_id,
        security_groups=[group.id],
        # Else it drops what is not addressed to itself.
        source_dest_check=False,
        description="NAT instance",
        tags=own_tags,
        opts=component.child(),
    )
    address = aws.ec2.Eip(f"{name}-instance-address", domain="vpc", network_interface=interface.id, tags=own_tags, opts=component.child())
    template = _template(component, name, image_architecture(instance_type), kms_key_arn, tags)
    instance = aws.ec2.Instance(
        f"{name}-instance",
        # A number, not $Latest: no later version of the template replaces the instance.
        launch_template={"id": template.id, "version": "1"},
        instance_type=instance_type,
        primary_network_interface={"network_interface_id": interface.id},
        iam_instance_profile=_profile(component, name, tags),
        user_data=pulumi.Output.from_input(vpc_cidr_block).apply(lambda cidr: user_data(cidr, closes_after_first_boot)),
        # Changed in place it would be stopped and started, and the script would not run again.
        user_data_replace_on_change=True,
        instance_initiated_shutdown_behavior="stop",
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        tags=own_tags,
        volume_tags=own_tags,
        opts=component.child(
            depends_on=[address],
            # The interface fits one instance at a time.
            delete_before_replace=True,
            # A change of type in place ends with a start, and would open the way outside its windows.
            replace_on_changes=["instanceType"],
            # The provider reads it from the interface, which owns it, but refuses it as an argument here, and would switch it on again.
            # https://github.com/hashicorp/terraform-provider-aws/issues/44768
            ignore_changes=["sourceDestCheck"],
        ),
    )
    return NatInstance(instance, interface, address, group)


def make_alarms(component: Component, name: str, instance: aws.ec2.Instance, topic_arns: Sequence[pulumi.Input[str]], tags: Tags) -> None:
    """Alarms that move the instance off broken hardware, and reboot it when its own checks fail."""
    # Recover after two minutes, reboot after three, so that both never act at once.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/UsingAlarmActions.html
    for suffix, metric, minutes, action in (
        ("recover", "StatusCheckFailed_System", 2, "recover"),
        ("reboot", "StatusCheckFailed_Instance", 3, "reboot"),
    ):
        aws.cloudwatch.MetricAlarm(
            f"{name}-{suffix}",
            alarm_description=f"The NAT instance fails {metric}; CloudWatch does {action} on it",
            namespace="AWS/EC2",
            metric_name=metric,
            dimensions={"InstanceId": instance.id},
            statistic="Maximum",
            period=60,
            evaluation_periods=minutes,
            threshold=1,
            comparison_operator="GreaterThanOrEqualToThreshold",
            alarm_actions=[
                pulumi.Output.concat("arn:", partition_of(instance.arn), ":automate:", instance.region, ":ec2:", action),
                *topic_arns,
            ],
            tags=dict(tags),
            opts=component.child(),
        )


def user_data(vpc_cidr_block: str, closes_after_first_boot: bool) -> str:
    """The boot script with its settings before it."""
    script = (Path(__file__).parent / "on_aws/nat_instance.sh").read_text(encoding="utf-8")
    return (
        f"#!/bin/bash\nNAT_SOURCE_CIDR={shlex.quote(vpc_cidr_block)}\nNAT_CLOSE_AFTER_FIRST_BOOT={int(closes_after_first_boot)}\n{script}"
    )


def _security_group(
    component: Component,
    name: str,
    vpc_id: pulumi.Input[str],
    vpc_cidr_block: pulumi.Input[str],
    ports: Sequence[int],
    tags: Tags,
) -> aws.ec2.SecurityGroup:
    group = aws.ec2.SecurityGroup(
        f"{name}-group",
        vpc_id=vpc_id,
        description="NAT instance: admits the VPC alone",
        tags={"Name": name, **tags},
        opts=component.child(),
    )
    # Name resolution, the clock and the metadata are no matter of security groups, and answers come back by themselves:
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
    for port in ports:
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from-vpc-{port}",
            security_group_id=group.id,
            description=f"What the VPC sends outward, TCP {port}",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4=vpc_cidr_block,
            tags=dict(tags),
            opts=component.child(),
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-internet-{port}",
            security_group_id=group.id,
            description=f"To the internet on behalf of the VPC, TCP {port}",
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4="0.0.0.0/0",
            tags=dict(tags),
            opts=component.child(),
        )
    return group


def _template(
    component: Component, name: str, architecture: str, kms_key_arn: pulumi.Input[str] | None, tags: Tags
) -> aws.ec2.LaunchTemplate:
    """The image and the disk: `resolve:ssm:` works in a launch template only, and the disk's encryption goes with the image."""
    return aws.ec2.LaunchTemplate(
        f"{name}-template",
        image_id=f"resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}",
        block_device_mappings=[
            {
                "device_name": "/dev/xvda",
                "ebs": {
                    "encrypted": "true",
                    "volume_type": "gp3",
                    "delete_on_termination": "true",
                    **({} if kms_key_arn is None else {"kms_key_id": kms_key_arn}),
                },
            }
        ],
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        tags={"Name": name, **tags},
        # Processors and disk key make a new template, whose first version the instance is made from; what else changes leaves it alone.
        opts=component.child(replace_on_changes=["imageId", "blockDeviceMappings"]),
    )


def _profile(component: Component, name: str, tags: Tags) -> pulumi.Output[str]:
    role = aws.iam.Role(
        f"{name}-instance-role",
        description="Lets Systems Manager look after a NAT instance",
        assume_role_policy=assume_role("ec2.amazonaws.com"),
        tags=dict(tags),
        opts=component.child(),
    )
    attachment = aws.iam.RolePolicyAttachment(
        f"{name}-instance-ssm",
        role=role.name,
        policy_arn=pulumi.Output.concat("arn:", partition_of(role.arn), ":iam::aws:policy/AmazonSSMManagedInstanceCore"),
        opts=component.child(),
    )
    # The policy lets an instance read every parameter of the account; a router needs none.
    # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
    fence = aws.iam.RolePolicy(
        f"{name}-instance-fence",
        role=role.id,
        policy=document(Statement(effect="Deny", actions=["ssm:GetParameter*"], resources=["*"])),
        opts=component.child(),
    )
    profile = aws.iam.InstanceProfile(f"{name}-instance-profile", role=role.name, tags=dict(tags), opts=component.child())
    return pulumi.Output.all(profile.name, attachment.id, fence.id).apply(lambda values: values[0])
