"""Caching proxies in front of slower origins, inside a VPC.

Pattern: "Cache Proxy" (Cloud Design Patterns for AWS).
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm
from cloudpatterns.blocks.automation import (
    Automation,
    automation_document,
    automation_role,
    notify_on_failed_automation,
    start_statements,
)
from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.blocks.log_group import log_group
from cloudpatterns.blocks.server import amazon_linux
from cloudpatterns.compute import ScaleOut, ScaleOutArgs, ScaleOutServerOptions
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Problem,
    Statement,
    WorkloadStatementArgs,
    account_of,
    as_arguments,
    declared,
    is_given,
    one_of,
    partition_of,
    pick,
    region_of,
    statement_problems,
)
from cloudpatterns.delivery.cache_proxy.arguments import BUCKET_HOST, HOST_NAME, CacheProxyArgs, CacheProxyOrigin
from cloudpatterns.delivery.cache_proxy.configuration import ProxyOrigin, ProxySettings, proxy_configuration
from cloudpatterns.delivery.cache_proxy.documents import PARAMETERS, purge_command, purge_steps
from cloudpatterns.network import LoadBalancer, LoadBalancerArgs
from cloudpatterns.security import WorkloadRole, session_manager_statements

_ON_AWS = Path(__file__).parent / "on_aws"
_HEALTH_CHECK_PATH = "/cache-proxy/health"
_NAMESPACE = "CloudPatterns/CacheProxy"
# Beside the cache on the root disk: the system, logs, and what nginx keeps free.
_SYSTEM_GIB = 8
# Longer than the load balancer's idle timeout by more than a slow network takes.
_KEEPALIVE_MARGIN = 15
_MESSAGES = ("AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply")


class CacheProxy(Component):
    """Caching proxies (nginx) behind an internal load balancer (Cloud Design Patterns for AWS, "Cache Proxy").

    Composes ``LoadBalancer`` and ``ScaleOut``. Proxies cache what origins allow by Cache-Control or Expires, and never a response that
    is private: to a request with an Authorization header or a cookie (``private_cookies``), or with Set-Cookie, ``private``, ``no-store``,
    ``no-cache`` or ``Vary: *``. While an origin is down, or answers with errors, they serve the copies that they have, and with
    ``alarm_topic_arns`` an alarm says so. Origins are found by name, again whenever its TTL is over; buckets are private, and requests to
    them are signed with the proxies' role.

    A proxy that is replaced loses no request: it gets no new ones for ``deregistration_delay_seconds``, a lifecycle hook keeps it for
    another ``longest_request_seconds``, and nginx completes what it has begun. A load balancer repeats no request: those in flight at a
    proxy whose hardware fails end in 502, and clients repeat them.

    Who has ``purge_statements()`` purges by ``aws ssm start-automation-execution --document-name <purge_document_name> --parameters
    'Paths=/news/today /pictures/*'``: copies are gone when it is over, and so are those of requests that were under way.

    **Use when**: servers inside a VPC give the same responses again and again, or must be spared while they are slow or down.

    **Not when**: clients are on the internet and responses are public (``ContentDeliveryNetwork``), the data is read by key
    (``InMemoryCache``), or clients use WebSockets, which the proxies do not pass on.

    **Cost drivers**: the proxies at all times, the load balancer, the access log, up to eleven alarms.

    **Trade-offs**: each proxy has a cache of its own, so that an origin gets a request for each of them, and a new one begins empty.
    Responses with ``must-revalidate`` are not cached, since nginx would serve old ones; a change of the origins replaces the proxies.

    **Proven by**: controls ``auto-scaling-several-zones``, ``auto-scaling-load-balancer-health``, ``lb-several-zones``,
    ``launch-template-volumes-encrypted``; ``test_cache_proxy.py``; ``test_cache_proxy_served.py``, which runs the real nginx.
    """

    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the proxies."""
    role_arn: pulumi.Output[str]
    """The proxies' role."""
    load_balancer_arn: pulumi.Output[str]
    """The load balancer."""
    dns_name: pulumi.Output[str]
    """Host name of the load balancer."""
    zone_id: pulumi.Output[str]
    """Hosted zone of ``dns_name``, for alias records."""
    https_listener_arn: pulumi.Output[str]
    """The HTTPS listener of the load balancer."""
    target_group_arn: pulumi.Output[str]
    """The load balancer's target group."""
    log_group_name: pulumi.Output[str]
    """Log group of the proxies: what each request took, and whether a copy answered it."""
    purge_document_name: pulumi.Output[str]
    """Name of the Automation document that purges all proxies; its parameter is ``Paths``."""

    def __init__(self, name: str, args: CacheProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names={"web-lb": 32})
        self._checked, self._tags = checked, checked["tags"]
        logs = log_group(self, f"{name}-logs", checked["log_retention_days"], kms_key_arn=checked.get("log_kms_key_arn"), tags=self._tags)
        balancer = LoadBalancer(f"{name}-web", _balancer(checked), self.child())
        role = WorkloadRole(
            f"{name}-role",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "description": "Caching proxies: Session Manager, purges, logs and the objects of their buckets",
                "statements": [*session_manager_statements(), *as_arguments(self._statements(logs)), *checked["statements"]],
                "tags": self._tags,
            },
            self.child(),
        )
        group_args = _group(checked, balancer.target_group_arn, role.instance_profile_arn, self._user_data(logs.name))
        group = ScaleOut(f"{name}-proxies", group_args, self.child())
        self._hold(group)
        self._purge = self._purge_automation(group)
        self._alarms(logs)
        self.auto_scaling_group_name, self.role_arn = group.auto_scaling_group_name, role.role_arn
        self.load_balancer_arn, self.dns_name, self.zone_id = balancer.load_balancer_arn, balancer.dns_name, balancer.zone_id
        self.https_listener_arn, self.target_group_arn = balancer.https_listener_arn, balancer.target_group_arn
        self.log_group_name, self.purge_document_name = logs.name, self._purge.document.name
        self.register()

    def purge_statements(self) -> list[WorkloadStatementArgs]:
        """What a function, a pipeline or a person needs to purge the proxies, for a ``WorkloadRole``."""
        return as_arguments(start_statements(self._purge))

    def _statements(self, logs: aws.cloudwatch.LogGroup) -> list[Statement]:
        streams = pulumi.Output.concat(logs.arn, ":*")
        statements = [
            Statement(
                sid="ProxyLogs", actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], resources=[streams]
            ),
            # Run Command reaches the agent by these, which have no resource types.
            # https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
            Statement(sid="RunCommand", actions=[f"ec2messages:{action}" for action in _MESSAGES], resources=["*"]),
        ]
        buckets = [bucket for origin in self._checked["origins"].values() if (bucket := origin.get("bucket")) is not None]
        if buckets:
            objects = [pulumi.Output.concat(bucket["arn"], "/*") for bucket in buckets]
            statements.append(Statement(sid="Objects", actions=["s3:GetObject"], resources=objects))
        if keys := [key for bucket in buckets if (key := bucket.get("kms_key_arn")) is not None]:
            statements.append(Statement(sid="ObjectKeys", actions=["kms:Decrypt"], resources=keys))
        return statements

    def _user_data(self, log_group_name: pulumi.Output[str]) -> pulumi.Output[str]:
        checked = self._checked
        certificates = checked.get("certificate_authorities")
        names = {path: _host_name(origin) for path, origin in checked["origins"].items()}

        def script(known: dict[str, Any]) -> str:
            origins = [_origin(path, origin, known["names"][path]) for path, origin in checked["origins"].items()]
            for path, origin in zip(checked["origins"], origins, strict=True):
                # In the configuration of nginx, a name that others compute must be nothing but a name.
                if not re.fullmatch(BUCKET_HOST if origin.bucket else HOST_NAME, origin.host_name):
                    self.refuse((f"origins.{path}", f"has the host name {origin.host_name!r}, which is none. Pass one in lower case."))
            path, port = _health_check_path(checked), checked["target_port"]
            values: dict[str, str | int] = {
                "NGINX_CONFIGURATION": proxy_configuration(_settings(checked), origins),
                "PURGE_PROGRAM": (_ON_AWS / "purge.py").read_text(encoding="utf-8"),
                "SIGN_PROGRAM": (_ON_AWS / "sign.py").read_text(encoding="utf-8") if any(origin.bucket for origin in origins) else "",
                "CERTIFICATES": known["certificates"],
                "STOP_SECONDS": checked["longest_request_seconds"] + 10,
                "HEALTH_CHECK_URL": f"http://127.0.0.1:{port}{path}",
                "LOG_GROUP": known["log_group_name"],
            }
            return boot_script(_ON_AWS / "boot.sh", values)

        given = {"names": names, "certificates": "" if certificates is None else certificates, "log_group_name": log_group_name}
        return pulumi.Output.all(**given).apply(script)

    def _hold(self, group: ScaleOut) -> None:
        """Keeps an instance that is out of the load balancer until its last requests are over.

        Auto Scaling deregisters it first, and waits for the delay: https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
        """
        aws.autoscaling.LifecycleHook(
            f"{self.pulumi_resource_name}-drain",
            autoscaling_group_name=group.auto_scaling_group_name,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            # The least is 30: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
            heartbeat_timeout=max(30, self._checked["longest_request_seconds"]),
            # Nobody completes it: time is what it is for.
            default_result="CONTINUE",
            opts=self.child(),
        )

    def _purge_automation(self, group: ScaleOut) -> Automation:
        checked, name = self._checked, self.pulumi_resource_name
        command = aws.ssm.Document(
            f"{name}-purge-command",
            document_type="Command",
            document_format="JSON",
            target_type="/AWS::EC2::Instance",
            content=purge_command(name, checked["longest_request_seconds"]),
            tags=self._tags,
            opts=self.child(),
        )
        group_name = group.auto_scaling_group_name
        instances = pulumi.Output.concat(
            "arn:", partition_of(command.arn), ":ec2:", region_of(command.arn), ":", account_of(command.arn), ":instance/*"
        )
        of_the_group = {"StringEquals": {"ssm:resourceTag/aws:autoscaling:groupName": group_name}}
        role = automation_role(
            self,
            f"{name}-purge-role",
            f"{name}-purge-policy",
            "Purges the caching proxies of one group",
            [
                Statement(actions=["ssm:SendCommand"], resources=[command.arn]),
                Statement(actions=["ssm:SendCommand"], resources=[instances], conditions=of_the_group),
                # How it ended, which has no resource types.
                Statement(actions=["ssm:ListCommands", "ssm:ListCommandInvocations"], resources=["*"]),
            ],
            arn=command.arn,
            tags=self._tags,
        )
        steps = purge_steps(
            name,
            command.name,
            group_name,
            max_errors=checked["purge_max_errors"],
            longest_request_seconds=checked["longest_request_seconds"],
        )
        return automation_document(
            self,
            f"{name}-purge",
            f"Removes copies of paths from all proxies of {name}.",
            role_arn=role.arn,
            parameters=PARAMETERS,
            steps=steps,
            tags=self._tags,
        )

    def _alarms(self, logs: aws.cloudwatch.LogGroup) -> None:
        name, topic_arns = self.pulumi_resource_name, self._checked["alarm_topic_arns"]
        if not topic_arns:
            return
        notify_on_failed_automation(
            self,
            f"{name}-purge-failed",
            f"A purge of {name} failed: proxies may serve old responses",
            [self._purge.document],
            topic_arns,
            self._tags,
        )
        # Another stack in the account and Region may have a component of the same name; the log group is this one's alone.
        metric = Metric(_NAMESPACE, pulumi.Output.concat(logs.name, "-stale"), {}, "Sum")
        aws.cloudwatch.LogMetricFilter(
            f"{name}-stale",
            log_group_name=logs.name,
            pattern='{ $.cache = "STALE" }',
            metric_transformation={"namespace": metric.namespace, "name": metric.name, "value": "1", "default_value": "0"},
            opts=self.child(),
        )
        alarm(
            self,
            f"{name}-stale-alarm",
            f"{name} has served old copies for ten minutes, because an origin is down or answers with errors",
            metric,
            0,
            period_seconds=300,
            periods=2,
            actions=topic_arns,
            tags=self._tags,
        )


