"""Servers: groups of instances that grow and shrink, and what runs on them at boot."""

from cloudpatterns.compute.scale_out import ScaleOut, ScaleOutActionArgs, ScaleOutArgs, ScaleOutDiskArgs
from cloudpatterns.compute.web_server.user_data import web_server_user_data

__all__ = ["ScaleOut", "ScaleOutActionArgs", "ScaleOutArgs", "ScaleOutDiskArgs", "web_server_user_data"]
