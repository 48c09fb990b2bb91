"""The definition of a REST API: an OpenAPI document with API Gateway's extensions.

One document instead of a resource for each method: Pulumi deletes what a program no longer has at the end of an update, after the new
deployment, which would keep a removed route for ever. https://github.com/pulumi/pulumi-aws/issues/3289
"""

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from cloudpatterns.network.api_gateway.arguments import ApiCorsArgs, ApiGatewayArgs, ApiQueueArgs, ApiRouteArgs
from cloudpatterns.network.api_gateway.routes import authorizer_of, in_template, route_of
from cloudpatterns.network.api_gateway.targets import invocation_uri, service_uri

_JSON = "application/json"
_ACCEPTED = '{"requestId": "$context.requestId"}'
_FAILED = '{"message": "Internal server error", "requestId": "$context.requestId"}'
# $util.escapeJavaScript also escapes single quotes, which JSON does not know:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
_BODY_AS_TEXT = """"$util.escapeJavaScript($input.body).replaceAll("\\\\'", "'")\""""


_TLS_POLICY = "SecurityPolicy_TLS13_1_2_2021_06"
"""TLS 1.2 and 1.3. Not with mutual TLS, which takes legacy policies alone.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html
"""


def tls_policy(checked: ApiGatewayArgs) -> dict[str, str]:
    """The TLS policy of a REST API and of its domain name, which are the same."""
    domain = checked.get("domain")
    if domain is not None and domain.get("mutual_tls") is not None:
        return {"security_policy": "TLS_1_2"}
    # Clients of a private API name its endpoint in TLS and the API in the Host header, which strict mode refuses.
    mode = "STRICT" if checked.get("vpc_endpoint_ids") is None else "BASIC"
    return {"security_policy": _TLS_POLICY, "endpoint_access_mode": mode}


def rest_definition(
    name: str, checked: ApiGatewayArgs, role_arn: pulumi.Output[str] | None, vpc_link_id: pulumi.Input[str] | None
) -> dict[str, Any]:
    """The definition, with outputs in it."""
    paths: dict[str, dict[str, Any]] = {}
    for key, route in checked["routes"].items():
        method, path = route_of(key)
        verb = "x-amazon-apigateway-any-method" if method == "ANY" else method.lower()
        paths.setdefault(path, {})[verb] = _operation(checked, key, route, role_arn, vpc_link_id)
    if (cors := checked.get("cors")) is not None:
        for path, operations in paths.items():
            methods = [key.partition(" ")[0] for key in checked["routes"] if route_of(key).path == path]
            operations.setdefault("options", _preflight(cors, methods, route_of(f"OPTIONS {path}").variables))
    definition: dict[str, Any] = {
        "openapi": "3.0.1",
        "info": {"title": name, "version": "1"},
        "paths": paths,
        "components": {
            "securitySchemes": _security_schemes(checked),
            "schemas": {model: json.loads(schema) for model, schema in checked["models"].items()},
        },
        "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True, "validateRequestParameters": True}},
        "x-amazon-apigateway-gateway-responses": _gateway_responses(checked),
    }
    if checked["binary_media_types"]:
        definition["x-amazon-apigateway-binary-media-types"] = checked["binary_media_types"]
    if (endpoint_ids := checked.get("vpc_endpoint_ids")) is not None:
        definition["x-amazon-apigateway-policy"] = _endpoint_policy(endpoint_ids)
    tls = tls_policy(checked)
    definition["x-amazon-apigateway-security-policy"] = tls["security_policy"]
    if (mode := tls.get("endpoint_access_mode")) is not None:
        definition["x-amazon-apigateway-endpoint-access-mode"] = mode
    if endpoint := _endpoint(checked):
        definition["servers"] = [{"url": "/", "x-amazon-apigateway-endpoint-configuration": endpoint}]
    return definition


def _endpoint(checked: ApiGatewayArgs) -> dict[str, Any]:
    """What the API's own resource says as well: an update of the definition resets what it does not name, until the provider repairs it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-endpoint-configuration.html
    """
    endpoint: dict[str, Any] = {}
    if checked.get("domain") is not None:
        endpoint["disableExecuteApiEndpoint"] = True
    if (endpoint_ids := checked.get("vpc_endpoint_ids")) is not None:
        endpoint["vpcEndpointIds"] = endpoint_ids
    return endpoint


def _endpoint_policy(endpoint_ids: list[pulumi.Input[str]]) -> dict[str, Any]:
    """Requests through the given interface endpoints alone.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html
    """
    call = {"Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", **call},
            {"Effect": "Deny", **call, "Condition": {"StringNotEquals": {"aws:SourceVpce": endpoint_ids}}},
        ],
    }


