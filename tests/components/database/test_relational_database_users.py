from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import RelationalDatabase

from tests.components.database import servers
from tests.components.database.stores import AURORA, DATABASE
from tests.harness import record

POSTGRES: Any = {**DATABASE, "engine": "postgres", "engine_version": "17", "database_name": "orders"}


def asked(base: Any, question: Any, **changes: Any) -> Any:
    """What a database answers, with its outputs known."""
    answers: list[Any] = []

    def program() -> None:
        answer = question(RelationalDatabase("orders", {**base, **changes}))
        answers.append(answer) if isinstance(answer, str) else answer.apply(answers.append)

    record(program, mode="deployed")
    return answers[0]


def sql(base: Any, user_name: str = "app", **changes: Any) -> str:
    return asked(base, lambda database: database.user_sql(user_name), **changes)


@pytest.mark.parametrize(("base", "kind", "family"), [(DATABASE, "db-", "mysql"), (POSTGRES, "db-", "postgres"), (AURORA, "", "postgres")])
def test_a_role_may_log_in_as_one_user_of_this_database_alone(base: Any, kind: str, family: str) -> None:
    resource_id = asked(base, lambda database: database.resource_id)
    account = asked(base, lambda database: database.instance_arn).split(":")[4]
    arn = asked(base, lambda database: database.connect_arn("app"))
    assert arn == f"arn:aws:rds-db:eu-west-1:{account}:dbuser:{resource_id}/app"
    assert resource_id
    statements: list[Any] = []
    asked(base, lambda database: pulumi.Output.from_input(database.connect_statements("app")).apply(statements.append))
    assert statements == [[{"sid": "DatabaseLogin", "actions": ["rds-db:connect"], "resources": [arn]}]]
    assert asked(base, lambda database: database.engine_family) == family


@pytest.mark.parametrize("base", [DATABASE, AURORA], ids=["instance", "cluster"])
def test_iam_login_is_on(base: Any) -> None:
    graph = record(lambda: RelationalDatabase("orders", base), mode="deployed")
    stores = [each for each in graph.resources if each.type in ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")]
    assert [store.inputs["iamDatabaseAuthenticationEnabled"] for store in stores] == [True]


@pytest.mark.parametrize("engine", ["mysql", "aurora-mysql"])
def test_a_user_of_mysql_logs_in_through_iam_over_tls(engine: str) -> None:
    storage = {"allocated_storage_gib": None} if engine == "aurora-mysql" else {}
    assert sql({**DATABASE, **storage, "engine": engine, "database_name": "shop_eu"}) == (
        "CREATE USER IF NOT EXISTS 'app'@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL;\n"
        "ALTER USER 'app'@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL;\n"
        "GRANT ALL PRIVILEGES ON `shop\\_eu`.* TO 'app'@'%';\n"
    )


def test_a_user_of_mysql_reaches_one_database_on_a_real_server() -> None:
    # MariaDB has another plugin than RDS; what else there is to it is MySQL's.
    text = sql({**DATABASE, "database_name": "shop_eu"})
    text = text.replace("AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL", "mysql_native_password AS ''")
    with servers.mariadb() as client:
        # With a password, which the SQL takes away.
        client("CREATE USER 'app'@'%' IDENTIFIED BY 'old'")
        client(text)
        client(text)
        client(
            "CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (7); ALTER TABLE orders ADD note text", "app", "shop_eu"
        )
        assert client("SELECT id FROM orders", "app", "shop_eu") == "7"
        assert client("SHOW DATABASES", "app", "shop_eu").split() == ["information_schema", "shop_eu"]
        with pytest.raises(AssertionError, match="SELECT command denied"):
            client("SELECT * FROM shopXeu.secrets", "app", "shop_eu")


def test_a_user_of_postgres_reaches_one_database_on_a_real_server() -> None:
    text = sql(POSTGRES)
    with servers.postgres() as client:
        client("CREATE TABLE old (id serial PRIMARY KEY, note text); INSERT INTO old (note) VALUES ('kept')")
        client(text)
        client("CREATE TABLE own (id serial PRIMARY KEY); INSERT INTO own DEFAULT VALUES", "app")
        client("CREATE TABLE later (id serial PRIMARY KEY)")
        # Once more, now that there are tables on which the master user has no rights.
        client(text)
        client("INSERT INTO old (note) VALUES ('new'); INSERT INTO later DEFAULT VALUES", "app")
        assert client("SELECT note FROM old ORDER BY id", "app") == "kept\nnew"
        assert client("SELECT rolname FROM pg_roles WHERE pg_has_role('app', oid, 'member') ORDER BY 1") == "app\nrds_iam"
        assert client("SELECT rolcanlogin, rolcreaterole, rolcreatedb, rolsuper FROM pg_roles WHERE rolname = 'app'") == "t|f|f|f"
        with pytest.raises(AssertionError, match="must be owner of table old"):
            client("DROP TABLE old", "app")
        with pytest.raises(AssertionError, match="permission denied"):
            client("CREATE ROLE other", "app")


def test_sql_for_no_database_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        sql(DATABASE)
    assert caught.value.problems == [("database_name", "is missing; the SQL of a user needs it. Give it.")]


@pytest.mark.parametrize("ask", ["connect_arn", "user_sql"])
@pytest.mark.parametrize(
    ("base", "user_name", "reason"),
    [
        (DATABASE, "", "is ''; mysql takes 1 to 32 lower case letters, digits and underscores, a letter first."),
        (DATABASE, "a" * 33, f"is '{'a' * 33}'; mysql takes 1 to 32 lower case letters, digits and underscores, a letter first."),
        (DATABASE, "x'; DROP", 'is "x\'; DROP"; mysql takes 1 to 32 lower case letters, digits and underscores, a letter first.'),
        (POSTGRES, "a" * 64, f"is '{'a' * 64}'; postgres takes 1 to 63 lower case letters, digits and underscores, a letter first."),
        (POSTGRES, "rds_iam", "is 'rds_iam'; the name is reserved by postgres. Use another, such as app."),
        (DATABASE, "dbadmin", "is 'dbadmin', the master user, who keeps the password. Use another, such as app."),
    ],
)
def test_names_that_cannot_be_used_are_refused(ask: str, base: Any, user_name: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        asked({**base, "database_name": "orders"}, lambda database: getattr(database, ask)(user_name))
    assert caught.value.problems == [("user_name", reason)]


def test_the_longest_names_are_accepted() -> None:
    assert f"'{'a' * 32}'@'%'" in sql({**DATABASE, "database_name": "orders"}, "a" * 32)
    assert f'"{"a" * 63}"' in sql(POSTGRES, "a" * 63)
