"""Limits of APIs and of other callers: how many requests they pass on, and how long they wait for a function."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from cloudpatterns_policies.controls._event_sources import ALIAS, FUNCTION
from cloudpatterns_policies.controls._state_machines import MACHINE, definition, states
from cloudpatterns_policies.controls.api import API, REST_STAGE, ROUTE, SETTINGS, V2_STAGE, api_type, same_stage
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read, refer

_USAGE_PLAN: Final = "aws:apigateway/usagePlan:UsagePlan"
_INTEGRATION: Final = "aws:apigateway/integration:Integration"
_V2_INTEGRATION: Final = "aws:apigatewayv2/integration:Integration"
_USER_POOL: Final = "aws:cognito/userPool:UserPool"
_DATA_SOURCE: Final = "aws:appsync/dataSource:DataSource"
_LIMITS: Final = ("throttlingRateLimit", "throttlingBurstLimit")

_FUNCTION_SECONDS: Final = 3
"""How long a function may run when the program does not say."""
_REST_SECONDS: Final = 29
_HTTP_SECONDS: Final = 30
_RESOLVER_SECONDS: Final = 30
_TRIGGER_SECONDS: Final = 5
_INVOCATION: Final = "integration.request.header.X-Amz-Invocation-Type"
_SENDERS: Final = ("customEmailSender", "customSmsSender")
"""Triggers of a user pool that it does not wait for; `kmsKeyId` is beside them."""


@stack_control(
    id="api-throttled",
    title="Stages of APIs limit how many requests they take",
    severity=Severity.MEDIUM,
    types=(REST_STAGE, V2_STAGE),
    why="All APIs of an account in a region share one limit: a flood of one of them leaves nothing to the others, and runs up the bill.",
    remediation="Set throttling_rate_limit and throttling_burst_limit: of default_route_settings, or of the aws.apigateway.MethodSettings"
    ' for "*/*".',
    url="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html",
    pack="operations",
)
def api_throttled(resource: Resource, stack: Stack) -> Verdict:
    return _rest_throttled(resource, stack) if resource.type == REST_STAGE else _v2_throttled(resource, stack)


def _v2_throttled(stage: Resource, stack: Stack) -> Verdict:
    state = _limited(stage, "defaultRouteSettings")
    if state == "missing" and _each_route_limited(stage, stack):
        return Pass()
    path = f"defaultRouteSettings.{_LIMITS[0]}"
    return {"set": Pass(), "unknown": Unknown(path)}.get(state, Fail("passes on as many requests as the account may", path))


def _each_route_limited(stage: Resource, stack: Stack) -> bool:
    """Whether every route of the stage's API in the stack has limits of its own."""
    settings = read(stage, "routeSettings", computed=True)
    count = len(settings) if isinstance(settings, list) else 0
    limited = {str(_text(stage, f"routeSettings.{at}.routeKey")) for at in range(count) if _limited(stage, f"routeSettings.{at}") == "set"}
    routes = [route for api in stack.refs(stage, "apiId", API) for route in stack.referrers(api, ROUTE, "apiId")]
    return bool(routes) and all(_text(route, "routeKey") in limited for route in routes)


def _rest_throttled(stage: Resource, stack: Stack) -> Verdict:
    unknown = ""
    for item in stack.of_type(SETTINGS):
        if _text(item, "methodPath") == "*/*" and same_stage(item, stage, stack):
            state = _limited(item, "settings")
            if state == "set":
                return Pass()
            unknown = unknown or (f"settings.{_LIMITS[0]} of {item.name}" if state == "unknown" else "")
    # The plans of an API's customers limit each of them.
    for plan in stack.of_type(_USAGE_PLAN):
        if stage in stack.refs(plan, "apiStages") and read(plan, "throttleSettings", computed=True) is not None:
            return Pass()
    return Unknown(unknown) if unknown else Fail("passes on as many requests as the account may")


def _limited(resource: Resource, path: str) -> str:
    """Whether the limits under a path are `set`, `missing` or `unknown`."""
    found = [read(resource, f"{path}.{name}", computed=True) for name in _LIMITS]
    if any(limit is UNKNOWN for limit in found):
        return "unknown"
    # -1 is no limit.
    return "set" if all(limit is not None and limit >= 0 for limit in found) else "missing"


def _text(resource: Resource, path: str) -> str:
    value = read(resource, path)
    return value if isinstance(value, str) else ""


