"""The "account" of the stand-in: its resources, in an SQLite file, and the requests that it refuses.

One file is one account; several processes may use it at once. Values of secrets are not written, only a digest that shows whether they
have changed. A journal keeps every change, so that a test can say what was made twice or left behind.
"""

import hashlib
import ipaddress
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from offline_preview.provider_facts import naming_of
from offline_preview.values import Secret, from_json, to_json

from sandbox import facts

_SECRET: Final = "digest-of-a-secret"
_TABLES: Final = """
create table if not exists resources (
  kind text not null, region text not null, id text not null, urn text not null, inputs text not null, outputs text not null,
  primary key (kind, region, id)
);
create table if not exists journal (
  number integer primary key, operation text not null, kind text not null, id text not null, urn text not null
);
create table if not exists invented (function text primary key);
"""


class RefusedError(Exception):
    """AWS refuses the request. The text is the provider's message."""


@dataclass(frozen=True)
class Living:
    """One resource of the account."""

    kind: str
    id: str
    urn: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def name(self) -> str:
        """The logical name in the program."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Entry:
    """One line of the journal; ``operation`` is create, update or delete."""

    operation: str
    kind: str
    id: str
    urn: str


class Cloud:
    """The account in a file, or without one in memory, and empty at every start."""

    def __init__(self, file: Path | None = None) -> None:
        self._database = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False, timeout=60)
        # A killed process loses nothing; only a power failure could, which is acceptable here.
        self._database.execute("pragma synchronous = off")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def living(self, kind: str | None = None, region: str | None = None) -> list[Living]:
        """The resources, in the order of creation; optionally of one type and in one region."""
        found = self._database.execute(
            "select kind, id, urn, inputs, outputs from resources"
            " where (?1 is null or kind = ?1) and (?2 is null or region = ?2) order by rowid",
            (kind, region),
        )
        return [Living(kind, identity, urn, json.loads(inputs), json.loads(outputs)) for kind, identity, urn, inputs, outputs in found]

    def journal(self) -> list[Entry]:
        """Every change since the account was opened."""
        return [Entry(*row) for row in self._database.execute("select operation, kind, id, urn from journal order by number")]

    def read(self, kind: str, region: str, identity: str) -> Living | None:
        """The resource with this id, or None when there is none."""
        found = self._database.execute(
            "select kind, id, urn, inputs, outputs from resources where kind = ? and region = ? and id = ?", (kind, region, identity)
        ).fetchone()
        return found and Living(*found[:3], json.loads(found[3]), json.loads(found[4]))

    def create(self, kind: str, region: str, urn: str, made: tuple[str, Mapping[str, Any], Mapping[str, Any]]) -> None:
        """Creates a resource. Raises ``RefusedError`` when AWS would refuse it."""
        identity, inputs, outputs = made
        with self._transaction():
            replaced = self.read(kind, region, identity) if kind in facts.PUTS else None
            self._refuse_alike(kind, region, inputs, replaced)
            self._refuse_dead(kind, region, inputs)
            self._write("create", kind, region, identity, urn, inputs, outputs)

    def update(self, kind: str, region: str, urn: str, made: tuple[str, Mapping[str, Any], Mapping[str, Any]]) -> None:
        """Updates a resource. Raises ``RefusedError`` when it does not exist, or AWS would refuse it."""
        identity, inputs, outputs = made
        with self._transaction():
            before = self.read(kind, region, identity)
            if before is None:
                raise RefusedError(f"NotFound: {_noun(kind)} {identity} does not exist")
            self._refuse_alike(kind, region, inputs, before)
            self._write("update", kind, region, identity, urn, inputs, outputs)

    def delete(self, kind: str, region: str, identity: str) -> None:
        """Deletes a resource; a missing one counts as deleted. Raises ``RefusedError`` while another resource uses it."""
        with self._transaction():
            found = self.read(kind, region, identity)
            if found is None:
                return
            protected, code = facts.PROTECTED.get(kind, ("", ""))
            if found.inputs.get(protected) is True:
                raise RefusedError(f"{code}: {_noun(kind)} {identity} cannot be deleted while {protected} is on")
            for holder in self._holders(found, region):
                code = facts.IN_USE.get(kind.split("/")[0], "DependencyViolation")
                raise RefusedError(f"{code}: {_noun(kind)} {identity} is in use by {_noun(holder.kind)} {holder.id}")
            self._database.execute("delete from resources where kind = ? and region = ? and id = ?", (kind, region, identity))
            self._note("delete", kind, identity, found.urn)

    def unprotect(self) -> list[str]:
        """Switches deletion protection off, as an operator does in the console; the names of what had it."""
        found = []
        for one in self.living():
            protected = facts.PROTECTED.get(one.kind, ("",))[0]
            if one.inputs.get(protected) is True:
                inputs = json.dumps({**one.inputs, protected: False})
                self._database.execute("update resources set inputs = ? where kind = ? and id = ?", (inputs, one.kind, one.id))
                found.append(one.name)
        return found

    def ask(self, function: str) -> None:
        """Notes that a data source was answered with an invented result."""
        self._database.execute("insert or ignore into invented values (?)", (function,))

    def invented(self) -> list[str]:
        """The data sources with invented results."""
        return [function for (function,) in self._database.execute("select function from invented order by function")]

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._database)

    def _write(
        self, operation: str, kind: str, region: str, identity: str, urn: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]
    ) -> None:
        self._database.execute(
            "insert into resources values (?, ?, ?, ?, ?, ?)"
            " on conflict do update set urn = excluded.urn, inputs = excluded.inputs, outputs = excluded.outputs",
            (kind, region, identity, urn, json.dumps(_kept(inputs)), json.dumps(_kept(outputs))),
        )
        self._note(operation, kind, identity, urn)

    def _note(self, operation: str, kind: str, identity: str, urn: str) -> None:
        self._database.execute(
            "insert into journal (operation, kind, id, urn) values (?, ?, ?, ?)",
            (operation, kind, identity, urn),
        )

    def _refuse_alike(self, kind: str, region: str, inputs: Mapping[str, Any], itself: Living | None) -> None:
        if kind == "route53/record:Record" and inputs.get("allowOverwrite") is True:
            return
        default = () if kind in facts.PUTS else (((naming_of(kind).property,), "AlreadyExists"),)
        others = [other for other in self.living(kind, region) if itself is None or other.id != itself.id]
        mine = _kept(inputs)
        for properties, code in facts.UNIQUE.get(kind, default):
            key = [mine.get(name) for name in properties]
            if key[0] is None:
                continue
            for other in others:
                if [other.inputs.get(name) for name in properties] == key:
                    shown = ", ".join(str(value) for value in key if value is not None)
                    raise RefusedError(f"{code}: {_noun(kind)} with {shown} already exists: {other.id}")
        if kind == "ec2/subnet:Subnet":
            _refuse_overlap(mine, others)

    def _refuse_dead(self, kind: str, region: str, inputs: Mapping[str, Any]) -> None:
        """Refuses references to deleted resources. Ids that were never in this account may be real ones."""
        for path, target in facts.HOLDS.get(kind, {}).items():
            for value in _at(inputs, path.split(".")):
                dead = self._database.execute(
                    "select 1 from journal where kind = ? and id = ? and operation = 'delete'", (target, value)
                ).fetchone()
                if dead and self.read(target, region, str(value)) is None:
                    raise RefusedError(f"NotFound: {_noun(target)} {value} does not exist")

    def _holders(self, found: Living, region: str) -> Iterator[Living]:
        names = {found.id, found.outputs.get("arn"), found.outputs.get("name")} - {None}
        for kind, paths in facts.HOLDS.items():
            wanted = [path.split(".") for path, target in paths.items() if target == found.kind]
            for holder in self.living(kind, region) if wanted else ():
                # A rule of a group is deleted with the group.
                if any(value in names for path in wanted for value in _at(holder.inputs, path)) and (
                    holder.inputs.get("securityGroupId") != found.id
                ):
                    yield holder
        if found.kind == "ec2/internetGateway:InternetGateway":
            yield from self._public_addresses(found.inputs.get("vpcId"), region)

    def _public_addresses(self, vpc: Any, region: str) -> Iterator[Living]:
        """Resources with a public address in a VPC; its gateway cannot be detached before they are deleted."""
        subnets = {subnet.id for subnet in self.living("ec2/subnet:Subnet", region) if subnet.inputs.get("vpcId") == vpc}
        interfaces = {
            interface.id
            for interface in self.living("ec2/networkInterface:NetworkInterface", region)
            if interface.inputs.get("subnetId") in subnets
        }
        for address in self.living("ec2/eip:Eip", region):
            if address.inputs.get("networkInterface") in interfaces:
                yield address
        for gateway in self.living("ec2/natGateway:NatGateway", region):
            if gateway.inputs.get("subnetId") in subnets and gateway.inputs.get("allocationId"):
                yield gateway
        for balancer in self.living("lb/loadBalancer:LoadBalancer", region):
            if not balancer.inputs.get("internal") and subnets.intersection(_at(balancer.inputs, ["subnets"])):
                yield balancer


class _Transaction:
    """Other processes wait; an exception rolls back."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self._database.execute("commit" if kind is None else "rollback")


