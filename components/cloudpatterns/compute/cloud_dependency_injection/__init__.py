"""Servers that read their configuration by their tags."""