@stack_control(
    id="function-within-callers-time",
    title="Functions end before their callers give up",
    severity=Severity.LOW,
    types=(_INTEGRATION, _V2_INTEGRATION, _USER_POOL, _DATA_SOURCE, MACHINE),
    why="The caller reports a failure, and calls again, while the function is still doing the work: it is done twice, and paid for twice.",
    remediation="Set timeout of the function to less than the caller waits, or let the caller hand the work to a queue or a state machine.",
    url="https://docs.aws.amazon.com/wellarchitected/latest/reliability-pillar/rel_mitigate_interaction_failure_client_timeouts.html",
    pack="operations",
)
def function_within_callers_time(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    calls = list(_of_machine(resource, stack) if resource.type == MACHINE else _calls(resource, stack))
    if not calls:
        yield NotApplicable("waits for no function of the stack")
    for waits, seconds, function, where in calls:
        timeout = read(function, "timeout", computed=True)
        if timeout is UNKNOWN:
            yield Unknown(f"timeout of {function.name}")
        elif seconds is UNKNOWN:
            yield Unknown(where)
        elif (longest := _FUNCTION_SECONDS if timeout is None else timeout) > seconds:
            yield Fail(f"{waits} {_seconds(seconds)} for {function.name}, which may run for {longest:g}", where)


def _calls(resource: Resource, stack: Stack) -> Iterator[tuple[str, Any, Resource, str]]:
    """How a resource waits for functions: words, seconds, the function and the property."""
    if resource.type == _DATA_SOURCE:
        for function in _functions(resource, "lambdaConfig.functionArn", stack):
            yield "waits", _RESOLVER_SECONDS, function, "lambdaConfig.functionArn"
    elif resource.type == _USER_POOL:
        triggers = read(resource, "lambdaConfig", computed=True)
        for name, trigger in triggers.items() if isinstance(triggers, dict) else ():
            path = f"lambdaConfig.{name}.lambdaArn" if isinstance(trigger, dict) else f"lambdaConfig.{name}"
            if name not in (*_SENDERS, "kmsKeyId"):
                for function in _functions(resource, path, stack):
                    yield "waits", _TRIGGER_SECONDS, function, path
    else:
        rest = resource.type == _INTEGRATION
        path = "timeoutMilliseconds"
        milliseconds = read(resource, path, computed=True)
        default = _REST_SECONDS if rest or api_type(resource, stack) == "WEBSOCKET" else _HTTP_SECONDS
        seconds = default if milliseconds is None else milliseconds if milliseconds is UNKNOWN else milliseconds / 1000
        if not (rest and _answers_first(resource)):
            for function in _functions(resource, "uri" if rest else "integrationUri", stack):
                yield "waits", seconds, function, path


def _answers_first(integration: Resource) -> bool:
    """Whether an integration streams what the function has so far, or does not wait for it at all."""
    parameters = read(integration, "requestParameters", computed=True)
    invocation = parameters.get(_INVOCATION) if isinstance(parameters, dict) else None
    return _text(integration, "responseTransferMode") == "STREAM" or invocation is not None


def _of_machine(machine: Resource, stack: Stack) -> Iterator[tuple[str, Any, Resource, str]]:
    """The steps of a state machine with a limit in seconds that call a function of the stack."""
    by_name = _functions_by_name(stack)
    for state in states(definition(machine)):
        seconds = state.body.get("TimeoutSeconds")
        # A version or an alias follows the function's own ARN, which has seven parts.
        function = by_name.get(":".join(state.function.split(":")[:7])) if state.calls_function else None
        if function is not None and isinstance(seconds, int):
            yield f"waits in step {state.name}", seconds, function, "definition"


@lru_cache(maxsize=16)
def _functions_by_name(stack: Stack) -> Mapping[str, Resource]:
    """The functions of the stack by their names and ARNs, as far as they are known."""
    return {name: function for function in stack.of_type(FUNCTION) for key in ("name", "arn") if (name := _text(function, key))}


def _functions(resource: Resource, path: str, stack: Stack) -> Iterator[Resource]:
    """The function that a property surely names, by an alias too."""
    found = refer(stack, resource, path, (FUNCTION, ALIAS), computed=True)
    if found.certain and len(found.targets) == 1:
        target = found.targets[0]
        yield from stack.refs(target, "functionName", FUNCTION) if target.type == ALIAS else [target]


def _seconds(number: float) -> str:
    return f"{number:g} second{'' if number == 1 else 's'}"
