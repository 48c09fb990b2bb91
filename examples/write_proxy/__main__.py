"""Write proxy: suppliers send price lists by SFTP or FTPS from their networks; a function reads each that was released."""

import pulumi
from cloudpatterns.messaging import EventBus
from cloudpatterns.network import Network
from cloudpatterns.security import SecretsVault
from cloudpatterns.uploads import WriteProxy

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")

network = Network("net", {"cidr_block": "10.53.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})

# Purchasing tells the supplier each new one: aws secretsmanager get-secret-value --secret-id ...
passwords = SecretsVault(
    "passwords", {"secrets": {"contoso": {"description": "Password of contoso", "generate": True, "rotation": {"days": 90}}}}
)

suppliers = WriteProxy(
    "suppliers",
    {
        "protocols": ["SFTP", "FTPS"],
        "certificate_arn": CONFIG.require("certificate_arn"),
        "users": {
            "northwind": {"public_keys": [CONFIG.require("northwind_public_key")]},
            "contoso": {
                "password_secret_arn": passwords.secret_arns["contoso"],
                "password_kms_key_arn": passwords.kms_key_arn,
                "read": False,
            },
        },
        "vpc_id": network.vpc_id,
        "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
        "internet_facing": True,
        "allowed_cidrs": ["203.0.113.0/24", "198.51.100.7/32"],
        "retention_days": 90,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

released = EventBus(
    "released",
    {
        "existing_bus": {"name": "default"},
        "rules": {
            "lists": {
                "event_pattern": {
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {"bucket": {"name": [suppliers.release_bucket_name]}},
                },
                "targets": {"read": {"function": {"code": pulumi.FileArchive("app"), "statements": suppliers.read_statements()}}},
            }
        },
        "archive_retention_days": 0,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# sftp northwind@..., after comparing the fingerprint.
pulumi.export("endpoint", suppliers.endpoint)
pulumi.export("host_key_fingerprint", suppliers.host_key_fingerprint)
# For the firewalls of the suppliers.
pulumi.export("addresses", suppliers.elastic_ips_by_zone)
pulumi.export("release_bucket", suppliers.release_bucket_name)
