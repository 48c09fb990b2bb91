"""Which rules of AWS's validator are off, and the families of the others."""

import re

import cloudformation_validate
import pytest
from cloudpatterns_policies.acceptance.preflight import load
from cloudpatterns_policies.acceptance.rules import (
    COMBINATION,
    GROWING,
    REFERENCE,
    REFUSED_DESPITE_SEVERITY,
    RULES_OFF,
    VALUE,
    family,
    why_off,
)

ALL = {rule.id: rule for rule in cloudformation_validate.CompositeEngine().list_rules()}


def test_each_entry_switches_a_rule_off() -> None:
    known = [*ALL, *(rule.id for rule in load().of(load().types))]
    assert [pattern for pattern in RULES_OFF if not any(re.fullmatch(pattern, rule) for rule in known)] == []
    assert all(reason.strip() for reason in RULES_OFF.values())


def test_each_rule_that_is_refused_despite_its_severity_is_a_judged_warning() -> None:
    assert {ALL[rule].severity.name for rule in REFUSED_DESPITE_SEVERITY} == {"WARN"}
    assert [rule for rule in REFUSED_DESPITE_SEVERITY if why_off(rule)] == []


def test_rules_about_parameters_are_off() -> None:
    assert [rule.id for rule in ALL.values() if rule.category == "Parameter" and not why_off(rule.id)] == []


def test_how_many_are_judged() -> None:
    judged = [rule for rule in ALL.values() if not why_off(rule.id)]
    refused = [rule for rule in judged if rule.severity.name in ("FATAL", "ERROR")]
    assert (len(ALL), len(judged), len(refused)) == (318, 143, 123)


@pytest.mark.parametrize(
    ("rule", "title", "expected"),
    [
        ("F3031", "", VALUE),
        ("F3002", "", VALUE),
        ("E3628", "", VALUE),
        ("W3030", "", VALUE),
        ("F3014", "", COMBINATION),
        ("E3047", "", COMBINATION),
        ("E3059", "", REFERENCE),
        ("E3022", "", REFERENCE),
        ("pf-x-name-max", "A name has at most 64 characters", VALUE),
        ("pf-x-input-exclusive", "", COMBINATION),
        ("pf-x-lb", "CODE_DEPLOY requires a load balancer", COMBINATION),
    ],
)
def test_families(rule: str, title: str, expected: str) -> None:
    assert family(rule, title) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("pf-sqs-queue-name-format", VALUE),
        ("pf-sqs-sse-exclusive", COMBINATION),
        ("pf-ecs-service-network-config-mode", REFERENCE),
        ("pf-events-rule-name-duplicate", REFERENCE),
        ("pf-route53-ttl-range", VALUE),
    ],
)
def test_families_by_source(rule: str, expected: str) -> None:
    rules = load()
    assert {found.id: found.family for found in rules.of(rules.types)}[rule] == expected


def test_growing_properties() -> None:
    assert [
        name for name in ("Runtime", "EngineVersion", "DBInstanceClass", "CompatibleRuntimes", "SslPolicy") if not GROWING.fullmatch(name)
    ] == []
    assert [name for name in ("Status", "Type", "LaunchType", "RetentionInDays") if GROWING.fullmatch(name)] == []
