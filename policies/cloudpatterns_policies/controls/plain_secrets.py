"""Secrets in plain text: in the environments of functions, builds, jobs and services, in parameters, connections and definitions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cloudpatterns_policies.controls._user_data import secrets_in
from cloudpatterns_policies.controls._variables import NAMES, is_plain_secret, of_list, of_map, plain_secrets
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_PROJECT: Final = "aws:codebuild/project:Project"
_PARAMETER: Final = "aws:ssm/parameter:Parameter"
_SETTINGS: Final = "settings"
_ENVIRONMENT: Final = "aws:elasticbeanstalk:application:environment"

# The lists of containers in the documents of a Batch job, as AWS's API has them.
_JOB_CONTAINERS: Final[Mapping[str, Sequence[str]]] = {
    "containerProperties": ("",),
    "ecsProperties": ("taskProperties", "containers"),
    "nodeProperties": ("nodeRangeProperties", "container"),
}
_POD: Final = "eksProperties.podProperties"


def _unless_unknown(value: Any, path: str, verdicts: Iterator[Verdict]) -> Iterator[Verdict]:
    """The verdicts; in place of each, Unknown where what decides whether they count is unknown."""
    for verdict in verdicts:
        yield Unknown(path) if value is UNKNOWN else verdict


@control(
    id="lambda-no-secret-in-environment",
    title="Lambda functions get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=("aws:lambda/function:Function",),
    why="Anyone who may read the function's configuration, or the stack's state, can read its environment variables.",
    remediation="Keep it in Secrets Manager, pass its ARN, and allow the function's role to read it when it starts.",
    url="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html",
    frameworks={"Checkov": ("CKV_AWS_45",)},
    partial={"CKV_AWS_45": "values of 40 characters that neither their name nor their form shows to be secrets"},
    config=NAMES,
)
def lambda_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    yield from plain_secrets(of_map(resource, "environment.variables"), config["names"])


@control(
    id="codebuild-no-secret-in-environment",
    title="CodeBuild projects get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=(_PROJECT,),
    why="Anyone who may read the project, or the console of its builds, can read its environment variables.",
    remediation='Set type of the variable to "SECRETS_MANAGER" or "PARAMETER_STORE", and value to the name of the secret or parameter.',
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/codebuild-controls.html#codebuild-2",
    frameworks={"FSBP": ("CodeBuild.2",)},
    config=NAMES,
)
def codebuild_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    path = "environment.environmentVariables"
    for found in of_list(read(resource, path), path):
        # A parameter or a secret that is read when the build runs has its name as value.
        kind = read(resource, f"{found[0]}.type") if found[1] else None
        if kind is UNKNOWN or kind in (None, "PLAINTEXT"):
            yield from _unless_unknown(kind, f"{found[0]}.type", plain_secrets([found], config["names"]))


@control(
    id="app-runner-no-secret-in-environment",
    title="App Runner services get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=("aws:apprunner/service:Service",),
    why="Anyone who may describe the service, or read the stack's state, can read its environment variables.",
    remediation="Move it to a secret or a parameter, and name its ARN in runtime_environment_secrets.",
    url="https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    config=NAMES,
)
def app_runner_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for source in ("imageRepository.imageConfiguration", "codeRepository.codeConfiguration.codeConfigurationValues"):
        yield from plain_secrets(of_map(resource, f"sourceConfiguration.{source}.runtimeEnvironmentVariables"), config["names"])


@control(
    id="batch-no-secret-in-environment",
    title="Batch jobs get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=("aws:batch/jobDefinition:JobDefinition",),
    why="Anyone who may describe the job definition, or read the stack's state, can read its environment variables.",
    remediation="Move it to a secret and name its ARN under secrets of the container's properties.",
    url="https://docs.aws.amazon.com/batch/latest/userguide/specifying-sensitive-data.html",
    config=NAMES,
)
def batch_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for path, steps in _JOB_CONTAINERS.items():
        if resource.is_unknown(path):
            yield Unknown(path)
            continue
        try:
            document = resource.json(path)
        except ValueError:
            yield Fail("has job properties that are not valid JSON", path)
            continue
        for at, container in _inside(document, path, [step for step in steps if step]):
            yield from plain_secrets(of_list(container.get("environment"), f"{at}.environment"), config["names"])
    for kind in ("containers", "initContainers"):
        for each in expand(resource, f"{_POD}.{kind}.*"):
            if read(resource, each) is UNKNOWN:
                yield Unknown(each)
            else:
                yield from plain_secrets(of_list(read(resource, f"{each}.envs"), f"{each}.envs"), config["names"])


def _inside(value: Any, path: str, steps: Sequence[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects that the steps lead to, through lists, with their paths."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inside(item, f"{path}.{index}", steps)
    elif isinstance(value, Mapping):
        if steps:
            yield from _inside(value.get(steps[0]), f"{path}.{steps[0]}", steps[1:])
        else:
            yield path, value


@control(
    id="beanstalk-no-secret-in-environment",
    title="Elastic Beanstalk environments get no secrets as plain environment properties",
    severity=Severity.HIGH,
    types=("aws:elasticbeanstalk/environment:Environment", "aws:elasticbeanstalk/configurationTemplate:ConfigurationTemplate"),
    why="Anyone who may describe the environment, or read the stack's state, can read its environment properties.",
    remediation='Use the namespace "aws:elasticbeanstalk:application:environmentsecrets" with the ARN of a secret or parameter.',
    url="https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.secrets.env-vars.html",
    config=NAMES,
)
def beanstalk_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for found in of_list(read(resource, _SETTINGS), _SETTINGS):
        namespace = read(resource, f"{found[0]}.namespace") if found[1] else UNKNOWN
        if namespace is UNKNOWN or namespace == _ENVIRONMENT:
            yield from _unless_unknown(namespace, found[0], plain_secrets([found], config["names"]))


@control(
    id="sagemaker-no-secret-in-environment",
    title="SageMaker models get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=("aws:sagemaker/model:Model",),
    why="Anyone who may describe the model, or read the stack's state, can read its environment variables.",
    remediation="Keep it in Secrets Manager, pass its ARN in environment, and allow the execution role to read it.",
    url="https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html",
    config=NAMES,
)
def sagemaker_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for container in ("primaryContainer", *expand(resource, "containers.*")):
        path = container if container == "containers" else f"{container}.environment"
        yield from plain_secrets(of_map(resource, path), config["names"])


@control(
    id="amplify-no-secret-in-environment",
    title="Amplify apps and branches get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=("aws:amplify/app:App", "aws:amplify/branch:Branch"),
    why="Variables are shown in plain text in the console, and are in the build's artifacts; Amplify's pages say to keep no secrets there.",
    remediation="Keep it as a secret of Amplify or a parameter of type SecureString, and remove it from environment_variables.",
    url="https://docs.aws.amazon.com/amplify/latest/userguide/environment-variables.html",
    config=NAMES,
)
def amplify_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    yield from plain_secrets(of_map(resource, "environmentVariables"), config["names"])


@control(
    id="glue-no-secret-in-arguments",
    title="Glue jobs get no secrets as plain arguments",
    severity=Severity.HIGH,
    types=("aws:glue/job:Job",),
    why="Arguments are shown in the console and written to logs; Glue's own page says to pass no secrets by them.",
    remediation="Use a Glue connection or Secrets Manager, and remove it from default_arguments.",
    url="https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html",
    config=NAMES,
)
def glue_no_secret_in_arguments(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for path in ("defaultArguments", "nonOverridableArguments"):
        yield from plain_secrets(of_map(resource, path), config["names"])


@control(
    id="cloudformation-no-secret-in-parameters",
    title="CloudFormation stacks get no secrets as plain parameters",
    severity=Severity.HIGH,
    types=("aws:cloudformation/stack:Stack", "aws:cloudformation/stackSet:StackSet"),
    why="The stack's state keeps parameters, those with NoEcho too, and without it whoever may describe the stack reads them.",
    remediation="Keep it in Secrets Manager, and write a dynamic reference, {{resolve:secretsmanager:...}}, in its place.",
    url="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/security-best-practices.html",
    config=NAMES,
)
def cloudformation_no_secret_in_parameters(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    yield from plain_secrets(of_map(resource, "parameters"), config["names"])


@control(
    id="parameter-secret-encrypted",
    title="Parameters that hold secrets are of type SecureString",
    severity=Severity.HIGH,
    types=(_PARAMETER,),
    why="A plain parameter is not encrypted with a key: whoever may read the parameters of the account reads the secret.",
    remediation='Set type to "SecureString", or keep the secret in Secrets Manager.',
    url="https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html",
    frameworks={"Checkov": ("CKV2_AWS_34",)},
    partial={"CKV2_AWS_34": "plain parameters that neither their name nor their value shows to be secrets"},
    config=NAMES,
)
def parameter_secret_encrypted(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    kind = read(resource, "type")
    if kind is not UNKNOWN and kind == "SecureString":
        return Pass()
    # The name that Pulumi generates ends in seven random characters.
    name = read(resource, "name")
    plain = re.sub(r"-[0-9a-f]{7}$", "", name if isinstance(name, str) else resource.name)
    path = "insecureValue" if read(resource, "insecureValue") is not None else "value"
    value = read(resource, path)
    if value is UNKNOWN:
        secret = is_plain_secret(plain.rpartition("/")[2], "unknown", config["names"])
        return Unknown(path) if secret else Pass()
    if not is_plain_secret(plain.rpartition("/")[2], str(value or ""), config["names"]):
        return Pass()
    return Unknown("type") if kind is UNKNOWN else Fail(f"holds a secret in a parameter of type {kind}", "type")


_CONNECTION_PARTS: Final = ("headers", "queryStrings", "bodies")


@control(
    id="event-connection-secrets-marked",
    title="Connections of EventBridge keep their secrets secret",
    severity=Severity.HIGH,
    types=("aws:cloudwatch/eventConnection:EventConnection",),
    why="A value that is not marked as secret is shown to everybody who may describe the connection.",
    remediation="Set is_value_secret of the parameter to True, or use api_key, basic or oauth of auth_parameters.",
    url="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ConnectionHeaderParameter.html",
    config=NAMES,
)
def event_connection_secrets_marked(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for group in ("invocationHttpParameters", "oauth.oauthHttpParameters"):
        for part in _CONNECTION_PARTS:
            path = f"authParameters.{group}.{part}"
            for found in of_list(read(resource, path), path, "key"):
                marked = read(resource, f"{found[0]}.isValueSecret") if found[1] else None
                if marked is not True:
                    secrets = plain_secrets([found], config["names"], f" in its {part}")
                    yield from _unless_unknown(marked, f"{found[0]}.isValueSecret", secrets)


def _holding(resource: Resource, *paths: str) -> Iterator[Verdict]:
    """A failure for each kind of secret in the texts at the paths."""
    for path in paths:
        if resource.is_unknown(path):
            yield Unknown(path)
        else:
            for kind in secrets_in(str(resource.get(path, ""))):
                yield Fail(f"holds {kind}", path)


@control(
    id="step-functions-no-secrets",
    title="Definitions of state machines hold no secrets",
    severity=Severity.HIGH,
    types=("aws:sfn/stateMachine:StateMachine",),
    why="Everybody who may describe the state machine, and every log of its executions, shows its definition's values.",
    remediation="Keep the secret in Secrets Manager, and read it in the task; for HTTP tasks use a connection of EventBridge.",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html",
)
def step_functions_no_secrets(resource: Resource) -> Iterator[Verdict]:
    yield from _holding(resource, "definition")


@control(
    id="script-no-secrets",
    title="Scripts of notebooks, image builds and Systems Manager hold no secrets",
    severity=Severity.HIGH,
    types=(
        "aws:sagemaker/notebookInstanceLifecycleConfiguration:NotebookInstanceLifecycleConfiguration",
        "aws:imagebuilder/component:Component",
        "aws:ssm/document:Document",
    ),
    why="Everybody who may describe the resource can read the script, and it runs on machines that others log in to.",
    remediation="Keep the secret in Secrets Manager, read it when the script runs, and remove it from the script.",
    url="https://docs.aws.amazon.com/secretsmanager/latest/userguide/best-practices.html",
)
def script_no_secrets(resource: Resource) -> Iterator[Verdict]:
    if resource.type.endswith(":Component"):
        yield from _holding(resource, "data")
    elif resource.type.endswith(":Document"):
        yield from _holding(resource, "content")
    else:
        yield from _holding(resource, "onCreate", "onStart")


@control(
    id="codebuild-no-secret-in-source",
    title="CodeBuild projects hold no secrets in their source's address and build specification",
    severity=Severity.HIGH,
    types=(_PROJECT,),
    why="Anyone who may read the project can read them, and with them the repository.",
    remediation="Connect the repository by an aws.codebuild.SourceCredential or a connection, and read secrets by env/secrets-manager.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/codebuild-controls.html#codebuild-1",
    frameworks={"FSBP": ("CodeBuild.1",)},
)
def codebuild_no_secret_in_source(resource: Resource) -> Iterator[Verdict]:
    yield from _holding(resource, "source.location", "source.buildspec")
    for source in expand(resource, "secondarySources.*"):
        yield from _holding(resource, f"{source}.location", f"{source}.buildspec")


@control(
    id="lightsail-no-secret-in-environment",
    title="Lightsail containers get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=("aws:lightsail/containerServiceDeploymentVersion:ContainerServiceDeploymentVersion",),
    why="Anyone who may read the deployment, or the stack's state, can read its environment variables.",
    remediation="Keep it in Secrets Manager, and read it when the container starts.",
    url="https://docs.aws.amazon.com/lightsail/2016-11-28/api-reference/API_Container.html",
    config=NAMES,
)
def lightsail_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    if not resource.is_unknown("containers") and not resource.get("containers"):
        yield NotApplicable("has no container")
    for container in expand(resource, "containers.*"):
        path = container if container == "containers" else f"{container}.environment"
        yield from plain_secrets(of_map(resource, path), config["names"])
