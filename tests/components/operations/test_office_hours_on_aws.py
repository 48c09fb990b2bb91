"""The function of OfficeHours on an emulated account: what it stops and starts, what it leaves alone, and what happens when AWS fails."""

import functools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from cloudpatterns.operations.office_hours.on_aws import index
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber
from moto.rds.models import rds_backends

from tests.emulators.locked_moto import REGION

pytestmark = pytest.mark.usefixtures("moto_account", "no_waiting")

TAG = {"Schedule": "office-hours"}
DEV, PROD = {**TAG, "Environment": "dev"}, {**TAG, "Environment": "Prod"}
ENVIRONMENT = {
    "TAG_KEY": "Schedule",
    "TAG_VALUE": "office-hours",
    "ENVIRONMENT_TAG_KEY": "Environment",
    "PRODUCTION_NAMES": '["live", "prod"]',
    "HOLIDAYS": '[["2026-12-24T23:00Z", "2026-12-25T23:00Z"]]',
    "CALENDARS": "[]",
    "SIZES_PATH": "/cloudpatterns/office-hours/hours",
}
NIGHT = datetime(2026, 12, 1, 19, 0, tzinfo=UTC)
SUSPENDED = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True}
RUNNING = dict.fromkeys(SUSPENDED, False)
CHANGES = ("auto-scaling.UpdateAutoScalingGroup", "application-auto-scaling.RegisterScalableTarget", "ecs.UpdateService")


@functools.cache
def shared() -> Callable[[str], Any]:
    """The function's own clients, created once: moto answers them in every test."""
    return functools.cache(index._clients())


def client(service: str) -> Any:
    return shared()(service)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", waits.append)
    return waits


def tags(given: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def instance(given: Mapping[str, str]) -> str:
    specification = [{"ResourceType": "instance", "Tags": tags(given)}] if given else []
    started = client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=specification)
    return started["Instances"][0]["InstanceId"]


def database(name: str, given: Mapping[str, str], engine: str = "postgres", **more: Any) -> str:
    size = {"DBInstanceClass": "db.t4g.micro", "Engine": engine, "AllocatedStorage": 20, "MasterUsername": "dba"}
    client("rds").create_db_instance(DBInstanceIdentifier=name, **size, MasterUserPassword="s3cret-pass", Tags=tags(given), **more)
    return name


def cluster(name: str, given: Mapping[str, str]) -> str:
    engine = {"Engine": "aurora-postgresql", "MasterUsername": "dba", "MasterUserPassword": "s3cret-pass"}
    client("rds").create_db_cluster(DBClusterIdentifier=name, Tags=tags(given), **engine)
    return name


def group(name: str, given: Mapping[str, str], sizes: tuple[int, int, int] = (1, 4, 2)) -> str:
    ec2, scaling = client("ec2"), client("autoscaling")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t4g.small"})
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        LaunchTemplate={"LaunchTemplateName": name},
        MinSize=sizes[0],
        MaxSize=sizes[1],
        DesiredCapacity=sizes[2],
        VPCZoneIdentifier=subnet,
        Tags=[{**tag, "PropagateAtLaunch": True} for tag in tags(given)],
    )
    return name


def service(name: str, given: Mapping[str, str], tasks: int = 3, *, scaled: bool = False, **more: Any) -> str:
    ecs = client("ecs")
    ecs.create_cluster(clusterName="apps")
    ecs.register_task_definition(family=name, containerDefinitions=[{"name": name, "image": "shop:1", "memory": 64}])
    lower = [{"key": key, "value": value} for key, value in given.items()]
    ecs.create_service(cluster="apps", serviceName=name, taskDefinition=name, desiredCount=tasks, tags=lower, **more)
    if scaled:
        scale(name)
    return name


def scale(name: str, **suspended: Any) -> None:
    client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/apps/{name}",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=2,
        MaxCapacity=6,
        **suspended,
    )


def state_of(instance_id: str) -> str:
    return client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]["State"]["Name"]


def database_state(name: str) -> str:
    return client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DBInstanceStatus"]


