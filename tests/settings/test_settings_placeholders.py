"""Examples in a stack's settings, which a deployment must not begin with."""

import pytest
import yaml

from settings import placeholders
from tests.settings.test_settings_files import ROOT


def run(folder, monkeypatch, capsys, stack, config):
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    monkeypatch.chdir(folder)
    return placeholders.main([stack]), capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("arn:aws:sns:eu-west-1:123456789012:alarms", "the example account"),
        ("arn:aws:acm:eu-west-1:210987654321:certificate/00000000-0000-4000-8000-000000000000", "the example certificate"),
        ("operations@example.com", "an address of a domain for examples"),
        ("shop.example.com", "an address of a domain for examples"),
        ("Z0123456789ABCDEFGHIJ", "the example of a hosted zone"),
        ("arn:aws:s3:::example-bucket/*", "the example of a bucket"),
    ],
)
@pytest.mark.parametrize("stack", ["dev", "acme/cloudpatterns/dev"])
def test_an_example_is_named_with_its_key(tmp_path, monkeypatch, capsys, value, kind, stack):
    config = {"aws:region": "eu-west-1", "cloudpatterns:storefront": {"alarms": ["mine", value]}}
    assert run(tmp_path, monkeypatch, capsys, stack, config) == (
        1,
        "error: Pulumi.dev.yaml has 1 value that is only an example:\n\n"
        "cloudpatterns:storefront.alarms[1]\n"
        f"  given:    {value}\n"
        f"  problem:  {kind}\n"
        "  allowed:  your own value\n"
        f"  fix:      pulumi config set --stack {stack} --path 'cloudpatterns:storefront.alarms[1]' ...\n\n"
        f"For an emulator of AWS that has this account: make up STACK={stack} EXAMPLES=yes\n",
    )


@pytest.mark.parametrize(
    "value",
    ["arn:aws:sns:eu-west-1:210987654321:alarms", "me@acme.org", "shop.acme.org", "a note on example.com and others", 123456789012],
)
def test_other_values_are_not(tmp_path, monkeypatch, capsys, value):
    assert run(tmp_path, monkeypatch, capsys, "dev", {"cloudpatterns:storefront": {"value": value}}) == (0, "")


def test_no_file_and_an_empty_one_have_no_examples(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert placeholders.main(["dev"]) == 0
    assert run(tmp_path, monkeypatch, capsys, "dev", None) == (0, "")


@pytest.mark.parametrize(
    ("stack", "keys"),
    [
        ("dev", {"certificate_arn", "email_addresses[0]"}),
        ("prod", {"domain_name", "hosted_zone_id", "alarm_topic_arns[0]", "email_addresses[0]"}),
    ],
)
def test_the_shipped_stacks_name_what_is_to_be_replaced(stack, keys):
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    assert {key.rpartition(".")[2] for key, _, _ in placeholders.examples(config)} == keys
