"""What containers of ECS and Batch share with their hosts and send: processes, networks, file systems, logs, privileges."""

from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.controls.containers import each_container
from cloudpatterns_policies.core import UNKNOWN, Fail, NotApplicable, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_ECS: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html"
_TASK: Final = "aws:ecs/taskDefinition:TaskDefinition"
_JOB: Final = "aws:batch/jobDefinition:JobDefinition"
_ROOT: Final = ("", "root", "0")


@control(
    id="ecs-no-host-processes",
    title="ECS tasks do not share the processes of their host",
    severity=Severity.HIGH,
    types=(_TASK,),
    why="A container that sees the host's processes can read their memory and environment, and signal them.",
    remediation='Omit pid_mode, or set it to "task".',
    url=f"{_ECS}#ecs-3",
    frameworks={"FSBP": ("ECS.3",), "Checkov": ("CKV_AWS_335",)},
)
def ecs_no_host_processes(resource: Resource) -> Verdict:
    return Fail("shares the processes of its host", "pidMode") if resource.get("pidMode") == "host" else Pass()


@control(
    id="ecs-no-host-ipc",
    title="ECS tasks do not share the memory of their host",
    severity=Severity.MEDIUM,
    types=(_TASK,),
    why="Containers of other tasks and the host can read what the container keeps in shared memory.",
    remediation='Omit ipc_mode, or set it to "task" or "none".',
    url="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html",
)
def ecs_no_host_ipc(resource: Resource) -> Verdict:
    return Fail("shares the memory of its host", "ipcMode") if resource.get("ipcMode") == "host" else Pass()


@control(
    id="ecs-host-network-user",
    title="ECS containers in the network of their host do not run as root",
    severity=Severity.MEDIUM,
    types=(_TASK,),
    why="Root in the host's network can listen on its ports and reach its metadata, and with that the role of the instance.",
    remediation='Set network_mode to "awsvpc", or user in container_definitions to one that is not root.',
    url=f"{_ECS}#ecs-1",
    frameworks={"FSBP": ("ECS.1",)},
)
def ecs_host_network_user(resource: Resource) -> Iterator[Verdict]:
    if resource.get("networkMode") != "host":
        yield NotApplicable("is not in the network of its host")
        return
    for found in each_container(resource):
        if not isinstance(found, tuple):
            yield found
        # `ecs-not-privileged` reports privileged containers.
        elif not found[2].get("privileged") and str(found[2].get("user") or "").partition(":")[0] in _ROOT:
            yield Fail(f"runs {found[1]} as root in the network of its host", f"{found[0]}.user")


@control(
    id="ecs-container-logs",
    title="ECS containers write logs",
    severity=Severity.MEDIUM,
    types=(_TASK,),
    why="What a container writes is gone with it: nobody can find out why it failed, or what an attacker did there.",
    remediation="Set logConfiguration in container_definitions, with the log driver awslogs or awsfirelens.",
    url=f"{_ECS}#ecs-9",
    frameworks={"FSBP": ("ECS.9",)},
)
def ecs_container_logs(resource: Resource) -> Iterator[Verdict]:
    for found in each_container(resource):
        if not isinstance(found, tuple):
            yield found
        # The container that routes the logs of the others may write none itself.
        elif not found[2].get("logConfiguration") and not found[2].get("firelensConfiguration"):
            yield Fail(f"keeps no logs of {found[1]}", f"{found[0]}.logConfiguration")


@control(
    id="ecs-file-system-tls",
    title="ECS tasks mount EFS file systems with TLS",
    severity=Severity.MEDIUM,
    types=(_TASK,),
    why="Files can be read and changed in transit, and without TLS there is no IAM authorization.",
    remediation='Set transit_encryption of efs_volume_configuration to "ENABLED".',
    url="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/efs-volumes.html",
    frameworks={"Checkov": ("CKV_AWS_97",)},
)
def ecs_file_system_tls(resource: Resource) -> Iterator[Verdict]:
    if resource.is_unknown("volumes"):
        yield Unknown("volumes")
        return
    for volume in expand(resource, "volumes.*"):
        configuration = f"{volume}.efsVolumeConfiguration"
        path = f"{configuration}.transitEncryption"
        if read(resource, path) is UNKNOWN:
            yield Unknown(path)
        elif read(resource, configuration) is not None and read(resource, path) != "ENABLED":
            yield Fail(f"mounts the volume {resource.get(f'{volume}.name')} without TLS", path)


