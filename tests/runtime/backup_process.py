"""A pull in a process of its own, which tests kill: it prints a line for each page."""

import sys
from pathlib import Path

from cloudpatterns_runtime.backup import Checkpoints, Puller, PullerOptions
from cloudpatterns_runtime.backup_sources import ReadNode
from cloudpatterns_runtime.retry import Deadline

from tests.emulators.ministack import MiniStack
from tests.runtime.backup_servers import TABLES, connect

if __name__ == "__main__":
    socket, source, copy, url, table = sys.argv[1:]
    puller = Puller(
        ReadNode(connect(socket, source), TABLES),
        connect(socket, copy),
        Checkpoints(MiniStack(url, Path()).client("dynamodb"), table),
        PullerOptions(page_rows=30, on_event=lambda event, fields: print(event, flush=True)),
    )
    run = puller.begin("run", "full")
    assert puller.pull(run, Deadline.after(600))
    puller.finish(run)
