"""Glue: catalog, security configurations, jobs, crawlers and development endpoints."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import glue as controls
from cloudpatterns_policies.core import Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

CATALOG = "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings"
CONFIGURATION = "aws:glue/securityConfiguration:SecurityConfiguration"
MODE = "dataCatalogEncryptionSettings.encryptionAtRest.catalogEncryptionMode"
PASSWORDS = "dataCatalogEncryptionSettings.connectionPasswordEncryption.returnConnectionPasswordEncrypted"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"encryptionAtRest": {"catalogEncryptionMode": "SSE-KMS"}}, Pass()),
        ({"encryptionAtRest": {"catalogEncryptionMode": "SSE-KMS-WITH-SERVICE-ROLE"}}, Pass()),
        ({"encryptionAtRest": {"catalogEncryptionMode": "DISABLED"}}, Fail("leaves the catalog unencrypted", MODE)),
        ({}, Fail("leaves the catalog unencrypted", MODE)),
        ({"encryptionAtRest": UNKNOWN}, Unknown(MODE)),
    ],
)
def test_catalog(settings: Any, expected: Verdict) -> None:
    found = verdicts(controls.glue_catalog_encrypted, resource(CATALOG, props={"dataCatalogEncryptionSettings": settings}))
    assert found == [expected]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"connectionPasswordEncryption": {"returnConnectionPasswordEncrypted": True}}, Pass()),
        (
            {"connectionPasswordEncryption": {"returnConnectionPasswordEncrypted": False}},
            Fail("returns passwords of connections in plain text", PASSWORDS),
        ),
        ({}, Fail("returns passwords of connections in plain text", PASSWORDS)),
        (UNKNOWN, Unknown(PASSWORDS)),
    ],
)
def test_passwords_of_connections(settings: Any, expected: Verdict) -> None:
    found = verdicts(controls.glue_connection_passwords_encrypted, resource(CATALOG, props={"dataCatalogEncryptionSettings": settings}))
    assert found == [expected]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("encrypted", Pass()),
        (UNKNOWN, Pass()),
        ("", Fail("has no security configuration", "securityConfiguration")),
        (None, Fail("has no security configuration", "securityConfiguration")),
    ],
)
@pytest.mark.parametrize("kind", ["aws:glue/job:Job", "aws:glue/crawler:Crawler", "aws:glue/devEndpoint:DevEndpoint"])
def test_security_configuration(kind: str, name: Any, expected: Verdict) -> None:
    assert kind in controls.glue_security_configuration.types
    found = verdicts(controls.glue_security_configuration, resource(kind, props={"securityConfiguration": name}))
    assert found == [expected]


S3, LOGS, BOOKMARKS = (
    "encryptionConfiguration.s3Encryption.s3EncryptionMode",
    "encryptionConfiguration.cloudwatchEncryption.cloudwatchEncryptionMode",
    "encryptionConfiguration.jobBookmarksEncryption.jobBookmarksEncryptionMode",
)


def configuration(s3: Any = "SSE-KMS", logs: Any = "SSE-KMS", bookmarks: Any = "CSE-KMS") -> dict[str, Any]:
    return {
        "encryptionConfiguration": {
            "s3Encryption": {"s3EncryptionMode": s3},
            "cloudwatchEncryption": {"cloudwatchEncryptionMode": logs},
            "jobBookmarksEncryption": {"jobBookmarksEncryptionMode": bookmarks},
        }
    }


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (configuration(), [Pass()]),
        (configuration(s3="SSE-S3"), [Pass()]),
        (configuration(s3="DISABLED"), [Fail("does not encrypt what it writes to S3", S3)]),
        (configuration(logs="DISABLED"), [Fail("does not encrypt its logs", LOGS)]),
        (configuration(bookmarks=None), [Fail("does not encrypt job bookmarks", BOOKMARKS)]),
        (configuration(s3=UNKNOWN, bookmarks="DISABLED"), [Unknown(S3), Fail("does not encrypt job bookmarks", BOOKMARKS)]),
        (
            {"encryptionConfiguration": {}},
            [
                Fail("does not encrypt what it writes to S3", S3),
                Fail("does not encrypt its logs", LOGS),
                Fail("does not encrypt job bookmarks", BOOKMARKS),
            ],
        ),
        ({"encryptionConfiguration": UNKNOWN}, [Unknown(S3), Unknown(LOGS), Unknown(BOOKMARKS)]),
    ],
)
def test_what_a_security_configuration_encrypts(props: dict[str, Any], expected: list[Verdict]) -> None:
    assert verdicts(controls.glue_security_configuration_encrypts, resource(CONFIGURATION, props=props)) == expected
