"""Cognito pools."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import cognito as controls
from cloudpatterns_policies.core import Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

IDENTITIES, USERS = "aws:cognito/identityPool:IdentityPool", "aws:cognito/userPool:UserPool"
MODE = "userPoolAddOns.advancedSecurityMode"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (False, Pass()),
        (None, Pass()),
        (True, Fail("gives AWS credentials to guests", "allowUnauthenticatedIdentities")),
        (UNKNOWN, Unknown("allowUnauthenticatedIdentities")),
    ],
)
def test_guests(value: Any, expected: Verdict) -> None:
    subject = resource(IDENTITIES, props={"allowUnauthenticatedIdentities": value})
    assert verdicts(controls.cognito_identity_pool_no_guests, subject) == [expected]


@pytest.mark.parametrize(
    ("add_ons", "config", "expected"),
    [
        ({"advancedSecurityMode": "ENFORCED"}, None, Pass()),
        ({"advancedSecurityMode": "AUDIT"}, None, Fail("has its threat protection at AUDIT", MODE)),
        ({"advancedSecurityMode": "AUDIT"}, {"modes": ["AUDIT", "ENFORCED"]}, Pass()),
        ({"advancedSecurityMode": "OFF"}, None, Fail("has its threat protection at OFF", MODE)),
        ({}, None, Fail("has its threat protection at OFF", MODE)),
        (None, None, Fail("has its threat protection at OFF", MODE)),
        ({"advancedSecurityMode": UNKNOWN}, None, Unknown(MODE)),
    ],
)
def test_threat_protection(add_ons: Any, config: Any, expected: Verdict) -> None:
    subject = resource(USERS, props={"userPoolAddOns": add_ons})
    assert verdicts(controls.cognito_user_pool_threat_protection, subject, config) == [expected]
