"""The resources of a REST API: the API with its definition, deployment and stage, and what stands at the stage."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import log_group
from cloudpatterns.core import Component, after, assume_role, by_name, partition_of
from cloudpatterns.network.api_gateway.arguments import ApiGatewayArgs, ApiThrottle
from cloudpatterns.network.api_gateway.definition import rest_definition, tls_policy
from cloudpatterns.network.api_gateway.routes import route_of
from cloudpatterns.network.api_gateway.targets import SERVICE, permissions
from cloudpatterns.network.web_application_firewall.component import WebApplicationFirewall

# Not the path, which has ids of people in it, nor headers and query strings, which have tokens.
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "requestTime": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "protocol": "$context.protocol",
    "method": "$context.httpMethod",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationLatency": "$context.integration.latency",
    "integrationStatus": "$context.integration.status",
    "integrationError": "$context.integration.error",
    "authorizerError": "$context.authorizer.error",
    "principal": "$context.authorizer.principalId",
    "subject": "$context.authorizer.claims.sub",
    "userArn": "$context.identity.userArn",
    "error": "$context.error.message",
}
_REST_LOG = {
    **ACCESS_LOG,
    "route": "$context.resourcePath",
    "stage": "$context.stage",
    "domainName": "$context.domainName",
    "tlsVersion": "$context.tlsVersion",
    "apiKeyId": "$context.identity.apiKeyId",
    "errorType": "$context.error.responseType",
    "wafStatus": "$context.waf.status",
    "wafError": "$context.waf.error",
    "traceId": "$context.xrayTraceId",
}


class Stage(NamedTuple):
    """An API at its stage."""

    api_id: pulumi.Output[str]
    execution_arn: pulumi.Output[str]
    arn: pulumi.Output[str]
    name: pulumi.Output[str]
    invoke_url: pulumi.Output[str]
    access_log_name: pulumi.Output[str]
    dimensions: dict[str, pulumi.Output[str]]
    """Those of the API's metrics."""
    parts: list[pulumi.Resource]
    """Without them the stage does not serve as it should."""


class RestStage(NamedTuple):
    """A REST API at its stage, and what hangs on it."""

    stage: Stage
    api_key_ids: pulumi.Output[dict[str, str]]
    certificate: aws.apigateway.ClientCertificate | None


def access_log(
    component: Component, name: str, checked: ApiGatewayArgs, api_id: pulumi.Output[str], kms_key_arn: pulumi.Output[str]
) -> aws.cloudwatch.LogGroup:
    """The log group of an API's requests."""
    return log_group(
        component,
        f"{name}-access-log",
        checked["log_retention_days"],
        # The resource policy by which an HTTP API writes covers groups of this prefix together; others each lengthen it, up to its limit.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
        name=pulumi.Output.concat("/aws/vendedlogs/apigateway/", api_id),
        kms_key_arn=kms_key_arn,
        tags=checked["tags"],
    )


def address_type(checked: ApiGatewayArgs) -> str:
    """The addresses at which an API can be reached."""
    return "dualstack" if checked["dual_stack"] else "ipv4"


