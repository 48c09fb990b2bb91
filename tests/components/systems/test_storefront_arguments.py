"""What Storefront refuses, word for word."""

import base64
import gzip
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import InMemoryCacheOptions, certificates
from cloudpatterns.systems import Storefront

from tests.components.systems.storefronts import OPERATORS, arguments, make
from tests.harness import record

REGIONS = sorted(path.stem for path in Path(certificates.__file__).with_name("rds-certificates").iterdir())


def role(*ports: int) -> dict[str, Any]:
    return {"ports": list(ports), "entries": OPERATORS["devops"]["entries"]}


ONE_CERTIFICATE = "exactly one of certificate_arn and domain_name with hosted_zone_id is needed"
NOT_FOR_OPERATORS = (
    "operators reach the servers alone. Give the role port 22, or use Session Manager, and forward the port through a server."
)
REFUSED: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "no certificate": ({"load_balancer": {}}, [("load_balancer.certificate_arn", f"{ONE_CERTIFICATE}; none is given. Give one.")]),
    "a domain without its zone": (
        {"load_balancer": {"domain_name": "a.org"}},
        [("load_balancer.hosted_zone_id", "is missing; domain_name needs it. Give it, or remove domain_name.")],
    ),
    "a zone without a domain": (
        {"load_balancer": {"hosted_zone_id": "Z0123"}},
        [("load_balancer.domain_name", "is missing; hosted_zone_id needs it. Give it, or remove hosted_zone_id.")],
    ),
    "two certificates": (
        {"load_balancer__domain_name": "a.org", "load_balancer__hosted_zone_id": "Z0123"},
        [("load_balancer.certificate_arn", f"{ONE_CERTIFICATE}; both are given. Remove one.")],
    ),
    "operators on data ports": (
        {"operators": {"dba": role(22, 3306), "dev": role(5432), "ops": role(6379)}},
        [
            ("operators.dba.ports", f"has 3306, the database's port; {NOT_FOR_OPERATORS}"),
            ("operators.dev.ports", f"has 5432, the database's port; {NOT_FOR_OPERATORS}"),
            ("operators.ops.ports", f"has 6379, the cache's port; {NOT_FOR_OPERATORS}"),
        ],
    ),
    "everything at once": (
        {"load_balancer": {}, "operators": {"dba": role(3306)}, "servers__artifact_uri": "s3://releases/1.tar.gz"},
        [
            ("load_balancer.certificate_arn", f"{ONE_CERTIFICATE}; none is given. Give one."),
            ("operators.dba.ports", f"has 3306, the database's port; {NOT_FOR_OPERATORS}"),
            ("servers.artifact_sha256", "is missing; artifact_uri needs it. Give it, or remove artifact_uri."),
        ],
    ),
    "a checksum without an artifact": (
        {"servers__artifact_sha256": "0" * 64},
        [("servers.artifact_uri", "is missing; artifact_sha256 needs it. Give it, or remove artifact_sha256.")],
    ),
    "a key without an artifact": (
        {"servers__artifact_kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/mine"},
        [("servers.artifact_uri", "is missing; artifact_kms_key_arn needs it. Give it, or remove artifact_kms_key_arn.")],
    ),
    "variables that are set already": (
        {"servers__environment": {"PORT": "1", "DATABASE_HOST": "db", "API_KEY": "x"}},
        [
            ("servers.environment.PORT", "is set by the boot script. Choose another name."),
            (
                "servers.environment.API_KEY",
                "is named like a secret, and user data can be read. Pass the secret's ARN as API_KEY_ARN and fetch it at run time.",
            ),
            ("servers.environment.DATABASE_HOST", "is set by the storefront. Choose another name."),
        ],
    ),
    "a statement of the storefront's own name": (
        {"servers__statements": [{"sid": "Logs", "actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:a"]}]},
        [("servers.statements.0.sid", "is 'Logs', which is a statement of the storefront. Choose another id.")],
    ),
    "a statement of everything": (
        {"servers__statements": [{"actions": ["sqs:*"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:a"]}]},
        [("servers.statements.0.actions", "has sqs:* in statement 0; every action is not least privilege. Name the actions.")],
    ),
    "the master user for the application": (
        {"servers__database_user": "dbadmin"},
        [("servers.database_user", "is 'dbadmin', the master user, who logs in with a password. Choose another name.")],
    ),
    "a user that the engine reserves": (
        {"servers__database_user": "root"},
        [("servers.database_user", "is 'root'; the name is reserved by mysql. Use another, such as app.")],
    ),
    "a user in capital letters": (
        {"servers__database_user": "MyApp"},
        [("servers.database_user", "is 'MyApp'; must be 1 to 32 lower-case letters, digits and _, a letter first")],
    ),
    "a variable of two lines": (
        {"servers__environment": {"MOTTO": "a\nb"}},
        [("servers.environment.MOTTO", "has a line break or another control character; one line of text is needed.")],
    ),
    "certificates that are none": (
        {"servers__database_certificates": "/etc/ca.pem"},
        [("servers.database_certificates", "are not certificates in PEM. Pass the text of the file alone.")],
    ),
    "a region without certificates": (
        {f"{tier}_subnet_ids_by_zone": {"xx-south-1a": "a", "xx-south-1b": "b"} for tier in ("public", "private", "data")},
        [
            (
                "servers.database_certificates",
                f"is missing, and the region is 'xx-south-1'; there are certificates of {', '.join(REGIONS)}. For another region pass "
                "AWS's bundle of it yourself: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html",
            ),
            *(
                (
                    f"{tier}_subnet_ids_by_zone.{zone}",
                    f"is {zone!r}, a zone of xx-south-1; aws:region is eu-west-1. "
                    "Name zones of eu-west-1, or set aws:region to xx-south-1.",
                )
                for tier in ("public", "private", "data")
                for zone in ("xx-south-1a", "xx-south-1b")
            ),
        ],
    ),
    "an artifact that is a pattern": (
        {"servers__artifact_uri": "s3://releases/*", "servers__artifact_sha256": "0" * 64},
        [
            ("servers.artifact_uri", "is 's3://releases/*'; must be an object in S3 such as s3://bucket/app.tar.gz"),
        ],
    ),
    "a checksum of another kind": (
        {"servers__artifact_uri": "s3://releases/1.tar.gz", "servers__artifact_sha256": "md5"},
        [("servers.artifact_sha256", "is 'md5'; must be 64 hexadecimal digits in lower case")],
    ),
    "a health check with a query": (
        {"load_balancer__health_check_path": "/up?full=1"},
        [("load_balancer.health_check_path", "is '/up?full=1'; must be a URL path such as /healthz")],
    ),
    "a privileged port": ({"servers__app_port": 80}, [("servers.app_port", "is 80; must be at least 1024")]),
    "a port above all": ({"servers__app_port": 65536}, [("servers.app_port", "is 65536; must be at most 65535")]),
    "another engine": (
        {"database__engine": "oracle"},
        [("database.engine", "is 'oracle'; must be one of mysql, postgres, aurora-mysql, aurora-postgresql")],
    ),
    "days that CloudWatch does not know": (
        {"database__log_retention_days": 9, "cache__log_retention_days": 10, "firewall": {"log_retention_days": 8}},
        [
            (
                path,
                f"is {days}; must be one of the days that CloudWatch Logs keeps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, "
                "731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
            )
            for path, days in (("database.log_retention_days", 9), ("cache.log_retention_days", 10), ("firewall.log_retention_days", 8))
        ],
    ),
    "no access logs": (
        {"load_balancer__log_retention_days": 0},
        [("load_balancer.log_retention_days", "is 0; must be at least 1")],
    ),
    "access logs for ever": (
        {"load_balancer__log_retention_days": 3654},
        [("load_balancer.log_retention_days", "is 3654; must be at most 3653")],
    ),
    "an unknown argument of a section": (
        {"cache__size": 1},
        [("cache.size", f"is not an argument; known are {', '.join(sorted(InMemoryCacheOptions.__annotations__))}")],
    ),
    "no cache": ({"cache": None}, [("cache", "is missing; give it a value")]),
    "no servers": ({"servers": None}, [("servers", "exactly one of servers and containers is needed; none is given. Give one.")]),
}


@pytest.mark.parametrize(("changes", "problems"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_anything_is_made(changes: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**changes)
    assert (caught.value.component, caught.value.name, caught.value.problems) == ("Storefront", "shop", problems)


def test_at_most_four_operator_roles() -> None:
    with pytest.raises(ArgumentError) as caught:
        make(operators={f"role{number}": role(22) for number in range(5)})
    assert caught.value.problems == [("operators", "has 5 entries; at most 4 are allowed")]


def test_the_longest_name_is_one_that_the_balancers_name_leaves_room_for() -> None:
    assert make(mode="preview", name="s" * 17).named(f"{'s' * 17}-web-lb")
    with pytest.raises(ArgumentError) as caught:
        make(name="s" * 18)
    assert caught.value.problems == [
        (
            "name",
            f"has 18 characters; the child {'s' * 18}-web-lb would pass the 32 characters that AWS allows. "
            "Give the component a name of at most 17 characters.",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "component", "problem"),
    [
        (
            {"public_subnet_ids_by_zone": {"eu-west-1a": "subnet-1"}},
            "Storefront",
            ("public_subnet_ids_by_zone", "has 1 entry; at least 2 are needed"),
        ),
        ({"servers__min_size": 5}, "Storefront", ("servers.min_size", "is 5, above max_size 4. Lower it or raise max_size.")),
    ],
)
def test_what_a_part_refuses_is_refused(changes: dict[str, Any], component: str, problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**changes)
    assert (caught.value.component, caught.value.problems) == (component, [problem])


@pytest.mark.parametrize(
    ("name", "changes", "path"),
    [
        ("sg-shop", {}, "name"),
        ("my_shop", {}, "name"),
        ("shop", {"endpoint_cidr": "10.0.0.1/8"}, "endpoint_cidr"),
        ("shop", {"load_balancer__health_check_timeout_seconds": 20}, "load_balancer.health_check_timeout_seconds"),
        ("shop", {"firewall": {"allowed_cidrs": ["0.0.0.0/0"]}}, "firewall.allowed_cidrs"),
        ("shop", {"database__engine_version": "8"}, "database.engine_version"),
        ("shop", {"database__allocated_storage_gib": None}, "database.allocated_storage_gib"),
        ("shop", {"cache__serverless": {"max_storage_gb": 1, "max_ecpu_per_second": 1000}}, "cache.node_type"),
        ("shop", {"operators": {"DevOps": {"ports": [22], "entries": []}}}, "operators"),
        ("shop", {"servers__min_size": 9}, "servers.min_size"),
        ("shop", {"servers__spot_percentage": 50}, "servers.instance_types"),
    ],
)
def test_what_a_part_refuses_is_refused_before_any_part_exists(name: str, changes: dict[str, Any], path: str) -> None:
    created: list[str] = []

    def program() -> None:
        args: Any = arguments(changes)
        with pytest.raises(ArgumentError) as caught:
            Storefront(name, args)
        assert (caught.value.component, caught.value.name) == ("Storefront", name)
        paths = [where for where, _ in caught.value.problems]
        assert any(where == path or where.startswith(f"{path}.") for where in paths), caught.value.problems

    created += [one.type for one in record(program).resources if "cloudpatterns" in one.type or one.type.startswith("aws:")]
    assert created == []


def test_an_environment_that_user_data_has_no_room_for_is_refused_before_any_part_exists() -> None:
    with pytest.raises(ArgumentError) as caught:
        make(servers__environment={"VALUE": hashlib.shake_256(b"x").hexdigest(9_000)})
    [(path, reason)] = caught.value.problems
    assert path == "servers.environment"
    assert re.match(r"takes 11,\d{3} bytes of user data, compressed; \d,\d{3} are left beside the boot script\. ", reason)


def test_an_environment_of_a_few_kilobytes_fits() -> None:
    environment = {f"FEATURE_{number}": f"https://feature-{number}.example.org/path" for number in range(80)}
    template = make(servers__environment=environment).named("shop-app-template")
    script = gzip.decompress(base64.b64decode(template.inputs["userData"])).decode()
    assert "FEATURE_79=https://feature-79.example.org/path" in script
    assert len(script) > 16_384
