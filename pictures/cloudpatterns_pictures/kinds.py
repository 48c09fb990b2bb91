"""Resource types that a picture shows, with AWS's icon of each. A new type is a new line; all others belong to what they configure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """How a resource type is shown."""

    noun: str
    icon: str
    """The icon's file below `resources/aws` of the package `diagrams`, without its ending."""
    everywhere: bool = False
    """Whether the resource is of no Region."""


_SQS = "integration/simple-queue-service-sqs"
_SNS = "integration/simple-notification-service-sns"
BALANCER: Final = Kind("load balancer", "network/elb-application-load-balancer")
NETWORK_BALANCER: Final = Kind("network load balancer", "network/elb-network-load-balancer")
_S3 = "storage/simple-storage-service-s3"

KINDS: Final[dict[str, Kind]] = {
    # Compute
    "aws:ec2/instance:Instance": Kind("instance", "compute/ec2-instance"),
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": Kind("spot instance", "compute/ec2-spot-instance"),
    "aws:autoscaling/group:Group": Kind("Auto Scaling group", "compute/ec2-auto-scaling"),
    "aws:ecs/service:Service": Kind("ECS service", "compute/elastic-container-service"),
    "aws:ecs/taskSet:TaskSet": Kind("ECS task set", "compute/elastic-container-service"),
    "aws:eks/cluster:Cluster": Kind("EKS cluster", "compute/elastic-kubernetes-service"),
    "aws:eks/nodeGroup:NodeGroup": Kind("EKS node group", "compute/elastic-kubernetes-service"),
    "aws:eks/fargateProfile:FargateProfile": Kind("Fargate profile", "compute/fargate"),
    "aws:lambda/function:Function": Kind("function", "compute/lambda"),
    "aws:batch/computeEnvironment:ComputeEnvironment": Kind("Batch compute environment", "compute/batch"),
    "aws:batch/jobQueue:JobQueue": Kind("Batch job queue", "compute/batch"),
    "aws:apprunner/service:Service": Kind("App Runner service", "compute/app-runner"),
    "aws:elasticbeanstalk/environment:Environment": Kind("Beanstalk environment", "compute/elastic-beanstalk"),
    "aws:emrserverless/application:Application": Kind("EMR application", "analytics/emr"),
    "aws:imagebuilder/imagePipeline:ImagePipeline": Kind("image pipeline", "compute/ec2-image-builder"),
    "aws:ecr/repository:Repository": Kind("ECR repository", "compute/ec2-container-registry"),
    # Network
    "aws:lb/loadBalancer:LoadBalancer": BALANCER,
    "aws:alb/loadBalancer:LoadBalancer": BALANCER,
    "aws:elb/loadBalancer:LoadBalancer": Kind("classic load balancer", "network/elb-classic-load-balancer"),
    "aws:ec2/natGateway:NatGateway": Kind("NAT gateway", "network/nat-gateway"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Kind("VPC endpoint", "network/endpoint"),
    "aws:opensearch/serverlessVpcEndpoint:ServerlessVpcEndpoint": Kind("OpenSearch endpoint", "network/endpoint"),
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint": Kind("Instance Connect endpoint", "network/endpoint"),
    "aws:ec2clientvpn/endpoint:Endpoint": Kind("Client VPN endpoint", "network/client-vpn"),
    "aws:ec2/networkInterface:NetworkInterface": Kind("network interface", "network/vpc-elastic-network-interface"),
    "aws:ec2transitgateway/transitGateway:TransitGateway": Kind("transit gateway", "network/transit-gateway"),
    "aws:ec2/vpnGateway:VpnGateway": Kind("VPN gateway", "network/vpn-gateway"),
    "aws:globalaccelerator/accelerator:Accelerator": Kind("accelerator", "network/global-accelerator", everywhere=True),
    "aws:cloudfront/distribution:Distribution": Kind("distribution", "network/cloudfront", everywhere=True),
    "aws:route53/zone:Zone": Kind("hosted zone", "network/route-53-hosted-zone", everywhere=True),
    "aws:apigateway/restApi:RestApi": Kind("REST API", "network/api-gateway"),
    "aws:apigatewayv2/api:Api": Kind("API", "network/api-gateway"),
    "aws:vpclattice/serviceNetwork:ServiceNetwork": Kind("service network", "network/app-mesh"),
    "aws:vpclattice/service:Service": Kind("Lattice service", "network/app-mesh"),
    "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace": Kind("namespace", "network/cloud-map"),
    "aws:networkfirewall/firewall:Firewall": Kind("network firewall", "network/network-firewall"),
    "aws:wafv2/webAcl:WebAcl": Kind("web ACL", "security/waf"),
    "aws:appsync/graphQLApi:GraphQLApi": Kind("GraphQL API", "mobile/appsync"),
    # Data
    "aws:rds/instance:Instance": Kind("RDS instance", "database/rds"),
    "aws:rds/cluster:Cluster": Kind("RDS cluster", "database/aurora"),
    "aws:rds/proxy:Proxy": Kind("RDS proxy", "database/rds-instance"),
    "aws:docdb/cluster:Cluster": Kind("DocumentDB cluster", "database/documentdb-mongodb-compatibility"),
    "aws:docdb/elasticCluster:ElasticCluster": Kind("DocumentDB elastic cluster", "database/documentdb-mongodb-compatibility"),
    "aws:neptune/cluster:Cluster": Kind("Neptune cluster", "database/neptune"),
    "aws:dynamodb/table:Table": Kind("table", "database/dynamodb"),
    "aws:dynamodb/globalTable:GlobalTable": Kind("global table", "database/dynamodb"),
    "aws:dax/cluster:Cluster": Kind("DAX cluster", "database/dynamodb-dax"),
    "aws:elasticache/replicationGroup:ReplicationGroup": Kind("cache", "database/elasticache"),
    "aws:elasticache/cluster:Cluster": Kind("cache cluster", "database/elasticache"),
    "aws:elasticache/serverlessCache:ServerlessCache": Kind("serverless cache", "database/elasticache"),
    "aws:memorydb/cluster:Cluster": Kind("MemoryDB cluster", "database/elasticache-for-redis"),
    "aws:redshift/cluster:Cluster": Kind("Redshift cluster", "database/redshift"),
    "aws:redshiftserverless/workgroup:Workgroup": Kind("Redshift workgroup", "database/redshift"),
    "aws:opensearch/domain:Domain": Kind("OpenSearch domain", "analytics/amazon-opensearch-service"),
    "aws:opensearch/serverlessCollection:ServerlessCollection": Kind("OpenSearch collection", "analytics/amazon-opensearch-service"),
    "aws:timestreamwrite/database:Database": Kind("Timestream database", "database/timestream"),
    # Storage
    "aws:s3/bucket:Bucket": Kind("bucket", f"{_S3}-bucket"),
    "aws:s3/bucketV2:BucketV2": Kind("bucket", f"{_S3}-bucket"),
    "aws:efs/fileSystem:FileSystem": Kind("EFS file system", "storage/elastic-file-system-efs"),
    "aws:efs/mountTarget:MountTarget": Kind("mount target", "storage/elastic-file-system-efs-file-system"),
    "aws:fsx/lustreFileSystem:LustreFileSystem": Kind("FSx file system", "storage/fsx-for-lustre"),
    "aws:fsx/windowsFileSystem:WindowsFileSystem": Kind("FSx file system", "storage/fsx-for-windows-file-server"),
    "aws:fsx/ontapFileSystem:OntapFileSystem": Kind("FSx file system", "storage/fsx"),
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": Kind("FSx file system", "storage/fsx"),
    "aws:ebs/volume:Volume": Kind("volume", "storage/elastic-block-store-ebs-volume"),
    "aws:backup/vault:Vault": Kind("backup vault", "storage/backup"),
    "aws:storagegateway/gateway:Gateway": Kind("storage gateway", "storage/storage-gateway"),
    "aws:datasync/task:Task": Kind("DataSync task", "migration/datasync"),
    "aws:transfer/server:Server": Kind("SFTP server", "migration/transfer-for-sftp"),
    # Messages and events
    "aws:sqs/queue:Queue": Kind("queue", _SQS),
    "aws:sns/topic:Topic": Kind("topic", _SNS),
    "aws:cloudwatch/eventBus:EventBus": Kind("event bus", "integration/eventbridge"),
    "aws:cloudwatch/eventRule:EventRule": Kind("event rule", "integration/eventbridge-rule"),
    "aws:cloudwatch/eventApiDestination:EventApiDestination": Kind("API destination", "integration/eventbridge"),
    "aws:scheduler/schedule:Schedule": Kind("schedule", "integration/eventbridge-scheduler"),
    "aws:pipes/pipe:Pipe": Kind("pipe", "integration/eventbridge-pipes"),
    "aws:sfn/stateMachine:StateMachine": Kind("state machine", "integration/step-functions"),
    "aws:kinesis/stream:Stream": Kind("stream", "analytics/kinesis-data-streams"),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": Kind("delivery stream", "analytics/kinesis-data-firehose"),
    "aws:msk/cluster:Cluster": Kind("MSK cluster", "analytics/managed-streaming-for-kafka"),
    "aws:msk/serverlessCluster:ServerlessCluster": Kind("MSK cluster", "analytics/managed-streaming-for-kafka"),
    "aws:mq/broker:Broker": Kind("message broker", "integration/mq"),
    # Security and operations
    "aws:cognito/userPool:UserPool": Kind("user pool", "security/cognito"),
    "aws:cognito/identityPool:IdentityPool": Kind("identity pool", "security/cognito"),
    "aws:secretsmanager/secret:Secret": Kind("secret", "security/secrets-manager"),
    "aws:guardduty/detector:Detector": Kind("GuardDuty detector", "security/guardduty"),
    "aws:cloudtrail/trail:Trail": Kind("trail", "management/cloudtrail"),
    "aws:cfg/recorder:Recorder": Kind("Config recorder", "management/config"),
    "aws:codebuild/project:Project": Kind("CodeBuild project", "devtools/codebuild"),
    "aws:cloudformation/stack:Stack": Kind("CloudFormation stack", "management/cloudformation"),
    "aws:budgets/budget:Budget": Kind("budget", "cost/budgets", everywhere=True),
    "aws:servicecatalog/product:Product": Kind("product", "management/service-catalog"),
}
"""By type token, in the order of the legend."""

_IAM = "security/identity-and-access-management-iam"

SETTINGS: Final[tuple[dict[str, Kind], ...]] = (
    {
        "aws:ec2/securityGroup:SecurityGroup": Kind("security group", "general/generic-firewall"),
        "aws:route53/record:Record": Kind("DNS record", "network/route-53", everywhere=True),
        "aws:acm/certificate:Certificate": Kind("certificate", "security/certificate-manager"),
        "aws:lb/listenerRule:ListenerRule": Kind("listener rule", "network/elb-application-load-balancer"),
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Kind("retries of a function", "compute/lambda"),
        "aws:cloudwatch/metricAlarm:MetricAlarm": Kind("alarm", "management/cloudwatch-alarm"),
    },
    {
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Kind("OIDC provider", _IAM, everywhere=True),
        "aws:iam/role:Role": Kind("role", f"{_IAM}-role", everywhere=True),
        "aws:iam/instanceProfile:InstanceProfile": Kind("instance profile", f"{_IAM}-add-on", everywhere=True),
    },
)
"""Types that configure others. A picture with nothing but VPC endpoints shows the first of these that it has: they belong to a pattern that
adds to what is there."""

INTERNET: Final = Kind("", "general/internet-alt1")


@dataclass(frozen=True, slots=True)
class Connector:
    """A property, or two of them, by which one shown resource sends to another."""

    type: str
    tail: str
    """The property that names who sends; empty for the resource itself."""
    head: str
    """The property that names who receives; empty for the resource itself."""
    kind: str


TRAFFIC: Final = "traffic"
EVENT: Final = "event"
DATA: Final = "data"

CONNECTORS: Final = (
    Connector("aws:lambda/eventSourceMapping:EventSourceMapping", "eventSourceArn", "functionName", EVENT),
    Connector("aws:sns/topicSubscription:TopicSubscription", "topic", "endpoint", EVENT),
    Connector("aws:sns/topicSubscription:TopicSubscription", "topic", "redrivePolicy", EVENT),
    Connector("aws:cloudwatch/eventTarget:EventTarget", "rule", "arn", EVENT),
    Connector("aws:cloudwatch/eventTarget:EventTarget", "rule", "deadLetterConfig", EVENT),
    Connector("aws:cloudwatch/eventRule:EventRule", "eventBusName", "", EVENT),
    Connector("aws:cloudwatch/eventRule:EventRule", "eventPattern", "", EVENT),
    Connector("aws:scheduler/schedule:Schedule", "", "target", EVENT),
    Connector("aws:pipes/pipe:Pipe", "source", "", EVENT),
    Connector("aws:pipes/pipe:Pipe", "", "target", EVENT),
    Connector("aws:s3/bucketNotification:BucketNotification", "bucket", "lambdaFunctions", EVENT),
    Connector("aws:s3/bucketNotification:BucketNotification", "bucket", "queues", EVENT),
    Connector("aws:s3/bucketNotification:BucketNotification", "bucket", "topics", EVENT),
    Connector("aws:sqs/queue:Queue", "", "redrivePolicy", EVENT),
    Connector("aws:lambda/function:Function", "", "deadLetterConfig", EVENT),
    Connector("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "functionName", "destinationConfig", EVENT),
    Connector("aws:backup/vaultNotifications:VaultNotifications", "backupVaultName", "snsTopicArn", EVENT),
    Connector("aws:sfn/stateMachine:StateMachine", "", "definition", EVENT),
    Connector("aws:apigateway/restApi:RestApi", "", "body", TRAFFIC),
    Connector("aws:apigatewayv2/api:Api", "", "target", TRAFFIC),
    Connector("aws:apigatewayv2/integration:Integration", "apiId", "integrationUri", TRAFFIC),
    Connector("aws:apigatewayv2/integration:Integration", "apiId", "requestParameters", TRAFFIC),
    Connector("aws:apigatewayv2/authorizer:Authorizer", "apiId", "authorizerUri", TRAFFIC),
    Connector("aws:apigateway/authorizer:Authorizer", "restApi", "authorizerUri", TRAFFIC),
    Connector("aws:cloudfront/distribution:Distribution", "", "origins", TRAFFIC),
    Connector("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "referencedSecurityGroupId", "securityGroupId", TRAFFIC),
    Connector("aws:vpclattice/targetGroupAttachment:TargetGroupAttachment", "targetGroupIdentifier", "target", TRAFFIC),
    Connector("aws:cloudtrail/trail:Trail", "", "s3BucketName", DATA),
    Connector("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "", "extendedS3Configuration", DATA),
    Connector("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "kinesisSourceConfiguration", "", DATA),
    Connector("aws:s3/bucketReplicationConfig:BucketReplicationConfig", "bucket", "rules", DATA),
    Connector("aws:lb/loadBalancer:LoadBalancer", "", "accessLogs", DATA),
    Connector("aws:s3/bucketLogging:BucketLogging", "bucket", "targetBucket", DATA),
    Connector("aws:rds/cluster:Cluster", "", "replicationSourceIdentifier", DATA),
    Connector("aws:rds/instance:Instance", "", "replicateSourceDb", DATA),
    Connector("aws:ec2/volumeAttachment:VolumeAttachment", "instanceId", "volumeId", DATA),
    Connector("aws:efs/mountTarget:MountTarget", "", "fileSystemId", DATA),
    Connector("aws:backup/plan:Plan", "", "rules", DATA),
)

GUARDS: Final = (
    Connector("aws:wafv2/webAclAssociation:WebAclAssociation", "webAclArn", "resourceArn", ""),
    Connector("aws:cloudfront/distribution:Distribution", "webAclId", "", ""),
    Connector("aws:cognito/userPool:UserPool", "webAclArn", "", ""),
)
"""Web ACLs (`tail`) that stand before something (`head`): a small icon beside its own."""

BEHIND: Final = {
    "aws:apigateway/stage:Stage": "restApi",
    "aws:cloudfront/vpcOrigin:VpcOrigin": "vpcOriginEndpointConfig",
    "aws:lambda/alias:Alias": "functionName",
    "aws:lambda/functionUrl:FunctionUrl": "functionName",
    "aws:lb/targetGroup:TargetGroup": "",
    "aws:lb/listener:Listener": "loadBalancerArn",
}
"""Types that stand for what one of their properties names."""

ROLES: Final = {
    "aws:lambda/function:Function": ("role",),
    "aws:ecs/service:Service": ("taskDefinition", "taskRoleArn"),
    "aws:autoscaling/group:Group": ("launchTemplate", "iamInstanceProfile", "role"),
    "aws:ec2/instance:Instance": ("iamInstanceProfile", "role"),
    "aws:sfn/stateMachine:StateMachine": ("roleArn",),
    "aws:codebuild/project:Project": ("serviceRole",),
    "aws:transfer/server:Server": ("loggingRole",),
}
"""By type, the properties that lead to the role of its code, one after another."""
