"""Puts the APIs of a recorded graph into an emulator, and calls their routes."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple

from offline_preview.graph import Graph

from tests.emulators.ministack import MiniStack

_EXTENSION = "x-amazon-apigateway-"


class Response(NamedTuple):
    """What a caller gets."""

    status: int
    headers: dict[str, str]
    body: Any


def call(emulator: MiniStack, api: str, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None) -> Response:
    """Sends a request to an API at its stage: ``api`` is ``<id>/<stage>``. Header names of the response are in lower case."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = {} if data is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{emulator.url}/_aws/execute-api/{api}{path}", data=data, method=method, headers={**kind, **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, received, text = response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        status, received, text = error.code, error.headers, error.read().decode()
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = text
    return Response(status, {name.lower(): value for name, value in received.items()}, parsed)


class RestLoader:
    """Creates a REST API from its definition, resource by resource: the emulator's own import leaves mapping templates out."""

    def __init__(self, emulator: MiniStack, definition: Mapping[str, Any]) -> None:
        self._client = emulator.client("apigateway")
        self._definition = definition
        self._api = self._client.create_rest_api(name=definition["info"]["title"])["id"]
        items = self._client.get_resources(restApiId=self._api)["items"]
        self._resources = {"/": next(item["id"] for item in items if item["path"] == "/")}

    def load(self, stage_name: str) -> str:
        """Creates all of it and deploys it; ``<id>/<stage>`` for ``call``."""
        client, api, definition = self._client, self._api, self._definition
        for name, schema in definition["components"]["schemas"].items():
            client.create_model(restApiId=api, name=name, contentType="application/json", schema=json.dumps(schema))
        validators = {
            name: client.create_request_validator(restApiId=api, name=name, **validator)["id"]
            for name, validator in definition[f"{_EXTENSION}request-validators"].items()
        }
        authorizers = self._authorizers()
        for kind, response in definition[f"{_EXTENSION}gateway-responses"].items():
            status = {"statusCode": str(response["statusCode"])} if "statusCode" in response else {}
            client.put_gateway_response(
                restApiId=api,
                responseType=kind,
                responseParameters=response.get("responseParameters", {}),
                responseTemplates=response["responseTemplates"],
                **status,
            )
        for path, operations in definition["paths"].items():
            for verb, operation in operations.items():
                method = "ANY" if verb == f"{_EXTENSION}any-method" else verb.upper()
                self._method(
                    {"restApiId": api, "resourceId": self._resource(path), "httpMethod": method}, operation, authorizers, validators
                )
        deployment = client.create_deployment(restApiId=api)["id"]
        client.create_stage(restApiId=api, stageName=stage_name, deploymentId=deployment)
        return f"{api}/{stage_name}"

    def _authorizers(self) -> dict[str, dict[str, Any]]:
        """What a method says for each scheme."""
        found: dict[str, dict[str, Any]] = {}
        for name, scheme in self._definition["components"]["securitySchemes"].items():
            given = scheme.get(f"{_EXTENSION}authorizer")
            if given is None:
                iam = scheme.get(f"{_EXTENSION}authtype") == "awsSigv4"
                found[name] = {"authorizationType": "AWS_IAM"} if iam else {"apiKeyRequired": True}
                continue
            settings = {key: value for key, value in given.items() if key != "type"}
            settings.setdefault("identitySource", f"method.request.header.{scheme['name']}")
            kind = given["type"].upper()
            created = self._client.create_authorizer(restApiId=self._api, name=name, type=kind, **settings)
            found[name] = {
                "authorizationType": kind if kind == "COGNITO_USER_POOLS" else "CUSTOM",
                "authorizerId": created["id"],
            }
        return found

    def _resource(self, path: str) -> str:
        if path not in self._resources:
            parent, _, part = path.rpartition("/")
            created = self._client.create_resource(restApiId=self._api, parentId=self._resource(parent or "/"), pathPart=part)
            self._resources[path] = created["id"]
        return self._resources[path]

    def _method(
        self,
        place: dict[str, str],
        operation: Mapping[str, Any],
        authorizers: Mapping[str, Mapping[str, Any]],
        validators: Mapping[str, str],
    ) -> None:
        method: dict[str, Any] = {"authorizationType": "NONE"}
        for name, scopes in operation.get("security", [{}])[0].items():
            method |= authorizers[name]
            method |= {"authorizationScopes": scopes} if scopes else {}
        if (validator := operation.get(f"{_EXTENSION}request-validator")) is not None:
            method["requestValidatorId"] = validators[validator]
        if (body := operation.get("requestBody")) is not None:
            method["requestModels"] = {kind: content["schema"]["$ref"].rpartition("/")[2] for kind, content in body["content"].items()}
        places = {"query": "querystring"}
        method["requestParameters"] = {
            f"method.request.{places.get(parameter['in'], parameter['in'])}.{parameter['name']}": parameter["required"]
            for parameter in operation["parameters"]
        }
        self._client.put_method(**place, **method)
        for status, response in operation["responses"].items():
            if status != "default":
                headers = {f"method.response.header.{name}": True for name in response.get("headers", {})}
                self._client.put_method_response(**place, statusCode=status, responseParameters=headers)
        integration = dict(operation[f"{_EXTENSION}integration"])
        responses = integration.pop("responses", {})
        options = {key: value for key, value in integration.items() if key not in ("type", "httpMethod", "passthroughBehavior")}
        verb = {"integrationHttpMethod": integration["httpMethod"]} if "httpMethod" in integration else {}
        self._client.put_integration(
            **place,
            type=integration["type"].upper(),
            passthroughBehavior=integration["passthroughBehavior"].upper(),
            **verb,
            **options,
        )
        for pattern, response in responses.items():
            selection = {} if pattern == "default" else {"selectionPattern": pattern}
            self._client.put_integration_response(**place, **selection, **response)


def serve_rest(emulator: MiniStack, graph: Graph) -> str:
    """The one REST API of a graph, at its stage."""
    definition = json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])
    return RestLoader(emulator, definition).load(graph.one("aws:apigateway/stage:Stage").inputs["stageName"])


