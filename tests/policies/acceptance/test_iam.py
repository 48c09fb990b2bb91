"""Statements that have no effect: what is found, and above all what is not."""

import json
from functools import cache
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.iam import RULES, Finding, findings, limitable, parse
from cloudpatterns_policies.acceptance.iam_database import CORRECTIONS, database
from cloudpatterns_policies.controls._document_places import Kind
from cloudpatterns_policies.core import UNKNOWN

QUEUE, TOPIC = "arn:aws:sqs:eu-west-1:123456789012:orders", "arn:aws:sns:eu-west-1:123456789012:orders"
TABLE = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
BUCKET, OBJECTS = "arn:aws:s3:::shop", "arn:aws:s3:::shop/*"
LOGS = "arn:aws:logs:eu-west-1:123456789012:log-group:/shop/web"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
ROLE = "arn:aws:iam::123456789012:role/shop/web"
CACHE = "arn:aws:elasticache:eu-west-1:123456789012:replicationgroup"


def allow(action: Any = "s3:GetObject", resource: Any = OBJECTS, **more: Any) -> dict[str, Any]:
    """A document of one statement; None leaves an element out."""
    whole = {"Sid": "Read", "Effect": "Allow", "Action": action, "Resource": resource, **more}
    return {"Statement": [{key: value for key, value in whole.items() if value is not None}]}


def found(document: Any, kind: Kind = Kind.IDENTITY, own: tuple[str, ...] = ()) -> list[Finding]:
    return list(findings(document, kind, database(), own))


def rules(document: Any, kind: Kind = Kind.IDENTITY) -> list[str]:
    return [item.rule.removeprefix("iam-") for item in found(document, kind)]


def when(key: str, operator: str = "StringEquals", **more: Any) -> dict[str, Any]:
    return allow(Condition={operator: {key: "x"}}, **more)


