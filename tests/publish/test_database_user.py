"""`python -m publish.database_user`: its commands, run by a shell with clients that write down what they get."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.users import reader_sql, user_sql
from offline_preview.yaml_text import read_mapping

from publish import database_user as command
from tests.components.database import servers
from tests.publish.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1a2b-x"
HOST = "shop-1a2b.abc.eu-west-1.rds.amazonaws.com"
POSTGRES = {"engine": "postgres", "engine_version": "17", "database_name": "orders", "master_username": "root_of_all"}
PASSWORD = "p'w $(x)\"\\"

CLIENT = """#!{python}
import json, os, sys
name = os.path.basename(sys.argv[0])
stdin = sys.stdin.read() if name != "aws" else ""
passwords = {{key: os.environ[key] for key in ("MYSQL_PWD", "PGPASSWORD") if key in os.environ}}
with open({log!r}, "a") as log:
    log.write(json.dumps([name, sys.argv[1:], passwords, stdin]) + "\\n")
if "get-secret-value" in sys.argv:
    print(json.dumps({{"username": "dbadmin", "password": {password!r}}}))
if "describe-auto-scaling-groups" in sys.argv:
    print("i-0123")
if "list-tasks" in sys.argv:
    print("arn:aws:ecs:eu-west-1:123456789012:task/shop-cluster-1a2b/0a1b")
if "describe-tasks" in sys.argv:
    print("0a1b-77")
