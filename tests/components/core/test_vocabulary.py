"""Arguments that many components take: what looks like one and is another is refused, where AWS would take it or fail late."""

from typing import Any, NotRequired, TypedDict

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.core.arguments import Arguments
from cloudpatterns.core.vocabulary import AlarmTopicArns, EdgeCertificateArn, HostName, KmsKeyArn, RegionalWebAclArn


class SampleArgs(TypedDict):
    """A sample of each."""

    key: KmsKeyArn
    topics: NotRequired[AlarmTopicArns]
    name: HostName
    certificate: EdgeCertificateArn
    acl: RegionalWebAclArn


GOOD: Any = {
    "key": "arn:aws:kms:eu-west-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    "topics": ["arn:aws:sns:eu-west-1:123456789012:alarms"],
    "name": "login.example.com",
    "certificate": "arn:aws:acm:us-east-1:123456789012:certificate/1",
    "acl": "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/1a2b3c",
}


def refused(name: str, value: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        Arguments[Any](SampleArgs).check("sample", {**GOOD, name: value})
    return caught.value.problems


def test_what_each_is_is_taken() -> None:
    assert Arguments[Any](SampleArgs).check("sample", GOOD) == GOOD


@pytest.mark.parametrize("value", ["alias/logs", "arn:aws:kms:eu-west-1:123456789012:alias/logs", "1234abcd-12ab-34cd-56ef-1234567890ab"])
def test_an_alias_or_an_id_is_no_key_arn(value: str) -> None:
    example = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    assert refused("key", value) == [("key", f"is {value!r}; must be the ARN of a key, not its id or alias, such as {example}")]


@pytest.mark.parametrize("value", ["alarms", "operations@example.com"])
def test_alarms_notify_topics_alone(value: str) -> None:
    reason = f"is {value!r}; must be the ARN of a topic, such as arn:aws:sns:eu-west-1:123456789012:orders"
    assert refused("topics", [value]) == [("topics.0", reason)]


def test_a_host_is_no_wildcard() -> None:
    reason = "is '*.example.com'; must be one domain name in lower case such as login.example.com"
    assert refused("name", "*.example.com") == [("name", reason)]


def test_cloudfront_takes_certificates_of_one_region() -> None:
    arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    reason = f"is {arn!r}; must be a certificate in us-east-1 such as arn:aws:acm:us-east-1:123456789012:certificate/1"
    assert refused("certificate", arn) == [("certificate", reason)]


def test_a_web_acl_of_cloudfront_is_none_of_a_region() -> None:
    arn = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b3c"
    example = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/1a2b3c"
    assert refused("acl", arn) == [("acl", f"is {arn!r}; must be a web ACL of the scope REGIONAL such as {example}")]