@control(
    id="ecs-platform-version",
    title="ECS services on Fargate run on the newest platform version",
    severity=Severity.LOW,
    types=("aws:ecs/service:Service", "aws:ecs/taskSet:TaskSet"),
    why="A pinned platform version gets no security updates once AWS retires it.",
    remediation='Omit platform_version, or set it to "LATEST".',
    url=f"{_ECS}#ecs-10",
    frameworks={"FSBP": ("ECS.10",), "Checkov": ("CKV_AWS_332",)},
)
def ecs_platform_version(resource: Resource) -> Verdict:
    version = resource.get("platformVersion") or "LATEST"
    return Pass() if version == "LATEST" else Fail(f"is pinned to the platform version {version}", "platformVersion")


@control(
    id="batch-not-privileged",
    title="Batch jobs are not privileged",
    severity=Severity.HIGH,
    types=(_JOB,),
    why="A privileged container is root on its host, and on every other container there.",
    remediation="Omit privileged in container_properties, or set it to false.",
    url="https://docs.aws.amazon.com/batch/latest/userguide/job_definition_parameters.html",
    frameworks={"Checkov": ("CKV_AWS_210",)},
)
def batch_not_privileged(resource: Resource) -> Iterator[Verdict]:
    for where, container in _containers(resource):
        if isinstance(container, Unknown | Fail):
            yield container
        elif container.get("privileged"):
            yield Fail("runs a privileged container", f"{where}.privileged")
    for kind in ("containers", "initContainers"):
        for container in expand(resource, f"eksProperties.podProperties.{kind}.*"):
            privileged = read(resource, f"{container}.securityContext.privileged")
            if privileged is UNKNOWN:
                yield Unknown(f"{container}.securityContext.privileged")
            elif privileged:
                yield Fail("runs a privileged container", f"{container}.securityContext.privileged")


def _containers(resource: Resource) -> Iterator[tuple[str, Any]]:
    """Path and properties of each container of a Batch job; a verdict in their place where they cannot be read."""
    for path in ("containerProperties", "nodeProperties"):
        if resource.is_unknown(path):
            yield path, Unknown(path)
            continue
        try:
            document = resource.json(path, {})
        except ValueError:
            yield path, Fail("has job properties that are not valid JSON", path)
            continue
        if path == "containerProperties":
            containers = [(path, document)]
        else:
            ranges = document.get("nodeRangeProperties", []) if isinstance(document, dict) else []
            containers = [(f"{path}.nodeRangeProperties.{index}.container", item.get("container")) for index, item in enumerate(ranges)]
        yield from ((where, container) for where, container in containers if isinstance(container, dict))


@control(
    id="batch-file-system-tls",
    title="Batch jobs mount EFS file systems with TLS",
    severity=Severity.MEDIUM,
    types=(_JOB,),
    why="Files can be read and changed in transit, and without TLS there is no IAM authorization.",
    remediation='Set transitEncryption of each efsVolumeConfiguration in container_properties to "ENABLED".',
    url="https://docs.aws.amazon.com/batch/latest/userguide/efs-volumes.html",
)
def batch_file_system_tls(resource: Resource) -> Iterator[Verdict]:
    for where, container in _containers(resource):
        if isinstance(container, Unknown | Fail):
            yield container
            continue
        for index, volume in enumerate(container.get("volumes") or ()):
            configuration = volume.get("efsVolumeConfiguration") if isinstance(volume, dict) else None
            if isinstance(configuration, dict) and configuration.get("transitEncryption") != "ENABLED":
                path = f"{where}.volumes.{index}.efsVolumeConfiguration.transitEncryption"
                yield Fail(f"mounts the volume {volume.get('name')} without TLS", path)
