"""Redshift and Redshift Serverless: encryption, TLS, audit logs, network, upgrades, backups, administrators.

That neither is reachable from the internet is a control beside those of Neptune and DMS.
"""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._database_tls import setting
from cloudpatterns_policies.controls._settings import (
    NOT_PRODUCTION,
    PRODUCTION,
    kept_long_enough,
    minimum_days,
    missing,
    not_in_state,
    switched_on,
)
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import all_of, has_value, read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/redshift-controls.html"

_CLUSTER: Final = "aws:redshift/cluster:Cluster"
_PARAMETERS: Final = "aws:redshift/parameterGroup:ParameterGroup"
_LOGGING: Final = "aws:redshift/logging:Logging"
_WORKGROUP: Final = "aws:redshiftserverless/workgroup:Workgroup"
_NAMESPACE: Final = "aws:redshiftserverless/namespace:Namespace"

_ORIGINS: Final = ("snapshotIdentifier", "snapshotArn")
_TLS: Final = "require_ssl"


def _restored(resource: Resource) -> bool:
    return any(has_value(resource, path) for path in _ORIGINS)


@control(
    id="redshift-encrypted",
    title="Redshift clusters are encrypted at rest",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Anyone who obtains a snapshot or a disk of an unencrypted cluster can read the tables.",
    remediation="Remove encrypted or set it to True, and set kms_key_id to a customer-managed key if possible.",
    url=f"{_PAGE}#redshift-10",
    # Checkov knows an older provider, which did not encrypt by default.
    frameworks={"FSBP": ("Redshift.10",), "Checkov": ("CKV_AWS_64",)},
)
def redshift_encrypted(resource: Resource) -> Verdict:
    return switched_on(resource, "encrypted", "stores its data unencrypted", default=True)


@control(
    id="redshift-tls-required",
    title="Redshift requires TLS",
    severity=Severity.MEDIUM,
    types=(_PARAMETERS, _CLUSTER, _WORKGROUP),
    why="Drivers silently fall back to plain connections, which expose queries and passwords on the network.",
    remediation='Set the parameter require_ssl to "true" in parameters (serverless: config_parameters).',
    url=f"{_PAGE}#redshift-2",
    frameworks={"FSBP": ("Redshift.2", "RedshiftServerless.2"), "Checkov": ("CKV_AWS_105",)},
)
def redshift_tls_required(resource: Resource) -> Verdict:
    if resource.type == _PARAMETERS:
        value = setting(resource, _TLS)
        if value is UNKNOWN:
            return Unknown("parameters")
        if value is None:
            # https://docs.aws.amazon.com/redshift/latest/mgmt/connecting-ssl-support.html: on in the family of 2025, off before.
            return Fail(f"leaves {_TLS} off", "parameters") if resource.get("family") == "redshift-1.0" else Pass()
        return Pass() if value in ("true", "1") else Fail(f"sets {_TLS} to {value}", "parameters")
    if resource.type == _CLUSTER:
        path = "clusterParameterGroupName"
        group = read(resource, path)
        # A parameter group of the stack is checked itself.
        if group is None or group is UNKNOWN or group != "default.redshift-1.0":
            return Pass()
        return Fail("has the default parameter group of old clusters, which accepts connections without TLS", path)
    for index in range(len(resource.get("configParameters", ()))):
        path = f"configParameters.{index}"
        if resource.get(f"{path}.parameterKey") == _TLS and str(resource.get(f"{path}.parameterValue")).lower() != "true":
            return Fail("accepts connections without TLS", f"{path}.parameterValue")
    # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-security-considerations.html: on in new workgroups.
    return Pass()


@stack_control(
    id="redshift-audit-log",
    title="Redshift writes audit logs",
    severity=Severity.MEDIUM,
    types=(_CLUSTER, _NAMESPACE),
    why="After an incident, nobody can find out who logged in and what was queried.",
    remediation="Add an aws.redshift.Logging with the cluster's cluster_identifier; of a namespace, set log_exports.",
    url=f"{_PAGE}#redshift-4",
    frameworks={"FSBP": ("Redshift.4", "RedshiftServerless.6"), "Checkov": ("CKV_AWS_71",)},
)
def redshift_audit_log(resource: Resource, stack: Stack) -> Verdict:
    if resource.type == _NAMESPACE:
        absent = missing(resource, "logExports", ("connectionlog", "userlog"))
        return Fail(f"does not export {all_of(absent)}", "logExports") if absent else Pass()
    # The argument of older versions of the provider.
    if read(resource, "logging.enable") is True or stack.referrers(resource, _LOGGING, "clusterIdentifier"):
        return Pass()
    open_ends = [
        item for item in stack.of_type(_LOGGING) if item.is_unknown("clusterIdentifier") and not stack.refs(item, "clusterIdentifier")
    ]
    return Unknown(f"clusterIdentifier of {open_ends[0].name}") if open_ends else Fail("writes no audit log")


