"""ECR repositories, ECS services and task definitions."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import containers as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

REPOSITORY, SCANNING = "aws:ecr/repository:Repository", "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
SERVICE, TASK_SET, TASK = "aws:ecs/service:Service", "aws:ecs/taskSet:TaskSet", "aws:ecs/taskDefinition:TaskDefinition"
PRIVILEGED, READ_ONLY, SECRETS = controls.ecs_not_privileged, controls.ecs_read_only_root, controls.ecs_no_secret_in_environment
NOT_SCANNED = Fail("does not scan images", "imageScanningConfiguration.scanOnPush")


def scanning(*filters: Any, frequency: Any = "SCAN_ON_PUSH") -> dict[str, Any]:
    return {"rules": [{"scanFrequency": frequency, "repositoryFilters": [{"filter": item, "filterType": "WILDCARD"} for item in filters]}]}


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"imageScanningConfiguration": {"scanOnPush": True}}, Pass()),
        ({"imageScanningConfiguration": {"scanOnPush": False}}, NOT_SCANNED),
        ({"imageScanningConfiguration": UNKNOWN}, NOT_SCANNED),
        ({}, NOT_SCANNED),
        ({"imageScanningConfiguration": {"scanOnPush": UNKNOWN}}, Unknown("imageScanningConfiguration.scanOnPush")),
    ],
)
def test_scans_of_the_repository(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.ecr_scan_on_push, resource(REPOSITORY, "web", props)) == [("web", expected)]


RULES_UNKNOWN = Unknown("rules of registry")


@pytest.mark.parametrize(
    ("rules", "name", "expected"),
    [
        (scanning("*"), UNKNOWN, Pass()),
        (scanning("*", frequency="CONTINUOUS_SCAN"), "shop/web", Pass()),
        (scanning("shop/*"), "shop/web", Pass()),
        (scanning("web"), "shop/web", Pass()),
        (scanning("other", "shop"), "shop/web", Pass()),
        (scanning("other"), "shop/web", NOT_SCANNED),
        (scanning("web*"), "shop/web", NOT_SCANNED),
        (scanning("*", frequency="MANUAL"), "shop/web", NOT_SCANNED),
        ({"rules": []}, "shop/web", NOT_SCANNED),
        ({}, "shop/web", NOT_SCANNED),
        (scanning("shop/*"), UNKNOWN, RULES_UNKNOWN),
        (scanning(UNKNOWN), "shop/web", RULES_UNKNOWN),
        (scanning(UNKNOWN, "shop"), "shop/web", Pass()),
        (scanning("*", frequency=UNKNOWN), "shop/web", RULES_UNKNOWN),
        ({"rules": [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": UNKNOWN}]}, "shop/web", RULES_UNKNOWN),
        ({"rules": UNKNOWN}, "shop/web", RULES_UNKNOWN),
    ],
)
def test_scans_of_the_registry(rules: dict[str, Any], name: Any, expected: Verdict) -> None:
    found = verdicts(controls.ecr_scan_on_push, stack(resource(REPOSITORY, "web", {"name": name}), resource(SCANNING, "registry", rules)))
    assert found == [("web", expected)]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"imageTagMutability": "IMMUTABLE"}, Pass()),
        ({"imageTagMutability": "MUTABLE"}, Fail("allows tags to be overwritten", "imageTagMutability")),
        ({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}, Fail("allows some tags to be overwritten", "imageTagMutability")),
        ({}, Fail("allows tags to be overwritten", "imageTagMutability")),
        ({"imageTagMutability": UNKNOWN}, Unknown("imageTagMutability")),
    ],
)
def test_tags(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.ecr_immutable_tags, resource(REPOSITORY, props=props)) == [expected]


@pytest.mark.parametrize("type", [SERVICE, TASK_SET])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"networkConfiguration": {"assignPublicIp": False}}, Pass()),
        ({"networkConfiguration": {"subnets": [UNKNOWN]}}, Pass()),
        ({}, Pass()),
        (
            {"networkConfiguration": {"assignPublicIp": True}},
            Fail("gives its tasks public addresses", "networkConfiguration.assignPublicIp"),
        ),
        ({"networkConfiguration": {"assignPublicIp": UNKNOWN}}, Unknown("networkConfiguration.assignPublicIp")),
    ],
)
def test_public_addresses(type: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.ecs_no_public_ip, resource(type, props=props)) == [expected]


def judged(control: Control, *containers: Any, config: dict[str, Any] | None = None, **props: Any) -> list[Verdict]:
    return verdicts(control, resource(TASK, props={"containerDefinitions": json.dumps(containers), **props}), config)


def test_privileged() -> None:
    assert judged(PRIVILEGED, {"name": "web"}, {"name": "log", "privileged": False}) == [Pass()]
    assert judged(PRIVILEGED, {"name": "web", "privileged": True}, {"privileged": True}) == [
        Fail("runs container web privileged", "containerDefinitions.0.privileged"),
        Fail("runs container 1 privileged", "containerDefinitions.1.privileged"),
    ]


def test_read_only_root() -> None:
    assert judged(READ_ONLY, {"name": "web", "readonlyRootFilesystem": True}) == [Pass()]
    assert judged(READ_ONLY, {"name": "web"}, {"name": "log", "readonlyRootFilesystem": False}) == [
        Fail("allows container web to write to its root file system", "containerDefinitions.0.readonlyRootFilesystem"),
        Fail("allows container log to write to its root file system", "containerDefinitions.1.readonlyRootFilesystem"),
    ]
    windows = NotApplicable("runs on Windows, where ECS has no read-only root file system")
    assert judged(READ_ONLY, {"name": "web"}, runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}) == [windows]
    unknown = {"operatingSystemFamily": UNKNOWN}
    assert judged(READ_ONLY, {"name": "web"}, runtimePlatform=unknown) == [Unknown("runtimePlatform.operatingSystemFamily")]


def test_secrets_in_the_environment() -> None:
    assert judged(SECRETS, {"name": "web"}, {"name": "log", "environment": [{"name": "STAGE", "value": "dev"}]}) == [Pass()]
    secret = {"name": "aws_secret_access_key", "value": "hunter2"}
    assert judged(SECRETS, {"name": "web", "environment": [{"name": "STAGE", "value": "dev"}, secret]}) == [
        Fail("passes the secret aws_secret_access_key to container web in plain text", "containerDefinitions.0.environment.1")
    ]
    other = {"name": "web", "environment": [{"name": "DB_PIN", "value": "hunter2"}]}
    assert judged(SECRETS, other) == [Pass()]
    assert judged(SECRETS, other, config={"names": ["*pin"]}) == [
        Fail("passes the secret DB_PIN to container web in plain text", "containerDefinitions.0.environment.0")
    ]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("WORDPRESS_DB_PASSWORD", "hunter2", True),
        ("REDIS_PWD", "hunter2", True),
        ("stripe_api_key", "hunter2", True),
        ("DJANGO_SECRET_KEY", "hunter2", True),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD", None, False),
        ("DB_PASSWORD_FILE", "/run/db", False),
        ("PWD", "/app", False),
        ("TOKEN_LIFETIME", "60", False),
    ],
)
def test_names_that_secrets_have(name: str, value: str | None, found: bool) -> None:
    expected = Fail(f"passes the secret {name} to container web in plain text", "containerDefinitions.0.environment.0") if found else Pass()
    assert judged(SECRETS, {"name": "web", "environment": [{"name": name, "value": value}]}) == [expected]


@pytest.mark.parametrize("control", [PRIVILEGED, READ_ONLY, SECRETS])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"containerDefinitions": UNKNOWN}, Unknown("containerDefinitions")),
        ({"containerDefinitions": "["}, Fail("has container definitions that are not valid JSON", "containerDefinitions")),
        ({"containerDefinitions": "{}"}, Fail("has container definitions that are not a list of objects", "containerDefinitions")),
        ({"containerDefinitions": "[1]"}, Fail("has container definitions that are not a list of objects", "containerDefinitions")),
        ({"containerDefinitions": "[]"}, Pass()),
        ({}, Pass()),
    ],
)
def test_definitions_that_cannot_be_read(control: Control, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(control, resource(TASK, props=props)) == [expected]
