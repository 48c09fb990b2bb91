"""URL rewriting: the load balancer of a shop sends viewers of pictures to a CDN, which sends those of old seasons to their archive."""

import pulumi
from cloudpatterns.delivery import ContentDeliveryNetwork, UrlRewriting

config = pulumi.Config()
pictures_name = config.require("pictures_name")

moved = UrlRewriting(
    "moved",
    {
        "domain_names": [config.require("shop_name")],
        "listener_arn": config.require("listener_arn"),
        "rules": {
            "logo": {"path": "/images/logo.png", "priority": 110, "to_host": pictures_name, "to_path": "/brand/logo.svg"},
            "images": {"path": "/images/*", "priority": 120, "to_host": pictures_name},
        },
    },
)

seasons = UrlRewriting(
    "seasons",
    {
        "domain_names": [pictures_name],
        "cloudfront_function": True,
        "rules": {"summer": {"path": "/images/summer/*", "priority": 10, "to_path": "/archive/2026/summer/{rest}", "status": 302}},
        "alarm_topic_arns": [config.require("edge_alarm_topic_arn")],
    },
)

pictures = ContentDeliveryNetwork(
    "pictures",
    {
        "domain_names": [pictures_name],
        "hosted_zone_id": config.require("hosted_zone_id"),
        "origins": {
            "pictures": {"bucket": {"regional_domain_name": config.require("pictures_bucket")}},
            "copy": {"bucket": {"regional_domain_name": config.require("pictures_copy_bucket")}},
        },
        "default_behavior": {"origin": "pictures", "failover_origin": "copy", "request_function_arn": seasons.function_arn},
        "alarm_topic_arns": [config.require("edge_alarm_topic_arn")],
    },
)

pulumi.export("url", pictures.url)
