"""Writes the table that translates resources of pulumi-aws into CloudFormation's form: ``python -m tests.policies.acceptance.generate``.

Tokens and properties are matched by name against AWS's resource schemas, as the package cfn-lint carries them (install it for this alone:
``pip install cfn-lint==1.53.4``; the table was written with that version and pulumi-aws as pinned). What names do not tell is in ``TYPES``
and ``PROPERTIES`` below, with the reason where it is not a mere synonym. Nothing of the schemas' text is kept: types and names only.
"""

import importlib
import importlib.util
import inspect
import json
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws
from pulumi._types import input_type_py_to_pulumi_names, input_type_types, is_input_type

from tests.policies.acceptance.satellites import SATELLITES, Satellite

TABLE = Path(__file__).parents[3] / "policies/cloudpatterns_policies/acceptance/facts.json"

# CloudFormation's service by the module of the SDK, where the names differ.
_SERVICES = {
    "acm": ("CertificateManager",),
    "alb": ("ElasticLoadBalancingV2",),
    "appautoscaling": ("ApplicationAutoScaling",),
    "cfg": ("Config",),
    "cloudwatch": ("CloudWatch", "Logs", "Events"),
    "ebs": ("EC2",),
    "elb": ("ElasticLoadBalancing",),
    "kinesis": ("Kinesis", "KinesisFirehose"),
    "lb": ("ElasticLoadBalancingV2",),
    "mq": ("AmazonMQ",),
    "opensearch": ("OpenSearchService",),
    "route53": ("Route53", "Route53Resolver"),
    "sfn": ("StepFunctions",),
    "ssoadmin": ("SSO",),
    "vpc": ("EC2",),
}
# Types whose names differ.
TYPES = {
    "aws:acm/certificate:Certificate": "AWS::CertificateManager::Certificate",
    "aws:appautoscaling/policy:Policy": "AWS::ApplicationAutoScaling::ScalingPolicy",
    "aws:appautoscaling/target:Target": "AWS::ApplicationAutoScaling::ScalableTarget",
    "aws:autoscaling/group:Group": "AWS::AutoScaling::AutoScalingGroup",
    "aws:autoscaling/lifecycleHook:LifecycleHook": "AWS::AutoScaling::LifecycleHook",
    "aws:autoscaling/policy:Policy": "AWS::AutoScaling::ScalingPolicy",
    "aws:autoscaling/schedule:Schedule": "AWS::AutoScaling::ScheduledAction",
    "aws:backup/plan:Plan": "AWS::Backup::BackupPlan",
    "aws:backup/selection:Selection": "AWS::Backup::BackupSelection",
    "aws:backup/vault:Vault": "AWS::Backup::BackupVault",
    "aws:cloudfront/originAccessIdentity:OriginAccessIdentity": "AWS::CloudFront::CloudFrontOriginAccessIdentity",
    "aws:cloudwatch/eventApiDestination:EventApiDestination": "AWS::Events::ApiDestination",
    "aws:cloudwatch/eventArchive:EventArchive": "AWS::Events::Archive",
    "aws:cloudwatch/eventBus:EventBus": "AWS::Events::EventBus",
    "aws:cloudwatch/eventConnection:EventConnection": "AWS::Events::Connection",
    "aws:cloudwatch/eventRule:EventRule": "AWS::Events::Rule",
    "aws:cloudwatch/logDestination:LogDestination": "AWS::Logs::Destination",
    "aws:cloudwatch/logGroup:LogGroup": "AWS::Logs::LogGroup",
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": "AWS::Logs::MetricFilter",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "AWS::Logs::ResourcePolicy",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": "AWS::Logs::SubscriptionFilter",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "AWS::CloudWatch::Alarm",
    "aws:cognito/identityProvider:IdentityProvider": "AWS::Cognito::UserPoolIdentityProvider",
    "aws:cognito/resourceServer:ResourceServer": "AWS::Cognito::UserPoolResourceServer",
    "aws:cognito/user:User": "AWS::Cognito::UserPoolUser",
    "aws:cognito/userGroup:UserGroup": "AWS::Cognito::UserPoolGroup",
    "aws:cognito/userInGroup:UserInGroup": "AWS::Cognito::UserPoolUserToGroupAttachment",
    "aws:docdb/cluster:Cluster": "AWS::DocDB::DBCluster",
    "aws:docdb/clusterInstance:ClusterInstance": "AWS::DocDB::DBInstance",
    "aws:docdb/clusterParameterGroup:ClusterParameterGroup": "AWS::DocDB::DBClusterParameterGroup",
    "aws:docdb/subnetGroup:SubnetGroup": "AWS::DocDB::DBSubnetGroup",
    "aws:ec2/dedicatedHost:DedicatedHost": "AWS::EC2::Host",
    "aws:ec2/eip:Eip": "AWS::EC2::EIP",
    "aws:ec2/internetGatewayAttachment:InternetGatewayAttachment": "AWS::EC2::VPCGatewayAttachment",
    "aws:ec2/launchConfiguration:LaunchConfiguration": "AWS::AutoScaling::LaunchConfiguration",
    "aws:ec2/managedPrefixList:ManagedPrefixList": "AWS::EC2::PrefixList",
    "aws:ec2/networkAclAssociation:NetworkAclAssociation": "AWS::EC2::SubnetNetworkAclAssociation",
    "aws:ec2/networkAclRule:NetworkAclRule": "AWS::EC2::NetworkAclEntry",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "AWS::EC2::SubnetRouteTableAssociation",
    "aws:ec2/vpcDhcpOptions:VpcDhcpOptions": "AWS::EC2::DHCPOptions",
    "aws:ec2/vpcIpam:VpcIpam": "AWS::EC2::IPAM",
    "aws:ec2/vpcIpamPool:VpcIpamPool": "AWS::EC2::IPAMPool",
    "aws:ec2/vpcIpamPoolCidr:VpcIpamPoolCidr": "AWS::EC2::IPAMPoolCidr",
    "aws:ec2/vpcIpamScope:VpcIpamScope": "AWS::EC2::IPAMScope",
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": "AWS::EC2::VPCCidrBlock",
    "aws:ec2/vpcIpv6CidrBlockAssociation:VpcIpv6CidrBlockAssociation": "AWS::EC2::VPCCidrBlock",
    "aws:ec2/vpnGatewayAttachment:VpnGatewayAttachment": "AWS::EC2::VPCGatewayAttachment",
    "aws:ec2clientvpn/authorizationRule:AuthorizationRule": "AWS::EC2::ClientVpnAuthorizationRule",
    "aws:ec2clientvpn/endpoint:Endpoint": "AWS::EC2::ClientVpnEndpoint",
    "aws:ec2clientvpn/networkAssociation:NetworkAssociation": "AWS::EC2::ClientVpnTargetNetworkAssociation",
    "aws:ec2clientvpn/route:Route": "AWS::EC2::ClientVpnRoute",
    "aws:ec2transitgateway/connect:Connect": "AWS::EC2::TransitGatewayConnect",
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": "AWS::EC2::InstanceConnectEndpoint",
    "aws:ec2transitgateway/peeringAttachment:PeeringAttachment": "AWS::EC2::TransitGatewayPeeringAttachment",
    "aws:ec2transitgateway/route:Route": "AWS::EC2::TransitGatewayRoute",
    "aws:ec2transitgateway/routeTable:RouteTable": "AWS::EC2::TransitGatewayRouteTable",
    "aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation": "AWS::EC2::TransitGatewayRouteTableAssociation",
    "aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation": "AWS::EC2::TransitGatewayRouteTablePropagation",
    "aws:ec2transitgateway/transitGateway:TransitGateway": "AWS::EC2::TransitGateway",
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": "AWS::EC2::TransitGatewayVpcAttachment",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": "AWS::ECS::ClusterCapacityProviderAssociations",
    "aws:elasticache/cluster:Cluster": "AWS::ElastiCache::CacheCluster",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "AWS::IAM::OIDCProvider",
    "aws:iam/policy:Policy": "AWS::IAM::ManagedPolicy",
    "aws:iam/rolePolicy:RolePolicy": "AWS::IAM::RolePolicy",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": "AWS::Lambda::EventInvokeConfig",
    "aws:lambda/functionUrl:FunctionUrl": "AWS::Lambda::Url",
    "aws:opensearch/serverlessVpcEndpoint:ServerlessVpcEndpoint": "AWS::OpenSearchServerless::VpcEndpoint",
    "aws:rds/cluster:Cluster": "AWS::RDS::DBCluster",
    "aws:rds/clusterInstance:ClusterInstance": "AWS::RDS::DBInstance",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "AWS::RDS::DBClusterParameterGroup",
    "aws:rds/instance:Instance": "AWS::RDS::DBInstance",
    "aws:rds/parameterGroup:ParameterGroup": "AWS::RDS::DBParameterGroup",
    "aws:rds/proxy:Proxy": "AWS::RDS::DBProxy",
    "aws:rds/proxyEndpoint:ProxyEndpoint": "AWS::RDS::DBProxyEndpoint",
    "aws:rds/shardGroup:ShardGroup": "AWS::RDS::DBShardGroup",
    "aws:rds/subnetGroup:SubnetGroup": "AWS::RDS::DBSubnetGroup",
    "aws:route53/record:Record": "AWS::Route53::RecordSet",
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": "AWS::Route53Resolver::FirewallDomainList",
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup": "AWS::Route53Resolver::FirewallRuleGroup",
    "aws:route53/zone:Zone": "AWS::Route53::HostedZone",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "AWS::SecretsManager::ResourcePolicy",
    "aws:secretsmanager/secretRotation:SecretRotation": "AWS::SecretsManager::RotationSchedule",
    "aws:securityhub/standardsSubscription:StandardsSubscription": "AWS::SecurityHub::Standard",
    "aws:servicecatalog/principalPortfolioAssociation:PrincipalPortfolioAssociation": "AWS::ServiceCatalog::PortfolioPrincipalAssociation",
    "aws:servicecatalog/productPortfolioAssociation:ProductPortfolioAssociation": "AWS::ServiceCatalog::PortfolioProductAssociation",
    "aws:sns/topicSubscription:TopicSubscription": "AWS::SNS::Subscription",
    # Of either direction: ports, protocols and networks are judged alike.
    "aws:ec2/securityGroupRule:SecurityGroupRule": "AWS::EC2::SecurityGroupIngress",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "AWS::EC2::SecurityGroupEgress",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "AWS::EC2::SecurityGroupIngress",
    "aws:vpclattice/listenerRule:ListenerRule": "AWS::VpcLattice::Rule",
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": "AWS::WAFv2::LoggingConfiguration",
}
# Types of the same name that are not the same.
NAMESAKES: Mapping[str, str] = {
    "aws:dynamodb/globalTable:GlobalTable": "the provider's is the version of 2017, replicas of tables that exist",
}
# By token, property to CloudFormation's name, where they are synonyms. None: what the provider takes in another form, with the reason.
_RULE_PEERS = {"cidrIpv4": "CidrIp", "securityGroupId": "GroupId"}
_RDS = {
    # CloudFormation takes full versions of a list; RDS takes a major version as well.
    "engineVersion": None,
    "caCertIdentifier": "CACertificateIdentifier",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
}
_RDS_INSTANCE = {
    **_RDS,
    "identifier": "DBInstanceIdentifier",
    "instanceClass": "DBInstanceClass",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
}
PROPERTIES: Mapping[str, Mapping[str, str | None]] = {
    "aws:autoscaling/group:Group": {
        "name": "AutoScalingGroupName",
        "vpcZoneIdentifiers": "VPCZoneIdentifier",
        "protectFromScaleIn": "NewInstancesProtectedFromScaleIn",
    },
    "aws:cloudfront/distribution:Distribution": {"orderedCacheBehaviors": "CacheBehaviors"},
    # A date, and seconds there.
    "aws:appsync/apiKey:ApiKey": {"expires": None},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"metricQueries": "Metrics"},
    # CloudFormation's pattern is that of a prefix; AWS takes the program's own domain as well.
    "aws:cognito/userPoolDomain:UserPoolDomain": {"domain": None},
    # A date, and seconds there.
    "aws:dms/replicationTask:ReplicationTask": {"cdcStartTime": None},
    "aws:ec2/route:Route": {"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"description": "VersionDescription"},
    "aws:ec2clientvpn/endpoint:Endpoint": {"dnsServers": "DnsServers"},
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": {"name": "FilterName", "pattern": "FilterPattern"},
    "aws:apigatewayv2/integration:Integration": {"timeoutMilliseconds": "TimeoutInMillis"},
    "aws:ecs/service:Service": {"name": "ServiceName", "orderedPlacementStrategies": "PlacementStrategies"},
    "aws:eks/cluster:Cluster": {"vpcConfig": "ResourcesVpcConfig"},
    "aws:kinesis/stream:Stream": {"retentionPeriod": "RetentionPeriodHours", "shardLevelMetrics": "DesiredShardLevelMetrics"},
    "aws:s3/bucket:Bucket": {"bucket": "BucketName"},
    "aws:ec2/flowLog:FlowLog": {"iamRoleArn": "DeliverLogsPermissionArn"},
    "aws:ec2/networkInterface:NetworkInterface": {"securityGroups": "GroupSet"},
    "aws:ec2/securityGroup:SecurityGroup": {"name": "GroupName", "description": "GroupDescription"},
    "aws:elasticache/parameterGroup:ParameterGroup": {"family": "CacheParameterGroupFamily"},
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        "maintenanceWindow": "PreferredMaintenanceWindow",
        "nodeType": "CacheNodeType",
        "parameterGroupName": "CacheParameterGroupName",
        "subnetGroupName": "CacheSubnetGroupName",
        "description": "ReplicationGroupDescription",
    },
    "aws:rds/eventSubscription:EventSubscription": {"snsTopic": "SnsTopicArn"},
    # A date, and seconds there.
    "aws:lambda/eventSourceMapping:EventSourceMapping": {"startingPositionTimestamp": None},
    "aws:iam/policy:Policy": {"policy": "PolicyDocument", "name": "ManagedPolicyName"},
    "aws:iam/role:Role": {"assumeRolePolicy": "AssumeRolePolicyDocument"},
    "aws:iam/rolePolicy:RolePolicy": {"policy": "PolicyDocument", "name": "PolicyName", "role": "RoleName"},
    "aws:kms/key:Key": {
        "deletionWindowInDays": "PendingWindowInDays",
        "policy": "KeyPolicy",
        "customerMasterKeySpec": "KeySpec",
        "isEnabled": "Enabled",
    },
    "aws:rds/instance:Instance": {
        **_RDS_INSTANCE,
        "vpcSecurityGroupIds": "VPCSecurityGroups",
        "parameterGroupName": "DBParameterGroupName",
        "username": "MasterUsername",
        "backupWindow": "PreferredBackupWindow",
        "maintenanceWindow": "PreferredMaintenanceWindow",
    },
    "aws:rds/cluster:Cluster": {**_RDS, "clusterIdentifier": "DBClusterIdentifier"},
    "aws:rds/clusterInstance:ClusterInstance": {
        **_RDS_INSTANCE,
        "clusterIdentifier": "DBClusterIdentifier",
    },
    "aws:route53/record:Record": {"zoneId": "HostedZoneId", "records": "ResourceRecords"},
    "aws:s3/bucketPolicy:BucketPolicy": {"policy": "PolicyDocument"},
    # CloudFormation takes one of the modes that AWS has.
    "aws:securityhub/aggregatorV2:AggregatorV2": {"regionLinkingMode": None},
    "aws:sns/topicPolicy:TopicPolicy": {"policy": "PolicyDocument"},
    "aws:sqs/queue:Queue": {
        "messageRetentionSeconds": "MessageRetentionPeriod",
        "visibilityTimeoutSeconds": "VisibilityTimeout",
        "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
        "maxMessageSize": "MaximumMessageSize",
    },
    "aws:backup/vault:Vault": {"name": "BackupVaultName", "kmsKeyArn": "EncryptionKeyArn"},
    "aws:backup/selection:Selection": {"planId": "BackupPlanId"},
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": {"policyDocument": "PolicyDocument"},
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": {"logGroup": "LogGroupName", "name": "FilterName"},
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {
        "clusterName": "Cluster",
        # CloudFormation requires it, and ECS does not.
        "defaultCapacityProviderStrategies": None,
    },
    "aws:elasticache/cluster:Cluster": {
        "clusterId": "ClusterName",
        "maintenanceWindow": "PreferredMaintenanceWindow",
        "nodeType": "CacheNodeType",
        "parameterGroupName": "CacheParameterGroupName",
        "securityGroupIds": "VpcSecurityGroupIds",
        "subnetGroupName": "CacheSubnetGroupName",
    },
    "aws:lambda/functionUrl:FunctionUrl": {"authorizationType": "AuthType", "functionName": "TargetFunctionArn"},
    "aws:lambda/permission:Permission": {"function": "FunctionName"},
    "aws:secretsmanager/secretPolicy:SecretPolicy": {"secretArn": "SecretId", "policy": "ResourcePolicy"},
    "aws:secretsmanager/secretRotation:SecretRotation": {"rotateImmediately": "RotateImmediatelyOnUpdate"},
    "aws:sns/topicSubscription:TopicSubscription": {"topic": "TopicArn"},
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": {"logDestinationConfigs": "LogDestinationConfigs"},
    "aws:sqs/queuePolicy:QueuePolicy": {"policy": "PolicyDocument"},
    # CloudFormation has no SecureString.
    "aws:ssm/parameter:Parameter": {"type": None},
    "aws:vpclattice/resourceConfiguration:ResourceConfiguration": {"resourceGatewayIdentifier": "ResourceGatewayId"},
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
        **_RULE_PEERS,
        "prefixListId": "DestinationPrefixListId",
        "referencedSecurityGroupId": "DestinationSecurityGroupId",
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        **_RULE_PEERS,
        "prefixListId": "SourcePrefixListId",
        "referencedSecurityGroupId": "SourceSecurityGroupId",
    },
}
# Attributes of Elastic Load Balancing have keys of their own.
_LOGS = ("bucket", "enabled", "prefix")
_BALANCER: Mapping[str, Any] = {
    **{
        name: ["LoadBalancerAttributes", "attribute", key]
        for name, key in {
            "clientKeepAlive": "client_keep_alive.seconds",
            "desyncMitigationMode": "routing.http.desync_mitigation_mode",
            "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
            "enableDeletionProtection": "deletion_protection.enabled",
            "enableWafFailOpen": "waf.fail_open.enabled",
            "idleTimeout": "idle_timeout.timeout_seconds",
            "preserveHostHeader": "routing.http.preserve_host_header.enabled",
            "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
        }.items()
    },
    "accessLogs": ["", "up", {name: ["LoadBalancerAttributes", "attribute", f"access_logs.s3.{name}"] for name in _LOGS}],
    "connectionLogs": ["", "up", {name: ["LoadBalancerAttributes", "attribute", f"connection_logs.s3.{name}"] for name in _LOGS}],
    "internal": ["Scheme", "values", {"true": "internal", "false": "internet-facing"}],
}
_TARGET_GROUP: Mapping[str, Any] = {
    **{
        name: ["TargetGroupAttributes", "attribute", key]
        for name, key in {
            "deregistrationDelay": "deregistration_delay.timeout_seconds",
            "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
            "slowStart": "slow_start.duration_seconds",
        }.items()
    },
    # How long a cookie lasts depends on its type.
    "stickiness": ["", "up", {name: ["TargetGroupAttributes", "attribute", f"stickiness.{name}"] for name in ("enabled", "type")}],
    "healthCheck": [
        "",
        "up",
        {
            "enabled": "HealthCheckEnabled",
            "healthyThreshold": "HealthyThresholdCount",
            "interval": "HealthCheckIntervalSeconds",
            "path": "HealthCheckPath",
            "port": "HealthCheckPort",
            "protocol": "HealthCheckProtocol",
            "timeout": "HealthCheckTimeoutSeconds",
            "unhealthyThreshold": "UnhealthyThresholdCount",
        },
    ],
}
_REDIRECT = {name: name[0].upper() + name[1:] for name in ("host", "path", "port", "protocol", "query", "statusCode")}
_ACTIONS: Mapping[str, Any] = {
    "fixedResponse": [
        "FixedResponseConfig",
        "object",
        {"contentType": "ContentType", "messageBody": "MessageBody", "statusCode": "StatusCode"},
    ],
    "redirect": ["RedirectConfig", "object", _REDIRECT],
}
_VALUES = {"values": "Values"}
_CONDITIONS: Mapping[str, Any] = {
    "hostHeader": ["HostHeaderConfig", "object", _VALUES],
    "httpHeader": ["HttpHeaderConfig", "object", {"httpHeaderName": "HttpHeaderName", **_VALUES}],
    "httpRequestMethod": ["HttpRequestMethodConfig", "object", _VALUES],
    "pathPattern": ["PathPatternConfig", "object", _VALUES],
    "queryStrings": ["QueryStringConfig", "in", ["Values", "list", {"key": "Key", "value": "Value"}]],
    "sourceIp": ["SourceIpConfig", "object", _VALUES],
}
_LOGGED = {"eniId": "NetworkInterface", "subnetId": "Subnet", "transitGatewayId": "TransitGateway", "vpcId": "VPC"}
_BACKUP_LIFECYCLE = ["Lifecycle", "object", {"coldStorageAfter": "MoveToColdStorageAfterDays", "deleteAfter": "DeleteAfterDays"}]
_BACKUP_RULE = {
    "ruleName": "RuleName",
    "targetVaultName": "TargetBackupVault",
    "schedule": "ScheduleExpression",
    "scheduleExpressionTimezone": "ScheduleExpressionTimezone",
    "startWindow": "StartWindowMinutes",
    "completionWindow": "CompletionWindowMinutes",
    "enableContinuousBackup": "EnableContinuousBackup",
    "lifecycle": _BACKUP_LIFECYCLE,
    "copyActions": ["CopyActions", "list", {"destinationVaultArn": "DestinationBackupVaultArn", "lifecycle": _BACKUP_LIFECYCLE}],
}
_BACKUP_TAG = {"type": "ConditionType", "key": "ConditionKey", "value": "ConditionValue"}
# A rule of a group may have several sources, and one there: ports, protocol, description and the first network are judged.
_RULE: Mapping[str, Any] = {
    "protocol": "IpProtocol",
    "fromPort": "FromPort",
    "toPort": "ToPort",
    "description": "Description",
    "cidrBlocks": ["CidrIp", "head", None],
}
_KEYS = {"hashKey": ["KeySchema", "key", "HASH"], "rangeKey": ["KeySchema", "key", "RANGE"]}
_INDEX = {
    "name": "IndexName",
    "projectionType": ["Projection", "in", "ProjectionType"],
    "nonKeyAttributes": ["Projection", "in", "NonKeyAttributes"],
}
# Entries that names cannot give: see acceptance/translate.py for the forms.
_PROTOCOL = ["Protocol", "values", {"all": -1, "icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}]
# No maximum.
_UNLIMITED = {"-1": None}
_ON_DEMAND = {
    "maxReadRequestUnits": ["MaxReadRequestUnits", "values", _UNLIMITED],
    "maxWriteRequestUnits": ["MaxWriteRequestUnits", "values", _UNLIMITED],
}
ENTRIES: Mapping[str, Mapping[str, Any]] = {
    # The provider counts the items of each list.
    "aws:cloudfront/distribution:Distribution": {
        "originGroups": [
            "DistributionConfig",
            "in",
            [
                "OriginGroups",
                "in",
                [
                    "Items",
                    "list",
                    {
                        "originId": "Id",
                        "failoverCriteria": ["FailoverCriteria", "object", {"statusCodes": ["StatusCodes", "in", "Items"]}],
                        "members": ["Members", "in", ["Items", "list", {"originId": "OriginId"}]],
                    },
                ],
            ],
        ]
    },
    # The provider's word for never.
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": ["RetentionInDays", "values", {"0": None}]},
    "aws:dynamodb/table:Table": {
        "attributes": ["AttributeDefinitions", "list", {"name": "AttributeName", "type": "AttributeType"}],
        **_KEYS,
        "localSecondaryIndexes": [
            "LocalSecondaryIndexes",
            "list",
            {**_INDEX, "hashKey": ["", "own", _KEYS["hashKey"]], "rangeKey": _KEYS["rangeKey"]},
        ],
        "readCapacity": ["ProvisionedThroughput", "in", "ReadCapacityUnits"],
        "writeCapacity": ["ProvisionedThroughput", "in", "WriteCapacityUnits"],
    },
    "aws:ec2/securityGroup:SecurityGroup": {
        "egress": ["SecurityGroupEgress", "list", _RULE],
        "ingress": ["SecurityGroupIngress", "list", _RULE],
    },
    "aws:ec2/securityGroupRule:SecurityGroupRule": {**_RULE, "securityGroupId": "GroupId"},
    # The provider takes names of protocols.
    "aws:ec2/networkAclRule:NetworkAclRule": {
        "protocol": _PROTOCOL,
        "fromPort": ["PortRange", "in", "From"],
        "toPort": ["PortRange", "in", "To"],
        "icmpCode": ["Icmp", "in", "Code"],
        "icmpType": ["Icmp", "in", "Type"],
    },
    # AWS takes it in any case.
    "aws:elasticache/user:User": {"engine": ["Engine", "values", {"REDIS": "redis", "VALKEY": "valkey"}]},
    "aws:iam/policy:Policy": {"policy": ["PolicyDocument", "json", None]},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {"dimensions": ["Dimensions", "pairs", ["Name", "Value"]]},
    "aws:elasticache/parameterGroup:ParameterGroup": {"parameters": ["Properties", "named", ["name", "value"]]},
    "aws:iam/instanceProfile:InstanceProfile": {"role": ["Roles", "each", None]},
    "aws:lb/listener:Listener": {"certificateArn": ["Certificates", "wrap-as", "CertificateArn"]},
    "aws:alb/loadBalancer:LoadBalancer": _BALANCER,
    "aws:alb/targetGroup:TargetGroup": _TARGET_GROUP,
    "aws:lb/listenerRule:ListenerRule": {"conditions": ["Conditions", "list", _CONDITIONS]},
    "aws:lb/loadBalancer:LoadBalancer": _BALANCER,
    "aws:lb/targetGroup:TargetGroup": _TARGET_GROUP,
    "aws:autoscaling/group:Group": {
        "enabledMetrics": ["MetricsCollection", "item", "Metrics"],
        "metricsGranularity": ["MetricsCollection", "item", "Granularity"],
    },
    "aws:backup/plan:Plan": {
        "name": ["BackupPlan", "in", "BackupPlanName"],
        "rules": ["BackupPlan", "in", ["BackupPlanRule", "list", _BACKUP_RULE]],
    },
    "aws:backup/selection:Selection": {
        "name": ["BackupSelection", "in", "SelectionName"],
        "selectionTags": ["BackupSelection", "in", ["ListOfTags", "list", _BACKUP_TAG]],
    },
    "aws:ec2/flowLog:FlowLog": {name: ["ResourceId", "with", {"ResourceType": kind}] for name, kind in _LOGGED.items()},
    "aws:ec2/instance:Instance": {
        # The provider attaches it as the first one.
        "primaryNetworkInterface": [
            "NetworkInterfaces",
            "wrap",
            {"networkInterfaceId": ["NetworkInterfaceId", "with", {"DeviceIndex": "0"}]},
        ],
    },
    "aws:ecs/service:Service": {
        "deploymentMaximumPercent": ["DeploymentConfiguration", "in", "MaximumPercent"],
        "deploymentMinimumHealthyPercent": ["DeploymentConfiguration", "in", "MinimumHealthyPercent"],
        # CloudFormation has words for it.
        "networkConfiguration": [
            "NetworkConfiguration",
            "in",
            [
                "AwsvpcConfiguration",
                "object",
                {
                    "assignPublicIp": ["AssignPublicIp", "values", {"true": "ENABLED", "false": "DISABLED"}],
                    "securityGroups": "SecurityGroups",
                    "subnets": "Subnets",
                },
            ],
        ],
    },
    "aws:rds/instance:Instance": {"masterUserSecretKmsKeyId": ["MasterUserSecret", "in", "KmsKeyId"]},
    "aws:rds/parameterGroup:ParameterGroup": {"parameters": ["Parameters", "named", ["name", "value"]]},
    "aws:route53/healthCheck:HealthCheck": {
        "childHealthThreshold": ["HealthCheckConfig", "in", "HealthThreshold"],
        "cloudwatchAlarmName": ["HealthCheckConfig", "in", ["AlarmIdentifier", "in", "Name"]],
        "cloudwatchAlarmRegion": ["HealthCheckConfig", "in", ["AlarmIdentifier", "in", "Region"]],
        "fqdn": ["HealthCheckConfig", "in", "FullyQualifiedDomainName"],
        "invertHealthcheck": ["HealthCheckConfig", "in", "Inverted"],
    },
    "aws:route53/record:Record": {
        "aliases": ["AliasTarget", "first", {"name": "DNSName", "zoneId": "HostedZoneId", "evaluateTargetHealth": "EvaluateTargetHealth"}],
        "cidrRoutingPolicy": ["CidrRoutingConfig", "object", {"collectionId": "CollectionId", "locationName": "LocationName"}],
        "failoverRoutingPolicies": ["", "up", {"type": "Failover"}],
        "geolocationRoutingPolicies": [
            "GeoLocation",
            "first",
            {"continent": "ContinentCode", "country": "CountryCode", "subdivision": "SubdivisionCode"},
        ],
        "geoproximityRoutingPolicy": ["GeoProximityLocation", "object", {"awsRegion": "AWSRegion", "bias": "Bias"}],
        "latencyRoutingPolicies": ["", "up", {"region": "Region"}],
        "multivalueAnswerRoutingPolicy": "MultiValueAnswer",
        "weightedRoutingPolicies": ["", "up", {"weight": "Weight"}],
    },
    "aws:kinesis/stream:Stream": {
        "encryptionType": ["StreamEncryption", "in", "EncryptionType"],
        "kmsKeyId": ["StreamEncryption", "in", "KeyId"],
    },
    "aws:sqs/queue:Queue": {"redrivePolicy": ["RedrivePolicy", "json", None]},
    "aws:sqs/queuePolicy:QueuePolicy": {"queueUrl": ["Queues", "each", None]},
    "aws:sns/topicPolicy:TopicPolicy": {"arn": ["Topics", "each", None]},
}
# What the provider sends where the program gives nothing; None for a value of its own.
DEFAULTS: Mapping[str, Mapping[tuple[str, ...], Any]] = {
    "aws:apigateway/authorizer:Authorizer": {("identitySource",): "method.request.header.Authorization"},
    # CloudFormation's default is true.
    "aws:cloudwatch/metricAlarm:MetricAlarm": {("metricQueries", "returnData"): False},
    # CloudFormation's handler sends true.
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        ("automaticFailoverEnabled",): False,
        # AWS's own, which CloudFormation wants to be given for Valkey.
        ("transitEncryptionEnabled",): None,
    },
    "aws:cloudfront/cachePolicy:CachePolicy": {("parametersInCacheKeyAndForwardedToOrigin", "enableAcceptEncodingGzip"): False},
    # The VPC's own.
    "aws:efs/mountTarget:MountTarget": {("securityGroups",): None},
    # The account's default VPC.
    "aws:ec2/securityGroup:SecurityGroup": {("vpcId",): None},
    # Its own region.
    "aws:route53/zone:Zone": {("vpcs", "vpcRegion"): None},
}
# Entries within others that names cannot give.
_QUERY = {"queryStrings": ["QueryStringConfig", "in", ["Values", "list", {"key": "Key", "value": "Value"}]]}
WITHIN: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("aws:dynamodb/table:Table", "globalSecondaryIndexes"): {
        **_INDEX,
        **_KEYS,
        "keySchemas": ["KeySchema", "list", {"attributeName": "AttributeName", "keyType": "KeyType"}],
        "onDemandThroughput": ["OnDemandThroughput", "object", _ON_DEMAND],
    },
    ("aws:dynamodb/table:Table", "onDemandThroughput"): _ON_DEMAND,
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "metricQueries"): {
        "metric": [
            "MetricStat",
            "object",
            {
                "dimensions": ["Metric", "in", ["Dimensions", "pairs", ["Name", "Value"]]],
                "metricName": ["Metric", "in", "MetricName"],
                "namespace": ["Metric", "in", "Namespace"],
                "period": "Period",
                "stat": "Stat",
                "unit": "Unit",
            },
        ]
    },
    ("aws:alb/listener:Listener", "defaultActions"): _ACTIONS,
    ("aws:alb/listenerRule:ListenerRule", "actions"): _ACTIONS,
    ("aws:lb/listener:Listener", "defaultActions"): _ACTIONS,
    ("aws:lb/listenerRule:ListenerRule", "actions"): _ACTIONS,
    ("aws:ec2/launchTemplate:LaunchTemplate", "networkInterfaces"): {"securityGroups": "Groups"},
    # The provider sends zero.
    ("aws:s3/bucketReplicationConfig:BucketReplicationConfig", "rules"): {"priority": ["Priority", "default", None]},
    # The provider's own word for a bucket that never had versions.
    ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration"): {"status": ["Status", "values", {"Disabled": None}]},
    # AWS's older API has these words.
    ("aws:ses/configurationSet:ConfigurationSet", "deliveryOptions"): {
        "tlsPolicy": ["TlsPolicy", "values", {"Require": "REQUIRE", "Optional": "OPTIONAL"}]
    },
    ("aws:alb/listenerRule:ListenerRule", "conditions"): _QUERY,
    ("aws:cloudwatch/logMetricFilter:LogMetricFilter", "metricTransformation"): {
        "dimensions": ["Dimensions", "pairs", ["Key", "Value"]],
        "name": "MetricName",
        "namespace": "MetricNamespace",
        "value": "MetricValue",
    },
    ("aws:lb/listenerRule:ListenerRule", "conditions"): _QUERY,
    ("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "rules"): {
        "expiration": [
            "",
            "up",
            {"days": "ExpirationInDays", "date": "ExpirationDate", "expiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"},
        ]
    },
}
# Documents in the form of AWS's API, by the property that takes them.
PARSED: Mapping[str, Mapping[str, str]] = {
    "aws:batch/jobDefinition:JobDefinition": {"containerProperties": "ContainerProperties"},
    "aws:ecs/taskDefinition:TaskDefinition": {"containerDefinitions": "ContainerDefinitions"},
}
# What CloudFormation keeps one level further down.
INSIDE = {
    "aws:backup/selection:Selection": "BackupSelection",
    "aws:cloudfront/distribution:Distribution": "DistributionConfig",
    "aws:cloudfront/originAccessIdentity:OriginAccessIdentity": "CloudFrontOriginAccessIdentityConfig",
    "aws:ec2/launchTemplate:LaunchTemplate": "LaunchTemplateData",
    "aws:cloudfront/cachePolicy:CachePolicy": "CachePolicyConfig",
    "aws:cloudfront/function:Function": "FunctionConfig",
    "aws:cloudfront/originAccessControl:OriginAccessControl": "OriginAccessControlConfig",
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": "OriginRequestPolicyConfig",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": "ResponseHeadersPolicyConfig",
    "aws:route53/healthCheck:HealthCheck": "HealthCheckConfig",
}
# Nested properties whose names differ wherever they are.
_NESTED = {"applyserversideencryptionbydefault": "serversideencryptionbydefault"}
# Never translated: the provider's own arguments, and what the validator has its own opinion on (tags).
_LEFT_OUT = {"tags", "tagsAll", "region", "namePrefix", "forceDestroy", "skipDestroy", "timeouts"}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


