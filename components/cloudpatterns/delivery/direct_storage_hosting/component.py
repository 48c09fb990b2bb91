"""A web site from a private bucket and a CDN, without a server.

Pattern: "Direct Storage Hosting" (Cloud Design Patterns for AWS).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.edge import edge_function, function_alarm
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Problem,
    Statement,
    WorkloadStatementArgs,
    as_arguments,
    document,
    excludes,
    is_given,
    later,
    pick,
)
from cloudpatterns.delivery._buckets import reader_key, reader_replication, reader_statements
from cloudpatterns.delivery._viewers import CdnCors, viewer_args, viewer_problems
from cloudpatterns.delivery.content_delivery_network.arguments import (
    CdnBehaviorOptions,
    CdnOrigin,
    ContentDeliveryNetworkArgs,
)
from cloudpatterns.delivery.content_delivery_network.component import ContentDeliveryNetwork
from cloudpatterns.delivery.direct_storage_hosting.arguments import DirectStorageHostingArgs
from cloudpatterns.delivery.direct_storage_hosting.paths import function_code, redirect_problems
from cloudpatterns.storage import BucketStatement, DurableBucket

_OF_SITE = ("site", "copy")
_OF_NEW_BUCKETS = ("noncurrent_retention_days", "replication", "log_bucket_name", "kms_key_arn")


class DirectStorageHosting(Component):
    """A static web site from a private bucket through CloudFront (Cloud Design Patterns for AWS, "Direct Storage Hosting").

    The bucket is never public: one distribution reads it, by origin access control, and roles that publish write it. A CloudFront function
    redirects pages that have moved, and finds index documents. Everything of ``ContentDeliveryNetwork`` is there: names and certificate,
    web ACL, headers, access logs, alarm. ``origins`` and ``behaviors`` put an API beside the pages, under the same name.

    **Use when**: pages, scripts and downloads are files: a documentation, a campaign, the client of an API.

    **Not when**: pages are made for each request (``ContentDeliveryNetwork`` before servers); files are for some users alone
    (``PrivateDataDelivery``).

    **Cost drivers**: data to viewers, requests and their web ACL, stored bytes with old versions, one key; with ``replication`` the bytes
    twice.

    **Trade-offs**: what is published is seen when caches forget the old file, or after an invalidation; a copy in another Region is minutes
    behind.

    **Proven by**: controls ``s3-bucket-public-access-blocked``, ``cloudfront-origin-access-control``, ``cloudfront-https``;
    ``test_direct_storage_hosting.py``, which runs the function.
    """

    bucket_name: pulumi.Output[str]
    """Name of the bucket, available after its policy."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the site. Empty for an existing bucket without one."""
    replica_bucket_name: pulumi.Output[str]
    """Name of the copy in another Region. Empty without ``replication``."""
    distribution_id: pulumi.Output[str]
    """Id of the distribution."""
    distribution_arn: pulumi.Output[str]
    """ARN of the distribution."""
    dns_name: pulumi.Output[str]
    """CloudFront's own name of the distribution."""
    zone_id: pulumi.Output[str]
    """Hosted zone of ``dns_name``, for alias records."""
    url: pulumi.Output[str]
    """Address of the site."""
    web_acl_arn: pulumi.Output[str]
    """ARN of the web ACL, which other sites can have in front too."""
    certificate_arn: pulumi.Output[str]
    """ARN of the certificate. Empty with ``default_certificate``."""
    cdn_log_bucket_arn: pulumi.Output[str]
    """ARN of the bucket with the access logs of the distribution."""

    def __init__(self, name: str, args: DirectStorageHostingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        self.replica_bucket_name = pulumi.Output.from_input("")
        with later() as distribution_arn:
            domains = self._buckets(name, distribution_arn)
            self._cdn = cdn = self._distribution(name, domains)
            distribution_arn.come_from(cdn.distribution_arn)
        self.distribution_id, self.distribution_arn = cdn.distribution_id, cdn.distribution_arn
        self.dns_name, self.zone_id, self.url = cdn.dns_name, cdn.zone_id, cdn.url
        self.web_acl_arn, self.certificate_arn, self.cdn_log_bucket_arn = cdn.web_acl_arn, cdn.certificate_arn, cdn.log_bucket_arn
        for key, role in checked["publisher_role_names"].items():
            aws.iam.RolePolicy(f"{name}-publisher-{key}", role=role, policy=document(*self._publishes()), opts=self.child())
        self.register()

    def publisher_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to publish: it writes the site and has it fetched anew, and cannot delete an old version."""
        return as_arguments(self._publishes())

    def bucket_statements(self) -> list[BucketStatement]:
        """What the policy of an existing bucket needs, as a ``DurableBucket`` takes it. A new bucket has it."""
        return reader_statements(self.distribution_arn)

    def publish_command(self, folder: str = "dist") -> pulumi.Output[str]:
        """The commands that publish a folder as the site, and have it fetched anew. Browsers keep a page for five minutes.

        Whoever runs them has ``publisher_statements()``. What is gone from the folder is deleted.
        """
        quoted = "'" + folder.replace("'", "'\\''") + "'"
        upload = pulumi.Output.concat(
            "aws s3 sync ", quoted, " 's3://", self.bucket_name, "/' --delete --cache-control 'public, max-age=300'"
        )
        return pulumi.Output.concat(upload, " && ", self._cdn.invalidation_command())

    def _buckets(self, name: str, distribution_arn: pulumi.Output[str]) -> list[pulumi.Output[str]]:
        """The host names of the bucket and, where there is one, of its copy, both of which admit the distribution alone."""
        existing, tags = self._checked.get("existing_bucket"), self._checked["tags"]
        if existing is not None:
            self.bucket_arn = pulumi.Output.from_input(existing["arn"])
            self.bucket_name = self.bucket_arn.apply(lambda arn: arn.split(":")[-1])
            key_arn = existing.get("kms_key_arn")
            self.kms_key_arn = pulumi.Output.from_input("" if key_arn is None else key_arn)
            return [pulumi.Output.from_input(existing["regional_domain_name"])]
        bucket = DurableBucket(
            f"{name}-site",
            {
                "kind": "data",
                "kms_key_arn": reader_key(self, f"{name}-key", f"Site of {name}", distribution_arn, self._checked.get("kms_key_arn"), tags),
                "statements": reader_statements(distribution_arn),
                **self._replication(name, distribution_arn),
                **pick(self._checked, "noncurrent_retention_days", "log_bucket_name", "force_destroy", "tags"),
            },
            self.child(),
        )
        self._cors(f"{name}-cors", bucket.bucket_name)
        if (replication := self._checked.get("replication")) is not None:
            self._cors(f"{name}-replica-cors", bucket.replica_bucket_name, replication["region"])
        self.bucket_name, self.bucket_arn, self.kms_key_arn = bucket.bucket_name, bucket.bucket_arn, bucket.kms_key_arn
        self.replica_bucket_name = bucket.replica_bucket_name
        copy = [] if self._checked.get("replication") is None else [bucket.replica_bucket_regional_domain_name]
        return [bucket.bucket_regional_domain_name, *copy]

    def _replication(self, name: str, distribution_arn: pulumi.Output[str]) -> Any:
        given, description = self._checked.get("replication"), f"Copy of the site of {name}"
        if given is None:
            return {}
        return {"replication": reader_replication(self, description, distribution_arn, given, self._checked["tags"])}

    def _cors(self, child_name: str, bucket_name: pulumi.Output[str], region: str | None = None) -> None:
        """Rules of the bucket, for browsers that ask before they send a request: CloudFront passes that question on."""
        cors = self._checked["headers"].get("cors")
        if cors is None:
            return
        rule: aws.s3.BucketCorsConfigurationCorsRuleArgsDict = {
            "allowed_methods": _read_methods(cors),
            "allowed_origins": cors["origins"],
            "allowed_headers": cors["headers"],
            "max_age_seconds": cors["max_age_seconds"],
        }
        aws.s3.BucketCorsConfiguration(child_name, bucket=bucket_name, cors_rules=[rule], region=region, opts=self.child())

    def _distribution(self, name: str, domains: Sequence[pulumi.Output[str]]) -> ContentDeliveryNetwork:
        checked, topics = self._checked, self._checked["alarm_topic_arns"]
        function = edge_function(self, f"{name}-paths", f"Finds the pages of {name}", function_code(checked), tags=checked["tags"])
        if topics:
            function_alarm(self, f"{name}-paths-failed", f"The CloudFront function of {name}", function, topics, checked["tags"])
        with_cors = checked["headers"].get("cors") is not None
        behavior: CdnBehaviorOptions = {
            "origin": "site",
            "request_function_arn": function.arn,
            "methods": "read_and_preflight" if with_cors else "read",
            "requests": "cors" if with_cors else "none",
        }
        origins: dict[str, CdnOrigin] = {
            origin: {"bucket": {"regional_domain_name": domain}} for origin, domain in zip(_OF_SITE, domains, strict=False)
        }
        if len(domains) > 1:
            behavior["failover_origin"] = "copy"
        return ContentDeliveryNetwork(
            f"{name}-cdn",
            {
                **viewer_args(checked),
                "origins": {**origins, **checked["origins"]},
                "default_behavior": behavior,
                "behaviors": checked["behaviors"],
                "default_root_object": checked["index_document"],
                "error_pages": [{"code": 404, "page_path": f"/{checked['error_document']}"}],
            },
            self.child(),
        )

    def _publishes(self) -> list[Statement]:
        objects = pulumi.Output.concat(self.bucket_arn, "/*")
        statements = [
            Statement(sid="WriteSite", actions=["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"], resources=[objects]),
            Statement(sid="ListSite", actions=["s3:ListBucket"], resources=[self.bucket_arn]),
            Statement(
                sid="RefreshSite",
                actions=["cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"],
                resources=[self.distribution_arn],
            ),
        ]
        existing = self._checked.get("existing_bucket")
        if existing is None or existing.get("kms_key_arn") is not None:
            # S3 decrypts the parts of a large upload.
            actions = ["kms:Decrypt", "kms:GenerateDataKey"]
            statements.append(Statement(sid="WriteSiteKey", actions=actions, resources=[self.kms_key_arn]))
        return statements


def _path_problems(checked: DirectStorageHostingArgs) -> Iterator[Problem]:
    """What the CDN would refuse of the paths that are not the site's."""
    for name in _OF_SITE:
        if name in checked["origins"]:
            yield f"origins.{name}", "is the name of an origin of the site itself. Choose another."
    own: CdnOrigin = {"bucket": {"regional_domain_name": "site.s3.eu-west-1.amazonaws.com"}}
    sites = _OF_SITE if is_given(checked, "replication") else _OF_SITE[:1]
    args: ContentDeliveryNetworkArgs = {
        "default_certificate": True,
        "origins": {**checked["origins"], **dict.fromkeys(sites, own)},
        "default_behavior": {"origin": "site", **({"failover_origin": "copy"} if len(sites) > 1 else {})},
        "behaviors": checked["behaviors"],
    }
    try:
        ContentDeliveryNetwork.check("cdn", args)
    except ArgumentError as error:
        yield from error.problems


def _read_methods(cors: CdnCors) -> list[str]:
    """S3 answers the question of a browser itself, and has no rule for its method."""
    return [method for method in cors["methods"] if method in ("GET", "HEAD")]


def _child_names(checked: DirectStorageHostingArgs) -> dict[str, int]:
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html
    buckets = ["site", *(name for name, origin in checked["origins"].items() if origin.get("bucket") is not None)]
    names = {"paths": 64, "cdn-logs-source": 60, "cdn-log-bucket": 63, **{f"cdn-{bucket}-access": 64 for bucket in buckets}}
    if checked.get("existing_bucket") is not None:
        return names
    replication = checked.get("replication")
    own_logs = (replication or checked).get("log_bucket_name") is None
    return {**names, f"site-{'replica-' if replication else ''}{'logs-' if own_logs else ''}bucket": 63}


def _problems(checked: DirectStorageHostingArgs) -> Iterator[Problem]:
    yield from viewer_problems(checked, other_bucket=checked.get("existing_bucket") is None)
    yield from excludes(checked, "existing_bucket", *_OF_NEW_BUCKETS, why="the bucket is there already")
    if checked["redirect_to_first_name"] and len(checked["domain_names"]) < 2:
        reason = "is true, and there is no other name that could lead to the first. Name several domain_names, or remove it."
        yield "redirect_to_first_name", reason
    elif checked["redirect_to_first_name"] and checked["domain_names"][0].startswith("*."):
        first = checked["domain_names"][0]
        yield "domain_names.0", f"is {first!r}, and all others are to lead to it. Put a name that is no wildcard first."
    yield from redirect_problems(checked)
    yield from _path_problems(checked)
    cors = checked["headers"].get("cors")
    if cors is not None and not _read_methods(cors):
        yield "headers.cors.methods", "has neither GET nor HEAD, and a site is only read. Add one of them."
