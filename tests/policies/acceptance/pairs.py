"""Resources that AWS accepts, each with a change that it refuses: the rule that says so, and where."""

from typing import Any, NamedTuple


class Pair(NamedTuple):
    """One accepted and one refused resource of a type; they differ in `good` and `bad` alone."""

    type: str
    rule: str
    path: tuple[str | int, ...]
    good: dict[str, Any]
    bad: dict[str, Any]
    base: dict[str, Any] = {}
    others: dict[str, Any] = {}
    region: str | None = None


ROLE = "arn:aws:iam::123456789012:role/service"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
FUNCTION: dict[str, Any] = {"Code": {"S3Bucket": "code", "S3Key": "a.zip"}, "Role": ROLE, "Handler": "app.main", "Runtime": "python3.13"}
ALARM: dict[str, Any] = {
    "Namespace": "AWS/SQS",
    "MetricName": "ApproximateAgeOfOldestMessage",
    "Statistic": "Maximum",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 60,
    "Period": 60,
    "EvaluationPeriods": 3,
}
TABLE: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}
FARGATE: dict[str, Any] = {
    "Family": "web",
    "RequiresCompatibilities": ["FARGATE"],
    "NetworkMode": "awsvpc",
    "Cpu": "256",
    "Memory": "512",
    "ExecutionRoleArn": ROLE,
    "ContainerDefinitions": [{"Name": "web", "Image": "nginx", "Essential": True, "PortMappings": [{"ContainerPort": 80}]}],
}
GROUP: dict[str, Any] = {"GroupDescription": "web servers", "VpcId": "vpc-0123456789abcdef0"}
DATABASE: dict[str, Any] = {
    "Engine": "postgres",
    "DBInstanceClass": "db.t4g.micro",
    "AllocatedStorage": "20",
    "MasterUsername": "shop",
    "ManageMasterUserPassword": True,
}
TRUST: dict[str, Any] = {
    "AssumeRolePolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
}
TARGET_GROUP: dict[str, Any] = {"Protocol": "HTTP", "Port": 80, "VpcId": "vpc-0123456789abcdef0", "TargetType": "ip"}
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]


def _rule(**changes: Any) -> dict[str, Any]:
    return {"SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8"} | changes]}


def _container(**changes: Any) -> dict[str, Any]:
    return {"ContainerDefinitions": [FARGATE["ContainerDefinitions"][0] | changes]}


