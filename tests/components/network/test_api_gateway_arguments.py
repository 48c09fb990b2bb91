from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network import ApiGateway

from tests.components.network.apis import (
    BALANCER,
    BUS_TARGET,
    CERTIFICATE,
    DECIDER,
    FUNCTION,
    LISTENER,
    PEOPLE,
    POOL,
    QUEUE,
    WEB_ACL,
    http,
    rest,
)
from tests.harness import record

OPEN = {"function_arn": FUNCTION, "public": True}
JWT = {"jwt": {"issuer": "https://login.example.com/", "audiences": ["shop"]}}
PLAN = {"api_keys": ["partner"], "throttle": {"rate_per_second": 1, "burst": 1}}
FIFO = f"{QUEUE}.fifo"
LINK = {"vpc_link_id": "vpclink-1"}


def refused(args: Any, name: str = "shop") -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: ApiGateway(name, args))
    return caught.value.problems


def one(args: Any) -> tuple[str, str]:
    [problem] = refused(args)
    return problem


def test_a_route_without_an_authorizer_is_refused_unless_it_says_so() -> None:
    for args in (rest, http):
        path, reason = one(args(routes={"GET /orders": {"function_arn": FUNCTION}}))
        assert path == "routes.GET /orders"
        assert reason == "has no authorizer. Give authorizer or iam_authorization, set default_authorizer, or say public: True."


@pytest.mark.parametrize(
    ("route", "path", "reason"),
    [
        (
            {"public": True, "authorizer": "people"},
            "authorizer",
            "excludes public: one of them decides who may call the route. Remove one.",
        ),
        (
            {"public": True, "iam_authorization": True},
            "iam_authorization",
            "excludes public: one of them decides who may call the route. Remove one.",
        ),
        ({"authorizer": "staff"}, "authorizer", "is 'staff', which is not an authorizer; known are people, decider."),
        (
            {"public": True, "scopes": ["a"]},
            "scopes",
            "are those of a token, for an authorizer with jwt or user_pool. Remove them, or name such an authorizer.",
        ),
        (
            {"authorizer": "decider", "scopes": ["a"]},
            "scopes",
            "are those of a token, for an authorizer with jwt or user_pool. Remove them, or name such an authorizer.",
        ),
        ({"public": True, "model": "Order"}, "model", "is 'Order', which is not a model; known are none."),
        (
            {"public": True, "api_key_required": True},
            "api_key_required",
            "needs a key that somebody has. Give usage_plans with api_keys, or remove it.",
        ),
        (
            {"public": True, "timeout_seconds": 30},
            "timeout_seconds",
            "is 30; API Gateway waits 29 seconds at most. Shorten it, start the work by a queue or state machine, or have the quota raised "
            "and set timeout_quota_seconds.",
        ),
    ],
)
def test_a_route_that_cannot_be_is_refused(route: dict[str, Any], path: str, reason: str) -> None:
    args = rest(authorizers={"people": PEOPLE, "decider": DECIDER}, routes={"GET /orders": {"function_arn": FUNCTION, **route}})
    assert one(args) == (f"routes.GET /orders.{path}", reason)


def test_an_api_has_one_web_acl() -> None:
    path, reason = one(rest(web_acl_arn=WEB_ACL, firewall={"rate_limit": 500}))
    assert (path, reason) == ("firewall", "excludes web_acl_arn: a stage has one web ACL; both are given. Remove one of them.")


def test_an_http_api_waits_30_seconds_and_a_rest_api_longer_where_its_quota_is_raised() -> None:
    path, reason = one(http(routes={"GET /a": {**OPEN, "timeout_seconds": 31}}))
    assert path == "routes.GET /a.timeout_seconds"
    assert reason == "is 31; API Gateway waits 30 seconds at most. Shorten it, start the work by a queue or state machine."
    record(lambda: ApiGateway("shop", rest(timeout_quota_seconds=60, routes={"GET /a": {**OPEN, "timeout_seconds": 60}})))  # ty: ignore[invalid-argument-type]


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"web_acl_arn": WEB_ACL}, "web_acl_arn"),
        ({"firewall": {}}, "firewall"),
        ({"usage_plans": {"partners": PLAN}, "routes": {"GET /a": OPEN}}, "usage_plans"),
        ({"models": {"Order": "{}"}}, "models"),
        ({"vpc_endpoint_ids": ["vpce-1"]}, "vpc_endpoint_ids"),
        ({"gateway_responses": {"THROTTLED": {"body": "{}"}}}, "gateway_responses"),
        ({"binary_media_types": ["image/png"]}, "binary_media_types"),
        ({"timeout_quota_seconds": 60}, "timeout_quota_seconds"),
        ({"account_logging_role": "create"}, "account_logging_role"),
        ({"routes": {"GET /a": {**OPEN, "model": "Order"}}}, "routes.GET /a.model"),
        ({"routes": {"GET /a": {**OPEN, "required_parameters": ["query.q"]}}}, "routes.GET /a.required_parameters"),
        ({"routes": {"GET /a": {**OPEN, "api_key_required": True}}}, "routes.GET /a.api_key_required"),
        (
            {"routes": {"GET /a": {"queue": {"queue_arn": QUEUE, "message_attributes": {"a": "request_id"}}, "public": True}}},
            "routes.GET /a.queue.message_attributes",
        ),
    ],
)
def test_waf_usage_plans_and_request_validation_need_rest(args: dict[str, Any], path: str) -> None:
    reason = "is for kind rest only; this API is of kind http. Remove it, or choose rest."
    assert (path, reason) in refused(http(**args))


