"""OfficeHours: rights that end at the tag, never production, schedules outside working hours, alarms, and every refusal."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.operations import OfficeHours
from cloudpatterns_policies.controls.cost import schedule_outside_production
from offline_preview.graph import Graph

from tests.harness import record, refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
SCHEDULE, ALARM = "aws:scheduler/schedule:Schedule", "aws:cloudwatch/metricAlarm:MetricAlarm"
SELECTED = {
    "StringEquals": {"aws:ResourceTag/Schedule": "office-hours"},
    "StringNotEqualsIgnoreCase": {"aws:ResourceTag/Environment": ["live", "prd", "prod", "production"]},
}
PLACE = ":eu-west-1:123456789012:"


def hours(config: dict[str, str] | None = None, **args: Any) -> Graph:
    given: Any = {"time_zone": "Europe/Berlin", **args}
    return record(lambda: OfficeHours("hours", given), mode="deployed", config=config)


def refused(config: dict[str, str] | None = None, **args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        hours(config, **args)
    return error.value.problems


def statements(graph: Graph, name: str = "hours-function-policy") -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in json.loads(graph.named(name).inputs["policy"])["Statement"]}


def variables(graph: Graph) -> dict[str, str]:
    return graph.named("hours-function").inputs["environment"]["variables"]


def crons(graph: Graph) -> dict[str, str]:
    return {one.name.removeprefix("hours-"): one.inputs["scheduleExpression"] for one in graph.of_type(SCHEDULE)}


def test_it_touches_only_resources_with_its_tag() -> None:
    found = statements(hours())
    changes = {
        "Instances": (["ec2:StartInstances", "ec2:StopInstances"], f"arn:aws:ec2{PLACE}instance/*"),
        "Databases": (["rds:StartDBInstance", "rds:StopDBInstance"], f"arn:aws:rds{PLACE}db:*"),
        "Clusters": (["rds:StartDBCluster", "rds:StopDBCluster"], f"arn:aws:rds{PLACE}cluster:*"),
        "Groups": (["autoscaling:UpdateAutoScalingGroup"], f"arn:aws:autoscaling{PLACE}autoScalingGroup:*:autoScalingGroupName/*"),
        "Services": (["ecs:UpdateService"], f"arn:aws:ecs{PLACE}service/*"),
        "Alarms": (
            ["cloudwatch:DisableAlarmActions", "cloudwatch:EnableAlarmActions", "cloudwatch:SetAlarmState"],
            f"arn:aws:cloudwatch{PLACE}alarm:*",
        ),
    }
    assert {sid: found.pop(sid) for sid in changes} == {
        sid: {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": [resource], "Condition": SELECTED}
        for sid, (actions, resource) in changes.items()
    }
    # The rest reads, or changes what is the component's own, but for the scaling of services, which knows no tags of theirs.
    assert {sid: statement["Action"] for sid, statement in found.items()} == {
        "Find": [
            "autoscaling:DescribeAutoScalingGroups",
            "ec2:DescribeInstances",
            "ecs:ListClusters",
            "ecs:ListServices",
            "tag:GetResources",
            "application-autoscaling:DescribeScalableTargets",
        ],
        "FindAlarms": ["cloudwatch:DescribeAlarms"],
        "FindDatabases": ["rds:DescribeDBClusters", "rds:DescribeDBInstances"],
        "FindServices": ["ecs:DescribeServices"],
        "ServiceScaling": ["application-autoscaling:RegisterScalableTarget"],
        "Sizes": ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
        "Log": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Park": ["sqs:SendMessage"],
    }
    assert found["ServiceScaling"]["Condition"]["StringEquals"] == {
        "application-autoscaling:service-namespace": "ecs",
        "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
    }


def test_sizes_are_kept_below_a_path_of_its_own() -> None:
    graph = hours()
    path = f"/cloudpatterns/office-hours/{graph.named('hours-schedules').outputs['name']}"
    assert variables(graph)["SIZES_PATH"] == path
    assert statements(graph)["Sizes"]["Resource"] == [f"arn:aws:ssm{PLACE}parameter{path}/*"]


def test_another_tag_is_in_every_condition() -> None:
    options: Any = {"tag_key": "Hours", "tag_value": "berlin", "environment_tag_key": "Stage", "production_names": ["LIVE", "live", "P"]}
    graph = hours(**options)
    conditions = {
        "StringEquals": {"aws:ResourceTag/Hours": "berlin"},
        "StringNotEqualsIgnoreCase": {"aws:ResourceTag/Stage": ["live", "p"]},
    }
    found = statements(graph)
    assert all(found[sid]["Condition"] == conditions for sid in ("Instances", "Databases", "Clusters", "Groups", "Services", "Alarms"))
    assert {key: variables(graph)[key] for key in ("TAG_KEY", "TAG_VALUE", "ENVIRONMENT_TAG_KEY", "PRODUCTION_NAMES")} == {
        "TAG_KEY": "Hours",
        "TAG_VALUE": "berlin",
        "ENVIRONMENT_TAG_KEY": "Stage",
        "PRODUCTION_NAMES": '["live", "p"]',
    }


@pytest.mark.parametrize("name", ["prod", "Production", "PRD", "live"])
def test_it_is_never_selected_by_a_production_stack(name: str) -> None:
    reason = "nothing of production is stopped. Leave OfficeHours out of this stack."
    assert refused(tags={"Environment": name}) == [("tags", f"has Environment: {name} in tags; {reason}")]
    defaults = {"aws:defaultTags": json.dumps({"tags": {"Environment": name}})}
    assert refused(defaults) == [("tags", f"has Environment: {name} in aws:defaultTags; {reason}")]
    assert refused(tag_value=name) == [
        ("tag_value", f"is {name!r}, a name of production; nothing of production is stopped. Give another value.")
    ]


def test_another_environment_is_accepted() -> None:
    assert hours({"aws:defaultTags": json.dumps({"tags": {"Environment": "dev"}})}, tags={"Environment": "test"})


def test_its_default_tag_is_one_that_the_control_accepts() -> None:
    accepted = schedule_outside_production.config["scheduleTags"]["default"]
    assert variables(hours())["TAG_KEY"] in accepted


def test_it_starts_on_working_days_and_stops_each_hour_outside_working_hours() -> None:
    graph = hours()
    assert crons(graph) == {
        "start": "cron(0 8 ? * MON,TUE,WED,THU,FRI *)",
        "watch": "cron(30 8 ? * MON,TUE,WED,THU,FRI *)",
        "stop": "cron(0 0,1,2,3,4,5,6,7,19,20,21,22,23 ? * MON,TUE,WED,THU,FRI *)",
        "stop-days-off": "cron(0 * ? * SAT,SUN *)",
    }
    assert {one.inputs["scheduleExpressionTimezone"] for one in graph.of_type(SCHEDULE)} == {"Europe/Berlin"}
    assert crons(hours(start="06:30", end="20:15", days=["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])) == {
        "start": "cron(30 6 ? * MON,TUE,WED,THU,FRI,SAT,SUN *)",
        "watch": "cron(0 7 ? * MON,TUE,WED,THU,FRI,SAT,SUN *)",
        "stop": "cron(15 0,1,2,3,4,5,20,21,22,23 ? * MON,TUE,WED,THU,FRI,SAT,SUN *)",
    }
    assert crons(hours(start="00:00", end="23:59"))["stop"] == "cron(59 23 ? * MON,TUE,WED,THU,FRI *)"


def test_a_database_restarted_by_aws_after_seven_days_is_stopped_within_the_hour_on_days_off_and_at_night() -> None:
    expressions = crons(hours())
    week = {day: set() for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")}
    for name in ("stop", "stop-days-off"):
        _, hour, _, _, days, _ = expressions[name].removeprefix("cron(").removesuffix(")").split()
        for day in days.split(","):
            week[day] |= set(range(24)) if hour == "*" else {int(one) for one in hour.split(",")}
    working = set(range(8, 19))
    assert {day: set(range(24)) - stops for day, stops in week.items()} == {day: working if day[0] != "S" else set() for day in week}


def test_each_schedule_invokes_the_function_and_parks_what_fails() -> None:
    graph = hours()
    function, queue, role = graph.named("hours-function"), graph.named("hours-failed"), graph.named("hours-schedules-role")
    for name, action in {"hours-start": "start", "hours-watch": "watch", "hours-stop": "stop", "hours-stop-days-off": "stop"}.items():
        schedule = graph.named(name)
        assert schedule.inputs["target"] == {
            "arn": function.outputs["arn"],
            "roleArn": role.outputs["arn"],
            "input": f'{{"action": "{action}", "scheduled_time": "<aws.scheduler.scheduled-time>"}}',
            # A stop that is late by more could come after the next start.
            "retryPolicy": {"maximumEventAgeInSeconds": 1800, "maximumRetryAttempts": 185},
            "deadLetterConfig": {"arn": queue.outputs["arn"]},
        }
        # It is there after the role's rights.
        assert "hours-schedules-policy" in refs(graph, schedule, "target")
    assert function.inputs["deadLetterConfig"] == {"targetArn": queue.outputs["arn"]}
    assert (function.inputs["timeout"], function.inputs["tags"]) == (900, {})
    retries = graph.named("hours-function-retries").inputs
    assert (retries["maximumRetryAttempts"], retries["maximumEventAgeInSeconds"]) == (2, 1800)


def test_only_schedules_of_its_own_group_may_invoke_the_function_and_nothing_else() -> None:
    graph = hours()
    [trust] = json.loads(graph.named("hours-schedules-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": graph.named("hours-schedules").outputs["arn"]},
    }
    found = statements(graph, "hours-schedules-policy")
    assert {sid: (statement["Action"], statement["Resource"]) for sid, statement in found.items()} == {
        "Invoke": (["lambda:InvokeFunction"], [graph.named("hours-function").outputs["arn"]]),
        "Park": (["sqs:SendMessage"], [graph.named("hours-failed").outputs["arn"]]),
    }


def test_holidays_are_days_of_the_time_zone() -> None:
    days = ["2026-12-25", "2026-06-04", "2026-03-29"]
    # The last is 23 hours long.
    assert json.loads(variables(hours(holidays=days))["HOLIDAYS"]) == [
        ["2026-03-28T23:00Z", "2026-03-29T22:00Z"],
        ["2026-06-03T22:00Z", "2026-06-04T22:00Z"],
        ["2026-12-24T23:00Z", "2026-12-25T23:00Z"],
    ]
    # Fifty fit into the function's environment.
    many = [f"{datetime(2026, 1, 1) + timedelta(days=day):%Y-%m-%d}" for day in range(50)]
    found = variables(hours(holidays=many, time_zone="Australia/Lord_Howe"))
    assert sum(len(key) + len(value) for key, value in found.items()) < 4096
    begin = datetime.fromisoformat(json.loads(found["HOLIDAYS"])[0][0])
    assert begin == datetime(2026, 1, 1, tzinfo=ZoneInfo("Australia/Lord_Howe")).astimezone(UTC)


def test_change_calendars_are_asked() -> None:
    calendar = "arn:aws:ssm:eu-west-1:210987654321:document/holidays"
    graph = hours(change_calendar_arns=[calendar])
    assert variables(graph)["CALENDARS"] == json.dumps([calendar])
    found = statements(graph)["Calendars"]
    assert (found["Action"], found["Resource"]) == (["ssm:GetCalendarState"], [calendar])


def test_disks_under_a_customer_managed_key_can_be_started() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    policy = json.loads(hours(disk_kms_key_arns=[key]).named("hours-function-policy").inputs["policy"])["Statement"]
    [grant] = [statement for statement in policy if statement["Action"] == ["kms:CreateGrant"]]
    assert (grant["Resource"], grant["Condition"]) == (
        [key],
        {"Bool": {"kms:GrantIsForAWSResource": "true"}, "StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}},
    )


def test_runs_that_fail_and_schedules_that_cannot_invoke_raise_an_alarm() -> None:
    graph = hours(alarm_topic_arns=[TOPIC])
    found = {one.name: (one.inputs["namespace"], one.inputs["metricName"], one.inputs["alarmActions"]) for one in graph.of_type(ALARM)}
    assert found == {
        "hours-failed-alarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", [TOPIC]),
        "hours-dropped": ("AWS/Scheduler", "InvocationDroppedCount", [TOPIC]),
    }
    assert refs(graph, graph.named("hours-failed-alarm"), "dimensions") == ["hours-failed"]
    assert refs(graph, graph.named("hours-dropped"), "dimensions") == ["hours-schedules"]
    assert hours().of_type(ALARM) == []


def test_the_queue_takes_nothing_without_tls() -> None:
    [deny] = json.loads(hours().named("hours-failed-policy").inputs["policy"])["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_tags_and_retention_reach_the_children() -> None:
    graph = hours(tags={"team": "platform"}, log_retention_days=30)
    named = ("hours-schedules", "hours-failed", "hours-function", "hours-function-logs", "hours-function-role", "hours-schedules-role")
    assert [graph.named(name).inputs["tags"] for name in named] == [{"team": "platform"}] * len(named)
    assert graph.named("hours-function-logs").inputs["retentionInDays"] == 30


def test_the_outputs_name_what_operators_need() -> None:
    graph = hours()
    outputs = graph.one("cloudpatterns:index:OfficeHours").outputs
    function = graph.named("hours-function").outputs
    assert outputs == {
        "function_name": function["name"],
        "function_arn": function["arn"],
        "function_role_arn": graph.named("hours-function-role").outputs["arn"],
        "schedule_group_name": graph.named("hours-schedules").outputs["name"],
        "failed_queue_url": graph.named("hours-failed").outputs["url"],
        "sizes_path": variables(graph)["SIZES_PATH"],
        "tag_key": "Schedule",
        "tag_value": "office-hours",
    }


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({"time_zone": "Berlin"}, [("time_zone", "is 'Berlin'; a name of the IANA database is needed, such as Europe/Berlin.")]),
        (
            {"start": "09:00", "end": "09:30"},
            [("end", "is 09:30; an hour at least after start (09:00) is needed, on the same day. Give a later one.")],
        ),
        (
            {"start": "22:00", "end": "06:00"},
            [("end", "is 06:00; an hour at least after start (22:00) is needed, on the same day. Give a later one.")],
        ),
        ({"holidays": ["2026-02-30"]}, [("holidays.0", "is '2026-02-30', which is no date. Correct it.")]),
        (
            {"tag_key": "Environment", "tag_value": "dev"},
            [
                (
                    "tag_key",
                    "is Environment, the tag of the environment; selecting takes a tag that somebody sets on purpose. Give another key.",
                )
            ],
        ),
    ],
)
def test_what_cannot_work_is_refused(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"start": "8:00"}, "start"),
        ({"days": []}, "days"),
        ({"days": ["MON", "MON"]}, "days"),
        ({"days": ["Monday"]}, "days.0"),
        ({"holidays": ["25.12."]}, "holidays.0"),
        ({"tag_key": "aws:Schedule"}, "tag_key"),
        ({"tag_value": "${aws:username}"}, "tag_value"),
        ({"production_names": []}, "production_names"),
        ({"change_calendar_arns": ["holidays"]}, "change_calendar_arns.0"),
        ({"disk_kms_key_arns": ["arn:aws:kms:eu-west-1:123456789012:alias/disks"]}, "disk_kms_key_arns.0"),
    ],
)
def test_values_beyond_their_limits_are_refused(args: dict[str, Any], path: str) -> None:
    assert [where for where, _ in refused(**args)] == [path]
