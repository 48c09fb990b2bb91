"""Users of the database that log in through IAM: their SQL."""

import pulumi

from cloudpatterns.core import account_of, partition_of, region_of
from cloudpatterns.database.relational_database.engines import Engine

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html
# The second statement is for a user that was there before, with a password.
_MYSQL = """\
CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL;
ALTER USER '{user}'@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL;
GRANT ALL PRIVILEGES ON `{schema}`.* TO '{user}'@'%';
"""

# The master user is no superuser: it can grant rights on its own tables alone, not on those that the user has created.
_POSTGRES = """\
DO $$
DECLARE
  owned record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{user}') THEN
    CREATE ROLE "{user}" LOGIN;
  END IF;
  FOR owned IN
    SELECT oid::regclass AS name, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('f', 'm', 'p', 'r', 'S', 'v') AND relowner = CURRENT_USER::regrole
  LOOP
    EXECUTE format('GRANT ALL PRIVILEGES ON %s %s TO "{user}"', owned.kind, owned.name);
  END LOOP;
END
$$;
ALTER ROLE "{user}" LOGIN;
GRANT rds_iam TO "{user}";
GRANT CONNECT, TEMPORARY ON DATABASE "{schema}" TO "{user}";
GRANT USAGE, CREATE ON SCHEMA public TO "{user}";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL PRIVILEGES ON TABLES TO "{user}";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL PRIVILEGES ON SEQUENCES TO "{user}";
"""

# The first user to run it is the master user. Another one who creates tables runs it for these: it may not create users, nor grant what it
# has no right to grant, for which PostgreSQL warns.
_POSTGRES_READER = """\
DO $$
DECLARE
  owned record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{user}') THEN
    CREATE ROLE "{user}" LOGIN;
    GRANT rds_iam TO "{user}";
    ALTER ROLE "{user}" SET default_transaction_read_only = on;
  END IF;
  FOR owned IN
    SELECT oid::regclass AS name, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('f', 'm', 'p', 'r', 'S', 'v') AND relowner = CURRENT_USER::regrole
  LOOP
    EXECUTE format('GRANT SELECT ON %s %s TO "{user}"', owned.kind, owned.name);
  END LOOP;
END
$$;
GRANT CONNECT ON DATABASE "{schema}" TO "{user}";
GRANT USAGE ON SCHEMA public TO "{user}";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO "{user}";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO "{user}";
"""

_MYSQL_READER = """\
CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL;
GRANT SELECT, SHOW VIEW ON `{schema}`.* TO '{user}'@'%';
"""

# How far behind a replica is, which Aurora says to everybody.
_MYSQL_STATUS = """\
GRANT REPLICATION CLIENT ON *.* TO '{user}'@'%';
"""


def user_sql(engine: Engine, user_name: str, database_name: str) -> str:
    """The SQL that creates a user who logs in through IAM, with every right on the data of one database; it may run again."""
    return _sql(engine, _MYSQL, _POSTGRES, user_name, database_name)


def reader_sql(engine: Engine, user_name: str, database_name: str) -> str:
    """The SQL that creates a user who logs in through IAM, with rights to read the data of one database alone; it may run again."""
    return _sql(engine, _MYSQL_READER if engine.aurora else _MYSQL_READER + _MYSQL_STATUS, _POSTGRES_READER, user_name, database_name)


def _sql(engine: Engine, mysql: str, postgres: str, user_name: str, database_name: str) -> str:
    if engine.mysql:
        # An underscore stands for any character in GRANT, but for a literal one where it is escaped.
        return mysql.format(user=user_name, schema=database_name.replace("_", r"\_"))
    return postgres.format(user=user_name, schema=database_name)


def connect_arn(instance_arn: pulumi.Input[str], resource_id: pulumi.Input[str], user_name: str) -> pulumi.Output[str]:
    """What a role is allowed ``rds-db:connect`` on to log in as a user of an instance or cluster.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html
    """
    place = pulumi.Output.concat(partition_of(instance_arn), ":rds-db:", region_of(instance_arn), ":", account_of(instance_arn))
    return pulumi.Output.concat("arn:", place, ":dbuser:", resource_id, "/", user_name)
