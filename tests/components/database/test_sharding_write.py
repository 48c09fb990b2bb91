"""ShardingWrite: a database for each shard, the map and the function that writes it, and every refusal."""

import importlib.util
import json
import re
from types import ModuleType
from typing import Any

import pulumi
import pytest
from botocore.exceptions import ClientError
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import ShardingWrite
from cloudpatterns_runtime.shards import MapTable
from offline_preview.graph import Graph

from tests.emulators.locked_moto import client as moto_client
from tests.harness import record, refs
from tests.program import ROOT
from tests.runtime.shard_tables import map_table

COMPONENT, INSTANCE = "cloudpatterns:index:ShardingWrite", "aws:rds/instance:Instance"
DATABASE, TABLE, KEY = "cloudpatterns:index:RelationalDatabase", "aws:dynamodb/table:Table", "aws:kms/key:Key"
FUNCTION, INVOCATION, ALARM = "aws:lambda/function:Function", "aws:lambda/invocation:Invocation", "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
TABLE_ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/maps"
OPTIONS: Any = {
    "engine": "postgres",
    "engine_version": "17",
    "instance_class": "db.r7g.large",
    "allocated_storage_gib": 100,
    "database_name": "shop",
}
EXISTING: Any = {
    "existing_database": {
        "address": "old.example",
        "instance_arn": "arn:aws:rds:eu-west-1:123456789012:db:old",
        "resource_id": "db-OLD",
    }
}
PLACE: Any = {
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-data"],
}


