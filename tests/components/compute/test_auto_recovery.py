"""AutoRecovery: one alarm per instance, what it does, and every refusal."""

import gzip
import json
from pathlib import Path
from typing import Any

import moto
import pytest
from cloudpatterns.compute import AutoRecovery
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph

from tests.harness import record

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
IDS = {"licence": "i-0abc1234def567890", "vpn": "i-0abc1234def567891"}


def recovery(**changes: Any) -> Graph:
    args: Any = {"instance_ids": IDS, "region": "eu-west-1", **changes}
    return record(lambda: AutoRecovery("hosts", args), mode="deployed")


def refused(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        recovery(**changes)
    return error.value.problems


def test_one_alarm_per_instance() -> None:
    alarms = {alarm.name: alarm.inputs for alarm in recovery().of_type(ALARM)}
    assert sorted(alarms) == ["hosts-licence-recover", "hosts-vpn-recover"]
    assert [alarm["dimensions"] for alarm in alarms.values()] == [{"InstanceId": instance} for instance in IDS.values()]


def test_the_system_check_alone_recovers_an_instance() -> None:
    graph = recovery(alarm_topic_arns=[TOPIC], tags={"team": "web"})
    assert graph.named("hosts-licence-recover").inputs == {
        "alarmDescription": "StatusCheckFailed_System of instance licence is raised; the alarm's action is to recover it",
        "namespace": "AWS/EC2",
        "metricName": "StatusCheckFailed_System",
        "dimensions": {"InstanceId": IDS["licence"]},
        "statistic": "Maximum",
        "threshold": 1,
        "comparisonOperator": "GreaterThanOrEqualToThreshold",
        "period": 60,
        "evaluationPeriods": 2,
        # treatMissingData is left at CloudWatch's own "missing".
        "alarmActions": ["arn:aws:automate:eu-west-1:ec2:recover", TOPIC],
        "okActions": [TOPIC],
        "region": "eu-west-1",
        "tags": {"team": "web"},
    }


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_action_is_of_the_partition_and_region(region: str, partition: str) -> None:
    alarm = recovery(region=region).named("hosts-vpn-recover")
    assert alarm.inputs["alarmActions"] == [f"arn:{partition}:automate:{region}:ec2:recover"]
    assert alarm.inputs["region"] == region
    assert "okActions" not in alarm.inputs


def test_a_reboot_comes_after_the_recovery() -> None:
    graph = recovery(reboot=True)
    recover, reboot = graph.named("hosts-vpn-recover").inputs, graph.named("hosts-vpn-reboot").inputs
    assert (recover["evaluationPeriods"], reboot["evaluationPeriods"]) == (2, 3)
    assert (reboot["metricName"], reboot["alarmActions"]) == ("StatusCheckFailed_Instance", ["arn:aws:automate:eu-west-1:ec2:reboot"])
    graph = recovery(reboot=True, recover_minutes=4, reboot_minutes=10)
    assert [graph.named(f"hosts-vpn-{action}").inputs["evaluationPeriods"] for action in ("recover", "reboot")] == [4, 10]


def test_outputs_name_the_alarms() -> None:
    graph = recovery(reboot=True)
    assert graph.one("cloudpatterns:index:AutoRecovery").outputs == {
        f"{action}_alarm_arns": {key: graph.named(f"hosts-{key}-{action}").outputs["arn"] for key in IDS}
        for action in ("recover", "reboot")
    }
    assert recovery().one("cloudpatterns:index:AutoRecovery").outputs["reboot_alarm_arns"] == {}


NO_DISKS = "EC2 recovers no instance with disks of its host. Choose another type, or put the server in a group."


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        (
            {"instance_ids": {"web": "shop-group-1234"}},
            "instance_ids.web",
            "is 'shop-group-1234'; must be the id of a stand-alone instance such as i-0abc1234def567890; a member of an Auto Scaling group "
            "is not recovered but replaced, by its group",
        ),
        ({"reboot_minutes": 3}, "reboot_minutes", "is 3 without reboot. Set reboot to True, or remove reboot_minutes."),
        (
            {"reboot": True, "reboot_minutes": 2},
            "reboot_minutes",
            "is 2; it must be more than recover_minutes, 2, or both act at once. Raise it.",
        ),
        (
            {"alarm_topic_arns": [f"{TOPIC}-{number}" for number in range(5)]},
            "alarm_topic_arns",
            "has 5 entries; an alarm has 5 actions at most, and recovery is one. Name 4 or fewer.",
        ),
        (
            {"instance_types": {"web": "t4g.small"}},
            "instance_types.web",
            "is of no instance; instance_ids has licence, vpn. Correct the name, or remove it.",
        ),
        ({"instance_types": {"vpn": "m6gd.large"}}, "instance_types.vpn", f"is 'm6gd.large'; {NO_DISKS}"),
        ({"instance_types": {"vpn": "i4i.large"}}, "instance_types.vpn", f"is 'i4i.large'; {NO_DISKS}"),
        (
            {"instance_types": {"vpn": "inf2.xlarge"}},
            "instance_types.vpn",
            "is 'inf2.xlarge'; EC2 recovers no instance of this type. Choose another type, or put the server in a group.",
        ),
    ],
)
def test_what_is_not_recovered_is_refused(changes: Any, path: str, reason: str) -> None:
    assert refused(**changes) == [(path, reason)]


def test_types_are_refused_exactly_where_ec2_says_that_its_alarms_do_not_recover_them() -> None:
    # What DescribeInstanceTypes answers, as moto has it.
    with gzip.open(Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz") as file:
        recovered = {name: described["AutoRecoverySupported"] for name, described in json.load(file).items()}
    args: Any = {"instance_ids": {"vpn": IDS["vpn"]}, "region": "eu-west-1"}
    assert {name for name, supported in recovered.items() if supported == _is_refused({**args, "instance_types": {"vpn": name}})} == set()


def _is_refused(args: Any) -> bool:
    try:
        AutoRecovery.check("hosts", args)
    except ArgumentError:
        return True
    return False