@control(
    id="redshift-vpc-routing",
    title="Redshift loads and unloads data through the VPC",
    severity=Severity.MEDIUM,
    types=(_CLUSTER, _WORKGROUP),
    why="COPY and UNLOAD otherwise take the internet, where no security group, endpoint policy or flow log applies.",
    remediation="Set enhanced_vpc_routing to True, and add an endpoint for S3 to the VPC.",
    url=f"{_PAGE}#redshift-7",
    frameworks={"FSBP": ("Redshift.7", "RedshiftServerless.1"), "Checkov": ("CKV_AWS_321",)},
)
def redshift_vpc_routing(resource: Resource) -> Verdict:
    return switched_on(resource, "enhancedVpcRouting", "sends data over the internet")


@control(
    id="redshift-customer-key",
    title="Namespaces of Redshift Serverless are encrypted under a customer-managed key",
    severity=Severity.LOW,
    types=(_NAMESPACE,),
    why="With a key that AWS owns, nobody can see who decrypts the tables, revoke the access, or share a snapshot.",
    remediation="Set kms_key_id to the ARN of a customer-managed key.",
    url="https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-workgroups-and-namespaces-rotate-kms-key.html",
)
def redshift_customer_key(resource: Resource) -> Verdict:
    if resource.is_unknown("kmsKeyId") or resource.get("kmsKeyId") not in (None, "", "AWS_OWNED_KMS_KEY"):
        return Pass()
    return Fail("has a key that AWS owns", "kmsKeyId")


@control(
    id="redshift-version-upgrades",
    title="Redshift clusters install upgrades automatically",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Upgrades fix known vulnerabilities, and manual upgrades are forgotten.",
    remediation="Set allow_version_upgrade to True, or omit it.",
    url=f"{_PAGE}#redshift-6",
    frameworks={"FSBP": ("Redshift.6",), "Checkov": ("CKV_AWS_141",)},
)
def redshift_version_upgrades(resource: Resource) -> Verdict:
    return switched_on(resource, "allowVersionUpgrade", "does not install upgrades automatically", default=True)


@control(
    id="redshift-backups",
    title="Redshift clusters keep automatic snapshots long enough",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Data that was deleted by mistake or by an intruder is often missed only days later.",
    remediation="Set automated_snapshot_retention_period to 7 days or more.",
    url=f"{_PAGE}#redshift-3",
    frameworks={"FSBP": ("Redshift.3",), "Checkov": ("CKV_AWS_343",)},
    config=minimum_days(7),
)
def redshift_backups(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    return kept_long_enough(resource, "automatedSnapshotRetentionPeriod", 1, config)


@control(
    id="redshift-administrator-name",
    title="Redshift administrators do not have the default name",
    severity=Severity.LOW,
    types=(_CLUSTER, _NAMESPACE),
    why="An attacker who knows the name has to guess only the password.",
    remediation="Set master_username (serverless: admin_username) to a name of your own.",
    url=f"{_PAGE}#redshift-8",
    frameworks={"FSBP": ("Redshift.8", "RedshiftServerless.5")},
)
def redshift_administrator_name(resource: Resource) -> Verdict:
    serverless = resource.type == _NAMESPACE
    path, default = ("adminUsername", "admin") if serverless else ("masterUsername", "awsuser")
    if resource.get(path) is None and not serverless:
        return NotApplicable("takes its administrator from its snapshot" if _restored(resource) else "names no administrator")
    return Fail(f"has the default administrator {default}", path) if resource.get(path, default) == default else Pass()


@control(
    id="redshift-database-name",
    title="Redshift databases do not have the default name",
    severity=Severity.LOW,
    types=(_CLUSTER,),
    why="Scripts of attackers try the default name first, and a database called dev in production misleads operators.",
    remediation="Set database_name; it cannot be changed later.",
    url="https://docs.aws.amazon.com/config/latest/developerguide/redshift-default-db-name-check.html",
    frameworks={"Checkov": ("CKV_AWS_320",)},
)
def redshift_database_name(resource: Resource) -> Verdict:
    if resource.get("databaseName") is None and _restored(resource):
        return NotApplicable("takes its databases from its snapshot")
    return Fail("has the default database dev", "databaseName") if resource.get("databaseName", "dev") == "dev" else Pass()


@control(
    id="redshift-password-not-in-state",
    title="Master passwords of Redshift are not kept in the stack's state",
    severity=Severity.HIGH,
    types=(_CLUSTER, _NAMESPACE),
    why="Anyone who can read the state, its backups or a policy pack's input can read the password, and nobody rotates it.",
    remediation="Set manage_master_password (serverless: manage_admin_password) to True.",
    url="https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-secrets-manager-integration.html",
)
def redshift_password_not_in_state(resource: Resource) -> Verdict:
    return not_in_state(resource, "masterPassword", "adminUserPassword")


@control(
    id="redshift-several-zones",
    title="Redshift clusters of production span two Availability Zones",
    severity=Severity.LOW,
    types=(_CLUSTER,),
    why="When the zone fails, the warehouse is unavailable until it has been restored.",
    remediation="Set multi_az to True, with nodes of type RA3.",
    url=f"{_PAGE}#redshift-18",
    frameworks={"FSBP": ("Redshift.18",)},
    config={"production": PRODUCTION},
    pack="operations",
)
def redshift_several_zones(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    return switched_on(resource, "multiAz", "runs in one Availability Zone") if config["production"] else NOT_PRODUCTION
