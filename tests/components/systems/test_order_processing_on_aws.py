"""What takes, shows and announces orders, on an emulator, and whole orders from the request to the event."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cloudpatterns.systems.order_processing import component

from tests.components.systems.order_simulation import World
from tests.components.systems.test_order_processing_runs import Shop, definition, graph
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.step_functions import Interpreter, interpreter
from tests.emulators.tables import table_by_id

CODE = component._CODE
ORDER = {"lines": [{"sku": "chair", "count": 2}], "payment_method": "card", "address": "1 Main Street"}
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orders"


def entrance_module() -> Any:
    return load_handler(CODE / "entrance" / "index.py")


def post(body: Any = ORDER, key: str | None = "key-1", caller: Any = "ada", **more: Any) -> dict[str, Any]:
    """A request of a REST API with a user pool."""
    headers = {} if key is None else {"idempotency-KEY": key}
    text = body if isinstance(body, str) else json.dumps(body)
    context = {"authorizer": {"claims": {"sub": caller}}} if isinstance(caller, str) else caller
    return {"httpMethod": "POST", "requestContext": context, "headers": headers, "pathParameters": None, "body": text, **more}


def get(order_id: str, caller: str = "ada") -> dict[str, Any]:
    return {"requestContext": {"authorizer": {"claims": {"sub": caller}}}, "pathParameters": {"id": order_id}}


def said(response: dict[str, Any]) -> tuple[int, Any]:
    return response["statusCode"], json.loads(response["body"])


class Desk:
    """The entrance over moto, whose executions wait."""

    def __init__(self) -> None:
        self.dynamodb, self.states = client("dynamodb"), client("stepfunctions")
        table_by_id(self.dynamodb, "orders", "order_id")
        waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 999, "End": True}}}
        role = "arn:aws:iam::123456789012:role/machine"
        self.machine = self.states.create_state_machine(name="orders", definition=json.dumps(waits), roleArn=role)["stateMachineArn"]
        self.entrance = entrance_module().Entrance(self.dynamodb, self.states, "orders", self.machine)

    def __call__(self, event: dict[str, Any]) -> tuple[int, Any]:
        return said(self.entrance.answer(event))

    @property
    def executions(self) -> list[str]:
        return [one["name"] for one in self.states.list_executions(stateMachineArn=self.machine)["executions"]]

    def store(self, order_id: str, **texts: str) -> None:
        """What the state machine stores."""
        execution = self.states.describe_execution(executionArn=f"{self.machine.replace('stateMachine', 'execution')}:{order_id}")
        document = json.loads(execution["input"])
        known = {**document, "order": json.dumps(document["order"]), "created_at": "2026-11-30T08:00:00Z", **texts}
        self.dynamodb.put_item(TableName="orders", Item={name: {"S": value} for name, value in known.items()})


@pytest.fixture
def desk(moto_account: None) -> Desk:
    return Desk()


def test_an_order_is_taken_and_shown_before_and_after_it_is_stored(desk: Desk) -> None:
    response = desk.entrance.answer(post())
    status, taken = said(response)
    assert (status, taken["status"]) == (202, "PENDING")
    assert response["headers"]["Location"] == f"orders/{taken['order_id']}"
    assert desk.executions == [taken["order_id"]]
    assert desk(get(taken["order_id"])) == (200, {"order_id": taken["order_id"], "status": "PENDING", "order": ORDER})
    desk.store(taken["order_id"], status="REJECTED", reason="OutOfStock", updated_at="2026-11-30T08:00:05Z")
    shown = desk.entrance.answer(get(taken["order_id"]))
    assert "Retry-After" not in shown["headers"]
    assert said(shown) == (
        200,
        {
            "order_id": taken["order_id"],
            "status": "REJECTED",
            "reason": "OutOfStock",
            "created_at": "2026-11-30T08:00:00Z",
            "updated_at": "2026-11-30T08:00:05Z",
            "order": ORDER,
        },
    )


def test_a_request_that_is_sent_again_starts_nothing_twice(desk: Desk) -> None:
    first = desk(post())
    # Other white space and another order of the fields are the same order.
    again = json.dumps(dict(reversed(ORDER.items())), indent=2)
    assert [desk(post()), desk(post(again))] == [first, first]
    desk.store(first[1]["order_id"], status="CONFIRMED")
    assert desk(post()) == (202, {"order_id": first[1]["order_id"], "status": "CONFIRMED"})
    assert len(desk.executions) == 1


@pytest.mark.parametrize("stored", [False, True])
def test_a_key_that_belongs_to_another_order_is_refused(desk: Desk, stored: bool) -> None:
    _, first = desk(post())
    if stored:
        desk.store(first["order_id"], status="CONFIRMED")
    other = {**ORDER, "address": "2 Main Street"}
    assert desk(post(other)) == (422, {"message": "Idempotency-Key belongs to another order: send a new one with a new order"})
    assert len(desk.executions) == 1


def test_an_execution_that_has_ended_and_stored_nothing_is_not_started_again(desk: Desk) -> None:
    _, first = desk(post())
    arn = f"{desk.machine.replace('stateMachine', 'execution')}:{first['order_id']}"
    desk.states.stop_execution(executionArn=arn)
    assert desk(post()) == (202, first)
    assert len(desk.executions) == 1


def test_callers_have_keys_and_orders_of_their_own(desk: Desk) -> None:
    _, ada = desk(post(caller="ada"))
    _, bob = desk(post(caller="bob"))
    assert ada["order_id"] != bob["order_id"]
    assert desk(get(ada["order_id"], "bob")) == (404, {"message": "There is no such order"})
    desk.store(ada["order_id"], status="CONFIRMED")
    assert desk(get(ada["order_id"], "bob"))[0] == 404
    assert desk(get(ada["order_id"], "ada"))[0] == 200


@pytest.mark.parametrize("order_id", ["0" * 32, "x", "../orders", "*"])
def test_an_order_that_there_is_not_is_not_found(desk: Desk, order_id: str) -> None:
    assert desk(get(order_id)) == (404, {"message": "There is no such order"})


@pytest.mark.parametrize(
    ("event", "status", "message"),
    [
        (post(key=None), 400, "Idempotency-Key is missing: send a header of 1 to 255 characters, new for each order, such as a UUID"),
        (
            post(key="has space"),
            400,
            "Idempotency-Key is missing: send a header of 1 to 255 characters, new for each order, such as a UUID",
        ),
        (post("{"), 400, "The body is no JSON"),
        (post("[]"), 400, "The body is no JSON object"),
        (post(body=""), 400, "The body is no JSON"),
        (post({"note": "n" * 65_536}), 413, "The order has more than 65,536 bytes"),
        (post('{"id": 12345678901234567890}'), 400, "The number 12345678901234567890 cannot be kept exactly: send it as a text"),
        (post('{"price": 0.12345678901234567}'), 400, "The number 0.12345678901234567 cannot be kept exactly: send it as a text"),
        (post('{"price": NaN}'), 400, "The number NaN cannot be kept exactly: send it as a text"),
        (post(caller={}), 403, "The authorizer names no caller: it needs a claim or context entry sub, or a principalId"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_starts_nothing(desk: Desk, event: dict[str, Any], status: int, message: str) -> None:
    assert desk(event) == (status, {"message": message})
    assert desk.executions == []


def test_a_body_in_base64_and_exact_numbers_are_taken(desk: Desk) -> None:
    body = base64.b64encode(b'{"price": 19.90, "count": 1000, "weight": 1e3}').decode()
    _, taken = desk(post(body, isBase64Encoded=True))
    assert desk(get(taken["order_id"]))[1]["order"] == {"price": 19.9, "count": 1000, "weight": 1000.0}


ROLE = "arn:aws:sts::123456789012:assumed-role/shop/session-1"


@pytest.mark.parametrize(
    ("context", "caller"),
    [
        ({"authorizer": {"claims": {"sub": "ada"}}}, "ada"),
        ({"authorizer": {"jwt": {"claims": {"sub": "ada"}}}}, "ada"),
        ({"authorizer": {"lambda": {"sub": "ada"}}}, "ada"),
        ({"authorizer": {"principalId": "ada"}}, "ada"),
        ({"authorizer": {"iam": {"userArn": ROLE}}}, ROLE.rsplit("/", 1)[0]),
        ({"identity": {"userArn": ROLE}}, ROLE.rsplit("/", 1)[0]),
        ({"identity": {"userArn": "arn:aws:iam::123456789012:user/ada"}}, "arn:aws:iam::123456789012:user/ada"),
    ],
)
def test_the_caller_is_whom_the_authorizer_says(context: dict[str, Any], caller: str) -> None:
    assert entrance_module().caller_of(context) == caller


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 503), ("KmsAccessDeniedException", None)])
def test_a_service_that_is_busy_is_asked_again_later_and_other_errors_are_ours(desk: Desk, code: str, status: int | None) -> None:
    class Failing:
        def start_execution(self, **request: Any) -> Any:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "StartExecution")

    entrance = entrance_module().Entrance(desk.dynamodb, Failing(), "orders", desk.machine)
    if status is None:
        with pytest.raises(ClientError):
            entrance.answer(post())
    else:
        response = entrance.answer(post())
        assert (response["statusCode"], response["headers"]["Retry-After"]) == (status, "2")


ORIGINS = "https://www.example.com,https://m.example.com"


@pytest.mark.parametrize(
    ("origin", "origins", "credentials", "headers"),
    [
        ("https://m.example.com", "", "", {}),
        ("https://evil.example.com", ORIGINS, "", {"Vary": "Origin"}),
        (None, ORIGINS, "", {"Vary": "Origin"}),
        (
            "https://m.example.com",
            ORIGINS,
            "true",
            {
                "Access-Control-Allow-Origin": "https://m.example.com",
                "Access-Control-Expose-Headers": "Location,Retry-After",
                "Access-Control-Allow-Credentials": "true",
                "Vary": "Origin",
            },
        ),
    ],
)
def test_pages_of_allowed_origins_may_read_the_response(origin: str | None, origins: str, credentials: str, headers: Any) -> None:
    event = {"headers": {"Origin": origin} if origin else None}
    assert entrance_module().cors_headers(event, origins, credentials) == headers


def test_the_entry_point_makes_its_clients_and_adds_the_headers(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    for name, value in {"ORDER_TABLE": "orders", "STATE_MACHINE_ARN": desk.machine, "ALLOWED_ORIGINS": ORIGINS}.items():
        monkeypatch.setenv(name, value)
    event = post()
    event["headers"]["origin"] = "https://www.example.com"
    response = entrance_module().handler(event, None)
    assert (response["statusCode"], response["headers"]["Access-Control-Allow-Origin"]) == (202, "https://www.example.com")
    assert len(desk.executions) == 1


# Events.


def record(number: int, status: str, before: str | None = None, size: int = 0, **more: str) -> dict[str, Any]:
    texts = {"order_id": f"order-{number}", "customer": "ada", "order": json.dumps({"note": "n" * size}), "updated_at": "now", **more}
    image = {name: {"S": value} for name, value in texts.items()}
    old = {} if before is None else {"OldImage": {**image, "status": {"S": before}}}
    change = {"SequenceNumber": str(number), "NewImage": {**image, "status": {"S": status}}, **old}
    return {"eventID": f"event-{number}", "eventName": "MODIFY" if before else "INSERT", "dynamodb": change}


class Bus:
    """EventBridge, which refuses the events of some orders."""

    def __init__(self, *refused: str) -> None:
        self.refused, self.requests = refused, list[list[Any]]()

    def put_events(self, Entries: list[Any]) -> Any:
        self.requests.append(Entries)
        assert len(Entries) <= 10
        assert sum(len(json.dumps(entry)) for entry in Entries) < 262_144
        refused = [json.loads(entry["Detail"])["order_id"] in self.refused for entry in Entries]
        return {"Entries": [{"ErrorCode": "ThrottlingException"} if one else {"EventId": "1"} for one in refused]}

    @property
    def sent(self) -> list[tuple[str, str]]:
        return [(json.loads(entry["Detail"])["order_id"], entry["DetailType"]) for request in self.requests for entry in request]


def announcer(bus: Any) -> Any:
    return load_handler(CODE / "announcer" / "index.py").Announcer(bus, "arn:aws:events:eu-west-1:123456789012:event-bus/shop", "shop")


def test_each_change_of_a_status_is_an_event_and_no_other_change() -> None:
    bus = Bus()
    changes = [record(1, "PENDING"), record(2, "CONFIRMED", "PENDING"), record(3, "PENDING", "PENDING"), record(4, "FAILED", "PENDING")]
    deleted = {"eventID": "x", "eventName": "REMOVE", "dynamodb": {"SequenceNumber": "5", "OldImage": {}}}
    assert announcer(bus).announce([*changes, record(6, "REJECTED", "PENDING", reason="OutOfStock"), deleted]) == []
    assert bus.sent == [
        ("order-1", "OrderReceived"),
        ("order-2", "OrderConfirmed"),
        ("order-4", "OrderFailed"),
        ("order-6", "OrderRejected"),
    ]
    entry = bus.requests[0][-1]
    assert (entry["EventBusName"].rsplit("/", 1)[-1], entry["Source"]) == ("shop", "shop")
    assert json.loads(entry["Detail"]) == {
        "order_id": "order-6",
        "status": "REJECTED",
        "reason": "OutOfStock",
        "customer": "ada",
        "at": "now",
        "event_id": "event-6",
        "order": {"note": ""},
    }


def test_a_status_that_somebody_has_set_by_hand_holds_no_other_order_back(capsys: pytest.CaptureFixture[str]) -> None:
    bus = Bus()
    assert announcer(bus).announce([record(1, "CANCELLED", "CONFIRMED"), record(2, "PENDING")]) == []
    assert bus.sent == [("order-2", "OrderReceived")]
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"level": "ERROR", "message": "an unknown status is not announced", "record": "1", "error": "CANCELLED"}


def test_what_the_bus_refuses_is_where_the_stream_goes_on() -> None:
    bus = Bus("order-13")
    assert announcer(bus).announce([record(number, "PENDING") for number in range(30)]) == ["13"]
    assert len(bus.sent) == 20, "ten events in a request, and none after the one that was refused"


def test_large_orders_are_sent_in_requests_that_the_bus_takes() -> None:
    bus = Bus()
    assert announcer(bus).announce([record(number, "PENDING", size=60_000) for number in range(10)]) == []
    assert [len(request) for request in bus.requests] == [3, 3, 3, 1]


# Whole orders.


@pytest.fixture
def account() -> Any:
    with interpreter({}) as found:
        yield found


def stores(account: Interpreter, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The example's functions over moto, where nothing fails."""
    dynamodb = client("dynamodb")
    for one in graph().of_type("aws:dynamodb/table:Table"):
        table_by_id(dynamodb, one.outputs["name"], one.inputs["hashKey"])
    # The seed is one of fair weather.
    shop = Shop(5, monkeypatch, dynamodb)
    for name, function in shop.world.functions.items():
        account.functions[name] = function
    return shop


