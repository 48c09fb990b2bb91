"""A DynamoDB global table with eventual consistency: a table of moto in each Region, and replication that takes its time.

Each write is judged by its own Region alone. Its item travels whole to the others, in any order and at any time, and stays where nothing
later is: the rule of DynamoDB (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html).
"""

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3

from tests.emulators.tables import table_by_id


@dataclass
class GlobalTableModel:
    """A table whose one key is the text ``id``, in some Regions of moto."""

    name: str
    regions: Sequence[str]
    _clients: dict[str, Any] = field(init=False)
    _clock: Any = field(init=False, default_factory=lambda: itertools.count(1))
    _written: dict[tuple[str, str], int] = field(init=False, default_factory=dict)
    """When each Region's item was written, wherever that was."""
    _travelling: list[tuple[str, str, int, Any]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._clients = {region: boto3.client("dynamodb", region_name=region) for region in self.regions}
        for client in self._clients.values():
            table_by_id(client, self.name)

    def client(self, region: str) -> Any:
        """The client of a function in a Region."""
        return _Client(self, region, self._clients[region])

    def items(self, region: str) -> dict[str, Any]:
        """What a Region has."""
        return {item["id"]["S"]: item for item in self._clients[region].scan(TableName=self.name)["Items"]}

    def wrote(self, region: str, key: str) -> None:
        """Sends what a Region has just written to the others."""
        when = next(self._clock)
        self._written[region, key] = when
        item = self._clients[region].get_item(TableName=self.name, Key={"id": {"S": key}})["Item"]
        self._travelling += [(other, key, when, item) for other in self.regions if other != region]

    def deliver(self, choose: random.Random, number: int | None = None, to: str | None = None) -> None:
        """Lets some of what travels arrive, or all, at a Region or anywhere."""
        waiting = [one for one in self._travelling if to in (None, one[0])]
        choose.shuffle(waiting)
        for one in waiting[:number]:
            self._travelling.remove(one)
            region, key, when, item = one
            if when > self._written.get((region, key), 0):
                self._written[region, key] = when
                self._clients[region].put_item(TableName=self.name, Item=item)

    def agree(self) -> bool:
        """Whether all Regions have the same."""
        return len({json.dumps(self.items(region), sort_keys=True) for region in self.regions}) == 1


@dataclass
class _Client:
    model: GlobalTableModel
    region: str
    client: Any

    def update_item(self, **request: Any) -> Any:
        response = self.client.update_item(**request)
        self.model.wrote(self.region, request["Key"]["id"]["S"])
        return response

    def put_item(self, **request: Any) -> Any:
        response = self.client.put_item(**request)
        self.model.wrote(self.region, request["Item"]["id"]["S"])
        return response

    def get_item(self, **request: Any) -> Any:
        return self.client.get_item(**request)

    def batch_get_item(self, **request: Any) -> Any:
        return self.client.batch_get_item(**request)
