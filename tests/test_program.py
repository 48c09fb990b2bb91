"""The program with the stacks as they are shipped: how much it makes, what it exports, and what a zone more or less changes."""

import base64
import functools
import json
from collections import Counter
from typing import Any

import pytest
from offline_preview.graph import Graph, Resource

from tests.program import STACKS, program_graph


@functools.cache
def graph(stack: str) -> Graph:
    return program_graph(stack)


def awss(graph: Graph) -> list[Resource]:
    return [resource for resource in graph.resources if resource.type.startswith("aws:")]


@pytest.mark.parametrize(("stack", "least"), [("dev", 60), ("prod", 90)])
def test_a_stack_is_a_whole_system(stack: str, least: int) -> None:
    assert len(awss(graph(stack))) >= least


# By their sections, each of which exports its outputs under its name.
OF_SECTIONS = {
    "dev": {"cost": "cloudpatterns:index:CostGuard", "office_hours": "cloudpatterns:index:OfficeHours"},
    "prod": {
        "monitoring": "cloudpatterns:index:MonitoringIntegration",
        "audit": "cloudpatterns:index:AuditTrail",
        "cost": "cloudpatterns:index:CostGuard",
        "backup": "cloudpatterns:index:Snapshot",
    },
}


@pytest.mark.parametrize("stack", STACKS)
def test_components_hold_everything(stack: str) -> None:
    root = graph(stack).one("pulumi:pulumi:Stack")
    tops = {one.name: one.type for one in graph(stack).children(root.urn) if not one.type.startswith("pulumi:providers:")}
    assert tops == {
        "network": "cloudpatterns:index:Network",
        "nat": "cloudpatterns:index:OnDemandNat",
        "artifacts": "cloudpatterns:index:DurableBucket",
        "shop": "cloudpatterns:index:Storefront",
        **{section.replace("_", "-"): component for section, component in OF_SECTIONS[stack].items()},
    }


@pytest.mark.parametrize("stack", STACKS)
def test_names_are_unique_per_type_and_carry_their_components(stack: str) -> None:
    resources = [one for one in graph(stack).resources if one.parent and not one.type.startswith("pulumi:")]
    assert [urn for urn, times in Counter(one.urn for one in resources).items() if times > 1] == []
    parents = graph(stack).by_urn()
    nested = [one for one in resources if parents[one.parent].type != "pulumi:pulumi:Stack"]
    assert len(nested) > 100
    assert [one.name for one in nested if not one.name.startswith(f"{parents[one.parent].name}-")] == []


@pytest.mark.parametrize("stack", STACKS)
def test_everything_that_takes_tags_says_whose_it_is(stack: str) -> None:
    def tags(resource: Resource) -> dict[str, str]:
        given: Any = resource.inputs.get("tags", {})
        return given if isinstance(given, dict) else {tag["key"]: tag["value"] for tag in given}

    expected = {"Owner": "platform", "CostCenter": "1234", "Environment": stack}.items()
    # `tagsAll` is what the provider gives out of whatever takes tags; an Auto Scaling group alone has none, and takes tags its own way.
    taggable = [one for one in awss(graph(stack)) if "tagsAll" in one.outputs or "tags" in one.inputs]
    assert len(taggable) > 80
    assert [one.name for one in taggable if not expected <= tags(one).items()] == []


EXPORTS = {
    "url",
    "load_balancer_dns_name",
    "web_acl_arn",
    "access_log_bucket",
    "target_group_arn",
    "auto_scaling_group",
    "server_role_arn",
    "security_groups",
    "database_endpoint",
    "database_identifier",
    "database_secret_arn",
    "cache_endpoint",
    "artifact_bucket",
    "artifact_kms_key_arn",
    "log_group",
    "database_user_sql",
    "vpc_id",
    "private_subnets",
    "nat_public_ips",
}


def test_what_an_operator_needs_is_exported() -> None:
    dev, prod = graph("dev"), graph("prod")
    assert dev.outputs.keys() == EXPORTS | {"nat_runbook"} | OF_SECTIONS["dev"].keys()
    assert prod.outputs.keys() == EXPORTS | {"distribution_id", "reader_endpoint", "reader_sql"} | OF_SECTIONS["prod"].keys()
    assert prod.outputs["url"] == "https://shop.example.com"
    assert dev.outputs["url"] == f"https://{dev.named('shop-web-lb').outputs['dnsName']}"
    assert prod.outputs["private_subnets"] == {
        f"eu-west-1{letter}": prod.one("aws:ec2/subnet:Subnet", f"network-private-eu-west-1{letter}").id for letter in "abc"
    }
    assert dev.outputs["nat_runbook"] == dev.one("aws:ssm/document:Document").outputs["name"]
    assert len(prod.outputs["nat_public_ips"]) == 3
    assert prod.outputs["target_group_arn"] == prod.named("shop-origin-tg").outputs["arn"]
    assert prod.outputs["database_identifier"] == prod.named("shop-db-cluster").outputs["clusterIdentifier"]
    assert prod.outputs["reader_endpoint"] == f"{prod.one('aws:rds/proxyEndpoint:ProxyEndpoint').outputs['endpoint']}:3306"
    assert prod.outputs["backup"]["vault_name"] == prod.named("backup-vault").outputs["name"]
    assert prod.outputs["artifact_kms_key_arn"] == prod.named("artifacts-key").outputs["arn"]


