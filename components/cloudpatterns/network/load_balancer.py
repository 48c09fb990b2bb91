"""An application load balancer in front of a fleet.

Patterns: "Scale-Out" (Cloud Design Patterns for AWS), "Distribute Load to Multiple Nodes" and "Implement Session Affinity" (Architecting
for the Cloud).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Annotated, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import Metric, MetricMath, alarm
from cloudpatterns.blocks.certificate import MOST_MAIN_NAME_CHARACTERS, certificates
from cloudpatterns.core import Choice, Component, Matches, Problem, account_of, after, excludes, one_of
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DeletionProtection,
    DomainName,
    HostedZoneId,
    Port,
    SecurityGroupIds,
    SubnetIdsByZones,
    Tags,
)
from cloudpatterns.storage import DurableBucket

_ONE_DAY_SECONDS = 86_400
# Fewer errors in five minutes are no alarm, whatever their share is: at night one of two requests may fail.
_FEWEST_ERRORS = 5
_LAST_PRIORITY = 50_000
"""Of a listener rule: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html"""


class Stickiness(TypedDict):
    """Session affinity by the load balancer's own cookie (AWSALB)."""

    duration_seconds: NotRequired[Annotated[int, Field(default=_ONE_DAY_SECONDS, ge=1, le=604_800)]]
    """How long a client stays with its target."""


class MutualTls(TypedDict):
    """Client certificates: a client without a valid one is refused during the TLS handshake."""

    trust_store_arn: pulumi.Input[str]
    """Trust store with the certificate authorities. Expired client certificates are refused as well."""
    advertise_ca_names: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether clients receive the names of the authorities, which helps them to select the right certificate."""
    enabled: NotRequired[Annotated[bool, Field(default=True)]]
    """False stops asking for client certificates: removing ``mutual_tls`` changes nothing on a listener that asks for them."""


class ListenerOptions(TypedDict):
    """What a user tunes of the side that clients see."""

    certificate_arn: NotRequired[pulumi.Input[str]]
    """Certificate of the HTTPS listener. Exactly one of this, and ``domain_name`` with ``hosted_zone_id``."""
    domain_name: NotRequired[DomainName]
    """Domain name to serve. A certificate is created for it, and alias records point to the load balancer. Needed with
    ``hosted_zone_id``."""
    hosted_zone_id: NotRequired[HostedZoneId]
    """Public Route 53 hosted zone of ``domain_name``. Needed with ``domain_name``."""
    # TLS 1.2 and 1.3 with forward secrecy and post-quantum key exchange: AWS's recommendation.
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
    tls_policy: NotRequired[
        Annotated[
            str,
            Field(default="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"),
            Matches(
                "ELBSecurityPolicy-TLS13-1-[23]-[A-Za-z0-9-]+",
                "a policy with TLS 1.2 or 1.3 only such as ELBSecurityPolicy-TLS13-1-3-2021-06",
            ),
        ]
    ]
    """TLS policy of the HTTPS listener."""
    mutual_tls: NotRequired[MutualTls]
    """Client certificates. Default: a new listener does not ask for them."""
    http_redirect: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether port 80 redirects to HTTPS with a 301; otherwise nothing listens there."""
    stickiness: NotRequired[Stickiness]
    """Session affinity. Default: none."""
    idle_timeout_seconds: NotRequired[Annotated[int, Field(default=60, ge=1, le=4000)]]
    """Seconds until an idle connection is closed. Targets need a longer timeout, or clients see 502."""


