"""The project's own files: both stacks load, are what they say, and the schema for editors has not drifted."""

import json
import re
from pathlib import Path

import pytest
import yaml

from settings import SettingsError, parse, schema
from settings.loading import SECTIONS
from settings.systems import SYSTEMS

ROOT = Path(__file__).resolve().parents[2]
STACKS = ("dev", "prod")


class CliLoader(yaml.SafeLoader):
    """Reads YAML as the CLI does: only true and false are yes/no, and 22:30 is a text."""


CliLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:int")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
CliLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
CliLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))


def stack(name, loader):
    document = yaml.load((ROOT / f"Pulumi.{name}.yaml").read_text(encoding="utf-8"), loader)
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in document["config"].items()}
    return parse(config, name)


@pytest.mark.parametrize("loader", [CliLoader, yaml.SafeLoader])
@pytest.mark.parametrize("name", STACKS)
def test_the_stack_loads_with_either_reader_of_yaml(name, loader):
    assert stack(name, loader).stack == name


def test_dev_is_small_and_easy_to_delete():
    dev = stack("dev", CliLoader)
    assert (len(dev.network.zones), dev.network.nat.strategy) == (2, "on_demand")
    assert dev.storefront.servers.spot_percentage == 100
    assert (dev.storefront.load_balancer.deletion_protection, dev.database.deletion_protection, dev.database.multi_az) == (
        False,
        False,
        False,
    )
    assert dev.database.apply_immediately is True
    assert dev.database.backup_retention_days < 7


def test_prod_survives_a_zone_and_a_mistake():
    prod = stack("prod", CliLoader)
    assert (len(prod.network.zones), prod.network.nat.strategy) == (3, "per_zone")
    assert prod.storefront.servers.spot_percentage == 0
    assert (prod.storefront.load_balancer.deletion_protection, prod.database.deletion_protection, prod.database.multi_az) == (
        True,
        True,
        True,
    )
    assert prod.storefront.servers.min_size >= 3
    assert prod.cache.replicas >= 1
    assert prod.network.flow_log_retention_days >= 365


def test_the_two_stacks_do_not_share_addresses():
    assert not stack("dev", CliLoader).network.cidr_block.overlaps(stack("prod", CliLoader).network.cidr_block)


def test_the_project_declares_every_section_loosely():
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["config"]
    sections = {name: value for name, value in declared.items() if ":" not in name}
    assert {name: (value["type"], value["default"]) for name, value in sections.items()} == {
        name: ("array", []) if name == "operators" else ("object", {}) for name in (*SECTIONS, *SYSTEMS)
    }


def test_defaults_of_the_project_alone_name_every_section():
    empty = {f"cloudpatterns:{section}": "[]" if section == "operators" else "{}" for section in SECTIONS}
    with pytest.raises(SettingsError) as caught:
        parse(empty, "dev")
    assert [problem.key for problem in caught.value.problems] == ["aws:region", *(f"cloudpatterns:{section}" for section in SECTIONS)]


def test_the_schema_for_editors_has_not_drifted():
    assert schema.PATH.read_text(encoding="utf-8") == schema.document(), "run: python -m settings.schema"


def test_the_schema_knows_ranges_lists_and_what_is_allowed():
    document = json.loads(schema.document())
    config = document["properties"]["config"]
    assert config["required"] == ["aws:region", "cloudpatterns:tags"]
    network = document["$defs"]["Network"]
    assert network["additionalProperties"] is False
    assert 3653 in network["properties"]["flow_log_retention_days"]["enum"]
    port = document["$defs"]["Servers"]["properties"]["app_port"]
    assert (port["minimum"], port["maximum"], port["default"]) == (1024, 65535, 8080)
    assert port["description"] == "Port of the application. Allowed: an unprivileged port, 1024 to 65535."
    assert "x-allowed" not in schema.document()


@pytest.mark.parametrize("name", STACKS)
def test_every_setting_of_a_stack_file_is_in_the_schema(name):
    text = (ROOT / f"Pulumi.{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=docs/settings.schema.json\n")
    document = json.loads(schema.document())
    for key, value in yaml.safe_load(text)["config"].items():
        if isinstance(value, dict) and key != "cloudpatterns:tags":
            reference = document["properties"]["config"]["properties"][key]
            name = next(one["$ref"] for one in (reference, *reference.get("anyOf", ()), *reference.get("allOf", ())) if "$ref" in one)
            definition = document["$defs"][name.rpartition("/")[2]]
            assert set(value) <= set(definition["properties"])
