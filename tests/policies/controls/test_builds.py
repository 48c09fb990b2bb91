"""CodeBuild projects."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import builds as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]


def nested(path: str, value: Any) -> Props:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize(
    ("control", "path", "good", "bad", "message", "omitted"),
    [
        (controls.codebuild_not_privileged, "environment.privilegedMode", False, True, "runs its builds privileged", True),
        (controls.codebuild_not_public, "projectVisibility", "PRIVATE", "PUBLIC_READ", "publishes its builds to everybody", True),
        (controls.codebuild_artifacts_encrypted, "artifacts.encryptionDisabled", False, True, "does not encrypt its artifacts", True),
        (controls.codebuild_logs_encrypted, "logsConfig.s3Logs.encryptionDisabled", False, True, "does not encrypt its logs", True),
        (controls.codebuild_source_tls, "source.insecureSsl", False, True, "ignores the certificate of its source", True),
    ],
)
def test_settings(control: Control, path: str, good: Any, bad: Any, message: str, omitted: bool) -> None:
    [type] = control.types[:1]

    def judged(value: Any) -> list[Verdict]:
        found = verdicts(control, resource(type, "x", nested(path, value)))
        return [item[1] if isinstance(item, tuple) else item for item in found]

    weak = Fail(message, path)
    assert judged(good) == [Pass()]
    assert judged(bad) == [weak]
    assert judged(UNKNOWN) == [Unknown(path)]
    # Whether the property may be omitted.
    assert judged(None) == [Pass() if omitted else weak]


PROJECT, REPORTS = "aws:codebuild/project:Project", "aws:codebuild/reportGroup:ReportGroup"


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (controls.codebuild_artifacts_encrypted, {"artifacts": {"type": "NO_ARTIFACTS", "encryptionDisabled": True}}, Pass()),
        (
            controls.codebuild_artifacts_encrypted,
            {"artifacts": {"type": UNKNOWN, "encryptionDisabled": True}},
            Fail("does not encrypt its artifacts", "artifacts.encryptionDisabled"),
        ),
        (
            controls.codebuild_artifacts_encrypted,
            {"secondaryArtifacts": [{"type": "S3"}, {"type": "S3", "encryptionDisabled": True}]},
            Fail("does not encrypt its artifacts", "secondaryArtifacts.1.encryptionDisabled"),
        ),
        (
            controls.codebuild_source_tls,
            {"secondarySources": [{}, {"insecureSsl": True}]},
            Fail("ignores the certificate of its source", "secondarySources.1.insecureSsl"),
        ),
        (controls.codebuild_logging, {"logsConfig": {"cloudwatchLogs": {"groupName": "builds"}}}, Pass()),
        (controls.codebuild_logging, {"logsConfig": {"s3Logs": {"status": "ENABLED", "location": "logs"}}}, Pass()),
        (controls.codebuild_logging, {"logsConfig": {"s3Logs": {"location": "logs"}}}, Fail("names no logs", "logsConfig")),
        (
            controls.codebuild_logging,
            {"logsConfig": {"cloudwatchLogs": {"status": "DISABLED"}}},
            Fail("names no logs", "logsConfig"),
        ),
        (controls.codebuild_logging, {"logsConfig": {"cloudwatchLogs": {"status": UNKNOWN}}}, Unknown("logsConfig.cloudwatchLogs.status")),
        (controls.codebuild_logging, {"logsConfig": UNKNOWN}, Unknown("logsConfig.cloudwatchLogs.status")),
        (controls.codebuild_logging, {}, Fail("names no logs", "logsConfig")),
    ],
)
def test_projects(control: Control, props: Props, expected: Verdict) -> None:
    assert verdicts(control, resource(PROJECT, props=props)) == [expected]


WHERE = "exportConfig.s3Destination.encryptionDisabled"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"type": "S3", "s3Destination": {"bucket": "reports"}}, Pass()),
        ({"type": "S3", "s3Destination": {"encryptionDisabled": True}}, Fail("does not encrypt the reports that it exports", WHERE)),
        ({"type": "S3", "s3Destination": {"encryptionDisabled": UNKNOWN}}, Unknown(WHERE)),
        ({"type": UNKNOWN}, Unknown("exportConfig.type")),
        ({"type": "NO_EXPORT"}, NotApplicable("exports nothing")),
        (None, NotApplicable("exports nothing")),
    ],
)
def test_reports(config: Any, expected: Verdict) -> None:
    assert verdicts(controls.codebuild_reports_encrypted, resource(REPORTS, props={"exportConfig": config})) == [expected]
