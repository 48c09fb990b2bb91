"""Kafka stream: the shop's servers write orders into a topic, a function bills each once, and other groups may read them all again."""

import pulumi
from cloudpatterns.messaging import KafkaStream
from cloudpatterns.network import FunctionalFirewall, Network
from cloudpatterns.security import WorkloadRole

ZONES = [f"{pulumi.Config('aws').require('region')}{letter}" for letter in "abc"]
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

network = Network("net", {"cidr_block": "10.44.0.0/16", "zones": ZONES})
firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"shop": {}}})

orders = KafkaStream(
    "orders",
    {
        "brokers": {"instance_type": "express.m7g.large", "properties": {"log.retention.hours": "168"}},
        "topics": {"orders": {"partitions": 12}},
        "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
        "vpc_id": network.vpc_id,
        "client_security_group_ids": {"shop": firewall.group_id("shop")},
        "consumers": {
            "billing": {"topic": "orders", "function": {"code": pulumi.FileArchive("app")}, "maximum_retry_attempts": 5, "most_lag": 1000},
        },
        # The pollers of the function write records that failed to S3 through the VPC's endpoint.
        "s3_prefix_list_id": network.s3_prefix_list_id or "",
        # A group of clients that run elsewhere.
        "consumer_groups": {"search": {"topic": "orders", "group": "search"}},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# The servers of the shop write, and do nothing else with the cluster.
shop = WorkloadRole("shop", {"service": "ec2.amazonaws.com", "instance_profile": True, "statements": orders.producer_statements("orders")})

# Clients use SASL_SSL with the mechanism AWS_MSK_IAM or OAUTHBEARER: https://github.com/aws/aws-msk-iam-auth
pulumi.export("bootstrap_brokers", orders.bootstrap_brokers)
pulumi.export("shop_instance_profile", shop.instance_profile_name)
