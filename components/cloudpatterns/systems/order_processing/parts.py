"""The arguments of what an ``OrderProcessing`` composes, and what these components would refuse."""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from cloudpatterns.core import Component, Problem, part_problems, pick
from cloudpatterns.database import DatabasePerService
from cloudpatterns.messaging import EventBus, Workflow
from cloudpatterns.network import ApiGateway
from cloudpatterns.resilience import CircuitBreaker
from cloudpatterns.systems.order_processing.arguments import ORDERS, OrderProcessingArgs, OrderProcessingServiceArgs
from cloudpatterns.systems.order_processing.steps import order_steps

_CALLERS = "callers"
_AROUND = ("alarm_topic_arns", "tags")
# Made-up ids of what the others create.
_ANY_TABLE_ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders"
_ANY_KEY_ARN = "arn:aws:kms:eu-west-1:000000000000:key/0"
_ANY_FUNCTION_ARN = "arn:aws:lambda:eu-west-1:000000000000:function:orders"


def store_args(checked: OrderProcessingArgs) -> Any:
    """The stores, that of the orders among them."""
    protection = checked["deletion_protection"]
    orders = {"table": {"partition_key": {"name": "order_id"}, "stream": True, "deletion_protection": protection}}
    own = {service["name"]: known(service["store"]) for service in with_functions(checked)}
    return {"services": {ORDERS: orders, **own}, **pick(checked, "vpc_id", "subnet_ids_by_zone", *_AROUND)}


def saga_args(
    checked: OrderProcessingArgs, functions: Mapping[str, Any], table_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str]
) -> Any:
    """The state machine, with the functions of the services by their names."""
    return {
        "functions": functions,
        "steps": order_steps(checked["services"], table_arn, kms_key_arn),
        "refusals": sorted({refusal for service in checked["services"] for refusal in service["refusals"]}),
        "resume_parked": True,
        "log_retention_days": checked["log_retention_days"],
        **({"most_failed_executions": checked["most_failed_orders"]} if checked["alarm_topic_arns"] else {}),
        **pick(checked, *_AROUND),
    }


def function_args(own: Any) -> dict[str, Any]:
    """The function of a service with the runtime library: an image brings it itself, and it is in Python."""
    with_layer = own.get("image_uri") is None and own["runtime"].startswith("python")
    return {**known(own), **({"runtime_library": True} if with_layer else {})}


def api_args(checked: OrderProcessingArgs, target: Mapping[str, Any]) -> Any:
    """The API, whose routes lead to a target."""
    cors, authorizer, model = checked["api"].get("cors"), checked.get("authorizer"), checked.get("order_model")
    named = {"authorizer": _CALLERS, "scopes": checked["scopes"]}
    route = {**target, **({"iam_authorization": True} if authorizer is None else named)}
    return {
        **known(checked["api"]),
        **({} if cors is None else {"cors": _cors(cors)}),
        **({} if authorizer is None else {"authorizers": {_CALLERS: known(authorizer)}}),
        "routes": {"POST /orders": {**route, **({} if model is None else {"model": model})}, "GET /orders/{id}": route},
        **pick(checked, "account_logging_role", "web_acl_arn", "domain", *_AROUND),
    }


def circuits_of(checked: OrderProcessingArgs) -> dict[str, Any]:
    """The circuits by the names of their services."""
    return {service["name"]: circuit for service in checked["services"] if (circuit := service.get("circuit")) is not None}


def known(options: Any) -> Any:
    """Checked options without those that have no value, to pass them on."""
    return pick(options, *options)


def _cors(cors: Any) -> Any:
    """CORS with the headers that pages need for orders."""
    allowed = [*dict.fromkeys([*cors["allowed_headers"], "Idempotency-Key"])]
    exposed = [*dict.fromkeys([*cors["exposed_headers"], "Location", "Retry-After"])]
    return {**known(cors), "allowed_headers": allowed, "exposed_headers": exposed}


def with_functions(checked: OrderProcessingArgs) -> list[OrderProcessingServiceArgs]:
    """The services whose functions are new, and have a store."""
    return [service for service in checked["services"] if service.get("function") is not None]


def composed_problems(name: str, checked: OrderProcessingArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late."""
    functions = {service["name"]: function_args(service.get("function")) for service in with_functions(checked)}
    around = {one: one for one in _AROUND}
    parts: list[tuple[type[Component], str, Any, Mapping[str, str]]] = [
        (DatabasePerService, "stores", store_args(checked), _places(checked, "services.{name}", "store")),
        (Workflow, "saga", saga_args(checked, functions, _ANY_TABLE_ARN, _ANY_KEY_ARN), _saga_places(checked)),
        (EventBus, "events", {**known(checked["events"]), **pick(checked, *_AROUND)}, {"": "events", **around}),
        (ApiGateway, "api", api_args(checked, {"function_arn": _ANY_FUNCTION_ARN}), {"": "api", **_OF_API, **around}),
    ]
    if circuits := circuits_of(checked):
        args = {"dependencies": circuits, **pick(checked, *_AROUND)}
        parts.append((CircuitBreaker, "circuits", args, _places(checked, "dependencies.{name}", "circuit")))
    for component, suffix, args, places in parts:
        yield from part_problems(component, f"{name}-{suffix}", args, places)


_OF_API = {
    f"authorizers.{_CALLERS}": "authorizer",
    "routes.POST /orders.model": "order_model",
    "routes.POST /orders.scopes": "scopes",
    "routes.GET /orders/{id}.scopes": "scopes",
    **{one: one for one in ("account_logging_role", "domain", "web_acl_arn")},
}


def _places(checked: OrderProcessingArgs, of: str, argument: str) -> dict[str, str]:
    """Where what a part has by the name of a service comes from."""
    return {of.format(name=service["name"]): f"services.{number}.{argument}" for number, service in enumerate(checked["services"])}


def _saga_places(checked: OrderProcessingArgs) -> dict[str, str]:
    places = _places(checked, "functions.{name}", "function")
    # The first step opens the order.
    for step in range(1, len(checked["services"]) + 1):
        here, service = f"steps.{step}", f"services.{step - 1}"
        undo = f"{here}.compensation"
        places |= {here: service, f"{here}.name": f"{service}.action"}
        places |= {undo: service, f"{undo}.name": f"{service}.compensation", f"{undo}.retry": f"{service}.compensation_retry"}
    return places
