"""A service whose clients get a static page while it fails.

Pattern: "Graceful failure" (Architecting for the Cloud).
"""

from collections.abc import Sequence
from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.certificate import certificates
from cloudpatterns.blocks.distribution import EDGE_REGION
from cloudpatterns.blocks.dns import Destination, Routing, records, unhealthy_alarm
from cloudpatterns.core import Component, after, later, pick
from cloudpatterns.delivery._buckets import reader_key, reader_statements
from cloudpatterns.delivery._targets import DnsAlias, destination, own_records, record_types
from cloudpatterns.delivery._viewers import CdnHeaders, CdnViewerOptions
from cloudpatterns.delivery.content_delivery_network.arguments import ContentDeliveryNetworkArgs
from cloudpatterns.delivery.content_delivery_network.component import ContentDeliveryNetwork
from cloudpatterns.delivery.dns_failover.arguments import DnsFailoverArgs, health_check_args, page_region, problems
from cloudpatterns.resilience import DeepHealthCheck
from cloudpatterns.storage import DurableBucket

_PAGE = Path(__file__).parent / "on_aws" / "unavailable.html"
_KEY = "unavailable/index.html"


class DnsFailover(Component):
    """A name whose clients get a static page while a deep health check fails (Architecting for the Cloud, "Graceful failure").

    Creates the failover records: the primary's, with the health check, and those of a distribution with its own certificate, before a
    private bucket in another Region. Every path and method gets the page, with status 503, Retry-After and Cache-Control: no-store; files
    under ``/unavailable/`` of the bucket are served as they are. Clients come back when the health check is well again.

    **Use when**: a short notice is better than an error, for a service behind a load balancer or on addresses.

    **Not when**: a second Region can serve clients (``LatencyRouting``); the name is that of a distribution already, which fails over by
    ``failover_origin`` of ``ContentDeliveryNetwork``: CloudFront serves a name by one alone.

    **Cost drivers**: the health check, a web ACL with its rules, a key, stored logs; requests only while the primary fails.

    **Trade-offs**: clients see the page after the health check has failed (three answers of 30 seconds by default) and the TTL of 60
    seconds, and longer where resolvers keep answers longer. A failing primary still gets clients that have its address.

    **Proven by**: controls ``health-check-enabled``, ``cloudfront-https``, ``cloudfront-origin-access-control``,
    ``s3-bucket-public-access-blocked``; ``test_dns_failover.py``, which plays Route 53's answers.
    """

    domain_name: pulumi.Output[str]
    """The name, available after its records."""
    health_check_id: pulumi.Output[str]
    """Id of the health check."""
    secondary_dns_name: pulumi.Output[str]
    """Own name of the secondary, such as the distribution's."""
    distribution_id: pulumi.Output[str]
    """Id of the distribution. Empty with ``existing_secondary``."""
    certificate_arn: pulumi.Output[str]
    """ARN of the distribution's certificate. Empty with ``existing_secondary``."""
    primary_certificate_arn: pulumi.Output[str]
    """ARN of the primary's certificate. Empty without ``primary_certificate``."""
    page_bucket_name: pulumi.Output[str]
    """Name of the bucket with the page. Empty with ``existing_secondary``."""

    def __init__(self, name: str, args: DnsFailoverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        self.certificate_arn = self.primary_certificate_arn = pulumi.Output.from_input("")
        self.distribution_id = self.page_bucket_name = pulumi.Output.from_input("")
        self._certificates(name)
        # Before there is the name, Route 53 would find it unhealthy.
        own = own_records(self, f"{name}-own", checked, checked["primary"])
        self.health_check_id = self._health_check(name, own)
        created = [*self._primary(name), *self._secondary(name)]
        if topics := checked["alarm_topic_arns"]:
            what = f"{checked['domain_name']} fails, and its clients get the page in its place"
            unhealthy_alarm(self, f"{name}-failed-over", what, self.health_check_id, topics, checked["tags"])
        self.domain_name = after(checked["domain_name"], *created)
        self.register()

    def _certificates(self, name: str) -> None:
        """That of the distribution and, where it is asked for, that of the primary, which share their validation records."""
        checked, given = self._checked, self._checked.get("certificate_arn")
        wanted: dict[str, str] = {}
        if given is not None:
            self.certificate_arn = pulumi.Output.from_input(given)
        elif checked.get("existing_secondary") is None:
            # The first: what the secondary needs comes from nothing of the primary.
            wanted[EDGE_REGION] = f"{name}-certificate"
        if checked["primary_certificate"] and checked["primary_region"] not in wanted:
            wanted[checked["primary_region"]] = f"{name}-primary-certificate"
        if not wanted:
            return
        own = checked["primary"].get("domain_name")
        names = [checked["domain_name"], *([] if own is None else [own])]
        arns = certificates(self, wanted, f"{name}-certificate-record-{{}}".format, names, checked["hosted_zone_id"], checked["tags"])
        if EDGE_REGION in wanted and wanted[EDGE_REGION] == f"{name}-certificate":
            self.certificate_arn = arns[EDGE_REGION]
        if checked["primary_certificate"]:
            # A primary in us-east-1 has that of the distribution.
            self.primary_certificate_arn = arns[checked["primary_region"]]

    def _health_check(self, name: str, own: Sequence[pulumi.Resource]) -> pulumi.Output[str]:
        given, health_check = self._checked.get("health_check_id"), health_check_args(self._checked)
        if given is not None:
            return pulumi.Output.from_input(given)
        assert health_check is not None, "the rules of the arguments hold it"
        tags = {**self._checked["tags"], **health_check["tags"]}
        return DeepHealthCheck(f"{name}-health", {**health_check, "tags": tags}, self.child(depends_on=list(own))).health_check_id

    def _primary(self, name: str) -> list[aws.route53.Record]:
        checked, primary = self._checked, self._checked["primary"]
        zone_id, kinds, place = checked["hosted_zone_id"], record_types(checked, primary), destination(checked, primary)
        routing = Routing(set_identifier="primary", policy=_policy("PRIMARY"), health_check_id=self.health_check_id)
        return records(self, f"{name}-primary", zone_id, checked["domain_name"], kinds, place, routing)

    def _secondary(self, name: str) -> list[aws.route53.Record]:
        checked, existing = self._checked, self._checked.get("existing_secondary")
        alias: DnsAlias = self._page(name) if existing is None else existing
        self.secondary_dns_name = pulumi.Output.from_input(alias["dns_name"])
        kinds = record_types(checked, checked["primary"])
        routing = Routing(set_identifier="secondary", policy=_policy("SECONDARY"))
        place = Destination(
            alias={"name": alias["dns_name"], "zone_id": alias["zone_id"], "evaluate_target_health": alias["evaluate_target_health"]}
        )
        return records(self, f"{name}-secondary", checked["hosted_zone_id"], checked["domain_name"], kinds, place, routing)

    def _page(self, name: str) -> DnsAlias:
        """The distribution before the page, neither of which needs anything in the primary's Region."""
        with later() as distribution_arn:
            bucket = self._bucket(name, distribution_arn)
            cdn = self._distribution(name, bucket)
            distribution_arn.come_from(cdn.distribution_arn)
        self.distribution_id, self.page_bucket_name = cdn.distribution_id, bucket.bucket_name
        # Route 53 evaluates no health of a distribution.
        return {"dns_name": cdn.dns_name, "zone_id": cdn.zone_id, "evaluate_target_health": False}

    def _bucket(self, name: str, distribution_arn: pulumi.Output[str]) -> DurableBucket:
        checked, region, tags = self._checked, page_region(self._checked), self._checked["tags"]
        given, key_arn = checked["page"].get("html"), checked.get("kms_key_arn")
        bucket = DurableBucket(
            f"{name}-page",
            {
                "kind": "data",
                "region": region,
                "kms_key_arn": reader_key(self, f"{name}-key", f"Page of {name}", distribution_arn, key_arn, tags, region),
                "statements": reader_statements(distribution_arn),
                "force_destroy": checked["page"]["viewers"]["force_destroy"],
                **pick(checked, "log_bucket_name", "tags"),
            },
            self.child(),
        )
        aws.s3.BucketObjectv2(
            f"{name}-html",
            bucket=bucket.bucket_name,
            key=_KEY,
            content=_PAGE.read_text(encoding="utf-8") if given is None else given,
            content_type="text/html; charset=utf-8",
            # For CloudFront; clients keep nothing.
            cache_control="max-age=60",
            region=region,
            # An object has ten tags at most, and default tags may be more.
            override_provider={"default_tags": {"tags": {}}},
            opts=self.child(),
        )
        return bucket

    def _distribution(self, name: str, bucket: DurableBucket) -> ContentDeliveryNetwork:
        checked, page = self._checked, self._checked["page"]
        viewers: CdnViewerOptions = page["viewers"]
        custom = {"Cache-Control": "no-store", "Retry-After": str(page["retry_after_seconds"]), **viewers["headers"]["custom"]}
        headers: CdnHeaders = {**viewers["headers"], "custom": custom}
        args: ContentDeliveryNetworkArgs = {
            **viewers,
            "headers": headers,
            "domain_names": [checked["domain_name"]],
            "hosted_zone_id": checked["hosted_zone_id"],
            "certificate_arn": self.certificate_arn,
            "alias_records": False,
            "origins": {"page": {"bucket": {"regional_domain_name": bucket.bucket_regional_domain_name}}},
            # There is no such object: the path / gets the page as every other does, with its status.
            "default_root_object": "none",
            # 403 is CloudFront's own answer to other methods than GET and HEAD.
            "error_pages": [{"code": code, "page_path": f"/{_KEY}", "response_code": 503} for code in (403, 404)],
            "tags": checked["tags"],
            **pick(checked, "web_acl_arn"),
        }
        if (logs := checked.get("cdn_log_bucket_arn")) is not None:
            # It is then for the bucket of the page alone.
            args["log_bucket_arn"], args["force_destroy"] = logs, False
        return ContentDeliveryNetwork(f"{name}-cdn", args, self.child())


def _policy(kind: str) -> dict[str, Sequence[dict[str, str]]]:
    return {"failover_routing_policies": [{"type": kind}]}


def _child_names(checked: DnsFailoverArgs) -> dict[str, int]:
    if checked.get("existing_secondary") is not None:
        return {}
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html
    return {"cdn-logs-source": 60, "cdn-page-access": 64, "cdn-log-bucket": 63, "page-logs-bucket": 63}
