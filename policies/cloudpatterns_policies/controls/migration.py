"""DMS: TLS, logins, logs, upgrades and standby of database migrations."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._settings import NOT_PRODUCTION, PRODUCTION, not_in_state, switched_on
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/dms-controls.html"

_ENDPOINT: Final = "aws:dms/endpoint:Endpoint"
_INSTANCE: Final = "aws:dms/replicationInstance:ReplicationInstance"
_TASK: Final = "aws:dms/replicationTask:ReplicationTask"
_SERVERLESS: Final = "aws:dms/replicationConfig:ReplicationConfig"

# Engines to which DMS connects by an API of AWS, or whose own settings decide.
_WITHOUT_SSL_MODE: Final = (
    *("dynamodb", "kinesis", "neptune", "redshift", "redshift-serverless", "s3", "elasticsearch", "opensearch", "timestream"),
    *("kafka", "redis", "azuredb"),
)
_LEVELS: Final = ("LOGGER_SEVERITY_DEFAULT", "LOGGER_SEVERITY_DEBUG", "LOGGER_SEVERITY_DETAILED_DEBUG")
_COMPONENTS: Final = ("SOURCE_CAPTURE", "SOURCE_UNLOAD", "TARGET_APPLY", "TARGET_LOAD")


@control(
    id="dms-endpoint-tls",
    title="DMS endpoints connect to databases over TLS",
    severity=Severity.MEDIUM,
    types=(_ENDPOINT,),
    why="The whole database crosses the network, and without TLS it can be read in transit.",
    remediation='Set ssl_mode to "require", or to "verify-full" with a certificate_arn.',
    url=f"{_PAGE}#dms-9",
    frameworks={"FSBP": ("DMS.9",), "Checkov": ("CKV2_AWS_49",)},
)
def dms_endpoint_tls(resource: Resource) -> Verdict:
    engine = str(resource.get("engineName", "")).lower()
    if engine in _WITHOUT_SSL_MODE:
        return NotApplicable(f"connects to {engine}, where sslMode does not decide")
    return Fail("connects without TLS", "sslMode") if resource.get("sslMode", "none") == "none" else Pass()


@control(
    id="dms-redis-tls",
    title="DMS endpoints connect to Redis over TLS",
    severity=Severity.MEDIUM,
    types=(_ENDPOINT,),
    why="Without TLS, the data and the password can be read in transit.",
    remediation='Remove ssl_security_protocol of redis_settings, or set it to "ssl-encryption".',
    url=f"{_PAGE}#dms-12",
    frameworks={"FSBP": ("DMS.12",)},
)
def dms_redis_tls(resource: Resource) -> Verdict:
    if resource.get("engineName") != "redis":
        return NotApplicable("does not connect to Redis")
    path = "redisSettings.sslSecurityProtocol"
    return Fail("connects without TLS", path) if resource.get(path, "ssl-encryption") == "plaintext" else Pass()


@control(
    id="dms-mongodb-login",
    title="DMS endpoints of MongoDB authenticate",
    severity=Severity.MEDIUM,
    types=(_ENDPOINT,),
    why="A database that lets DMS read everything without a login does so for everyone.",
    remediation='Remove auth_type of mongodb_settings, or set it to "password".',
    url=f"{_PAGE}#dms-11",
    frameworks={"FSBP": ("DMS.11",)},
)
def dms_mongodb_login(resource: Resource) -> Verdict:
    if resource.get("engineName") != "mongodb":
        return NotApplicable("does not connect to MongoDB")
    path = "mongodbSettings.authType"
    return Fail("connects without a login", path) if resource.get(path, "password") == "no" else Pass()


@control(
    id="dms-password-not-in-state",
    title="Passwords of DMS endpoints are not kept in the stack's state",
    severity=Severity.HIGH,
    types=(_ENDPOINT,),
    why="Anyone who can read the state, its backups or a policy pack's input can read the password of the database.",
    remediation="Set secrets_manager_arn and secrets_manager_access_role_arn instead of username and password.",
    url="https://docs.aws.amazon.com/dms/latest/userguide/security_iam_secretsmanager.html",
)
def dms_password_not_in_state(resource: Resource) -> Verdict:
    return not_in_state(resource, "password", what="password")


@control(
    id="dms-minor-upgrades",
    title="DMS replication instances install minor version upgrades automatically",
    severity=Severity.MEDIUM,
    types=(_INSTANCE,),
    why="Minor versions fix known vulnerabilities, and manual upgrades are forgotten.",
    remediation="Set auto_minor_version_upgrade to True.",
    url=f"{_PAGE}#dms-6",
    frameworks={"FSBP": ("DMS.6",), "Checkov": ("CKV_AWS_222",)},
)
def dms_minor_upgrades(resource: Resource) -> Verdict:
    return switched_on(resource, "autoMinorVersionUpgrade", "does not install minor version upgrades automatically")


@control(
    id="dms-task-logs",
    title="DMS replication tasks write logs of source and target",
    severity=Severity.MEDIUM,
    types=(_TASK,),
    why="Rows that were skipped or failed are visible nowhere else.",
    remediation="Set EnableLogging to true in replication_task_settings, and each of LogComponents to LOGGER_SEVERITY_DEFAULT or more.",
    url=f"{_PAGE}#dms-7",
    frameworks={"FSBP": ("DMS.7", "DMS.8")},
)
def dms_task_logs(resource: Resource) -> Iterator[Verdict]:
    path = "replicationTaskSettings"
    try:
        settings = resource.json(path, {})
    except ValueError:
        yield Fail("has task settings that are not JSON", path)
        return
    logging = settings.get("Logging") or {}
    if not logging.get("EnableLogging"):
        yield Fail("writes no logs", path)
        return
    # DMS logs a component that is not named at the default level.
    levels = {item.get("Id"): item.get("Severity") for item in logging.get("LogComponents") or ()}
    for name in _COMPONENTS:
        if (level := levels.get(name, _LEVELS[0])) not in _LEVELS:
            yield Fail(f"logs {name} at {level} only", path)


@control(
    id="dms-several-zones",
    title="Replication of DMS in production has a standby in another Availability Zone",
    severity=Severity.LOW,
    types=(_INSTANCE, _SERVERLESS),
    why="When the zone fails, ongoing replication stops, and may have to begin again.",
    remediation="Set multi_az to True (serverless: of compute_config).",
    url=f"{_PAGE}#dms-13",
    frameworks={"FSBP": ("DMS.13",)},
    config={"production": PRODUCTION},
    pack="operations",
)
def dms_several_zones(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    path = "multiAz" if resource.type == _INSTANCE else "computeConfig.multiAz"
    return switched_on(resource, path, "has no standby in another zone") if config["production"] else NOT_PRODUCTION
