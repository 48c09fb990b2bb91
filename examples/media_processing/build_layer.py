"""Builds the layer with Pillow: ``python build_layer.py`` writes ``dist/pillow-layer.zip``, which ``publish-layer-version`` takes.

pip downloads the wheel for Lambda's Python 3.13 on arm64, in the version of ``requirements.txt`` and checked by its hash, on any machine.
The same wheel gives the same archive. Raise the version when Pillow has a security release: it reads what anybody may send.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "dist" / "pillow-layer.zip"
_TIME = (1980, 1, 1, 0, 0, 0)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Builds the Lambda layer with Pillow.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: dist/pillow-layer.zip")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        download(Path(folder))
        content = layer(sorted(Path(folder).glob("*.whl")))
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(content)
    print(f"{given.output}: {len(content) / 1e6:.1f} MB, SHA-256 {hashlib.sha256(content).hexdigest()}")
    print("Publish it, or give the archive as pillow_layer:")
    options = "--compatible-runtimes python3.13 --compatible-architectures arm64 --query LayerVersionArn"
    print(f"aws lambda publish-layer-version --layer-name pillow --zip-file fileb://{given.output} {options}")


def download(folder: Path) -> None:
    """The wheels as pip downloads them."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:", "--dest", str(folder)]
    machine = ["--platform", "manylinux_2_28_aarch64", "--platform", "manylinux2014_aarch64"]
    python = ["--implementation", "cp", "--abi", "cp313", "--python-version", "3.13"]
    command = [sys.executable, "-m", "pip", "download", *options, *machine, *python, "--requirement", str(HERE / "requirements.txt")]
    subprocess.run(command, check=True)


def layer(wheels: list[Path]) -> bytes:
    """The archive of a layer, where Lambda finds libraries below ``python/``."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as package:
                for name in sorted(package.namelist()):
                    if not name.endswith("/"):
                        entry = zipfile.ZipInfo(f"python/{name}", _TIME)
                        entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
                        archive.writestr(entry, package.read(name))
    return target.getvalue()


if __name__ == "__main__":
    main()
