"""Amazon MQ: private brokers with logs, upgrades and a standby."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._settings import NOT_PRODUCTION, PRODUCTION, switched_on
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/mq-controls.html"
_TYPES: Final = ("aws:mq/broker:Broker",)


@control(
    id="mq-private",
    title="Message brokers are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=_TYPES,
    why="Scanners find public brokers and their consoles within hours; then only a password protects the messages.",
    remediation="Set publicly_accessible to False and place the broker in private subnets; an existing broker has to be replaced.",
    url="https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/using-amazon-mq-securely.html",
    frameworks={"Checkov": ("CKV_AWS_69",)},
)
def mq_private(resource: Resource) -> Verdict:
    return Fail("is publicly accessible", "publiclyAccessible") if resource.get("publiclyAccessible", False) else Pass()


@control(
    id="mq-logs",
    title="Message brokers send their general log to CloudWatch",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Without it, nobody sees failed connections, and why the broker restarted.",
    remediation="Set logs with general=True.",
    url="https://docs.aws.amazon.com/amazon-mq/latest/developer-guide/configure-logging-monitoring-activemq.html",
    frameworks={"Checkov": ("CKV_AWS_48",)},
)
def mq_logs(resource: Resource) -> Verdict:
    return switched_on(resource, "logs.general", "writes no general log")


@control(
    id="mq-audit-log",
    title="ActiveMQ brokers send their audit log to CloudWatch",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="After an incident, nobody can find out who managed the broker.",
    remediation="Set logs with audit=True.",
    url=f"{_PAGE}#mq-2",
    frameworks={"FSBP": ("MQ.2",), "Checkov": ("CKV_AWS_197",)},
)
def mq_audit_log(resource: Resource) -> Verdict:
    if str(resource.get("engineType", "")).lower() == "rabbitmq":
        return NotApplicable("runs RabbitMQ, which has no audit log")
    return switched_on(resource, "logs.audit", "writes no audit log")


@control(
    id="mq-minor-upgrades",
    title="Message brokers install minor version upgrades automatically",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Minor versions fix known vulnerabilities, and manual upgrades are forgotten.",
    remediation="Set auto_minor_version_upgrade to True.",
    url=f"{_PAGE}#mq-3",
    frameworks={"FSBP": ("MQ.3",), "Checkov": ("CKV_AWS_207",)},
)
def mq_minor_upgrades(resource: Resource) -> Verdict:
    return switched_on(resource, "autoMinorVersionUpgrade", "does not install minor version upgrades automatically")


@control(
    id="mq-several-zones",
    title="Message brokers of production span several Availability Zones",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="When the broker or its zone fails, messages cannot be sent or received until it has been restored.",
    remediation='Set deployment_mode to "ACTIVE_STANDBY_MULTI_AZ", or to "CLUSTER_MULTI_AZ" for RabbitMQ.',
    url=f"{_PAGE}#mq-5",
    config={"production": PRODUCTION},
    pack="operations",
)
def mq_several_zones(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if not config["production"]:
        return NOT_PRODUCTION
    alone = resource.get("deploymentMode", "SINGLE_INSTANCE") == "SINGLE_INSTANCE"
    return Fail("is a single instance", "deploymentMode") if alone else Pass()
