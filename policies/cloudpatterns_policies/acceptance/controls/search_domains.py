"""OpenSearch: domains, and collections of OpenSearch Serverless."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import waits_for
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Unknown, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import read

_DOMAINS: Final = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")
_POLICY: Final = "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy"
_WITHOUT_AUTO_TUNE: Final = ("t2.", "t3.")

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="opensearch-subnets-and-zones",
    title="A search domain has a subnet for each of its Availability Zones",
    types=_DOMAINS,
    why="AWS refuses a domain with more or fewer subnets than zones.",
    remediation="Give as many subnets as availability_zone_count of zone_awareness_config says, 2 by default.",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-opensearchservice-domain-vpcoptions.html",
)
def opensearch_subnets_and_zones(resource: Resource) -> Iterator[Verdict]:
    subnets = read(resource, "vpcOptions.subnetIds", computed=True)
    if not isinstance(subnets, list):
        return
    zones = resource.get("clusterConfig.zoneAwarenessConfig.availabilityZoneCount", 2)
    if resource.get("clusterConfig.zoneAwarenessEnabled", False) and len(subnets) != zones:
        yield Fail(f"has {len(subnets)} subnets for {zones:g} Availability Zones", "vpcOptions.subnetIds")


@_refusal(
    id="opensearch-auto-tune",
    title="A search domain with Auto-Tune has no t2 or t3 nodes",
    types=_DOMAINS,
    why="AWS refuses Auto-Tune on t2 and t3.",
    remediation='Set desired_state of auto_tune_options to "DISABLED", or use other nodes.',
    url="https://github.com/hashicorp/terraform-provider-aws/issues/30205",
)
def opensearch_auto_tune(resource: Resource) -> Iterator[Verdict]:
    if resource.get("autoTuneOptions.desiredState") == "ENABLED":
        node = resource.get("clusterConfig.instanceType", "")
        if node.startswith(_WITHOUT_AUTO_TUNE):
            yield Fail(f"has Auto-Tune on {node}", "autoTuneOptions.desiredState")


@stack_control(
    id="opensearch-encryption-policy-first",
    title="A serverless collection waits for the encryption policy that covers it",
    severity=Severity.HIGH,
    types=("aws:opensearch/serverlessCollection:ServerlessCollection",),
    why="AWS refuses a collection that no encryption policy matches when it is created.",
    remediation="Name the policy in depends_on of the collection.",
    url="https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-encryption.html",
    pack="acceptance",
)
def opensearch_encryption_policy_first(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    name, own = given(resource, "name"), given(resource, "encryptionConfig")
    if own is not None or name is None:
        return
    policies = [item for item in stack.of_type(_POLICY) if given(item, "type") is UNKNOWN or is_given(item, "type", "encryption")]
    if name is UNKNOWN or any(given(item, "policy") is UNKNOWN for item in policies):
        yield Unknown("name")
        return
    matching = [item for item in policies if any(fnmatchcase(f"collection/{name}", pattern) for pattern in _resources(item))]
    if matching and not any(waits_for(stack, resource, item) for item in matching):
        yield Fail(f"does not wait for the encryption policy {matching[0].name}", "name")


def _resources(policy: Resource) -> Iterator[str]:
    """The collections that an encryption policy covers, as patterns."""
    try:
        document: Any = json.loads(given(policy, "policy"))
    except (TypeError, ValueError):
        return
    for rule in document.get("Rules", ()) if isinstance(document, dict) else ():
        for item in rule.get("Resource", ()) if isinstance(rule, dict) else ():
            yield str(item)
