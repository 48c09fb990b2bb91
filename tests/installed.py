"""Virtual environments that share the packages of this one, and `pip install` into them, without an index."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path


def environment(folder: Path) -> None:
    """A virtual environment that finds what is installed in this one."""
    venv.create(folder, symlinks=True)
    [libraries] = folder.glob("lib/python*/site-packages")
    # Those of this environment have lines of such files, too, which one that is only named would not read.
    (libraries / "shared.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n", encoding="utf-8")


def install(folder: Path, module: str, number: int) -> None:
    """`pip install` of version 1.``number`` of a package whose only module has this number as ``NUMBER``."""
    version = f"1.{number}"
    wheel = folder.parent / f"{module}-{version}-py3-none-any.whl"
    about = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"NUMBER = {number}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    python = str(folder / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*command, str(wheel)], check=True)
    wheel.unlink()
