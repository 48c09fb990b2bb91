"""Cognito: no guests in identity pools, threat protection in user pools."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/cognito-controls.html"


@control(
    id="cognito-identity-pool-no-guests",
    title="Cognito identity pools admit no guests",
    severity=Severity.MEDIUM,
    types=("aws:cognito/identityPool:IdentityPool",),
    why="Whoever knows the pool's id, which every page of the application shows, gets AWS credentials without a login.",
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
    title="Cognito user pools act on threats",
    severity=Severity.MEDIUM,
    types=("aws:cognito/userPool:UserPool",),
    why="Passwords that leaked elsewhere are tried on every login page; without threat protection they simply work.",
    remediation='Set user_pool_add_ons with advanced_security_mode="ENFORCED", and user_pool_tier to "PLUS".',
    # The page shows it as Cognito.1; public rule sets disagree whether that is part of FSBP, so the id is not claimed.
    url=f"{_PAGE}#cognito-1",
    config={
        "modes": {
            "type": "array",
            "items": {"type": "string", "enum": ["AUDIT", "ENFORCED"]},
            "default": ["ENFORCED"],
            "description": "The enforcement modes that are good enough.",
        }
    },
)
def cognito_user_pool_threat_protection(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    path = "userPoolAddOns.advancedSecurityMode"
    mode = resource.get(path, "OFF")
    return Pass() if mode in config["modes"] else Fail(f"has its threat protection at {mode}", path)
