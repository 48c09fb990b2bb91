"""The proofs on the corpus: every verdict as a person found it right, before and after deployment, in any order of resources."""

from functools import lru_cache
from typing import Any

import pytest
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Stack, Unknown, discover
from cloudpatterns_policies.core.pack import Pack
from cloudpatterns_policies.core.runner import Outcome, judge_stack

from tests.policies.corpus.notation import CorpusError, build
from tests.policies.corpus.reader import Case, files, parse, read
from tests.policies.helpers import stack

CASES = [case for path in files() for case in read(path)]
FORMS = [(case, form) for case in CASES for form in case.forms]


@lru_cache(maxsize=1)
def controls() -> dict[str, Control]:
    return {item.id: item for item in discover(pack=None)}


def judge(case: Case, network: Stack) -> list[Outcome]:
    """What the pack finds, with the case's configuration checked as a profile is. A control that fails itself raises."""
    control = controls()[case.proof]
    pack = Pack([control])
    pack.configure({}, {case.proof: case.config} if case.config else {})
    return judge_stack(control, network, pack.configuration.properties.get(case.proof), isolate=False)


def told(outcomes: list[Outcome], expected: tuple[str, ...], kind: type) -> set[str]:
    """The findings of one kind, by resource; with the property where `expected` names it."""
    found = set()
    for outcome in outcomes:
        verdict = outcome.verdict
        if isinstance(verdict, kind):
            name = outcome.urn.rpartition("::")[2]
            place = f"{name}.{verdict.where if isinstance(verdict, Fail) else verdict.path if isinstance(verdict, Unknown) else ''}"
            found.add(place if place in expected else name)
    return found


def summary(outcomes: list[Outcome]) -> str:
    kinds = {type(outcome.verdict) for outcome in outcomes}
    order = {Fail: "FAIL", Unknown: "UNKNOWN", Pass: "PASS", NotApplicable: "NOT_APPLICABLE"}
    return next(name for kind, name in order.items() if kind in kinds)


def explain(outcomes: list[Outcome]) -> str:
    return "; ".join(f"{outcome.urn.rpartition('::')[2]}: {outcome.verdict}" for outcome in outcomes)


def check(case: Case, network: Stack) -> None:
    outcomes = judge(case, network)
    assert summary(outcomes) == case.verdict, explain(outcomes)
    assert told(outcomes, case.at, Fail) == (set(case.at) if case.verdict == "FAIL" else set()), explain(outcomes)
    unsure = case.at if case.verdict == "UNKNOWN" else case.unsure
    assert told(outcomes, unsure, Unknown) == set(unsure), explain(outcomes)
    if case.path:
        ways = [outcome.verdict.message.partition(": ")[2].split(" -> ") for outcome in outcomes if isinstance(outcome.verdict, Fail)]
        assert any(as_told(way, case.path) for way in ways), explain(outcomes)


def as_told(way: list[str], expected: tuple[str, ...]) -> bool:
    return len(way) == len(expected) and all(hop == step or hop.endswith(f" {step}") for hop, step in zip(way, expected, strict=True))


@pytest.mark.parametrize(("case", "form"), FORMS, ids=[f"{case.proof}-{form}-{case.why}" for case, form in FORMS])
def test_verdict(case: Case, form: str) -> None:
    for turn in (1, -1):
        resources = build(case.network, deployed=form == "deployed")[::turn]
        check(case, Stack.sent(stack(*resources).resources))


def test_the_corpus_is_large_and_each_case_says_why() -> None:
    assert len(CASES) >= 200
    assert all(len(case.why) > 10 for case in CASES)
    assert {case.verdict for case in CASES} == {"PASS", "FAIL", "UNKNOWN", "NOT_APPLICABLE"}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_file_is_about_a_proof_and_named_after_it(path: Any) -> None:
    cases = read(path)
    assert {case.proof for case in cases} == {path.stem.replace("_", "-")} <= controls().keys()
    assert {"PASS", "FAIL", "UNKNOWN"} <= {case.verdict for case in cases}


GROUP = "{group: db}"


