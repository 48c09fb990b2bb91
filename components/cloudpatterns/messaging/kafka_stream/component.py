"""Records in Kafka topics.

Pattern: "Event streaming with Kafka" (AWS architecture patterns, 2025).
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, log_group, logs_statement
from cloudpatterns.blocks.security_group import GROUP_DELETION, egress_rule, ingress_rule, security_group
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, after, as_arguments, by_name
from cloudpatterns.messaging.kafka_stream import access
from cloudpatterns.messaging.kafka_stream.alarms import Alarms
from cloudpatterns.messaging.kafka_stream.arguments import KafkaStreamArgs, KafkaStreamBrokers
from cloudpatterns.messaging.kafka_stream.checks import argument_problems, child_names, group_of, is_express, needs_key, storage
from cloudpatterns.messaging.kafka_stream.consumers import FailedRecordBucket, create_consumer
from cloudpatterns.storage import DurableBucket

_PORT = 9098
"""Where brokers take clients that log in through IAM, over TLS.

https://docs.aws.amazon.com/msk/latest/developerguide/port-info.html
"""
_LOG_GROUPS = "/aws/vendedlogs/msk/"
# https://docs.aws.amazon.com/msk/latest/developerguide/msk-autoexpand.html
_STORAGE_TARGET_PERCENT = 60


class KafkaStream(Component):
    """A private Kafka cluster on Amazon MSK, which clients reach over TLS and log in to through IAM (AWS architecture patterns, "Event
    streaming with Kafka").

    Creates a serverless cluster, or a provisioned one of Express or standard brokers, with a security group that admits named client
    groups on the port of IAM authentication alone; there is no listener for plaintext, and none without authentication. Topics, statements
    for the roles of producers and consumers, and Lambda functions that read topics complete it. A record that a function fails to process
    is kept whole in a bucket, after a bounded number of retries.

    **Use when**: software speaks Kafka's protocol already, many groups read the same records at their own pace, or records are replayed.

    **Not when**: nothing speaks Kafka yet (``EventStream``), each message is one job (``QueueWorker``), or events are routed by their
    content (``EventBus``).

    **Cost drivers**: brokers by the hour, or a serverless cluster by the hour, partition and GB; storage; pollers of functions by the hour;
    metrics beyond ``DEFAULT``; traffic between zones.

    **Trade-offs**: records are in order within a partition alone, and a partition can never be taken away; a serverless cluster takes no
    customer managed key, topics by deployment or broker logs, Express brokers no own storage settings; a record that fails holds back its
    partition until its retries are used up.

    **Proven by**: controls ``msk-tls-clients``, ``msk-tls-between-brokers``, ``msk-login-required``, ``msk-private``, ``msk-broker-logs``,
    ``stream-failures-kept``; ``test_kafka_stream.py``.
    """

    cluster_arn: pulumi.Output[str]
    """ARN of the cluster."""
    cluster_name: pulumi.Output[str]
    """Name of the cluster, as in its metrics."""
    bootstrap_brokers: pulumi.Output[str] | None
    """Addresses with the port for IAM authentication, separated by commas, which clients connect to first, available after the rules of the
    security group; none of an adopted cluster."""
    topic_arns: pulumi.Output[dict[str, str]]
    """Topic to its ARN, of ``topics``."""
    security_group_id: pulumi.Output[str] | None
    """The new security group of the brokers; none where groups or a cluster are given."""
    kms_key_arn: pulumi.Output[str] | None
    """Key of the brokers' disks and logs, and of the consumers; none where there are neither brokers nor functions."""
    log_group_name: pulumi.Output[str] | None
    """Log group of the brokers; none of a serverless or adopted cluster."""
    function_arns: pulumi.Output[dict[str, str]]
    """Consumer to the ARN of its function."""
    event_source_ids: pulumi.Output[dict[str, str]]
    """Consumer to the id of its event source mapping."""
    failed_record_bucket_arn: pulumi.Output[str] | None
    """Bucket for records that consumers failed to process; none without consumers."""

    def __init__(self, name: str, args: KafkaStreamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        problems = functools.partial(argument_problems, name)
        checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._checked, self._name = checked, name
        self.security_group_id = self.log_group_name = self.bootstrap_brokers = None
        self.kms_key_arn = self._key()
        self._rules: list[pulumi.Resource] = []
        brokers, given_arn = checked.get("brokers"), checked.get("cluster_arn")
        if given_arn is not None:
            self.cluster_arn = pulumi.Output.from_input(given_arn)
            self.cluster_name = self.cluster_arn.apply(lambda arn: arn.split("/")[1])
        elif brokers is None:
            self._create_serverless()
        else:
            self._create_brokers(brokers)
        self._alarms = Alarms(self, checked, self.cluster_name)
        if brokers is not None:
            self._alarms.of_brokers(brokers, self._broker_count(brokers))
        for key, group in checked["consumer_groups"].items():
            self._alarms.of_group(f"lag-{key}", group["topic"], group["group"], group["most_lag"])
        topics = self._create_topics()
        self.topic_arns = by_name({topic: resource.arn for topic, resource in topics.items()})
        consumers = self._create_consumers(topics)
        self.event_source_ids = by_name({key: mapping.uuid for key, (mapping, _) in consumers.items()})
        self.function_arns = by_name({key: function_arn for key, (_, function_arn) in consumers.items()})
        self.register()

    def producer_statements(self, topic: str, transactional_id: str | None = None) -> list[WorkloadStatementArgs]:
        """What a role needs to write a topic, and to use transactions with an id.

        ``*`` at the end of either stands for all that begin so. The statements are those of a function or a ``WorkloadRole``.
        """
        return as_arguments(access.producer_statements(self.cluster_arn, topic, transactional_id))

    def consumer_statements(self, topic: str, group: str) -> list[WorkloadStatementArgs]:
        """What a role needs to read a topic in a consumer group; ``*`` at the end of either stands for all that begin so."""
        return as_arguments(access.consumer_statements(self.cluster_arn, topic, group))

    def administrator_statements(self, topic: str) -> list[WorkloadStatementArgs]:
        """What a role needs to create, change and delete a topic; ``*`` at the end stands for all that begin so."""
        return as_arguments(access.administrator_statements(self.cluster_arn, topic))

    def poller_statements(self, consumer: str) -> list[WorkloadStatementArgs]:
        """What the role of a consumer's existing function needs: Lambda's pollers read the topic and keep failed records with it.

        :raises ArgumentError: for an unknown consumer, with those known.
        """
        found = self.lookup(self._checked["consumers"], consumer, "consumer", "a consumer")
        assert self._bucket is not None, "a consumer has a bucket"
        group = group_of(self._name, consumer, found)
        return as_arguments(access.poller_statements(self.cluster_arn, found["topic"], group, *self._bucket))

    def _create_serverless(self) -> None:
        checked = self._checked
        cluster = aws.msk.ServerlessCluster(
            f"{self._name}-cluster",
            client_authentication={"sasl": {"iam": {"enabled": True}}},
            vpc_configs=[{"subnet_ids": self._subnet_ids(), "security_group_ids": self._security_group_ids()}],
            tags=checked["tags"],
            opts=self.child(protect=checked["deletion_protection"]),
        )
        self.cluster_arn, self.cluster_name = cluster.arn, cluster.cluster_name
        self.bootstrap_brokers = after(cluster.bootstrap_brokers_sasl_iam, *self._rules)

    def _create_brokers(self, brokers: KafkaStreamBrokers) -> None:
        checked, properties, kms_key_arn = self._checked, self._properties(brokers), self.kms_key_arn
        assert kms_key_arn is not None, "brokers have a key"
        logs = log_group(
            self,
            f"{self._name}-logs",
            checked["log_retention_days"],
            # Under this prefix the delivery needs no entry of its own in a log resource policy, of which a region has ten.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
            name=pulumi.Output.concat(_LOG_GROUPS, properties.name),
            kms_key_arn=kms_key_arn,
            tags=checked["tags"],
        )
        cluster = self._cluster(brokers, properties, kms_key_arn, logs)
        if not is_express(brokers):
            self._grow_storage(cluster, storage(brokers)[1])
        self.cluster_arn, self.cluster_name = cluster.arn, cluster.cluster_name
        self.bootstrap_brokers = after(cluster.bootstrap_brokers_sasl_iam, *self._rules)
        self.log_group_name = logs.name

    def _key(self) -> pulumi.Output[str] | None:
        given, name = self._checked.get("kms_key_arn"), self._name
        if given is not None or not needs_key(self._checked):
            return None if given is None else pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            # MSK uses the key through grants of whoever creates the cluster; CloudWatch Logs uses it by itself.
            functions = logs_statement(key_arn, f"{name}-*")
            return [functions, dataclasses.replace(logs_statement(key_arn, f"{_LOG_GROUPS}*"), sid="BrokerLogs")]

        return create_key(self, f"{name}-key", f"Kafka cluster {name} and its consumers", statements, tags=self._checked["tags"])

    def _cluster(
        self,
        brokers: KafkaStreamBrokers,
        properties: aws.msk.Configuration,
        kms_key_arn: pulumi.Input[str],
        logs: aws.cloudwatch.LogGroup,
    ) -> aws.msk.Cluster:
        checked = self._checked
        disks: dict[str, Any] = {} if is_express(brokers) else {"storage_info": {"ebs_storage_info": {"volume_size": storage(brokers)[0]}}}
        return aws.msk.Cluster(
            f"{self._name}-cluster",
            kafka_version=brokers["kafka_version"],
            number_of_broker_nodes=self._broker_count(brokers),
            broker_node_group_info={
                "instance_type": brokers["instance_type"],
                "client_subnets": self._subnet_ids(),
                "security_groups": self._security_group_ids(),
                # Private: AWS refuses to create a public cluster, and nothing here makes it public later.
                "connectivity_info": {"public_access": {"type": "DISABLED"}},
                **disks,
            },
            # Said openly: AWS may add a listener without authentication where nothing is said.
            client_authentication={"sasl": {"iam": True, "scram": False}, "unauthenticated": False},
            encryption_info={
                "encryption_at_rest_kms_key_arn": kms_key_arn,
                "encryption_in_transit": {"client_broker": "TLS", "in_cluster": True},
            },
            configuration_info={"arn": properties.arn, "revision": properties.latest_revision},
            enhanced_monitoring=brokers["monitoring_level"],
            logging_info={"broker_logs": {"cloudwatch_logs": {"enabled": True, "log_group": logs.name}}},
            tags=checked["tags"],
            opts=self.child(
                protect=checked["deletion_protection"],
                # The disks grow by themselves.
                ignore_changes=[] if is_express(brokers) else ["brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize"],
            ),
        )

    def _properties(self, brokers: KafkaStreamBrokers) -> aws.msk.Configuration:
        """Kafka's server properties; MSK itself sets those of replication on Express brokers."""
        copies = self._copies()
        replication = {
            "default.replication.factor": str(copies),
            # One broker fewer can write still.
            "min.insync.replicas": str(copies - 1),
            "unclean.leader.election.enable": "false",
        }
        properties = {
            # A misspelt name would become a topic with one partition and one copy.
            "auto.create.topics.enable": "false",
            **({} if is_express(brokers) else replication),
            **brokers["properties"],
        }
        return aws.msk.Configuration(
            f"{self._name}-properties",
            description=f"Server properties of {self._name}",
            server_properties="".join(f"{key}={value}\n" for key, value in sorted(properties.items())),
            opts=self.child(),
        )

    def _grow_storage(self, cluster: aws.msk.Cluster, max_storage_gib: int) -> None:
        target = aws.appautoscaling.Target(
            f"{self._name}-storage",
            service_namespace="kafka",
            scalable_dimension="kafka:broker-storage:VolumeSize",
            resource_id=cluster.arn,
            min_capacity=1,
            max_capacity=max_storage_gib,
            tags=self._checked["tags"],
            opts=self.child(),
        )
        aws.appautoscaling.Policy(
            f"{self._name}-storage-growth",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration={
                "predefined_metric_specification": {"predefined_metric_type": "KafkaBrokerStorageUtilization"},
                "target_value": _STORAGE_TARGET_PERCENT,
                # Disks of brokers cannot shrink.
                "disable_scale_in": True,
            },
            opts=self.child(),
        )

    def _broker_count(self, brokers: KafkaStreamBrokers) -> int:
        return brokers["brokers_per_zone"] * len(self._checked["subnet_ids_by_zone"])

    def _copies(self) -> int:
        """Copies of each record, each in another zone."""
        zones = self._checked.get("subnet_ids_by_zone")
        return 3 if zones is None else min(3, len(zones))

    def _subnet_ids(self) -> list[pulumi.Input[str]]:
        return list(self._checked["subnet_ids_by_zone"].values())

    def _security_group_ids(self) -> list[pulumi.Input[str]]:
        checked = self._checked
        vpc_id = checked.get("vpc_id")
        if vpc_id is None:
            return list(checked["security_group_ids"])
        description = f"Brokers of {self._name}"
        group = security_group(self, f"{self._name}-brokers", vpc_id, description, checked["tags"], custom_timeouts=GROUP_DELETION)
        brokers = {"referenced_security_group_id": group.id}
        clients: Mapping[str, pulumi.Input[str]] = checked["client_security_group_ids"]
        for key, client_id in clients.items():
            client = {"referenced_security_group_id": client_id}
            self._rules += [
                ingress_rule(self, f"{self._name}-from-{key}", group.id, _PORT, client, f"Kafka from {key}", checked["tags"]),
                egress_rule(self, f"{self._name}-by-{key}", client_id, _PORT, brokers, f"Kafka {self._name}", checked["tags"]),
            ]
        # Lambda's pollers stand in the brokers' subnets and groups. Brokers reach each other in the service's own network.
        # https://docs.aws.amazon.com/lambda/latest/dg/with-msk-cluster-network.html
        if checked["consumers"]:
            s3 = {"prefix_list_id": checked["s3_prefix_list_id"]}
            self._rules += [
                ingress_rule(self, f"{self._name}-pollers-in", group.id, _PORT, brokers, "Kafka from pollers of Lambda", checked["tags"]),
                egress_rule(self, f"{self._name}-pollers-out", group.id, _PORT, brokers, "Kafka by pollers of Lambda", checked["tags"]),
                egress_rule(self, f"{self._name}-pollers-to-s3", group.id, 443, s3, "Failed records to S3", checked["tags"]),
            ]
        self.security_group_id = after(group.id, *self._rules)
        return [group.id]

    def _create_topics(self) -> dict[str, aws.msk.Topic]:
        checked, topics = self._checked, {}
        for topic, settings in checked["topics"].items():
            replicas = settings.get("replicas")
            topics[topic] = aws.msk.Topic(
                f"{self._name}-topic-{topic}",
                name=topic,
                cluster_arn=self.cluster_arn,
                partition_count=settings["partitions"],
                replication_factor=self._copies() if replicas is None else replicas,
                configs=pulumi.Output.json_dumps(settings["properties"]) if settings["properties"] else None,
                opts=self.child(protect=checked["deletion_protection"], delete_before_replace=True),
            )
        return topics

    def _create_consumers(
        self, topics: Mapping[str, aws.msk.Topic]
    ) -> dict[str, tuple[aws.lambda_.EventSourceMapping, pulumi.Output[str]]]:
        checked, bucket = self._checked, self._failed_record_bucket()
        self._bucket = bucket
        self.failed_record_bucket_arn = None if bucket is None else bucket.arn
        if bucket is None:
            return {}
        return {
            key: create_consumer(
                self,
                key,
                consumer,
                checked,
                cluster_arn=self.cluster_arn,
                bucket=bucket,
                kms_key_arn=self.kms_key_arn,
                alarms=self._alarms,
                after=[*self._rules, *(topics[one] for one in topics if one == consumer["topic"])],
            )
            for key, consumer in checked["consumers"].items()
        }

    def _failed_record_bucket(self) -> FailedRecordBucket | None:
        checked = self._checked
        given = checked.get("failed_record_bucket_arn")
        if not checked["consumers"]:
            return None
        if given is not None:
            return FailedRecordBucket(pulumi.Output.from_input(given), checked.get("failed_record_kms_key_arn"))
        optional = {"log_bucket_name": checked.get("log_bucket_name"), "kms_key_arn": self.kms_key_arn}
        more: Any = {argument: value for argument, value in optional.items() if value is not None}
        days, tags = checked["failed_record_retention_days"], checked["tags"]
        bucket = DurableBucket(f"{self._name}-failed", {"kind": "data", "retention_days": days, "tags": tags, **more}, opts=self.child())
        return FailedRecordBucket(bucket.bucket_arn, bucket.kms_key_arn)
