"""Settings of the whole account: passwords, public sharing of snapshots and images, Macie."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Unknown, Verdict, control

_IAM: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html"
_PASSWORDS: Final = "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"
_CHARACTERS: Final[Mapping[str, str]] = {
    "requireLowercaseCharacters": "lowercase letter",
    "requireUppercaseCharacters": "uppercase letter",
    "requireNumbers": "number",
    "requireSymbols": "symbol",
}


@control(
    id="iam-password-strength",
    title="Passwords of IAM users are long and mixed",
    severity=Severity.MEDIUM,
    types=(_PASSWORDS,),
    why="Short passwords are guessed, and a password alone opens the console to a user without a second factor.",
    remediation="Set minimum_password_length to 14 or more, and the four properties that begin with require_ to True.",
    url=f"{_IAM}#iam-7",
    frameworks={
        "FSBP": ("IAM.7",),
        "CIS 5.0": ("1.7",),
        "Checkov": ("CKV_AWS_10", "CKV_AWS_11", "CKV_AWS_12", "CKV_AWS_14", "CKV_AWS_15"),
    },
    partial={"IAM.7": "parameters of its rule for reuse and expiry, which the other password controls look at"},
    config={
        "minimumLength": {
            "type": "integer",
            "minimum": 6,
            "maximum": 128,
            "default": 14,
            "description": "Minimum number of characters of a password.",
        }
    },
)
def iam_password_strength(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    path = "minimumPasswordLength"
    if resource.is_unknown(path):
        yield Unknown(path)
    # IAM's own minimum, where the policy names none: 6 characters.
    elif (length := int(resource.get(path, 6))) < config["minimumLength"]:
        yield Fail(f"accepts passwords of {length} characters", path)
    for path, kind in _CHARACTERS.items():
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, False):
            yield Fail(f"accepts passwords without a {kind}".replace("a upper", "an upper"), path)


@control(
    id="iam-password-reuse",
    title="IAM users do not use old passwords again",
    severity=Severity.MEDIUM,
    types=(_PASSWORDS,),
    why="A leaked password works again as soon as its user goes back to it.",
    remediation="Set password_reuse_prevention to 24.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html",
    frameworks={"CIS 5.0": ("1.8",), "Checkov": ("CKV_AWS_13",)},
)
def iam_password_reuse(resource: Resource) -> Verdict:
    path = "passwordReusePrevention"
    count = int(resource.get(path, 0))
    return Pass() if count >= 24 else Fail(f"remembers {count} old password{'' if count == 1 else 's'}, not 24", path)


@control(
    id="iam-password-expiry",
    title="Passwords of IAM users expire",
    # NIST recommends against it; some standards still demand it.
    severity=Severity.LOW,
    types=(_PASSWORDS,),
    why="A leaked password works until somebody changes it.",
    remediation="Set max_password_age to 90, or better, give people roles of IAM Identity Center in place of IAM users.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html",
    frameworks={"Checkov": ("CKV_AWS_9",)},
    disabled="NIST SP 800-63B recommends against passwords that expire; enable it where a standard demands them.",
)
def iam_password_expiry(resource: Resource) -> Verdict:
    path = "maxPasswordAge"
    days = int(resource.get(path, 0))
    return Pass() if 0 < days <= 90 else Fail(f"lets passwords live for {days} days" if days else "lets passwords live forever", path)


@control(
    id="snapshot-sharing-blocked",
    title="The account blocks public sharing of EBS snapshots",
    severity=Severity.HIGH,
    types=("aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess",),
    why="One wrong call gives a copy of a disk to every AWS account.",
    remediation='Set state to "block-all-sharing".',
    url="https://docs.aws.amazon.com/ebs/latest/userguide/block-public-access-snapshots.html",
)
def snapshot_sharing_blocked(resource: Resource) -> Verdict:
    state = resource.get("state", "unblocked")
    # `block-new-sharing` leaves those public that are.
    return Pass() if state == "block-all-sharing" else Fail(f"has its block of public snapshots at {state}", "state")


@control(
    id="image-sharing-blocked",
    title="The account blocks public sharing of machine images",
    severity=Severity.HIGH,
    types=("aws:ec2/imageBlockPublicAccess:ImageBlockPublicAccess",),
    why="One wrong call gives a copy of a server, with all secrets in it, to every AWS account.",
    remediation='Set state to "block-new-sharing".',
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-public-access-to-amis.html",
)
def image_sharing_blocked(resource: Resource) -> Verdict:
    state = resource.get("state", "unblocked")
    return Pass() if state == "block-new-sharing" else Fail(f"has its block of public images at {state}", "state")


@control(
    id="macie-not-paused",
    title="Macie is not paused",
    severity=Severity.MEDIUM,
    types=("aws:macie2/account:Account",),
    why="While it is paused, nobody learns of buckets that are public or shared.",
    remediation='Set status to "ENABLED", or remove the property.',
    url="https://docs.aws.amazon.com/macie/latest/user/suspend-macie.html",
)
def macie_not_paused(resource: Resource) -> Verdict:
    return Fail("is paused", "status") if resource.get("status", "ENABLED") == "PAUSED" else Pass()
