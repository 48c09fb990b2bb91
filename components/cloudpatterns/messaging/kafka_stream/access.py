"""What roles may do with a cluster, its topics and its consumer groups through IAM.

Statements have no ids: those of several topics may stand in one role, where an id may be there once.
https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
"""

import pulumi

from cloudpatterns.core import Statement, account_of, partition_of, region_of


def _arn(cluster_arn: pulumi.Input[str], kind: str, name: str) -> pulumi.Output[str]:
    """The ARN of a topic, group or transactional id, which has the cluster's name and id in it."""
    return pulumi.Output.from_input(cluster_arn).apply(lambda arn: f"{arn.replace(':cluster/', f':{kind}/', 1)}/{name}")


def producer_statements(cluster_arn: pulumi.Input[str], topic: str, transactional_id: str | None) -> list[Statement]:
    """Lets a role write a topic. Producers are idempotent by default since Kafka 3.0, which is a right on the cluster."""
    transactions = [] if transactional_id is None else [_arn(cluster_arn, "transactional-id", transactional_id)]
    use = ["kafka-cluster:DescribeTransactionalId", "kafka-cluster:AlterTransactionalId"]
    return [
        Statement(actions=["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"], resources=[cluster_arn]),
        Statement(actions=["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"], resources=[_arn(cluster_arn, "topic", topic)]),
        *(Statement(actions=use, resources=[arn]) for arn in transactions),
    ]


def consumer_statements(cluster_arn: pulumi.Input[str], topic: str, group: str) -> list[Statement]:
    """Lets a role read a topic in a consumer group."""
    return [
        Statement(actions=["kafka-cluster:Connect"], resources=[cluster_arn]),
        Statement(actions=["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], resources=[_arn(cluster_arn, "topic", topic)]),
        Statement(actions=["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"], resources=[_arn(cluster_arn, "group", group)]),
    ]


def administrator_statements(cluster_arn: pulumi.Input[str], topic: str) -> list[Statement]:
    """Lets a role create, change and delete topics."""
    actions = ("DescribeTopic", "CreateTopic", "AlterTopic", "DeleteTopic")
    settings = ("DescribeTopicDynamicConfiguration", "AlterTopicDynamicConfiguration")
    return [
        Statement(actions=["kafka-cluster:Connect"], resources=[cluster_arn]),
        Statement(actions=[f"kafka-cluster:{action}" for action in (*actions, *settings)], resources=[_arn(cluster_arn, "topic", topic)]),
    ]


def poller_statements(
    cluster_arn: pulumi.Input[str], topic: str, group: str, bucket_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str] | None
) -> list[Statement]:
    """What Lambda's pollers do with the role of the function.

    https://docs.aws.amazon.com/lambda/latest/dg/with-msk-permissions.html
    https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html
    """
    network = pulumi.Output.concat("arn:", partition_of(cluster_arn), ":ec2:", region_of(cluster_arn), ":", account_of(cluster_arn), ":")
    interfaces, *others = [pulumi.Output.concat(network, kind, "/*") for kind in ("network-interface", "subnet", "security-group")]
    looked_up = ("NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
    return [
        *consumer_statements(cluster_arn, topic, group),
        Statement(
            sid="Cluster", actions=["kafka:DescribeClusterV2", "kafka-cluster:DescribeClusterDynamicConfiguration"], resources=[cluster_arn]
        ),
        # Actions without resource types.
        Statement(sid="LookUp", actions=["kafka:GetBootstrapBrokers", *(f"ec2:Describe{kind}" for kind in looked_up)], resources=["*"]),
        Statement(sid="Attach", actions=["ec2:CreateNetworkInterface"], resources=[interfaces, *others]),
        Statement(sid="Detach", actions=["ec2:DeleteNetworkInterface"], resources=[interfaces]),
        Statement(sid="KeepFailed", actions=["s3:PutObject"], resources=[pulumi.Output.concat(bucket_arn, "/*")]),
        Statement(sid="FindBucket", actions=["s3:ListBucket"], resources=[bucket_arn]),
        *([] if kms_key_arn is None else [Statement(sid="Encrypt", actions=["kms:GenerateDataKey"], resources=[kms_key_arn])]),
    ]
