"""Assets in a bucket, which web servers read and a CDN serves.

Pattern: "High Availability Storage" (Cloud Design Patterns for AWS).
"""

import re
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import create_key
from cloudpatterns.core import (
    Component,
    Matches,
    Problem,
    Statement,
    WorkloadStatementArgs,
    account_of,
    as_arguments,
    document,
    excludes,
    needs,
    partition_of,
    pick,
)
from cloudpatterns.core.vocabulary import BucketArn, DomainName, KmsKeyArn, RoleName, ShortNames, Tags
from cloudpatterns.storage.durable_bucket.arguments import BucketStatement, Replication
from cloudpatterns.storage.durable_bucket.component import DurableBucket

_OF_NEW_BUCKETS = ("cors_origins", "noncurrent_retention_days", "replication", "log_bucket_name")
_RELEASE = r"[A-Za-z0-9][A-Za-z0-9._-]*"

_RoleNames = Annotated[dict[str, RoleName], ShortNames, Field(default={})]
_Origin = Annotated[str, Matches(r"https://[a-z0-9.-]+(:\d{1,5})?", "an origin such as https://shop.example.com")]


class ExistingAssetBucket(TypedDict):
    """A bucket that somebody else deploys, and which is not changed. Its policy admits the CDN."""

    arn: BucketArn
    """ARN of the bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts its objects. Default: S3 encrypts them by itself."""


