"""Queuing chain, see ``component``."""
