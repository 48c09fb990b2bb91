"""OpenSearch Serverless: network and encryption policies of collections."""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control

_POLICY: Final = "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy"


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
