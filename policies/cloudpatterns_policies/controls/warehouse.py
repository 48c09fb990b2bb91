"""Redshift, Neptune and DMS: not reachable from the internet.

DocumentDB has no switch for it and is private always; MSK and RDS have controls of their own.
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
    why="A warehouse holds the data of all other stores in one place, and only its password is left before it.",
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
    why="Without IAM authentication, which is off by default, whoever reaches a graph database reads and changes it.",
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
    why="A replication instance holds the credentials of both databases, and copies of what it moves.",
    remediation="Set publicly_accessible to False; reach sources elsewhere by VPN, Direct Connect or a NAT gateway.",
    url=f"{_PAGE}/dms-controls.html#dms-1",
    frameworks={"FSBP": ("DMS.1",), "Checkov": ("CKV_AWS_89",)},
)
def dms_private(resource: Resource) -> Verdict:
    return _private(resource)
