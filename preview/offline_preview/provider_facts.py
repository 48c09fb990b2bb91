"""Facts about resource types of AWS and its provider, as data: what a change replaces, and how resources are named.

Source: the schemas of terraform-provider-aws (``ForceNew``, ``RequiresReplace``) and the overrides of pulumi-aws. The SDK does not carry
these facts. A type that is not listed here is named by its property ``name`` and is replaced when its name changes; whether more
replaces it is not known, see ``is_known``. What only the stand-in for AWS needs is in ``sandbox/facts.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# Kept by the engine's bridge beside the inputs, not a property: the names that the provider has generated.
DEFAULTS: Final = "__defaults"

# Properties whose change replaces the resource. Names, and their prefixes, always do: see `NAMINGS`.
REPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "accessanalyzer/analyzer:Analyzer": ("type",),
    "acm/certificate:Certificate": ("certificateAuthorityArn", "domainName", "keyAlgorithm", "subjectAlternativeNames", "validationMethod"),
    "acm/certificateValidation:CertificateValidation": ("certificateArn", "validationRecordFqdns"),
    "appautoscaling/policy:Policy": ("resourceId", "scalableDimension", "serviceNamespace"),
    "appautoscaling/target:Target": ("resourceId", "scalableDimension", "serviceNamespace"),
    "autoscaling/policy:Policy": ("autoscalingGroupName", "policyType"),
    "backup/restoreTestingSelection:RestoreTestingSelection": ("protectedResourceType", "restoreTestingPlanName"),
    "backup/selection:Selection": ("conditions", "iamRoleArn", "notResources", "planId", "resources", "selectionTags"),
    "backup/vault:Vault": ("kmsKeyArn",),
    "backup/vaultLockConfiguration:VaultLockConfiguration": (
        *("backupVaultName", "changeableForDays", "maxRetentionDays", "minRetentionDays"),
    ),
    "backup/vaultNotifications:VaultNotifications": ("backupVaultEvents", "backupVaultName", "snsTopicArn"),
    "backup/vaultPolicy:VaultPolicy": ("backupVaultName",),
    "budgets/budget:Budget": ("accountId",),
    "cloudformation/stack:Stack": ("disableRollback", "onFailure", "timeoutInMinutes"),
    "cloudfront/distribution:Distribution": ("staging",),
    "cloudwatch/dashboard:Dashboard": ("dashboardName",),
    "cloudwatch/eventRule:EventRule": ("eventBusName",),
    "cloudwatch/eventTarget:EventTarget": ("eventBusName", "rule", "targetId"),
    "cloudwatch/logDelivery:LogDelivery": ("deliveryDestinationArn", "deliverySourceName"),
    "cloudwatch/logDeliveryDestination:LogDeliveryDestination": ("deliveryDestinationType", "outputFormat"),
    "cloudwatch/logDeliverySource:LogDeliverySource": ("logType", "resourceArn"),
    "cloudwatch/logMetricFilter:LogMetricFilter": ("logGroupName",),
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
    "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ("functionName", "qualifier"),
    "lambda/function:Function": ("packageType", "tenancyConfig"),
    "lambda/invocation:Invocation": ("functionName", "input", "qualifier", "triggers"),
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
    "rds/proxy:Proxy": ("endpointNetworkType", "engineFamily", "targetConnectionNetworkType", "vpcSubnetIds"),
    "rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup": ("dbProxyName",),
    "rds/proxyEndpoint:ProxyEndpoint": ("dbProxyEndpointName", "dbProxyName", "targetRole", "vpcSubnetIds"),
    "rds/proxyTarget:ProxyTarget": ("dbClusterIdentifier", "dbInstanceIdentifier", "dbProxyName", "targetGroupName"),
    "route53/record:Record": ("name", "zoneId"),
    "s3/bucket:Bucket": ("objectLockEnabled",),
    "scheduler/schedule:Schedule": ("groupName",),
    "secretsmanager/secretVersion:SecretVersion": ("secretId",),
    "sns/topicPolicy:TopicPolicy": ("arn",),
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

# Of these nothing but the name replaces.
IN_PLACE: Final = frozenset(
    {
        "autoscaling/group:Group",
        "backup/plan:Plan",
        "backup/regionSettings:RegionSettings",
        "backup/restoreTestingPlan:RestoreTestingPlan",
        "cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        "cloudfront/vpcOrigin:VpcOrigin",
        "cloudtrail/trail:Trail",
        "cloudwatch/metricAlarm:MetricAlarm",
        "ec2/internetGateway:InternetGateway",
        "ec2/launchTemplate:LaunchTemplate",
        "elasticache/subnetGroup:SubnetGroup",
        "rds/eventSubscription:EventSubscription",
        "rds/subnetGroup:SubnetGroup",
        "scheduler/scheduleGroup:ScheduleGroup",
    }
)

# All settings that refer to a bucket by its name.
BUCKET_PARTS: Final = (
    *("bucketLifecycleConfiguration:BucketLifecycleConfiguration", "bucketOwnershipControls:BucketOwnershipControls"),
    *("bucketPolicy:BucketPolicy", "bucketPublicAccessBlock:BucketPublicAccessBlock", "bucketVersioning:BucketVersioning"),
    *("bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", "bucketLogging:BucketLogging"),
    *("bucketObjectLockConfiguration:BucketObjectLockConfiguration", "bucketReplicationConfig:BucketReplicationConfig"),
)

# The sources of a security group rule: a change of kind replaces the rule.
RULE_TYPES: Final = ("vpc/securityGroupEgressRule:SecurityGroupEgressRule", "vpc/securityGroupIngressRule:SecurityGroupIngressRule")
RULE_SOURCES: Final = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")

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
    "backup/plan:Plan": Naming(longest=50),
    "backup/selection:Selection": Naming(longest=50),
    "backup/vault:Vault": Naming(longest=50),
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
    "rds/clusterInstance:ClusterInstance": Naming("identifier", 63, lower=True),
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
RENAMED: Final = frozenset({"ec2/managedPrefixList:ManagedPrefixList", "rds/instance:Instance", "rds/proxy:Proxy"})

# Outputs that change in an update, so that resources that use them change in the same run.
RENEWED: Final[Mapping[str, tuple[str, ...]]] = {
    "ec2/launchTemplate:LaunchTemplate": ("latestVersion",),
    "ec2/managedPrefixList:ManagedPrefixList": ("version",),
}


def replaces(kind: str) -> frozenset[str]:
    """Properties of a type (without the package) whose change replaces the resource."""
    if kind.startswith("s3/") and kind.removeprefix("s3/") in BUCKET_PARTS:
        return frozenset({"bucket", "expectedBucketOwner"})
    naming = naming_of(kind)
    names = () if kind in RENAMED else (naming.property, f"{naming.property}Prefix", "namePrefix")
    return frozenset((*REPLACES.get(kind, ()), *names, "region"))


def naming_of(kind: str) -> Naming:
    """The naming of the resources of a type."""
    return NAMINGS.get(kind, Naming())


def is_known(kind: str) -> bool:
    """Whether the properties that replace resources of a type are listed here."""
    return kind in REPLACES or kind in IN_PLACE or (kind.startswith("s3/") and kind.removeprefix("s3/") in BUCKET_PARTS)
