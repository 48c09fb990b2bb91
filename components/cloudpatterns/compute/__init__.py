"""Servers: groups of instances that grow and shrink, and what runs on them at boot."""

from cloudpatterns.compute._user_data import web_server_user_data

__all__ = ["web_server_user_data"]
