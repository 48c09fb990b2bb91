"""Sizes of Fargate's tasks: the CPU and memory that AWS pairs, for services of ECS and jobs of Batch alike."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

from pydantic import Field

from cloudpatterns.core import Choice, Problem

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
