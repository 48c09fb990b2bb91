"""Stops and starts what has the tag of the office hours: instances, databases, Auto Scaling groups and ECS services.

Events: ``{"action": "start"}`` and ``{"action": "stop"}``, and ``{"action": "watch"}`` when what was started should run: it switches the
actions of alarms on again, which a stop switches off. Schedules add their ``scheduled_time``. Nothing in them selects a resource: the
function looks for the tag itself, and leaves alone whatever has a name of production in its environment's tag. One resource that fails
does not keep the others from their turn; the run fails in the end, and is tried again.

Environment: TAG_KEY, TAG_VALUE, ENVIRONMENT_TAG_KEY, PRODUCTION_NAMES (JSON: names in lower case), HOLIDAYS (JSON: begin and end in UTC of
each), CALENDARS (JSON: ARNs of change calendars), SIZES_PATH (of the parameters that keep sizes).
"""

import functools
import hashlib
import importlib
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

KEEP_UNTIL = "cloudpatterns:keep-until"
"""Tag with a date or time in UTC, until which a resource is not stopped."""
STALE = timedelta(minutes=45)
"""Age after which a stop is left out: the next one follows within the hour, and a start may have come between."""
_DIMENSION = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
_CHANGING = (
    *("backing-up", "configuring-associated-roles", "configuring-enhanced-monitoring", "configuring-iam-database-auth"),
    *("configuring-log-exports", "failing-over", "maintenance", "modifying", "rebooting", "renaming", "resetting-master-credentials"),
    *("scaling-compute", "storage-config-upgrade", "storage-initialization", "storage-optimization", "upgrading"),
)
"""Of databases that run: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html"""
_MOST_NAMES = 100
_SUSPENDED = {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True, "ScheduledScalingSuspended": True}

_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


class Found(NamedTuple):
    """A resource, its state (``on``, ``off``, or AWS's word for what is between), and what stops and starts it."""

    kind: str
    name: str
    tags: Mapping[str, str]
    state: str
    stop: Callable[[], object]
    start: Callable[[], object]


