"""A mover in a process of its own, which tests kill: it prints a line for each slot that it has moved."""

import sys
from pathlib import Path

from cloudpatterns_runtime.shard_mover import Mover
from cloudpatterns_runtime.shards import MapTable

from tests.emulators.ministack import MiniStack
from tests.runtime.shard_servers import TABLES, connect

if __name__ == "__main__":
    engine, socket, url, table = sys.argv[1:]
    maps = MapTable(MiniStack(url, Path()).client("dynamodb"), table)
    mover = Mover(
        maps,
        lambda shard: connect(engine, socket, shard.address["database"]),
        TABLES,
        engine=engine,
        on_slot=lambda move, rows: print(move.slot, flush=True),
    )
    mover.run()
