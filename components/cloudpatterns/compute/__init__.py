"""Servers and containers that scale with the load, the servers' boot script, and jobs over large data."""

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
from cloudpatterns.compute.distributed_processing.arguments import (
    DistributedProcessingArgs,
    DistributedProcessingOptions,
    ProcessingBucket,
    ProcessingFairShare,
    ProcessingJob,
    ProcessingSchedule,
    ProcessingSpark,
)
from cloudpatterns.compute.distributed_processing.component import DistributedProcessing
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
    "DistributedProcessing",
    "DistributedProcessingArgs",
    "DistributedProcessingOptions",
    "ProcessingBucket",
    "ProcessingFairShare",
    "ProcessingJob",
    "ProcessingSchedule",
    "ProcessingSpark",
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
