"""The steps of an order: it is opened in its store, passes the services, and is confirmed; what fails is compensated, and closed."""

from collections.abc import Mapping
from typing import Any

import pulumi

from cloudpatterns.core import pick
from cloudpatterns.messaging import WorkflowStepArgs
from cloudpatterns.systems.order_processing.arguments import CLOSE, CONFIRM, OPEN, OrderProcessingServiceArgs

_DEFAULT_SECONDS, _MARGIN_SECONDS = 60, 5
_NAMES = {f"#{name}": name for name in ("status", "order", "execution")}
_DOCUMENT = "$states.input.input"
# In the item already, where the step comes a second time or late.
_CONTENT = ", ".join(
    f"{name} = if_not_exists({name}, {value})"
    for name, value in {
        "#order": ":order",
        "#execution": ":execution",
        "customer": ":customer",
        "fingerprint": ":fingerprint",
        "created_at": ":now",
    }.items()
)


def order_steps(
    services: list[OrderProcessingServiceArgs], table_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str]
) -> list[WorkflowStepArgs]:
    """The steps. Every attempt of each may come twice, and after the compensation: then it changes nothing."""
    table = {"table_arn": table_arn, "kms_key_arn": kms_key_arn, "key": {"order_id": _text(f"{_DOCUMENT}.order_id")}}
    opened: Any = {
        "name": OPEN,
        "description": "Stores the order; what fails from here on closes it",
        **_update(
            table,
            f"SET #status = if_not_exists(#status, :pending), updated_at = if_not_exists(updated_at, :now), {_CONTENT}",
            {"#status", "#order", "#execution"},
            {":pending": {"S": "PENDING"}, **_content()},
        ),
        "keep_result": False,
        "retry": {"attempts": 6},
        "compensation": {"name": CLOSE, "after_failure": True, **_closed(table, services)},
    }
    confirmed: Any = {
        "name": CONFIRM,
        "description": "The order is done; not one that was closed before",
        **_update(
            table,
            "SET #status = :confirmed, updated_at = :now",
            {"#status"},
            {":confirmed": {"S": "CONFIRMED"}, ":pending": {"S": "PENDING"}, ":now": _text("$now()")},
            ConditionExpression="#status IN (:pending, :confirmed)",
        ),
        "keep_result": False,
        "retry": {"attempts": 6},
    }
    return [opened, *map(_step, services), confirmed]


def _step(service: OrderProcessingServiceArgs) -> Any:
    compensation = service.get("compensation")
    call = {"function": _function(service), "timeout_seconds": _seconds(service)}
    step = {"name": service["action"], **call, "input": _input(service["action"]), "retry": service["retry"]}
    if compensation is None:
        return step
    error = {"error": f"{{% {_FAILED_WITH} %}}"}
    undo = {
        "name": compensation,
        **call,
        "input": {**_input(compensation), **error},
        "retry": service["compensation_retry"],
        # An attempt that was given up may have acted, or act yet: whatever it failed of.
        "after_failure": True,
    }
    return {**step, "compensation": undo}


_FAILED_WITH = "$states.input.error.Error"


def _function(service: OrderProcessingServiceArgs) -> Mapping[str, Any]:
    return {"name": service["name"]} if service.get("function") is not None else pick(service, "function_arn")


def _seconds(service: OrderProcessingServiceArgs) -> int:
    given, function = service.get("timeout_seconds"), service.get("function")
    if given is not None:
        return given
    return _DEFAULT_SECONDS if function is None else function["timeout_seconds"] + _MARGIN_SECONDS


def _input(action: str) -> dict[str, Any]:
    given = {name: f"{{% {_DOCUMENT}.{name} %}}" for name in ("order_id", "customer", "order")}
    return {"action": action, **given, "steps": "{% $states.input.steps %}"}


def _closed(table: Mapping[str, Any], services: list[OrderProcessingServiceArgs]) -> Any:
    """Closes the order as the last compensation, after which neither an attempt to open it nor one to confirm it changes anything."""
    refusals = sorted({refusal for service in services for refusal in service["refusals"]})
    refused = f"{_FAILED_WITH} in [{', '.join(map(repr, refusals))}]"
    values = {":status": _text(f"{refused} ? 'REJECTED' : 'FAILED'"), ":reason": _text(f"{refused} ? {_FAILED_WITH} : ''")}
    expression = f"SET #status = :status, reason = :reason, updated_at = :now, {_CONTENT}"
    retry = {"attempts": 10, "base_seconds": 5, "cap_seconds": 600}
    return {**_update(table, expression, {"#status", "#order", "#execution"}, {**values, **_content()}), "retry": retry}


def _content() -> dict[str, Any]:
    return {
        ":order": _text(f"$string({_DOCUMENT}.order)"),
        ":execution": _text("$states.context.Execution.Id"),
        ":customer": _text(f"{_DOCUMENT}.customer"),
        ":fingerprint": _text(f"{_DOCUMENT}.fingerprint"),
        ":now": _text("$now()"),
    }


def _update(table: Mapping[str, Any], expression: str, names: set[str], values: Mapping[str, Any], **more: Any) -> Any:
    parameters = {
        "ExpressionAttributeNames": {name: _NAMES[name] for name in sorted(names)},
        "ExpressionAttributeValues": dict(values),
        **more,
    }
    return {"update_item": {**table, "update_expression": expression, "parameters": parameters}}


def _text(expression: str) -> dict[str, str]:
    """A text of an item: what an expression gives."""
    return {"S": f"{{% {expression} %}}"}
