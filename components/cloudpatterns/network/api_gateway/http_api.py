"""The resources of an HTTP API: the API, authorizers, integrations and routes, and the stage that deploys each change by itself."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.work_queue import queue_url
from cloudpatterns.core import Component, partition_of, region_of
from cloudpatterns.network.api_gateway.arguments import METHODS, ApiAuthorizerArgs, ApiGatewayArgs, ApiRouteArgs, ApiThrottle
from cloudpatterns.network.api_gateway.rest_api import ACCESS_LOG, Stage, access_log, address_type
from cloudpatterns.network.api_gateway.routes import Route, authorizer_of, in_parameter, route_of
from cloudpatterns.network.api_gateway.targets import invocation_uri, permissions

_HTTP_LOG = {
    **ACCESS_LOG,
    "route": "$context.routeKey",
    "stage": "$context.stage",
    "domainName": "$context.domainName",
    "integrationErrorMessage": "$context.integrationErrorMessage",
    "errorType": "$context.error.responseType",
}


def http_stage(
    component: Component,
    name: str,
    checked: ApiGatewayArgs,
    stage_name: str,
    *,
    role_arn: pulumi.Output[str] | None,
    vpc_link_id: pulumi.Input[str] | None,
    kms_key_arn: pulumi.Output[str],
) -> Stage:
    """An HTTP API with its routes and stage.

    The stage deploys by itself: a route that the program no longer has is deleted at the end of an update, after any deployment of it.
    """
    api = aws.apigatewayv2.Api(
        f"{name}-api",
        protocol_type="HTTP",
        disable_execute_api_endpoint=checked.get("domain") is not None,
        ip_address_type=address_type(checked),
        cors_configuration=_cors(checked),
        tags=checked["tags"],
        opts=component.child(),
    )
    allowed = permissions(component, name, checked, api.execution_arn, stage_name)
    routes = _routes(component, name, checked, api.id, role_arn, vpc_link_id)
    access = access_log(component, name, checked, api.id, kms_key_arn)
    stage = aws.apigatewayv2.Stage(
        f"{name}-stage",
        api_id=api.id,
        name=stage_name,
        auto_deploy=True,
        access_log_settings={"destination_arn": access.arn, "format": json.dumps(_HTTP_LOG)},
        default_route_settings=_settings(checked["throttle"]),
        route_settings=[
            {"route_key": key, **_settings(throttle)}
            for key, route in sorted(checked["routes"].items())
            if (throttle := route.get("throttle")) is not None
        ],
        tags=checked["tags"],
        # A stage without a route cannot be deployed, and settings name routes that are there.
        opts=component.child(depends_on=[*routes, *allowed]),
    )
    dimensions = {"ApiId": api.id, "Stage": stage.name}
    return Stage(api.id, api.execution_arn, stage.arn, stage.name, stage.invoke_url, access.name, dimensions, [])


def _settings(throttle: ApiThrottle) -> Any:
    return {
        "detailed_metrics_enabled": True,
        "throttling_rate_limit": throttle["rate_per_second"],
        "throttling_burst_limit": throttle["burst"],
    }


def _routes(
    component: Component,
    name: str,
    checked: ApiGatewayArgs,
    api_id: pulumi.Output[str],
    role_arn: pulumi.Output[str] | None,
    vpc_link_id: pulumi.Input[str] | None,
) -> list[pulumi.Resource]:
    authorizers = {
        key: _authorizer(component, f"{name}-authorizer-{key}", api_id, key, authorizer)
        for key, authorizer in checked["authorizers"].items()
    }
    routes: list[pulumi.Resource] = []
    for key, route in checked["routes"].items():
        integration = aws.apigatewayv2.Integration(
            f"{name}-{route_of(key).child}-integration",
            api_id=api_id,
            timeout_milliseconds=route["timeout_seconds"] * 1000,
            opts=component.child(),
            **_integration(route_of(key), route, role_arn, vpc_link_id),
        )
        created = aws.apigatewayv2.Route(
            f"{name}-{route_of(key).child}-route",
            api_id=api_id,
            route_key=key,
            target=pulumi.Output.concat("integrations/", integration.id),
            opts=component.child(),
            **_authorization(checked, route, authorizers),
        )
        routes.append(created)
    return routes


def _cors(checked: ApiGatewayArgs) -> aws.apigatewayv2.ApiCorsConfigurationArgsDict | None:
    if (cors := checked.get("cors")) is None:
        return None
    methods = {route_of(key).method for key in checked["routes"] if key != "$default"}
    # To browsers that send cookies, * is the name of a method: https://fetch.spec.whatwg.org/#cors-protocol-and-credentials
    every = [method for method in METHODS if method != "ANY"] if cors["allow_credentials"] else ["*"]
    return {
        "allow_origins": cors["allowed_origins"],
        "allow_methods": sorted(methods) if methods and "ANY" not in methods and "$default" not in checked["routes"] else every,
        "allow_headers": cors["allowed_headers"],
        "expose_headers": cors["exposed_headers"],
        "allow_credentials": cors["allow_credentials"],
        "max_age": cors["max_age_seconds"],
    }


def _authorizer(
    component: Component, child_name: str, api_id: pulumi.Output[str], name: str, given: ApiAuthorizerArgs
) -> aws.apigatewayv2.Authorizer:
    settings: dict[str, Any] = {"authorizer_type": "JWT", "identity_sources": ["$request.header.Authorization"]}
    if (jwt := given.get("jwt")) is not None:
        settings["jwt_configuration"] = {"issuer": jwt["issuer"], "audiences": jwt["audiences"]}
    elif (pool := given.get("user_pool")) is not None:
        settings["jwt_configuration"] = {"issuer": _issuer(pool["user_pool_arns"][0]), "audiences": pool["client_ids"]}
    elif (function := given.get("function")) is not None:
        sources = [source.split(".", 1) for source in function["identity_sources"]]
        settings = {
            "authorizer_type": "REQUEST",
            "authorizer_uri": invocation_uri(function["function_arn"]),
            "authorizer_payload_format_version": "2.0",
            "enable_simple_responses": True,
            "authorizer_result_ttl_in_seconds": function["result_cache_seconds"],
            "identity_sources": [f"$request.{'querystring' if place == 'query' else place}.{key}" for place, key in sources],
        }
    return aws.apigatewayv2.Authorizer(child_name, api_id=api_id, name=name, opts=component.child(), **settings)


def _domain_of(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The domain of AWS's endpoints in the partition of an ARN."""
    return partition_of(arn).apply(lambda partition: "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com")