@cache
def schemas() -> Mapping[str, Any]:
    """AWS's resource schemas by type."""
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise SystemExit("cfn-lint is not installed; see the head of this file")
    folder = Path(spec.origin).parent / "data/schemas/resources"
    found = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")]
    return {schema["typeName"]: schema for schema in found}


@cache
def tokens() -> Mapping[str, tuple[str, str]]:
    """Module and class by type token."""
    source = Path(pulumi_aws.__file__).read_text(encoding="utf-8")
    match = re.search(r'resource_modules="""\n(.*?)\n"""', source, re.DOTALL)
    assert match, "pulumi-aws lists its resources in another form"
    return {token: (module["fqn"], name) for module in json.loads(match[1]) for token, name in module["classes"].items()}


@cache
def cfn_types() -> Mapping[str, str]:
    """CloudFormation's type by token."""
    by_name = {"/".join(map(_plain, name.split("::")[1:])): name for name in schemas()}
    found = {}
    for token in tokens():
        module, resource = token.split(":")[1].partition("/")[0], token.split(":")[2]
        candidates = [f"{_plain(service)}/{_plain(resource)}" for service in _SERVICES.get(module, (module,))]
        name = TYPES.get(token) or next((by_name[one] for one in candidates if one in by_name), None)
        if name is not None and name in schemas() and token not in NAMESAKES:
            found[token] = name
    return found


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        node: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def _kind(schema: Mapping[str, Any]) -> set[str]:
    kind = schema.get("type", [])
    if not kind and "properties" in schema:
        return {"object"}
    return {kind} if isinstance(kind, str) else set(kind)


