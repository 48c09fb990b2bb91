"""Policy packs on disk: where they are, which Python runs them, which profile a stack uses."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offline_preview.errors import PreviewError, listed
from offline_preview.project import interpreter
from offline_preview.yaml_text import read_mapping

_FILE = "PulumiPolicy.yaml"


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack's folder, its version (empty: the pack reports it), the folder of its program and the interpreter that runs it."""

    folder: Path
    program: Path
    interpreter: str
    version: str = ""

    def profile(self, stack: str) -> Path | None:
        """The profile that the pack's folder holds for a stack, if any."""
        path = self.folder / f"{stack}.json"
        return path if path.is_file() else None


@dataclass(frozen=True, slots=True)
class PackSelection:
    """A pack and the profile that was given for it on the command line, if any."""

    pack: Pack
    config: Path | None = None

    def profile(self, stack: str) -> Path | None:
        """The profile that holds for a stack."""
        return self.config or self.pack.profile(stack)


def select_packs(project: Path, folders: Sequence[Path], configs: Sequence[Path]) -> list[PackSelection]:
    """The packs to run: the given folders, or else all under the project's ``policies/``; configs belong to packs by their order.

    Raises ``PreviewError`` when a folder is not a pack or the numbers differ.
    """
    chosen = list(folders) or [path.parent for path in sorted((project / "policies").glob(f"*/{_FILE}"))]
    if configs and len(configs) != len(chosen):
        raise PreviewError(
            f"--policy-pack-config: {len(configs)} given for {len(chosen)} packs ({listed(str(folder) for folder in chosen)});"
            " use one for each pack, in the same order, or none."
        )
    for config in configs:
        if not config.is_file():
            raise PreviewError(f"--policy-pack-config: {config} does not exist.")
    return [PackSelection(load_pack(folder), configs[index].absolute() if configs else None) for index, folder in enumerate(chosen)]


def load_pack(folder: Path) -> Pack:
    """The pack in a folder. Raises ``PreviewError`` when there is none, or none in Python."""
    file = folder / _FILE
    if not file.is_file():
        raise PreviewError(f"--policy-pack: there is no {_FILE} in {folder.absolute()}. Use the folder of a policy pack.")
    data = read_mapping(file)
    runtime = data.get("runtime")
    name, options = (runtime.get("name"), runtime.get("options")) if isinstance(runtime, dict) else (runtime, None)
    if name != "python":
        raise PreviewError(f"{file}: 'runtime' is {name!r}; the offline preview runs packs in Python only, 'runtime: python'.")
    root = folder.absolute()
    main = root / str(data.get("main") or ".")
    return Pack(
        folder=root,
        program=Path(os.path.normpath(main)),
        interpreter=interpreter(root, options.get("virtualenv") if isinstance(options, dict) else None),
        version=str(data.get("version") or ""),
    )