def cluster_state(name: str) -> str:
    return client("rds").describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"]


def sizes_of(name: str) -> tuple[int, int, int]:
    [found] = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    return found["MinSize"], found["MaxSize"], found["DesiredCapacity"]


def tasks_of(name: str) -> int:
    return client("ecs").describe_services(cluster="apps", services=[name])["services"][0]["desiredCount"]


def suspended_of(name: str) -> dict[str, bool]:
    names = [f"service/apps/{name}"]
    [target] = client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=names)["ScalableTargets"]
    return target["SuspendedState"]


def kept() -> list[dict[str, Any]]:
    found = client("ssm").get_parameters_by_path(Path=ENVIRONMENT["SIZES_PATH"])["Parameters"]
    return [json.loads(parameter["Value"]) for parameter in found]


class Fault:
    """An operation fails: so many times, or always; for requests that have the text alone. ``lost`` is carried out all the same.

    With ``content`` it answers, for what moto has not.
    """

    def __init__(
        self, operation: str, code: str = "", times: int | None = None, only: str = "", *, lost: bool = False, content: Any = None
    ) -> None:
        self.event, self.code, self.left, self.only = f"before-send.{operation}", code, times, only
        self.lost, self.content = lost, content
        self.bodies: list[Any] = []

    def answer(self, event: str, request: Any) -> AWSResponse | None:
        body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
        if event != self.event or self.only not in body or self.left == 0:
            return None
        self.left = None if self.left is None else self.left - 1
        if self.content is not None:
            self.bodies.append(json.loads(body))
            return AWSResponse(request.url, 200, {}, _Raw(json.dumps(self.content).encode()))
        content = f"<ErrorResponse><Error><Code>{self.code}</Code><Message>because</Message></Error></ErrorResponse>"
        if ".ec2." in event:
            content = f"<Response><Errors><Error><Code>{self.code}</Code><Message>because</Message></Error></Errors></Response>"
        if "x-amz-json" in str(request.headers.get("Content-Type")):
            content = json.dumps({"__type": self.code, "message": "because"})
        return AWSResponse(request.url, 400, {}, _Raw(content.encode()))


def run(action: str, *faults: Fault, **event: Any) -> dict[str, int]:
    with pytest.MonkeyPatch.context() as patch:
        answer = BotocoreStubber.__call__

        def faulty(self: BotocoreStubber, event_name: str, request: Any, **named: Any) -> Any:
            for fault in faults:
                if failure := fault.answer(event_name, request):
                    if fault.lost:
                        answer(self, event_name, request, **named)
                    return failure
            return answer(self, event_name, request, **named)

        patch.setattr(BotocoreStubber, "__call__", faulty)
        return index.handler({"action": action, **event}, None, shared(), ENVIRONMENT, lambda: NIGHT)


class _Raw(BytesIO):
    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


def test_what_has_the_tag_is_stopped_and_started_again() -> None:
    machine, orders, shop = instance(DEV), database("orders", DEV), cluster("shop", DEV)
    web, api = group("web", DEV), service("api", DEV, scaled=True)
    assert run("stop") == {"stopped": 5}
    assert (state_of(machine), database_state(orders), cluster_state(shop)) == ("stopped", "stopped", "stopped")
    assert (sizes_of(web), tasks_of(api), suspended_of(api)) == ((0, 0, 0), 0, SUSPENDED)
    assert run("start") == {"started": 5}
    assert (state_of(machine), database_state(orders), cluster_state(shop)) == ("running", "available", "available")
    assert (sizes_of(web), tasks_of(api), suspended_of(api)) == ((1, 4, 2), 3, RUNNING)
    assert kept() == []


