"""Backup vaults."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import backup as controls
from cloudpatterns_policies.core import Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

MANAGED = "arn:aws:kms:eu-west-1:111122223333:alias/aws/backup"
MISSING = Fail("is encrypted with the AWS managed key", "kmsKeyArn")


@pytest.mark.parametrize(
    ("key", "source", "expected"),
    [
        ("arn:aws:kms:eu-west-1:111122223333:key/1", None, Pass()),
        (UNKNOWN, "aws:kms/key:Key", Pass()),
        (UNKNOWN, "aws:kms/alias:Alias", Pass()),
        (UNKNOWN, "x:y:Z", Unknown("kmsKeyArn")),
        (None, None, MISSING),
        # The provider works the key out where the program leaves it out.
        (UNKNOWN, None, MISSING),
        (MANAGED, None, Fail(f"is encrypted with {MANAGED}", "kmsKeyArn")),
    ],
)
def test_key_of_a_vault(key: Any, source: str | None, expected: Verdict) -> None:
    sources = [resource(source, "source")] if source else []
    vault = resource("aws:backup/vault:Vault", "vault", {"kmsKeyArn": key}, deps={"kmsKeyArn": ["source"]} if source else {})
    assert verdicts(controls.backup_vault_customer_key, stack(*sources, vault)) == [("vault", expected)]
