"""An API from a table of routes.

Pattern: "API Gateway" (2025 guide).
"""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, UserFunction, alarm, create_key, function_names, logs_statement, user_function
from cloudpatterns.core import (
    Component,
    FunctionOptions,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    by_name,
    is_given,
)
from cloudpatterns.network.api_gateway.arguments import STAGE_NAMES, ApiAuthorizerArgs, ApiDomainArgs, ApiGatewayArgs, ApiVpcLinkArgs
from cloudpatterns.network.api_gateway.definition import tls_policy
from cloudpatterns.network.api_gateway.http_api import http_stage
from cloudpatterns.network.api_gateway.rest_api import Stage, address_type, rest_stage
from cloudpatterns.network.api_gateway.routes import route_of
from cloudpatterns.network.api_gateway.rules import problems
from cloudpatterns.network.api_gateway.targets import targets_role

_FEWEST_ERRORS = 5


class ApiGateway(Component):
    """One entrance to many services: routes with an authorizer each, limits, logs and a domain name (2025 guide, "API Gateway").

    Each route goes to a Lambda function, an SQS queue, a Step Functions state machine, an EventBridge bus, an HTTPS endpoint or a load
    balancer inside a VPC. A route without an authorizer is refused unless it says ``public``. Creates the API with its routes, stage,
    access log and key; a role with exactly the rights that its targets need; and, where asked for, usage plans, a domain name with its
    record, a VPC link, alarms. Every edit goes live with the update that has it, the removal of a route included.

    A REST API answers for a queue, state machine or bus with 202 and the request id, and with JSON for its own errors. An HTTP API passes
    the service's own response on: that of an event bus is 200 even where it refused the event, with ``FailedEntryCount`` in it.

    **Use when**: clients outside call functions, queues or services, and who may do so, how often, and what was called must be known.

    **Not when**: one web application stands behind one address (``LoadBalancer``), services call each other (``ServiceMesh``), or requests
    take longer than half a minute: answer at once and work behind a queue.

    **Cost drivers**: requests, several times dearer for REST than for HTTP; the logs; the web ACL; a customer managed key; two alarms.

    **Trade-offs**: a request has 29 seconds and 10 MB. REST has the web ACL, usage plans, request validation and private endpoints, HTTP
    the JWT authorizers: the security pack asks for a web ACL in prod, which an HTTP API has only on a CloudFront distribution in front of
    it. Responses are not compressed: their size would tell secrets that stand beside what an attacker sends. The definition of a REST API
    is one document, so ``transforms`` see its JSON.

    **Proven by**: controls ``api-definition-authorized``, ``api-route-authorized``, ``api-access-logs``, ``api-execution-logs``,
    ``api-no-data-trace``, ``api-domain-tls``, ``api-throttled``; ``test_api_gateway.py``, ``test_api_gateway_arguments.py``, and
    ``test_api_gateway_served.py``, which calls both kinds of API on an emulator, through to a queue and a function.
    """

    api_id: pulumi.Output[str]
    """Id of the API."""
    execution_arn: pulumi.Output[str]
    """ARN before the stage, method and path of a request, as IAM policies of callers have it (``execute-api:Invoke``)."""
    stage_arn: pulumi.Output[str]
    """ARN of the stage."""
    invoke_url: pulumi.Output[str]
    """URL in front of the routes' paths, available when the API serves: that of the custom domain where there is one."""
    domain_target_name: pulumi.Output[str] | None
    """Name that an alias record of the custom domain points to."""
    domain_target_zone_id: pulumi.Output[str] | None
    """Hosted zone of that name."""
    access_log_group_name: pulumi.Output[str]
    """Log group of the requests."""
    kms_key_arn: pulumi.Output[str]
    """Key of the logs."""
    api_key_ids: pulumi.Output[dict[str, str]]
    """Ids of the API keys by name. Values are no output: read them from API Gateway."""
    client_certificate_pem: pulumi.Output[str] | None
    """The certificate by which an HTTPS backend of a REST API tells it from other clients."""
    function_arns: pulumi.Output[dict[str, str]]
    """ARNs of the new functions by name."""
    function_role_arns: pulumi.Output[dict[str, str]]
    """ARNs of their roles by name."""
    role_arn: pulumi.Output[str] | None
    """The role with which the API calls queues, state machines and buses, for policies that name it."""

    def __init__(self, name: str, args: ApiGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        key_arn = checked.get("kms_key_arn")
        self.kms_key_arn = self._key(name) if key_arn is None else pulumi.Output.from_input(key_arn)
        functions = {key: self._function(f"{name}-function-{key}", options) for key, options in checked["functions"].items()}
        self.function_arns = by_name({key: function.arn for key, function in functions.items()})
        self.function_role_arns = by_name({key: function.role_arn for key, function in functions.items()})
        checked = _with_functions(checked, functions)
        self.role_arn = role_arn = targets_role(self, name, checked)
        link = checked.get("vpc_link")
        vpc_link_id = None if link is None else self._vpc_link(name, link)
        given_name = checked.get("stage_name")
        self._stage_name = stage_name = STAGE_NAMES[checked["kind"]] if given_name is None else given_name
        self.client_certificate_pem = None
        if checked["kind"] == "rest":
            rest = rest_stage(
                self,
                name,
                checked,
                stage_name,
                role_arn=role_arn,
                vpc_link_id=vpc_link_id,
                kms_key_arn=self.kms_key_arn,
            )
            stage, self.api_key_ids = rest.stage, rest.api_key_ids
            if rest.certificate is not None:
                self.client_certificate_pem = rest.certificate.pem_encoded_certificate
        else:
            stage = http_stage(self, name, checked, stage_name, role_arn=role_arn, vpc_link_id=vpc_link_id, kms_key_arn=self.kms_key_arn)
            self.api_key_ids = by_name({})
        self.api_id, self.execution_arn, self.stage_arn = stage.api_id, stage.execution_arn, stage.arn
        self.access_log_group_name = stage.access_log_name
        self.invoke_url = after(self._domain(name, stage), *stage.parts)
        self._alarms(name, stage)
        self.register()

    def _key(self, name: str) -> pulumi.Output[str]:
        return create_key(
            self,
            f"{name}-key",
            f"Logs of the API {name}, and its functions' environment",
            lambda arn: [_logs_statement(name, arn)],
            tags=self._checked["tags"],
        )

    def invoke_statements(self, *routes: str) -> list[WorkloadStatementArgs]:
        """What a role needs to call routes with ``iam_authorization``, named by their keys; all of them without a name.

        :raises ArgumentError: for an unknown route, with those known; where no route has ``iam_authorization``.
        """
        known = {key: route_of(key) for key, route in self._checked["routes"].items() if route["iam_authorization"]}
        if not known:
            self.refuse(("routes", "have no iam_authorization, so a role's rights admit nobody. Set it on the routes that roles call."))
        chosen = [self.lookup(known, key, "routes", "a route with iam_authorization") for key in routes or known]
        resources = [pulumi.Output.concat(self.execution_arn, "/", self._stage_name, "/", route.source) for route in chosen]
        return as_arguments([Statement(sid="CallApi", actions=["execute-api:Invoke"], resources=resources)])

    def _function(self, child_name: str, options: FunctionOptions) -> UserFunction:
        return user_function(
            self,
            child_name,
            options,
            description=f"Requests to {self.pulumi_resource_name}",
            statements=[],
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )

    def _vpc_link(self, name: str, link: ApiVpcLinkArgs) -> pulumi.Input[str]:
        if (existing := link.get("vpc_link_id")) is not None:
            return existing
        subnets = link["subnet_ids_by_zone"]
        return aws.apigatewayv2.VpcLink(
            f"{name}-vpc-link",
            subnet_ids=[subnets[zone] for zone in sorted(subnets)],
            security_group_ids=link["security_group_ids"],
            tags=self._checked["tags"],
            opts=self.child(),
        ).id

    def _domain(self, name: str, stage: Stage) -> pulumi.Output[str]:
        """The URL in front of the paths, with the domain where there is one."""
        self.domain_target_name = self.domain_target_zone_id = None
        for key, more in self._checked["more_domains"].items():
            self._custom_domain(name, f"-{key}", stage, more)
        if (domain := self._checked.get("domain")) is None:
            return stage.invoke_url
        self.domain_target_name, self.domain_target_zone_id, waits = self._custom_domain(name, "", stage, domain)
        path = domain.get("base_path")
        return after(f"https://{domain['domain_name']}{'' if path is None else f'/{path}'}", *waits)

    def _custom_domain(
        self, name: str, suffix: str, stage: Stage, domain: ApiDomainArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str], list[pulumi.Resource]]:
        """A domain name: what a record points to, and what must be there before it serves."""
        create = self._rest_domain if self._checked["kind"] == "rest" else self._http_domain
        target_name, target_zone_id, mapping = create(name, suffix, stage, domain)
        waits: list[pulumi.Resource] = [mapping]
        if (zone_id := domain.get("hosted_zone_id")) is not None:
            for family in ("A", "AAAA") if self._checked["dual_stack"] else ("A",):
                waits.append(
                    aws.route53.Record(
                        f"{name}-record-{family.lower()}{suffix}",
                        zone_id=zone_id,
                        name=domain["domain_name"],
                        type=family,
                        aliases=[{"name": target_name, "zone_id": target_zone_id, "evaluate_target_health": False}],
                        opts=self.child(),
                    )
                )
        return target_name, target_zone_id, waits

    def _rest_domain(
        self, name: str, suffix: str, stage: Stage, domain: ApiDomainArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str], pulumi.Resource]:
        tls = domain.get("mutual_tls")
        created = aws.apigateway.DomainName(
            f"{name}-domain{suffix}",
            domain_name=domain["domain_name"],
            regional_certificate_arn=domain["certificate_arn"],
            endpoint_configuration={"types": "REGIONAL", "ip_address_type": address_type(self._checked)},
            mutual_tls_authentication=None
            if tls is None
            else {"truststore_uri": tls["truststore_uri"], "truststore_version": tls["truststore_version"]},
            ownership_verification_certificate_arn=None if tls is None else tls.get("ownership_certificate_arn"),
            tags=self._checked["tags"],
            opts=self.child(),
            **tls_policy(self._checked),
        )
        mapping = aws.apigateway.BasePathMapping(
            f"{name}-mapping{suffix}",
            domain_name=created.domain_name,
            rest_api=stage.api_id,
            stage_name=stage.name,
            base_path=domain.get("base_path"),
            opts=self.child(),
        )
        return created.regional_domain_name, created.regional_zone_id, mapping

    def _http_domain(
        self, name: str, suffix: str, stage: Stage, domain: ApiDomainArgs
    ) -> tuple[pulumi.Output[str], pulumi.Output[str], pulumi.Resource]:
        tls = domain.get("mutual_tls")
        created = aws.apigatewayv2.DomainName(
            f"{name}-domain{suffix}",
            domain_name=domain["domain_name"],
            domain_name_configuration={
                "certificate_arn": domain["certificate_arn"],
                "endpoint_type": "REGIONAL",
                "ip_address_type": address_type(self._checked),
                "security_policy": "TLS_1_2",
                "ownership_verification_certificate_arn": None if tls is None else tls.get("ownership_certificate_arn"),
            },
            mutual_tls_authentication=None
            if tls is None
            else {"truststore_uri": tls["truststore_uri"], "truststore_version": tls["truststore_version"]},
            tags=self._checked["tags"],
            opts=self.child(),
        )
        mapping = aws.apigatewayv2.ApiMapping(
            f"{name}-mapping{suffix}",
            api_id=stage.api_id,
            domain_name=created.domain_name,
            stage=stage.name,
            api_mapping_key=domain.get("base_path"),
            opts=self.child(),
        )
        target = created.domain_name_configuration
        return target.target_domain_name.apply(str), target.hosted_zone_id.apply(str), mapping

    def _alarms(self, name: str, stage: Stage) -> None:
        checked = self._checked
        if not (topics := checked["alarm_topic_arns"]):
            return

        def metric(of: str, statistic: str) -> Metric:
            return Metric("AWS/ApiGateway", of, stage.dimensions, statistic)

        errors = metric("5XXError" if checked["kind"] == "rest" else "5xx", "Sum")
        alarm(
            self,
            f"{name}-5xx",
            f"More than {checked['alarm_5xx_percent']:g} % of the requests to the API {name} end in a 5xx response: which route and which "
            "error, says its access log",
            MetricMath(
                f"IF(errors >= {_FEWEST_ERRORS}, 100 * errors / requests, 0)", {"errors": errors, "requests": metric("Count", "Sum")}
            ),
            checked["alarm_5xx_percent"],
            period_seconds=300,
            actions=topics,
            tags=checked["tags"],
        )
        alarm(
            self,
            f"{name}-latency",
            f"One of 100 requests to the API {name} takes longer than {checked['alarm_latency_milliseconds']} ms: compare latency and "
            "integrationLatency in its access log",
            MetricMath("latency", {"latency": metric("Latency", "p99")}),
            checked["alarm_latency_milliseconds"],
            period_seconds=300,
            periods=3,
            actions=topics,
            tags=checked["tags"],
        )


