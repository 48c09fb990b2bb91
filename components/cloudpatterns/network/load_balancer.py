"""An application load balancer before a fleet (Cloud Design Patterns for AWS, "Scale-Out Pattern"; Architecting for the Cloud,
"Distribute Load to Multiple Nodes" and "Implement Session Affinity").

Makes the balancer in several zones, an HTTPS listener under a current TLS policy, an HTTP listener that only redirects, the
target group with its health check, and where they are not given the log bucket and the certificate with its DNS records.
"""

import re
from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import Choice, Component, account_of
from cloudpatterns.core.vocabulary import DeletionProtection, SecurityGroupIds, Tags
from cloudpatterns.network._domain import alias_records, issue_certificate
from cloudpatterns.storage import DurableBucket

# TLS 1.2 and 1.3 with forward secrecy, and the key exchange that outlives quantum computers: AWS's recommendation.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
_TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


class Stickiness(TypedDict):
    """Session affinity by a cookie of the balancer's own (AWSALB)."""

    duration_seconds: NotRequired[Annotated[int, Field(default=86400, ge=1, le=604800)]]
    """How long a client stays with its target, 1 to 604800 seconds. Default: 86400, a day."""


class MutualTls(TypedDict):
    """Client certificates: a client without a valid one is refused during the TLS handshake."""

    trust_store_arn: pulumi.Input[str]
    """The trust store with the certificate authorities. Expired client certificates are refused as well."""
    advertise_ca_names: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether clients are told the names of the authorities, which helps them to pick the right certificate. Default: True."""
    enabled: NotRequired[Annotated[bool, Field(default=True)]]
    """False switches client certificates off again: leaving ``mutual_tls`` out changes nothing on a listener that asks for them.
    Default: True."""


class LoadBalancerOptions(TypedDict):
    """What a user tunes of a ``LoadBalancer``."""

    certificate_arn: NotRequired[pulumi.Input[str]]
    """The certificate. Either this, or ``domain_name`` and ``hosted_zone_id``."""
    domain_name: NotRequired[str]
    """The name that the balancer serves: a certificate is made for it, and alias records point to the balancer."""
    hosted_zone_id: NotRequired[pulumi.Input[str]]
    """The public Route 53 zone of ``domain_name``."""
    additional_certificate_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Certificates of further names, which clients select by SNI: a name of your choice to the ARN. Default: none."""
    tls_policy: NotRequired[Annotated[str, Field(default=_TLS_POLICY, pattern=r"^ELBSecurityPolicy-TLS13-1-[23]-[A-Za-z0-9-]+$")]]
    """The TLS policy, of those that take TLS 1.2 or 1.3 only. Default: ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09."""
    mutual_tls: NotRequired[MutualTls]
    """Client certificates. Default: not asked for, on a new listener."""
    http_redirect: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether port 80 answers with a 301 to HTTPS; else nothing listens there. Default: True."""
    health_check_path: NotRequired[Annotated[str, Field(pattern="^/")]]
    """The path that a healthy target answers. Default: ``/``, for GRPC ``/AWS.ALB/healthcheck``."""
    health_check_port: NotRequired[Annotated[int, Field(ge=1, le=65535)]]
    """The port of the health check. Default: the port that serves traffic."""
    health_check_matcher: NotRequired[Annotated[str, Field(pattern=r"^\d+([-,]\d+)*$")]]
    """Codes of a healthy answer (``200-299``, ``200,202``). Default: 200, for GRPC 12."""
    health_check_interval_seconds: NotRequired[Annotated[int, Field(default=15, ge=5, le=300)]]
    """Seconds between two checks of a target, 5 to 300. Default: 15."""
    health_check_timeout_seconds: NotRequired[Annotated[int, Field(default=5, ge=2, le=120)]]
    """Seconds until an answer counts as failed, 2 to 120 and below the interval. Default: 5."""
    healthy_threshold: NotRequired[Annotated[int, Field(default=2, ge=2, le=10)]]
    """Successes in a row that make a target healthy, 2 to 10. Default: 2."""
    unhealthy_threshold: NotRequired[Annotated[int, Field(default=3, ge=2, le=10)]]
    """Failures in a row that make a target unhealthy, 2 to 10. Default: 3."""
    routing_algorithm: NotRequired[Annotated[str, Choice("round_robin", "least_outstanding_requests"), Field(default="round_robin")]]
    """``round_robin`` or ``least_outstanding_requests``. Default: round_robin."""
    slow_start_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=900)]]
    """Seconds over which a new target gets a growing share, 30 to 900, or 0 for none; with round_robin only. Default: 0."""
    deregistration_delay_seconds: NotRequired[Annotated[int, Field(default=300, ge=0, le=3600)]]
    """Seconds that a leaving target may finish its requests, 0 to 3600. Default: 300."""
    stickiness: NotRequired[Stickiness]
    """Session affinity. Default: none."""
    log_retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days that a log bucket of the balancer's own keeps the logs; for seven more they can be restored. Default: 365."""
    connection_logs: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether connections are logged beside requests: TLS failures and refused client certificates show nowhere else. Default: False."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the balancer; switch it off with an update before the stack is destroyed. Default: True."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the stack deletes the logs in a log bucket of its own. Default: False: with logs in it, it cannot be destroyed."""
    idle_timeout_seconds: NotRequired[Annotated[int, Field(default=60, ge=1, le=4000)]]
    """Seconds until a silent connection is closed, 1 to 4000; targets should wait longer, or clients see 502. Default: 60."""
    desync_mitigation_mode: NotRequired[Annotated[str, Choice("defensive", "strictest"), Field(default="defensive")]]
    """``defensive`` or ``strictest`` against request smuggling. Default: defensive."""
    xff_header_processing_mode: NotRequired[Annotated[str, Choice("append", "preserve", "remove"), Field(default="append")]]
    """``append``, ``preserve`` or ``remove`` for X-Forwarded-For. Default: append."""
    preserve_host_header: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether targets see the client's Host header unchanged, port included. Default: False."""


