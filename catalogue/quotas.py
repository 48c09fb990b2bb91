"""AWS's quotas and fixed limits, as data by the types of resources that they limit; ``limits`` writes the section of a page from it.

Every value was looked up in AWS's documentation, most at the address of its service, or in the API models of botocore 1.44. What could not
be confirmed there is left out, and so are quotas that ordinary growth does not reach, such as a million log groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

AS_OF: Final = "November 2026"
"""When the values were looked up."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota or a fixed limit."""

    what: str
    """What it limits."""
    scope: str
    """What has this much each: a Region (of the account), the account, a VPC, a queue ..."""
    name: str
    """AWS's own name."""
    default: int | str
    """A number where it counts resources of ``types``; a text where it does not, as of rates, sizes, and numbers of other things."""
    raised: str
    """Whether AWS raises it: "yes" or "no", and what is to know about that."""
    types: tuple[str, ...]
    """Types of resources that have it; a number counts them together."""
    code: str = ""
    """The code in Service Quotas, where it is known."""
    within: str = ""
    """The input of the resources that names what has this much each, where that is neither the account nor a Region."""
    where: Mapping[str, Any] | None = None
    """Inputs of the resources that it is about, where it is not about all of a type; ``...`` stands for any value."""


@dataclass(frozen=True, slots=True)
class Service:
    """The quotas of a service, in the order in which they bite."""

    code: str
    """The service's code in Service Quotas."""
    url: str
    """The page with the values."""
    quotas: tuple[Quota, ...]


_YES: Final = "yes"
_NO: Final = "no"

_API: Final = "aws:apigatewayv2/api:Api"
_LAYER: Final = "aws:lambda/layerVersion:LayerVersion"
_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_BUCKET: Final = "aws:s3/bucket:Bucket"
_BUS: Final = "aws:cloudwatch/eventBus:EventBus"
_DATABASE: Final = "aws:rds/instance:Instance"
_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_FIREHOSE: Final = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
_FUNCTION: Final = "aws:lambda/function:Function"
_KAFKA: Final = "aws:msk/serverlessCluster:ServerlessCluster"
_WORKFLOW: Final = "aws:sfn/stateMachine:StateMachine"
_POOL: Final = "aws:cognito/userPool:UserPool"
_QUEUE: Final = "aws:sqs/queue:Queue"
_RECORD: Final = "aws:route53/record:Record"
_REST: Final = "aws:apigateway/restApi:RestApi"
_RULE: Final = "aws:cloudwatch/eventRule:EventRule"
_SECRET: Final = "aws:secretsmanager/secret:Secret"
_SERVER: Final = "aws:transfer/server:Server"
_STREAM: Final = "aws:kinesis/stream:Stream"
_TABLE: Final = "aws:dynamodb/table:Table"
_TOPIC: Final = "aws:sns/topic:Topic"
_WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"