def _logs_statement(name: str, key_arn: pulumi.Output[str]) -> Statement:
    """Lets CloudWatch Logs use the key for the groups of APIs, and for those of the new functions."""
    return logs_statement(key_arn, "/aws/vendedlogs/apigateway/*", "API-Gateway-Execution-Logs_*", f"{name}-function-*")


def _with_functions(checked: ApiGatewayArgs, functions: Mapping[str, UserFunction]) -> ApiGatewayArgs:
    """The arguments with the ARNs of new functions in the places of their names."""

    def resolved(given: Any) -> Any:
        return given if given.get("function") is None else {**given, "function_arn": functions[given["function"]].arn}

    def authorizer(given: ApiAuthorizerArgs) -> Any:
        function = given.get("function")
        return given if function is None else {**given, "function": resolved(function)}

    routes: Any = {key: resolved(route) for key, route in checked["routes"].items()}
    return {**checked, "routes": routes, "authorizers": {key: authorizer(given) for key, given in checked["authorizers"].items()}}


def _child_names(checked: ApiGatewayArgs) -> dict[str, int]:
    limits = {"logging": 64} if checked["kind"] == "rest" else {"role": 64}
    for key, options in checked["functions"].items():
        limits |= function_names(options, f"function-{key}")
    routes = [
        route_of(key).child for key, route in checked["routes"].items() if is_given(route, "function") or is_given(route, "function_arn")
    ]
    authorizers = [f"authorizer-{key}" for key, authorizer in checked["authorizers"].items() if is_given(authorizer, "function")]
    if functions := [*routes, *authorizers]:
        # https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html#lambda-AddPermission-request-StatementId
        limits[f"{max(functions, key=len)}-permission"] = 100
    return limits
