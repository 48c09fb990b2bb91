from typing import Any, NotRequired, TypedDict

import pulumi
import pytest
from cloudpatterns.core import Arguments, FunctionOptions, function_problems


class Taker(TypedDict):
    """Arguments with a function."""

    function: NotRequired[FunctionOptions]
    """The function."""


CODE = pulumi.AssetArchive({"index.py": pulumi.StringAsset("")})
STATEMENT: Any = {"actions": ["s3:GetObject"], "resources": ["*"]}


def options(**given: Any) -> FunctionOptions:
    function: Any = {"code": CODE, **given}
    return Arguments(Taker).check("shop", {"function": function})["function"]


def test_the_defaults_are_those_of_a_small_python_function_on_graviton() -> None:
    checked = dict(options())
    assert checked.pop("code") is CODE
    assert {name: value for name, value in checked.items() if value is not None} == {
        "runtime": "python3.13",
        "handler": "index.handler",
        "architecture": "arm64",
        "memory_mib": 256,
        "timeout_seconds": 30,
        "ephemeral_storage_mib": 512,
        "environment": {},
        "statements": [],
        "managed_policy_arns": {},
        "layers": [],
        "powertools": True,
        "runtime_library": False,
        "tracing": True,
        "log_level": "INFO",
        "log_retention_days": 365,
    }
    assert list(function_problems(options())) == []


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"image_uri": "i"}, [("function.code", "exactly one of code and image_uri is needed; both are given. Remove one.")]),
        (
            {"code": None, "image_uri": "i", "handler": "app.main"},
            [("function.image_uri", "excludes handler: an image holds all of it; both are given. Remove one of them.")],
        ),
        (
            {
                "existing_role_arn": "arn:aws:iam::123456789012:role/search",
                "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
            },
            [
                (
                    "function.existing_role_arn",
                    "excludes permissions_boundary_arn: the role is there already; both are given. Remove one of them.",
                )
            ],
        ),
        (
            {"subnet_ids_by_zone": {"eu-west-1a": "subnet-1"}},
            [
                (
                    "function.security_group_ids",
                    "is missing; subnet_ids_by_zone needs it. Give it, or remove subnet_ids_by_zone.",
                )
            ],
        ),
        (
            {"runtime": "nodejs24.x", "runtime_library": True},
            [("function.runtime_library", "is True with the runtime nodejs24.x; the library is in Python. Leave it out.")],
        ),
        (
            {"layers": ["a", "b", "c", "d", "e"]},
            [("function.layers", "has 5 entries, with those of powertools and runtime_library 6; Lambda takes 5. Remove one.")],
        ),
        (
            {"environment": {"AWS_REGION": "eu-west-1"}},
            [("function.environment.AWS_REGION", "is a variable that Lambda sets itself. Choose another name.")],
        ),
    ],
)
def test_options_that_lambda_refuses_together(given: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert list(function_problems(options(**given))) == problems


def test_statements_are_least_privilege() -> None:
    ((path, reason),) = function_problems(options(statements=[STATEMENT]), "stages.pack.function")
    assert path == "stages.pack.function.statements.0.resources"
    assert reason.startswith("is '*' with s3:GetObject in statement 0; the action can be limited to resources.")


def test_five_layers_without_powertools_are_allowed() -> None:
    assert list(function_problems(options(layers=["a", "b", "c", "d", "e"], powertools=False))) == []