def test_it_touches_only_resources_with_its_tag() -> None:
    other = {"Schedule": "never"}
    machines = [instance({}), instance(other), instance({"Office": "office-hours"})]
    databases, clusters = [database("a", {}), database("b", other)], [cluster("c", {}), cluster("d", other)]
    groups, services = [group("web", {}), group("jobs", other)], [service("g", {}), service("h", other)]
    assert run("stop") == {}
    assert {state_of(one) for one in machines} == {"running"}
    assert {database_state(one) for one in databases} | {cluster_state(one) for one in clusters} == {"available"}
    assert {sizes_of(one) for one in groups} == {(1, 4, 2)}
    assert {tasks_of(one) for one in services} == {3}
    client("ec2").stop_instances(InstanceIds=machines)
    assert run("start") == {}
    assert {state_of(one) for one in machines} == {"stopped"}


def test_production_is_never_selected_whatever_other_tags_it_has() -> None:
    machine, orders, shop, web, api = (
        instance(PROD),
        database("orders", PROD),
        cluster("shop", PROD),
        group("web", PROD),
        service("api", PROD),
    )
    assert run("stop") == {}
    assert (state_of(machine), database_state(orders), cluster_state(shop)) == ("running", "available", "available")
    assert (sizes_of(web), tasks_of(api)) == ((1, 4, 2), 3)


def test_members_follow_their_group_or_cluster() -> None:
    web, shop = group("web", DEV), cluster("shop", DEV)
    database("shop-1", DEV, "aurora-postgresql", DBClusterIdentifier=shop)
    # The group's tags are on its instances, too, and they run as long as the group has a size.
    with pytest.raises(RuntimeError, match=r"^the stop failed for 1: group web"):
        run("stop", Fault("auto-scaling.UpdateAutoScalingGroup", "ScalingActivityInProgress"))
    members = client("ec2").describe_instances(Filters=[{"Name": "tag:Schedule", "Values": ["office-hours"]}])["Reservations"]
    assert [one["State"]["Name"] for member in members for one in member["Instances"]] == ["running", "running"]
    assert run("stop") == {"stopped": 1, "off already": 1}
    assert (sizes_of(web), cluster_state(shop)) == ((0, 0, 0), "stopped")


def test_a_second_run_changes_nothing() -> None:
    instance(DEV), database("orders", DEV), cluster("shop", DEV), group("web", DEV), service("api", DEV, scaled=True)
    assert run("start") == {"on already": 5}
    run("stop")
    saved = kept()
    assert run("stop") == {"off already": 5}
    assert kept() == saved
    run("start")
    assert run("start") == {"on already": 5}
    assert (sizes_of("web"), tasks_of("api")) == ((1, 4, 2), 3)


def test_what_was_at_zero_before_stays_there() -> None:
    web, api = group("web", DEV, (0, 0, 0)), service("api", DEV, 0)
    run("stop")
    run("start")
    assert (sizes_of(web), tasks_of(api)) == ((0, 0, 0), 0)


def test_a_group_at_zero_that_policies_could_raise_is_closed_too() -> None:
    web = group("web", DEV, (0, 6, 0))
    run("stop")
    assert sizes_of(web) == (0, 0, 0)
    run("start")
    assert sizes_of(web) == (0, 6, 0)


def test_a_database_that_aws_has_started_after_seven_days_is_stopped_again() -> None:
    orders, shop = database("orders", DEV), cluster("shop", DEV)
    run("stop")
    backend = rds_backends[DEFAULT_ACCOUNT_ID][REGION]
    backend.databases[orders].status = "starting"
    backend.clusters[shop].status = "starting"
    assert run("stop") == {"later": 2}
    backend.databases[orders].status = backend.clusters[shop].status = "available"
    assert run("stop") == {"stopped": 2}
    assert (database_state(orders), cluster_state(shop)) == ("stopped", "stopped")


def test_what_cannot_be_stopped_now_waits_for_the_next_hour_and_fails_nothing() -> None:
    orders, machine = database("orders", DEV), instance(DEV)
    rds_backends[DEFAULT_ACCOUNT_ID][REGION].databases[orders].status = "backing-up"
    assert run("stop") == {"later": 1, "stopped": 1}
    assert (database_state(orders), state_of(machine)) == ("backing-up", "stopped")


