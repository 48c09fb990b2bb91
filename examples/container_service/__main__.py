"""Container service: a shop on Fargate; each new version gets a tenth of the requests first, and is rolled back when it fails them."""

import pulumi
from cloudpatterns.compute import ContainerService
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, LoadBalancer, Network, WebApplicationFirewall

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
PORT = 8080

# Images come from Amazon ECR, secrets and logs go to AWS, all by endpoints: the containers have no internet egress.
network = Network(
    "net",
    {
        "cidr_block": "10.47.0.0/16",
        "zones": [f"{REGION}a", f"{REGION}b"],
        "interface_endpoints": ["ecr.api", "ecr.dkr", "logs", "secretsmanager"],
    },
)
# A network that is new has the prefix list.
assert network.s3_prefix_list_id is not None
egress: FunctionEgressArgs = {"ports": [443], "cidr": "10.47.0.0/16", "description": "Endpoints of AWS"}
layers: FunctionEgressArgs = {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "Layers of images, in S3"}
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "http": {"internet": True},
            "https": {"internet": True},
            "app": {"ports": [PORT], "callers": ["https"], "egress": {"endpoints": egress, "layers": layers}},
        },
    },
)
balancer = LoadBalancer(
    "web",
    {
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("http"), firewall.group_id("https")],
        "certificate_arn": CONFIG.require("certificate_arn"),
        "target_port": PORT,
        "target_type": "ip",
        "health_check_path": "/healthz",
        "deregistration_delay_seconds": 30,
        # ECS moves the requests between two target groups.
        "alternate_target_group": True,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
WebApplicationFirewall("waf", {"associations": {"balancer": balancer.load_balancer_arn}})

shop = ContainerService(
    "shop",
    {
        "image": CONFIG.require("image"),
        "port": PORT,
        "user": "1000",
        "environment": {"PORT": str(PORT)},
        "secrets": {"PAYMENT_TOKEN": {"secret_arn": CONFIG.require("token_secret_arn"), "json_key": "token"}},
        "volumes": {"scratch": {}},
        "mounts": {"/tmp": {"volume": "scratch"}},
        "min_tasks": 2,
        "max_tasks": 20,
        # Two tasks that stay, and half of all others at the price of Spot.
        "on_demand_base": 2,
        "spot_percentage": 50,
        "deployment": {"strategy": "CANARY", "canary_percent": 10, "canary_bake_time_minutes": 10},
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("app")],
        "target_group_arns": [balancer.target_group_arn],
        "load_balancer_arn_suffix": balancer.arn_suffix,
        "alternate_target_group_arn": balancer.alternate_target_group_arn,
        "production_listener_rule_arn": balancer.production_listener_rule_arn,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

pulumi.export("url", pulumi.Output.concat("https://", balancer.dns_name))
pulumi.export("service", shop.service_name)
pulumi.export("log_group", shop.log_group_name)
