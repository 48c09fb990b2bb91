"""Secure file sharing: a law firm sends contracts to its clients by links that expire, and sees who fetched them."""

import pulumi
from cloudpatterns.systems import SecureFileSharing

CONFIG = pulumi.Config()

sharing = SecureFileSharing(
    "sharing",
    {
        "title": "Example & Partners",
        "site_domain_name": "share.example.com",
        "files_domain_name": "files.example.com",
        "hosted_zone_id": CONFIG.require("hosted_zone_id"),
        "users": {
            "domain_prefix": "example-partners",
            "email": {"identity_arn": CONFIG.require("email_identity_arn"), "from_address": "Example <login@example.com>"},
        },
        # The private key is the value of the secret; nobody here sees it.
        "signing_keys": {"a": {"public_key": CONFIG.require("public_key"), "private_key_secret_arn": CONFIG.require("signing_secret_arn")}},
        "max_link_hours": 24 * 14,
        "retention_days": 30,
        "account_logging_role": "create",
        "alarm_topic_arns": [CONFIG.require("alarm_topic_arn")],
        "edge_alarm_topic_arns": [CONFIG.require("edge_alarm_topic_arn")],
    },
)

pulumi.export("site_url", sharing.site_url)
# Invite users there: aws cognito-idp admin-create-user --user-pool-id ID --username ada@example.com
pulumi.export("user_pool_id", sharing.user_pool_id)
# What somebody needs who takes back the links of others, or has files scanned again.
pulumi.export("table_name", sharing.table_name)
pulumi.export("files_bucket_name", sharing.files_bucket_name)
