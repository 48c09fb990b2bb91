from typing import Any

import pytest
from cloudpatterns.blocks import FargateSize, fargate_problems, task_memory_mib, task_vcpus
from cloudpatterns.core import Arguments


def _checked(**given: Any) -> FargateSize:
    size: Any = given
    return Arguments(FargateSize).check("work", size)


def _pairs(units: int) -> list[int]:
    """The memory sizes that pass with the CPU, in steps of half a GiB."""
    return [mib for mib in range(512, 122_881, 512) if not [*fargate_problems(_checked(cpu_units=units, memory_mib=mib))]]


@pytest.mark.parametrize(
    ("units", "vcpus", "number", "least", "most"),
    [
        (256, "0.25", 3, 512, 2048),
        (512, "0.5", 4, 1024, 4096),
        (1024, "1", 7, 2048, 8192),
        (2048, "2", 13, 4096, 16_384),
        (4096, "4", 23, 8192, 30_720),
        (8192, "8", 12, 16_384, 61_440),
        (16_384, "16", 12, 32_768, 122_880),
    ],
)
def test_cpu_and_memory_are_paired_as_fargate_pairs_them(units: int, vcpus: str, number: int, least: int, most: int) -> None:
    pairs = _pairs(units)
    assert (len(pairs), pairs[0], pairs[-1]) == (number, least, most)
    assert task_vcpus(_checked(cpu_units=units)) == vcpus
    assert task_memory_mib(_checked(cpu_units=units)) == least
    assert [*fargate_problems(_checked(cpu_units=units))] == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            {"memory_mib": 4096},
            "is 4096; Fargate has 512, 1024 or 2048 MiB for 256 CPU units. Set it to 2048, or cpu_units to 512.",
        ),
        (
            {"cpu_units": 1024, "memory_mib": 1024},
            "is 1024; Fargate has 2048 to 8192 MiB in steps of 1024 for 1024 CPU units. Set it to 2048.",
        ),
        (
            {"cpu_units": 8192, "memory_mib": 20_000},
            "is 20000; Fargate has 16384 to 61440 MiB in steps of 4096 for 8192 CPU units. Set it to 20480.",
        ),
    ],
)
def test_a_pair_that_fargate_does_not_have_is_refused_with_the_next_one(given: dict[str, int], reason: str) -> None:
    assert [*fargate_problems(_checked(**given), "jobs.resize.")] == [("jobs.resize.memory_mib", reason)]
