"""Servers: groups of instances that scale with the load, and their boot script; jobs over large data."""

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
