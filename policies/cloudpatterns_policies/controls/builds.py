"""CodeBuild projects: privileges, encryption, logs, and who sees their builds."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, has_value, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/codebuild-controls.html"
_PROJECT: Final = "aws:codebuild/project:Project"
_S3_LOGS: Final = "logsConfig.s3Logs"
_CLOUDWATCH_LOGS: Final = "logsConfig.cloudwatchLogs"


@control(
    id="codebuild-not-privileged",
    title="CodeBuild projects are not privileged",
    severity=Severity.MEDIUM,
    types=(_PROJECT,),
    why="A privileged build is root on its host: whoever changes a build script or a dependency is too.",
    remediation="Omit privileged_mode; where images are built, exempt the project by name, and let only reviewed code reach it.",
    url=f"{_PAGE}#codebuild-5",
    frameworks={"FSBP": ("CodeBuild.5",), "Checkov": ("CKV_AWS_316",)},
)
def codebuild_not_privileged(resource: Resource) -> Verdict:
    path = "environment.privilegedMode"
    return Fail("runs its builds privileged", path) if resource.get(path, False) else Pass()


@control(
    id="codebuild-not-public",
    title="CodeBuild projects do not publish their builds",
    severity=Severity.HIGH,
    types=(_PROJECT,),
    why="Everybody could read the logs and artifacts of all builds, with whatever secrets a build prints.",
    remediation='Omit project_visibility, or set it to "PRIVATE".',
    url="https://docs.aws.amazon.com/codebuild/latest/userguide/public-builds.html",
)
def codebuild_not_public(resource: Resource) -> Verdict:
    path = "projectVisibility"
    return Fail("publishes its builds to everybody", path) if resource.get(path, "PRIVATE") == "PUBLIC_READ" else Pass()


@control(
    id="codebuild-artifacts-encrypted",
    title="CodeBuild projects encrypt their artifacts",
    severity=Severity.MEDIUM,
    types=(_PROJECT,),
    why="Whoever may read the bucket reads the program, and what was built into it.",
    remediation="Omit encryption_disabled in artifacts and secondary_artifacts, or set it to False.",
    url="https://docs.aws.amazon.com/codebuild/latest/userguide/security-encryption.html",
    frameworks={"Checkov": ("CKV_AWS_78",)},
)
def codebuild_artifacts_encrypted(resource: Resource) -> Iterator[Verdict]:
    for artifacts in ("artifacts", *expand(resource, "secondaryArtifacts.*")):
        path = f"{artifacts}.encryptionDisabled"
        kind, disabled = read(resource, f"{artifacts}.type"), read(resource, path)
        if disabled is UNKNOWN:
            yield Unknown(path)
        elif disabled and (kind is UNKNOWN or kind != "NO_ARTIFACTS"):
            yield Fail("does not encrypt its artifacts", path)


@control(
    id="codebuild-logs-encrypted",
    title="CodeBuild projects encrypt their logs in S3",
    severity=Severity.LOW,
    types=(_PROJECT,),
    why="Whoever may read the bucket reads what builds print, secrets that slip through included.",
    remediation="Omit encryption_disabled in s3_logs of logs_config, or set it to False.",
    url=f"{_PAGE}#codebuild-3",
    frameworks={"FSBP": ("CodeBuild.3",), "Checkov": ("CKV_AWS_311",)},
)
def codebuild_logs_encrypted(resource: Resource) -> Verdict:
    path = f"{_S3_LOGS}.encryptionDisabled"
    return Fail("does not encrypt its logs", path) if resource.get(path, False) else Pass()


@control(
    id="codebuild-logging",
    title="CodeBuild projects write logs",
    severity=Severity.MEDIUM,
    types=(_PROJECT,),
    why="Without logs, nobody can find out what a build did with the project's role.",
    remediation="Set logs_config with cloudwatch_logs or s3_logs.",
    url=f"{_PAGE}#codebuild-4",
    frameworks={"FSBP": ("CodeBuild.4",), "Checkov": ("CKV_AWS_314",)},
)
def codebuild_logging(resource: Resource) -> Verdict:
    enabled = [
        path
        for path, default in ((_CLOUDWATCH_LOGS, "ENABLED"), (_S3_LOGS, "DISABLED"))
        if has_value(resource, path) and resource.get(f"{path}.status", default) == "ENABLED"
    ]
    return Pass() if enabled else Fail("names no logs", "logsConfig")


@control(
    id="codebuild-source-tls",
    title="CodeBuild projects check the certificate of their source",
    severity=Severity.HIGH,
    types=(_PROJECT,),
    why="Without the check, an attacker in between can put any code into the build.",
    remediation="Omit insecure_ssl in source and secondary_sources, or set it to False.",
    url="https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ProjectSource.html",
)
def codebuild_source_tls(resource: Resource) -> Iterator[Verdict]:
    for source in ("source", *expand(resource, "secondarySources.*")):
        path = f"{source}.insecureSsl"
        insecure = read(resource, path)
        if insecure is UNKNOWN:
            yield Unknown(path)
        elif insecure:
            yield Fail("ignores the certificate of its source", path)


@control(
    id="codebuild-reports-encrypted",
    title="Report groups of CodeBuild encrypt what they export",
    severity=Severity.MEDIUM,
    types=("aws:codebuild/reportGroup:ReportGroup",),
    why="Reports of tests show the program's inner workings, and often its test data.",
    remediation="Omit encryption_disabled in s3_destination of export_config, or set it to False.",
    url=f"{_PAGE}#codebuild-7",
    frameworks={"FSBP": ("CodeBuild.7",)},
)
def codebuild_reports_encrypted(resource: Resource) -> Verdict:
    if resource.get("exportConfig.type") != "S3":
        return NotApplicable("exports nothing")
    path = "exportConfig.s3Destination.encryptionDisabled"
    return Fail("does not encrypt the reports that it exports", path) if resource.get(path, False) else Pass()
