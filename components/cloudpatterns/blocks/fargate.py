"""What services of ECS and jobs of Batch on Fargate share: images, the sizes that AWS pairs, and the rights to start a task."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Problem, Statement, partition_of

# MiB of memory by CPU units.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
_GIB = 1024
_MEMORY_MIB = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16_384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}

_ECR = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+?/([^:@\s]+)")

ContainerImage = Annotated[
    pulumi.Input[str],
    # A port in the registry's name is no tag; latest is one that changes.
    Matches(
        r"[^\s@]+(@sha256:[0-9a-f]{64}|:(?!latest$)[\w][\w.-]{0,127})",
        "an image by its digest or by a tag other than latest, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:2027.1",
    ),
]
"""An image of a registry."""


class FargateSize(TypedDict):
    """CPU, memory, disk and processor of a task."""

    cpu_units: NotRequired[Annotated[int, Choice(*_MEMORY_MIB, description="CPU units that Fargate has:"), Field(default=256)]]
    """CPU of the task; 1024 units are one vCPU."""
    memory_mib: NotRequired[Annotated[int, Field(ge=512, le=120 * _GIB)]]
    """Memory of the task, one of the sizes that Fargate has for ``cpu_units``. Default: the least of them, two GiB a vCPU."""
    ephemeral_storage_gib: NotRequired[Annotated[int, Field(ge=21, le=200)]]
    """Disk of the task, which goes with it. Default: Fargate's 20 GiB."""
    architecture: NotRequired[Annotated[str, Choice("arm64", "x86_64"), Field(default="arm64")]]
    """Instruction set of the image."""


def task_memory_mib(size: FargateSize) -> int:
    """The memory, given or the least that Fargate has for the CPU."""
    given = size.get("memory_mib")
    return _MEMORY_MIB[size["cpu_units"]][0] if given is None else given


def task_vcpus(size: FargateSize) -> str:
    """The CPU as Batch has it: ``0.25``, ``4``."""
    return f"{size['cpu_units'] / _GIB:g}"


def fargate_problems(size: FargateSize, path: str = "") -> Iterator[Problem]:
    """A memory that Fargate does not pair with the CPU; ``path`` is where the size stands among the arguments, with a dot behind it."""
    units, memory = size["cpu_units"], task_memory_mib(size)
    allowed = _MEMORY_MIB[units]
    if memory in allowed:
        return
    near = min(allowed, key=lambda one: (one < memory, abs(one - memory)))
    words = f"{allowed[0]} to {allowed[-1]} MiB in steps of {allowed[1] - allowed[0]}" if units > 256 else "512, 1024 or 2048 MiB"
    more = next((one for one, sizes in _MEMORY_MIB.items() if one > units and memory in sizes), None)
    instead = f", or cpu_units to {more}" if more else ""
    yield f"{path}memory_mib", f"is {memory}; Fargate has {words} for {units} CPU units. Set it to {near}{instead}."


def pull_statements(images: Iterable[pulumi.Input[str]], log_group_arn: pulumi.Output[str]) -> list[Statement]:
    """What an execution role needs to pull images of Amazon ECR, and to write what the containers print to a log group.

    Other registries need no rights. An image that is known after its creation only is taken for one of ECR.
    """
    logs = Statement(
        sid="Logs",
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[pulumi.Output.concat(log_group_arn, ":*")],
    )
    return [logs, *image_statements(images, log_group_arn)]


def image_statements(images: Iterable[pulumi.Input[str]], arn: pulumi.Output[str]) -> list[Statement]:
    """What pulls those of the images that are in ECR, in the partition of an ARN; an image that is known later may be there."""
    given = [*images]
    known = dict.fromkeys(image for image in given if isinstance(image, str) and _ECR.match(image))
    ecr = [*known, *(image for image in given if not isinstance(image, str))]
    if not ecr:
        return []
    partition = partition_of(arn)
    layers = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    repositories = [pulumi.Output.all(partition, image).apply(lambda found: _repository_arn(*found)) for image in ecr]
    return [
        # It has no resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        Statement(sid="RegistryLogin", actions=["ecr:GetAuthorizationToken"], resources=["*"]),
        Statement(sid="Images", actions=layers, resources=repositories),
    ]


def _repository_arn(partition: str, image: str) -> str:
    found = _ECR.match(image)
    # Of another registry after all: a repository that nobody can have.
    account, region, name = found.groups() if found else ("000000000000", "*", "none")
    return f"arn:{partition}:ecr:{region}:{account}:repository/{name}"