class ListenerArgs(ListenerOptions):
    """Arguments of the side that clients see."""

    subnet_ids_by_zone: SubnetIdsByZones
    """One subnet per zone; public ones unless ``internal``."""
    internal: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the load balancer has private addresses only."""
    ip_address_type: NotRequired[Annotated[str, Choice("ipv4", "dualstack"), Field(default="ipv4")]]
    """Address families of the load balancer."""


class TargetOptions(TypedDict):
    """What a user tunes of the side of the targets, of the alarms and of the logs."""

    health_check_path: NotRequired[Annotated[str, Matches("/.*", "a path such as /healthz")]]
    """Path of the health check. Default: ``/``, for GRPC ``/AWS.ALB/healthcheck``."""
    health_check_port: NotRequired[Port]
    """Port of the health check. Default: ``target_port``."""
    health_check_matcher: NotRequired[Annotated[str, Matches(r"\d+([-,]\d+)*", "status codes such as 200-299")]]
    """Status codes of a healthy target. Default: 200, for GRPC 12."""
    deregistration_delay_seconds: NotRequired[Annotated[int, Field(default=300, ge=0, le=3600)]]
    """Seconds that a deregistering target has to complete its requests."""
    alarm_5xx_percent: NotRequired[Annotated[float, Field(default=5, ge=0.1, le=50)]]
    """Share of the requests of five minutes that may end in a 5xx response without an alarm. Fewer than five such responses never raise
    one. Those of the targets and those of the load balancer itself count apart."""
    alarm_unhealthy_minutes: NotRequired[Annotated[int, Field(default=10, ge=1, le=60)]]
    """Minutes for which targets are unhealthy before the alarm is raised, within half as many again. More than a target needs to boot, or
    each deployment raises it."""
    log_retention_days: NotRequired[Annotated[int, Field(default=365, ge=1)]]
    """Days that a created log bucket keeps the logs; they can be restored for seven days more."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete a load balancer; must be off, by an update, before destroy."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroy deletes the logs in a created log bucket; otherwise a bucket with logs cannot be destroyed."""


class TargetArgs(TargetOptions):
    """Arguments of the side of the targets, of the alarms and of the logs."""

    vpc_id: pulumi.Input[str]
    """VPC of the targets."""
    target_port: Port
    """Port of the targets."""
    target_type: NotRequired[Annotated[str, Choice("instance", "ip"), Field(default="instance")]]
    """``ip`` for containers."""
    access_log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the logs: same Region, SSE-S3, and a bucket policy for Elastic Load Balancing that exists already. Default: a new log
    bucket."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of unhealthy targets and of 5xx responses; without any there are no alarms."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class LoadBalancerOptions(ListenerOptions, TargetOptions):
    """What a user tunes of a ``LoadBalancer``."""

    additional_certificate_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Certificates of further domain names, which clients select by SNI: a name of your choice to the ARN."""
    health_check_interval_seconds: NotRequired[Annotated[int, Field(default=15, ge=5, le=300)]]
    """Seconds between two health checks of a target."""
    health_check_timeout_seconds: NotRequired[Annotated[int, Field(default=5, ge=2, le=120)]]
    """Seconds without a response after which a health check has failed; less than the interval."""
    healthy_threshold: NotRequired[Annotated[int, Field(default=2, ge=2, le=10)]]
    """Consecutive successes after which a target is healthy."""
    unhealthy_threshold: NotRequired[Annotated[int, Field(default=3, ge=2, le=10)]]
    """Consecutive failures after which a target is unhealthy."""
    routing_algorithm: NotRequired[Annotated[str, Choice("round_robin", "least_outstanding_requests"), Field(default="round_robin")]]
    """How a target is selected."""
    slow_start_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=900)]]
    """Seconds, at least 30, over which a new target's share of requests grows; 0 for no slow start. With ``round_robin`` only."""
    connection_logs: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether connections are logged beside requests: only these logs show TLS failures and refused client certificates."""
    desync_mitigation_mode: NotRequired[Annotated[str, Choice("defensive", "strictest"), Field(default="defensive")]]
    """Protection against HTTP request smuggling."""
    xff_header_processing_mode: NotRequired[Annotated[str, Choice("append", "preserve", "remove"), Field(default="append")]]
    """What happens to the header X-Forwarded-For."""
    preserve_host_header: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether targets receive the client's Host header unchanged, with its port."""