def _health_check_path(checked: CacheProxyArgs) -> str:
    given = checked["load_balancer"].get("health_check_path")
    return _HEALTH_CHECK_PATH if given is None else given


def _host_name(origin: CacheProxyOrigin) -> pulumi.Input[str]:
    service, bucket = origin.get("service"), origin.get("bucket")
    if service is not None:
        return service["host_name"]
    assert bucket is not None
    return bucket["regional_domain_name"]


def _origin(path: str, origin: CacheProxyOrigin, host_name: str) -> ProxyOrigin:
    service = origin.get("service")
    if service is None:
        return ProxyOrigin(path, host_name, bucket=True, default_ttl_seconds=origin["default_ttl_seconds"])
    port, tls_name = service.get("port"), service.get("tls_server_name")
    if port is None:
        port = 443 if service["protocol"] == "https" else 80
    return ProxyOrigin(
        path,
        host_name,
        port=port,
        protocol=service["protocol"],
        tls_name="" if tls_name is None else tls_name,
        default_ttl_seconds=origin["default_ttl_seconds"],
    )


def _settings(checked: CacheProxyArgs) -> ProxySettings:
    return ProxySettings(
        listen=str(checked["target_port"]),
        health_check_path=_health_check_path(checked),
        longest_request_seconds=checked["longest_request_seconds"],
        keepalive_seconds=checked["load_balancer"]["idle_timeout_seconds"] + _KEEPALIVE_MARGIN,
        cache_mib=checked["cache_gib"] * 1024,
        stale_seconds=checked["stale_hours"] * 3600,
        max_body_mib=checked["max_body_mib"],
        private_cookies=checked.get("private_cookies"),
    )


