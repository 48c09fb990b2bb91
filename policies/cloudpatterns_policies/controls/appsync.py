"""AppSync: logins, a web ACL, logs and encrypted caches of GraphQL APIs."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/appsync-controls.html"
_API: Final = "aws:appsync/graphQLApi:GraphQLApi"
_CACHE: Final = "aws:appsync/apiCache:ApiCache"
_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
_LEVEL: Final = "logConfig.fieldLogLevel"


@control(
    id="appsync-no-api-key",
    title="GraphQL APIs do not authenticate clients by API key alone",
    severity=Severity.MEDIUM,
    types=(_API,),
    why="An API key is in every client that has it, says nothing about its user, and is valid for up to a year.",
    remediation='Set authentication_type to "AMAZON_COGNITO_USER_POOLS", "OPENID_CONNECT", "AWS_IAM" or "AWS_LAMBDA".',
    url=f"{_PAGE}#appsync-5",
    frameworks={"FSBP": ("AppSync.5",)},
    partial={"AppSync.5": "API keys as an additional way to authenticate, which an API limits to single fields"},
)
def appsync_no_api_key(resource: Resource) -> Verdict:
    path = "authenticationType"
    return Fail("authenticates clients by API key", path) if resource.get(path) == "API_KEY" else Pass()


@stack_control(
    id="appsync-web-acl",
    title="GraphQL APIs have a web ACL",
    severity=Severity.MEDIUM,
    types=(_API,),
    why="Without a web ACL, floods, scanners and known exploits reach the resolvers themselves.",
    remediation="Add an aws.wafv2.WebAclAssociation with the API's ARN as resource_arn.",
    url="https://docs.aws.amazon.com/appsync/latest/devguide/WAF-Integration.html",
    frameworks={"Checkov": ("CKV2_AWS_33",)},
    partial={"CKV2_AWS_33": "private APIs, which are reached from VPCs alone"},
)
def appsync_web_acl(resource: Resource, stack: Stack) -> Verdict:
    visibility = read(resource, "visibility", computed=True)
    if visibility is UNKNOWN:
        return Unknown("visibility")
    if visibility == "PRIVATE":
        return NotApplicable("is private")
    return Pass() if stack.referrers(resource, _ASSOCIATION, "resourceArn") else Fail("has no web ACL")


@control(
    id="appsync-logging",
    title="GraphQL APIs log the fields that fail",
    severity=Severity.MEDIUM,
    types=(_API,),
    why="Without logs, nobody can find out who asked for what, and which resolver failed.",
    remediation='Set log_config with cloudwatch_logs_role_arn and field_log_level="ERROR".',
    url=f"{_PAGE}#appsync-2",
    frameworks={"FSBP": ("AppSync.2",), "Checkov": ("CKV_AWS_193", "CKV_AWS_194")},
    partial={
        "CKV_AWS_193": "the level, which it does not look at: without one nothing is logged",
        "CKV_AWS_194": "the levels INFO and DEBUG, which log more and which it refuses",
    },
)
def appsync_logging(resource: Resource) -> Verdict:
    if resource.get("logConfig") is None:
        return Fail("has no logs", "logConfig")
    return Fail("does not log fields", _LEVEL) if resource.get(_LEVEL, "NONE") == "NONE" else Pass()


@control(
    id="appsync-cache-encrypted",
    title="Caches of GraphQL APIs are encrypted at rest and in transit",
    severity=Severity.MEDIUM,
    types=(_CACHE,),
    why="The cache holds the answers of the API, with whatever they say about its users.",
    remediation="Set at_rest_encryption_enabled and transit_encryption_enabled to True, which replaces the cache.",
    url=f"{_PAGE}#appsync-1",
    frameworks={"FSBP": ("AppSync.1", "AppSync.6"), "Checkov": ("CKV_AWS_214", "CKV_AWS_215")},
)
def appsync_cache_encrypted(resource: Resource) -> Iterator[Verdict]:
    for path, how in (("atRestEncryptionEnabled", "at rest"), ("transitEncryptionEnabled", "in transit")):
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, False):
            yield Fail(f"is not encrypted {how}", path)