class LoadBalancerArgs(LoadBalancerOptions, ListenerArgs, TargetArgs):
    """Arguments of ``LoadBalancer``: its options, and where it stands."""

    security_group_ids: SecurityGroupIds
    """Security groups of the load balancer."""
    target_protocol: NotRequired[Annotated[str, Choice("HTTP", "HTTPS"), Field(default="HTTP")]]
    """Protocol of the targets and of the health check."""
    protocol_version: NotRequired[Annotated[str, Choice("HTTP1", "HTTP2", "GRPC"), Field(default="HTTP1")]]
    """Protocol version between load balancer and targets."""
    log_prefix: NotRequired[Annotated[str, Field(default=""), Matches("([^/].*[^/]|[^/]?)", "a prefix without a slash at its ends")]]
    """Prefix of the logs in the bucket."""
    alternate_target_group: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether there is a second target group, and a listener rule for both, whose weights Amazon ECS moves in a blue/green, canary or
    linear deployment (``ContainerService``). Alarms count the targets of both. Needs ``target_type`` ``ip``. As the rule keeps its target
    groups, a change that replaces them, of a port or protocol, needs ``pulumi destroy --target`` on the rule first."""


class LoadBalancer(Component):
    """An application load balancer in several zones that terminates TLS for a fleet (Cloud Design Patterns for AWS, "Scale-Out").

    Creates the load balancer, an HTTPS listener, an HTTP listener that only redirects, and the target group with its health check; a log
    bucket, and a certificate with its DNS records, where they are not given. It drops invalid headers and logs every request. With
    ``alarm_topic_arns``, alarms report a group without a healthy target, targets that stay unhealthy, and 5xx responses.

    **Use when**: HTTP or gRPC traffic is distributed over servers or containers in several zones.

    **Not when**: the protocol is not HTTP (``FloatingIp``), or several audiences need certificates and networks of their own
    (``MultiLoadBalancer``).

    **Cost drivers**: hours of the load balancer, its capacity units (LCU), a public IPv4 address per zone, the stored logs, four alarms.

    **Trade-offs**: it needs two zones; requests fail, rather than pass unchecked, while AWS WAF cannot be reached; deletion protection must
    be switched off before destroy.

    **Proven by**: controls ``alb-https-listener``, ``alb-http-redirect``, ``lb-tls-policy``, ``alb-access-logs``,
    ``alb-drop-invalid-headers``, ``alb-desync-mitigation``, ``lb-deletion-protection``, ``lb-several-zones``; ``test_load_balancer.py``
    and ``test_load_balancer_arguments.py``.
    """

    load_balancer_arn: pulumi.Output[str]
    """ARN of the load balancer."""
    arn_suffix: pulumi.Output[str]
    """The load balancer in CloudWatch's dimension ``LoadBalancer`` (``app/...``)."""
    dns_name: pulumi.Output[str]
    """The load balancer's own host name."""
    zone_id: pulumi.Output[str]
    """Hosted zone of ``dns_name``, for alias records."""
    https_listener_arn: pulumi.Output[str]
    """ARN of the HTTPS listener."""
    target_group_arn: pulumi.Output[str]
    """ARN of the target group, available after the HTTPS listener: before it, targets cannot be scaled by requests."""
    target_group_arn_suffix: pulumi.Output[str]
    """The target group in CloudWatch's dimension ``TargetGroup`` (``targetgroup/...``), available after the HTTPS listener."""
    alternate_target_group_arn: pulumi.Output[str]
    """ARN of the second target group, available after its listener rule. Empty without ``alternate_target_group``."""
    production_listener_rule_arn: pulumi.Output[str]
    """ARN of the listener rule for both target groups. Empty without ``alternate_target_group``."""
    certificate_arn: pulumi.Output[str]
    """ARN of the HTTPS listener's certificate, available after it is issued."""
    log_bucket_name: pulumi.Output[str]
    """Name of the bucket with the logs."""

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names=_child_names)
        self._checked, self._tags = checked, checked["tags"]
        target_group = self._target_group("tg")
        groups = [target_group, *([self._target_group("tg2")] if checked["alternate_target_group"] else [])]
        # Any resource's ARN names the account whose logs the bucket takes.
        self.log_bucket_name = access_log_bucket(self, checked, [checked["log_prefix"]], target_group.arn)
        balancer = self._balancer()
        self.certificate_arn = self._certificate_arn()
        https = self._listeners(balancer, target_group)
        self._alias_records(balancer, https)
        if checked["alarm_topic_arns"]:
            self._health_alarms(balancer, groups)
            self._error_alarms(balancer, groups)
        self.load_balancer_arn, self.arn_suffix = balancer.arn, balancer.arn_suffix
        self.dns_name, self.zone_id = balancer.dns_name, balancer.zone_id
        self.https_listener_arn = https.arn
        self.target_group_arn = after(target_group.arn, https)
        self.target_group_arn_suffix = after(target_group.arn_suffix, https)
        self.alternate_target_group_arn = self.production_listener_rule_arn = pulumi.Output.from_input("")
        if checked["alternate_target_group"]:
            rule = self._weighted_rule(https, groups)
            self.alternate_target_group_arn, self.production_listener_rule_arn = after(groups[1].arn, rule), rule.arn
            self.target_group_arn = after(target_group.arn, https, rule)
        self.register()

    def _target_group(self, suffix: str) -> aws.lb.TargetGroup:
        checked, name = self._checked, self.pulumi_resource_name
        grpc = checked["protocol_version"] == "GRPC"
        path, port, matcher = (checked.get(f"health_check_{key}") for key in ("path", "port", "matcher"))
        stickiness = checked.get("stickiness")
        # Auto-named, so that a replacement exists before the listener leaves the old one:
        # https://github.com/pulumi/pulumi-aws/issues/4220
        return aws.lb.TargetGroup(
            f"{name}-{suffix}",
            vpc_id=checked["vpc_id"],
            port=checked["target_port"],
            protocol=checked["target_protocol"],
            protocol_version=checked["protocol_version"],
            target_type=checked["target_type"],
            health_check={
                "enabled": True,
                "protocol": checked["target_protocol"],
                "path": path or ("/AWS.ALB/healthcheck" if grpc else "/"),
                "port": str(port or "traffic-port"),
                "matcher": matcher or ("12" if grpc else "200"),
                "interval": checked["health_check_interval_seconds"],
                "timeout": checked["health_check_timeout_seconds"],
                "healthy_threshold": checked["healthy_threshold"],
                "unhealthy_threshold": checked["unhealthy_threshold"],
            },
            load_balancing_algorithm_type=checked["routing_algorithm"],
            slow_start=checked["slow_start_seconds"],
            deregistration_delay=checked["deregistration_delay_seconds"],
            # Given even when off: a setting that is left out stays as it was.
            stickiness={
                "type": "lb_cookie",
                "enabled": stickiness is not None,
                "cookie_duration": stickiness["duration_seconds"] if stickiness else _ONE_DAY_SECONDS,
            },
            tags={"Name": name, **self._tags},
            opts=self.child(),
        )

    def _balancer(self) -> aws.lb.LoadBalancer:
        checked, name = self._checked, self.pulumi_resource_name
        subnets = checked["subnet_ids_by_zone"]
        return aws.lb.LoadBalancer(
            f"{name}-lb",
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
            # While AWS WAF cannot be reached, requests fail rather than pass unchecked.
            enable_waf_fail_open=False,
            tags={"Name": name, **self._tags},
            opts=self.child(),
        )

    def _certificate_arn(self) -> pulumi.Output[str]:
        """The given certificate, or a new one, available after it is issued; the validation record stays, for renewals."""
        checked, name = self._checked, self.pulumi_resource_name
        domain_name, zone_id = checked.get("domain_name"), checked.get("hosted_zone_id")
        if domain_name is None or zone_id is None:
            return pulumi.Output.from_input(checked["certificate_arn"])
        names: dict[str | None, str] = {None: f"{name}-certificate"}
        return certificates(self, names, lambda _: f"{name}-certificate-record", [domain_name], zone_id, self._tags)[None]

    def _alias_records(self, balancer: aws.lb.LoadBalancer, listener: aws.lb.Listener) -> None:
        """Points the domain name, if there is one, to the load balancer after its listener exists."""
        domain_name, zone_id = self._checked.get("domain_name"), self._checked.get("hosted_zone_id")
        if domain_name is None or zone_id is None:
            return
        for kind in ("A", "AAAA") if self._checked["ip_address_type"] == "dualstack" else ("A",):
            aws.route53.Record(
                f"{self.pulumi_resource_name}-alias-{kind.lower()}",
                zone_id=zone_id,
                name=domain_name,
                type=kind,
                aliases=[{"name": balancer.dns_name, "zone_id": balancer.zone_id, "evaluate_target_health": True}],
                opts=self.child(depends_on=[listener]),
            )

    def _listeners(self, balancer: aws.lb.LoadBalancer, target_group: aws.lb.TargetGroup) -> aws.lb.Listener:
        checked, name = self._checked, self.pulumi_resource_name
        if checked["http_redirect"]:
            aws.lb.Listener(
                f"{name}-http",
                load_balancer_arn=balancer.arn,
                port=80,
                protocol="HTTP",
                default_actions=[{"type": "redirect", "redirect": {"protocol": "HTTPS", "port": "443", "status_code": "HTTP_301"}}],
                tags=self._tags,
                opts=self.child(),
            )
        https = aws.lb.Listener(
            f"{name}-https",
            load_balancer_arn=balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=checked["tls_policy"],
            certificate_arn=self.certificate_arn,
            mutual_authentication=_mutual_authentication(checked.get("mutual_tls")),
            default_actions=[{"type": "forward", "target_group_arn": target_group.arn}],
            tags=self._tags,
            opts=self.child(),
        )
        for certificate, arn in checked["additional_certificate_arns"].items():
            aws.lb.ListenerCertificate(f"{name}-certificate-{certificate}", listener_arn=https.arn, certificate_arn=arn, opts=self.child())
        return https

    def _weighted_rule(self, listener: aws.lb.Listener, groups: Sequence[aws.lb.TargetGroup]) -> aws.lb.ListenerRule:
        """The last rule, for every request. Its weights, at first all for the first group, are changed by ECS."""
        return aws.lb.ListenerRule(
            f"{self.pulumi_resource_name}-rule",
            listener_arn=listener.arn,
            priority=_LAST_PRIORITY,
            conditions=[{"path_pattern": {"values": ["/*"]}}],
            actions=[
                {
                    "type": "forward",
                    "forward": {
                        "target_groups": [{"arn": group.arn, "weight": 0 if number else 100} for number, group in enumerate(groups)]
                    },
                }
            ],
            tags=self._tags,
            # With the weights of the program a deployment would send the requests back to a group without targets.
            opts=self.child(ignore_changes=["actions"]),
        )

    def _health_alarms(self, balancer: aws.lb.LoadBalancer, groups: Sequence[aws.lb.TargetGroup]) -> None:
        name, minutes = self.pulumi_resource_name, self._checked["alarm_unhealthy_minutes"]

        # Each zone of the load balancer reports a number. Maximum is 0 only if every zone's is, and above 0 if any zone's is; Minimum and
        # Average depend on how the targets are spread over the zones.
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
        def hosts(metric: str) -> Metric | MetricMath:
            each = [
                Metric("AWS/ApplicationELB", metric, {"LoadBalancer": balancer.arn_suffix, "TargetGroup": group.arn_suffix}, "Maximum")
                for group in groups
            ]
            # Of two groups one has no targets, and so no data.
            return each[0] if len(each) == 1 else MetricMath("FILL(first, 0) + FILL(second, 0)", {"first": each[0], "second": each[1]})

        alarm(
            self,
            f"{name}-no-healthy-target",
            f"{name} has no healthy target: its clients get errors",
            hosts("HealthyHostCount"),
            1,
            comparison="LessThanThreshold",
            periods=2,
            # A target group without targets reports nothing.
            missing="breaching",
            actions=self._checked["alarm_topic_arns"],
            tags=self._tags,
        )
        alarm(
            self,
            f"{name}-unhealthy-target",
            f"Targets of {name} failed their health checks for {minutes} minutes: they do not recover, or their replacements fail too",
            hosts("UnHealthyHostCount"),
            0,
            # Not in a row: an Auto Scaling group that replaces a server which never gets healthy leaves gaps.
            periods=minutes * 3 // 2,
            datapoints=minutes,
            # Without targets none is unhealthy; the other alarm reports that there are none.
            missing="notBreaching",
            actions=self._checked["alarm_topic_arns"],
            tags=self._tags,
        )

    def _error_alarms(self, balancer: aws.lb.LoadBalancer, groups: Sequence[aws.lb.TargetGroup]) -> None:
        name, percent = self.pulumi_resource_name, self._checked["alarm_5xx_percent"]
        of_balancer = {"LoadBalancer": balancer.arn_suffix}
        of_targets = {**of_balancer, "TargetGroup": groups[0].arn_suffix} if len(groups) == 1 else of_balancer
        share = f"more than {percent:g}% of the requests of five minutes"
        for suffix, description, dimensions, metric, total in (
            ("target-5xx", f"The targets of {name} answered {share} with 5xx", of_targets, "HTTPCode_Target_5XX_Count", "requests"),
            # RequestCount lacks the requests for which no target could be chosen (503). What is missing counts as 0.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
            (
                "balancer-5xx",
                f"{name} itself answered {share} with 5xx: its targets do not respond, close connections or time out",
                of_balancer,
                "HTTPCode_ELB_5XX_Count",
                "(requests + errors)",
            ),
        ):
            metrics = {
                "errors": Metric("AWS/ApplicationELB", metric, dimensions, "Sum"),
                "requests": Metric("AWS/ApplicationELB", "RequestCount", dimensions, "Sum"),
            }
            alarm(
                self,
                f"{name}-{suffix}",
                description,
                MetricMath(f"IF(errors >= {_FEWEST_ERRORS}, 100 * errors / {total}, 0)", metrics),
                percent,
                period_seconds=300,
                # Elastic Load Balancing reports errors only when there are some.
                missing="notBreaching",
                actions=self._checked["alarm_topic_arns"],
                tags=self._tags,
            )


