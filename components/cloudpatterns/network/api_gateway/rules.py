"""Rules over the arguments of an API: what API Gateway refuses, and what nobody may call by mistake."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudpatterns.core import Problem, excludes, function_problems, is_given, needs, one_of, part_problems, unknown
from cloudpatterns.network.api_gateway.arguments import (
    METHODS,
    SECONDS,
    TARGETS,
    ApiAuthorizerArgs,
    ApiDomainArgs,
    ApiGatewayArgs,
    ApiQueueArgs,
    ApiRouteArgs,
)
from cloudpatterns.network.api_gateway.routes import Route, authorizer_of, route_of
from cloudpatterns.network.web_application_firewall.component import WebApplicationFirewall

_REST_ONLY = (
    *(
        "models",
        "binary_media_types",
        "gateway_responses",
        "usage_plans",
        "firewall",
        "web_acl_arn",
        "vpc_endpoint_ids",
        "timeout_quota_seconds",
    ),
    *("account_logging_role", "client_certificate_version"),
)
_ROUTE_REST_ONLY = ("api_key_required", "model", "required_parameters")
_MOST_RESOURCES = 300
"""Parts of paths of a REST API: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html."""


def problems(checked: ApiGatewayArgs) -> Iterator[Problem]:
    """What cannot be created, or would be open by mistake."""
    for name in _REST_ONLY if checked["kind"] == "http" else ():
        if is_given(checked, name):
            yield name, "is for kind rest only; this API is of kind http. Remove it, or choose rest."
    if checked["kind"] == "rest" and checked.get("account_logging_role") is None:
        reason = "is missing; a REST API writes logs by a role in the settings of the account and Region. Give create, or existing where "
        yield "account_logging_role", f"{reason}they name one already."
    for name, options in checked["functions"].items():
        yield from function_problems(options, f"functions.{name}")
    for name, authorizer in checked["authorizers"].items():
        yield from _authorizer_problems(checked, f"authorizers.{name}", authorizer)
    if (default := checked.get("default_authorizer")) is not None and default not in checked["authorizers"]:
        yield "default_authorizer", unknown(default, "an authorizer", checked["authorizers"])
    for name in checked["functions"]:
        if name not in _used_functions(checked):
            yield f"functions.{name}", "is not used. Name it as function of a route or authorizer, or remove it."
    for key, route in checked["routes"].items():
        if (reason := _key_problem(checked["kind"], key)) is None:
            yield from _route_problems(checked, key, route)
        else:
            yield f"routes.{key}", reason
    yield from _path_problems(checked)
    yield from _preflight_problems(checked)
    yield from _model_problems(checked["models"])
    yield from _usage_plan_problems(checked)
    yield from excludes(checked, "firewall", "web_acl_arn", why="a stage has one web ACL")
    if (firewall := checked.get("firewall")) is not None:
        yield from part_problems(WebApplicationFirewall, "firewall", firewall, {"": "firewall"})
    yield from excludes(checked, "dual_stack", "vpc_endpoint_ids", why="a private API has IPv4 and IPv6 anyway")
    if (domain := checked.get("domain")) is not None:
        yield from _domain_problems(checked, domain)
    yield from needs(checked, "more_domains", "domain")
    if (link := checked.get("vpc_link")) is not None:
        yield from one_of(link, "vpc_link_id", ("subnet_ids_by_zone", "security_group_ids"), path="vpc_link.")


def _used_functions(checked: ApiGatewayArgs) -> set[str | None]:
    authorizers = [function for authorizer in checked["authorizers"].values() if (function := authorizer.get("function")) is not None]
    return {route.get("function") for route in checked["routes"].values()} | {function.get("function") for function in authorizers}


def _key_problem(kind: str, key: str) -> str | None:
    if key == "$default":
        return None if kind == "http" else "is not a route of a REST API; write ANY /{path+} for all paths, and ANY / for the root."
    method, _, path = key.partition(" ")
    if method not in METHODS:
        return f"begins with {method!r}; a route is a method and a path such as POST /orders, with one of {', '.join(METHODS)}."
    part = r"(?:[A-Za-z0-9._~:@!$&'()*+,;=-]+|\{[A-Za-z0-9._-]+\})"
    if re.fullmatch(rf"/|(/{part})*/(?:{part}|\{{[A-Za-z0-9._-]+\+\}})", path) is None:
        return (
            f"has the path {path!r}; a path is / or parts such as /orders/{{id}}, of which the last may take all that follows: {{path+}}."
        )
    return None


def _route_problems(checked: ApiGatewayArgs, key: str, route: ApiRouteArgs) -> Iterator[Problem]:
    path, kind = f"routes.{key}", checked["kind"]
    yield from one_of(route, *TARGETS, path=f"{path}.")
    yield from needs(route, "state_machine_kms_key_arn", "state_machine_arn", path=f"{path}.")
    yield from _permission_problems(checked, path, route)
    for name in _ROUTE_REST_ONLY if kind == "http" else ():
        if is_given(route, name):
            yield f"{path}.{name}", "is for kind rest only; this API is of kind http. Remove it, or choose rest."
    if (model := route.get("model")) is not None and model not in checked["models"] and kind == "rest":
        yield f"{path}.model", unknown(model, "a model", checked["models"])
    most = max(SECONDS[kind], checked["timeout_quota_seconds"] if kind == "rest" else 0)
    if route["timeout_seconds"] > most:
        fix = "Shorten it, start the work by a queue or state machine" + (
            ", or have the quota raised and set timeout_quota_seconds." if kind == "rest" else "."
        )
        yield f"{path}.timeout_seconds", f"is {route['timeout_seconds']}; API Gateway waits {most} seconds at most. {fix}"
    if route["api_key_required"] and not checked["usage_plans"] and kind == "rest":
        yield f"{path}.api_key_required", "needs a key that somebody has. Give usage_plans with api_keys, or remove it."
    if (function := route.get("function")) is not None:
        yield from _function_problems(checked, path, function, route["timeout_seconds"])
    if (queue := route.get("queue")) is not None:
        yield from _queue_problems(checked, f"{path}.queue", route_of(key), route, queue)
    if (balancer := route.get("load_balancer")) is not None:
        wanted, other = (("load_balancer_arn", "url"), "listener_arn") if kind == "rest" else (("listener_arn",), "load_balancer_arn")
        for name in wanted:
            if not is_given(balancer, name):
                yield f"{path}.load_balancer.{name}", f"is missing; an API of kind {kind} needs it."
        for name in (other, "server_name" if kind == "rest" else "url"):
            if is_given(balancer, name):
                yield f"{path}.load_balancer.{name}", f"is not for kind {kind}. Remove it."
        if checked.get("vpc_link") is None:
            yield "vpc_link", f"is missing; the route {key} reaches a load balancer through it."
    for where, url in ((f"{path}.url", route.get("url")), (f"{path}.load_balancer.url", (balancer or {}).get("url"))):
        if isinstance(url, str) and (strange := set(re.findall(r"\{([^}]*)\}", url)) - set(route_of(key).variables)):
            known = ", ".join(route_of(key).variables) or "none"
            yield where, f"has {{{sorted(strange)[0]}}}, which is no variable of the path; it has {known}."


def _function_problems(checked: ApiGatewayArgs, path: str, name: str, wait_seconds: int) -> Iterator[Problem]:
    if (options := checked["functions"].get(name)) is None:
        yield f"{path}.function", unknown(name, "a function", checked["functions"])
    elif (given := options["timeout_seconds"]) > max(wait_seconds, SECONDS["http"]):
        reason = (
            f"is {given}; the route {path.partition('.')[2]} waits {wait_seconds} seconds, and the caller gets 504 while the function goes"
        )
        yield f"functions.{name}.timeout_seconds", f"{reason} on. Shorten it, or start the work by a queue."


def _authorizer(checked: ApiGatewayArgs, route: ApiRouteArgs) -> ApiAuthorizerArgs | None:
    name = authorizer_of(checked, route)
    return None if name is None else checked["authorizers"].get(name)


def _permission_problems(checked: ApiGatewayArgs, path: str, route: ApiRouteArgs) -> Iterator[Problem]:
    """Exactly one of an authorizer, IAM and everybody decides who may call a route."""
    named = [name for name in ("authorizer", "iam_authorization", "public") if is_given(route, name)]
    default = checked.get("default_authorizer")
    if len(named) > 1:
        yield f"{path}.{named[0]}", f"excludes {named[1]}: one of them decides who may call the route. Remove one."
    elif not named and default is None:
        yield path, "has no authorizer. Give authorizer or iam_authorization, set default_authorizer, or say public: True."
    if (given := route.get("authorizer")) is not None and given not in checked["authorizers"]:
        yield f"{path}.authorizer", unknown(given, "an authorizer", checked["authorizers"])
    tokens = _authorizer(checked, route)
    if route["scopes"] and (tokens is None or is_given(tokens, "function")):
        yield f"{path}.scopes", "are those of a token, for an authorizer with jwt or user_pool. Remove them, or name such an authorizer."


def _queue_problems(checked: ApiGatewayArgs, path: str, route: Route, given: ApiRouteArgs, queue: ApiQueueArgs) -> Iterator[Problem]:
    if isinstance(arn := queue["queue_arn"], str) and arn.endswith(".fifo") and queue.get("message_group") is None:
        yield f"{path}.message_group", "is missing; a FIFO queue needs it. Give a part of the request such as path.customer or request_id."
    if queue["message_attributes"] and checked["kind"] == "http":
        yield f"{path}.message_attributes", "is for kind rest only; this API is of kind http. Remove it, or choose rest."
    sources: dict[str, str | None] = {"message_group": queue.get("message_group"), "deduplication_id": queue.get("deduplication_id")}
    sources |= {f"message_attributes.{name}": source for name, source in queue["message_attributes"].items()}
    authorizer = _authorizer(checked, given)
    for where, source in sources.items():
        place, _, name = (source or "").partition(".")
        if place == "path" and name not in route.variables:
            yield f"{path}.{where}", f"is {source!r}; variables of the path are {', '.join(route.variables) or 'none'}."
        if place == "claim" and (authorizer is None or is_given(authorizer, "function")):
            yield f"{path}.{where}", f"is {source!r}, a claim of a token; the route has no authorizer with jwt or user_pool."
        if place == "authorizer" and (authorizer is None or not is_given(authorizer, "function")):
            yield f"{path}.{where}", f"is {source!r}, of the context that a function returns; the route has no authorizer with function."


def _authorizer_problems(checked: ApiGatewayArgs, path: str, authorizer: ApiAuthorizerArgs) -> Iterator[Problem]:
    kind = checked["kind"]
    yield from one_of(authorizer, "jwt", "user_pool", "function", path=f"{path}.")
    if authorizer.get("jwt") is not None and kind == "rest":
        yield f"{path}.jwt", "is for kind http only; this API is of kind rest. Use user_pool or function, or choose http."
    if (function := authorizer.get("function")) is not None:
        yield from one_of(function, "function", "function_arn", path=f"{path}.function.")
        if (named := function.get("function")) is not None and named not in checked["functions"]:
            yield f"{path}.function.function", unknown(named, "a function", checked["functions"])
    if (pool := authorizer.get("user_pool")) is None:
        return
    if kind == "http" and len(pool["user_pool_arns"]) > 1:
        yield (
            f"{path}.user_pool.user_pool_arns",
            f"has {len(pool['user_pool_arns'])} entries; an HTTP API takes one. Add an authorizer for each.",
        )
    if kind == "http" and not pool["client_ids"]:
        yield f"{path}.user_pool.client_ids", "is missing; an HTTP API accepts tokens of named clients only."
    if kind == "rest" and pool["client_ids"]:
        yield f"{path}.user_pool.client_ids", "is for kind http only: a REST API accepts tokens of every client of the pool. Use scopes."


def _path_problems(checked: ApiGatewayArgs) -> Iterator[Problem]:
    """Routes that differ in the names of variables alone, and more parts of paths than a REST API has."""
    variables: dict[str, tuple[str, str]] = {}
    parts: set[str] = set()
    for key in checked["routes"]:
        if _key_problem(checked["kind"], key) is not None or key == "$default":
            continue
        pieces = route_of(key).path.strip("/").split("/")
        for number, piece in enumerate(pieces, start=1):
            parts.add("/".join(pieces[:number]))
            if not piece.startswith("{"):
                continue
            parent = re.sub(r"\{[^}]*\}", "{}", "/".join(pieces[: number - 1]))
            # A variable beside one that takes all that follows is allowed.
            place = f"{parent}/{'+' if piece.endswith('+}') else ''}"
            first, other = variables.setdefault(place, (piece, key))
            if first != piece:
                yield f"routes.{key}", f"has {piece} where {other} has {first}; API Gateway takes one name there. Rename one."
    if checked["kind"] == "rest" and len(parts - {""}) > _MOST_RESOURCES:
        yield "routes", f"have {len(parts - {''})} parts of paths; a REST API has {_MOST_RESOURCES} at most. Divide the API."


def _preflight_problems(checked: ApiGatewayArgs) -> Iterator[Problem]:
    """Routes of an HTTP API that take browsers' preflight requests, which carry no credentials, for requests without a token.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
    """
    if checked.get("cors") is None or checked["kind"] == "rest":
        return
    answered = {route_of(key).path for key, route in checked["routes"].items() if key.startswith("OPTIONS ") and route["public"]}
    for key, route in checked["routes"].items():
        method, path = route_of(key)
        if method not in ("ANY", "$default") or route["public"] or path in answered:
            continue
        if method == "$default":
            if any(re.fullmatch(r"/\{[^}]*\+\}", other) for other in answered):
                continue
            path = "/{path+}"
        reason = "takes browsers' preflight requests too, and would refuse them for want of a token"
        yield f"routes.{key}", f"{reason}. Name its methods, or add the public route OPTIONS {path}."


def _model_problems(models: Mapping[str, str]) -> Iterator[Problem]:
    for name, text in models.items():
        try:
            schema: Any = json.loads(text)
        except ValueError as error:
            yield f"models.{name}", f"is no JSON: {error}."
            continue
        if not isinstance(schema, dict):
            yield f"models.{name}", "is no JSON object; a model is a JSON schema."


def _usage_plan_problems(checked: ApiGatewayArgs) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for name, plan in checked["usage_plans"].items():
        for key in plan["route_throttles"]:
            if key not in checked["routes"]:
                yield f"usage_plans.{name}.route_throttles.{key}", unknown(key, "a route", checked["routes"])
        for api_key in plan["api_keys"]:
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
            if (owner := owners.setdefault(api_key, name)) != name:
                yield f"usage_plans.{name}.api_keys", f"has {api_key}, which {owner} has; AWS allows a key one plan of a stage. Remove one."
    if checked["usage_plans"] and not any(route["api_key_required"] for route in checked["routes"].values()):
        yield "usage_plans", "count requests of routes with api_key_required, and no route has it. Set it, or remove usage_plans."


def _domain_problems(checked: ApiGatewayArgs, domain: ApiDomainArgs) -> Iterator[Problem]:
    why = "a custom domain is Regional, and the default endpoint, by which VPC endpoints reach a private API, would be closed"
    yield from excludes(checked, "domain", "vpc_endpoint_ids", why=why)
    if domain.get("mutual_tls") is not None and domain["domain_name"].startswith("*."):
        yield "domain.domain_name", f"is {domain['domain_name']!r}; mutual TLS needs a name without a wildcard."
