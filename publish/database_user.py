"""Shows how to create the application's database user: ``python -m publish.database_user --stack dev``.

Prints commands for a shell, complete for the stack: a tunnel to the database through a server or container, and the SQL that the master
user runs. It changes nothing, and the password is not shown: the commands read it from its secret.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any, Final

from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.users import reader_sql, user_sql

from publish.problem import PublishError
from publish.stack import Stack
from settings import ReadReplicas, Settings, SettingsError, Shop, parse

# Not 3306 and 5432, where a database of this machine may listen.
_LOCAL_PORTS: Final = {"mysql": 13306, "postgres": 15432}
_OUTPUTS: Final = ("database_endpoint", "database_secret_arn")
_PLACES: Final = {"servers": ("auto_scaling_group",), "containers": ("ecs_cluster", "ecs_service")}
"""Outputs that say where the application runs."""
_THROUGH: Final = {"servers": "a server", "containers": "a container"}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m publish.database_user", description="Shows the commands that create the application's database user."
    )
    parser.add_argument("--stack", required=True, help="the stack, as in Pulumi.<stack>.yaml")
    wanted = parser.parse_args(arguments)
    try:
        stack = Stack(wanted.stack)
        settings = parse(stack.config(), stack.name)
        print(_commands(stack.name, settings.region, _shop(stack.name, settings), stack.outputs()))
    except (PublishError, SettingsError) as error:
        print(f"database-user: {error}", file=sys.stderr)
        return 1
    return 0


def _shop(name: str, settings: Settings) -> Shop:
    if settings.shop is None:
        raise PublishError(
            f"cloudpatterns:storefront of stack {name}",
            given="nothing",
            problem="the stack has no storefront, and so no database of one",
            allowed="a stack with a storefront",
            fix="make database-user STACK=...",
        )
    return settings.shop


def _commands(name: str, own_region: str, shop: Shop, outputs: Mapping[str, Any]) -> str:
    database, user, engine = shop.database, shop.storefront.application.database_user, ENGINES[shop.database.engine]
    local, replicas = _LOCAL_PORTS[engine.engine_family], shop.storefront.read_replicas
    section = "servers" if shop.storefront.containers is None else "containers"
    _refuse(name, shop, [*_PLACES[section], *_OUTPUTS], outputs)
    endpoint, secret = (str(outputs[output]) for output in _OUTPUTS)
    host, port = endpoint.split(":")
    sql = user_sql(engine, user, database.database_name)
    if replicas is not None:
        sql += reader_sql(engine, replicas.reader_user_name, database.database_name)
    region = quote(own_region)
    return f"""\
# Creates {_users(user, replicas)} of stack {name} logs in to the database {database.database_name}. It may be repeated.

# 1. In one terminal, a tunnel to the database through {_THROUGH[section]}; it needs the AWS CLI's Session Manager plugin. Leave it open.
{_target(region, [str(outputs[output]) for output in _PLACES[section]])}
aws ssm start-session --region {region} --target "$TARGET" --document-name AWS-StartPortForwardingSessionToRemoteHost \\
  --parameters host={quote(host)},portNumber={port},localPortNumber={local}

# 2. In another terminal, once the first says that it waits for connections:
PASSWORD="$(aws secretsmanager get-secret-value --region {region} --secret-id {quote(secret)} \\
  --query SecretString --output text | python3 -c 'import json, sys; print(json.load(sys.stdin)["password"])')"
{_client(engine.engine_family, local, database.master_username, database.database_name)} <<'SQL'
{sql}SQL
unset PASSWORD"""


def _users(user: str, replicas: ReadReplicas | None) -> str:
    """Whom the commands create."""
    if replicas is None:
        return f"{user}, as whom the application"
    return f"{user}, and {replicas.reader_user_name} for reads, as whom the application"


def _target(region: str, places: Sequence[str]) -> str:
    """Commands that find a server, or a container with ECS Exec."""
    if len(places) == 1:
        return f"""\
TARGET="$(aws autoscaling describe-auto-scaling-groups --region {region} --auto-scaling-group-names {quote(places[0])} \\
  --query 'AutoScalingGroups[0].Instances[?LifecycleState==`InService`]|[0].InstanceId' --output text)\""""
    cluster, service = map(quote, places)
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html
    return f"""\
TASK="$(aws ecs list-tasks --region {region} --cluster {cluster} --service-name {service} --desired-status RUNNING \\
  --query 'taskArns[0]' --output text)"
RUNTIME="$(aws ecs describe-tasks --region {region} --cluster {cluster} --tasks "$TASK" \\
  --query 'tasks[0].containers[?name==`app`]|[0].runtimeId' --output text)"
TARGET="ecs:"{cluster}"_${{TASK##*/}}_$RUNTIME\""""


def _client(engine: str, port: int, master: str, database: str) -> str:
    if engine == "postgres":
        connection = f"host=127.0.0.1 port={port} user={master} dbname={database} sslmode=require"
        return f'PGPASSWORD="$PASSWORD" psql "{connection}" --set ON_ERROR_STOP=1'
    return (
        "# MariaDB's client has no --ssl-mode: there, --ssl --skip-ssl-verify-server-cert.\n"
        f'MYSQL_PWD="$PASSWORD" mysql --host 127.0.0.1 --port {port} --user {master} --ssl-mode=REQUIRED {database}'
    )


def _refuse(name: str, shop: Shop, needed: Sequence[str], outputs: Mapping[str, Any]) -> None:
    """Raises ``PublishError`` for a stack whose application has no database, that is not deployed, or whose containers allow no tunnel."""
    containers = shop.storefront.containers
    if containers is not None and not containers.execute_command:
        raise PublishError(
            f"cloudpatterns:storefront.containers.execute_command of stack {name}",
            given="false",
            problem="the tunnel to the database goes through a container, by ECS Exec",
            allowed="true, at least until the user is created",
            fix=f"pulumi config set --stack {name} --path cloudpatterns:storefront.containers.execute_command true\nmake up STACK={name}",
        )
    if shop.database.database_name is None:
        raise PublishError(
            f"cloudpatterns:database.database_name of stack {name}",
            given="nothing",
            problem="there is no database in the server, so there is nothing that the application could log in to",
            allowed="the name of a database that was created with the server",
            fix=f"pulumi config set --stack {name} --path cloudpatterns:database.database_name shop",
        )
    if missing := [output for output in needed if not outputs.get(output)]:
        raise PublishError(
            "STACK",
            given=name,
            problem=f"has no database yet: there is no stack output {', '.join(missing)}",
            allowed="a stack that is deployed",
            fix=f"make up STACK={name}\nthen make database-user STACK={name}",
        )


if __name__ == "__main__":
    sys.exit(main())
