import json
import re
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import Workflow
from offline_preview.graph import Graph

from tests.harness import record, refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
MACHINE = "aws:sfn/stateMachine:StateMachine"
IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/steps@sha256:0"}
TAGS = {"Owner": "orders"}
CATCH = [{"ErrorEquals": ["States.ALL"], "Next": "No"}]
PAY = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "pay"}, "TimeoutSeconds": 30}
GIVEN: dict[str, Any] = {
    "StartAt": "Pay",
    "States": {"Pay": {**PAY, "Catch": CATCH, "End": True}, "No": {"Type": "Fail", "Error": "No"}},
}
INVOKE = [{"actions": ["lambda:InvokeFunction"], "resources": ["arn:aws:lambda:eu-west-1:123456789012:function:pay"]}]


def arn(name: str) -> str:
    return f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"function": {"function_arn": arn(name)}, **more}


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **call(name), **more}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"alarm_topic_arns": [TOPIC], "tags": TAGS, **args}
    if "definition" not in args:
        given.setdefault("steps", [step("Charge", compensation=call("refund")), step("Ship")])
    return record(lambda: Workflow("orders", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


def definition(graph: Graph) -> dict[str, Any]:
    return json.loads(graph.one(MACHINE).inputs["definition"])


def statements(graph: Graph, name: str = "orders-policy", field: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[field])["Statement"]


def changed(**states: Any) -> dict[str, Any]:
    """The given definition with other states."""
    return {"definition": {**GIVEN, "States": {**GIVEN["States"], **states}}, "statements": INVOKE}


def test_the_preview_that_creates_it_has_aws_validate_nothing() -> None:
    """The provider validates a definition in the plan unless it is unknown, and then needs credentials."""
    assert repr(make("preview").one(MACHINE).inputs["definition"]) == "UNKNOWN"
    assert repr(make("preview", definition=GIVEN, statements=INVOKE).one(MACHINE).inputs["definition"]) == "UNKNOWN"


def test_the_machine_logs_traces_and_is_encrypted() -> None:
    graph = make()
    machine, key = graph.one(MACHINE), graph.named("orders-key").outputs["arn"]
    inputs = {name: value for name, value in machine.inputs.items() if name != "definition"}
    assert inputs == {
        "type": "STANDARD",
        "roleArn": graph.named("orders-role").outputs["arn"],
        "loggingConfiguration": {
            "level": "ERROR",
            "includeExecutionData": False,
            "logDestination": f"{graph.named('orders-log').outputs['arn']}:*",
        },
        "tracingConfiguration": {"enabled": True},
        "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key, "kmsDataKeyReusePeriodSeconds": 300},
        "tags": TAGS,
    }
    log = graph.named("orders-log").inputs
    assert (log["namePrefix"], log["kmsKeyId"], log["retentionInDays"]) == ("/aws/vendedlogs/states/orders-", key, 365)


def test_the_machine_comes_after_what_its_role_may_do() -> None:
    graph = make("preview")
    assert set(refs(graph, graph.one(MACHINE), "roleArn")) == {"orders-role", "orders-policy"}


def test_the_role_has_exactly_what_the_steps_call() -> None:
    graph = make(
        steps=[
            step("Charge", compensation=call("refund")),
            step("Again", function={"function_arn": arn("Charge")}),
            {
                "name": "Put",
                "put_item": {
                    "table_arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
                    "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
                    "item": {"id": {"S": "1"}},
                },
            },
            {"name": "Note", "publish": {"topic_arn": TOPIC}},
        ],
        statements=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::bucket/*"]}],
    )
    found = [(one["Action"], one["Resource"]) for one in statements(graph)]
    key = graph.named("orders-key").outputs["arn"]
    assert found[:6] == [
        (["lambda:InvokeFunction"], [arn("Charge")]),
        (["lambda:InvokeFunction"], [arn("refund")]),
        (["dynamodb:PutItem"], ["arn:aws:dynamodb:eu-west-1:123456789012:table/orders"]),
        (["kms:Decrypt"], ["arn:aws:kms:eu-west-1:123456789012:key/1"]),
        (["sns:Publish"], [TOPIC]),
        (["s3:GetObject"], ["arn:aws:s3:::bucket/*"]),
    ]
    assert [one.get("Sid") for one in statements(graph)[6:]] == ["LogDelivery", "Trace", "Executions", "LogEncryption", "Park", None]
    assert {(one["Sid"], *one["Condition"]) for one in statements(graph) if one.get("Resource") == [key] and "Sid" in one} == {
        ("Executions", "ArnLike"),
        ("LogEncryption", "StringEquals"),
    }
    for one in statements(graph):
        if one["Resource"] == ["*"]:
            assert {action.split(":")[0] for action in one["Action"]} <= {"logs", "xray"}


def test_only_state_machines_of_the_account_may_assume_the_role() -> None:
    [trust] = statements(make(), "orders-role", "assumeRolePolicy")
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:*"},
    }


def test_the_key_lets_the_logs_and_their_delivery_in() -> None:
    _, logs, delivery = statements(make(), "orders-key-policy")
    assert logs["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:*orders-*"}
    }
    assert delivery["Principal"] == {"Service": ["delivery.logs.amazonaws.com"]}
    assert delivery["Condition"] == {"StringEquals": {"kms:EncryptionContext:SourceArn": "arn:aws:logs:eu-west-1:123456789012:*"}}


def test_what_no_catch_reaches_is_alarmed() -> None:
    graph = make()
    found = {one.name: one.inputs for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert {name: one["metricName"] for name, one in found.items()} == {
        "orders-failed": "ExecutionsFailed",
        "orders-timed-out": "ExecutionsTimedOut",
        "orders-aborted": "ExecutionsAborted",
        "orders-parked-alarm": "ApproximateNumberOfMessagesVisible",
    }
    arn_ = graph.one(MACHINE).outputs["arn"]
    for name in ("orders-failed", "orders-timed-out", "orders-aborted"):
        assert (found[name]["dimensions"], found[name]["threshold"]) == ({"StateMachineArn": arn_}, 0)
        assert found[name]["alarmActions"] == [TOPIC]
    assert len(make(alarm_topic_arns=[]).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")) == 0


def test_an_express_workflow_has_the_alarms_that_there_are() -> None:
    graph = make(express=True, steps=[step("Charge", timeout_seconds=20)])
    assert graph.one(MACHINE).inputs["type"] == "EXPRESS"
    assert definition(graph)["TimeoutSeconds"] == 300
    assert [one.name for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")] == ["orders-failed", "orders-timed-out"]


def test_each_step_has_a_failure_path_and_a_time_limit() -> None:
    found = definition(make())
    assert found["TimeoutSeconds"] == 86_400
    tasks = {name: state for name, state in found["States"].items() if state["Type"] == "Task"}
    assert sorted(tasks) == ["Charge", "Park", "Ship", "Undo Charge"]
    for state in tasks.values():
        assert state["TimeoutSeconds"] == 60
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
        assert any("States.DataLimitExceeded" in one["ErrorEquals"] for one in state["Catch"])
    assert tasks["Charge"]["Retry"] == [
        {
            "ErrorEquals": [
                "Lambda.ServiceException",
                "Lambda.AWSLambdaException",
                "Lambda.SdkClientException",
                "Lambda.ClientExecutionTimeoutException",
                "Lambda.TooManyRequestsException",
            ],
            "IntervalSeconds": 2,
            "MaxAttempts": 2,
            "BackoffRate": 2,
            "MaxDelaySeconds": 60,
            "JitterStrategy": "FULL",
        }
    ]


def test_an_execution_has_the_time_that_its_steps_may_take() -> None:
    slow = step("Charge", timeout_seconds=50_000, compensation=call("refund"))
    # 3 * 50,000 and waits of 2 and 4; 6 * 60 and waits of 2, 4, 8, 16 and 32.
    assert definition(make(steps=[slow]))["TimeoutSeconds"] == 150_428
    assert refused(steps=[slow], timeout_seconds=3600) == [
        (
            "timeout_seconds",
            "is 3600, and the steps may take 150428 with their retries and compensations: an execution that is ended compensates nothing. "
            "Give more, or shorter timeout_seconds and fewer attempts of the steps.",
        )
    ]


def test_new_functions_are_invoked_by_the_steps() -> None:
    graph = make(functions={"pay": IMAGE}, steps=[{"name": "Charge", "function": {"name": "pay"}}])
    function = graph.named("orders-pay")
    assert function.type == "aws:lambda/function:Function"
    assert definition(graph)["States"]["Charge"]["Arguments"]["FunctionName"] == function.outputs["arn"]
    assert statements(graph)[0]["Resource"] == [function.outputs["arn"]]
    assert graph.named("orders-pay-logs").inputs["kmsKeyId"] == graph.named("orders-key").outputs["arn"]


def test_a_function_whose_errors_may_be_answers_has_no_alarm_on_them() -> None:
    given: Any = {"functions": {"pay": {"code": pulumi.AssetArchive({})}}, "steps": [{"name": "Pay", "function": {"name": "pay"}}]}
    alarms = [
        {one.name for one in make(**given, **more).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
        for more in ({}, {"refusals": ["Declined"]})
    ]
    assert alarms[0] - alarms[1] == {"orders-pay-errors"}
    assert alarms[1] == {"orders-failed", "orders-timed-out", "orders-aborted"}


def test_what_the_user_has_is_taken() -> None:
    key, queue = "arn:aws:kms:eu-west-1:123456789012:key/1", "arn:aws:sqs:eu-west-1:123456789012:mine"
    graph = make(kms_key_arn=key, parking_queue_arn=queue, parking_queue_kms_key_arn=f"{key}1")
    assert not graph.of_type("aws:kms/key:Key", "aws:sqs/queue:Queue")
    assert graph.one(MACHINE).inputs["encryptionConfiguration"]["kmsKeyId"] == key
    assert definition(graph)["States"]["Park"]["Arguments"]["QueueUrl"] == "https://sqs.eu-west-1.amazonaws.com/123456789012/mine"
    assert [one["Resource"] for one in statements(graph)[-2:]] == [[queue], [f"{key}1"]]


def test_a_role_that_starts_executions_gets_just_that() -> None:
    found: list[Any] = []
    record(lambda: found.append(Workflow("orders", {"steps": [step("Charge")]}).start_statements()), mode="deployed")  # ty: ignore[invalid-argument-type]
    start, key = found[0]
    assert (start["actions"], key["actions"]) == (["states:StartExecution"], ["kms:Decrypt", "kms:GenerateDataKey"])
    assert key["conditions"] == {"StringLike": {"kms:ViaService": ["states.*.amazonaws.com"]}}


def test_whoever_ends_a_step_with_a_callback_may_do_so_and_use_the_key() -> None:
    functions = {"ask": IMAGE, "tell": IMAGE}
    ask: Any = {"name": "Ask", "function": {"name": "ask", "callback": True}}
    tell: Any = {"name": "Tell", "function": {"name": "tell"}}
    graph = make(functions=functions, steps=[ask, tell])
    end = ["states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"]
    rights = {one: json.loads(graph.named(f"orders-{one}-policy").inputs["policy"])["Statement"] for one in functions}
    (callback,) = [one for one in rights["ask"] if one["Action"] == end]
    keys = [one for one in rights["ask"] if one["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]]
    assert (callback["Resource"], [one["Condition"] for one in keys]) == (
        ["*"],
        [{"StringLike": {"kms:ViaService": "states.*.amazonaws.com"}}],
    )
    assert not [one for one in rights["tell"] if one["Action"] in (end, ["kms:Decrypt", "kms:GenerateDataKey"])]
    found: list[Any] = []
    record(lambda: found.extend(Workflow("orders", {"steps": [step("Charge")]}).callback_statements()), mode="deployed")  # ty: ignore[invalid-argument-type]
    assert [one["actions"] for one in found] == [end, ["kms:Decrypt", "kms:GenerateDataKey"]]


def test_a_workflow_without_compensations_has_no_queue() -> None:
    graph = make(steps=[step("Charge")])
    assert not graph.of_type("aws:sqs/queue:Queue")
    assert graph.one("cloudpatterns:index:Workflow").outputs.get("parking_queue_arn") is None


def test_a_user_of_another_partition_gets_its_names() -> None:
    charge = {"function_arn": "arn:aws-cn:lambda:cn-north-1:123456789012:function:pay"}
    queue = "arn:aws-cn:sqs:cn-north-1:123456789012:mine"
    found = definition(make(steps=[{"name": "A", "function": charge}, {"name": "B", "send_message": {"queue_arn": queue}}]))["States"]
    assert found["A"]["Resource"] == "arn:aws-cn:states:::lambda:invoke"
    assert found["B"]["Arguments"]["QueueUrl"] == "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/mine"


# Given definitions.


@pytest.mark.parametrize("form", [dict, json.dumps])
def test_a_given_definition_is_taken_as_a_dictionary_or_as_text(form: Any) -> None:
    graph = make(definition=form(GIVEN), statements=INVOKE)
    assert definition(graph) == {"TimeoutSeconds": 86_400, **GIVEN}
    assert statements(graph)[0]["Action"] == ["lambda:InvokeFunction"]
    assert definition(make(definition={**GIVEN, "TimeoutSeconds": 60}, statements=INVOKE))["TimeoutSeconds"] == 60


def test_a_definition_that_is_known_only_later_is_checked_then() -> None:
    late = pulumi.Output.from_input(json.dumps(GIVEN))
    assert definition(make(definition=late, statements=INVOKE)) == {"TimeoutSeconds": 86_400, **GIVEN}
    broken = json.dumps({**GIVEN, "StartAt": "Nowhere"})
    with pytest.raises(Exception, match="StartAt is 'Nowhere'"):
        record(
            lambda: Workflow("orders", {"definition": pulumi.Output.from_input(broken), "statements": INVOKE}),  # ty: ignore[invalid-argument-type]
            mode="deployed",
        )


NO_PATH = (
    "has no failure path: neither it nor a state around it has a Catch with States.ALL. Add one, or name the state in states_without_catch."
)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            changed(Pay={**PAY, "End": True}, No={"Type": "Pass", "End": True}),
            ["No is not reachable: no state goes there.", f"Pay {NO_PATH}"],
        ),
        (changed(Pay={**GIVEN["States"]["Pay"], "TimeoutSeconds": None}), ["Pay has no TimeoutSeconds: a task that never answers"]),
        (
            changed(Pay={**GIVEN["States"]["Pay"], "HeartbeatSeconds": 30}),
            ["Pay has HeartbeatSeconds of 30; it must be below TimeoutSeconds, which is 30."],
        ),
        (changed(No={"Type": "Choice", "Choices": []}), ["No is a Choice without a Default: an input that no rule matches"]),
        (changed(No={"Type": "Nothing"}), ["No has the Type 'Nothing'; allowed are Task, Pass, Choice, "]),
        (changed(No={"Type": "Pass", "Next": "Gone"}), ["No goes to 'Gone', which is not a state beside it; those are Pay, No."]),
        (changed(No={"Type": "Pass"}), ["No needs exactly one of Next and End."]),
        (
            changed(
                No={
                    "Type": "Parallel",
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Pay"}],
                    "Branches": [{"StartAt": "Pay", "States": {"Pay": {**PAY, "End": True}}}],
                    "End": True,
                }
            ),
            ["Pay is the name of 2 states; a name is unique in the whole definition. Rename all but one."],
        ),
        ({"definition": "{", "statements": INVOKE}, ["is neither a dictionary nor JSON text of an object in Amazon States Language."]),
    ],
)
def test_what_is_wrong_with_a_given_definition_is_refused(given: dict[str, Any], reason: list[str]) -> None:
    problems = refused(**given)
    assert [path for path, _ in problems] == ["definition"] * len(reason)
    for (_, found), expected in zip(problems, reason, strict=True):
        assert found.startswith(expected)


def test_a_state_may_fail_the_execution_where_that_is_said() -> None:
    bare = {"definition": {"StartAt": "Pay", "States": {"Pay": {**PAY, "End": True}}}, "statements": INVOKE}
    assert refused(**bare) == [("definition", f"Pay {NO_PATH}")]
    make(**bare, states_without_catch=["Pay"])
    assert refused(**bare, states_without_catch=["Pay", "Gone"]) == [
        ("definition", "states_without_catch names Gone, which is not a state.")
    ]


def test_a_failure_inside_a_state_that_catches_has_a_path() -> None:
    inside = {"StartAt": "In", "States": {"In": {**PAY, "End": True}}}
    make(**changed(Pay={"Type": "Parallel", "Branches": [inside], "Catch": CATCH, "End": True}))
    assert refused(**changed(Pay={"Type": "Map", "ItemProcessor": inside, "Next": "No"})) == [
        ("definition", f"Pay {NO_PATH}"),
        ("definition", f"In {NO_PATH}"),
    ]


@pytest.mark.parametrize("ending", ["lambda:invoke.waitForTaskToken", "glue:startJobRun.sync", "states:startExecution.sync:2"])
def test_express_is_refused_with_what_it_cannot(ending: str) -> None:
    resource = f"arn:aws:states:::{ending}"
    given = changed(Pay={**GIVEN["States"]["Pay"], "Resource": resource})
    reason = f"Pay uses {resource}, which Express executions do not have. Use another integration, or express=False."
    assert refused(**given, express=True) == [("definition", reason)]
    make(**given)
    typed = {"name": "Call", "call": {"resource": resource}, "timeout_seconds": 20}
    words = "waits for a callback or the end of a job, which Express executions cannot. Use another integration, or express=False."
    assert refused(steps=[typed], statements=INVOKE, express=True) == [("steps.0", words)]


# Typed steps.

KINDS = "function, send_message, publish, put_event, put_item, update_item, call, wait, choice, values, fail, succeed, parallel, map, saga"


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        ([{"name": "A"}], [("steps.0", f"A needs exactly one of {KINDS}; none is given.")]),
        (
            [step("A", wait={"seconds": 1})],
            [("steps.0", f"A needs exactly one of {KINDS}; function and wait are given.")],
        ),
        ([step("A", next="B")], [("steps.0.next", "is 'B', which is not a step of the same sequence; known are A.")]),
        (
            [step("A"), step("A")],
            [("steps", "A is the name of 2 steps or compensations; a name is unique in the workflow. Rename all but one.")],
        ),
        (
            [step("A", next="C"), step("B"), step("C")],
            [("steps.1", "B is not reachable: no state goes there. Remove it, or let a state go there.")],
        ),
        (
            [step("A", heartbeat_seconds=10)],
            [("steps.0.heartbeat_seconds", "is for a callback: nobody else can send a heartbeat. Remove it, or set callback.")],
        ),
        (
            [{"name": "A", "function": {"function_arn": arn("A"), "callback": True}, "heartbeat_seconds": 60}],
            [("steps.0.heartbeat_seconds", "is 60; it must be below timeout_seconds, which is 60.")],
        ),
        (
            [{"name": "A", "wait": {"seconds": 1}, "compensation": call("B")}],
            [
                (
                    "steps.0.compensation",
                    "is for what can be undone (function, send_message, publish, put_event, put_item, update_item, call); A has wait. "
                    "Move it to the step that acts.",
                )
            ],
        ),
        (
            [{"name": "A", "wait": {}}],
            [("steps.0.wait.seconds", "exactly one of seconds and until is needed; none is given. Give one.")],
        ),
        (
            [step("A", catch=[{"errors": ["States.ALL", "B"]}])],
            [("steps.0.catch.0.errors", "has States.ALL beside others; it stands alone. Remove the others.")],
        ),
        (
            [step("A", retry={"errors": ["States.ALL", "B"]})],
            [("steps.0.retry.errors", "has States.ALL beside others; it stands alone. Remove the others.")],
        ),
        (
            [{"name": "A", "choice": {"rules": [{"test": {}}]}}],
            [("steps.0.choice.rules.0", "needs condition, and no test: query_language is JSONata.")],
        ),
        (
            [step("A", input={"id.$": "$.input.id"})],
            [("steps.0.input.id.$", "is a path of JSONPath; query_language is JSONata. Write an expression: {% $states.input... %}.")],
        ),
        (
            [{"name": "A", "function": {"name": "pay"}}],
            [("steps.0.function.name", "is 'pay', which is not one of functions; known are none.")],
        ),
        (
            [{"name": "A", "call": {"resource": "arn:aws:states:::aws-sdk:s3:getObject"}}],
            [
                (
                    "statements",
                    "is empty, and steps.0 calls arn:aws:states:::aws-sdk:s3:getObject: say what the role needs for it.",
                )
            ],
        ),
        (
            [{"name": "A", "saga": "b"}],
            [("steps.0", "A names 'b', which is not one of sequences; known are none.")],
        ),
    ],
)
def test_what_is_wrong_with_steps_is_refused(steps: list[dict[str, Any]], problems: list[tuple[str, str]]) -> None:
    assert refused(steps=steps) == problems


@pytest.mark.parametrize(
    ("language", "given", "reason"),
    [
        (
            "JSONata",
            {"id": "$states.input.input.id"},
            "is '$states.input.input.id', which would arrive as that text. Write an expression: {% $states.input.input.id %}.",
        ),
        ("JSONPath", {"id": "$.input.id"}, """is '$.input.id', which would arrive as that text. Write a path: {"id.$": "$.input.id"}."""),
        ("JSONPath", {"id": "$$.Task"}, """is '$$.Task', which would arrive as that text. Write a path: {"id.$": "$$.Task"}."""),
        ("JSONata", {"id": "{% $states.input.input.id %}"}, None),
        ("JSONPath", {"id.$": "$.input.id", "price": "$.99", "note": "$.inputs"}, None),
    ],
)
def test_an_expression_that_is_not_marked_as_one_is_refused(language: str, given: dict[str, Any], reason: str | None) -> None:
    args: Any = {"steps": [step("A", input=given)], "query_language": language}
    if reason is None:
        make(**args)
    else:
        assert refused(**args) == [("steps.0.input.id", reason)]


def test_sequences_are_each_used_once() -> None:
    inner = [step("B", compensation=call("b"))]
    assert refused(steps=[step("A")], sequences={"b": inner}) == [
        ("sequences.b", "is used by no step that runs. Remove it, or name it in a choice, parallel, map, saga or catch.")
    ]
    twice = [{"name": "A", "saga": "b"}, {"name": "C", "saga": "b"}]
    assert refused(steps=twice, sequences={"b": inner}) == [
        ("sequences.b", "is used 2 times; the states of a sequence are there once. Copy it under another name.")
    ]
    around = {"b": [{"name": "B", "saga": "c"}], "c": [{"name": "C", "saga": "b"}]}
    assert [path for path, _ in refused(steps=[step("A")], sequences=around)] == ["sequences.b", "sequences.c"]


def test_a_step_that_waits_for_its_sequences_catches_nothing() -> None:
    both = {"name": "Both", "parallel": {"sequences": ["b"]}, "catch": [{"errors": ["Oops"]}]}
    [(path, reason)] = refused(steps=[both], sequences={"b": [step("B", compensation=call("b"))]})
    assert path == "steps.0.catch"
    assert reason.endswith("Put the step into a saga, and the catch there.")
    make(steps=[both], sequences={"b": [step("B")]})


def test_a_step_waits_for_its_function() -> None:
    slow = {"pay": {**IMAGE, "timeout_seconds": 120}}
    [(path, reason)] = refused(functions=slow, steps=[{"name": "A", "function": {"name": "pay"}}])
    assert path == "steps.0.timeout_seconds"
    assert reason.startswith("is 60, below the 120 of the function pay, which would run on after the step has failed.")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"steps": []}, ("steps", "exactly one of steps and definition is needed; none is given. Give one.")),
        (
            {"definition": GIVEN, "statements": INVOKE, "park_failures": True},
            ("definition", "excludes park_failures: it belongs to steps; both are given. Remove one of them."),
        ),
        (
            {"steps": [step("A")], "resume_parked": True},
            ("resume_parked", "is True, and none of steps has a compensation. Add one, or leave it out."),
        ),
        (
            {
                "steps": [step("A", compensation=call("a")), {"name": "B", "saga": "inner"}],
                "sequences": {"inner": [step("C", compensation=call("c"))]},
                "resume_parked": True,
            },
            (
                "resume_parked",
                "is for compensations of steps; sequences.inner has one, of C, and its record is a part of the document. Leave it out.",
            ),
        ),
        (
            {"steps": [step("A", compensation=call("a"))], "resume_parked": True, "park_failures": True},
            ("resume_parked", "excludes park_failures: what it parks is compensated already; both are given. Remove one of them."),
        ),
        ({"definition": GIVEN}, ("statements", "is empty, and definition has tasks: say what the role needs for them.")),
        (
            {"express": True, "timeout_seconds": 301, "steps": [step("A", timeout_seconds=5)]},
            ("timeout_seconds", "is 301; an Express execution lasts at most 300 seconds. Give less, or express=False."),
        ),
        (
            {"alarm_topic_arns": [], "most_failed_executions": 5},
            ("alarm_topic_arns", "is missing; most_failed_executions needs it. Give it, or remove most_failed_executions."),
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(args: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problem in refused(**args)


def test_a_definition_that_is_too_large_is_refused() -> None:
    steps = [step(f"S{number}", description="x" * 500, input={"note": "y" * 4000}) for number in range(260)]
    with pytest.raises(Exception, match=re.compile(r"steps: is a definition of 1,\d+,\d+ bytes; Step Functions takes 1,048,576")):
        make(steps=steps, timeout_seconds=31_000_000)
