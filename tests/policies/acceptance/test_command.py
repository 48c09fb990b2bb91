"""The command that prints what AWS refuses."""

import re
import sys
from types import SimpleNamespace

import pytest
from cloudpatterns_policies.acceptance import command, preflight
from cloudpatterns_policies.acceptance.command import main


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")


def test_a_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["AWS::SQS::Queue"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "AWS::SQS::Queue"
    titles = [line for line in lines if line and not line.startswith(" ")][1:]
    assert [re.sub(r"\d+", "N", title) for title in titles] == [
        "The schema (N)",
        "Rules of cdk-preflight, reproduced on AWS (N)",
        "Rules of cdk-preflight for every type (N)",
        "Rules of AWS's validator about the service (N)",
    ]
    assert "  VisibilityTimeout  integer: at least 0; at most 43200" in lines
    assert "  pf-sqs-sse-exclusive" in lines
    assert any(
        line.startswith("      AWS: SqsManagedSseEnabled is true and KmsMasterKeyId is set; CreateQueue fails with") for line in lines
    )
    assert "  E3501  Validate SQS queue properties are valid" in lines
    assert max(map(len, lines)) <= 140


def test_what_the_schema_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["AWS::Lambda::Function", "required"]) == 0
    assert "  Code is a required property\n  Role is a required property\n" in capsys.readouterr().out
    main(["AWS::Lambda::Function"])
    lines = capsys.readouterr().out.splitlines()
    assert "  Layers  array: at most 5 items" in lines
    assert r"  Handler  string: at most 128 characters; pattern ^[^\s]+$" in lines
    assert "  TracingConfig.Mode  string: one of 'Active', 'PassThrough'" in lines
    assert "  SnapStart  object: requires ApplyOn" in lines


def test_words_choose(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["AWS::ECS::Service", "Fargate", "load balancer"]) == 0
    output = capsys.readouterr().out
    assert "pf-ecs-svc-classic-lb-with-fargate" in output
    assert "pf-ecs-service-daemon-desired-count" not in output


def test_types(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--types"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 431
    assert "  37  AWS::ECS::Service" in lines
    assert any(line.endswith("  every type") for line in lines)


def test_a_token_of_pulumi(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    facts = SimpleNamespace(
        cfn_type={"aws:sqs/queue:Queue": "AWS::SQS::Queue"}.get,
        paths={"AWS::SQS::Queue": ["KmsDataKeyReusePeriodSeconds"]}.get,
        tokens=lambda: ["aws:sqs/queue:Queue"],
    )
    monkeypatch.setitem(sys.modules, "cloudpatterns_policies.acceptance.facts", facts)
    assert main(["aws:sqs/queue:Queue", "delay"]) == 0
    assert capsys.readouterr().out.startswith("AWS::SQS::Queue\n\nThe schema (1)\n  DelaySeconds  integer: at least 0; at most 900\n")
    assert main(["aws:no/such:Thing"]) == 2
    assert capsys.readouterr().err == (
        "aws:no/such:Thing is not in the table of types: give CloudFormation's type, such as AWS::ECS::Service.\n"
    )


@pytest.mark.parametrize(
    ("given", "type_"),
    [
        ("lambda.Function", "AWS::Lambda::Function"),
        ("lambda_.Function", "AWS::Lambda::Function"),
        ("aws.lambda_.Function", "AWS::Lambda::Function"),
        ("pulumi_aws.lambda_.Function", "AWS::Lambda::Function"),
        ("aws:lambda:Function", "AWS::Lambda::Function"),
        ("sqs.queue", "AWS::SQS::Queue"),
    ],
)
def test_a_type_as_programs_write_it(capsys: pytest.CaptureFixture[str], given: str, type_: str) -> None:
    assert main([given, "delay"]) == 0
    assert capsys.readouterr().out.startswith(f"{type_}\n")


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("lambda.Funktion", "lambda.Function"),
        ("sqs.Queu", "sqs.Queue"),
        ("aws:sqs/queue:Queu", "aws:sqs/queue:Queue"),
        ("aws:lambda/funktion:Funktion", "aws:lambda/function:Function"),
    ],
)
def test_a_typo_in_a_type(capsys: pytest.CaptureFixture[str], given: str, near: str) -> None:
    assert main([given]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{given} is not in the table of types")
    assert near in error.partition(" Did you mean ")[2]


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("AWS::ECS::Servce", "AWS::ECS::Service"),
        ("Queue", "AWS::SQS::Queue"),
        ("aws::sqs::queue", "AWS::SQS::Queue"),
        ("Service", "AWS::ECS::Service"),
    ],
)
def test_an_unknown_type(capsys: pytest.CaptureFixture[str], given: str, near: str) -> None:
    assert main([given]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{given} is no resource type of CloudFormation. Near it: ")
    assert near in error


def test_a_type_that_resembles_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["AWS::Qqq::Zzz"]) == 2
    assert capsys.readouterr().err == "AWS::Qqq::Zzz is no resource type of CloudFormation.\n"


def test_without_packages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    missing = preflight.Preflight(problem="cdk-preflight is not installed")
    monkeypatch.setattr(command.preflight, "load", lambda: missing)
    assert main(["--types"]) == 2
    assert main(["AWS::SQS::Queue", "delay"]) == 0
    output = capsys.readouterr()
    assert output.err == "cdk-preflight is not installed\n"
    assert output.out.startswith("cdk-preflight is not installed\n\nAWS::SQS::Queue\n")
    monkeypatch.setitem(sys.modules, "cloudformation_validate", None)
    assert main(["AWS::SQS::Queue"]) == 2
    assert "pip install cloudformation-validate" in capsys.readouterr().err


def test_with_the_rules_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "cloudformation_validate", None)
    assert main(["AWS::SQS::Queue"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("cloudformation-validate is not installed")
    assert "pf-sqs-sse-exclusive" in output
    assert "The schema" not in output


def test_help_and_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code in ((["--help"], 0), ([], 2)):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == code
    assert "AWS::ECS::Service" in capsys.readouterr().out