def _operation(
    checked: ApiGatewayArgs, key: str, route: ApiRouteArgs, role_arn: pulumi.Output[str] | None, vpc_link_id: pulumi.Input[str] | None
) -> dict[str, Any]:
    parameters = [_parameter("path", variable) for variable in route_of(key).variables]
    parameters += [_parameter(*parameter.split(".", 1)) for parameter in sorted(route["required_parameters"])]
    integration = _integration(route_of(key).method, route_of(key).variables, route, role_arn, vpc_link_id)
    operation: dict[str, Any] = {
        "parameters": parameters,
        "x-amazon-apigateway-integration": {**integration, "timeoutInMillis": route["timeout_seconds"] * 1000},
        "responses": {"200": {"description": "The target's own response"}},
    }
    if (security := _security(checked, route)) is not None:
        operation["security"] = [security]
    if (model := route.get("model")) is not None:
        reference = {"$ref": f"#/components/schemas/{model}"}
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": reference}}}
    if model is not None or route["required_parameters"]:
        operation["x-amazon-apigateway-request-validator"] = "all"
    if "responses" in integration:
        cors = checked.get("cors")
        operation["responses"] = {status: _response(cors) for status in ("202", "400", "500")}
        for response in integration["responses"].values():
            _add_cors(response, cors)
    return operation


