"""Definitions of REST APIs: methods that an OpenAPI document names, in the property `body`."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._documents import Statement, statements
from cloudpatterns_policies.controls._public_access import public_statements
from cloudpatterns_policies.controls.api import REST_API, policies_verdict
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.graph.reading import read

_ANY: Final = "x-amazon-apigateway-any-method"
_METHODS: Final = ("get", "put", "post", "delete", "patch", "head", _ANY)
_SIGNED: Final = "aws_iam"


@stack_control(
    id="api-definition-authorized",
    title="Methods in the definition of a REST API require authorization",
    severity=Severity.MEDIUM,
    types=(REST_API,),
    why="Anyone who knows the URL can call the method. An API key does not authenticate: it only meters calls.",
    remediation="Give each operation of body a security scheme with an authorizer or with awsSigv4, or the API a policy with limits.",
    url="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html",
)
def api_definition_authorized(resource: Resource, stack: Stack) -> Verdict:
    # What the program left out may show as unknown.
    body = read(resource, "body", computed=True)
    if body is UNKNOWN:
        return Unknown("body")
    if not body:
        return NotApplicable("has no definition")
    try:
        definition = json.loads(body)
    except ValueError:
        return NotApplicable("has a definition that is not JSON")
    open_to_all = list(_open(definition))
    if not open_to_all:
        return Pass()
    if isinstance(policy := definition.get("x-amazon-apigateway-policy"), Mapping) and _limits(statements(policy)):
        return Pass()
    if (verdict := policies_verdict(resource, stack)) is not None:
        return verdict
    more = f" and {len(open_to_all) - 3} more" if len(open_to_all) > 3 else ""
    return Fail(f"lets anyone call {', '.join(open_to_all[:3])}{more}", "body")


def _limits(policy: list[Statement]) -> bool:
    """Whether a policy keeps everybody out but fixed callers, networks or endpoints."""
    return any(statement.allow for statement in policy) and not list(public_statements(policy))


def _open(definition: Mapping[str, Any]) -> Iterator[str]:
    """The methods that need neither an authorizer nor a signature; those of browsers' preflight requests have no credentials."""
    schemes = definition.get("securityDefinitions") or (definition.get("components") or {}).get("securitySchemes") or {}
    for path, operations in (definition.get("paths") or {}).items():
        for verb, operation in operations.items():
            if verb in _METHODS and not _authorized(operation, definition.get("security"), schemes):
                yield f"{'ANY' if verb == _ANY else verb.upper()} {path}"


def _authorized(operation: Mapping[str, Any], default: Any, schemes: Mapping[str, Any]) -> bool:
    if str((operation.get("x-amazon-apigateway-auth") or {}).get("type")).lower() == _SIGNED:
        return True
    # Of several requirements, any one is enough; within one, every scheme is needed.
    requirements = operation.get("security", default) or []
    return bool(requirements) and all(any(_authenticates(schemes.get(name) or {}) for name in each) for each in requirements)


def _authenticates(scheme: Mapping[str, Any]) -> bool:
    return "x-amazon-apigateway-authorizer" in scheme or str(scheme.get("x-amazon-apigateway-authtype")).lower() == "awssigv4"