SERVERS = {"instance_types": ["t4g.small", "t4g.medium"], "min_size": 2, "max_size": 4}


def test_a_version_in_the_stacks_own_bucket_is_one_setting() -> None:
    checksum = "0f" * 32
    graph = program_graph("dev", {"storefront": {"servers": {**SERVERS, "artifact_sha256": checksum}}})
    bucket = graph.named("artifacts-bucket").outputs["bucket"]
    script = base64.b64decode(graph.named("shop-app-template").inputs["userData"]).decode()
    assert {f"ARTIFACT_URI=s3://{bucket}/{checksum}.tar.gz", f"ARTIFACT_SHA256={checksum}"} <= set(script.splitlines())
    rights = {one["Sid"]: one for one in json.loads(graph.named("shop-role-policy").inputs["policy"])["Statement"]}
    assert rights["Artifact"]["Resource"] == [f"arn:aws:s3:::{bucket}/*.tar.gz"]
    assert rights["ArtifactKey"]["Resource"] == [graph.named("artifacts-key").outputs["arn"]]
    assert (graph.outputs["artifact_bucket"], graph.outputs["artifact_sha256"]) == (bucket, checksum)


def test_an_application_elsewhere_is_read_from_there() -> None:
    uri = "s3://releases/shop.tar.gz"
    graph = program_graph("dev", {"storefront": {"servers": {**SERVERS, "artifact_sha256": "0f" * 32, "artifact_uri": uri}}})
    rights = {one["Sid"]: one for one in json.loads(graph.named("shop-role-policy").inputs["policy"])["Statement"]}
    assert rights["Artifact"]["Resource"] == ["arn:aws:s3:::releases/shop.tar.gz"]
    assert "ArtifactKey" not in rights


def test_a_zone_less_leaves_the_other_zones_alone() -> None:
    """The middle zone of three goes: places in a list would move, places by zone do not."""
    before = graph("prod").by_urn()
    after = program_graph("prod", {"network": {"zones": ["eu-west-1a", "eu-west-1c"]}}).by_urn()
    gone = before.keys() - after.keys()
    # The second instance of the cluster moves to the next zone.
    assert {after[urn].name for urn in after.keys() - before.keys()} == {"shop-db-eu-west-1c"}
    assert {before[urn].name.rpartition("-eu-west-")[2] for urn in gone} == {"1b"}
    assert {one.name for one in before.values() if one.name.endswith("-eu-west-1b")} == {before[urn].name for urn in gone}
    changed = {
        (after[urn].name, key)
        for urn in after.keys() & before.keys()
        for key in before[urn].inputs.keys() | after[urn].inputs.keys()
        if before[urn].inputs.get(key) != after[urn].inputs.get(key)
    }
    # What spans the zones has a subnet less, and nothing else changes.
    assert changed == {
        ("network-endpoint-ssm", "subnetIds"),
        ("network-endpoint-ssmmessages", "subnetIds"),
        ("network-endpoint-ec2messages", "subnetIds"),
        ("shop-origin-lb", "subnets"),
        ("shop-app-group", "vpcZoneIdentifiers"),
        ("shop-db-subnets", "subnetIds"),
        ("shop-reads-proxy", "vpcSubnetIds"),
        ("shop-reads-proxy-endpoint", "vpcSubnetIds"),
        ("shop-cache-subnets", "subnetIds"),
    }


def test_the_sections_of_prod_are_about_its_storefront() -> None:
    prod = graph("prod")
    dashboard = json.loads(prod.one("aws:cloudwatch/dashboard:Dashboard").inputs["dashboardBody"])
    shown = json.dumps(dashboard)
    for part in ("shop-origin-lb", "shop-app-group", "shop-db-cluster", "shop-cache-cache", "shop-cdn-distribution"):
        one = prod.named(part)
        assert any(text in shown for text in (one.id, one.outputs.get("arnSuffix"), one.outputs.get("name")) if text), part
    rights = json.dumps([one.inputs["policy"] for one in prod.of_type("aws:iam/rolePolicy:RolePolicy") if one.name.startswith("backup-")])
    assert prod.named("shop-db-key").outputs["arn"] in rights


def test_office_hours_stop_servers_and_database_and_not_the_nat() -> None:
    dev = graph("dev")
    tagged = {one.name for one in dev.resources if isinstance(one.inputs.get("tags"), dict) and "Schedule" in one.inputs["tags"]}
    assert "shop-db-instance" in tagged
    assert not {name for name in tagged if name.startswith(("nat", "network"))}
    group = dev.named("shop-app-group").inputs["tags"]
    assert {"key": "Schedule", "value": "office-hours", "propagateAtLaunch": True} in group
