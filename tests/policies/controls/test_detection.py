"""GuardDuty and Inspector."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import detection as controls
from cloudpatterns_policies.core import Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

DETECTOR, ENABLER = "aws:guardduty/detector:Detector", "aws:inspector2/enabler:Enabler"
EVERYTHING = ["EC2", "ECR", "LAMBDA", "LAMBDA_CODE"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, Pass()), (None, Pass()), (False, Fail("is suspended", "enable")), (UNKNOWN, Unknown("enable"))],
)
def test_detector(value: Any, expected: Verdict) -> None:
    assert verdicts(controls.guardduty_detector_enabled, resource(DETECTOR, props={"enable": value})) == [expected]


@pytest.mark.parametrize(
    ("types", "config", "expected"),
    [
        (EVERYTHING, None, Pass()),
        ([*EVERYTHING, UNKNOWN], None, Pass()),
        *(([other for other in EVERYTHING if other != kind], None, Fail(f"does not scan {kind}", "resourceTypes")) for kind in EVERYTHING),
        (["EC2"], None, Fail("does not scan ECR, LAMBDA, LAMBDA_CODE", "resourceTypes")),
        (["EC2"], {"resourceTypes": ["EC2"]}, Pass()),
        ([], None, Fail("does not scan EC2, ECR, LAMBDA, LAMBDA_CODE", "resourceTypes")),
        (None, None, Fail("does not scan EC2, ECR, LAMBDA, LAMBDA_CODE", "resourceTypes")),
        (["EC2", UNKNOWN], None, Unknown("resourceTypes.1")),
        (UNKNOWN, None, Unknown("resourceTypes")),
    ],
)
def test_inspector(types: Any, config: Any, expected: Verdict) -> None:
    subject = resource(ENABLER, props={"resourceTypes": types})
    assert verdicts(controls.inspector_scans_everything, subject, config) == [expected]
