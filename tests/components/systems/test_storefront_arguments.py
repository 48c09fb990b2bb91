"""What Storefront refuses, word for word."""

from typing import Any

import pytest
from cloudpatterns.core import ArgumentError

from tests.components.systems.storefronts import OPERATORS, make


def role(*ports: int) -> dict[str, Any]:
    return {"ports": list(ports), "entries": OPERATORS["devops"]["entries"]}


CERTIFICATE_NEEDED = "is missing; HTTPS needs a certificate. Give certificate_arn, or both domain_name and hosted_zone_id, which make one."
NOT_FOR_OPERATORS = (
    "operators are admitted to the servers alone. Let the role have port 22, or Session Manager, and forward the port through a server."
)
REFUSED: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "no certificate": ({"certificate_arn": None}, [("certificate_arn", CERTIFICATE_NEEDED)]),
    "a domain without its zone": ({"certificate_arn": None, "domain_name": "a.org"}, [("certificate_arn", CERTIFICATE_NEEDED)]),
    "a zone without a domain": ({"certificate_arn": None, "hosted_zone_id": "Z1"}, [("certificate_arn", CERTIFICATE_NEEDED)]),
    "operators on data ports": (
        {"operators": {"dba": role(22, 3306), "dev": role(5432), "ops": role(6379)}},
        [
            ("operators.dba.ports", f"has 3306, the database's port; {NOT_FOR_OPERATORS}"),
            ("operators.dev.ports", f"has 5432, the database's port; {NOT_FOR_OPERATORS}"),
            ("operators.ops.ports", f"has 6379, the cache's port; {NOT_FOR_OPERATORS}"),
        ],
    ),
    "everything at once": (
        {"certificate_arn": None, "operators": {"dba": role(3306)}, "servers__artifact_uri": "s3://releases/1.tar.gz"},
        [
            ("operators.dba.ports", f"has 3306, the database's port; {NOT_FOR_OPERATORS}"),
            ("certificate_arn", CERTIFICATE_NEEDED),
            ("servers.artifact_sha256", "is missing; an artifact goes with its checksum. Give both, or neither."),
        ],
    ),
    "a checksum without an artifact": (
        {"servers__artifact_sha256": "0" * 64},
        [("servers.artifact_uri", "is missing; an artifact goes with its checksum. Give both, or neither.")],
    ),
    "an artifact that is a pattern": (
        {"servers__artifact_uri": "s3://releases/*", "servers__artifact_sha256": "0" * 64},
        [
            (
                "servers.artifact_uri",
                r"is 's3://releases/*'; string should match pattern '^s3://[a-z0-9.-]+/[^\x00-\x1f\x7f*?]+$'",
            )
        ],
    ),
    "a checksum of another kind": (
        {"servers__artifact_uri": "s3://releases/1.tar.gz", "servers__artifact_sha256": "md5"},
        [("servers.artifact_sha256", "is 'md5'; string should match pattern '^[0-9a-f]{64}$'")],
    ),
    "a health check with a query": (
        {"servers__health_check_path": "/up?full=1"},
        [("servers.health_check_path", "is '/up?full=1'; string should match pattern '^/[A-Za-z0-9._~/-]*$'")],
    ),
    "a privileged port": ({"servers__app_port": 80}, [("servers.app_port", "is 80; input should be greater than or equal to 1024")]),
    "a port above all": ({"servers__app_port": 65536}, [("servers.app_port", "is 65536; input should be less than or equal to 65535")]),
    "another engine": (
        {"database__engine": "oracle"},
        [("database.engine", "is 'oracle'; string should match pattern '^(mysql|postgres)$'")],
    ),
    "days that CloudWatch does not know": (
        {"log_retention_days": 8, "database__log_retention_days": 9},
        [
            (
                path,
                f"is {days}; must be one of the days that CloudWatch Logs keeps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, "
                "731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
            )
            for path, days in (("database.log_retention_days", 9), ("log_retention_days", 8))
        ],
    ),
    "no access logs": (
        {"access_log_retention_days": 0},
        [("access_log_retention_days", "is 0; input should be greater than or equal to 1")],
    ),
    "access logs for ever": (
        {"access_log_retention_days": 3654},
        [("access_log_retention_days", "is 3654; input should be less than or equal to 3653")],
    ),
    "an unknown argument of a section": (
        {"cache__size": 1},
        [("cache.size", "is no argument; known are engine, engine_version, node_type, replicas, snapshot_retention_days")],
    ),
    "no servers": ({"servers": None}, [("servers", "is missing; give it a value")]),
}


@pytest.mark.parametrize(("changes", "problems"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_anything_is_made(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**changes)
    assert (caught.value.component, caught.value.name, caught.value.problems) == ("Storefront", "shop", problems)


def test_at_most_four_operator_roles() -> None:
    with pytest.raises(ArgumentError) as caught:
        make(operators={f"role{number}": role(22) for number in range(5)})
    [(path, reason)] = caught.value.problems
    assert path == "operators"
    # "not more" or "not 5", as pydantic's version has it.
    assert "; dictionary should have at most 4 items after validation, not " in reason


def test_the_longest_name_is_one_that_the_balancers_name_leaves_room_for() -> None:
    assert make(mode="preview", name="s" * 17).named(f"{'s' * 17}-web-lb")
    with pytest.raises(ArgumentError) as caught:
        make(name="s" * 18)
    assert caught.value.problems == [
        (
            "name",
            f"the name has 18 characters; its child {'s' * 18}-web-lb would pass the 32 characters that AWS allows. "
            "Give the component a name of at most 17 characters.",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "component", "problem"),
    [
        (
            {"domain_name": "a.org", "hosted_zone_id": "Z1"},
            "LoadBalancer",
            ("certificate_arn", "excludes domain_name and hosted_zone_id, which make a certificate. Leave out one or the other."),
        ),
        (
            {"public_subnet_ids_by_zone": {"eu-west-1a": "subnet-1"}},
            "LoadBalancer",
            ("subnet_ids_by_zone", "has eu-west-1a; a load balancer stands in two zones at least. Give a subnet in another."),
        ),
        ({"servers__min_size": 5}, "ScaleOut", ("min_size", "is 5, above max_size 4. Lower it or raise max_size.")),
    ],
)
def test_what_a_part_refuses_is_refused(changes: dict[str, Any], component: str, problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**changes)
    assert (caught.value.component, caught.value.problems) == (component, [problem])
