"""Containers on Fargate that scale with the load, and are replaced without a gap.

Patterns: containers (AWS Well-Architected), and the application tier of "N-tier" (2025 guide).
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, log_group, logs_statement
from cloudpatterns.compute.container_service.alarms import report, rollback_alarms
from cloudpatterns.compute.container_service.arguments import ContainerServiceArgs
from cloudpatterns.compute.container_service.checks import MAIN, argument_problems, name_problems
from cloudpatterns.compute.container_service.roles import execution_role_arn, infrastructure_role_arn, task_role_arn
from cloudpatterns.compute.container_service.scaling import Scaling, is_scaled
from cloudpatterns.compute.container_service.task import log_options, task_definition
from cloudpatterns.core import Component, Problem, Statement, after

_LOAD_BALANCERS = "AmazonECSInfrastructureRolePolicyForLoadBalancers"
_LATTICE = "AmazonECSInfrastructureRolePolicyForVpcLattice"


class ContainerService(Component):
    """An ECS service on Fargate over zones (2025 guide, "N-tier"; AWS Well-Architected, containers).

    Tasks of one main container and, on request, sidecars, with read-only root file systems, a role for what they do (task role) and
    another for what ECS does to start them (execution role). At least the desired number stays in service in a deployment. A failed
    rolling deployment is rolled back by the circuit breaker, one of the strategies ``BLUE_GREEN``, ``CANARY`` and ``LINEAR``, which are
    ECS's own, by alarms.

    AWS may have rolled back although ``up`` was green: the alarm on failed deployments says so, and ``pulumi up --refresh`` deploys again.
    A first deployment has nothing to go back to: fix the image, and run ``pulumi up`` again.

    **Use when**: a program is in an image, runs for longer than a function may, or serves requests without a pause.

    **Not when**: the work fits into functions (``QueueWorker``, ``ApiGateway``), or needs GPUs or the host (``ScaleOut``).

    **Cost drivers**: CPU and memory of the tasks by the second, Container Insights, logs, one key; Spot reduces the first.

    **Trade-offs**: a new task takes its time to pull the image and start; Fargate has no GPUs and no privileged containers; tasks on Spot
    stop with two minutes' notice. A deployment does not reset the number of tasks that scaling has chosen.

    **Proven by**: controls ``ecs-deployment-rollback``, ``ecs-read-only-root``, ``ecs-no-secret-in-environment``, ``ecs-no-public-ip``,
    ``ecs-container-logs``, ``ecs-file-system-tls``; ``test_container_service.py``, ``test_container_apps.py``.
    """

    service_arn: pulumi.Output[str]
    """ARN of the service."""
    service_name: pulumi.Output[str]
    """Name of the service, the dimension ``ServiceName`` of its metrics."""
    cluster_arn: pulumi.Output[str]
    """ARN of the cluster, given or new, available after its capacity providers."""
    cluster_name: pulumi.Output[str]
    """Name of the cluster, the dimension ``ClusterName`` of its metrics."""
    task_definition_arn: pulumi.Output[str]
    """ARN of the revision of the task definition that was deployed last."""
    task_role_arn: pulumi.Output[str]
    """ARN of the containers' role, given or new."""
    execution_role_arn: pulumi.Output[str]
    """ARN of the role with which ECS starts the containers, given or new."""
    security_group_ids: pulumi.Output[list[str]]
    """Security groups of the tasks, as given: for rules that admit them elsewhere."""
    log_group_name: pulumi.Output[str]
    """The log group, with streams ``task/<container>/<task id>``."""
    kms_key_arn: pulumi.Output[str]
    """The key of the logs, given or new."""

    def __init__(self, name: str, args: ContainerServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names=_child_names)
        self._checked, self._tags = checked, checked["tags"]
        given_key = checked.get("kms_key_arn")
        self.kms_key_arn = self._key(name) if given_key is None else pulumi.Output.from_input(given_key)
        logs = log_group(self, f"{name}-logs", checked["log_retention_days"], kms_key_arn=self.kms_key_arn, tags=self._tags)
        capacity: list[pulumi.Resource] = []
        session_statements: list[Statement] = []
        if (existing := checked.get("existing_cluster_arn")) is not None:
            self.cluster_arn = pulumi.Output.from_input(existing)
        else:
            cluster, capacity, session_statements = self._cluster(name)
            # Another service in it needs the capacity as well.
            self.cluster_arn = after(cluster.arn, *capacity)
        self.cluster_name = self.cluster_arn.apply(lambda arn: arn.rpartition("/")[2])
        self.task_role_arn = task_role_arn(self, checked, logs.arn, session_statements)
        self.execution_role_arn = execution_role_arn(self, checked, logs)
        roles: dict[str, Any] = {"task_role_arn": self.task_role_arn, "execution_role_arn": self.execution_role_arn}
        task = task_definition(self, checked, logs, tags=self._tags, **roles)
        service = self._service(name, task, logs, capacity)
        dimensions = {"ClusterName": self.cluster_name, "ServiceName": service.name}
        if is_scaled(checked):
            Scaling(self, checked, dimensions)
        report(self, checked, service, dimensions)
        self.service_arn, self.service_name, self.task_definition_arn = service.arn, service.name, task.arn
        self.security_group_ids = pulumi.Output.all(*checked["security_group_ids"])
        self.log_group_name = logs.name
        self.register()

    def _key(self, name: str) -> pulumi.Output[str]:
        return create_key(self, f"{name}-key", f"Logs of {name}", lambda arn: [logs_statement(arn, f"{name}-*logs*")], tags=self._tags)

    def _cluster(self, name: str) -> tuple[aws.ecs.Cluster, list[pulumi.Resource], list[Statement]]:
        """A cluster, what must exist before its services, and what the containers may do for ECS Exec."""
        checked = self._checked
        sessions, statements = None, list[Statement]()
        if checked["execute_command"]:
            group = log_group(self, f"{name}-session-logs", checked["log_retention_days"], kms_key_arn=self.kms_key_arn, tags=self._tags)
            sessions = group.name
            statements = [*_session_statements(group.arn, self.kms_key_arn)]
        cluster = aws.ecs.Cluster(
            f"{name}-cluster",
            settings=[{"name": "containerInsights", "value": checked["container_insights"]}],
            configuration=None
            if sessions is None
            else {
                "execute_command_configuration": {
                    "kms_key_id": self.kms_key_arn,
                    "logging": "OVERRIDE",
                    "log_configuration": {"cloud_watch_log_group_name": sessions, "cloud_watch_encryption_enabled": True},
                }
            },
            tags=self._tags,
            opts=self.child(),
        )
        providers = aws.ecs.ClusterCapacityProviders(
            f"{name}-capacity",
            cluster_name=cluster.name,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            default_capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}],
            opts=self.child(),
        )
        return cluster, [providers], statements

    def _service(
        self, name: str, task: aws.ecs.TaskDefinition, logs: aws.cloudwatch.LogGroup, capacity: list[pulumi.Resource]
    ) -> aws.ecs.Service:
        checked, deployment = self._checked, self._checked["deployment"]
        alarms = rollback_alarms(self, checked)
        minutes = _timeout_minutes(checked)
        return aws.ecs.Service(
            f"{name}-service",
            cluster=self.cluster_arn,
            task_definition=task.arn,
            desired_count=checked["min_tasks"],
            capacity_provider_strategies=_capacity(checked),
            # Without it another share of Spot would replace the service: https://github.com/hashicorp/terraform-provider-aws/issues/22823
            force_new_deployment=True,
            platform_version=checked["platform_version"],
            network_configuration={
                "subnets": [subnet for _, subnet in sorted(checked["subnet_ids_by_zone"].items())],
                "security_groups": checked["security_group_ids"],
                "assign_public_ip": False,
            },
            deployment_controller={"type": "ECS"},
            # New tasks come before old ones go, however few there are.
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker={"enable": True, "rollback": True} if deployment["strategy"] in _WITH_BREAKER else None,
            deployment_configuration=_strategy(checked),
            alarms={"alarm_names": alarms, "enable": True, "rollback": True} if alarms else None,
            load_balancers=self._load_balancers(name),
            health_check_grace_period_seconds=deployment["health_check_grace_seconds"] if checked["target_group_arns"] else None,
            service_connect_configuration=_service_connect(checked, log_options(logs, "service-connect")),
            service_registries=_registries(checked),
            vpc_lattice_configurations=self._lattice(name),
            enable_execute_command=checked["execute_command"],
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            wait_for_steady_state=deployment["wait_for_steady_state"],
            tags=self._tags,
            opts=self.child(
                depends_on=capacity,
                ignore_changes=["desiredCount"] if is_scaled(checked) else [],
                # Connections drain for an hour at most.
                custom_timeouts=pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m", delete="75m"),
            ),
        )

    def _load_balancers(self, name: str) -> list[aws.ecs.ServiceLoadBalancerArgsDict] | None:
        checked = self._checked
        alternate, rule = checked.get("alternate_target_group_arn"), checked.get("production_listener_rule_arn")
        advanced: aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgsDict | None = None
        if alternate is not None and rule is not None:
            advanced = {
                "alternate_target_group_arn": alternate,
                "production_listener_rule": rule,
                "role_arn": infrastructure_role_arn(self, checked, "traffic", _LOAD_BALANCERS),
            }
            if (test_rule := checked.get("test_listener_rule_arn")) is not None:
                advanced["test_listener_rule"] = test_rule
        return [
            {
                "target_group_arn": arn,
                "container_name": MAIN,
                "container_port": checked["port"],
                **({} if advanced is None else {"advanced_configuration": advanced}),
            }
            for arn in checked["target_group_arns"]
        ] or None

    def _lattice(self, name: str) -> list[aws.ecs.ServiceVpcLatticeConfigurationArgsDict] | None:
        group = self._checked.get("lattice_target_group_arn")
        if group is None:
            return None
        role_arn = infrastructure_role_arn(self, self._checked, "lattice", _LATTICE)
        return [{"port_name": MAIN, "role_arn": role_arn, "target_group_arn": group}]


