"""Identity and secrets: who may do what, and where secrets live."""

from cloudpatterns.security.secrets_vault.component import SecretsVault, SecretsVaultArgs, SecretsVaultRotationArgs, SecretsVaultSecretArgs
from cloudpatterns.security.user_directory.arguments import (
    ExistingUserPool,
    UserAttribute,
    UserClient,
    UserCustomDomain,
    UserDirectoryArgs,
    UserDirectoryOptions,
    UserEmail,
    UserGroup,
    UserIdentityPool,
    UserResourceServer,
    UserSamlProvider,
    UserTriggers,
)
from cloudpatterns.security.user_directory.component import UserDirectory
from cloudpatterns.security.workload_role import (
    InstanceProfile,
    WorkloadAssumeArgs,
    WorkloadRole,
    WorkloadRoleArgs,
    instance_profile,
    session_manager_statements,
)

__all__ = [
    "ExistingUserPool",
    "InstanceProfile",
    "SecretsVault",
    "SecretsVaultArgs",
    "SecretsVaultRotationArgs",
    "SecretsVaultSecretArgs",
    "UserAttribute",
    "UserClient",
    "UserCustomDomain",
    "UserDirectory",
    "UserDirectoryArgs",
    "UserDirectoryOptions",
    "UserEmail",
    "UserGroup",
    "UserIdentityPool",
    "UserResourceServer",
    "UserSamlProvider",
    "UserTriggers",
    "WorkloadAssumeArgs",
    "WorkloadRole",
    "WorkloadRoleArgs",
    "instance_profile",
    "session_manager_statements",
]
