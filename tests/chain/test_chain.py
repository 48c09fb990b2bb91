"""No message is lost or processed twice in effect, whatever fails on the way: the network, payments, processes, a subscriber.

It takes a minute: messages wait for visibility timeouts, an outage opens the circuit, and two dead-letter queues are redriven. Nothing else
shows that the components, the sample contract of a handler and the runtime library hold together.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from offline_preview.graph import Graph

from tests.chain.payments import Payments, payments_service
from tests.chain.program import EFFECTS, SUBSCRIBERS, program
from tests.emulators.apis import call, serve_rest
from tests.emulators.deployed import Deployed, redrive
from tests.emulators.faults import Faults, faulty_network
from tests.emulators.ministack import MiniStack, ministack, missing
from tests.emulators.tables import table_by_id
from tests.harness import record
from tests.program import ROOT

ORDERS = 60
SECONDS = 240


class Chain(NamedTuple):
    """The running chain."""

    server: MiniStack
    deployed: Deployed
    api: str
    payments: Payments
    faults: Faults

    def queue_names(self) -> list[str]:
        """The queues, without those for what failed."""
        return ["orders-queue", *(f"paid-{name}-queue" for name in SUBSCRIBERS)]

    def count(self, name: str) -> int:
        """Messages in a queue, those that are being processed included."""
        attributes = self.server.client("sqs").get_queue_attributes(QueueUrl=self.deployed.urls[name], AttributeNames=["All"])
        return sum(int(attributes["Attributes"][key]) for key in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"))

    def effects(self) -> Counter[str]:
        """How many orders each subscriber has done."""
        items = self.server.client("dynamodb").scan(TableName=EFFECTS)["Items"]
        return Counter(item["id"]["S"].split(" ")[0] for item in items if "is broken" not in item["id"]["S"])

    def send(self, order: str) -> int:
        """Sends an order as a client does that got no answer: again, until it gets one; how often."""
        for attempt in range(1, 20):
            if self.faults.draw() != "refused":
                response = call(self.server, self.api, "POST", "/orders", {"id": order, "amount": 100})
                if response.status == 202 and self.faults.draw() == "passed":
                    return attempt
        raise AssertionError(f"{order} was never accepted")


def until(what: str, holds: Callable[[], bool], chain: Chain) -> None:
    """Waits until something holds.

    :raises AssertionError: when it does not within the time of the test, with the end of the server's log.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < SECONDS:
        if holds():
            return
        time.sleep(0.5)
    counts = {name: (chain.count(name), chain.count(f"{name}-dead-letters")) for name in chain.queue_names()}
    raise AssertionError(f"{what}: {counts}, {chain.effects()}\n{chain.server.log.read_text(errors='replace')[-4000:]}")


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    if reason := missing():
        pytest.skip(reason)
    payments, faults = Payments(7, flaky=0.1), Faults(11, refused=0.05, lost=0.05)
    with ministack() as server, payments_service(payments) as payments_url, faulty_network(server.url, faults) as network:
        graph: Graph = record(lambda: program(payments_url), mode="deployed")
        dynamodb = server.client("dynamodb")
        table_by_id(dynamodb, EFFECTS)
        environment = {"CRASHES": "0.02", "AWS_ENDPOINT_URL": network}
        deployed = Deployed(graph, server.client, folder=ROOT, environment=environment)
        yield Chain(server, deployed, serve_rest(server, deployed.graph), payments, faults)


def test_no_message_is_lost_or_processed_twice_in_effect(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    dynamodb, sqs = chain.server.client("dynamodb"), chain.server.client("sqs")
    dynamodb.put_item(TableName=EFFECTS, Item={"id": {"S": "mail is broken"}})
    orders = [f"order-{number}" for number in range(ORDERS)]
    requests = 0
    for number, order in enumerate(orders):
        # Payments are down for the middle third.
        chain.payments.down = ORDERS // 3 <= number < 2 * ORDERS // 3
        requests += chain.send(order)
    chain.payments.down = True
    until("orders are parked during the outage", lambda: chain.count("orders-queue-dead-letters") > 0, chain)
    refused_while_down = chain.payments.requests["refused"]
    chain.payments.down = False
    until("the queue of orders drains", lambda: chain.count("orders-queue") == 0, chain)
    redriven = Counter[str]()
    while chain.count("orders-queue-dead-letters"):
        redriven["orders"] += redrive(sqs, chain.deployed.urls["orders-queue-dead-letters"], chain.deployed.urls["orders-queue"])
        until("redriven orders drain", lambda: chain.count("orders-queue") == 0, chain)
    until("each order is shipped, although mail is broken", lambda: chain.effects()["shipping"] == ORDERS, chain)
    until("mails are parked", lambda: chain.count("paid-mail-queue-dead-letters") > 0 and chain.count("paid-mail-queue") == 0, chain)
    assert chain.effects()["mail"] == 0
    dynamodb.delete_item(TableName=EFFECTS, Key={"id": {"S": "mail is broken"}})
    for name in SUBSCRIBERS:
        while chain.count(f"paid-{name}-queue-dead-letters"):
            redriven[name] += redrive(
                sqs, chain.deployed.urls[f"paid-{name}-queue-dead-letters"], chain.deployed.urls[f"paid-{name}-queue"]
            )
            until(f"redriven messages of {name} drain", lambda name=name: chain.count(f"paid-{name}-queue") == 0, chain)

    assert chain.effects() == {"shipping": ORDERS, "mail": ORDERS}
    assert set(chain.payments.charged) == set(orders)
    assert set(chain.payments.charged.values()) == {1}
    left = {name: chain.count(name) for name in chain.deployed.urls if chain.deployed.urls[name]}
    assert set(left.values()) == {0}, left
    log = chain.server.log.read_text(errors="replace")
    figures = {
        "orders": ORDERS,
        "requests to the API": requests,
        "requests to AWS refused, answers lost": (chain.faults.counts["refused"], chain.faults.counts["lost"]),
        "requests to payments": dict(chain.payments.requests),
        "refused while payments were down": refused_while_down,
        "processes killed": log.count("crashed "),
        "repeated effects absorbed": log.count("repeated "),
        "circuit opened, probed, closed": [log.count(f'"Name": "{name}"') for name in ("Opened", "Probes", "Closed")],
        "redriven": dict(redriven),
    }
    with capsys.disabled():
        print(f"\nchain: {json.dumps(figures)}")
