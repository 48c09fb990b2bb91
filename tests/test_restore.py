"""The commands of docs/operations.md that restore: those of the AWS CLI are complete, those with data run on real servers.

A test that needs a server or a client that is not installed is skipped and says so. Each starts servers of its own, which takes seconds.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.database.relational_database.users import user_sql

from tests.components.database import servers
from tests.components.database.servers import Client, executable

ROOT = Path(__file__).resolve().parents[1]
RESTORE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("\n## Restore\n")[1].split("\n## ")[0]
POSTGRES_SUM, MYSQL_SUM = re.findall(r"```sql\n(.*?)```", RESTORE, re.DOTALL)
TABLE = "CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL)"
ROWS = "INSERT INTO orders (note) SELECT 'order ' || n FROM generate_series(1, 500) AS n"


def commands(section: str, program: str) -> str:
    """The block of commands in a section that uses a program."""
    blocks = re.findall(r"```sh\n(.*?)```", RESTORE.split(f"### {section}\n")[1].split("\n### ")[0], re.DOTALL)
    [found] = [block for block in blocks if re.search(rf"^{program} ", block, re.MULTILINE)]
    return found


def run(script: str, folder: Path, **places: str) -> None:
    """Runs documented commands in a shell, with the places of the servers as its variables."""
    programs = {Path(executable(program)).parent for program in set(re.findall(r"^(psql|pg_\w+|mysql\w*)", script, re.MULTILINE))}
    path = os.pathsep.join([*map(str, sorted(programs)), os.environ["PATH"]])
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, env={**os.environ, **places, "PATH": path}, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# The AWS CLI. That its options exist is a test of all documents.


def _calls() -> Iterator[tuple[str, str, set[str]]]:
    """Service, command and options of each call of the AWS CLI that stands alone."""
    blocks = re.findall(r"```sh\n(.*?)```", RESTORE, re.DOTALL)
    for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
        words = line.split()
        if words[:1] == ["aws"] and words[2] != "wait":
            yield words[1], words[2], {word.partition("=")[0] for word in words if word.startswith("--")}


def test_each_command_of_the_aws_cli_has_the_options_that_it_needs() -> None:
    session, missing, seen = botocore.session.get_session(), {}, set()
    for service, command, options in _calls():
        model = session.get_service_model({"s3api": "s3"}.get(service, service))
        shape = next(model.operation_model(name).input_shape for name in model.operation_names if xform_name(name, "-") == command)
        needed = {f"--{xform_name(name, '-')}" for name in shape.required_members}
        seen.add((service, command))
        if lacking := needed - options:
            missing[(service, command)] = lacking
    assert missing == {}
    assert {
        *{("rds", "restore-db-instance-to-point-in-time"), ("rds", "delete-db-cluster"), ("backup", "start-restore-job")},
        *{("elasticache", "create-snapshot"), ("s3api", "copy-object"), ("dynamodb", "restore-table-to-point-in-time")},
        ("ec2", "create-volume"),
    } <= seen


# PostgreSQL.


def place(client: Client) -> str:
    folder = client("SHOW unix_socket_directories", "rdsadmin")
    return f"host={folder} user=dbadmin dbname=orders"


def with_application(client: Client) -> None:
    """The application's user, with a table of its own and rows in it."""
    client(user_sql(ENGINES["postgres"], "app", "orders"))
    client(f"{TABLE}; {ROWS}", "app")


def test_deleted_rows_come_back_and_newer_ones_stay_on_a_real_postgresql(tmp_path: Path) -> None:
    script = commands("Restore some rows", "psql")
    with servers.postgres() as restored, servers.postgres() as running:
        for client in (restored, running):
            with_application(client)
        before = restored(POSTGRES_SUM, "app")
        running("DELETE FROM orders WHERE id <= 100", "app")
        assert running(POSTGRES_SUM, "app") != before
        run(script, tmp_path, RESTORED=place(restored), RUNNING=place(running))
        assert running(POSTGRES_SUM, "app") == before
        # What was changed and added since then is kept, also when it is done twice.
        running(
            "UPDATE orders SET note = 'changed' WHERE id = 5; INSERT INTO orders (note) VALUES ('new'); DELETE FROM orders WHERE id = 7",
            "app",
        )
        run(script, tmp_path, RESTORED=place(restored), RUNNING=place(running))
        assert running("SELECT count(*), max(id), (SELECT note FROM orders WHERE id = 5) FROM orders", "app") == "501|501|changed"


def test_a_dump_moves_rows_owners_and_rights_to_another_real_postgresql(tmp_path: Path) -> None:
    script = commands("Move a database to another server", "pg_dump")
    with servers.postgres() as running, servers.postgres() as target:
        with_application(running)
        # The application's user first, as the section says.
        target(user_sql(ENGINES["postgres"], "app", "orders"))
        run(script, tmp_path, RUNNING=place(running), TARGET=place(target))
        assert target(POSTGRES_SUM, "app") == running(POSTGRES_SUM, "app")
        assert target("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'") == "app"
        # The application goes on where it was: its table, its sequence, its login through IAM.
        target("INSERT INTO orders (note) VALUES ('next'); ALTER TABLE orders ADD paid boolean", "app")
        assert target("SELECT max(id) FROM orders", "app") == "501"
        assert target("SELECT pg_has_role('app', 'rds_iam', 'usage'), pg_has_role('dbadmin', 'app', 'member')") == "t|f"