def sharding(seen: dict[str, Any] | None = None, **args: Any) -> Graph:
    def program() -> None:
        given: Any = {"shards": {"a": {}, "b": {}}, "database": OPTIONS, **PLACE, **args}
        shop = ShardingWrite("shop", given)
        found = {
            "environment": shop.environment(),
            "router": shop.router_statements(),
            "mover": shop.mover_statements(),
            "connect": shop.connect_statements("app"),
            "resource_ids": shop.resource_ids,
        }
        if seen is not None:
            pulumi.Output.from_input(found).apply(seen.update)

    return record(program, mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        sharding(**args)
    return error.value.problems


def wanted(graph: Graph) -> Any:
    return json.loads(graph.one(INVOCATION).inputs["input"])


def test_each_shard_is_a_database_of_the_same_options() -> None:
    graph = sharding(tags={"team": "shop"})
    assert [database.name for database in graph.of_type(DATABASE)] == ["shop-shard-a", "shop-shard-b"]
    a, b = graph.of_type(INSTANCE)
    for instance in (a, b):
        assert (instance.inputs["instanceClass"], instance.inputs["engineVersion"]) == ("db.r7g.large", "17")
        assert (instance.inputs["vpcSecurityGroupIds"], instance.inputs["dbName"]) == (["sg-data"], "shop")
        assert (instance.inputs["multiAz"], instance.inputs["deletionProtection"], instance.inputs["storageEncrypted"]) == (
            True,
            True,
            True,
        )
        assert instance.inputs["tags"]["team"] == "shop"
    # Each has a key of its own.
    assert a.inputs["kmsKeyId"] != b.inputs["kmsKeyId"]


def test_a_shard_differs_where_it_says_so() -> None:
    larger = {"instance_class": "db.r7g.xlarge", "engine_version": "18", "deletion_protection": False}
    a, b = sharding(shards={"a": {}, "b": larger}).of_type(INSTANCE)
    assert (a.inputs["instanceClass"], a.inputs["engineVersion"], a.inputs["deletionProtection"]) == ("db.r7g.large", "17", True)
    assert (b.inputs["instanceClass"], b.inputs["engineVersion"], b.inputs["deletionProtection"]) == ("db.r7g.xlarge", "18", False)


def test_the_map_is_in_a_protected_table_of_one_region() -> None:
    graph = sharding(tags={"team": "shop"})
    table = graph.one(TABLE)
    assert {key: value for key, value in table.inputs.items() if not key.startswith("__")} == {
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "id",
        "attributes": [{"name": "id", "type": "S"}],
        "serverSideEncryption": {"enabled": True, "kmsKeyArn": graph.named("shop-key").outputs["arn"]},
        "pointInTimeRecovery": {"enabled": True},
        "deletionProtectionEnabled": True,
        "tags": {"team": "shop"},
    }
    [deny] = json.loads(graph.one("aws:dynamodb/resourcePolicy:ResourcePolicy").inputs["policy"])["Statement"]
    assert (deny["Sid"], deny["Effect"], deny["Principal"], deny["Resource"]) == ("DenyPlain", "Deny", "*", [table.outputs["arn"]])
    assert sharding(deletion_protection=False).one(TABLE).inputs["deletionProtectionEnabled"] is False


def test_the_map_is_written_by_a_function_with_the_address_of_each_shard() -> None:
    graph = sharding(first_shards=["b"], slots=256, map_name="orders")
    instances = {instance.name: instance.outputs for instance in graph.of_type(INSTANCE)}
    host = instances["shop-shard-a-instance"]["address"]
    written = wanted(graph)
    assert written["first_shards"] == ["b"]
    assert written["slots"] == 256
    assert written["addresses"]["a"] == {
        "host": host,
        "reader_host": host,
        "port": "5432",
        "database": "shop",
        "secret_arn": instances["shop-shard-a-instance"]["masterUserSecrets"][0]["secretArn"],
    }
    assert list(written["addresses"]) == ["a", "b"]
    invocation, function = graph.one(INVOCATION), graph.one(FUNCTION)
    assert refs(graph, invocation, "functionName") == ["shop-map"]
    assert function.inputs["environment"] == {"variables": {"TABLE": graph.one(TABLE).outputs["name"], "MAP": "orders"}}
    assert refs(graph, function, "layers") == ["shop-library"]
    # What is in the table may be read after it was written.
    outputs = graph.one(COMPONENT).outputs
    assert outputs["table_name"] == graph.one(TABLE).outputs["name"]
    assert outputs["addresses"] == {shard: written["addresses"][shard]["host"] for shard in "ab"}
    assert wanted(sharding())["first_shards"] == ["a", "b"]
    assert wanted(sharding())["slots"] == 4096


def test_the_function_may_swap_the_one_item_and_nothing_else() -> None:
    graph = sharding()
    statements = {statement["Sid"]: statement for statement in json.loads(graph.named("shop-map-policy").inputs["policy"])["Statement"]}
    assert set(statements) == {"ShardMap", "ShardMapKey", "Log"}
    assert statements["ShardMap"] == {
        "Sid": "ShardMap",
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
        "Resource": [graph.one(TABLE).outputs["arn"]],
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["shards"]}},
    }
    assert statements["ShardMapKey"]["Resource"] == [graph.named("shop-key").outputs["arn"]]


def test_applications_read_the_map_and_log_in_and_movers_write_it() -> None:
    seen: dict[str, Any] = {}
    graph = sharding(seen, shards={"a": {}, "old": EXISTING})
    table, key = graph.one(TABLE).outputs["arn"], graph.named("shop-key").outputs["arn"]
    conditions = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["shards"]}}
    reading = {"sid": "ShardMap", "actions": ["dynamodb:GetItem"], "resources": [table], "conditions": conditions}
    decrypt = {"sid": "ShardMapKey", "actions": ["kms:Decrypt"], "resources": [key]}
    assert seen["router"] == [reading, decrypt]
    assert seen["mover"] == [{**reading, "actions": ["dynamodb:GetItem", "dynamodb:PutItem"]}, decrypt]
    place, resource_id = "arn:aws:rds-db:eu-west-1:123456789012:dbuser", graph.one(INSTANCE).outputs["resourceId"]
    assert seen["connect"] == [
        {"sid": "ShardLogin", "actions": ["rds-db:connect"], "resources": [f"{place}:{resource_id}/app", f"{place}:db-OLD/app"]}
    ]
    environment = seen["environment"]
    client: Any = object()
    assert MapTable.from_environment(client, environment=environment) == MapTable(client, graph.one(TABLE).outputs["name"], "shards")
    assert environment["CLOUDPATTERNS_SHARDS_ENGINE"] == "postgres"
    assert graph.one(COMPONENT).outputs["variables"] == environment


