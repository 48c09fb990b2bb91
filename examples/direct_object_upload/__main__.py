"""Direct object upload: customers send receipts to S3 by forms, and a topic tells of each that is clean and what it says it is."""

import pulumi
from cloudpatterns.messaging import FanOut
from cloudpatterns.network import ApiGateway, WebApplicationFirewall
from cloudpatterns.uploads import DirectObjectUpload

CONFIG = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The Cognito user pool in which the customers are.
USER_POOL_ARN = CONFIG.require("user_pool_arn")
PAGE = "https://shop.example.com"

# A service of accounting polls the queue.
receipts = FanOut("receipts", {"subscribers": {"accounting": {}}, "alarm_topic_arns": [ALARM_TOPIC_ARN]})

uploads = DirectObjectUpload(
    "uploads",
    {
        "forms": {
            "receipts": {
                "content_types": ["application/pdf", "image/jpeg", "image/png"],
                "max_size_mib": 10,
                "success_redirect_url": f"{PAGE}/receipts",
            }
        },
        "allowed_origins": [PAGE],
        "completion_function": {
            "code": pulumi.FileArchive("app"),
            "environment": {"TOPIC_ARN": receipts.topic_arn},
            "statements": receipts.publish_statements(),
        },
        "retention_days": 3650,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

firewall = WebApplicationFirewall("firewall", {"rate_limit": 2000})

api = ApiGateway(
    "api",
    {
        "kind": "rest",
        "account_logging_role": "create",
        "authorizers": {"customers": {"user_pool": {"user_pool_arns": [USER_POOL_ARN]}}},
        "default_authorizer": "customers",
        "routes": {"POST /uploads": {"function_arn": uploads.function_arn}, "GET /uploads": {"function_arn": uploads.function_arn}},
        "web_acl_arn": firewall.web_acl_arn,
        "cors": {"allowed_origins": [PAGE]},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# upload.html sends a file by it.
pulumi.export("uploads_url", pulumi.Output.concat(api.invoke_url, "/uploads"))
pulumi.export("bucket", uploads.bucket_name)
