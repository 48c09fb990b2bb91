"""Rules over several arguments of ``ContainerService``."""

import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from cloudpatterns.blocks import fargate_problems, task_memory_mib
from cloudpatterns.compute.container_service.arguments import (
    ContainerServiceArgs,
    ContainerServiceContainer,
    ContainerServiceScheduledAction,
)
from cloudpatterns.core import Problem, excludes, is_given, looks_secret, needs, one_of, statement_problems

MAIN = "app"
"""Name of the main container."""
_OF_GRADUAL = ("alternate_target_group_arn", "production_listener_rule_arn")
SESSION_PATHS = ("/managed-agents", "/var/lib/amazon/ssm", "/var/log/amazon/ssm")
"""Where the agent of ECS Exec writes: https://github.com/aws/containers-roadmap/issues/1359."""


def argument_problems(checked: ContainerServiceArgs) -> Iterator[Problem]:
    """What is wrong with the arguments."""
    if checked["min_tasks"] > checked["max_tasks"]:
        yield "min_tasks", f"is {checked['min_tasks']}, above max_tasks {checked['max_tasks']}. Lower it or raise max_tasks."
    yield from _size_problems(checked)
    yield from _container_problems(checked)
    yield from _role_problems(checked)
    yield from _network_problems(checked)
    yield from _deployment_problems(checked)
    yield from _scaling_problems(checked)
    if is_given(checked, "execute_command") and is_given(checked, "existing_cluster_arn"):
        reason = "excludes existing_cluster_arn: a cluster says where the sessions are logged; both are given. Remove one of them."
        yield "execute_command", reason


def name_problems(name: str) -> Iterator[Problem]:
    """What is wrong with the name of a component whose task definitions carry it."""
    if not re.fullmatch("[A-Za-z0-9_-]{1,255}", name):
        yield "name", f"is {name!r}; families of task definitions have letters, digits, - and _. Give the component such a name."


def _size_problems(checked: ContainerServiceArgs) -> Iterator[Problem]:
    yield from fargate_problems(checked)
    cpu_units, memory = checked["cpu_units"], task_memory_mib(checked)
    sidecars = checked["sidecars"]
    shares = sum(own for sidecar in sidecars.values() if (own := sidecar.get("cpu_units")) is not None)
    if shares > cpu_units:
        yield "sidecars", f"have {shares} CPU units together, above cpu_units {cpu_units}. Lower theirs, or raise cpu_units."
    for name, sidecar in sidecars.items():
        if (own := sidecar.get("memory_mib")) is not None and own >= memory:
            yield f"sidecars.{name}.memory_mib", f"is {own}; the whole task has {memory}. Lower it, or raise memory_mib."


def _container_problems(checked: ContainerServiceArgs) -> Iterator[Problem]:
    containers: dict[str, ContainerServiceContainer] = {MAIN: checked, **checked["sidecars"]}
    if MAIN in checked["sidecars"]:
        yield f"sidecars.{MAIN}", "is the name of the main container. Choose another."
    mounted: set[str] = set()
    ports = {MAIN: checked.get("port")}
    for name, container in containers.items():
        path = "" if container is checked else f"sidecars.{name}."
        yield from _environment_problems(container, path)
        yield from _start_problems(checked, name, path)
        check = container.get("health_check")
        if check is not None and (first := check["command"][0]) not in ("CMD", "CMD-SHELL"):
            reason = "ECS takes CMD, with a program and its arguments, or CMD-SHELL, with one text. Add one of them."
            yield f"{path}health_check.command", f"begins with {first!r}; {reason}"
        for place, mount in container["mounts"].items():
            mounted.add(mount["volume"])
            if mount["volume"] not in checked["volumes"]:
                known = ", ".join(checked["volumes"]) or "none"
                yield f"{path}mounts.{place}.volume", f"is {mount['volume']!r}, which is not a volume; known are {known}."
        if container is not checked and (port := checked["sidecars"][name].get("port")) is not None:
            if port in ports.values():
                yield f"{path}port", f"is {port}, which another container of the task has. Choose another."
            ports[name] = port
    for name in checked["volumes"].keys() - mounted:
        yield f"volumes.{name}", "is in no mounts; AWS refuses a volume that no container mounts. Mount it, or remove it."
    if checked["execute_command"]:
        for place in SESSION_PATHS:
            if place in checked["mounts"]:
                yield f"mounts.{place}", "is a path of ECS Exec, which execute_command mounts. Choose another."


def _environment_problems(container: ContainerServiceContainer, path: str) -> Iterator[Problem]:
    for name, value in container["environment"].items():
        if looks_secret(name, value):
            like = "is named" if looks_secret(name) else "has a value that looks"
            yield f"{path}environment.{name}", f"{like} like a secret, and task definitions can be read. Use secrets, by its ARN."
        if name in container["secrets"]:
            yield f"{path}environment.{name}", "is in secrets as well. Remove one of them."
    for name, secret in container["secrets"].items():
        place = f"{path}secrets.{name}."
        yield from one_of(secret, "secret_arn", "parameter_arn", path=place)
        for argument in ("json_key", "version_stage"):
            yield from needs(secret, argument, "secret_arn", path=place, why="a parameter has none")


