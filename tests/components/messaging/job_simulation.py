"""Runs arrivals of jobs against the scaling of a recorded graph: CloudWatch's minutes and delay, alarms, policies, the group, the guards.

What is AWS's is modelled as it is documented, and where that leaves something open, to the disadvantage of the jobs. The guards are real,
on folders. https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-scaling-target-tracking.html
"""

import itertools
import json
import math
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cloudpatterns.messaging.job_observer.on_aws.job_guard import HOOK, Guard
from offline_preview.graph import Graph

TICK_SECONDS = 5
_GROWING, _SHRINKING, _SLACK = 3, 15, 0.9
"""Datapoints of a minute above the target, and below nine tenths of it, after which target tracking acts."""


@dataclass(frozen=True)
class Scaling:
    """What the graph says of scaling."""

    min_size: int
    max_size: int
    warmup: float
    refresh: str
    target: float
    backlog: str
    start: str | None
    threshold: float
    steps: Sequence[Mapping[str, Any]]
    hook_timeout: float | None
    hook_name: str

    def but(self, **changes: Any) -> "Scaling":
        """The same with a mistake."""
        return replace(self, **changes)


def scaling_of(graph: Graph) -> Scaling:
    """Reads the scaling of a ``JobObserver`` from its graph."""
    group = graph.one("aws:autoscaling/group:Group").inputs
    policies = {one.inputs["policyType"]: one for one in graph.of_type("aws:autoscaling/policy:Policy")}
    tracking = policies["TargetTrackingScaling"].inputs["targetTrackingConfiguration"]
    metrics = {one["id"]: one for one in tracking["customizedMetricSpecification"]["metrics"]}
    _check_metrics(metrics)
    [result] = [one for one in metrics.values() if one["returnData"]]
    [hook] = graph.of_type("aws:autoscaling/lifecycleHook:LifecycleHook")
    assert hook.inputs["lifecycleTransition"] == "autoscaling:EC2_INSTANCE_TERMINATING"
    steps = policies.get("StepScaling")
    start, threshold, adjustments = None, 0.0, ()
    if steps is not None:
        [alarm] = [
            one.inputs
            for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
            if steps.outputs["arn"] in (one.inputs.get("alarmActions") or ())
        ]
        assert (alarm["comparisonOperator"], alarm["evaluationPeriods"]) == ("GreaterThanThreshold", 1)
        [start] = [query["expression"] for query in alarm["metricQueries"] if query.get("returnData")]
        assert {query["metric"]["period"] for query in alarm["metricQueries"] if "metric" in query} == {60}
        threshold, adjustments = alarm["threshold"], steps.inputs["stepAdjustments"]
        assert steps.inputs["adjustmentType"] == "ChangeInCapacity"
    return Scaling(
        min_size=int(group["minSize"]),
        max_size=int(group["maxSize"]),
        warmup=float(group["defaultInstanceWarmup"]),
        refresh=group["instanceRefresh"]["preferences"]["scaleInProtectedInstances"],
        target=float(tracking["targetValue"]),
        backlog=result["expression"],
        start=start,
        threshold=float(threshold),
        steps=adjustments,
        hook_timeout=float(hook.inputs["heartbeatTimeout"]),
        hook_name=hook.inputs["name"],
    )


def _check_metrics(metrics: Mapping[str, Any]) -> None:
    """The ids of the expression stand for the metrics that the simulation gives them."""
    names = {key: one["metricStat"]["metric"]["metricName"] for key, one in metrics.items() if "metricStat" in one}
    assert names == {
        "visible": "ApproximateNumberOfMessagesVisible",
        "running": "ApproximateNumberOfMessagesNotVisible",
        "workers": "GroupInServiceInstances",
    }


def evaluate(expression: str, values: Mapping[str, float]) -> float | None:
    """An expression of metric math; None where it has no value, as at a division by zero."""
    functions = {"IF": lambda condition, yes, no: yes if condition else no, "FILL": lambda value, other: other if value is None else value}
    # IF has both sides evaluated, and a side that has no value does no harm.
    try:
        return eval(expression, {"__builtins__": {}}, {**functions, **values})
    except ZeroDivisionError:
        return None


@dataclass
class Job:
    """A message."""

    arrived: float
    seconds: float
    started: float | None = None
    hidden_until: float = 0.0
    receives: int = 0


@dataclass(eq=False)
class Instance:
    """An instance with its guard and a worker that runs one job at a time."""

    number: int
    launched: float
    in_service: float
    guard: Guard
    folder: Path
    state: str = "Pending"
    protected: bool = False
    stopped: bool = False
    job: Job | None = None
    ends: float = 0.0
    gone_at: float = math.inf
    last: float = math.inf
    old: bool = False


