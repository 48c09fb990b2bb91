"""Redshift, Neptune and DMS: not reachable from the internet.

DocumentDB is always private; MSK and RDS have their own controls.
"""

from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide"
_PUBLIC: Final = "publiclyAccessible"


def _private(resource: Resource) -> Verdict:
    # The provider's default is a private one.
    return Fail("is publicly accessible", _PUBLIC) if resource.get(_PUBLIC, False) else Pass()


@control(
    id="redshift-private",
    title="Redshift clusters and workgroups are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=("aws:redshift/cluster:Cluster", "aws:redshiftserverless/workgroup:Workgroup"),
    why="A data warehouse contains the data of many other stores; when it is public, only its password protects it.",
    remediation="Set publicly_accessible to False and place it in private subnets.",
    url=f"{_PAGE}/redshift-controls.html#redshift-1",
    frameworks={"FSBP": ("Redshift.1", "RedshiftServerless.3"), "Checkov": ("CKV_AWS_87",)},
)
def redshift_private(resource: Resource) -> Verdict:
    return _private(resource)


@control(
    id="neptune-private",
    title="Neptune instances are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=("aws:neptune/clusterInstance:ClusterInstance",),
    why="Without IAM authentication, which is off by default, anyone who reaches a graph database can read and change it.",
    remediation="Set publicly_accessible to False and place the cluster in private subnets.",
    url="https://docs.aws.amazon.com/neptune/latest/userguide/get-started-vpc.html",
    frameworks={"Checkov": ("CKV_AWS_102",)},
)
def neptune_private(resource: Resource) -> Verdict:
    return _private(resource)


@control(
    id="dms-private",
    title="DMS replication instances are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=("aws:dms/replicationInstance:ReplicationInstance",),
    why="A replication instance stores the credentials of both databases, and copies of the data that it moves.",
    remediation="Set publicly_accessible to False; reach sources elsewhere by VPN, Direct Connect or a NAT gateway.",
    url=f"{_PAGE}/dms-controls.html#dms-1",
    frameworks={"FSBP": ("DMS.1",), "Checkov": ("CKV_AWS_89",)},
)
def dms_private(resource: Resource) -> Verdict:
    return _private(resource)
