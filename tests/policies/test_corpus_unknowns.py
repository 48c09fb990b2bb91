"""An unknown value may be any value: it never turns a sure verdict of the corpus into the opposite one.

In each case one property is made unknown, of which its reason's checksum decides which; a run over all of them takes a minute or two:

    CORPUS_UNKNOWNS=all python -m pytest tests/policies/test_corpus_unknowns.py
"""

import os
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cloudpatterns_policies.core import Stack

from tests.policies.corpus.notation import CorpusError, build
from tests.policies.corpus.reader import Case
from tests.policies.helpers import stack
from tests.policies.test_corpus import CASES, explain, judge, summary

SOUND = (
    "functional-firewall",
    "multi-load-balancer",
    "no-path",
    "operational-firewall",
    "private-subnet-nat",
    "web-application-firewall",
    "management-network",
    "zero-trust-network",
)
"""Proofs of which this is required."""

# These shorthands are several properties at once.
_TEXTS = ("allow", "ingress", "egress")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in a value, itself left out."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))
    if path:
        yield path


def put(value: Any, path: tuple[Any, ...]) -> Any:
    """The value with what stands at `path` made unknown."""
    if not path:
        return "<elsewhere>"
    if isinstance(value, Mapping):
        return {key: put(item, path[1:]) if key == path[0] else item for key, item in value.items()}
    return [put(item, path[1:]) if index == path[0] else item for index, item in enumerate(value)]


def blurred(case: Case) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The case with one property unknown, for each property; what the notation cannot say is left out."""
    found = []
    for index, item in enumerate(case.network):
        kind, name = next(iter(item.items()))
        for path in places({key: value for key, value in item.items() if key != kind}) if kind != "stack" else ():
            if len(path) == 1 and path[0] in _TEXTS and isinstance(item[path[0]], str):
                continue
            network = [*case.network[:index], put(item, path), *case.network[index + 1 :], {"stack": "elsewhere"}]
            found.append((f"{name}.{'.'.join(map(str, path))}", network))
    return found


def chosen(case: Case) -> list[tuple[str, list[Mapping[str, Any]]]]:
    found = blurred(case)
    return found if os.environ.get("CORPUS_UNKNOWNS") == "all" or not found else [found[zlib.crc32(case.why.encode()) % len(found)]]


@pytest.mark.parametrize("case", [case for case in CASES if case.proof in SOUND and "preview" in case.forms], ids=lambda case: case.why)
def test_an_unknown_value_does_not_turn_a_verdict_round(case: Case) -> None:
    for what, network in chosen(case):
        try:
            resources = build(network, deployed=False)
        except CorpusError:
            continue  # a number or text of the notation's own that cannot be unknown
        outcomes = judge(case, Stack.sent(stack(*resources).resources))
        pair = {summary(outcomes), case.verdict}
        assert "FAIL" not in pair or len(pair) == 1 or "UNKNOWN" in pair, f"{what}: {explain(outcomes)}"


def test_each_property_has_its_turn() -> None:
    (case,) = [case for case in CASES if case.why == "The database has no public address."]
    whats = [what for what, _ in blurred(case)]
    assert {"main.publiclyAccessible", "out.of", "stores.subnetIds", "stores.subnetIds.0"} < set(whats)
    assert "mysql.allow" not in whats
    assert len(set(whats)) == len(whats)
