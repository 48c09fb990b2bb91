"""TemporaryEnvironment: an expiry or nothing, nothing of production, a janitor outside, and a script that refuses what is protected."""

import inspect
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.operations import TemporaryEnvironment
from cloudpatterns.operations.temporary_environment import component
from offline_preview.graph import Graph

from tests.harness import record, refs
from tests.program import ROOT

TOPIC, KEY = "arn:aws:sns:eu-west-1:123456789012:operations", "arn:aws:kms:eu-west-1:123456789012:key/1"
PLACE: Any = {
    "stack": "organization/shop/pr-42",
    "expires_at": "2027-03-29T01:30:00",
    "state_bucket_arn": "arn:aws:s3:::state",
    "destroy_policy_arns": {"deploy": "arn:aws:iam::123456789012:policy/deploy"},
    "alarm_topic_arns": [TOPIC],
}
SCRIPT = Path(inspect.getfile(component)).parent / "on_aws/destroy.sh"
URN = "urn:pulumi:pr-42::shop::aws:rds/instance:Instance::orders"


def janitor(**args: Any) -> Graph:
    given: Any = {name: value for name, value in {**PLACE, **args}.items() if value is not None}
    return record(lambda: TemporaryEnvironment("pr-42", given), mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        janitor(**args)
    return error.value.problems


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in json.loads(graph.named(name).inputs["policy"])["Statement"]}


def schedules(graph: Graph) -> dict[str, dict[str, Any]]:
    return {one.name.removeprefix("pr-42-"): one.inputs for one in graph.of_type("aws:scheduler/schedule:Schedule")}


def test_it_refuses_to_build_without_an_expiry() -> None:
    [(path, reason)] = refused(expires_at=None)
    assert path == "expires_at"
    assert "missing" in reason
    assert "expires_at" in get_type_hints(TemporaryEnvironment.__init__)["args"].__required_keys__
    assert refused(expires_at="2027-02-30T18:00:00") == [("expires_at", "is '2027-02-30T18:00:00', which is no time. Correct it.")]
    assert [path for path, _ in refused(expires_at="")] == ["expires_at"]


@pytest.mark.parametrize("name", ["prod", "Production", "prd", "live", "prod-cell-2", "eu_PROD", "shop.live"])
def test_it_refuses_stacks_of_production(name: str) -> None:
    stack, found = f"organization/shop/{name}", next(one for one in ("production", "prod", "prd", "live") if one in name.lower())
    reason = f"is {stack}; a stack of production never expires. Give another stack, or leave {found} out of production_names."
    assert refused(stack=stack) == [("stack", reason)]


def test_a_name_of_production_within_a_word_is_none() -> None:
    assert janitor(stack="organization/shop/products-delivery")


def test_other_names_of_production_can_be_given() -> None:
    assert [path for path, _ in refused(production_names=["PR-42"])] == ["stack"]


def test_it_stands_outside_the_stack_that_it_destroys() -> None:
    # The project and the stack of the tests.
    reason = (
        "is organization/project/test, this very stack: it would delete what destroys it. Put the component into a stack outside of it."
    )
    assert refused(stack="organization/project/test") == [("stack", reason)]
    assert janitor(stack="organization/project/test-2")


def test_topics_are_warned_and_then_the_build_starts() -> None:
    graph = janitor(alarm_topic_arns=[TOPIC, f"{TOPIC}-2"], time_zone="Europe/Berlin", warning_hours=48)
    project, queue, role = graph.named("pr-42-destroy"), graph.named("pr-42-undelivered"), graph.named("pr-42-schedules-role")
    found = schedules(graph)
    assert {name: (one["scheduleExpression"], one["scheduleExpressionTimezone"], one["target"]["arn"]) for name, one in found.items()} == {
        "warning-1": ("at(2027-03-27T01:30:00)", "Europe/Berlin", "arn:aws:scheduler:::aws-sdk:sns:publish"),
        "warning-2": ("at(2027-03-27T01:30:00)", "Europe/Berlin", "arn:aws:scheduler:::aws-sdk:sns:publish"),
        "expiry": ("at(2027-03-29T01:30:00)", "Europe/Berlin", "arn:aws:scheduler:::aws-sdk:codebuild:startBuild"),
    }
    assert json.loads(found["expiry"]["target"]["input"]) == {"ProjectName": project.outputs["name"]}
    assert json.loads(found["warning-2"]["target"]["input"]) == {
        "TopicArn": f"{TOPIC}-2",
        "Subject": "A temporary environment expires",
        "Message": "organization/shop/pr-42 expires at 2027-03-29 01:30:00 (Europe/Berlin), and is destroyed then. To keep it, raise "
        "expires_at of pr-42 in the stack project/test, and run pulumi up there.",
    }
    assert {one["target"]["deadLetterConfig"]["arn"] for one in found.values()} == {queue.outputs["arn"]}
    assert {one["target"]["roleArn"] for one in found.values()} == {role.outputs["arn"]}
    # Refused by AWS, a warning that would be in the past leaves the expiry at its new time.
    for name in ("pr-42-warning-1", "pr-42-warning-2"):
        assert "pr-42-expiry" in {urn.rpartition("::")[2] for urn in graph.named(name).dependencies}
    # With it, AWS would delete the schedule, and the next up would create it again.
    assert {one.get("actionAfterCompletion") for one in found.values()} == {None}


