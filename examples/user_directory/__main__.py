"""User directory: customers of a site sign in with an authenticator app, and an API accepts their tokens."""

import pulumi
from cloudpatterns.network import ApiGateway, WebApplicationFirewall
from cloudpatterns.security import UserDirectory

CONFIG = pulumi.Config()
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# A verified identity of SES, and the hosted zone of example.com.
EMAIL_IDENTITY_ARN, ZONE_ID = CONFIG.require("email_identity_arn"), CONFIG.require("zone_id")
SITE = "https://www.example.com/"

firewall = WebApplicationFirewall("firewall", {"rate_limit": 1000})

customers = UserDirectory(
    "customers",
    {
        "custom_domain": {"domain_name": "login.example.com", "hosted_zone_id": ZONE_ID},
        "email": {"identity_arn": EMAIL_IDENTITY_ARN, "from_address": "Example <login@example.com>"},
        "attributes": {"customer_number": {"mutable": False, "max_length": 12}},
        "groups": {"editors": {"description": "May change the catalogue", "precedence": 1}},
        "resource_servers": {"https://api.example.com": {"scopes": {"orders.read": "Reads orders", "orders.write": "Places orders"}}},
        "clients": {
            "site": {
                "callback_urls": [SITE],
                "logout_urls": [SITE],
                "scopes": ["openid", "email", "https://api.example.com/orders.read", "https://api.example.com/orders.write"],
            },
            "app": {"callback_urls": ["example://signed-in"], "scopes": ["openid", "https://api.example.com/orders.read"]},
        },
        "web_acl_arn": firewall.web_acl_arn,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

api = ApiGateway(
    "api",
    {
        "kind": "rest",
        "account_logging_role": "create",
        "authorizers": {"customers": customers.api_authorizer(kind="rest")},
        "default_authorizer": "customers",
        "routes": {
            "GET /orders": {"url": "https://orders.example.com/orders", "scopes": ["https://api.example.com/orders.read"]},
            "POST /orders": {"url": "https://orders.example.com/orders", "scopes": ["https://api.example.com/orders.write"]},
        },
        "web_acl_arn": firewall.web_acl_arn,
        "cors": {"allowed_origins": ["https://www.example.com"]},
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# The site sends browsers to login_url with the client's id, and the API takes the access tokens that come of it.
pulumi.export("login_url", customers.login_url)
pulumi.export("client_ids", customers.client_ids)
pulumi.export("api_url", api.invoke_url)
