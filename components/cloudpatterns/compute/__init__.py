"""Servers: groups of instances that scale with the load, and their boot script."""

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
from cloudpatterns.compute.scale_up.arguments import ScaleUpArgs, ScaleUpOptions, ScaleUpScheduleArgs
from cloudpatterns.compute.scale_up.component import ScaleUp
from cloudpatterns.compute.web_server.user_data import web_server_user_data

__all__ = [
    "ScaleOut",
    "ScaleOutActionArgs",
    "ScaleOutArgs",
    "ScaleOutDiskArgs",
    "ScaleOutDisks",
    "ScaleOutOptions",
    "ScaleOutRefresh",
    "ScaleOutScaling",
    "ScaleUp",
    "ScaleUpArgs",
    "ScaleUpOptions",
    "ScaleUpScheduleArgs",
    "web_server_user_data",
]
