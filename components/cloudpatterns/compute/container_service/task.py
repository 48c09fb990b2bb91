"""The task definition: its containers, their volumes and logs."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.compute.container_service.arguments import (
    ContainerServiceArgs,
    ContainerServiceContainer,
    ContainerServiceSecret,
    ContainerServiceVolume,
)
from cloudpatterns.compute.container_service.checks import MAIN, SESSION_PATHS
from cloudpatterns.core import Component, region_of

_CPU_ARCHITECTURES = {"arm64": "ARM64", "x86_64": "X86_64"}
# A container never waits for CloudWatch Logs: what does not fit is lost.
_LOG_MODE = {"mode": "non-blocking", "max-buffer-size": "25m"}


def task_definition(
    component: Component,
    checked: ContainerServiceArgs,
    log_group: aws.cloudwatch.LogGroup,
    *,
    task_role_arn: pulumi.Input[str],
    execution_role_arn: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.ecs.TaskDefinition:
    """The task definition of the service."""
    name, size = component.pulumi_resource_name, checked.get("ephemeral_storage_gib")
    volumes = {**checked["volumes"], **session_volumes(checked)}
    return aws.ecs.TaskDefinition(
        f"{name}-task-definition",
        family=name,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(checked["cpu_units"]),
        memory=str(checked["memory_mib"]),
        runtime_platform={"operating_system_family": "LINUX", "cpu_architecture": _CPU_ARCHITECTURES[checked["architecture"]]},
        ephemeral_storage=None if size is None else {"size_in_gib": size},
        task_role_arn=task_role_arn,
        execution_role_arn=execution_role_arn,
        container_definitions=pulumi.Output.json_dumps(_containers(checked, log_group)),
        volumes=[_volume(key, volume) for key, volume in sorted(volumes.items())] or None,
        # Pulumi deregisters an old revision when the service has the new one. A deployment that runs on may still roll back to it.
        skip_destroy=not checked["deployment"]["wait_for_steady_state"],
        tags=tags,
        opts=component.child(),
    )


def session_volumes(checked: ContainerServiceArgs) -> dict[str, ContainerServiceVolume]:
    """Volumes for the agent of ECS Exec, by name: it writes to three paths of the container."""
    return {f"session{path.replace('/', '-')}": {} for path in SESSION_PATHS} if checked["execute_command"] else {}


def log_options(log_group: aws.cloudwatch.LogGroup, prefix: str) -> dict[str, pulumi.Input[str]]:
    """Options of the log driver ``awslogs``: streams ``<prefix>/<container>/<task id>``."""
    where: dict[str, pulumi.Input[str]] = {"awslogs-group": log_group.name, "awslogs-region": region_of(log_group.arn)}
    return {**where, "awslogs-stream-prefix": prefix, **_LOG_MODE}


def _containers(checked: ContainerServiceArgs, log_group: aws.cloudwatch.LogGroup) -> list[dict[str, Any]]:
    name, port, protocol = MAIN, checked.get("port"), checked["protocol"]
    main = _container(name, checked, log_group)
    main["mountPoints"] = main.get("mountPoints", []) + [
        {"sourceVolume": volume, "containerPath": path, "readOnly": False}
        for volume, path in zip(session_volumes(checked), SESSION_PATHS, strict=False)
    ]
    if port is not None:
        main["portMappings"] = [{**_port(port), "name": MAIN, **({} if protocol == "tcp" else {"appProtocol": protocol})}]
    containers = [main]
    for key, sidecar in checked["sidecars"].items():
        container = {**_container(key, sidecar, log_group), "essential": sidecar["essential"]}
        if (sidecar_port := sidecar.get("port")) is not None:
            container["portMappings"] = [{**_port(sidecar_port), "name": key}]
        container |= {
            field: sidecar[argument] for field, argument in (("cpu", "cpu_units"), ("memory", "memory_mib")) if sidecar.get(argument)
        }
        containers.append(container)
    return [{field: value for field, value in container.items() if value not in (None, [], {})} for container in containers]


def _port(port: int) -> dict[str, Any]:
    # As AWS returns it: the provider would see a difference otherwise.
    return {"containerPort": port, "hostPort": port, "protocol": "tcp"}


def _container(name: str, container: ContainerServiceContainer, log_group: aws.cloudwatch.LogGroup) -> dict[str, Any]:
    credentials, check = container.get("registry_credentials"), container.get("health_check")
    return {
        "name": name,
        "image": container["image"],
        "essential": True,
        "readonlyRootFilesystem": True,
        "repositoryCredentials": None if credentials is None else {"credentialsParameter": credentials["secret_arn"]},
        "entryPoint": container.get("entry_point"),
        "command": container.get("command"),
        "workingDirectory": container.get("working_directory"),
        "user": container.get("user"),
        # Sorted, as the provider compares them.
        "environment": [{"name": key, "value": value} for key, value in sorted(container["environment"].items())],
        "secrets": [{"name": key, "valueFrom": _reference(secret)} for key, secret in sorted(container["secrets"].items())],
        "mountPoints": [
            {"sourceVolume": mount["volume"], "containerPath": path, "readOnly": mount["read_only"]}
            for path, mount in sorted(container["mounts"].items())
        ],
        "healthCheck": None
        if check is None
        else {
            "command": check["command"],
            "interval": check["interval_seconds"],
            "timeout": check["timeout_seconds"],
            "retries": check["retries"],
            "startPeriod": check["start_period_seconds"],
        },
        "dependsOn": [{"containerName": other, "condition": condition} for other, condition in sorted(container["starts_after"].items())],
        "stopTimeout": container["stop_timeout_seconds"],
        # It passes SIGTERM on, also to a shell's children, and reaps them.
        "linuxParameters": {"initProcessEnabled": True},
        "logConfiguration": {"logDriver": "awslogs", "options": log_options(log_group, "task")},
    }


def _reference(secret: ContainerServiceSecret) -> pulumi.Input[str]:
    """What ECS reads: an ARN, and behind that of a secret its key and stage where one is given.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    arn, parameter_arn = secret.get("secret_arn"), secret.get("parameter_arn")
    if arn is None:
        return "" if parameter_arn is None else parameter_arn
    key, stage = secret.get("json_key"), secret.get("version_stage")
    return arn if key is None and stage is None else pulumi.Output.concat(arn, f":{key or ''}:{stage or ''}:")


def _volume(name: str, volume: ContainerServiceVolume) -> aws.ecs.TaskDefinitionVolumeArgsDict:
    file_system = volume.get("file_system")
    if file_system is None:
        return {"name": name}
    return {
        "name": name,
        "efs_volume_configuration": {
            "file_system_id": _id(file_system["file_system_arn"]),
            "transit_encryption": "ENABLED",
            "authorization_config": {"access_point_id": _id(file_system["access_point_arn"]), "iam": "ENABLED"},
        },
    }


def _id(arn: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(arn).apply(lambda text: text.rpartition("/")[2])
