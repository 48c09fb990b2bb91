"""Auto recovery: a licence server, of which there may be one alone, moves to other hardware when its own fails."""

import pulumi
import pulumi_aws as aws
from cloudpatterns.compute import AutoRecovery
from cloudpatterns.network import FunctionalFirewall, Network
from cloudpatterns.security import WorkloadRole, session_manager_statements

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
INSTANCE_TYPE = "m7g.medium"

network = Network(
    "net",
    {"cidr_block": "10.46.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"], "interface_endpoints": ["ssm", "ssmmessages", "ec2messages"]},
)
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "clients": {},
            "licence": {
                "ports": [27000],
                "callers": ["clients"],
                "egress": {"endpoints": {"ports": [443], "cidr": "10.46.0.0/16", "description": "Endpoints of AWS"}},
            },
        },
    },
)
role = WorkloadRole("licence", {"service": "ec2.amazonaws.com", "instance_profile": True, "statements": session_manager_statements()})

server = aws.ec2.Instance(
    "licence",
    # An image with the licence server, which starts at boot by itself.
    ami=CONFIG.require("image_id"),
    instance_type=INSTANCE_TYPE,
    subnet_id=network.private_subnet_ids_by_zone[f"{REGION}a"],
    vpc_security_group_ids=[firewall.group_id("licence")],
    iam_instance_profile=role.instance_profile_name,
    associate_public_ip_address=False,
    metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
    root_block_device={"encrypted": True, "volume_type": "gp3"},
    ebs_optimized=True,
    monitoring=True,
    disable_api_termination=True,
    tags={"Name": "licence"},
)

recovery = AutoRecovery(
    "recovery",
    {
        "region": REGION,
        "instance_ids": {"licence": server.id},
        "instance_types": {"licence": INSTANCE_TYPE},
        "reboot": True,
        "alarm_topic_arns": [CONFIG.require("alarm_topic_arn")],
    },
)

pulumi.export("instance_id", server.id)
pulumi.export("alarms", recovery.recover_alarm_arns)
