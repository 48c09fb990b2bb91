"""What counts as public in a resource's policy."""

from typing import Any

import pytest
from cloudpatterns_policies.controls._documents import statements
from cloudpatterns_policies.controls._public_access import is_fixed, public_statements


def public(**fields: Any) -> bool:
    document = {"Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*", **fields}}
    return bool(list(public_statements(statements(document))))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["123456789012", "*"]}}, True),
        ({"NotPrincipal": {"AWS": "123456789012"}}, True),
        ({"Principal": {"AWS": "123456789012"}}, False),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, False),
        ({"Principal": "*", "Effect": "Deny"}, False),
    ],
)
def test_principals(fields: dict[str, Any], expected: bool) -> None:
    assert public(**fields) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, False),
        ({"StringEquals": {"AWS:SourceOwner": "123456789012"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}, False),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/r-ab12/ou-1/*"}}, False),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::bucket"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}}, False),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["203.0.113.7/24", "128.0.0.0/8", "2600::/32", "fc00::/7"]}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::bucket", "arn:aws:s3:::b*"]}}, True),
        ({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}, True),
        ({"StringNotEquals": {"aws:SourceAccount": "123456789012"}}, True),
        ({"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "128.0.0.0/7"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "2000::/31"}}, True),
        ({"IpAddress": {"aws:SourceIp": "office"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, True),
    ],
)
def test_conditions(condition: dict[str, Any], expected: bool) -> None:
    assert public(Principal="*", Condition=condition) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("123456789012", True),
        ("arn:aws:execute-api:eu-west-1:123456789012:api/*/*", True),
        ("arn:aws:execute-api:eu-west-1:123456789012:${stageVariables.x}", False),
        ("arn:aws:events:*:*:rule/x", False),
        ("o-abcdefghij/*", True),
        ("o-*", False),
        ("*", False),
        ("", False),
    ],
)
def test_fixed_values(value: str, expected: bool) -> None:
    assert is_fixed(value) is expected
