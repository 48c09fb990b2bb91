"""IAM documents: wildcards, and what a statement speaks of."""

import re
from typing import Any

import pytest
from cloudpatterns_policies.controls._documents import (
    is_every_action,
    is_every_action_of_a_service,
    is_every_one,
    is_everything,
    matches,
    statements,
)
from cloudpatterns_policies.core import UNKNOWN, UnknownValueError
from hypothesis import given
from hypothesis import strategies as st

PATTERNS = st.text("aB:*?", max_size=12)
TEXTS = st.text("aAb:", max_size=12)


@given(PATTERNS, TEXTS)
def test_wildcards_are_those_of_a_regular_expression(pattern: str, text: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    assert matches(pattern, text) == bool(re.fullmatch(expression, text, re.IGNORECASE))


@given(TEXTS, st.integers(0, 12), st.integers(0, 12))
def test_a_pattern_made_of_a_text_matches_it(text: str, start: int, end: int) -> None:
    pattern = f"{text[:start]}*{text[max(start, end) :]}"
    assert matches(pattern, text)
    assert matches("?" * len(text), text)
    assert not matches("?" * (len(text) + 1), text)


def test_many_stars_take_no_time() -> None:
    assert not matches("*a" * 200, "b" * 5000)


@pytest.mark.parametrize(
    ("pattern", "everything", "of_a_service"),
    [
        ("*", True, True),
        ("*:*", True, True),
        ("**:?*", True, True),
        ("s3:*", False, True),
        ("i*:*", False, True),
        ("s3:?", False, False),
        ("?:?", False, False),
        ("*:?", False, False),
        ("s3:Get*", False, False),
        ("*:Get", False, False),
        ("", False, False),
    ],
)
def test_every_action(pattern: str, everything: bool, of_a_service: bool) -> None:
    assert (is_every_action(pattern), is_every_action_of_a_service(pattern)) == (everything, of_a_service)


@pytest.mark.parametrize(
    ("resource", "everything", "every_role"),
    [
        ("*", True, True),
        ("arn:*", True, True),
        ("arn:aws:*", True, True),
        ("arn:*:*:*:*:*", True, True),
        ("arn:aws:*:*:123456789012:*", True, True),
        ("arn:aws:iam::*:*", False, True),
        ("arn:aws:iam::123456789012:role/*", False, True),
        ("arn:aws:i*::*:role/*", False, True),
        ("arn:aws:iam::123456789012:role/app-*", False, False),
        ("arn:aws:iam::123456789012:role/team/*", False, False),
        ("arn:aws:s3:::bucket/*", False, False),
        ("role/*", False, False),
        ("", False, False),
    ],
)
def test_every_resource(resource: str, everything: bool, every_role: bool) -> None:
    assert (is_everything(resource), is_every_one(resource, "iam")) == (everything, every_role)


def test_a_name_behind_a_colon_may_be_a_wildcard() -> None:
    assert is_every_one("arn:aws:logs:eu-west-1:123456789012:log-group:*", "logs")


@pytest.mark.parametrize(
    ("operator", "values", "confined"),
    [
        ("StringEquals", ["o-1"], True),
        ("StringLike", ["o-*"], True),
        ("StringLike", ["*"], False),
        ("StringLike", ["?*"], False),
        ("StringLike", ["o-1", "*"], False),
        ("StringNotEquals", ["o-1"], False),
    ],
)
def test_conditions_that_confine(operator: str, values: list[str], confined: bool) -> None:
    (one,) = statements({"Statement": {"Condition": {operator: {"aws:PrincipalOrgID": values}}}})
    assert list(one.confined_by(re.compile("aws:principalorgid"))) == ([tuple(values)] if confined else [])
    assert not list(one.confined_by(re.compile("aws:sourcearn")))


def test_statements_in_any_spelling() -> None:
    (one,) = statements(
        {
            "statement": {
                "SID": "One",
                "Effect": "Allow",
                "action": "s3:GetObject",
                "Resource": ["a", "b"],
                "Principal": "*",
                "condition": {"Bool": {"aws:SecureTransport": False}},
            }
        }
    )
    assert (one.label, one.allow, one.actions, one.resources) == ("statement One", True, ("s3:GetObject",), ("a", "b"))
    assert one.principals == (("AWS", "*"),)
    assert one.conditions == (("bool", "aws:securetransport", ("false",)),)
    _, two = statements('{"Statement": [{"Effect": "Deny"}, {"Effect": "allow", "NotPrincipal": {"AWS": ["x"], "Service": "y"}}]}')
    assert (two.label, two.allow, two.not_principals) == ("statement 2", False, (("AWS", "x"), ("Service", "y")))
    (three,) = statements({"Statement": {"Principal": {"aws": "*", "SERVICE": "x", "Other": "y"}}})
    assert three.principals == (("AWS", "*"), ("Service", "x"), ("Other", "y"))
    assert statements("{}") == []


@pytest.mark.parametrize("document", ["nonsense", "[]", {"Statement": ["text"]}, {"Statement": [{"Condition": {"Bool": "x"}}]}, 3])
def test_what_is_no_document(document: Any) -> None:
    with pytest.raises(ValueError, match=r"an object is required|Expecting value"):
        statements(document)


@pytest.mark.parametrize(
    "statement",
    [UNKNOWN, {"Effect": UNKNOWN}, {"Action": UNKNOWN}, {"Resource": [UNKNOWN]}, {"Principal": {"AWS": UNKNOWN}}, {"Condition": UNKNOWN}],
)
def test_an_unknown_part_is_never_passed_over(statement: Any) -> None:
    with pytest.raises(UnknownValueError):
        statements({"Statement": [statement]})
