"""What containers share with their hosts."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import tasks as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]

TASK, JOB = "aws:ecs/taskDefinition:TaskDefinition", "aws:batch/jobDefinition:JobDefinition"


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (controls.ecs_no_host_processes, {"pidMode": "task"}, Pass()),
        (controls.ecs_no_host_processes, {"pidMode": "host"}, Fail("shares the processes of its host", "pidMode")),
        (controls.ecs_no_host_processes, {"pidMode": UNKNOWN}, Unknown("pidMode")),
        (controls.ecs_no_host_processes, {}, Pass()),
        (controls.ecs_no_host_ipc, {"ipcMode": "none"}, Pass()),
        (controls.ecs_no_host_ipc, {"ipcMode": "host"}, Fail("shares the memory of its host", "ipcMode")),
        (controls.ecs_no_host_ipc, {"ipcMode": UNKNOWN}, Unknown("ipcMode")),
        (controls.ecs_no_host_ipc, {}, Pass()),
    ],
)
def test_modes(control: Control, props: Props, expected: Verdict) -> None:
    assert verdicts(control, resource(TASK, props=props)) == [expected]


def judged(control: Control, *containers: Any, **props: Any) -> list[Verdict]:
    return verdicts(control, resource(TASK, props={"containerDefinitions": json.dumps(containers), **props}))


def test_users_in_the_network_of_the_host() -> None:
    control = controls.ecs_host_network_user
    assert judged(control, {"name": "web", "user": "1000:1000"}, {"name": "log", "privileged": True}, networkMode="host") == [Pass()]
    for user in (None, "", "root", "0", "0:0", "root:root"):
        assert judged(control, {"name": "web", "user": "app"}, {"name": "log", "user": user}, networkMode="host") == [
            Fail("runs container log as root in the network of its host", "containerDefinitions.1.user")
        ]
    assert judged(control, {"name": "web"}, networkMode="awsvpc") == [NotApplicable("is not in the network of its host")]
    assert judged(control, {"name": "web"}) == [NotApplicable("is not in the network of its host")]
    assert judged(control, {"name": "web"}, networkMode=UNKNOWN) == [Unknown("networkMode")]


LOGGED = {"name": "web", "logConfiguration": {"logDriver": "awslogs"}}


def test_logs() -> None:
    control = controls.ecs_container_logs
    assert judged(
        control, {"name": "web", "logConfiguration": {"logDriver": "awslogs"}}, {"firelensConfiguration": {"type": "fluentbit"}}
    ) == [Pass()]
    assert judged(control, LOGGED, {"name": "log"}) == [Fail("keeps no logs of container log", "containerDefinitions.1.logConfiguration")]


@pytest.mark.parametrize(
    ("control", "props"),
    [(controls.ecs_container_logs, {}), (controls.ecs_host_network_user, {"networkMode": "host"})],
)
def test_containers_that_are_unknown_or_missing(control: Control, props: Props) -> None:
    unknown = resource(TASK, props={"containerDefinitions": UNKNOWN, **props})
    assert verdicts(control, unknown) == [Unknown("containerDefinitions")]
    assert verdicts(control, resource(TASK, props={"containerDefinitions": "[", **props})) == [
        Fail("has container definitions that are not valid JSON", "containerDefinitions")
    ]
    assert verdicts(control, resource(TASK, props=props)) == [Pass()]


def volume(**efs: Any) -> Props:
    return {"name": "files", "efsVolumeConfiguration": {"fileSystemId": "fs-1", **efs}}


WHERE = "volumes.1.efsVolumeConfiguration.transitEncryption"
PLAIN = Fail("mounts the volume files without TLS", WHERE)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (volume(transitEncryption="ENABLED"), Pass()),
        ({"name": "host", "hostPath": "/data"}, Pass()),
        (volume(transitEncryption="DISABLED"), PLAIN),
        (volume(), PLAIN),
        (volume(transitEncryption=UNKNOWN), Unknown(WHERE)),
    ],
)
def test_file_systems(second: Props, expected: Verdict) -> None:
    assert verdicts(controls.ecs_file_system_tls, resource(TASK, props={"volumes": [{"name": "scratch"}, second]})) == [expected]


def test_volumes_that_are_unknown_or_missing() -> None:
    assert verdicts(controls.ecs_file_system_tls, resource(TASK, props={"volumes": UNKNOWN})) == [Unknown("volumes")]
    assert verdicts(controls.ecs_file_system_tls, resource(TASK)) == [Pass()]


@pytest.mark.parametrize("type", ["aws:ecs/service:Service", "aws:ecs/taskSet:TaskSet"])
@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("LATEST", Pass()),
        (None, Pass()),
        ("1.3.0", Fail("is pinned to the platform version 1.3.0", "platformVersion")),
        (UNKNOWN, Unknown("platformVersion")),
    ],
)
def test_platform_versions(type: str, version: Any, expected: Verdict) -> None:
    assert verdicts(controls.ecs_platform_version, resource(type, props={"platformVersion": version})) == [expected]


CONTEXT = "eksProperties.podProperties.containers.0.securityContext.privileged"


def pod(kind: str, privileged: Any) -> Props:
    return {"eksProperties": {"podProperties": {kind: [{"securityContext": {"privileged": privileged}}]}}}


def nodes(*privileged: bool) -> str:
    return json.dumps({"nodeRangeProperties": [{"container": {"privileged": item}} for item in privileged]})


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"containerProperties": json.dumps({"image": "web"})}, [Pass()]),
        ({"containerProperties": json.dumps({"privileged": False})}, [Pass()]),
        (
            {"containerProperties": json.dumps({"privileged": True})},
            [Fail("runs a privileged container", "containerProperties.privileged")],
        ),
        ({"containerProperties": UNKNOWN}, [Unknown("containerProperties")]),
        ({"containerProperties": "["}, [Fail("has job properties that are not valid JSON", "containerProperties")]),
        ({"nodeProperties": nodes(False, False)}, [Pass()]),
        (
            {"nodeProperties": nodes(False, True)},
            [Fail("runs a privileged container", "nodeProperties.nodeRangeProperties.1.container.privileged")],
        ),
        ({"nodeProperties": UNKNOWN}, [Unknown("nodeProperties")]),
        (pod("containers", False), [Pass()]),
        (pod("containers", True), [Fail("runs a privileged container", CONTEXT)]),
        (pod("initContainers", True), [Fail("runs a privileged container", CONTEXT.replace("containers", "initContainers"))]),
        (pod("containers", UNKNOWN), [Unknown(CONTEXT)]),
        ({}, [Pass()]),
    ],
)
def test_jobs(props: Props, expected: list[Verdict]) -> None:
    assert verdicts(controls.batch_not_privileged, resource(JOB, props=props)) == expected


@pytest.mark.parametrize(
    ("efs", "expected"),
    [
        ({"fileSystemId": "fs-1", "transitEncryption": "ENABLED"}, None),
        ({"fileSystemId": "fs-1", "transitEncryption": "DISABLED"}, "mounts the volume files without TLS"),
        ({"fileSystemId": "fs-1"}, "mounts the volume files without TLS"),
        (None, None),
    ],
)
def test_file_systems_of_batch_jobs(efs: Any, expected: str | None) -> None:
    container = {"volumes": [{"name": "files", **({} if efs is None else {"efsVolumeConfiguration": efs})}]}
    for props, where in (
        ({"containerProperties": json.dumps(container)}, "containerProperties"),
        (
            {"nodeProperties": json.dumps({"nodeRangeProperties": [{"container": container}]})},
            "nodeProperties.nodeRangeProperties.0.container",
        ),
    ):
        path = f"{where}.volumes.0.efsVolumeConfiguration.transitEncryption"
        verdict = Pass() if expected is None else Fail(expected, path)
        assert verdicts(controls.batch_file_system_tls, resource(JOB, props=props)) == [verdict]
    unknown = resource(JOB, props={"containerProperties": UNKNOWN})
    assert verdicts(controls.batch_file_system_tls, unknown) == [Unknown("containerProperties")]
    broken = resource(JOB, props={"containerProperties": "{"})
    invalid = Fail("has job properties that are not valid JSON", "containerProperties")
    assert verdicts(controls.batch_file_system_tls, broken) == [invalid]
