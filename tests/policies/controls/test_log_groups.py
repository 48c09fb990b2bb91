"""Log groups."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import log_groups as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]

GROUP = "aws:cloudwatch/logGroup:LogGroup"
SET, LONG = controls.log_group_retention_set, controls.log_group_retention_long_enough
OWN = NotApplicable("is of the class DELIVERY, which has its own retention")


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (SET, {"retentionInDays": 30}, Pass()),
        (SET, {"retentionInDays": 0}, Pass()),
        (SET, {}, Fail("keeps events without end", "retentionInDays")),
        (SET, {"retentionInDays": UNKNOWN}, Unknown("retentionInDays")),
        (SET, {"logGroupClass": "DELIVERY"}, OWN),
        (SET, {"logGroupClass": UNKNOWN}, Unknown("logGroupClass")),
        (LONG, {"retentionInDays": 7}, Pass()),
        (LONG, {"retentionInDays": 0}, Pass()),
        (LONG, {}, Pass()),
        (LONG, {"retentionInDays": 1}, Fail("keeps events for 1 day, not 7", "retentionInDays")),
        (LONG, {"retentionInDays": 5}, Fail("keeps events for 5 days, not 7", "retentionInDays")),
        (LONG, {"retentionInDays": UNKNOWN}, Unknown("retentionInDays")),
        (LONG, {"logGroupClass": "DELIVERY", "retentionInDays": 1}, OWN),
    ],
)
def test_retention(control: Control, props: Props, expected: Verdict) -> None:
    assert verdicts(control, resource(GROUP, props=props)) == [expected]


def test_a_year_can_be_demanded() -> None:
    group = resource(GROUP, props={"retentionInDays": 180})
    assert verdicts(LONG, group, {"minimumDays": 365}) == [Fail("keeps events for 180 days, not 365", "retentionInDays")]
    assert controls.log_group_retention_set.pack == "operations"
