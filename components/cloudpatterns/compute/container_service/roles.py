"""The roles of a service: what the containers may do, what ECS does for them, and what it does to a load balancer."""

from collections.abc import Iterator, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import service_role
from cloudpatterns.blocks.fargate import pull_statements
from cloudpatterns.compute.container_service.arguments import ContainerServiceArgs, ContainerServiceContainer
from cloudpatterns.core import Component, Statement, account_of, as_arguments, partition_of, pick, region_of
from cloudpatterns.security import WorkloadRole

_TASKS = "ecs-tasks.amazonaws.com"


def task_role_arn(
    component: Component, checked: ContainerServiceArgs, regional_arn: pulumi.Output[str], statements: Sequence[Statement]
) -> pulumi.Output[str]:
    """The role of the containers, available after its policies; ``statements`` are those of the service's own settings."""
    given = checked.get("existing_task_role_arn")
    if given is not None:
        return pulumi.Output.from_input(given)
    name = component.pulumi_resource_name
    return WorkloadRole(
        f"{name}-task",
        {
            "service": _TASKS,
            "trust_conditions": {
                operator: {key: [value] for key, value in keys.items()} for operator, keys in _trust(regional_arn).items()
            },
            "description": f"Containers of {name}",
            "statements": [*checked["statements"], *as_arguments([*_file_system_statements(checked), *statements])],
            "managed_policy_arns": checked["managed_policy_arns"],
            **pick(checked, "permissions_boundary_arn", "tags"),
        },
        component.child(),
    ).role_arn


def execution_role_arn(component: Component, checked: ContainerServiceArgs, log_group: aws.cloudwatch.LogGroup) -> pulumi.Output[str]:
    """The role with which ECS starts the containers, available after its policy."""
    given = checked.get("existing_execution_role_arn")
    if given is not None:
        return pulumi.Output.from_input(given)
    name, containers = component.pulumi_resource_name, [checked, *checked["sidecars"].values()]
    statements = [
        *pull_statements([container["image"] for container in containers], log_group.arn),
        *_secret_statements(containers),
    ]
    return service_role(
        component,
        f"{name}-execution",
        _TASKS,
        f"Images, secrets and logs of {name}",
        statements={f"{name}-execution-policy": statements},
        conditions=_trust(log_group.arn),
        permissions_boundary_arn=checked.get("permissions_boundary_arn"),
        tags=checked["tags"],
    ).arn


def infrastructure_role_arn(component: Component, checked: ContainerServiceArgs, suffix: str, policy: str) -> pulumi.Output[str]:
    """A role with which ECS itself changes target groups and listener rules, available after its policy."""
    name = component.pulumi_resource_name
    return service_role(
        component,
        f"{name}-{suffix}",
        "ecs.amazonaws.com",
        f"Traffic to the tasks of {name}",
        managed_policies={f"{name}-{suffix}-policy": policy},
        permissions_boundary_arn=checked.get("permissions_boundary_arn"),
        tags=checked["tags"],
    ).arn


def _trust(regional_arn: pulumi.Output[str]) -> dict[str, dict[str, pulumi.Input[str]]]:
    """Tasks of the account alone: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html."""
    account = account_of(regional_arn)
    tasks = pulumi.Output.concat("arn:", partition_of(regional_arn), ":ecs:", region_of(regional_arn), ":", account, ":*")
    return {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": tasks}}


def _file_system_statements(checked: ContainerServiceArgs) -> Iterator[Statement]:
    writable = {
        mount["volume"]
        for container in (checked, *checked["sidecars"].values())
        for mount in container["mounts"].values()
        if not mount["read_only"]
    }
    for key, volume in checked["volumes"].items():
        if (file_system := volume.get("file_system")) is not None:
            yield Statement(
                actions=["elasticfilesystem:ClientMount", *(["elasticfilesystem:ClientWrite"] if key in writable else [])],
                resources=[file_system["file_system_arn"]],
                conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": [file_system["access_point_arn"]]}},
            )


def _secret_statements(containers: Sequence[ContainerServiceContainer]) -> Iterator[Statement]:
    secrets: list[pulumi.Input[str]] = []
    parameters: list[pulumi.Input[str]] = []
    keys: list[pulumi.Input[str]] = []
    for container in containers:
        credentials = container.get("registry_credentials")
        for secret in (*container["secrets"].values(), *([] if credentials is None else [credentials])):
            _add(secrets, secret.get("secret_arn"))
            _add(parameters, secret.get("parameter_arn"))
            _add(keys, secret.get("kms_key_arn"))
    if secrets:
        yield Statement(sid="Secrets", actions=["secretsmanager:GetSecretValue"], resources=secrets)
    if parameters:
        yield Statement(sid="Parameters", actions=["ssm:GetParameters"], resources=parameters)
    if keys:
        services = [service for service, arns in (("secretsmanager", secrets), ("ssm", parameters)) if arns]
        # In any Region: ECS reads secrets and parameters of others as well.
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html
        via = [f"{service}.*.amazonaws.com{suffix}" for service in services for suffix in ("", ".cn")]
        yield Statement(sid="SecretKeys", actions=["kms:Decrypt"], resources=keys, conditions={"StringLike": {"kms:ViaService": via}})


def _add(arns: list[pulumi.Input[str]], arn: pulumi.Input[str] | None) -> None:
    # Outputs cannot be compared before they are known.
    if arn is not None and not any(arn is other or (isinstance(arn, str) and arn == other) for other in arns):
        arns.append(arn)
