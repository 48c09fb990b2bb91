"""The boot script of web servers, as user data with its parameters."""

from cloudpatterns.compute.web_server.user_data import web_server_user_data

__all__ = ["web_server_user_data"]
