"""What many components take: the same argument has the same name, type, default and limits everywhere.

Use it in a ``TypedDict`` of arguments: ``log_retention_days: NotRequired[LogRetentionDays]``. ``Annotated[..., Field(default=...)]`` around
one narrows it down.
"""

from typing import Annotated

import pulumi
from pydantic import Field

from cloudpatterns.core.limits import Choice, CidrBlock, Ipv4Network, Keys, Matches, Unique

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""
MOST_ALARM_ACTIONS = 5
"""Actions of a CloudWatch alarm, and targets of an EventBridge rule, at most.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""
MOST_SECURITY_GROUPS = 5
"""AWS's default quota of groups on a network interface."""

_TIME = r"([01]\d|2[0-3]):[0-5]\d"
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"

TopicArn = Annotated[
    pulumi.Input[str],
    Matches(r"arn:[^:]+:sns:[^:]*:[^:]*:[^:]+", "the ARN of a topic, such as arn:aws:sns:eu-west-1:123456789012:orders"),
]
"""An SNS topic."""
AlarmTopicArns = Annotated[list[TopicArn], Field(default=[], max_length=MOST_ALARM_ACTIONS)]
"""SNS topics that alarms notify."""
BucketArn = Annotated[
    pulumi.Input[str], Matches(r"arn:[^:]+:s3:::[^/*]+", "the ARN of a bucket, not its name, such as arn:aws:s3:::uploads")
]
"""An S3 bucket."""
Cidr = Annotated[str, CidrBlock()]
"""An IPv4 or IPv6 network: ``10.250.0.0/16``."""
Conditions = Annotated[dict[str, dict[str, list[pulumi.Input[str]]]], Field(default={})]
"""IAM conditions: operator to key to accepted values, as in IAM's JSON."""
DeletionProtection = Annotated[bool, Field(default=True)]
"""Whether AWS refuses to delete it."""
DomainName = Annotated[
    str, Matches(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "a domain name in lower case such as shop.example.com")
]
EdgeCertificateArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:acm:us-east-1:[^:]*:certificate/.+",
        "a certificate in us-east-1 such as arn:aws:acm:us-east-1:123456789012:certificate/1",
    ),
]
"""A certificate where CloudFront looks for it."""
DualStack = Annotated[bool, Field(default=False)]
"""IPv6 beside IPv4."""
FunctionArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:lambda:[^:]*:[^:]*:function:[^:]+(:[^:]+)?",
        "the ARN of a function, such as arn:aws:lambda:eu-west-1:123456789012:function:orders",
    ),
]
"""A Lambda function, or an alias or version of one."""
ImageId = Annotated[pulumi.Input[str], Matches(r"ami-[0-9a-f]+", "the id of an image such as ami-0abc1234def567890")]
ImageParameter = Annotated[
    pulumi.Input[str],
    Matches(
        r"[A-Za-z0-9_./:-]+", "the name of an SSM parameter such as /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    ),
]
InstanceType = Annotated[str, Matches(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as t4g.small")]
DailyWindow = Annotated[str, Matches(rf"{_TIME}-{_TIME}", "a daily window in UTC such as 02:00-03:00")]
"""``HH:MM-HH:MM`` in UTC."""
WeeklyWindow = Annotated[str, Matches(rf"{_DAY}:{_TIME}-{_DAY}:{_TIME}", "a weekly window in UTC such as sun:03:30-sun:04:30")]
"""``ddd:HH:MM-ddd:HH:MM`` in UTC."""
Ipv4Cidr = Annotated[str, Ipv4Network()]
"""An IPv4 network: ``10.20.0.0/16``."""
KmsKeyArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:kms:[^:]*:[^:]*:key/.+",
        "the ARN of a key, not its id or alias, such as arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
]
"""A customer managed key. Policies and services that are given an alias do not follow it."""
LogRetentionDays = Annotated[
    int,
    Choice(*LOG_RETENTION_DAYS, description="one of the days that CloudWatch Logs keeps:"),
    Field(default=365),
]
"""Days that a CloudWatch log group keeps its events."""
Port = Annotated[int, Field(ge=1, le=65_535)]
"""A TCP or UDP port."""
Ports = Annotated[list[Port], Unique()]
"""TCP or UDP ports, each once."""
QueueArn = Annotated[
    pulumi.Input[str],
    Matches(r"arn:[^:]+:sqs:[^:]*:[^:]*:[^:]+", "the ARN of a queue, not its URL, such as arn:aws:sqs:eu-west-1:123456789012:orders"),
]
"""An SQS queue."""
Region = Annotated[str, Matches(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS Region such as eu-west-1")]
RoleArn = Annotated[
    pulumi.Input[str], Matches(r"arn:[^:]+:iam::\d{12}:role/.+", "the ARN of a role such as arn:aws:iam::123456789012:role/catalogue")
]
"""An IAM role."""
RoleName = Annotated[pulumi.Input[str], Matches(r"[\w+=,.@-]+", "the name of a role, not its ARN, such as shop-web")]
"""An IAM role."""
RegionalWebAclArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:wafv2:[^:]+:[^:]*:regional/webacl/.+",
        "a web ACL of the scope REGIONAL such as arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/shop/1a2b3c",
    ),
]
"""A web ACL of the Region, which CloudFront does not take."""
RootDeviceName = Annotated[str, Field(default="/dev/xvda"), Matches(r"/dev/[a-z0-9]+", "a device such as /dev/xvda, Amazon Linux's")]
"""The image's root device."""
RootDiskGib = Annotated[int, Field(default=10, ge=1, le=65_536)]
"""Size of the root disk, at least the image's own."""
HostName = Annotated[
    str, Matches(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "one domain name in lower case such as login.example.com")
]
"""A domain name that is no wildcard."""
HostedZoneId = Annotated[pulumi.Input[str], Matches(r"Z[A-Z0-9]{3,31}", "the id of a Route 53 hosted zone such as Z0123456789ABCDEFGHIJ")]
RecurringExpression = Annotated[
    str,
    Matches(
        # One of the two days says nothing.
        r"rate\([1-9]\d* (minutes?|hours?|days?)\)|cron\(\S+ \S+ (\? \S+ [^\s?]+|[^\s?]+ \S+ \?) \S+\)",
        "rate(value unit), or cron with six fields of which the day of month or the day of week is ?, such as cron(0 5 * * ? *)",
    ),
]
"""When something is repeated, as EventBridge Scheduler has it."""
SHORT_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
SHORT_NAME_WORDS = "lower-case letters, digits and single hyphens, a letter first"
ShortNames = Keys(SHORT_NAME, SHORT_NAME_WORDS)
"""Names of things in a dictionary, which name their children."""
RuleDescription = Annotated[
    str,
    # Rules allow no ampersand; groups do. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UserIdGroupPair.html
    Matches(r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=;{}!$*]{1,255}", "1 to 255 of the letters a-z and A-Z, digits, spaces and ._-:/()#,@[]+=;{}!$*"),
]
"""The description of a security group rule or prefix list entry."""
SecurityGroupIds = Annotated[list[pulumi.Input[str]], Field(min_length=1, max_length=MOST_SECURITY_GROUPS)]
"""Security groups of one network interface."""
SubnetIdsByZone = Annotated[dict[str, pulumi.Input[str]], Field(min_length=1)]
"""Subnets by Availability Zone: ``{"eu-west-1a": subnet.id}``."""
SubnetIdsByZones = Annotated[dict[str, pulumi.Input[str]], Field(min_length=2)]
"""Subnets by Availability Zone, in two zones or more."""
Tags = Annotated[dict[str, pulumi.Input[str]], Field(default={})]
"""Tags of every child that takes some."""
UserPoolArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:cognito-idp:[^:]+:\d{12}:userpool/[\w-]+_[0-9a-zA-Z]+",
        "the ARN of a user pool such as arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_aBcDeFgHi",
    ),
]
"""A Cognito user pool."""
