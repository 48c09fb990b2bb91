"""Values that the provider or AWS refuses by themselves, trusted services, and roles that may read the source of a function."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls import arguments, event_sources, networks, principals
from cloudpatterns_policies.acceptance.controls._near import is_one_letter_away
from cloudpatterns_policies.core import UNKNOWN

from tests.policies.acceptance.controls.cases import Case, Made, check, refers

RANGE, NETWORK, EVENT, TRUSTED = (
    arguments.provider_range,
    arguments.provider_network,
    arguments.notification_event,
    principals.trusted_service_exists,
)
STREAM, SECRET = "aws:kinesis/stream:Stream", "aws:secretsmanager/secret:Secret"
ROUTE, SUBNET, VPC = "aws:ec2/route:Route", "aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
HOURS, DAYS = "retentionPeriod", "recoveryWindowInDays"


def one(type: str, **props: Any) -> dict[str, Made]:
    return {"x": Made(type, props)}


def events(*names: Any, kind: str = "queues") -> dict[str, Made]:
    return one(NOTIFICATION, **{kind: [{"events": list(names)}]})


CASES = {
    "a stream that keeps a day": Case(RANGE, one(STREAM, retentionPeriod=24)),
    "a stream that keeps a year": Case(RANGE, one(STREAM, retentionPeriod=8760)),
    "a stream that keeps less": Case(RANGE, one(STREAM, retentionPeriod=12), ("x", HOURS, "has 12 hours; 24 to 8760 are taken")),
    "a stream that keeps more, as its schema says": Case(RANGE, one(STREAM, retentionPeriod=8761)),
    "a secret that goes later": Case(RANGE, one(SECRET, recoveryWindowInDays=31), ("x", DAYS, "has 31 days; 0 or 7 to 30 are taken")),
    "a recovery that is not known": Case(RANGE, one(SECRET, recoveryWindowInDays=UNKNOWN)),
    "a retention that is not known": Case(RANGE, one(STREAM, retentionPeriod=UNKNOWN)),
    "no retention": Case(RANGE, one(STREAM)),
    "a secret that goes at once": Case(RANGE, one(SECRET, recoveryWindowInDays=0)),
    "a secret that goes in a week": Case(RANGE, one(SECRET, recoveryWindowInDays=7)),
    "a secret that goes sooner": Case(RANGE, one(SECRET, recoveryWindowInDays=5), ("x", DAYS, "has 5 days; 0 or 7 to 30 are taken")),
    "a route": Case(NETWORK, one(ROUTE, destinationCidrBlock="0.0.0.0/0")),
    "a route to no network": Case(
        NETWORK, one(ROUTE, destinationCidrBlock="10.0.0.0/33"), ("x", "destinationCidrBlock", "10.0.0.0/33 is no IPv4 network")
    ),
    "a route to what is not known": Case(NETWORK, one(ROUTE, destinationCidrBlock=UNKNOWN)),
    "a route over IPv6": Case(NETWORK, one(ROUTE, destinationIpv6CidrBlock="::/0")),
    "a subnet": Case(NETWORK, one(SUBNET, cidrBlock="10.0.0.0/24")),
    "a subnet by another address": Case(
        NETWORK, one(SUBNET, cidrBlock="10.0.0.5/24"), ("x", "cidrBlock", "by its first address; did you mean 10.0.0.0/24?")
    ),
    "a VPC by another address": Case(NETWORK, one(VPC, cidrBlock="10.0.1.0/16"), ("x", "cidrBlock", "did you mean 10.0.0.0/16?")),
    "a network that the validator refuses": Case(NETWORK, one(VPC, cidrBlock="10.0.0.0/33")),
    "a VPC whose network comes from a pool": Case(NETWORK, one(VPC, ipv4IpamPoolId=UNKNOWN)),
    "an event": Case(EVENT, events("s3:ObjectCreated:*")),
    "an event with a letter too few": Case(
        EVENT, events("s3:ObjectCreate:*"), ("x", "queues.0.events.0", "names s3:ObjectCreate:*, an event that there is not; did you mean")
    ),
    "a function's event": Case(
        EVENT, events("s3:ObjectRemove:Delete", kind="lambdaFunctions"), ("x", "lambdaFunctions.0.events.0", "s3:ObjectRemoved:Delete?")
    ),
    "an event that nobody knows": Case(EVENT, events("s3:ObjectAnnotation:Put", kind="topics")),
    "an event that is not known": Case(EVENT, events(UNKNOWN)),
    "events that are not known": Case(EVENT, one(NOTIFICATION, queues=UNKNOWN)),
    "no notifications": Case(EVENT, one(NOTIFICATION, eventbridge=True)),
}


def trusts(*services: Any, key: str = "Service") -> dict[str, Made]:
    statement = {"Effect": "Allow", "Principal": {key: list(services)}, "Action": "sts:AssumeRole"}
    return one("aws:iam/role:Role", assumeRolePolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


CASES |= {
    "a service": Case(TRUSTED, trusts("lambda.amazonaws.com", "ecs-tasks.amazonaws.com")),
    "a service with a letter too few": Case(
        TRUSTED, trusts("lamda.amazonaws.com"), ("x", "assumeRolePolicy", "did you mean lambda.amazonaws.com?")
    ),
    "a service in the singular": Case(
        TRUSTED, trusts("ecs-task.amazonaws.com"), ("x", "assumeRolePolicy", "trusts ecs-task.amazonaws.com, a service that there is not")
    ),
    "a service of a region": Case(TRUSTED, trusts("states.eu-west-1.amazonaws.com")),
    "a service that nobody knows": Case(TRUSTED, trusts("quantum-shop.amazonaws.com")),
    "another domain": Case(TRUSTED, trusts("lamda.example.com")),
    "an account": Case(TRUSTED, trusts("lamda.amazonaws.com", key="AWS")),
    "a document that is not known": Case(TRUSTED, one("aws:iam/role:Role", assumeRolePolicy=UNKNOWN)),
    "a document that is none": Case(TRUSTED, one("aws:iam/role:Role", assumeRolePolicy="{")),
    "no document": Case(TRUSTED, one("aws:iam/role:Role")),
}

READABLE = event_sources.source_readable
SOURCES = {"sqs": "aws:sqs/queue:Queue", "kinesis": "aws:kinesis/stream:Stream", "dynamodb": "aws:dynamodb/table:Table"}
ATTACHMENT, POLICY = "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:iam/rolePolicy:RolePolicy"
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
FULL = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"


def allows(*actions: Any, effect: Any = "Allow") -> Any:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": list(actions), "Resource": "*"}]})


def reads(source: str = "sqs", role: dict[str, Any] | None = None, **more: Made) -> dict[str, Made]:
    return {
        "s": Made(SOURCES[source]),
        "r": Made("aws:iam/role:Role", role or {}),
        "f": refers("aws:lambda/function:Function", "role", "r"),
        "x": Made(
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            {"eventSourceArn": UNKNOWN, "functionName": UNKNOWN},
            {"eventSourceArn": "s", "functionName": "f"},
        ),
        **more,
    }


def attached(arn: Any) -> Made:
    return refers(ATTACHMENT, "role", "r", {"policyArn": arn})


def inline(policy: Any) -> Made:
    return refers(POLICY, "role", "r", {"policy": policy})


OWN = {
    "o": Made("aws:iam/policy:Policy", {"policy": allows("sqs:*")}),
    "a": Made(ATTACHMENT, {"role": UNKNOWN, "policyArn": UNKNOWN}, {"role": "r", "policyArn": "o"}),
}
ALL = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
FUNCTION = "functionName"
CASES |= {
    "a role without policies": Case(READABLE, reads(), ("x", FUNCTION, "role r of f has no sqs:ReceiveMessage, with which Lambda reads s")),
    "a role that writes logs": Case(READABLE, reads(a=attached(BASIC)), ("x", FUNCTION, "has no sqs:ReceiveMessage")),
    "a role that reads a stream": Case(
        READABLE, reads("kinesis", p=inline(allows("kinesis:GetRecords"))), ("x", FUNCTION, "has no kinesis:GetShardIterator")
    ),
    "a role that reads no table": Case(READABLE, reads("dynamodb", a=attached(BASIC)), ("x", FUNCTION, "has no dynamodb:GetRecords")),
    "AWS's own policy": Case(READABLE, reads(a=attached(BASIC.replace("Basic", "SQSQueue")))),
    "AWS's own policy for streams": Case(
        READABLE, reads(a=attached(BASIC.replace("Basic", "Kinesis"))), ("x", FUNCTION, "has no sqs:ReceiveMessage")
    ),
    "a policy of AWS's that nobody lists": Case(READABLE, reads(a=attached(FULL))),
    "a policy of the account": Case(READABLE, reads(a=attached("arn:aws:iam::123456789012:policy/worker"))),
    "a policy that is not known": Case(READABLE, reads(a=attached(UNKNOWN))),
    "a policy of the stack": Case(READABLE, {**reads(), **OWN}),
    "each action": Case(READABLE, reads(p=inline(allows(*ALL)))),
    "one action too few": Case(READABLE, reads(p=inline(allows(*ALL[:2]))), ("x", FUNCTION, "has no sqs:GetQueueAttributes")),
    "a pattern": Case(READABLE, reads(p=inline(allows("sqs:*")))),
    "denied": Case(READABLE, reads(p=inline(allows("sqs:*", effect="Deny"))), ("x", FUNCTION, "has no sqs:ReceiveMessage")),
    "a document that is not known yet": Case(READABLE, reads(p=inline(UNKNOWN))),
    "inside the role": Case(READABLE, reads(role={"inlinePolicies": [{"name": "a", "policy": allows(*ALL)}]})),
    "inside the role, and not enough": Case(
        READABLE, reads(role={"inlinePolicies": [{"name": "a", "policy": allows("s3:*")}]}), ("x", FUNCTION, "has no sqs:ReceiveMessage")
    ),
    "listed by the role": Case(READABLE, reads(role={"managedPolicyArns": [FULL]})),
    "a list of the role that is not known": Case(READABLE, reads(role={"managedPolicyArns": UNKNOWN})),
    "policies of a role by name": Case(READABLE, reads(p=Made(POLICY, {"role": "r", "policy": allows("s3:*")}))),
    "a queue that lets the role in": Case(READABLE, reads(q=refers("aws:sqs/queuePolicy:QueuePolicy", "queueUrl", "s"))),
    "a function elsewhere": Case(READABLE, {**reads(), "f": Made("aws:lambda/function:Function", {"role": "arn:aws:iam::1:role/r"})}),
}

SAME = networks.security_group_same_vpc


def machine(*groups: str) -> dict[str, Made]:
    props = {"subnetId": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN for _ in groups]}
    return {
        "v": Made(VPC),
        "w": Made(VPC),
        "s": refers(SUBNET, "vpcId", "v"),
        "own": refers("aws:ec2/securityGroup:SecurityGroup", "vpcId", "v"),
        "other": refers("aws:ec2/securityGroup:SecurityGroup", "vpcId", "w"),
        "default": Made("aws:ec2/securityGroup:SecurityGroup"),
        "x": Made("aws:ec2/instance:Instance", props, {"subnetId": "s", "vpcSecurityGroupIds": groups}),
    }


# The module's other controls are held as traps.
OF_NETWORKS = {
    "a group of the VPC": Case(SAME, machine("own")),
    "a group of another": Case(SAME, machine("other"), ("x", "vpcSecurityGroupIds.0", "other is in w, and subnet s in v")),
    "a group of a VPC that is not given": Case(SAME, machine("default")),
    "no group": Case(SAME, machine()),
}


@pytest.mark.parametrize("case", (CASES | OF_NETWORKS).values(), ids=CASES | OF_NETWORKS)
def test_case(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("lamda", "lambda", True),
        ("lambdas", "lambda", True),
        ("lamdba", "lambda", True),
        ("lanbda", "lambda", True),
        ("lambda", "lambda", False),
        ("lmda", "lambda", False),
        ("adbmal", "lambda", False),
    ],
)
def test_one_letter(one: str, other: str, is_near: bool) -> None:
    assert is_one_letter_away(one, other) is is_near