def test_an_existing_database_is_a_shard() -> None:
    graph = sharding(shards={"a": {}, "old": EXISTING}, first_shards=["old"])
    assert [database.name for database in graph.of_type(DATABASE)] == ["shop-shard-a"]
    addresses = wanted(graph)["addresses"]
    assert addresses["old"] == {"host": "old.example", "reader_host": "old.example", "port": "5432", "database": "shop"}
    more = {"address": "x", "reader_address": "y", "port": 6000, "database_name": "z", "secret_arn": "arn:s"}
    graph = sharding(shards={"a": {}, "old": {"existing_database": more}})
    assert wanted(graph)["addresses"]["old"] == {"host": "x", "reader_host": "y", "port": "6000", "database": "z", "secret_arn": "arn:s"}
    assert graph.one(COMPONENT).outputs["secret_arns"].keys() == {"a", "old"}
    mysql = {**OPTIONS, "engine": "mysql", "engine_version": "8.4"}
    assert wanted(sharding(shards={"a": {}, "old": EXISTING}, database=mysql))["addresses"]["old"]["port"] == "3306"


def test_no_login_is_stated_where_iam_knows_no_database() -> None:
    with pytest.raises(ArgumentError) as error:
        sharding(shards={"a": {"existing_database": {"address": "old.example"}}})
    reason = "are existing databases without instance_arn and resource_id, by which IAM knows a database. Give them."
    assert error.value.problems == [("shards", reason)]


def test_the_longest_name_is_one_that_the_databases_leave_room_for() -> None:
    def create(name: str) -> None:
        given: Any = {"shards": {"a": {}, "b": {}}, "database": OPTIONS, **PLACE}
        record(lambda: ShardingWrite(name, given))

    create("s" * 37)
    with pytest.raises(ArgumentError) as error:
        create("s" * 38)
    assert error.value.problems == [
        (
            "name",
            f"has 38 characters; the child {'s' * 38}-shard-{shard}-monitoring would pass the 64 characters that AWS allows. "
            "Give the component a name of at most 37 characters.",
        )
        for shard in "ab"
    ]


def test_shards_on_aurora_have_an_address_for_reads() -> None:
    aurora = {**OPTIONS, "engine": "aurora-mysql", "engine_version": "8.0.mysql_aurora.3.10.0", "allocated_storage_gib": None}
    graph = sharding(database=aurora)
    clusters = graph.of_type("aws:rds/cluster:Cluster")
    for shard, cluster in zip("ab", clusters, strict=True):
        address = wanted(graph)["addresses"][shard]
        assert (address["host"], address["reader_host"]) == (cluster.outputs["endpoint"], cluster.outputs["readerEndpoint"])


def test_an_existing_table_holds_the_map() -> None:
    seen: dict[str, Any] = {}
    graph = sharding(seen, existing_table={"arn": TABLE_ARN}, map_name="orders")
    assert graph.of_type(TABLE) == []
    assert [statement["sid"] for statement in seen["router"]] == ["ShardMap"]
    assert graph.one(COMPONENT).outputs["table_name"] == "maps"
    assert graph.one(COMPONENT).outputs["kms_key_arn"] == ""
    sharding(seen, existing_table={"arn": TABLE_ARN, "kms_key_arn": KEY_ARN})
    assert seen["router"][1]["resources"] == [KEY_ARN]


def test_one_key_for_all_where_it_is_given() -> None:
    graph = sharding(kms_key_arn=KEY_ARN)
    assert graph.of_type(KEY) == []
    assert {instance.inputs["kmsKeyId"] for instance in graph.of_type(INSTANCE)} == {KEY_ARN}
    assert graph.one(TABLE).inputs["serverSideEncryption"]["kmsKeyArn"] == KEY_ARN


