"""ECR repositories, and ECS services and tasks."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._documents import matches
from cloudpatterns_policies.controls._variables import NAMES, of_list, plain_secrets
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import read

_ECR: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ecr-controls.html"
_ECS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html"

_REPOSITORY: Final = "aws:ecr/repository:Repository"
_SCANNING: Final = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
_TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
_CONTAINERS: Final = "containerDefinitions"


@stack_control(
    id="ecr-scan-on-push",
    title="ECR repositories scan images",
    severity=Severity.HIGH,
    types=(_REPOSITORY,),
    why="Vulnerabilities in libraries are found after an image is built; without scans, nobody learns of them.",
    remediation='Set image_scanning_configuration={"scan_on_push": True}, or add an aws.ecr.RegistryScanningConfiguration.',
    url=f"{_ECR}#ecr-1",
    frameworks={"FSBP": ("ECR.1",), "Checkov": ("CKV_AWS_163",)},
)
def ecr_scan_on_push(resource: Resource, stack: Stack) -> Verdict:
    path = "imageScanningConfiguration.scanOnPush"
    own = read(resource, path, computed=True)
    registry = [_scans(configuration, resource) for configuration in stack.of_type(_SCANNING)]
    if own is True or True in registry:
        return Pass()
    if own is UNKNOWN:
        return Unknown(path)
    return Unknown(f"rules of {stack.of_type(_SCANNING)[0].name}") if None in registry else Fail("does not scan images", path)


def _scans(configuration: Resource, repository: Resource) -> bool | None:
    """Whether the registry's rules scan the repository; None when that is not known yet."""
    rules = read(configuration, "rules")
    name = read(repository, "name")
    if rules is UNKNOWN:
        return None
    unsure = False
    for index in range(len(rules or ())):
        filters = read(configuration, f"rules.{index}.repositoryFilters")
        frequency = read(configuration, f"rules.{index}.scanFrequency")
        if frequency is UNKNOWN or filters is UNKNOWN:
            unsure = True
        elif frequency != "MANUAL":
            patterns = [read(configuration, f"rules.{index}.repositoryFilters.{number}.filter") for number in range(len(filters or ()))]
            if any(pattern is not UNKNOWN and _filter_matches(str(pattern), name) for pattern in patterns):
                return True
            unsure = unsure or UNKNOWN in [pattern for pattern in patterns if pattern is UNKNOWN] or name is UNKNOWN
    return None if unsure else False


def _filter_matches(pattern: str, name: Any) -> bool:
    # A filter without a wildcard matches every name that holds it:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    if not pattern.strip("*"):
        return True
    return isinstance(name, str) and matches(pattern if "*" in pattern else f"*{pattern}*", name)


@control(
    id="ecr-immutable-tags",
    title="ECR tags cannot be overwritten",
    severity=Severity.MEDIUM,
    types=(_REPOSITORY,),
    why="If a tag can be overwritten, the image that runs may not be the one that was tested.",
    remediation='Set image_tag_mutability to "IMMUTABLE".',
    url=f"{_ECR}#ecr-2",
    frameworks={"FSBP": ("ECR.2",), "Checkov": ("CKV_AWS_51",)},
)
def ecr_immutable_tags(resource: Resource) -> Verdict:
    mutability = resource.get("imageTagMutability", "MUTABLE")
    if mutability == "IMMUTABLE":
        return Pass()
    which = "some tags" if mutability == "IMMUTABLE_WITH_EXCLUSION" else "tags"
    return Fail(f"allows {which} to be overwritten", "imageTagMutability")


@control(
    id="ecs-no-public-ip",
    title="ECS tasks get no public address",
    severity=Severity.HIGH,
    types=("aws:ecs/service:Service", "aws:ecs/taskSet:TaskSet"),
    why="With a public address, the containers can be reached from the internet, bypassing load balancer and web ACL.",
    remediation="Set assign_public_ip of network_configuration to False, and use private subnets.",
    url=f"{_ECS}#ecs-2",
    frameworks={"FSBP": ("ECS.2",), "Checkov": ("CKV_AWS_333",)},
)
def ecs_no_public_ip(resource: Resource) -> Verdict:
    path = "networkConfiguration.assignPublicIp"
    return Fail("gives its tasks public addresses", path) if resource.get(path, False) else Pass()


def each_container(resource: Resource) -> Iterator[tuple[str, str, dict[str, Any]] | Verdict]:
    """Path, name and definition of each container, or the verdict on what cannot be read."""
    try:
        containers = resource.json(_CONTAINERS, [])
    except ValueError:
        yield Fail("has container definitions that are not valid JSON", _CONTAINERS)
        return
    if not isinstance(containers, list) or not all(isinstance(item, dict) for item in containers):
        yield Fail("has container definitions that are not a list of objects", _CONTAINERS)
        return
    for index, container in enumerate(containers):
        yield f"{_CONTAINERS}.{index}", f"container {container.get('name', index)}", container


@control(
    id="ecs-not-privileged",
    title="ECS containers are not privileged",
    severity=Severity.HIGH,
    types=(_TASK,),
    why="A privileged container is root on its host, and on every other container there.",
    remediation="Omit privileged in container_definitions, or set it to false; add individual Linux capabilities instead.",
    url=f"{_ECS}#ecs-4",
    frameworks={"FSBP": ("ECS.4",), "Checkov": ("CKV_AWS_334",)},
)
def ecs_not_privileged(resource: Resource) -> Iterator[Verdict]:
    for found in each_container(resource):
        if not isinstance(found, tuple):
            yield found
        elif found[2].get("privileged"):
            yield Fail(f"runs {found[1]} privileged", f"{found[0]}.privileged")


@control(
    id="ecs-read-only-root",
    title="ECS containers have a read-only root file system",
    severity=Severity.HIGH,
    types=(_TASK,),
    why="An attacker who breaks in can change the program or install another one.",
    remediation="Set readonlyRootFilesystem to true in container_definitions, and mount a volume where the program writes.",
    url=f"{_ECS}#ecs-5",
    frameworks={"FSBP": ("ECS.5",), "Checkov": ("CKV_AWS_336",)},
)
def ecs_read_only_root(resource: Resource) -> Iterator[Verdict]:
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
    if str(resource.get("runtimePlatform.operatingSystemFamily", "LINUX")).startswith("WINDOWS"):
        yield NotApplicable("runs on Windows, where ECS has no read-only root file system")
        return
    for found in each_container(resource):
        if not isinstance(found, tuple):
            yield found
        elif not found[2].get("readonlyRootFilesystem"):
            yield Fail(f"allows {found[1]} to write to its root file system", f"{found[0]}.readonlyRootFilesystem")


@control(
    id="ecs-no-secret-in-environment",
    title="ECS containers get no secrets as plain environment variables",
    severity=Severity.HIGH,
    types=(_TASK,),
    why="Anyone who may describe the task definition, or read the stack's state, can read its environment variables.",
    remediation="Move it to a secret and name its ARN under secrets in container_definitions; grant permissions by task_role_arn.",
    url=f"{_ECS}#ecs-8",
    frameworks={"FSBP": ("ECS.8",)},
    config=NAMES,
)
def ecs_no_secret_in_environment(resource: Resource, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for found in each_container(resource):
        if not isinstance(found, tuple):
            yield found
            continue
        path, container, definition = found
        variables = of_list(definition.get("environment"), f"{path}.environment")
        yield from plain_secrets(variables, config["names"], f" to {container}")