"""


def stack(cli: Cli, port: int, **database: Any) -> None:
    """The stack dev of this repository, deployed, with other settings of its database."""
    config = read_mapping(ROOT / "Pulumi.dev.yaml")["config"]
    config["cloudpatterns:database"].update(database)
    entries = {
        key: {"value": value, "secret": False} if isinstance(value, str) else {"value": "", "objectValue": value, "secret": False}
        for key, value in config.items()
    }
    outputs = {"auto_scaling_group": "shop-app-group-1a2b", "database_endpoint": f"{HOST}:{port}", "database_secret_arn": SECRET}
    cli.put(config=entries, outputs=outputs)


@pytest.fixture
def clients(tmp_path: Path, cli: Cli) -> Path:
    """The file in which the clients write what they get; they are beside the CLI."""
    log = tmp_path / "clients"
    for name in ("aws", "mysql", "psql"):
        file = tmp_path / "bin" / name
        file.write_text(CLIENT.format(python=sys.executable, log=str(log), password=PASSWORD))
        file.chmod(0o755)
    return log


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    assert command.main(["--stack", "dev"]) == 0
    return capsys.readouterr().out


def run(script: str, clients: Path) -> list[Any]:
    """What the clients got when a shell runs it."""
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, env=os.environ)
    return [json.loads(line) for line in clients.read_text().splitlines()]


LOOKUP = [
    *("autoscaling", "describe-auto-scaling-groups", "--region", "eu-west-1"),
    *("--auto-scaling-group-names", "shop-app-group-1a2b"),
    *("--query", "AutoScalingGroups[0].Instances[?LifecycleState==`InService`]|[0].InstanceId", "--output", "text"),
]
READ = [
    *("secretsmanager", "get-secret-value", "--region", "eu-west-1", "--secret-id", SECRET),
    *("--query", "SecretString", "--output", "text"),
]


def tunnel(port: int, local: int) -> list[str]:
    return [
        *("ssm", "start-session", "--region", "eu-west-1", "--target", "i-0123"),
        *("--document-name", "AWS-StartPortForwardingSessionToRemoteHost"),
        *("--parameters", f"host={HOST},portNumber={port},localPortNumber={local}"),
    ]


def test_the_commands_for_mysql_create_the_user(cli: Cli, clients: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack(cli, 3306)
    script = shown(capsys)
    assert "# MariaDB's client has no --ssl-mode: there, --ssl --skip-ssl-verify-server-cert.\n" in script
    assert run(script, clients) == [
        ["aws", LOOKUP, {}, ""],
        ["aws", tunnel(3306, 13306), {}, ""],
        ["aws", READ, {}, ""],
        [
            "mysql",
            ["--host", "127.0.0.1", "--port", "13306", "--user", "dbadmin", "--ssl-mode=REQUIRED", "shop"],
            {"MYSQL_PWD": PASSWORD},
            user_sql(ENGINES["mysql"], "app", "shop"),
        ],
    ]
    # Nothing else is asked or changed.
    assert cli.asked() == ["config --json", "stack output --json"]


def test_the_commands_for_postgresql_create_the_user(cli: Cli, clients: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack(cli, 5432, **POSTGRES)
    assert run(shown(capsys), clients)[1:] == [
        ["aws", tunnel(5432, 15432), {}, ""],
        ["aws", READ, {}, ""],
        [
            "psql",
            ["host=127.0.0.1 port=15432 user=root_of_all dbname=orders sslmode=require", "--set", "ON_ERROR_STOP=1"],
            {"PGPASSWORD": PASSWORD},
            user_sql(ENGINES["postgres"], "app", "orders"),
        ],
    ]


@pytest.mark.parametrize(
    ("engine", "version", "port", "local"), [("aurora-mysql", "8.4", 3306, 13306), ("aurora-postgresql", "17", 5432, 15432)]
)
def test_a_stack_with_read_replicas_creates_the_user_of_reads_too(
    engine: str, version: str, port: int, local: int, cli: Cli, clients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack(cli, port, engine=engine, engine_version=version, instance_class="db.r7g.large")
    config = cli.get("config")
    for setting in ("allocated_storage_gib", "max_allocated_storage_gib"):
        del config["cloudpatterns:database"]["objectValue"][setting]
    config["cloudpatterns:storefront"]["objectValue"]["read_replicas"] = {"reader_user_name": "viewer"}
    cli.put(config=config, outputs=cli.get("outputs"))
    script = shown(capsys)
    assert script.startswith("# Creates app, and viewer for reads, as whom the application of stack dev logs in to the database shop.")
    through, _, ran = run(script, clients)[1:]
    assert through == ["aws", tunnel(port, local), {}, ""]
    assert ran[3] == user_sql(ENGINES[engine], "app", "shop") + reader_sql(ENGINES[engine], "viewer", "shop")


def containers(cli: Cli, execute_command: bool) -> None:
    """The same stack with containers."""
    config = cli.get("config")
    storefront = config["cloudpatterns:storefront"]["objectValue"]
    del storefront["servers"]
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1"
    storefront["containers"] = {"image": image, "min_tasks": 2, "max_tasks": 4, "execute_command": execute_command}
    config["cloudpatterns:network"]["objectValue"]["interface_endpoints"] += ["ecr.api", "ecr.dkr"]
    outputs = {**cli.get("outputs"), "ecs_cluster": "shop-cluster-1a2b", "ecs_service": "shop-service-1a2b"}
    cli.put(config=config, outputs=outputs)


def test_the_tunnel_of_a_stack_with_containers_goes_through_one_of_them(
    cli: Cli, clients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack(cli, 3306)
    containers(cli, execute_command=True)
    tunnel = shown(capsys).partition("# 2.")[0]
    lists, describes, session = (words for _name, words, _passwords, _stdin in run(tunnel, clients))
    assert lists[:8] == [
        *("ecs", "list-tasks", "--region", "eu-west-1", "--cluster", "shop-cluster-1a2b"),
        *("--service-name", "shop-service-1a2b"),
    ]
    assert describes[:6] == ["ecs", "describe-tasks", "--region", "eu-west-1", "--cluster", "shop-cluster-1a2b"]
    assert describes[6:8] == ["--tasks", "arn:aws:ecs:eu-west-1:123456789012:task/shop-cluster-1a2b/0a1b"]
    assert session[session.index("--target") + 1] == "ecs:shop-cluster-1a2b_0a1b_0a1b-77"


def test_a_stack_whose_containers_allow_no_sessions_is_reported(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    stack(cli, 3306)
    containers(cli, execute_command=False)
    assert command.main(["--stack", "dev"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "database-user: cloudpatterns:storefront.containers.execute_command of stack dev",
        "  given:    false",
        "  problem:  the tunnel to the database goes through a container, by ECS Exec",
        "  allowed:  true, at least until the user is created",
        "  fix:      pulumi config set --stack dev --path cloudpatterns:storefront.containers.execute_command true",
        "            make up STACK=dev",
    ]


def test_a_stack_that_is_not_deployed_is_reported(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    stack(cli, 3306)
    cli.put(outputs={})
    assert command.main(["--stack", "dev"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "database-user: STACK",
        "  given:    dev",
        "  problem:  has no database yet: there is no stack output auto_scaling_group, database_endpoint, database_secret_arn",
        "  allowed:  a stack that is deployed",
        "  fix:      make up STACK=dev",
        "            then make database-user STACK=dev",
    ]


def test_a_server_without_a_database_is_reported(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    stack(cli, 3306, database_name=None)
    assert command.main(["--stack", "dev"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "database-user: cloudpatterns:database.database_name of stack dev"
    assert lines[-1] == "  fix:      pulumi config set --stack dev --path cloudpatterns:database.database_name shop"


def test_wrong_settings_are_reported(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    stack(cli, 3306, engine="oracle")
    assert command.main(["--stack", "dev"]) == 1
    assert "cloudpatterns:database.engine" in capsys.readouterr().err


def test_make_hands_the_stack_over() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "database-user", "STACK=prod"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == ".venv/bin/python -m publish.database_user --stack prod"


def documented(section: str) -> list[str]:
    """The SQL of docs/operations.md in a section."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"```sql\n(.*?)```", text, re.DOTALL)


