"""The findings of ``--watch`` as diagnostics of the Language Server Protocol, for editors without problem matchers.

``offline-preview-lsp`` speaks with the editor over its standard input and output, takes the options that ``--watch`` takes, and runs that
in the folder that the editor has opened. It needs ``pygls`` (``pip install offline-preview[lsp]``).
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_FINDING: Final = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<level>error|warning): (?P<message>.*) \[(?P<control>[^\]]+)\]")
_DONE: Final = re.compile(r"offline-preview: .*watching\. Ctrl-C ends it\.")
_BEGUN: Final = "offline-preview: judging"
_MOST_LINES: Final = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves one editor until it closes the connection. Returns the exit code: 2 without ``pygls``."""
    processes: list[asyncio.subprocess.Process] = []
    try:
        server = _server(sys.argv[1:] if arguments is None else list(arguments), processes)
    except ModuleNotFoundError:
        print("error: the language server needs pygls: pip install offline-preview[lsp]", file=sys.stderr)
        return 2
    try:
        server.start_io()
    finally:
        # An editor that was killed has not asked for the end.
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
    return 0


def _server(options: list[str], processes: list[asyncio.subprocess.Process]) -> Any:
    from lsprotocol import types
    from pygls.lsp.server import LanguageServer

    server = LanguageServer("offline-preview", "1", text_document_sync_kind=types.TextDocumentSyncKind.None_)

    @server.feature(types.INITIALIZED)
    async def begin(_params: types.InitializedParams) -> None:
        folder = Path(server.workspace.root_path or ".").resolve()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "offline_preview", "--watch", *options),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        processes.append(process)
        await _follow(process, folder)

    async def _follow(process: asyncio.subprocess.Process, folder: Path) -> None:
        assert process.stdout is not None
        shown: set[str] = set()
        lines: list[str] = []
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            if line.startswith(_BEGUN):
                lines.clear()
            lines.append(line)
            if _DONE.fullmatch(line):
                found = diagnostics(lines, folder)
                for uri in sorted(shown | found.keys()):
                    server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found.get(uri, [])))
                shown = set(found)
                lines.clear()
        await process.wait()
        if process in processes:
            processes.remove(process)
            text = "\n".join(lines[-_MOST_LINES:])
            server.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"offline-preview has ended: {text}"))

    @server.feature(types.SHUTDOWN)
    async def end(_params: None) -> None:
        while processes:
            process = processes.pop()
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    return server


def diagnostics(lines: Sequence[str], folder: Path) -> Mapping[str, list[Any]]:
    """The findings of a run by the URI of their file, from the lines that ``--watch`` has printed in a folder."""
    from lsprotocol import types

    levels = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}
    found: dict[str, list[Any]] = defaultdict(list)
    for line in lines:
        if finding := _FINDING.fullmatch(line):
            begin = types.Position(int(finding["line"]) - 1, 0)
            # A range to the beginning of the next line is the whole line.
            whole = types.Range(begin, types.Position(begin.line + 1, 0))
            found[(folder / finding["file"]).as_uri()].append(
                types.Diagnostic(
                    whole, finding["message"], severity=levels[finding["level"]], code=finding["control"], source="offline-preview"
                )
            )
    return found
