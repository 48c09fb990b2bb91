"""GuardDuty and Inspector: they are enabled and cover everything.

Both exist once for each account and region and are often created by another stack, so no stack is required to have them.
"""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Resource, Severity, Unknown, Verdict, control

_GUARDDUTY: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/guardduty-controls.html"
_INSPECTOR: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/inspector-controls.html"


@control(
    id="guardduty-detector-enabled",
    title="GuardDuty detectors are enabled",
    severity=Severity.HIGH,
    types=("aws:guardduty/detector:Detector",),
    why="A suspended detector finds neither stolen credentials nor crypto miners, although the account seems to be monitored.",
    remediation="Set enable to True, or omit it.",
    url=f"{_GUARDDUTY}#guardduty-1",
    frameworks={"FSBP": ("GuardDuty.1",), "Checkov": ("CKV_AWS_238",)},
)
def guardduty_detector_enabled(resource: Resource) -> Verdict:
    return Pass() if resource.get("enable", True) else Fail("is suspended", "enable")


@control(
    id="inspector-scans-everything",
    title="Inspector scans instances, images and functions",
    severity=Severity.HIGH,
    types=("aws:inspector2/enabler:Enabler",),
    why="Known vulnerabilities remain in resources that are not scanned.",
    remediation='Set resource_types to ["EC2", "ECR", "LAMBDA", "LAMBDA_CODE"].',
    url=f"{_INSPECTOR}#inspector-1",
    frameworks={"FSBP": ("Inspector.1", "Inspector.2", "Inspector.3", "Inspector.4")},
    config={
        "resourceTypes": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["EC2", "ECR", "LAMBDA", "LAMBDA_CODE"],
            "description": "What must be scanned; shorten the list where an account has no such resources, or another stack scans them.",
        }
    },
)
def inspector_scans_everything(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    scanned = resource.get("resourceTypes", ())
    known = {item for item in scanned if item is not UNKNOWN}
    missing = [kind for kind in config["resourceTypes"] if kind not in known]
    if missing and any(item is UNKNOWN for item in scanned):
        return Unknown(f"resourceTypes.{next(index for index, item in enumerate(scanned) if item is UNKNOWN)}")
    return Fail(f"does not scan {', '.join(missing)}", "resourceTypes") if missing else Pass()
