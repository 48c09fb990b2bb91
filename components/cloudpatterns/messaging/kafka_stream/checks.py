"""Rules over several arguments of ``KafkaStream``."""

import re
from collections.abc import Iterator

from cloudpatterns.blocks import function_names
from cloudpatterns.blocks.security_group import group_name_problems
from cloudpatterns.core import Problem, excludes, function_problems, is_given, needs, one_of
from cloudpatterns.messaging.kafka_stream.arguments import KafkaStreamArgs, KafkaStreamBrokers, KafkaStreamConsumer

_NEW_CLUSTER = ("brokers", "vpc_id", "security_group_ids", "client_security_group_ids")
_EXPRESS_SETS = ("default.replication.factor", "min.insync.replicas", "unclean.leader.election.enable")
# ACTIVE versions that Express brokers do not run; versions that AWS adds are left to AWS.
# https://docs.aws.amazon.com/msk/latest/developerguide/msk-broker-types-express.html
_NOT_ON_EXPRESS = re.compile(r"(3\.7|4\.0|4\.1)\..*|3\.9\.x")
_TOPICS_SINCE = (3, 6)
_MOST_STORAGE_GIB = 16_384
# The id in the ARN of a serverless cluster ends with s and a digit.
_SERVERLESS_ARN = re.compile(r".*-s\d+")


def is_express(brokers: KafkaStreamBrokers) -> bool:
    """Whether the brokers are Express brokers."""
    return brokers["instance_type"].startswith("express.")


