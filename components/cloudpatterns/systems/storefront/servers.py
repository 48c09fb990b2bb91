"""What the servers of a storefront are told, and what they scale by."""

from typing import Any

import pulumi

from cloudpatterns.compute import web_server_user_data
from cloudpatterns.database import InMemoryCache, RelationalDatabase
from cloudpatterns.network import LoadBalancer


def user_data(servers: Any, database: RelationalDatabase, cache: InMemoryCache) -> pulumi.Output[str]:
    """The boot script: what to serve, and where database and cache are and as whom to log in."""
    return web_server_user_data(
        app_port=servers["app_port"],
        health_check_path=servers["health_check_path"],
        artifact_uri=servers["artifact_uri"],
        artifact_sha256=servers["artifact_sha256"],
        environment={
            "DATABASE_ENDPOINT": database.endpoint,
            "DATABASE_SECRET_ARN": database.secret_arn,
            "CACHE_ENDPOINT": cache.primary_endpoint,
            "CACHE_PORT": cache.port.apply(str),
            # An IAM login signs a token for this cache and this user.
            # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-Connecting
            "CACHE_NAME": cache.replication_group_id,
            "CACHE_USER": cache.user_name,
        },
    )


def request_tracking(servers: Any, balancer: LoadBalancer) -> dict[str, Any]:
    """What scaling by requests needs; nothing where it is not asked for."""
    if servers["requests_per_target"] is None:
        return {}
    return {
        "load_balancer_arn_suffix": balancer.arn_suffix,
        "target_group_arn_suffix": balancer.target_group_arn_suffix,
    }
