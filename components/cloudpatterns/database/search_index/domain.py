"""A domain in a VPC: logs, nodes, and what reports that it is not well."""

import asyncio
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, alarm, log_group
from cloudpatterns.core import Component, Statement, account_of, after, document, partition_of, region_of
from cloudpatterns.database._shared import unique_name
from cloudpatterns.database.search_index.arguments import SearchIndexArgs, SearchIndexDomainArgs

LOGS = {
    "errors": "ES_APPLICATION_LOGS",
    "audit": "AUDIT_LOGS",
    "slow-writes": "INDEX_SLOW_LOGS",
    "slow-searches": "SEARCH_SLOW_LOGS",
}
_WITHOUT_AUTO_TUNE = "t3."
# https://docs.aws.amazon.com/opensearch-service/latest/developerguide/cloudwatch-alarms.html
_SPARE_STORAGE = 0.2
# A new role reaches OpenSearch within seconds. Before, it refuses the domain, and the provider does not try again: it waits for words that
# AWS has changed ("enable a service-linked role to give Amazon ES permissions").
_ROLE_SECONDS = 20


class MadeDomain(NamedTuple):
    """A domain and its log groups."""

    domain: aws.opensearch.Domain
    log_groups: list[aws.cloudwatch.LogGroup]


def create_domain(
    component: Component, name: str, checked: SearchIndexArgs, domain: SearchIndexDomainArgs, kms_key_arn: pulumi.Input[str]
) -> MadeDomain:
    """A domain with fine-grained access control, whose log groups may be written by it alone."""
    groups = {
        log: log_group(component, f"{name}-logs-{log}", checked["log_retention_days"], kms_key_arn=kms_key_arn, tags=checked["tags"])
        for log in LOGS
    }
    first = groups["errors"]
    # A name of 28 characters at most, which the policy of the logs names before the domain is there.
    identifier = unique_name(first.name, f"{name}-logs-errors", name)
    may_log = _logs_policy(component, name, identifier, list(groups.values()))
    linked = [_service_linked_role(component, name)] if checked["create_service_linked_role"] else []
    made = aws.opensearch.Domain(
        f"{name}-domain",
        domain_name=identifier,
        engine_version=domain["engine_version"],
        cluster_config=_cluster(checked, domain),
        ebs_options={"ebs_enabled": True, "volume_type": "gp3", "volume_size": domain["volume_gib"]},
        vpc_options={
            "subnet_ids": list(checked["subnet_ids_by_zone"].values()),
            "security_group_ids": checked["security_group_ids"],
        },
        encrypt_at_rest={"enabled": True, "kms_key_id": kms_key_arn},
        node_to_node_encryption={"enabled": True},
        domain_endpoint_options={"enforce_https": True, "tls_security_policy": "Policy-Min-TLS-1-2-PFS-2023-10"},
        advanced_security_options={
            "enabled": True,
            # A database of users would keep its first password in the state.
            "internal_user_database_enabled": False,
            "master_user_options": {"master_user_arn": checked["admin_role_arn"]},
        },
        log_publishing_options=[
            {"log_type": kind, "cloudwatch_log_group_arn": after(groups[log].arn, may_log), "enabled": True} for log, kind in LOGS.items()
        ],
        # t3 refuses it: https://docs.aws.amazon.com/opensearch-service/latest/developerguide/auto-tune.html
        auto_tune_options=None if domain["instance_type"].startswith(_WITHOUT_AUTO_TUNE) else {"desired_state": "ENABLED"},
        off_peak_window_options=_off_peak(domain["off_peak_start"]),
        software_update_options={"auto_software_update_enabled": True},
        tags={"Name": name, **checked["tags"]},
        opts=component.child(protect=checked["deletion_protection"], delete_before_replace=True, depends_on=linked),
    )
    if checked["alarm_topic_arns"]:
        _alarms(component, name, checked, domain, made)
    return MadeDomain(made, list(groups.values()))


def _service_linked_role(component: Component, name: str) -> aws.iam.ServiceLinkedRole:
    # A hook after it holds back what depends on it, and nothing else.
    seen = pulumi.ResourceHook(f"{name}-service-role-seen", lambda _created: asyncio.sleep(_ROLE_SECONDS))
    return aws.iam.ServiceLinkedRole(
        f"{name}-service-role",
        aws_service_name="opensearchservice.amazonaws.com",
        opts=component.child(
            # AWS refuses to delete it while any domain of the account is in a VPC, this one too.
            retain_on_delete=True,
            hooks=pulumi.ResourceHookBinding(after_create=[seen]),
        ),
    )