def test_a_point_in_time_has_the_users_and_rows_of_that_time_on_a_real_postgresql(tmp_path: Path) -> None:
    """What RDS does with `restore_time`: the newest base backup, and the log of writes up to that time."""
    basebackup, pg_ctl = executable("pg_basebackup"), executable("pg_ctl")
    owner = "nobody" if os.geteuid() == 0 else None
    with servers.postgres() as running, servers.folder(owner) as folder:
        with_application(running)
        data = folder / "restored"
        log = running("SHOW data_directory", "rdsadmin")
        connection = ("-h", running("SHOW unix_socket_directories", "rdsadmin"), "-U", "rdsadmin")
        servers.run(basebackup, *connection, "-D", str(data), "-X", "none", "-c", "fast", "--no-sync", user=owner, cwd=folder)
        running("INSERT INTO orders (note) VALUES ('after the backup')", "app")
        point = running("SELECT pg_sleep(0.02); SELECT clock_timestamp()").splitlines()[-1]
        time.sleep(0.02)
        running("DELETE FROM orders; INSERT INTO orders (note) VALUES ('wrong')", "app")
        running("CREATE ROLE late LOGIN", "rdsadmin")
        running("SELECT pg_switch_wal()", "rdsadmin")
        settings = f"restore_command = 'cp {log}/pg_wal/%f %p'\nrecovery_target_time = '{point}'\nrecovery_target_action = 'promote'\n"
        with (data / "postgresql.auto.conf").open("a") as file:
            file.write(settings)
        (data / "recovery.signal").touch()
        options = f"-c listen_addresses='' -k {folder} -F"
        servers.run(pg_ctl, "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start", user=owner, cwd=folder)
        try:

            def restored(sql: str, user: str = "dbadmin") -> str:
                connection = ("-h", str(folder), "-U", user, "-d", "orders")
                return servers.run(executable("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", *connection, input=sql).strip()

            assert restored("SELECT count(*), max(note) FROM orders", "app") == "501|order 99"
            assert restored("SELECT count(*) FROM orders WHERE note = 'after the backup'", "app") == "1"
            # Users and rights are in the data; one that came later is not.
            assert restored("SELECT rolname FROM pg_roles WHERE rolname IN ('app', 'late')") == "app"
            assert restored("SELECT pg_has_role('app', 'rds_iam', 'usage')") == "t"
        finally:
            servers.run(pg_ctl, "-D", str(data), "-m", "immediate", "stop", user=owner, cwd=folder)


# MySQL's kind.


def socket(client: Client) -> str:
    return f"--no-defaults --socket={client('SELECT @@socket')} --user=root"


@pytest.fixture(scope="module")
def mysql_servers() -> Iterator[tuple[Client, Client]]:
    """Two servers, which take seconds to start."""
    with servers.mariadb() as one, servers.mariadb() as other:
        yield one, other


def mysql_application(client: Client, *, rows: bool) -> None:
    """The application's user, and its database, empty or with rows."""
    # MariaDB has another plugin than RDS.
    sql = user_sql(ENGINES["mysql"], "app", "shop").replace("AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL", "mysql_native_password AS ''")
    client(f"DROP DATABASE IF EXISTS shop; CREATE DATABASE shop; {sql}")
    if rows:
        client("CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, note text NOT NULL)", "app", "shop")
        client("INSERT INTO orders (note) SELECT concat('order ', seq) FROM seq_1_to_500", "app", "shop")


def test_deleted_rows_come_back_and_newer_ones_stay_on_a_real_server_of_mysqls_kind(
    mysql_servers: tuple[Client, Client], tmp_path: Path
) -> None:
    script, (restored, running) = commands("Restore some rows", "mysqldump"), mysql_servers
    for client in (restored, running):
        mysql_application(client, rows=True)
    before = restored(MYSQL_SUM, database="shop")
    running("DELETE FROM orders WHERE id <= 100", "app", "shop")
    assert running(MYSQL_SUM, database="shop") != before
    run(script, tmp_path, RESTORED=socket(restored), RUNNING=socket(running))
    assert running(MYSQL_SUM, database="shop") == before
    running("UPDATE orders SET note = 'changed' WHERE id = 5", "app", "shop")
    running("INSERT INTO orders (note) VALUES ('new'); DELETE FROM orders WHERE id = 7", "app", "shop")
    run(script, tmp_path, RESTORED=socket(restored), RUNNING=socket(running))
    assert running("SELECT count(*) FROM orders; SELECT note FROM orders WHERE id = 5 OR id > 500", "app", "shop") == "501\nchanged\nnew"


def test_a_dump_moves_rows_and_programs_to_another_real_server_of_mysqls_kind(mysql_servers: tuple[Client, Client], tmp_path: Path) -> None:
    script, (running, target) = commands("Move a database to another server", "mysqldump"), mysql_servers
    mysql_application(running, rows=True)
    running("CREATE PROCEDURE total() SELECT count(*) FROM orders", database="shop")
    running("CREATE TRIGGER upper BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = upper(NEW.note)", database="shop")
    mysql_application(target, rows=False)
    run(script, tmp_path, RUNNING=socket(running), TARGET=socket(target))
    assert target(MYSQL_SUM, database="shop") == running(MYSQL_SUM, database="shop")
    # The application has its rights, and its sequence goes on.
    target("INSERT INTO orders (note) VALUES ('next')", "app", "shop")
    assert target("SELECT note FROM orders WHERE id > 500; CALL total()", "app", "shop") == "NEXT\n501"
