"""Resilience: what keeps a failure small."""

__all__ = []
