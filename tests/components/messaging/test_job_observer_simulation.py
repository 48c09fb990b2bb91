"""Arrivals of jobs against the scaling as it is deployed: no job is killed, and waiting stays below the bound that is stated here.

A job waits for ``most_wait_seconds`` at most, and, where the group must grow first, for the four minutes until three datapoints have
arrived, one more until they are evaluated, and the start of an instance. From no instance one datapoint is enough.
"""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.messaging import JobObserver

from tests.components.messaging.job_simulation import Report, Scaling, Simulation, evaluate, scaling_of, steadily
from tests.harness import record

START_SECONDS = 90
REACTION_SECONDS = 300
HOUR = 3600
ARGS: dict[str, Any] = {
    "job_seconds": 60,
    "most_wait_seconds": 300,
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "security_group_ids": ["sg-1"],
}
WORKERS: dict[str, Any] = {"instance_types": ["c7g.large"], "image_id": "ami-0123", "min_size": 0, "max_size": 20}


def scaling(workers: Any = None, **args: Any) -> Scaling:
    arguments: Any = {**ARGS, "workers": {**WORKERS, **(workers or {})}, **args}
    return scaling_of(record(lambda: JobObserver("render", arguments), mode="deployed"))


def bound(most_wait_seconds: float) -> float:
    return most_wait_seconds + REACTION_SECONDS + START_SECONDS


def simulate(configuration: Scaling, folder: Path, arrivals: Sequence[tuple[float, float]], hours: float, **options: Any) -> Report:
    report = Simulation(configuration, folder, start_seconds=START_SECONDS, **options).run(arrivals, hours * HOUR)
    print(report.text())
    return report


def _lengths(mean: float, seed: int) -> Any:
    drawn = random.Random(seed)
    return lambda _: min(drawn.expovariate(1 / mean), 4 * mean)


def loads() -> dict[str, tuple[list[tuple[float, float]], dict[str, Any], float]]:
    """Arrivals, arguments and hours by name."""
    short = {"job_seconds": 60, "most_wait_seconds": 300}
    slow = {"job_seconds": 1200, "most_wait_seconds": 300, "longest_job_seconds": 6000}
    return {
        "one job from zero": ([(600.0, 60.0)], short, 1),
        "a steady load from zero and back": (list(steadily(600, 2 * HOUR, 12, _lengths(60, 1))), short, 3),
        "a burst from zero": ([(600.0, 60.0)] * 100, short, 1.5),
        "bursts on a steady load": (
            [*steadily(0, 3 * HOUR, 20, _lengths(60, 2)), *[(3000.0, 60.0)] * 80, *[(7000.0, 60.0)] * 80],
            short,
            4,
        ),
        "a load that doubles": ([*steadily(0, HOUR, 20, _lengths(60, 3)), *steadily(HOUR, 2.5 * HOUR, 10, _lengths(60, 4))], short, 3.5),
        "slow jobs": (list(steadily(300, 3 * HOUR, 180, _lengths(1200, 5))), slow, 6),
        "a burst of slow jobs": ([(300.0, 1200.0)] * 18, slow, 2),
    }


@pytest.mark.parametrize("name", list(loads()))
def test_scales_in_without_killing_running_jobs_and_no_job_waits_longer_than_the_bound(name: str, tmp_path: Path) -> None:
    arrivals, args, hours = loads()[name]
    report = simulate(scaling(**args), tmp_path, arrivals, hours)
    assert report.killed == 0
    assert (report.done, report.left) == (len(arrivals), 0)
    assert report.receives < 5
    assert max(report.waits) <= bound(args["most_wait_seconds"])
    # Back to none.
    assert report.sizes[-1] == 0
    assert max(report.sizes) <= WORKERS["max_size"]


