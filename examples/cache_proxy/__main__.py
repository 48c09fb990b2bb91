"""Cache proxy: readers in the office get a newspaper's articles and pictures from proxies, also while the articles' containers are down."""

import pulumi
from cloudpatterns.compute import ContainerService
from cloudpatterns.delivery import CacheProxy
from cloudpatterns.network import FunctionalFirewall, FunctionEgressArgs, Network, ServiceDiscovery
from cloudpatterns.security import WorkloadRole
from cloudpatterns.storage import DurableBucket

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
CIDR = "10.52.0.0/16"
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "newsroom", "CostCenter": "4711", "Environment": pulumi.get_stack()}

# No internet egress: packages, layers and pictures are in S3, which has a gateway in the network; all else has endpoints.
network = Network(
    "net",
    {
        "cidr_block": CIDR,
        "zones": [f"{REGION}a", f"{REGION}b"],
        "interface_endpoints": ["ec2messages", "ecr.api", "ecr.dkr", "logs", "ssm", "ssmmessages"],
    },
)
# A network that is new has the prefix list.
assert network.s3_prefix_list_id is not None
egress: dict[str, FunctionEgressArgs] = {
    "s3": {"ports": [443], "prefix_list_id": network.s3_prefix_list_id, "description": "Packages, layers and pictures, in S3"},
    "endpoints": {"ports": [443], "cidr": CIDR, "description": "Endpoints of AWS"},
}
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "readers": {},
            "https": {"internet": False, "callers": ["readers"]},
            "proxies": {"ports": [8080], "callers": ["https"], "egress": egress},
            "articles": {"ports": [8000], "callers": ["proxies"], "egress": egress},
        },
    },
)

names = ServiceDiscovery("names", {"vpc_id": network.vpc_id, "domain_name": "news.internal", "services": {"articles": {}}})
articles = ContainerService(
    "articles",
    {
        "image": CONFIG.require("image"),
        "port": 8000,
        "user": "1000",
        "min_tasks": 2,
        "max_tasks": 6,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("articles")],
        "discovery_service_arn": names.service_arn("articles"),
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
pictures = DurableBucket("pictures", {"kind": "data"})

cache = CacheProxy(
    "cache",
    {
        "origins": {
            "/": {"service": {"host_name": names.host_names["articles"], "port": 8000}},
            "/pictures/": {
                "bucket": {
                    "arn": pictures.bucket_arn,
                    "regional_domain_name": pictures.bucket_regional_domain_name,
                    "kms_key_arn": pictures.kms_key_arn,
                },
                "default_ttl_seconds": 86_400,
            },
        },
        # Readers who sign in get their own pages from the containers.
        "private_cookies": ["session"],
        "instance_types": ["t4g.small"],
        "max_size": 6,
        "load_balancer": {"certificate_arn": CONFIG.require("certificate_arn"), "http_redirect": False},
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("proxies")],
        "load_balancer_subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "load_balancer_security_group_ids": [firewall.group_id("https")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
        "tags": TAGS,
    },
)
# The function that publishes an article purges its pages.
publisher = WorkloadRole("publisher", {"service": "lambda.amazonaws.com", "statements": cache.purge_statements()})

pulumi.export("host_name", cache.dns_name)
pulumi.export("purge_document", cache.purge_document_name)
pulumi.export("publisher_role_arn", publisher.role_arn)
