"""NFS sharing: the servers of a shop in two zones write uploads that a report reads, over TLS and through access points alone."""

import pulumi
from cloudpatterns.network import FunctionalFirewall, Network
from cloudpatterns.security import WorkloadRole
from cloudpatterns.storage import NfsSharing

ZONES = [f"{pulumi.Config('aws').require('region')}{letter}" for letter in "ab"]
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

network = Network("net", {"cidr_block": "10.47.0.0/16", "zones": ZONES})
firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"shop": {}, "reports": {}}})

files = NfsSharing(
    "files",
    {
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "client_security_group_ids": {"shop": firewall.group_id("shop"), "reports": firewall.group_id("reports")},
        "access_points": {
            "uploads": {"path": "/shop/uploads", "uid": 1000, "gid": 1000, "mount_path": "/srv/uploads"},
            "reports": {"path": "/reports", "uid": 1001, "gid": 1001},
        },
        "lifecycle": {"infrequent_access_days": 30, "archive_days": 90, "back_on_access": True},
        "replication": {"region": "eu-central-1"},
        "deletion_protection": pulumi.Config().get_bool("deletion_protection", True),
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# The servers of the shop write uploads; the report writes its own folder and reads the uploads.
shop = WorkloadRole("shop", {"service": "ec2.amazonaws.com", "instance_profile": True, "statements": files.client_statements("uploads")})
reports = WorkloadRole(
    "reports",
    {
        "service": "ecs-tasks.amazonaws.com",
        "statements": [*files.client_statements("reports"), *files.client_statements("uploads", read_only=True)],
    },
)

# User data of the shop's servers begins with this script; a container's volume takes the ids.
pulumi.export("mount_uploads", files.mount_scripts["uploads"])
pulumi.export("file_system_id", files.file_system_id)
pulumi.export("access_point_ids", files.access_point_ids)
pulumi.export("shop_instance_profile", shop.instance_profile_name)