class LoadBalancerArgs(LoadBalancerOptions):
    """Arguments of ``LoadBalancer``: its options, and where it stands."""

    vpc_id: pulumi.Input[str]
    """The VPC of the targets."""
    subnet_ids_by_zone: dict[str, pulumi.Input[str]]
    """One subnet per zone, public ones unless ``internal``; two zones at least."""
    security_group_ids: SecurityGroupIds
    """The balancer's security groups, 1 to 5."""
    target_port: Annotated[int, Field(ge=1, le=65535)]
    """The port of the targets."""
    internal: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the balancer has private addresses only. Default: False."""
    ip_address_type: NotRequired[Annotated[str, Choice("ipv4", "dualstack"), Field(default="ipv4")]]
    """``ipv4`` or ``dualstack``. Default: ipv4."""
    target_type: NotRequired[Annotated[str, Choice("instance", "ip"), Field(default="instance")]]
    """``instance`` or ``ip`` (containers). Default: instance."""
    target_protocol: NotRequired[Annotated[str, Choice("HTTP", "HTTPS"), Field(default="HTTP")]]
    """``HTTP`` or ``HTTPS``. Default: HTTP."""
    protocol_version: NotRequired[Annotated[str, Choice("HTTP1", "HTTP2", "GRPC"), Field(default="HTTP1")]]
    """``HTTP1``, ``HTTP2`` or ``GRPC``, between balancer and targets. Default: HTTP1."""
    access_log_bucket_name: NotRequired[pulumi.Input[str]]
    """A bucket for the logs: same region, SSE-S3, and a policy for Elastic Load Balancing that is in place already. Default: a
    log target of its own."""
    log_prefix: NotRequired[Annotated[str, Field(default="", pattern=r"^([^/].*[^/]|[^/]?)$")]]
    """The prefix of the logs in the bucket, without slash at its ends. Default: none."""
    tags: NotRequired[Tags]
    """Tags of everything that takes some. Default: none."""


class LoadBalancer(Component):
    """An application load balancer that ends TLS for a fleet in several zones.

    It drops malformed headers, logs every request and answers plain HTTP with a redirect only.
    """

    load_balancer_arn: pulumi.Output[str]
    """The balancer's ARN."""
    arn_suffix: pulumi.Output[str]
    """The part of the balancer's ARN that CloudWatch knows it by (``app/...``)."""
    dns_name: pulumi.Output[str]
    """The balancer's own host name."""
    zone_id: pulumi.Output[str]
    """The hosted zone of ``dns_name``, for alias records."""
    https_listener_arn: pulumi.Output[str]
    """The HTTPS listener's ARN."""
    target_group_arn: pulumi.Output[str]
    """The target group's ARN, given out only once the HTTPS listener is there: before, targets cannot be scaled by requests."""
    target_group_arn_suffix: pulumi.Output[str]
    """The part of the target group's ARN that CloudWatch knows it by (``targetgroup/...``), given out with the listener as well."""
    certificate_arn: pulumi.Output[str]
    """The certificate of the HTTPS listener, once it is issued."""
    log_bucket_name: pulumi.Output[str]
    """The bucket with the logs."""

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = checked_arguments(name, args)
        super().__init__("LoadBalancer", name, opts)
        self._prefix = name
        self._checked = checked
        target_group = self._target_group()
        self.log_bucket_name = self._log_bucket(target_group)
        balancer = self._balancer()
        domain, zone = checked.get("domain_name"), checked.get("hosted_zone_id")
        if domain and zone:
            self.certificate_arn = issue_certificate(self, name, domain, zone, checked["tags"])
        else:
            self.certificate_arn = pulumi.Output.from_input(checked["certificate_arn"])
        https = self._listeners(balancer, target_group)
        if domain and zone:
            alias_records(self, name, domain, zone, balancer, dualstack=checked["ip_address_type"] == "dualstack", after=https)
        self.load_balancer_arn, self.arn_suffix = balancer.arn, balancer.arn_suffix
        self.dns_name, self.zone_id = balancer.dns_name, balancer.zone_id
        self.https_listener_arn = https.arn
        self.target_group_arn = pulumi.Output.all(target_group.arn, https.arn).apply(lambda arns: arns[0])
        self.target_group_arn_suffix = pulumi.Output.all(target_group.arn_suffix, https.arn).apply(lambda arns: arns[0])
        self.register()

    def _target_group(self) -> aws.lb.TargetGroup:
        checked = self._checked
        grpc = checked["protocol_version"] == "GRPC"
        port = checked.get("health_check_port")
        stickiness = checked.get("stickiness")
        # Auto-named, so that a replacement is there before the listener lets go of the old one:
        # https://github.com/pulumi/pulumi-aws/issues/4220
        return aws.lb.TargetGroup(
            f"{self._prefix}-tg",
            vpc_id=checked["vpc_id"],
            port=checked["target_port"],
            protocol=checked["target_protocol"],
            protocol_version=checked["protocol_version"],
            target_type=checked["target_type"],
            health_check={
                "enabled": True,
                "protocol": checked["target_protocol"],
                "path": checked.get("health_check_path") or ("/AWS.ALB/healthcheck" if grpc else "/"),
                "port": str(port) if port else "traffic-port",
                "matcher": checked.get("health_check_matcher") or ("12" if grpc else "200"),
                "interval": checked["health_check_interval_seconds"],
                "timeout": checked["health_check_timeout_seconds"],
                "healthy_threshold": checked["healthy_threshold"],
                "unhealthy_threshold": checked["unhealthy_threshold"],
            },
            load_balancing_algorithm_type=checked["routing_algorithm"],
            slow_start=checked["slow_start_seconds"],
            deregistration_delay=checked["deregistration_delay_seconds"],
            # Said even when off: a setting that is left out stays as it was.
            stickiness={
                "type": "lb_cookie",
                "enabled": stickiness is not None,
                "cookie_duration": stickiness["duration_seconds"] if stickiness else 86400,
            },
            tags={"Name": self._prefix, **checked["tags"]},
            opts=self.child(),
        )

    def _log_bucket(self, target_group: aws.lb.TargetGroup) -> pulumi.Output[str]:
        checked = self._checked
        if given := checked.get("access_log_bucket_name"):
            return pulumi.Output.from_input(given)
        # Its name waits for its policy: AWS writes a test file when logs are switched on. The target group tells the account.
        return DurableBucket(
            f"{self._prefix}-logs",
            {
                "kind": "log_target",
                "log_writers": [
                    {"service": "load_balancer", "prefix": checked["log_prefix"], "account_ids": [account_of(target_group.arn)]}
                ],
                "retention_days": checked.get("log_retention_days") or 365,
                "force_destroy": checked["force_destroy"],
                "tags": checked["tags"],
            },
            self.child(),
        ).bucket_name

    def _balancer(self) -> aws.lb.LoadBalancer:
        checked = self._checked
        subnets = checked["subnet_ids_by_zone"]
        return aws.lb.LoadBalancer(
            f"{self._prefix}-lb",
            load_balancer_type="application",
            internal=checked["internal"],
            ip_address_type=checked["ip_address_type"],
            subnets=[subnets[zone] for zone in sorted(subnets)],
            security_groups=checked["security_group_ids"],
            access_logs={"enabled": True, "bucket": self.log_bucket_name, "prefix": checked["log_prefix"]},
            connection_logs={"enabled": checked["connection_logs"], "bucket": self.log_bucket_name, "prefix": checked["log_prefix"]},
            enable_deletion_protection=checked["deletion_protection"],
            drop_invalid_header_fields=True,
            desync_mitigation_mode=checked["desync_mitigation_mode"],
            xff_header_processing_mode=checked["xff_header_processing_mode"],
            preserve_host_header=checked["preserve_host_header"],
            idle_timeout=checked["idle_timeout_seconds"],
            # When the firewall cannot be asked, requests fail rather than pass unchecked.
            enable_waf_fail_open=False,
            tags={"Name": self._prefix, **checked["tags"]},
            opts=self.child(),
        )

    def _listeners(self, balancer: aws.lb.LoadBalancer, target_group: aws.lb.TargetGroup) -> aws.lb.Listener:
        checked = self._checked
        if checked["http_redirect"]:
            aws.lb.Listener(
                f"{self._prefix}-http",
                load_balancer_arn=balancer.arn,
                port=80,
                protocol="HTTP",
                default_actions=[{"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "status_code": "HTTP_301"}}],
                tags=checked["tags"],
                opts=self.child(),
            )
        https = aws.lb.Listener(
            f"{self._prefix}-https",
            load_balancer_arn=balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=checked["tls_policy"],
            certificate_arn=self.certificate_arn,
            mutual_authentication=_mutual_authentication(checked.get("mutual_tls")),
            default_actions=[{"type": "forward", "target_group_arn": target_group.arn}],
            tags=checked["tags"],
            opts=self.child(),
        )
        for certificate, arn in checked["additional_certificate_arns"].items():
            aws.lb.ListenerCertificate(
                f"{self._prefix}-certificate-{certificate}", listener_arn=https.arn, certificate_arn=arn, opts=self.child()
            )
        return https


def checked_arguments(name: str, args: LoadBalancerArgs) -> LoadBalancerArgs:
    """The checked arguments of a balancer; what is made of several balancers calls it before it makes anything.

    :raises ArgumentError: with the problems of the arguments, or of a name that AWS would refuse.
    """
    return LoadBalancer.check(
        name,
        args,
        problems=lambda checked: [*_name_problems(name), *_certificate_problems(checked), *_problems(checked)],
        names={"lb": 32, "tg": 32},
    )


def _mutual_authentication(mutual_tls: MutualTls | None) -> aws.lb.ListenerMutualAuthenticationArgsDict | None:
    if mutual_tls is None:
        return None
    if not mutual_tls["enabled"]:
        # The provider takes no other setting beside this mode: https://github.com/hashicorp/terraform-provider-aws/pull/42326
        return {"mode": "off"}
    return {
        "mode": "verify",
        "trust_store_arn": mutual_tls["trust_store_arn"],
        "advertise_trust_store_ca_names": "on" if mutual_tls["advertise_ca_names"] else "off",
        "ignore_client_certificate_expiry": False,
    }


def _name_problems(name: str) -> Iterator[tuple[str, str]]:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name) or name.startswith("internal-"):
        yield (
            "name",
            f"is {name!r}; names of load balancers have letters, digits and dashes and do not begin with internal-. "
            "Give the component such a name.",
        )


def _certificate_problems(checked: LoadBalancerArgs) -> Iterator[tuple[str, str]]:
    made = [key for key in ("domain_name", "hosted_zone_id") if checked.get(key) is not None]
    if checked.get("certificate_arn") is not None:
        if made:
            yield "certificate_arn", f"excludes {' and '.join(made)}, which make a certificate. Leave out one or the other."
    elif not made:
        yield "certificate_arn", "is missing, and so are domain_name and hosted_zone_id, which make a certificate. Give one or the other."
    elif len(made) == 1:
        missing = "hosted_zone_id" if made == ["domain_name"] else "domain_name"
        yield missing, f"is missing; {made[0]} needs it to make a certificate. Give both, or certificate_arn alone."


def _problems(checked: LoadBalancerArgs) -> Iterator[tuple[str, str]]:
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#availability-zones
    if len(zones := checked["subnet_ids_by_zone"]) < 2:
        yield (
            "subnet_ids_by_zone",
            f"has {', '.join(zones) or 'no zone'}; a load balancer stands in two zones at least. Give a subnet in another.",
        )
    if checked["health_check_timeout_seconds"] >= checked["health_check_interval_seconds"]:
        yield (
            "health_check_timeout_seconds",
            f"is {checked['health_check_timeout_seconds']}; it must be below health_check_interval_seconds, "
            f"{checked['health_check_interval_seconds']}. Lower it, or check less often.",
        )
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#slow-start-mode
    if 0 < checked["slow_start_seconds"] < 30:
        yield "slow_start_seconds", f"is {checked['slow_start_seconds']}; 30 to 900, or 0 for none. Give at least 30."
    if checked["slow_start_seconds"] and checked["routing_algorithm"] != "round_robin":
        yield "slow_start_seconds", f"excludes the routing_algorithm {checked['routing_algorithm']}. Leave out one of the two."
    if checked.get("access_log_bucket_name") is not None:
        for key in ("log_retention_days", "force_destroy"):
            if checked.get(key):
                yield key, "excludes access_log_bucket_name: it is about a log bucket of the balancer's own. Leave out one of the two."