def restored(kept: Any, known: Any) -> Any:
    """The values read from the account, with the secrets that the reader already has."""
    if isinstance(kept, dict):
        if _SECRET in kept:
            return known if isinstance(known, Secret) else Secret("")
        inside = known.value if isinstance(known, Secret) else known
        return {name: restored(item, inside.get(name) if isinstance(inside, dict) else None) for name, item in kept.items()}
    if isinstance(kept, list):
        inside = known if isinstance(known, list) and len(known) == len(kept) else [None] * len(kept)
        return [restored(item, other) for item, other in zip(kept, inside, strict=True)]
    return from_json(kept)


def _kept(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_SECRET: hashlib.sha256(json.dumps(to_json(value)).encode()).hexdigest()}
    if isinstance(value, Mapping):
        return {name: _kept(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_kept(item) for item in value]
    return to_json(value)


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """The values at a dotted path; lists in between are searched."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _refuse_overlap(mine: Mapping[str, Any], others: list[Living]) -> None:
    if not isinstance(mine.get("cidrBlock"), str):
        return
    network = ipaddress.ip_network(mine["cidrBlock"])
    for other in others:
        theirs = other.inputs.get("cidrBlock")
        if other.inputs.get("vpcId") == mine.get("vpcId") and theirs and network.overlaps(ipaddress.ip_network(theirs)):
            raise RefusedError(f"InvalidSubnet.Conflict: {network} overlaps with {theirs} of subnet {other.id}")


def _noun(kind: str) -> str:
    return kind.rpartition(":")[2]
