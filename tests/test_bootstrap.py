"""The bootstrap program: what it makes, what it gives out, and what the packs say about it."""

import json
import re
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.core import discover
from cloudpatterns_policies.core.exemptions import parse
from offline_preview.cli import main
from offline_preview.graph import Graph

from tests.program import ROOT, folder_graph

FOLDER = ROOT / "bootstrap"
PROFILES = {pack: ROOT / "policies" / pack / "prod.json" for pack in ("security", "operations", "acceptance")}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return folder_graph(FOLDER, "main", deployed=True)


def own_policy(graph: Graph, name: str) -> dict[str, Any]:
    return {one["Sid"]: one for one in json.loads(graph.named(f"delivery-{name}-own").inputs["policy"])["Statement"]}


def test_it_makes_state_keys_and_roles(graph: Graph) -> None:
    made = [
        (resource.type.rpartition(":")[2], resource.name)
        for resource in graph.resources
        if resource.parent.endswith("pulumi:pulumi:Stack::cloudpatterns-bootstrap-main")
    ]
    assert sorted(made) == [
        ("Alias", "secrets-dev"),
        ("Alias", "secrets-prod"),
        ("DeliveryPipeline", "delivery"),
        ("DurableBucket", "state"),
        ("Key", "secrets-dev"),
        ("Key", "secrets-prod"),
    ]


def test_what_holds_state_is_protected(graph: Graph) -> None:
    protected = {resource.name for resource in graph.resources if resource.options.get("protect")}
    assert {"state-bucket", "state-key", "secrets-dev", "secrets-prod"} <= protected


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_an_environment_reaches_its_own_state_and_keys(graph: Graph, environment: str) -> None:
    for kind in ("plan", "apply"):
        statements = own_policy(graph, f"{environment}-{kind}")
        keys = [graph.named("state-key").outputs["arn"], graph.one("aws:kms/key:Key", f"secrets-{environment}").outputs["arn"]]
        assert statements["UseTheKeys"]["Resource"] == keys
        assert {re.sub(r"^.*/\.pulumi/", "", path) for path in statements["UseTheState"]["Resource"]} == {
            "meta.yaml",
            *(
                path
                for stack in (environment, f"{environment}-*")
                for path in (f"stacks/*/{stack}.*", f"locks/organization/*/{stack}/*", f"history/*/{stack}/*", f"backups/*/{stack}/*")
            ),
        }


@pytest.mark.parametrize("stack", ["prod", "prod-us-east-1", "prod-cell-2"])
@pytest.mark.parametrize(
    "path", ["stacks/cloudpatterns/{}.json", "locks/organization/cloudpatterns/{}/1.json", "history/cloudpatterns/{}/1"]
)
def test_every_stack_of_an_environment_is_reached_by_its_roles_alone(graph: Graph, stack: str, path: str) -> None:
    """The workflows take what stands before the first dash of a stack's name for its environment."""
    key = f"{graph.named('state-bucket').outputs['arn']}/.pulumi/{path.format(stack)}"
    for kind in ("plan", "apply"):
        reached = {
            environment: any(fnmatchcase(key, pattern) for pattern in own_policy(graph, f"{environment}-{kind}")["UseTheState"]["Resource"])
            for environment in ("dev", "prod")
        }
        assert reached == {"dev": False, "prod": True}


def test_it_gives_out_what_the_workflows_and_stacks_need(graph: Graph) -> None:
    bucket = graph.named("state-bucket").outputs["bucket"]
    assert graph.outputs["backend_url"] == f"s3://{bucket}?region=eu-west-1&awssdk=v2"
    assert graph.outputs["secrets_providers"] == {
        environment: f"awskms://alias/pulumi-secrets-{environment}?region=eu-west-1" for environment in ("dev", "prod")
    }
    for kind in ("plan", "apply"):
        assert graph.outputs[f"{kind}_role_arns"] == {
            environment: graph.named(f"delivery-{environment}-{kind}").outputs["arn"] for environment in ("dev", "prod")
        }


def test_the_packs_ask_for_one_exemption_only(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = [f"--project={FOLDER}", "--stack=main", f"--json={report}"]
    for pack, profile in PROFILES.items():
        arguments += [f"--policy-pack={ROOT / 'policies' / pack}", f"--policy-pack-config={profile}"]
    assert main(arguments) == 1
    found = [one for stack in [json.loads(report.read_text())] for one in stack["findings"] if one["level"] == "mandatory"]
    assert sorted((one["control"], one["urn"].rpartition("::")[2]) for one in found) == [
        ("iam-no-administrator-attachment", "delivery-dev-apply-administrator"),
        ("iam-no-administrator-attachment", "delivery-prod-apply-administrator"),
    ]
    entries = json.loads((FOLDER / "security.json").read_text(encoding="utf-8"))["exemptions"]["entries"]
    (exemption,), problems = parse(entries, {control.id for control in discover()}, date(2026, 11, 20))
    assert problems == []
    assert all(exemption.covers(one["control"], one["urn"]) for one in found)
