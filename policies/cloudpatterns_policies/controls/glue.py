"""Glue: encryption of the catalog, of connection passwords, and of what jobs and crawlers write."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._settings import switched_on
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import has_value

_GUIDE: Final = "https://docs.aws.amazon.com/glue/latest/dg"

_CATALOG: Final = "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings"
_SETTINGS: Final = "dataCatalogEncryptionSettings"
_CONFIGURATION: Final = "aws:glue/securityConfiguration:SecurityConfiguration"
_WORKERS: Final = ("aws:glue/job:Job", "aws:glue/crawler:Crawler", "aws:glue/devEndpoint:DevEndpoint")

# https://docs.aws.amazon.com/glue/latest/webapi/API_EncryptionConfiguration.html
_PARTS: Final = (
    ("s3Encryption.s3EncryptionMode", "what it writes to S3"),
    ("cloudwatchEncryption.cloudwatchEncryptionMode", "its logs"),
    ("jobBookmarksEncryption.jobBookmarksEncryptionMode", "job bookmarks"),
)


@control(
    id="glue-catalog-encrypted",
    title="The Glue Data Catalog is encrypted with a KMS key",
    severity=Severity.MEDIUM,
    types=(_CATALOG,),
    why="Names of tables, columns and locations show where the data is, and partitions may hold it.",
    remediation='Set catalog_encryption_mode of encryption_at_rest to "SSE-KMS", with sse_aws_kms_key_id.',
    url=f"{_GUIDE}/encrypt-glue-data-catalog.html",
    frameworks={"Checkov": ("CKV_AWS_94",)},
)
def glue_catalog_encrypted(resource: Resource) -> Verdict:
    path = f"{_SETTINGS}.encryptionAtRest.catalogEncryptionMode"
    return Fail("leaves the catalog unencrypted", path) if resource.get(path, "DISABLED") == "DISABLED" else Pass()


@control(
    id="glue-connection-passwords-encrypted",
    title="Glue encrypts passwords of connections",
    severity=Severity.MEDIUM,
    types=(_CATALOG,),
    why="Everyone who may read a connection otherwise gets the password of its database in plain text.",
    remediation="Set return_connection_password_encrypted of connection_password_encryption to True, with aws_kms_key_id.",
    url=f"{_GUIDE}/encrypt-connection-passwords.html",
    frameworks={"Checkov": ("CKV_AWS_94",)},
)
def glue_connection_passwords_encrypted(resource: Resource) -> Verdict:
    path = f"{_SETTINGS}.connectionPasswordEncryption.returnConnectionPasswordEncrypted"
    return switched_on(resource, path, "returns passwords of connections in plain text")


@control(
    id="glue-security-configuration",
    title="Glue jobs, crawlers and development endpoints have a security configuration",
    severity=Severity.MEDIUM,
    types=_WORKERS,
    why="Without one, logs, job bookmarks and results are written without the account's keys.",
    remediation="Set security_configuration to the name of an aws.glue.SecurityConfiguration.",
    url=f"{_GUIDE}/console-security-configurations.html",
    frameworks={"Checkov": ("CKV_AWS_195",)},
)
def glue_security_configuration(resource: Resource) -> Verdict:
    # Which one it is does not matter: that of the stack is checked itself.
    path = "securityConfiguration"
    return Pass() if has_value(resource, path) else Fail("has no security configuration", path)


@control(
    id="glue-security-configuration-encrypts",
    title="Glue security configurations encrypt results, logs and job bookmarks",
    severity=Severity.MEDIUM,
    types=(_CONFIGURATION,),
    why="Logs and bookmarks hold rows and keys of the data, and stay unencrypted while their part is disabled.",
    remediation='Set s3_encryption_mode and cloudwatch_encryption_mode to "SSE-KMS", and job_bookmarks_encryption_mode to "CSE-KMS".',
    url=f"{_GUIDE}/encryption-security-configuration.html",
    frameworks={"Checkov": ("CKV_AWS_99",)},
)
def glue_security_configuration_encrypts(resource: Resource) -> Iterator[Verdict]:
    for name, what in _PARTS:
        path = f"encryptionConfiguration.{name}"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif resource.get(path, "DISABLED") == "DISABLED":
            yield Fail(f"does not encrypt {what}", path)