def rest_stage(
    component: Component,
    name: str,
    checked: ApiGatewayArgs,
    stage_name: str,
    *,
    role_arn: pulumi.Output[str] | None,
    vpc_link_id: pulumi.Input[str] | None,
    kms_key_arn: pulumi.Output[str],
) -> RestStage:
    """A REST API with its deployment and stage, available when both are there."""
    api, deployment = _deployed(component, name, checked, stage_name, rest_definition(name, checked, role_arn, vpc_link_id))
    access = access_log(component, name, checked, api.id, kms_key_arn)
    execution_log = log_group(
        component,
        f"{name}-execution-log",
        checked["log_retention_days"],
        name=pulumi.Output.concat("API-Gateway-Execution-Logs_", api.id, "/", stage_name),
        kms_key_arn=kms_key_arn,
        tags=checked["tags"],
    )
    certificate = _client_certificate(component, name, checked)
    stage = aws.apigateway.Stage(
        f"{name}-stage",
        rest_api=api.id,
        deployment=deployment.id,
        stage_name=stage_name,
        access_log_settings={"destination_arn": access.arn, "format": json.dumps(_REST_LOG)},
        xray_tracing_enabled=checked["tracing"],
        client_certificate_id=None if certificate is None else certificate.id,
        tags=checked["tags"],
        opts=component.child(depends_on=[execution_log, *_account_role(component, name, checked)]),
    )
    parts = _method_settings(component, name, checked, api.id, stage)
    if (web_acl_arn := _web_acl_arn(component, name, checked)) is not None:
        association = aws.wafv2.WebAclAssociation(
            f"{name}-web-acl",
            resource_arn=stage.arn,
            web_acl_arn=web_acl_arn,
            # The deletion of the old association would take the new web ACL off the stage.
            opts=component.child(delete_before_replace=True),
        )
        parts.append(association)
    dimensions = {"ApiName": api.name, "Stage": stage.stage_name}
    described = Stage(api.id, api.execution_arn, stage.arn, stage.stage_name, stage.invoke_url, access.name, dimensions, parts)
    return RestStage(described, by_name(_usage_plans(component, name, checked, api.id, stage)), certificate)


def _web_acl_arn(component: Component, name: str, checked: ApiGatewayArgs) -> pulumi.Input[str] | None:
    """The web ACL that is there, or a new one."""
    options = checked.get("firewall")
    if options is None:
        return checked.get("web_acl_arn")
    return WebApplicationFirewall(f"{name}-firewall", {**options, "tags": checked["tags"]}, component.child()).web_acl_arn


def _deployed(
    component: Component, name: str, checked: ApiGatewayArgs, stage_name: str, definition: dict[str, Any]
) -> tuple[aws.apigateway.RestApi, aws.apigateway.Deployment]:
    """The API, and the copy of it that the stage serves."""
    body = pulumi.Output.json_dumps(definition, sort_keys=True)
    settings: dict[str, Any] = {"disable_execute_api_endpoint": checked.get("domain") is not None}
    endpoint_ids = checked.get("vpc_endpoint_ids")
    api = aws.apigateway.RestApi(
        f"{name}-api",
        body=body,
        # A definition that API Gateway understands in part is refused, instead of served in part.
        fail_on_warnings=True,
        put_rest_api_mode="overwrite",
        endpoint_configuration={"types": "REGIONAL", "ip_address_type": address_type(checked)}
        if endpoint_ids is None
        else {"types": "PRIVATE", "vpc_endpoint_ids": endpoint_ids},
        tags=checked["tags"],
        opts=component.child(),
        **settings,
        **tls_policy(checked),
    )
    allowed = permissions(component, name, checked, api.execution_arn, stage_name)
    deployment = aws.apigateway.Deployment(
        f"{name}-deployment",
        rest_api=api.id,
        triggers={"definition": _digest(body, settings)},
        opts=component.child(depends_on=allowed),
    )
    return api, deployment


def _digest(definition: pulumi.Output[str], settings: dict[str, Any]) -> pulumi.Output[str]:
    """A hash of all that a deployment takes from the API: the definition has every route, authorizer, model and response."""
    text = json.dumps(settings, sort_keys=True)
    return definition.apply(lambda body: hashlib.sha256(f"{body}{text}".encode()).hexdigest())


