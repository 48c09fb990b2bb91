"""Servers: groups of instances that scale with the load, and their boot script."""

from cloudpatterns.compute.auto_recovery import AutoRecovery, AutoRecoveryArgs, AutoRecoveryOptions
from cloudpatterns.compute.scale_out.arguments import (
    ScaleOutActionArgs,
    ScaleOutArgs,
    ScaleOutDiskArgs,
    ScaleOutDisks,
    ScaleOutOptions,
    ScaleOutRefresh,
    ScaleOutScaling,
)
from cloudpatterns.compute.scale_out.component import ScaleOut
from cloudpatterns.compute.web_server.user_data import web_server_user_data

__all__ = [
    "AutoRecovery",
    "AutoRecoveryArgs",
    "AutoRecoveryOptions",
    "ScaleOut",
    "ScaleOutActionArgs",
    "ScaleOutArgs",
    "ScaleOutDiskArgs",
    "ScaleOutDisks",
    "ScaleOutOptions",
    "ScaleOutRefresh",
    "ScaleOutScaling",
    "web_server_user_data",
]