@pytest.mark.parametrize("what", ["refresh", "failed health check"])
def test_what_terminates_instances_otherwise_waits_for_their_jobs(what: str, tmp_path: Path) -> None:
    arrivals = list(steadily(300, 2 * HOUR, 120, lambda _: 1200.0))
    configuration = scaling(job_seconds=1200, longest_job_seconds=6000)
    report = simulate(configuration, tmp_path, arrivals, 4, terminate_at={3000: what, 5000: what})
    assert report.replaced >= 2
    assert report.killed == 0
    assert report.left == 0
    assert not report.refresh_failed
    # None goes to the dead-letter queue because it was returned, whose limit is 5.
    assert report.receives < 5


def test_a_refresh_that_waited_for_protected_instances_would_fail(tmp_path: Path) -> None:
    """Why it does not: a worker that is always busy is always protected, and a refresh waits for an hour."""
    arrivals = list(steadily(300, 3 * HOUR, 120, lambda _: 1200.0))
    configuration = scaling(job_seconds=1200, longest_job_seconds=6000).but(refresh="Wait")
    assert simulate(configuration, tmp_path, arrivals, 3, terminate_at={3000: "refresh"}).refresh_failed


def test_several_small_groups_keep_their_least_size(tmp_path: Path) -> None:
    report = simulate(scaling({"min_size": 2}), tmp_path, [(600.0, 60.0)] * 3, 1.5)
    assert (report.sizes[-1], report.killed) == (2, 0)
    # Two are there: only the third job waits, for one job.
    assert max(report.waits) <= 60 + 5


BROKEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "without a guard": ({}, {"guarded": False}),
    "without a hook": ({"hook_timeout": None}, {"terminate_at": {3000: "failed health check"}}),
    "without heartbeats": ({}, {"heartbeats": False, "terminate_at": {3000: "failed health check"}}),
    "with another hook's name": ({"hook_name": "other"}, {"terminate_at": {3000: "failed health check"}}),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_the_simulation_sees_jobs_that_are_killed(name: str, tmp_path: Path) -> None:
    changes, options = BROKEN[name]
    configuration = scaling(job_seconds=1200, longest_job_seconds=6000).but(**changes)
    arrivals = [*[(300.0, 1200.0)] * 6, *[(300.0, 3000.0)] * 2]
    assert simulate(configuration, tmp_path, arrivals, 3, **options).killed > 0


def test_the_simulation_sees_jobs_that_wait_for_ever_or_too_long(tmp_path: Path) -> None:
    never = simulate(scaling().but(start=None), tmp_path / "never", [(600.0, 60.0)] * 5, 1)
    assert (never.done, never.left) == (0, 5)
    slow = simulate(scaling().but(target=60.0), tmp_path / "slow", [*steadily(600, 2 * HOUR, 12, _lengths(60, 1))], 4)
    assert max(slow.waits) > bound(300)
    small = simulate(scaling({"max_size": 2}), tmp_path / "small", [(600.0, 60.0)] * 100, 2)
    assert max(small.waits) > bound(300)


def test_without_the_jobs_that_run_slow_jobs_make_the_group_jump(tmp_path: Path) -> None:
    """Why messages that are worked on count: the usual quotient, of waiting messages alone, at the target that it would have."""
    arrivals, args, hours = loads()["slow jobs"]
    target = args["most_wait_seconds"] / args["job_seconds"]
    usual = scaling(**args).but(backlog="visible / workers", target=target)
    jumping = simulate(usual, tmp_path / "usual", arrivals, hours)
    counted = simulate(scaling(**args), tmp_path / "counted", arrivals, hours)
    assert max(jumping.sizes) > max(counted.sizes)


def test_metric_math_is_evaluated_as_cloudwatch_does() -> None:
    assert evaluate("(visible + running) / workers", {"visible": 3, "running": 1, "workers": 2}) == 2
    assert evaluate("(visible + running) / workers", {"visible": 3, "running": 1, "workers": 0}) is None
    assert evaluate("IF(FILL(workers, 0) < 1, visible, 0)", {"visible": 3, "workers": 0}) == 3
    assert math.isclose(scaling().target, 6)
