"""Controls that encode the security patterns, and the small analyzer server that runs them as CrossGuard policy packs."""

VERSION = "0.1.0"
"""Version of the distribution and of the packs; the same number is in `pyproject.toml` and each `PulumiPolicy.yaml`."""

__all__ = ["VERSION"]
