"""Every control over refusals of a service has a case that passes, one that fails, and one with something unknown."""

from typing import Any

from cloudpatterns_policies.acceptance.controls import __name__ as package
from cloudpatterns_policies.core import UNKNOWN, Severity, discover

from tests.policies.acceptance.controls import (
    test_accounts,
    test_arguments,
    test_compute,
    test_delivery,
    test_messaging,
    test_services,
    test_storage,
)

FILES = (test_messaging, test_services, test_delivery, test_storage, test_compute, test_accounts, test_arguments)
CASES = [case for module in FILES for case in module.CASES.values()]
MODULES = {case.control.check.__module__ for case in CASES}
CONTROLS = [control for control in discover(package, pack="acceptance") if control.check.__module__ in MODULES]


def holds_unknown(value: Any) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(map(holds_unknown, value.values() if isinstance(value, dict) else value))
    return value is UNKNOWN


def test_each_control_has_its_sides() -> None:
    for control in CONTROLS:
        own = [case for case in CASES if case.control is control]
        assert any(case.said for case in own), control.id
        assert any(not case.said and not case.unknown for case in own), control.id
    unknown = {case.control.id for case in CASES if any(holds_unknown(made.props) for made in case.made.values()) and not case.said}
    assert {control.id for control in CONTROLS} - unknown == {"vault-lock-replaced-in-order", "event-rule-targets"} - unknown


def test_what_aws_accepts_is_advice() -> None:
    advice = {
        "api-deployment-triggers",
        "choice-has-default",
        "dns-weights-not-all-zero",
        "one-time-schedule-kept",
        "vault-lock-replaced-in-order",
    }
    assert {control.id for control in CONTROLS if control.severity is Severity.LOW} == advice
    assert {control.severity for control in CONTROLS if control.id not in advice} == {Severity.HIGH}
