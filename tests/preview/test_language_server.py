"""``offline-preview-lsp``: an editor gets the findings of each save as diagnostics, and its end leaves nothing behind."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from offline_preview import language_server
from pygls.lsp.client import LanguageClient

from sandbox import processes
from tests.preview.test_watch import PACK

PROGRAM = """import pulumi_aws as aws

aws.s3.Bucket("uploads", bucket="{name}")
"""


def project(folder: Path) -> None:
    pack = folder / "policies" / "names"
    pack.mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {aws:region: eu-west-1}\n")
    (folder / "__main__.py").write_text(PROGRAM.format(name="bad"))
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 1.2.3\n")
    (pack / "judging.py").write_text("BAD = 'bad'\n")
    (pack / "__main__.py").write_text(PACK)


class Editor:
    """An editor that has opened a folder."""

    def __init__(self) -> None:
        self.client = LanguageClient("editor", "1")
        self.published: asyncio.Queue[Any] = asyncio.Queue()
        for feature in (types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, types.WINDOW_SHOW_MESSAGE):
            self.client.feature(feature)(lambda params: self.published.put_nowait(params))

    async def open(self, folder: Path, *options: str) -> None:
        await self.client.start_io(str(Path(sys.executable).with_name("offline-preview-lsp")), *options)
        await self.client.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities(), root_uri=folder.as_uri()))
        self.client.initialized(types.InitializedParams())

    @property
    def processes(self) -> list[int]:
        """The server, and what it has started."""
        (process,) = [one for one in processes.descendants(os.getpid()) if "offline-preview-lsp" in command_of(one)]
        return [process, *processes.descendants(process)]

    async def told(self) -> Any:
        return await asyncio.wait_for(self.published.get(), 60)

    async def close(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")


def test_each_save_brings_its_findings_to_the_line_and_takes_away_what_is_gone(tmp_path: Path) -> None:
    project(tmp_path)
    program = tmp_path / "__main__.py"

    async def edit() -> None:
        editor = Editor()
        await editor.open(tmp_path)
        first = await editor.told()
        assert (first.uri, [(one.code, one.range.start.line, one.severity) for one in first.diagnostics]) == (
            program.as_uri(),
            [("name", 2, types.DiagnosticSeverity.Error)],
        )
        assert (first.diagnostics[0].source, first.diagnostics[0].message) == ("offline-preview", "uploads: Has a name is called bad")
        program.write_text(PROGRAM.format(name="good"))
        gone = await editor.told()
        assert (gone.uri, list(gone.diagnostics)) == (first.uri, [])
        program.write_text("import pulumi_aws as aws\n\naws.s3.Bucket(\n")
        broken = await editor.told()
        assert (broken.uri, [one.code for one in broken.diagnostics]) == (first.uri, ["program"])
        running = editor.processes
        assert len(running) > 2
        await editor.close()
        assert not processes.alive(running)

    asyncio.run(edit())


def test_an_option_that_is_wrong_is_shown(tmp_path: Path) -> None:
    project(tmp_path)

    async def edit() -> None:
        editor = Editor()
        await editor.open(tmp_path, "--stak", "dev")
        told = await editor.told()
        assert told.type == types.MessageType.Error
        assert "--stak" in told.message
        await editor.close()

    asyncio.run(edit())


def test_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    assert language_server.main([]) == 2
    assert capsys.readouterr().err == "error: the language server needs pygls: pip install offline-preview[lsp]\n"