def _members(hint: Any) -> Iterator[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for member in typing.get_args(hint):
            yield from _members(member)
    elif typing.get_origin(hint) not in (None, list, dict, Sequence, Mapping):
        # Output, Awaitable.
        return
    else:
        yield hint


def _shape(hint: Any) -> tuple[str, Any]:
    """list, map, object or scalar, and what is inside."""
    members = list(_members(hint))
    # A document may be given as text everywhere.
    for member in () if str in members else members:
        origin = typing.get_origin(member)
        if origin in (list, Sequence):
            return "list", typing.get_args(member)[0]
        if origin in (dict, Mapping):
            return "map", typing.get_args(member)[1]
        if isinstance(member, type) and is_input_type(member):
            return "object", member
    return "scalar", None


def _candidates(name: str, owner: str) -> Iterator[str]:
    plain = _plain(name)
    yield _NESTED.get(plain, plain)
    yield f"{plain}s"
    yield plain.removesuffix("s")
    yield f"{plain}config"
    if plain.endswith("ies"):
        yield f"{plain[:-3]}y"
    if plain.endswith("y"):
        yield f"{plain[:-1]}ies"
    if plain in ("name", "arn", "id", "type", "description"):
        yield f"{owner}{plain}"
    if plain.startswith(owner):
        yield plain.removeprefix(owner)


def _properties(
    args: Any, schema: Mapping[str, Any], root: Mapping[str, Any], owner: str, synonyms: Mapping[str, Any], depth: int
) -> dict[str, Any]:
    """Pulumi's property to CloudFormation's: a name, or a name with what is inside."""
    ours, needed = input_type_types(args), _needed(args)
    theirs = {_plain(name): name for name in schema.get("properties", {})}
    # Only whole properties: a part of one that AWS computes, such as a port, may have a namesake that is given.
    read_only = {path.rpartition("/")[2] for path in root.get("readOnlyProperties", []) if path.count("/") == 2} if depth == 0 else set()
    found: dict[str, Any] = {}
    for name, hint in ours.items():
        if name in _LEFT_OUT or (name in synonyms and synonyms[name] is None):
            continue
        wanted = synonyms.get(name) or next((theirs[one] for one in _candidates(name, owner) if one in theirs), None)
        if wanted is None or wanted in read_only:
            continue
        if wanted not in schema["properties"]:
            raise SystemExit(f"{root['typeName']} has no {wanted}, which PROPERTIES names for {name}")
        entry = _entry(wanted, hint, _resolved(schema["properties"][wanted], root), root, depth)
        if entry is not None:
            found[name] = _given(entry) if wanted in schema.get("required", ()) and name not in needed else entry
    return found


def _given(entry: Any) -> Any:
    """The entry of what CloudFormation requires and the provider does not: it sends a default, or what AWS computes."""
    return [entry, "default", None] if isinstance(entry, str) else entry


def _needed(args: Any) -> set[str]:
    """The properties that the SDK requires."""
    names = input_type_py_to_pulumi_names(args)
    parameters = inspect.signature(args.__init__).parameters.values()
    return {names[one.name] for one in parameters if one.default is inspect.Parameter.empty and one.name in names}


def _entry(wanted: str, hint: Any, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    shape, inside = _shape(hint)
    kind = _kind(schema)
    listed = "array" in kind
    item = _resolved(schema.get("items", {}), root) if listed else schema
    if shape == "list":
        inner_shape, inner = _shape(inside)
        if inner_shape == "object":
            # A block of which the provider takes one is a list of one there, and an object here.
            nested = (
                _properties(inner, item, root, _plain(wanted).removesuffix("s"), {}, depth + 1)
                if depth < 6 and item.get("properties")
                else {}
            )
            return [wanted, "list" if listed else "first", nested] if nested else None
        return wanted if listed and not item.get("properties") else None
    if shape == "object":
        if "object" in kind and not item.get("properties") and not input_type_types(inside):
            return [wanted, "object", {}]  # that it is there says all
        if not item.get("properties") or depth >= 6:
            return None
        nested = _properties(inside, item, root, _plain(wanted), {}, depth + 1)
        return [wanted, "wrap" if listed else "object", nested] if nested else None
    if shape == "map":
        return wanted if "object" in kind and not schema.get("properties") and not listed else None
    if "object" in kind or listed:
        # A document is JSON in the provider.
        return [wanted, "json", None] if "object" in kind and not schema.get("properties") else None
    return wanted


def _arguments(token: str) -> Any:
    module, name = tokens()[token]
    sdk = importlib.import_module(module)
    # Where a nested type has the name already, the resource's arguments are its InitArgs.
    return getattr(sdk, f"{name}InitArgs", None) or getattr(sdk, f"{name}Args", None)


def table() -> dict[str, Any]:
    """The table of facts."""
    found: dict[str, Any] = {}
    for token, name in sorted(cfn_types().items()):
        args = _arguments(token)
        if args is None:
            continue
        schema = schemas()[name]
        owner = _plain(name.split("::")[2])
        synonyms, inside = PROPERTIES.get(token, {}), INSIDE.get(token)
        inner = {} if inside is None else _resolved(schema["properties"][inside], schema)
        within = {ours: theirs for ours, theirs in synonyms.items() if theirs in inner.get("properties", {})}
        outside = {ours: theirs for ours, theirs in synonyms.items() if ours not in within}
        found[token] = [name, _properties(args, schema, schema, owner, outside, 0)]
        if inside is not None:
            left_out = {ours: None for ours, theirs in synonyms.items() if theirs is None}
            deeper = _properties(args, inner, schema, "", {**within, **left_out}, 1)
            found[token][1] |= {key: [inside, "in", entry] for key, entry in deeper.items() if key not in found[token][1]}
        found[token][1] |= ENTRIES.get(token, {})
    for token, defaults in DEFAULTS.items():
        for (*outer, last), value in defaults.items():
            inside = found[token][1]
            for name in outer:
                inside = _innermost(inside[name])[2]
            inside[last] = [inside[last] if isinstance(inside[last], str) else inside[last][0], "default", value]
    for token, satellite in SATELLITES.items():
        for one in (token, *(f"{token}{version}" for version in ("V2",) if f"{token}V2" in tokens())):
            found[one] = _part(one, satellite)
    for (token, name), entries in WITHIN.items():
        inside = _innermost(found[token][1][name])
        inside[2].update(entries)
        for gone in [key for key, entry in entries.items() if entry is None]:
            del inside[2][gone]
    for token, documents in PARSED.items():
        name = found[token][0]
        found[token][1] |= {key: [place, "parsed", _as_in_api(place, schemas()[name])] for key, place in documents.items()}
    return found


def _part(token: str, satellite: Satellite) -> list[Any]:
    """The facts of what is part of another resource in CloudFormation."""
    args, root = _arguments(token), schemas()[satellite.owner]
    hints = input_type_types(args)
    schema: Mapping[str, Any] = root
    found: dict[str, Any] = {}
    if satellite.item is not None:
        schema = _resolved(_resolved(root["properties"][satellite.item], root)["items"], root)
        synonyms = {name: None for name, place in satellite.places.items() if not isinstance(place, str)}
        found = _properties(args, schema, root, "", {satellite.part_of: None, **synonyms}, 1)
    for name, place in satellite.places.items():
        if place is not None:
            found[name] = _deep(place.split("/"), hints[name], schema, root) if isinstance(place, str) else place
    return [satellite.owner, found, satellite.part_of, *([satellite.item] if satellite.item else [])]


def _as_in_api(name: str, schema: Mapping[str, Any]) -> Any:
    """The entry of a property by its schema, for a document in the form of AWS's API: names begin with a small letter there."""

    def entry(name: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
        schema = _resolved(schema, root)
        listed = "array" in _kind(schema)
        item = _resolved(schema.get("items", {}), root) if listed else schema
        if not item.get("properties"):
            return name
        inside = {f"{one[0].lower()}{one[1:]}": entry(one, inner, root) for one, inner in item["properties"].items()}
        return [name, "list" if listed else "object", inside]

    return entry(name, schema["properties"][name], schema)


def _innermost(entry: Any) -> Any:
    """What is written at the place that an entry leads to."""
    while entry[1] == "in":
        entry = entry[2]
    return entry


def _deep(place: Sequence[str], hint: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    first, *rest = place
    inner = _resolved(schema["properties"][first], root)
    return [first, "in", _deep(rest, hint, inner, root)] if rest else _entry(first, hint, inner, root, 1)


def main() -> None:
    """Writes the table."""
    facts = table()
    lines = ",\n".join(f"{json.dumps(token)}:{json.dumps(entry, separators=(',', ':'))}" for token, entry in facts.items())
    TABLE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    mapped = sum(len(entry[1]) for entry in facts.values())
    print(f"{len(facts)} types, {mapped} properties; pulumi {pulumi.__name__}")


if __name__ == "__main__":
    main()
