"""Moves an Elastic IP from an instance that fails to the other one, if that is healthy: the function that `FloatingIp` makes.

It runs when an alarm of either instance changes and every minute besides. It never trusts the event: each time it looks where the address
is and how both instances are, so events that come twice, late or not at all do no harm, and a second run finds nothing left to do.
Invoked by hand with `{"move_to": "<instance id>"}` it moves the address for maintenance, to a healthy instance only.
"""

import importlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


class Server(NamedTuple):
    """One of the two instances, with the interface that takes the address and the alarm that watches it."""

    instance_id: str
    interface_id: str
    alarm_name: str


def handler(event: Mapping[str, Any], _context: object, ec2: Any = None, cloudwatch: Any = None) -> dict[str, Any]:
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
    states = _alarm_states(cloudwatch, servers)
    target = _asked(ec2, states, servers, event["move_to"]) if "move_to" in event else _needed(ec2, states, servers, holder)
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


def _alarm_states(cloudwatch: Any, servers: Sequence[Server]) -> dict[str, str]:
    found = cloudwatch.describe_alarms(AlarmNames=[server.alarm_name for server in servers], AlarmTypes=["MetricAlarm"])
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found["MetricAlarms"]}


def _asked(ec2: Any, states: Mapping[str, str], servers: Sequence[Server], instance_id: str) -> Server:
    for server in servers:
        if server.instance_id == instance_id:
            if not _healthy(ec2, states, server):
                raise ValueError(f"{instance_id} is not healthy; the address stays")
            return server
    raise ValueError(f"{instance_id} is neither of {', '.join(server.instance_id for server in servers)}")


def _needed(ec2: Any, states: Mapping[str, str], servers: Sequence[Server], holder: Server | None) -> Server | None:
    """The instance that should have the address instead, if any: the order of the servers decides when it is on neither."""
    if holder is not None and states.get(holder.alarm_name) != "ALARM":
        return None
    for server in servers:
        if _healthy(ec2, states, server):
            return server
    _log.error("%s, and no other instance is healthy", f"{holder.instance_id} fails" if holder else "the address is on neither instance")
    return None


def _healthy(ec2: Any, states: Mapping[str, str], server: Server) -> bool:
    """Whether the alarm is content, and EC2 as well: an alarm needs minutes to see an instance stop."""
    if states.get(server.alarm_name) != "OK":
        return False
    # Instances that do not run are not in the answer.
    found = ec2.describe_instance_status(InstanceIds=[server.instance_id])["InstanceStatuses"]
    return any(status["InstanceStatus"]["Status"] == status["SystemStatus"]["Status"] == "ok" for status in found)
