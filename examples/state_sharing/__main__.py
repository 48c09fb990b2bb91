"""State sharing: a function keeps the baskets of customers in a table of sessions, and any copy of it answers the next request."""

import pulumi
from cloudpatterns.database import StateSharing
from cloudpatterns.network import ApiGateway, WebApplicationFirewall

CONFIG = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The Cognito user pool in which the customers are.
USER_POOL_ARN = CONFIG.require("user_pool_arn")

sessions = StateSharing("visits", {"idle_seconds": 1800, "lifetime_seconds": 43_200, "alarm_topic_arns": [ALARM_TOPIC_ARN]})
firewall = WebApplicationFirewall("firewall", {"rate_limit": 2000})

basket = ApiGateway(
    "basket",
    {
        "kind": "rest",
        "account_logging_role": "create",
        "authorizers": {"customers": {"user_pool": {"user_pool_arns": [USER_POOL_ARN]}}},
        "default_authorizer": "customers",
        "functions": {
            "basket": {
                "code": pulumi.FileArchive("app"),
                "runtime_library": True,
                "timeout_seconds": 10,
                "environment": sessions.environment(),
                "statements": sessions.reader_statements(),
            },
        },
        "routes": {route: {"function": "basket"} for route in ("GET /basket", "POST /basket", "POST /checkout", "POST /logout")},
        "web_acl_arn": firewall.web_acl_arn,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# curl -H "Authorization: $TOKEN" --cookie-jar jar --cookie jar -X POST -d '{"article": "book"}' $URL/basket
pulumi.export("url", basket.invoke_url)
pulumi.export("table_name", sessions.table_name)