class Account:
    """What there is in the account and Region, by service."""

    def __init__(self, client: Callable[[str], Any], environment: Mapping[str, str]) -> None:
        self._client = client
        self._key, self._value = environment["TAG_KEY"], environment["TAG_VALUE"]
        self._environment_key, self._production = environment["ENVIRONMENT_TAG_KEY"], json.loads(environment["PRODUCTION_NAMES"])
        self._sizes = Sizes(client("ssm"), environment["SIZES_PATH"])

    def finders(self) -> dict[str, Callable[[], Iterator[Found]]]:
        """What finds the resources of each kind, in the order in which they start: servers connect to databases."""
        return {
            "cluster": self._clusters,
            "database": self._databases,
            "instance": self._instances,
            "group": self._groups,
            "service": self._services,
            "alarm": self._alarms,
        }

    def selects(self, tags: Mapping[str, str]) -> bool:
        """Whether the tags are those of the office hours, and not of production: AWS's answers are not trusted to have been filtered."""
        return tags.get(self._key) == self._value and tags.get(self._environment_key, "").lower() not in self._production

    def _instances(self) -> Iterator[Found]:
        ec2 = self._client("ec2")
        filters = [{"Name": f"tag:{self._key}", "Values": [self._value]}]
        for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
            for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                tags, name = _tags(instance.get("Tags", [])), instance["InstanceId"]
                state = {"running": "on", "stopped": "off"}.get(instance["State"]["Name"], instance["State"]["Name"])
                # A group would replace its members.
                if "aws:autoscaling:groupName" not in tags and state not in ("shutting-down", "terminated"):
                    ids = {"InstanceIds": [name]}
                    yield Found("instance", name, tags, state, _call(ec2.stop_instances, ids), _call(ec2.start_instances, ids))

    def _databases(self) -> Iterator[Found]:
        rds = self._client("rds")
        for page in rds.get_paginator("describe_db_instances").paginate():
            for database in page["DBInstances"]:
                name, state = database["DBInstanceIdentifier"], _database_state(database["DBInstanceStatus"])
                # Members are stopped with their cluster.
                if not database.get("DBClusterIdentifier"):
                    only = {"DBInstanceIdentifier": name}
                    tags = _tags(database.get("TagList", []))
                    yield Found("database", name, tags, state, _call(rds.stop_db_instance, only), _call(rds.start_db_instance, only))

    def _clusters(self) -> Iterator[Found]:
        rds = self._client("rds")
        for page in rds.get_paginator("describe_db_clusters").paginate():
            for cluster in page["DBClusters"]:
                name, state = cluster["DBClusterIdentifier"], _database_state(cluster["Status"])
                only = {"DBClusterIdentifier": name}
                tags = _tags(cluster.get("TagList", []))
                yield Found("cluster", name, tags, state, _call(rds.stop_db_cluster, only), _call(rds.start_db_cluster, only))

    def _groups(self) -> Iterator[Found]:
        scaling = self._client("autoscaling")
        for page in scaling.get_paginator("describe_auto_scaling_groups").paginate():
            # A group has a status only while it is being deleted.
            for group in (one for one in page["AutoScalingGroups"] if not one.get("Status")):
                # With a maximum above zero, scaling policies would start instances at night.
                state = "on" if group["MaxSize"] else "off"
                part = Group(scaling, self._sizes, group)
                yield Found("group", group["AutoScalingGroupName"], _tags(group.get("Tags", [])), state, part.stop, part.start)

    def _services(self) -> Iterator[Found]:
        ecs, scaling = self._client("ecs"), self._client("application-autoscaling")
        for cluster in (arn for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]):
            # DescribeServices takes ten.
            for page in ecs.get_paginator("list_services").paginate(cluster=cluster, PaginationConfig={"PageSize": 10}):
                names = page["serviceArns"]
                services = ecs.describe_services(cluster=cluster, services=names, include=["TAGS"])["services"] if names else []
                for service in (one for one in services if one["status"] == "ACTIVE"):
                    part = Service(ecs, scaling, self._sizes, service)
                    tags = {tag["key"]: tag["value"] for tag in service.get("tags", [])}
                    yield Found("service", part.resource_id, tags, "on" if service["desiredCount"] else "off", part.stop, part.start)

    def _alarms(self) -> Iterator[Found]:
        cloudwatch, tagging = self._client("cloudwatch"), self._client("resourcegroupstaggingapi")
        wanted = {"ResourceTypeFilters": ["cloudwatch:alarm"], "TagFilters": [{"Key": self._key, "Values": [self._value]}]}
        pages = tagging.get_paginator("get_resources").paginate(**wanted)
        tags = {one["ResourceARN"].partition(":alarm:")[2]: _tags(one["Tags"]) for page in pages for one in page["ResourceTagMappingList"]}
        names = [*tags]
        for first in range(0, len(names), _MOST_NAMES):
            # Composite alarms are shown to whoever may see everything alone.
            request = {"AlarmNames": names[first : first + _MOST_NAMES], "AlarmTypes": ["MetricAlarm"]}
            for page in cloudwatch.get_paginator("describe_alarms").paginate(**request):
                for alarm in page["MetricAlarms"]:
                    part, name = Alarm(cloudwatch, self._sizes, alarm), alarm["AlarmName"]
                    yield Found("alarm", name, tags[name], "on" if alarm["ActionsEnabled"] else "off", part.stop, part.start)


class Sizes:
    """Sizes from before the stop, each in a parameter: tags on the resources themselves would be drift to whoever has placed them."""

    def __init__(self, ssm: Any, path: str) -> None:
        self._ssm, self._path = ssm, path

    def save(self, arn: str, sizes: Mapping[str, Any]) -> None:
        """Keeps the sizes of a resource, in place of earlier ones."""
        value = json.dumps({"arn": arn, **sizes})
        self._ssm.put_parameter(Name=self._name(arn), Value=value, Type="String", Overwrite=True)

    def read(self, arn: str) -> dict[str, Any] | None:
        """The sizes that are kept; None where there are none."""
        try:
            return json.loads(self._ssm.get_parameter(Name=self._name(arn))["Parameter"]["Value"])
        except self._ssm.exceptions.ParameterNotFound:
            return None

    def forget(self, arn: str) -> None:
        """Deletes them, once they are restored."""
        try:
            self._ssm.delete_parameter(Name=self._name(arn))
        except self._ssm.exceptions.ParameterNotFound:
            _log.info("sizes of %s are gone already", arn)

    def _name(self, arn: str) -> str:
        # Names of groups may have characters that names of parameters may not.
        return f"{self._path}/{hashlib.sha256(arn.encode()).hexdigest()[:32]}"