@pytest.mark.parametrize(
    "document",
    [
        allow(),
        allow(["s3:GetObject", "s3:ListBucket"], [BUCKET, OBJECTS]),
        allow("s3:*", BUCKET),
        allow("S3:getobject"),
        allow("s3:Get*", BUCKET),
        allow("s3:GetObject", "arn:aws-cn:s3:::shop/*"),
        allow("s3:GetObject", "arn:aws-us-gov:s3:::shop/logs/2026.gz"),
        allow("s3:GetObject", "arn:aws:s3:::shop*"),
        allow("s3:GetObject", "arn:aws:s3:::${aws:PrincipalTag/bucket}/${aws:username}/*"),
        allow("s3:GetObject", "arn:aws:s3:eu-west-1:123456789012:accesspoint/web/object/*"),
        allow("s3:ListAllMyBuckets", "*"),
        allow("s3:ListAllMyBuckets", "arn:aws:s3:::*"),
        allow("*", "*"),
        allow("*:*", QUEUE),
        allow("s*:Get*", QUEUE),
        allow("sqs:SendMessage", "arn:aws:sqs:*:*:*"),
        allow("sqs:SendMessage", "arn:aws:sqs:*"),
        allow("sqs:SendMessage", "arn:*:sqs:*:123456789012:shop-?"),
        allow("sqs:ListQueues", "arn:aws:sqs:eu-west-1:123456789012:*"),
        allow("dynamodb:Query", [TABLE, f"{TABLE}/index/*"]),
        allow("dynamodb:PutItem", f"{TABLE}*"),
        allow("logs:PutLogEvents", f"{LOGS}:*"),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"{LOGS}:log-stream:*"),
        allow("logs:CreateLogGroup", LOGS),
        allow("logs:DescribeLogGroups", "arn:aws:logs:eu-west-1:123456789012:log-group:*"),
        allow("lambda:InvokeFunction", [FUNCTION, f"{FUNCTION}:*"]),
        allow("iam:PassRole", ROLE),
        allow("sts:AssumeRole", ROLE),
        allow("ssm:GetParameter", "arn:aws:ssm:eu-west-1::parameter/aws/service/ami"),
        allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/*"),
        allow("ssmmessages:OpenDataChannel", "arn:aws:ssm:*:*:session/${aws:userid}-*"),
        allow("ec2:RunInstances", "arn:aws:ec2:eu-west-1::image/ami-1"),
        allow("execute-api:Invoke", "execute-api:/prod/GET/orders"),
        allow("execute-api:Invoke", "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/"),
        allow("elasticloadbalancing:CreateLoadBalancer", "arn:aws:elasticloadbalancing:*:*:loadbalancer/classic"),
        allow("apigateway:PUT", "arn:aws:apigateway:eu-west-1::/restapis/*"),
        allow("codestar-connections:UseConnection", "arn:aws:codeconnections:*:*:connection/x"),
        allow("kinesis:UpdateShardCount", "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"),
        allow("madeup:Anything", TOPIC),
        allow(["madeup:Anything", "sqs:SendMessage"], [TOPIC, QUEUE]),
        allow("sqs:SendMessage", "arn:aws:madeup:eu-west-1:123456789012:thing/x"),
        allow("ssm:SendCommand", "arn:aws:ssm:eu-west-1:123456789012:brand-new-thing/x"),
        allow(None, "*", NotAction=["iam:*", "sts:AssumeRole"]),
        allow(None, BUCKET, NotAction="s3:GetObject"),
        allow("s3:GetObject", None, NotResource=BUCKET),
        allow("s3:GetObject", None),
        allow(UNKNOWN, BUCKET),
        allow("s3:GetObject", UNKNOWN),
        allow("s3:GetObject", [BUCKET, UNKNOWN]),
        allow("s3:GetObject", "arn:aws:s3:::04da6b54-80e4-46f7-96ec-b56ff0331ba9"),
        allow("s3:GetObject", "Calling __str__ on an Output[T] is not supported."),
        allow("s3:GetObject", "${shop}"),
        allow([UNKNOWN, "s3:GetObject"], Condition={"StringEquals": {"s3:prefix": "x"}}),
        allow(Condition=UNKNOWN),
        allow(Condition={"StringEquals": UNKNOWN}),
        {"Statement": UNKNOWN},
        {"Statement": [UNKNOWN]},
        {},
        UNKNOWN,
        when("aws:SourceIp"),
        when("AWS:PrincipalTag/team"),
        when("aws:VpceOrgID"),
        when("s3:ExistingObjectTag/team"),
        when("aws:ResourceTag/team"),
        when("S3:TLSVersion", "NumericLessThan"),
        when("kms:EncryptionContext:app", action="kms:Decrypt", resource="*"),
        when("secretsmanager:ResourceTag/team", action="secretsmanager:GetSecretValue", resource="*"),
        when("ec2:ResourceTag/team", action="ssm:SendCommand", resource="arn:aws:ec2:*:*:instance/*"),
        when("s3:prefix", action=["s3:ListBucket", "s3:GetObject"], resource=[BUCKET, OBJECTS]),
        when("s3:prefix", action="s3:*"),
        when("s3:prefix", action="*", resource="*"),
        when("s3:prefix", action=None, resource="*", NotAction="iam:*"),
        when("s3:prefix", "StringNotEquals"),
        when("s3:prefix", "StringEqualsIfExists"),
        when("s3:prefix", "ForAllValues:StringEquals"),
        when("s3:prefix", "Null"),
        when("lambda:SourceFunctionArn"),
        when("dynamodb:FirstPartitionKeyValues"),
        when("iot:Connection.Thing.IsAttached"),
        when("cognito-identity.amazonaws.com:sub"),
        when("token.actions.githubusercontent.com:aud"),
        when("saml:aud"),
        when("madeup:Key"),
        when("nocolon"),
    ],
)
def test_what_has_an_effect(document: Any) -> None:
    assert found(document) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (allow("s3:GetObjekt"), ["action-unknown"]),
        (allow(["s3:GetObject", "dynamodb:TransactWriteItems"], "*"), ["action-unknown"]),
        (allow(None, "*", NotAction="s3:ListObjects"), ["action-unknown"]),
        (allow("s3:Fetch*"), ["action-pattern-empty"]),
        (allow("s3:Get?"), ["action-pattern-empty"]),
        (allow("s3:GetObject", BUCKET), ["resource-kind"]),
        (allow("s3:Get*", QUEUE), ["resource-kind"]),
        (allow("s3:GetObject", "arn:aws:s3:eu-west-1:123456789012:shop"), ["resource-kind"]),
        (allow("s3:ListBucket", OBJECTS), ["resource-kind"]),
        (allow(["s3:GetObject", "s3:ListBucket"], OBJECTS), ["resource-kind"]),
        (allow(["s3:GetObject", "s3:ListBucket"], QUEUE), ["resource-kind", "resource-kind"]),
        (allow("dynamodb:PutItem", f"{TABLE}/index/*"), ["resource-kind"]),
        (allow("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:123456789012:tables/orders"), ["resource-kind"]),
        (allow("logs:PutLogEvents", LOGS), ["resource-kind"]),
        (allow("sqs:SendMessage", TOPIC), ["resource-kind"]),
        (allow("lambda:UpdateFunctionCode", f"{FUNCTION}:live"), ["resource-kind"]),
        (allow("elasticache:Connect", f"{CACHE}/shop"), ["resource-kind"]),
        (allow("iam:PassRole", ROLE.replace("::", ":eu-west-1:")), ["resource-kind"]),
        (allow("s3:ListAllMyBuckets", BUCKET), ["resource-none"]),
        (allow(["ecr:GetAuthorizationToken", "ecr:BatchGetImage"], "arn:aws:ecr:eu-west-1:1:repository/shop"), ["resource-none"]),
        (allow("cloudwatch:PutMetricData", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:x"), ["resource-none"]),
        (allow("sqs:SendMessage", [QUEUE, TOPIC]), ["resource-service"]),
        (when("aws:SourceAcount"), ["condition-key-unknown"]),
        (when("s3:prefxi", "StringNotLike", action="*", resource="*"), ["condition-key-unknown"]),
        (when("s3:prefix"), ["condition-key-unused"]),
        (when("s3:prefix", "ForAnyValue:StringLike"), ["condition-key-unused"]),
        (when("aws:RequestTag/team"), ["condition-key-unused"]),
        (when("dynamodb:LeadingKeys"), ["condition-key-unused"]),
        (allow("s3:GetObjekt", BUCKET, Effect="Deny"), ["action-unknown"]),
    ],
)
@pytest.mark.parametrize("kind", [Kind.IDENTITY, Kind.RESOURCE])
def test_what_has_none(document: Any, expected: list[str], kind: Kind) -> None:
    assert rules(document, kind) == expected


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (allow("s3:GetObjekt"), "allows s3:GetObjekt in statement Read, an action that AWS does not have; did you mean s3:GetObject?"),
        (
            allow("sqs:GetMetricStatistics", "*", Effect="Deny", Sid=None),
            "denies sqs:GetMetricStatistics in statement 1, an action that AWS does not have; did you mean cloudwatch:GetMetricStatistics?",
        ),
        (
            allow(None, "*", NotAction="sqs:Frobnicate"),
            "excludes sqs:Frobnicate in statement Read, an action that AWS does not have",
        ),
        (allow("s3:Fetch*"), "allows s3:Fetch* in statement Read, which no action of the service matches"),
        (
            allow("s3:ListBucket", OBJECTS),
            "allows s3:ListBucket in statement Read on arn:aws:s3:::shop/*, but it takes arn:${Partition}:s3:::${BucketName},"
            " arn:${Partition}:s3:${Region}:${Account}:accesspoint/${AccessPointName}",
        ),
        (
            allow("sqs:ListQueues", QUEUE),
            f"allows sqs:ListQueues in statement Read on {QUEUE}, but it takes no resource: only * has an effect",
        ),
        (
            allow("sqs:SendMessage", [QUEUE, TOPIC]),
            f"allows sqs:SendMessage in statement Read on {TOPIC}, a resource of a service that none of them is of",
        ),
        (
            when("aws:SourceAcount"),
            "has a condition on aws:SourceAcount in statement Read, a key that AWS does not have; did you mean aws:SourceAccount?",
        ),
        (
            when("s3:prefix"),
            "allows nothing in statement Read: its condition needs s3:prefix, which is not in requests of s3:GetObject",
        ),
    ],
)
def test_what_the_findings_say(document: Any, message: str) -> None:
    assert [item.message for item in found(document)] == [message]


@pytest.mark.parametrize(
    ("action", "condition", "expected"),
    [
        ("sts:AssumeRole", "sts:ExternalId", []),
        ("sts:AssumeRole", "aws:SourceAccount", []),
        ("sts:AssumeRoleWithWebIdentity", "token.actions.githubusercontent.com:sub", []),
        (["sts:AssumeRole", "sts:TagSession"], "aws:RequestTag/kubernetes-namespace", []),
        ("sts:AssumeRol", "aws:SourceAccount", ["action-unknown"]),
        ("sts:AssumeRoleWithSAML", "sts:ExternalId", ["condition-key-unused"]),
        ("sts:AssumeRole", "sts:ExternalID2", ["condition-key-unknown"]),
        (["sts:AssumeRole", "iam:PassRole"], "aws:SourceAccount", ["action-of-trust"]),
    ],
)
def test_trust(action: Any, condition: str, expected: list[str]) -> None:
    assert rules(allow(action, None, Condition={"StringEquals": {condition: "x"}}), Kind.TRUST) == expected


def test_a_trust_policy_is_about_its_role() -> None:
    assert rules(allow("sts:AssumeRole", QUEUE), Kind.TRUST) == []


@pytest.mark.parametrize(
    "document",
    [
        allow(["SNS:Publish", "SNS:Receive"], TOPIC, Condition={"StringEquals": {"AWS:SourceOwner": "123456789012"}}),
        allow("kms:*", "*"),
        allow("es:ESHttpGet", "arn:aws:es:eu-west-1:123456789012:domain/shop/*"),
        allow(["logs:PutLogEvents", "logs:PutLogEventsBatch"], f"{LOGS}:*"),
        allow("ecr:BatchGetImage", None),
        allow("elasticfilesystem:ClientMount", "*", Condition={"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}),
        allow("events:PutEvents", "arn:aws:events:eu-west-1:123456789012:event-bus/shop"),
        allow("s3:*", [BUCKET, OBJECTS], Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ],
)
def test_policies_as_aws_writes_them_for_resources(document: Any) -> None:
    assert rules(document, Kind.RESOURCE) == []


def test_an_arn_of_the_stack_in_a_form_that_its_service_does_not_have_is_not_judged() -> None:
    own = f"{CACHE}/shop"
    assert found(allow("elasticache:Connect", own), own=(own,)) == []
    assert found(allow("elasticache:Connect", [own, f"{CACHE}:other"]), own=(own,)) == []
    assert [item.rule for item in found(allow("sqs:SendMessage", TOPIC), own=(TOPIC,))] == ["iam-resource-kind"]


@pytest.mark.parametrize("document", [[], "text", 1, {"Statement": "text"}, {"Statement": [1]}])
def test_what_is_no_document(document: Any) -> None:
    with pytest.raises(ValueError, match="is an object"):
        parse(document)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (allow("sqs:SendMessage", "*"), "allows sqs:SendMessage on every resource in statement Read; sqs:SendMessage takes "),
        (
            allow(["sqs:ListQueues", "sqs:SendMessage"], "*"),
            "allows sqs:SendMessage on every resource in statement Read; sqs:SendMessage takes ",
        ),
        (allow("sqs:Send*", ["*", QUEUE]), "allows sqs:Send* on every resource in statement Read; sqs:Send* takes "),
        (allow("sqs:SendMessage", QUEUE), ""),
        (allow("sqs:SendMessage", "*", Effect="Deny"), ""),
        (allow("sqs:ListQueues", "*"), ""),
        (allow("ssm:UpdateInstanceInformation", "*"), ""),
        (allow("sqs:*", "*"), ""),
        (allow("sqs:SendMessage", UNKNOWN), ""),
        (allow(UNKNOWN, "*"), ""),
        (allow(None, "*", NotAction="sqs:SendMessage"), ""),
        (when("aws:ResourceTag/team", action="sqs:SendMessage", resource="*"), ""),
        (when("ecs:cluster", action="ecs:StopTask", resource="*"), ""),
        (when("aws:SourceIp", action="sqs:SendMessage", resource="*"), "allows sqs:SendMessage on every resource in statement Read; "),
    ],
)
def test_actions_that_can_be_limited(document: Any, expected: str) -> None:
    said = [item.message for item in limitable(document, database())]
    assert [text.startswith(expected) for text in said] == ([True] if expected else [])


def test_each_rule_and_correction_is_told_in_full() -> None:
    assert all(name.startswith("iam-") and text.endswith(".") for name, text in RULES.items())
    assert all(item.url.startswith("https://docs.aws.amazon.com/") and item.reason for item in CORRECTIONS)
    assert all(text == text.lower() for item in CORRECTIONS for text in (*item.actions, *item.keys))


@pytest.mark.parametrize(
    "name",
    [
        *("AmazonSSMManagedInstanceCore", "CloudWatchAgentServerPolicy", "AmazonECSTaskExecutionRolePolicy", "AWSXRayDaemonWriteAccess"),
        *("AmazonS3ReadOnlyAccess", "AmazonEC2ContainerRegistryReadOnly", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"),
        *("AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AWSLambdaSQSQueueExecutionRole", "AmazonSQSFullAccess"),
        *(
            "AWSLambdaDynamoDBExecutionRole",
            "AmazonRDSEnhancedMonitoringRole",
            "SecretsManagerReadWrite",
            "AWSKeyManagementServicePowerUser",
        ),
        *("AmazonDynamoDBReadOnlyAccess", "AmazonSNSFullAccess", "AmazonKinesisFirehoseFullAccess", "AWSBackupServiceRolePolicyForBackup"),
    ],
)
def test_managed_policies_of_aws_have_an_effect(name: str) -> None:
    policies = pytest.importorskip("moto.iam.aws_managed_policies").aws_managed_policies_data
    assert found(_managed(policies)[name]["Document"]) == []


@cache
def _managed(text: str) -> dict[str, Any]:
    return json.loads(text)
