"""Random stacks are drawn without anything on anything else, and the same each time.

Forty, beside the two of the project and the patterns of the catalogue: recording takes most of the time. Other `NUMBERS` draw more.
"""

import os
import subprocess
import sys

import pytest
from cloudpatterns_pictures.layout import layout
from cloudpatterns_pictures.stage import scene_of

from tests.pictures.geometry import loose, outside, overlapping
from tests.pictures.random_stacks import stack
from tests.program import ROOT

NUMBERS = range(40)
# In two further processes: each of them loads the SDK and records examples anew.
AGAIN = (1, 3, 4, 5)


@pytest.mark.parametrize("tens", range(0, len(NUMBERS), 10))
def test_nothing_lies_on_anything_else(tens: int) -> None:
    bad = []
    for number in NUMBERS[tens : tens + 10]:
        scene = scene_of(stack(number))
        placed = layout(scene)
        bad += [(number, problem) for problem in (*overlapping(scene, placed), *outside(scene, placed), *loose(scene, placed))]
    assert bad == []


def test_processes_whose_sets_are_ordered_differently_draw_the_same() -> None:
    first, second = (_digests(seed) for seed in ("1", "2"))
    assert first == second
    assert len(first.splitlines()) == len(AGAIN)


def _digests(seed: str) -> str:
    command = [sys.executable, "-m", "tests.pictures.random_stacks", *map(str, AGAIN)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True).stdout
