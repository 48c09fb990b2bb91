"""Production behind a CDN: clean under all packs, and no path from the internet to the load balancer.

The preview takes some seconds: the real packs judge the whole program.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudpatterns_policies.controls.no_path import no_path
from cloudpatterns_policies.core import Fail, Pass, Resource, Stack
from offline_preview import cli
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from tests.policies.helpers import verdicts
from tests.program import ROOT, program_graph

CDN: dict[str, Any] = {
    "prefix_list_id": "pl-4fa04526",
    "alarm_topic_arns": ["arn:aws:sns:us-east-1:123456789012:alarms"],
    "behaviors": [{"path_pattern": "/assets/*", "cache": "optimized", "methods": "read"}],
}


def behind_cdn(cdn: Any = CDN) -> Graph:
    config = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))["config"]
    return program_graph("prod", {"storefront": {**config["cloudpatterns:storefront"], "cdn": cdn}})


def reached(graph: Graph) -> list[Any]:
    stack = Stack.sent(Resource(message) for message in Requests(graph).analyze_stack().resources)
    statement = {"from": "internet", "to": "aws:lb/loadBalancer:LoadBalancer", "ports": "all"}
    return verdicts(no_path, stack, config={"statements": [statement]})


def test_production_behind_a_cdn_complies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text(encoding="utf-8"))
    settings["config"]["cloudpatterns:storefront"]["cdn"] = CDN
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    code = cli.main(["--project", str(ROOT), "--stack", "prod", "--config-file", str(file)])
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert "compliant: 0 mandatory" in shown
    assert "exempt" not in shown
    assert "cloudfront.VpcOrigin" in shown


def test_the_internet_reaches_the_load_balancer_through_the_cdn_alone() -> None:
    assert reached(behind_cdn()) == [("", Pass())]
    [(name, verdict)] = reached(program_graph("prod"))
    assert name == "shop-web-lb"
    assert isinstance(verdict, Fail)


def test_exports_say_which_distribution_is_invalidated() -> None:
    outputs = behind_cdn().one("pulumi:pulumi:Stack").outputs
    assert outputs["distribution_id"]
    assert outputs["url"] == "https://shop.example.com"
    assert "distribution_id" not in program_graph("prod").one("pulumi:pulumi:Stack").outputs
