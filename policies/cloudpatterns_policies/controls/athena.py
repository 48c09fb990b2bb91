"""Athena: settings of workgroups, encryption of results, metrics."""

from typing import Final

from cloudpatterns_policies.controls._settings import switched_on
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Verdict, control
from cloudpatterns_policies.graph.reading import has_value

_GUIDE: Final = "https://docs.aws.amazon.com/athena/latest/ug"

_WORKGROUP: Final = "aws:athena/workgroup:Workgroup"
_DATABASE: Final = "aws:athena/database:Database"


@control(
    id="athena-settings-enforced",
    title="Athena workgroups enforce their settings",
    severity=Severity.MEDIUM,
    types=(_WORKGROUP,),
    why="Otherwise each client chooses where its results go, and whether they are encrypted.",
    remediation="Remove enforce_workgroup_configuration of configuration, or set it to True.",
    url=f"{_GUIDE}/workgroups-settings-override.html",
    frameworks={"Checkov": ("CKV_AWS_82",)},
)
def athena_settings_enforced(resource: Resource) -> Verdict:
    path = "configuration.enforceWorkgroupConfiguration"
    return switched_on(resource, path, "lets clients override its settings", default=True)


@control(
    id="athena-results-encrypted",
    title="Athena encrypts the results of queries",
    severity=Severity.LOW,
    types=(_WORKGROUP, _DATABASE),
    why="Without a setting, the bucket's default decides, which may be a key that everyone with access to the bucket can use.",
    remediation="Set encryption_configuration (workgroups: in result_configuration) with encryption_option and a KMS key.",
    url=f"{_GUIDE}/encrypting-query-results-stored-in-s3.html",
    frameworks={"Checkov": ("CKV_AWS_77", "CKV_AWS_159")},
)
def athena_results_encrypted(resource: Resource) -> Verdict:
    path = "encryptionConfiguration.encryptionOption"
    if resource.type == _WORKGROUP:
        if resource.get("configuration.managedQueryResultsConfiguration.enabled", False):
            return NotApplicable("keeps its results in storage of Athena, which is encrypted")
        path = f"configuration.resultConfiguration.{path}"
    return Pass() if has_value(resource, path) else Fail("does not set how results are encrypted", path)


@control(
    id="athena-metrics",
    title="Athena workgroups publish metrics of their queries",
    severity=Severity.LOW,
    types=(_WORKGROUP,),
    why="Without metrics, no alarm can tell that queries fail, or read more than they should.",
    remediation="Remove publish_cloudwatch_metrics_enabled of configuration, or set it to True.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/athena-controls.html#athena-4",
    frameworks={"FSBP": ("Athena.4",)},
)
def athena_metrics(resource: Resource) -> Verdict:
    return switched_on(resource, "configuration.publishCloudwatchMetricsEnabled", "publishes no metrics", default=True)
