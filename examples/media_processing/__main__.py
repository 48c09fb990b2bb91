"""Media processing: photos that the users of a shop upload are checked, rendered in four forms, indexed, and delivered by a CDN."""

import pulumi
from cloudpatterns.systems import MediaProcessing

CONFIG = pulumi.Config()

media = MediaProcessing(
    "media",
    {
        # python build_layer.py builds it, and shows the command that publishes it.
        "pillow_layer_arn": CONFIG.require("pillow_layer_arn"),
        "renditions": {
            "thumbnail": {"width": 256, "height": 256, "fit": "cover"},
            "page": {"width": 1024, "height": 1024, "format": "avif", "quality": 60},
            "fallback": {"width": 1024, "height": 1024, "format": "jpeg"},
            # An animation moves here alone.
            "moving": {"width": 320, "height": 320, "animated": True},
        },
        "cdn": {
            "domain_names": ["media.example.com"],
            "hosted_zone_id": CONFIG.require("hosted_zone_id"),
            "alarm_topic_arns": [CONFIG.require("edge_alarm_topic_arn")],
        },
        "allowed_origins": ["https://www.example.com"],
        "api": {"kind": "rest", "firewall": {"rate_limit": 2000}},
        "authorizer": {"user_pool": {"user_pool_arns": [CONFIG.require("user_pool_arn")]}},
        "account_logging_role": "create",
        "alarm_topic_arns": [CONFIG.require("alarm_topic_arn")],
    },
)

# curl -H "Authorization: $TOKEN" -d '{"content_type": "image/jpeg", "redirect": false}' $URL/uploads; then send the form with the picture.
# curl -H "Authorization: $TOKEN" $URL/pictures
pulumi.export("api_url", media.api_url)
pulumi.export("media_url", media.media_url)
# Once more, with other renditions: aws sqs send-message --queue-url ... --message-body '{"upload": "pictures/<owner>/<id>"}'
pulumi.export("queue_url", media.queue_url)
# When the cause is fixed: aws sqs start-message-move-task --source-arn ...
pulumi.export("dead_letter_queue_arns", media.dead_letter_queue_arns)
