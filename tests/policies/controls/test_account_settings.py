"""Settings of the account."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import account_settings as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]

PASSWORDS = "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"
STRONG = {
    "minimumPasswordLength": 14,
    "requireLowercaseCharacters": True,
    "requireUppercaseCharacters": True,
    "requireNumbers": True,
    "requireSymbols": True,
}


@pytest.mark.parametrize(
    ("path", "bad", "message"),
    [
        ("minimumPasswordLength", 13, "accepts passwords of 13 characters"),
        ("requireLowercaseCharacters", False, "accepts passwords without a lowercase letter"),
        ("requireUppercaseCharacters", False, "accepts passwords without an uppercase letter"),
        ("requireNumbers", False, "accepts passwords without a number"),
        ("requireSymbols", False, "accepts passwords without a symbol"),
    ],
)
def test_strength(path: str, bad: Any, message: str) -> None:
    def judged(value: Any) -> list[Verdict]:
        return verdicts(controls.iam_password_strength, resource(PASSWORDS, props={**STRONG, path: value}))

    assert judged(STRONG[path]) == [Pass()]
    assert judged(bad) == [Fail(message, path)]
    assert judged(None) == [Fail(message.replace("13", "6"), path)]
    assert judged(UNKNOWN) == [Unknown(path)]


def test_a_longer_password_can_be_demanded() -> None:
    found = verdicts(controls.iam_password_strength, resource(PASSWORDS, props=STRONG), {"minimumLength": 16})
    assert found == [Fail("accepts passwords of 14 characters", "minimumPasswordLength")]


RULES = "permittedPublicSecurityGroupRuleRanges"
BLOCKS = "aws:emr/blockPublicAccessConfiguration:BlockPublicAccessConfiguration"


NEW_ONLY = "has its block of public snapshots at block-new-sharing"


def nested(path: str, value: Any) -> Props:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize(
    ("control", "path", "good", "bad", "message", "omitted"),
    [
        (controls.iam_password_reuse, "passwordReusePrevention", 24, 5, "remembers 5 old passwords, not 24", None),
        (controls.iam_password_expiry, "maxPasswordAge", 90, 91, "lets passwords live for 91 days", None),
        (
            controls.snapshot_sharing_blocked,
            "state",
            "block-all-sharing",
            "block-new-sharing",
            NEW_ONLY,
            None,
        ),
        (controls.image_sharing_blocked, "state", "block-new-sharing", "unblocked", "has its block of public images at unblocked", False),
        (controls.macie_not_paused, "status", "ENABLED", "PAUSED", "is paused", True),
    ],
)
def test_settings(control: Control, path: str, good: Any, bad: Any, message: str, omitted: bool | None) -> None:
    [type] = control.types[:1]

    def judged(value: Any) -> list[Verdict]:
        found = verdicts(control, resource(type, "x", nested(path, value)))
        return [item[1] if isinstance(item, tuple) else item for item in found]

    weak = Fail(message, path)
    assert judged(good) == [Pass()]
    assert judged(bad) == [weak]
    assert judged(UNKNOWN) == [Unknown(path)]
    if omitted is not None:
        assert judged(None) == [Pass() if omitted else weak]


@pytest.mark.parametrize(
    ("control", "props", "message", "where"),
    [
        (controls.iam_password_reuse, {}, "remembers 0 old passwords, not 24", "passwordReusePrevention"),
        (controls.iam_password_reuse, {"passwordReusePrevention": 1}, "remembers 1 old password, not 24", "passwordReusePrevention"),
        (controls.iam_password_expiry, {}, "lets passwords live forever", "maxPasswordAge"),
        (controls.iam_password_expiry, {"maxPasswordAge": 0}, "lets passwords live forever", "maxPasswordAge"),
        (controls.snapshot_sharing_blocked, {}, "has its block of public snapshots at unblocked", "state"),
    ],
)
def test_settings_that_are_missing(control: Control, props: Props, message: str, where: str) -> None:
    assert verdicts(control, resource(control.types[0], props=props)) == [Fail(message, where)]


def test_passwords_that_expire_are_demanded_only_where_somebody_asks_for_it() -> None:
    assert controls.iam_password_expiry.disabled
