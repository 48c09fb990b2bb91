"""ContainerService: the service and its roles, what rolls back, what scales, and every refusal."""

import json
from itertools import pairwise
from typing import Any

import pytest
from cloudpatterns.compute import ContainerService
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + "a" * 64
TARGETS = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
GREEN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/green/fedcba9876543210"
RULE = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/web/1/2/3"
BALANCER = "app/web/0123456789abcdef"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3"

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
POLICY = "aws:appautoscaling/policy:Policy"
SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
GRADUAL: dict[str, Any] = {
    "port": 8080,
    "target_group_arns": [TARGETS],
    "alternate_target_group_arn": GREEN,
    "production_listener_rule_arn": RULE,
    "load_balancer_arn_suffix": BALANCER,
}


def arguments(**changes: Any) -> Any:
    """Arguments of a small service; a change to None leaves the argument out."""
    return {
        "image": IMAGE,
        "min_tasks": 2,
        "max_tasks": 6,
        "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
        "security_group_ids": ["sg-app"],
        **changes,
    }


def made(name: str = "web", mode: Any = "deployed", **changes: Any) -> Graph:
    return record(lambda: ContainerService(name, arguments(**changes)), mode=mode)


def refused(name: str = "web", **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        made(name, **changes)
    return error.value.problems


def containers(graph: Graph) -> list[dict[str, Any]]:
    return json.loads(graph.one(TASK).inputs["containerDefinitions"])


def statements(graph: Graph, policy: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(policy).inputs["policy"])["Statement"]


def depended_on(graph: Graph, resource: Resource) -> set[str]:
    """Names of everything that a resource needs, at any distance."""
    found: set[str] = set()
    urns, resources = [*resource.dependencies], graph.by_urn()
    while urns:
        one = resources[urns.pop()]
        if one.name not in found:
            found.add(one.name)
            urns += one.dependencies
    return found


def test_at_least_the_desired_count_stays_in_service_in_a_deploy() -> None:
    gradual: dict[str, Any] = {**GRADUAL, "deployment": {"strategy": "CANARY"}}
    for graph in (made(), made(**gradual)):
        service = graph.one(SERVICE)
        assert (service.inputs["deploymentMinimumHealthyPercent"], service.inputs["deploymentMaximumPercent"]) == (100, 200)


def test_a_failed_rolling_deploy_rolls_back_by_the_circuit_breaker() -> None:
    service = made().one(SERVICE)
    assert service.inputs["deploymentConfiguration"] == {"strategy": "ROLLING"}
    assert service.inputs["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert "alarms" not in service.inputs


@pytest.mark.parametrize("strategy", ["BLUE_GREEN", "CANARY", "LINEAR"])
def test_a_failed_blue_green_or_canary_rolls_back_by_alarms(strategy: str) -> None:
    graph = made(**GRADUAL, deployment={"strategy": strategy})
    service = graph.one(SERVICE)
    names = [graph.named(name).outputs["name"] for name in ("web-errors-1", "web-errors-alternate")]
    assert service.inputs["alarms"] == {"alarmNames": names, "enable": True, "rollback": True}
    assert ("deploymentCircuitBreaker" in service.inputs) == (strategy == "BLUE_GREEN")


@pytest.mark.parametrize("strategy", ["ROLLING", "BLUE_GREEN", "CANARY", "LINEAR"])
def test_native_ecs_strategies_not_codedeploy(strategy: str) -> None:
    graph = made(**(GRADUAL if strategy != "ROLLING" else {}), deployment={"strategy": strategy})
    assert graph.one(SERVICE).inputs["deploymentController"] == {"type": "ECS"}
    assert graph.one(SERVICE).inputs["deploymentConfiguration"]["strategy"] == strategy
    assert [resource for resource in graph.resources if resource.type.startswith("aws:codedeploy")] == []


@pytest.mark.parametrize(
    ("variable", "value", "like"),
    [
        ("DB_PASSWORD", "x", "is named"),
        ("DATABASE", "postgres://me:word@db/shop", "has a value that looks"),
    ],
)
def test_no_secret_in_plain_environment(variable: str, value: str, like: str) -> None:
    reason = f"{like} like a secret, and task definitions can be read. Use secrets, by its ARN."
    assert refused(environment={variable: value}) == [(f"environment.{variable}", reason)]
    sidecar = {"image": IMAGE, "environment": {variable: value}}
    assert refused(sidecars={"proxy": sidecar}) == [(f"sidecars.proxy.environment.{variable}", reason)]


def test_role_policies_outlive_the_service() -> None:
    graph = made(
        **GRADUAL, deployment={"strategy": "BLUE_GREEN"}, statements=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::a/*"]}]
    )
    needed = depended_on(graph, graph.one(SERVICE))
    assert {"web-task-policy", "web-execution-policy", "web-traffic-policy", "web-capacity"} <= needed


def test_task_role_and_execution_role_are_apart() -> None:
    graph = made(secrets={"PASSWORD": {"secret_arn": SECRET, "json_key": "password", "kms_key_arn": KEY}})
    task = graph.one(TASK)
    assert refs(graph, task, "taskRoleArn") != refs(graph, task, "executionRoleArn")
    assert [statement["Sid"] for statement in statements(graph, "web-execution-policy")] == [
        "Logs",
        "RegistryLogin",
        "Images",
        "Secrets",
        "SecretKeys",
    ]
    assert [one for one in graph.of_type("aws:iam/rolePolicy:RolePolicy") if one.name == "web-task-policy"] == []


def test_the_execution_role_reads_exactly_the_images_and_secrets() -> None:
    other = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:proxy-d4e5f6"
    parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/flag"
    graph = made(
        secrets={"PASSWORD": {"secret_arn": SECRET, "json_key": "password", "kms_key_arn": KEY}, "FLAG": {"parameter_arn": parameter}},
        sidecars={"proxy": {"image": "docker.io/me/proxy:1.2", "registry_credentials": {"secret_arn": other}}},
    )
    rights = {statement["Sid"]: statement for statement in statements(graph, "web-execution-policy")}
    assert rights["Images"]["Resource"] == ["arn:aws:ecr:eu-west-1:123456789012:repository/shop"]
    assert rights["Secrets"]["Resource"] == [SECRET, other]
    assert rights["Parameters"] == {"Sid": "Parameters", "Effect": "Allow", "Action": ["ssm:GetParameters"], "Resource": [parameter]}
    # A parameter or secret may be in another Region, and in China under another domain.
    services = [f"{service}.*.amazonaws.com{suffix}" for service in ("secretsmanager", "ssm") for suffix in ("", ".cn")]
    via = {"StringLike": {"kms:ViaService": services}}
    assert (rights["SecretKeys"]["Resource"], rights["SecretKeys"]["Condition"]) == ([KEY], via)
    main, proxy = containers(graph)
    assert main["secrets"] == [{"name": "FLAG", "valueFrom": parameter}, {"name": "PASSWORD", "valueFrom": f"{SECRET}:password::"}]
    assert proxy["repositoryCredentials"] == {"credentialsParameter": other}


def test_an_image_outside_ecr_needs_no_rights() -> None:
    sids = [one["Sid"] for one in statements(made(image="public.ecr.aws/nginx/nginx:1.29"), "web-execution-policy")]
    assert sids == ["Logs"]


def test_tasks_of_the_account_alone_have_the_roles() -> None:
    graph = made(**GRADUAL, deployment={"strategy": "LINEAR"})
    for role in ("web-task-role", "web-execution"):
        [trust] = json.loads(graph.named(role).inputs["assumeRolePolicy"])["Statement"]
        assert trust["Principal"] == {"Service": ["ecs-tasks.amazonaws.com"]}
        assert str(trust["Condition"]["ArnLike"]["aws:SourceArn"]).strip("[']") == "arn:aws:ecs:eu-west-1:123456789012:*"
    [trust] = json.loads(graph.named("web-traffic").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["ecs.amazonaws.com"]}
    policy = "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers"
    assert graph.named("web-traffic-policy").inputs["policyArn"] == policy


def test_containers_write_to_named_volumes_alone() -> None:
    system = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0123456789abcdef0"
    point = "arn:aws:elasticfilesystem:eu-west-1:123456789012:access-point/fsap-0123456789abcdef0"
    volumes = {"scratch": {}, "films": {"file_system": {"file_system_arn": system, "access_point_arn": point}}}
    mounts = {"/tmp": {"volume": "scratch"}, "/films": {"volume": "films", "read_only": True}}
    graph = made(volumes=volumes, mounts=mounts)
    [main] = containers(graph)
    assert main["readonlyRootFilesystem"] is True
    assert main["mountPoints"] == [
        {"sourceVolume": "films", "containerPath": "/films", "readOnly": True},
        {"sourceVolume": "scratch", "containerPath": "/tmp", "readOnly": False},
    ]
    films = {
        "name": "films",
        "efsVolumeConfiguration": {
            "fileSystemId": "fs-0123456789abcdef0",
            "transitEncryption": "ENABLED",
            "authorizationConfig": {"accessPointId": "fsap-0123456789abcdef0", "iam": "ENABLED"},
        },
    }
    assert graph.one(TASK).inputs["volumes"] == [films, {"name": "scratch"}]
    [right] = statements(graph, "web-task-policy")
    assert (right["Action"], right["Resource"]) == (["elasticfilesystem:ClientMount"], [system])
    assert right["Condition"] == {"StringEquals": {"elasticfilesystem:AccessPointArn": [point]}}
    mounts["/films"] = {"volume": "films"}
    [right] = statements(made(volumes=volumes, mounts=mounts), "web-task-policy")
    assert right["Action"] == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]


def test_exec_is_off_by_default_and_encrypted_and_logged_where_it_is_on() -> None:
    plain = made()
    assert plain.one(SERVICE).inputs["enableExecuteCommand"] is False
    assert "configuration" not in plain.one("aws:ecs/cluster:Cluster").inputs
    graph = made(execute_command=True)
    key, group = graph.named("web-key").outputs["arn"], graph.named("web-session-logs")
    assert graph.one("aws:ecs/cluster:Cluster").inputs["configuration"]["executeCommandConfiguration"] == {
        "kmsKeyId": key,
        "logging": "OVERRIDE",
        "logConfiguration": {"cloudWatchLogGroupName": group.outputs["name"], "cloudWatchEncryptionEnabled": True},
    }
    paths = [mount["containerPath"] for mount in containers(graph)[0]["mountPoints"]]
    assert paths == ["/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm"]
    rights = {statement["Sid"]: statement["Resource"] for statement in statements(graph, "web-task-policy")}
    assert rights == {"Sessions": ["*"], "SessionLogs": [f"{group.outputs['arn']}:*"], "SessionKey": [key]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [{"capacityProvider": "FARGATE", "base": 0, "weight": 100}]),
        (
            {"spot_percentage": 75, "on_demand_base": 2},
            [{"capacityProvider": "FARGATE", "base": 2, "weight": 25}, {"capacityProvider": "FARGATE_SPOT", "weight": 75}],
        ),
    ],
)
def test_spot_has_its_share_above_a_base_of_fargate(changes: dict[str, Any], expected: Any) -> None:
    graph = made(**changes)
    service = graph.one(SERVICE)
    assert service.inputs["capacityProviderStrategies"] == expected
    # Another share changes the service in place.
    assert (service.inputs["forceNewDeployment"], "launchType" in service.inputs) == (True, False)
    assert graph.one("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders").inputs["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]


@pytest.mark.parametrize(
    ("deployment", "expected", "minutes"),
    [
        ({"strategy": "BLUE_GREEN", "bake_time_minutes": 15}, {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": "15"}, "45m"),
        (
            {"strategy": "CANARY", "canary_bake_time_minutes": 20},
            {
                "strategy": "CANARY",
                "bakeTimeInMinutes": "5",
                "canaryConfiguration": {"canaryPercent": 10, "canaryBakeTimeInMinutes": "20"},
            },
            "55m",
        ),
        (
            {"strategy": "LINEAR", "step_percent": 30},
            {"strategy": "LINEAR", "bakeTimeInMinutes": "5", "linearConfiguration": {"stepPercent": 30, "stepBakeTimeInMinutes": "5"}},
            "55m",
        ),
    ],
)
def test_a_gradual_deployment_moves_the_rule_between_two_target_groups(deployment: Any, expected: Any, minutes: str) -> None:
    graph = made(**GRADUAL, deployment=deployment)
    service = graph.one(SERVICE)
    assert service.inputs["deploymentConfiguration"] == expected
    [balancer] = service.inputs["loadBalancers"]
    role = {"roleArn": graph.named("web-traffic").outputs["arn"]}
    assert balancer["advancedConfiguration"] == {"alternateTargetGroupArn": GREEN, "productionListenerRule": RULE, **role}
    assert (balancer["targetGroupArn"], balancer["containerName"], balancer["containerPort"]) == (TARGETS, "app", 8080)
    timeouts = service.options["customTimeouts"]
    assert (timeouts["create"], timeouts["update"]) == (minutes, minutes)
    assert service.inputs["waitForSteadyState"] is True


def test_what_scales() -> None:
    night = {"schedule": "cron(0 22 * * ? *)", "min_tasks": 1}
    scaling = {"memory_target_percent": 70, "requests_per_target": 600, "scheduled_actions": {"night": night}}
    graph = made(
        port=80,
        target_group_arns=[TARGETS],
        load_balancer_arn_suffix=BALANCER,
        target_group_arn_suffix="targetgroup/web/1",
        scaling=scaling,
    )
    metrics = {
        policy.name: policy.inputs["targetTrackingScalingPolicyConfiguration"]["predefinedMetricSpecification"]
        for policy in graph.of_type(POLICY)
    }
    assert metrics == {
        "web-cpu": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
        "web-memory": {"predefinedMetricType": "ECSServiceAverageMemoryUtilization"},
        "web-requests": {"predefinedMetricType": "ALBRequestCountPerTarget", "resourceLabel": f"{BALANCER}/targetgroup/web/1"},
    }
    target = graph.one("aws:appautoscaling/target:Target")
    assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (2, 6)
    assert target.options["ignoreChanges"] == ["minCapacity"]
    assert graph.one(SERVICE).options["ignoreChanges"] == ["desiredCount"]
    action = graph.one("aws:appautoscaling/scheduledAction:ScheduledAction")
    assert (action.inputs["scalableTargetAction"], action.inputs["timezone"]) == ({"minCapacity": 1}, "Etc/UTC")


def test_application_auto_scaling_gets_one_change_at_a_time() -> None:
    times = {"night": {"schedule": "cron(0 22 * * ? *)", "min_tasks": 0}, "day": {"schedule": "cron(0 7 * * ? *)", "min_tasks": 2}}
    scaling = {"memory_target_percent": 70, "backlog": {"queue_names": ["work"], "messages_per_task": 9}, "scheduled_actions": times}
    graph = made(scaling=scaling)
    children = ["web-cpu", "web-memory", "web-backlog", "web-start", "web-at-night", "web-at-day"]
    for before, after in pairwise(["web-tasks", *children]):
        assert graph.named(before).urn in graph.named(after).dependencies, after


def test_a_fixed_number_is_not_scaled_and_follows_the_program() -> None:
    graph = made(max_tasks=2)
    assert graph.of_type("aws:appautoscaling/target:Target", POLICY) == []
    assert "ignoreChanges" not in graph.one(SERVICE).options


def test_names_for_others() -> None:
    namespace = "arn:aws:servicediscovery:eu-west-1:123456789012:namespace/ns-1"
    registry = "arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-1"
    lattice = "arn:aws:vpc-lattice:eu-west-1:123456789012:targetgroup/tg-1"
    graph = made(
        port=8080,
        service_connect={"namespace_arn": namespace, "discovery_name": "shop"},
        discovery_service_arn=registry,
        lattice_target_group_arn=lattice,
    )
    service = graph.one(SERVICE)
    connect = service.inputs["serviceConnectConfiguration"]
    alias = {"dnsName": "shop", "port": 8080}
    assert (connect["enabled"], connect["namespace"]) == (True, namespace)
    assert connect["services"] == [{"portName": "app", "discoveryName": "shop", "clientAlias": [alias]}]
    assert containers(graph)[0]["portMappings"][0]["name"] == "app"
    assert service.inputs["serviceRegistries"] == {"registryArn": registry}
    role = graph.named("web-lattice").outputs["arn"]
    assert service.inputs["vpcLatticeConfigurations"] == [{"portName": "app", "roleArn": role, "targetGroupArn": lattice}]
    client = made(service_connect={"namespace_arn": namespace}).one(SERVICE).inputs["serviceConnectConfiguration"]
    assert "services" not in client


def test_sidecars_start_in_their_order_and_share_the_task() -> None:
    check = {"command": ["CMD", "/ready"], "retries": 5}
    sidecar = {"image": IMAGE, "port": 9000, "cpu_units": 64, "memory_mib": 128, "essential": False, "health_check": check}
    main, proxy = containers(made(sidecars={"proxy": sidecar}, starts_after={"proxy": "HEALTHY"}))
    assert main["dependsOn"] == [{"containerName": "proxy", "condition": "HEALTHY"}]
    assert (proxy["essential"], proxy["cpu"], proxy["memory"], proxy["readonlyRootFilesystem"]) == (False, 64, 128, True)
    assert proxy["healthCheck"] == {"command": ["CMD", "/ready"], "interval": 30, "timeout": 5, "retries": 5, "startPeriod": 0}
    assert proxy["logConfiguration"]["options"]["awslogs-stream-prefix"] == "task"


def test_people_hear_of_failed_deployments_and_missing_tasks() -> None:
    graph = made(alarm_topic_arns=[TOPIC])
    names = {alarm.name for alarm in graph.of_type(ALARM)}
    assert names == {"web-failed-undelivered-alarm", "web-too-few-tasks", "web-high-cpu", "web-high-memory"}
    pattern = json.loads(graph.named("web-failed").inputs["eventPattern"])
    assert pattern["resources"] == [graph.one(SERVICE).outputs["arn"]]
    assert "SERVICE_DEPLOYMENT_FAILED" in pattern["detail"]["eventName"]
    assert graph.named("web-too-few-tasks").inputs["treatMissingData"] == "breaching"
    emptied = {"scheduled_actions": {"night": {"schedule": "cron(0 22 * * ? *)", "min_tasks": 0, "max_tasks": 0}}}
    empty = made(alarm_topic_arns=[TOPIC], scaling=emptied)
    assert empty.named("web-too-few-tasks").inputs["treatMissingData"] == "notBreaching"
    uncounted = made(alarm_topic_arns=[TOPIC], container_insights="disabled")
    assert "web-too-few-tasks" not in {alarm.name for alarm in uncounted.of_type(ALARM)}
    assert made().of_type(ALARM, "aws:cloudwatch/eventRule:EventRule") == []


def test_what_exists_is_adopted() -> None:
    cluster = "arn:aws:ecs:eu-west-1:123456789012:cluster/shared"
    roles = {f"existing_{kind}_role_arn": f"arn:aws:iam::123456789012:role/{kind}" for kind in ("task", "execution")}
    graph = made(existing_cluster_arn=cluster, kms_key_arn=KEY, **roles)
    assert graph.of_type("aws:ecs/cluster:Cluster", "aws:iam/role:Role", "aws:kms/key:Key") == []
    task = graph.one(TASK).inputs
    assert (task["taskRoleArn"], task["executionRoleArn"]) == tuple(roles.values())
    outputs = graph.one("cloudpatterns:index:ContainerService").outputs
    assert (outputs["cluster_name"], outputs["kms_key_arn"]) == ("shared", KEY)
    target = graph.one("aws:appautoscaling/target:Target").inputs["resourceId"]
    assert target == f"service/shared/{graph.one(SERVICE).outputs['name']}"


def test_a_preview_needs_nothing_that_aws_computes() -> None:
    made(mode="preview", **GRADUAL, deployment={"strategy": "CANARY"}, execute_command=True, alarm_topic_arns=[TOPIC])


def _needs(by: str) -> str:
    return f"is missing; {by} needs it. Give it, or remove {by}."


SIDECAR = {"image": IMAGE}
READ = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::a/*"]}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"min_tasks": 7}, ("min_tasks", "is 7, above max_tasks 6. Lower it or raise max_tasks.")),
        (
            {"min_tasks": 0},
            ("min_tasks", "is 0, and nothing starts a task again. Set 1 or more, or scaling.backlog or scaling.scheduled_actions."),
        ),
        (
            {"memory_mib": 4096},
            ("memory_mib", "is 4096; Fargate has 512, 1024 or 2048 MiB for 256 CPU units. Set it to 2048, or cpu_units to 512."),
        ),
        (
            {"sidecars": {"a": {**SIDECAR, "cpu_units": 512}}},
            ("sidecars", "have 512 CPU units together, above cpu_units 256. Lower theirs, or raise cpu_units."),
        ),
        (
            {"sidecars": {"a": {**SIDECAR, "memory_mib": 512}}},
            ("sidecars.a.memory_mib", "is 512; the whole task has 512. Lower it, or raise memory_mib."),
        ),
        ({"sidecars": {"app": SIDECAR}}, ("sidecars.app", "is the name of the main container. Choose another.")),
        (
            {"port": 80, "sidecars": {"a": {**SIDECAR, "port": 80}}},
            ("sidecars.a.port", "is 80, which another container of the task has. Choose another."),
        ),
        (
            {"mounts": {"/tmp": {"volume": "tmp"}}},
            ("mounts./tmp.volume", "is 'tmp', which is not a volume; known are none."),
        ),
        (
            {"volumes": {"tmp": {}}},
            ("volumes.tmp", "is in no mounts; AWS refuses a volume that no container mounts. Mount it, or remove it."),
        ),
        (
            {"execute_command": True, "volumes": {"a": {}}, "mounts": {"/managed-agents": {"volume": "a"}}},
            ("mounts./managed-agents", "is a path of ECS Exec, which execute_command mounts. Choose another."),
        ),
        (
            {"execute_command": True, "existing_cluster_arn": "arn:aws:ecs:eu-west-1:1:cluster/a"},
            (
                "execute_command",
                "excludes existing_cluster_arn: a cluster says where the sessions are logged; both are given. Remove one of them.",
            ),
        ),
        (
            {"environment": {"A": "1"}, "secrets": {"A": {"secret_arn": SECRET}}},
            ("environment.A", "is in secrets as well. Remove one of them."),
        ),
        (
            {"secrets": {"A": {}}},
            ("secrets.A.secret_arn", "exactly one of secret_arn and parameter_arn is needed; none is given. Give one."),
        ),
        (
            {"starts_after": {"proxy": "START"}},
            ("starts_after.proxy", "is no other container of the task; known are none."),
        ),
        (
            {"sidecars": {"a": SIDECAR}, "starts_after": {"a": "HEALTHY"}},
            ("starts_after.a", "is HEALTHY, and that container has no health_check. Give it one, or wait for START."),
        ),
        (
            {"sidecars": {"a": SIDECAR}, "starts_after": {"a": "SUCCESS"}},
            (
                "starts_after.a",
                "is SUCCESS, and that container is essential: the task stops when it exits. Set its essential to False.",
            ),
        ),
        ({"target_group_arns": [TARGETS]}, ("port", _needs("target_group_arns"))),
        (
            {"alternate_target_group_arn": GREEN},
            (
                "alternate_target_group_arn",
                "is for the strategies BLUE_GREEN, CANARY and LINEAR. Choose one as deployment.strategy, or leave it out.",
            ),
        ),
        (
            {"deployment": {"strategy": "CANARY"}},
            ("production_listener_rule_arn", "is missing; deployment.strategy CANARY needs it. Give it, or choose ROLLING."),
        ),
        (
            {**GRADUAL, "load_balancer_arn_suffix": None, "deployment": {"strategy": "LINEAR"}},
            (
                "load_balancer_arn_suffix",
                "is missing; without it, or deployment.alarm_names, no alarm rolls a deployment of LINEAR back. Give one of them.",
            ),
        ),
        (
            {**GRADUAL, "target_group_arns": [], "deployment": {"strategy": "BLUE_GREEN"}},
            ("target_group_arns", "has 0 entries; BLUE_GREEN moves the traffic of exactly one target group. Name one."),
        ),
        (
            {"deployment": {"canary_percent": 20}},
            ("deployment.canary_percent", "is for the strategy CANARY, and ROLLING is chosen. Leave it out."),
        ),
        (
            {"deployment": {"bake_time_minutes": 20}},
            ("deployment.bake_time_minutes", "is not for ROLLING. Choose another strategy, or leave it out."),
        ),
        (
            {"scaling": {"requests_per_target": 5}},
            (
                "target_group_arn_suffix",
                "is missing; scaling.requests_per_target needs it. Give it, or remove scaling.requests_per_target.",
            ),
        ),
        (
            {"container_insights": "disabled", "scaling": {"backlog": {"queue_names": ["a"], "messages_per_task": 1}}},
            (
                "container_insights",
                "is disabled; scaling.backlog divides by the running tasks, which Container Insights counts. Enable it.",
            ),
        ),
        (
            {"scaling": {"scheduled_actions": {"a": {"schedule": "cron(0 7 * * ? *)"}}}},
            ("scaling.scheduled_actions.a", "changes nothing; give min_tasks or max_tasks."),
        ),
        (
            {"scaling": {"scheduled_actions": {"a": {"schedule": "cron(0 7 * * ? *)", "min_tasks": 9, "time_zone": "Mars/Base"}}}},
            ("scaling.scheduled_actions.a", "leaves a minimum of 9 above a maximum of 6. Set both."),
        ),
        (
            {"existing_task_role_arn": "arn:aws:iam::1:role/a", "statements": [READ]},
            ("existing_task_role_arn", "excludes statements: the role is there already; both are given. Remove one of them."),
        ),
        (
            {"existing_cluster_arn": "team"},
            (
                "existing_cluster_arn",
                "is 'team'; must be the ARN of a cluster, not its name, such as arn:aws:ecs:eu-west-1:123456789012:cluster/team",
            ),
        ),
        (
            {"health_check": {"command": ["curl", "localhost"]}},
            (
                "health_check.command",
                "begins with 'curl'; ECS takes CMD, with a program and its arguments, or CMD-SHELL, with one text. Add one of them.",
            ),
        ),
        (
            {"secrets": {"TOKEN": {"secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3:token::"}}},
            (
                "secrets.TOKEN.secret_arn",
                "is [hidden]; must be the ARN of a secret, without a key behind it, such as "
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3",
            ),
        ),
        (
            {"image": "shop:latest"},
            (
                "image",
                "is 'shop:latest'; must be an image by its digest or by a tag other than latest, such as "
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:2027.1",
            ),
        ),
    ],
)
def test_what_cannot_be_created_is_refused(changes: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problem in refused(**changes)


@pytest.mark.parametrize("image", ["shop", "localhost:5000/shop", "shop@sha256:123"])
def test_an_image_without_tag_or_digest_is_refused(image: str) -> None:
    assert [path for path, _ in refused(image=image)] == ["image"]


def test_a_gradual_deployment_does_not_register_with_lattice() -> None:
    group = "arn:aws:vpc-lattice:eu-west-1:123456789012:targetgroup/tg-1"
    reason = "is for ROLLING: with CANARY new tasks would get requests of that group at once. Remove it, or choose ROLLING."
    changes: dict[str, Any] = {**GRADUAL, "lattice_target_group_arn": group, "deployment": {"strategy": "CANARY"}}
    assert refused(**changes) == [("lattice_target_group_arn", reason)]


def test_names_of_all_roles_are_within_their_limit() -> None:
    roles = {f"existing_{kind}_role_arn": f"arn:aws:iam::123456789012:role/{kind}" for kind in ("task", "execution")}
    made("a" * 48, **GRADUAL, **roles, deployment={"strategy": "CANARY"})
    assert [path for path, _ in refused("a" * 49, **GRADUAL, **roles, deployment={"strategy": "CANARY"})] == ["name"]


def test_a_name_that_no_task_definition_may_have_is_refused() -> None:
    reason = "is 'web.shop'; families of task definitions have letters, digits, - and _. Give the component such a name."
    assert ("name", reason) in refused("web.shop")
