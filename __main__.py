"""The program: settings of the stack -> network, internet egress, storefront."""

import gc
from typing import Any

# The SDK's modules are a million objects that all stay. Looking for garbage among them again and again takes a third of a preview's start.
gc.disable()

import pulumi
from cloudpatterns.network import Network, OnDemandNat
from cloudpatterns.storage import DurableBucket
from cloudpatterns.systems import Storefront

import settings

gc.freeze()
gc.enable()

stack = settings.load()
front = stack.storefront
tags: dict[str, pulumi.Input[str]] = {**stack.tags}

network = Network("network", {**stack.network.as_args("nat"), "tags": tags})

# Versions of the application on servers, by checksum: `make publish` puts them there, and the setting artifact_sha256 chooses one.
artifacts = DurableBucket("artifacts", {"kind": "data", "force_destroy": front.artifact_force_destroy, "tags": tags})
application: dict[str, Any] = {"containers": front.containers.as_args()} if front.containers is not None else {}
if front.servers is not None:
    application["servers"] = front.servers.as_args()
    if front.servers.artifact_sha256 is not None and front.servers.artifact_uri is None:
        place = pulumi.Output.concat("s3://", artifacts.bucket_name, "/", front.servers.artifact_sha256, ".tar.gz")
        application["servers"] |= {"artifact_uri": place, "artifact_kms_key_arn": artifacts.kms_key_arn}

shop = Storefront(
    "shop",
    {
        "database": stack.database.as_args(),
        "cache": stack.cache.as_args(),
        "operators": {operator.name: operator.as_args("name") for operator in stack.operators},
        "vpc_id": network.vpc_id,
        "public_subnet_ids_by_zone": network.subnet_ids("public"),
        "private_subnet_ids_by_zone": network.subnet_ids("private"),
        "data_subnet_ids_by_zone": network.subnet_ids("data"),
        "endpoint_cidr": str(stack.network.cidr_block),
        "s3_prefix_list_id": network.s3_prefix_list_id,
        "internet_egress": stack.network.nat.strategy != "none",
        "dual_stack": stack.network.dual_stack,
        **front.as_args("artifact_force_destroy"),
        **application,
        "tags": tags,
    },
)

nat = OnDemandNat(
    "nat",
    {
        **stack.network.nat.as_args(),
        "vpc_id": network.vpc_id,
        "vpc_cidr_block": network.vpc_cidr_block,
        "public_subnet_ids_by_zone": network.subnet_ids("public"),
        "private_route_table_ids_by_zone": network.route_table_ids("private"),
        "dual_stack": stack.network.dual_stack,
        "alarm_topic_arns": [*front.alarm_topic_arns, *([shop.alarm_topic_arn] if front.alarm_email_addresses else [])],
        "tags": tags,
    },
)

pulumi.export("url", shop.url)
pulumi.export("load_balancer_dns_name", shop.load_balancer_dns_name)
pulumi.export("web_acl_arn", shop.web_acl_arn)
if front.cdn is not None:
    # aws cloudfront create-invalidation --paths '/*' --distribution-id ...
    pulumi.export("distribution_id", shop.distribution_id)
pulumi.export("access_log_bucket", shop.log_bucket_name)
pulumi.export("target_group_arn", shop.target_group_arn)
if front.servers is not None:
    pulumi.export("auto_scaling_group", shop.auto_scaling_group_name)
else:
    pulumi.export("ecs_cluster", shop.cluster_name)
    pulumi.export("ecs_service", shop.service_name)
pulumi.export("server_role_arn", shop.server_role_arn)
pulumi.export("security_groups", shop.security_group_ids)
pulumi.export("log_group", shop.log_group_name)
pulumi.export("artifact_bucket", artifacts.bucket_name)
pulumi.export("artifact_kms_key_arn", artifacts.kms_key_arn)
if front.containers is not None:
    pulumi.export("image", front.containers.image)
elif front.servers is not None and front.servers.artifact_sha256 is not None:
    pulumi.export("artifact_sha256", front.servers.artifact_sha256)
pulumi.export("database_endpoint", shop.database_endpoint)
pulumi.export("database_identifier", shop.database_id)
pulumi.export("database_user_sql", shop.database_user_sql)
# The secret's place, not its value: `aws secretsmanager get-secret-value --secret-id ...` shows it to who may read it.
pulumi.export("database_secret_arn", shop.database_secret_arn)
if front.read_replicas is not None:
    pulumi.export("reader_endpoint", shop.reader_endpoint)
    pulumi.export("reader_sql", shop.reader_sql)
pulumi.export("cache_endpoint", shop.cache_endpoint)
pulumi.export("vpc_id", network.vpc_id)
pulumi.export("private_subnets", network.private_subnet_ids_by_zone)
pulumi.export("nat_public_ips", nat.public_ips)
if nat.runbook_name is not None:
    pulumi.export("nat_runbook", nat.runbook_name)