PAIRS: tuple[Pair, ...] = (
    # SQS
    Pair("AWS::SQS::Queue", "F3034", ("VisibilityTimeout",), {"VisibilityTimeout": 43200}, {"VisibilityTimeout": 43201}),
    Pair("AWS::SQS::Queue", "F3012", ("DelaySeconds",), {"DelaySeconds": 5}, {"DelaySeconds": "soon"}),
    Pair("AWS::SQS::Queue", "F3002", ("Timeout",), {"QueueName": "jobs"}, {"QueueName": "jobs", "Timeout": 3}),
    Pair(
        "AWS::SQS::Queue",
        "pf-sqs-fifo-name-suffix",
        ("QueueName",),
        {"QueueName": "jobs.fifo", "FifoQueue": True},
        {"QueueName": "jobs.fifo"},
    ),
    Pair(
        "AWS::SQS::Queue",
        "pf-sqs-high-throughput-pairing",
        ("FifoThroughputLimit",),
        {"DeduplicationScope": "messageGroup"},
        {"DeduplicationScope": "queue"},
        {"QueueName": "jobs.fifo", "FifoQueue": True, "FifoThroughputLimit": "perMessageGroupId"},
    ),
    # S3
    Pair("AWS::S3::Bucket", "F3031", ("BucketName",), {"BucketName": "shop-files"}, {"BucketName": "Shop_Files"}),
    Pair(
        "AWS::S3::Bucket",
        "W3030",
        ("VersioningConfiguration", "Status"),
        {"VersioningConfiguration": {"Status": "Enabled"}},
        {"VersioningConfiguration": {"Status": "On"}},
    ),
    Pair(
        "AWS::S3::Bucket",
        "F3003",
        ("LifecycleConfiguration", "Rules", 0),
        {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 30}]}},
        {"LifecycleConfiguration": {"Rules": [{"ExpirationInDays": 30}]}},
    ),
    # Lambda
    Pair("AWS::Lambda::Function", "E3717", ("Timeout",), {"Timeout": 900}, {"Timeout": 901}, FUNCTION),
    Pair("AWS::Lambda::Function", "F3034", ("MemorySize",), {"MemorySize": 128}, {"MemorySize": 64}, FUNCTION),
    Pair(
        "AWS::Lambda::Function",
        "E3663",
        ("Environment", "Variables"),
        {"Environment": {"Variables": {"STAGE": "prod"}}},
        {"Environment": {"Variables": {"AWS_REGION": "eu-west-1"}}},
        FUNCTION,
    ),
    Pair("AWS::Lambda::Function", "E2533", ("Runtime",), {"Runtime": "python3.13"}, {"Runtime": "python2.7"}, FUNCTION),
    Pair("AWS::Lambda::Function", "W2533", ("Code",), FUNCTION, {name: value for name, value in FUNCTION.items() if name != "Handler"}),
    Pair("AWS::Lambda::Function", "F3003", (), FUNCTION, {name: value for name, value in FUNCTION.items() if name != "Role"}),
    # DynamoDB
    Pair(
        "AWS::DynamoDB::Table",
        "E3039",
        (),
        {},
        {"KeySchema": [{"AttributeName": "order", "KeyType": "HASH"}]},
        TABLE,
    ),
    Pair("AWS::DynamoDB::Table", "E3639", ("ProvisionedThroughput",), {}, {"BillingMode": "PROVISIONED"}, TABLE),
    # ECS
    Pair("AWS::ECS::TaskDefinition", "E3047", ("Cpu",), {"Memory": "1024"}, {"Memory": "8192"}, FARGATE),
    Pair("AWS::ECS::TaskDefinition", "E3048", ("NetworkMode",), {"NetworkMode": "awsvpc"}, {"NetworkMode": "bridge"}, FARGATE),
    Pair(
        "AWS::ECS::TaskDefinition",
        "pf-ecs-fargate-privileged",
        ("ContainerDefinitions", 0, "Privileged"),
        {},
        _container(Privileged=True),
        FARGATE,
    ),
    Pair(
        "AWS::ECS::Service",
        "pf-ecs-service-launch-type-capacity-provider",
        ("CapacityProviderStrategy",),
        {"LaunchType": "EC2"},
        {"LaunchType": "EC2", "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}]},
        {"TaskDefinition": "web:1"},
    ),
    Pair(
        "AWS::ECS::Service",
        "E3044",
        ("SchedulingStrategy",),
        {"SchedulingStrategy": "REPLICA"},
        {"SchedulingStrategy": "DAEMON"},
        {
            "TaskDefinition": "web:1",
            "LaunchType": "FARGATE",
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": SUBNETS}},
        },
    ),
    # EC2
    Pair("AWS::EC2::SecurityGroup", "E9002", ("SecurityGroupIngress", 0), _rule(), _rule(FromPort=444), GROUP),
    Pair("AWS::EC2::SecurityGroup", "F3014", ("SecurityGroupIngress", 0), _rule(), _rule(CidrIpv6="::/0"), GROUP),
    Pair(
        "AWS::EC2::SecurityGroup",
        "pf-ec2-sg-cidr-valid",
        ("SecurityGroupIngress", 0, "CidrIp"),
        _rule(),
        _rule(CidrIp="10.0.0.0/33"),
        GROUP,
    ),
    Pair("AWS::EC2::VPC", "pf-ec2-vpc-cidr-block-size", ("CidrBlock",), {"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.0.0.0/8"}),
    Pair(
        "AWS::EC2::Subnet",
        "E3059",
        ("CidrBlock",),
        {"CidrBlock": "10.0.1.0/24"},
        {"CidrBlock": "10.1.1.0/24"},
        {"VpcId": {"Ref": "Vpc"}},
        {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}},
    ),
    # RDS
    Pair(
        "AWS::RDS::DBInstance", "E3719", ("BackupRetentionPeriod",), {"BackupRetentionPeriod": 35}, {"BackupRetentionPeriod": 36}, DATABASE
    ),
    Pair("AWS::RDS::DBInstance", "pf-rds-master-username-reserved", ("MasterUsername",), {}, {"MasterUsername": "rdsadmin"}, DATABASE),
    # IAM
    Pair("AWS::IAM::Role", "F3034", ("MaxSessionDuration",), {"MaxSessionDuration": 3600}, {"MaxSessionDuration": 60}, TRUST),
    Pair(
        "AWS::IAM::Role",
        "E3530",
        ("AssumeRolePolicyDocument", "Statement", 0),
        TRUST,
        {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}},
    ),
    # CloudWatch and CloudWatch Logs
    Pair("AWS::CloudWatch::Alarm", "pf-cloudwatch-alarm-period", ("Period",), {"Period": 60}, {"Period": 45}, ALARM),
    Pair(
        "AWS::CloudWatch::Alarm",
        "pf-cloudwatch-alarm-actions-max",
        ("AlarmActions",),
        {"AlarmActions": [TOPIC]},
        {"AlarmActions": [TOPIC + str(n) for n in range(6)]},
        ALARM,
    ),
    Pair("AWS::Logs::LogGroup", "W3030", ("RetentionInDays",), {"RetentionInDays": 30}, {"RetentionInDays": 31}),
    # Elastic Load Balancing
    Pair(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "E3680",
        ("Subnets",),
        {"Subnets": SUBNETS},
        {"Subnets": SUBNETS[:1]},
        {"Type": "application"},
    ),
    Pair("AWS::ElasticLoadBalancingV2::TargetGroup", "W3030", ("TargetType",), {}, {"TargetType": "container"}, TARGET_GROUP),
    Pair(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "pf-elbv2-tg-name",
        ("Name",),
        {"Name": "web"},
        {"Name": "-web"},
        TARGET_GROUP,
    ),
    # KMS, SNS, Events, Step Functions, ElastiCache
    Pair(
        "AWS::KMS::Alias",
        "pf-kms-alias-name",
        ("AliasName",),
        {"AliasName": "alias/shop"},
        {"AliasName": "alias/aws/shop"},
        {"TargetKeyId": KEY},
    ),
    Pair(
        "AWS::Events::Rule",
        "E3027",
        ("ScheduleExpression",),
        {"ScheduleExpression": "rate(5 minutes)"},
        {"ScheduleExpression": "every 5 minutes"},
    ),
    Pair("AWS::Events::Rule", "F3058", (), {"ScheduleExpression": "rate(1 hour)"}, {"Description": "nothing"}),
    Pair(
        "AWS::SNS::Subscription",
        "pf-sns-subscription-region",
        ("Region",),
        {"Region": "eu-west-1"},
        {"Region": "us-east-1"},
        {"TopicArn": TOPIC, "Protocol": "email", "Endpoint": "ops@example.com"},
    ),
    Pair(
        "AWS::Lambda::EventSourceMapping",
        "F3034",
        ("MaximumRetryAttempts",),
        {"MaximumRetryAttempts": 3},
        {"MaximumRetryAttempts": -2},
        {"FunctionName": "worker", "EventSourceArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/orders", "StartingPosition": "LATEST"},
    ),
    Pair(
        "AWS::ElastiCache::ReplicationGroup",
        "pf-elasticache-snapshot-retention",
        ("SnapshotRetentionLimit",),
        {"SnapshotRetentionLimit": 1},
        {"SnapshotRetentionLimit": -1},
        {
            "ReplicationGroupDescription": "sessions",
            "Engine": "valkey",
            "TransitEncryptionEnabled": True,
            "CacheNodeType": "cache.t4g.micro",
            "NumCacheClusters": 2,
            "AutomaticFailoverEnabled": True,
        },
    ),
)
"""The pairs, by service."""