def test_the_schedules_may_warn_and_start_this_build_alone() -> None:
    graph = janitor(topic_kms_key_arns=[KEY])
    found = statements(graph, "pr-42-schedules-policy")
    assert {sid: (statement["Action"], statement["Resource"]) for sid, statement in found.items()} == {
        "Destroy": (["codebuild:StartBuild"], [graph.named("pr-42-destroy").outputs["arn"]]),
        "Warn": (["sns:Publish"], [TOPIC]),
        "WarnKeys": (["kms:Decrypt", "kms:GenerateDataKey"], [KEY]),
        "Park": (["sqs:SendMessage"], [graph.named("pr-42-undelivered").outputs["arn"]]),
    }
    [trust] = json.loads(graph.named("pr-42-schedules-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"]["ArnEquals"] == {"aws:SourceArn": graph.named("pr-42-schedules").outputs["arn"]}


def test_the_build_has_the_given_policies_and_the_state_of_this_stack_alone() -> None:
    graph = janitor(state_kms_key_arns=[KEY])
    found = statements(graph, "pr-42-destroy-policy")
    assert found["ListTheState"]["Resource"] == ["arn:aws:s3:::state"]
    assert found["UseTheState"] == {
        "Sid": "UseTheState",
        "Effect": "Allow",
        "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
        "Resource": [
            "arn:aws:s3:::state/.pulumi/meta.yaml",
            "arn:aws:s3:::state/.pulumi/stacks/shop/pr-42.*",
            "arn:aws:s3:::state/.pulumi/locks/organization/shop/pr-42/*",
            "arn:aws:s3:::state/.pulumi/history/shop/pr-42/*",
            "arn:aws:s3:::state/.pulumi/backups/shop/pr-42/*",
        ],
    }
    assert found["UseTheKeys"]["Resource"] == [KEY]
    attachment = graph.named("pr-42-destroy-deploy")
    assert attachment.inputs["policyArn"] == "arn:aws:iam::123456789012:policy/deploy"
    # The project is there after them.
    assert "pr-42-destroy-deploy" in refs(graph, graph.named("pr-42-destroy"), "serviceRole")


def test_the_build_runs_the_script_once_at_a_time() -> None:
    graph = janitor(timeout_minutes=60)
    project = graph.named("pr-42-destroy").inputs
    steps = json.loads(project["source"]["buildspec"])
    [command] = steps["phases"]["build"]["commands"]
    assert command == f"cat > destroy.sh << 'END_OF_SCRIPT'\n{SCRIPT.read_text()}END_OF_SCRIPT\nbash destroy.sh"
    assert (project["source"]["type"], project["artifacts"], project["buildTimeout"]) == ("NO_SOURCE", {"type": "NO_ARTIFACTS"}, 60)
    assert project["concurrentBuildLimit"] == 1
    environment = project["environment"]
    assert (environment["type"], environment.get("privilegedMode")) == ("ARM_CONTAINER", None)
    assert {one["name"]: one["value"] for one in environment["environmentVariables"]} == {
        "STACK": "organization/shop/pr-42",
        "PULUMI_BACKEND_URL": "s3://state?region=eu-west-1&awssdk=v2",
        # That of this project's own deployments.
        "PULUMI_VERSION": (ROOT / ".pulumi.version").read_text().strip(),
    }
    assert project["logsConfig"]["cloudwatchLogs"] == {"groupName": graph.named("pr-42-destroy-logs").outputs["name"]}


def test_topics_hear_how_it_ended() -> None:
    graph = janitor()
    rule = graph.named("pr-42-ended")
    assert json.loads(rule.inputs["eventPattern"]) == {
        "source": ["aws.codebuild"],
        "detail-type": ["CodeBuild Build State Change"],
        "detail": {
            "project-name": [graph.named("pr-42-destroy").outputs["name"]],
            "build-status": ["FAILED", "FAULT", "STOPPED", "SUCCEEDED", "TIMED_OUT"],
        },
    }
    assert graph.named("pr-42-ended-topic-1").inputs["arn"] == TOPIC
    assert graph.named("pr-42-undelivered-alarm").inputs["alarmActions"] == [TOPIC]


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({"stack": "shop/pr-42"}, "stack"),
        ({"stack": "organization/shop/*"}, "stack"),
        ({"alarm_topic_arns": []}, "alarm_topic_arns"),
        ({"destroy_policy_arns": {}}, "destroy_policy_arns"),
        ({"destroy_policy_arns": {"deploy": "deploy-trials"}}, "destroy_policy_arns.deploy"),
        ({"alarm_topic_arns": ["me@example.com"]}, "alarm_topic_arns.0"),
        ({"state_kms_key_arns": ["alias/state"]}, "state_kms_key_arns.0"),
        ({"time_zone": "Berlin"}, "time_zone"),
        ({"pulumi_version": "latest"}, "pulumi_version"),
        ({"expires_at": "2027-01-31"}, "expires_at"),
    ],
)
def test_values_beyond_their_limits_are_refused(args: dict[str, Any], path: str) -> None:
    assert [where for where, _ in refused(**args)] == [path]


Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def build(tmp_path: Path) -> Run:
    """The build's command as CodeBuild runs it, with a Pulumi that answers and writes down how it was called."""
    if shutil.which("jq") is None:
        pytest.skip("no jq on PATH")
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "pulumi").write_text(
        '#!/bin/bash\necho "$*" >> "$CALLS"\n'
        'if [ "$1 $2" = "stack export" ]; then cat "$STATE"; [ ! -s "$ERROR" ] || { cat "$ERROR" >&2; exit 255; }; exit 0; fi\n'
        '[ "$1" != destroy ] || [ "$(grep -c ^destroy "$CALLS")" -gt "$FAILURES" ]\n'
    )
    (binaries / "pulumi").chmod(0o755)
    [command] = json.loads(janitor().named("pr-42-destroy").inputs["source"]["buildspec"])["phases"]["build"]["commands"]

    def run(resources: list[dict[str, Any]], *, error: str = "", failures: int = 0, **more: str) -> tuple[int, str, list[str]]:
        (tmp_path / "state").write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
        (tmp_path / "error").write_text(error)
        (tmp_path / "calls").write_text("")
        environment = {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "STACK": PLACE["stack"],
            "PULUMI_VERSION": "3.0.0",
            "FAILURES": str(failures),
            "RETRY_SECONDS": "0",
            **more,
            **{name.upper(): str(tmp_path / name) for name in ("calls", "state", "error")},
        }
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr, (tmp_path / "calls").read_text().splitlines()

    return run


