"""What the servers of a storefront may do."""

import pulumi

from cloudpatterns.core import partition_of, region_of
from cloudpatterns.database import InMemoryCache, RelationalDatabase
from cloudpatterns.security import WorkloadStatementArgs, session_manager_statements


def server_statements(database: RelationalDatabase, cache: InMemoryCache, artifact_uri: str | None) -> list[WorkloadStatementArgs]:
    """The permissions: the database's secret, the cache by IAM login, Session Manager, and the artifact if there is one."""
    secret, region = database.secret_arn, region_of(database.instance_arn)
    statements: list[WorkloadStatementArgs] = [
        *session_manager_statements(),
        {
            "sid": "DatabaseSecret",
            "actions": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "resources": [secret],
        },
        {
            # The key encrypts storage and logs as well; the role may only read the secret with it.
            "sid": "DatabaseSecretKey",
            "actions": ["kms:Decrypt"],
            "resources": [database.kms_key_arn],
            "conditions": {
                "StringEquals": {
                    "kms:ViaService": [pulumi.Output.concat("secretsmanager.", region, ".amazonaws.com")],
                    "kms:EncryptionContext:SecretARN": [secret],
                }
            },
        },
        {
            "sid": "CacheLogin",
            "actions": ["elasticache:Connect"],
            # The cache and the user: a login needs both.
            "resources": [cache.connect_arns.apply(lambda arns: arns[0]), cache.connect_arns.apply(lambda arns: arns[1])],
        },
    ]
    if artifact_uri is not None:
        artifact_arn = pulumi.Output.concat("arn:", partition_of(database.instance_arn), ":s3:::", artifact_uri.removeprefix("s3://"))
        statements.append({"sid": "Artifact", "actions": ["s3:GetObject", "s3:GetObjectVersion"], "resources": [artifact_arn]})
    return statements