def access_log_bucket(
    component: Component, checked: TargetArgs, prefixes: Iterable[str], account_arn: pulumi.Output[str]
) -> pulumi.Output[str]:
    """The name of the bucket for the logs under the given prefixes: the one that is given, or a new one for the account of the ARN."""
    given = checked.get("access_log_bucket_name")
    if given is not None:
        return pulumi.Output.from_input(given)
    # The name waits for the bucket policy: AWS writes a test file when logs are switched on.
    return DurableBucket(
        f"{component.pulumi_resource_name}-logs",
        {
            "kind": "log_target",
            "log_writers": [
                {"service": "load_balancer", "prefix": prefix, "account_ids": [account_of(account_arn)]} for prefix in prefixes
            ],
            "retention_days": checked["log_retention_days"],
            "force_destroy": checked["force_destroy"],
            "tags": checked["tags"],
        },
        component.child(),
    ).bucket_name


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


def name_pattern_problems(name: str) -> Iterator[Problem]:
    """What is wrong with the name of a component whose load balancers carry it."""
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9-]*", name) or name.startswith("internal-"):
        yield (
            "name",
            f"is {name!r}; names of load balancers have letters, digits and hyphens and do not begin with a hyphen or internal-. "
            "Give the component such a name.",
        )


def listener_problems(checked: ListenerArgs, path: str = "") -> Iterator[Problem]:
    """What is wrong with the arguments of the side that clients see; they stand at ``path``, which ends with a dot."""
    return one_of(checked, "certificate_arn", ("domain_name", "hosted_zone_id"), path=path)