class Group:
    """An Auto Scaling group, whose instances cannot be stopped: it would replace them. Its sizes become zero."""

    def __init__(self, scaling: Any, sizes: Sizes, group: Mapping[str, Any]) -> None:
        self._scaling, self._sizes, self._group = scaling, sizes, group
        self._arn = group["AutoScalingGroupARN"]

    def stop(self) -> None:
        """Keeps the sizes first: a run that ends in between is repeated."""
        self._sizes.save(self._arn, {name: self._group[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")})
        self._update(MinSize=0, MaxSize=0, DesiredCapacity=0)

    def start(self) -> None:
        """Restores the sizes; without any, or when somebody has set others, the group is left as it is."""
        kept = self._sizes.read(self._arn)
        if kept is None:
            return
        if not self._group["MaxSize"]:
            self._update(**{name: kept[name] for name in ("MinSize", "MaxSize", "DesiredCapacity")})
        self._sizes.forget(self._arn)

    def _update(self, **sizes: int) -> None:
        self._scaling.update_auto_scaling_group(AutoScalingGroupName=self._group["AutoScalingGroupName"], **sizes)


class Service:
    """An ECS service, whose number of tasks becomes zero; its scaling is suspended, which would go back to its minimum."""

    def __init__(self, ecs: Any, scaling: Any, sizes: Sizes, service: Mapping[str, Any]) -> None:
        self._ecs, self._scaling, self._sizes, self._service = ecs, scaling, sizes, service
        cluster = service["clusterArn"].rpartition("/")[2]
        self.resource_id = f"service/{cluster}/{service['serviceName']}"

    def stop(self) -> None:
        """Keeps the number of tasks and what of the scaling was suspended by others.

        :raises ValueError: for a daemon service, which has no number of tasks.
        """
        if self._service.get("schedulingStrategy") == "DAEMON":
            raise ValueError("it is a daemon service, which ends with the instances of its cluster: remove its tag")
        arn, kept = self._service["serviceArn"], self._sizes.read(self._service["serviceArn"])
        target = self._target()
        # What a stop that was interrupted has suspended is none of the others'.
        suspended = kept["suspended"] if kept else target and target.get("SuspendedState", {})
        self._sizes.save(arn, {"desired": self._service["desiredCount"], "suspended": suspended})
        if target:
            self._suspend(_SUSPENDED)
        self._update(0)

    def start(self) -> None:
        """Restores the tasks, unless somebody has started others, and then the scaling."""
        arn = self._service["serviceArn"]
        kept = self._sizes.read(arn)
        if kept is None:
            return
        if not self._service["desiredCount"]:
            self._update(kept["desired"])
        if kept["suspended"] is not None and self._target():
            self._suspend({**dict.fromkeys(_SUSPENDED, False), **kept["suspended"]})
        self._sizes.forget(arn)

    def _target(self) -> dict[str, Any] | None:
        targets = self._scaling.describe_scalable_targets(ResourceIds=[self.resource_id], **_DIMENSION)["ScalableTargets"]
        return targets[0] if targets else None

    def _suspend(self, state: Mapping[str, bool]) -> None:
        self._scaling.register_scalable_target(ResourceId=self.resource_id, SuspendedState=state, **_DIMENSION)

    def _update(self, tasks: int) -> None:
        self._ecs.update_service(cluster=self._service["clusterArn"], service=self._service["serviceArn"], desiredCount=tasks)


class Alarm:
    """An alarm, which is silent while what it watches is stopped."""

    def __init__(self, cloudwatch: Any, sizes: Sizes, alarm: Mapping[str, Any]) -> None:
        self._cloudwatch, self._sizes, self._alarm = cloudwatch, sizes, alarm
        self._name, self._arn = alarm["AlarmName"], alarm["AlarmArn"]

    def stop(self) -> None:
        """Switches its actions off, and keeps that they were on."""
        self._sizes.save(self._arn, {"actions": True})
        self._cloudwatch.disable_alarm_actions(AlarmNames=[self._name])

    def start(self) -> None:
        """Switches them on, unless others have switched them off; an alarm that is raised by then is raised anew, and tells."""
        if self._sizes.read(self._arn) is None:
            return
        self._cloudwatch.enable_alarm_actions(AlarmNames=[self._name])
        if self._alarm["StateValue"] == "ALARM":
            because = {"StateValue": "INSUFFICIENT_DATA", "StateReason": "The office hours have begun"}
            self._cloudwatch.set_alarm_state(AlarmName=self._name, **because)
        self._sizes.forget(self._arn)


def handler(
    event: Mapping[str, Any],
    context: object,
    client: Callable[[str], Any] | None = None,
    environment: Mapping[str, str] = os.environ,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, int]:
    """Stops or starts, and returns how many there were of each outcome.

    :raises RuntimeError: some failed, after all had their turn; the message has the reason of each.
    """
    action, at = event["action"], _time(event["scheduled_time"]) if "scheduled_time" in event else None
    if action not in ("start", "stop", "watch"):
        raise ValueError(f"action is {action!r}; it is start, stop or watch")
    client = client or _clients()
    if action == "stop" and at and now() - at > STALE:
        _log.info("left out: the stop of %s is too old", at)
        return {}
    # Whoever starts by hand knows that it is a holiday.
    if action != "stop" and at and (reason := holiday(at, client, environment)):
        _log.info("nothing is started: %s", reason)
        return {}
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    account = Account(client, environment)
    for kind, find in _in_turn(account.finders(), action):
        try:
            found = [one for one in find() if account.selects(one.tags)]
        except Exception as error:
            _fail(failures, f"the search for each {kind}", error)
            continue
        for one in found:
            try:
                outcome = _turn(one, action, now())
            except Exception as error:
                _fail(failures, f"{one.kind} {one.name}", error)
                outcome = "failed"
            _log.info("%s %s (%s): %s", one.kind, one.name, one.state, outcome)
            outcomes[outcome] += 1
    if failures:
        raise RuntimeError(f"the {action} failed for {len(failures)}: {'; '.join(failures)}")
    return dict(outcomes)


def _in_turn(finders: Mapping[str, Callable[[], Iterator[Found]]], action: str) -> list[tuple[str, Callable[[], Iterator[Found]]]]:
    """Whose turn it is: alarms are silent before anything stops, and until all of it should run."""
    if action == "stop":
        return [*finders.items()][::-1]
    return [(kind, find) for kind, find in finders.items() if (kind == "alarm") == (action == "watch")]


def _turn(one: Found, action: str, now: datetime) -> str:
    """What becomes of one resource."""
    if action != "stop":
        # Sizes that were kept belong to a service that somebody has started, too: its scaling is suspended.
        if one.state == "off" or (one.state == "on" and one.kind in ("alarm", "group", "service")):
            one.start()
            return "started" if one.state == "off" else "on already"
        if one.state in ("on", "pending", "starting", *_CHANGING):
            return "on already"
        raise RuntimeError(f"it is {one.state}")
    if one.state in ("off", "stopping"):
        return "off already"
    if KEEP_UNTIL in one.tags and now < _time(one.tags[KEEP_UNTIL]):
        return "kept"
    if one.state != "on":
        # It is being backed up, changed or started: the stop of the next hour finds it.
        return "later"
    one.stop()
    return "stopped"


def holiday(at: datetime, client: Callable[[str], Any], environment: Mapping[str, str]) -> str | None:
    """Why the day of a time is a holiday; None where it is none."""
    for begin, end in json.loads(environment["HOLIDAYS"]):
        if _time(begin) <= at < _time(end):
            return f"{at:%Y-%m-%d} is a holiday"
    calendars: Sequence[str] = json.loads(environment["CALENDARS"])
    if calendars:
        answer = client("ssm").get_calendar_state(CalendarNames=calendars, AtTime=f"{at:%Y-%m-%dT%H:%M:%SZ}")
        if answer["State"] == "CLOSED":
            return "a change calendar is closed"
    return None


def _fail(failures: list[str], what: str, error: Exception) -> None:
    failures.append(f"{what}: {error}")
    _log.error("%s failed: %s", what, error)


def _call(action: Callable[..., Any], parameters: Mapping[str, Any]) -> Callable[[], Any]:
    return lambda: action(**parameters)


def _database_state(status: str) -> str:
    return {"available": "on", "stopped": "off"}.get(status, status)


def _tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _clients() -> Callable[[str], Any]:
    """Clients that wait when AWS throttles them. Lambda's runtime brings boto3 along."""
    boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
    retries = config.Config(retries={"mode": "standard", "total_max_attempts": 8})
    return functools.cache(lambda service: boto3.client(service, config=retries))
