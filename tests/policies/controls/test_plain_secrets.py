"""Secrets in plain text."""

import base64
import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import plain_secrets as controls
from cloudpatterns_policies.controls._variables import SECRET_NAMES, is_plain_secret
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, verdicts

# Put together here, so that no scanner takes this file for a leak.
STRIPE, GITHUB = "sk_" + "live_" + "a1B2" * 6, "ghp" + "_" + "a1B2" * 9
KEY = "AKIA" + "IOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("--db-password", "hunter2", True),
        ("X-Api-Key", "hunter2", True),
        ("db.password", "hunter2", True),
        ("ANYTHING", STRIPE, True),
        ("ANYTHING", GITHUB, True),
        ("ANYTHING", KEY, True),
        ("ANYTHING", "postgres://shop:hunter2@db/shop", True),
        ("JWT_SECRET", "a1b2c3d4e5f6a7b8c9d0", True),
        ("Authorization", "Bearer a1b2c3d4e5f6a7b8c9d0", True),
        ("SLACK_TOKEN", "a1b2c3d4e5f6a7b8c9d0", True),
        ("DB_SECRET", "shop-db-credentials-2", False),
        ("DB_SECRET", "shop/db-AbCdEf", False),
        ("TOKEN_LIFETIME", "60", False),
        ("PAGE_TOKEN", "short1", False),
        ("COMMIT", "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db", False),
        ("DB_PASSWORD", "{{resolve:secretsmanager:db}}", False),
        ("DB_PASSWORD", "/prod/db/password", False),
        ("DB_PASSWORD", "$DB_PASSWORD", False),
        ("DB_PASSWORD", "${db_password}", False),
        ("DB_PASSWORD", "{hunter2}", True),
        ("ALLOW_EMPTY_PASSWORD", "yes", False),
        ("ALLOW_EMPTY_PASSWORD", "1", False),
        ("TABLE", "shop", False),
    ],
)
def test_what_is_a_secret(name: str, value: str, expected: bool) -> None:
    assert is_plain_secret(name, value, SECRET_NAMES) == expected


def in_plain_text(name: str, path: str, rest: str = "") -> Fail:
    return Fail(f"passes the secret {name}{rest} in plain text", path)


IMAGE, CODE = "imageRepository.imageConfiguration", "codeRepository.codeConfiguration.codeConfigurationValues"
APP_RUNNER = "aws:apprunner/service:Service"


def nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


MAPS = [
    (controls.lambda_no_secret_in_environment, "aws:lambda/function:Function", "environment.variables"),
    *[
        (controls.app_runner_no_secret_in_environment, APP_RUNNER, f"sourceConfiguration.{source}.runtimeEnvironmentVariables")
        for source in (IMAGE, CODE)
    ],
    (controls.sagemaker_no_secret_in_environment, "aws:sagemaker/model:Model", "primaryContainer.environment"),
    (controls.amplify_no_secret_in_environment, "aws:amplify/app:App", "environmentVariables"),
    (controls.amplify_no_secret_in_environment, "aws:amplify/branch:Branch", "environmentVariables"),
    (controls.glue_no_secret_in_arguments, "aws:glue/job:Job", "defaultArguments"),
    (controls.glue_no_secret_in_arguments, "aws:glue/job:Job", "nonOverridableArguments"),
    (controls.cloudformation_no_secret_in_parameters, "aws:cloudformation/stack:Stack", "parameters"),
    (controls.cloudformation_no_secret_in_parameters, "aws:cloudformation/stackSet:StackSet", "parameters"),
]


