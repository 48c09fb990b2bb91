"""Removes copies from the cache of this proxy: ``purge.py <cache folder> <seconds> <paths>``.

Paths have a space between them. A path is one as clients send it, such as ``/news/today``, with all queries and of all hosts; with ``*`` at
its end all that begin with what is before it, so ``/*`` for everything. It removes twice, ``seconds`` apart, the time of the longest
request: what a request had asked the origin for before the purge would be stored after it. nginx takes a copy whose file is gone as one
that it does not have.
"""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

# nginx writes a header of some hundred bytes, the key, and the response: ngx_http_file_cache_header_t in ngx_http_cache.h.
_KEY = re.compile(rb"\nKEY: ([^\n]*)\n")
_MOST_BYTES = 64 * 1024
_PATH = re.compile(r"/[!-)+-~]*\*?")


def matches(key: bytes, paths: Sequence[str]) -> bool:
    """Whether the key of a copy, host and path and query, is one of the paths."""
    _, slash, rest = key.partition(b"/")
    whole = (slash + rest).decode("latin-1")
    path = whole.partition("?")[0]
    return any(whole.startswith(wanted[:-1]) if wanted.endswith("*") else wanted in (path, whole) for wanted in paths)


def copies(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The files of a cache with their keys. What is still written, or gone by now, is left out: the second time finds it."""
    for file in folder.glob("*/*/*"):
        try:
            with file.open("rb") as opened:
                found = _KEY.search(opened.read(_MOST_BYTES))
        except FileNotFoundError:
            continue
        if found is not None:
            yield file, found[1]


def purge(folder: Path, paths: Sequence[str]) -> int:
    """Removes the copies of the paths; how many there were."""
    removed = 0
    for file, key in copies(folder):
        if matches(key, paths):
            # nginx may have removed it.
            file.unlink(missing_ok=True)
            removed += 1
    return removed


def main(folder: str, seconds: str, given: str) -> None:
    """Removes twice, and says how many copies that were.

    :raises SystemExit: for what is not a path, and without a cache.
    """
    paths = given.split()
    wrong = [path for path in paths if not _PATH.fullmatch(path)]
    if wrong or not paths:
        raise SystemExit(f"purge: not a path, such as /news/today or /news/*: {wrong}")
    if not Path(folder).is_dir():
        raise SystemExit(f"purge: there is no cache in {folder}")
    first = purge(Path(folder), paths)
    time.sleep(float(seconds))
    print(f"purged {first} copies at once, and {purge(Path(folder), paths)} after {seconds} seconds")


if __name__ == "__main__":
    main(*sys.argv[1:])