def log_problems(checked: TargetArgs) -> Iterator[Problem]:
    """What is wrong with the arguments of the logs."""
    return excludes(checked, "access_log_bucket_name", "log_retention_days", "force_destroy", why="it is for a bucket that is created")


def _child_names(checked: LoadBalancerArgs) -> dict[str, int]:
    return {"lb": 32, "tg": 32, **({"tg2": 32} if checked["alternate_target_group"] else {})}


def _problems(name: str, checked: LoadBalancerArgs) -> Iterator[Problem]:
    yield from name_pattern_problems(name)
    yield from listener_problems(checked)
    domain_name = checked.get("domain_name")
    if domain_name is not None and len(domain_name) > MOST_MAIN_NAME_CHARACTERS:
        yield "domain_name", f"has {len(domain_name)} characters; a new certificate's has {MOST_MAIN_NAME_CHARACTERS} at most. Shorten it."
    timeout, interval = checked["health_check_timeout_seconds"], checked["health_check_interval_seconds"]
    if timeout >= interval:
        yield (
            "health_check_timeout_seconds",
            f"is {timeout}; it must be less than health_check_interval_seconds, {interval}. Lower it, or check less often.",
        )
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#slow-start-mode
    if 0 < checked["slow_start_seconds"] < 30:
        yield "slow_start_seconds", f"is {checked['slow_start_seconds']}; 30 to 900 is allowed, or 0 for no slow start. Give at least 30."
    yield from excludes(checked, "slow_start_seconds", "routing_algorithm", why="AWS has a slow start with round_robin only")
    yield from log_problems(checked)
    if checked["alternate_target_group"]:
        if checked["target_type"] != "ip":
            yield "target_type", f"is {checked['target_type']}; alternate_target_group is for the containers of ECS, which need ip. Set it."
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#sticky-sessions
        why = "a client's cookie would keep it with the containers that are replaced"
        yield from excludes(checked, "alternate_target_group", "stickiness", why=why)