# The developer guide has it for these: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-failure-detection.html
_WITH_BREAKER = ("ROLLING", "BLUE_GREEN")


def _capacity(checked: ContainerServiceArgs) -> list[aws.ecs.ServiceCapacityProviderStrategyArgsDict]:
    spot = checked["spot_percentage"]
    if not spot:
        return [{"capacity_provider": "FARGATE", "base": checked["on_demand_base"], "weight": 100}]
    return [
        {"capacity_provider": "FARGATE", "base": checked["on_demand_base"], "weight": 100 - spot},
        {"capacity_provider": "FARGATE_SPOT", "weight": spot},
    ]


def _strategy(checked: ContainerServiceArgs) -> aws.ecs.ServiceDeploymentConfigurationArgsDict:
    deployment, strategy = checked["deployment"], checked["deployment"]["strategy"]
    if strategy == "ROLLING":
        return {"strategy": strategy}
    configuration: aws.ecs.ServiceDeploymentConfigurationArgsDict = {
        "strategy": strategy,
        "bake_time_in_minutes": str(deployment["bake_time_minutes"]),
    }
    if strategy == "CANARY":
        configuration["canary_configuration"] = {
            "canary_percent": deployment["canary_percent"],
            "canary_bake_time_in_minutes": str(deployment["canary_bake_time_minutes"]),
        }
    elif strategy == "LINEAR":
        configuration["linear_configuration"] = {
            "step_percent": deployment["step_percent"],
            "step_bake_time_in_minutes": str(deployment["step_bake_time_minutes"]),
        }
    return configuration