def _balancer(checked: CacheProxyArgs) -> LoadBalancerArgs:
    given: Any = {
        **checked["load_balancer"],
        **pick(checked, "vpc_id", "target_port", "internal", "alarm_topic_arns", "tags"),
        "health_check_path": _health_check_path(checked),
        "subnet_ids_by_zone": checked["load_balancer_subnet_ids_by_zone"],
        "security_group_ids": checked["load_balancer_security_group_ids"],
    }
    return given


def _group(
    checked: CacheProxyArgs,
    target_group_arn: pulumi.Input[str],
    instance_profile_arn: pulumi.Input[str],
    user_data: pulumi.Input[str] | None,
) -> ScaleOutArgs:
    image = any(is_given(checked, key) for key in ("image_parameter", "image_id"))
    disks = checked["disks"]
    if not is_given(disks, "root_disk_gib"):
        disks = {**disks, "root_disk_gib": checked["cache_gib"] + _SYSTEM_GIB}
    given: Any = {
        **pick(checked, *declared(ScaleOutServerOptions), "min_size", "max_size", "scaling"),
        **pick(checked, "subnet_ids_by_zone", "security_group_ids", "kms_key_arn", "alarm_topic_arns", "tags"),
        **({} if image else {"image_parameter": amazon_linux(checked["instance_types"][0])}),
        **({} if user_data is None else {"user_data": user_data}),
        "disks": disks,
        "target_group_arns": [target_group_arn],
        "instance_profile_arn": instance_profile_arn,
    }
    return given