def _account_role(component: Component, name: str, checked: ApiGatewayArgs) -> Sequence[pulumi.Resource]:
    """The role by which API Gateway writes logs, in the settings of the account and Region.

    All three stay behind when the component goes: without them no other REST API of the account writes logs, or can be changed.
    """
    if checked.get("account_logging_role") != "create":
        return []
    role = aws.iam.Role(
        f"{name}-logging",
        description="Logs of API Gateway in this account and Region",
        assume_role_policy=assume_role(SERVICE),
        tags=checked["tags"],
        opts=component.child(retain_on_delete=True),
    )
    policy = aws.iam.RolePolicyAttachment(
        f"{name}-logging-policy",
        role=role.name,
        policy_arn=pulumi.Output.concat(
            "arn:", partition_of(role.arn), ":iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        ),
        opts=component.child(retain_on_delete=True),
    )
    settings = aws.apigateway.Account(
        f"{name}-account", cloudwatch_role_arn=after(role.arn, policy), opts=component.child(retain_on_delete=True)
    )
    return [settings]


def _client_certificate(component: Component, name: str, checked: ApiGatewayArgs) -> aws.apigateway.ClientCertificate | None:
    if not checked["client_certificate"] or not any(route.get("url") is not None for route in checked["routes"].values()):
        return None
    return aws.apigateway.ClientCertificate(
        f"{name}-client-certificate-{checked['client_certificate_version']}",
        description=f"{name} to its backends",
        tags=checked["tags"],
        opts=component.child(),
    )


def _method_settings(
    component: Component, name: str, checked: ApiGatewayArgs, api_id: pulumi.Output[str], stage: aws.apigateway.Stage
) -> list[pulumi.Resource]:
    """Logs, metrics and throttling of all methods; throttling of a route in its own settings, which begin with all of them again."""
    paths: dict[str, tuple[str, ApiThrottle]] = {f"{name}-settings": ("*/*", checked["throttle"])}
    for key, route in checked["routes"].items():
        if (throttle := route.get("throttle")) is not None:
            method, path = route_of(key)
            paths[f"{name}-{route_of(key).child}-settings"] = (f"{_encoded(path)}/{method}", throttle)
    return [
        aws.apigateway.MethodSettings(
            child_name,
            rest_api=api_id,
            stage_name=stage.stage_name,
            method_path=method_path,
            settings={
                "metrics_enabled": True,
                "logging_level": "ERROR",
                "data_trace_enabled": False,
                "throttling_rate_limit": throttle["rate_per_second"],
                "throttling_burst_limit": throttle["burst"],
            },
            opts=component.child(),
        )
        for child_name, (method_path, throttle) in paths.items()
    ]


def _encoded(path: str) -> str:
    """A path as the key of a method's settings has it; the provider passes it on as it is.

    https://github.com/hashicorp/terraform-provider-aws/issues/9738
    """
    return path.replace("~", "~0").replace("/", "~1")


def _usage_plans(
    component: Component, name: str, checked: ApiGatewayArgs, api_id: pulumi.Output[str], stage: aws.apigateway.Stage
) -> dict[str, pulumi.Output[str]]:
    """Ids of the API keys by name; their values stay in AWS and, as secrets, in the state."""
    ids: dict[str, pulumi.Output[str]] = {}
    for plan_name, given in checked["usage_plans"].items():
        plan = aws.apigateway.UsagePlan(
            f"{name}-plan-{plan_name}",
            api_stages=[
                {
                    "api_id": api_id,
                    "stage": stage.stage_name,
                    "throttles": [
                        {
                            "path": f"{route_of(key).path}/{route_of(key).method}",
                            "rate_limit": throttle["rate_per_second"],
                            "burst_limit": throttle["burst"],
                        }
                        for key, throttle in sorted(given["route_throttles"].items())
                    ],
                }
            ],
            throttle_settings={"rate_limit": given["throttle"]["rate_per_second"], "burst_limit": given["throttle"]["burst"]},
            quota_settings=None if (quota := given.get("quota")) is None else {"limit": quota["limit"], "period": quota["period"]},
            tags=checked["tags"],
            opts=component.child(),
        )
        for key_name in given["api_keys"]:
            key = aws.apigateway.ApiKey(
                f"{name}-key-{key_name}", description=f"{key_name} at {name}", tags=checked["tags"], opts=component.child()
            )
            aws.apigateway.UsagePlanKey(
                f"{name}-key-{key_name}-plan",
                key_id=key.id,
                key_type="API_KEY",
                usage_plan_id=plan.id,
                # A key that moves to another plan leaves the old one first: AWS allows it one plan of a stage.
                opts=component.child(delete_before_replace=True),
            )
            ids[key_name] = key.id
    return ids