def test_jwt_authorizers_need_http() -> None:
    reason = "is for kind http only; this API is of kind rest. Use user_pool or function, or choose http."
    assert one(rest(authorizers={"login": JWT})) == ("authorizers.login.jwt", reason)


@pytest.mark.parametrize(
    ("kind", "pool", "path", "reason"),
    [
        (http, {"user_pool_arns": [POOL]}, "client_ids", "is missing; an HTTP API accepts tokens of named clients only."),
        (
            http,
            {"user_pool_arns": [POOL, f"{POOL}2"], "client_ids": ["a"]},
            "user_pool_arns",
            "has 2 entries; an HTTP API takes one. Add an authorizer for each.",
        ),
        (
            rest,
            {"user_pool_arns": [POOL], "client_ids": ["a"]},
            "client_ids",
            "is for kind http only: a REST API accepts tokens of every client of the pool. Use scopes.",
        ),
    ],
)
def test_a_user_pool_that_a_kind_does_not_take_is_refused(kind: Any, pool: Any, path: str, reason: str) -> None:
    assert one(kind(authorizers={"people": {"user_pool": pool}})) == (f"authorizers.people.user_pool.{path}", reason)


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            rest(account_logging_role=None),
            "account_logging_role",
            "is missing; a REST API writes logs by a role in the settings of the account and Region. Give create, or existing where they "
            "name one already.",
        ),
        (rest(default_authorizer="people"), "default_authorizer", "is 'people', which is not an authorizer; known are none."),
        (
            rest(authorizers={"people": {}}),
            "authorizers.people.jwt",
            "exactly one of jwt, user_pool and function is needed; none is given. Give one.",
        ),
        (
            rest(authorizers={"decider": {"function": {}}}),
            "authorizers.decider.function.function",
            "exactly one of function and function_arn is needed; none is given. Give one.",
        ),
        (
            rest(authorizers={"decider": {"function": {"function": "decide"}}}),
            "authorizers.decider.function.function",
            "is 'decide', which is not a function; known are none.",
        ),
        (
            rest(routes={"GET /a": {"public": True}}),
            "routes.GET /a.function",
            "exactly one of function, function_arn, queue, state_machine_arn, event_bus, url and load_balancer is needed; "
            "none is given. Give one.",
        ),
        (
            rest(routes={"GET /a": {**OPEN, "state_machine_kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"}}),
            "routes.GET /a.state_machine_arn",
            "is missing; state_machine_kms_key_arn needs it. Give it, or remove state_machine_kms_key_arn.",
        ),
        (
            rest(routes={"GET /a": {"function": "show", "public": True}}),
            "routes.GET /a.function",
            "is 'show', which is not a function; known are none.",
        ),
        (rest(models={"Order": "no"}), "models.Order", "is no JSON: Expecting value: line 1 column 1 (char 0)."),
        (rest(models={"Order": "[]"}), "models.Order", "is no JSON object; a model is a JSON schema."),
        (
            rest(usage_plans={"partners": PLAN}),
            "usage_plans",
            "count requests of routes with api_key_required, and no route has it. Set it, or remove usage_plans.",
        ),
        (
            rest(
                usage_plans={"partners": {**PLAN, "route_throttles": {"GET /b": PLAN["throttle"]}}},
                routes={"GET /a": {**OPEN, "api_key_required": True}},
            ),
            "usage_plans.partners.route_throttles.GET /b",
            "is 'GET /b', which is not a route; known are GET /a.",
        ),
        (
            rest(usage_plans={"a": PLAN, "b": PLAN}, routes={"GET /a": {**OPEN, "api_key_required": True}}),
            "usage_plans.b.api_keys",
            "has partner, which a has; AWS allows a key one plan of a stage. Remove one.",
        ),
        (
            rest(vpc_endpoint_ids=["vpce-1"], domain={"domain_name": "api.example.com", "certificate_arn": CERTIFICATE}),
            "domain",
            "excludes vpc_endpoint_ids: a custom domain is Regional, and the default endpoint, by which VPC endpoints reach a private API, "
            "would be closed; both are given. Remove one of them.",
        ),
        (
            rest(vpc_endpoint_ids=["vpce-1"], dual_stack=True),
            "dual_stack",
            "excludes vpc_endpoint_ids: a private API has IPv4 and IPv6 anyway; both are given. Remove one of them.",
        ),
        (
            http(
                domain={
                    "domain_name": "*.example.com",
                    "certificate_arn": CERTIFICATE,
                    "mutual_tls": {"truststore_uri": "s3://trust/ca.pem", "truststore_version": "1"},
                }
            ),
            "domain.domain_name",
            "is '*.example.com'; mutual TLS needs a name without a wildcard.",
        ),
        (
            rest(vpc_link={}),
            "vpc_link.vpc_link_id",
            "exactly one of vpc_link_id and subnet_ids_by_zone with security_group_ids is needed; none is given. Give one.",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    assert one(args) == (path, reason)


@pytest.mark.parametrize(
    ("args", "key", "reason"),
    [
        (rest, "$default", "is not a route of a REST API; write ANY /{path+} for all paths, and ANY / for the root."),
        (
            rest,
            "FETCH /a",
            "begins with 'FETCH'; a route is a method and a path such as POST /orders, with one of GET, HEAD, OPTIONS, POST, PUT, PATCH, "
            "DELETE, ANY.",
        ),
        *[
            (
                http,
                f"GET {path}",
                f"has the path {path!r}; a path is / or parts such as /orders/{{id}}, of which the last may take all that follows: "
                "{path+}.",
            )
            for path in ("", "a", "/a/", "//a", "/a b", "/{a+}/b", "/a{b}", "/a?b", "/a#b")
        ],
    ],
)
def test_a_key_that_is_no_route_is_refused(args: Any, key: str, reason: str) -> None:
    assert one(args(routes={key: OPEN})) == (f"routes.{key}", reason)


@pytest.mark.parametrize("key", ["GET /", "GET /a/{b}/c", "ANY /{path+}", "PATCH /a.b/c-d/e_f", "GET /~me/@you"])
def test_a_key_of_a_route_is_accepted(key: str) -> None:
    record(lambda: ApiGateway("shop", rest(routes={key: OPEN})))  # ty: ignore[invalid-argument-type]


def test_one_place_of_a_path_has_one_variable() -> None:
    path, reason = one(rest(routes={"GET /orders/{id}": OPEN, "GET /orders/{order}/items": OPEN, "GET /orders/{rest+}": OPEN}))
    assert path == "routes.GET /orders/{order}/items"
    assert reason == "has {order} where GET /orders/{id} has {id}; API Gateway takes one name there. Rename one."


def test_a_rest_api_has_300_parts_of_paths() -> None:
    routes = {f"GET /a{number}/b/c": OPEN for number in range(101)}
    reason = "have 303 parts of paths; a REST API has 300 at most. Divide the API."
    assert one(rest(routes=routes)) == ("routes", reason)


@pytest.mark.parametrize(
    ("queue", "route", "path", "reason"),
    [
        (
            {"queue_arn": FIFO},
            {"public": True},
            "message_group",
            "is missing; a FIFO queue needs it. Give a part of the request such as path.customer or request_id.",
        ),
        (
            {"queue_arn": FIFO, "message_group": "path.customer"},
            {"public": True},
            "message_group",
            "is 'path.customer'; variables of the path are id.",
        ),
        (
            {"queue_arn": QUEUE, "message_attributes": {"caller": "claim.sub"}},
            {"public": True},
            "message_attributes.caller",
            "is 'claim.sub', a claim of a token; the route has no authorizer with jwt or user_pool.",
        ),
        (
            {"queue_arn": QUEUE, "deduplication_id": "authorizer.id"},
            {},
            "deduplication_id",
            "is 'authorizer.id', of the context that a function returns; the route has no authorizer with function.",
        ),
    ],
)
def test_a_part_of_a_request_that_there_is_not_is_refused(queue: Any, route: Any, path: str, reason: str) -> None:
    args = rest(authorizers={"people": PEOPLE}, default_authorizer="people", routes={"POST /orders/{id}": {"queue": queue, **route}})
    assert one(args) == (f"routes.POST /orders/{{id}}.queue.{path}", reason)


def test_a_load_balancer_is_named_as_the_kind_takes_it() -> None:
    inside = {"listener_arn": LISTENER, "server_name": "inside.example.com"}
    problems = refused(rest(vpc_link=LINK, routes={"GET /a": {"load_balancer": inside, "public": True}}))
    path = "routes.GET /a.load_balancer"
    assert problems == [
        (f"{path}.load_balancer_arn", "is missing; an API of kind rest needs it."),
        (f"{path}.url", "is missing; an API of kind rest needs it."),
        (f"{path}.listener_arn", "is not for kind rest. Remove it."),
        (f"{path}.server_name", "is not for kind rest. Remove it."),
    ]
    inside = {"load_balancer_arn": BALANCER, "url": "https://inside.example.com"}
    problems = refused(http(routes={"GET /a": {"load_balancer": inside, "public": True}}))
    assert problems == [
        (f"{path}.listener_arn", "is missing; an API of kind http needs it."),
        (f"{path}.load_balancer_arn", "is not for kind http. Remove it."),
        (f"{path}.url", "is not for kind http. Remove it."),
        ("vpc_link", "is missing; the route GET /a reaches a load balancer through it."),
    ]


def test_a_variable_of_a_url_is_one_of_the_path() -> None:
    url = "https://backend.example.com/{order}"
    assert one(rest(routes={"GET /orders/{id}": {"url": url, "public": True}})) == (
        "routes.GET /orders/{id}.url",
        "has {order}, which is no variable of the path; it has id.",
    )


def test_what_is_sent_to_aws_cannot_change_a_mapping_template() -> None:
    bus = {**BUS_TARGET, "detail_type": 'a", "x": "$context'}
    path, reason = one(rest(routes={"POST /a": {"event_bus": bus, "public": True}}))
    assert path == "routes.POST /a.event_bus.detail_type"
    assert reason == 'is \'a", "x": "$context\'; must be a detail type such as Order received'


@pytest.mark.parametrize(
    ("key", "answer", "wanted"),
    [
        ("$default", "OPTIONS /{any+}", "OPTIONS /{path+}"),
        ("ANY /orders", "OPTIONS /orders", "OPTIONS /orders"),
    ],
)
def test_a_preflight_request_is_not_asked_for_a_token(key: str, answer: str, wanted: str) -> None:
    cors = {"allowed_origins": ["https://www.example.com"]}
    args = http(authorizers={"decider": DECIDER}, default_authorizer="decider", cors=cors, routes={key: {"function_arn": FUNCTION}})
    reason = "takes browsers' preflight requests too, and would refuse them for want of a token"
    assert one(args) == (f"routes.{key}", f"{reason}. Name its methods, or add the public route {wanted}.")
    args["routes"][answer] = OPEN
    record(lambda: ApiGateway("shop", args))  # ty: ignore[invalid-argument-type]


def test_a_response_of_api_gateway_is_one_that_it_has() -> None:
    path, reason = one(rest(gateway_responses={"NOT_FOUND": {"body": "{}"}}))
    assert path == "gateway_responses"
    assert reason.startswith("has 'NOT_FOUND'; a name has one of the types ACCESS_DENIED, API_CONFIGURATION_ERROR, ")


def test_any_origin_is_no_origin() -> None:
    path, reason = one(rest(cors={"allowed_origins": ["*"]}))
    assert (path, reason) == ("cors.allowed_origins.0", "is '*'; must be an origin such as https://www.example.com")


def test_a_new_function_is_used_and_answers_while_somebody_waits() -> None:
    code = {"code": pulumi.FileArchive(".")}
    args = rest(
        functions={"slow": {**code, "timeout_seconds": 60}, "unused": code, "none": {}},
        routes={"GET /a": {"function": "slow", "public": True}, "GET /b": {"function": "none", "public": True}},
    )
    assert refused(args) == [
        ("functions.none.code", "exactly one of code and image_uri is needed; none is given. Give one."),
        ("functions.unused", "is not used. Name it as function of a route or authorizer, or remove it."),
        (
            "functions.slow.timeout_seconds",
            "is 60; the route GET /a waits 29 seconds, and the caller gets 504 while the function goes on. Shorten it, or start the work "
            "by a queue.",
        ),
    ]


def test_a_name_that_would_be_too_long_is_refused() -> None:
    path, reason = one_named("x" * 60)
    assert path == "name"
    assert reason == (
        "has 60 characters; the child "
        f"{'x' * 60}-logging would pass the 64 characters that AWS allows. Give the component a name of at most 48 characters."
    )


def one_named(name: str) -> tuple[str, str]:
    [problem] = refused(rest(routes={"GET /a": {"url": "https://backend.example.com", "public": True}}), name)
    return problem
