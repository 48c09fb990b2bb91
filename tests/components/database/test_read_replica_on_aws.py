"""The function that removes the readers of Aurora Auto Scaling: at deletion alone, autoscaling's alone, and every one."""

from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from cloudpatterns.database.read_replica.on_aws import index

DELETE = {"cluster_id": "orders", "tf": {"action": "delete", "prev_input": {"cluster_id": "orders"}}}
FIRST, SECOND = "application-autoscaling-1", "application-autoscaling-2"


class Gone(Exception):
    """As RDS's errors."""


class Busy(Exception):
    """As RDS's errors."""


class ClusterGone(Exception):
    """As RDS's errors."""


class FakeRds:
    """A cluster whose instances change once at each pause, as RDS's do after minutes."""

    exceptions = SimpleNamespace(
        DBClusterNotFoundFault=ClusterGone,
        DBInstanceNotFoundFault=Gone,
        InvalidDBInstanceStateFault=Busy,
        InvalidDBClusterStateFault=Busy,
    )

    def __init__(self, **states: str):
        self.states = {name.replace("_", "-"): state for name, state in states.items()}
        self.writer = next(iter(self.states))
        self.calls: list[str] = []
        self.busy = 0
        self.steps = {"creating": "available", "available": "available"}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_db_instances"
        return self

    def paginate(self, Filters: list[Any]) -> Any:
        assert Filters == [{"Name": "db-cluster-id", "Values": ["orders"]}]
        return [{"DBInstances": [{"DBInstanceIdentifier": name, "DBInstanceStatus": state}]} for name, state in self.states.items()]

    def describe_db_clusters(self, DBClusterIdentifier: str) -> Any:
        if not self.writer:
            raise ClusterGone
        members = [{"DBInstanceIdentifier": name, "IsClusterWriter": name == self.writer} for name in self.states]
        return {"DBClusters": [{"DBClusterIdentifier": DBClusterIdentifier, "DBClusterMembers": members}]}

    def failover_db_cluster(self, DBClusterIdentifier: str) -> None:
        self.calls.append("failover")
        if self.busy:
            self.busy -= 1
            raise Busy
        self.writer = next(name for name in self.states if not name.startswith("application-autoscaling-"))

    def delete_db_instance(self, DBInstanceIdentifier: str, SkipFinalSnapshot: bool) -> None:
        assert SkipFinalSnapshot
        self.calls.append(f"delete {DBInstanceIdentifier}")
        if DBInstanceIdentifier not in self.states:
            raise Gone
        if self.states[DBInstanceIdentifier] == "creating":
            raise Busy
        self.states[DBInstanceIdentifier] = "deleting"

    def pause(self, seconds: float) -> None:
        assert seconds == 15
        self.states = {name: self.steps[state] for name, state in self.states.items() if state != "deleting"}


def run(rds: FakeRds, event: Any = DELETE, minutes: int = 15) -> Any:
    left = iter(range(minutes * 60_000, -100_000, -15_000))
    return index.handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: next(left)), rds, rds.pause)


def test_readers_of_autoscaling_go_and_others_stay() -> None:
    rds = FakeRds(orders_a="available", orders_b="available", application_autoscaling_1="available", application_autoscaling_2="creating")
    assert run(rds) == {"deleted": [FIRST, SECOND]}
    assert list(rds.states) == ["orders-a", "orders-b"]
    # The second one was not there yet; one that goes is not deleted twice.
    assert rds.calls == [f"delete {FIRST}", f"delete {SECOND}", f"delete {SECOND}"]


@pytest.mark.parametrize("action", ["create", "update"])
def test_readers_stay_while_the_component_does(action: str) -> None:
    rds = FakeRds(orders_a="available", application_autoscaling_1="available")
    assert run(rds, {**DELETE, "tf": {"action": action}}) == {"deleted": []}
    assert rds.calls == []


def test_a_second_run_finds_nothing_left_to_do() -> None:
    rds = FakeRds(orders_a="available")
    assert run(rds) == {"deleted": []}
    assert rds.calls == []


def test_a_writer_of_autoscaling_hands_over_first() -> None:
    rds = FakeRds(application_autoscaling_1="available", orders_a="available")
    rds.busy = 1
    assert run(rds) == {"deleted": [FIRST]}
    assert rds.calls == ["failover", "failover", f"delete {FIRST}"]
    assert rds.writer == "orders-a"


def test_a_writer_of_autoscaling_goes_where_no_other_instance_is_left() -> None:
    rds = FakeRds(application_autoscaling_1="available")
    assert run(rds) == {"deleted": [FIRST]}
    assert rds.calls == [f"delete {FIRST}"]


def test_what_vanishes_meanwhile_is_no_error() -> None:
    rds = FakeRds(orders_a="available", application_autoscaling_1="available")
    page, rds.writer = rds.paginate, ""
    pages = iter([page([{"Name": "db-cluster-id", "Values": ["orders"]}]), []])
    rds.paginate = lambda Filters: next(pages)
    rds.states = {}
    assert run(rds) == {"deleted": [FIRST]}


def test_readers_that_are_left_at_the_end_are_an_error_with_what_to_do() -> None:
    rds = FakeRds(orders_a="available", application_autoscaling_1="creating")
    rds.steps = {"creating": "creating", "available": "available"}
    with pytest.raises(TimeoutError) as caught:
        run(rds)
    assert str(caught.value) == (
        "cluster orders still has readers of Aurora Auto Scaling: application-autoscaling-1 (creating). Run the update again."
    )


def test_the_calls_are_those_of_rds(moto_account: None) -> None:
    rds = boto3.client("rds", "eu-west-1")
    rds.create_db_cluster(
        DBClusterIdentifier="orders", Engine="aurora-postgresql", MasterUsername="dbadmin", MasterUserPassword="no-secret"
    )
    for name in ("orders-a", FIRST):
        rds.create_db_instance(
            DBInstanceIdentifier=name, DBClusterIdentifier="orders", DBInstanceClass="db.r6g.large", Engine="aurora-postgresql"
        )
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    assert index.handler(DELETE, context, rds, lambda _: None) == {"deleted": [FIRST]}
    assert [instance["DBInstanceIdentifier"] for instance in rds.describe_db_instances()["DBInstances"]] == ["orders-a"]
    # As botocore names them; it knows no others.
    assert {name for name in ("DBClusterNotFoundFault", "InvalidDBInstanceStateFault") if hasattr(rds.exceptions, name)} == {
        "DBClusterNotFoundFault",
        "InvalidDBInstanceStateFault",
    }
