"""GraphQL APIs."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import appsync as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

Props = dict[str, Any]

API, CACHE = "aws:appsync/graphQLApi:GraphQLApi", "aws:appsync/apiCache:ApiCache"
ASSOCIATION, LEVEL = "aws:wafv2/webAclAssociation:WebAclAssociation", "logConfig.fieldLogLevel"


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (controls.appsync_no_api_key, {"authenticationType": "AWS_IAM"}, Pass()),
        (controls.appsync_no_api_key, {"authenticationType": "API_KEY"}, Fail("authenticates clients by API key", "authenticationType")),
        (controls.appsync_no_api_key, {"authenticationType": UNKNOWN}, Unknown("authenticationType")),
        (controls.appsync_logging, {"logConfig": {"fieldLogLevel": "ERROR"}}, Pass()),
        (controls.appsync_logging, {"logConfig": {"fieldLogLevel": "NONE"}}, Fail("does not log fields", LEVEL)),
        (controls.appsync_logging, {"logConfig": {}}, Fail("does not log fields", LEVEL)),
        (controls.appsync_logging, {"logConfig": {"fieldLogLevel": UNKNOWN}}, Unknown(LEVEL)),
        (controls.appsync_logging, {"logConfig": UNKNOWN}, Unknown("logConfig")),
        (controls.appsync_logging, {}, Fail("has no logs", "logConfig")),
    ],
)
def test_apis(control: Control, props: Props, expected: Verdict) -> None:
    assert verdicts(control, resource(API, props=props)) == [expected]


@pytest.mark.parametrize(
    ("props", "others", "expected"),
    [
        ({}, [resource(ASSOCIATION, "acl", {"resourceArn": UNKNOWN}, deps={"resourceArn": ["shop"]})], Pass()),
        ({}, [resource(ASSOCIATION, "acl", {"resourceArn": "arn:other"})], Fail("has no web ACL")),
        ({}, [], Fail("has no web ACL")),
        ({"visibility": "GLOBAL"}, [], Fail("has no web ACL")),
        ({"visibility": UNKNOWN}, [], Fail("has no web ACL")),
        ({"visibility": "PRIVATE"}, [], NotApplicable("is private")),
    ],
)
def test_web_acls(props: Props, others: list[Resource], expected: Verdict) -> None:
    found = verdicts(controls.appsync_web_acl, stack(resource(API, "shop", {"arn": "arn:shop", **props}), *others))
    assert found == [("shop", expected)]


REST, TRANSIT = Fail("is not encrypted at rest", "atRestEncryptionEnabled"), Fail("is not encrypted in transit", "transitEncryptionEnabled")


@pytest.mark.parametrize(
    ("rest", "transit", "expected"),
    [
        (True, True, [Pass()]),
        (False, True, [REST]),
        (True, False, [TRANSIT]),
        (None, None, [REST, TRANSIT]),
        (UNKNOWN, False, [Unknown("atRestEncryptionEnabled"), TRANSIT]),
        (True, UNKNOWN, [Unknown("transitEncryptionEnabled")]),
    ],
)
def test_caches(rest: Any, transit: Any, expected: list[Verdict]) -> None:
    props = {"atRestEncryptionEnabled": rest, "transitEncryptionEnabled": transit}
    assert verdicts(controls.appsync_cache_encrypted, resource(CACHE, props=props)) == expected


def test_an_api_that_may_be_private() -> None:
    shop = resource(API, "shop", {"visibility": UNKNOWN}, deps={"visibility": ["source"]})
    assert verdicts(controls.appsync_web_acl, stack(resource("x:y:Z", "source"), shop)) == [("shop", Unknown("visibility"))]
