"""Policy packs on disk: where they are, which Python runs them, which profile a stack uses.

`python -m offline_preview.packs STACK PACK...` prints the profile that each pack has for a stack, for what runs the CLI with the packs.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

from offline_preview.errors import PreviewError, listed, nearest
from offline_preview.project import environment, interpreter
from offline_preview.yaml_text import read_mapping

_FILE = "PulumiPolicy.yaml"
_GROUP: Final = "offline_preview.packs"
"""Entry points of distributions with packs: the pack's name, and a function that returns the folder of a pack by its name."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack's folder, its version (empty: the pack reports it), the folder of its program and the interpreter that runs it.

    ``environment`` is the virtual environment that the pack names, there or not.
    """

    folder: Path
    program: Path
    interpreter: str
    version: str = ""
    environment: Path | None = None

    def profile(self, stack: str) -> Path | None:
        """The profile that the pack's folder holds for a stack, if any: its own, else that of its environment."""
        return next((self.folder / name for name in _profile_names(stack) if (self.folder / name).is_file()), None)


@dataclass(frozen=True, slots=True)
class PackSelection:
    """A pack and the profile that was given for it on the command line, if any: a file, or, for all packs, the name of one."""

    pack: Pack
    config: Path | None = None
    named: str = ""

    def profile(self, stack: str) -> Path | None:
        """The profile that holds for a stack."""
        return self.config or self.pack.profile(self.named or stack)

    def note(self, stack: str) -> str | None:
        """What to tell when a stack is checked with the pack's defaults although the pack has profiles for others."""
        there = sorted(path.stem for path in self.pack.folder.glob("*.json"))
        if self.profile(stack) is not None or not there:
            return None
        return (
            f"{self.pack.folder.name}: {_missing(stack)}, so the pack's own defaults apply: no exemptions and no forbidden paths are known."
            f" Name a profile: --profile {there[-1]}"
        )


def _profile_names(stack: str) -> list[str]:
    """Where a stack's profile may be, in order. Its environment is the part of its name before the first dash: prod-cell-2 is of prod."""
    return [f"{name}.json" for name in dict.fromkeys((stack, stack.partition("-")[0])) if name]


def _missing(stack: str) -> str:
    return f"there is no profile for the stack {stack} (looked for {' and '.join(_profile_names(stack))})"


def find_profile(folder: Path, stack: str) -> Path:
    """The profile of the pack in a folder for a stack. Raises ``PreviewError`` when there is no pack, or no profile."""
    found = load_pack(folder).profile(stack)
    if found is None:
        place = folder / _profile_names(stack)[-1]
        raise PreviewError(f"{folder}: {_missing(stack)}. Write {place}, for example as a copy of another environment's profile.")
    return folder / found.name


def select_packs(project: Path, folders: Sequence[Path], configs: Sequence[Path], profile: str = "") -> list[PackSelection]:
    """The packs to run: the given folders (or names of installed packs), else all in the project's ``policies/``; configs go by order.

    ``profile`` names the profile of every pack that has any. Raises ``PreviewError`` when a folder is not a pack, the numbers differ, or
    a pack has other profiles only.
    """
    if profile and configs:
        raise PreviewError("--profile: names the profile of every pack, and --policy-pack-config gives the files; use one of them.")
    chosen = list(folders) or [path.parent for path in sorted((project / "policies").glob(f"*/{_FILE}"))]
    if configs and len(configs) != len(chosen):
        raise PreviewError(
            f"--policy-pack-config: {len(configs)} given for {len(chosen)} packs ({listed(str(folder) for folder in chosen)});"
            " use one for each pack, in the same order, or none."
        )
    for config in configs:
        if not config.is_file():
            raise PreviewError(f"--policy-pack-config: {config} does not exist.")
    packs = [load_pack(_located(folder)) for folder in chosen]
    for pack in packs if profile else ():
        there = sorted(path.stem for path in pack.folder.glob("*.json"))
        if there and profile not in there:
            raise PreviewError(
                f"--profile: {pack.folder} has no {profile}.json. Use one of {listed(there)}, or write that file.{nearest(profile, there)}"
            )
    return [PackSelection(pack, configs[index].absolute() if configs else None, profile) for index, pack in enumerate(packs)]


def _located(folder: Path) -> Path:
    """A folder as it is, or that of the installed pack of this name. Raises ``PreviewError`` when the pack's files are not there."""
    if (folder / _FILE).is_file() or len(folder.parts) != 1:
        return folder
    found = _installed().get(folder.name)
    if found is None:
        return folder
    try:
        return Path(found.load()(found.name))
    except Exception as error:
        raise PreviewError(f"--policy-pack: the installed policy pack {found.name} cannot be used: {error}.") from error


def _installed() -> dict[str, EntryPoint]:
    return {found.name: found for found in entry_points(group=_GROUP)}


def load_pack(folder: Path) -> Pack:
    """The pack in a folder. Raises ``PreviewError`` when there is none, or none in Python."""
    file = folder / _FILE
    if not file.is_file():
        raise PreviewError(
            f"--policy-pack: there is no {_FILE} in {folder.absolute()}. Use the folder of a policy pack, or the name of an installed one:"
            f" {listed(_installed())}."
        )
    data = read_mapping(file)
    runtime = data.get("runtime")
    name, options = (runtime.get("name"), runtime.get("options")) if isinstance(runtime, dict) else (runtime, None)
    if name != "python":
        raise PreviewError(f"{file}: 'runtime' is {name!r}; the offline preview runs packs in Python only, 'runtime: python'.")
    root = folder.absolute()
    main = root / str(data.get("main") or ".")
    virtualenv = options.get("virtualenv") if isinstance(options, dict) else None
    return Pack(
        folder=root,
        program=Path(os.path.normpath(main)),
        interpreter=interpreter(root, virtualenv),
        version=str(data.get("version") or ""),
        environment=environment(root, virtualenv),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the profile of each pack, one a line and in their order, or an error. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m offline_preview.packs", description="Print the profile that each policy pack has for a stack, one a line."
    )
    parser.add_argument("stack", metavar="STACK", help="name of the stack")
    parser.add_argument("packs", metavar="PACK", type=Path, nargs="+", help="folder of a policy pack")
    options = parser.parse_args(arguments)
    try:
        profiles = [find_profile(folder, options.stack) for folder in options.packs]
    except PreviewError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(*profiles, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
