"""Aurora and the read replicas of the storefront in the settings: what they need, and problems at the settings that cause them."""

from typing import Any

import pytest

from tests.settings.configurations import broken, good, obey, problems

AURORA: dict[str, Any] = {
    "database.engine": "aurora-mysql",
    "database.engine_version": "8.4",
    "database.instance_class": "db.r7g.large",
}


def test_replicas_take_the_options_of_their_component_that_aurora_has() -> None:
    front = good(broken({**AURORA, "storefront.read_replicas": {"max_readers": 5, "max_lag_seconds": 2}})).storefront
    assert (front.read_replicas.max_readers, front.read_replicas.max_lag_seconds) == (5, 2)
    assert front.as_args()["read_replicas"]["reader_user_name"] == "reader"
    assert good(broken({**AURORA, "storefront.read_replicas": {}})).storefront.as_args()["read_replicas"]["max_readers"] == 3
    assert "read_replicas" not in good(broken(AURORA)).storefront.as_args()
    [problem] = problems(broken({**AURORA, "storefront.read_replicas": {"replicas": {"a": {}}}}))
    assert problem.key == "cloudpatterns:storefront.read_replicas.replicas"


@pytest.mark.parametrize(("engine", "version", "aurora"), [("mysql", "8.4", "aurora-mysql"), ("postgres", "17", "aurora-postgresql")])
def test_replicas_of_a_database_whose_password_rds_manages_are_refused(engine: str, version: str, aurora: str) -> None:
    sections = broken({"database.engine": engine, "database.engine_version": version, "storefront.read_replicas": {"max_readers": 2}})
    [problem] = problems(sections)
    assert (problem.key, problem.given) == ("cloudpatterns:storefront.read_replicas", '{"max_readers": 2}')
    assert problem.because == (
        f"needs Aurora, and database.engine is '{engine}': RDS creates no replica of a database whose password it manages. "
        f"Use {aurora}, or remove read_replicas"
    )
    assert problem.allowed == "an object, {} for the defaults, with database.engine aurora-mysql or aurora-postgresql"
    obey(problem.fix, sections)
    assert good(sections).storefront.read_replicas is None


@pytest.mark.parametrize(
    ("setting", "value", "because"),
    [
        ("min_readers", 4, "more than max_readers, which is 3"),
        ("reader_user_name", "app", "is 'app', the application's user, who writes. Choose another name"),
        ("target_connections", 0, None),
    ],
)
def test_what_replicas_cannot_be_is_reported_and_its_command_fixes_it(setting: str, value: Any, because: str | None) -> None:
    sections = broken({**AURORA, "storefront.read_replicas": {setting: value}})
    [problem] = problems(sections)
    assert (problem.key, problem.because) == (f"cloudpatterns:storefront.read_replicas.{setting}", because)
    obey(problem.fix, sections)
    assert good(sections).storefront.read_replicas is not None


def test_aurora_has_no_first_size_and_others_have_one() -> None:
    assert "allocated_storage_gib" not in good(broken(AURORA)).database.as_args()
    assert good(broken({})).database.as_args()["allocated_storage_gib"] == 20
    sections = broken({**AURORA, "database.allocated_storage_gib": 100})
    [problem] = problems(sections)
    assert problem.key == "cloudpatterns:database.allocated_storage_gib"
    assert problem.because == "is 100; Aurora's storage grows by itself. Remove it"
    obey(problem.fix, sections)
    assert good(sections).database.allocated_storage_gib is None


@pytest.mark.parametrize(
    ("engine", "version"),
    [("aurora-mysql", "8.0"), ("aurora-mysql", "8.0.mysql_aurora.3.10.0"), ("aurora-mysql", "8.4.7"), ("aurora-postgresql", "17.5")],
)
def test_aurora_has_versions_of_its_own(engine: str, version: str) -> None:
    assert good(broken({**AURORA, "database.engine": engine, "database.engine_version": version})).database.engine_version == version


@pytest.mark.parametrize("version", ["8.0.36", "8.4.mysql_aurora.3.10.0", "8.4.7.1"])
def test_the_versions_of_aurora_are_numbered_as_aws_does(version: str) -> None:
    [problem] = problems(broken({**AURORA, "database.engine_version": version}))
    assert problem.key == "cloudpatterns:database.engine_version"


def test_aurora_refuses_versions_and_classes_that_it_does_not_have() -> None:
    sections = broken({**AURORA, "database.engine_version": "9.7", "database.instance_class": "db.m7g.large"})
    found = {problem.key.rpartition(".")[2]: problem for problem in problems(sections)}
    assert {key: problem.because for key, problem in found.items()} == {
        "engine_version": "aurora-mysql does not have this version in standard support",
        "instance_class": "aurora-mysql does not run on db.m7g.large",
    }
    for problem in found.values():
        obey(problem.fix, sections)
    database = good(sections).database
    assert (database.engine_version, database.instance_class) == ("8.0", "db.r7g.large")


def test_aurora_may_be_serverless() -> None:
    serverless = {**AURORA, "database.instance_class": "db.serverless", "database.max_capacity_units": 8}
    assert good(broken(serverless)).database.as_args()["max_capacity_units"] == 8
    [problem] = problems(broken({**AURORA, "database.instance_class": "db.serverless"}))
    assert problem.key == "cloudpatterns:database.max_capacity_units"
