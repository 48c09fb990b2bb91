"""Installs the packages of a requirements file into the environment that runs this: ``python .ci/install.py requirements.txt``.

What follows the file is for pip (``--no-deps``).

On a terminal one line shows what pip is doing; elsewhere it is quiet. Ends with pip's exit code, after all that pip said when it failed.
"""

import os
import shutil
import subprocess
import sys
import time

_ERASE = "\r\x1b[K"


def main(requirements: str, *options: str) -> int:
    """Pip's exit code, or 130 after Ctrl-C."""
    folder = os.path.relpath(sys.prefix)
    print(f"Installing the packages of {requirements} into {folder} (once; it takes a few minutes) ...", file=sys.stderr, flush=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options, "-r", requirements]
    try:
        if sys.stderr.isatty():
            code = _watched(command)
        else:
            code = subprocess.run([*command, "--quiet"], stdout=sys.stderr, check=False).returncode
    except KeyboardInterrupt:
        return 130
    if code == 0:
        print(f"Installed in {time.monotonic() - started:.0f} s.", file=sys.stderr)
    return code


def _watched(command: list[str]) -> int:
    """Runs pip with its latest line shown in place of the one before."""
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip:
        try:
            for line in pip.stdout or ():
                lines.append(line.rstrip())
                print(f"{_ERASE}  {lines[-1].strip()[: shutil.get_terminal_size().columns - 3]}", end="", file=sys.stderr, flush=True)
        finally:
            print(_ERASE, end="", file=sys.stderr, flush=True)
    if pip.returncode != 0:
        print(*lines, sep="\n", file=sys.stderr)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
