"""Facts about resource types of AWS, as data: what overwrites another, conflicts and dependents.

Source: the errors of the AWS APIs. A type that is not listed here blocks no deletion. What replaces a resource, and how it is named, is in
``offline_preview/provider_facts.py``.
"""

from collections.abc import Mapping
from typing import Final

from offline_preview.provider_facts import BUCKET_PARTS, RULE_SOURCES

# Creating one overwrites an existing one of the same key, as AWS's Put, Attach and Associate calls do. The key is the id.
PUTS: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"s3/{part}": ("bucket",) for part in BUCKET_PARTS},
    "autoscaling/policy:Policy": ("autoscalingGroupName", "name"),
    "backup/vaultLockConfiguration:VaultLockConfiguration": ("backupVaultName",),
    "backup/vaultNotifications:VaultNotifications": ("backupVaultName",),
    "backup/vaultPolicy:VaultPolicy": ("backupVaultName",),
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

# Properties that the provider makes the id of. The name alone is none: a name has a record of each type.
IDS: Final[Mapping[str, tuple[str, ...]]] = {"route53/record:Record": ("zoneId", "name", "type", "setIdentifier")}

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
    "opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy": ((("name", "type"), "ConflictException"),),
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
_PORTFOLIO, _PRODUCT = "servicecatalog/portfolio:Portfolio", "servicecatalog/product:Product"

# References that block deletion: the property (dotted, lists are searched), and the type that it names.
HOLDS: Final[Mapping[str, Mapping[str, str]]] = {
    "autoscaling/group:Group": {"vpcZoneIdentifiers": _SUBNET},
    "backup/restoreTestingSelection:RestoreTestingSelection": {"restoreTestingPlanName": "backup/restoreTestingPlan:RestoreTestingPlan"},
    "backup/selection:Selection": {"planId": "backup/plan:Plan"},
    "cloudfront/distribution:Distribution": {
        "defaultCacheBehavior.trustedKeyGroups": "cloudfront/keyGroup:KeyGroup",
        "orderedCacheBehaviors.trustedKeyGroups": "cloudfront/keyGroup:KeyGroup",
    },
    "cloudfront/keyGroup:KeyGroup": {"items": "cloudfront/publicKey:PublicKey"},
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
    "imagebuilder/imagePipeline:ImagePipeline": {
        "distributionConfigurationArn": "imagebuilder/distributionConfiguration:DistributionConfiguration",
        "imageRecipeArn": "imagebuilder/imageRecipe:ImageRecipe",
        "infrastructureConfigurationArn": "imagebuilder/infrastructureConfiguration:InfrastructureConfiguration",
    },
    "imagebuilder/imageRecipe:ImageRecipe": {"components.componentArn": "imagebuilder/component:Component"},
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
    "rds/clusterInstance:ClusterInstance": {"clusterIdentifier": "rds/cluster:Cluster"},
    "rds/instance:Instance": {
        "dbSubnetGroupName": "rds/subnetGroup:SubnetGroup",
        "parameterGroupName": "rds/parameterGroup:ParameterGroup",
        "vpcSecurityGroupIds": _GROUP,
    },
    "servicecatalog/constraint:Constraint": {"portfolioId": _PORTFOLIO, "productId": _PRODUCT},
    "servicecatalog/principalPortfolioAssociation:PrincipalPortfolioAssociation": {"portfolioId": _PORTFOLIO},
    "servicecatalog/productPortfolioAssociation:ProductPortfolioAssociation": {"portfolioId": _PORTFOLIO, "productId": _PRODUCT},
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
    "backup": "InvalidRequestException",
    "elasticache": "CacheResourceInUse",
    "iam": "DeleteConflict",
    "imagebuilder": "ResourceDependencyException",
    "lb": "ResourceInUse",
    "rds": "InvalidDBResourceState",
    "servicecatalog": "ResourceInUseException",
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