def test_alarms_of_the_map_and_of_each_database() -> None:
    graph = sharding(alarm_topic_arns=[TOPIC])
    alarm = graph.named("shop-throttled")
    assert alarm.inputs["alarmActions"] == [TOPIC]
    assert alarm.inputs["metricQueries"][1]["metric"]["dimensions"] == {"TableName": graph.one(TABLE).outputs["name"]}
    assert {name for name in (each.name for each in graph.of_type(ALARM)) if re.match("shop-shard-[ab]-cpu", name)} != set()
    assert sharding().of_type(ALARM) == []


def test_a_user_of_all_shards() -> None:
    def program() -> None:
        shop = ShardingWrite("shop", {"shards": {"a": {}, "b": {}}, "database": OPTIONS, **PLACE})
        assert 'CREATE ROLE "app" LOGIN' in shop.user_sql("app")
        alone = ShardingWrite("old", {"shards": {"old": EXISTING}, "database": OPTIONS, **PLACE})
        with pytest.raises(ArgumentError, match="are all existing databases; the SQL of a user is for new ones"):
            alone.user_sql("app")

    record(program)


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"first_shards": []}, "first_shards", "is []; names in shards are allowed, each once: a, b."),
        ({"first_shards": ["a", "c"]}, "first_shards", "is ['a', 'c']; names in shards are allowed, each once: a, b."),
        ({"first_shards": ["a", "a"]}, "first_shards", "is ['a', 'a']; names in shards are allowed, each once: a, b."),
        (
            {"database": {**OPTIONS, "identifier": "shop"}},
            "database.identifier",
            "is given; each shard has another one. Remove it.",
        ),
        (
            {"database": {**OPTIONS, "engine_version": "9.6"}},
            "database.engine_version",
            None,
        ),
        ({"shards": {"a": {}, "b": {"instance_class": "db.serverless"}}}, "shards.b.instance_class", None),
        (
            {"shards": {"a": {}, "old": {**EXISTING, "instance_class": "db.r7g.large"}}},
            "shards.old.existing_database",
            "is given, and so is instance_class; the database is there already. Remove one.",
        ),
        (
            {"shards": {"a": {}, "old": {"existing_database": {"address": "x", "resource_id": "db-X"}}}},
            "shards.old.existing_database.instance_arn",
            "is missing; resource_id needs it. Give it, or remove resource_id.",
        ),
        (
            {"shards": {"old": EXISTING}, "existing_table": {"arn": TABLE_ARN}, "kms_key_arn": KEY_ARN},
            "existing_table",
            "excludes kms_key_arn: table and databases are there already; both are given. Remove one of them.",
        ),
        ({"slots": 65_537}, "slots", None),
        ({"shards": {}}, "shards", None),
        ({"shards": {"A": {}}}, "shards", None),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str | None) -> None:
    problems = refused(**args)
    assert [problem[0] for problem in problems] == [path], problems
    [problem] = problems
    assert reason is None or problem[1] == reason


# The function that writes the map.


