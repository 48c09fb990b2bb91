"""What CloudFormation has as properties of another resource, for `generate`: an own resource of the provider is part of that one there.

For each token the type, the property that names the other resource, and where the others go: a path in CloudFormation's form, or an entry
as ``acceptance/translate.py`` has them. With a list's name each is one object of that list, and the properties are those in it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Satellite(NamedTuple):
    """One part."""

    owner: str
    part_of: str
    places: Mapping[str, Any]
    item: str | None = None


_BUCKET, _BLOCK = "AWS::S3::Bucket", "PublicAccessBlockConfiguration"
_ROLES = {"roleArn": "RoleArn", "featureName": "FeatureName"}
# CloudFormation has words of its own.
_ACLS = {
    "private": "Private",
    "public-read": "PublicRead",
    "public-read-write": "PublicReadWrite",
    "authenticated-read": "AuthenticatedRead",
    "aws-exec-read": "AwsExecRead",
    "bucket-owner-read": "BucketOwnerRead",
    "bucket-owner-full-control": "BucketOwnerFullControl",
    "log-delivery-write": "LogDeliveryWrite",
}
# The provider has a block around each name.
_WEBSITE: Mapping[str, Any] = {
    "indexDocument": ["WebsiteConfiguration", "in", ["", "up", {"suffix": "IndexDocument"}]],
    "errorDocument": ["WebsiteConfiguration", "in", ["", "up", {"key": "ErrorDocument"}]],
    "redirectAllRequestsTo": "WebsiteConfiguration/RedirectAllRequestsTo",
}
_LOG_KEYS = {
    "partitionedPrefix": ["PartitionedPrefix", "object", {"partitionDateSource": "PartitionDateSource"}],
    "simplePrefix": ["SimplePrefix", "object", {}],
}

SATELLITES: Mapping[str, Satellite] = {
    "aws:autoscaling/attachment:Attachment": Satellite(
        "AWS::AutoScaling::AutoScalingGroup",
        "autoscalingGroupName",
        {"lbTargetGroupArn": ["TargetGroupARNs", "append", None], "elb": ["LoadBalancerNames", "append", None]},
    ),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": Satellite(
        "AWS::Backup::BackupVault",
        "backupVaultName",
        {
            "changeableForDays": "LockConfiguration/ChangeableForDays",
            "maxRetentionDays": "LockConfiguration/MaxRetentionDays",
            "minRetentionDays": "LockConfiguration/MinRetentionDays",
        },
    ),
    "aws:backup/vaultNotifications:VaultNotifications": Satellite(
        "AWS::Backup::BackupVault",
        "backupVaultName",
        {"snsTopicArn": "Notifications/SNSTopicArn", "backupVaultEvents": "Notifications/BackupVaultEvents"},
    ),
    "aws:backup/vaultPolicy:VaultPolicy": Satellite("AWS::Backup::BackupVault", "backupVaultName", {"policy": "AccessPolicy"}),
    # Without an id the provider invents one.
    "aws:cloudwatch/eventTarget:EventTarget": Satellite(
        "AWS::Events::Rule", "rule", {"targetId": ["Id", "default", None], "ecsTarget": None}, "Targets"
    ),
    "aws:cloudwatch/logDataProtectionPolicy:LogDataProtectionPolicy": Satellite(
        "AWS::Logs::LogGroup", "logGroupName", {"policyDocument": "DataProtectionPolicy"}
    ),
    "aws:dynamodb/kinesisStreamingDestination:KinesisStreamingDestination": Satellite(
        "AWS::DynamoDB::Table",
        "tableName",
        {
            "streamArn": "KinesisStreamSpecification/StreamArn",
            "approximateCreationDateTimePrecision": "KinesisStreamSpecification/ApproximateCreationDateTimePrecision",
        },
    ),
    "aws:dynamodb/resourcePolicy:ResourcePolicy": Satellite(
        "AWS::DynamoDB::Table", "resourceArn", {"policy": "ResourcePolicy/PolicyDocument"}
    ),
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": Satellite("AWS::EC2::VPCEndpoint", "vpcEndpointId", {"policy": "PolicyDocument"}),
    "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": Satellite(
        "AWS::EC2::VPCEndpoint", "vpcEndpointId", {"routeTableId": ["RouteTableIds", "append", None]}
    ),
    "aws:ec2/vpcEndpointSubnetAssociation:VpcEndpointSubnetAssociation": Satellite(
        "AWS::EC2::VPCEndpoint", "vpcEndpointId", {"subnetId": ["SubnetIds", "append", None]}
    ),
    "aws:efs/backupPolicy:BackupPolicy": Satellite("AWS::EFS::FileSystem", "fileSystemId", {"backupPolicy": "BackupPolicy"}),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": Satellite("AWS::EFS::FileSystem", "fileSystemId", {"policy": "FileSystemPolicy"}),
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": Satellite(
        "AWS::IAM::Group", "group", {"policyArn": ["ManagedPolicyArns", "append", None]}
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Satellite(
        "AWS::IAM::Role", "role", {"policyArn": ["ManagedPolicyArns", "append", None]}
    ),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": Satellite(
        "AWS::IAM::User", "user", {"policyArn": ["ManagedPolicyArns", "append", None]}
    ),
    "aws:kms/keyPolicy:KeyPolicy": Satellite("AWS::KMS::Key", "keyId", {"policy": "KeyPolicy"}),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": Satellite(
        "AWS::Lambda::Function", "functionName", {"recursiveLoop": "RecursiveLoop"}
    ),
    "aws:lambda/runtimeManagementConfig:RuntimeManagementConfig": Satellite(
        "AWS::Lambda::Function",
        "functionName",
        {"updateRuntimeOn": "RuntimeManagementConfig/UpdateRuntimeOn", "runtimeVersionArn": "RuntimeManagementConfig/RuntimeVersionArn"},
    ),
    "aws:lb/targetGroupAttachment:TargetGroupAttachment": Satellite(
        "AWS::ElasticLoadBalancingV2::TargetGroup", "targetGroupArn", {"targetId": "Id"}, "Targets"
    ),
    "aws:rds/clusterRoleAssociation:ClusterRoleAssociation": Satellite(
        "AWS::RDS::DBCluster", "dbClusterIdentifier", _ROLES, "AssociatedRoles"
    ),
    "aws:rds/roleAssociation:RoleAssociation": Satellite("AWS::RDS::DBInstance", "dbInstanceIdentifier", _ROLES, "AssociatedRoles"),
    "aws:s3/analyticsConfiguration:AnalyticsConfiguration": Satellite(_BUCKET, "bucket", {"name": "Id"}, "AnalyticsConfigurations"),
    "aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration": Satellite(
        _BUCKET, "bucket", {"status": "AccelerateConfiguration/AccelerationStatus"}
    ),
    "aws:s3/bucketAcl:BucketAcl": Satellite(_BUCKET, "bucket", {"acl": ["AccessControl", "values", _ACLS]}),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": Satellite(_BUCKET, "bucket", {"corsRules": "CorsConfiguration/CorsRules"}),
    "aws:s3/bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration": Satellite(
        _BUCKET, "bucket", {"name": "Id"}, "IntelligentTieringConfigurations"
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Satellite(
        _BUCKET, "bucket", {"rules": "LifecycleConfiguration/Rules"}
    ),
    "aws:s3/bucketLogging:BucketLogging": Satellite(
        _BUCKET,
        "bucket",
        {
            "targetBucket": "LoggingConfiguration/DestinationBucketName",
            "targetPrefix": "LoggingConfiguration/LogFilePrefix",
            "targetObjectKeyFormat": ["LoggingConfiguration", "in", ["TargetObjectKeyFormat", "object", _LOG_KEYS]],
        },
    ),
    "aws:s3/bucketMetric:BucketMetric": Satellite(_BUCKET, "bucket", {"name": "Id", "filter": None}, "MetricsConfigurations"),
    # CloudFormation has one event in each configuration.
    "aws:s3/bucketNotification:BucketNotification": Satellite(
        _BUCKET, "bucket", {"eventbridge": "NotificationConfiguration/EventBridgeConfiguration/EventBridgeEnabled"}
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": Satellite(
        _BUCKET, "bucket", {"objectLockEnabled": "ObjectLockConfiguration/ObjectLockEnabled", "rule": "ObjectLockConfiguration/Rule"}
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Satellite(_BUCKET, "bucket", {"rule": "OwnershipControls/Rules"}),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Satellite(
        _BUCKET,
        "bucket",
        {
            name[0].lower() + name[1:]: f"{_BLOCK}/{name}"
            for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        },
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": Satellite(
        _BUCKET, "bucket", {"role": "ReplicationConfiguration/Role", "rules": "ReplicationConfiguration/Rules"}
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Satellite(
        _BUCKET, "bucket", {"rules": "BucketEncryption/ServerSideEncryptionConfiguration"}
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Satellite(_BUCKET, "bucket", {"versioningConfiguration": "VersioningConfiguration"}),
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration": Satellite(_BUCKET, "bucket", _WEBSITE),
    "aws:s3/inventory:Inventory": Satellite(_BUCKET, "bucket", {"name": "Id", "destination": None}, "InventoryConfigurations"),
    "aws:sns/dataProtectionPolicy:DataProtectionPolicy": Satellite("AWS::SNS::Topic", "arn", {"policy": "DataProtectionPolicy"}),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": Satellite("AWS::SQS::Queue", "queueUrl", {"redriveAllowPolicy": "RedriveAllowPolicy"}),
    "aws:sqs/redrivePolicy:RedrivePolicy": Satellite("AWS::SQS::Queue", "queueUrl", {"redrivePolicy": ["RedrivePolicy", "json", None]}),
    "aws:wafv2/webAclRule:WebAclRule": Satellite("AWS::WAFv2::WebACL", "webAclArn", {}, "Rules"),
}
