"""The folders of the packs, for what takes a pack by its folder: ``python -m cloudpatterns_policies.packs security`` prints one.

.. code-block:: sh

    pack=$(python -m cloudpatterns_policies.packs security)
    pulumi preview --policy-pack "$pack" --policy-pack-config "$pack/prod.json"

The wheel has a copy of each folder, which ``setup.py`` makes. Without a name, the command lists all packs.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

NAMES: Final = ("security", "operations", "acceptance")
"""The packs."""
_HERE: Final = Path(__file__).parent
# In a wheel as data; in the repository, the packs are beside the library.
_PLACES: Final = (_HERE / "pack-folders", _HERE.parent)


class PackError(Exception):
    """There is no such pack here. The text is for the user."""


def folder(name: str) -> Path:
    """The folder of a pack. Raises ``PackError`` when there is no pack of this name, or its files are not complete."""
    if name not in NAMES:
        raise PackError(f"there is no policy pack {name!r}; the packs are {', '.join(NAMES)}")
    found = next((place / name for place in _PLACES if (place / name / "PulumiPolicy.yaml").is_file()), None)
    if found is None:
        raise PackError(f"the files of the policy pack {name} are not in {_HERE}. Install the wheel of cloudpatterns-policies again")
    launcher = found.parent / "launcher" / "bin" / "python"
    if not os.access(launcher, os.X_OK):
        # The CLI would wait for the pack without a word.
        raise PackError(f"{launcher} is not executable. Install the wheel of cloudpatterns-policies again, with pip or uv")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the folder of a pack, or the names and folders of all. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m cloudpatterns_policies.packs", description="Print the folder of a policy pack, for `pulumi --policy-pack`."
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help=f"one of {', '.join(NAMES)}; default: list all")
    wanted = parser.parse_args(arguments)
    try:
        if wanted.name:
            print(folder(wanted.name))
        else:
            for name in NAMES:
                print(f"{name:<12}{folder(name)}")
    except PackError as error:
        print(f"error: {error}.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