@dataclass
class Report:
    """What came of a run."""

    waits: list[float] = field(default_factory=list)
    killed: int = 0
    done: int = 0
    left: int = 0
    returned: int = 0
    sizes: list[int] = field(default_factory=list)
    replaced: int = 0
    refresh_failed: bool = False
    receives: int = 0
    """Most receives of a job."""

    def text(self) -> str:
        """The figures in one line."""
        waits = sorted(self.waits) or [0.0]
        return (
            f"{self.done} jobs, {self.killed} killed, {self.returned} returned, {self.receives} receives at most, "
            f"wait: most {waits[-1]:.0f} s, "
            f"95 % {waits[int(0.95 * (len(waits) - 1))]:.0f} s, instances: most {max(self.sizes)}, at the end {self.sizes[-1]}"
        )


class Simulation:
    """One run. ``guarded`` False is a worker that does not protect its instance."""

    def __init__(
        self,
        scaling: Scaling,
        folder: Path,
        *,
        start_seconds: float = 90,
        visibility_seconds: float = 300,
        guarded: bool = True,
        heartbeats: bool = True,
        terminate_at: Mapping[float, str] | None = None,
        delay_minutes: int = 1,
    ) -> None:
        self._scaling, self._folder = scaling, folder
        self._start_seconds, self._visibility, self._guarded, self._heartbeats = start_seconds, visibility_seconds, guarded, heartbeats
        self._events = sorted((terminate_at or {}).items())
        self._delay = delay_minutes
        self._refreshed = math.inf
        self._now, self._numbers = 0.0, itertools.count(1)
        self._desired = scaling.min_size
        self._instances: list[Instance] = []
        self._jobs: deque[Job] = deque()
        self._in_flight: list[Job] = []
        self._minutes: list[dict[str, float]] = []
        self.report = Report()

    def run(self, arrivals: Sequence[tuple[float, float]], until: float) -> Report:
        """``arrivals`` are times and lengths of jobs."""
        coming = deque(sorted(arrivals))
        while self._now < until:
            while coming and coming[0][0] <= self._now:
                at, seconds = coming.popleft()
                self._jobs.append(Job(at, seconds))
            self._show_again()
            self._happen()
            self._settle()
            for instance in list(self._instances):
                self._work(instance)
            if self._now % 60 == 0:
                self._minute()
            self._now += TICK_SECONDS
        self.report.left = len(self._jobs) + len(self._in_flight)
        return self.report

    # The queue.

    def _show_again(self) -> None:
        for job in [one for one in self._in_flight if one.hidden_until <= self._now]:
            self._in_flight.remove(job)
            self._jobs.appendleft(job)

    # CloudWatch and the policies.

    def _minute(self) -> None:
        in_service = [one for one in self._instances if one.state == "InService"]
        self._minutes.append({"visible": len(self._jobs), "running": len(self._in_flight), "workers": len(in_service)})
        self.report.sizes.append(len(self._instances))
        known = self._minutes[: len(self._minutes) - self._delay]
        if known:
            self._track(known)
            self._start(known[-1])

    def _track(self, known: Sequence[Mapping[str, float]]) -> None:
        scaling = self._scaling
        values = [evaluate(scaling.backlog, point) for point in known[-_SHRINKING:]]
        recent = values[-_GROWING:]
        if len(recent) == _GROWING and all(value is not None and value > scaling.target for value in recent):
            self._resize(max(self._desired, self._wanted(known[-1], values[-1])))
        # It does not shrink while instances warm up.
        quiet = len(values) == _SHRINKING and all(value is not None and value < _SLACK * scaling.target for value in values)
        if quiet and not any(self._warms_up(one) for one in self._instances):
            self._resize(min(self._desired, self._wanted(known[-1], values[-1])))

    def _wanted(self, point: Mapping[str, float], value: float | None) -> int:
        """The capacity at which the metric would be at its target."""
        return math.ceil(point["workers"] * (value or 0) / self._scaling.target)

    def _start(self, point: Mapping[str, float]) -> None:
        scaling = self._scaling
        value = None if scaling.start is None else evaluate(scaling.start, point)
        if value is None or value <= scaling.threshold:
            return
        over = value - scaling.threshold
        [step] = [
            one
            for one in scaling.steps
            if float(one["metricIntervalLowerBound"]) <= over < float(one.get("metricIntervalUpperBound", math.inf))
        ]
        warm = sum(not self._warms_up(one) and one.state == "InService" for one in self._instances)
        self._resize(max(self._desired, warm + int(step["scalingAdjustment"])))

    def _resize(self, wanted: int) -> None:
        self._desired = min(max(wanted, self._scaling.min_size), self._scaling.max_size)

    def _warms_up(self, instance: Instance) -> bool:
        return instance.state in ("Pending", "InService") and self._now < instance.in_service + self._scaling.warmup

    # The group.

    def _settle(self) -> None:
        for instance in self._instances:
            if instance.state == "Pending" and self._now >= instance.in_service:
                instance.state = "InService"
        active = [one for one in self._instances if one.state in ("Pending", "InService")]
        for _ in range(self._desired - len(active)):
            self._launch()
        # The instance that has begun a job last would be the best to keep: take the youngest, to the disadvantage of jobs.
        free = [one for one in reversed(active) if one.state == "InService" and not one.protected]
        for instance in free[: max(0, len(active) - self._desired)]:
            self._terminate(instance)

    def _launch(self) -> None:
        number = next(self._numbers)
        folder = self._folder / str(number)
        at = self._now + self._start_seconds
        guard = Guard(
            folder,
            lambda arguments: self._autoscaling(number, arguments),
            lambda path: self._metadata(number, path),
            lambda: self._now,
            lambda owner: True,
            self._scaling.hook_timeout or 300,
        )
        self._instances.append(Instance(number, self._now, at, guard, folder))

    def _terminate(self, instance: Instance) -> None:
        timeout = self._scaling.hook_timeout
        if instance.state == "Terminating":
            return
        instance.state = "Terminating"
        instance.gone_at = self._now if timeout is None else self._now + timeout
        instance.last = self._now + min(100 * (timeout or 0), 172_800)

    def _happen(self) -> None:
        """An instance refresh or a failed health check, and the end of instances whose time is up."""
        while self._events and self._events[0][0] <= self._now:
            _, what = self._events.pop(0)
            if what == "refresh":
                self._refreshed = self._now
                for instance in self._instances:
                    instance.old = True
            else:
                busy = [one for one in self._instances if one.state == "InService" and one.job is not None]
                for instance in busy[:1]:
                    self.report.replaced += 1
                    self._terminate(instance)
        for instance in self._instances:
            waits = instance.protected and self._scaling.refresh == "Wait"
            if instance.old and instance.state == "InService" and not waits and self._scaling.refresh != "Ignore":
                self.report.replaced += 1
                self._terminate(instance)
        # It waits for an hour at a protected instance, and then fails.
        if self._now > self._refreshed + 3600 and any(one.old and one.state == "InService" for one in self._instances):
            self.report.refresh_failed = True
        for instance in [one for one in self._instances if one.state == "Terminating" and self._now >= min(one.gone_at, one.last)]:
            self._instances.remove(instance)
            self.report.killed += instance.job is not None

    # The instance.

    def _work(self, instance: Instance) -> None:
        if instance.state == "Pending":
            return
        job = instance.job
        if job is not None:
            job.hidden_until = self._now + self._visibility
            if self._now >= instance.ends:
                self._in_flight.remove(job)
                self.report.done += 1
                instance.job = None
                instance.guard.release("job")
        if instance.job is None and not instance.stopped and self._jobs:
            self._receive(instance)
        # The worker is faster: the guard may not have seen yet that the instance goes.
        if self._guarded and (instance.protected or instance.state == "Terminating"):
            instance.guard.look(lambda: self._stop(instance))

    def _receive(self, instance: Instance) -> None:
        job = self._jobs.popleft()
        job.receives += 1
        self.report.receives = max(self.report.receives, job.receives)
        if self._guarded and not instance.guard.protect("job", "worker"):
            # The contract: return the message, and receive no more.
            self._jobs.appendleft(job)
            self.report.returned += 1
            instance.stopped = True
            return
        if job.started is None:
            job.started = self._now
            self.report.waits.append(self._now - job.arrived)
        job.hidden_until = self._now + self._visibility
        self._in_flight.append(job)
        instance.job, instance.ends = job, self._now + job.seconds

    def _stop(self, instance: Instance) -> bool:
        instance.stopped = True
        return instance.job is None

    # What the guard calls.

    def _find(self, number: int) -> Instance:
        return next(one for one in self._instances if one.number == number)

    def _metadata(self, number: int, path: str) -> str:
        if path == "meta-data/instance-id":
            return f"i-{number}"
        assert path == "meta-data/autoscaling/target-lifecycle-state"
        return "Terminated" if self._find(number).state == "Terminating" else "InService"

    def _autoscaling(self, number: int, arguments: Sequence[str]) -> str:
        action, instance = arguments[0], self._find(number)
        if action == "describe-auto-scaling-instances":
            return "group\n"
        assert f"i-{number}" in arguments
        if action == "set-instance-protection":
            if instance.state != "InService":
                raise subprocess.CalledProcessError(254, "aws", stderr="ValidationError: is not in InService")
            instance.protected = "--protected-from-scale-in" in arguments
        elif self._scaling.hook_name != arguments[arguments.index("--lifecycle-hook-name") + 1]:
            raise subprocess.CalledProcessError(254, "aws", stderr="ValidationError: no active lifecycle action")
        elif action == "record-lifecycle-action-heartbeat":
            if self._heartbeats:
                instance.gone_at = self._now + (self._scaling.hook_timeout or 0)
        elif action == "complete-lifecycle-action":
            instance.gone_at = self._now
        else:
            raise AssertionError(json.dumps(arguments))
        return ""


def steadily(start: float, end: float, every: float, length: Callable[[int], float]) -> Iterator[tuple[float, float]]:
    """A job ``every`` so many seconds; lengths are a function of its number."""
    for number in range(int((end - start) / every)):
        yield start + number * every, length(number)


__all__ = ["HOOK", "Report", "Scaling", "Simulation", "evaluate", "scaling_of", "steadily"]
