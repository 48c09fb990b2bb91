"""SageMaker."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import notebooks as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]


IMDS = "instanceMetadataServiceConfiguration.minimumInstanceMetadataServiceVersion"


def nested(path: str, value: Any) -> Props:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize(
    ("control", "path", "good", "bad", "message", "omitted"),
    [
        (controls.notebook_no_direct_internet, "directInternetAccess", "Disabled", "Enabled", "has direct internet access", False),
        (controls.notebook_no_root, "rootAccess", "Disabled", "Enabled", "makes its users root", False),
        (
            controls.notebook_imdsv2,
            IMDS,
            "2",
            "1",
            "allows IMDSv1",
            False,
        ),
        (controls.model_network_isolation, "enableNetworkIsolation", True, False, "has no network isolation", False),
        (
            controls.sagemaker_domain_vpc_only,
            "appNetworkAccessType",
            "VpcOnly",
            "PublicInternetOnly",
            "reaches the internet directly",
            False,
        ),
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


@pytest.mark.parametrize(
    ("control", "path", "message"),
    [
        (controls.notebook_in_vpc, "subnetId", "is in no VPC of the account"),
        (controls.notebook_customer_key, "kmsKeyId", "is not encrypted with a customer-managed key"),
    ],
)
def test_references(control: Control, path: str, message: str) -> None:
    def judged(props: Props, **more: Any) -> list[Any]:
        return verdicts(control, resource(control.types[0], "x", props, **more))

    assert judged({path: "known"}) == [("x", Pass())]
    assert judged({}) == [("x", Fail(message, path))]
    # What the provider computes is none; what comes from elsewhere is one.
    assert judged({path: UNKNOWN}) == [("x", Fail(message, path))]
    assert judged({path: UNKNOWN}, deps={path: ["urn:pulumi:test::project::x:y:Z::other"]}) == [("x", Pass())]
