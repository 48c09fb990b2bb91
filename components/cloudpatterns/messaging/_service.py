"""A service of containers that works off queues, for the patterns that take one instead of a function."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.compute import ContainerService, ContainerServiceArgs, ContainerServiceOptions
from cloudpatterns.core import ArgumentError, Component, Problem, Statement, as_arguments, excludes, is_given, needs, pick
from cloudpatterns.core.vocabulary import AlarmTopicArns, SecurityGroupIds, SubnetIdsByZones, Tags

# Each has two metrics in the expression, of which Application Auto Scaling takes ten.
MOST_QUEUES = 4
_PLACE = ("subnet_ids_by_zone", "security_group_ids", "existing_cluster_arn")


class WorkerServiceOptions(TypedDict):
    """What a user tunes of a service that works off queues."""

    service: NotRequired[ContainerServiceOptions]
    """A service of containers that polls and processes the messages, see ``ContainerService``. It has the rights and the names that it
    needs, follows the backlog between ``min_tasks`` (0 stops it while there is nothing to do) and ``max_tasks``, and gets SIGTERM and
    ``stop_timeout_seconds`` to end what it has begun. Default: none."""
    messages_per_task: NotRequired[Annotated[int, Field(default=100, ge=1, le=1_000_000)]]
    """Messages, waiting or in work, for each task of ``service``: how many one handles in the time that a message may wait."""


class WorkerServiceArgs(TypedDict):
    """Where a service that works off queues stands."""

    subnet_ids_by_zone: NotRequired[SubnetIdsByZones]
    """Private subnets of the tasks. Needed with ``service``."""
    security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the tasks, which reach SQS on port 443. Needed with ``service``."""
    existing_cluster_arn: NotRequired[pulumi.Input[str]]
    """A cluster for ``service`` that is there. Default: a new one."""


class ServedQueueArgs(WorkerServiceOptions, WorkerServiceArgs):
    """What a pattern with such a service has beside it."""

    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def service_names(checked: ServedQueueArgs) -> dict[str, int]:
    """Children of the service whose names AWS limits."""
    if checked.get("service") is None:
        return {}
    return {"service-task-role": 64, "service-execution": 64, **({"service-failed": 64} if checked["alarm_topic_arns"] else {})}


def service_problems(checked: ServedQueueArgs, variables: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with a service and its place; ``variables`` are set by the pattern."""
    yield from needs(checked, "messages_per_task", "service")
    for name in _PLACE:
        yield from needs(checked, name, "service")
    service = checked.get("service")
    if service is None:
        return
    yield from needs(checked, "service", "subnet_ids_by_zone", "security_group_ids")
    yield from excludes(checked, "service", "function", "existing_function", why="one of them processes the messages")
    if service["scaling"].get("backlog") is not None:
        yield "service.scaling.backlog", "is set by messages_per_task, for the queues themselves. Leave it out."
        return
    for name in variables:
        if name in service["environment"] or name in service["secrets"]:
            yield f"service.environment.{name}", "is set by the pattern. Choose another name."
    # Ids of others are made up: what the composed component would refuse, before anything exists.
    place = {
        "subnet_ids_by_zone": {"a": "subnet-a", "b": "subnet-b"},
        "security_group_ids": ["sg-0"],
        **pick(checked, "existing_cluster_arn"),
    }
    try:
        ContainerService.check("service", {**_options(checked, ["queue"], {}, []), **place, **pick(checked, "existing_cluster_arn")})
    except ArgumentError as error:
        yield from ((f"service.{path}", reason) for path, reason in error.problems)


def worker_service(
    component: Component,
    checked: ServedQueueArgs,
    *,
    queue_names: Sequence[pulumi.Input[str]],
    environment: Mapping[str, pulumi.Input[str]],
    statements: Sequence[Statement],
    kms_key_arn: pulumi.Input[str] | None,
) -> ContainerService:
    """The service, with the rights to receive from the queues, and scaled by their messages."""
    args: ContainerServiceArgs = {
        **_options(checked, queue_names, environment, statements),
        **pick(checked, *_PLACE, "alarm_topic_arns", "tags"),
    }
    if kms_key_arn is not None:
        args["kms_key_arn"] = kms_key_arn
    return ContainerService(f"{component.pulumi_resource_name}-service", args, component.child())


def _options(
    checked: ServedQueueArgs,
    queue_names: Sequence[pulumi.Input[str]],
    environment: Mapping[str, pulumi.Input[str]],
    statements: Sequence[Statement],
) -> Any:
    service = checked.get("service")
    assert service is not None, "a service is given"
    backlog = {"queue_names": list(queue_names), "messages_per_task": checked["messages_per_task"]}
    # Where nobody changes the number, nothing scales.
    varies = service["min_tasks"] < service["max_tasks"] or is_given(service["scaling"], "scheduled_actions")
    return {
        **service,
        "environment": {**service["environment"], **environment},
        "statements": [*as_arguments(statements), *service["statements"]],
        "scaling": {**service["scaling"], **({"backlog": backlog} if varies else {})},
    }
