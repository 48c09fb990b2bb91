"""On-demand disk: a search server keeps its index on two striped volumes, which outlive it and grow while they are used."""

import pulumi
import pulumi_aws as aws
from cloudpatterns.network import FunctionalFirewall, Network
from cloudpatterns.security import WorkloadRole
from cloudpatterns.storage import OnDemandDisk

ZONES = [f"{pulumi.Config('aws').require('region')}{letter}" for letter in "ab"]
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

network = Network("net", {"cidr_block": "10.46.0.0/16", "zones": ZONES})
# Packages come through the VPC's endpoint for S3; Systems Manager and CloudWatch through the NAT gateway.
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "search": {
                "egress": {"aws": {"ports": [443], "cidr": "0.0.0.0/0", "description": "Systems Manager, CloudWatch, packages"}},
            },
        },
    },
)

disk = OnDemandDisk(
    "index",
    {
        # To grow the disk: raise both sizes. EBS takes four changes of a volume in 24 hours.
        "volumes": {"first": {"size_gib": 200}, "second": {"size_gib": 200, "device_name": "/dev/sdg"}},
        "layout": "striped",
        "mount_path": "/srv/index",
        "availability_zone": ZONES[0],
        "backup_tags": {"backup": "daily"},
        "deletion_protection": pulumi.Config().get_bool("deletion_protection", True),
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
role = WorkloadRole("search", {"service": "ec2.amazonaws.com", "instance_profile": True, "statements": disk.instance_statements()})
template = aws.ec2.LaunchTemplate(
    "search-template",
    image_id="resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    block_device_mappings=[{"device_name": "/dev/xvda", "ebs": {"volume_type": "gp3", "encrypted": "true"}}],
    metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
)
server = aws.ec2.Instance(
    "search",
    launch_template={"id": template.id, "version": "1"},
    instance_type="r7g.large",
    subnet_id=network.private_subnet_ids_by_zone[ZONES[0]],
    vpc_security_group_ids=[firewall.group_id("search")],
    iam_instance_profile=role.instance_profile_name,
    metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
    # The disk is there before what needs it starts; whatever follows the script may use /srv/index.
    user_data=disk.boot_script,
    tags={"Name": "search"},
    # Later changes of the disk come through Systems Manager: changed user data would stop the server.
    opts=pulumi.ResourceOptions(ignore_changes=["userData"]),
)
disk.attach(server.id)

pulumi.export("volumes", disk.volume_ids)
pulumi.export("server", server.id)
