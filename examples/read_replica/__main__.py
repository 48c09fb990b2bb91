"""Read replica: a shop writes orders to Aurora and lists them from readers, and customers see at once what they have ordered."""

import pulumi
from cloudpatterns.database import ReadReplica, RelationalDatabase, StateSharing, rds_certificates
from cloudpatterns.network import ApiGateway, FunctionalFirewall, Network, WebApplicationFirewall

CONFIG = pulumi.Config()
REGION = pulumi.Config("aws").require("region")
# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = CONFIG.require("alarm_topic_arn")
# The driver: pip install --target python pg8000, and zip the folder `python`.
DRIVER_LAYER_ARN = CONFIG.require("driver_layer_arn")
# The Cognito user pool in which the customers are.
USER_POOL_ARN = CONFIG.require("user_pool_arn")
ENGINE, DATABASE, WRITER = "aurora-postgresql", "shop", "shop"

network = Network("net", {"cidr_block": "10.53.0.0/16", "zones": [f"{REGION}a", f"{REGION}b"]})
firewall = FunctionalFirewall(
    "firewall",
    {
        "vpc_id": network.vpc_id,
        "functions": {
            "client": {
                "egress": {
                    "sessions": {"ports": [443], "prefix_list_id": network.dynamodb_prefix_list_id or "", "description": "DynamoDB"},
                },
            },
            # The proxy, and the database, which both may call.
            "reads": {"ports": [5432], "callers": ["client"]},
            "postgres": {"callers": ["client", "reads"]},
        },
    },
)

database = RelationalDatabase(
    "shop-db",
    {
        "engine": ENGINE,
        "engine_version": "17",
        "instance_class": "db.r8g.large",
        "database_name": DATABASE,
        "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("postgres")],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
reads = ReadReplica(
    "reads",
    {
        "engine": ENGINE,
        "database_arn": database.instance_arn,
        "resource_id": database.resource_id,
        "kms_key_arn": database.kms_key_arn,
        "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        "security_group_ids": [firewall.group_id("reads")],
        "max_readers": 4,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)
# When a customer wrote last.
sessions = StateSharing("visits", {"alarm_topic_arns": [ALARM_TOPIC_ARN]})

shop = ApiGateway(
    "shop",
    {
        "kind": "rest",
        "account_logging_role": "create",
        "authorizers": {"customers": {"user_pool": {"user_pool_arns": [USER_POOL_ARN]}}},
        "default_authorizer": "customers",
        "functions": {
            "orders": {
                "code": pulumi.AssetArchive(
                    {"main.py": pulumi.FileAsset("app/main.py"), "rds.pem": pulumi.StringAsset(rds_certificates(REGION))}
                ),
                "layers": [DRIVER_LAYER_ARN],
                "runtime_library": True,
                "timeout_seconds": 15,
                "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
                "security_group_ids": [firewall.group_id("client")],
                "environment": {
                    **sessions.environment(),
                    **reads.environment(),
                    "DATABASE_HOST": database.address,
                    "DATABASE_NAME": DATABASE,
                    "DATABASE_USER": WRITER,
                },
                "statements": [
                    *sessions.reader_statements(),
                    *reads.reader_statements(),
                    *database.connect_statements(WRITER),
                ],
            },
        },
        "routes": {route: {"function": "orders"} for route in ("GET /orders", "POST /orders")},
        "web_acl_arn": WebApplicationFirewall("web", {"rate_limit": 2000}).web_acl_arn,
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

# The master user of the database runs it once; the secret has the password. CREATE TABLE orders (customer text, article text).
pulumi.export("sql", f"{database.user_sql(WRITER)}{reads.reader_sql(DATABASE)}")
pulumi.export("secret_arn", database.secret_arn)
pulumi.export("reader_host", reads.reader_host)
# curl -H "Authorization: $TOKEN" --cookie-jar jar --cookie jar -X POST -d '{"article": "book"}' $URL/orders
pulumi.export("url", shop.invoke_url)
