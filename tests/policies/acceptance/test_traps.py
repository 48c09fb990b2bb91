"""Traps that no validator tells: each is told at its property, and not once one value is right, unknown or left out."""

import json
from typing import Any, NamedTuple

import pytest
from cloudpatterns_policies.acceptance.controls import (
    bucket_features,
    closed,
    databases,
    instances,
    keys,
    naming,
    networks,
    owners,
    queues,
    quotas,
)
from cloudpatterns_policies.core import Control, Fail, Pass, Resource, Severity
from cloudpatterns_policies.core.registry import discover

from tests.policies.acceptance.models import sdk
from tests.policies.acceptance.test_accepted import graphs, sent
from tests.policies.helpers import UNKNOWN, resource, secret, stack, verdicts

MODULES = (bucket_features, closed, databases, instances, keys, naming, networks, owners, queues, quotas)
CONTROLS = {control.id: control for module in MODULES for control in vars(module).values() if isinstance(control, Control)}
GONE: Any = None


class One(NamedTuple):
    """A resource: its type, name, inputs, and the names of the resources that its properties refer to."""

    type: str
    name: str
    inputs: dict[str, Any] = {}
    deps: dict[str, list[str]] = {}
    options: dict[str, Any] = {}

    def build(self) -> Resource:
        return resource(self.type, self.name, self.inputs, deps=self.deps, options=self.options)


class Trap(NamedTuple):
    """A refused stack, what is told of it, and changes to one property of one resource after which nothing is."""

    control: str
    stack: tuple[One, ...]
    told: set[tuple[str, str]]
    text: str
    right: tuple[tuple[str, str, Any], ...]
    """Resource, property, value; `GONE` leaves it out."""


BUCKET, LOGGING = "aws:s3/bucket:Bucket", "aws:s3/bucketLogging:BucketLogging"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LOCK, REPLICATION = (
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
)
INSTANCE, CLUSTER, PARAMETERS = "aws:rds/instance:Instance", "aws:rds/cluster:Cluster", "aws:rds/parameterGroup:ParameterGroup"
MAPPING, QUEUE, FUNCTION = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:sqs/queue:Queue", "aws:lambda/function:Function"
GROUP, TEMPLATE = "aws:autoscaling/group:Group", "aws:ec2/launchTemplate:LaunchTemplate"
SECURITY_GROUP, INGRESS = "aws:ec2/securityGroup:SecurityGroup", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
WAF_LOGS = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
ACL_RULE = "aws:ec2/networkAclRule:NetworkAclRule"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"


def encryption(algorithm: Any) -> list[Any]:
    return [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]


def trust(source: str) -> str:
    statement = {"Principal": {"Service": "scheduler.amazonaws.com"}, "Condition": {"ArnEquals": {"aws:SourceArn": source}}}
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **statement}]})


def certificate(region: str) -> str:
    return f"arn:aws:acm:{region}:123456789012:certificate/11111111-2222-3333-4444-555555555555"


def key_policy(principal: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}]})


def transition(days: Any, storage: Any) -> list[Any]:
    return [{"id": "a", "status": "Enabled", "transitions": [{"days": days, "storageClass": storage}]}]


LOGGED = (One(BUCKET, "shop"), One(BUCKET, "logs"), One(LOGGING, "x", {"targetBucket": UNKNOWN}, {"targetBucket": ["logs"]}))
POLICY = json.dumps({"Statement": [{"Resource": [f"arn:aws:s3:::bucket-{number}/*" for number in range(200)]}]})
ACL = (
    One("aws:ec2/networkAcl:NetworkAcl", "acl"),
    One(ACL_RULE, "a", {"networkAclId": UNKNOWN, "ruleNumber": 100}, {"networkAclId": ["acl"]}),
    One(ACL_RULE, "b", {"networkAclId": UNKNOWN, "ruleNumber": 100, "egress": False}, {"networkAclId": ["acl"]}),
)
MAPPED = {"eventSourceArn": ["q"], "functionName": ["f"]}
SCALING = "aws:autoscaling/policy:Policy"
SCHEDULE = "aws:autoscaling/schedule:Schedule"

