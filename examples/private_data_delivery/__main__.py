"""Private data delivery: videos and papers of courses for those who paid, while the pair of keys that signs is replaced by a new one."""

import pulumi
from cloudpatterns.delivery import PrivateDataDelivery

config = pulumi.Config()

courses = PrivateDataDelivery(
    "courses",
    {
        "domain_names": config.require_object("domain_names"),
        "hosted_zone_id": config.require("hosted_zone_id"),
        # What the retiring pair signed holds for an hour; after that it goes.
        "signing_keys": {
            "a": {"public_key": config.require("retiring_public_key")},
            "b": {"public_key": config.require("public_key"), "private_key_secret_arn": config.require("signing_secret_arn")},
        },
        "sign_with": "b",
        "max_expiry_seconds": 3600,
        "cookie_domain": "courses.example.com",
        "open_paths": ["/previews/*"],
        "denied_page": "errors/denied.html",
        "replication": {"region": "eu-central-1"},
        "caller_role_names": {"web": config.require("web_role_name")},
        "alarm_topic_arns": [config.require("edge_alarm_topic_arn")],
        "function_alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

pulumi.export("url", courses.url)
pulumi.export("function_name", courses.function_name)
pulumi.export("bucket_name", courses.bucket_name)
