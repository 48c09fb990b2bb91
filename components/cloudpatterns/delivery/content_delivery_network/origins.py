"""The origins of a ``ContentDeliveryNetwork``, and what lets CloudFront alone reach them."""

from cloudpatterns.blocks.distribution import Origin, Reach, Timeouts, balancer_origin, bucket_origin, vpc_origin, web_origin
from cloudpatterns.blocks.security_group import ingress_rule
from cloudpatterns.core import Component
from cloudpatterns.delivery.content_delivery_network.arguments import CdnBalancer, CdnOrigin, ContentDeliveryNetworkArgs


def create_origin(component: Component, checked: ContentDeliveryNetworkArgs, name: str) -> Origin:
    """An origin, with the access control or the VPC origin that it needs."""
    origin = checked["origins"][name]
    child_name, reach = f"{component.pulumi_resource_name}-{name}", _reach(origin)
    bucket, balancer, server = origin.get("bucket"), origin.get("load_balancer"), origin.get("server")
    if bucket is not None:
        return bucket_origin(component, f"{child_name}-access", name, bucket["regional_domain_name"], reach)
    if balancer is not None:
        return _balancer(component, child_name, name, balancer, reach, checked)
    assert server is not None  # the rules of the arguments hold it
    return web_origin(
        name,
        server["domain_name"],
        https_port=server["https_port"],
        secret_headers=server["secret_headers"],
        timeouts=Timeouts(server["read_timeout_seconds"], server["keepalive_seconds"]),
        reach=reach,
    )


def _reach(origin: CdnOrigin) -> Reach:
    return Reach(
        path=origin.get("path"),
        shield_region=origin.get("shield_region"),
        connection_attempts=origin["connection_attempts"],
        connection_timeout_seconds=origin["connection_timeout_seconds"],
    )


def _balancer(
    component: Component, child_name: str, name: str, balancer: CdnBalancer, reach: Reach, checked: ContentDeliveryNetworkArgs
) -> Origin:
    group_id, list_id = balancer.get("security_group_id"), balancer.get("prefix_list_id")
    if group_id is not None and list_id is not None:
        ingress_rule(
            component,
            f"{child_name}-ingress",
            group_id,
            balancer["https_port"],
            {"prefix_list_id": list_id},
            "From CloudFront",
            checked["tags"],
            region=balancer.get("region"),
        )
    timeouts = Timeouts(balancer["read_timeout_seconds"], balancer["keepalive_seconds"])
    arn, existing = balancer.get("arn"), balancer.get("existing_vpc_origin_id")
    if existing is not None:
        return vpc_origin(name, existing, balancer["domain_name"], timeouts=timeouts, reach=reach)
    assert arn is not None  # the rules of the arguments hold it
    return balancer_origin(
        component,
        f"{child_name}-vpc-origin",
        name,
        arn,
        balancer["domain_name"],
        https_port=balancer["https_port"],
        timeouts=timeouts,
        reach=reach,
        tags=checked["tags"],
    )
