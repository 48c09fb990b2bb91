"""Arguments that the provider refuses together: the table, and what is told of a resource."""

import re
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls.provider import accepted_arguments
from cloudpatterns_policies.acceptance.provider import TABLE, judge_arguments, tokens
from cloudpatterns_policies.core import Fail

from tests.policies.acceptance import generate_provider
from tests.policies.acceptance.generate_provider import IN_THE_SOURCE, UNLIKE_ITS_DOCUMENTATION
from tests.policies.acceptance.models import sdk
from tests.policies.acceptance.test_accepted import graphs, sent
from tests.policies.helpers import UNKNOWN, resource, secret, stack, verdicts

INSTANCE = "aws:rds/instance:Instance"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
GROUP = "aws:autoscaling/group:Group"
LISTENER_RULE = "aws:lb/listenerRule:ListenerRule"
BOTH = {"manageMasterUserPassword": True, "password": "hunter2"}
TEMPLATE = {"id": UNKNOWN, "version": "1"}

# Type, inputs, where it is told, and what.
REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "two that exclude each other": (
        INSTANCE,
        BOTH,
        "password",
        "excludes manageMasterUserPassword; at most one of manageMasterUserPassword and password is allowed",
    ),
    "an unknown one is given": (INSTANCE, {**BOTH, "password": UNKNOWN}, "password", "excludes manageMasterUserPassword"),
    "a secret one is given": (INSTANCE, {**BOTH, "password": secret("hunter2")}, "password", "excludes manageMasterUserPassword"),
    "one that needs another": (
        INSTANCE,
        {"passwordWo": "hunter2"},
        "passwordWo",
        "needs passwordWoVersion, which the program does not give",
    ),
    "none of which one is required": (RULE, {"ipProtocol": "tcp"}, "", "has none of cidrIpv4, cidrIpv6, prefixListId and"),
    "two of which one is required": (RULE, {"cidrIpv4": "10.0.0.0/8", "cidrIpv6": "::/0"}, "cidrIpv6", "excludes cidrIpv4; at most one of"),
    "one of several kinds": (
        GROUP,
        {"launchTemplate": TEMPLATE, "mixedInstancesPolicy": {"launchTemplate": {}}},
        "mixedInstancesPolicy",
        "excludes launchTemplate; at most one of launchConfiguration, launchTemplate and mixedInstancesPolicy",
    ),
    "two within a block of a list": (
        LISTENER_RULE,
        {"actions": [{"type": "forward"}, {"type": "forward", "targetGroupArn": UNKNOWN, "forward": {"targetGroups": []}}]},
        "actions.1.targetGroupArn",
        "excludes actions.1.forward",
    ),
    "none of which at least one is required": (
        "aws:appautoscaling/scheduledAction:ScheduledAction",
        {"scalableTargetAction": {}},
        "scalableTargetAction",
        "at least one of them is required",
    ),
}

# Changes of one argument after which nothing is told.
ACCEPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "false": (INSTANCE, {**BOTH, "manageMasterUserPassword": False}),
    "an empty text": (INSTANCE, {**BOTH, "password": ""}),
    "null": (INSTANCE, {**BOTH, "password": None}),
    "left out": (INSTANCE, {"password": "hunter2"}),
    "filled in by the bridge": (INSTANCE, {"identifier": "shop-1a2b3c4", "identifierPrefix": "shop", "__defaults": ["identifier"]}),
    "both that belong together": (INSTANCE, {"passwordWo": "hunter2", "passwordWoVersion": 0}),
    "the version unknown": (INSTANCE, {"passwordWo": "hunter2", "passwordWoVersion": UNKNOWN}),
    "the one that is required": (RULE, {"cidrIpv4": "10.0.0.0/8"}),
    "the required one unknown": (RULE, {"referencedSecurityGroupId": UNKNOWN}),
    "the required one empty": (RULE, {"cidrIpv4": ""}),
    "an unknown one that comes from no resource": (INSTANCE, {**BOTH, "password": UNKNOWN}),
    "the block unknown": (LISTENER_RULE, {"actions": UNKNOWN}),
    "a block of the list unknown": (LISTENER_RULE, {"actions": [UNKNOWN]}),
    "no block": ("aws:appautoscaling/scheduledAction:ScheduledAction", {}),
    "a type that is not in the table": ("aws:sqs/queueNobodyKnows:Queue", BOTH),
}


