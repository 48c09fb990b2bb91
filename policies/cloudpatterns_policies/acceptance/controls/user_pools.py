"""Cognito user pools and their clients."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.core import Fail, Resource, Severity, Verdict, control

_POOL: Final = "aws:cognito/userPool:UserPool"
_CONSTRAINTS: Final = {"String": "stringAttributeConstraints", "Number": "numberAttributeConstraints"}

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="cognito-threat-protection-tier",
    title="A user pool with threat protection has the Plus plan",
    types=(_POOL,),
    why="Cognito refuses threat protection on another plan; a new pool has Essentials.",
    remediation='Set user_pool_tier to "PLUS", or advanced_security_mode to "OFF".',
    url="https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-sign-in-feature-plans.html",
)
def cognito_threat_protection_tier(resource: Resource) -> Iterator[Verdict]:
    mode, tier = resource.get("userPoolAddOns.advancedSecurityMode", "OFF"), resource.get("userPoolTier", "ESSENTIALS")
    if mode in ("AUDIT", "ENFORCED") and tier != "PLUS":
        yield Fail(f"has threat protection ({mode}) on the plan {tier}", "userPoolAddOns.advancedSecurityMode")


@_refusal(
    id="cognito-schema-constraints",
    title="Text and number attributes of a user pool state their constraints",
    types=(_POOL,),
    why="Cognito fills in constraints that are left out: each later deployment sees a change of the schema, and is refused.",
    remediation="Give string_attribute_constraints or number_attribute_constraints, at the widest min_length 0 and max_length 2048.",
    url="https://github.com/hashicorp/terraform-provider-aws/issues/21654",
)
def cognito_schema_constraints(resource: Resource) -> Iterator[Verdict]:
    if "schemas" in resource.options.ignoreChanges:
        return
    for index in range(len(resource.get("schemas", []))):
        path = f"schemas.{index}"
        needed = _CONSTRAINTS.get(resource.get(f"{path}.attributeDataType"))
        if needed and not resource.is_unknown(f"{path}.{needed}") and resource.get(f"{path}.{needed}") is None:
            yield Fail(f"has an attribute without {needed}", path)


@_refusal(
    id="cognito-oauth-enabled",
    title="A client with OAuth settings has OAuth switched on",
    types=("aws:cognito/userPoolClient:UserPoolClient", "aws:cognito/managedUserPoolClient:ManagedUserPoolClient"),
    why="Without allowed_oauth_flows_user_pool_client the settings have no effect, and managed login refuses the client.",
    remediation="Set allowed_oauth_flows_user_pool_client to True.",
    url="https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html",
)
def cognito_oauth_enabled(resource: Resource) -> Iterator[Verdict]:
    if resource.get("allowedOauthFlowsUserPoolClient", False):
        return
    # Flows alone say that OAuth is meant.
    if resource.get("allowedOauthFlows"):
        yield Fail("has OAuth flows, while allowedOauthFlowsUserPoolClient is not True", "allowedOauthFlows")