def _parameter(place: str, name: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": True, "schema": {"type": "string"}}


def _security(checked: ApiGatewayArgs, route: ApiRouteArgs) -> dict[str, list[str]] | None:
    """The schemes that a request has to satisfy, all of them."""
    schemes: dict[str, list[str]] = {}
    if route["iam_authorization"]:
        schemes["iam_"] = []
    elif (name := authorizer_of(checked, route)) is not None:
        schemes[name] = sorted(route["scopes"])
    if route["api_key_required"]:
        schemes["api_key_"] = []
    return schemes or None


def _security_schemes(checked: ApiGatewayArgs) -> dict[str, Any]:
    """The authorizers, and what stands for IAM and API keys: no authorizer's name ends in an underscore.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
    """
    schemes: dict[str, Any] = {}
    for name, authorizer in checked["authorizers"].items():
        scheme: dict[str, Any] = {"type": "apiKey", "name": "Authorization", "in": "header"}
        if (pool := authorizer.get("user_pool")) is not None:
            scheme["x-amazon-apigateway-authtype"] = "cognito_user_pools"
            scheme["x-amazon-apigateway-authorizer"] = {"type": "cognito_user_pools", "providerARNs": pool["user_pool_arns"]}
        elif (function := authorizer.get("function")) is not None:
            scheme["name"] = "Unused"
            scheme["x-amazon-apigateway-authtype"] = "custom"
            scheme["x-amazon-apigateway-authorizer"] = {
                "type": "request",
                "authorizerUri": invocation_uri(function["function_arn"]),
                "authorizerResultTtlInSeconds": function["result_cache_seconds"],
                "identitySource": ", ".join(_mapped(source) for source in function["identity_sources"]),
            }
        schemes[name] = scheme
    if any(route["iam_authorization"] for route in checked["routes"].values()):
        scheme = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
        schemes["iam_"] = scheme
    if any(route["api_key_required"] for route in checked["routes"].values()):
        schemes["api_key_"] = {"type": "apiKey", "name": "x-api-key", "in": "header"}
    return schemes


def _mapped(parameter: str) -> str:
    place, _, name = parameter.partition(".")
    return f"method.request.{'querystring' if place == 'query' else place}.{name}"


def _integration(
    method: str, variables: list[str], route: ApiRouteArgs, role_arn: pulumi.Output[str] | None, vpc_link_id: pulumi.Input[str] | None
) -> dict[str, Any]:
    if (function_arn := route.get("function_arn")) is not None:
        return {"type": "aws_proxy", "httpMethod": "POST", "uri": invocation_uri(function_arn), "passthroughBehavior": "when_no_match"}
    if (queue := route.get("queue")) is not None:
        return _queue_integration(queue, role_arn)
    if (machine_arn := route.get("state_machine_arn")) is not None:
        template = pulumi.Output.concat(
            '{"stateMachineArn": "', machine_arn, '", "name": "$context.requestId", "input": ', _BODY_AS_TEXT, "}"
        )
        uri = pulumi.Output.from_input(machine_arn).apply(lambda arn: f"{service_uri(arn, 'states')}:action/StartExecution")
        refused = "#set($type = $input.path('$.__type'))\n#if($type && $type.contains(\"InvalidExecutionInput\"))\n"
        return _service_integration(uri, role_arn, template, {}, failure=f"{refused}{_BAD_REQUEST}#else\n{_FAILED}\n#end")
    if (bus := route.get("event_bus")) is not None:
        entry = f'"Source": "{bus["source"]}", "DetailType": "{bus["detail_type"]}", "Detail": {_BODY_AS_TEXT}'
        template = pulumi.Output.concat('{"Entries": [{"EventBusName": "', bus["event_bus_arn"], '", ', entry, "}]}")
        uri = pulumi.Output.from_input(bus["event_bus_arn"]).apply(lambda arn: f"{service_uri(arn, 'events')}:action/PutEvents")
        headers = {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": "application/x-amz-json-1.1"}
        return _service_integration(uri, role_arn, template, headers, success=_EVENT_ANSWER)
    backend = route.get("load_balancer")
    url = route.get("url") if backend is None else backend.get("url")
    integration: dict[str, Any] = {
        "type": "http_proxy",
        "httpMethod": method,
        "uri": url,
        "passthroughBehavior": "when_no_match",
        "requestParameters": pulumi.Output.from_input(url).apply(
            lambda text: {
                f"integration.request.path.{name}": f"method.request.path.{name}" for name in variables if f"{{{name}}}" in str(text)
            }
        ),
    }
    if backend is not None:
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-private-integration.html
        link = {"connectionType": "VPC_LINK", "connectionId": vpc_link_id, "integrationTarget": backend.get("load_balancer_arn")}
        integration |= link
    return integration


_BAD_REQUEST = (
    "#set($context.responseOverride.status = 400)\n"
    '{"message": "The body is not what the target takes: JSON", "requestId": "$context.requestId"}\n'
)
# PutEvents answers 200 where it refuses an event: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
_EVENT_ANSWER = (
    "#if($input.path('$.FailedEntryCount') == 0)\n"
    f"{_ACCEPTED}\n"
    "#elseif($input.path('$.Entries[0].ErrorCode') == \"MalformedDetail\")\n"
    f"{_BAD_REQUEST}"
    "#else\n"
    "#set($context.responseOverride.status = 500)\n"
    f"{_FAILED}\n"
    "#end"
)


def _queue_integration(queue: ApiQueueArgs, role_arn: pulumi.Output[str] | None) -> dict[str, Any]:
    fields = {"Action": "SendMessage", "MessageBody": "$util.urlEncode($input.body)"}
    if (group := queue.get("message_group")) is not None:
        fields["MessageGroupId"] = f"$util.urlEncode({in_template(group)})"
    if (deduplication := queue.get("deduplication_id")) is not None:
        fields["MessageDeduplicationId"] = f"$util.urlEncode({in_template(deduplication)})"
    for number, (name, source) in enumerate(sorted(queue["message_attributes"].items()), start=1):
        fields[f"MessageAttribute.{number}.Name"] = name
        fields[f"MessageAttribute.{number}.Value.DataType"] = "String"
        fields[f"MessageAttribute.{number}.Value.StringValue"] = f"$util.urlEncode({in_template(source)})"

    def uri(arn: str) -> str:
        *_, account, name = arn.split(":")
        return f"{service_uri(arn, 'sqs')}:path/{account}/{name}"

    return _service_integration(
        pulumi.Output.from_input(queue["queue_arn"]).apply(uri),
        role_arn,
        "&".join(f"{field}={value}" for field, value in fields.items()),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )


def _service_integration(
    uri: pulumi.Output[str],
    role_arn: pulumi.Output[str] | None,
    template: pulumi.Input[str],
    headers: Mapping[str, str],
    *,
    success: str = _ACCEPTED,
    failure: str = _FAILED,
) -> dict[str, Any]:
    """An integration with a service of AWS, for JSON alone: other bodies are refused with 415.

    The service's own response is not passed on: its errors name accounts and resources.
    """
    return {
        "type": "aws",
        "httpMethod": "POST",
        "uri": uri,
        "credentials": role_arn,
        "passthroughBehavior": "never",
        "requestParameters": {f"integration.request.header.{name}": f"'{value}'" for name, value in headers.items()},
        "requestTemplates": {_JSON: template},
        "responses": {
            "2\\d{2}": {"statusCode": "202", "responseTemplates": {_JSON: success}},
            "default": {"statusCode": "500", "responseTemplates": {_JSON: failure}},
        },
    }


def _response(cors: ApiCorsArgs | None) -> dict[str, Any]:
    response: dict[str, Any] = {"description": "JSON with the request id"}
    if cors is not None:
        response["headers"] = {header: {"schema": {"type": "string"}} for header in _cors_headers(cors)}
    return response


def _cors_headers(cors: ApiCorsArgs) -> dict[str, str]:
    """Headers of every response to another origin's page. Of several origins the first stands here, see ``_origin``."""
    headers = {"Access-Control-Allow-Origin": cors["allowed_origins"][0], "Vary": "Origin"}
    if cors["allow_credentials"]:
        headers["Access-Control-Allow-Credentials"] = "true"
    if cors["exposed_headers"]:
        headers["Access-Control-Expose-Headers"] = ",".join(cors["exposed_headers"])
    return headers


def _origin(cors: ApiCorsArgs) -> str:
    """A mapping template that answers another of several origins with its own name."""
    if len(cors["allowed_origins"]) == 1:
        return ""
    choices = "".join(
        f'#if($named == "{origin}" || $lower == "{origin}")'
        f'#set($context.responseOverride.header.Access-Control-Allow-Origin = "{origin}")#end\n'
        for origin in cors["allowed_origins"][1:]
    )
    # HTTP/2 has header names in lower case, and the template sees them as they came.
    return f"#set($named = $input.params().header.get('Origin'))\n#set($lower = $input.params().header.get('origin'))\n{choices}"


def _add_cors(response: dict[str, Any], cors: ApiCorsArgs | None) -> None:
    if cors is None:
        return
    response["responseParameters"] = {f"method.response.header.{name}": f"'{value}'" for name, value in _cors_headers(cors).items()}
    response["responseTemplates"] = {_JSON: _origin(cors) + response["responseTemplates"][_JSON]}


def _preflight(cors: ApiCorsArgs, methods: list[str], variables: list[str]) -> dict[str, Any]:
    allowed = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] if "ANY" in methods else methods
    headers = {
        **_cors_headers(cors),
        "Access-Control-Allow-Methods": ",".join(sorted({*allowed, "OPTIONS"})),
        "Access-Control-Allow-Headers": ",".join(cors["allowed_headers"]),
        "Access-Control-Max-Age": str(cors["max_age_seconds"]),
    }
    return {
        "parameters": [_parameter("path", variable) for variable in variables],
        "x-amazon-apigateway-integration": {
            "type": "mock",
            "passthroughBehavior": "when_no_match",
            "requestTemplates": {_JSON: '{"statusCode": 204}'},
            "responses": {
                "default": {
                    "statusCode": "204",
                    "responseParameters": {f"method.response.header.{name}": f"'{value}'" for name, value in headers.items()},
                    "responseTemplates": {_JSON: _origin(cors)},
                }
            },
        },
        "responses": {"204": {"description": "Preflight", "headers": {name: {"schema": {"type": "string"}} for name in headers}}},
    }


def _gateway_responses(checked: ApiGatewayArgs) -> dict[str, Any]:
    """What API Gateway answers itself: JSON with a message and the request id.

    Not what is wrong with a body: the variable for it has quotes in it, which would end the JSON text.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    """
    body = '{"message": $context.error.messageString, "requestId": "$context.requestId"}'
    responses: dict[str, Any] = {
        "DEFAULT_4XX": {"responseTemplates": {_JSON: body}},
        "DEFAULT_5XX": {"responseTemplates": {_JSON: body}},
        "THROTTLED": {"responseParameters": {"gatewayresponse.header.Retry-After": "'1'"}, "responseTemplates": {_JSON: body}},
        "QUOTA_EXCEEDED": {"responseParameters": {"gatewayresponse.header.Retry-After": "'3600'"}, "responseTemplates": {_JSON: body}},
    }
    if not any(route["iam_authorization"] for route in checked["routes"].values()):
        # API Gateway gives the same answer to a request without a signature.
        not_found = '{"message": "Not Found", "requestId": "$context.requestId"}'
        responses["MISSING_AUTHENTICATION_TOKEN"] = {"statusCode": 404, "responseTemplates": {_JSON: not_found}}
    for kind, given in checked["gateway_responses"].items():
        responses.setdefault(kind, {})["responseTemplates"] = {_JSON: given["body"]}
        if (status := given.get("status_code")) is not None:
            responses[kind]["statusCode"] = status
    if (cors := checked.get("cors")) is not None:
        for response in responses.values():
            response["responseParameters"] = {**response.get("responseParameters", {}), **_cors_of_errors(cors)}
    return responses


def _cors_of_errors(cors: ApiCorsArgs) -> dict[str, str]:
    """Headers by which a page may read an error of API Gateway: its status, message and request id."""
    headers = {name: f"'{value}'" for name, value in _cors_headers(cors).items()}
    if len(cors["allowed_origins"]) > 1:
        # A gateway response cannot choose. Any origin may read such an error, but not that of a request with cookies.
        headers["Access-Control-Allow-Origin"] = "method.request.header.Origin"
        headers.pop("Access-Control-Allow-Credentials", None)
    return {f"gatewayresponse.header.{name}": value for name, value in headers.items()}
