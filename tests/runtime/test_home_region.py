"""Home Regions: the latest write wins, what that loses, and what is right all the same."""

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudpatterns_runtime.home_region import ElsewhereError, HomeItems, RegionalCounter

from tests.emulators.global_tables import GlobalTableModel

IRELAND, VIRGINIA, TOKYO = REGIONS = ("eu-west-1", "us-east-1", "ap-northeast-1")
URLS = {region: f"https://{region}.api.example.com" for region in REGIONS}
ONE = {":one": {"N": "1"}}
STOCK = 5


@pytest.fixture
def table(moto_account: None) -> GlobalTableModel:
    return GlobalTableModel("profiles", REGIONS)


def items(table: GlobalTableModel, region: str) -> HomeItems:
    return HomeItems(table.client(region), table.name, region, URLS)


def counter(table: GlobalTableModel, region: str) -> RegionalCounter:
    return RegionalCounter(table.client(region), table.name, region, URLS)


def at_home(region: str, name: str = "article") -> dict[str, Any]:
    """A key whose home is a Region."""
    home = HomeItems(object(), "profiles", region, URLS)  # ty: ignore[invalid-argument-type]
    return next({"id": {"S": f"{name}-{n}"}} for n in range(1000) if home.home({"id": {"S": f"{name}-{n}"}}) == region)


def add(table: GlobalTableModel, region: str, key: str) -> None:
    table.client(region).update_item(
        TableName=table.name,
        Key={"id": {"S": key}},
        UpdateExpression="ADD hits :one",
        ExpressionAttributeValues=ONE,
    )


def sell(table: GlobalTableModel, region: str, key: dict[str, Any]) -> None:
    items(table, region).update(key, assign="stock = stock - :one", condition="stock >= :one", values=ONE)


def test_the_conflict_rule_a_plain_counter_loses_what_two_regions_add(table: GlobalTableModel) -> None:
    add(table, IRELAND, "visits")
    add(table, VIRGINIA, "visits")
    table.deliver(random.Random(1))
    assert table.agree()
    # Two were added; the latest item stays, whole.
    assert table.items(TOKYO)["visits"]["hits"] == {"N": "1"}


def test_the_conflict_rule_two_regions_sell_the_last_article(table: GlobalTableModel) -> None:
    def sell_plainly(region: str) -> None:
        table.client(region).update_item(
            TableName=table.name,
            Key={"id": {"S": "chair"}},
            UpdateExpression="SET stock = stock - :one",
            ConditionExpression="stock >= :one",
            ExpressionAttributeValues=ONE,
        )

    table.client(IRELAND).update_item(
        TableName=table.name, Key={"id": {"S": "chair"}}, UpdateExpression="SET stock = :one", ExpressionAttributeValues=ONE
    )
    table.deliver(random.Random(1))
    # Neither is refused: each condition is judged by what its Region knows.
    sell_plainly(IRELAND)
    sell_plainly(VIRGINIA)


@pytest.mark.parametrize("seed", range(5))
def test_a_regional_counter_has_everything_that_was_added_in_any_order(table: GlobalTableModel, seed: int) -> None:
    choose, added = random.Random(seed), 0
    for _ in range(25):
        number = choose.randint(1, 3)
        counter(table, choose.choice(REGIONS)).add("visits", number)
        added += number
        table.deliver(choose, choose.randint(0, 3))
    assert all(counter(table, region).value("visits") <= added for region in REGIONS)
    table.deliver(choose)
    assert table.agree()
    assert [counter(table, region).value("visits") for region in REGIONS] == [added] * 3


@pytest.mark.parametrize("seed", range(5))
def test_an_article_is_sold_once_although_every_region_sells(table: GlobalTableModel, seed: int) -> None:
    choose, key, sold = random.Random(seed), at_home(VIRGINIA), 0
    items(table, VIRGINIA).update(key, assign="stock = :stock", values={":stock": {"N": str(STOCK)}})
    for _ in range(20):
        region = choose.choice(REGIONS)
        if region != VIRGINIA:
            with pytest.raises(ElsewhereError) as caught:
                sell(table, region, key)
            assert (caught.value.region, caught.value.url) == (VIRGINIA, URLS[VIRGINIA])
        elif sold == STOCK:
            with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
                sell(table, region, key)
        else:
            sell(table, region, key)
            sold += 1
        table.deliver(choose, choose.randint(0, 2))
    table.deliver(choose)
    assert table.agree()
    assert table.items(TOKYO)[key["id"]["S"]]["stock"] == {"N": str(STOCK - sold)}


