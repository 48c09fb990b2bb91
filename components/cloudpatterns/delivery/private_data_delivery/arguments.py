"""Arguments of ``PrivateDataDelivery``."""

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import HIDDEN, Matches, Problem, Unique, excludes, is_given, unknown
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, DomainName, KmsKeyArn, LogRetentionDays, RoleName, ShortNames
from cloudpatterns.delivery._viewers import BucketHost, CdnViewerArgs, CdnViewerOptions, viewer_problems
from cloudpatterns.storage import Replication

MOST_PRESIGNED_SECONDS = 3600
"""A session of a role that a role assumes: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining"""

# What a public key of RSA with 2048 bits, or of the curve P-256, begins with in DER.
_RSA_2048 = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f00")
_ECDSA_256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_HEAD, _FOOT = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
_Document = Annotated[str, Matches(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*", "an object such as errors/denied.html")]


class ExistingPrivateBucket(TypedDict):
    """A private bucket that is there, and which is not changed: ``bucket_statements()`` is for its policy."""

    arn: BucketArn
    """ARN of the bucket."""
    regional_domain_name: NotRequired[BucketHost]
    """Its host name in its Region, ``bucket_regional_domain_name``. Default: none, which ``presigned`` URLs do not need."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts its objects; its policy must let the distribution, or with ``presigned`` the account's roles, decrypt. Default:
    S3 encrypts them by itself."""


class SigningKey(TypedDict):
    """A pair of keys: CloudFront has the public one, a secret the private one."""

    public_key: Annotated[pulumi.Input[str], HIDDEN]
    """The public key as PEM: RSA with 2048 bits, or ECDSA with P-256. Another one in its place ends all that was signed: add a key."""
    private_key_secret_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:[^:]+",
                "the ARN of a secret such as arn:aws:secretsmanager:eu-west-1:123456789012:secret:signing-a1b2c3",
            ),
        ]
    ]
    """Secret of Secrets Manager whose value is the private key as PEM. Default: nothing is signed with this key any more."""
    private_key_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of that secret. Default: Secrets Manager's own."""


class PrivateDataDeliveryOptions(CdnViewerOptions):
    """What a user tunes of a ``PrivateDataDelivery``."""

    default_expiry_seconds: NotRequired[Annotated[int, Field(default=600, ge=1, le=604_800)]]
    """Seconds that a URL or cookie holds when the request for it says nothing."""
    max_expiry_seconds: NotRequired[Annotated[int, Field(default=3600, ge=1, le=604_800)]]
    """The most that a request for one may ask for; at most 3600 with ``presigned``."""
    open_paths: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"/[A-Za-z0-9_.*$/~\"'@:+&?-]{1,254}", "a path with * and ? such as /assets/*")]],
            Field(default=[], max_length=20),
            Unique(),
        ]
    ]
    """Paths that everybody may read. All others need a signature."""
    denied_page: NotRequired[_Document]
    """Object that viewers see with 403 when a signature is missing, wrong or expired; everybody may read it. Default: CloudFront's XML."""
    log_query_strings: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the logs of CloudFront, and those of a new web ACL, have query strings and referrers: whoever reads them then has signed URLs
    that have not expired."""
    cookie_domain: NotRequired[DomainName]
    """Domain name of the application and the CDN, to whose hosts browsers send signed cookies. Default: the host that sets them."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroy deletes the objects and the logs in created buckets; otherwise a bucket with objects cannot be destroyed."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(default=90, ge=1)]]
    """Days that an overwritten or deleted object can be recovered."""
    replication: NotRequired[Replication]
    """A copy of the bucket in another Region, which answers when S3 in the first fails. Default: no copy."""
    memory_mib: NotRequired[Annotated[int, Field(default=256, ge=128, le=10_240)]]
    """Memory of the function that signs; the share of the CPU follows it."""
    function_log_retention_days: NotRequired[LogRetentionDays]
    """Days that the function's log group keeps its events."""


