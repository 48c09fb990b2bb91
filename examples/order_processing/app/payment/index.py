"""Payments: the customer pays what the stock says the order costs, once, and gets it back once.

The service's table has the log of its steps, so that no payment is taken after it was given back. The provider is called through its
circuit.

Put the provider of yours into ``Provider``. What the service needs of it is a payment in two steps, each idempotent: one that is created
has moved no money, and one that is cancelled cannot be confirmed any more. Stripe's PaymentIntents are such payments, and the
authorizations of most others.
"""

import json
import os
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
from cloudpatterns_runtime.breaker import CircuitBreaker, client_config
from cloudpatterns_runtime.saga import StepLog

_SECONDS = 4


class Declined(Exception):
    """The customer's bank refuses: the order is rejected."""


class Provider:
    """A provider with JSON over HTTP. Yours has credentials, too: read them from Secrets Manager, never from the environment."""

    def create(self, key: str, cents: int, method: str) -> str:
        """The payment of this key, which is created when it is not there. No money moves."""
        return self._post("/payments", {"amount": cents, "method": method}, key)["id"]

    def confirm(self, payment: str) -> None:
        """Takes the money, once.

        :raises Declined: where the bank refuses.
        """
        self._post(f"/payments/{payment}/confirm", {}, f"{payment}-confirm")

    def cancel(self, payment: str) -> None:
        """Refunds the money, once, or keeps the payment from ever being confirmed."""
        self._post(f"/payments/{payment}/cancel", {}, f"{payment}-cancel")

    def _post(self, path: str, body: dict[str, Any], key: str) -> Any:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        request = Request(os.environ["PAYMENT_URL"] + path, json.dumps(body).encode(), headers)
        try:
            with urlopen(request, timeout=_SECONDS) as answer:
                return json.load(answer)
        except HTTPError as error:
            if error.code == 402:
                raise Declined(path) from None
            raise


def is_failure(error: Exception) -> bool:
    """What opens the circuit: no connection, no answer in time, and answers from 500 on. A declined card is an answer."""
    return isinstance(error, OSError) and getattr(error, "code", 500) >= 500


CHARGES = StepLog(boto3.client("dynamodb"), table=os.environ["TABLE_NAME"], step="Charge")
CIRCUIT = CircuitBreaker.from_environment(boto3.client("dynamodb", config=client_config()), "payment", count_on=is_failure)
PROVIDER = Provider()


def handler(event: dict[str, Any], _context: Any) -> Any:
    """Charges an order, or refunds it."""
    order_id, cents = event["order_id"], event["steps"]["Reserve"]["cents"]
    return {"Charge": charge, "Refund": refund}[event["action"]](order_id, cents, event["order"]["payment_method"])


def charge(order_id: str, cents: int, method: str) -> dict[str, Any]:
    """Takes the money: the order's id is the payment's key, so that it is one payment however often this comes."""

    def pay() -> dict[str, Any]:
        payment = CIRCUIT.call(PROVIDER.create, order_id, cents, method)
        CIRCUIT.call(PROVIDER.confirm, payment)
        return {"payment": payment, "cents": cents}

    return CHARGES.call(order_id, pay)


def refund(order_id: str, cents: int, method: str) -> dict[str, bool]:
    """Gives the money back, or keeps an attempt that is under way from taking it."""

    def cancel(result: dict[str, Any] | None) -> None:
        # Whether an attempt has created it, nobody knows: under the same key it is the same payment.
        payment = CIRCUIT.call(PROVIDER.create, order_id, cents, method) if result is None else result["payment"]
        CIRCUIT.call(PROVIDER.cancel, payment)

    return {"refunded": CHARGES.take_back(order_id, cancel)}