@pytest.mark.parametrize(("control", "type", "path"), MAPS)
def test_maps_of_variables(control: Control, type: str, path: str) -> None:
    def judged(value: Any) -> list[Verdict]:
        return verdicts(control, resource(type, props=nested(path, value)))

    assert judged({"TABLE": "shop", "DB_SECRET": "shop/db", "SIZE": 3, "NONE": None}) == [Pass()]
    assert judged({"TABLE": UNKNOWN}) == [Pass()]
    assert judged({"TABLE": "shop", "DB_PASSWORD": "hunter2"}) == [in_plain_text("DB_PASSWORD", f"{path}.DB_PASSWORD")]
    assert judged({"DB_PASSWORD": secret("hunter2")}) == [in_plain_text("DB_PASSWORD", f"{path}.DB_PASSWORD")]
    assert judged({"PAYMENTS": STRIPE}) == [in_plain_text("PAYMENTS", f"{path}.PAYMENTS")]
    assert judged({"DB_PASSWORD": UNKNOWN}) == [Unknown(f"{path}.DB_PASSWORD")]
    assert judged(UNKNOWN) == [Unknown(path)]
    assert verdicts(control, resource(type)) == [Pass()]
    config = {"names": ["*PIN"]}
    assert verdicts(control, resource(type, props=nested(path, {"DB_PASSWORD": "x", "CARD_PIN": "y"})), config) == [
        in_plain_text("CARD_PIN", f"{path}.CARD_PIN")
    ]


def test_further_containers_of_a_model() -> None:
    model = "aws:sagemaker/model:Model"
    containers = [{"image": "a"}, {"environment": {"DB_PASSWORD": "hunter2"}}]
    found = verdicts(controls.sagemaker_no_secret_in_environment, resource(model, props={"containers": containers}))
    assert found == [in_plain_text("DB_PASSWORD", "containers.1.environment.DB_PASSWORD")]


LIGHTSAIL = "aws:lightsail/containerServiceDeploymentVersion:ContainerServiceDeploymentVersion"


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"containers": [{"environment": {"TABLE": "shop"}}]}, [Pass()]),
        (
            {"containers": [{}, {"environment": {"DB_PASSWORD": "x"}}]},
            [in_plain_text("DB_PASSWORD", "containers.1.environment.DB_PASSWORD")],
        ),
        ({"containers": [{"environment": UNKNOWN}]}, [Unknown("containers.0.environment")]),
        ({}, [NotApplicable("has no container")]),
    ],
)
def test_containers_of_lightsail(props: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(controls.lightsail_no_secret_in_environment, resource(LIGHTSAIL, props=props)) == expected


PROJECT, VARIABLES = "aws:codebuild/project:Project", "environment.environmentVariables"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ([{"name": "TABLE", "value": "shop"}], [Pass()]),
        ([{"name": "DB_PASSWORD", "value": "db", "type": "SECRETS_MANAGER"}], [Pass()]),
        ([{"name": "DB_PASSWORD", "value": "db", "type": "PARAMETER_STORE"}], [Pass()]),
        ([{"name": "A", "value": "b"}, {"name": "DB_PASSWORD", "value": "x"}], [in_plain_text("DB_PASSWORD", f"{VARIABLES}.1")]),
        ([{"name": "A", "value": KEY, "type": "PLAINTEXT"}], [in_plain_text("A", f"{VARIABLES}.0")]),
        ([{"name": "DB_PASSWORD", "value": "x", "type": UNKNOWN}], [Unknown(f"{VARIABLES}.0.type")]),
        ([{"name": "TABLE", "value": "x", "type": UNKNOWN}], [Pass()]),
        ([{"name": "DB_PASSWORD", "value": UNKNOWN}], [Unknown(f"{VARIABLES}.0")]),
        ([{"name": UNKNOWN, "value": "x"}], [Unknown(f"{VARIABLES}.0")]),
        (UNKNOWN, [Unknown(VARIABLES)]),
        (None, [Pass()]),
    ],
)
def test_variables_of_builds(variables: Any, expected: list[Verdict]) -> None:
    project = resource(PROJECT, props={"environment": {"environmentVariables": variables}})
    assert verdicts(controls.codebuild_no_secret_in_environment, project) == expected


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"source": {"location": "https://bitbucket.org/shop/web"}}, [Pass()]),
        (
            {"source": {"location": "https://ann:hunter2@bitbucket.org/shop/web"}},
            [Fail("holds a URL with a password", "source.location")],
        ),
        ({"source": {"buildspec": f"run: {KEY}"}}, [Fail("holds an AWS access key", "source.buildspec")]),
        (
            {"secondarySources": [{}, {"location": "https://ann:hunter2@bitbucket.org/shop/web"}]},
            [Fail("holds a URL with a password", "secondarySources.1.location")],
        ),
        ({"source": {"location": UNKNOWN}}, [Unknown("source.location")]),
        ({}, [Pass()]),
    ],
)
def test_sources_of_builds(props: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(controls.codebuild_no_secret_in_source, resource(PROJECT, props=props)) == expected


JOB, SECRET = "aws:batch/jobDefinition:JobDefinition", {"environment": [{"name": "DB_PASSWORD", "value": "hunter2"}]}
FINE = {"environment": [{"name": "TABLE", "value": "shop"}]}


@pytest.mark.parametrize(
    ("path", "document", "at"),
    [
        ("containerProperties", SECRET, ""),
        ("ecsProperties", {"taskProperties": [{"containers": [FINE, SECRET]}]}, ".taskProperties.0.containers.1"),
        ("nodeProperties", {"nodeRangeProperties": [{"container": FINE}, {"container": SECRET}]}, ".nodeRangeProperties.1.container"),
    ],
)
def test_documents_of_jobs(path: str, document: Any, at: str) -> None:
    found = verdicts(controls.batch_no_secret_in_environment, resource(JOB, props={path: json.dumps(document)}))
    assert found == [in_plain_text("DB_PASSWORD", f"{path}{at}.environment.0")]
    assert verdicts(controls.batch_no_secret_in_environment, resource(JOB, props={path: UNKNOWN})) == [Unknown(path)]
    broken = resource(JOB, props={path: "["})
    assert verdicts(controls.batch_no_secret_in_environment, broken) == [Fail("has job properties that are not valid JSON", path)]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({}, [Pass()]),
        ({"containerProperties": json.dumps(FINE)}, [Pass()]),
        (
            {"eksProperties": {"podProperties": {"containers": [{"envs": [{"name": "DB_PASSWORD", "value": "x"}]}]}}},
            [in_plain_text("DB_PASSWORD", "eksProperties.podProperties.containers.0.envs.0")],
        ),
        (
            {"eksProperties": {"podProperties": {"initContainers": [{"envs": UNKNOWN}]}}},
            [Unknown("eksProperties.podProperties.initContainers.0.envs")],
        ),
        ({"eksProperties": {"podProperties": {"containers": [UNKNOWN]}}}, [Unknown("eksProperties.podProperties.containers.0")]),
    ],
)
def test_jobs(props: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(controls.batch_no_secret_in_environment, resource(JOB, props=props)) == expected


def setting(name: Any, value: Any, namespace: Any = "aws:elasticbeanstalk:application:environment") -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "value": value}


