"""KMS keys and Secrets Manager: keys rotate and are not public, secrets rotate and are encrypted with customer-managed keys."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._public_access import not_public
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
from cloudpatterns_policies.graph.reading import has_value, read

_KMS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/kms-controls.html"
_SECRETS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/secretsmanager-controls.html"

_KEY: Final = "aws:kms/key:Key"
_KEYS: Final = (_KEY, "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey", "aws:kms/replicaExternalKey:ReplicaExternalKey")
_KEY_POLICY: Final = "aws:kms/keyPolicy:KeyPolicy"
_ALIAS: Final = "aws:kms/alias:Alias"
_SECRET: Final = "aws:secretsmanager/secret:Secret"
_ROTATION: Final = "aws:secretsmanager/secretRotation:SecretRotation"

_RATE: Final = re.compile(r"rate\((\d+) (hour|day)s?\)")
_MONTHLY: Final = re.compile(r"cron\(\S+ \S+ \S+ \* .*\)")


@control(
    id="kms-key-rotation",
    title="KMS keys rotate at least once a year",
    severity=Severity.MEDIUM,
    types=(_KEY,),
    why="When key material that was used for many years is compromised, all data encrypted with it is exposed.",
    remediation="Set enable_key_rotation to True, and if wanted rotation_period_in_days to less than 365.",
    url=f"{_KMS}#kms-4",
    # KMS.4 requires the same and is not part of FSBP.
    frameworks={"CIS 5.0": ("3.6",), "Checkov": ("CKV_AWS_7",)},
)
def kms_key_rotation(resource: Resource) -> Verdict:
    if resource.get("enableKeyRotation", False):
        days = resource.get("rotationPeriodInDays", 365)
        return Pass() if days <= 366 else Fail(f"rotates only every {days} days", "rotationPeriodInDays")
    spec, usage = resource.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT"), resource.get("keyUsage", "ENCRYPT_DECRYPT")
    if spec != "SYMMETRIC_DEFAULT" or usage != "ENCRYPT_DECRYPT":
        return NotApplicable("is not a symmetric encryption key, and KMS rotates only those")
    if has_value(resource, "customKeyStoreId"):
        return NotApplicable("is in a custom key store, where KMS does not rotate keys")
    return Fail("does not rotate", "enableKeyRotation")


@control(
    id="kms-key-not-public",
    title="KMS key policies allow only known callers",
    severity=Severity.CRITICAL,
    types=(*_KEYS, _KEY_POLICY),
    why="Anyone, from any account, could decrypt data that is encrypted with the key.",
    remediation='Set Principal to ARNs or services, or add a condition such as StringEquals {"kms:CallerAccount": "<account>"}.',
    url=f"{_KMS}#kms-5",
    frameworks={"FSBP": ("KMS.5",), "Checkov": ("CKV_AWS_33",)},
)
def kms_key_not_public(resource: Resource) -> Iterator[Verdict]:
    return not_public(resource, default="the default key policy allows the account only")


@stack_control(
    id="secret-rotated",
    title="Secrets have automatic rotation",
    severity=Severity.MEDIUM,
    types=(_SECRET,),
    why="A stolen secret that never changes works forever, and so does one known to people who have left.",
    remediation="Add an aws.secretsmanager.SecretRotation with the secret's id, or let RDS manage the password.",
    url=f"{_SECRETS}#secretsmanager-1",
    frameworks={"FSBP": ("SecretsManager.1",), "Checkov": ("CKV2_AWS_57",)},
)
def secret_rotated(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if stack.referrers(resource, _ROTATION, "secretId") else Fail("has no rotation")


@control(
    id="secret-rotation-period",
    title="Secrets rotate often enough",
    severity=Severity.MEDIUM,
    types=(_ROTATION,),
    why="The longer a secret is in use, the more places it has been copied to.",
    remediation='Set rotation_rules={"automatically_after_days": 90} or less.',
    url=f"{_SECRETS}#secretsmanager-4",
    frameworks={"FSBP": ("SecretsManager.4",), "Checkov": ("CKV_AWS_304",)},
    config={
        "maximumDays": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": 90,
            "description": "Maximum number of days between rotations.",
        }
    },
)
def secret_rotation_period(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    days = resource.get("rotationRules.automaticallyAfterDays")
    path = "rotationRules.automaticallyAfterDays"
    if days is None:
        path, schedule = "rotationRules.scheduleExpression", str(resource.get("rotationRules.scheduleExpression", ""))
        if _MONTHLY.fullmatch(schedule) and config["maximumDays"] >= 31:
            return Pass()
        if schedule.startswith("cron("):
            return NotApplicable(f"rotates by a cron expression: {schedule}")
        rate = _RATE.fullmatch(schedule)
        if rate is None:
            return Fail("has no rotation schedule", path)
        days = int(rate[1]) if rate[2] == "day" else int(rate[1]) / 24
    return Pass() if days <= config["maximumDays"] else Fail(f"rotates only every {days:g} days", path)


@stack_control(
    id="secret-customer-key",
    title="Secrets are encrypted with customer-managed keys",
    severity=Severity.MEDIUM,
    types=(_SECRET,),
    why="The AWS managed key's policy cannot be changed: it allows everyone in the account who may read secrets, and no other account.",
    remediation="Set kms_key_id to the ARN of a customer-managed key, also in each of replicas.",
    url="https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
    frameworks={"Checkov": ("CKV_AWS_149",)},
)
def secret_customer_key(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    replicas = read(resource, "replicas", computed=True)
    if replicas is UNKNOWN:
        yield Unknown("replicas")
    count = len(replicas) if isinstance(replicas, list) else 0
    for path in ("kmsKeyId", *(f"replicas.{index}.kmsKeyId" for index in range(count))):
        key = read(resource, path, computed=True)
        what = "" if path == "kmsKeyId" else " in a replica"
        if key is UNKNOWN:
            if not stack.refs(resource, path, *_KEYS, _ALIAS):
                yield Unknown(path)
        elif key is None or "alias/aws/" in str(key):
            yield Fail(f"is encrypted with the AWS managed key{what}", path)
