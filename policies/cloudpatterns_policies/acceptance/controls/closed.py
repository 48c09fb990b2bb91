"""Services and features that AWS closed to new customers, or will close."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_CLOSED: Final[Mapping[str, tuple[str, str]]] = {
    "aws:apprunner/": ("App Runner", "ECS Express Mode or ECS on Fargate"),
    "aws:appmesh/": ("App Mesh", "ECS Service Connect or VPC Lattice"),
    "aws:auditmanager/": ("Audit Manager", "AWS Config conformance packs and Security Hub"),
    "aws:cloudtrail/eventDataStore:": ("CloudTrail Lake", "CloudWatch Logs"),
    "aws:cloudfront/originAccessIdentity:": ("Origin access identity", "aws.cloudfront.OriginAccessControl"),
    "aws:datapipeline/": ("Data Pipeline", "Step Functions or Glue"),
    "aws:dynamodb/globalTable:": ("The 2017 version of global tables", "the replicas of aws.dynamodb.Table"),
    "aws:ec2/launchConfiguration:": ("Launch configurations", "aws.ec2.LaunchTemplate"),
    "aws:elastictranscoder/": ("Elastic Transcoder", "MediaConvert"),
    "aws:glacier/": ("Glacier vaults", "S3's Glacier storage classes"),
    "aws:inspector/": ("Inspector Classic", "aws.inspector2.Enabler"),
    "aws:mediastore/": ("MediaStore", "S3 with CloudFront"),
    "aws:pinpoint/": ("Pinpoint", "End User Messaging and Connect"),
    "aws:qldb/": ("QLDB", "Aurora PostgreSQL"),
    "aws:s3control/objectLambdaAccessPoint": ("S3 Object Lambda", "a Lambda function of your own in front of the bucket"),
    "aws:ssmincidents/": ("Incident Manager", "an incident tool of your choice"),
    "aws:ssmcontacts/": ("Incident Manager", "an incident tool of your choice"),
    "aws:ssm/contacts": ("Incident Manager", "an incident tool of your choice"),
    "aws:storagegateway/fileSystemAssociation:": ("FSx File Gateway", "FSx for Windows File Server"),
    "aws:waf/": ("WAF Classic", "aws.wafv2"),
    "aws:wafregional/": ("WAF Classic", "aws.wafv2"),
}
"""The beginning of type tokens, what was closed, and what AWS names instead."""

_KEPT: Final = ("aws:pinpoint/smsvoicev2",)
"""What begins in the same way and is not closed."""


_CLOSED_FEATURES: Final[Mapping[str, tuple[str, Any, str, str]]] = {
    "aws:ecs/service:Service": (
        "deploymentController.type",
        "CODE_DEPLOY",
        "ECS deployment by CodeDeploy",
        "the blue/green deployment of ECS",
    ),
    "aws:cloudfront/distribution:Distribution": (
        "defaultCacheBehavior.trustedSigners",
        None,
        "Signing by account",
        "trustedKeyGroups",
    ),
}
"""Types, a property, its value or None for any, what is closed, and what AWS names instead."""


@stack_control(
    id="service-open",
    title="No closed service is used",
    severity=Severity.LOW,
    why="AWS closed it to new customers or ends it: a new account may be refused, and what runs there must move.",
    remediation="Use what the finding names.",
    url="https://aws.amazon.com/products/lifecycle/",
    pack="acceptance",
)
def service_open(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    """Resources of such services."""
    for resource in stack.resources:
        if resource.type.startswith("aws:") and not resource.type.startswith(_KEPT):
            for start, (what, instead) in _CLOSED.items():
                if resource.type.startswith(start):
                    yield resource, Fail(f"uses what is closed to new customers, or AWS ends: {what}; use {instead}")
    for resource in stack.of_type(*_CLOSED_FEATURES):
        path, value, what, instead = _CLOSED_FEATURES[resource.type]
        found = given(resource, path)
        if found is not UNKNOWN and (bool(found) if value is None else found == value):
            yield resource, Fail(f"uses what AWS advises against: {what}; use {instead}", path)
