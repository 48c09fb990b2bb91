"""Identity and secrets: who may do what, and where secrets live."""

from cloudpatterns.security.secrets_vault import SecretsVault, SecretsVaultArgs, SecretsVaultRotationArgs, SecretsVaultSecretArgs
from cloudpatterns.security.workload_role import (
    WorkloadAssumeArgs,
    WorkloadRole,
    WorkloadRoleArgs,
    WorkloadStatementArgs,
    session_manager_statements,
)

__all__ = [
    "SecretsVault",
    "SecretsVaultArgs",
    "SecretsVaultRotationArgs",
    "SecretsVaultSecretArgs",
    "WorkloadAssumeArgs",
    "WorkloadRole",
    "WorkloadRoleArgs",
    "WorkloadStatementArgs",
    "session_manager_statements",
]
