"""A CDN in front of buckets, load balancers and servers, which answer it alone.

Pattern: "Content Delivery Network" (Cloud Design Patterns for AWS; Architecting for the Cloud).
"""

import shlex
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.distribution import ErrorPage, Viewer, deployment_policy, distribution
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, as_arguments
from cloudpatterns.delivery._buckets import reader_statements
from cloudpatterns.delivery._viewers import Viewers
from cloudpatterns.delivery.content_delivery_network.arguments import CdnBehaviorOptions, CdnStaging, ContentDeliveryNetworkArgs
from cloudpatterns.delivery.content_delivery_network.behaviors import create_behavior, default_origin, failovers, origin_kind, staged
from cloudpatterns.delivery.content_delivery_network.checks import child_names, problems
from cloudpatterns.delivery.content_delivery_network.origins import create_origin
from cloudpatterns.storage import BucketStatement


class ContentDeliveryNetwork(Component):
    """A CloudFront distribution in front of origins that answer it alone (Cloud Design Patterns for AWS, "Content Delivery Network").

    Buckets are read by origin access control, load balancers are reached by interfaces in their VPC, servers on the internet know
    CloudFront by a secret header. Viewers and origins get TLS 1.2 or better. Creates the distribution with its behaviors, a response
    headers policy, a web ACL, certificate and DNS records, access logs (v2) in a bucket and an alarm on 5xx; what exists can be given.
    ``staging`` tries other behaviors with a part of the viewers.

    **Use when**: viewers are far from the servers, responses can be cached, or a system must not be reachable but through a firewall.

    **Not when**: one static site is all (``DirectStorageHosting``); traffic is no HTTP.

    **Cost drivers**: data to viewers and requests by Region of the viewer, the web ACL with its rules, stored logs; per invalidated path
    above a thousand a month. Transfer from origins in AWS is free.

    **Trade-offs**: a change takes minutes to reach all edge locations, deletion a quarter of an hour; failover is for reading alone; cached
    responses are seen until they expire or are invalidated.

    **Proven by**: controls ``cloudfront-https``, ``cloudfront-tls-policy``, ``cloudfront-web-acl``, ``cloudfront-origin-access-control``,
    ``cloudfront-origin-tls``, ``cloudfront-access-logs``; ``test_content_delivery_network.py``.
    """

    distribution_id: pulumi.Output[str]
    """Id of the distribution."""
    distribution_arn: pulumi.Output[str]
    """ARN of the distribution, for the policies of its origins."""
    dns_name: pulumi.Output[str]
    """CloudFront's own name of the distribution."""
    zone_id: pulumi.Output[str]
    """Hosted zone of ``dns_name``, for alias records."""
    url: pulumi.Output[str]
    """Address of the first domain name that is no wildcard, or of ``dns_name``."""
    web_acl_arn: pulumi.Output[str]
    """ARN of the web ACL."""
    certificate_arn: pulumi.Output[str]
    """ARN of the certificate. Empty with ``default_certificate``."""
    response_headers_policy_id: pulumi.Output[str]
    """Id of the response headers policy."""
    log_bucket_arn: pulumi.Output[str]
    """ARN of the bucket with the access logs."""

    staging_distribution_arn: pulumi.Output[str]
    """ARN of the staging distribution, which the policies of origins admit too. Empty without ``staging``."""

    def __init__(self, name: str, args: ContentDeliveryNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._policies: dict[str, pulumi.Output[str]] = {}
        self._viewers = viewers = Viewers(self, checked)
        self._origins = [create_origin(self, checked, origin) for origin in checked["origins"]]
        self.staging_distribution_arn = pulumi.Output.from_input("")
        staging = checked.get("staging")
        trial, more = (None, {}) if staging is None else self._staging(name, staging)
        created = self._distribution(f"{name}-distribution", checked, viewers.viewer, **more)
        viewers.complete(created)
        if trial is not None:
            viewers.watch(f"{name}-staging", trial)
            self.staging_distribution_arn = trial.arn
        self.distribution_id, self.distribution_arn = created.id, created.arn
        self.dns_name, self.zone_id = created.domain_name, created.hosted_zone_id
        self.url, self.log_bucket_arn = viewers.url, viewers.log_bucket_arn
        self.web_acl_arn, self.certificate_arn = viewers.web_acl_arn, viewers.certificate_arn
        self.response_headers_policy_id = viewers.response_headers_policy_id
        self.register()

    def _distribution(
        self, child_name: str, checked: ContentDeliveryNetworkArgs, viewer: Viewer, **more: Any
    ) -> aws.cloudfront.Distribution:
        """A distribution with the behaviors among the arguments."""
        root = checked.get("default_root_object")
        if root is None and origin_kind(checked, default_origin(checked)) == "bucket":
            # Without it the path / lists the bucket.
            root = "index.html"
        named: list[tuple[CdnBehaviorOptions, str | None]] = [(one, one["path_pattern"]) for one in checked["behaviors"]]
        default, *behaviors = [
            create_behavior(self, checked, options, path_pattern, self._viewers.response_headers_policy_id, self._policies)
            for options, path_pattern in [(checked["default_behavior"], None), *named]
        ]
        return distribution(
            self,
            child_name,
            comment=child_name.removesuffix("-distribution"),
            viewer=viewer,
            origins=self._origins,
            failovers=failovers(checked),
            default=default,
            behaviors=behaviors,
            web_acl_arn=self._viewers.web_acl_arn,
            error_pages=[
                ErrorPage(page["code"], page.get("page_path"), page.get("response_code"), page["cache_seconds"])
                for page in checked["error_pages"]
            ],
            default_root_object=root,
            price_class=checked["price_class"],
            country_codes=checked["country_codes"],
            blocked_country_codes=checked["blocked_country_codes"],
            tags=checked["tags"],
            **more,
        )

    def _staging(self, name: str, staging: CdnStaging) -> tuple[aws.cloudfront.Distribution, dict[str, Any]]:
        """The staging distribution, and what the other one needs to share its viewers with it."""
        # Names belong to one distribution, the certificate to both.
        viewer = self._viewers.viewer._replace(domain_names=())
        created = self._distribution(f"{name}-staging-distribution", staged(self._checked), viewer, staging=True, http3=False)
        policy = deployment_policy(self, f"{name}-staging-policy", created, staging["percent"], staging.get("session_idle_seconds"))
        # Without the id the provider leaves attached what is: it cannot be attached while the distribution is being created.
        # https://github.com/hashicorp/terraform-provider-aws/issues/34511
        attached = {"continuous_deployment_policy_id": policy.id} if staging["percent"] else {}
        # Attached or not, it is deleted after the distribution that may have it.
        return created, {**attached, "http3": False, "depends_on": [policy]}

    def _arns(self) -> list[pulumi.Output[str]]:
        return [self.distribution_arn, *([] if self._checked.get("staging") is None else [self.staging_distribution_arn])]

    def bucket_statements(self) -> list[BucketStatement]:
        """What the policy of a bucket that is an origin needs, as a ``DurableBucket`` takes it."""
        return reader_statements(*self._arns())

    def invalidation_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to have objects fetched anew, such as that of a pipeline."""
        actions = ["cloudfront:CreateInvalidation", "cloudfront:GetInvalidation"]
        return as_arguments([Statement(sid="Invalidate", actions=actions, resources=self._arns())])

    def invalidation_command(self, *paths: str) -> pulumi.Output[str]:
        """The command that has objects fetched anew: ``invalidation_command("/news/*")``. Without paths it is about all.

        :raises ArgumentError: for a path without a slash at its beginning.
        """
        for path in paths:
            if not path.startswith("/"):
                self.refuse(("paths", f"has {path!r}; a path begins with a slash, such as /news/*. Correct it."))
        listed = " ".join(shlex.quote(path) for path in paths or ("/*",))
        return pulumi.Output.concat("aws cloudfront create-invalidation --distribution-id ", self.distribution_id, " --paths ", listed)
