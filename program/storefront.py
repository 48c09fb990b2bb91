"""The storefront: the sections `storefront`, `database`, `cache` and `operators`."""

from typing import Any

import pulumi
from cloudpatterns.network import Network
from cloudpatterns.storage import DurableBucket
from cloudpatterns.systems import Storefront

import settings
from settings.database import AURORA


def deploy_storefront(shop: settings.Shop, network: Network, tags: dict[str, pulumi.Input[str]]) -> Storefront:
    """The storefront in a network, and the bucket with the versions of its application."""
    front = shop.storefront
    # Versions of the application on servers, by checksum: `make publish` puts them there, and the setting artifact_sha256 chooses one.
    artifacts = DurableBucket("artifacts", {"kind": "data", "force_destroy": front.artifact_force_destroy, "tags": tags})
    made = Storefront(
        "shop",
        {
            "database": shop.database.as_args(),
            "cache": shop.cache.as_args(),
            "operators": {operator.name: operator.as_args("name") for operator in shop.operators},
            "vpc_id": network.vpc_id,
            "public_subnet_ids_by_zone": network.subnet_ids("public"),
            "private_subnet_ids_by_zone": network.subnet_ids("private"),
            "data_subnet_ids_by_zone": network.subnet_ids("data"),
            "endpoint_cidr": str(shop.network.cidr_block),
            "s3_prefix_list_id": network.s3_prefix_list_id,
            "internet_egress": shop.network.nat.strategy != "none",
            "dual_stack": shop.network.dual_stack,
            **front.as_args("artifact_force_destroy"),
            **_application(front, artifacts),
            "tags": tags,
        },
    )
    _export(front, made)
    pulumi.export("artifact_bucket", artifacts.bucket_name)
    pulumi.export("artifact_kms_key_arn", artifacts.kms_key_arn)
    return made


def _application(front: settings.Storefront, artifacts: DurableBucket) -> dict[str, Any]:
    """Servers or containers; a version in the stack's own bucket is named by its checksum alone."""
    if front.containers is not None:
        return {"containers": front.containers.as_args()}
    if front.servers is None:
        return {}
    servers = front.servers.as_args()
    if front.servers.artifact_sha256 is not None and front.servers.artifact_uri is None:
        place = pulumi.Output.concat("s3://", artifacts.bucket_name, "/", front.servers.artifact_sha256, ".tar.gz")
        servers |= {"artifact_uri": place, "artifact_kms_key_arn": artifacts.kms_key_arn}
    return {"servers": servers}


def _export(front: settings.Storefront, made: Storefront) -> None:
    pulumi.export("url", made.url)
    pulumi.export("load_balancer_dns_name", made.load_balancer_dns_name)
    pulumi.export("web_acl_arn", made.web_acl_arn)
    if front.cdn is not None:
        # aws cloudfront create-invalidation --paths '/*' --distribution-id ...
        pulumi.export("distribution_id", made.distribution_id)
    pulumi.export("access_log_bucket", made.log_bucket_name)
    pulumi.export("target_group_arn", made.target_group_arn)
    if front.servers is not None:
        pulumi.export("auto_scaling_group", made.auto_scaling_group_name)
        if front.servers.artifact_sha256 is not None:
            pulumi.export("artifact_sha256", front.servers.artifact_sha256)
    if front.containers is not None:
        pulumi.export("ecs_cluster", made.cluster_name)
        pulumi.export("ecs_service", made.service_name)
        pulumi.export("image", front.containers.image)
    pulumi.export("server_role_arn", made.server_role_arn)
    pulumi.export("security_groups", made.security_group_ids)
    pulumi.export("log_group", made.log_group_name)
    pulumi.export("database_endpoint", made.database_endpoint)
    pulumi.export("database_identifier", made.database_id)
    pulumi.export("database_user_sql", made.database_user_sql)
    # The secret's place, not its value: `aws secretsmanager get-secret-value --secret-id ...` shows it to who may read it.
    pulumi.export("database_secret_arn", made.database_secret_arn)
    if front.read_replicas is not None:
        pulumi.export("reader_endpoint", made.reader_endpoint)
        pulumi.export("reader_sql", made.reader_sql)
    pulumi.export("cache_endpoint", made.cache_endpoint)


def storefront_parts(shop: settings.Shop, made: Storefront) -> dict[str, Any]:
    """The parts of the storefront that a dashboard shows (`monitoring`), and the keys of what is backed up (`backup`)."""
    front, cache = shop.storefront, shop.cache
    database = "cluster_id" if shop.database.engine in AURORA else "instance_id"
    nodes = {"replication_group_id": made.cache_id, "nodes": cache.replicas + 1}
    parts: dict[str, Any] = {
        "key_arns": [made.database_kms_key_arn],
        "watched_load_balancers": {
            "shop": {"load_balancer_arn": made.load_balancer_arn, "target_group_arn": made.target_group_arn},
        },
        "watched_databases": {"shop": {database: made.database_id}},
        "watched_caches": {"shop": nodes if cache.serverless is None else {"serverless_cache_name": made.cache_id}},
    }
    if front.cdn is not None:
        parts["watched_distributions"] = {"shop": made.distribution_id}
    if front.servers is not None:
        parts["watched_auto_scaling_groups"] = {"shop": made.auto_scaling_group_name}
        # For the agent of a dashboard.
        return {**parts, "instance_role_names": {"shop": made.server_role_arn.apply(lambda arn: arn.rpartition("/")[2])}}
    return {**parts, "watched_services": {"shop": {"cluster_name": made.cluster_name, "service_name": made.service_name}}}
