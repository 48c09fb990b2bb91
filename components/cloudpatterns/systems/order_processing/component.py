"""Orders as sagas over services with stores of their own.

Source: "Step Functions Workflow", "Database per service" (2025 guide).
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks import (
    create_key,
    failed_record_statements,
    function_names,
    logs_statement,
    pattern_options,
    receive_statements,
    stream_alarms,
    stream_source,
    stream_statements,
    user_function,
)
from cloudpatterns.core import (
    Component,
    FunctionOptions,
    Problem,
    Statement,
    WorkloadStatementArgs,
    account_of,
    as_arguments,
    excludes,
    function_problems,
    is_given,
    one_of,
    pick,
    unknown,
)
from cloudpatterns.database import DatabasePerService
from cloudpatterns.messaging import EventBus, Workflow
from cloudpatterns.network import ApiGateway
from cloudpatterns.resilience import CircuitBreaker
from cloudpatterns.storage import DurableBucket
from cloudpatterns.systems.order_processing.arguments import (
    CLOSE,
    CONFIRM,
    OPEN,
    ORDERS,
    OrderProcessingArgs,
    OrderProcessingServiceArgs,
)
from cloudpatterns.systems.order_processing.parts import (
    api_args,
    circuits_of,
    composed_problems,
    function_args,
    known,
    saga_args,
    store_args,
    with_functions,
)

_CODE = Path(__file__).parent / "on_aws"
_ENTRANCE = "entrance"
# An event is late, or a change cannot be announced.
_LATE_SECONDS, _DAY_SECONDS = 300, 86_400
_STORES = {"table": "TABLE_NAME", "relational": "DATABASE_HOST", "documents": "DATABASE_HOST"}


class OrderProcessing(Component):
    """Orders that pass several services, each with a store of its own, and leave nothing behind where one fails (2025 guide).

    ``POST /orders`` takes an order and answers 202 with its id; ``GET /orders/{id}`` shows its status to whoever placed it: ``PENDING``,
    ``CONFIRMED``, ``REJECTED`` (a service refused, with the reason) or ``FAILED``. A request is placed once for each caller and
    ``Idempotency-Key``: the id follows from both, and is the name of the execution.

    A state machine passes the order through ``services``. When one fails after its retries, the compensations run in reverse order, that of
    the failing one included, since it may have acted. What a service does happens once, also where an attempt that was given up arrives
    after its compensation, if it uses ``cloudpatterns_runtime.saga``: its page is `docs/runtime/saga.md`. You write a function for each
    service: what it does for an order, and what undoes it; the samples of `examples/order_processing` are a start.

    A compensation that fails for half an hour parks the order, with an alarm. When the cause is fixed, ``python -m
    cloudpatterns_runtime.parked_executions --queue-url <parking_queue_url> --state-machine-arn <state_machine_arn>`` goes on with all
    parked orders. Each change of an order's status is an event on the bus, read from the stream of the store, so that none is lost.

    **Use when**: an order, booking or application changes the data of several services, and all or none of it may happen.

    **Not when**: one database holds all of it (a transaction does), or no step needs to be undone (``QueuingChain``).

    **Cost drivers**: state transitions, one for each order and step, requests to tables and functions; a customer managed key for each
    store, the bus, the circuits, the workflow and the API.

    **Trade-offs**: an order is taken before anybody knows whether it succeeds: clients ask for its status, or hear of it by the events.
    Between steps others see what is not confirmed yet. Orders have at most 64 KiB, and 8 KB behind a firewall without the exception
    ``common/SizeRestrictions_BODY``.

    **Proven by**: controls ``step-failure-paths``, ``step-timeouts``, ``database-of-one-service``, ``api-definition-authorized``,
    ``stream-failures-kept``; ``test_order_processing.py``, and ``test_order_processing_runs.py``, which sends 10,000 orders through the
    state machine with faults at every step.
    """

    url: pulumi.Output[str]
    """URL in front of ``/orders``."""
    execution_arn: pulumi.Output[str]
    """ARN before the stage, method and path of a request, for policies of callers that sign."""
    state_machine_arn: pulumi.Output[str]
    """The state machine; executions have the orders' ids as their names."""
    parking_queue_arn: pulumi.Output[str]
    """Queue of the orders whose compensation has given up."""
    parking_queue_url: pulumi.Output[str]
    """URL of that queue."""
    bus_arn: pulumi.Output[str]
    """Bus of the orders' events."""
    bus_name: pulumi.Output[str]
    """Name of the bus, for rules of other stacks."""
    order_table_name: pulumi.Output[str]
    """Table of the orders, which belongs to the system alone."""
    store_arns: pulumi.Output[dict[str, str]]
    """ARN of the store of each service, and of ``orders``."""
    circuit_table_name: pulumi.Output[str]
    """Table of the circuits; empty without any."""
    failed_record_bucket_name: pulumi.Output[str]
    """Bucket with the changes of orders that could not be announced."""
    kms_key_arn: pulumi.Output[str]
    """Key of that bucket, and of the function that announces."""

    def __init__(self, name: str, args: OrderProcessingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=functools.partial(_problems, name), names=_child_names)
        self._around: Any = pick(checked, "alarm_topic_arns", "tags")
        self._stores = stores = DatabasePerService(f"{name}-stores", store_args(checked), self.child())
        self._circuits = None
        if circuits := circuits_of(checked):
            self._circuits = CircuitBreaker(f"{name}-circuits", {"dependencies": circuits, **self._around}, self.child())
        self._orders_arn, self._orders_key_arn = stores.store_arns[ORDERS], stores.kms_key_arns[ORDERS]
        self._saga = saga = Workflow(f"{name}-saga", self._saga_args(), self.child())
        bus = EventBus(f"{name}-events", {**known(checked["events"]), **self._around}, self.child())
        self._api = api = ApiGateway(f"{name}-api", self._api_args(), self.child())
        self.kms_key_arn = create_key(
            self,
            f"{name}-key",
            f"What announces the orders of {name}",
            lambda key_arn: [logs_statement(key_arn, f"{name}-announcer-logs*")],
            tags=checked["tags"],
        )
        self._announcer(name, bus)
        self.url, self.execution_arn = api.invoke_url, api.execution_arn
        self.state_machine_arn = saga.state_machine_arn
        assert saga.parking_queue_arn is not None, "the step that opens an order has a compensation"
        assert saga.parking_queue_url is not None
        self.parking_queue_arn, self.parking_queue_url = saga.parking_queue_arn, saga.parking_queue_url
        self.bus_arn, self.bus_name = bus.bus_arn, bus.bus_name
        self.order_table_name, self.store_arns = stores.table_names[ORDERS], stores.store_arns
        self.circuit_table_name = pulumi.Output.from_input("") if self._circuits is None else self._circuits.table_name
        self.register()

    def resume_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of an operator needs to go on with parked orders."""
        return [*as_arguments(receive_statements(self.parking_queue_arn, self._saga.kms_key_arn)), *self._saga.start_statements()]

    def invoke_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to place orders and to see them, with ``iam_authorization``.

        :raises ArgumentError: without ``iam_authorization``.
        """
        if not self._checked["iam_authorization"]:
            self.refuse(("iam_authorization", "is not set, so a role's rights admit nobody. Set it, in place of authorizer."))
        return self._api.invoke_statements()

    def _saga_args(self) -> Any:
        functions = {service["name"]: self._function(service) for service in with_functions(self._checked)}
        return saga_args(self._checked, functions, self._orders_arn, self._orders_key_arn)

    def _function(self, service: OrderProcessingServiceArgs) -> Any:
        """The function of a service, with its own store and its circuit."""
        own: Any = service.get("function")
        name, stores = service["name"], self._stores
        environment: dict[str, pulumi.Input[str]] = {}
        groups: dict[str, Any] = {}
        if is_given(service["store"], "table"):
            environment["TABLE_NAME"] = stores.table_names[name]
        else:
            environment |= {
                "DATABASE_HOST": stores.addresses[name],
                "DATABASE_PORT": stores.ports[name].apply(lambda port: str(int(port))),
                "DATABASE_SECRET_ARN": stores.secret_arns[name],
            }
            groups = {"security_group_ids": [*own["security_group_ids"], stores.client_group_id(name)]}
        statements = [*stores.statements(name), *own["statements"]]
        if self._circuits is not None and service.get("circuit") is not None:
            environment |= self._circuits.environment(name)
            statements += self._circuits.statements(name)
        return {**function_args(own), **groups, "environment": {**own["environment"], **environment}, "statements": statements}

    def _api_args(self) -> Any:
        checked = self._checked
        entrance: FunctionOptions = pattern_options(_CODE / _ENTRANCE, checked["log_retention_days"], timeout_seconds=25)
        cors = checked["api"].get("cors")
        entrance["environment"] = {
            "ORDER_TABLE": self._stores.table_names[ORDERS],
            "STATE_MACHINE_ARN": self._saga.state_machine_arn,
            # Functions behind a REST API answer browsers themselves.
            **({} if cors is None else {"ALLOWED_ORIGINS": ",".join(cors["allowed_origins"])}),
            **({"ALLOW_CREDENTIALS": "true"} if cors is not None and cors["allow_credentials"] else {}),
        }
        executions = self._saga.state_machine_arn.apply(lambda arn: f"{arn.replace(':stateMachine:', ':execution:')}:*")
        entrance["statements"] = [
            *self._saga.start_statements(),
            *as_arguments(
                [
                    Statement(sid="Executions", actions=["states:DescribeExecution"], resources=[executions]),
                    Statement(sid="Orders", actions=["dynamodb:GetItem"], resources=[self._orders_arn]),
                    Statement(sid="OrdersKey", actions=["kms:Decrypt"], resources=[self._orders_key_arn]),
                ]
            ),
        ]
        entrance["runtime_library"] = False
        return {**api_args(checked, {"function": _ENTRANCE}), "functions": {_ENTRANCE: entrance}}

    def _announcer(self, name: str, bus: EventBus) -> None:
        """Reads the stream of the store of orders, and puts what changed on the bus."""
        checked, stream_arn = self._checked, self._stores.stream_arns[ORDERS]
        bucket = DurableBucket(
            f"{name}-unannounced",
            {
                "kind": "data",
                "kms_key_arn": self.kms_key_arn,
                "retention_days": checked["failed_record_retention_days"],
                **pick(checked, "log_bucket_name", "tags"),
            },
            self.child(),
        )
        source = checked.get("event_source")
        options = pattern_options(_CODE / "announcer", checked["log_retention_days"])
        options["environment"] = {"EVENT_BUS_ARN": bus.bus_arn, "EVENT_SOURCE": name if source is None else source}
        options["runtime_library"] = False
        function = user_function(
            self,
            f"{name}-announcer",
            options,
            description=f"Announces the orders of {name}",
            statements=[
                *stream_statements(stream_arn, self._orders_key_arn),
                *failed_record_statements(bucket.bucket_arn, self.kms_key_arn, account_of(self._orders_arn)),
                Statement(sid="Announce", actions=["events:PutEvents"], resources=[bus.bus_arn]),
            ],
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )
        mapping = stream_source(
            self,
            f"{name}-announcer-source",
            stream_arn,
            function.arn,
            starting_position="TRIM_HORIZON",
            batch_size=100,
            batching_window_seconds=0,
            parallelization_factor=1,
            maximum_retry_attempts=1000,
            # Less than the stream keeps: what cannot be announced goes to the bucket.
            maximum_record_age_seconds=_DAY_SECONDS // 2,
            failed_record_bucket_arn=bucket.bucket_arn,
            tags=checked["tags"],
        )
        if topics := checked["alarm_topic_arns"]:
            stream_alarms(self, f"{name}-announcer", function.name, mapping, _LATE_SECONDS, actions=topics, tags=checked["tags"])
        self.failed_record_bucket_name = bucket.bucket_name


