"""Adds to an event which team looks after its customer. Yours asks your own directory."""

from collections.abc import Mapping
from typing import Any

_TEAMS = {"acme": "Large accounts", "globex": "Public sector"}
_LARGE = "acme"


def handler(request: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The context of an event; a warning of a large customer is an error."""
    event = request["event"]
    details = event["details"] if isinstance(event["details"], dict) else {}
    customer = details.get("customer")
    if customer not in _TEAMS:
        return {}
    severity = "error" if customer == _LARGE and event["severity"] == "warning" else event["severity"]
    return {"context": {"team": _TEAMS[customer]}, "severity": severity}