def test_what_cannot_be_started_now_fails_the_run_which_is_tried_again() -> None:
    orders = database("orders", DEV)
    run("stop")
    rds_backends[DEFAULT_ACCOUNT_ID][REGION].databases[orders].status = "stopping"
    with pytest.raises(RuntimeError, match=r"^the start failed for 1: database orders: it is stopping$"):
        run("start")
    rds_backends[DEFAULT_ACCOUNT_ID][REGION].databases[orders].status = "stopped"
    assert run("start") == {"started": 1}


@pytest.mark.parametrize("state", ["backing-up", "modifying", "storage-optimization"])
def test_a_database_that_runs_and_is_changed_in_the_morning_fails_nothing(state: str) -> None:
    orders = database("orders", DEV)
    rds_backends[DEFAULT_ACCOUNT_ID][REGION].databases[orders].status = state
    assert run("start") == {"on already": 1}
    rds_backends[DEFAULT_ACCOUNT_ID][REGION].databases[orders].status = "inaccessible-encryption-credentials"
    with pytest.raises(RuntimeError, match="it is inaccessible-encryption-credentials"):
        run("start")


def alarm(name: str, **more: Any) -> str:
    watched = {"Namespace": "Shop", "MetricName": "Orders", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1}
    client("cloudwatch").put_metric_alarm(AlarmName=name, ComparisonOperator="LessThanThreshold", **watched, **more)
    return name


def actions_of(name: str) -> tuple[bool, str]:
    [found] = client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found["ActionsEnabled"], found["StateValue"]


def tagged(*names: str, given: Mapping[str, str] = DEV) -> Fault:
    """What the tagging API answers, which moto has not for alarms."""
    place = f"arn:aws:cloudwatch:{REGION}:{DEFAULT_ACCOUNT_ID}:alarm:"
    found = [{"ResourceARN": place + name, "Tags": tags(given)} for name in names]
    return Fault("resource-groups-tagging-api.GetResources", content={"PaginationToken": "", "ResourceTagMappingList": found})


def test_alarms_tell_nobody_of_what_is_stopped_on_purpose_and_count_again_when_all_should_run() -> None:
    found = tagged(alarm("no-server"), alarm("late"), alarm("off", ActionsEnabled=False))
    alarm("of another")
    machine = instance(DEV)
    assert run("stop", found) == {"stopped": 3, "off already": 1}
    assert found.bodies[0]["TagFilters"] == [{"Key": "Schedule", "Values": ["office-hours"]}]
    assert [actions_of(name)[0] for name in ("no-server", "late", "off", "of another")] == [False, False, False, True]
    client("cloudwatch").set_alarm_state(AlarmName="no-server", StateValue="ALARM", StateReason="stopped")
    client("cloudwatch").set_alarm_state(AlarmName="late", StateValue="OK", StateReason="all is well")
    assert run("stop", found) == {"off already": 4}
    # Servers boot meanwhile.
    assert run("start", found) == {"started": 1}
    assert (state_of(machine), actions_of("no-server")[0]) == ("running", False)
    assert run("watch", found) == {"started": 3}
    # One that is raised is raised anew, so that its actions follow; one that others have switched off stays so.
    assert [actions_of(name) for name in ("no-server", "late")] == [(True, "INSUFFICIENT_DATA"), (True, "OK")]
    assert (actions_of("off")[0], kept()) == (False, [])
    assert run("watch", found) == {"on already": 2, "started": 1}


def test_alarms_of_production_and_on_holidays_are_left_alone() -> None:
    found = tagged(alarm("no-server"), given=PROD)
    assert run("stop", found) == {}
    assert actions_of("no-server")[0] is True
    found = tagged("no-server")
    assert run("stop", found) == {"stopped": 1}
    assert run("watch", found, scheduled_time="2026-12-25T07:30:00Z") == {}
    assert actions_of("no-server")[0] is False


