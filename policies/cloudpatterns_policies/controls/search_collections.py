"""OpenSearch Serverless: network, encryption and data access policies of collections."""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control

_POLICY: Final = "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy"
_ACCESS: Final = "aws:opensearch/serverlessAccessPolicy:ServerlessAccessPolicy"


def _policy(resource: Resource, kind: str) -> Any:
    """The document of a policy of that kind, a verdict where there is none to judge."""
    if resource.get("type") != kind:
        return NotApplicable(f"is no {kind} policy")
    try:
        return resource.json("policy")
    except ValueError:
        return Fail("is not a valid policy document", "policy")


@control(
    id="search-collection-private",
    title="Collections of OpenSearch Serverless are not reachable from the internet",
    severity=Severity.HIGH,
    types=(_POLICY,),
    why="Collections and dashboards have an endpoint on the internet; then only the data access policy protects the documents.",
    remediation="Set AllowFromPublic to false in policy, and SourceVPCEs to the ids of aws.opensearch.ServerlessVpcEndpoint.",
    url="https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-network.html",
)
def search_collection_private(resource: Resource) -> Iterator[Verdict]:
    document = _policy(resource, "network")
    if isinstance(document, Fail | NotApplicable):
        yield document
        return
    for number, rule in enumerate(document if isinstance(document, list) else [document], start=1):
        public = rule if rule is UNKNOWN or not isinstance(rule, dict) else rule.get("AllowFromPublic")
        if public is UNKNOWN:
            yield Unknown("policy")
        elif public is True:
            yield Fail(f"opens collections to the internet in rule {number}", "policy")


@control(
    id="search-collection-customer-key",
    title="Collections of OpenSearch Serverless are encrypted with customer-managed keys",
    severity=Severity.LOW,
    types=(_POLICY,),
    why="With a key that AWS owns, nobody can see who decrypts the documents, or revoke the access to them.",
    remediation="Set AWSOwnedKey to false and KmsARN to the ARN of a customer-managed key in policy.",
    url="https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-encryption.html",
)
def search_collection_customer_key(resource: Resource) -> Verdict:
    document = _policy(resource, "encryption")
    if isinstance(document, Fail | NotApplicable):
        return document
    owned = document.get("AWSOwnedKey", False) if isinstance(document, dict) else False
    if owned is UNKNOWN:
        return Unknown("policy")
    return Fail("encrypts collections with a key that AWS owns", "policy") if owned else Pass()


@control(
    id="search-collection-access",
    title="Data access policies of OpenSearch Serverless name actions and collections",
    severity=Severity.MEDIUM,
    types=(_ACCESS,),
    why="With every action, or on every collection, a program that only searches can delete indexes, and read those of other teams.",
    remediation="In policy, list single actions in Permission, and in Resource collection/<name> and index/<name>/<pattern>.",
    url="https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-data-access.html",
)
def search_collection_access(resource: Resource) -> Iterator[Verdict]:
    try:
        document = resource.json("policy")
    except ValueError:
        yield Fail("is not a valid policy document", "policy")
        return
    for number, statement in enumerate(document if isinstance(document, list) else [document], start=1):
        rules = statement.get("Rules", []) if isinstance(statement, dict) else statement
        for rule in rules if isinstance(rules, list) else [rules]:
            yield from _wide(rule, number)


def _wide(rule: Any, number: int) -> Iterator[Verdict]:
    """What is too wide in one rule of a data access policy."""
    if rule is UNKNOWN:
        yield Unknown("policy")
    if not isinstance(rule, dict):
        return
    actions, places = ([*value] if isinstance(value := rule.get(key, ()), list) else [value] for key in ("Permission", "Resource"))
    known = {value for value in (*actions, *places) if isinstance(value, str)}
    if known & {"aoss:*", "*"}:
        yield Fail(f"allows every action in statement {number}", "policy")
    elif any(value.split("/")[1:2] == ["*"] for value in known):
        yield Fail(f"reaches every collection in statement {number}", "policy")
    elif any(value is UNKNOWN for value in (*actions, *places)):
        yield Unknown("policy")
