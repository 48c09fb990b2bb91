"""An event bus with an archive, rules and targets, each with retries and a dead-letter queue.

Pattern: "Event-driven architecture", "Event bus" (2025 guide; Well-Architected, REL04-BP02).
"""

from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Metric,
    Sender,
    alarm,
    create_key,
    dead_letter_queue,
    idempotency_table,
    item_statements,
    queue_policy,
    receive_statements,
)
from cloudpatterns.core import (
    Component,
    ExistingQueue,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    by_name,
)
from cloudpatterns.messaging._patterns import pattern_json
from cloudpatterns.messaging.event_bus.access import EVENTS, bus_policy, has_functions, has_logs, key_statements
from cloudpatterns.messaging.event_bus.arguments import EventBusArgs, EventBusRule, ExistingEventBus
from cloudpatterns.messaging.event_bus.logs import bus_logs
from cloudpatterns.messaging.event_bus.rules import child_names, problems
from cloudpatterns.messaging.event_bus.targets import CreatedTarget, Surroundings, bus_arn, event_target


class EventBus(Component):
    """A bus, new or existing, and rules that route its events to targets (2025 guide, "Event-driven architecture").

    Every target has a dead-letter queue with an alarm. An event that EventBridge cannot deliver arrives there whole, with the reason in
    the message's attributes; so does one that a new function fails to process, within Lambda's record of the invocation
    (``requestPayload``). To send them again, when the cause is fixed, send the events to the bus, or replay them from the archive to
    one rule:

    ``aws events start-replay --replay-name again --event-source-arn <archive_arn> --event-start-time 2026-11-30T08:00:00Z
    --event-end-time 2026-11-30T09:00:00Z --destination Arn=<bus_arn>,FilterArns=<rule_arn>``

    Replayed events carry ``replay-name``, are not archived again, and reach every target of the rule, so targets are idempotent.

    **Use when**: sources and consumers change independently, and rules over the content decide who gets what; for events of AWS services
    (``existing_bus`` with the name ``default``).

    **Not when**: one consumer processes work (``QueueWorker``), latency or cost of each message counts (``FanOut``), the order counts
    (``EventStream``), or work begins at a time (``ScheduledTask``).

    **Cost drivers**: events that are sent, archived and replayed; logs above ``ERROR``; one key; the targets.

    **Trade-offs**: events arrive at least once and out of order. At most five targets a rule. Under a customer managed key there is no
    schema discovery, and whoever deploys rules needs ``kms:Decrypt`` on the key.

    **Proven by**: controls ``event-target-dead-letters``, ``event-bus-policy``, ``event-bus-not-public``,
    ``function-async-failures-kept``; ``test_event_bus.py``, which routes events by its patterns.
    """

    bus_arn: pulumi.Output[str]
    """ARN of the bus, available after its policy and all rules with their targets."""
    bus_name: pulumi.Output[str]
    """Name of the bus."""
    archive_arn: pulumi.Output[str]
    """ARN of the archive, the source of replays; empty without one."""
    rule_arns: pulumi.Output[dict[str, str]]
    """ARN of each rule."""
    queue_arns: pulumi.Output[dict[str, str]]
    """ARN of each new queue, by ``<rule>/<target>``."""
    queue_urls: pulumi.Output[dict[str, str]]
    """URL of each new queue, by ``<rule>/<target>``."""
    function_arns: pulumi.Output[dict[str, str]]
    """ARN of each new function, by ``<rule>/<target>``."""
    dead_letter_queue_arns: pulumi.Output[dict[str, str]]
    """ARN of the dead-letter queue of each target, by ``<rule>/<target>``, and of the bus under a customer managed key by ``bus``."""
    idempotency_table_name: pulumi.Output[str]
    """Name of the idempotency table; empty without one."""
    log_group_name: pulumi.Output[str]
    """Name of the bus's log group; empty without one."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts bus, archive, queues, functions and logs."""

    def __init__(self, name: str, args: EventBusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self.kms_key_arn = self._key(name)
        self._dead: dict[str, pulumi.Output[str]] = {}
        self._to: dict[str, CreatedTarget] = {}
        self.log_group_name = self.idempotency_table_name = self.archive_arn = pulumi.Output.from_input("")
        arn, waits = self._bus(name)
        existing = checked.get("existing_bus")
        known = None if existing is None else existing.get("name")
        self.bus_name = arn.apply(lambda text: text.split(":event-bus/")[1]) if known is None else pulumi.Output.from_input(known)
        if checked["archive_retention_days"]:
            waits.append(self._archive(name, arn))
        if checked["schema_discovery"]:
            aws.schemas.Discoverer(
                f"{name}-discoverer", source_arn=arn, description=f"Schemas of {name}", tags=checked["tags"], opts=self.child()
            )
        around = self._surroundings(name)
        rules = {key: self._rule(name, key, rule, around) for key, rule in checked["rules"].items()}
        waits += [one.target for one in self._to.values()]
        self.rule_arns = by_name(rules)
        self.queue_arns = by_name({key: one.to.queue_arn for key, one in self._to.items() if one.to.queue_arn is not None})
        self.queue_urls = by_name({key: one.to.queue_url for key, one in self._to.items() if one.to.queue_url is not None})
        self.function_arns = by_name({key: one.to.function_arn for key, one in self._to.items() if one.to.function_arn is not None})
        self.dead_letter_queue_arns = by_name(self._dead)
        # Nothing is sent before every rule has its targets.
        self.bus_arn = after(arn, *waits)
        self.register()

    def put_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to send events to the bus, for the ``statements`` of a function or a ``WorkloadRole``."""
        return as_arguments([Statement(sid="PutEvents", actions=["events:PutEvents"], resources=[self.bus_arn])])

    def receive_statements(self, rule: str, target: str) -> list[WorkloadStatementArgs]:
        """What the role of a service needs to receive from the new queue of a target and to delete what it has processed."""
        return as_arguments(receive_statements(self.existing_queue(rule, target)["arn"], self.kms_key_arn))

    def existing_queue(self, rule: str, target: str) -> ExistingQueue:
        """A new queue of a target as the ``existing_queue`` of the ``QueueWorker`` that processes its events."""
        arns = {key: one.to.queue_arn for key, one in self._to.items() if one.to.queue_arn is not None}
        arn = self.lookup(arns, f"{rule}/{target}", "target", "a target with a new queue")
        options: Any = self._checked["rules"][rule]["targets"][target].get("queue")
        return {
            "arn": arn,
            "visibility_timeout_seconds": options["visibility_timeout_seconds"],
            "kms_key_arn": self.kms_key_arn,
        }

    def _key(self, name: str) -> pulumi.Output[str]:
        checked = self._checked
        given = checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        return create_key(
            self, f"{name}-key", f"Events of {name}", lambda key_arn: key_statements(key_arn, name, checked), tags=checked["tags"]
        )

    def _bus(self, name: str) -> tuple[pulumi.Output[str], list[pulumi.Resource]]:
        """The ARN of the bus, and what must be there before events are sent."""
        checked, existing = self._checked, self._checked.get("existing_bus")
        if existing is not None:
            arn, bus_name = existing.get("arn"), existing.get("name")
            return pulumi.Output.from_input(arn) if arn is not None else bus_arn(bus_name or "", self.kms_key_arn), []
        under_key = checked["bus_encryption"] == "customer_key"
        # Events that cannot be encrypted or decrypted: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
        dead = self._dead_letters(name) if under_key else None
        detail = "FULL" if checked["log_detail"] else "NONE"
        bus = aws.cloudwatch.EventBus(
            f"{name}-bus",
            description=f"Events of {name}",
            kms_key_identifier=self.kms_key_arn if under_key else None,
            dead_letter_config=None if dead is None else {"arn": dead.arn},
            log_config={"level": checked["log_level"], "include_detail": detail} if has_logs(checked) else None,
            tags=checked["tags"],
            opts=self.child(),
        )
        waits: list[pulumi.Resource] = [bus_policy(self, f"{name}-bus-policy", bus, checked)]
        if dead is not None:
            rules = bus.arn.apply(lambda text: f"{text.replace(':event-bus/', ':rule/')}/*")
            policy = queue_policy(self, f"{name}-bus-dead-letters-policy", dead, [Sender(EVENTS, bus.arn), Sender(EVENTS, rules)])
            self._dead["bus"] = after(dead.arn, policy)
            waits.append(policy)
        if has_logs(checked):
            self.log_group_name = bus_logs(
                self,
                name,
                bus,
                level=checked["log_level"],
                retention_days=checked["log_retention_days"],
                kms_key_arn=self.kms_key_arn,
                tags=checked["tags"],
            ).name
        return bus.arn, waits

    def _dead_letters(self, name: str) -> aws.sqs.Queue:
        checked = self._checked
        return dead_letter_queue(
            self, f"{name}-bus-dead-letters", self.kms_key_arn, None, checked["alarm_topic_arns"], checked["tags"], what="Events"
        )

    def _archive(self, name: str, arn: pulumi.Output[str]) -> pulumi.Resource:
        """Destroyed before the bus, as it refers to it: its managed rule would keep the bus from being deleted."""
        checked, pattern = self._checked, self._checked.get("archive_pattern")
        archive = aws.cloudwatch.EventArchive(
            f"{name}-archive",
            event_source_arn=arn,
            description=f"Events of {name}, to be replayed",
            event_pattern=None if pattern is None else pattern_json(pattern),
            retention_days=checked["archive_retention_days"],
            kms_key_identifier=self.kms_key_arn,
            opts=self.child(),
        )
        self.archive_arn = archive.arn
        return archive

    def _surroundings(self, name: str) -> Surroundings:
        checked = self._checked
        statements: list[Statement] = []
        environment: dict[str, pulumi.Input[str]] = {}
        if checked["idempotency"] and has_functions(checked):
            # One for all: Powertools keeps the functions' records apart by the functions' names.
            records = idempotency_table(
                self,
                f"{name}-idempotency",
                kms_key_arn=self.kms_key_arn,
                deletion_protection=checked["deletion_protection"],
                tags=checked["tags"],
            )
            self.idempotency_table_name = records.name
            statements = item_statements(records.arn, self.kms_key_arn, sid="Idempotency")
            environment = {"IDEMPOTENCY_TABLE": records.name}
        return Surroundings(self, self.kms_key_arn, statements, environment, checked["alarm_topic_arns"], checked["tags"])

    def _rule(self, name: str, key: str, options: EventBusRule, around: Surroundings) -> pulumi.Output[str]:
        """The ARN of a rule, with its targets and alarm."""
        checked = self._checked
        rule = aws.cloudwatch.EventRule(
            f"{name}-{key}-rule",
            event_bus_name=self.bus_name,
            description=options.get("description"),
            event_pattern=pattern_json(options["event_pattern"]),
            state=options["state"],
            tags=checked["tags"],
            opts=self.child(),
        )
        for target_name, target in options["targets"].items():
            place = f"{key}/{target_name}"
            self._to[place] = event_target(around, f"{name}-{key}-{target_name}", rule, target)
            self._dead[place] = self._to[place].dead_letter_arn
        if checked["alarm_topic_arns"]:
            self._alarm(f"{name}-{key}-lost", key, rule)
        return rule.arn

    def _alarm(self, child_name: str, key: str, rule: aws.cloudwatch.EventRule) -> None:
        # The default bus has no dimension of its own: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
        default = _is_default(self._checked.get("existing_bus"))
        bus = {} if default else {"EventBusName": self.bus_name}
        alarm(
            self,
            child_name,
            f"Events of the rule {key} are lost: EventBridge could neither deliver them nor put them into the dead-letter queue. "
            "Do the queue's policy, and that of its key, still allow events.amazonaws.com?",
            Metric("AWS/Events", "InvocationsFailedToBeSentToDlq", {**bus, "RuleName": rule.name}, "Sum"),
            0,
            actions=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )


def _is_default(existing: ExistingEventBus | None) -> bool:
    """Whether a given bus is the account's default one, as far as a preview knows."""
    if existing is None:
        return False
    arn = existing.get("arn")
    return existing.get("name") == "default" or (isinstance(arn, str) and arn.endswith(":event-bus/default"))
