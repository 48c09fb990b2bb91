"""Both stacks over their whole life, side by side in one backend and one account: up, no change, one setting after the other, destroy.

What a setting may touch stands in `TABLE`: everything else must stay as it is, and what holds data or the whole network is never replaced.
"""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import workspace
from tests.engine.conftest import Engine
from tests.engine.programs import NETWORK, in_account, in_state, new_stack, small, steps, twice

STACKS = ("dev", "prod")
TIMEOUT = 900
UP = ("up", "--yes", "--skip-preview")
# The replacement of one of these loses data, or takes everything with it.
PRECIOUS = (
    *("aws:rds/instance:Instance", "aws:rds/cluster:Cluster", "aws:elasticache/replicationGroup:ReplicationGroup"),
    *("aws:s3/bucket:Bucket", "aws:ec2/vpc:Vpc"),
)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Both stacks, deployed side by side."""
    found = workspace.make(tmp_path_factory.mktemp("lifecycle"))
    for stack in STACKS:
        _done(found, "stack", "init", stack)
        _done(found, *UP, "--stack", stack)
    return found


def _done(engine: Engine, *arguments: str) -> str:
    done = engine.pulumi(*arguments, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("stack", STACKS)
def test_the_state_and_the_account_have_the_same_and_a_second_run_changes_nothing(deployed: Engine, stack: str) -> None:
    living = in_account(deployed, stack)
    assert living == in_state(deployed, stack)
    assert len(living) > 100
    assert twice(living) == []
    _done(deployed, "preview", "--stack", stack, "--expect-no-changes")
    assert in_account(deployed, stack) == living


def test_dev_and_prod_do_not_meet(deployed: Engine) -> None:
    cloud = deployed.cloud()
    living = cloud.living()
    cloud.close()
    ids = {stack: {one.id for one in living if one.urn.startswith(f"urn:pulumi:{stack}::")} for stack in STACKS}
    assert ids["dev"] & ids["prod"] == set()
    for stack, other in (("dev", "prod"), ("prod", "dev")):
        mine = json.dumps([[one.inputs, one.outputs] for one in living if one.urn.startswith(f"urn:pulumi:{stack}::")])
        assert [identity for identity in sorted(ids[other]) if f'"{identity}"' in mine] == []


@dataclass(frozen=True)
class Change:
    """A setting, its new value, and the only resources that it touches."""

    stack: str
    setting: str
    value: Any
    create: set[str] = field(default_factory=set)
    update: set[str] = field(default_factory=set)
    replace: set[str] = field(default_factory=set)
    delete: set[str] = field(default_factory=set)

    def expected(self) -> dict[str, set[str]]:
        found = {"create": self.create, "update": self.update, "replace": self.replace, "delete": self.delete}
        return {operation: names for operation, names in found.items() if names}


_ZONE = "eu-west-1c"
TABLE = [
    Change("dev", "storefront.servers.max_size", 6, update={"shop-app-group"}),
    Change("dev", "storefront.servers.scaling.cpu_target_percent", 60, update={"shop-app-cpu"}),
    Change("dev", "storefront.load_balancer.health_check_path", "/ready", update={"shop-web-tg", "shop-app-template", "shop-app-group"}),
    Change(
        "dev",
        "storefront.servers.app_port",
        9090,
        create={"shop-firewall-app-from-https-9090", "shop-firewall-https-to-app-9090"},
        # The policy of the log bucket has its account from the target group's ARN: unknown in a preview, the same in the end.
        update={"shop-web-https", "shop-app-template", "shop-app-group", "shop-web-logs-policy"},
        replace={"shop-web-tg"},
        delete={"shop-firewall-app-from-https-8080", "shop-firewall-https-to-app-8080"},
    ),
    Change("dev", "storefront.load_balancer.log_retention_days", 60, update={"shop-web-logs-lifecycle"}),
    Change("dev", "storefront.firewall.rate_limit", 5000, update={"shop-waf-rate-limit"}),
    # An address set and a rule of the same name.
    Change("dev", "storefront.firewall.blocked_cidrs", ["203.0.113.0/24"], create={"shop-waf-blocked-ipv4"}),
    Change("dev", "storefront.firewall.log_retention_days", 14, update={"shop-waf-logs"}),
    Change("dev", "cache.log_retention_days", 14, update={"shop-cache-logs-engine-log", "shop-cache-logs-slow-log"}),
    Change("dev", "storefront.load_balancer.deletion_protection", True, update={"shop-web-lb"}),
    Change("dev", "storefront.load_balancer.force_destroy", False, update={"shop-web-logs-bucket"}),
    Change("dev", "database.instance_class", "db.t4g.small", update={"shop-db-instance"}),
    Change("dev", "database.max_allocated_storage_gib", 200, update={"shop-db-instance"}),
    Change("dev", "database.backup_retention_days", 7, update={"shop-db-instance"}),
    Change("dev", "database.deletion_protection", True, update={"shop-db-instance"}),
    Change("dev", "database.multi_az", True, update={"shop-db-instance"}),
    Change("dev", "database.engine_version", "8.4.7", update={"shop-db-instance"}),
    Change("dev", "cache.node_type", "cache.t4g.small", update={"shop-cache-cache"}),
    Change("dev", "network.flow_log_retention_days", 14, update={"network-flow-log"}),
    Change(
        "dev",
        "network.zones",
        ["eu-west-1a", "eu-west-1b", _ZONE],
        create={
            f"nat-{_ZONE}",
            *(f"network-{tier}-{_ZONE}" for tier in ("public", "private", "data")),
            *(f"network-{service}-{tier}-{_ZONE}" for service in ("s3", "dynamodb") for tier in ("private", "data")),
        },
        update={
            *(f"network-endpoint-{service}" for service in ("ssm", "ssmmessages", "ec2messages", "logs")),
            *("shop-cache-subnets", "shop-db-subnets", "shop-web-lb", "shop-app-group"),
        },
    ),
    # The addresses outlive the instance: they hang on an interface of their own. AWS could change the type of a stopped instance in place,
    # but it is stopped or running by a schedule.
    Change(
        "dev",
        "network.nat.instance_type",
        "t4g.small",
        update={"nat-windows-policy", "nat-runbook-policy", "nat-open-patch", "nat-close-patch", "nat-open"},
        replace={"nat-instance"},
    ),
    Change("dev", "network.nat.windows.0.start", "03:00", update={"nat-open-patch", "nat-close-patch", "nat-open"}),
    Change("dev", "operators.0.entries.0.cidr", "10.250.11.0/24", update={"shop-admin-devops-ipv4"}),
    # The alarm on free memory knows how much the class has.
    Change("prod", "database.instance_class", "db.r7g.xlarge", update={"shop-db-eu-west-1a", "shop-db-eu-west-1b", "shop-db-memory"}),
    Change("prod", "cache.replicas", 1, update={"shop-cache-cache"}, delete={"shop-cache-cpu-003", "shop-cache-memory-003"}),
    Change(
        "prod",
        "network.nat.strategy",
        "single",
        update={"nat-eu-west-1b", "nat-eu-west-1c"},
        delete={
            f"nat-{what}-{zone}"
            for what in ("gateway", "address", "gateway-ports", "gateway-drops")
            for zone in ("eu-west-1b", "eu-west-1c")
        },
    ),
]


@contextmanager
def _changed(engine: Engine, stack: str, setting: str, value: Any) -> Generator[Path]:
    """The stack's configuration with one setting changed, in a file of its own."""
    config = yaml.safe_load((engine.project / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    section, *inside = setting.split(".")
    place: Any = config["config"]
    *way, last = (f"cloudpatterns:{section}", *(int(key) if key.isdigit() else key for key in inside))
    for key in way:
        place = place[key]
    place[last] = value
    file = engine.project / f"{stack}.changed.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    yield file
    file.unlink()


@pytest.mark.parametrize("change", TABLE, ids=lambda change: f"{change.stack}-{change.setting}")
def test_a_setting_touches_only_what_it_should(deployed: Engine, change: Change, figures: Callable[[str], None]) -> None:
    with _changed(deployed, change.stack, change.setting, change.value) as config:
        preview = _done(deployed, "preview", "--stack", change.stack, "--config-file", str(config), "--json")
    found = {operation: names for operation, names in steps(preview).items() if operation not in ("create-replacement", "delete-replaced")}
    for step in json.loads(preview)["steps"]:
        assert step["op"] in ("same", "update", "create") or step["urn"].split("::")[2].rpartition("$")[2] not in PRECIOUS
    assert found == change.expected()
    counts = ", ".join(f"{operation} {len(names)}" for operation, names in found.items())
    figures(f"{change.stack:4}  {change.setting} = {json.dumps(change.value)}: {counts}")


def test_a_tag_updates_what_bears_it_and_nothing_else(deployed: Engine, figures: Callable[[str], None]) -> None:
    with _changed(deployed, "dev", "tags.Owner", "shop") as config:
        found = steps(_done(deployed, "preview", "--stack", "dev", "--config-file", str(config), "--json"))
    assert set(found) == {"update"}
    cloud = deployed.cloud()
    tagged = {one.name for one in cloud.living() if one.urn.startswith("urn:pulumi:dev::") and '"Owner"' in json.dumps(one.inputs)}
    cloud.close()
    assert found["update"] == tagged
    figures(f'dev   tags.Owner = "shop": update {len(tagged)}')


def test_a_change_of_the_port_is_deployed_in_an_order_that_aws_takes(deployed: Engine) -> None:
    before = in_account(deployed, "dev")
    with _changed(deployed, "dev", "storefront.servers.app_port", 9090) as config:
        _done(deployed, *UP, "--stack", "dev", "--config-file", str(config))
    assert in_account(deployed, "dev") == in_state(deployed, "dev")
    _done(deployed, *UP, "--stack", "dev")
    after = in_account(deployed, "dev")
    assert [urn for urn, _identity in after] == [urn for urn, _identity in before]
    assert {urn.rpartition("::")[2] for urn, _identity in set(after) - set(before)} == {
        "shop-web-tg",
        "shop-firewall-app-from-https-8080",
        "shop-firewall-https-to-app-8080",
    }


def test_a_rename_with_an_alias_replaces_nothing_and_without_one_it_would(tmp_path_factory: pytest.TempPathFactory) -> None:
    engine = workspace.make(tmp_path_factory.mktemp("rename"), small(NETWORK))
    stack = new_stack(engine, "renamed")
    _done(engine, *UP, "--stack", stack)
    before = sorted(identity for _urn, identity in in_account(engine, stack))
    program = engine.project / "__main__.py"
    renamed = NETWORK.replace('Network("network", ', 'Network("net", ')
    program.write_text(renamed, encoding="utf-8")
    assert steps(_done(engine, "preview", "--stack", stack, "--json"))["delete"] >= {"network-vpc"}
    aliased = renamed.replace('"eu-west-1b"]}', '"eu-west-1b"]}, pulumi.ResourceOptions(aliases=[pulumi.Alias(name="network")])')
    assert aliased != renamed
    program.write_text(aliased, encoding="utf-8")
    assert set(steps(_done(engine, "preview", "--stack", stack, "--json"))) <= {"update"}
    _done(engine, *UP, "--stack", stack)
    assert sorted(identity for _urn, identity in in_account(engine, stack)) == before
    # The account notes who has changed a resource last, and some were not changed at all.
    assert sorted(identity for _urn, identity in in_state(engine, stack)) == before


def test_protected_prod_refuses_to_be_destroyed_and_loses_nothing(deployed: Engine) -> None:
    before = in_account(deployed, "prod")
    refused = deployed.pulumi("destroy", "--stack", "prod", "--yes", timeout=TIMEOUT)
    assert refused.returncode != 0
    assert "shop-db-cluster" in refused.stdout + refused.stderr
    assert "protect" in refused.stdout + refused.stderr
    assert in_account(deployed, "prod") == before


@pytest.mark.parametrize("stack", STACKS)
def test_destroy_leaves_nothing_but_what_outlives_it_on_purpose(deployed: Engine, stack: str) -> None:
    if stack == "prod":
        for part in ("storefront.load_balancer", "database", "cache"):
            _done(deployed, "config", "set", "--stack", stack, "--path", f"cloudpatterns:{part}.deletion_protection", "false")
        _done(deployed, *UP, "--stack", stack)
    others = in_account(deployed, "prod" if stack == "dev" else "dev")
    kept = deployed.retained(stack)
    assert {urn.rpartition("::")[2] for urn in kept} == {"shop-db-key", "shop-db-key-policy", "shop-cache-key", "shop-cache-key-policy"}
    _done(deployed, "destroy", "--stack", stack, "--yes", "--skip-preview")
    assert {urn for urn, _identity in in_account(deployed, stack)} == kept
    assert deployed.resources(stack) == []
    # Neither has touched the other.
    assert in_account(deployed, "prod" if stack == "dev" else "dev") == others