@pytest.mark.parametrize(
    "type", ["aws:elasticbeanstalk/environment:Environment", "aws:elasticbeanstalk/configurationTemplate:ConfigurationTemplate"]
)
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([setting("TABLE", "shop"), setting("DBPassword", "x", "aws:rds:dbinstance")], [Pass()]),
        ([setting("DB_PASSWORD", "x", "aws:elasticbeanstalk:application:environmentsecrets")], [Pass()]),
        ([setting("A", "b"), setting("DB_PASSWORD", "x")], [in_plain_text("DB_PASSWORD", "settings.1")]),
        ([setting("DB_PASSWORD", UNKNOWN)], [Unknown("settings.0")]),
        ([setting("DB_PASSWORD", "x", UNKNOWN)], [Unknown("settings.0")]),
        ([setting(UNKNOWN, "x")], [Unknown("settings.0")]),
        (UNKNOWN, [Unknown("settings")]),
        (None, [Pass()]),
    ],
)
def test_settings_of_beanstalk(type: str, settings: Any, expected: list[Verdict]) -> None:
    assert verdicts(controls.beanstalk_no_secret_in_environment, resource(type, props={"settings": settings})) == expected


PARAMETER = "aws:ssm/parameter:Parameter"
PLAIN = Fail("holds a secret in a parameter of type String", "type")