def _child_names(checked: OrderProcessingArgs) -> dict[str, int]:
    bucket = "unannounced-bucket" if is_given(checked, "log_bucket_name") else "unannounced-logs-bucket"
    names = {"announcer": 64, "announcer-role": 64, "api-function-entrance-role": 64, "saga-machine": 80, bucket: 63}
    for service in checked["services"]:
        names |= function_names(service.get("function"), f"saga-{service['name']}")
    return names


def _problems(name: str, checked: OrderProcessingArgs) -> Iterator[Problem]:
    own = [*_own_problems(checked)]
    # What the composed components would say of the same is worse said.
    yield from own or dict.fromkeys(composed_problems(name, checked))


def _own_problems(checked: OrderProcessingArgs) -> Iterator[Problem]:
    yield from one_of(checked, "authorizer", "iam_authorization")
    yield from excludes(checked, "iam_authorization", "scopes", why="who signs requests has no token")
    for argument in ("default_authorizer", "usage_plans"):
        if is_given(checked["api"], argument):
            yield f"api.{argument}", "is not for this API, whose authorizer is given beside it. Leave it out."
    authorizer = checked.get("authorizer")
    function = None if authorizer is None else authorizer.get("function")
    if function is not None and is_given(function, "function"):
        yield "authorizer.function.function", "names a new function, and this API has none of yours. Give function_arn."
    if checked["api"]["kind"] == "rest" and checked.get("account_logging_role") is None:
        yield "account_logging_role", "is missing; an API of kind rest needs it."
    if (model := checked.get("order_model")) is not None and model not in checked["api"]["models"]:
        yield "order_model", unknown(model, "one of api.models", checked["api"]["models"])
    yield from _name_problems(checked)
    for number, service in enumerate(checked["services"]):
        yield from _service_problems(service, f"services.{number}.")


