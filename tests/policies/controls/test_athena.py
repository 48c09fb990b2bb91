"""Athena workgroups and databases."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import athena as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

WORKGROUP, DATABASE = "aws:athena/workgroup:Workgroup", "aws:athena/database:Database"
ENFORCED, ENCRYPTED, METRICS = controls.athena_settings_enforced, controls.athena_results_encrypted, controls.athena_metrics
ENFORCE, PUBLISH = "configuration.enforceWorkgroupConfiguration", "configuration.publishCloudwatchMetricsEnabled"
OPTION = "encryptionConfiguration.encryptionOption"
IN_WORKGROUP = f"configuration.resultConfiguration.{OPTION}"
NOT_SET = "does not set how results are encrypted"


def workgroup(**settings: Any) -> dict[str, Any]:
    return {"configuration": settings}


def results(option: Any) -> dict[str, Any]:
    return workgroup(resultConfiguration={"encryptionConfiguration": {"encryptionOption": option}})


@pytest.mark.parametrize(
    ("control", "kind", "props", "expected"),
    [
        (ENFORCED, WORKGROUP, workgroup(enforceWorkgroupConfiguration=True), Pass()),
        (ENFORCED, WORKGROUP, {}, Pass()),
        (ENFORCED, WORKGROUP, workgroup(enforceWorkgroupConfiguration=False), Fail("lets clients override its settings", ENFORCE)),
        (ENFORCED, WORKGROUP, workgroup(enforceWorkgroupConfiguration=UNKNOWN), Unknown(ENFORCE)),
        (METRICS, WORKGROUP, workgroup(publishCloudwatchMetricsEnabled=True), Pass()),
        (METRICS, WORKGROUP, {}, Pass()),
        (METRICS, WORKGROUP, workgroup(publishCloudwatchMetricsEnabled=False), Fail("publishes no metrics", PUBLISH)),
        (METRICS, WORKGROUP, {"configuration": UNKNOWN}, Unknown(PUBLISH)),
        (ENCRYPTED, WORKGROUP, results("SSE_KMS"), Pass()),
        (ENCRYPTED, WORKGROUP, results(UNKNOWN), Pass()),
        (ENCRYPTED, WORKGROUP, results(None), Fail(NOT_SET, IN_WORKGROUP)),
        (ENCRYPTED, WORKGROUP, {}, Fail(NOT_SET, IN_WORKGROUP)),
        (
            ENCRYPTED,
            WORKGROUP,
            workgroup(managedQueryResultsConfiguration={"enabled": True}),
            NotApplicable("keeps its results in storage of Athena, which is encrypted"),
        ),
        (
            ENCRYPTED,
            WORKGROUP,
            workgroup(managedQueryResultsConfiguration={"enabled": UNKNOWN}),
            Unknown("configuration.managedQueryResultsConfiguration.enabled"),
        ),
        (ENCRYPTED, DATABASE, {"encryptionConfiguration": {"encryptionOption": "SSE_S3"}}, Pass()),
        (ENCRYPTED, DATABASE, {}, Fail(NOT_SET, OPTION)),
    ],
)
def test_athena(control: Control, kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert kind in control.types
    assert verdicts(control, resource(kind, props=props)) == [expected]
