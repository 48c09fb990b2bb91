"""Servers: groups of instances that scale with the load, and their boot script."""

from cloudpatterns.compute.auto_recovery import AutoRecovery, AutoRecoveryArgs, AutoRecoveryOptions
from cloudpatterns.compute.bootstrap.arguments import BootstrapArgs, BootstrapOptions, BootstrapScript, BootstrapTarget
from cloudpatterns.compute.bootstrap.component import Bootstrap
from cloudpatterns.compute.clone_server.arguments import CloneServerArgs, CloneServerContent, CloneServerOptions
from cloudpatterns.compute.clone_server.component import CloneServer
from cloudpatterns.compute.cloud_dependency_injection.arguments import CloudDependencyInjectionArgs, CloudDependencyInjectionOptions
from cloudpatterns.compute.cloud_dependency_injection.component import CloudDependencyInjection
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
from cloudpatterns.compute.multi_datacenter import MultiDatacenter, MultiDatacenterArgs, MultiDatacenterOptions, MultiDatacenterServersArgs
from cloudpatterns.compute.multi_server import MultiServer, MultiServerArgs, MultiServerOptions
from cloudpatterns.compute.scale_out.arguments import (
    ScaleOutActionArgs,
    ScaleOutArgs,
    ScaleOutDiskArgs,
    ScaleOutDisks,
    ScaleOutOptions,
    ScaleOutRefresh,
    ScaleOutScaling,
    ScaleOutServerOptions,
)
from cloudpatterns.compute.scale_out.component import ScaleOut
from cloudpatterns.compute.scale_up.arguments import ScaleUpArgs, ScaleUpOptions, ScaleUpScheduleArgs
from cloudpatterns.compute.scale_up.component import ScaleUp
from cloudpatterns.compute.stamp.arguments import StampArgs, StampOptions, StampSchedule
from cloudpatterns.compute.stamp.component import Stamp
from cloudpatterns.compute.web_server.user_data import web_server_user_data

__all__ = [
    "AutoRecovery",
    "AutoRecoveryArgs",
    "AutoRecoveryOptions",
    "Bootstrap",
    "BootstrapArgs",
    "BootstrapOptions",
    "BootstrapScript",
    "BootstrapTarget",
    "CloneServer",
    "CloneServerArgs",
    "CloneServerContent",
    "CloneServerOptions",
    "CloudDependencyInjection",
    "CloudDependencyInjectionArgs",
    "CloudDependencyInjectionOptions",
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
    "MultiDatacenter",
    "MultiDatacenterArgs",
    "MultiDatacenterOptions",
    "MultiDatacenterServersArgs",
    "MultiServer",
    "MultiServerArgs",
    "MultiServerOptions",
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
    "ScaleOutServerOptions",
    "ScaleUp",
    "ScaleUpArgs",
    "ScaleUpOptions",
    "ScaleUpScheduleArgs",
    "Stamp",
    "StampArgs",
    "StampOptions",
    "StampSchedule",
    "web_server_user_data",
]