def _start_problems(checked: ContainerServiceArgs, name: str, path: str) -> Iterator[Problem]:
    containers: dict[str, ContainerServiceContainer] = {MAIN: checked, **checked["sidecars"]}
    for other, condition in containers[name]["starts_after"].items():
        place = f"{path}starts_after.{other}"
        if other == name or other not in containers:
            known = ", ".join(one for one in containers if one != name) or "none"
            yield place, f"is no other container of the task; known are {known}."
        elif condition == "HEALTHY" and containers[other].get("health_check") is None:
            yield place, "is HEALTHY, and that container has no health_check. Give it one, or wait for START."
        elif condition in ("COMPLETE", "SUCCESS") and (other == MAIN or checked["sidecars"][other]["essential"]):
            yield place, f"is {condition}, and that container is essential: the task stops when it exits. Set its essential to False."


def _role_problems(checked: ContainerServiceArgs) -> Iterator[Problem]:
    yield from excludes(checked, "existing_task_role_arn", "statements", "managed_policy_arns", why="the role is there already")
    yield from statement_problems(checked["statements"])


def _network_problems(checked: ContainerServiceArgs) -> Iterator[Problem]:
    yield from needs(checked, "target_group_arns", "port")
    yield from needs(checked, "lattice_target_group_arn", "port")
    yield from needs(checked, "discovery_port", "discovery_service_arn")
    if connect := checked.get("service_connect"):
        for argument in ("dns_name", "client_port"):
            yield from needs(connect, argument, "discovery_name", path="service_connect.")
        if is_given(connect, "discovery_name") and not is_given(checked, "port"):
            yield "port", "is missing; service_connect.discovery_name needs it. Give it, or remove service_connect.discovery_name."


def _deployment_problems(checked: ContainerServiceArgs) -> Iterator[Problem]:
    deployment, strategy = checked["deployment"], checked["deployment"]["strategy"]
    if strategy == "ROLLING":
        for name in (*_OF_GRADUAL, "test_listener_rule_arn"):
            if is_given(checked, name):
                yield name, "is for the strategies BLUE_GREEN, CANARY and LINEAR. Choose one as deployment.strategy, or leave it out."
        if is_given(deployment, "bake_time_minutes"):
            yield "deployment.bake_time_minutes", "is not for ROLLING. Choose another strategy, or leave it out."
    else:
        for name in _OF_GRADUAL:
            if not is_given(checked, name):
                yield name, f"is missing; deployment.strategy {strategy} needs it. Give it, or choose ROLLING."
        if len(checked["target_group_arns"]) != 1:
            count = len(checked["target_group_arns"])
            yield "target_group_arns", f"has {count} entries; {strategy} moves the traffic of exactly one target group. Name one."
        if is_given(checked, "lattice_target_group_arn"):
            reason = f"is for ROLLING: with {strategy} new tasks would get requests of that group at once. Remove it, or choose ROLLING."
            yield "lattice_target_group_arn", reason
        if not is_given(checked, "load_balancer_arn_suffix") and not deployment["alarm_names"]:
            reason = f"is missing; without it, or deployment.alarm_names, no alarm rolls a deployment of {strategy} back. Give one of them."
            yield "load_balancer_arn_suffix", reason
    for of, arguments in {
        "CANARY": ("canary_percent", "canary_bake_time_minutes"),
        "LINEAR": ("step_percent", "step_bake_time_minutes"),
    }.items():
        for argument in arguments if strategy != of else ():
            if is_given(deployment, argument):
                yield f"deployment.{argument}", f"is for the strategy {of}, and {strategy} is chosen. Leave it out."


def _scaling_problems(checked: ContainerServiceArgs) -> Iterator[Problem]:
    scaling = checked["scaling"]
    if is_given(scaling, "requests_per_target"):
        for needed in ("target_group_arns", "load_balancer_arn_suffix", "target_group_arn_suffix"):
            if not is_given(checked, needed):
                yield needed, "is missing; scaling.requests_per_target needs it. Give it, or remove scaling.requests_per_target."
        if checked["deployment"]["strategy"] != "ROLLING":
            reason = "is for ROLLING: in the other strategies the requests move to another target group. Leave it out."
            yield "scaling.requests_per_target", reason
    if is_given(scaling, "backlog") and checked["container_insights"] == "disabled":
        reason = "is disabled; scaling.backlog divides by the running tasks, which Container Insights counts. Enable it."
        yield "container_insights", reason
    if checked["min_tasks"] == 0 and scaling.get("backlog") is None and not scaling["scheduled_actions"]:
        yield "min_tasks", "is 0, and nothing starts a task again. Set 1 or more, or scaling.backlog or scaling.scheduled_actions."
    for key, action in scaling["scheduled_actions"].items():
        yield from _action_problems(f"scaling.scheduled_actions.{key}", action, checked["min_tasks"], checked["max_tasks"])


def _action_problems(path: str, action: ContainerServiceScheduledAction, min_tasks: int, max_tasks: int) -> Iterator[Problem]:
    least, most = action.get("min_tasks"), action.get("max_tasks")
    if least is None and most is None:
        yield path, "changes nothing; give min_tasks or max_tasks."
    least, most = min_tasks if least is None else least, max_tasks if most is None else most
    if least > most:
        yield path, f"leaves a minimum of {least} above a maximum of {most}. Set both."
    # Without time zone data on this machine, AWS alone can tell.
    zones = available_timezones()
    if zones and action["time_zone"] not in zones:
        yield f"{path}.time_zone", f"is {action['time_zone']!r}; a name of the IANA database is needed, such as Europe/Berlin."