def written(network: str = GROUP, more: str = "verdict: PASS", top: str = "") -> str:
    return f"proof: functional-firewall\n{top}\ncases:\n- {{why: A reason., network: [{network}], {more}}}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (written(more="verdikt: PASS"), "a case has no key 'verdikt'"),
        (written(more="verdict: PASSED"), "verdict is 'PASSED'"),
        (written(more="verdict: FAIL"), "at goes with FAIL"),
        (written(more="verdict: PASS, at: db"), "at goes with FAIL"),
        (written(more="verdict: FAIL, at: dbs"), "nothing in the case is called 'dbs'"),
        (written(more="verdict: FAIL, at: []"), "at is []"),
        (written(more="verdict: UNKNOWN, at: db, unsure: db"), "unsure and path go with FAIL"),
        (written(more="verdict: PASS, only: previews"), "only is 'previews'"),
        (written(more="verdict: PASS, base: x"), "there is no base 'x'"),
        (written(more="verdict: PASS, without: x"), "without names 'x'"),
        (written(more="verdict: PASS, change: {x: {tags: {}}}"), "change names 'x'"),
        (written(more="verdict: PASS, config: [1]"), "config is no map"),
        (written("{grup: db}"), "'grup' is no type"),
        (written("{group: Db}"), "'Db' is no name of a group"),
        (written("{}"), "{} is no resource"),
        (written("{group: db, ingres: []}"), "group db has no property 'ingres'"),
        (written("{group: db, ingress: [{cidrBlock: 0.0.0.0/0}]}"), "group db.ingress has no property 'cidrBlock'"),
        (written("{group: db, ingress: {}}"), "group db.ingress is {}; a list is wanted"),
        (written("{group: db, ingress: tcp}"), "group db.ingress is 'tcp'; a list is wanted"),
        (written("{group: db}, {group: db}"), "two resources are called 'db'"),
        (written("{group: db}, {ingress: r, of: $bd, allow: tcp 1 from 10.0.0.0/8}"), "nothing in the case is called 'bd'"),
        (written("{group: db}, {ingress: r, of: $db, allow: tcp 1 from $bd}"), "nothing in the case is called 'bd'"),
        (written("{group: db}, {ingress: r, of: $db, allow: tcp 1 10.0.0.0/8}"), "is no rule; write tcp"),
        (written("{group: db}, {ingress: r, of: $db, allow: tcp 1 from 10.0.0.0/8 + self}"), "has one source"),
        (written("{group: db}, {ingress: r, of: $db, securityGroupId: $db}"), "securityGroupId is given twice"),
        (written("{acl: a, ingress: [allow all from 10.0.0.0/8]}"), "is no rule of a network ACL"),
        (written("{acl: a, ingress: [1 allow all from pl-1]}"), "a rule of a network ACL has one CIDR"),
        (written(top="base: {}"), "the file has no key 'base'"),
        ("proof: x\ncases: {}\n", "the file needs proof"),
        ("- x\n", "the file is no map"),
        ("proof: x\ncases: [x]\n", "case 1 is no map"),
        ("proof: x\ncases:\n- {network: [{group: db}], verdict: PASS}\n", "case 1 has no reason"),
        ("proof: x\ncases:\n- {why: ' ', network: [{group: db}], verdict: PASS}\n", "case 1 has no reason"),
        ("proof: x\ncases:\n- {why: Nothing., verdict: PASS}\n", "the case has no network"),
        (written() + "- {why: A reason., network: [{group: db}], verdict: PASS}\n", "two cases have the reason"),
        (written(more="verdict: PASS, verdict: PASS"), "'verdict' is written twice"),
        (written("{group: db"), "while parsing"),
    ],
)
def test_a_mistake_in_the_data_is_told(text: str, problem: str) -> None:
    with pytest.raises(CorpusError) as error:
        parse(text, "x.yaml")
    assert "x.yaml: " in str(error.value)
    assert problem in str(error.value)


def test_a_wrong_verdict_is_noticed() -> None:
    (case,) = parse(written("{group: db}, {ingress: r, of: $db, allow: tcp 3306 from 0.0.0.0/0}"), "x.yaml")
    with pytest.raises(AssertionError):
        check(case, stack(*build(case.network, deployed=False)))