SERVICES: Final = (
    Service(
        "vpc",
        "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html",
        (
            Quota("VPCs", "Region", "VPCs per Region", 5, _YES, ("aws:ec2/vpc:Vpc",), "L-F678F1CE"),
            Quota(
                "Gateway endpoints",
                "Region",
                "Gateway VPC endpoints per Region",
                20,
                _YES,
                ("aws:ec2/vpcEndpoint:VpcEndpoint",),
                "L-1B52E74A",
                where={"vpcEndpointType": "Gateway"},
            ),
            Quota(
                "Interface endpoints",
                "VPC",
                "Interface VPC endpoints per VPC",
                50,
                _YES,
                ("aws:ec2/vpcEndpoint:VpcEndpoint",),
                "L-29B6F2EB",
                "vpcId",
                where={"vpcEndpointType": "Interface"},
            ),
            Quota("Subnets", "VPC", "Subnets per VPC", 200, _YES, ("aws:ec2/subnet:Subnet",), "L-407747CB", "vpcId"),
            Quota("Route tables", "VPC", "Route tables per VPC", 200, _YES, ("aws:ec2/routeTable:RouteTable",), "L-589F43AA", "vpcId"),
            Quota(
                "Inbound rules, and as many outbound; a prefix list counts with its maximum of entries",
                "security group",
                "Inbound or outbound rules per security group",
                "60",
                "yes; times groups per interface at most 1,000",
                ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"),
                "L-0EA8095F",
            ),
            Quota(
                "Security groups",
                "network interface",
                "Security groups per network interface",
                "5",
                "yes, to 16",
                ("aws:ec2/securityGroup:SecurityGroup",),
                "L-2AFB9258",
            ),
            Quota(
                "Security groups",
                "Region",
                "VPC security groups per Region",
                2500,
                _YES,
                ("aws:ec2/securityGroup:SecurityGroup",),
                "L-E79EC296",
            ),
            Quota("Prefix lists", "Region", "Prefix lists per Region", 100, _YES, ("aws:ec2/managedPrefixList:ManagedPrefixList",)),
        ),
    ),
    Service(
        "ec2",
        "https://docs.aws.amazon.com/general/latest/gr/ec2-service.html",
        (
            Quota("Elastic IP addresses", "Region", "EC2-VPC Elastic IPs", 5, _YES, ("aws:ec2/eip:Eip",), "L-0263D0A3"),
            Quota(
                "vCPUs of running On-Demand instances",
                "Region",
                "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
                "5 in a new account",
                "yes; AWS raises it with use too",
                ("aws:ec2/instance:Instance", "aws:autoscaling/group:Group"),
                "L-1216C47A",
            ),
            Quota(
                "Client VPN endpoints",
                "Region",
                "Client VPN endpoints per Region",
                5,
                _YES,
                ("aws:ec2clientvpn/endpoint:Endpoint",),
                "L-8EA77D34",
            ),
        ),
    ),
    Service(
        "ebs",
        "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-resource-quotas.html",
        (
            Quota(
                "Size of all volumes of type gp3 together",
                "Region",
                "Storage for General Purpose SSD (gp3) volumes, in TiB",
                "50 TiB",
                _YES,
                ("aws:ebs/volume:Volume",),
                "L-7A658B76",
            ),
        ),
    ),
    Service(
        "autoscaling",
        "https://docs.aws.amazon.com/general/latest/gr/as.html",
        (
            Quota(
                "Auto Scaling groups", "Region", "Auto Scaling groups per region", 500, _YES, ("aws:autoscaling/group:Group",), "L-CDE20ADC"
            ),
        ),
    ),
    Service(
        "elasticloadbalancing",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
        (
            Quota("Application Load Balancers", "Region", "Application Load Balancers per Region", 50, _YES, (_BALANCER,), "L-53DA6B97"),
            Quota("Targets", "load balancer", "Targets per Application Load Balancer", "1,000", _YES, (_BALANCER,), "L-7E6692B2"),
            Quota(
                "Rules, without the default ones",
                "load balancer",
                "Rules per Application Load Balancer",
                "100",
                _YES,
                (_BALANCER, "aws:lb/listenerRule:ListenerRule"),
            ),
            Quota(
                "Certificates, without the default one",
                "load balancer",
                "Certificates per Application Load Balancer",
                "25",
                _YES,
                ("aws:lb/listener:Listener",),
                "L-9365A611",
            ),
        ),
    ),
    Service(
        "lambda",
        "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        (
            Quota(
                "Invocations at the same time, of all functions together",
                "Region",
                "Concurrent executions",
                "1,000; fewer in a new account",
                "yes, to tens of thousands",
                (_FUNCTION,),
                "L-B99A9384",
            ),
            Quota(
                "Request and response",
                "invocation",
                "Synchronous payload, Asynchronous payload",
                "6 MB synchronous, 1 MB asynchronous",
                _NO,
                (_FUNCTION, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"),
            ),
            Quota("More invocations at the same time every 10 seconds", "function", "Concurrency scaling rate", "1,000", _NO, (_FUNCTION,)),
            Quota(
                "Code of all versions of functions and layers",
                "Region",
                "Function and layer storage",
                "75 GB",
                "yes, to terabytes",
                (_LAYER,),
                "L-2ACBD22F",
            ),
            Quota("Time", "invocation", "Function timeout", "15 minutes", _NO, (_FUNCTION,)),
        ),
    ),
    Service(
        "fargate",
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html",
        (
            Quota(
                "vCPUs of running tasks that are not Spot",
                "Region",
                "Fargate On-Demand vCPU resource count",
                "6 in a new account",
                "yes; AWS raises it with use too",
                ("aws:ecs/service:Service", "aws:batch/computeEnvironment:ComputeEnvironment"),
                "L-3032A538",
            ),
        ),
    ),
    Service(
        "batch",
        "https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html",
        (
            Quota(
                "Compute environments",
                "Region",
                "Maximum number of compute environments",
                50,
                _NO,
                ("aws:batch/computeEnvironment:ComputeEnvironment",),
            ),
            Quota("Job queues", "Region", "Maximum number of job queues", 50, _NO, ("aws:batch/jobQueue:JobQueue",)),
            Quota("Jobs that are submitted a second", "Region", "TPS for SubmitJob", "50", _NO, ("aws:batch/jobQueue:JobQueue",)),
        ),
    ),
    Service(
        "apigateway",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
        (
            Quota(
                "Requests a second to all APIs together",
                "Region",
                "Throttle rate",
                "10,000 (2,500 in some newer Regions)",
                _YES,
                (_API, _REST),
                "L-8A5B8E43",
            ),
            Quota(
                "Time that a REST API waits for an integration",
                "request",
                "Maximum integration timeout in milliseconds",
                "29 seconds",
                "yes, of Regional and private APIs",
                (_REST,),
                "L-E5AE38E3",
            ),
            Quota("Time that an HTTP API waits for an integration", "request", "Maximum integration timeout", "30 seconds", _NO, (_API,)),
            Quota("Body", "request", "Payload size", "10 MB", _NO, (_API, _REST)),
            Quota("Routes", "HTTP API", "Routes per HTTP API", 300, _YES, ("aws:apigatewayv2/route:Route",), "L-65B5C802", "apiId"),
            Quota(
                "Custom domain names", "Region", "Custom Domain Names", 120, _YES, ("aws:apigatewayv2/domainName:DomainName",), "L-A93447B8"
            ),
            Quota("Regional REST APIs", "Region", "Regional APIs per Region", 600, _NO, (_REST,)),
        ),
    ),
    Service(
        "cloudfront",
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html",
        (
            Quota(
                "Response headers policies",
                "account",
                "Custom response headers policies per AWS account",
                20,
                _YES,
                ("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",),
            ),
            Quota("Key groups", "account", "Key groups per AWS account", 10, _YES, ("aws:cloudfront/keyGroup:KeyGroup",)),
            Quota("VPC origins", "account", "VPC origins per AWS account", 25, _YES, ("aws:cloudfront/vpcOrigin:VpcOrigin",)),
            Quota("Functions", "account", "Functions per AWS account", 100, _NO, ("aws:cloudfront/function:Function",)),
            Quota(
                "Origin access controls",
                "account",
                "Origin access controls per AWS account",
                100,
                _YES,
                ("aws:cloudfront/originAccessControl:OriginAccessControl",),
            ),
            Quota("Requests a second", "distribution", "Requests per second per distribution", "250,000", _YES, (_DISTRIBUTION,)),
            Quota("Time that an origin has to answer", "request", "Response timeout per origin", "120 seconds", _YES, (_DISTRIBUTION,)),
        ),
    ),
    Service(
        "wafv2",
        "https://docs.aws.amazon.com/waf/latest/developerguide/limits.html",
        (
            Quota("Web ACLs", "Region", "Maximum number of protection packs (web ACLs)", 100, _YES, (_WEB_ACL,)),
            Quota(
                "Capacity units (WCU) of its rules",
                "web ACL",
                "Maximum web ACL capacity units (WCUs)",
                "5,000; more than 1,500 cost extra",
                _NO,
                (_WEB_ACL,),
            ),
            Quota(
                "Body that rules look at",
                "request",
                "Maximum size of a web request body that can be inspected",
                "64 KB (8 KB of a load balancer)",
                _NO,
                (_WEB_ACL,),
            ),
            Quota(
                "Requests a second, but for CloudFront",
                "web ACL",
                "Maximum number of requests per second per protection pack (web ACL)",
                "100,000",
                _YES,
                (_WEB_ACL,),
            ),
        ),
    ),
    Service(
        "acm",
        "https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html",
        (
            Quota(
                "Names",
                "certificate",
                "Domain names per ACM certificate",
                "10",
                "yes, to 100",
                ("aws:acm/certificate:Certificate",),
                "L-FB94F0B0",
            ),
            Quota(
                "Certificates, expired and revoked ones too",
                "Region",
                "Number of ACM certificates",
                2500,
                _YES,
                ("aws:acm/certificate:Certificate",),
            ),
        ),
    ),
    Service(
        "route53",
        "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html",
        (
            Quota("Health checks", "account", "Health checks", 200, _YES, ("aws:route53/healthCheck:HealthCheck",)),
            Quota(
                "Latency or weighted records",
                "name and type",
                "Geolocation, latency, multivalue answer, weighted, and IP-based records",
                "100",
                _NO,
                (_RECORD,),
                where={"setIdentifier": ...},
            ),
            Quota("Records", "hosted zone", "Records per hosted zone", 10000, "yes, for a charge", (_RECORD,), within="zoneId"),
        ),
    ),
    Service(
        "sqs",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-quotas.html",
        # Not of a dead-letter queue, which holds few messages and is itself without one.
        (
            Quota(
                "Messages that were received and are not deleted yet",
                "queue",
                "Messages per queue (in flight)",
                "120,000",
                "yes, by a support case",
                (_QUEUE,),
                where={"redrivePolicy": ...},
            ),
            Quota("Body and attributes", "message", "Message size", "1 MiB", _NO, (_QUEUE,), where={"redrivePolicy": ...}),
            Quota("Time that a message is kept", "queue", "Message retention", "14 days", _NO, (_QUEUE,), where={"redrivePolicy": ...}),
        ),
    ),
    Service(
        "sns",
        "https://docs.aws.amazon.com/general/latest/gr/sns.html",
        (
            Quota(
                "Messages a second, published to all topics together",
                "Region",
                "Messages Published per Second",
                "30,000 in us-east-1, 9,000 in us-west-2 and eu-west-1, else 1,500 or 300",
                _YES,
                (_TOPIC,),
                "L-F8E2BA85",
            ),
            Quota("Body and attributes", "message", "Message size", "256 KiB", _NO, (_TOPIC,)),
            Quota(
                "Filter policies",
                "topic",
                "Subscription filter policies",
                "200; 10,000 per account",
                _YES,
                ("aws:sns/topicSubscription:TopicSubscription",),
            ),
        ),
    ),
    Service(
        "events",
        "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
        (
            Quota("Rules", "event bus", "Number of rules", 300, _YES, (_RULE,), "L-244521F2", "eventBusName"),
            Quota("Event buses", "Region", "Event buses", 100, _YES, (_BUS,), "L-658A4FD9"),
            Quota(
                "PutEvents requests a second",
                "Region",
                "PutEvents throttle limit in transactions per second",
                "10,000 in us-east-1, us-west-2 and eu-west-1, else 2,400 to 400",
                _YES,
                (_BUS,),
                "L-9B653E91",
            ),
            Quota("All events of a request", "PutEvents request", "PutEvents entry size", "1 MB", _NO, (_BUS,)),
            Quota(
                "Events a second to targets of rules; more are delayed",
                "Region",
                "Invocations throttle limit in transactions per second",
                "18,750 in us-east-1, us-west-2 and eu-west-1, else 4,500 to 750",
                _YES,
                (_RULE,),
                "L-5540C5E3",
            ),
        ),
    ),
    Service(
        "scheduler",
        "https://docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html",
        (
            Quota(
                "Schedule groups",
                "Region",
                "Number of schedule groups",
                500,
                _YES,
                ("aws:scheduler/scheduleGroup:ScheduleGroup",),
                "L-A632CD40",
            ),
            Quota(
                "Invocations a second of all schedules together; more are delayed",
                "Region",
                "Invocations throttle limit in transactions per second",
                "1,000 (500 in smaller Regions)",
                _YES,
                ("aws:scheduler/schedule:Schedule",),
                "L-F6D2596E",
            ),
        ),
    ),
    Service(
        "states",
        "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html",
        (
            Quota("Events in the history", "standard execution", "Maximum execution history size", "25,000", _NO, (_WORKFLOW,)),
            Quota("Input or output", "state or execution", "Maximum input or output size", "256 KiB", _NO, (_WORKFLOW,)),
            Quota(
                "Standard executions that run",
                "Region",
                "Maximum open executions per account",
                "1,000,000",
                "yes, to millions",
                (_WORKFLOW,),
            ),
        ),
    ),
    Service(
        "kinesis",
        "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html",
        (
            Quota(
                "On-demand streams",
                "Region",
                "On-demand data streams",
                50,
                "yes, by a support case",
                (_STREAM,),
                where={"streamModeDetails": {"streamMode": "ON_DEMAND"}},
            ),
            Quota(
                "Written a second; twice as much is read",
                "on-demand stream",
                "Data stream throughput",
                "10 GB in us-east-1, us-west-2 and eu-west-1, else 200 MB",
                "yes, to 10 GB, by a support case",
                (_STREAM,),
            ),
            Quota("Written a second; a partition key has one shard", "shard", "Shard", "1 MB and 1,000 records", _NO, (_STREAM,)),
        ),
    ),
    Service(
        "firehose",
        "https://docs.aws.amazon.com/firehose/latest/dev/limits.html",
        (
            Quota(
                "Direct PUT in a second",
                "stream",
                "Direct PUT",
                "5 MiB, 2,000 requests, 500,000 records in us-east-1, us-west-2 and eu-west-1, else 1 MiB, 1,000, 100,000",
                "yes; AWS raises it with use too",
                (_FIREHOSE,),
            ),
            Quota("Data", "record", "Maximum size of a record", "1,000 KiB", _NO, (_FIREHOSE,)),
        ),
    ),
    Service(
        "kafka",
        "https://docs.aws.amazon.com/msk/latest/developerguide/limits.html",
        (
            Quota(
                "Serverless clusters",
                "Region",
                "Maximum number of serverless clusters per account",
                10,
                "yes, by a support case",
                (_KAFKA,),
            ),
            Quota(
                "Partitions",
                "cluster",
                "Maximum number of partitions (leaders)",
                "2,400 (120 of compacted topics)",
                "yes, by a support case",
                (_KAFKA,),
            ),
            Quota(
                "Written a second",
                "cluster",
                "Maximum ingress throughput",
                "200 MB (5 MB per partition)",
                "yes, by a support case",
                (_KAFKA,),
            ),
            Quota(
                "Read a second", "cluster", "Maximum egress throughput", "400 MB (10 MB per partition)", "yes, by a support case", (_KAFKA,)
            ),
            Quota("Client connections", "cluster", "Maximum number of client connections", "3,000", "yes, by a support case", (_KAFKA,)),
            Quota("Size", "message", "Maximum message size", "8 MiB", "yes, by a support case", (_KAFKA,)),
        ),
    ),
    Service(
        "dynamodb",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
        (
            Quota("Read and write request units a second, each", "on-demand table", "Per table", "40,000", _YES, (_TABLE,)),
            Quota(
                "Units a second with the same partition key", "partition", "Partition throughput", "3,000 read, 1,000 write", _NO, (_TABLE,)
            ),
            Quota("Names and values of attributes", "item", "Item size", "400 KB", _NO, (_TABLE,)),
            Quota("Tables", "Region", "Maximum number of tables", 2500, _YES, (_TABLE,), "L-F98FE922"),
        ),
    ),
    Service(
        "rds",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html",
        (
            Quota(
                "DB instances of RDS, Aurora and DocumentDB together",
                "Region",
                "DB instances",
                40,
                _YES,
                (_DATABASE, "aws:rds/clusterInstance:ClusterInstance", "aws:docdb/clusterInstance:ClusterInstance"),
                "L-7B6409FD",
            ),
            Quota("Proxies", "Region", "Proxies", 20, _YES, ("aws:rds/proxy:Proxy",), "L-D94C7EA3"),
            Quota("Parameter groups", "Region", "Parameter groups", 50, _YES, ("aws:rds/parameterGroup:ParameterGroup",), "L-DE55804A"),
            Quota("Subnet groups", "Region", "DB subnet groups", 50, _YES, ("aws:rds/subnetGroup:SubnetGroup",), "L-48C6BF61"),
            Quota("Read replicas", "primary", "Read replicas per primary", "15", "yes, but not of Aurora", (_DATABASE,), "L-5BC124EF"),
            Quota(
                "Storage of all RDS instances together",
                "Region",
                "Total storage for all DB instances",
                "100,000 GB",
                _YES,
                (_DATABASE,),
                "L-7ADDB58A",
            ),
        ),
    ),
    Service(
        "elasticache",
        "https://docs.aws.amazon.com/general/latest/gr/elasticache-service.html",
        (
            Quota("Nodes", "Region", "Nodes per Region", "300", _YES, ("aws:elasticache/replicationGroup:ReplicationGroup",), "L-DFE45DF3"),
            Quota(
                "Nodes: a primary and its replicas",
                "shard",
                "Nodes per shard",
                "6",
                _NO,
                ("aws:elasticache/replicationGroup:ReplicationGroup",),
            ),
        ),
    ),
    Service(
        "es",
        "https://docs.aws.amazon.com/general/latest/gr/opensearch-service.html",
        (
            Quota("Instances", "domain", "Instances per domain", "200", "yes, to 1,002", ("aws:opensearch/domain:Domain",), "L-6408ABDE"),
            Quota("Storage", "domain", "Total storage per domain", "3 PiB", _NO, ("aws:opensearch/domain:Domain",)),
            Quota("Domains", "Region", "Domains per Region", 500, _YES, ("aws:opensearch/domain:Domain",), "L-076D529E"),
        ),
    ),
    Service(
        "elasticfilesystem",
        "https://docs.aws.amazon.com/efs/latest/ug/limits.html",
        (
            Quota(
                "Operations a second with elastic throughput",
                "file system",
                "Maximum IOPS per file system",
                "250,000 reads of data in frequent use, 50,000 writes",
                _YES,
                ("aws:efs/fileSystem:FileSystem",),
            ),
            Quota("Access points", "file system", "Access points for each file system", "10,000", _YES, ("aws:efs/fileSystem:FileSystem",)),
            Quota("File systems", "Region", "Number of file systems", 1000, _YES, ("aws:efs/fileSystem:FileSystem",)),
        ),
    ),
    Service(
        "backup",
        "https://docs.aws.amazon.com/aws-backup/latest/devguide/aws-backup-limits.html",
        (
            Quota("Vaults", "Region", "Total vaults per Region per account", 300, _YES, ("aws:backup/vault:Vault",)),
            Quota("Backup plans", "Region", "Backup plans per Region per account", 300, _YES, ("aws:backup/plan:Plan",)),
            Quota("Recovery points", "vault", "Recovery points per backup vault", "1,000,000", _YES, ("aws:backup/vault:Vault",)),
            Quota(
                "Backup and copy jobs at the same time", "resource", "Concurrent backup and copy jobs", "1", _NO, ("aws:backup/plan:Plan",)
            ),
        ),
    ),
    Service(
        "transfer",
        "https://docs.aws.amazon.com/general/latest/gr/transfer-service.html",
        (
            Quota("Servers", "Region", "Servers per account", 50, _YES, (_SERVER,), "L-6E386A05"),
            Quota("Sessions at the same time", "server", "Concurrent sessions per server", "10,000", _NO, (_SERVER,)),
        ),
    ),
    Service(
        "vpc-lattice",
        "https://docs.aws.amazon.com/vpc-lattice/latest/ug/quotas.html",
        (
            Quota(
                "Listeners",
                "service",
                "Listeners per service",
                2,
                _YES,
                ("aws:vpclattice/listener:Listener",),
                "L-D64E952E",
                "serviceIdentifier",
            ),
            Quota(
                "Service networks",
                "Region",
                "Service networks per region",
                50,
                _YES,
                ("aws:vpclattice/serviceNetwork:ServiceNetwork",),
                "L-9CAD07FB",
            ),
            Quota("Rules", "listener", "Rules per listener", "10", _YES, ("aws:vpclattice/listener:Listener",), "L-CF78395E"),
            Quota(
                "Targets",
                "target group",
                "Targets per target group",
                "1,000",
                _YES,
                ("aws:vpclattice/targetGroup:TargetGroup",),
                "L-D71303F3",
            ),
            Quota(
                "Target groups", "Region", "Target groups per region", 500, _YES, ("aws:vpclattice/targetGroup:TargetGroup",), "L-BB11C6B9"
            ),
            Quota("Services", "Region", "Services per region", 2000, _YES, ("aws:vpclattice/service:Service",), "L-620C821E"),
        ),
    ),
    Service(
        "AWSCloudMap",
        "https://docs.aws.amazon.com/cloud-map/latest/dg/cloud-map-limits.html",
        (
            Quota(
                "Namespaces",
                "Region",
                "Namespaces per Region",
                50,
                _YES,
                ("aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",),
                "L-0FE3F50E",
            ),
            Quota("Registered instances", "service", "Instances per service", "1,000", _NO, ("aws:servicediscovery/service:Service",)),
            Quota(
                "DiscoverInstances requests a second; DNS queries are not among them",
                "Region",
                "DiscoverInstances operation per account steady rate",
                "1,000",
                _YES,
                ("aws:servicediscovery/service:Service",),
                "L-514A639A",
            ),
        ),
    ),
    Service(
        "cognito-idp",
        "https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html",
        (
            Quota(
                "Sign-in requests a second to all user pools together",
                "Region",
                "Rate of UserAuthentication requests",
                "120",
                _YES,
                (_POOL,),
                "L-026ADBA3",
            ),
            Quota("Sign-up requests a second", "Region", "Rate of UserCreation requests", "50", _YES, (_POOL,), "L-5987B8A0"),
            Quota("User pools", "Region", "User pools per account", 1000, _YES, (_POOL,), "L-66E6DF30"),
        ),
    ),
    Service(
        "guardduty",
        "https://docs.aws.amazon.com/guardduty/latest/ug/malware-protection-s3-quotas-guardduty.html",
        (
            Quota(
                "Buckets whose objects are scanned",
                "Region",
                "Maximum protected buckets",
                25,
                _NO,
                ("aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan",),
            ),
            Quota(
                "Size, above which it is not scanned",
                "object",
                "Maximum S3 object size",
                "100 GB",
                _NO,
                ("aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan",),
            ),
        ),
    ),
    Service(
        "cloudtrail",
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html",
        (Quota("Trails", "Region", "Trails per region", 5, _NO, ("aws:cloudtrail/trail:Trail",), "L-1568E18E"),),
    ),
    Service(
        "config",
        "https://docs.aws.amazon.com/config/latest/developerguide/configlimits.html",
        (Quota("Config rules", "Region", "Maximum number of AWS Config Rules per Region per account", 1000, _NO, ("aws:cfg/rule:Rule",)),),
    ),
    Service(
        "servicecatalog",
        "https://docs.aws.amazon.com/general/latest/gr/servicecatalog.html",
        (
            Quota("Portfolios", "Region", "Portfolios per region", 100, _YES, ("aws:servicecatalog/portfolio:Portfolio",), "L-C6458716"),
            Quota("Products", "Region", "Products per region", 350, _YES, ("aws:servicecatalog/product:Product",), "L-764CF6A1"),
            Quota(
                "Versions", "product", "Product versions per product", "100", _YES, ("aws:servicecatalog/product:Product",), "L-A5846085"
            ),
        ),
    ),
    Service(
        "cloudformation",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
        (Quota("Stacks", "Region", "Stack count", 2000, _YES, ("aws:cloudformation/stack:Stack",), "L-0485CB21"),),
    ),
    Service(
        "logs",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html",
        (
            Quota(
                "Subscription filters",
                "log group",
                "Subscription filters per log group",
                2,
                _NO,
                ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",),
                within="logGroup",
            ),
            Quota("Resource policies", "Region", "Resource policies", 10, _NO, ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy",)),
            Quota(
                "Metric filters",
                "log group",
                "Metrics filters per log group",
                100,
                _NO,
                ("aws:cloudwatch/logMetricFilter:LogMetricFilter",),
                within="logGroupName",
            ),
        ),
    ),
    Service(
        "secretsmanager",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html",
        (
            Quota("GetSecretValue requests a second", "Region", "Rate of GetSecretValue API requests", "10,000", _NO, (_SECRET,)),
            Quota("Size", "secret", "Secret value size", "65,536 bytes", _NO, (_SECRET,)),
            Quota("Versions", "secret", "Versions per secret", "100", _NO, (_SECRET,)),
        ),
    ),
    Service(
        "s3",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/BucketRestrictions.html",
        (
            Quota(
                "Requests a second, at least",
                "prefix of a bucket",
                "Request rate",
                "3,500 writes, 5,500 reads",
                "no; use more prefixes",
                (_BUCKET,),
            ),
            Quota("General purpose buckets", "account", "General purpose buckets", 10000, "yes, to 1,000,000", (_BUCKET,), "L-DC2B2D3D"),
        ),
    ),
    Service(
        "kms",
        "https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html",
        (
            Quota(
                "Encryptions, decryptions and data keys a second, those for services too",
                "Region",
                "Cryptographic operations (symmetric) request rate",
                "100,000 in us-east-1, us-west-2 and eu-west-1, else 20,000 or 10,000",
                _YES,
                ("aws:kms/key:Key",),
            ),
        ),
    ),
    Service(
        "iam",
        "https://docs.aws.amazon.com/general/latest/gr/iam-service.html",
        (
            Quota(
                "Identity providers (OpenID Connect)",
                "account",
                "OpenId connect providers per account",
                100,
                _YES,
                ("aws:iam/openIdConnectProvider:OpenIdConnectProvider",),
                "L-858F3967",
            ),
            Quota("Roles", "account", "Roles per account", 1000, _YES, ("aws:iam/role:Role",), "L-FE177D64"),
            Quota(
                "Managed policies",
                "role",
                "Managed policies per role",
                "10",
                _YES,
                ("aws:iam/rolePolicyAttachment:RolePolicyAttachment",),
                "L-0DA4ABF3",
            ),
        ),
    ),
)
"""The data. Between quotas that are equally tight, the order here decides."""