def test_two_regions_do_not_create_an_item_at_once(table: GlobalTableModel) -> None:
    key = at_home(TOKYO)
    named: Any = {"assign": "#name = :name", "names": {"#name": "name"}}
    for region in (IRELAND, VIRGINIA):
        with pytest.raises(ElsewhereError) as caught:
            items(table, region).update(key, **named, values={":name": {"S": region}})
        assert caught.value.region == TOKYO
    created = items(table, TOKYO).update(key, **named, values={":name": {"S": TOKYO}})
    assert created == {**key, "name": {"S": TOKYO}, "home_region": {"S": TOKYO}}


def test_a_new_key_is_at_home_here(table: GlobalTableModel) -> None:
    for region in REGIONS:
        key = items(table, region).new_key(lambda name: {"id": {"S": name}})
        assert items(table, IRELAND).home(key) == region


def test_another_region_moves_only_the_new_items_that_it_gets() -> None:
    client: Any = object()
    before = HomeItems(client, "t", IRELAND, URLS)
    after = HomeItems(client, "t", IRELAND, {**URLS, "sa-east-1": ""})
    keys = [{"id": {"S": str(number)}} for number in range(400)]
    moved = [key for key in keys if before.home(key) != after.home(key)]
    assert {after.home(key) for key in moved} == {"sa-east-1"}
    assert 60 < len(moved) < 140


def test_a_lost_regions_items_are_taken_over_and_the_old_home_is_then_refused(table: GlobalTableModel) -> None:
    choose, key = random.Random(1), at_home(IRELAND)
    items(table, IRELAND).update(key, assign="stock = :one", values=ONE)
    table.deliver(choose)
    # Ireland writes once more, and is lost before that has arrived anywhere.
    items(table, IRELAND).update(key, assign="stock = :two", values={":two": {"N": "2"}})
    assert items(table, VIRGINIA).take_over(key, IRELAND)
    items(table, VIRGINIA).update(key, add="stock :one", values=ONE)
    table.deliver(choose)
    assert table.agree()
    # What had not arrived is older, and lost.
    assert table.items(IRELAND)[key["id"]["S"]]["stock"] == {"N": "2"}
    with pytest.raises(ElsewhereError) as caught:
        items(table, IRELAND).update(key, assign="stock = :one", values=ONE)
    assert str(caught.value) == f"the item is written in us-east-1 alone; send the request to {URLS[VIRGINIA]}"
    # Tokyo is late: the item has another home by now.
    assert not items(table, TOKYO).take_over(key, IRELAND)


def test_an_item_that_is_not_there_is_taken_over_from_where_it_would_be_created(table: GlobalTableModel) -> None:
    key = at_home(IRELAND)
    assert not items(table, TOKYO).take_over(key, VIRGINIA)
    assert items(table, TOKYO).take_over(key, IRELAND)
    assert items(table, TOKYO).update(key, remove="nothing")["home_region"] == {"S": TOKYO}


def test_other_errors_pass_through(table: GlobalTableModel) -> None:
    with pytest.raises(ClientError) as caught:
        items(table, IRELAND).update(at_home(IRELAND), assign="nonsense")
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    missing = HomeItems(table.client(IRELAND), "other", IRELAND, URLS)
    with pytest.raises(ClientError):
        missing.take_over(at_home(IRELAND), VIRGINIA)


def test_a_table_with_a_sort_key_has_the_parts_of_a_counter_under_one_value() -> None:
    requests: list[Any] = []

    class Client:
        def update_item(self, **request: Any) -> Any:
            requests.append(request["Key"])

        def batch_get_item(self, **request: Any) -> Any:
            keys = request["RequestItems"]["t"]["Keys"]
            left = {"UnprocessedKeys": {"t": {"Keys": keys[1:]}}} if len(keys) > 1 else {}
            return {"Responses": {"t": [{"total": {"N": "2"}}]}, **left}

    found = RegionalCounter(Client(), "t", IRELAND, URLS, partition_key="pk", sort_key="sk")
    found.add("visits")
    assert requests == [{"pk": {"S": "visits#eu-west-1"}, "sk": {"S": "counter"}}]
    # What DynamoDB left out is asked for again.
    assert found.value("visits") == 6


def test_settings_come_from_the_environment_of_a_cell() -> None:
    client: Any = object()
    environment = {"TABLE_NAME": "t", "AWS_REGION": IRELAND, "CELL_URLS_BY_REGION": '{"eu-west-1": "https://a"}'}
    assert HomeItems.from_environment(client, environment) == HomeItems(client, "t", IRELAND, {IRELAND: "https://a"})
    assert RegionalCounter.from_environment(client, environment, sort_key="n").sort_key == "n"
    with pytest.raises(ValueError, match=r"TABLE_NAME is missing\. A component GlobalService sets it for functions of its cells\."):
        HomeItems.from_environment(client, {})
    with pytest.raises(ValueError, match=r"region is 'us-east-1'; the service is in eu-west-1\. Add it"):
        HomeItems.from_environment(client, {**environment, "AWS_REGION": VIRGINIA})
