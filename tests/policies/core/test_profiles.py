"""The packs' own profiles follow the rule for every control there is."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.core import Level, Pass, Severity, control, discover, profiles, read_profile
from cloudpatterns_policies.core.profiles import OF_DEV_ALONE, PACKS, RULES, main, profile

FOLDER = Path(__file__).parents[3] / "policies"
META: dict[str, Any] = {"title": "t", "types": ("a:b:C",), "why": "w", "remediation": "r", "url": "https://example.com"}
CONTROLS = tuple(
    control(id=severity.label, severity=severity, config={"days": {"type": "integer", "default": 7}}, **META)(lambda resource: Pass())
    for severity in Severity
)
LEVELS = {
    "dev": {"low": "advisory", "medium": "advisory", "high": "mandatory", "critical": "mandatory"},
    "prod": {"low": "advisory", "medium": "mandatory", "high": "mandatory", "critical": "mandatory"},
}


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("name", RULES)
def test_a_profile_of_ours_blocks_by_severity_alone(pack: str, name: str) -> None:
    controls = PACKS[pack]()
    written = json.loads((FOLDER / pack / f"{name}.json").read_text(encoding="utf-8"))
    levels = read_profile(written, controls).levels
    assert {item.id: levels[item.id].value for item in controls} == {
        item.id: "disabled" if item.disabled else LEVELS["prod" if item.id in OF_DEV_ALONE else name][item.severity.label]
        for item in controls
    }
    assert levels["exemptions"] is Level.MANDATORY


def test_every_control_is_served_by_a_pack_that_has_a_folder() -> None:
    assert {item.pack for item in discover(pack=None)} | {"acceptance"} == set(PACKS)
    assert {path.parent.name for path in FOLDER.glob("*/PulumiPolicy.yaml")} == set(PACKS)
    for pack, controls in PACKS.items():
        assert {item.pack for item in controls()} == {pack}


def test_profiles_are_in_step_with_the_controls(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, f"run `python -m cloudpatterns_policies.core.profiles`: {capsys.readouterr().out}"


def test_a_control_about_other_stacks_than_production_blocks_in_dev() -> None:
    controls = {item.id: item for item in PACKS["operations"]()}
    assert {controls[name].severity for name in OF_DEV_ALONE} == {Severity.MEDIUM}
    written = json.loads((FOLDER / "operations" / "dev.json").read_text(encoding="utf-8"))
    assert {read_profile(written, controls.values()).levels[name] for name in OF_DEV_ALONE} == {Level.MANDATORY}


def test_what_is_shipped_disabled_says_why() -> None:
    reasons = {item.id: item.disabled for item in discover(pack=None) if item.disabled}
    assert sorted(reasons) == ["iam-password-expiry", "rds-default-port"]
    assert "NIST SP 800-63B recommends against" in reasons["iam-password-expiry"]
    assert "contradicts the functional firewall" in reasons["rds-default-port"]


@pytest.mark.parametrize("name", RULES)
def test_a_profile_lists_only_what_differs(name: str) -> None:
    made = profile(CONTROLS, RULES[name], {})
    assert made == {"exemptions": {"entries": []}, **({"medium": "advisory"} if name == "dev" else {})}
    levels = read_profile(made, CONTROLS).levels
    assert {severity.label: levels[severity.label].value for severity in Severity} == LEVELS[name]


def test_properties_exemptions_and_the_summary_of_unknowns_are_kept_and_levels_are_not() -> None:
    present = {
        "exemptions": {"entries": [1]},
        "unknowns": "disabled",
        "gone": "advisory",
        "low": {"days": 3, "enforcementLevel": "disabled"},
        "medium": {"days": 4},
        "high": "disabled",
    }
    assert profile(CONTROLS, Severity.HIGH, present) == {
        "exemptions": {"entries": [1]},
        "unknowns": "disabled",
        "low": {"days": 3},
        "medium": {"enforcementLevel": "advisory", "days": 4},
    }


def test_the_command_writes_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(profiles, "PACKS", {"some": lambda: CONTROLS})
    (tmp_path / "some").mkdir()
    arguments = ["--folder", str(tmp_path)]
    dev, prod = (tmp_path / "some" / f"{name}.json" for name in ("dev", "prod"))
    assert main([*arguments, "--check"]) == 1
    assert capsys.readouterr().out == f"{dev}: out of date\n{prod}: out of date\n"
    assert not dev.exists()
    assert main(arguments) == 0
    assert json.loads(dev.read_text()) == {"exemptions": {"entries": []}, "medium": "advisory"}
    assert main([*arguments, "--check"]) == 0
    prod.write_text('{"low": "mandatory"}')
    assert main([*arguments, "--check"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"{prod}: out of date"


@pytest.mark.parametrize(("name", "production"), [("dev", False), ("prod", True)])
def test_each_profile_of_operations_says_whether_its_stack_is_production(name: str, production: bool) -> None:
    controls = PACKS["operations"]()
    written = json.loads((FOLDER / "operations" / f"{name}.json").read_text(encoding="utf-8"))
    asking = [item.id for item in controls if "production" in item.config]
    assert len(asking) >= 10
    configuration = read_profile(written, controls)
    assert {
        item.id: {**item.defaults(), **configuration.properties.get(item.id, {})}["production"] for item in controls if item.id in asking
    } == dict.fromkeys(asking, production)
