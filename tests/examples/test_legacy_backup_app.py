"""The sample source of ``examples/legacy_backup``: CSV of a legacy system, whole, cut off, and unavailable."""

import http.server
import importlib.util
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import ModuleType

import pytest
from cloudpatterns_runtime.backup import Source, checksum
from cloudpatterns_runtime.retry import Retry

from tests.program import ROOT

CUSTOMERS = 'id,name,city\n1,"Doe, Jane",Cork\n2,Zoë,\nrows,2\n'


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("legacy_source_sample", ROOT / "examples/legacy_backup/app/legacy_source.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def system(answer: Callable[[str], tuple[int, str]]) -> Generator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == "Bearer token-1"
            status, text = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return load()


def source_of(sample: ModuleType, url: str) -> Source:
    return sample.CsvExport(url, "token-1", Retry(attempts=3, base_seconds=0.001, cap_seconds=0.002))


def test_rows_come_by_pages_and_the_totals_are_those_of_all(sample: ModuleType) -> None:
    asked = []

    def answer(path: str) -> tuple[int, str]:
        asked.append(path)
        return 200, CUSTOMERS if "after=0" in path else "id,name,city\nrows,0\n"

    with system(answer) as url:
        source = source_of(sample, url)
        table = source.tables()[0]
        page = source.page(table, None, 2)
        assert (page.rows, page.next) == ([("1", "Doe, Jane", "Cork"), ("2", "Zoë", None)], "2")
        assert source.page(table, page.next, 2) == ([], None, ())
        assert tuple(source.totals(table)) == (2, str(checksum(page.rows)))
        assert asked[:2] == ["/export/customers.csv?after=0&rows=2", "/export/customers.csv?after=2&rows=2"]


@pytest.mark.parametrize(
    "broken", ["", "id,name,city\n1,A,B\n", "id,name\nrows,0\n", 'id,name,city\n1,A,"B'], ids=["empty", "cut", "columns", "half"]
)
def test_a_file_that_is_not_whole_is_asked_for_again(sample: ModuleType, broken: str) -> None:
    answers = [broken, CUSTOMERS]
    with system(lambda path: (200, answers.pop(0))) as url:
        source = source_of(sample, url)
        assert len(source.page(source.tables()[0], None, 10).rows) == 2
    with system(lambda path: (200, broken)) as url:
        source = source_of(sample, url)
        with pytest.raises(ConnectionError, match=r"^customers: the file is cut off, or has other columns"):
            source.page(source.tables()[0], None, 10)


def test_a_system_that_is_overloaded_is_asked_again(sample: ModuleType) -> None:
    answers = [(503, ""), (429, ""), (200, CUSTOMERS)]
    with system(lambda path: answers.pop(0)) as url:
        source = source_of(sample, url)
        assert len(source.page(source.tables()[0], None, 10).rows) == 2
