"""Elastic Beanstalk environments."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import beanstalk as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]

ENVIRONMENT = "aws:elasticbeanstalk/environment:Environment"
OTHER = {"namespace": "aws:autoscaling:asg", "name": "MinSize", "value": "2"}


@pytest.mark.parametrize(
    ("control", "namespace", "name", "good", "bad", "message"),
    [
        (
            controls.beanstalk_managed_updates,
            "aws:elasticbeanstalk:managedactions",
            "ManagedActionsEnabled",
            "True",
            "false",
            "does not install platform updates",
        ),
        (
            controls.beanstalk_enhanced_health,
            "aws:elasticbeanstalk:healthreporting:system",
            "SystemType",
            "enhanced",
            "basic",
            "has basic health reports only",
        ),
        (
            controls.beanstalk_log_streaming,
            "aws:elasticbeanstalk:cloudwatch:logs",
            "StreamLogs",
            "true",
            "false",
            "keeps its logs on its instances",
        ),
    ],
)
def test_settings(control: Control, namespace: str, name: str, good: str, bad: str, message: str) -> None:
    def judged(*settings: Any) -> list[Verdict]:
        return verdicts(control, resource(ENVIRONMENT, props={"settings": list(settings)}))

    def setting(value: Any, **more: Any) -> Props:
        return {"namespace": namespace, "name": name, "value": value, **more}

    assert judged(OTHER, setting(good)) == [Pass()]
    assert judged(OTHER, setting(bad)) == [Fail(message, "settings.1.value")]
    assert judged(setting(good, namespace="aws:autoscaling:asg")) == [Fail(message, "settings")]
    assert judged(setting(good, name="Other")) == [Fail(message, "settings")]
    assert judged(setting(UNKNOWN)) == [Unknown("settings.0")]
    assert judged(setting(good, namespace=UNKNOWN)) == [Unknown("settings.0")]
    assert judged(setting("x", name=UNKNOWN), setting(good)) == [Pass()]
    assert judged(UNKNOWN) == [Unknown("settings.0")]
    assert verdicts(control, resource(ENVIRONMENT)) == [Fail(message, "settings")]
