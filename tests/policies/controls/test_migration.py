"""DMS endpoints, replication instances and tasks."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import migration as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, verdicts

ENDPOINT, INSTANCE = "aws:dms/endpoint:Endpoint", "aws:dms/replicationInstance:ReplicationInstance"
TASK, SERVERLESS = "aws:dms/replicationTask:ReplicationTask", "aws:dms/replicationConfig:ReplicationConfig"
TLS, REDIS, MONGODB = controls.dms_endpoint_tls, controls.dms_redis_tls, controls.dms_mongodb_login
PASSWORD, UPGRADES, LOGS, ZONES = (
    controls.dms_password_not_in_state,
    controls.dms_minor_upgrades,
    controls.dms_task_logs,
    controls.dms_several_zones,
)
NO_TLS = Fail("connects without TLS", "sslMode")
WITHOUT_SSL_MODE = (
    *("dynamodb", "kinesis", "neptune", "redshift", "redshift-serverless", "s3", "elasticsearch", "opensearch", "timestream"),
    *("kafka", "redis", "azuredb"),
)
NO_UPGRADES = Fail("does not install minor version upgrades automatically", "autoMinorVersionUpgrade")
NO_LOGS = Fail("writes no logs", "replicationTaskSettings")
REDIS_PROTOCOL, MONGODB_LOGIN = "redisSettings.sslSecurityProtocol", "mongodbSettings.authType"


@pytest.mark.parametrize(
    ("control", "kind", "props", "expected"),
    [
        *[(TLS, ENDPOINT, {"engineName": "mysql", "sslMode": mode}, Pass()) for mode in ("require", "verify-full")],
        (TLS, ENDPOINT, {"engineName": "mysql", "sslMode": "none"}, NO_TLS),
        (TLS, ENDPOINT, {"engineName": "postgres"}, NO_TLS),
        (TLS, ENDPOINT, {}, NO_TLS),
        (TLS, ENDPOINT, {"engineName": "mysql", "sslMode": UNKNOWN}, Unknown("sslMode")),
        (TLS, ENDPOINT, {"engineName": UNKNOWN}, Unknown("engineName")),
        (TLS, ENDPOINT, {"engineName": "S3"}, NotApplicable("connects to s3, where sslMode does not decide")),
        *[
            (TLS, ENDPOINT, {"engineName": engine}, NotApplicable(f"connects to {engine}, where sslMode does not decide"))
            for engine in WITHOUT_SSL_MODE
        ],
        (REDIS, ENDPOINT, {"engineName": "redis"}, Pass()),
        (REDIS, ENDPOINT, {"engineName": "redis", "redisSettings": {"sslSecurityProtocol": "ssl-encryption"}}, Pass()),
        (
            REDIS,
            ENDPOINT,
            {"engineName": "redis", "redisSettings": {"sslSecurityProtocol": "plaintext"}},
            Fail("connects without TLS", REDIS_PROTOCOL),
        ),
        (REDIS, ENDPOINT, {"engineName": "redis", "redisSettings": UNKNOWN}, Unknown(REDIS_PROTOCOL)),
        (REDIS, ENDPOINT, {"engineName": "mysql"}, NotApplicable("does not connect to Redis")),
        (MONGODB, ENDPOINT, {"engineName": "mongodb"}, Pass()),
        (MONGODB, ENDPOINT, {"engineName": "mongodb", "mongodbSettings": {"authType": "password"}}, Pass()),
        (
            MONGODB,
            ENDPOINT,
            {"engineName": "mongodb", "mongodbSettings": {"authType": "no"}},
            Fail("connects without a login", MONGODB_LOGIN),
        ),
        (MONGODB, ENDPOINT, {"engineName": "mongodb", "mongodbSettings": {"authType": UNKNOWN}}, Unknown(MONGODB_LOGIN)),
        (MONGODB, ENDPOINT, {"engineName": "docdb"}, NotApplicable("does not connect to MongoDB")),
        (PASSWORD, ENDPOINT, {"secretsManagerArn": "arn"}, Pass()),
        (PASSWORD, ENDPOINT, {}, Pass()),
        *[
            (PASSWORD, ENDPOINT, {"password": value}, Fail("keeps its password in the state", "password"))
            for value in ("hunter2", secret("hunter2"), UNKNOWN)
        ],
        (UPGRADES, INSTANCE, {"autoMinorVersionUpgrade": True}, Pass()),
        (UPGRADES, INSTANCE, {"autoMinorVersionUpgrade": False}, NO_UPGRADES),
        (UPGRADES, INSTANCE, {}, NO_UPGRADES),
        (UPGRADES, INSTANCE, {"autoMinorVersionUpgrade": UNKNOWN}, Unknown("autoMinorVersionUpgrade")),
        (ZONES, INSTANCE, {"multiAz": True}, Pass()),
        (ZONES, INSTANCE, {"multiAz": False}, Fail("has no standby in another zone", "multiAz")),
        (ZONES, INSTANCE, {}, Fail("has no standby in another zone", "multiAz")),
        (ZONES, INSTANCE, {"multiAz": UNKNOWN}, Unknown("multiAz")),
        (ZONES, SERVERLESS, {"computeConfig": {"multiAz": True}}, Pass()),
        (ZONES, SERVERLESS, {"computeConfig": {}}, Fail("has no standby in another zone", "computeConfig.multiAz")),
    ],
)
def test_dms(control: Control, kind: str, props: dict[str, Any], expected: Verdict) -> None:
    assert kind in control.types
    assert verdicts(control, resource(kind, props=props)) == [expected]


def test_zones_outside_production() -> None:
    found = verdicts(ZONES, resource(INSTANCE), {"production": False})
    assert found == [NotApplicable("need not survive the loss of a zone: production is false in the profile")]


def component(name: Any, severity: Any) -> dict[str, Any]:
    return {"Id": name, "Severity": severity}


DEFAULT, ERROR = "LOGGER_SEVERITY_DEFAULT", "LOGGER_SEVERITY_ERROR"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"Logging": {"EnableLogging": True}}, [Pass()]),
        ({"Logging": {"EnableLogging": True, "LogComponents": [component("TARGET_LOAD", DEFAULT)]}}, [Pass()]),
        ({"Logging": {"EnableLogging": True, "LogComponents": [component("SOURCE_CAPTURE", "LOGGER_SEVERITY_DETAILED_DEBUG")]}}, [Pass()]),
        ({"Logging": {"EnableLogging": True, "LogComponents": [component("SORTER", ERROR)]}}, [Pass()]),
        (
            {"Logging": {"EnableLogging": True, "LogComponents": [component("TARGET_APPLY", ERROR), component("SOURCE_UNLOAD", ERROR)]}},
            [
                Fail("logs SOURCE_UNLOAD at LOGGER_SEVERITY_ERROR only", "replicationTaskSettings"),
                Fail("logs TARGET_APPLY at LOGGER_SEVERITY_ERROR only", "replicationTaskSettings"),
            ],
        ),
        ({"Logging": {"EnableLogging": False}}, [NO_LOGS]),
        ({"Logging": {}}, [NO_LOGS]),
        ({}, [NO_LOGS]),
        (None, [NO_LOGS]),
        ("{", [Fail("has task settings that are not JSON", "replicationTaskSettings")]),
        (UNKNOWN, [Unknown("replicationTaskSettings")]),
    ],
)
@pytest.mark.parametrize("encode", [json.dumps, lambda settings: settings], ids=["text", "object"])
def test_task_logs(encode: Any, settings: Any, expected: list[Verdict]) -> None:
    document = encode(settings) if isinstance(settings, dict) else settings
    assert verdicts(LOGS, resource(TASK, props={"replicationTaskSettings": document})) == expected


@pytest.mark.parametrize(
    ("logging", "path"),
    [
        (UNKNOWN, "Logging"),
        ({"EnableLogging": UNKNOWN}, "Logging.EnableLogging"),
        ({"EnableLogging": True, "LogComponents": UNKNOWN}, "Logging.LogComponents"),
        ({"EnableLogging": True, "LogComponents": [component("TARGET_LOAD", UNKNOWN)]}, "Logging.LogComponents.0.Severity"),
    ],
)
def test_unknown_settings_of_a_task(logging: Any, path: str) -> None:
    found = verdicts(LOGS, resource(TASK, props={"replicationTaskSettings": {"Logging": logging}}))
    assert found == [Unknown(f"replicationTaskSettings.{path}")]
