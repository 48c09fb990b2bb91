"""Messaging: queues, topics, buses, streams and workflows, with the functions that work on them."""

__all__ = []
