"""The function of examples/write_proxy: price lists that were released, on moto."""

from types import ModuleType
from typing import Any

import pytest

from tests.emulators.events import Context
from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.emulators.tables import table_by_id
from tests.program import ROOT

FILE = ROOT / "examples/write_proxy/app/index.py"


@pytest.fixture
def app(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    table_by_id(client("dynamodb"), "idempotency")
    client("s3").create_bucket(Bucket="released", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client("s3").put_bucket_versioning(Bucket="released", VersioningConfiguration={"Status": "Enabled"})
    for name, value in {"IDEMPOTENCY_TABLE": "idempotency", "POWERTOOLS_TRACE_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    return load_handler(FILE)


def released(text: str) -> dict[str, Any]:
    """The event of S3 for a version."""
    key = "contoso/2026/prices.csv"
    version = client("s3").put_object(Bucket="released", Key=key, Body=text.encode())["VersionId"]
    return {"detail": {"bucket": {"name": "released"}, "object": {"key": key, "version-id": version}}}


def test_a_price_list_is_read_once(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    event = released("article,price\nbook,9.90\npen,1.20\n")
    assert app.handler(event, Context()) == {"supplier": "contoso", "articles": 2}
    monkeypatch.setattr(app, "prices", lambda _: pytest.fail("read again"))
    assert app.handler(event, Context()) == {"supplier": "contoso", "articles": 2}


def test_a_file_that_is_no_price_list_is_an_error(app: ModuleType) -> None:
    with pytest.raises(KeyError):
        app.handler(released("<html>\n<p>\n"), Context())
