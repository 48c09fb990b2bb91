"""Every control that the project set out to have is there, and so is what catches the anti-patterns.

The numbers are those of the project's list of sixty controls; what a number joins by semicolons has a control for each part.
"""

from typing import Final

import pytest
from cloudpatterns_policies.core import Control, discover

SIXTY: Final[dict[int, str]] = {
    1: "security-group-authorized-ports",
    2: "security-group-high-risk-ports",
    3: "security-group-ssh",
    4: "security-group-rdp",
    5: "default-security-group-empty vpc-default-security-group-closed",
    6: "vpc-flow-logs",
    7: "subnet-no-public-ip",
    8: "network-acl-admin-ports",
    9: "vpc-block-public-access",
    10: "peering-routes-narrow",
    11: "nat-gateway-default-route",
    12: "security-group-egress",
    13: "security-group-descriptions",
    14: "vpc-ec2-endpoint",
    15: "imdsv2-required imds-hop-limit",
    16: "instance-no-public-ip",
    17: "ebs-volume-encrypted launch-template-volumes-encrypted ebs-encryption-by-default",
    18: "user-data-no-secrets",
    19: "auto-scaling-several-zones auto-scaling-load-balancer-health",
    20: "auto-scaling-launch-template",
    21: "instance-role",
    22: "alb-http-redirect alb-http-rules-redirect",
    23: "lb-listener-encrypted alb-https-listener",
    24: "lb-tls-policy",
    25: "alb-drop-invalid-headers",
    26: "alb-access-logs",
    27: "lb-deletion-protection",
    28: "lb-several-zones alb-desync-mitigation",
    29: "alb-web-acl",
    30: "web-acl-rules web-acl-logging",
    31: "cloudfront-https cloudfront-tls-policy",
    32: "cloudfront-web-acl cloudfront-origin-access-control",
    33: "cloudfront-origin-tls cloudfront-origin-protocols",
    34: "s3-bucket-public-access-blocked s3-public-access-block-complete",
    35: "s3-tls-only",
    36: "s3-kms s3-versioning s3-access-logging",
    37: "rds-private",
    38: "rds-encrypted",
    39: "rds-instance-multi-az rds-cluster-multi-az",
    40: "rds-backups rds-deletion-protection",
    41: "rds-minor-upgrades rds-iam-authentication",
    42: "rds-tls-required rds-logs-exported",
    43: "dynamodb-point-in-time-recovery dynamodb-deletion-protection",
    44: "elasticache-encrypted-at-rest elasticache-tls-required elasticache-login-required",
    45: "elasticache-failover elasticache-backups",
    46: "efs-encrypted efs-access-point-root efs-access-point-user",
    47: "backup-vault-customer-key",
    48: "sqs-encrypted sqs-not-public queue-dead-letters",
    49: "sns-encrypted sns-not-public",
    50: "lambda-not-public lambda-service-permission-confined lambda-runtime-supported function-async-failures-kept "
    "lambda-url-authenticated",
    51: "api-route-authorized api-method-authorized api-web-acl api-access-logs api-execution-logs api-client-certificate",
    52: "step-functions-logging",
    53: "msk-tls-clients msk-tls-between-brokers msk-private msk-login-required",
    54: "kinesis-encrypted event-bus-policy event-bus-not-public",
    55: "ecr-scan-on-push ecr-immutable-tags ecs-no-public-ip ecs-not-privileged ecs-read-only-root ecs-no-secret-in-environment",
    56: "kms-key-rotation kms-key-not-public",
    57: "secret-rotated secret-rotation-period secret-customer-key",
    58: "iam-policy-no-administrator iam-no-administrator-attachment iam-policy-no-service-wildcard iam-policy-no-escalation "
    "iam-policy-resources-named iam-user-no-policy iam-policy-no-decrypt-on-all-keys",
    59: "cloudtrail-all-regions cloudtrail-management-events cloudtrail-encrypted cloudtrail-log-validation cloudtrail-log-group "
    "config-recorder-enabled config-recorder-started config-recorder-complete config-aggregator-all-regions",
    60: "inspector-scans-everything guardduty-detector-enabled cognito-identity-pool-no-guests",
}
"""For each number the ids of the controls that stand for it."""