EXPORT = "stack export --stack organization/shop/pr-42"
DESTROY = "destroy --stack organization/shop/pr-42 --yes --non-interactive --remove --message The environment has expired"


def test_the_stack_is_destroyed(build: Run) -> None:
    free = [{"urn": URN, "protect": False, "inputs": {"deletionProtection": False}}, {"urn": "urn:pulumi:stack"}]
    assert build(free) == (0, "organization/shop/pr-42 is destroyed\n", [EXPORT, DESTROY])


@pytest.mark.parametrize(
    "resource",
    [
        {"protect": True},
        {"inputs": {"deletionProtection": True}},
        {"inputs": {"deletionProtection": "ACTIVE"}},
        {"inputs": {"deletionProtectionEnabled": True}},
        {"inputs": {"enableDeletionProtection": True}},
        {"inputs": {"disableApiTermination": True}},
        # A firewall, an EMR cluster, an event data store.
        {"inputs": {"deleteProtection": True}},
        {"inputs": {"terminationProtection": True}},
        {"inputs": {"terminationProtectionEnabled": True}},
    ],
)
def test_it_refuses_protected_stacks_before_anything_is_deleted(build: Run, resource: dict[str, Any]) -> None:
    code, shown, calls = build([{"urn": "urn:pulumi:stack"}, {"urn": URN, **resource}])
    assert (code, calls) == (1, [EXPORT])
    words = "refused: organization/shop/pr-42 has protected resources, and nothing was deleted. Remove their protection, or the expiry:"
    assert shown == f"{words}\n{URN}\n"


def test_a_stack_that_is_gone_already_is_a_success(build: Run) -> None:
    error = "error: no stack named 'organization/shop/pr-42' found\n"
    assert build([], error=error) == (0, "organization/shop/pr-42 is gone already\n", [EXPORT])


def test_a_state_that_cannot_be_read_fails_the_build(build: Run) -> None:
    assert build([], error="error: AccessDenied\n") == (1, "error: AccessDenied\n", [EXPORT])


def test_a_stack_that_was_never_deployed_is_removed(build: Run) -> None:
    removal = "stack rm --stack organization/shop/pr-42 --yes --non-interactive"
    assert build([]) == (0, "organization/shop/pr-42 was empty, and is removed\n", [EXPORT, removal])


FREE: list[dict[str, Any]] = [{"urn": URN}]


def test_a_destruction_that_fails_is_tried_once_more(build: Run) -> None:
    assert build(FREE, failures=1) == (0, "organization/shop/pr-42 is destroyed\n", [EXPORT, DESTROY, DESTROY])
    code, shown, calls = build(FREE, failures=2)
    assert (code, calls) == (1, [EXPORT, DESTROY, DESTROY])
    assert "name=CANCEL,value=true" in shown


def test_a_lock_that_was_left_is_removed_when_somebody_says_so(build: Run) -> None:
    cancel = "cancel --stack organization/shop/pr-42 --yes --non-interactive"
    assert build(FREE, CANCEL="true") == (0, "organization/shop/pr-42 is destroyed\n", [EXPORT, cancel, DESTROY])
    assert build(FREE, CANCEL="")[2] == [EXPORT, DESTROY]