def _timeout_minutes(checked: ContainerServiceArgs) -> int:
    deployment, given = checked["deployment"], checked["deployment"].get("timeout_minutes")
    if given is not None:
        return given
    steps = -(-100 // deployment["step_percent"])
    baking = {
        "ROLLING": 0,
        "BLUE_GREEN": deployment["bake_time_minutes"],
        "CANARY": deployment["canary_bake_time_minutes"] + deployment["bake_time_minutes"],
        "LINEAR": steps * deployment["step_bake_time_minutes"] + deployment["bake_time_minutes"],
    }
    return 30 + baking[deployment["strategy"]]


def _service_connect(
    checked: ContainerServiceArgs, options: dict[str, pulumi.Input[str]]
) -> aws.ecs.ServiceServiceConnectConfigurationArgsDict | None:
    connect = checked.get("service_connect")
    if connect is None:
        return None
    configuration: aws.ecs.ServiceServiceConnectConfigurationArgsDict = {
        "enabled": True,
        "namespace": connect["namespace_arn"],
        "log_configuration": {"log_driver": "awslogs", "options": options},
    }
    if (name := connect.get("discovery_name")) is not None:
        dns_name, port = connect.get("dns_name"), connect.get("client_port")
        alias: aws.ecs.ServiceServiceConnectConfigurationServiceClientAliasArgsDict = {
            "dns_name": name if dns_name is None else dns_name,
            "port": checked["port"] if port is None else port,
        }
        configuration["services"] = [{"port_name": MAIN, "discovery_name": name, "client_alias": [alias]}]
    return configuration


def _registries(checked: ContainerServiceArgs) -> aws.ecs.ServiceServiceRegistriesArgsDict | None:
    arn, port = checked.get("discovery_service_arn"), checked.get("discovery_port")
    if arn is None:
        return None
    return {"registry_arn": arn, **({} if port is None else {"port": port})}


def _session_statements(log_group_arn: pulumi.Output[str], key_arn: pulumi.Output[str]) -> Iterator[Statement]:
    """What ECS Exec needs: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html."""
    channels = [
        f"ssmmessages:{action}" for action in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
    ]
    yield Statement(sid="Sessions", actions=[*channels, "logs:DescribeLogGroups"], resources=["*"])
    yield Statement(
        sid="SessionLogs",
        actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        resources=[pulumi.Output.concat(log_group_arn, ":*")],
    )
    yield Statement(sid="SessionKey", actions=["kms:Decrypt"], resources=[key_arn])


def _child_names(checked: ContainerServiceArgs) -> dict[str, int]:
    roles = {} if checked.get("existing_task_role_arn") else {"task-role": 64}
    roles |= {} if checked.get("existing_execution_role_arn") else {"execution": 64}
    roles |= {} if checked["deployment"]["strategy"] == "ROLLING" else {"traffic": 64}
    roles |= {} if checked.get("lattice_target_group_arn") is None else {"lattice": 64}
    return {**roles, **({"failed": 64} if checked["alarm_topic_arns"] else {})}


def _problems(name: str, checked: ContainerServiceArgs) -> Iterator[Problem]:
    yield from name_problems(name)
    yield from argument_problems(checked)