def _issuer(user_pool_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    pool_id = pulumi.Output.from_input(user_pool_arn).apply(lambda arn: arn.partition("/")[2])
    return pulumi.Output.concat("https://cognito-idp.", region_of(user_pool_arn), ".", _domain_of(user_pool_arn), "/", pool_id)


def _authorization(checked: ApiGatewayArgs, route: ApiRouteArgs, authorizers: dict[str, aws.apigatewayv2.Authorizer]) -> dict[str, Any]:
    if (name := authorizer_of(checked, route)) is None:
        return {"authorization_type": "AWS_IAM" if route["iam_authorization"] else "NONE"}
    if checked["authorizers"][name].get("function") is not None:
        return {"authorization_type": "CUSTOM", "authorizer_id": authorizers[name].id}
    return {"authorization_type": "JWT", "authorizer_id": authorizers[name].id, "authorization_scopes": route["scopes"] or None}


def _integration(
    route: Route, given: ApiRouteArgs, role_arn: pulumi.Output[str] | None, vpc_link_id: pulumi.Input[str] | None
) -> dict[str, Any]:
    if (function_arn := given.get("function_arn")) is not None:
        return {"integration_type": "AWS_PROXY", "integration_uri": function_arn, "payload_format_version": "2.0"}
    if (url := given.get("url")) is not None:
        method = "ANY" if route.method == "$default" else route.method
        return {
            "integration_type": "HTTP_PROXY",
            "integration_method": method,
            "integration_uri": url,
            "payload_format_version": "1.0",
        }
    if (balancer := given.get("load_balancer")) is not None:
        server_name = balancer.get("server_name")
        return {
            "integration_type": "HTTP_PROXY",
            "integration_method": "ANY",
            "integration_uri": balancer.get("listener_arn"),
            "connection_type": "VPC_LINK",
            "connection_id": vpc_link_id,
            # A named stage would precede the path.
            "request_parameters": {"overwrite:path": "$request.path"},
            "payload_format_version": "1.0",
            "tls_config": None if server_name is None else {"server_name_to_verify": server_name},
        }
    subtype, parameters = _call(given)
    return {
        "integration_type": "AWS_PROXY",
        "integration_subtype": subtype,
        "credentials_arn": role_arn,
        "payload_format_version": "1.0",
        "request_parameters": parameters,
    }


def _call(given: ApiRouteArgs) -> tuple[str, dict[str, pulumi.Input[str]]]:
    """The call of a service, and its parameters.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
    """
    if (queue := given.get("queue")) is not None:
        arn = queue["queue_arn"]
        parameters: dict[str, pulumi.Input[str]] = {"QueueUrl": queue_url(arn), "MessageBody": "$request.body", "Region": region_of(arn)}
        if (group := queue.get("message_group")) is not None:
            parameters["MessageGroupId"] = in_parameter(group)
        if (deduplication := queue.get("deduplication_id")) is not None:
            parameters["MessageDeduplicationId"] = in_parameter(deduplication)
        return "SQS-SendMessage", parameters
    if (bus := given.get("event_bus")) is not None:
        return "EventBridge-PutEvents", {
            "EventBusName": bus["event_bus_arn"],
            "Source": bus["source"],
            "DetailType": bus["detail_type"],
            "Detail": "$request.body",
            "Region": region_of(bus["event_bus_arn"]),
        }
    machine_arn = given["state_machine_arn"]
    return "StepFunctions-StartExecution", {
        "StateMachineArn": machine_arn,
        "Input": "$request.body",
        "Region": region_of(machine_arn),
    }