@pytest.mark.parametrize(("type", "inputs", "where", "text"), REFUSED.values(), ids=REFUSED)
def test_what_the_provider_refuses_is_told(type: str, inputs: dict[str, Any], where: str, text: str) -> None:
    # Where a value is unknown, it comes from another resource.
    other = resource("aws:sqs/queue:Queue", "other")
    [(name, fail)] = verdicts(accepted_arguments, stack(other, resource(type, "x", inputs, deps={name: ["other"] for name in inputs})))
    assert (name, fail.where) == ("x", where)
    assert fail.message.startswith("would be refused by the provider: ")
    assert text in fail.message
    assert "hunter2" not in fail.message


@pytest.mark.parametrize(("type", "inputs"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_provider_may_accept_is_not_told(type: str, inputs: dict[str, Any]) -> None:
    assert [one for _, one in verdicts(accepted_arguments, resource(type, "x", inputs)) if isinstance(one, Fail)] == []


def test_the_table_is_the_generators() -> None:
    assert TABLE.read_text(encoding="utf-8").splitlines() == list(generate_provider.lines())


def test_facts_of_the_source_name_arguments_of_the_sdk() -> None:
    inputs = {one.token: {argument.name for argument in one.inputs} for one in sdk.resource_types()}
    facts = [(token, name) for token, facts in IN_THE_SOURCE.items() for fact in facts for name in fact[2:]]
    assert [one for one in facts if one[1] not in inputs[one[0]]] == []
    assert IN_THE_SOURCE.keys() <= set(tokens())


def test_each_exception_has_a_sentence_and_a_reason() -> None:
    said = {
        f"{type.token} {argument.name}"
        for type in sdk.resource_types()
        for arguments in (type.inputs, *sdk.blocks(type.module).values())
        for argument in arguments
        if list(generate_provider._sentences(argument.prose))
    }
    assert [one for one in UNLIKE_ITS_DOCUMENTATION if not any(re.fullmatch(one, place) for place in said)] == []
    assert all(reason.strip() for reason in UNLIKE_ITS_DOCUMENTATION.values())


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        ("A name. Conflicts with `name_prefix`.", [("excludes", ["name_prefix"])]),
        ("(Conflicts with `a`, `b`, and `c`).", [("excludes", ["a", "b", "c"])]),
        ("Cannot be specified with `a`", [("excludes", ["a"])]),
        ("Cannot be set if `a` is set to `true`.", [("excludes", ["a"])]),
        ("**NOTE:** Exactly one of `a` or `b` must be specified.", [("one", ["a", "b"])]),
        ("You must specify either `a` or `b`, but not both.", [("one", ["a", "b"])]),
        ("One of `a` or `b` must be set", [("any", ["a", "b"])]),
        ("If set, requires `a` to be set.", [("needs", ["a"])]),
        ("Required when `a` is set.", [("needed", ["a"])]),
        # A condition, a value, or prose: nothing is sure.
        ("Conflicts with `a` when `b` is set.", []),
        ("Exactly one of `a` or `b` must be specified for `TIME`.", []),
        ("If `c` is set, one of `a` or `b` must be set.", []),
        ("Required when `type` is `ip`.", []),
        ("Conflicts with any other routing policy.", []),
    ],
)
def test_only_sentences_without_a_condition_are_read(prose: str, expected: list[tuple[str, list[str]]]) -> None:
    assert list(generate_provider._sentences(prose)) == expected


def test_the_provider_accepts_our_stacks_components_and_examples() -> None:
    found = {name: [(one.name, *told) for one in sent(graph).resources for told in judge_arguments(one)] for name, graph in graphs()}
    assert {name: told for name, told in found.items() if told} == {}
