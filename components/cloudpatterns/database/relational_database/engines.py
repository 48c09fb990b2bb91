"""Differences between RDS engines: versions, parameter families, forced TLS, logs, reserved names, classes without Database Insights."""

import re
from collections.abc import Collection
from dataclasses import dataclass

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html; the audit logs need an option
# group (MySQL) or server_audit_logging (Aurora MySQL), the general log holds every statement: neither is on unless asked for.
_MYSQL_LOGS = ("audit", "error", "general", "iam-db-auth-error", "slowquery")
_POSTGRES_LOGS = ("iam-db-auth-error", "postgresql")

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html: no reserved word of the engine.
_RESERVED_USERS = frozenset(
    {"admin", "administrator", "mysql", "postgres", "public", "rdsadmin", "rdsrepladmin", "root", "sys", "system", "user"}
)

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DatabaseInsights.Engines.html and the same page of the Aurora guide
_MYSQL_WITHOUT_INSIGHTS = re.compile(r"db\.(t2|t3|t4g)\.(micro|small)")
_AURORA_MYSQL_WITHOUT_INSIGHTS = re.compile(r"db\.(t2|t3)\..+|db\.t4g\.(micro|small)")


@dataclass(frozen=True)
class Engine:
    """One engine: its name in AWS, and what it accepts."""

    name: str
    oldest: tuple[int, int]
    """Oldest version in standard support (major, minor; 0 where the minor does not count)."""
    version_example: str
    logs: tuple[str, ...]
    default_logs: tuple[str, ...]

    @property
    def aurora(self) -> bool:
        """Whether it is Aurora, a cluster with shared storage."""
        return self.name.startswith("aurora-")

    @property
    def mysql(self) -> bool:
        """Whether it speaks MySQL; else it speaks PostgreSQL."""
        return self.name.endswith("mysql")

    @property
    def engine_family(self) -> str:
        """What AWS's tools and clients call it: ``mysql`` or ``postgres``, for Aurora too."""
        return "mysql" if self.mysql else "postgres"

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return 3306 if self.mysql else 5432

    def version_problem(self, version: str) -> str | None:
        """Why this version cannot be used, or None."""
        pattern = r"(\d+)\.(\d+)(\.\d+|\.mysql_aurora(\.\d+)+)?" if self.mysql else r"(\d+)()(\.\d+)*"
        match = re.fullmatch(pattern, version)
        if match is None:
            return (
                f"{self.name} needs a version such as {self.version_example}. "
                "A major version alone lets minor upgrades happen without a difference in the next preview."
            )
        if (int(match[1]), int(match[2] or 0)) < self.oldest:
            oldest = f"{self.oldest[0]}.{self.oldest[1]}" if self.mysql else str(self.oldest[0])
            return f"{self.name} before {oldest} has left standard support, and paid extended support is off. Use {oldest} or newer."
        return None

    def family(self, version: str) -> str:
        """The family of its parameter groups: mysql8.4, postgres17."""
        parts = version.split(".")
        return f"{self.name}{parts[0]}.{parts[1]}" if self.mysql else f"{self.name}{parts[0]}"

    def is_below(self, version: str, other: str) -> bool:
        """Whether a version is lower than another one, as far as both say theirs."""
        parts, others = ([int(part) for part in re.findall(r"\d+", text)] for text in (version, other))
        known = min(len(parts), len(others))
        return parts[:known] < others[:known]

    @property
    def tls_parameter_name(self) -> str:
        """Name of the parameter that decides about TLS."""
        return "require_secure_transport" if self.mysql else "rds.force_ssl"

    def tls_parameters(self, version: str) -> list[tuple[str, str, str]]:
        """Name, value and apply method of the parameter that refuses connections without TLS; none where the default already does.

        A default that is set again shows as a difference in every preview.
        """
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-ssl-connections.require-ssl.html: 0 or 1, default since 9.7; Aurora
        # takes ON or OFF, default since 8.4:
        # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Compare-v3-v84.html
        if self.mysql:
            major, minor = (int(part) for part in version.split(".")[:2])
            by_default = (major, minor) >= ((8, 4) if self.aurora else (9, 7))
            return [] if by_default else [(self.tls_parameter_name, "ON" if self.aurora else "1", "immediate")]
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html: default since 15, Aurora since 17
        first_by_default = 17 if self.aurora else 15
        return [(self.tls_parameter_name, "1", "pending-reboot")] if int(version.split(".")[0]) < first_by_default else []

    def log_parameters(self, kinds: Collection[str]) -> dict[str, str]:
        """Parameters without which one of the exported logs stays empty."""
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.MySQLDB.PublishtoCloudWatchLogs.html
        switches = {"slow_query_log": "slowquery", "general_log": "general"} if self.mysql else {}
        wanted = {switch: "1" for switch, kind in switches.items() if kind in kinds}
        # Aurora writes files by itself.
        return {**wanted, "log_output": "FILE"} if wanted and not self.aurora else wanted

    def has_insights(self, instance_class: str) -> bool:
        """Whether an instance class supports Performance Insights and the advanced mode of Database Insights."""
        if not self.mysql:
            return True
        pattern = _AURORA_MYSQL_WITHOUT_INSIGHTS if self.aurora else _MYSQL_WITHOUT_INSIGHTS
        return pattern.fullmatch(instance_class) is None

    def master_name_problem(self, user_name: str) -> str | None:
        """Why the master user cannot have this name, or None."""
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
        return self._name_problem(user_name, 16 if self.mysql else 63, "dbadmin")

    def user_name_problem(self, user_name: str) -> str | None:
        """Why a user who logs in through IAM cannot have this name, or None."""
        # https://dev.mysql.com/doc/refman/8.4/en/user-names.html
        return self._name_problem(user_name, 32 if self.mysql else 63, "app")

    def _name_problem(self, user_name: str, longest: int, example: str) -> str | None:
        if re.fullmatch(r"[a-z][a-z0-9_]*", user_name) is None or len(user_name) > longest:
            return f"{self.name} takes 1 to {longest} lower case letters, digits and underscores, a letter first."
        if user_name in _RESERVED_USERS or user_name.startswith(("pg_", "rds")):
            return f"the name is reserved by {self.name}. Use another, such as {example}."
        return None


ENGINES = {
    engine.name: engine
    for engine in (
        # 8.0 left standard support on 2026-07-31, PostgreSQL 13 on 2026-02-28:
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html
        Engine("mysql", (8, 4), "8.4 or 8.4.5", _MYSQL_LOGS, ("error", "slowquery")),
        Engine("postgres", (14, 0), "17 or 17.4", (*_POSTGRES_LOGS, "upgrade"), ("postgresql", "upgrade")),
        Engine("aurora-mysql", (8, 0), "8.4 or 8.4.7", (*_MYSQL_LOGS, "instance"), ("error", "slowquery")),
        Engine("aurora-postgresql", (14, 0), "17 or 17.4", (*_POSTGRES_LOGS, "instance"), ("postgresql",)),
    )
}
"""The engines by name."""
