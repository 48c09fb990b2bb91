"""Content delivery network: a shop under one name, with pages from buckets in two Regions and an API that nobody reaches but CloudFront."""

import pulumi
from cloudpatterns.delivery import ContentDeliveryNetwork

config = pulumi.Config()

shop = ContentDeliveryNetwork(
    "shop",
    {
        "domain_names": [config.require("domain_name")],
        "hosted_zone_id": config.require("hosted_zone_id"),
        "origins": {
            "pages": {"bucket": {"regional_domain_name": config.require("pages_bucket")}},
            # When S3 in the first Region fails, viewers get the copy.
            "pages-copy": {"bucket": {"regional_domain_name": config.require("pages_copy_bucket")}},
            "api": {
                "load_balancer": {
                    "arn": config.require("load_balancer_arn"),
                    "domain_name": config.require("domain_name"),
                    # The load balancer's only inbound rule.
                    "security_group_id": config.require("load_balancer_security_group_id"),
                    "prefix_list_id": config.require("cloudfront_prefix_list_id"),
                }
            },
        },
        "default_behavior": {"origin": "pages", "failover_origin": "pages-copy"},
        "behaviors": [
            {"path_pattern": "/api/*", "origin": "api"},
            # What is on offer may be five minutes old.
            {
                "path_pattern": "/offers/*",
                "origin": "api",
                "methods": "read",
                "caching": {"default_seconds": 300, "max_seconds": 300, "query_strings": ["page"]},
                "requests": "none",
            },
        ],
        "error_pages": [{"code": 404, "page_path": "/errors/404.html"}, {"code": 503, "page_path": "/errors/503.html"}],
        "headers": {"content_security_policy": "default-src 'self'"},
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("url", shop.url)
pulumi.export("invalidation_command", shop.invalidation_command("/*"))
