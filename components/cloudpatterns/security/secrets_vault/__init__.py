"""``secrets_vault``."""

from cloudpatterns.security.secrets_vault.component import SecretsVault, SecretsVaultArgs, SecretsVaultRotationArgs, SecretsVaultSecretArgs

__all__ = ["SecretsVault", "SecretsVaultArgs", "SecretsVaultRotationArgs", "SecretsVaultSecretArgs"]
