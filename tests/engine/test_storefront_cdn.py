"""The storefront moves behind a CDN, and from behind it, on the real engine, under all packs: its name is never without a record.

It takes two minutes: three deployments of the whole program, two previews and a destroy. The account refuses a second record of a name, as
Route 53 does.
"""

from pathlib import Path
from typing import Any

import yaml

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import in_account, in_state, steps
from tests.engine.test_lifecycle import TIMEOUT, UP

CDN = {
    "prefix_list_id": "pl-4fa04526",
    "alarm_topic_arns": ["arn:aws:sns:us-east-1:123456789012:alarms"],
    "log_retention_days": 30,
    "force_destroy": True,
}
RECORD, BUCKET = "aws:route53/record:Record", "aws:s3/bucket:Bucket"


def _done(engine: Engine, *arguments: str) -> str:
    done = engine.pulumi(*arguments, "--stack", "dev", timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _identities(engine: Engine, kind: str, *names: str) -> dict[str, Any]:
    """What AWS knows resources by, by their names."""
    found = {urn.rpartition("::")[2]: identity for urn, identity in in_state(engine, "dev") if kind in urn}
    return {name: found[name] for name in names}


def _changed(engine: Engine, since: int) -> set[tuple[str, str]]:
    """What happened in the account to records of Route 53 since an entry of its journal: operation and name."""
    cloud = engine.cloud()
    entries = [(one.operation, one.urn.rpartition("::")[2]) for one in cloud.journal()[since:] if one.kind == "route53/record:Record"]
    cloud.close()
    return set(entries)


def _length(engine: Engine) -> int:
    cloud = engine.cloud()
    entries = len(cloud.journal())
    cloud.close()
    return entries


def test_a_stack_moves_behind_a_cdn_and_back(tmp_path: Path) -> None:
    engine = workspace.make(tmp_path)
    engine.pulumi("stack", "init", "dev")
    file = engine.project / "Pulumi.dev.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    storefront = settings["config"]["cloudpatterns:storefront"]
    del storefront["load_balancer"]["certificate_arn"]
    # With logs that are to stay.
    storefront["load_balancer"] |= {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ", "force_destroy": False}
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    _done(engine, *UP)
    before = [
        *_identities(engine, RECORD, "shop-web-alias-a", "shop-web-certificate-record").values(),
        *_identities(engine, BUCKET, "shop-web-logs-bucket").values(),
    ]

    storefront["cdn"] = CDN
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    planned = steps(_done(engine, "preview", "--json"))
    assert "shop-cdn-alias-a-shop.example.com" in planned["update"]
    assert "shop-cdn-alias-aaaa-shop.example.com" in planned["create"]
    assert {"shop-web-lb", "shop-web-certificate"} <= planned["delete"]
    entries = _length(engine)
    _done(engine, *UP)
    # No record is deleted, not even for a moment.
    assert _changed(engine, entries) == {
        *(("update", name) for name in ("shop-cdn-alias-a-shop.example.com", "shop-certificates-record-shop.example.com")),
        ("create", "shop-cdn-alias-aaaa-shop.example.com"),
    }
    after = [
        *_identities(engine, RECORD, "shop-cdn-alias-a-shop.example.com", "shop-certificates-record-shop.example.com").values(),
        *_identities(engine, BUCKET, "shop-origin-logs-bucket").values(),
    ]
    assert after == before
    _done(engine, "preview", "--expect-no-changes")

    del storefront["cdn"]
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    entries = _length(engine)
    _done(engine, *UP)
    assert _changed(engine, entries) == {
        *(("update", name) for name in ("shop-web-alias-a", "shop-web-certificate-record")),
        ("delete", "shop-cdn-alias-aaaa-shop.example.com"),
    }
    again = [
        *_identities(engine, RECORD, "shop-web-alias-a", "shop-web-certificate-record").values(),
        *_identities(engine, BUCKET, "shop-web-logs-bucket").values(),
    ]
    assert again == before
    _done(engine, "preview", "--expect-no-changes")
    retained = engine.retained("dev")
    _done(engine, "destroy", "--yes", "--skip-preview")
    assert {urn for urn, _identity in in_account(engine, "dev")} == retained