@pytest.mark.parametrize(
    ("name", "props", "expected"),
    [
        ("table", {"type": "String", "value": "shop"}, Pass()),
        ("db", {"type": "SecureString", "name": "/prod/db-password", "value": "hunter2"}, Pass()),
        ("db", {"type": "String", "name": "/prod/db/password-policy", "value": "long"}, Pass()),
        ("db", {"type": "String", "name": "/prod/db-password", "value": "arn:aws:secretsmanager:x"}, Pass()),
        ("db", {"type": "String", "name": "/prod/db-password", "value": "hunter2"}, PLAIN),
        ("db", {"type": "String", "name": "db-password-1a2b3c4", "insecureValue": "hunter2"}, PLAIN),
        ("db-password", {"type": "String", "value": "hunter2"}, PLAIN),
        ("db-password", {"type": "String", "name": UNKNOWN, "value": "hunter2"}, PLAIN),
        ("payments", {"type": "String", "value": STRIPE}, PLAIN),
        ("db", {"type": "StringList", "value": KEY}, Fail("holds a secret in a parameter of type StringList", "type")),
        ("db-password", {"type": UNKNOWN, "value": "hunter2"}, Unknown("type")),
        ("db-password", {"type": "String", "value": UNKNOWN}, Unknown("value")),
        ("db-password", {"type": "String", "insecureValue": UNKNOWN}, Unknown("insecureValue")),
        ("table", {"type": "String", "value": UNKNOWN}, Pass()),
        ("db-password", {"type": "String"}, Pass()),
    ],
)
def test_parameters(name: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.parameter_secret_encrypted, resource(PARAMETER, name, props)) == [expected]


CONNECTION = "aws:cloudwatch/eventConnection:EventConnection"


@pytest.mark.parametrize("group", ["invocationHttpParameters", "oauth.oauthHttpParameters"])
@pytest.mark.parametrize("part", ["headers", "queryStrings", "bodies"])
def test_connections(group: str, part: str) -> None:
    path = f"authParameters.{group}.{part}"

    def judged(*items: Any) -> list[Verdict]:
        return verdicts(controls.event_connection_secrets_marked, resource(CONNECTION, props=nested(path, list(items))))

    key = {"key": "X-Api-Key", "value": "hunter2"}
    assert judged({"key": "Accept", "value": "json"}, key | {"isValueSecret": True}) == [Pass()]
    assert judged({"key": "Accept", "value": "json"}, key) == [in_plain_text("X-Api-Key", f"{path}.1", f" in its {part}")]
    assert judged(key | {"isValueSecret": False}) == [in_plain_text("X-Api-Key", f"{path}.0", f" in its {part}")]
    assert judged(key | {"isValueSecret": UNKNOWN}) == [Unknown(f"{path}.0.isValueSecret")]
    assert judged(key | {"value": UNKNOWN}) == [Unknown(f"{path}.0")]
    assert verdicts(controls.event_connection_secrets_marked, resource(CONNECTION, props=nested(path, UNKNOWN))) == [Unknown(path)]
    assert verdicts(controls.event_connection_secrets_marked, resource(CONNECTION)) == [Pass()]


NOTEBOOK = "aws:sagemaker/notebookInstanceLifecycleConfiguration:NotebookInstanceLifecycleConfiguration"


@pytest.mark.parametrize(
    ("control", "type", "path"),
    [
        (controls.step_functions_no_secrets, "aws:sfn/stateMachine:StateMachine", "definition"),
        (controls.script_no_secrets, NOTEBOOK, "onCreate"),
        (controls.script_no_secrets, NOTEBOOK, "onStart"),
        (controls.script_no_secrets, "aws:imagebuilder/component:Component", "data"),
        (controls.script_no_secrets, "aws:ssm/document:Document", "content"),
    ],
)
def test_texts(control: Control, type: str, path: str) -> None:
    for text in (f"x {KEY} y", base64.b64encode(f"export KEY={KEY}".encode()).decode()):
        assert verdicts(control, resource(type, props={path: text})) == [Fail("holds an AWS access key", path)]
    assert verdicts(control, resource(type, props={path: f"token {GITHUB}"})) == [Fail("holds an API token", path)]
    assert verdicts(control, resource(type, props={path: '{"Password.$": "$.password", "SecretId": "db"}'})) == [Pass()]
    assert verdicts(control, resource(type, props={path: UNKNOWN})) == [Unknown(path)]
    assert verdicts(control, resource(type)) == [Pass()]