@pytest.fixture
def writer() -> ModuleType:
    file = ROOT / "components/cloudpatterns/database/sharding_write/on_aws/index.py"
    specification = importlib.util.spec_from_file_location("shard_map_writer", file)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def maps(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> MapTable:
    dynamodb = moto_client("dynamodb")
    table = map_table(dynamodb)
    monkeypatch.setenv("TABLE", table)
    monkeypatch.setenv("MAP", "shards")
    return MapTable(dynamodb, table)


def event(names: str, **changes: Any) -> dict[str, Any]:
    return {"addresses": {name: {"host": f"{name}.example"} for name in names}, "first_shards": list(names), "slots": 64, **changes}


def test_the_function_writes_the_first_map_once(writer: ModuleType, maps: MapTable) -> None:
    answer = writer.handler(event("abc", first_shards=["a", "b"]), None, maps.client)
    assert answer == {"shards": ["a", "b"], "known": ["a", "b", "c"], "generation": 1}
    first = maps.read()
    assert (first.shards, first.slots, first.version, first.addresses["c"]) == (("a", "b"), 64, 1, {"host": "c.example"})
    # It is not told which shards have slots any more.
    assert writer.handler(event("abc"), None, maps.client)["shards"] == ["a", "b"]
    assert maps.read() == first


def test_the_function_adds_addresses_while_slots_move(writer: ModuleType, maps: MapTable) -> None:
    writer.handler(event("abc", first_shards=["a", "b"]), None, maps.client)
    first = maps.read()
    begun = maps.swap(first, first.move_to(["a", "b", "c"]))
    begun = maps.swap(begun, begun.arrived(begun.moves()[0].slot))
    answer = writer.handler(event("abcd"), None, maps.client)
    assert answer == {"shards": ["a", "b", "c"], "known": ["a", "b", "c", "d"], "generation": 2}
    assert (maps.read().moves(), maps.read().version) == (begun.moves(), begun.version + 1)


def test_adding_a_shard_moves_at_most_about_one_nth_of_the_keys(writer: ModuleType, maps: MapTable) -> None:
    writer.handler(event("abcd", slots=4096), None, maps.client)
    keys = [f"customer-{number}" for number in range(20_000)]
    before = maps.read()
    # A new database is known, and has no keys until a move.
    writer.handler(event("abcde", slots=4096), None, maps.client)
    known = maps.read()
    assert [known.shard(key).name for key in keys] == [before.shard(key).name for key in keys]
    moved = {move.slot for move in known.move_to(list("abcde")).moves()}
    assert sum(known.slot(key) in moved for key in keys) <= 1.1 * len(keys) / 5


def test_the_function_forgets_no_shard_that_has_slots(writer: ModuleType, maps: MapTable) -> None:
    writer.handler(event("abc", first_shards=["a", "b"]), None, maps.client)
    assert writer.handler(event("ab"), None, maps.client)["known"] == ["a", "b"]
    reason = r"^b has slots; start a move to the other shards, and remove it when the mover is done\.$"
    with pytest.raises(ValueError, match=reason):
        writer.handler(event("a"), None, maps.client)
    with pytest.raises(ValueError, match=r"^slots is 32; the map has 64, for good\. Set slots to 64\.$"):
        writer.handler(event("ab", slots=32), None, maps.client)


class Client:
    """A client that fails at first, or whose map another process swaps in between."""

    def __init__(self, real: Any, errors: int = 0, meanwhile: Any = None) -> None:
        self._real, self._errors, self._meanwhile = real, errors, meanwhile

    def get_item(self, **request: Any) -> Any:
        if self._errors:
            self._errors -= 1
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not yet"}}, "GetItem")
        return self._real.get_item(**request)

    def put_item(self, **request: Any) -> Any:
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        return self._real.put_item(**request)


def test_the_function_waits_for_its_rights(writer: ModuleType, maps: MapTable) -> None:
    pauses: list[float] = []
    writer.handler(event("ab"), None, Client(maps.client, errors=3), pauses.append)
    assert (maps.read().version, pauses) == (1, [1, 1, 1])
    with pytest.raises(ClientError):
        writer.handler(event("ab"), None, Client(maps.client, errors=20), pauses.append)


def test_map_changes_are_atomic_the_function_keeps_what_a_mover_changed_meanwhile(writer: ModuleType, maps: MapTable) -> None:
    writer.handler(event("abc", first_shards=["a", "b"]), None, maps.client)
    first = maps.read()
    client = Client(maps.client, meanwhile=lambda: maps.swap(first, first.move_to(["a", "b", "c"])))
    assert writer.handler(event("abcd"), None, client)["generation"] == 2
    assert maps.read().addresses.keys() == set("abcd")
