"""Cognito: no guest access in identity pools, threat protection in user pools."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/cognito-controls.html"


@control(
    id="cognito-identity-pool-no-guests",
    title="Cognito identity pools allow no guest access",
    severity=Severity.MEDIUM,
    types=("aws:cognito/identityPool:IdentityPool",),
    why="Anyone who knows the pool's id, which the application's pages contain, gets AWS credentials without signing in.",
    remediation="Set allow_unauthenticated_identities to False.",
    url=f"{_PAGE}#cognito-2",
    frameworks={"FSBP": ("Cognito.2",), "Checkov": ("CKV_AWS_366",)},
)
def cognito_identity_pool_no_guests(resource: Resource) -> Verdict:
    if resource.get("allowUnauthenticatedIdentities", False):
        return Fail("gives AWS credentials to guests", "allowUnauthenticatedIdentities")
    return Pass()


@control(
    id="cognito-user-pool-threat-protection",
    title="Cognito user pools have threat protection",
    severity=Severity.MEDIUM,
    types=("aws:cognito/userPool:UserPool",),
    why="Attackers try leaked passwords on every sign-in page; without threat protection, nothing stops those that work.",
    remediation='Set user_pool_add_ons with advanced_security_mode="ENFORCED", and user_pool_tier to "PLUS".',
    # The page lists it as Cognito.1; public rule sets disagree on whether that is part of FSBP, so the id is left out.
    url=f"{_PAGE}#cognito-1",
    config={
        "modes": {
            "type": "array",
            "items": {"type": "string", "enum": ["AUDIT", "ENFORCED"]},
            "default": ["ENFORCED"],
            "description": "The accepted enforcement modes.",
        }
    },
)
def cognito_user_pool_threat_protection(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    path = "userPoolAddOns.advancedSecurityMode"
    mode = resource.get(path, "OFF")
    return Pass() if mode in config["modes"] else Fail(f"has its threat protection at {mode}", path)