def _problems(name: str, checked: CacheProxyArgs) -> Iterator[Problem]:
    for path, origin in checked["origins"].items():
        yield from one_of(origin, "service", "bucket", path=f"origins.{path}.")
        service = origin.get("service")
        if service is not None and is_given(service, "tls_server_name") and service["protocol"] == "http":
            yield f"origins.{path}.service.tls_server_name", "is given; http has no certificate. Remove it, or set protocol to https."
    longest, delay = checked["longest_request_seconds"], checked["load_balancer"]["deregistration_delay_seconds"]
    if delay <= longest:
        reason = (
            f"is {delay}, and longest_request_seconds {longest}; a proxy that is replaced would lose requests. Raise it above {longest}."
        )
        yield "load_balancer.deregistration_delay_seconds", reason
    idle = checked["load_balancer"]["idle_timeout_seconds"]
    if longest > idle:
        reason = f"is {idle}, and longest_request_seconds {longest}; the load balancer would answer 504 before. Raise it to {longest}."
        yield "load_balancer.idle_timeout_seconds", reason
    path = _health_check_path(checked)
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]+", path):
        yield "load_balancer.health_check_path", f"is {path!r}; the proxies answer a plain path of their own, such as {_HEALTH_CHECK_PATH}."
    if is_given(checked["load_balancer"], "stickiness"):
        yield "load_balancer.stickiness", "is given; any proxy answers any request. Remove it."
    least = checked["cache_gib"] + _SYSTEM_GIB
    if is_given(checked["disks"], "root_disk_gib") and checked["disks"]["root_disk_gib"] < least:
        yield (
            "disks.root_disk_gib",
            f"is {checked['disks']['root_disk_gib']}; the cache and the system need {least}. Raise it, or remove it.",
        )
    zones, places = sorted(checked["subnet_ids_by_zone"]), checked["load_balancer_subnet_ids_by_zone"]
    if missing := [zone for zone in zones if zone not in places]:
        reason = f"has no subnet in {', '.join(missing)}, where proxies are; they would get no requests. Name one in each zone."
        yield "load_balancer_subnet_ids_by_zone", reason
    yield from statement_problems(checked["statements"])
    yield from _part_problems(name, checked)


def _part_problems(name: str, checked: CacheProxyArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late. Ids of others are made up."""
    parts: list[tuple[type[Component], str, str, Any]] = [
        (LoadBalancer, "web", "load_balancer.", _balancer(checked)),
        (ScaleOut, "proxies", "", _group(checked, "arn", "arn", None)),
    ]
    for component, suffix, prefix, args in parts:
        try:
            component.check(f"{name}-{suffix}", args)
        except ArgumentError as error:
            for path, reason in error.problems:
                # A name that is too long is reported by its own limit.
                if not (path == "name" and reason.startswith("has ")):
                    options: Any = checked["load_balancer"] if prefix else {}
                    yield f"{prefix}{path}" if path.split(".")[0] in options else path, reason
