"""The arguments of ``WriteProxy``."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, Matches, Problem, Unique, excludes, is_given, needs, one_of
from cloudpatterns.core.vocabulary import BucketArn, Cidr, KmsKeyArn, LogRetentionDays, SecurityGroupIds, SubnetIdsByZone
from cloudpatterns.uploads._scanned_bucket import Prefix, UploadBucketArgs, UploadBucketOptions, bucket_problems

SECURITY_POLICIES = (
    "TransferSecurityPolicy-2025-03",
    "TransferSecurityPolicy-FIPS-2025-03",
    "TransferSecurityPolicy-SshAuditCompliant-2025-02",
)
"""The newest of each kind: https://docs.aws.amazon.com/transfer/latest/userguide/security-policies.html"""
# An exact copy of a key's line: another would be a change at every update.
_PublicKey = Annotated[
    str,
    Matches(
        r"(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+={0,3}( [^\r\n]*)?",
        "a public key in OpenSSH's form such as ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...",
    ),
]


class WriteProxyUser(TypedDict):
    """Who may log in, and how."""

    public_keys: NotRequired[Annotated[list[_PublicKey], Unique(), Field(default=[], max_length=10)]]
    """Public keys for SFTP, each on one line as OpenSSH writes it."""
    password_secret_arn: NotRequired[pulumi.Input[str]]
    """A secret whose JSON has the user's ``password``, with ``FTPS`` among the protocols. Default: the user has no password."""
    password_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of that secret. Default: the secret has none."""
    read: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the user may fetch its own files, once they are clean. Otherwise it writes, lists and deletes them."""


class ExistingReleaseBucket(TypedDict):
    """A bucket for released files that is there, and which is not changed. Versions should be on in it."""

    arn: BucketArn
    """ARN of the bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts its objects. Default: S3 encrypts them by itself."""


class WriteProxyOptions(UploadBucketOptions):
    """What a user tunes of a ``WriteProxy``."""

    users: Annotated[
        dict[str, WriteProxyUser],
        Keys("[a-z][a-z0-9]*(-[a-z0-9]+)*", "lower-case letters, digits and single hyphens, a letter first"),
        Field(min_length=1),
    ]
    """Users by their login names; a user's folder has its name."""
    protocols: NotRequired[Annotated[list[Annotated[str, Choice("SFTP", "FTPS")]], Unique(), Field(default=["SFTP"], min_length=1)]]
    """``SFTP`` or ``FTPS``, or both. With FTPS a function of this component checks passwords and knows the keys, since the server's own
    users log in by SFTP only."""
    prefix: NotRequired[Annotated[Prefix, Field(default="incoming/")]]
    """Where the users' folders are in the bucket."""
    security_policy: NotRequired[
        Annotated[
            str,
            Choice(
                "TransferSecurityPolicy-2025-03", "TransferSecurityPolicy-FIPS-2025-03", "TransferSecurityPolicy-SshAuditCompliant-2025-02"
            ),
            Field(default="TransferSecurityPolicy-2025-03"),
        ]
    ]
    """Ciphers that the server accepts: AWS's current policies alone."""
    login_banner: NotRequired[Annotated[str, Field(max_length=4096)]]
    """Text that is shown before a login. Default: none."""
    release_retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which files in the new bucket for released files are deleted. Default: they are kept for ever."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of the server and the functions are kept."""


class WriteProxyArgs(WriteProxyOptions, UploadBucketArgs):
    """Arguments of ``WriteProxy``."""

    vpc_id: pulumi.Input[str]
    """The VPC of the server's endpoint."""
    subnet_ids_by_zone: SubnetIdsByZone
    """Subnets of the endpoint, one in each zone; public ones where the server is ``internet_facing``."""
    internet_facing: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the server is reached from the internet, by an Elastic IP in each zone. Otherwise from the VPC and its networks."""
    allowed_cidrs: NotRequired[Annotated[list[Cidr], Unique(), Field(default=[], max_length=50)]]
    """Networks that a new security group admits. Exactly one of ``allowed_cidrs`` and ``security_group_ids``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the endpoint: port 22 for SFTP, 21 and 8192 to 8200 for FTPS. Exactly one of ``allowed_cidrs`` and
    ``security_group_ids``."""
    certificate_arn: NotRequired[pulumi.Input[str]]
    """Certificate of ACM for FTPS, which needs it, for the name that clients connect to. Default: none, with SFTP alone."""
    existing_release_bucket: NotRequired[ExistingReleaseBucket]
    """A bucket for released files. Default: a new one."""


def problems(checked: WriteProxyArgs) -> Iterator[Problem]:
    """What does not go together."""
    yield from bucket_problems(checked)
    yield from one_of(checked, "allowed_cidrs", "security_group_ids")
    yield from excludes(checked, "existing_release_bucket", "release_retention_days", why="an existing bucket is not changed")
    ftps = "FTPS" in checked["protocols"]
    if ftps:
        if not is_given(checked, "certificate_arn"):
            yield "certificate_arn", "is missing; FTPS needs it. Give it, or remove FTPS from protocols."
    elif is_given(checked, "certificate_arn"):
        yield "certificate_arn", "is for FTPS, which is not among protocols. Remove it, or add FTPS."
    for name, user in checked["users"].items():
        path = f"users.{name}"
        if len(name) < 3:
            yield path, f"has {len(name)} characters; a login name has at least 3. Rename the user."
        yield from needs(user, "password_kms_key_arn", "password_secret_arn", path=f"{path}.")
        if ftps and not (user["public_keys"] or is_given(user, "password_secret_arn")):
            yield f"{path}.password_secret_arn", "is missing, and so are public_keys: nobody could log in. Give one of them."
        elif "SFTP" not in checked["protocols"] and not is_given(user, "password_secret_arn"):
            yield f"{path}.password_secret_arn", "is missing: keys are for SFTP, which is not among protocols. Give it, or add SFTP."
        elif not ftps and is_given(user, "password_secret_arn"):
            yield (
                f"{path}.password_secret_arn",
                "is for FTPS: the server's own users log in by key only. Remove it, or add FTPS to protocols.",
            )
        elif not ftps and not user["public_keys"]:
            yield f"{path}.public_keys", "is empty: the server's own users log in by key only. Give one."
