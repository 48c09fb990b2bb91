"""A circuit breaker whose state functions and state machines share, in a DynamoDB table.

Pattern: "Circuit Breaker" (2025 guide).
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pulumi

from cloudpatterns.blocks import Metric, alarm, create_key, runtime_layer, table
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, as_arguments
from cloudpatterns.resilience.circuit_breaker.arguments import CircuitBreakerArgs, problems, settings_of
from cloudpatterns.resilience.circuit_breaker.states import Guard, guarded_states


class CircuitBreaker(Component):
    """Circuits of dependencies that fail, which all callers share (2025 guide, "Circuit Breaker").

    A table holds one item per dependency. Functions guard their calls with ``cloudpatterns_runtime.breaker``, state machines with
    ``states``: closed, calls go through and failures are counted; open, they are refused at once; half-open, exactly one call probes. When
    the table cannot be reached, calls go through. The library's page, `docs/runtime/circuit-breaker.md`, says what it guarantees.

    A function needs the library (``runtime_library`` of its options, or ``layer_arn``), ``environment`` and ``statements``::

        "function": {
            "code": pulumi.FileArchive("app"),
            "runtime_library": True,
            "environment": breaker.environment("payments"),
            "statements": breaker.statements("payments"),
        }

    **Use when**: a dependency that is down or slow takes its callers down with it, or is kept down by their calls.

    **Not when**: it fails for a moment (``RetryPolicy``), or the work can wait for it (``QueueWorker``).

    **Cost drivers**: one read per process and ``cache_seconds``, writes while calls fail, one key, two alarms a dependency.

    **Trade-offs**: an open circuit refuses calls that might have succeeded. A process learns of it up to ``cache_seconds`` late.

    **Proven by**: controls ``dynamodb-point-in-time-recovery``, ``dynamodb-deletion-protection``; ``test_circuit_breaker.py``,
    ``test_circuit_breaker_states.py``, which runs the states in an interpreter with failures, and ``test_breaker.py`` of the library, with
    sixteen callers at once on two emulators.
    """

    table_name: pulumi.Output[str]
    """Name of the table."""
    table_arn: pulumi.Output[str]
    """ARN of the table."""
    kms_key_arn: pulumi.Output[str]
    """The table's key; empty for an existing table without one."""
    variables: pulumi.Output[dict[str, str]]
    """Environment variables of a function that calls all of the dependencies."""
    metric_namespace: pulumi.Output[str]
    """Namespace of the metrics ``Opened``, ``Closed``, ``Probes`` and ``Unreachable``, with the dimensions ``Table`` and ``Dependency``."""
    layer_arn: pulumi.Output[str]
    """The layer with ``cloudpatterns_runtime``; empty without ``create_layer``."""

    def __init__(self, name: str, args: CircuitBreakerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names={"table": 255})
        self._table(name)
        self.metric_namespace = pulumi.Output.from_input(checked["metric_namespace"])
        self.variables = pulumi.Output.all(**self.environment())
        self.layer_arn = runtime_layer(self, f"{name}-runtime").arn if checked["create_layer"] else pulumi.Output.from_input("")
        if checked["alarm_topic_arns"]:
            for dependency in checked["dependencies"]:
                self._alarms(f"{name}-{dependency}", dependency)
        self.register()

    def environment(self, *dependencies: str) -> dict[str, pulumi.Input[str]]:
        """Environment variables of a function that calls these dependencies, or all: for ``CircuitBreaker.from_environment`` in it.

        :raises ArgumentError: for an unknown dependency, with those known.
        """
        variables: dict[str, pulumi.Input[str]] = {
            "CLOUDPATTERNS_BREAKER_TABLE": self.table_name,
            "CLOUDPATTERNS_BREAKER_METRICS": self._checked["metric_namespace"],
        }
        for dependency in dependencies or self._checked["dependencies"]:
            name = re.sub("[^A-Z0-9]", "_", dependency.upper())
            variables[f"CLOUDPATTERNS_BREAKER_{name}"] = json.dumps(self._settings(dependency))
        return variables

    def statements(self, *dependencies: str) -> list[WorkloadStatementArgs]:
        """What the role of a function needs that calls these dependencies, or all: their items of the table, and its key.

        :raises ArgumentError: for an unknown dependency, with those known.
        """
        return as_arguments(self._statements(dependencies))

    def states(
        self, dependency: str, name: str, task: Mapping[str, Any], *, next_state: str, open_state: str, failure_state: str
    ) -> dict[str, Any]:
        """States of a state machine that call a dependency through its circuit, with DynamoDB alone and no function.

        ``task`` is the state that calls it, in JSONata, without ``Next`` and ``End``. It is there under ``name`` ("Charge card"), and its
        output goes on to ``next_state``. What it catches by itself does not count. Any other error is a failure: once it is counted,
        ``failure_state`` is next, with the error in the variable ``$breaker_charge_card.error``. While the circuit is open, ``open_state``
        is next. Both get the input of the first state, "Charge card guarded". The states are in JSONata, also in a machine of JSONPath.

        The role needs ``state_machine_statements``; ``Workflow`` takes the states in a ``definition``.

        :raises ArgumentError: for an unknown dependency, with those known.
        :raises ValueError: for a task with an end of its own or a catcher of all errors, and for a name that is too long.
        """
        guard = Guard(self.table_name, dependency, self._settings(dependency), self._checked["metric_namespace"])
        return guarded_states(guard, name, task, next_state=next_state, open_state=open_state, failure_state=failure_state)

    def state_machine_statements(self, *dependencies: str) -> list[WorkloadStatementArgs]:
        """What the role of a state machine with ``states`` needs: ``statements``, and the metric; for all dependencies without a name.

        :raises ArgumentError: for an unknown dependency, with those known.
        """
        # The action has no resource types.
        metric = Statement(
            sid="BreakerMetric",
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": [self._checked["metric_namespace"]]}},
        )
        return as_arguments([*self._statements(dependencies), metric])

    def _settings(self, dependency: str) -> dict[str, Any]:
        return settings_of(self.lookup(self._checked["dependencies"], dependency, "dependency", "a dependency"))

    def _statements(self, dependencies: tuple[str, ...]) -> list[Statement]:
        known = dependencies or tuple(self._checked["dependencies"])
        for dependency in known:
            self._settings(dependency)
        items = Statement(
            sid="Breaker",
            actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            resources=[self.table_arn],
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [*known]}},
        )
        if self._key_arn is None:
            return [items]
        return [items, Statement(sid="BreakerKey", actions=["kms:Decrypt"], resources=[self._key_arn])]

    def _table(self, name: str) -> None:
        checked, existing = self._checked, self._checked.get("existing_table")
        self._key_arn: pulumi.Input[str] | None
        if existing is not None:
            self.table_arn = pulumi.Output.from_input(existing["arn"])
            self.table_name = self.table_arn.apply(lambda arn: arn.split("/")[1])
            self._key_arn = existing.get("kms_key_arn")
        else:
            given = checked.get("kms_key_arn")
            self._key_arn = create_key(self, f"{name}-key", f"States of {name}", tags=checked["tags"]) if given is None else given
            states = table(
                self,
                f"{name}-table",
                hash_key="dependency",
                ttl_attribute="expires_at",
                kms_key_arn=self._key_arn,
                deletion_protection=checked["deletion_protection"],
                tags=checked["tags"],
            )
            self.table_arn, self.table_name = states.arn, states.name
        self.kms_key_arn = pulumi.Output.from_input("" if self._key_arn is None else self._key_arn)

    def _alarms(self, child_name: str, dependency: str) -> None:
        # The library writes its metrics as log lines (embedded metric format): whatever log group a function has, and without a metric
        # filter for each. Functions of several stacks may have a dependency of the same name: so the table is a dimension, too.
        dimensions: dict[str, pulumi.Input[str]] = {"Table": self.table_name, "Dependency": dependency}
        namespace, actions, tags = self._checked["metric_namespace"], self._checked["alarm_topic_arns"], self._checked["tags"]
        alarm(
            self,
            f"{child_name}-opened",
            f"The circuit of {dependency} has opened: most calls fail, and are refused for now",
            Metric(namespace, "Opened", dimensions, "Sum"),
            0,
            actions=actions,
            tags=tags,
        )
        alarm(
            self,
            f"{child_name}-unreachable",
            f"Callers of {dependency} cannot use the table of its circuit in each of five minutes: calls go through unguarded",
            Metric(namespace, "Unreachable", dimensions, "Sum"),
            0,
            periods=5,
            actions=actions,
            tags=tags,
        )
