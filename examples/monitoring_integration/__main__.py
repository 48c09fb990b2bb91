"""Monitoring integration: workers with the CloudWatch agent, a dashboard, alarms for people, metrics for Prometheus and Grafana."""

import pulumi
from cloudpatterns.compute import ScaleOut
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, Network
from cloudpatterns.operations import MonitoringIntegration, MonitoringMetricArgs
from cloudpatterns.security import WorkloadRole

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# SNS topics that somebody reads, the second one at night as well.
ALARM_TOPIC_ARN, PAGER_TOPIC_ARN = CONFIG.require("alarm_topic_arn"), CONFIG.require("pager_topic_arn")
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "shop", "CostCenter": "4711", "Environment": pulumi.get_stack()}
LATE: MonitoringMetricArgs = {"namespace": "Shop", "name": "RenderSeconds", "statistic": "p99"}
FAILED: MonitoringMetricArgs = {"namespace": "Shop", "name": "RenderFailures", "statistic": "Sum"}
ALL: MonitoringMetricArgs = {"namespace": "Shop", "name": "Renders", "statistic": "Sum"}

CIDR = "10.48.0.0/16"
# What the agent and Systems Manager call, without a NAT.
ENDPOINTS = ["aps-workspaces", "ec2", "ec2messages", "logs", "monitoring", "ssm", "ssmmessages"]
network = Network("net", {"cidr_block": CIDR, "zones": [f"{REGION}a", f"{REGION}b"], "interface_endpoints": ENDPOINTS})
assert network.s3_prefix_list_id is not None
EGRESS: dict[str, FunctionEgressArgs] = {
    "s3": {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "S3 through its gateway endpoint"},
    "endpoints": {"ports": [443], "cidr": CIDR, "description": "Endpoints of AWS"},
}
firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"render": {"egress": EGRESS}}})
role = WorkloadRole("render", {"service": "ec2.amazonaws.com", "instance_profile": True})
servers = ScaleOut(
    "render",
    {
        "instance_types": ["m7g.large", "m6g.large"],
        "image_parameter": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        "min_size": 2,
        "max_size": 6,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("render")],
        "instance_profile_arn": role.instance_profile_arn,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

monitoring = MonitoringIntegration(
    "shop",
    {
        "watched_auto_scaling_groups": {"render": servers.auto_scaling_group_name},
        "instance_role_names": {"render": role.role_name},
        "charts": {"Renders": {"metrics": [ALL, FAILED]}, "Seconds of a render": {"metrics": [LATE]}},
        "agent": {
            "log_files": {"render": {"file_path": "/var/log/render/*.log", "timestamp_format": "%Y-%m-%dT%H:%M:%S"}},
        },
        "prometheus": {},
        "grafana": {"principal_arns": [CONFIG.require("grafana_role_arn")], "external_id": "shop"},
        "alarms": {
            "renders-slow": {
                "description": "One render in a hundred takes more than a minute: are there enough servers?",
                "metric": LATE,
                "threshold": 60,
                "missing_data": "notBreaching",
                "periods": 15,
                "datapoints": 10,
            },
            "renders-fail": {
                "description": "More than a tenth of the renders fail: the log group of the file render says why",
                "expression": "100 * failed / renders",
                "metrics": {"failed": FAILED, "renders": ALL},
                "threshold": 10,
                "missing_data": "notBreaching",
                "period_seconds": 300,
            },
        },
        "composite_alarms": {
            "outage": {
                "description": "Renders are slow, and many fail: customers notice",
                "alarms": ["renders-slow", "renders-fail"],
                "least_in_alarm": 2,
                "alarm_topic_arns": [PAGER_TOPIC_ARN],
            },
        },
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)

pulumi.export("dashboard", monitoring.dashboard_name)
pulumi.export("workspace_arn", monitoring.workspace_arn)
pulumi.export("grafana_role_arn", monitoring.grafana_role_arn)
