"""Elastic Beanstalk environments: platform updates, health reports, logs."""

from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/elasticbeanstalk-controls.html"
_ENVIRONMENT: Final = "aws:elasticbeanstalk/environment:Environment"


def _setting(resource: Resource, namespace: str, name: str, wanted: str, weakness: str) -> Verdict:
    """Whether a setting has the wanted value; case is ignored."""
    unclear = ""
    for setting in expand(resource, "settings.*"):
        found = [read(resource, f"{setting}.{part}") for part in ("namespace", "name", "value")]
        if any(part is not UNKNOWN and part != expected for part, expected in zip(found, (namespace, name), strict=False)):
            continue
        if any(part is UNKNOWN for part in found):
            unclear = unclear or setting
        elif str(found[2]).lower() == wanted:
            return Pass()
        else:
            return Fail(weakness, f"{setting}.value")
    return Unknown(unclear) if unclear else Fail(weakness, "settings")


@control(
    id="beanstalk-managed-updates",
    title="Elastic Beanstalk environments install platform updates",
    severity=Severity.MEDIUM,
    types=(_ENVIRONMENT,),
    why="Without them, operating system, runtime and web server keep every weakness that is found after the start.",
    remediation='Add the setting ManagedActionsEnabled "true" of the namespace "aws:elasticbeanstalk:managedactions".',
    url="https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-platform-update-managed.html",
    frameworks={"Checkov": ("CKV_AWS_340",)},
)
def beanstalk_managed_updates(resource: Resource) -> Verdict:
    return _setting(resource, "aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", "true", "does not install platform updates")


@control(
    id="beanstalk-enhanced-health",
    title="Elastic Beanstalk environments have enhanced health reports",
    severity=Severity.LOW,
    types=(_ENVIRONMENT,),
    why="Basic reports say that an instance answers, not that its requests fail.",
    remediation='Add the setting SystemType "enhanced" of the namespace "aws:elasticbeanstalk:healthreporting:system".',
    url=f"{_PAGE}#elasticbeanstalk-1",
    frameworks={"FSBP": ("ElasticBeanstalk.1",)},
)
def beanstalk_enhanced_health(resource: Resource) -> Verdict:
    return _setting(resource, "aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced", "has basic health reports only")


@control(
    id="beanstalk-log-streaming",
    title="Elastic Beanstalk environments send their logs to CloudWatch",
    severity=Severity.MEDIUM,
    types=(_ENVIRONMENT,),
    why="Logs on an instance are gone with it: nobody can find out why it failed, or what an attacker did there.",
    remediation='Add the setting StreamLogs "true" of the namespace "aws:elasticbeanstalk:cloudwatch:logs".',
    url=f"{_PAGE}#elasticbeanstalk-3",
    frameworks={"FSBP": ("ElasticBeanstalk.3",)},
)
def beanstalk_log_streaming(resource: Resource) -> Verdict:
    return _setting(resource, "aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs", "true", "keeps its logs on its instances")