class PrivateDataDeliveryArgs(CdnViewerArgs, PrivateDataDeliveryOptions):
    """Arguments of ``PrivateDataDelivery``."""

    signing_keys: NotRequired[Annotated[dict[str, SigningKey], ShortNames, Field(default={}, max_length=5)]]
    """Pairs of keys by a short name, all of which CloudFront accepts. Exactly one of this and ``presigned``."""
    sign_with: NotRequired[str]
    """Name of the key that signs. Default: the only one."""
    presigned: NotRequired[Annotated[bool, Field(default=False)]]
    """Presigned URLs of S3 in place of a CDN: no domain name, cookies or cache, one hour at most."""
    existing_bucket: NotRequired[ExistingPrivateBucket]
    """A bucket that is there. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the new bucket. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new bucket, whose policy must let the distribution decrypt. Default: a new key."""
    function_alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when the function fails, in its Region; without any there is no such alarm."""
    caller_role_names: NotRequired[Annotated[dict[str, RoleName], ShortNames, Field(default={})]]
    """Roles of the application, by a short name, which may have the function sign. Others take ``caller_statements()``."""


_OF_NEW_BUCKETS = ("noncurrent_retention_days", "replication", "log_bucket_name", "kms_key_arn")
_OF_CDN = (
    *(name for name in CdnViewerArgs.__annotations__ if name not in ("force_destroy", "tags")),
    *("signing_keys", "sign_with", "open_paths", "denied_page", "cookie_domain", "replication"),
)


def problems(checked: PrivateDataDeliveryArgs) -> Iterator[Problem]:
    """What does not go together."""
    usual, most = checked["default_expiry_seconds"], checked["max_expiry_seconds"]
    if usual > most:
        yield "default_expiry_seconds", f"is {usual}, more than max_expiry_seconds {most}. Lower it."
    yield from excludes(checked, "existing_bucket", *_OF_NEW_BUCKETS, why="the bucket is there already")
    if not checked["presigned"]:
        yield from viewer_problems(checked, other_bucket=checked.get("existing_bucket") is None)
        yield from _key_problems(checked)
        yield from _cookie_problems(checked)
        for index, path in enumerate(checked["open_paths"]):
            if not path.strip("/*?"):
                reason = f"is {path!r}, which opens every object. Name the paths that are open, or use DirectStorageHosting"
                yield f"open_paths.{index}", f"{reason}."
        bucket = checked.get("existing_bucket")
        if bucket is not None and bucket.get("regional_domain_name") is None:
            yield "existing_bucket.regional_domain_name", "is missing; CloudFront reads the bucket there. Give it, or set presigned."
        return
    if most > MOST_PRESIGNED_SECONDS:
        reason = f"is {most}; a presigned URL ends with the session that signed it, which has {MOST_PRESIGNED_SECONDS} seconds at most"
        yield "max_expiry_seconds", f"{reason}. Lower it, or leave presigned out."
    for name in _OF_CDN:
        if is_given(checked, name):
            yield name, "is for a CDN, and presigned URLs are S3's. Remove it, or leave presigned out."


def signing_key_name(checked: PrivateDataDeliveryArgs) -> str:
    """Name of the key that signs."""
    chosen = checked.get("sign_with")
    return next(iter(checked["signing_keys"])) if chosen is None else chosen


def _key_problems(checked: PrivateDataDeliveryArgs) -> Iterator[Problem]:
    keys, chosen = checked["signing_keys"], checked.get("sign_with")
    if not keys:
        yield "signing_keys", "exactly one of signing_keys and presigned is needed; none is given. Give a pair of keys, or set presigned."
        return
    if chosen is None and len(keys) > 1:
        yield "sign_with", f"is missing; there are several keys. Name one of {', '.join(keys)}."
    elif chosen is not None and chosen not in keys:
        yield "sign_with", unknown(chosen, "a key", keys)
    elif keys[signing_key_name(checked)].get("private_key_secret_arn") is None:
        path = f"signing_keys.{signing_key_name(checked)}.private_key_secret_arn"
        yield path, "is missing, and the function signs with this key. Give the secret with the private key."
    seen: dict[bytes, str] = {}
    for name, key in keys.items():
        if not isinstance(key["public_key"], str):
            continue
        path, der = f"signing_keys.{name}.public_key", _der(key["public_key"])
        if "PRIVATE KEY" in key["public_key"]:
            yield path, "is a private key; it belongs into a secret alone. Give the public key, and replace this pair."
        elif der is None:
            yield path, f"is no public key that CloudFront takes; it must be PEM ({_HEAD}) of RSA with 2048 bits or ECDSA with P-256."
        elif der in seen:
            yield path, f"is that of {seen[der]} as well; a key group has each key once. Remove one of them."
        else:
            seen[der] = name


def _cookie_problems(checked: PrivateDataDeliveryArgs) -> Iterator[Problem]:
    domain, names = checked.get("cookie_domain"), checked["domain_names"]
    # https://www.rfc-editor.org/rfc/rfc6265#section-5.1.3
    if domain is not None and names and not any(f".{name}".endswith(f".{domain}") for name in names):
        reason = f"is {domain!r}, and browsers would send its cookies to none of domain_names. Give {names[0]} or a domain name above it."
        yield "cookie_domain", reason


def _der(pem: str) -> bytes | None:
    """The key in a PEM, where CloudFront takes it."""
    text = pem.strip()
    if not text.startswith(_HEAD) or not text.endswith(_FOOT):
        return None
    try:
        der = base64.b64decode("".join(text.removeprefix(_HEAD).removesuffix(_FOOT).split()), validate=True)
    except binascii.Error:
        return None
    fits = (der.startswith(_RSA_2048) and len(der) == 294) or (der.startswith(_ECDSA_256) and len(der) == 91)
    return der if fits else None
