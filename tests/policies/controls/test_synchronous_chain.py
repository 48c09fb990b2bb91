"""Chains of functions that wait for each other."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls.synchronous_chain import synchronous_chain
from cloudpatterns_policies.core import Fail, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

FUNCTION = "aws:lambda/function:Function"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT, POLICY = "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:iam/policy:Policy"
API, HTTP_API = "aws:apigateway/integration:Integration", "aws:apigatewayv2/integration:Integration"
NOTHING = [("", Pass())]


def arn(name: str) -> str:
    return f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"


def allow(*resources: str, action: str = "lambda:InvokeFunction", effect: str = "Allow") -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": list(resources)}})


def function(name: str, **props: Any) -> list[Resource]:
    """A function with a role of its own."""
    made = {"role": UNKNOWN, "arn": arn(name), **props}
    return [resource(ROLE, f"{name}-role"), resource(FUNCTION, name, made, deps={"role": [f"{name}-role"]})]


def call(caller: str, *targets: str, document: Any = None) -> Resource:
    """The right of a function to invoke others; a document that is not known leads to them."""
    props = {"role": UNKNOWN, "policy": allow(*map(arn, targets)) if document is None else document}
    deps = {"role": [f"{caller}-role"], "policy": list(targets)}
    return resource(ROLE_POLICY, f"{caller}-{'-'.join(targets)}", props, deps=deps)


def functions(names: str) -> list[Resource]:
    return [part for name in names for part in function(name)]


def chain(count: int, shown: str) -> Fail:
    return Fail(f"may begin a chain of {count} synchronous calls: {shown}", "role")


def found(*parts: Resource, config: dict[str, Any] | None = None) -> list[tuple[str, Verdict]]:
    return verdicts(synchronous_chain, stack(*parts), config)


def test_three_calls_in_a_row_are_told_and_two_are_not() -> None:
    parts = [*functions("abcd"), call("a", "b"), call("b", "c")]
    assert found(*parts) == NOTHING
    assert found(*parts, call("c", "d")) == [("a", chain(3, "a -> b -> c -> d"))]


@pytest.mark.parametrize(
    ("kind", "path", "shown"),
    [
        (API, "uri", "apigateway"),
        (HTTP_API, "integrationUri", "apigatewayv2"),
        ("aws:appsync/dataSource:DataSource", "lambdaConfig", "appsync"),
        ("aws:lambda/functionUrl:FunctionUrl", "functionName", "lambda"),
    ],
)
def test_what_calls_for_somebody_who_waits_is_a_call_too(kind: str, path: str, shown: str) -> None:
    parts = [*functions("abc"), resource(kind, "door", {path: UNKNOWN}, deps={path: ["a"]}), call("a", "b")]
    assert found(*parts) == NOTHING
    assert found(*parts, call("b", "c")) == [("a", chain(3, f"{shown} door -> a -> b -> c"))]


def test_an_alias_stands_for_its_function() -> None:
    alias = resource("aws:lambda/alias:Alias", "live", {"functionName": UNKNOWN}, deps={"functionName": ["a"]})
    door = resource(API, "door", {"uri": UNKNOWN}, deps={"uri": ["live"]})
    parts = [*functions("abc"), alias, door, call("a", "b", document=allow(f"{arn('b')}:live")), call("b", "c")]
    assert found(*parts) == [("a", chain(3, "apigateway door -> a -> b -> c"))]


def test_how_many_calls_are_too_many_is_a_setting() -> None:
    parts = [*functions("abcd"), call("a", "b"), call("b", "c"), call("c", "d")]
    assert found(*parts, config={"maximumCalls": 3}) == NOTHING
    assert found(*parts, config={"maximumCalls": 1}) == [("a", chain(2, "a -> b -> c"))]


@pytest.mark.parametrize(
    "document",
    [
        allow(arn("d"), effect="Deny"),
        allow(arn("d"), action="lambda:GetFunction"),
        allow("*"),
        allow("arn:aws:lambda:*:*:function:*"),
        allow(arn("dd")),
        "no document",
    ],
)
def test_a_document_that_lets_nobody_named_be_called(document: str) -> None:
    # Rights on every function are another control's matter, and name nobody.
    assert found(*functions("abcd"), call("a", "b"), call("b", "c"), call("c", "d", document=document)) == NOTHING


@pytest.mark.parametrize("action", ["lambda:*", "lambda:Invoke*", "*", "LAMBDA:invokefunction"])
def test_actions_with_wildcards_count(action: str) -> None:
    parts = [*functions("abcd"), call("a", "b"), call("b", "c"), call("c", "d", document=allow(arn("d"), action=action))]
    assert found(*parts) == [("a", chain(3, "a -> b -> c -> d"))]


@pytest.mark.parametrize("link", ["attached", "inline"])
def test_the_right_may_stand_in_another_kind_of_policy(link: str) -> None:
    parts = [*functions("abd"), call("a", "b"), call("b", "c")]
    inline = {"inlinePolicies": [{"policy": allow(arn("d"))}]} if link == "inline" else {}
    parts += [resource(ROLE, "c-role", inline), resource(FUNCTION, "c", {"role": UNKNOWN, "arn": arn("c")}, deps={"role": ["c-role"]})]
    if link == "attached":
        parts.append(resource(POLICY, "policy", {"policy": allow(arn("d"))}))
        attached = {"role": ["c-role"], "policyArn": ["policy"]}
        parts.append(resource(ATTACHMENT, "attachment", {"role": UNKNOWN, "policyArn": UNKNOWN}, deps=attached))
    assert found(*parts) == [("a", chain(3, "a -> b -> c -> d"))]


def test_a_function_that_nobody_waits_for_breaks_the_chain() -> None:
    calls = [call("a", "b"), call("b", "c"), call("c", "d")]
    queue = {"deadLetterConfig": {"targetArn": "arn:queue"}}
    assert found(*functions("abd"), *function("c", **queue), *calls) == NOTHING
    deps = {"functionName": ["c"]}
    parked = resource("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "p", {"functionName": UNKNOWN}, deps=deps)
    assert found(*functions("abcd"), *calls, parked) == NOTHING


def test_a_state_machine_that_calls_functions_is_no_chain() -> None:
    machine = resource("aws:sfn/stateMachine:StateMachine", "m", {"roleArn": UNKNOWN}, deps={"roleArn": ["m-role"]})
    assert found(*functions("abcd"), resource(ROLE, "m-role"), machine, call("m", "a", "b", "c", "d")) == NOTHING


def test_a_circle_is_told_once_and_a_function_never_twice_in_a_chain() -> None:
    circle = [call("a", "b"), call("b", "c"), call("c", "a")]
    assert found(*functions("abc"), *circle, call("a", "a", document=allow(arn("a")))) == NOTHING
    assert found(*functions("abcd"), *circle[:2], call("c", "d"), call("d", "a")) == [("a", chain(3, "a -> b -> c -> d"))]


def test_a_long_chain_is_told_at_its_beginning_alone() -> None:
    parts = [*functions("abcde"), call("e", "d"), call("d", "c"), call("c", "b"), call("b", "a")]
    assert found(*parts) == [("e", chain(3, "e -> d -> c -> b"))]


@pytest.mark.parametrize("document", [UNKNOWN, {"Statement": {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": UNKNOWN}}])
def test_a_document_that_is_not_known_yet(document: Any) -> None:
    parts = [*functions("abcd"), call("a", "b"), call("c", "d")]
    assert found(*parts, call("b", "c", document=document)) == [("a", Unknown("policy of b-c"))]
    assert found(*parts, call("b", "a", document=document)) == NOTHING


def test_a_document_that_is_not_known_does_not_hide_what_is() -> None:
    parts = [*functions("abcd"), call("a", "b"), call("b", "c"), call("c", "d"), call("a", "c", document=UNKNOWN)]
    assert found(*parts) == [("a", chain(3, "a -> b -> c -> d"))]
    parked = function("c", deadLetterConfig={"targetArn": "arn:queue"})
    assert found(*functions("abd"), *parked, call("a", "b"), call("b", "c", document=UNKNOWN), call("c", "d")) == NOTHING
