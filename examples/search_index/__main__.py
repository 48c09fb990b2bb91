"""Search index: visitors of a shop search its products in a domain; the support finds similar questions in a serverless collection."""

import pulumi
from cloudpatterns.database import SearchIndex
from cloudpatterns.network import FunctionalFirewall, Network

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# Roles that are there: of whoever creates indexes, of the web servers, and of the function that writes what the database has.
ADMIN_ROLE_ARN = CONFIG.require("admin_role_arn")
ROLES = {
    "reader_role_arns": {"web": CONFIG.require("web_role_arn")},
    "writer_role_arns": {"indexer": CONFIG.require("indexer_role_arn")},
}

network = Network("net", {"cidr_block": "10.55.0.0/16", "zones": [f"{REGION}{zone}" for zone in "abc"]})
firewall = FunctionalFirewall(
    "firewall", {"vpc_id": network.vpc_id, "functions": {"web": {}, "search": {"callers": ["web"], "ports": [443]}}}
)

products = SearchIndex(
    "products",
    {
        "domain": {"engine_version": "OpenSearch_3.1", "instance_count": 3, "volume_gib": 100},
        "index_patterns": ["products-*"],
        "admin_role_arn": ADMIN_ROLE_ARN,
        **ROLES,
        "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("search")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

questions = SearchIndex(
    "questions",
    {
        "collection": {"type": "VECTORSEARCH", "max_search_ocus": 4, "max_indexing_ocus": 4},
        "admin_role_arn": ADMIN_ROLE_ARN,
        **ROLES,
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("search")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

pulumi.export("products_url", products.endpoint)
# The administrator sends them once, from a server in the VPC: pulumi stack output access_requests
pulumi.export("access_requests", products.access_requests)
pulumi.export("questions_url", questions.endpoint)
