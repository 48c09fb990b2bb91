"""Jobs of AWS Batch on Fargate: compute environments, queue, job definitions."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import task_memory_mib, task_vcpus
from cloudpatterns.compute.distributed_processing.arguments import DistributedProcessingArgs, ProcessingJob
from cloudpatterns.core import Component

# Why Fargate takes a worker away, or cannot start one: nothing that the application did. Patterns match the beginning, in Batch's letters.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
_LOST_WORKERS = ("Your Spot Task was interrupted*", "Timeout waiting for network interface*")


class Placement(NamedTuple):
    """Where jobs run, and as whom."""

    security_group_ids: Sequence[pulumi.Input[str]]
    job_role_arn: pulumi.Input[str]
    execution_role_arn: pulumi.Input[str]
    log_group_name: pulumi.Input[str]
    environment: Mapping[str, pulumi.Input[str]]
    policies: Sequence[pulumi.Resource]
    """The policies of both roles."""


def job_queue(component: Component, name: str, checked: DistributedProcessingArgs, placement: Placement) -> aws.batch.JobQueue:
    """The queue, whose jobs go to Fargate Spot as long as it has room, and then to Fargate."""
    kinds = {"spot": ("FARGATE_SPOT", checked["max_vcpus"]), "fargate": ("FARGATE", checked["on_demand_max_vcpus"])}
    if not checked["spot"]:
        kinds = {"fargate": ("FARGATE", checked["max_vcpus"])}
    environments = [_environment(component, f"{name}-{key}", kind, most, checked, placement) for key, (kind, most) in kinds.items()]
    policy = _scheduling_policy(component, name, checked)
    return aws.batch.JobQueue(
        # A queue neither takes a scheduling policy later nor gives it up: it is another queue.
        # https://docs.aws.amazon.com/batch/latest/APIReference/API_UpdateJobQueue.html
        f"{name}-queue" if policy is None else f"{name}-shared-queue",
        priority=1,
        state="ENABLED",
        compute_environment_orders=[
            {"order": number, "compute_environment": environment.arn} for number, environment in enumerate(environments, start=1)
        ],
        scheduling_policy_arn=None if policy is None else policy.arn,
        # With its queue Batch ends about 16 jobs a second: more than the provider's 10 minutes for a large array.
        # https://docs.aws.amazon.com/batch/latest/APIReference/API_DeleteJobQueue.html
        timeouts={"delete": "60m"},
        tags=checked["tags"],
        opts=component.child(),
    )


def _environment(
    component: Component, child_name: str, kind: str, most: int, checked: DistributedProcessingArgs, placement: Placement
) -> aws.batch.ComputeEnvironment:
    # Without a service role Batch uses its service-linked one, which no destroy takes from it. The policies of the roles outlive the
    # environment: Batch ends the jobs that are left in it, and writes their logs.
    return aws.batch.ComputeEnvironment(
        child_name,
        type="MANAGED",
        state="ENABLED",
        compute_resources={
            "type": kind,
            "max_vcpus": most,
            "subnets": [*checked["subnet_ids_by_zone"].values()],
            "security_group_ids": [*placement.security_group_ids],
        },
        tags=checked["tags"],
        opts=component.child(depends_on=[*placement.policies]),
    )


def _scheduling_policy(component: Component, name: str, checked: DistributedProcessingArgs) -> aws.batch.SchedulingPolicy | None:
    fair_share = checked.get("fair_share")
    if fair_share is None:
        return None
    return aws.batch.SchedulingPolicy(
        f"{name}-shares",
        fair_share_policy={
            "compute_reservation": fair_share["reservation_percent"],
            "share_decay_seconds": fair_share["decay_seconds"],
            "share_distributions": [
                {"share_identifier": share, "weight_factor": weight} for share, weight in sorted(fair_share["weights"].items())
            ],
        },
        tags=checked["tags"],
        opts=component.child(),
    )


def job_definition(
    component: Component, child_name: str, job: ProcessingJob, placement: Placement, tags: Mapping[str, pulumi.Input[str]]
) -> aws.batch.JobDefinition:
    """The definition of a job, whose properties are a document in the words of Batch's API."""
    return aws.batch.JobDefinition(
        child_name,
        type="container",
        platform_capabilities=["FARGATE"],
        container_properties=pulumi.Output.json_dumps(_container(job, placement)),
        parameters=job["parameters"] or None,
        retry_strategy={"attempts": job["attempts"], "evaluate_on_exits": _exits(job)},
        timeout={"attempt_duration_seconds": job["timeout_seconds"]},
        scheduling_priority=job.get("scheduling_priority"),
        # A job that waits, or is tried again, names its revision: it stays.
        deregister_on_new_revision=False,
        propagate_tags=True,
        tags=tags,
        opts=component.child(depends_on=[*placement.policies]),
    )


def _exits(job: ProcessingJob) -> list[aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgsDict]:
    """The first rule that matches decides; without the last one Batch would try again whatever failed."""
    rules: list[aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgsDict] = [
        {"action": "retry", "on_status_reason": reason} for reason in _LOST_WORKERS
    ]
    rules += [{"action": "retry", "on_exit_code": str(code)} for code in job["retry_exit_codes"]]
    return [*rules, {"action": "exit", "on_reason": "*"}]


def _container(job: ProcessingJob, placement: Placement) -> dict[str, Any]:
    variables = {**placement.environment, **job["environment"]}
    volumes = {f"volume-{number}": path for number, path in enumerate(job["writable_paths"], start=1)}
    disk, user = job.get("ephemeral_storage_gib"), job.get("user")
    return {
        "image": job["image"],
        **({"command": job["command"]} if job["command"] else {}),
        "jobRoleArn": placement.job_role_arn,
        "executionRoleArn": placement.execution_role_arn,
        "resourceRequirements": [
            {"type": "VCPU", "value": task_vcpus(job)},
            {"type": "MEMORY", "value": str(task_memory_mib(job))},
        ],
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": job["architecture"].upper()},
        "fargatePlatformConfiguration": {"platformVersion": "LATEST"},
        "networkConfiguration": {"assignPublicIp": "DISABLED"},
        "environment": [{"name": variable, "value": value} for variable, value in sorted(variables.items())],
        **({"secrets": [{"name": key, "valueFrom": arn} for key, arn in sorted(job["secrets"].items())]} if job["secrets"] else {}),
        **({"user": user} if user is not None else {}),
        **({"ephemeralStorage": {"sizeInGiB": disk}} if disk is not None else {}),
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True},
        **({"volumes": [{"name": volume} for volume in volumes]} if volumes else {}),
        **({"mountPoints": [{"sourceVolume": volume, "containerPath": path} for volume, path in volumes.items()]} if volumes else {}),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": placement.log_group_name, "awslogs-stream-prefix": "job"},
        },
    }
