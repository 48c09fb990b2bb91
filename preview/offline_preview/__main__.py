"""The command ``offline-preview``, also as ``python -m offline_preview``."""

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

_INTERRUPTED: Final = 130


def entry_point() -> NoReturn:
    """Ends the process with the command's exit code; when it is interrupted, with one line, 130 and no process left behind."""
    # Before anything else is loaded: Ctrl-C may come at any time. The last two ask for the same.
    stops = [number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    for number in stops:
        signal.signal(number, _interrupt)
    try:
        from offline_preview.cli import main

        code = main()
        # The result is there; what is left is the interpreter's own end.
        for number in stops:
            signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        _stop()
        code = _INTERRUPTED
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt_again)
    raise KeyboardInterrupt


def _interrupt_again(_number: int, _frame: FrameType | None) -> NoReturn:
    """The user does not wait for the end of the first interrupt."""
    _stop("\r\x1b[K\x1b[?25h" if os.isatty(2) else "")
    os._exit(_INTERRUPTED)


def _stop(before: str = "") -> None:
    """Ends all processes, and says so; ``before`` removes the progress from a terminal, and shows the cursor again."""
    if children := sys.modules.get("offline_preview.children"):
        children.kill_all()
    # The terminal may be gone. What shows the progress has put itself in the place of `sys.stderr`, and would repeat it.
    with contextlib.suppress(OSError):
        os.write(2, f"{before}offline-preview: interrupted\n".encode())


if __name__ == "__main__":
    entry_point()
