"""Brokers of Amazon MQ."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import message_brokers as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

BROKER = "aws:mq/broker:Broker"
PRIVATE, LOGS, AUDIT = controls.mq_private, controls.mq_logs, controls.mq_audit_log
UPGRADES, ZONES = controls.mq_minor_upgrades, controls.mq_several_zones
NO_UPGRADES = Fail("does not install minor version upgrades automatically", "autoMinorVersionUpgrade")
ALONE = Fail("is a single instance", "deploymentMode")
ACTIVE = {"engineType": "ActiveMQ"}


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (PRIVATE, {"publiclyAccessible": False}, Pass()),
        (PRIVATE, {}, Pass()),
        (PRIVATE, {"publiclyAccessible": True}, Fail("is publicly accessible", "publiclyAccessible")),
        (PRIVATE, {"publiclyAccessible": UNKNOWN}, Unknown("publiclyAccessible")),
        (LOGS, {"logs": {"general": True}}, Pass()),
        (LOGS, {"logs": {"audit": True}}, Fail("writes no general log", "logs.general")),
        (LOGS, {}, Fail("writes no general log", "logs.general")),
        (LOGS, {"logs": UNKNOWN}, Unknown("logs.general")),
        (AUDIT, {**ACTIVE, "logs": {"audit": True}}, Pass()),
        # The argument was text in older versions of the provider.
        (AUDIT, {**ACTIVE, "logs": {"audit": "true"}}, Pass()),
        (AUDIT, {**ACTIVE, "logs": {"audit": False}}, Fail("writes no audit log", "logs.audit")),
        (AUDIT, {**ACTIVE}, Fail("writes no audit log", "logs.audit")),
        (AUDIT, {**ACTIVE, "logs": {"audit": UNKNOWN}}, Unknown("logs.audit")),
        (AUDIT, {"engineType": "RabbitMQ"}, NotApplicable("runs RabbitMQ, which has no audit log")),
        (AUDIT, {"engineType": UNKNOWN}, Unknown("engineType")),
        (UPGRADES, {"autoMinorVersionUpgrade": True}, Pass()),
        (UPGRADES, {"autoMinorVersionUpgrade": False}, NO_UPGRADES),
        (UPGRADES, {}, NO_UPGRADES),
        (UPGRADES, {"autoMinorVersionUpgrade": UNKNOWN}, Unknown("autoMinorVersionUpgrade")),
        (ZONES, {"deploymentMode": "ACTIVE_STANDBY_MULTI_AZ"}, Pass()),
        (ZONES, {"deploymentMode": "CLUSTER_MULTI_AZ"}, Pass()),
        (ZONES, {"deploymentMode": "SINGLE_INSTANCE"}, ALONE),
        (ZONES, {}, ALONE),
        (ZONES, {"deploymentMode": UNKNOWN}, Unknown("deploymentMode")),
    ],
)
def test_broker(control: Control, props: dict[str, Any], expected: Verdict) -> None:
    assert control.types == (BROKER,)
    assert verdicts(control, resource(BROKER, props=props)) == [expected]


def test_zones_outside_production() -> None:
    found = verdicts(ZONES, resource(BROKER), {"production": False})
    assert found == [NotApplicable("need not survive the loss of a zone: production is false in the profile")]