def test_another_user_takes_over_on_a_real_postgresql() -> None:
    take_over, _mysql, end = documented("Create the application's database user")
    with servers.postgres() as client:
        client(user_sql(ENGINES["postgres"], "app", "orders"))
        client("CREATE TABLE visits (id serial PRIMARY KEY); INSERT INTO visits DEFAULT VALUES", "app")
        client(user_sql(ENGINES["postgres"], "shop", "orders"))
        with pytest.raises(AssertionError, match="permission denied for table visits"):
            client("INSERT INTO visits DEFAULT VALUES", "shop")
        client(take_over)
        client("INSERT INTO visits DEFAULT VALUES; ALTER TABLE visits ADD note text", "shop")
        client("INSERT INTO visits DEFAULT VALUES", "app")
        client(end)
        assert client("SELECT count(*) FROM visits", "shop") == "3"
        with pytest.raises(AssertionError, match="not permitted to log in"):
            client("SELECT 1", "app")
        assert client("SELECT pg_has_role('app', 'rds_iam', 'usage'), pg_has_role('shop', 'rds_iam', 'usage')") == "f|t"


def test_another_user_takes_over_on_a_real_server_of_mysqls_kind() -> None:
    _postgres, drop, _end = documented("Create the application's database user")
    # MariaDB has another plugin than RDS.
    make = [
        user_sql(ENGINES["mysql"], user, "shop_eu").replace("AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL", "mysql_native_password AS ''")
        for user in ("app", "shop")
    ]
    with servers.mariadb() as client:
        client(make[0])
        client("CREATE TABLE visits (id int PRIMARY KEY)", "app", "shop_eu")
        client(make[1])
        client("INSERT INTO visits VALUES (1)", "shop", "shop_eu")
        client(drop)
        assert client("SELECT id FROM visits", "shop", "shop_eu") == "1"
        with pytest.raises(AssertionError, match="Access denied"):
            client("SELECT 1", "app", "shop_eu")
