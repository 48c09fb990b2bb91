"""The corpus of paths, and what the control says of statements."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.controls.no_path import no_path
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Severity
from cloudpatterns_policies.core.profiles import RULES, profile

from tests.policies.controls.networks import admits, group
from tests.policies.controls.reach_corpus import BAD, GOOD, INSTANCE, OPEN, PAIR, TO_DATA, TO_DB, UNSURE
from tests.policies.controls.reach_networks import Case, base, leaves, open_db, vm
from tests.policies.helpers import UNKNOWN, stack, verdicts


@pytest.mark.parametrize("case", [*GOOD, *BAD, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge() == case.expected()
    assert replace(case, network=case.network[::-1]).judge() == case.expected(), "the order of resources decides"


def judge(*network: Any, statements: Any) -> list[Any]:
    return verdicts(no_path, stack(*network), {"statements": statements})


def say(start: object, end: object, ports: object = "all") -> dict[str, object]:
    return {"from": start, "to": end, "ports": ports}


def test_without_statements_there_is_nothing_to_prove() -> None:
    assert verdicts(no_path, stack(*open_db())) == [("", NotApplicable("the profile has no statement"))]


def test_a_message_names_source_ports_and_path() -> None:
    assert judge(*open_db(), statements=[say("internet", "aws:memorydb/*"), say("internet", "aws:rds/*", "3000-4000")]) == [
        ("main", Fail(f"is reached by the internet on port 3306 (MySQL): {OPEN}", "statements.1"))
    ]


def test_of_several_sources_one_path_is_told() -> None:
    network = base(
        *PAIR,
        vm("web-2", "private", "app"),
        vm("job", "private", "app"),
        leaves("out", "app"),
        admits("mysql", "db", 3306, from_group="app"),
    )
    ((name, verdict),) = judge(*network, statements=[say(f"{INSTANCE}::web-?", "aws:rds/instance:*::main", "3306")])
    assert (name, verdict.message) == (
        "main",
        f"is reached by instance web-1 on port 3306 (MySQL): {TO_DATA}default network ACL -> subnet data -> default network ACL -> {TO_DB}"
        "; so do 1 more",
    )


def test_what_reaches_the_internet_is_told_one_by_one() -> None:
    network = base(
        group("app"), leaves("out", "app"), vm("web-1", "private", "app"), vm("web-2", "private", "app"), vm("web-3", "data", "app")
    )
    found = judge(*network, statements=[say(f"{INSTANCE}::web-*", "internet", "443")])
    assert [(name, verdict.message.partition(": ")[0], verdict.where) for name, verdict in found] == [
        ("web-1", "reaches the internet on port 443 (HTTPS)", "statements.0"),
        ("web-2", "reaches the internet on port 443 (HTTPS)", "statements.0"),
    ]


END = "use internet, a resource type such as aws:rds/*, or type and logical name such as aws:ec2/instance:Instance::web-*"


@pytest.mark.parametrize(
    ("statement", "problem", "where"),
    [
        (say("internet", "aws:rsd/*"), f"'aws:rsd/*' matches no resource in the network; {END}", ".to"),
        (say("intenet", "aws:rds/*"), f"'intenet' matches no resource in the network; {END}", ".from"),
        (say("internet", "aws:rds/*::mian"), f"'aws:rds/*::mian' matches no resource in the network; {END}", ".to"),
        (
            say("internet", "aws:rds/subnetGroup:SubnetGroup"),
            f"'aws:rds/subnetGroup:SubnetGroup' matches no resource in the network; {END}",
            ".to",
        ),
        (say("internet", "internet"), "from and to are both the internet", ".to"),
        (say("internet", "aws:rds/*", "22;23"), "'22;23' is not a port; use 22, 9092-9098 or 2049/udp, or all", ".ports"),
        (say("internet", "aws:rds/*", "70000"), "'70000' is not a port; use 22, 9092-9098 or 2049/udp, or all", ".ports"),
        (say("internet", "aws:rds/*", 22), "ports is missing or not text", ".ports"),
        ({"from": "internet", "to": "aws:rds/*"}, "ports is missing or not text", ".ports"),
        ({**say("internet", "aws:rds/*"), "port": "1"}, "unknown field 'port'; use from, to and ports", ".port"),
        ("internet", "'internet' is not a statement; use from, to and ports", ""),
    ],
)
def test_a_statement_that_proves_nothing_fails_and_the_others_are_judged(statement: Any, problem: str, where: str) -> None:
    found = judge(*open_db(), statements=[statement, say("internet", "aws:rds/*")])
    assert found == [
        ("", Fail(f"a statement of the profile is invalid: {problem}", f"statements.0{where}")),
        ("main", Fail(f"is reached by the internet on port 3306 (MySQL): {OPEN}", "statements.1")),
    ]


def test_a_statement_that_holds_passes() -> None:
    assert judge(*open_db(public=False), statements=[say("internet", "aws:rds/*")]) == [("", Pass())]


def test_an_unknown_is_told_once_for_all_statements() -> None:
    found = judge(*open_db(source=UNKNOWN), statements=[say("internet", "aws:rds/*"), say("internet", "aws:rds/*::main", "3306")])
    assert [name for name, _ in found] == ["mysql"]


@pytest.mark.parametrize("name", RULES)
def test_the_statements_of_our_profiles_survive_their_regeneration(name: str) -> None:
    path = Path(__file__).parents[3] / "policies" / "security" / f"{name}.json"
    written = json.loads(path.read_text(encoding="utf-8"))["no-path"]
    assert written == {"statements": [say("internet", "aws:rds/*"), say("internet", "aws:elasticache/*")]}
    assert profile([no_path], RULES[name], {"no-path": {"enforcementLevel": "disabled", **written}})["no-path"] == written


def test_metadata() -> None:
    assert (no_path.id, no_path.severity, list(no_path.config)) == ("no-path", Severity.CRITICAL, ["statements"])