def test_one_that_fails_does_not_stop_the_others() -> None:
    machines = sorted(instance(DEV) for _ in range(3))
    replica, web = database("replica", DEV), group("web", DEV)
    faults = [
        Fault("ec2.StopInstances", "UnsupportedOperation", only=machines[1]),
        Fault("rds.StopDBInstance", "InvalidDBInstanceState"),
    ]
    with pytest.raises(RuntimeError) as error:
        run("stop", *faults)
    first, second = (
        f"instance {machines[1]}: An error occurred (UnsupportedOperation) when calling the StopInstances operation: because",
        "database replica: An error occurred (InvalidDBInstanceState) when calling the StopDBInstance operation: because",
    )
    assert str(error.value) == f"the stop failed for 2: {first}; {second}"
    assert [state_of(one) for one in machines] == ["stopped", "running", "stopped"]
    assert (database_state(replica), sizes_of(web)) == ("available", (0, 0, 0))


def test_a_service_that_does_not_answer_does_not_stop_the_others() -> None:
    machine, api = instance(DEV), service("api", DEV)
    with pytest.raises(RuntimeError, match=r"^the stop failed for 1: the search for each service: .*AccessDenied"):
        run("stop", Fault("ecs.ListClusters", "AccessDeniedException"))
    assert (state_of(machine), tasks_of(api)) == ("stopped", 3)


def test_throttled_requests_are_tried_again(no_waiting: list[float]) -> None:
    machine, web = instance(DEV), group("web", DEV)
    faults = [
        Fault("ec2.StopInstances", "RequestLimitExceeded", times=3),
        Fault("auto-scaling.DescribeAutoScalingGroups", "Throttling", times=4),
    ]
    assert run("stop", *faults) == {"stopped": 2}
    assert (state_of(machine), sizes_of(web)) == ("stopped", (0, 0, 0))
    assert len(no_waiting) >= 7


def test_throttling_without_end_fails_the_run() -> None:
    machine, other = instance(DEV), database("orders", DEV)
    with pytest.raises(RuntimeError, match=rf"^the stop failed for 1: instance {machine}: .*RequestLimitExceeded"):
        run("stop", Fault("ec2.StopInstances", "RequestLimitExceeded"))
    assert database_state(other) == "stopped"


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("operation", ["ssm.PutParameter", *CHANGES])
def test_sizes_are_restored_as_they_were_wherever_a_stop_was_interrupted(operation: str, lost: bool) -> None:
    web, api = group("web", DEV), service("api", DEV, scaled=True)
    with pytest.raises(RuntimeError):
        run("stop", Fault(operation, "InternalServiceFault", lost=lost))
    run("stop")
    assert (sizes_of(web), tasks_of(api), suspended_of(api)) == ((0, 0, 0), 0, SUSPENDED)
    run("start")
    assert (sizes_of(web), tasks_of(api), suspended_of(api)) == ((1, 4, 2), 3, RUNNING)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("operation", ["ssm.GetParameter", "ssm.DeleteParameter", *CHANGES])
def test_sizes_are_restored_as_they_were_wherever_a_start_was_interrupted(operation: str, lost: bool) -> None:
    web, api = group("web", DEV), service("api", DEV, scaled=True)
    run("stop")
    with pytest.raises(RuntimeError):
        run("start", Fault(operation, "InternalServiceFault", lost=lost))
    run("start")
    assert (sizes_of(web), tasks_of(api), suspended_of(api), kept()) == ((1, 4, 2), 3, RUNNING, [])


def test_scaling_that_others_have_suspended_stays_suspended() -> None:
    api = service("api", DEV)
    scale(api, SuspendedState={**RUNNING, "DynamicScalingInSuspended": True})
    run("stop")
    assert suspended_of(api) == SUSPENDED
    run("start")
    assert suspended_of(api) == {**RUNNING, "DynamicScalingInSuspended": True}


def test_sizes_that_somebody_has_set_meanwhile_are_left_alone() -> None:
    web, api = group("web", DEV), service("api", DEV, scaled=True)
    run("stop")
    client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=web, MinSize=2, MaxSize=8, DesiredCapacity=3)
    client("ecs").update_service(cluster="apps", service=api, desiredCount=1)
    assert run("start") == {"on already": 2}
    assert (sizes_of(web), tasks_of(api), suspended_of(api), kept()) == ((2, 8, 3), 1, RUNNING, [])


