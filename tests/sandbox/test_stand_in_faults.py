"""Faults on demand are counted by operation."""

import pytest

from sandbox.faults import Fault, Faults, parse


def test_faults_are_listed_with_commas() -> None:
    assert parse("") == []
    assert parse("create:3:fail, any:*:hang") == [Fault("create", 3, "fail"), Fault("any", 0, "hang")]


@pytest.mark.parametrize("text", ["create", "create:1", "create:1:fail:more", "make:1:fail", "create:one:fail", "create:1:fall"])
def test_what_is_no_fault_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text!r} is not a fault; use operation:n:fault, with create, .* and fail, partial"):
        parse(text)


def test_the_nth_call_of_an_operation_goes_wrong() -> None:
    faults = Faults(parse("create:2:fail,delete:*:hang"))
    assert [faults.of(operation) for operation in ("create", "update", "create", "create", "delete", "delete")] == [
        *("", "", "fail", "", "hang", "hang"),
    ]


def test_any_counts_changes_but_not_what_is_read() -> None:
    faults = Faults(parse("any:3:crash,read:1:fail"))
    assert [faults.of(operation) for operation in ("create", "read", "read", "update", "delete", "delete")] == [
        *("", "fail", "", "", "crash", ""),
    ]
