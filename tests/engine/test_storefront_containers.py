"""The storefront moves from servers to containers on the real engine, under all packs: network and data stay where they are.

It takes a minute: three deployments of the whole program, two previews and a destroy.
"""

from pathlib import Path
from typing import Any

import yaml

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import in_account, steps
from tests.engine.test_lifecycle import PRECIOUS, TIMEOUT, UP

CONTAINERS = {
    "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + "0" * 64,
    "min_tasks": 2,
    "max_tasks": 4,
    "log_retention_days": 7,
}


def _done(engine: Engine, *arguments: str) -> str:
    done = engine.pulumi(*arguments, "--stack", "dev", timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _sections(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _of_the_application(urn: str) -> bool:
    return urn.rpartition("::")[2].startswith(("shop-app-", "shop-role", "shop-logs"))


def test_a_switch_from_servers_to_containers_leaves_network_and_data_alone(tmp_path: Path) -> None:
    engine = workspace.make(tmp_path)
    engine.pulumi("stack", "init", "dev")
    file = engine.project / "Pulumi.dev.yaml"
    settings = _sections(file)
    # What Fargate calls to start containers while the NAT of this stack is stopped.
    settings["config"]["cloudpatterns:network"]["interface_endpoints"] += ["ecr.api", "ecr.dkr"]
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    _done(engine, *UP)
    before = dict(in_account(engine, "dev"))

    storefront = settings["config"]["cloudpatterns:storefront"]
    servers = storefront.pop("servers")
    storefront["containers"] = CONTAINERS
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    planned = steps(_done(engine, "preview", "--json"))
    touched = {name for names in planned.values() for name in names} - {"cloudpatterns-dev"}
    # The target group takes addresses, and so is another one; the listener forwards to it. The policy of the log bucket takes the account
    # from the group's ARN, which a preview does not know.
    others = {name for name in touched if not name.startswith(("shop-app", "shop-role", "shop-logs"))}
    assert others <= {"shop", "shop-web-tg", "shop-web-https", "shop-web-logs-policy"}
    assert "shop-web-tg" in touched
    _done(engine, *UP)
    after = dict(in_account(engine, "dev"))
    kept = {urn: identity for urn, identity in before.items() if not _of_the_application(urn) and not urn.endswith("::shop-web-tg")}
    assert {urn: after.get(urn) for urn in kept} == kept
    assert any(kind in urn for urn in kept for kind in PRECIOUS)
    assert not any("aws:autoscaling/group:Group" in urn or "aws:ec2/instance:Instance::shop" in urn for urn in after)
    assert sum("aws:ecs/service:Service" in urn for urn in after) == 1
    _done(engine, "preview", "--expect-no-changes")

    # And back.
    storefront["servers"] = servers
    del storefront["containers"]
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    _done(engine, *UP)
    again = dict(in_account(engine, "dev"))
    assert {urn: again.get(urn) for urn in kept} == kept
    retained = engine.retained("dev")
    _done(engine, "destroy", "--yes", "--skip-preview")
    assert {urn for urn, _identity in in_account(engine, "dev")} == retained
