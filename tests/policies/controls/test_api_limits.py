"""How many requests stages pass on, and how long callers wait for functions."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import api_limits as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

API, ROUTE, V2_STAGE = "aws:apigatewayv2/api:Api", "aws:apigatewayv2/route:Route", "aws:apigatewayv2/stage:Stage"
REST_API, REST_STAGE = "aws:apigateway/restApi:RestApi", "aws:apigateway/stage:Stage"
SETTINGS, PLAN = "aws:apigateway/methodSettings:MethodSettings", "aws:apigateway/usagePlan:UsagePlan"
REST_INTEGRATION, V2_INTEGRATION = "aws:apigateway/integration:Integration", "aws:apigatewayv2/integration:Integration"
FUNCTION, ALIAS = "aws:lambda/function:Function", "aws:lambda/alias:Alias"
POOL, SOURCE = "aws:cognito/userPool:UserPool", "aws:appsync/dataSource:DataSource"
MACHINE = "aws:sfn/stateMachine:StateMachine"
GONE = "urn:pulumi:test::project::x:y:Z::gone"
RATE, BURST = "throttlingRateLimit", "throttlingBurstLimit"
LIMITS = {RATE: 100, BURST: 200}


def judged(control: Any, subject: Resource, *others: Resource) -> list[Verdict]:
    return [verdict for name, verdict in verdicts(control, stack(subject, *others)) if name == subject.name]


def v2_stage(props: dict[str, Any], *others: Resource) -> list[Verdict]:
    subject = resource(V2_STAGE, "s", {"apiId": UNKNOWN, **props}, deps={"apiId": ["api"]})
    return judged(controls.api_throttled, subject, resource(API, "api"), *others)


DEFAULT = f"defaultRouteSettings.{RATE}"
OPEN = [Fail("passes on as many requests as the account may", DEFAULT)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (LIMITS, [Pass()]),
        ({RATE: 0, BURST: 0}, [Pass()]),
        ({RATE: 100}, OPEN),
        ({BURST: 200}, OPEN),
        ({RATE: -1, BURST: 200}, OPEN),
        ({}, OPEN),
        ({RATE: UNKNOWN, BURST: 200}, [Unknown(DEFAULT)]),
        ({RATE: 100, BURST: UNKNOWN}, [Unknown(DEFAULT)]),
    ],
)
def test_stages_of_http_apis(settings: dict[str, Any], expected: list[Verdict]) -> None:
    assert v2_stage({"defaultRouteSettings": settings}) == expected


def test_stages_that_say_nothing() -> None:
    assert v2_stage({}) == OPEN
    # The provider's preview shows what the program omits as unknown.
    assert v2_stage({"defaultRouteSettings": UNKNOWN}) == OPEN


def test_stages_with_limits_for_each_route() -> None:
    def route(key: str) -> Resource:
        return resource(ROUTE, key, {"routeKey": key, "apiId": UNKNOWN}, deps={"apiId": ["api"]})

    settings = {"routeSettings": [{"routeKey": "GET /a", **LIMITS}, {"routeKey": "GET /b", RATE: 1}]}
    assert v2_stage(settings, route("GET /a")) == [Pass()]
    assert v2_stage(settings, route("GET /a"), route("GET /b")) == OPEN
    assert v2_stage(settings, route("GET /a"), route("GET /c")) == OPEN
    assert v2_stage(settings) == OPEN


REST_OPEN = [Fail("passes on as many requests as the account may")]


def rest_stage(*others: Resource) -> list[Verdict]:
    return judged(controls.api_throttled, resource(REST_STAGE, "s", {"stageName": "live"}), *others)


def settings(limits: Any, path: str = "*/*", of: str = "s") -> Resource:
    return resource(SETTINGS, "m", {"stageName": UNKNOWN, "methodPath": path, "settings": limits}, deps={"stageName": [of]})


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (settings(LIMITS), [Pass()]),
        (settings({RATE: 100}), REST_OPEN),
        (settings({RATE: -1, BURST: -1}), REST_OPEN),
        (settings({}), REST_OPEN),
        (settings(LIMITS, "orders/GET"), REST_OPEN),
        (settings({RATE: UNKNOWN, BURST: 200}), [Unknown(f"settings.{RATE} of m")]),
    ],
)
def test_stages_of_rest_apis(item: Resource, expected: list[Verdict]) -> None:
    assert rest_stage(item) == expected


def test_stages_of_rest_apis_without_settings_of_their_own() -> None:
    assert rest_stage() == REST_OPEN
    assert rest_stage(resource(REST_STAGE, "other", {"stageName": "test"}), settings(LIMITS, of="other")) == REST_OPEN


def test_usage_plans() -> None:
    def plan(**props: Any) -> Resource:
        stages = [{"apiId": UNKNOWN, "stage": UNKNOWN}]
        return resource(PLAN, "p", {"apiStages": stages, **props}, deps={"apiStages": ["s"]})

    assert rest_stage(plan(throttleSettings={"rateLimit": 5, "burstLimit": 5})) == [Pass()]
    assert rest_stage(plan()) == REST_OPEN
    elsewhere = resource(PLAN, "p", {"apiStages": [{"stage": "x"}], "throttleSettings": {"rateLimit": 5}})
    assert rest_stage(elsewhere) == REST_OPEN


NOTHING = [NotApplicable("waits for no function of the stack")]


def calls(type: str, props: dict[str, Any], path: str, timeout: Any, *others: Resource, to: str = "f") -> list[Verdict]:
    given = {} if timeout is None else {"timeout": timeout}
    function = resource(FUNCTION, "f", given, deps={"timeout": [GONE]} if timeout is UNKNOWN else {})
    deps = {path.partition(".")[0]: [to], **{name: [GONE] for name, value in props.items() if value is UNKNOWN and name != path}}
    return judged(controls.function_within_callers_time, resource(type, "x", props, deps=deps), function, *others)


@pytest.mark.parametrize(
    ("props", "timeout", "expected"),
    [
        ({}, None, [Pass()]),
        ({}, 29, [Pass()]),
        ({}, 30, [Fail("waits 29 seconds for f, which may run for 30", "timeoutMilliseconds")]),
        ({"timeoutMilliseconds": 60_000}, 60, [Pass()]),
        ({"timeoutMilliseconds": 1000}, None, [Fail("waits 1 second for f, which may run for 3", "timeoutMilliseconds")]),
        ({"timeoutMilliseconds": 1500}, 2, [Fail("waits 1.5 seconds for f, which may run for 2", "timeoutMilliseconds")]),
        ({"timeoutMilliseconds": UNKNOWN}, 2, [Unknown("timeoutMilliseconds")]),
        ({}, UNKNOWN, [Unknown("timeout of f")]),
        ({"responseTransferMode": "STREAM"}, 300, NOTHING),
        ({"responseTransferMode": "BUFFERED"}, 20, [Pass()]),
        ({"requestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}}, 300, NOTHING),
        ({"requestParameters": {"integration.request.header.X": "'Event'"}}, 20, [Pass()]),
    ],
)
def test_integrations_of_rest_apis(props: dict[str, Any], timeout: Any, expected: list[Verdict]) -> None:
    assert calls(REST_INTEGRATION, {"uri": UNKNOWN, **props}, "uri", timeout) == expected


@pytest.mark.parametrize(
    ("protocol", "timeout", "expected"),
    [
        ("HTTP", 30, [Pass()]),
        ("HTTP", 31, [Fail("waits 30 seconds for f, which may run for 31", "timeoutMilliseconds")]),
        ("WEBSOCKET", 30, [Fail("waits 29 seconds for f, which may run for 30", "timeoutMilliseconds")]),
    ],
)
def test_integrations_of_other_apis(protocol: str, timeout: int, expected: list[Verdict]) -> None:
    props = {"apiId": UNKNOWN, "integrationUri": UNKNOWN}
    subject = resource(V2_INTEGRATION, "x", props, deps={"apiId": ["api"], "integrationUri": ["f"]})
    others = (resource(API, "api", {"protocolType": protocol}), resource(FUNCTION, "f", {"timeout": timeout}))
    assert judged(controls.function_within_callers_time, subject, *others) == expected


def test_integrations_behind_an_alias_and_with_something_else() -> None:
    alias = resource(ALIAS, "live", {"functionName": UNKNOWN}, deps={"functionName": ["f"]})
    found = calls(REST_INTEGRATION, {"uri": UNKNOWN}, "uri", 60, alias, to="live")
    assert found == [Fail("waits 29 seconds for f, which may run for 60", "timeoutMilliseconds")]
    subject = resource(REST_INTEGRATION, "x", {"uri": "https://example.com"})
    assert judged(controls.function_within_callers_time, subject) == NOTHING


def test_user_pools() -> None:
    def found(triggers: dict[str, Any], timeout: Any = 6) -> list[Verdict]:
        return calls(POOL, {"lambdaConfig": triggers}, "lambdaConfig", timeout)

    late = [Fail("waits 5 seconds for f, which may run for 6", "lambdaConfig.preSignUp")]
    assert found({"preSignUp": UNKNOWN}) == late
    assert found({"preSignUp": UNKNOWN, "kmsKeyId": "key"}) == late
    assert found({"preSignUp": UNKNOWN}, 5) == [Pass()]
    assert found({"preTokenGenerationConfig": {"lambdaArn": UNKNOWN, "lambdaVersion": "V2_0"}}) == [
        Fail("waits 5 seconds for f, which may run for 6", "lambdaConfig.preTokenGenerationConfig.lambdaArn")
    ]
    assert found({"customEmailSender": {"lambdaArn": UNKNOWN, "lambdaVersion": "V1_0"}}) == NOTHING
    assert judged(controls.function_within_callers_time, resource(POOL, "x")) == NOTHING


def test_a_trigger_that_may_be_one_of_two_functions() -> None:
    subject = resource(POOL, "x", {"lambdaConfig": {"preSignUp": UNKNOWN}}, deps={"lambdaConfig": ["f", "g"]})
    functions = [resource(FUNCTION, name, {"timeout": 60}) for name in "fg"]
    assert judged(controls.function_within_callers_time, subject, *functions) == NOTHING


def test_resolvers() -> None:
    props = {"lambdaConfig": {"functionArn": UNKNOWN}}
    path = "lambdaConfig.functionArn"
    assert calls(SOURCE, props, path, 30) == [Pass()]
    assert calls(SOURCE, props, path, 31) == [Fail("waits 30 seconds for f, which may run for 31", path)]


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def steps(name: str, **fields: Any) -> list[Verdict]:
    step = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": name}, "End": True, **fields}
    machine = resource(MACHINE, "x", {"definition": json.dumps({"States": {"Charge": step}})})
    return judged(controls.function_within_callers_time, machine, resource(FUNCTION, "f", {"name": "orders", "arn": ARN, "timeout": 60}))


@pytest.mark.parametrize("name", ["orders", ARN, f"{ARN}:live"])
def test_steps_of_state_machines(name: str) -> None:
    late = [Fail("waits in step Charge 10 seconds for f, which may run for 60", "definition")]
    assert steps(name, TimeoutSeconds=10) == late
    assert steps(name, TimeoutSeconds=60) == [Pass()]
    assert steps(name, TimeoutSeconds="{% $n %}") == NOTHING
    assert steps(name) == NOTHING
    arguments = {"Parameters": None, "Arguments": {"FunctionName": name}}
    assert steps(name, TimeoutSeconds=10, **arguments) == late


def test_steps_that_name_the_function_as_what_they_call() -> None:
    late = [Fail("waits in step Charge 10 seconds for f, which may run for 60", "definition")]
    assert steps("", Resource=ARN, Parameters=None, TimeoutSeconds=10) == late


def test_steps_of_other_functions() -> None:
    assert steps("payments", TimeoutSeconds=10) == NOTHING
    assert steps("orders", TimeoutSeconds=10, Resource="arn:aws:states:::lambda:invoke.waitForTaskToken") == NOTHING
    assert steps("orders", TimeoutSeconds=10, Parameters={"FunctionName.$": "$.name"}) == NOTHING
    machine = resource(MACHINE, "x", {"definition": UNKNOWN})
    assert judged(controls.function_within_callers_time, machine) == [Unknown("definition")]