class HighAvailabilityStorageOptions(TypedDict):
    """What a user tunes of a ``HighAvailabilityStorage``."""

    path_prefix: NotRequired[
        Annotated[str, Matches(r"[A-Za-z0-9][A-Za-z0-9/_-]*/", "a prefix that ends in a slash such as assets/"), Field(default="assets/")]
    ]
    """Where the assets are, in the bucket and under the CDN's domain name. Nothing else in the bucket is read."""
    release: NotRequired[Annotated[str, Matches(_RELEASE, "a name such as 2026-11-30")]]
    """The release that ``asset_url`` links to, a folder of its own: caches keep a link's asset for a year, so a link never gets another
    content, and an older release is one setting away. Default: links without a release."""
    cors_origins: NotRequired[Annotated[list[_Origin], Field(default=[], max_length=100)]]
    """Origins whose pages may load fonts and modules. A CDN must forward the header ``Origin``."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(default=90, ge=1)]]
    """Days that an overwritten or deleted asset can be recovered."""
    replication: NotRequired[Replication]
    """A copy of the assets in another Region. Neither the CDN nor the roles read it until you allow it. Default: no copy."""


class HighAvailabilityStorageArgs(HighAvailabilityStorageOptions):
    """Arguments of ``HighAvailabilityStorage``."""

    cdn_domain_name: NotRequired[DomainName]
    """The domain name of the CDN, for ``asset_url``. Default: no CDN, servers alone read the assets."""
    distribution_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """CloudFront distributions that read the assets by origin access control, with ``cdn_domain_name``. Without any, those of the key's
    account: a distribution of the same program needs the bucket, so the bucket cannot wait for it."""
    reader_role_names: NotRequired[_RoleNames]
    """Roles of the web tier, by a short name, which get a policy to read assets. Others take ``reader_statements()``."""
    publisher_role_names: NotRequired[_RoleNames]
    """Roles that publish assets, by a short name, which get a policy to write them. Others take ``publisher_statements()``."""
    existing_bucket: NotRequired[ExistingAssetBucket]
    """A bucket that is there. Default: a new one."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the new bucket. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the new bucket. With a CDN, its policy must let ``cloudfront.amazonaws.com`` decrypt. Default: a new key."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class HighAvailabilityStorage(Component):
    """A private bucket of assets, in several data centers by itself (Cloud Design Patterns for AWS, "High Availability Storage").

    The web tier's roles read, the roles that publish write, and a CDN reads by origin access control: nobody reads without one of these.
    ``publish_command`` uploads a folder with headers that let caches keep it; ``asset_url`` is the link to an asset.

    **Use when**: images, scripts, styles and downloads are served by several servers or a CDN, and must outlive any of them.

    **Not when**: servers share files that they change in place; or customers upload files themselves.

    **Cost drivers**: stored bytes with their old versions, requests, the CDN's traffic, one key; with ``replication`` twice the bytes.

    **Trade-offs**: a link without a release is seen anew only when caches forget it; a server reads over the network.

    **Proven by**: controls ``s3-bucket-public-access-blocked``, ``s3-tls-only``, ``s3-kms``; ``test_high_availability_storage.py``.
    """

    bucket_name: pulumi.Output[str]
    """Name of the bucket."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    bucket_regional_domain_name: pulumi.Output[str]
    """Host name of the bucket, for the origin of a distribution; it waits for nothing. Empty with ``existing_bucket``."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the assets. Empty for an existing bucket without one."""
    asset_base_url: pulumi.Output[str]
    """The beginning of all links, with a slash behind it: with the release, where there is one. Empty without ``cdn_domain_name``."""
    replica_bucket_name: pulumi.Output[str]
    """Name of the copy in another Region. Empty without ``replication``."""

    def __init__(self, name: str, args: HighAvailabilityStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        release = checked.get("release")
        self._folder = checked["path_prefix"] + (f"{release}/" if release else "")
        domain = checked.get("cdn_domain_name")
        self.asset_base_url = pulumi.Output.from_input("" if domain is None else f"https://{domain}/{self._folder}")
        self.bucket_regional_domain_name = self.replica_bucket_name = pulumi.Output.from_input("")
        existing = checked.get("existing_bucket")
        if existing is None:
            self._create(name)
        else:
            key_arn = existing.get("kms_key_arn")
            self.bucket_arn = pulumi.Output.from_input(existing["arn"])
            self.bucket_name = self.bucket_arn.apply(lambda arn: arn.split(":")[-1])
            self.kms_key_arn = pulumi.Output.from_input("" if key_arn is None else key_arn)
        self._encrypted = existing is None or existing.get("kms_key_arn") is not None
        for kind, names, statements in (
            ("reader", checked["reader_role_names"], self._reads()),
            ("publisher", checked["publisher_role_names"], self._writes()),
        ):
            for key, role in names.items():
                aws.iam.RolePolicy(f"{name}-{kind}-{key}", role=role, policy=document(*statements), opts=self.child())
        self.register()

    def reader_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a web server needs to read assets, and nothing to write."""
        return as_arguments(self._reads())

    def publisher_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to publish assets: it writes, and cannot delete an old version."""
        return as_arguments(self._writes())

    def asset_url(self, path: str) -> pulumi.Output[str]:
        """The link to an asset: ``asset_url("app.js")``.

        :raises ArgumentError: without ``cdn_domain_name``, and for a path that no URL has.
        """
        if self._checked.get("cdn_domain_name") is None:
            self.refuse(("cdn_domain_name", "is missing, so assets have no links. Give the CDN's domain name."))
        if not re.fullmatch(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*", path) or ".." in path.split("/"):
            self.refuse(("path", f"is {path!r}; the path of an asset below {self._folder} is needed, such as img/logo.svg."))
        return pulumi.Output.concat(self.asset_base_url, path)

    def publish_command(self, folder: str = "dist") -> pulumi.Output[str]:
        """The command that uploads a folder. With a ``release``, browsers and caches keep its assets for a year; else for five minutes.

        Whoever runs it has ``publisher_statements()``. What is gone from the folder stays in the bucket: pages that are open still load it.
        """
        age = "public, max-age=31536000, immutable" if self._checked.get("release") else "public, max-age=300"
        target = pulumi.Output.concat("s3://", self.bucket_name, "/", self._folder)
        return pulumi.Output.concat("aws s3 sync '", folder.replace("'", "'\\''"), "' '", target, f"' --cache-control '{age}'")

    def _create(self, name: str) -> None:
        checked = self._checked
        self.kms_key_arn = self._key(name)
        statements: list[BucketStatement] = []
        if checked.get("cdn_domain_name") is not None:
            statements = [
                {
                    "sid": "Cdn",
                    "actions": ["s3:GetObject"],
                    "principals": {"Service": ["cloudfront.amazonaws.com"]},
                    "paths": [f"{checked['path_prefix']}*"],
                    "conditions": {"ArnLike": {"aws:SourceArn": self._distributions(self.kms_key_arn)}},
                }
            ]
        bucket = DurableBucket(
            f"{name}-assets",
            {
                "kind": "data",
                "kms_key_arn": self.kms_key_arn,
                "statements": statements,
                **pick(checked, "noncurrent_retention_days", "replication", "log_bucket_name", "tags"),
            },
            self.child(),
        )
        self.bucket_name, self.bucket_arn, self.replica_bucket_name = bucket.bucket_name, bucket.bucket_arn, bucket.replica_bucket_name
        self.bucket_regional_domain_name = bucket.bucket_regional_domain_name
        if origins := checked["cors_origins"]:
            rule: aws.s3.BucketCorsConfigurationCorsRuleArgsDict = {
                "allowed_methods": ["GET", "HEAD"],
                "allowed_origins": origins,
                "expose_headers": ["ETag"],
                "max_age_seconds": 3600,
            }
            aws.s3.BucketCorsConfiguration(f"{name}-cors", bucket=bucket.bucket_name, cors_rules=[rule], opts=self.child())

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            if self._checked.get("cdn_domain_name") is None:
                return []
            # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html#oac-permissions-sse-kms
            return [
                Statement(
                    sid="Cdn",
                    actions=["kms:Decrypt"],
                    resources=["*"],
                    principals={"Service": ["cloudfront.amazonaws.com"]},
                    conditions={"ArnLike": {"aws:SourceArn": self._distributions(key_arn)}},
                )
            ]

        return create_key(self, f"{name}-key", f"Assets of {name}", statements, tags=self._checked["tags"])

    def _distributions(self, key_arn: pulumi.Output[str]) -> list[pulumi.Input[str]]:
        """Those given, or any of the key's account: otherwise bucket, distribution and key would wait for each other."""
        given = self._checked["distribution_arns"]
        return given or [pulumi.Output.concat("arn:", partition_of(key_arn), ":cloudfront::", account_of(key_arn), ":distribution/*")]

    def _reads(self) -> list[Statement]:
        prefix = self._checked["path_prefix"]
        statements = [
            Statement(sid="ReadAssets", actions=["s3:GetObject"], resources=[pulumi.Output.concat(self.bucket_arn, "/", prefix, "*")]),
            # Without it, S3 says 403 for an asset that is not there.
            Statement(
                sid="FindAssets",
                actions=["s3:ListBucket"],
                resources=[self.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{prefix}*"]}},
            ),
        ]
        return [*statements, *self._key_use("ReadAssetsKey", "kms:Decrypt")]

    def _writes(self) -> list[Statement]:
        prefix = self._checked["path_prefix"]
        objects = pulumi.Output.concat(self.bucket_arn, "/", prefix, "*")
        statements = [
            Statement(sid="WriteAssets", actions=["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"], resources=[objects]),
            Statement(
                sid="ListAssets",
                actions=["s3:ListBucket"],
                resources=[self.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{prefix}*"]}},
            ),
        ]
        # S3 decrypts the parts of a large upload.
        return [*statements, *self._key_use("WriteAssetsKey", "kms:Decrypt", "kms:GenerateDataKey")]

    def _key_use(self, sid: str, *actions: str) -> list[Statement]:
        return [Statement(sid=sid, actions=actions, resources=[self.kms_key_arn])] if self._encrypted else []


def _child_names(checked: HighAvailabilityStorageArgs) -> dict[str, int]:
    if checked.get("existing_bucket") is not None:
        return {}
    replication = checked.get("replication")
    own_logs = (replication or checked).get("log_bucket_name") is None
    return {f"assets-{'replica-' if replication else ''}{'logs-' if own_logs else ''}bucket": 63}


def _problems(checked: HighAvailabilityStorageArgs) -> Iterator[Problem]:
    yield from excludes(checked, "existing_bucket", *_OF_NEW_BUCKETS, "kms_key_arn", why="the bucket is there already")
    yield from needs(checked, "distribution_arns", "cdn_domain_name")
