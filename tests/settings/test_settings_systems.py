"""The optional sections: components of the package that a stack has when their section is there."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudpatterns.core import declared

from settings.systems import PLACED, SYSTEMS, arguments_of, component_of, model_of
from tests.program import ROOT, program_graph
from tests.settings.configurations import VALID, good, problems

TAGS = VALID["tags"]
BACKUP = {
    "rules": {"daily": {"frequency": "daily", "time_zone": "Europe/Dublin", "retention_days": 35}},
    "selections": {"tagged": {"tags": {"Backup": "yes"}}},
}


def reported(sections: dict[str, Any]) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return [(problem.key.removeprefix("cloudpatterns:"), problem.because, problem.fix) for problem in problems(sections)]


def test_a_section_that_is_absent_makes_nothing() -> None:
    settings = good(VALID)
    assert [*settings.systems] == []
    assert [*good({**VALID, **{section: {} for section in SYSTEMS}}).systems] == []


@pytest.mark.parametrize("section", SYSTEMS)
def test_a_section_has_every_argument_of_its_component(section: str) -> None:
    model, arguments = model_of(section), arguments_of(section)
    assert set(model.model_fields) == set(declared(arguments))
    required = set(getattr(arguments, "__required_keys__", ()))
    assert {name for name, info in model.model_fields.items() if info.is_required()} == required - set(PLACED)


def test_a_component_stands_where_the_stack_has_it_unless_its_section_says_otherwise() -> None:
    (system,) = good({**VALID, "backup": {**BACKUP, "tags": {"Owner": "storage"}}}).systems
    topic = "arn:aws:sns:eu-west-1:123456789012:alarms"
    arguments = system.arguments({"alarm_topic_arns": [topic], "tags": TAGS, "vpc_id": "vpc-1"})
    assert (system.section, system.name(), system.component.__name__) == ("backup", "backup", "Snapshot")
    assert (arguments["alarm_topic_arns"], arguments["tags"], "vpc_id" in arguments) == ([topic], {"Owner": "storage"}, False)
    assert component_of("backup").check("backup", arguments)["rules"]["daily"]["retention_days"] == 35


def test_a_stack_without_a_storefront_needs_tags_alone() -> None:
    settings = good({"tags": TAGS, "backup": BACKUP})
    assert (settings.shop, settings.network) == (None, None)
    assert [system.section for system in settings.systems] == ["backup"]


def test_a_part_of_a_storefront_needs_the_others() -> None:
    found = {key for key, _, _ in reported({"tags": TAGS, "backup": BACKUP, "database": VALID["database"]})}
    assert found == {"network", "storefront", "cache", "operators"}


def test_a_wrong_value_is_reported_like_one_of_the_storefront() -> None:
    wrong = {**BACKUP, "alarm_hours_without_backup": 0}
    assert reported({**VALID, "backup": wrong}) == [
        (
            "backup.alarm_hours_without_backup",
            None,
            ("pulumi config set --stack dev --path 'cloudpatterns:backup.alarm_hours_without_backup' 1",),
        )
    ]


def test_what_the_component_refuses_is_reported_at_its_setting() -> None:
    ((key, because, fix),) = reported({**VALID, "backup": {**BACKUP, "disks": {"tags": {"Backup": "yes"}, "times": {}}}})[:1]
    assert key.startswith("backup.")
    assert because
    assert fix


STACKS = sorted((ROOT / "examples" / "stacks").glob("Pulumi.*.yaml"), key=lambda file: file.name)


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.name)
def test_what_a_composed_component_refuses_is_reported_at_its_setting(file: Path) -> None:
    config = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    sections = {key.partition(":")[2]: value for key, value in config.items() if key.startswith("cloudpatterns:")}
    assert good(sections)
    wrong: dict[str, tuple[str, Any]] = {
        "order_processing": ("events", {"rules": {"mail": {"event_pattern": {"detail_type": ["x"]}, "targets": {"mail": {"queue": {}}}}}}),
        "secure_file_sharing": ("sign_with", "b"),
        "event_notification": ("subscribers", {"audit": {"filter_policy": {"severity": "critical"}}}),
    }
    for section in wrong.keys() & sections.keys():
        name, value = wrong[section]
        found = reported({**sections, section: {**sections[section], name: value}})
        assert {key.split(".")[1].partition("[")[0] for key, _, _ in found} == {name}


def test_a_misspelt_section_is_renamed() -> None:
    ((key, because, fix),) = reported({**VALID, "bakcup": {"opt_in_region": True}})
    assert (key, because) == ("bakcup", "unknown key; did you mean cloudpatterns:backup?")
    assert fix == (
        "pulumi config set --stack dev --path 'cloudpatterns:backup.opt_in_region' true",
        "pulumi config rm --stack dev 'cloudpatterns:bakcup'",
    )


def test_the_program_creates_the_component_and_exports_its_outputs() -> None:
    graph = program_graph("dev", {"backup": BACKUP})
    assert graph.of_type("cloudpatterns:index:Snapshot")[0].name == "backup"
    assert graph.outputs["backup"]["vault_name"]
    assert not program_graph("dev").of_type("cloudpatterns:index:Snapshot")


def test_the_audit_of_an_account_needs_nothing_of_the_stack() -> None:
    (system,) = good({"tags": TAGS, "audit": {"recorder": {}, "detector": {"alarm_severity": 4}, "watches": ["iam"]}}).systems
    topics = ["arn:aws:sns:eu-west-1:123456789012:security"]
    arguments = system.arguments({"tags": TAGS, "alarm_topic_arns": topics, "vpc_id": "vpc-0"})
    assert arguments == {
        "recorder": {},
        "detector": {"alarm_severity": 4},
        "watches": ["iam"],
        "alarm_topic_arns": topics,
        "tags": TAGS,
    }
    assert reported({"tags": TAGS, "audit": {"hub": {}}})[0][0] == "audit.recorder"


def test_a_dashboard_shows_the_storefront_of_the_stack_by_itself() -> None:
    assert program_graph("prod", {"monitoring": {"dashboard": True}}).named("monitoring-dashboard")
    graph = program_graph("prod", {"monitoring": {"agent": {}}})
    body = json.loads(graph.named("monitoring-dashboard").inputs["dashboardBody"])
    headings = [widget["properties"]["markdown"] for widget in body["widgets"] if widget["type"] == "text"]
    assert headings == [f"## {kind} shop" for kind in ("Load balancer", "CDN", "Servers", "Database", "Cache")]
    assert {widget["properties"]["region"] for widget in body["widgets"] if widget["type"] == "metric"} == {"eu-west-1", "us-east-1"}
    # The role of its servers gets the rights of the agent.
    assert [target.name for target in graph.refs(graph.named("monitoring-agent-shop"), "role")] == ["shop-role-role", "shop-role-policy"]


def test_people_hear_of_costs_by_a_section_alone() -> None:
    graph = program_graph("prod", {"cost": {"budgets": {"all": {"limit": 100}}, "email_addresses": ["finance@example.com"]}})
    assert graph.named("cost-all").inputs["notifications"][0]["subscriberEmailAddresses"] == ["finance@example.com"]


def test_an_alarm_of_a_section_notifies_the_topics_of_the_stack() -> None:
    metric = {"namespace": "Shop", "name": "Late"}
    alarm = {"description": "Mails wait", "metric": metric, "threshold": 5, "missing_data": "breaching"}
    monitoring = {"monitoring": {"alarms": {"late": alarm}}}
    assert program_graph("prod", monitoring).named("monitoring-late").inputs["alarmActions"]
    ((key, because, _),) = reported({**VALID, **monitoring})
    assert key == "monitoring.alarms.late"
    assert because == "has no action: nobody would learn of it. Give it alarm_topic_arns, or give the component some"
