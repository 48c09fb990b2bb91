"""Builds the application's artifact: ``make app`` writes ``dist/storefront-app.tar.gz``.

The archive holds ``bin/start``, the application and its libraries below ``lib/``. The same sources give the same bytes, wherever and
whenever it is built: entries are sorted, and have no time, no owner and fixed modes. So an artifact that has not changed has the same
checksum, and servers are not replaced for it. (zlib compresses; another version of it may give other bytes for the same content.)
"""

import argparse
import gzip
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parents[1] / "dist" / "storefront-app.tar.gz"
# Of botocore's descriptions of AWS's services, those that its chain of credentials may ask for. All of them are 25 MB.
BOTOCORE_DATA = re.compile(r"botocore/data/([^/]+\.json|(sts|sso|sso-oidc|signin)/.*)")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Builds the artifact of the sample application.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: dist/storefront-app.tar.gz")
    parser.add_argument("--download", type=Path, metavar="FOLDER", help="only download the libraries, for builds with pip's PIP_FIND_LINKS")
    given = parser.parse_args(arguments)
    if given.download:
        download(given.download)
    else:
        build(given.output)


def build(output: Path) -> None:
    """Writes the archive, and says where it is and what its checksum is."""
    with tempfile.TemporaryDirectory() as folder:
        download(Path(folder))
        content = archive({**application_files(), **library_files(sorted(Path(folder).glob("*.whl")))})
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(content)
    print(f"{output}: {len(content) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(content).hexdigest()}")


def download(folder: Path) -> None:
    """The libraries as pip downloads them: the pinned versions, checked by hash, and only what runs on every processor."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:", "--dest", str(folder)]
    any_machine = ["--platform", "any", "--implementation", "py", "--abi", "none", "--python-version", "3.11"]
    command = [sys.executable, "-m", "pip", "download", *options, *any_machine, "--requirement", str(HERE / "requirements.txt")]
    subprocess.run(command, check=True)


def application_files() -> dict[str, bytes]:
    """The application's own files by their path in the archive."""
    paths = [HERE / "bin" / "start", *(HERE / "storefront").glob("*.py")]
    return {path.relative_to(HERE).as_posix(): path.read_bytes() for path in paths}


def library_files(wheels: list[Path]) -> dict[str, bytes]:
    """The files of the wheels, below ``lib/``. Scripts are left out, since they name the Python that installs them."""
    files: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as package:
            for name in package.namelist():
                if not _needed(name):
                    continue
                if f"lib/{name}" in files:
                    raise ValueError(f"{wheel.name}: {name} is in another library, too")
                files[f"lib/{name}"] = package.read(name)
    return files


def _needed(name: str) -> bool:
    if name.endswith("/") or ".data/scripts/" in name:
        return False
    return not name.startswith("botocore/data/") or BOTOCORE_DATA.fullmatch(name) is not None


def archive(files: dict[str, bytes]) -> bytes:
    """A ``.tar.gz`` of the files and their folders."""
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents if str(parent) != "."}
    target = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=target, mode="wb", filename="", compresslevel=9, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for entry in _entries(files, folders):
            tar.addfile(entry, io.BytesIO(files.get(entry.name, b"")))
    return target.getvalue()


def _entries(files: dict[str, bytes], folders: set[str]) -> Iterator[tarfile.TarInfo]:
    # A new entry has time 0, user 0 and group 0, without names.
    for name in sorted([*files, *folders]):
        entry = tarfile.TarInfo(name)
        if name in folders:
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        else:
            entry.size, entry.mode = len(files[name]), 0o755 if name.startswith("bin/") else 0o644
        yield entry


if __name__ == "__main__":
    main()
