"""Profiles: read where the request arrives, changed in the home Region of each, and visits counted in all Regions."""

import functools
import json
from collections.abc import Mapping
from typing import Any

import boto3
from cloudpatterns_runtime.home_region import ElsewhereError, HomeItems, RegionalCounter


@functools.cache
def client() -> Any:
    """The client of this Region."""
    return boto3.client("dynamodb")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The entry point, for a REST API."""
    player, method = event["pathParameters"]["id"], event["httpMethod"]
    key = {"id": {"S": f"profile#{player}"}}
    visits = RegionalCounter.from_environment(client())
    if method == "POST":
        # Each Region adds to its own part.
        visits.add(f"visits#{player}")
        return answer(204)
    profiles = HomeItems.from_environment(client())
    if method == "GET":
        item = client().get_item(TableName=profiles.table, Key=key).get("Item")
        if item is None:
            return answer(404, {"message": "there is no such profile"})
        return answer(200, {"name": item["name"]["S"], "visits": visits.value(f"visits#{player}")})
    name = name_of(event.get("body"))
    if name is None:
        return answer(400, {"message": "name is a text of 1 to 100 characters"})
    try:
        profiles.update(key, assign="#name = :name", names={"#name": "name"}, values={":name": {"S": name}})
    except ElsewhereError as elsewhere:
        # 307 keeps method and body; the client signs the request again, for the home's own name.
        return {**answer(307), "headers": {"Location": f"{elsewhere.url}/profiles/{player}"}}
    return answer(204)


def name_of(body: str | None) -> str | None:
    """The name in the body of a request, None for anything else."""
    try:
        given = json.loads(body or "")
    except ValueError:
        return None
    name = given.get("name") if isinstance(given, dict) else None
    return name if isinstance(name, str) and 1 <= len(name) <= 100 else None


def answer(status: int, body: Any = None) -> dict[str, Any]:
    """A response."""
    return {"statusCode": status, "headers": {"Cache-Control": "no-store"}, "body": "" if body is None else json.dumps(body)}
