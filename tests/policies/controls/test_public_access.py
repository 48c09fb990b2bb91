"""What counts as public in a resource's policy: principals, conditions, denials, and parts that are unknown."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls._documents import statements
from cloudpatterns_policies.controls._public_access import is_fixed, not_public, public_statements
from cloudpatterns_policies.controls.messaging import sqs_not_public
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Unknown, Verdict

from tests.policies.helpers import resource, verdicts

QUEUE = "aws:sqs/queue:Queue"
ACCOUNT, ORGANIZATION = "123456789012", "o-abcdefghij"


def public(**fields: Any) -> bool:
    document = {"Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*", **fields}}
    return bool(list(public_statements(statements(document))))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": ["*"]}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": [ACCOUNT, "*"]}}, True),
        ({"Principal": {"Service": "*"}}, True),
        ({"Principal": {"Federated": ["*"]}}, True),
        ({"NotPrincipal": {"AWS": ACCOUNT}}, True),
        ({"Principal": {"AWS": ACCOUNT}}, False),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, False),
        ({"Principal": "*", "Effect": "Deny"}, False),
        ({}, False),
    ],
)
def test_principals(fields: dict[str, Any], expected: bool) -> None:
    assert public(**fields) is expected


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
        {"StringEqualsIgnoreCase": {"aws:PrincipalAccount": [ACCOUNT, "210987654321"]}},
        {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
        {"ForAnyValue:StringEquals": {"aws:SourceOrgID": ORGANIZATION}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/r-ab12/ou-1/*"}},
        {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::bucket"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}},
        {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}},
        {"StringLike": {"aws:userid": "AROAABCDEFGHIJKLMNOPQ:*"}},
        {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
        {"StringEquals": {"aws:VpceOrgID": ORGANIZATION}},
        {"StringEquals": {"aws:VpceAccount": ACCOUNT}},
        {"StringEquals": {"aws:PrincipalServiceName": "cloudtrail.amazonaws.com"}},
        {"ArnEquals": {"lambda:SourceFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}},
        {"StringEquals": {"kms:CallerAccount": ACCOUNT, "kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}},
        {"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:eu-west-1:123456789012:accesspoint/*"}},
        {"StringEquals": {"vpc-lattice-svcs:SourceVpcOwnerAccount": ACCOUNT}},
        {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
        {"StringEquals": {"aws:PrincipalOrgID": "${AWS:ResourceOrgID}"}},
        {"Bool": {"aws:PrincipalIsAWSService": "true"}},
        {"Bool": {"elasticfilesystem:AccessedViaMountTarget": True}},
        {"IpAddress": {"aws:SourceIp": ["203.0.113.7/24", "128.0.0.0/8", "2600::/32", "fc00::/7"]}},
        {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
        {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}, "Null": {"aws:SourceAccount": "false"}},
        {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/*"}, "Null": {"aws:PrincipalOrgPaths": False}},
    ],
)
def test_conditions_that_confine(condition: dict[str, Any]) -> None:
    assert not public(Principal="*", Condition=condition)
    assert not public(NotPrincipal={"AWS": ACCOUNT}, Condition=condition)


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}},
        {"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::bucket", "arn:aws:s3:::b*"]}},
        {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
        {"StringEquals": {"aws:SourceAccount": []}},
        {"StringEquals": {"aws:SourceAccount": ""}},
        {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}, "Null": {"aws:SourceVpce": "false"}},
        {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}, "Null": {"aws:SourceAccount": "true"}},
        {"StringNotEquals": {"aws:SourceAccount": ACCOUNT}},
        {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}},
        {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
        {"StringEquals": {"sts:ExternalId": "shop"}},
        {"StringEquals": {"aws:PrincipalTag/team": "shop"}},
        {"Null": {"aws:SourceVpce": "false"}},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"Bool": {"aws:PrincipalIsAWSService": "false"}},
        {"BoolIfExists": {"aws:PrincipalIsAWSService": "true"}},
        {"Bool": {"aws:SourceAccount": "true"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
        {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "128.0.0.0/7"]}},
        {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "::/0"]}},
        {"IpAddress": {"aws:SourceIp": "2000::/31"}},
        {"IpAddress": {"aws:SourceIp": "office"}},
        {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/16"}},
        {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    ],
)
def test_conditions_that_do_not(condition: dict[str, Any]) -> None:
    assert public(Principal="*", Condition=condition)


ALLOW = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:List*"], "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]}
DENY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::b*"]}
OTHERS = {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}


def kept_open(deny: dict[str, Any], allow: dict[str, Any] | None = None) -> bool:
    return bool(list(public_statements(statements({"Statement": [{**ALLOW, **(allow or {})}, deny]}))))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"Condition": OTHERS},
        {"Principal": {"AWS": "*"}, "Condition": OTHERS},
        {"Action": "*", "Resource": "*", "Condition": OTHERS},
        {"Action": ["s3:Get*", "s3:List*"], "Condition": OTHERS},
        {"Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}}},
        {"Condition": {"StringNotLike": {"aws:userid": "AROAABCDEFGHIJKLMNOPQ:*"}}},
        {"Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}},
        {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}},
        {"Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}, **OTHERS}},
        {"Condition": {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}, **OTHERS}},
        {"Condition": {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/*"}}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::123456789012:role/app"}},
    ],
)
def test_denials_that_close_what_is_open(change: dict[str, Any]) -> None:
    assert not kept_open({**DENY, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}},
        {"Principal": {"AWS": ACCOUNT}},
        {"Principal": None, "NotPrincipal": {"AWS": "*"}},
        {"Action": "s3:GetObject"},
        {"Action": ["s3:Put*", "s3:GetObject"]},
        {"Action": None, "NotAction": "s3:GetObject"},
        {"Resource": "arn:aws:s3:::b/*"},
        {"Resource": "arn:aws:s3:::b/private/*"},
        {"Resource": None, "NotResource": "arn:aws:s3:::c"},
        {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}},
        {"Condition": {"StringNotEquals": {"aws:SourceVpce": []}}},
        {"Condition": {"StringNotLike": {"aws:SourceVpce": "vpce-*"}}},
        {"Condition": {"StringNotEquals": {"aws:UserAgent": "mine"}}},
        {"Condition": {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/0"]}}},
        {"Condition": {"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/*"}}},
        {"Condition": {"Null": {"aws:SourceVpce": "true"}, **OTHERS}},
        {"Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Condition": {"Bool": {"aws:ViaAWSService": "false"}, **OTHERS}},
        {"Condition": {"Bool": {"aws:PrincipalIsAWSService": "true"}}},
    ],
)
def test_denials_that_leave_it_open(change: dict[str, Any]) -> None:
    assert kept_open({**DENY, **change})


def test_lists_of_what_a_statement_leaves_out() -> None:
    left_out = {"Action": None, "NotAction": ["s3:DeleteBucket", "s3:PutObject"]}
    assert not kept_open({**DENY, "Action": None, "NotAction": "S3:putobject"}, left_out)
    assert kept_open({**DENY, "Action": None, "NotAction": ["s3:PutObject", "s3:GetObject"]}, left_out)
    assert kept_open(DENY, left_out)
    assert not kept_open({**DENY, "Action": "*"}, left_out)
    assert kept_open(DENY, {"Resource": None, "NotResource": "arn:aws:s3:::c"})
    assert not kept_open({**DENY, "Resource": "*"}, {"Resource": None, "NotResource": "arn:aws:s3:::c"})


def test_statements_of_a_resource_that_names_itself() -> None:
    assert not kept_open({**DENY, "Resource": None}, {"Resource": None})
    assert kept_open(DENY, {"Resource": None})


def test_an_api_has_two_spellings_of_its_resources() -> None:
    deny = {**DENY, "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    arn = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/a"
    assert not kept_open(deny, {"Action": "execute-api:Invoke", "Resource": arn})
    assert kept_open({**deny, "Resource": arn}, {"Action": "execute-api:Invoke", "Resource": "execute-api:/*"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ACCOUNT, True),
        ("arn:aws:execute-api:eu-west-1:123456789012:api/*/*", True),
        ("arn:aws:execute-api:eu-west-1:123456789012:${stageVariables.x}", False),
        ("arn:aws:iam::${aws:ResourceAccount}:role/*", True),
        ("arn:aws:events:*:*:rule/x", False),
        ("o-abcdefghij/*", True),
        ("o-*", False),
        ("*", False),
        ("", False),
    ],
)
def test_fixed_values(value: str, expected: bool) -> None:
    assert is_fixed(value) is expected


def judged(policy: Any, **more: Any) -> list[Verdict]:
    return list(not_public(resource(QUEUE, props={"policy": policy}), **more))


OPEN = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
FOUND = Fail("allows sqs:SendMessage to everyone (Principal *) in statement 1", "policy")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, FOUND),
        ({"Sid": "Open"}, Fail("allows sqs:SendMessage to everyone (Principal *) in statement Open", "policy")),
        (
            {"Action": ["a:1", "a:2", "a:3", "a:4"]},
            Fail("allows a:1, a:2, a:3 and 1 more to everyone (Principal *) in statement 1", "policy"),
        ),
        (
            {"Action": None, "NotAction": "sqs:DeleteQueue"},
            Fail("allows everything but sqs:DeleteQueue to everyone (Principal *) in statement 1", "policy"),
        ),
        ({"Action": None}, Fail("allows access to everyone (Principal *) in statement 1", "policy")),
        (
            {"Principal": None, "NotPrincipal": {"AWS": [ACCOUNT, "b", "c"]}},
            Fail("allows sqs:SendMessage to everyone but 123456789012, b and 1 more (NotPrincipal) in statement 1", "policy"),
        ),
        # What does not decide may be unknown.
        ({"Sid": UNKNOWN}, FOUND),
        ({"Resource": UNKNOWN}, FOUND),
        ({"Resource": [UNKNOWN]}, FOUND),
        ({"Action": UNKNOWN}, Fail("allows access to everyone (Principal *) in statement 1", "policy")),
        ({"Action": [UNKNOWN, "a:1"]}, Fail("allows a:1 to everyone (Principal *) in statement 1", "policy")),
        ({"Principal": {"AWS": [UNKNOWN, "*"]}}, FOUND),
        ({"Condition": {"StringEquals": {"aws:UserAgent": UNKNOWN}}}, FOUND),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceArn": UNKNOWN}}}, FOUND),
        ({"Condition": {"ArnLike": {"aws:SourceArn": [UNKNOWN, "*"]}}}, FOUND),
        # What decides may not.
        ({"Effect": UNKNOWN}, Unknown("policy.Statement.0.Effect")),
        ({"Principal": UNKNOWN}, Unknown("policy.Statement.0.Principal")),
        ({"Principal": {"AWS": [ACCOUNT, UNKNOWN]}}, Unknown("policy.Statement.0.Principal.AWS.1")),
        ({"Condition": UNKNOWN}, Unknown("policy.Statement.0.Condition")),
        ({"Condition": {"ArnEquals": UNKNOWN}}, Unknown("policy.Statement.0.Condition.ArnEquals")),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": UNKNOWN}}}, Unknown("policy.Statement.0.Condition.ArnEquals.aws:SourceArn")),
    ],
)
def test_messages_and_unknown_parts(change: dict[str, Any], expected: Verdict) -> None:
    statement = {key: value for key, value in {**OPEN, **change}.items() if value is not None}
    assert judged({"Version": UNKNOWN, "Statement": [statement]}) == [expected]


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": UNKNOWN, "Principal": {"AWS": ACCOUNT}},
        {"Effect": "Deny", "Principal": UNKNOWN},
        {"Principal": {"AWS": ACCOUNT}, "Resource": UNKNOWN, "Condition": UNKNOWN},
        {"Principal": UNKNOWN, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:UserAgent": UNKNOWN}}},
    ],
)
def test_what_is_safe_whatever_the_unknown_parts_are(change: dict[str, Any]) -> None:
    assert judged({"Statement": [{**OPEN, **change}]}) == []


@pytest.mark.parametrize(
    ("deny", "expected"),
    [
        (
            {"Condition": {"StringNotEquals": {"aws:SourceVpce": UNKNOWN}}},
            Unknown("policy.Statement.1.Condition.StringNotEquals.aws:SourceVpce"),
        ),
        ({"Resource": UNKNOWN}, Unknown("policy.Statement.1.Resource")),
        ({"Action": [UNKNOWN]}, Unknown("policy.Statement.1.Action.0")),
        ({"Principal": {"AWS": UNKNOWN}}, Unknown("policy.Statement.1.Principal.AWS")),
        ({"Principal": None, "NotPrincipal": {"AWS": UNKNOWN}}, Unknown("policy.Statement.1.NotPrincipal.AWS")),
        ({"Effect": UNKNOWN, "Principal": {"AWS": ACCOUNT}}, FOUND),
        ({"Resource": UNKNOWN, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, FOUND),
    ],
)
def test_a_denial_with_unknown_parts(deny: dict[str, Any], expected: Verdict) -> None:
    second = {key: value for key, value in {**OPEN, "Effect": "Deny", **deny}.items() if value is not None}
    assert judged({"Statement": [OPEN, second]}) == [expected]


def test_a_statement_that_is_unknown_as_a_whole() -> None:
    whole = resource(QUEUE, props={"policy": {"Statement": UNKNOWN}})
    assert verdicts(sqs_not_public, whole) == [Unknown("policy.Statement")]
    assert judged({"Statement": [UNKNOWN, {**OPEN, "Sid": "Open"}]}) == [
        Unknown("policy.Statement.0"),
        Unknown("policy.Statement.0"),
    ]


def test_what_holds_no_document() -> None:
    assert judged(UNKNOWN) == [Unknown("policy")]
    assert judged("no document") == [Fail("is not a valid policy document", "policy")]
    assert judged(None) == judged("") == [NotApplicable("sets no policy here")]
    assert judged(None, default="nobody may") == [NotApplicable("sets no policy here; nobody may")]
    assert judged(json.dumps({"Statement": []})) == []


def test_actions_that_everyone_may_be_allowed() -> None:
    def pulls(action: Any) -> list[Verdict]:
        return judged({"Statement": [{**OPEN, "Action": action}]}, harmless=("a:Get*",))

    assert pulls("a:GetX") == pulls(["a:GetX", "a:GetY"]) == []
    assert pulls(["a:GetX", "a:Put"]) == [Fail("allows a:Put to everyone (Principal *) in statement 1", "policy")]
    assert pulls("a:*") == [Fail("allows a:* to everyone (Principal *) in statement 1", "policy")]
    assert pulls(UNKNOWN) == [Unknown("policy.Statement.0.Action")]
