"""Secrets Management: secrets with their resource policies, values and rotation, and a rotation function."""

from cloudpatterns.security.secrets_vault.component import SecretsVault, SecretsVaultArgs, SecretsVaultRotationArgs, SecretsVaultSecretArgs

__all__ = ["SecretsVault", "SecretsVaultArgs", "SecretsVaultRotationArgs", "SecretsVaultSecretArgs"]
