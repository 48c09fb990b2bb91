"""CloudTrail trails, and AWS Config's recorders and aggregators."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import audit as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

TRAIL = "aws:cloudtrail/trail:Trail"
RECORDER, STATUS = "aws:cfg/recorder:Recorder", "aws:cfg/recorderStatus:RecorderStatus"
AGGREGATOR = "aws:cfg/configurationAggregator:ConfigurationAggregator"
REGIONS, SIGNED, EVENTS = controls.cloudtrail_all_regions, controls.cloudtrail_log_validation, controls.cloudtrail_management_events
GOOD = {"isMultiRegionTrail": True}
DATA = [NotApplicable("records data events alone")]
ADVANCED = "advancedEventSelectors.{}.fieldSelectors"

Props = dict[str, Any]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (GOOD, [Pass()]),
        ({**GOOD, "enableLogging": True, "includeGlobalServiceEvents": True}, [Pass()]),
        ({**GOOD, "enableLogging": False}, [Fail("does not log", "enableLogging")]),
        ({"isMultiRegionTrail": False}, [Fail("records one region only", "isMultiRegionTrail")]),
        ({}, [Fail("records one region only", "isMultiRegionTrail")]),
        (
            {**GOOD, "includeGlobalServiceEvents": False},
            [Fail("leaves out global services, IAM among them", "includeGlobalServiceEvents")],
        ),
        (
            {"enableLogging": UNKNOWN, "isMultiRegionTrail": UNKNOWN, "includeGlobalServiceEvents": False},
            [
                Unknown("enableLogging"),
                Unknown("isMultiRegionTrail"),
                Fail("leaves out global services, IAM among them", "includeGlobalServiceEvents"),
            ],
        ),
    ],
)
def test_all_regions(props: Props, expected: list[Verdict]) -> None:
    assert verdicts(REGIONS, resource(TRAIL, props=props)) == expected


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        (None, [Pass()]),
        ([], [Pass()]),
        ([{}], [Pass()]),
        ([{"readWriteType": "All", "includeManagementEvents": True, "dataResources": [{}]}], [Pass()]),
        ([{"readWriteType": "ReadOnly"}, {"readWriteType": "WriteOnly"}], [Pass()]),
        ([{"readWriteType": "WriteOnly"}], [Fail("records WriteOnly management events alone", "eventSelectors.0.readWriteType")]),
        (
            [{"includeManagementEvents": False}, {"readWriteType": "ReadOnly"}],
            [Fail("records ReadOnly management events alone", "eventSelectors.1.readWriteType")],
        ),
        (
            [{"excludeManagementEventSources": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}],
            [Fail("leaves out kms.amazonaws.com and rdsdata.amazonaws.com", "eventSelectors.0.excludeManagementEventSources")],
        ),
        ([{"includeManagementEvents": False, "dataResources": [{}]}], DATA),
        (UNKNOWN, [Unknown("eventSelectors")]),
        ([{"includeManagementEvents": UNKNOWN}], [Unknown("eventSelectors.0.includeManagementEvents")]),
        ([{"readWriteType": UNKNOWN}], [Unknown("eventSelectors.0.readWriteType")]),
        ([{"excludeManagementEventSources": [UNKNOWN]}], [Unknown("eventSelectors.0.excludeManagementEventSources.0")]),
    ],
)
def test_management_events(selectors: Any, expected: list[Verdict]) -> None:
    assert verdicts(EVENTS, resource(TRAIL, props={"eventSelectors": selectors})) == expected


def selector(category: Any, **fields: list[str]) -> Props:
    named = {"eventCategory": [category], **fields}
    return {"fieldSelectors": [{"field": field, "equals": values} for field, values in named.items()]}


@pytest.mark.parametrize(
    ("selectors", "expected"),
    [
        ([selector("Management")], [Pass()]),
        ([selector("Data"), selector("Management", readOnly=["true"]), selector("Management")], [Pass()]),
        ([selector("Management", readOnly=["true"]), selector("Management", readOnly=["false"])], [Pass()]),
        ([selector("Management", readOnly=["true"])], [Fail("filters its management events by readOnly", ADVANCED.format(0))]),
        (
            [selector("Data", readOnly=["false"]), selector("Management", readOnly=["true"])],
            [Fail("filters its management events by readOnly", ADVANCED.format(1))],
        ),
        (
            [selector("Management", readOnly=["true"]), selector("Management", readOnly=["false"], eventSource=["s3"])],
            [
                Fail("filters its management events by readOnly", ADVANCED.format(0)),
                Fail("filters its management events by eventSource and readOnly", ADVANCED.format(1)),
            ],
        ),
        ([selector("Data")], DATA),
        ([{"fieldSelectors": []}], DATA),
        (UNKNOWN, [Unknown("advancedEventSelectors")]),
        ([{"fieldSelectors": UNKNOWN}], [Unknown(ADVANCED.format(0))]),
        ([selector(UNKNOWN)], [Unknown(f"{ADVANCED.format(0)}.0.equals.0")]),
    ],
)
def test_advanced_selectors(selectors: Any, expected: list[Verdict]) -> None:
    assert verdicts(EVENTS, resource(TRAIL, props={"advancedEventSelectors": selectors})) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, Pass()),
        (False, Fail("has no log file validation", "enableLogFileValidation")),
        (None, Fail("has no log file validation", "enableLogFileValidation")),
        (UNKNOWN, Unknown("enableLogFileValidation")),
    ],
)
def test_log_validation(value: Any, expected: Verdict) -> None:
    assert verdicts(SIGNED, resource(TRAIL, props={"enableLogFileValidation": value})) == [expected]


@pytest.mark.parametrize(
    ("control", "path", "kind", "message"),
    [
        (controls.cloudtrail_encrypted, "kmsKeyId", "aws:kms/key:Key", "has no KMS key"),
        (
            controls.cloudtrail_log_group,
            "cloudWatchLogsGroupArn",
            "aws:cloudwatch/logGroup:LogGroup",
            "does not send events to CloudWatch Logs",
        ),
    ],
)
def test_references_of_a_trail(control: Control, path: str, kind: str, message: str) -> None:
    def found(value: Any, source: str = "") -> list[Any]:
        sources = [resource(source, "source")] if source else []
        trail = resource(TRAIL, "trail", {path: value}, deps={path: ["source"]} if source else {})
        return verdicts(control, stack(*sources, trail))

    assert found("arn:aws:x") == found(UNKNOWN, kind) == [("trail", Pass())]
    assert found(None) == found("") == [("trail", Fail(message, path))]
    assert found(UNKNOWN) == found(UNKNOWN, "x:y:Z") == [("trail", Unknown(path))]


def test_recorder_is_started() -> None:
    recorder, other = resource(RECORDER, "recorder"), resource(RECORDER, "other")
    status = resource(STATUS, "status", {"name": UNKNOWN, "isEnabled": True}, deps={"name": ["recorder"]})
    found = verdicts(controls.config_recorder_started, stack(recorder, other, status))
    assert found == [("recorder", Pass()), ("other", Fail("is never started"))]
    named = [resource(RECORDER, "recorder", {"name": "default"}), resource(STATUS, "status", {"name": "default"})]
    assert verdicts(controls.config_recorder_started, stack(*named)) == [("recorder", Pass())]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, Pass()),
        (False, Fail("stops the recorder", "isEnabled")),
        (None, Fail("stops the recorder", "isEnabled")),
        (UNKNOWN, Unknown("isEnabled")),
    ],
)
def test_recorder_is_enabled(value: Any, expected: Verdict) -> None:
    assert verdicts(controls.config_recorder_enabled, resource(STATUS, props={"isEnabled": value})) == [expected]


ALL = "recordingGroup.allSupported"


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (None, Pass()),
        ({}, Pass()),
        ({"allSupported": True}, Pass()),
        ({"allSupported": False, "resourceTypes": ["AWS::EC2::Instance"]}, Fail("records 1 type only", ALL)),
        ({"allSupported": False, "resourceTypes": ["AWS::EC2::Instance", UNKNOWN]}, Fail("records 2 types only", ALL)),
        ({"allSupported": False, "exclusionByResourceTypes": [{}]}, Fail("excludes types", ALL)),
        ({"allSupported": False, "resourceTypes": UNKNOWN}, Unknown("recordingGroup.resourceTypes")),
        ({"allSupported": UNKNOWN}, Unknown(ALL)),
    ],
)
def test_recorder_is_complete(group: Any, expected: Verdict) -> None:
    assert verdicts(controls.config_recorder_complete, resource(RECORDER, props={"recordingGroup": group})) == [expected]


@pytest.mark.parametrize("source", ["accountAggregationSource", "organizationAggregationSource"])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"allRegions": True}, Pass()),
        ({"regions": ["eu-west-1", "us-east-1"]}, Fail("covers eu-west-1, us-east-1 only", ".allRegions")),
        ({"allRegions": False}, Fail("covers no region only", ".allRegions")),
        ({"allRegions": UNKNOWN}, Unknown(".allRegions")),
        (UNKNOWN, Unknown(".allRegions")),
    ],
)
def test_aggregator(source: str, props: Any, expected: Any) -> None:
    placed = expected
    if isinstance(expected, Fail):
        placed = Fail(expected.message, source + expected.where)
    elif isinstance(expected, Unknown):
        placed = Unknown(source + expected.path)
    assert verdicts(controls.config_aggregator_all_regions, resource(AGGREGATOR, props={source: props})) == [placed]
