"""Resource types in a network, and their properties that name security groups and subnets. A new type is a new line."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

INSTANCE: Final = "aws:ec2/instance:Instance"
INTERFACE: Final = "aws:ec2/networkInterface:NetworkInterface"
TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"


class Role(Enum):
    """The role of a resource in the network."""

    BALANCER = "load balancer"
    WORKLOAD = "workload"
    DATA = "data store"
    INTERFACE = "network interface"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Kind:
    """The properties of a resource type that define its place in the network. Paths are dotted, `*` stands for each item of a list."""

    role: Role
    noun: str
    """Its name in messages."""
    groups: tuple[str, ...] = ()
    """Properties that name security groups."""
    subnets: tuple[str, ...] = ()
    """Properties that name subnets."""
    subnet_group: str = ""
    """The property that names a subnet group."""
    inherits: tuple[str, ...] = ()
    """When one of these is set, the subnets are those of another resource."""


_BALANCER = Kind(Role.BALANCER, "load balancer", ("securityGroups",), ("subnets", "subnetMappings.*.subnetId"))
_VPC_IDS = ("vpcSecurityGroupIds",)
# In a default VPC, groups may be named by their names.
_IDS_OR_NAMES = (*_VPC_IDS, "securityGroups")
_IDS = ("securityGroupIds",)
_CONFIG = ("networkConfiguration.securityGroups",), ("networkConfiguration.subnets",)
_FILES = Kind(Role.WORKLOAD, "file system", _IDS, ("subnetIds",))


def _subnet_group(noun: str) -> Kind:
    return Kind(Role.DATA, noun, (), ("subnetIds",))


KINDS: Final[dict[str, Kind]] = {
    "aws:lb/loadBalancer:LoadBalancer": _BALANCER,
    "aws:alb/loadBalancer:LoadBalancer": _BALANCER,
    "aws:elb/loadBalancer:LoadBalancer": Kind(Role.BALANCER, "classic load balancer", ("securityGroups",), ("subnets",)),
    "aws:ec2/instance:Instance": Kind(Role.WORKLOAD, "instance", _IDS_OR_NAMES, ("subnetId",)),
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": Kind(Role.WORKLOAD, "spot instance", _IDS_OR_NAMES, ("subnetId",)),
    "aws:ec2/spotFleetRequest:SpotFleetRequest": Kind(
        Role.WORKLOAD,
        "Spot fleet",
        ("launchSpecifications.*.vpcSecurityGroupIds",),
        ("launchSpecifications.*.subnetId", "launchTemplateConfigs.*.overrides.*.subnetId"),
    ),
    "aws:ec2/fleet:Fleet": Kind(Role.WORKLOAD, "EC2 fleet", (), ("launchTemplateConfigs.*.overrides.*.subnetId",)),
    "aws:ec2/launchTemplate:LaunchTemplate": Kind(
        Role.WORKLOAD,
        "launch template",
        ("vpcSecurityGroupIds", "networkInterfaces.*.securityGroups", "securityGroupNames"),
        ("networkInterfaces.*.subnetId",),
    ),
    "aws:ec2/launchConfiguration:LaunchConfiguration": Kind(Role.WORKLOAD, "launch configuration", ("securityGroups",)),
    "aws:autoscaling/group:Group": Kind(Role.WORKLOAD, "Auto Scaling group", (), ("vpcZoneIdentifiers",)),
    "aws:ec2/networkInterface:NetworkInterface": Kind(Role.INTERFACE, "network interface", ("securityGroups",), ("subnetId",)),
    "aws:ecs/service:Service": Kind(Role.WORKLOAD, "ECS service", *_CONFIG),
    "aws:ecs/taskSet:TaskSet": Kind(Role.WORKLOAD, "ECS task set", *_CONFIG),
    "aws:eks/nodeGroup:NodeGroup": Kind(Role.WORKLOAD, "EKS node group", (), ("subnetIds",)),
    "aws:eks/fargateProfile:FargateProfile": Kind(Role.WORKLOAD, "EKS Fargate profile", (), ("subnetIds",)),
    "aws:eks/cluster:Cluster": Kind(Role.ENDPOINT, "EKS cluster", ("vpcConfig.securityGroupIds",)),
    "aws:lambda/function:Function": Kind(Role.WORKLOAD, "function", ("vpcConfig.securityGroupIds",), ("vpcConfig.subnetIds",)),
    "aws:batch/computeEnvironment:ComputeEnvironment": Kind(
        Role.WORKLOAD, "Batch compute environment", ("computeResources.securityGroupIds",), ("computeResources.subnets",)
    ),
    "aws:codebuild/project:Project": Kind(Role.WORKLOAD, "CodeBuild project", ("vpcConfig.securityGroupIds",), ("vpcConfig.subnets",)),
    "aws:sagemaker/notebookInstance:NotebookInstance": Kind(Role.WORKLOAD, "notebook instance", ("securityGroups",), ("subnetId",)),
    "aws:apprunner/vpcConnector:VpcConnector": Kind(Role.WORKLOAD, "App Runner connector", ("securityGroups",), ("subnets",)),
    "aws:mwaa/environment:Environment": Kind(
        Role.WORKLOAD, "Airflow environment", ("networkConfiguration.securityGroupIds",), ("networkConfiguration.subnetIds",)
    ),
    "aws:mq/broker:Broker": Kind(Role.WORKLOAD, "message broker", ("securityGroups",), ("subnetIds",)),
    "aws:efs/mountTarget:MountTarget": Kind(Role.WORKLOAD, "EFS mount target", ("securityGroups",), ("subnetId",)),
    "aws:fsx/lustreFileSystem:LustreFileSystem": _FILES,
    "aws:fsx/windowsFileSystem:WindowsFileSystem": _FILES,
    "aws:fsx/ontapFileSystem:OntapFileSystem": _FILES,
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": _FILES,
    "aws:rds/proxy:Proxy": Kind(Role.WORKLOAD, "RDS proxy", _VPC_IDS, ("vpcSubnetIds",)),
    "aws:rds/instance:Instance": Kind(Role.DATA, "RDS instance", _VPC_IDS, (), "dbSubnetGroupName", ("replicateSourceDb",)),
    "aws:rds/cluster:Cluster": Kind(Role.DATA, "RDS cluster", _VPC_IDS, (), "dbSubnetGroupName"),
    "aws:docdb/cluster:Cluster": Kind(Role.DATA, "DocumentDB cluster", _VPC_IDS, (), "dbSubnetGroupName"),
    "aws:docdb/elasticCluster:ElasticCluster": Kind(Role.DATA, "DocumentDB elastic cluster", _VPC_IDS, ("subnetIds",)),
    "aws:neptune/cluster:Cluster": Kind(Role.DATA, "Neptune cluster", _VPC_IDS, (), "neptuneSubnetGroupName"),
    "aws:redshift/cluster:Cluster": Kind(Role.DATA, "Redshift cluster", _VPC_IDS, (), "clusterSubnetGroupName"),
    "aws:redshiftserverless/workgroup:Workgroup": Kind(Role.DATA, "Redshift workgroup", _IDS, ("subnetIds",)),
    "aws:elasticache/cluster:Cluster": Kind(Role.DATA, "ElastiCache cluster", _IDS, (), "subnetGroupName", ("replicationGroupId",)),
    "aws:elasticache/replicationGroup:ReplicationGroup": Kind(Role.DATA, "ElastiCache replication group", _IDS, (), "subnetGroupName"),
    "aws:elasticache/serverlessCache:ServerlessCache": Kind(Role.DATA, "ElastiCache serverless cache", _IDS, ("subnetIds",)),
    "aws:memorydb/cluster:Cluster": Kind(Role.DATA, "MemoryDB cluster", _IDS, (), "subnetGroupName"),
    "aws:dax/cluster:Cluster": Kind(Role.DATA, "DAX cluster", _IDS, (), "subnetGroupName"),
    "aws:opensearch/domain:Domain": Kind(Role.DATA, "OpenSearch domain", ("vpcOptions.securityGroupIds",), ("vpcOptions.subnetIds",)),
    "aws:elasticsearch/domain:Domain": Kind(Role.DATA, "Elasticsearch domain", ("vpcOptions.securityGroupIds",), ("vpcOptions.subnetIds",)),
    "aws:timestreaminfluxdb/dbInstance:DbInstance": Kind(Role.DATA, "InfluxDB instance", _VPC_IDS, ("vpcSubnetIds",)),
    "aws:msk/cluster:Cluster": Kind(
        Role.DATA, "MSK cluster", ("brokerNodeGroupInfo.securityGroups",), ("brokerNodeGroupInfo.clientSubnets",)
    ),
    "aws:msk/serverlessCluster:ServerlessCluster": Kind(
        Role.DATA, "MSK serverless cluster", ("vpcConfigs.*.securityGroupIds",), ("vpcConfigs.*.subnetIds",)
    ),
    "aws:rds/subnetGroup:SubnetGroup": _subnet_group("DB subnet group"),
    "aws:docdb/subnetGroup:SubnetGroup": _subnet_group("DocumentDB subnet group"),
    "aws:neptune/subnetGroup:SubnetGroup": _subnet_group("Neptune subnet group"),
    "aws:redshift/subnetGroup:SubnetGroup": _subnet_group("Redshift subnet group"),
    "aws:elasticache/subnetGroup:SubnetGroup": _subnet_group("cache subnet group"),
    "aws:memorydb/subnetGroup:SubnetGroup": _subnet_group("MemoryDB subnet group"),
    "aws:dax/subnetGroup:SubnetGroup": _subnet_group("DAX subnet group"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Kind(Role.ENDPOINT, "VPC endpoint", _IDS),
    "aws:opensearch/serverlessVpcEndpoint:ServerlessVpcEndpoint": Kind(Role.ENDPOINT, "OpenSearch endpoint", _IDS),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": Kind(Role.ENDPOINT, "Instance Connect endpoint", _IDS),
    "aws:ec2clientvpn/endpoint:Endpoint": Kind(Role.ENDPOINT, "Client VPN endpoint", _IDS),
}
"""Every resource type that the model knows."""

BALANCERS: Final = tuple(token for token, kind in KINDS.items() if kind.role is Role.BALANCER)
"""Load balancers."""

SUBNET_GROUPS: Final = tuple(token for token in KINDS if token.endswith(":SubnetGroup"))
"""Named groups of subnets, for data stores."""
