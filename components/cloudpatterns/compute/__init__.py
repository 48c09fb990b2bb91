"""Servers and containers: groups of instances and services of tasks that scale with the load, and the servers' boot script."""

from cloudpatterns.compute.container_service.arguments import (
    ContainerServiceArgs,
    ContainerServiceBacklog,
    ContainerServiceConnect,
    ContainerServiceContainer,
    ContainerServiceDeployment,
    ContainerServiceFileSystem,
    ContainerServiceHealthCheck,
    ContainerServiceMount,
    ContainerServiceOptions,
    ContainerServiceRegistry,
    ContainerServiceScaling,
    ContainerServiceScheduledAction,
    ContainerServiceSecret,
    ContainerServiceSidecar,
    ContainerServiceVolume,
)
from cloudpatterns.compute.container_service.component import ContainerService
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
    "ContainerService",
    "ContainerServiceArgs",
    "ContainerServiceBacklog",
    "ContainerServiceConnect",
    "ContainerServiceContainer",
    "ContainerServiceDeployment",
    "ContainerServiceFileSystem",
    "ContainerServiceHealthCheck",
    "ContainerServiceMount",
    "ContainerServiceOptions",
    "ContainerServiceRegistry",
    "ContainerServiceScaling",
    "ContainerServiceScheduledAction",
    "ContainerServiceSecret",
    "ContainerServiceSidecar",
    "ContainerServiceVolume",
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
