"""Moves an Elastic IP from an instance that fails to the other one, if that is healthy: the function that `FloatingIp` makes.

It runs when EC2 reports that either instance stops, when an alarm of either changes and every minute besides. It never trusts the event:
each time it looks where the address is and how both instances are, so events that come twice, late or not at all do no harm, and a second
run finds nothing left to do. Invoked by hand with `{"move_to": "<instance id>"}` it moves the address for maintenance, to a healthy
instance only.
"""

import importlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


class Server(NamedTuple):
    """One of the two instances, with the interface that takes the address and the alarm that watches it."""

    instance_id: str
    interface_id: str
    alarm_name: str


def handler(
    event: Mapping[str, Any], _context: object, ec2: Any = None, cloudwatch: Any = None, now: datetime | None = None
) -> dict[str, Any]:
    """Puts the address where it belongs and says which instance has it (none: null) and whether it was moved.

    :raises ValueError: ``move_to`` names neither instance, or one that is not healthy.
    :raises RuntimeError: the address is on an interface that is neither instance's; somebody else's is left alone.
    """
    # Lambda's runtime brings boto3 along.
    ec2 = ec2 or importlib.import_module("boto3").client("ec2")
    cloudwatch = cloudwatch or importlib.import_module("boto3").client("cloudwatch")
    allocation_id = os.environ["ALLOCATION_ID"]
    servers = [Server(**server) for server in json.loads(os.environ["SERVERS"])]
    holder = _holder(ec2, allocation_id, servers)
    look = _Look(ec2, cloudwatch, servers, datetime.now(UTC) if now is None else now)
    target = _asked(look, servers, event["move_to"]) if "move_to" in event else _needed(look, servers, holder)
    if target is None or target == holder:
        return {"instance_id": holder.instance_id if holder else None, "moved": False}
    # One call: it takes the address off the other interface, so there is no moment in which it is on neither by our doing.
    ec2.associate_address(AllocationId=allocation_id, NetworkInterfaceId=target.interface_id, AllowReassociation=True)
    _log.warning("moved %s from %s to %s", allocation_id, holder.instance_id if holder else "nowhere", target.instance_id)
    return {"instance_id": target.instance_id, "moved": True}


def _holder(ec2: Any, allocation_id: str, servers: Sequence[Server]) -> Server | None:
    address = ec2.describe_addresses(AllocationIds=[allocation_id])["Addresses"][0]
    interface_id = address.get("NetworkInterfaceId")
    if interface_id is None:
        return None
    for server in servers:
        if server.interface_id == interface_id:
            return server
    raise RuntimeError(f"{allocation_id} is on {interface_id}, which is neither instance's; it is left there")


def _asked(look: "_Look", servers: Sequence[Server], instance_id: str) -> Server:
    for server in servers:
        if server.instance_id == instance_id:
            if not look.is_healthy(server):
                raise ValueError(f"{instance_id} is not healthy; the address stays")
            return server
    raise ValueError(f"{instance_id} is neither of {', '.join(server.instance_id for server in servers)}")


def _needed(look: "_Look", servers: Sequence[Server], holder: Server | None) -> Server | None:
    """The instance that should have the address instead, if any: the order of the servers decides when it is on neither."""
    fault = "the address is on neither instance" if holder is None else look.fault(holder)
    if fault is None:
        return None
    for server in servers:
        if server != holder and look.is_healthy(server):
            _log.warning(fault)
            return server
    _log.error("%s, and no other instance is healthy", fault)
    return None


class _Look:
    """How the instances are, by their alarms, by EC2 and by their own metric: an alarm alone needs minutes to see that data stops."""

    def __init__(self, ec2: Any, cloudwatch: Any, servers: Sequence[Server], now: datetime):
        self._ec2, self._cloudwatch, self._now = ec2, cloudwatch, now
        found = cloudwatch.describe_alarms(AlarmNames=[server.alarm_name for server in servers], AlarmTypes=["MetricAlarm"])
        self._alarms = {alarm["AlarmName"]: alarm["StateValue"] for alarm in found["MetricAlarms"]}

    def fault(self, server: Server) -> str | None:
        """Why an instance has failed, or None."""
        state, checks = self._ec2_status(server)
        if state != "running":
            return f"{server.instance_id} is {state}"
        if "impaired" in checks:
            return f"{server.instance_id} fails the status checks of EC2"
        if self._alarms.get(server.alarm_name) == "ALARM":
            return f"{server.instance_id} fails"
        return f"{server.instance_id} sends no data" if self._is_silent(server) else None

    def is_healthy(self, server: Server) -> bool:
        """Whether everything says so; an instance that has just started, or of which nothing is known yet, is not."""
        return (
            self._alarms.get(server.alarm_name) == "OK"
            and self._ec2_status(server) == ("running", ("ok", "ok"))
            and not self._is_silent(server)
        )

    def _ec2_status(self, server: Server) -> tuple[str, tuple[str, ...]]:
        """The state of an instance and its two status checks; without ``IncludeAllInstances`` the answer has only those that run."""
        try:
            found = self._ec2.describe_instance_status(InstanceIds=[server.instance_id], IncludeAllInstances=True)["InstanceStatuses"]
        except Exception as error:
            # botocore's ClientError, which this file does not import: an instance is forgotten an hour after its end.
            if getattr(error, "response", {}).get("Error", {}).get("Code") != "InvalidInstanceID.NotFound":
                raise
            found = []
        if not found:
            return "gone", ()
        return found[0]["InstanceState"]["Name"], (found[0]["InstanceStatus"]["Status"], found[0]["SystemStatus"]["Status"])

    def _is_silent(self, server: Server) -> bool:
        """Whether the last data point of the instance's own metric is older than the minutes that it may fail."""
        metric = json.loads(os.environ.get("HEALTH_METRIC", "null"))
        if metric is None:
            return False
        minute = self._now.replace(second=0, microsecond=0)
        found = self._cloudwatch.get_metric_statistics(
            Namespace=metric["namespace"],
            MetricName=metric["metric_name"],
            Dimensions=[{"Name": "InstanceId", "Value": server.instance_id}],
            StartTime=minute - timedelta(minutes=metric["failover_minutes"]),
            EndTime=minute + timedelta(minutes=1),
            Period=60,
            Statistics=["SampleCount"],
        )
        return not found["Datapoints"]