DATABASE = {"engine": "postgres", "username": "shop", "dbName": "shop", "storageType": "gp3", "allocatedStorage": 20}
VPC, SUBNET, MACHINE = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/instance:Instance"
TRAPS: dict[str, Trap] = {
    "a user that PostgreSQL reserves": Trap(
        "rds-first-values",
        (One(INSTANCE, "x", {**DATABASE, "username": "admin"}),),
        {("x", "username")},
        "PostgreSQL reserves the user admin",
        (
            ("x", "username", "shop"),
            ("x", "username", UNKNOWN),
            ("x", "username", GONE),
            ("x", "engine", "mysql"),
            ("x", "engine", UNKNOWN),
        ),
    ),
    "a cluster's user that PostgreSQL reserves": Trap(
        "rds-first-values",
        (One(CLUSTER, "x", {"engine": "aurora-postgresql", "masterUsername": "admin"}),),
        {("x", "masterUsername")},
        "PostgreSQL reserves the user admin",
        (("x", "masterUsername", UNKNOWN), ("x", "engine", "aurora-mysql"), ("x", "masterUsername", GONE)),
    ),
    "a database's name with a hyphen": Trap(
        "rds-first-values",
        (One(INSTANCE, "x", {**DATABASE, "dbName": "my-db"}),),
        {("x", "dbName")},
        "names a database my-db; the engine takes letters, digits and underscores",
        (("x", "dbName", "my_db"), ("x", "dbName", UNKNOWN), ("x", "dbName", GONE), ("x", "engine", "oracle-ee"), ("x", "engine", UNKNOWN)),
    ),
    "gp3 that is too small": Trap(
        "rds-first-values",
        (One(INSTANCE, "x", {**DATABASE, "allocatedStorage": 19}),),
        {("x", "allocatedStorage")},
        "has 19 GiB of gp3; RDS gives 20 or more",
        (
            *(("x", "allocatedStorage", value) for value in (20, UNKNOWN, GONE)),
            *(("x", "storageType", value) for value in ("gp2", UNKNOWN, GONE)),
            *(("x", "engine", value) for value in ("sqlserver-ex", UNKNOWN, GONE)),
        ),
    ),
    "a security group of another VPC": Trap(
        "security-group-same-vpc",
        (
            One(VPC, "v"),
            One(VPC, "w"),
            One(SUBNET, "s", {"vpcId": UNKNOWN}, {"vpcId": ["v"]}),
            One(SECURITY_GROUP, "g", {"vpcId": UNKNOWN}, {"vpcId": ["w"]}),
            One(
                MACHINE,
                "x",
                {"subnetId": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]},
                {"subnetId": ["s"], "vpcSecurityGroupIds": ["g"]},
            ),
        ),
        {("x", "vpcSecurityGroupIds.0")},
        "g is in w, and subnet s in v",
        (("x", "subnetId", GONE), ("x", "vpcSecurityGroupIds", GONE)),
    ),
    "a log bucket under a key": Trap(
        "access-log-bucket",
        (*LOGGED, One(ENCRYPTION, "e", {"bucket": UNKNOWN, "rules": encryption("aws:kms")}, {"bucket": ["logs"]})),
        {("x", "targetBucket")},
        "logs is encrypted with aws:kms",
        (("e", "rules", encryption("AES256")), ("e", "rules", encryption(UNKNOWN)), ("e", "rules", UNKNOWN), ("e", "rules", GONE)),
    ),
    "a log bucket with retention": Trap(
        "access-log-bucket",
        (*LOGGED, One(LOCK, "l", {"bucket": UNKNOWN, "rule": {"defaultRetention": {"days": 1}}}, {"bucket": ["logs"]})),
        {("x", "targetBucket")},
        "logs has a default retention",
        (("l", "rule", {}), ("l", "rule", UNKNOWN), ("l", "rule", GONE)),
    ),
    "a balancer's log bucket under a key": Trap(
        "access-log-bucket",
        (
            One(BUCKET, "logs", {"serverSideEncryptionConfiguration": {"rule": encryption("aws:kms")[0]}}),
            One("aws:lb/loadBalancer:LoadBalancer", "x", {"accessLogs": {"bucket": UNKNOWN, "enabled": True}}, {"accessLogs": ["logs"]}),
        ),
        {("x", "accessLogs")},
        "logs is encrypted with aws:kms",
        (
            ("logs", "serverSideEncryptionConfiguration", {"rule": encryption("AES256")[0]}),
            ("logs", "serverSideEncryptionConfiguration", UNKNOWN),
            ("x", "accessLogs", {"bucket": UNKNOWN, "enabled": False}),
            ("x", "loadBalancerType", "network"),
            ("x", "accessLogs", GONE),
        ),
    ),
    "a lock without versioning": Trap(
        "bucket-versioning-needed",
        (
            One(BUCKET, "b"),
            One(VERSIONING, "v", {"bucket": UNKNOWN, "versioningConfiguration": {"status": "Disabled"}}, {"bucket": ["b"]}),
            One(LOCK, "x", {"bucket": UNKNOWN, "rule": {}}, {"bucket": ["b"]}),
        ),
        {("x", "bucket")},
        "b has no versioning, which object lock needs",
        (
            ("v", "versioningConfiguration", {"status": "Enabled"}),
            ("v", "versioningConfiguration", UNKNOWN),
            ("b", "objectLockEnabled", True),
            ("b", "objectLockEnabled", UNKNOWN),
            ("b", "versioning", {"enabled": True}),
        ),
    ),
    "a locked bucket without versioning": Trap(
        "bucket-versioning-needed",
        (
            One(BUCKET, "b", {"objectLockEnabled": True}),
            One(VERSIONING, "x", {"bucket": UNKNOWN, "versioningConfiguration": {"status": "Suspended"}}, {"bucket": ["b"]}),
        ),
        {("x", "versioningConfiguration.status")},
        "b has object lock",
        (
            ("x", "versioningConfiguration", {"status": "Enabled"}),
            ("x", "versioningConfiguration", UNKNOWN),
            ("b", "objectLockEnabled", False),
            ("b", "objectLockEnabled", UNKNOWN),
            ("b", "objectLockEnabled", GONE),
        ),
    ),
    "a replica without versioning": Trap(
        "bucket-versioning-needed",
        (
            One(BUCKET, "a", {"versioning": {"enabled": True}}),
            One(BUCKET, "b"),
            One(REPLICATION, "x", {"bucket": UNKNOWN, "rules": UNKNOWN}, {"bucket": ["a"], "rules": ["b"]}),
        ),
        {("x", "rules")},
        "b has no versioning, which replication needs",
        (("b", "versioning", {"enabled": True}), ("b", "versioning", UNKNOWN)),
    ),
    "an open replica of a locked bucket": Trap(
        "replica-of-locked-bucket",
        (
            One(BUCKET, "a", {"objectLockEnabled": True}),
            One(BUCKET, "b"),
            One(REPLICATION, "x", {"bucket": UNKNOWN, "rules": UNKNOWN}, {"bucket": ["a"], "rules": ["b"]}),
        ),
        {("x", "rules")},
        "a has object lock, and b has not",
        (
            ("b", "objectLockEnabled", True),
            ("b", "objectLockEnabled", UNKNOWN),
            ("a", "objectLockEnabled", False),
            ("a", "objectLockEnabled", UNKNOWN),
            ("a", "objectLockEnabled", GONE),
        ),
    ),
    "infrequent access too early": Trap(
        "infrequent-access-days",
        (One(LIFECYCLE, "x", {"rules": transition(10, "STANDARD_IA")}),),
        {("x", "rules.0.transitions.0.days")},
        "30 days or more, not 10",
        (
            ("x", "rules", transition(30, "STANDARD_IA")),
            ("x", "rules", transition(10, "GLACIER")),
            ("x", "rules", transition(UNKNOWN, "STANDARD_IA")),
            ("x", "rules", transition(10, UNKNOWN)),
            ("x", "rules", UNKNOWN),
            ("x", "rules", GONE),
        ),
    ),
    "a replica of a managed password": Trap(
        "rds-managed-password",
        (
            One(INSTANCE, "d", {"engine": "postgres", "manageMasterUserPassword": True}),
            One(INSTANCE, "x", {"replicateSourceDb": UNKNOWN}, {"replicateSourceDb": ["d"]}),
        ),
        {("x", "replicateSourceDb")},
        "RDS manages the password of d",
        (
            ("d", "manageMasterUserPassword", False),
            ("d", "manageMasterUserPassword", UNKNOWN),
            ("d", "manageMasterUserPassword", GONE),
            ("d", "engine", "sqlserver-ee"),
            ("d", "engine", UNKNOWN),
        ),
    ),
    "blue/green with a managed password": Trap(
        "rds-managed-password",
        (One(INSTANCE, "x", {"manageMasterUserPassword": True, "blueGreenUpdate": {"enabled": True}}),),
        {("x", "blueGreenUpdate.enabled")},
        "no blue/green deployment",
        (("x", "blueGreenUpdate", {"enabled": False}), ("x", "blueGreenUpdate", UNKNOWN), ("x", "manageMasterUserPassword", GONE)),
    ),
    "a global database with a managed password": Trap(
        "rds-managed-password",
        (One(CLUSTER, "x", {"manageMasterUserPassword": True, "globalClusterIdentifier": "shop"}),),
        {("x", "manageMasterUserPassword")},
        "no password in a global database",
        (("x", "globalClusterIdentifier", GONE), ("x", "manageMasterUserPassword", UNKNOWN)),
    ),
    "a parameter group of another version": Trap(
        "rds-parameter-family",
        (
            One(PARAMETERS, "p", {"family": "postgres16"}),
            One(
                INSTANCE, "x", {"engine": "postgres", "engineVersion": "17.4", "parameterGroupName": UNKNOWN}, {"parameterGroupName": ["p"]}
            ),
        ),
        {("x", "parameterGroupName")},
        "postgres 17.4 cannot use p, which is of the family postgres16",
        (
            ("p", "family", "postgres17"),
            ("p", "family", UNKNOWN),
            ("x", "engineVersion", "16"),
            ("x", "engineVersion", UNKNOWN),
            ("x", "engineVersion", GONE),
            ("x", "engine", UNKNOWN),
        ),
    ),
    "a cluster's parameter group of another engine": Trap(
        "rds-parameter-family",
        (
            One("aws:rds/clusterParameterGroup:ClusterParameterGroup", "p", {"family": "aurora-mysql8.0"}),
            One(
                CLUSTER,
                "x",
                {"engine": "aurora-postgresql", "dbClusterParameterGroupName": UNKNOWN},
                {"dbClusterParameterGroupName": ["p"]},
            ),
        ),
        {("x", "dbClusterParameterGroupName")},
        "aurora-postgresql cannot use p",
        (("x", "engine", "aurora-mysql"), ("p", "family", "aurora-postgresql16")),
    ),
    "advanced insights without Performance Insights": Trap(
        "rds-performance-insights",
        (One(INSTANCE, "x", {"databaseInsightsMode": "advanced"}),),
        {("x", "databaseInsightsMode")},
        "needs performanceInsightsEnabled",
        (
            ("x", "databaseInsightsMode", "standard"),
            ("x", "databaseInsightsMode", UNKNOWN),
            ("x", "databaseInsightsMode", GONE),
            ("x", "performanceInsightsEnabled", UNKNOWN),
        ),
    ),
    "advanced insights of a week": Trap(
        "rds-performance-insights",
        (One(INSTANCE, "x", {"databaseInsightsMode": "advanced", "performanceInsightsEnabled": True}),),
        {("x", "databaseInsightsMode")},
        "465 days or more, not the default of 7 days",
        (("x", "performanceInsightsRetentionPeriod", 465), ("x", "performanceInsightsRetentionPeriod", UNKNOWN)),
    ),
    "Performance Insights on a small MySQL": Trap(
        "rds-performance-insights",
        (One(INSTANCE, "x", {"engine": "mysql", "instanceClass": "db.t4g.micro", "performanceInsightsEnabled": True}),),
        {("x", "performanceInsightsEnabled")},
        "mysql on db.t4g.micro has no Performance Insights",
        (
            ("x", "instanceClass", "db.t4g.medium"),
            ("x", "instanceClass", UNKNOWN),
            ("x", "engine", "postgres"),
            ("x", "performanceInsightsEnabled", UNKNOWN),
            ("x", "performanceInsightsEnabled", GONE),
        ),
    ),
    "no final snapshot": Trap(
        "rds-final-snapshot",
        (One(INSTANCE, "x", {"skipFinalSnapshot": False}),),
        {("x", "finalSnapshotIdentifier")},
        "cannot be deleted",
        (
            ("x", "skipFinalSnapshot", True),
            ("x", "skipFinalSnapshot", UNKNOWN),
            ("x", "finalSnapshotIdentifier", "last"),
            ("x", "finalSnapshotIdentifier", UNKNOWN),
            ("x", "replicateSourceDb", UNKNOWN),
        ),
    ),
    "a parameter at its default": Trap(
        "rds-parameter-drift",
        (One(PARAMETERS, "x", {"family": "postgres15", "parameters": [{"name": "rds.force_ssl", "value": "1"}]}),),
        {("x", "parameters.0")},
        "the default of postgres15",
        (
            ("x", "family", "postgres14"),
            ("x", "family", UNKNOWN),
            ("x", "parameters", [{"name": "rds.force_ssl", "value": "0"}]),
            ("x", "parameters", [{"name": "rds.force_ssl", "value": UNKNOWN}]),
            ("x", "parameters", UNKNOWN),
            ("x", "parameters", GONE),
        ),
    ),
    "a cache's parameter group of another engine": Trap(
        "elasticache-parameter-family",
        (
            One("aws:elasticache/parameterGroup:ParameterGroup", "p", {"family": "redis7"}),
            One(
                "aws:elasticache/replicationGroup:ReplicationGroup",
                "x",
                {"engine": "valkey", "parameterGroupName": UNKNOWN},
                {"parameterGroupName": ["p"]},
            ),
        ),
        {("x", "parameterGroupName")},
        "valkey cannot use p",
        (("p", "family", "valkey8"), ("p", "family", UNKNOWN), ("x", "engine", GONE), ("x", "engine", UNKNOWN)),
    ),
    "a user group without a default user": Trap(
        "elasticache-default-user",
        (
            One("aws:elasticache/user:User", "u", {"userId": "app", "userName": "app"}),
            One("aws:elasticache/userGroup:UserGroup", "x", {"engine": "redis", "userIds": ["app"]}),
        ),
        {("x", "userIds")},
        "no user is named default, only app",
        (
            ("u", "userName", "default"),
            ("u", "userName", UNKNOWN),
            ("x", "engine", "valkey"),
            ("x", "engine", UNKNOWN),
            ("x", "userIds", ["app", "default"]),
            ("x", "userIds", UNKNOWN),
            ("x", "userIds", GONE),
        ),
    ),
    "messages that come back": Trap(
        "queue-visibility",
        (
            One(QUEUE, "q", {"visibilityTimeoutSeconds": 30}),
            One(FUNCTION, "f", {"timeout": 60}),
            One(MAPPING, "x", {"eventSourceArn": UNKNOWN, "functionName": UNKNOWN}, MAPPED),
        ),
        {("x", "eventSourceArn")},
        "q hides messages for 30 seconds, and f may run for 60",
        (
            ("q", "visibilityTimeoutSeconds", 60),
            ("q", "visibilityTimeoutSeconds", UNKNOWN),
            ("f", "timeout", 30),
            ("f", "timeout", UNKNOWN),
            ("f", "timeout", GONE),
        ),
    ),
    "messages that come back early": Trap(
        "queue-visibility-retries",
        (
            One(QUEUE, "q"),
            One(FUNCTION, "f", {"timeout": 10}),
            One(MAPPING, "x", {"eventSourceArn": UNKNOWN, "functionName": UNKNOWN}, MAPPED),
        ),
        {("x", "eventSourceArn")},
        "less than six times the 10 of f",
        (("q", "visibilityTimeoutSeconds", 60), ("q", "visibilityTimeoutSeconds", UNKNOWN), ("f", "timeout", 5), ("f", "timeout", GONE)),
    ),
    "messages that come back while a batch fills up": Trap(
        "queue-visibility-retries",
        (
            One(QUEUE, "q", {"visibilityTimeoutSeconds": 60}),
            One(FUNCTION, "f", {"timeout": 10}),
            One(MAPPING, "x", {"eventSourceArn": UNKNOWN, "functionName": UNKNOWN, "maximumBatchingWindowInSeconds": 30}, MAPPED),
        ),
        {("x", "eventSourceArn")},
        "q hides messages for 60 seconds, less than six times the 10 of f and the batching window of 30",
        (
            ("q", "visibilityTimeoutSeconds", 90),
            ("x", "maximumBatchingWindowInSeconds", 0),
            ("x", "maximumBatchingWindowInSeconds", UNKNOWN),
            ("x", "maximumBatchingWindowInSeconds", GONE),
        ),
    ),
    "a large batch of a FIFO queue": Trap(
        "fifo-batch",
        (One(QUEUE, "q", {"fifoQueue": True}), One(MAPPING, "x", {"eventSourceArn": UNKNOWN, "batchSize": 100}, {"eventSourceArn": ["q"]})),
        {("x", "batchSize")},
        "100 messages, where a FIFO queue gives at most 10",
        (
            ("x", "batchSize", 10),
            ("x", "batchSize", UNKNOWN),
            ("x", "batchSize", GONE),
            ("q", "fifoQueue", False),
            ("q", "fifoQueue", UNKNOWN),
        ),
    ),
    "a window of a FIFO queue": Trap(
        "fifo-batch",
        (One(MAPPING, "x", {"eventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:q.fifo", "maximumBatchingWindowInSeconds": 5}),),
        {("x", "maximumBatchingWindowInSeconds")},
        "no batching window",
        (
            ("x", "maximumBatchingWindowInSeconds", 0),
            ("x", "maximumBatchingWindowInSeconds", UNKNOWN),
            ("x", "eventSourceArn", "arn:aws:sqs:eu-west-1:123456789012:q"),
            ("x", "eventSourceArn", UNKNOWN),
        ),
    ),
    "a queue under AWS's key": Trap(
        "queue-key-for-services",
        (
            One(QUEUE, "q", {"kmsMasterKeyId": "alias/aws/sqs"}),
            One("aws:sns/topicSubscription:TopicSubscription", "x", {"endpoint": UNKNOWN}, {"endpoint": ["q"]}),
            One("aws:cloudwatch/eventTarget:EventTarget", "y", {"arn": UNKNOWN}, {"arn": ["q"]}),
        ),
        {("x", "endpoint"), ("y", "arn")},
        "q is encrypted with alias/aws/sqs",
        (("q", "kmsMasterKeyId", "alias/shop"), ("q", "kmsMasterKeyId", UNKNOWN), ("q", "kmsMasterKeyId", GONE)),
    ),
    "a universal target in capitals": Trap(
        "schedule-universal-target",
        (One("aws:scheduler/schedule:Schedule", "x", {"target": {"arn": "arn:aws:scheduler:::aws-sdk:sqs:SendMessage"}}),),
        {("x", "target.arn")},
        "sqs:SendMessage is not of the form sqs:sendMessage",
        (
            ("x", "target", {"arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"}),
            ("x", "target", {"arn": UNKNOWN}),
            ("x", "target", UNKNOWN),
            ("x", "target", GONE),
        ),
    ),
    "a role that trusts a schedule": Trap(
        "schedule-role-trust",
        (
            One(ROLE, "r", {"assumeRolePolicy": trust("arn:aws:scheduler:eu-west-1:123456789012:schedule/default/nightly")}),
            One("aws:scheduler/schedule:Schedule", "x", {"target": {"roleArn": UNKNOWN}}, {"target": ["r"]}),
        ),
        {("x", "target.roleArn")},
        "r expects the ARN of a schedule",
        (
            ("r", "assumeRolePolicy", trust("arn:aws:scheduler:eu-west-1:123456789012:schedule-group/default")),
            ("r", "assumeRolePolicy", json.dumps({"Statement": {"Principal": {"Service": "scheduler.amazonaws.com"}}})),
            ("r", "assumeRolePolicy", "{"),
            ("r", "assumeRolePolicy", UNKNOWN),
            ("r", "assumeRolePolicy", GONE),
        ),
    ),
    "sizes that are left out": Trap(
        "scheduled-sizes-set",
        (One(SCHEDULE, "x", {"minSize": 2, "desiredCapacity": 2}),),
        {("x", "maxSize")},
        "sends 0 for maxSize",
        (("x", "maxSize", -1), ("x", "maxSize", UNKNOWN)),
    ),
    "a version that stays": Trap(
        "template-version-followed",
        (One(TEMPLATE, "t"), One(GROUP, "x", {"launchTemplate": {"id": UNKNOWN}}, {"launchTemplate": ["t"]})),
        {("x", "launchTemplate.version")},
        "the default version of t",
        (
            ("x", "launchTemplate", {"id": UNKNOWN, "version": "$Latest"}),
            ("x", "launchTemplate", {"id": UNKNOWN, "version": UNKNOWN}),
            ("x", "launchTemplate", UNKNOWN),
            ("x", "launchTemplate", GONE),
            ("t", "updateDefaultVersion", True),
            ("t", "updateDefaultVersion", UNKNOWN),
        ),
    ),
    "a capacity that is set back": Trap(
        "desired-capacity-left-to-scaling",
        (One(GROUP, "x", {"desiredCapacity": 2}), One(SCALING, "p", {"autoscalingGroupName": UNKNOWN}, {"autoscalingGroupName": ["x"]})),
        {("x", "desiredCapacity")},
        "is also changed by p",
        (("x", "desiredCapacity", GONE),),
    ),
    "a name that grows too long": Trap(
        "auto-name-fits",
        (One("aws:lb/targetGroup:TargetGroup", "a-target-group-of-the-shop"),),
        {("a-target-group-of-the-shop", "name")},
        "has 26 characters, and auto-naming leaves 24 of 32",
        (
            ("a-target-group-of-the-shop", "name", "shop"),
            ("a-target-group-of-the-shop", "name", UNKNOWN),
            ("a-target-group-of-the-shop", "namePrefix", "shop-"),
        ),
    ),
    "a web ACL's log group of another name": Trap(
        "waf-log-destination-name",
        (
            One("aws:cloudwatch/logGroup:LogGroup", "requests", {"name": "requests"}),
            One(WAF_LOGS, "x", {"logDestinationConfigs": [UNKNOWN]}, {"logDestinationConfigs": ["requests"]}),
        ),
        {("x", "logDestinationConfigs")},
        "the name of requests does not begin with aws-waf-logs-",
        (
            ("requests", "name", "aws-waf-logs-shop"),
            ("requests", "name", UNKNOWN),
        ),
    ),
    "a web ACL's bucket of another name": Trap(
        "waf-log-destination-name",
        (One(WAF_LOGS, "x", {"logDestinationConfigs": ["arn:aws:s3:::shop-logs"]}),),
        {("x", "logDestinationConfigs.0")},
        "the name shop-logs does not begin with aws-waf-logs-",
        (
            ("x", "logDestinationConfigs", ["arn:aws:s3:::aws-waf-logs-shop"]),
            ("x", "logDestinationConfigs", UNKNOWN),
            ("x", "logDestinationConfigs", GONE),
        ),
    ),
    "a secret's name": Trap(
        "secret-name-reusable",
        (One("aws:secretsmanager/secret:Secret", "x", {"name": "shop/database"}),),
        {("x", "name")},
        "for 30 days",
        (("x", "name", GONE), ("x", "name", UNKNOWN), ("x", "recoveryWindowInDays", 0), ("x", "recoveryWindowInDays", UNKNOWN)),
    ),
    "a log bucket without a policy": Trap(
        "balancer-log-bucket-policy",
        (
            One(BUCKET, "logs"),
            One("aws:lb/loadBalancer:LoadBalancer", "x", {"accessLogs": {"bucket": UNKNOWN, "enabled": True}}, {"accessLogs": ["logs"]}),
        ),
        {("x", "accessLogs.bucket")},
        "logs has no bucket policy",
        (
            ("logs", "policy", UNKNOWN),
            ("x", "accessLogs", {"bucket": UNKNOWN, "enabled": UNKNOWN}),
            ("x", "accessLogs", GONE),
        ),
    ),
    "a bundle without its version": Trap(
        "trust-store-version",
        (
            One("aws:s3/bucketObjectv2:BucketObjectv2", "bundle", {"key": "bundle.pem"}),
            One("aws:lb/trustStore:TrustStore", "x", {"caCertificatesBundleS3Key": UNKNOWN}, {"caCertificatesBundleS3Key": ["bundle"]}),
        ),
        {("x", "caCertificatesBundleS3ObjectVersion")},
        "does not follow bundle",
        (("x", "caCertificatesBundleS3ObjectVersion", UNKNOWN), ("x", "caCertificatesBundleS3ObjectVersion", "1")),
    ),
    "a static parameter at once": Trap(
        "rds-static-parameter",
        (One(PARAMETERS, "x", {"family": "postgres17", "parameters": [{"name": "shared_preload_libraries", "value": "pg_cron"}]}),),
        {("x", "parameters.0.applyMethod")},
        "shared_preload_libraries is static",
        (
            ("x", "parameters", [{"name": "shared_preload_libraries", "applyMethod": "pending-reboot"}]),
            ("x", "parameters", [{"name": "shared_preload_libraries", "applyMethod": UNKNOWN}]),
            ("x", "parameters", [{"name": "log_statement"}]),
            ("x", "parameters", [{"name": UNKNOWN}]),
            ("x", "parameters", UNKNOWN),
            ("x", "parameters", GONE),
            ("x", "family", "mysql8.4"),
            ("x", "family", UNKNOWN),
        ),
    ),
    "TLS that was static": Trap(
        "rds-static-parameter",
        (One(PARAMETERS, "x", {"family": "postgres14", "parameters": [{"name": "rds.force_ssl", "value": "1"}]}),),
        {("x", "parameters.0.applyMethod")},
        "rds.force_ssl is static",
        (("x", "family", "postgres15"), ("x", "family", "aurora-postgresql14")),
    ),
    "a log group under a key without the service": Trap(
        "log-group-key-policy",
        (
            One("aws:kms/key:Key", "k", {"policy": key_policy({"AWS": "arn:aws:iam::123456789012:root"})}),
            One("aws:cloudwatch/logGroup:LogGroup", "x", {"kmsKeyId": UNKNOWN}, {"kmsKeyId": ["k"]}),
        ),
        {("x", "kmsKeyId")},
        "the policy of k does not allow CloudWatch Logs",
        (
            ("k", "policy", key_policy({"Service": "logs.eu-west-1.amazonaws.com"})),
            ("k", "policy", key_policy({"Service": ["ec2.amazonaws.com", "logs.amazonaws.com"]})),
            ("k", "policy", key_policy("*")),
            ("k", "policy", key_policy({"AWS": ["*"]})),
            ("k", "policy", {"Statement": [{"Principal": {"AWS": UNKNOWN}}]}),
            ("k", "policy", {"Statement": [{"Principal": {"Service": [UNKNOWN]}}]}),
            ("k", "policy", {"Statement": [UNKNOWN]}),
            ("k", "policy", "{"),
            ("k", "policy", UNKNOWN),
        ),
    ),
    "a log group under a key of the default policy": Trap(
        "log-group-key-policy",
        (
            One("aws:kms/key:Key", "k"),
            One("aws:cloudwatch/logGroup:LogGroup", "x", {"kmsKeyId": UNKNOWN}, {"kmsKeyId": ["k"]}),
            One("aws:kms/keyPolicy:KeyPolicy", "p", {"keyId": UNKNOWN, "policy": key_policy({"AWS": "1"})}, {"keyId": ["k"]}),
        ),
        {("x", "kmsKeyId")},
        "the policy of k does not allow CloudWatch Logs",
        (("p", "policy", key_policy({"Service": "logs.eu-west-1.amazonaws.com"})), ("p", "policy", UNKNOWN)),
    ),
    "a regional gateway in a subnet": Trap(
        "nat-gateway-place",
        (One("aws:ec2/natGateway:NatGateway", "x", {"availabilityMode": "regional", "subnetId": UNKNOWN, "vpcId": UNKNOWN}),),
        {("x", "subnetId")},
        "a regional NAT gateway is in no subnet",
        (("x", "subnetId", GONE), ("x", "availabilityMode", "zonal"), ("x", "availabilityMode", UNKNOWN), ("x", "availabilityMode", GONE)),
    ),
    "a regional gateway without its VPC": Trap(
        "nat-gateway-place",
        (One("aws:ec2/natGateway:NatGateway", "x", {"availabilityMode": "regional"}),),
        {("x", "vpcId")},
        "needs the VPC",
        (("x", "vpcId", UNKNOWN), ("x", "availabilityMode", UNKNOWN)),
    ),
    "a zonal gateway without its subnet": Trap(
        "nat-gateway-place",
        (One("aws:ec2/natGateway:NatGateway", "x", {"vpcId": UNKNOWN}),),
        {("x", "subnetId")},
        "needs a subnet",
        (("x", "subnetId", UNKNOWN), ("x", "availabilityMode", "regional"), ("x", "availabilityMode", UNKNOWN)),
    ),
    "a route to an interface that drops packets": Trap(
        "routed-interface-forwards",
        (
            One("aws:ec2/networkInterface:NetworkInterface", "e"),
            One("aws:ec2/route:Route", "x", {"networkInterfaceId": UNKNOWN}, {"networkInterfaceId": ["e"]}),
        ),
        {("x", "networkInterfaceId")},
        "e drops what is for other addresses",
        (("e", "sourceDestCheck", False), ("e", "sourceDestCheck", UNKNOWN)),
    ),
    "a route to an instance that drops packets": Trap(
        "routed-interface-forwards",
        (
            One("aws:ec2/instance:Instance", "i", {"sourceDestCheck": True}),
            One("aws:ec2/route:Route", "x", {"networkInterfaceId": UNKNOWN}, {"networkInterfaceId": ["i"]}),
        ),
        {("x", "networkInterfaceId")},
        "i drops what is for other addresses",
        (("i", "sourceDestCheck", False), ("i", "sourceDestCheck", UNKNOWN), ("i", "primaryNetworkInterface", UNKNOWN)),
    ),
    "weights that are ignored": Trap(
        "listener-weights-managed",
        (One("aws:lb/listener:Listener", "x", options={"ignoreChanges": ["defaultActions[0].forward.targetGroups[*].weight"]}),),
        {("x", "")},
        "ignores changes of defaultActions[0].forward.targetGroups[*].weight",
        (),
    ),
    "a deployment by CodeDeploy": Trap(
        "service-open",
        (One("aws:ecs/service:Service", "x", {"deploymentController": {"type": "CODE_DEPLOY"}}),),
        {("x", "deploymentController.type")},
        "ECS deployment by CodeDeploy",
        (
            ("x", "deploymentController", {"type": "ECS"}),
            ("x", "deploymentController", {"type": UNKNOWN}),
            ("x", "deploymentController", UNKNOWN),
            ("x", "deploymentController", GONE),
        ),
    ),
    "a closed service": Trap(
        "service-open",
        (One("aws:glacier/vault:Vault", "x"), One(QUEUE, "q")),
        {("x", "")},
        "Glacier vaults",
        (),
    ),
    "rules of two owners": Trap(
        "one-owner",
        (
            One(SECURITY_GROUP, "x", {"ingress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443}]}),
            One(INGRESS, "r", {"securityGroupId": UNKNOWN}, {"securityGroupId": ["x"]}),
        ),
        {("x", "ingress")},
        "also holds what r sets",
        (("x", "ingress", []), ("x", "ingress", UNKNOWN), ("x", "ingress", GONE)),
    ),
    "old rules of two owners": Trap(
        "one-owner",
        (
            One(SECURITY_GROUP, "x", {"egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0}]}),
            One(
                "aws:ec2/securityGroupRule:SecurityGroupRule",
                "r",
                {"securityGroupId": UNKNOWN, "type": "egress"},
                {"securityGroupId": ["x"]},
            ),
        ),
        {("x", "egress")},
        "also holds what r sets",
        (("r", "type", "ingress"), ("r", "type", UNKNOWN), ("x", "egress", GONE)),
    ),
    "two notifications of a bucket": Trap(
        "one-of-its-kind",
        (
            One(BUCKET, "b"),
            One("aws:s3/bucketNotification:BucketNotification", "a", {"bucket": UNKNOWN}, {"bucket": ["b"]}),
            One("aws:s3/bucketNotification:BucketNotification", "x", {"bucket": UNKNOWN}, {"bucket": ["b"]}),
        ),
        {("x", "bucket")},
        "replaces that of b which a sets",
        (),
    ),
    "two detectors": Trap(
        "account-singleton",
        (One("aws:guardduty/detector:Detector", "a"), One("aws:guardduty/detector:Detector", "x")),
        {("x", "")},
        "a is the same setting of the account",
        (("x", "region", "eu-central-1"), ("x", "region", UNKNOWN)),
    ),
    "inline policies that do not fit": Trap(
        "role-inline-size",
        (
            One(ROLE, "x", {"inlinePolicies": [{"name": "a", "policy": POLICY}]}),
            One(ROLE_POLICY, "p", {"role": UNKNOWN, "policy": POLICY}, {"role": ["x"]}),
        ),
        {("x", "")},
        "more than 10,240",
        (("p", "policy", "{}"), ("p", "policy", UNKNOWN), ("x", "inlinePolicies", UNKNOWN), ("x", "inlinePolicies", GONE)),
    ),
    "more rules than a group takes": Trap(
        "security-group-rule-count",
        (
            One(SECURITY_GROUP, "x", {"ingress": [{"cidrBlocks": [f"10.0.{number}.0/24" for number in range(60)]}]}),
            One(INGRESS, "r", {"securityGroupId": UNKNOWN, "cidrIpv4": "10.1.0.0/16"}, {"securityGroupId": ["x"]}),
        ),
        {("x", "")},
        "61 ingress rules for IPv4",
        (("x", "ingress", [{"cidrBlocks": ["10.0.0.0/8"] * 59}]), ("x", "ingress", UNKNOWN), ("x", "ingress", GONE)),
    ),
    "more groups than an interface takes": Trap(
        "interface-group-count",
        (One("aws:ec2/networkInterface:NetworkInterface", "x", {"securityGroups": [UNKNOWN] * 6}),),
        {("x", "securityGroups")},
        "has 6 security groups",
        (("x", "securityGroups", [UNKNOWN] * 5), ("x", "securityGroups", UNKNOWN), ("x", "securityGroups", GONE)),
    ),
    "an eleventh policy of the logs": Trap(
        "log-resource-policy-count",
        tuple(One("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", f"p{number}") for number in range(10, 21)),
        {("p20", "")},
        "the stack has 11 in the region",
        (("p15", "region", "eu-central-1"), ("p15", "region", UNKNOWN), ("p15", "resourceArn", UNKNOWN)),
    ),
    "two rules of one number": Trap(
        "network-acl-numbers",
        ACL,
        {("acl", "")},
        "a and b are both ingress rule 100",
        (
            ("b", "ruleNumber", 110),
            ("b", "ruleNumber", UNKNOWN),
            ("b", "egress", True),
            ("b", "egress", UNKNOWN),
            ("a", "ruleNumber", GONE),
        ),
    ),
    "private DNS without names": Trap(
        "endpoint-private-dns",
        (
            One("aws:ec2/vpc:Vpc", "v", {"enableDnsHostnames": False}),
            One("aws:ec2/vpcEndpoint:VpcEndpoint", "x", {"vpcId": UNKNOWN, "privateDnsEnabled": True}, {"vpcId": ["v"]}),
        ),
        {("x", "privateDnsEnabled")},
        "v has no DNS hostnames",
        (
            ("v", "enableDnsHostnames", True),
            ("v", "enableDnsHostnames", UNKNOWN),
            ("x", "privateDnsEnabled", False),
            ("x", "privateDnsEnabled", UNKNOWN),
            ("x", "privateDnsEnabled", GONE),
        ),
    ),
    "a distribution's certificate elsewhere": Trap(
        "distribution-global-parts",
        (
            One("aws:acm/certificate:Certificate", "c", {"region": "eu-west-1"}),
            One(
                "aws:cloudfront/distribution:Distribution",
                "x",
                {"viewerCertificate": {"acmCertificateArn": UNKNOWN}},
                {"viewerCertificate": ["c"]},
            ),
        ),
        {("x", "viewerCertificate.acmCertificateArn")},
        "in eu-west-1, not us-east-1",
        (("c", "region", "us-east-1"), ("c", "region", UNKNOWN), ("c", "region", GONE)),
    ),
    "a distribution's certificate elsewhere by its ARN": Trap(
        "distribution-global-parts",
        (One("aws:cloudfront/distribution:Distribution", "x", {"viewerCertificate": {"acmCertificateArn": certificate("eu-west-1")}}),),
        {("x", "viewerCertificate.acmCertificateArn")},
        "in eu-west-1, not us-east-1",
        (
            ("x", "viewerCertificate", {"acmCertificateArn": certificate("us-east-1")}),
            ("x", "viewerCertificate", UNKNOWN),
            ("x", "viewerCertificate", GONE),
        ),
    ),
    "a distribution's regional web ACL": Trap(
        "distribution-global-parts",
        (
            One("aws:wafv2/webAcl:WebAcl", "w", {"scope": "REGIONAL"}),
            One("aws:cloudfront/distribution:Distribution", "x", {"webAclId": UNKNOWN}, {"webAclId": ["w"]}),
        ),
        {("x", "webAclId")},
        "the web ACL w is regional",
        (("w", "scope", "CLOUDFRONT"), ("w", "scope", UNKNOWN)),
    ),
}


def told(trap: Trap, resources: tuple[One, ...]) -> list[tuple[str, str, str]]:
    found = verdicts(CONTROLS[trap.control], stack(*(one.build() for one in resources)))
    assert {type(verdict) for _, verdict in found} <= {Fail, Pass}
    return [(name, verdict.where, verdict.message) for name, verdict in found if isinstance(verdict, Fail)]


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS)
def test_a_trap_is_told_at_its_property(trap: Trap) -> None:
    found = told(trap, trap.stack)
    assert {(name, where) for name, where, _ in found} == trap.told
    assert all(trap.text in message for _, _, message in found)


@pytest.mark.parametrize(
    ("trap", "change"),
    [(trap, change) for trap in TRAPS.values() for change in trap.right],
    ids=lambda value: getattr(value, "control", None),
)
def test_one_right_or_unknown_value_is_enough(trap: Trap, change: tuple[str, str, Any]) -> None:
    name, path, value = change
    assert name in {one.name for one in trap.stack}
    changed = tuple(one._replace(inputs={**one.inputs, path: value}) if one.name == name else one for one in trap.stack)
    assert told(trap, changed) == []


def test_each_control_has_a_trap() -> None:
    assert {trap.control for trap in TRAPS.values()} == CONTROLS.keys()


@pytest.mark.parametrize("name", ["one-owner", "desired-capacity-left-to-scaling"])
def test_ignored_changes_are_no_trap(name: str) -> None:
    for trap in (trap for trap in TRAPS.values() if trap.control == name):
        [(owner, path)] = trap.told
        ignoring = tuple(one._replace(options={"ignoreChanges": [path]}) if one.name == owner else one for one in trap.stack)
        assert told(trap, ignoring) == []


def test_a_name_that_the_bridge_filled_in_is_pulumis_own() -> None:
    name = "a-target-group-of-the-shop"
    given = {"name": f"{name}-1a2b3c4", "__defaults": ["name"]}
    assert len(verdicts(naming.auto_name_fits, resource("aws:lb/targetGroup:TargetGroup", name, given))) == 1


def test_a_fifo_queue_has_five_characters_less() -> None:
    queue = resource(QUEUE, "q" * 68, {"fifoQueue": True})
    assert [fail.message for _, fail in verdicts(naming.auto_name_fits, queue)] == [
        "would be refused: the logical name has 68 characters, and auto-naming leaves 67 of 80"
    ]
    assert [one for _, one in verdicts(naming.auto_name_fits, resource(QUEUE, "q" * 68)) if isinstance(one, Fail)] == []


def test_every_type_and_property_of_the_tables_is_the_sdks() -> None:
    inputs = {one.token: {argument.name for argument in one.inputs} for one in sdk.resource_types()}
    used = [(type, path) for type, (path, _) in naming._LIMITS.items()]
    used += [(part.owner, part.property) for part in owners._PARTS] + [(part.type, part.by) for part in owners._PARTS]
    used += [(part.type, part.when[0]) for part in owners._PARTS if part.when is not None]
    used += [(type, by) for type, (_, by) in owners._WHOLE.items()]
    used += [(type, path.partition(".")[0]) for type, path in quotas._INTERFACES.items()]
    assert [one for one in used if one[1] not in inputs.get(one[0], ())] == []
    assert [type for type in owners._SINGLETONS if type not in inputs] == []
    assert [start for start in (*closed._CLOSED, *closed._KEPT) if not any(type.startswith(start) for type in inputs)] == []


def test_our_own_stacks_are_in_no_trap() -> None:
    controls = [control for control in discover("cloudpatterns_policies.acceptance.controls", pack="acceptance") if control.id in CONTROLS]
    assert len(controls) == len(CONTROLS)
    found = {}
    for name, graph in graphs():
        whole = sent(graph)
        for control in controls:
            fails = [(one, verdict) for one, verdict in verdicts(control, whole) if isinstance(verdict, Fail)]
            if fails:
                found[f"{name} {control.id}"] = fails
    assert found == {}


def test_what_only_costs_is_advice_and_what_is_refused_is_not() -> None:
    advice = {control.id for control in CONTROLS.values() if control.severity is Severity.LOW}
    assert all(control.severity in (Severity.LOW, Severity.HIGH) for control in CONTROLS.values())
    assert all("would be refused" not in trap.text for trap in TRAPS.values() if trap.control in advice)


def test_a_secret_document_is_measured_and_not_shown() -> None:
    role = resource(ROLE, "x", {"inlinePolicies": [{"name": "a", "policy": secret(POLICY)}, {"name": "b", "policy": secret(POLICY)}]})
    [(_, fail)] = verdicts(quotas.role_inline_size, role)
    assert isinstance(fail, Fail)
    assert "bucket-1" not in fail.message