# An id of a framework that the list names for the number, and that a control of the number claims.
CLAIMED: Final[dict[int, str]] = {
    1: "EC2.18", 2: "EC2.19", 3: "CKV_AWS_24", 4: "CKV_AWS_25", 5: "EC2.2", 6: "EC2.6", 7: "EC2.15", 8: "EC2.21", 9: "EC2.172", 10: "5.6",
    11: "CKV2_AWS_35", 12: "CKV_AWS_382", 13: "CKV_AWS_23", 14: "EC2.10", 15: "EC2.8", 16: "EC2.9", 17: "EC2.3", 18: "CKV_AWS_46",
    19: "AutoScaling.2", 20: "AutoScaling.9", 21: "CKV2_AWS_41", 22: "ELB.1", 23: "ELB.18", 24: "ELB.17", 25: "ELB.4", 26: "ELB.5",
    27: "ELB.6", 28: "ELB.13", 29: "CKV2_AWS_28", 30: "WAF.10", 31: "CloudFront.3", 32: "CloudFront.6", 33: "CloudFront.9", 34: "S3.8",
    35: "S3.5", 36: "S3.9", 37: "RDS.2", 38: "RDS.3", 39: "RDS.5", 40: "RDS.11", 41: "RDS.13", 42: "CKV2_AWS_69", 43: "DynamoDB.2",
    44: "ElastiCache.4", 45: "ElastiCache.3", 46: "EFS.1", 47: "CKV_AWS_166", 48: "SQS.1", 49: "SNS.1", 50: "Lambda.1", 51: "APIGateway.8",
    52: "StepFunctions.1", 53: "MSK.1", 54: "Kinesis.1", 55: "ECR.1", 56: "KMS.5", 57: "SecretsManager.1", 58: "IAM.1", 59: "CloudTrail.1",
    60: "Inspector.1",
}  # fmt: skip

PROOFS: Final = (
    "functional-firewall", "operational-firewall", "private-subnet-nat", "management-network", "multi-load-balancer",
    "web-application-firewall", "zero-trust-network", "no-path",
)  # fmt: skip

ANTI_PATTERNS: Final[dict[str, str]] = {
    "a database shared by two services": "database-of-one-service",
    "a synchronous chain of three or more service calls": "synchronous-chain",
    "a worker without a dead-letter queue": "queue-dead-letters",
    "resources without cost tags": "required-tags",
    "production-sized resources in a non-production stack": "small-outside-production",
    "resources that run around the clock in a non-production stack": "schedule-outside-production",
}

CONTROLS: Final[dict[str, Control]] = {control.id: control for control in discover(pack=None)}


def test_the_list_has_sixty_numbers() -> None:
    assert list(SIXTY) == list(CLAIMED) == list(range(1, 61))


@pytest.mark.parametrize("number", SIXTY)
def test_each_number_has_its_controls(number: int) -> None:
    found = [CONTROLS[name] for name in SIXTY[number].split()]
    assert found
    assert CLAIMED[number] in {item for control in found for ids in control.frameworks.values() for item in ids}
    assert not [control.id for control in found if control.disabled], "is shipped disabled"


@pytest.mark.parametrize("proof", PROOFS)
def test_each_pattern_has_its_proof(proof: str) -> None:
    assert CONTROLS[proof].kind == "stack"


@pytest.mark.parametrize("pattern", ANTI_PATTERNS)
def test_each_anti_pattern_is_caught(pattern: str) -> None:
    assert CONTROLS[ANTI_PATTERNS[pattern]].pack == "operations"


def test_default_ports_are_forbidden_only_where_somebody_asks_for_it() -> None:
    control = CONTROLS["rds-default-port"]
    assert control.frameworks == {"FSBP": ("RDS.23",)}
    assert control.disabled
