import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.messaging import KafkaStream
from cloudpatterns.security import WorkloadRole
from offline_preview.graph import Graph

from tests.harness import record, refs

ZONES = {zone: f"subnet-{zone[-1]}" for zone in ("eu-west-1a", "eu-west-1b", "eu-west-1c")}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CLUSTER_ARN = "arn:aws:kafka:eu-west-1:123456789012:cluster/orders/279c0212-d057-4dba-9aa9-1c4e5a25bfc7-3"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:bill"
NEW: dict[str, Any] = {"subnet_ids_by_zone": ZONES, "vpc_id": "vpc-1", "client_security_group_ids": {"shop": "sg-shop"}}
EXPRESS: dict[str, Any] = {**NEW, "brokers": {"instance_type": "express.m7g.large"}}
STANDARD: dict[str, Any] = {**NEW, "brokers": {"instance_type": "kafka.m7g.large"}}
BILL: dict[str, Any] = {"topic": "orders", "existing_function": {"arn": FUNCTION_ARN, "timeout_seconds": 30, "role_name": "bill"}}
OWN: dict[str, Any] = {"topic": "orders", "function": {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/bill@sha256:1"}}
READ: dict[str, Any] = {"consumers": {"bill": BILL}, "s3_prefix_list_id": "pl-s3"}
CLUSTER, SERVERLESS = "aws:msk/cluster:Cluster", "aws:msk/serverlessCluster:ServerlessCluster"
INGRESS, EGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
MAPPING, ALARM = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:cloudwatch/metricAlarm:MetricAlarm"


def stream(mode: Any = "deployed", **args: Any) -> Graph:
    arguments: Any = args
    return record(lambda: KafkaStream("shop", arguments), mode=mode)


def policy(graph: Graph, name: str) -> dict[str, Any]:
    return json.loads(graph.named(name).inputs["policy"])


@pytest.mark.parametrize("args", [EXPRESS, STANDARD], ids=["express", "standard"])
def test_there_is_no_plaintext_or_unauthenticated_listener(args: dict[str, Any]) -> None:
    cluster = stream(**args).one(CLUSTER).inputs
    assert cluster["clientAuthentication"] == {"sasl": {"iam": True, "scram": False}, "unauthenticated": False}
    assert cluster["encryptionInfo"]["encryptionInTransit"] == {"clientBroker": "TLS", "inCluster": True}


def test_a_serverless_cluster_has_no_listener_but_that_of_iam() -> None:
    # It has no setting for another: https://docs.aws.amazon.com/msk/1.0/apireference/v2-clusters.html
    graph = stream(**NEW)
    assert graph.one(SERVERLESS).inputs["clientAuthentication"] == {"sasl": {"iam": {"enabled": True}}}
    assert graph.of_type(CLUSTER) == []


@pytest.mark.parametrize("args", [NEW, EXPRESS, STANDARD], ids=["serverless", "express", "standard"])
def test_the_group_admits_the_named_clients_alone_on_the_port_of_iam(args: dict[str, Any]) -> None:
    graph = stream(**args)
    [ingress], [egress] = graph.of_type(INGRESS), graph.of_type(EGRESS)
    assert (ingress.name, ingress.inputs["referencedSecurityGroupId"]) == ("shop-from-shop", "sg-shop")
    assert [ingress.inputs[key] for key in ("ipProtocol", "fromPort", "toPort")] == ["tcp", 9098, 9098]
    assert refs(graph, ingress, "securityGroupId") == ["shop-brokers"]
    assert (egress.name, egress.inputs["securityGroupId"], egress.inputs["fromPort"]) == ("shop-by-shop", "sg-shop", 9098)
    assert refs(graph, egress, "referencedSecurityGroupId") == ["shop-brokers"]


def test_brokers_are_private() -> None:
    for args in (EXPRESS, STANDARD):
        nodes = stream(**args).one(CLUSTER).inputs["brokerNodeGroupInfo"]
        assert nodes["connectivityInfo"] == {"publicAccess": {"type": "DISABLED"}}
        assert nodes["clientSubnets"] == ["subnet-a", "subnet-b", "subnet-c"]


def test_the_serverless_cluster_stands_in_the_subnets() -> None:
    graph = stream(**NEW)
    [place] = graph.one(SERVERLESS).inputs["vpcConfigs"]
    assert place["subnetIds"] == ["subnet-a", "subnet-b", "subnet-c"]
    assert refs(graph, graph.one(SERVERLESS), "vpcConfigs") == ["shop-brokers"]


def test_the_key_encrypts_disks_and_logs_and_lets_cloudwatch_logs_in() -> None:
    graph = stream(**EXPRESS)
    cluster, logs = graph.one(CLUSTER), graph.one("aws:cloudwatch/logGroup:LogGroup")
    assert "shop-key" in refs(graph, cluster, "encryptionInfo")
    assert refs(graph, logs, "kmsKeyId") == ["shop-key", "shop-key-policy"]
    assert logs.inputs["name"].startswith("/aws/vendedlogs/msk/shop-properties")
    [statement] = [one for one in policy(graph, "shop-key-policy")["Statement"] if one["Sid"] == "BrokerLogs"]
    context = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert context.endswith(":log-group:/aws/vendedlogs/msk/*")
    assert cluster.inputs["loggingInfo"]["brokerLogs"]["cloudwatchLogs"]["enabled"] is True
    assert "shop-logs" in refs(graph, cluster, "loggingInfo")


def test_a_given_key_and_given_groups_are_used() -> None:
    given: dict[str, Any] = {"kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1", "security_group_ids": ["sg-1"]}
    graph = stream(subnet_ids_by_zone=ZONES, brokers={"instance_type": "express.m7g.large"}, **given)
    cluster = graph.one(CLUSTER).inputs
    assert cluster["encryptionInfo"]["encryptionAtRestKmsKeyArn"] == given["kms_key_arn"]
    assert cluster["brokerNodeGroupInfo"]["securityGroups"] == ["sg-1"]
    assert graph.of_type("aws:kms/key:Key", "aws:ec2/securityGroup:SecurityGroup", INGRESS, EGRESS) == []


@pytest.mark.parametrize(
    ("args", "properties"),
    [
        (EXPRESS, "auto.create.topics.enable=false\n"),
        (
            STANDARD,
            "auto.create.topics.enable=false\ndefault.replication.factor=3\nmin.insync.replicas=2\nunclean.leader.election.enable=false\n",
        ),
    ],
    ids=["express", "standard"],
)
def test_a_misspelt_topic_is_not_created_and_a_lost_broker_loses_no_record(args: dict[str, Any], properties: str) -> None:
    graph = stream(**args)
    assert graph.one("aws:msk/configuration:Configuration").inputs["serverProperties"] == properties
    assert set(refs(graph, graph.one(CLUSTER), "configurationInfo")) == {"shop-properties"}


def test_properties_are_the_users_where_given() -> None:
    brokers = {"instance_type": "kafka.m7g.large", "properties": {"min.insync.replicas": "1", "log.retention.hours": "72"}}
    zones = {zone: ZONES[zone] for zone in ("eu-west-1a", "eu-west-1b")}
    graph = stream(**{**NEW, "subnet_ids_by_zone": zones, "brokers": brokers})
    lines = graph.one("aws:msk/configuration:Configuration").inputs["serverProperties"].splitlines()
    assert {"min.insync.replicas=1", "log.retention.hours=72", "default.replication.factor=2"} < set(lines)


def test_standard_disks_grow_and_no_deployment_sets_them_back() -> None:
    graph = stream(**{**STANDARD, "brokers": {"instance_type": "kafka.m7g.large", "brokers_per_zone": 2, "storage_gib": 50}})
    cluster = graph.one(CLUSTER)
    assert cluster.inputs["numberOfBrokerNodes"] == 6
    assert cluster.inputs["brokerNodeGroupInfo"]["storageInfo"] == {"ebsStorageInfo": {"volumeSize": 50}}
    assert cluster.options["ignoreChanges"] == ["brokerNodeGroupInfo.storageInfo.ebsStorageInfo.volumeSize"]
    target, growth = graph.one("aws:appautoscaling/target:Target"), graph.one("aws:appautoscaling/policy:Policy")
    assert (target.inputs["minCapacity"], target.inputs["maxCapacity"]) == (1, 500)
    assert refs(graph, target, "resourceId") == ["shop-cluster"]
    assert growth.inputs["targetTrackingScalingPolicyConfiguration"]["disableScaleIn"] is True
    assert refs(graph, growth, "resourceId", "serviceNamespace", "scalableDimension") == ["shop-storage"]


def test_express_brokers_have_no_disks() -> None:
    graph = stream(**EXPRESS)
    assert "storageInfo" not in graph.one(CLUSTER).inputs["brokerNodeGroupInfo"]
    assert graph.of_type("aws:appautoscaling/target:Target", "aws:appautoscaling/policy:Policy") == []
    assert graph.one(CLUSTER).inputs["kafkaVersion"] == "3.9.x.kraft"


def test_the_cluster_and_its_topics_are_protected() -> None:
    topics = {"orders": {"partitions": 12, "properties": {"retention.ms": "604800000"}}}
    graph = stream(**EXPRESS, topics=topics)
    topic = graph.one("aws:msk/topic:Topic")
    assert graph.one(CLUSTER).options["protect"] is topic.options["protect"] is True
    assert refs(graph, topic, "clusterArn") == ["shop-cluster"]
    assert [topic.inputs[key] for key in ("name", "partitionCount", "replicationFactor")] == ["orders", 12, 3]
    assert json.loads(topic.inputs["configs"]) == {"retention.ms": "604800000"}
    loose = stream(**EXPRESS, topics={"orders": {"partitions": 1, "replicas": 2}}, deletion_protection=False)
    assert not loose.one(CLUSTER).options.get("protect")
    assert "configs" not in loose.one("aws:msk/topic:Topic").inputs
    assert loose.one("aws:msk/topic:Topic").inputs["replicationFactor"] == 2


def test_an_adopted_cluster_gets_topics_consumers_and_alarms_and_is_not_changed() -> None:
    graph = stream(cluster_arn=CLUSTER_ARN, topics={"orders": {"partitions": 3}}, consumers={"bill": BILL}, alarm_topic_arns=[TOPIC])
    assert graph.of_type(CLUSTER, SERVERLESS, "aws:ec2/securityGroup:SecurityGroup", INGRESS, EGRESS) == []
    assert graph.one("aws:msk/topic:Topic").inputs["clusterArn"] == graph.one(MAPPING).inputs["eventSourceArn"] == CLUSTER_ARN
    assert graph.named("shop-bill-lag").inputs["dimensions"] == {"Cluster Name": "orders", "Consumer Group": "shop-bill", "Topic": "orders"}
    outputs = graph.one("cloudpatterns:index:KafkaStream").outputs
    assert (outputs["cluster_name"], outputs.get("bootstrap_brokers")) == ("orders", None)


def test_roles_get_what_producers_and_consumers_need_and_no_more() -> None:
    def program() -> None:
        shop = KafkaStream("shop", {"cluster_arn": CLUSTER_ARN})
        statements = [
            *shop.producer_statements("orders", "shop-*"),
            *shop.consumer_statements("orders", "billing"),
            *shop.administrator_statements("audit-*"),
        ]
        WorkloadRole("app", {"service": "ec2.amazonaws.com", "statements": statements})

    found = record(program, mode="deployed").one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    rights = {(action, resource) for one in json.loads(found)["Statement"] for action in one["Action"] for resource in one["Resource"]}
    base = CLUSTER_ARN.partition("cluster/")[0]
    path = CLUSTER_ARN.partition("cluster/")[2]
    assert rights == {
        *((f"kafka-cluster:{action}", CLUSTER_ARN) for action in ("Connect", "WriteDataIdempotently")),
        *((f"kafka-cluster:{action}", f"{base}topic/{path}/orders") for action in ("DescribeTopic", "WriteData", "ReadData")),
        *((f"kafka-cluster:{action}TransactionalId", f"{base}transactional-id/{path}/shop-*") for action in ("Describe", "Alter")),
        *((f"kafka-cluster:{action}Group", f"{base}group/{path}/billing") for action in ("Describe", "Alter")),
        *((f"kafka-cluster:{action}Topic", f"{base}topic/{path}/audit-*") for action in ("Describe", "Create", "Alter", "Delete")),
        *((f"kafka-cluster:{action}TopicDynamicConfiguration", f"{base}topic/{path}/audit-*") for action in ("Describe", "Alter")),
    }


def test_a_record_that_fails_is_retried_a_bounded_number_of_times_and_kept_whole_in_s3() -> None:
    graph = stream(**EXPRESS, **READ, topics={"orders": {"partitions": 3}})
    mapping = graph.one(MAPPING)
    # AWS refuses a second source with the same group.
    assert mapping.options["deleteBeforeReplace"] is True
    assert (mapping.inputs["maximumRetryAttempts"], mapping.inputs["maximumRecordAgeInSeconds"]) == (5, 86_400)
    assert mapping.inputs["bisectBatchOnFunctionError"] is True
    assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.inputs["provisionedPollerConfig"] == {"minimumPollers": 1, "maximumPollers": 10}
    assert mapping.inputs["destinationConfig"]["onFailure"]["destinationArn"].startswith("arn:aws:s3:::")
    assert mapping.inputs["amazonManagedKafkaEventSourceConfig"] == {"consumerGroupId": "shop-bill"}
    assert refs(graph, mapping, "eventSourceArn") == ["shop-cluster"]
    waits = {graph.by_urn()[urn].name for urn in mapping.dependencies}
    assert {"shop-topic-orders", "shop-pollers-in", "shop-pollers-out", "shop-pollers-to-s3"} < waits
    assert refs(graph, mapping, "functionName") == ["shop-bill-policy"]


def test_the_pollers_may_read_the_topic_and_write_into_the_bucket_under_its_key() -> None:
    graph = stream(**EXPRESS, **READ)
    assert graph.named("shop-bill-policy").inputs["role"] == "bill"
    statements = policy(graph, "shop-bill-policy")["Statement"]
    actions = {action for one in statements for action in one["Action"]}
    assert {"kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers", "kafka-cluster:ReadData", "kafka-cluster:AlterGroup"} < actions
    by_sid = {one.get("Sid"): one for one in statements}
    assert by_sid["KeepFailed"]["Resource"][0].endswith("/*")
    assert by_sid["Encrypt"] == {
        "Sid": "Encrypt",
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey"],
        "Resource": by_sid["Encrypt"]["Resource"],
    }
    assert by_sid["Detach"]["Resource"][0].endswith(":network-interface/*")


def test_the_pollers_reach_the_brokers_and_s3() -> None:
    graph = stream(**NEW, **READ)
    rules = {rule.name: rule for rule in graph.of_type(INGRESS, EGRESS)}
    assert refs(graph, rules["shop-pollers-in"], "referencedSecurityGroupId") == ["shop-brokers"]
    assert refs(graph, rules["shop-pollers-out"], "referencedSecurityGroupId") == ["shop-brokers"]
    assert refs(graph, rules["shop-pollers-out"], "securityGroupId") == ["shop-brokers"]
    assert (rules["shop-pollers-to-s3"].inputs["prefixListId"], rules["shop-pollers-to-s3"].inputs["toPort"]) == ("pl-s3", 443)


@pytest.mark.parametrize("args", [NEW, EXPRESS, {"cluster_arn": CLUSTER_ARN}], ids=["serverless", "express", "adopted"])
def test_a_function_of_the_users_own_has_its_table_and_one_key_for_all(args: dict[str, Any]) -> None:
    graph = stream(**args, consumers={"bill": OWN}, **({} if "cluster_arn" in args else {"s3_prefix_list_id": "pl-s3"}))
    assert [key.name for key in graph.of_type("aws:kms/key:Key")] == ["shop-key"]
    function, table = graph.one("aws:lambda/function:Function"), graph.one("aws:dynamodb/table:Table")
    assert graph.one("cloudpatterns:index:KafkaStream").outputs["function_arns"] == {"bill": function.outputs["arn"]}
    assert refs(graph, function, "kmsKeyArn") == refs(graph, table, "serverSideEncryption") == ["shop-key", "shop-key-policy"]
    assert function.inputs["environment"]["variables"]["IDEMPOTENCY_TABLE"] == table.outputs["name"]
    sids = {one.get("Sid") for one in policy(graph, "shop-bill-policy")["Statement"]}
    assert {"KeepFailed", "Encrypt", "Idempotency", "Log", "Environment"} < sids
    patterns = [
        one["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"].rpartition("log-group:")[2]
        for one in policy(graph, "shop-key-policy")["Statement"]
        if "Condition" in one
    ]
    assert patterns == ["shop-*", "/aws/vendedlogs/msk/*"]
    assert graph.named("shop-bill-logs").inputs["kmsKeyId"] is not None
    loose = stream(
        **args, consumers={"bill": {**OWN, "idempotency": False}}, **({} if "cluster_arn" in args else {"s3_prefix_list_id": "p"})
    )
    assert loose.of_type("aws:dynamodb/table:Table") == []


def test_the_role_of_an_existing_function_may_be_somebody_elses() -> None:
    def program() -> None:
        existing: Any = {"arn": FUNCTION_ARN, "timeout_seconds": 30}
        shop = KafkaStream("shop", {"cluster_arn": CLUSTER_ARN, "consumers": {"bill": {"topic": "orders", "existing_function": existing}}})
        WorkloadRole("app", {"service": "lambda.amazonaws.com", "statements": shop.poller_statements("bill")})
        with pytest.raises(ArgumentError) as caught:
            shop.poller_statements("pay")
        assert caught.value.problems == [("consumer", "is 'pay', which is not a consumer; known are bill.")]

    graph = record(program, mode="deployed")
    [role_policy] = graph.of_type("aws:iam/rolePolicy:RolePolicy")
    assert {one.get("Sid") for one in json.loads(role_policy.inputs["policy"])["Statement"]} >= {"Cluster", "KeepFailed", "Encrypt"}


def test_failed_records_go_to_a_given_bucket() -> None:
    given: dict[str, Any] = {
        "failed_record_bucket_arn": "arn:aws:s3:::failed",
        "failed_record_kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    }
    graph = stream(**NEW, **READ, **given)
    assert graph.of_type("aws:s3/bucket:Bucket") == []
    assert graph.one(MAPPING).inputs["destinationConfig"] == {"onFailure": {"destinationArn": "arn:aws:s3:::failed"}}
    statements = {one.get("Sid"): one for one in policy(graph, "shop-bill-policy")["Statement"]}
    assert statements["Encrypt"]["Resource"] == ["arn:aws:kms:eu-west-1:123456789012:key/1"]
    assert stream(**NEW).one("cloudpatterns:index:KafkaStream").outputs.get("failed_record_bucket_arn") is None


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (NEW, set()),
        (EXPRESS, {"shop-no-controller", "shop-cpu-1", "shop-cpu-2", "shop-cpu-3"}),
        (
            STANDARD,
            {"shop-no-controller", "shop-offline-partitions"}
            | {f"shop-{what}-{number}" for what in ("cpu", "disk", "under-replicated") for number in (1, 2, 3)},
        ),
    ],
    ids=["serverless", "express", "standard"],
)
def test_brokers_that_fail_or_are_full_raise_alarms(args: dict[str, Any], names: set[str]) -> None:
    graph = stream(**args, alarm_topic_arns=[TOPIC])
    alarms = {alarm.name: alarm.inputs for alarm in graph.of_type(ALARM)}
    assert set(alarms) == names
    assert all(alarm["alarmActions"] == [TOPIC] for alarm in alarms.values())
    if "shop-no-controller" in alarms:
        controller = alarms["shop-no-controller"]
        assert (controller["statistic"], controller["comparisonOperator"], controller["threshold"]) == ("Maximum", "LessThanThreshold", 1)
        assert controller["treatMissingData"] == "breaching"
        assert [query.get("expression") for query in alarms["shop-cpu-1"]["metricQueries"]] == ["user + system", None, None]
    if "shop-disk-2" in alarms:
        assert alarms["shop-disk-2"]["dimensions"]["Broker ID"] == "2"
        assert (alarms["shop-disk-2"]["threshold"], alarms["shop-offline-partitions"]["threshold"]) == (85, 0)


def test_under_replicated_partitions_need_a_metric_of_each_broker() -> None:
    graph = stream(**{**STANDARD, "brokers": {"instance_type": "kafka.m7g.large", "monitoring_level": "DEFAULT"}}, alarm_topic_arns=[TOPIC])
    assert [alarm.name for alarm in graph.of_type(ALARM) if "under-replicated" in alarm.name] == []


def test_lag_and_failed_records_raise_alarms() -> None:
    groups = {"search": {"topic": "orders", "group": "search-index", "most_lag": 5}}
    graph = stream(**NEW, **READ, consumer_groups=groups, alarm_topic_arns=[TOPIC])
    alarms = {alarm.name: alarm.inputs for alarm in graph.of_type(ALARM)}
    assert set(alarms) == {"shop-lag-search", "shop-bill-lag", "shop-bill-failed", "shop-bill-dropped"}
    assert (alarms["shop-lag-search"]["metricName"], alarms["shop-lag-search"]["threshold"]) == ("MaxOffsetLag", 5)
    assert alarms["shop-bill-failed"]["metricName"] == "OnFailureDestinationDeliveredEventCount"
    assert alarms["shop-bill-dropped"]["metricName"] == "DroppedEventCount"
    assert graph.one(MAPPING).inputs["metricsConfig"] == {"metrics": ["EventCount", "ErrorCount", "KafkaMetrics"]}
    assert refs(graph, graph.named("shop-bill-failed"), "dimensions") == ["shop-bill-source"]
    assert stream(**NEW, **READ).of_type(ALARM) == []


def test_clients_learn_the_address_after_they_are_admitted() -> None:
    for args in (NEW, EXPRESS):
        graph = stream(**args)
        stands = graph.one(SERVERLESS if args is NEW else CLUSTER).outputs["bootstrapBrokersSaslIam"]
        assert graph.one("cloudpatterns:index:KafkaStream").outputs["bootstrap_brokers"] == stands


def _brokers(args: dict[str, Any], **brokers: Any) -> dict[str, Any]:
    return {**args, "brokers": {**args["brokers"], **brokers}}


def _consumer(**consumer: Any) -> dict[str, Any]:
    return {**NEW, **READ, "consumers": {"bill": {**BILL, **consumer}}}


TWO = {zone: ZONES[zone] for zone in ("eu-west-1a", "eu-west-1b")}
ONE = {"eu-west-1a": "subnet-a"}
SERVERLESS_ARN = f"{CLUSTER_ARN.removesuffix('-3')}-s1"
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "nowhere",
        {},
        "cluster_arn",
        "exactly one of cluster_arn and subnet_ids_by_zone is needed; none is given. Give one.",
    ),
    (
        "no group",
        {"subnet_ids_by_zone": ZONES},
        "vpc_id",
        "exactly one of vpc_id and security_group_ids is needed; none is given. Give one.",
    ),
    (
        "brokers of an adopted cluster",
        {"cluster_arn": CLUSTER_ARN, "brokers": {"instance_type": "kafka.m7g.large"}},
        "cluster_arn",
        "excludes brokers: an adopted cluster is not changed; both are given. Remove one of them.",
    ),
    (
        "clients of given groups",
        {"subnet_ids_by_zone": ZONES, "security_group_ids": ["sg-1"], "client_security_group_ids": {"shop": "sg-2"}},
        "client_security_group_ids",
        "excludes security_group_ids: these admit the clients by themselves; both are given. Remove one of them.",
    ),
    (
        "no endpoint of S3",
        {**NEW, "consumers": {"bill": BILL}},
        "s3_prefix_list_id",
        "is missing; vpc_id needs it: the pollers of consumers write failed records to S3. Give it, or remove vpc_id.",
    ),
    (
        "express zones",
        {**EXPRESS, "subnet_ids_by_zone": TWO},
        "subnet_ids_by_zone",
        "has 2 zones; Express brokers stand in exactly three. Name three.",
    ),
    (
        "express storage",
        _brokers(EXPRESS, storage_gib=10),
        "brokers.storage_gib",
        "is given; Express brokers manage their own storage. Remove it, or choose a kafka. type.",
    ),
    (
        "express properties",
        _brokers(EXPRESS, properties={"min.insync.replicas": "1"}),
        "brokers.properties.min.insync.replicas",
        "is set by MSK on Express brokers (three copies, two in sync). Remove it.",
    ),
    (
        "express version",
        _brokers(EXPRESS, kafka_version="4.0.x.kraft"),
        "brokers.kafka_version",
        "is '4.0.x.kraft', which Express brokers do not run. Use 3.9.x.kraft.",
    ),
    (
        "standard zones",
        {**STANDARD, "subnet_ids_by_zone": ONE},
        "subnet_ids_by_zone",
        "has 1 zone; standard brokers stand in two or three. Name as many.",
    ),
    ("disks", _brokers(STANDARD, storage_gib=10, max_storage_gib=5), "brokers.max_storage_gib", "is 5, below storage_gib 10. Raise it."),
    (
        "old version",
        {**_brokers(STANDARD, kafka_version="2.8.1"), "topics": {"orders": {"partitions": 1}}},
        "brokers.kafka_version",
        "is '2.8.1'; MSK manages topics from 3.6 on. Use 3.9.x.kraft, or remove topics.",
    ),
    (
        "serverless zones",
        {**NEW, "subnet_ids_by_zone": ONE},
        "subnet_ids_by_zone",
        "has 1 zone; a serverless cluster takes two to six. Name as many.",
    ),
    (
        "a key for nothing",
        {**NEW, "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
        "kms_key_arn",
        "is given, and nothing uses it: a serverless or adopted cluster takes none, and no consumer has a function. Remove it.",
    ),
    (
        "serverless logs",
        {**NEW, "log_retention_days": 30},
        "log_retention_days",
        "is given; a serverless cluster has no broker logs. Remove it, or give brokers.",
    ),
    (
        "serverless topics",
        {**NEW, "topics": {"orders": {"partitions": 1}}},
        "topics",
        "is given; MSK Serverless has no API for topics. Create them by a client, or give brokers.",
    ),
    (
        "topics of an adopted serverless cluster",
        {"cluster_arn": SERVERLESS_ARN, "topics": {"orders": {"partitions": 1}}},
        "topics",
        f"is given; {SERVERLESS_ARN} is serverless, and MSK Serverless has no API for topics. Create them by a client.",
    ),
    (
        "copies",
        {**STANDARD, "subnet_ids_by_zone": TWO, "topics": {"orders": {"partitions": 1, "replicas": 3}}},
        "topics.orders.replicas",
        "is 3, in 2 zones. Lower it, or add a zone.",
    ),
    (
        "function and function",
        _consumer(**OWN),
        "consumers.bill.function",
        "exactly one of function and existing_function is needed; both are given. Remove one.",
    ),
    (
        "function without code",
        {**NEW, **READ, "consumers": {"bill": {"topic": "orders", "function": {}}}},
        "consumers.bill.function.code",
        "exactly one of code and image_uri is needed; none is given. Give one.",
    ),
    (
        "pollers",
        _consumer(minimum_pollers=5, maximum_pollers=2),
        "consumers.bill.minimum_pollers",
        "is 5, above maximum_pollers 2. Lower it or raise maximum_pollers.",
    ),
    (
        "one group for two",
        {**NEW, **READ, "consumers": {"bill": BILL, "pay": {**BILL, "group": "shop-bill"}}},
        "consumers.pay.group",
        "is 'shop-bill', as of bill; both would share the topic's records. Give each its own.",
    ),
    (
        "unknown topic",
        {**EXPRESS, **READ, "topics": {"order": {"partitions": 1}}},
        "consumers.bill.topic",
        "is 'orders', which is not one of topics: order. Correct it, or add it to topics.",
    ),
    (
        "key without bucket",
        {**NEW, "failed_record_kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
        "failed_record_bucket_arn",
        "is missing; failed_record_kms_key_arn needs it. Give it, or remove failed_record_kms_key_arn.",
    ),
    (
        "one name for two alarms",
        {
            **NEW,
            "consumers": {"lag": OWN},
            "consumer_groups": {"lag": {"topic": "a", "group": "b"}},
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:alarms"],
            "s3_prefix_list_id": "p",
        },
        "consumers.lag",
        "names its alarm lag-lag, as consumer_groups.lag does. Choose another name for one of them.",
    ),
    (
        "nobody hears",
        {**NEW, "consumer_groups": {"search": {"topic": "orders", "group": "search"}}},
        "alarm_topic_arns",
        "is missing; consumer_groups needs it. Give it, or remove consumer_groups.",
    ),
]


@pytest.mark.parametrize(("args", "path", "reason"), [one[1:] for one in WRONG], ids=[one[0] for one in WRONG])
def test_what_aws_would_refuse_is_refused_before_anything_is_created(args: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        stream(**args)
    assert caught.value.problems == [(path, reason)]


def test_a_name_that_msk_refuses_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: KafkaStream("shop_1", {"cluster_arn": CLUSTER_ARN}))
    reason = "is 'shop_1'; MSK's names have letters, digits and single hyphens. Give the component such a name."
    assert caught.value.problems == [("name", reason)]
