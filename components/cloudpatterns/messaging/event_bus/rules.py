"""What is wrong with the arguments of an ``EventBus`` together, and the names that AWS limits."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cloudpatterns.blocks import function_names
from cloudpatterns.core import Problem, excludes, function_problems, is_given, needs, one_of, unknown
from cloudpatterns.messaging._patterns import pattern_problems
from cloudpatterns.messaging.event_bus.arguments import KINDS, EventBusArgs, EventBusTarget

# What a new bus is given, so nothing for one that exists.
_OF_NEW_BUSES = ("bus_encryption", "log_detail", "log_level", "log_retention_days", "organization_id")
_OF_NEW_BUSES_TOO = ("publisher_account_ids", "publisher_sources")
_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
_RESERVED = "aws.events."
_FIELDS = ("source", "detail-type", "detail", "account", "region", "resources", "time", "id", "version", "replay-name", "$or")
"""https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html"""


def child_names(checked: EventBusArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    names: dict[str, int] = {}
    if checked["archive_retention_days"]:
        names["archive"] = 48
    if checked.get("existing_bus") is None and checked["log_level"] != "OFF":
        names["logs-information"] = 60
    for rule_name, rule in checked["rules"].items():
        names[f"{rule_name}-rule"] = 64
        for target_name, target in rule["targets"].items():
            child = f"{rule_name}-{target_name}"
            names |= {f"{child}-role": 64, f"{child}-dead-letters": 80, f"{child}-queue-dead-letters": 75}
            names |= function_names(target.get("function"), f"{child}-function")
            if target.get("api"):
                names[f"{child}-api"] = 64
    return names


def problems(checked: EventBusArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    existing = checked.get("existing_bus")
    yield from excludes(checked, "existing_bus", *_OF_NEW_BUSES, *_OF_NEW_BUSES_TOO, why="the bus is there already")
    if existing:
        yield from one_of(existing, "name", "arn", path="existing_bus.")
    yield from _discovery_problems(checked)
    if is_given(checked, "publisher_sources") and not (checked["publisher_account_ids"] or checked.get("organization_id")):
        reason = "is for other accounts, and none may send. Give publisher_account_ids or organization_id, or leave it out."
        yield "publisher_sources", reason
    if (pattern := checked.get("archive_pattern")) is not None:
        yield from _pattern_problems(pattern, "archive_pattern")
        if not checked["archive_retention_days"]:
            yield "archive_pattern", "is for an archive, and archive_retention_days is 0. Give days, or leave archive_pattern out."
    yield from _name_problems(checked)
    for rule_name, rule in checked["rules"].items():
        yield from _pattern_problems(rule["event_pattern"], f"rules.{rule_name}.event_pattern")
        for target_name, target in rule["targets"].items():
            yield from _target_problems(target, f"rules.{rule_name}.targets.{target_name}.")


def _pattern_problems(pattern: Mapping[str, Any], path: str) -> Iterator[Problem]:
    yield from pattern_problems(pattern, path)
    for field in pattern:
        if field not in _FIELDS:
            # EventBridge takes it, and no event has it.
            yield f"{path}.{field}", unknown(field, "a field of events", _FIELDS)


def _name_problems(checked: EventBusArgs) -> Iterator[Problem]:
    """The rule ``a`` with the target ``b-c``, and ``a-b`` with ``c``: their children would have the same names."""
    seen: dict[str, str] = {}
    for rule_name, rule in checked["rules"].items():
        for target_name in rule["targets"]:
            path = f"rules.{rule_name}.targets.{target_name}"
            other = seen.setdefault(f"{rule_name}-{target_name}", path)
            if other != path:
                yield path, f"names its children {rule_name}-{target_name}, as {other} does. Choose another name for one of them."


def _discovery_problems(checked: EventBusArgs) -> Iterator[Problem]:
    existing = checked.get("existing_bus")
    if not checked["schema_discovery"]:
        return
    if existing and existing.get("kms_key_arn") is not None:
        yield "schema_discovery", "excludes existing_bus.kms_key_arn: AWS refuses both. Set schema_discovery to False."
    if existing is None and checked["bus_encryption"] == "customer_key":
        reason = "is True with bus_encryption customer_key: AWS refuses both. Set bus_encryption to aws_key, or schema_discovery to False."
        yield "schema_discovery", reason


def _target_problems(target: EventBusTarget, path: str) -> Iterator[Problem]:
    # An object without anything in it is a choice as well: {"queue": {}}.
    given = [kind for kind in KINDS if target.get(kind) is not None]
    if len(given) != 1:
        yield path.removesuffix("."), f"has {' and '.join(given) or 'no target'}; exactly one of {', '.join(KINDS)} is needed."
    yield from needs(target, "state_machine_kms_key_arn", "state_machine_arn", path=path)
    if function := target.get("function"):
        yield from function_problems(function, f"{path}function")
    queue = target.get("existing_queue")
    if queue and isinstance(queue["arn"], str) and queue["arn"].endswith(".fifo") != (queue.get("message_group_id") is not None):
        fifo = queue["arn"].endswith(".fifo")
        reason = "is missing; a FIFO queue needs it. Give it." if fifo else "is for FIFO queues, and this is none. Leave it out."
        yield f"{path}existing_queue.message_group_id", reason
    topic = target.get("topic")
    if topic and isinstance(topic["arn"], str) and topic["arn"].endswith(".fifo"):
        yield f"{path}topic.arn", "is a FIFO topic, which EventBridge cannot publish to. Give a standard topic."
    dead: Any = target.get("dead_letter_queue_arn")
    if isinstance(dead, str) and dead.endswith(".fifo"):
        yield f"{path}dead_letter_queue_arn", "is a FIFO queue; EventBridge takes a standard queue. Give one, or leave it out."
    if (given_input := target.get("input")) is not None:
        known = {*given_input["paths"]}
        for name in known:
            if name.startswith("aws."):
                yield f"{path}input.paths.{name}", "begins with aws., which names EventBridge's own values. Choose another name."
        for name in _PLACEHOLDER.findall(given_input["template"]):
            if name not in known and not name.startswith(_RESERVED):
                reason = f"uses <{name}>, which is not in paths; known are {', '.join(sorted(known)) or 'none'}. Add its path."
                yield f"{path}input.template", reason