def _cluster(checked: SearchIndexArgs, domain: SearchIndexDomainArgs) -> Any:
    zones = len(checked["subnet_ids_by_zone"])
    masters: dict[str, Any] = {"dedicated_master_enabled": False}
    if domain["dedicated_masters"]:
        masters = {
            "dedicated_master_enabled": True,
            "dedicated_master_count": 3,
            "dedicated_master_type": domain["master_instance_type"],
        }
    return {
        "instance_type": domain["instance_type"],
        "instance_count": domain["instance_count"],
        "zone_awareness_enabled": zones > 1,
        **({"zone_awareness_config": {"availability_zone_count": zones}} if zones > 1 else {}),
        "multi_az_with_standby_enabled": domain["standby"],
        **masters,
    }


def _off_peak(start: str) -> Any:
    hours, minutes = (int(part) for part in start.split(":"))
    return {"enabled": True, "off_peak_window": {"window_start_time": {"hours": hours, "minutes": minutes}}}


def _logs_policy(
    component: Component, name: str, identifier: pulumi.Output[str], groups: list[aws.cloudwatch.LogGroup]
) -> aws.cloudwatch.LogResourcePolicy:
    arn = groups[0].arn
    own = pulumi.Output.concat("arn:", partition_of(arn), ":es:", region_of(arn), ":", account_of(arn), ":domain/", identifier)
    write = Statement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[pulumi.Output.concat(group.arn, ":*") for group in groups],
        principals={"Service": ["es.amazonaws.com"]},
        # https://docs.aws.amazon.com/opensearch-service/latest/developerguide/createdomain-configure-slow-logs.html
        conditions={"StringEquals": {"aws:SourceAccount": account_of(arn)}, "ArnEquals": {"aws:SourceArn": own}},
    )
    # As unique as the domain: another stack of the account would overwrite a policy of the same name.
    return aws.cloudwatch.LogResourcePolicy(
        f"{name}-logs-policy", policy_name=identifier, policy_document=document(write), opts=component.child()
    )


def _alarms(component: Component, name: str, checked: SearchIndexArgs, domain: SearchIndexDomainArgs, made: aws.opensearch.Domain) -> None:
    dimensions = {"DomainName": made.domain_name, "ClientId": account_of(made.arn)}

    def metric(metric_name: str, statistic: str = "Maximum") -> Metric:
        return Metric("AWS/ES", metric_name, dimensions, statistic)

    spare_mib = int(domain["volume_gib"] * 1024 * _SPARE_STORAGE)
    keys = MetricMath("FILL(error, 0) + FILL(gone, 0)", {"error": metric("KMSKeyError"), "gone": metric("KMSKeyInaccessible")})
    at_least: dict[str, Any] = {"comparison": "GreaterThanOrEqualToThreshold"}
    watched: list[tuple[str, str, Metric | MetricMath, float, dict[str, Any]]] = [
        ("red", "has an index without its data: searches miss documents, writes fail", metric("ClusterStatus.red"), 1, at_least),
        (
            "yellow",
            "has had too few copies of an index for a quarter of an hour",
            metric("ClusterStatus.yellow"),
            1,
            {**at_least, "periods": 15},
        ),
        (
            "read-only",
            "refuses writes: it has too little storage or memory",
            metric("ClusterIndexWritesBlocked"),
            1,
            {**at_least, "periods": 5},
        ),
        (
            "storage",
            f"has less than {spare_mib} MiB left on a node",
            metric("FreeStorageSpace", "Minimum"),
            spare_mib,
            {"comparison": "LessThanThreshold"},
        ),
        ("memory", "uses 95 percent of its Java memory", metric("JVMMemoryPressure"), 95, {**at_least, "periods": 3}),
        ("cpu", "uses 80 percent of a processor", metric("CPUUtilization"), 80, {**at_least, "period_seconds": 900, "periods": 3}),
        ("snapshot-failed", "took no automatic snapshot", metric("AutomatedSnapshotFailure"), 1, at_least),
        ("key", "cannot use its key: without it, the data is lost after a week", keys, 1, at_least),
    ]
    for suffix, words, watched_metric, threshold, more in watched:
        alarm(
            component,
            f"{name}-{suffix}",
            f"{name} {words}",
            watched_metric,
            threshold,
            actions=checked["alarm_topic_arns"],
            tags=checked["tags"],
            **more,
        )
