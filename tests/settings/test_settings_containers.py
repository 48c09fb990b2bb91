"""The storefront's containers in the settings: one of two sections, and what they need of the network."""

from typing import Any

import pytest

from tests.settings.configurations import ABSENT, broken, good, obey, problems

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + "0" * 64
CONTAINERS: dict[str, Any] = {"image": IMAGE, "min_tasks": 2, "max_tasks": 4}
ENDPOINTS = ["logs", "ecr.api", "ecr.dkr"]


def in_containers(**changes: Any) -> dict[str, Any]:
    return broken(
        {
            "storefront.servers": ABSENT,
            "storefront.containers": {**CONTAINERS, **changes},
            "network.interface_endpoints": ENDPOINTS,
        }
    )


def test_containers_take_the_place_of_the_servers() -> None:
    front = good(in_containers()).storefront
    assert front.servers is None
    assert front.application is front.containers
    assert (front.containers.image, front.containers.port, front.containers.cpu_units) == (IMAGE, 8080, 256)
    assert "servers" not in front.as_args()
    assert good(broken({})).storefront.containers is None


def test_neither_and_both_are_one_problem_whose_command_fixes_it() -> None:
    neither = broken({"storefront.servers": ABSENT})
    [problem] = problems(neither)
    assert problem.key == "cloudpatterns:storefront.servers"
    assert problem.because == "the application runs nowhere: neither servers nor containers are given"
    obey(problem.fix, neither)
    assert good(neither).storefront.servers.min_size == 2
    both = broken({"storefront.containers": CONTAINERS, "network.interface_endpoints": ENDPOINTS})
    [problem] = problems(both)
    assert problem.key == "cloudpatterns:storefront.containers"
    assert problem.because == "the application runs on servers or in containers, and both are given"
    obey(problem.fix, both)
    assert good(both).storefront.servers is None


@pytest.mark.parametrize(
    ("containers", "missing"),
    [
        ({}, ["ecr.api", "ecr.dkr"]),
        ({"execute_command": True}, ["ecr.api", "ecr.dkr", "ssmmessages"]),
        (
            {"secrets": {"KEY": {"secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-a1b2c3"}}},
            ["ecr.api", "ecr.dkr", "secretsmanager"],
        ),
    ],
)
def test_without_internet_egress_containers_need_endpoints_to_start(containers: dict[str, Any], missing: list[str]) -> None:
    sections = in_containers(**containers)
    sections["network"]["interface_endpoints"] = ["logs"]
    [problem] = problems(sections)
    assert problem.because == (
        f"nat.strategy on_demand leaves the containers without internet egress, so none starts without {', '.join(missing)}"
    )
    obey(problem.fix, sections)
    assert good(sections).network.interface_endpoints == ("logs", *missing)


@pytest.mark.parametrize(
    ("changes", "key", "because"),
    [
        ({"min_tasks": 5}, "containers.min_tasks", "more than max_tasks, which is 4"),
        ({"memory_mib": 3000}, "containers.memory_mib", "is 3000"),
        ({"environment": {"PORT": "1"}}, "containers.environment.PORT", "is set by the storefront. Choose another name"),
        ({"database_user": "dbadmin"}, "containers.database_user", "is 'dbadmin', the master user"),
    ],
)
def test_what_containers_cannot_be_is_reported_at_once(changes: dict[str, Any], key: str, because: str) -> None:
    sections = in_containers(**changes)
    [problem] = problems(sections)
    assert problem.key == f"cloudpatterns:storefront.{key}"
    assert problem.because.startswith(because)
    obey(problem.fix, sections)
    assert good(sections).storefront.containers is not None
