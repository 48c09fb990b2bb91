"""Redshift, Neptune and DMS."""

import pytest
from cloudpatterns_policies.controls import warehouse as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown

from tests.policies.helpers import UNKNOWN, resource, verdicts

PUBLIC = "publiclyAccessible"


@pytest.mark.parametrize(
    ("control", "type"),
    [
        (controls.redshift_private, "aws:redshift/cluster:Cluster"),
        (controls.redshift_private, "aws:redshiftserverless/workgroup:Workgroup"),
        (controls.neptune_private, "aws:neptune/clusterInstance:ClusterInstance"),
        (controls.dms_private, "aws:dms/replicationInstance:ReplicationInstance"),
    ],
)
def test_public_is_refused(control: Control, type: str) -> None:
    assert type in control.types
    assert verdicts(control, resource(type, props={PUBLIC: True})) == [Fail("is publicly accessible", PUBLIC)]
    assert verdicts(control, resource(type, props={PUBLIC: False})) == [Pass()]
    assert verdicts(control, resource(type)) == [Pass()]
    assert verdicts(control, resource(type, props={PUBLIC: UNKNOWN})) == [Unknown(PUBLIC)]
