"""Deletes the readers that Aurora Auto Scaling added to a cluster, when the component goes: they would keep the cluster from being deleted.

Pulumi invokes it when the component is created, changed and deleted, and waits. It ends when the last of these readers is gone. An error
ends the update: run it again.
"""

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Integrating.AutoScaling.html
PREFIX = "application-autoscaling-"
PAUSE_SECONDS = 15
# What remains for an answer before Lambda ends the function.
MARGIN_MILLISECONDS = 30_000

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


def handler(event: Mapping[str, Any], context: Any, rds: Any = None, pause: Callable[[float], None] = time.sleep) -> dict[str, list[str]]:
    """Deletes at ``delete`` alone, and returns the names of the readers that there were.

    :raises TimeoutError: Lambda's time is up, and readers are left.
    """
    if event["tf"]["action"] != "delete":
        return {"deleted": []}
    # Lambda's runtime brings boto3 along.
    rds = rds or importlib.import_module("boto3").client("rds")
    cluster_id: str = event["cluster_id"]
    met: set[str] = set()
    while True:
        readers = _readers(rds, cluster_id)
        met |= set(readers)
        if not readers:
            return {"deleted": sorted(met)}
        if context.get_remaining_time_in_millis() < MARGIN_MILLISECONDS:
            states = ", ".join(f"{name} ({state})" for name, state in sorted(readers.items()))
            raise TimeoutError(f"cluster {cluster_id} still has readers of Aurora Auto Scaling: {states}. Run the update again.")
        if not _hand_over(rds, cluster_id):
            for name, state in readers.items():
                _delete(rds, name, state)
        pause(PAUSE_SECONDS)


def _readers(rds: Any, cluster_id: str) -> dict[str, str]:
    """Instances that autoscaling added, by name with their state."""
    pages = rds.get_paginator("describe_db_instances").paginate(Filters=[{"Name": "db-cluster-id", "Values": [cluster_id]}])
    instances = [instance for page in pages for instance in page["DBInstances"]]
    names = {instance["DBInstanceIdentifier"]: instance["DBInstanceStatus"] for instance in instances}
    return {name: state for name, state in names.items() if name.startswith(PREFIX)}


def _hand_over(rds: Any, cluster_id: str) -> bool:
    """Whether the writer is one of autoscaling's, after a failover, and another instance is to take over first."""
    try:
        [cluster] = rds.describe_db_clusters(DBClusterIdentifier=cluster_id)["DBClusters"]
    except rds.exceptions.DBClusterNotFoundFault:
        return False
    members = {member["DBInstanceIdentifier"]: member["IsClusterWriter"] for member in cluster["DBClusterMembers"]}
    others = sorted(name for name in members if not name.startswith(PREFIX))
    if not others or not any(writer for name, writer in members.items() if name.startswith(PREFIX)):
        return False
    try:
        # Aurora chooses the reader with the lowest promotion tier; autoscaling's have the highest, 15.
        rds.failover_db_cluster(DBClusterIdentifier=cluster_id)
        _log.info("failed over %s to one of %s", cluster_id, ", ".join(others))
    except rds.exceptions.InvalidDBClusterStateFault as error:
        _log.info("waiting for %s: %s", cluster_id, error)
    return True


def _delete(rds: Any, name: str, state: str) -> None:
    if state == "deleting":
        return
    try:
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        _log.info("deletes %s", name)
    except rds.exceptions.DBInstanceNotFoundFault:
        _log.info("%s is gone", name)
    except (rds.exceptions.InvalidDBInstanceStateFault, rds.exceptions.InvalidDBClusterStateFault) as error:
        # It is being created, or changed.
        _log.info("waiting for %s: %s", name, error)
