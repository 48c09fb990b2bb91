"""API Gateway: methods of REST APIs in an OpenAPI definition."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls.api_definition import api_definition_authorized
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

REST = "aws:apigateway/restApi:RestApi"
SCHEMES = {
    "pool": {"type": "apiKey", "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools"}},
    "iam": {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"},
    "key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
}
VPC = {"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c3d4e5f60718"}}
CALL = {"Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
PRIVATE = {"Statement": [{"Effect": "Allow", **CALL}, {"Effect": "Deny", **CALL, "Condition": VPC}]}
PUBLIC = {"Statement": [{"Effect": "Allow", **CALL}]}


def definition(operation: Any = None, verb: str = "get", **more: Any) -> dict[str, Any]:
    """A definition with one operation."""
    return {"paths": {"/orders": {verb: operation or {}}}, "components": {"securitySchemes": SCHEMES}, **more}


def judged(body: Any, **props: Any) -> Verdict:
    body = json.dumps(body) if isinstance(body, dict) else body
    return judged_api(resource(REST, "api", {"body": body, **props}))


def judged_api(subject: Resource, *others: Resource) -> Verdict:
    ((_, found),) = verdicts(api_definition_authorized, stack(subject, *others))
    return found


OPEN = Fail("lets anyone call GET /orders", "body")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, NotApplicable("has no definition")),
        ("openapi: 3.0.1", NotApplicable("has a definition that is not JSON")),
        ({}, Pass()),
        (definition({"security": [{"pool": []}]}), Pass()),
        (definition({"security": [{"iam": []}]}), Pass()),
        (definition({"security": [{"pool": [], "key": []}]}), Pass()),
        (definition({"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}), Pass()),
        (definition(security=[{"pool": []}]), Pass()),
        ({**definition({"security": [{"pool": []}]}), "components": None, "securityDefinitions": SCHEMES}, Pass()),
        (definition(verb="options"), Pass()),
        (definition(verb="parameters"), Pass()),
        (definition(), OPEN),
        (definition({"security": []}, security=[{"pool": []}]), OPEN),
        (definition({"security": [{"key": []}]}), OPEN),
        (definition({"security": [{"pool": []}, {}]}), OPEN),
        (definition({"security": [{"elsewhere": []}]}), OPEN),
        (definition({"x-amazon-apigateway-auth": {"type": "NONE"}}), OPEN),
        (definition({"security": [{"pool": []}]}, components=None), OPEN),
        (definition(verb="x-amazon-apigateway-any-method"), Fail("lets anyone call ANY /orders", "body")),
        (
            {"paths": {f"/{name}": {"get": {}} for name in "abcde"}},
            Fail("lets anyone call GET /a, GET /b, GET /c and 2 more", "body"),
        ),
        (definition(**{"x-amazon-apigateway-policy": PRIVATE}), Pass()),
        (definition(**{"x-amazon-apigateway-policy": PUBLIC}), OPEN),
        (definition(**{"x-amazon-apigateway-policy": {}}), OPEN),
    ],
)
def test_definition(body: Any, expected: Verdict) -> None:
    assert judged(body) == expected


def test_a_definition_behind_a_policy() -> None:
    assert judged(definition(), policy=json.dumps(PRIVATE)) == Pass()
    assert judged(definition(), policy=json.dumps(PUBLIC)) == OPEN
    props = {"restApiId": UNKNOWN, "policy": json.dumps(PRIVATE)}
    policy = resource("aws:apigateway/restApiPolicy:RestApiPolicy", "policy", props, deps={"restApiId": ["api"]})
    assert judged_api(resource(REST, "api", {"body": json.dumps(definition())}), policy) == Pass()


def test_a_definition_that_is_not_known_yet() -> None:
    function = resource("aws:lambda/function:Function", "function")
    api = resource(REST, "api", {"body": UNKNOWN}, deps={"body": ["function"]})
    assert judged_api(api, function) == Unknown("body")


def test_an_api_without_a_definition() -> None:
    assert judged_api(resource(REST, "api", {})) == NotApplicable("has no definition")
    # As the stack shows what the program left out.
    assert judged_api(resource(REST, "api", {"body": UNKNOWN})) == NotApplicable("has no definition")
