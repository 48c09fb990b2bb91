"""Ten changes of the stack prod, in one run of the command: each is told right, in JSON, in the terminal and as Markdown."""

import json
from pathlib import Path
from typing import Any

import pytest
from offline_preview import cli
from offline_preview.reports.markdown import LIMIT

from tests.program import ROOT, copy_project

BEFORE = """
import pulumi_aws as aws
from cloudpatterns.storage import DurableBucket

aws.sns.Topic("news")
aws.sns.Topic("plain")
jobs = aws.sqs.Queue("jobs", sqs_managed_sse_enabled=True, tags={"Team": "a"})
aws.sqs.QueuePolicy("jobs", queue_url=jobs.url, policy={"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sqs:SendMessage", "Resource": jobs.arn}]})
group = aws.ec2.SecurityGroup("extra", description="one", vpc_id=network.vpc_id)
https = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ipv4": "10.0.0.0/8"}
aws.vpc.SecurityGroupIngressRule("extra-in", security_group_id=group.id, **https)
aws.s3.Bucket("kept", opts=pulumi.ResourceOptions(protect=True))
DurableBucket("old", {"kind": "data"})
"""
AFTER = """
import pulumi_aws as aws
from cloudpatterns.storage import DurableBucket

aws.sns.Topic("bulletins", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="news")]))
aws.sns.Topic("simple")
jobs = aws.sqs.Queue("jobs", sqs_managed_sse_enabled=True, tags={"Team": "b"})
aws.sqs.QueuePolicy("jobs", queue_url=jobs.url, policy={"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": jobs.arn}]})
group = aws.ec2.SecurityGroup("extra", description="two", vpc_id=network.vpc_id)
ssh = {"ip_protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_ipv4": "0.0.0.0/0"}
aws.vpc.SecurityGroupIngressRule("extra-in", security_group_id=group.id, **ssh)
DurableBucket("new", {"kind": "data"})
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, int]:
    """The folder of the reports, and the exit codes of the earlier run and of this one."""
    folder = tmp_path_factory.mktemp("prod")
    pack = ["--policy-pack", str(ROOT / "policies" / "security")]
    arguments = ["--project", str(folder / "project"), "--stack", "prod", *pack]
    copy_project(folder / "project", after=BEFORE)
    before = cli.main([*arguments, "--json", str(folder / "main.json")])
    program = (ROOT / "__main__.py").read_text(encoding="utf-8")
    (folder / "project" / "__main__.py").write_text(f"{program}\n{AFTER}\n", encoding="utf-8")
    settings = ["--set", "database.instance_class=db.r7g.xlarge"]
    reports = [text for name in ("json", "markdown") for text in (f"--{name}", str(folder / f"changes.{name}"))]
    after = cli.main([*arguments, *settings, "--against", str(folder / "main.json"), *reports])
    return folder, before, after


@pytest.fixture(scope="module")
def found(outcome: tuple[Path, int, int]) -> dict[str, Any]:
    return json.loads((outcome[0] / "changes.json").read_text())["changes"]


def properties(found: dict[str, Any], kind: str, name: str) -> list[tuple[Any, ...]]:
    (change,) = [one for one in found[kind] if one["name"] == name and one["custom"]]
    return [(one["path"], one["before"], one["after"], one["replaces"]) for one in change["properties"]]


def test_a_setting_changes_the_server_and_what_follows_from_it(found: dict[str, Any]) -> None:
    for zone in ("eu-west-1a", "eu-west-1b"):
        assert properties(found, "changed", f"shop-db-{zone}") == [("instanceClass", "db.r7g.large", "db.r7g.xlarge", False)]
    assert [path for path, *_ in properties(found, "changed", "shop-db-memory")] == ["threshold"]


def test_a_changed_tag(found: dict[str, Any]) -> None:
    (change,) = [one for one in found["changed"] if one["type"] == "aws:sqs/queue:Queue"]
    assert change["properties"] == [{"path": "tags.Team", "before": "a", "after": "b", "replaces": False}]


def test_a_changed_document(found: dict[str, Any]) -> None:
    (change,) = [one for one in found["changed"] if one["type"] == "aws:sqs/queuePolicy:QueuePolicy"]
    (one,) = change["properties"]
    assert (one["path"], one["before"], one["after"]) == (
        "policy.Statement[0].Action",
        "sqs:SendMessage",
        ["sqs:SendMessage", "sqs:GetQueueUrl"],
    )


def test_what_forces_a_replacement_and_what_is_replaced_with_it(found: dict[str, Any]) -> None:
    assert properties(found, "replaced", "extra") == [("description", "one", "two", True)]
    changed = {path: (after, replaces) for path, _, after, replaces in properties(found, "replaced", "extra-in")}
    assert changed == {
        "securityGroupId": ("[unknown]", True),
        "cidrIpv4": ("0.0.0.0/0", False),
        "fromPort": (22, False),
        "toPort": (22, False),
    }
    assert [one["name"] for one in found["replaced"]] == ["extra", "extra-in"]


def test_a_rename_with_an_alias_and_one_without(found: dict[str, Any]) -> None:
    assert [(one["name"], one["former"].rpartition("::")[2]) for one in found["renamed"]] == [("bulletins", "news")]
    assert "plain" in [one["name"] for one in found["removed"]]
    assert "simple" in [one["name"] for one in found["added"]]


def test_added_and_removed_components(found: dict[str, Any]) -> None:
    assert [one["name"] for one in found["added"] if not one["custom"]] == ["new", "new-logs"]
    assert [one["name"] for one in found["removed"] if not one["custom"]] == ["old", "old-logs"]
    places = (("added", "new-"), ("removed", "old-"))
    added, removed = (sorted(one["type"] for one in found[kind] if one["custom"] and one["name"].startswith(name)) for kind, name in places)
    assert (added, len(added)) == (removed, 17)


def test_what_is_protected_is_told(found: dict[str, Any]) -> None:
    (change,) = [one for one in found["removed"] if one["name"] == "kept"]
    assert change["notes"] == ["it is protected, so the update is refused"]


OPEN = (
    *("functional-firewall", "operational-firewall", "security-group-authorized-ports", "security-group-high-risk-ports"),
    "security-group-ssh",
)


def test_findings_that_are_new_and_gone(found: dict[str, Any], outcome: tuple[Path, int, int]) -> None:
    new = {(one["control"], one["urn"].rpartition("::")[2]) for one in found["findings"]["new"]}
    assert new == {("sns-encrypted", "simple"), *((control, "extra-in") for control in OPEN)}
    gone = [one for one in found["findings"]["gone"] if one["urn"].endswith("::kept")]
    assert gone
    assert {one["reason"] for one in gone} == {"its resource is removed"}
    assert outcome[1:] == (1, 1)


def test_nothing_else_is_told(found: dict[str, Any]) -> None:
    assert sorted(one["name"] for one in found["changed"]) == ["jobs", "jobs", "shop-db-eu-west-1a", "shop-db-eu-west-1b", "shop-db-memory"]


def test_the_comment_has_the_verdict_first_and_all_of_it(outcome: tuple[Path, int, int]) -> None:
    text = (outcome[0] / "changes.markdown").read_text()
    assert text.startswith("## Offline preview: \N{CROSS MARK} Not compliant: prod\n")
    assert len(text) < LIMIT
    lines = text.splitlines()
    assert "- **replaced** `ec2.SecurityGroup extra`, because `description` changes" in lines
    assert "- **removed** `s3.Bucket kept`, **it is protected, so the update is refused**" in lines
    assert "- **renamed** `sns.Topic bulletins`, was `sns.Topic news`" in lines
    assert lines[-1] == "<!-- offline-preview -->"