def _name_problems(checked: OrderProcessingArgs) -> Iterator[Problem]:
    """Names of services and of steps, each once."""
    names, steps = {ORDERS}, {OPEN, CLOSE, CONFIRM}
    for number, service in enumerate(checked["services"]):
        if service["name"] in names:
            yield f"services.{number}.name", f"is {service['name']!r}, which is taken: {', '.join(sorted(names))}. Choose another."
        names.add(service["name"])
        for argument in ("action", "compensation"):
            step: Any = service.get(argument)
            if step is None:
                continue
            if step in steps:
                yield f"services.{number}.{argument}", f"is {step!r}, which is taken: {', '.join(sorted(steps))}. Choose another."
            steps.add(step)


def _service_problems(service: OrderProcessingServiceArgs, path: str) -> Iterator[Problem]:
    yield from one_of(service, "function", "function_arn", path=path)
    function, store = service.get("function"), service["store"]
    if function is None:
        for argument in ("store", "circuit"):
            if is_given(service, argument):
                yield f"{path}{argument}", "is for a new function; that of function_arn has its own. Remove it."
        return
    yield from function_problems(function, f"{path}function")
    if not is_given(store, "table") and not is_given(function, "subnet_ids_by_zone"):
        yield f"{path}function.subnet_ids_by_zone", "is missing; the store is in the VPC. Give it, with security_group_ids."
    for variable in ("TABLE_NAME", "DATABASE_HOST", "DATABASE_PORT", "DATABASE_SECRET_ARN"):
        if variable in function["environment"]:
            yield f"{path}function.environment.{variable}", "is set by the pattern. Choose another name."