def serve_http(emulator: MiniStack, graph: Graph) -> str:
    """The one HTTP API of a graph, at its stage."""
    client = emulator.client("apigatewayv2")
    given = graph.one("aws:apigatewayv2/api:Api").inputs
    cors = given.get("corsConfiguration")
    options = {} if cors is None else {"CorsConfiguration": _capitals(cors)}
    api = client.create_api(Name="api", ProtocolType="HTTP", **options)["ApiId"]
    ids: dict[str, str] = {}
    for resource in graph.of_type("aws:apigatewayv2/authorizer:Authorizer", "aws:apigatewayv2/integration:Integration"):
        settings = {_NAMES.get(name, name[0].upper() + name[1:]): value for name, value in resource.inputs.items() if name != "apiId"}
        if resource.type.endswith("Authorizer"):
            settings["IdentitySource"] = settings.pop("IdentitySources")
            if (jwt := settings.get("JwtConfiguration")) is not None:
                settings["JwtConfiguration"] = {"Issuer": jwt["issuer"], "Audience": jwt["audiences"]}
            ids[resource.name] = client.create_authorizer(ApiId=api, **settings)["AuthorizerId"]
        else:
            ids[resource.name] = client.create_integration(ApiId=api, **settings)["IntegrationId"]
    for route in graph.of_type("aws:apigatewayv2/route:Route"):
        [integration] = graph.refs(route, "target")
        authorizer = [target.name for target in graph.refs(route, "authorizerId")]
        client.create_route(
            ApiId=api,
            RouteKey=route.inputs["routeKey"],
            Target=f"integrations/{ids[integration.name]}",
            AuthorizationType=route.inputs["authorizationType"],
            AuthorizationScopes=route.inputs.get("authorizationScopes", []),
            **({"AuthorizerId": ids[authorizer[0]]} if authorizer else {}),
        )
    stage = graph.one("aws:apigatewayv2/stage:Stage").inputs["name"]
    client.create_stage(ApiId=api, StageName=stage, AutoDeploy=True)
    return f"{api}/{stage}"


_NAMES = {"credentialsArn": "CredentialsArn", "timeoutMilliseconds": "TimeoutInMillis"}


def _capitals(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name[0].upper() + name[1:]: value for name, value in given.items()}