@pytest.mark.parametrize(
    ("order", "end", "status", "reason"),
    [
        (ORDER, "SUCCEEDED", "CONFIRMED", None),
        ({**ORDER, "lines": [{"sku": "table", "count": 99}]}, "SUCCEEDED", "REJECTED", "OutOfStock"),
        ({**ORDER, "payment_method": "declined"}, "SUCCEEDED", "REJECTED", "Declined"),
        ({name: ORDER[name] for name in ("lines", "payment_method")}, "FAILED", "FAILED", None),
    ],
)
def test_an_order_goes_its_way_and_the_simulation_goes_the_same(
    account: Interpreter, monkeypatch: pytest.MonkeyPatch, order: dict[str, Any], end: str, status: str, reason: str | None
) -> None:
    shop = stores(account, monkeypatch)
    document = {"order_id": "a" * 32, "customer": "ada", "fingerprint": "f", "order": order}
    execution = account.run(definition(), document)
    assert execution.status == end
    table = graph().named("shop-stores-orders-table").outputs["name"]
    item = client("dynamodb").get_item(TableName=table, Key={"order_id": {"S": "a" * 32}})["Item"]
    assert (item["status"]["S"], item.get("reason", {}).get("S") or None) == (status, reason)
    assert json.loads(item["order"]["S"]) == order
    shown = said(entrance_module().Entrance(client("dynamodb"), client("stepfunctions"), table, MACHINE).answer(get("a" * 32)))
    assert (shown[0], shown[1]["status"], shown[1].get("reason")) == (200, status, reason)
    assert sum(cents for _, cents in shop.bank.movements) == (19_800 if status == "CONFIRMED" else 0)
    other = Shop(5, monkeypatch)
    other.weather.rate, other.weather.sick = 0.0, None
    world: World = other.world
    world.start("a" * 32, document)
    world.run()
    assert world.entered["a" * 32] == execution.states
