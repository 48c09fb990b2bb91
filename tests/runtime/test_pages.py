"""The pages of the libraries, ``docs/runtime/*.md``: each Python block runs, and each link leads somewhere."""

import ast
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.program import ROOT
from tests.runtime.breaker_table import create_table
from tests.runtime.index_table import index_table
from tests.runtime.session_stores import session_table
from tests.runtime.shard_tables import map_table

FOLDER = ROOT / "docs" / "runtime"
PAGES = sorted(FOLDER.glob("*.md"))
LIBRARIES = {
    "backup": "backup",
    "backup_dump": "backup",
    "backup_sources": "backup",
    "breaker": "circuit-breaker",
    "health": "deep-health",
    "home_region": "home-region",
    "parked": "projection",
    "parked_executions": "saga",
    "priority": "priority-poller",
    "projection": "projection",
    "replicas": "replicas",
    "retry": "retry",
    "saga": "saga",
    "sessions": "sessions",
    "shard_mover": "shards",
    "sharding": "shuffle-sharding",
    "shards": "shards",
    "storage_index": "storage-index",
}


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of a page, with the line before each."""
    text = page.read_text(encoding="utf-8")
    return [
        (text[: match.start(1)].count("\n"), match[1]) for match in re.finditer(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


def table_of(dynamodb: Any, name: str) -> str:
    """A table with the key ``id``."""
    table_by_id(dynamodb, name)
    return name


@pytest.fixture
def names(moto_account: None) -> dict[str, Any]:
    """What the examples have besides their imports: a client, a table of circuits and its environment, tables of sessions, shards,
    rows, items with a home, sagas and entries.
    """
    dynamodb = client("dynamodb")
    table = create_table(dynamodb)
    environment = {"CLOUDPATTERNS_BREAKER_TABLE": table, "CLOUDPATTERNS_BREAKER_CARD_BANK": '{"failures": 5}'}
    return {
        "client": dynamodb,
        "table": table,
        "sessions_table": session_table(dynamodb),
        "shards_table": map_table(dynamodb),
        "read_table": table_of(dynamodb, "rows"),
        "home_table": table_of(dynamodb, "home"),
        "saga_table": table_of(dynamodb, "saga"),
        "index_table": index_table(dynamodb, "index"),
        "environment": environment,
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # An example may stop its poller on SIGTERM, as a service does; this process goes on.
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    found = blocks(page)
    assert found, "a page has an example"
    # The blocks of a page follow one another; a failure names the line of the page.
    scope: dict[str, Any] = {"__name__": page.stem, **names}
    for line, block in found:
        exec(compile("\n" * line + block, str(page), "exec"), scope)


def test_a_page_says_what_the_names_mean_that_it_is_given(names: dict[str, Any]) -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
        given = {node.id for _, block in blocks(page) for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Name)} & names.keys()
        stored = {
            node.id
            for _, block in blocks(page)
            for node in ast.walk(ast.parse(block))
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        assert {name for name in given - stored if f"`{name}`" not in prose} == set(), page.stem


def test_each_library_has_a_page() -> None:
    modules = {file.stem for file in (ROOT / "components/runtime/cloudpatterns_runtime").glob("[a-z]*.py")}
    assert modules == LIBRARIES.keys()
    assert {page.stem for page in PAGES} == set(LIBRARIES.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_when_and_with_which_limits(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ")
    for part in ("**Use it when**", "**Not when**", "## Guarantees", "## Limits"):
        assert part in text, part
    assert [link for link in re.findall(r"\]\((?!https?:)([^)#]+)", text) if not (page.parent / link).exists()] == []
