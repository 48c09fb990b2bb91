"""Identity and secrets: who may do what, and where secrets live."""

from cloudpatterns.security.secrets_vault.component import SecretsVault, SecretsVaultArgs, SecretsVaultRotationArgs, SecretsVaultSecretArgs
from cloudpatterns.security.workload_role import (
    InstanceProfile,
    WorkloadAssumeArgs,
    WorkloadRole,
    WorkloadRoleArgs,
    instance_profile,
    session_manager_statements,
)

__all__ = [
    "InstanceProfile",
    "SecretsVault",
    "SecretsVaultArgs",
    "SecretsVaultRotationArgs",
    "SecretsVaultSecretArgs",
    "WorkloadAssumeArgs",
    "WorkloadRole",
    "WorkloadRoleArgs",
    "instance_profile",
    "session_manager_statements",
]