def test_what_was_deployed_at_night_is_stopped_again_and_restored_as_deployed() -> None:
    web, api = group("web", DEV), service("api", DEV, scaled=True)
    run("stop")
    client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=web, MinSize=2, MaxSize=8, DesiredCapacity=3)
    client("ecs").update_service(cluster="apps", service=api, desiredCount=5)
    assert run("stop") == {"stopped": 2}
    run("start")
    assert (sizes_of(web), tasks_of(api), suspended_of(api)) == ((2, 8, 3), 5, RUNNING)


def test_a_daemon_service_is_reported() -> None:
    service("agent", DEV, schedulingStrategy="DAEMON")
    reason = "it is a daemon service, which ends with the instances of its cluster: remove its tag"
    with pytest.raises(RuntimeError, match=f"^the stop failed for 1: service service/apps/agent: {reason}$"):
        run("stop")


@pytest.mark.parametrize(
    ("until", "state"), [("2026-12-01T22:00Z", "running"), ("2026-12-02", "running"), ("2026-12-01T18:59Z", "stopped")]
)
def test_what_is_kept_until_later_is_not_stopped_before(until: str, state: str) -> None:
    machine = instance({**DEV, "cloudpatterns:keep-until": until})
    run("stop")
    assert state_of(machine) == state


def test_a_time_that_cannot_be_read_keeps_the_resource_and_is_reported() -> None:
    machine = instance({**DEV, "cloudpatterns:keep-until": "tomorrow"})
    with pytest.raises(RuntimeError, match=f"^the stop failed for 1: instance {machine}: Invalid isoformat string: 'tomorrow'$"):
        run("stop")
    assert state_of(machine) == "running"


def test_nothing_is_started_on_a_holiday() -> None:
    machine = instance(DEV)
    run("stop")
    assert run("start", scheduled_time="2026-12-25T07:00:00Z") == {}
    assert state_of(machine) == "stopped"
    # By hand, and on the day after.
    assert run("start") == {"started": 1}
    run("stop")
    assert run("start", scheduled_time="2026-12-28T07:00:00Z") == {"started": 1}


@pytest.mark.parametrize(("state", "outcome"), [("CLOSED", {}), ("OPEN", {"started": 1})])
def test_nothing_is_started_while_a_change_calendar_is_closed(state: str, outcome: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    instance(DEV)
    run("stop")
    calendars = ["arn:aws:ssm:eu-west-1:123456789012:document/holidays"]
    monkeypatch.setitem(ENVIRONMENT, "CALENDARS", json.dumps(calendars))
    calendar = Fault("ssm.GetCalendarState", content={"State": state})
    assert run("start", calendar, scheduled_time="2026-12-24T07:00:00Z") == outcome
    assert calendar.bodies == [{"CalendarNames": calendars, "AtTime": "2026-12-24T07:00:00Z"}]


def test_a_stop_that_is_too_old_is_left_out() -> None:
    machine = instance(DEV)
    assert run("stop", scheduled_time="2026-12-01T18:14:59Z") == {}
    assert state_of(machine) == "running"
    assert run("stop", scheduled_time="2026-12-01T19:00:00Z") == {"stopped": 1}


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^action is 'terminate'; it is start, stop or watch$"):
        run("terminate")


def test_more_than_a_page_is_found() -> None:
    for number in range(12):
        service(f"api-{number}", DEV)
    assert run("stop") == {"stopped": 12}


def test_servers_start_after_their_databases_and_stop_before_them(caplog: pytest.LogCaptureFixture) -> None:
    instance(DEV), database("orders", DEV), service("api", DEV)
    with caplog.at_level("INFO"):
        run("stop")
        run("start")
    kinds = [line.split()[0] for line in caplog.messages if line.endswith((": stopped", ": started"))]
    assert kinds == ["service", "instance", "database", "database", "instance", "service"]


def test_clients_of_the_function_are_of_its_region() -> None:
    assert index._clients()("ec2").meta.region_name == boto3.session.Session().region_name == REGION
