"""Facts about resource types of AWS and its provider, as data: what replaces them, names, conflicts, dependents.

Source: the schemas of terraform-provider-aws (``ForceNew``, ``RequiresReplace``), the overrides of pulumi-aws, and the errors of the AWS
APIs. The SDK does not carry these facts. A type that is not listed here is named by its property ``name``, is replaced when its name
changes, and blocks no deletion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Properties whose change replaces the resource. Names, and their prefixes, always do: see `NAMINGS`.
REPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "acm/certificate:Certificate": ("certificateAuthorityArn", "domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"),
    "acm/certificateValidation:CertificateValidation": ("certificateArn", "validationRecordFqdns"),
    "autoscaling/policy:Policy": ("autoscalingGroupName", "policyType"),
    "cloudwatch/eventRule:EventRule": ("eventBusName",),
    "cloudwatch/eventTarget:EventTarget": ("eventBusName", "rule", "targetId"),
    "cloudwatch/logGroup:LogGroup": ("logGroupClass",),
    "ebs/volume:Volume": ("availabilityZone", "encrypted", "kmsKeyId", "snapshotId", "outpostArn", "multiAttachEnabled"),
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),
    "ec2/eip:Eip": ("address", "customerOwnedIpv4Pool", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool"),
    "ec2/flowLog:FlowLog": (
        *("deliverCrossAccountRole", "destinationOptions", "eniId", "iamRoleArn", "logDestination", "logDestinationType", "logFormat"),
        *("maxAggregationInterval", "subnetId", "trafficType", "transitGatewayAttachmentId", "transitGatewayId", "vpcId"),
    ),
    "ec2/instance:Instance": (
        *("ami", "associatePublicIpAddress", "availabilityZone", "ebsBlockDevices", "ephemeralBlockDevices", "hibernation", "keyName"),
        # The version of the template too: a new `latest_version` replaces a lone instance.
        *("launchTemplate", "networkInterfaces", "primaryNetworkInterface", "privateIp", "securityGroups", "subnetId"),
    ),
    "ec2/managedPrefixList:ManagedPrefixList": ("addressFamily",),
    "ec2/natGateway:NatGateway": ("allocationId", "availabilityMode", "connectivityType", "privateIp", "subnetId", "vpcId"),
    "ec2/networkAcl:NetworkAcl": ("vpcId",),
    "ec2/networkAclAssociation:NetworkAclAssociation": ("networkAclId", "subnetId"),
    "ec2/networkAclRule:NetworkAclRule": (
        *("cidrBlock", "egress", "fromPort", "icmpCode", "icmpType", "ipv6CidrBlock", "networkAclId", "protocol", "ruleAction"),
        *("ruleNumber", "toPort"),
    ),
    "ec2/networkInterface:NetworkInterface": ("interfaceType", "subnetId"),
    "ec2/route:Route": ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId", "routeTableId"),
    "ec2/routeTable:RouteTable": ("vpcId",),
    "ec2/routeTableAssociation:RouteTableAssociation": ("gatewayId", "subnetId"),
    "ec2/securityGroup:SecurityGroup": ("description", "vpcId"),
    "ec2/subnet:Subnet": ("availabilityZone", "availabilityZoneId", "cidrBlock", "ipv6Native", "outpostArn", "vpcId"),
    "ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "ec2/vpcEndpoint:VpcEndpoint": ("serviceName", "serviceRegion", "vpcEndpointType", "vpcId"),
    "ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": ("routeTableId", "vpcEndpointId"),
    "elasticache/parameterGroup:ParameterGroup": ("description", "family"),
    "elasticache/replicationGroup:ReplicationGroup": (
        *("atRestEncryptionEnabled", "dataTieringEnabled", "globalReplicationGroupId", "kmsKeyId", "networkType", "port"),
        *("securityGroupNames", "snapshotArns", "snapshotName", "subnetGroupName"),
    ),
    "elasticache/user:User": ("userId", "userName"),
    "elasticache/userGroup:UserGroup": ("userGroupId",),
    "iam/instanceProfile:InstanceProfile": ("path",),
    "iam/policy:Policy": ("description", "path"),
    "iam/role:Role": ("path",),
    "iam/rolePolicy:RolePolicy": ("role",),
    "iam/rolePolicyAttachment:RolePolicyAttachment": ("policyArn", "role"),
    "kms/key:Key": ("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"),
    "kms/keyPolicy:KeyPolicy": ("keyId",),
    "lb/listener:Listener": ("loadBalancerArn",),
    "lb/loadBalancer:LoadBalancer": ("customerOwnedIpv4Pool", "internal", "loadBalancerType"),
    "lb/targetGroup:TargetGroup": ("ipAddressType", "port", "protocol", "protocolVersion", "targetType", "vpcId"),
    "rds/cluster:Cluster": (
        *("availabilityZones", "databaseName", "engine", "kmsKeyId", "masterUsername", "restoreToPointInTime", "snapshotIdentifier"),
        *("storageEncrypted",),
    ),
    "rds/clusterInstance:ClusterInstance": ("availabilityZone", "clusterIdentifier", "engine"),
    "rds/clusterParameterGroup:ClusterParameterGroup": ("description", "family"),
    "rds/instance:Instance": (
        *("availabilityZone", "characterSetName", "customIamInstanceProfile", "dbName", "engine", "kmsKeyId", "ncharCharacterSetName"),
        *("restoreToPointInTime", "snapshotIdentifier", "storageEncrypted", "timezone", "username"),
    ),
    "rds/parameterGroup:ParameterGroup": ("description", "family"),
    "route53/record:Record": ("name", "zoneId"),
    "s3/bucket:Bucket": ("objectLockEnabled",),
    "scheduler/schedule:Schedule": ("groupName",),
    "secretsmanager/secretVersion:SecretVersion": ("secretId",),
    "sns/topic:Topic": ("fifoTopic",),
    "sqs/queue:Queue": ("fifoQueue",),
    "sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "ssm/document:Document": ("documentType",),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("securityGroupId",),
    "wafv2/webAcl:WebAcl": ("scope",),
    "wafv2/webAclAssociation:WebAclAssociation": ("resourceArn", "webAclArn"),
    "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": ("logDestinationConfigs", "resourceArn"),
    "wafv2/webAclRule:WebAclRule": ("name", "webAclArn"),
}

# All settings that refer to a bucket by its name.
_BUCKET_PARTS: Final = (
    *("bucketLifecycleConfiguration:BucketLifecycleConfiguration", "bucketOwnershipControls:BucketOwnershipControls"),
    *("bucketPolicy:BucketPolicy", "bucketPublicAccessBlock:BucketPublicAccessBlock", "bucketVersioning:BucketVersioning"),
    *("bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", "bucketLogging:BucketLogging"),
    *("bucketObjectLockConfiguration:BucketObjectLockConfiguration", "bucketReplicationConfig:BucketReplicationConfig"),
)

# The sources of a security group rule: a change of kind replaces the rule.
RULE_TYPES: Final = ("vpc/securityGroupEgressRule:SecurityGroupEgressRule", "vpc/securityGroupIngressRule:SecurityGroupIngressRule")
RULE_SOURCES: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")

# Creating one overwrites an existing one of the same key, as AWS's Put, Attach and Associate calls do. The key is the id.
PUTS: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"s3/{part}": ("bucket",) for part in _BUCKET_PARTS},
    "autoscaling/policy:Policy": ("autoscalingGroupName", "name"),
    "cloudwatch/metricAlarm:MetricAlarm": ("name",),
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),
    "iam/rolePolicy:RolePolicy": ("role", "name"),
    "iam/rolePolicyAttachment:RolePolicyAttachment": ("role", "policyArn"),
    "kms/keyPolicy:KeyPolicy": ("keyId",),
    "sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "wafv2/webAclAssociation:WebAclAssociation": ("webAclArn", "resourceArn"),
    "wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": ("resourceArn",),
    "wafv2/webAclRule:WebAclRule": ("webAclArn", "name"),
}

# The provider deletes these before it creates their replacement, because both would be the same object in AWS.
DELETED_FIRST: Final = frozenset(
    {
        "iam/groupPolicyAttachment:GroupPolicyAttachment",
        "iam/policyAttachment:PolicyAttachment",
        "iam/rolePolicyAttachment:RolePolicyAttachment",
        "iam/userPolicyAttachment:UserPolicyAttachment",
    }
)


@dataclass(frozen=True)
class Naming:
    """The property that names a resource, the longest name, and whether names are lower case."""

    property: str = "name"
    longest: int = 255
    lower: bool = False


NAMINGS: Final[Mapping[str, Naming]] = {
    "cloudwatch/eventRule:EventRule": Naming(longest=64),
    "elasticache/cluster:Cluster": Naming("clusterId", 40, lower=True),
    "elasticache/parameterGroup:ParameterGroup": Naming(lower=True),
    "elasticache/replicationGroup:ReplicationGroup": Naming("replicationGroupId", 40, lower=True),
    "elasticache/subnetGroup:SubnetGroup": Naming(lower=True),
    "iam/instanceProfile:InstanceProfile": Naming(longest=128),
    "iam/policy:Policy": Naming(longest=128),
    "iam/role:Role": Naming(longest=64),
    "iam/rolePolicy:RolePolicy": Naming(longest=128),
    "lambda/function:Function": Naming(longest=64),
    "lb/loadBalancer:LoadBalancer": Naming(longest=32),
    "lb/targetGroup:TargetGroup": Naming(longest=32),
    "rds/cluster:Cluster": Naming("clusterIdentifier", 63, lower=True),
    "rds/instance:Instance": Naming("identifier", 63, lower=True),
    "rds/parameterGroup:ParameterGroup": Naming(lower=True),
    "rds/subnetGroup:SubnetGroup": Naming(lower=True),
    "s3/bucket:Bucket": Naming("bucket", 63, lower=True),
    "scheduler/schedule:Schedule": Naming(longest=64),
    "scheduler/scheduleGroup:ScheduleGroup": Naming(longest=64),
    "sqs/queue:Queue": Naming(longest=80),
    "wafv2/webAcl:WebAcl": Naming(longest=128),
}
# Renamed in place.
RENAMED: Final = frozenset({"ec2/managedPrefixList:ManagedPrefixList", "rds/instance:Instance"})

_RULE_KEY: Final = ("securityGroupId", "ipProtocol", "fromPort", "toPort", *RULE_SOURCES)

# Properties that must be unique in a region, and the error of AWS. A tuple none of whose properties is set does not count;
# the default is the name.
UNIQUE: Final[Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]] = {
    "ec2/internetGateway:InternetGateway": ((("vpcId",), "Resource.AlreadyAssociated"),),
    "ec2/managedPrefixList:ManagedPrefixList": (),
    "ec2/networkAclRule:NetworkAclRule": ((("ruleNumber", "egress", "networkAclId"), "NetworkAclEntryAlreadyExists"),),
    "ec2/route:Route": (
        (("destinationCidrBlock", "routeTableId"), "RouteAlreadyExists"),
        (("destinationIpv6CidrBlock", "routeTableId"), "RouteAlreadyExists"),
    ),
    "ec2/routeTableAssociation:RouteTableAssociation": ((("subnetId",), "Resource.AlreadyAssociated"),),
    "ec2/securityGroup:SecurityGroup": ((("name", "vpcId"), "InvalidGroup.Duplicate"),),
    "ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": ((("routeTableId", "vpcEndpointId"), "RouteAlreadyExists"),),
    "lb/listener:Listener": ((("port", "loadBalancerArn"), "DuplicateListener"),),
    "route53/record:Record": ((("name", "type", "setIdentifier", "zoneId"), "InvalidChangeBatch"),),
    "scheduler/schedule:Schedule": ((("name", "groupName"), "ConflictException"),),
    "elasticache/user:User": ((("userId",), "UserAlreadyExists"),),
    "elasticache/userGroup:UserGroup": ((("userGroupId",), "UserGroupAlreadyExists"),),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": ((_RULE_KEY, "InvalidPermission.Duplicate"),),
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": ((_RULE_KEY, "InvalidPermission.Duplicate"),),
    "wafv2/webAclRule:WebAclRule": ((("priority", "webAclArn"), "WAFInvalidParameterException"),),
}

_VPC, _SUBNET, _GROUP = "ec2/vpc:Vpc", "ec2/subnet:Subnet", "ec2/securityGroup:SecurityGroup"
_ROLE = "iam/role:Role"

# References that block deletion: the property (dotted, lists are searched), and the type that it names.
HOLDS: Final[Mapping[str, Mapping[str, str]]] = {
    "autoscaling/group:Group": {"vpcZoneIdentifiers": _SUBNET},
    "ec2/instance:Instance": {
        "primaryNetworkInterface.networkInterfaceId": "ec2/networkInterface:NetworkInterface",
        "subnetId": _SUBNET,
        "vpcSecurityGroupIds": _GROUP,
    },
    "ec2/internetGateway:InternetGateway": {"vpcId": _VPC},
    "ec2/natGateway:NatGateway": {"allocationId": "ec2/eip:Eip", "subnetId": _SUBNET},
    "ec2/networkAcl:NetworkAcl": {"vpcId": _VPC},
    "ec2/networkAclAssociation:NetworkAclAssociation": {"networkAclId": "ec2/networkAcl:NetworkAcl"},
    "ec2/networkInterface:NetworkInterface": {"securityGroups": _GROUP, "subnetId": _SUBNET},
    "ec2/routeTable:RouteTable": {"vpcId": _VPC},
    "ec2/routeTableAssociation:RouteTableAssociation": {"routeTableId": "ec2/routeTable:RouteTable"},
    "ec2/securityGroup:SecurityGroup": {"vpcId": _VPC},
    "ec2/subnet:Subnet": {"vpcId": _VPC},
    "ec2/vpcEndpoint:VpcEndpoint": {"securityGroupIds": _GROUP, "subnetIds": _SUBNET, "vpcId": _VPC},
    "efs/mountTarget:MountTarget": {"fileSystemId": "efs/fileSystem:FileSystem", "securityGroups": _GROUP, "subnetId": _SUBNET},
    "elasticache/replicationGroup:ReplicationGroup": {
        "parameterGroupName": "elasticache/parameterGroup:ParameterGroup",
        "securityGroupIds": _GROUP,
        "subnetGroupName": "elasticache/subnetGroup:SubnetGroup",
        "userGroupIds": "elasticache/userGroup:UserGroup",
    },
    "iam/instanceProfile:InstanceProfile": {"role": _ROLE},
    "iam/rolePolicy:RolePolicy": {"role": _ROLE},
    "iam/rolePolicyAttachment:RolePolicyAttachment": {"policyArn": "iam/policy:Policy", "role": _ROLE},
    "lambda/function:Function": {"vpcConfig.securityGroupIds": _GROUP, "vpcConfig.subnetIds": _SUBNET},
    "lb/listener:Listener": {
        "certificateArn": "acm/certificate:Certificate",
        "defaultActions.targetGroupArn": "lb/targetGroup:TargetGroup",
    },
    "lb/loadBalancer:LoadBalancer": {"securityGroups": _GROUP, "subnets": _SUBNET},
    "rds/cluster:Cluster": {
        "dbClusterParameterGroupName": "rds/clusterParameterGroup:ClusterParameterGroup",
        "dbSubnetGroupName": "rds/subnetGroup:SubnetGroup",
    },
    "rds/instance:Instance": {
        "dbSubnetGroupName": "rds/subnetGroup:SubnetGroup",
        "parameterGroupName": "rds/parameterGroup:ParameterGroup",
        "vpcSecurityGroupIds": _GROUP,
    },
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
        "prefixListId": "ec2/managedPrefixList:ManagedPrefixList",
        "referencedSecurityGroupId": _GROUP,
    },
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "prefixListId": "ec2/managedPrefixList:ManagedPrefixList",
        "referencedSecurityGroupId": _GROUP,
    },
    "wafv2/webAclAssociation:WebAclAssociation": {"webAclArn": "wafv2/webAcl:WebAcl"},
}

# The error of each service when a resource is still in use; that of EC2 is the default.
IN_USE: Final[Mapping[str, str]] = {
    "acm": "ResourceInUseException",
    "elasticache": "CacheResourceInUse",
    "iam": "DeleteConflict",
    "lb": "ResourceInUse",
    "rds": "InvalidDBResourceState",
    "wafv2": "WAFAssociatedItemException",
}

# While the property is true, AWS refuses to delete the resource.
PROTECTED: Final[Mapping[str, tuple[str, str]]] = {
    "dynamodb/table:Table": ("deletionProtectionEnabled", "ValidationException"),
    "ec2/instance:Instance": ("disableApiTermination", "OperationNotPermitted"),
    "lb/loadBalancer:LoadBalancer": ("enableDeletionProtection", "OperationNotPermitted"),
    "rds/cluster:Cluster": ("deletionProtection", "InvalidParameterCombination"),
    "rds/instance:Instance": ("deletionProtection", "InvalidParameterCombination"),
}

# Outputs that change in an update, so that resources that use them change in the same run.
RENEWED: Final[Mapping[str, tuple[str, ...]]] = {
    "ec2/launchTemplate:LaunchTemplate": ("latestVersion",),
    "ec2/managedPrefixList:ManagedPrefixList": ("version",),
}


def replaces(kind: str) -> frozenset[str]:
    """Properties of a type (without the package) whose change replaces the resource."""
    if kind.startswith("s3/") and kind.removeprefix("s3/") in _BUCKET_PARTS:
        return frozenset({"bucket", "expectedBucketOwner"})
    naming = naming_of(kind)
    names = () if kind in RENAMED else (naming.property, f"{naming.property}Prefix", "namePrefix")
    return frozenset((*REPLACES.get(kind, ()), *names, "region"))


def naming_of(kind: str) -> Naming:
    """The naming of the resources of a type."""
    return NAMINGS.get(kind, Naming())