def argument_problems(name: str, checked: KafkaStreamArgs) -> Iterator[Problem]:
    """What is wrong with a stream of this name and these arguments."""
    if re.fullmatch(r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*", name) is None:
        yield "name", f"is {name!r}; MSK's names have letters, digits and single hyphens. Give the component such a name."
    yield from one_of(checked, "cluster_arn", "subnet_ids_by_zone")
    for argument in _NEW_CLUSTER:
        yield from excludes(checked, "cluster_arn", argument, why="an adopted cluster is not changed")
    if checked.get("subnet_ids_by_zone") is not None:
        yield from group_name_problems(name)
        yield from one_of(checked, "vpc_id", "security_group_ids")
        yield from excludes(checked, "client_security_group_ids", "security_group_ids", why="these admit the clients by themselves")
        if checked["consumers"]:
            yield from needs(checked, "vpc_id", "s3_prefix_list_id", why="the pollers of consumers write failed records to S3")
        brokers = checked.get("brokers")
        yield from _serverless_problems(checked) if brokers is None else _broker_problems(checked, brokers)
    yield from _topic_problems(checked)
    yield from _consumer_problems(name, checked)
    if is_given(checked, "kms_key_arn") and not needs_key(checked):
        reason = "is given, and nothing uses it: a serverless or adopted cluster takes none, and no consumer has a function. Remove it."
        yield "kms_key_arn", reason
    yield from needs(checked, "failed_record_kms_key_arn", "failed_record_bucket_arn")
    yield from needs(checked, "consumer_groups", "alarm_topic_arns")


def _broker_problems(checked: KafkaStreamArgs, brokers: KafkaStreamBrokers) -> Iterator[Problem]:
    zones, version = len(checked["subnet_ids_by_zone"]), brokers["kafka_version"]
    if is_express(brokers):
        if zones != 3:
            yield "subnet_ids_by_zone", f"has {_zones(zones)}; Express brokers stand in exactly three. Name three."
        for argument in ("storage_gib", "max_storage_gib"):
            if is_given(brokers, argument):
                yield f"brokers.{argument}", "is given; Express brokers manage their own storage. Remove it, or choose a kafka. type."
        for key in _EXPRESS_SETS:
            if key in brokers["properties"]:
                yield f"brokers.properties.{key}", "is set by MSK on Express brokers (three copies, two in sync). Remove it."
        if _NOT_ON_EXPRESS.fullmatch(version):
            yield "brokers.kafka_version", f"is {version!r}, which Express brokers do not run. Use 3.9.x.kraft."
    else:
        if zones not in (2, 3):
            yield "subnet_ids_by_zone", f"has {_zones(zones)}; standard brokers stand in two or three. Name as many."
        first, most = storage(brokers)
        if most < first:
            yield "brokers.max_storage_gib", f"is {most}, below storage_gib {first}. Raise it."
    if checked["topics"] and tuple(map(int, version.split(".")[:2])) < _TOPICS_SINCE:
        yield "brokers.kafka_version", f"is {version!r}; MSK manages topics from 3.6 on. Use 3.9.x.kraft, or remove topics."


def storage(brokers: KafkaStreamBrokers) -> tuple[int, int]:
    """First and largest size of a standard broker's disk, in GiB."""
    given, most = brokers.get("storage_gib"), brokers.get("max_storage_gib")
    first = 100 if given is None else given
    return first, min(10 * first, _MOST_STORAGE_GIB) if most is None else most


def needs_key(checked: KafkaStreamArgs) -> bool:
    """Whether something is created that a key encrypts."""
    return checked.get("brokers") is not None or any(one.get("function") is not None for one in checked["consumers"].values())


def child_names(checked: KafkaStreamArgs) -> dict[str, int]:
    """Suffixes of children with AWS's limits for their names."""
    names = {"cluster": 64, "properties": 64}
    for key, consumer in checked["consumers"].items():
        names |= function_names(consumer.get("function"), key)
    return names


def group_of(name: str, key: str, consumer: KafkaStreamConsumer) -> str:
    """The consumer group of a consumer by its key."""
    group = consumer.get("group")
    return f"{name}-{key}" if group is None else group


def _zones(count: int) -> str:
    return f"{count} zone" if count == 1 else f"{count} zones"


def _serverless_problems(checked: KafkaStreamArgs) -> Iterator[Problem]:
    zones = len(checked["subnet_ids_by_zone"])
    if not 2 <= zones <= 6:
        yield "subnet_ids_by_zone", f"has {_zones(zones)}; a serverless cluster takes two to six. Name as many."
    if is_given(checked, "log_retention_days"):
        yield "log_retention_days", "is given; a serverless cluster has no broker logs. Remove it, or give brokers."
    if checked["topics"]:
        yield "topics", "is given; MSK Serverless has no API for topics. Create them by a client, or give brokers."


def _topic_problems(checked: KafkaStreamArgs) -> Iterator[Problem]:
    cluster_arn, zones = checked.get("cluster_arn"), checked.get("subnet_ids_by_zone")
    if checked["topics"] and isinstance(cluster_arn, str) and _SERVERLESS_ARN.fullmatch(cluster_arn):
        yield "topics", f"is given; {cluster_arn} is serverless, and MSK Serverless has no API for topics. Create them by a client."
    for topic, settings in checked["topics"].items():
        replicas = settings.get("replicas")
        if replicas is not None and zones is not None and len(zones) < replicas:
            yield f"topics.{topic}.replicas", f"is {replicas}, in {_zones(len(zones))}. Lower it, or add a zone."


def _consumer_problems(name: str, checked: KafkaStreamArgs) -> Iterator[Problem]:
    taken: dict[tuple[str, str], str] = {}
    for key, consumer in checked["consumers"].items():
        yield from one_of(consumer, "function", "existing_function", path=f"consumers.{key}.")
        if function := consumer.get("function"):
            yield from function_problems(function, f"consumers.{key}.function")
        for group_key in checked["consumer_groups"]:
            if f"lag-{group_key}" == f"{key}-lag":
                yield (
                    f"consumers.{key}",
                    f"names its alarm {key}-lag, as consumer_groups.{group_key} does. Choose another name for one of them.",
                )
        if consumer["minimum_pollers"] > consumer["maximum_pollers"]:
            reason = (
                f"is {consumer['minimum_pollers']}, above maximum_pollers {consumer['maximum_pollers']}. Lower it or raise maximum_pollers."
            )
            yield f"consumers.{key}.minimum_pollers", reason
        group = group_of(name, key, consumer)
        other = taken.setdefault((group, consumer["topic"]), key)
        if other != key:
            reason = f"is {group!r}, as of {other}; both would share the topic's records. Give each its own."
            yield f"consumers.{key}.group", reason
        if checked["topics"] and consumer["topic"] not in checked["topics"] and checked.get("cluster_arn") is None:
            reason = (
                f"is {consumer['topic']!r}, which is not one of topics: {', '.join(checked['topics'])}. Correct it, or add it to topics."
            )
            yield f"consumers.{key}.topic", reason
