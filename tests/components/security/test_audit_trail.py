"""AuditTrail: the trail and its bucket, what raises an alarm, the services beside it, and what AWS would refuse."""

import fnmatch
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.security import AuditTrail
from cloudpatterns.security.audit_trail.arguments import RULES
from cloudpatterns.security.audit_trail.watches import ROOT_USE, WATCHED_OFF, WATCHES
from offline_preview.graph import Graph

from tests.harness import record, refs

ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:security"
KEY = f"arn:aws:kms:eu-west-1:{OTHER_ACCOUNT}:key/00000000-0000-4000-8000-000000000001"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{OTHER_ACCOUNT}:trail/organization"
ADOPTED: dict[str, Any] = {"existing_trail": {"trail_arn": TRAIL, "log_group_name": "organization-events"}}
WITH_TOPICS: dict[str, Any] = {"alarm_topic_arns": [TOPIC]}
SERVICES: dict[str, Any] = {"recorder": {}, "detector": {}, "hub": {}, "inspector": {}, "analyzer": {}}


def make(**args: Any) -> Graph:
    given: Any = args
    return record(lambda: AuditTrail("audit", given), mode="deployed")


def named(graph: Graph, name: str) -> dict[str, Any]:
    return graph.named(name).inputs


def outputs(graph: Graph) -> dict[str, Any]:
    return graph.one("cloudpatterns:index:AuditTrail").outputs


def depends_on(graph: Graph, resource: Any) -> list[str]:
    by_urn = {one.urn: one.name for one in graph.resources}
    return [by_urn[urn] for urn in resource.dependencies]


def trail(graph: Graph) -> dict[str, Any]:
    return graph.one("aws:cloudtrail/trail:Trail").inputs


def statements(document: str) -> dict[str, dict[str, Any]]:
    return {one.get("Sid", ""): one for one in json.loads(document)["Statement"]}


def problems(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return list(caught.value.problems)


# What decides whether an alarm is raised, as AWS matches it.


def field(event: Mapping[str, Any], path: str) -> Any:
    """The value at a path (``$.userIdentity.type``), or None."""
    found: Any = event
    for step in path.removeprefix("$.").split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def counts(pattern: str, event: Mapping[str, Any]) -> bool:
    """Whether a metric filter counts an event: the conditions of a JSON pattern, with their operators and parentheses.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    """
    words = re.findall(r'"[^"]*"|\(|\)|&&|\|\||!=|=|[^\s(){}=!&|"]+', pattern)

    def disjunction() -> bool:
        result = conjunction()
        while words and words[0] == "||":
            words.pop(0)
            result = conjunction() or result
        return result

    def conjunction() -> bool:
        result = condition()
        while words and words[0] == "&&":
            words.pop(0)
            result = condition() and result
        return result

    def condition() -> bool:
        if words[0] == "(":
            words.pop(0)
            result = disjunction()
            assert words.pop(0) == ")"
            return result
        path, operator, value = words.pop(0), words.pop(0), words.pop(0)
        found = field(event, path)
        if operator == "NOT":
            assert value == "EXISTS"
            return found is None
        # A field that is not there equals nothing, and differs from nothing.
        equal = found is not None and fnmatch.fnmatchcase(str(found), value.strip('"'))
        return equal if operator == "=" else found is not None and not equal

    result = disjunction()
    assert words == []
    return result


def matches(pattern: Any, event: Any) -> bool:
    """Whether a rule of EventBridge takes an event: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html."""
    if isinstance(event, list):
        return any(matches(pattern, one) for one in event)
    if isinstance(pattern, list):
        return any(_matches_value(one, event) for one in pattern)
    if not isinstance(event, Mapping):
        return False
    alternatives = pattern.get("$or")
    rest = {key: value for key, value in pattern.items() if key != "$or"}
    return (not alternatives or any(matches(one, event) for one in alternatives)) and all(
        key in event and matches(value, event[key]) for key, value in rest.items()
    )


def _matches_value(allowed: Any, value: Any) -> bool:
    if not isinstance(allowed, dict):
        return allowed == value
    return value.startswith(allowed["prefix"]) if "prefix" in allowed else value >= allowed["numeric"][1]


def call(source: str, name: str, **more: Any) -> dict[str, Any]:
    """The record of a call, as CloudTrail writes it."""
    identity = {"type": "AssumedRole", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run"}
    return {"eventSource": f"{source}.amazonaws.com", "eventName": name, "eventType": "AwsApiCall", "userIdentity": identity, **more}


def reported(graph: Graph, name: str, event: dict[str, Any]) -> bool:
    whole = {"detail-type": "AWS API Call via CloudTrail", "source": "aws.any", "detail": event}
    return matches(json.loads(named(graph, name)["eventPattern"]), whole)


# The contract, sentence by sentence.


def test_log_files_are_validated() -> None:
    assert trail(make())["enableLogFileValidation"] is True


def test_log_files_are_under_object_lock_for_as_long_as_they_are_kept() -> None:
    graph = make(retention_days=400)
    assert named(graph, "audit-files-object-lock")["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "days": 400}}
    assert named(graph, "audit-files-lifecycle")["rules"][0]["expiration"] == {"days": 400}
    assert refs(graph, graph.named("audit-files-object-lock"), "bucket") == ["audit-files-bucket"]
    assert "audit-files-object-lock" in refs(graph, graph.one("aws:cloudtrail/trail:Trail"), "s3BucketName")


def test_the_trail_is_multi_region() -> None:
    found = trail(make())
    assert found["isMultiRegionTrail"] is found["includeGlobalServiceEvents"] is found["enableLogging"] is True
    # All management events, of reads and writes. They are stated: data events could not be removed again otherwise.
    [management] = found["advancedEventSelectors"]
    assert management["fieldSelectors"] == [{"field": "eventCategory", "equals": ["Management"]}]
    assert "eventSelectors" not in found


ROOT = {"type": "Root", "arn": f"arn:aws:iam::{ACCOUNT}:root"}


@pytest.mark.parametrize(
    ("event", "raised"),
    [
        (call("signin", "ConsoleLogin", eventType="AwsConsoleSignIn", userIdentity=ROOT), True),
        (call("iam", "CreateAccessKey", userIdentity=ROOT), True),
        # A service does it for the account.
        (call("s3", "GetBucketAcl", userIdentity={**ROOT, "invokedBy": "support.amazonaws.com"}), False),
        (call("kms", "RotateKey", eventType="AwsServiceEvent", userIdentity=ROOT), False),
        (call("iam", "CreateAccessKey"), False),
    ],
)
def test_root_use_raises_an_alarm(event: dict[str, Any], *, raised: bool) -> None:
    graph = make(**WITH_TOPICS)
    found = graph.named("audit-root-use-filter")
    assert counts(found.inputs["pattern"], event) is raised
    assert refs(graph, found, "logGroupName") == ["audit-trail", "audit-log"]
    assert found.inputs["metricTransformation"] == {"namespace": "audit", "name": "root-use", "value": "1", "defaultValue": "0"}
    alarm = named(graph, "audit-root-use")
    assert (alarm["namespace"], alarm["metricName"], alarm["statistic"]) == ("audit", "root-use", "Sum")
    assert (alarm["comparisonOperator"], alarm["threshold"], alarm["alarmActions"]) == ("GreaterThanThreshold", 0, [TOPIC])


@pytest.mark.parametrize(
    ("event", "raised"),
    [
        (call("cloudtrail", "StopLogging"), True),
        (call("cloudtrail", "DeleteTrail"), True),
        (call("cloudtrail", "PutEventSelectors"), True),
        (call("cloudtrail", "LookupEvents"), False),
        (call("config", "StopConfigurationRecorder"), True),
        (call("guardduty", "DeleteDetector"), True),
        (call("securityhub", "DisableSecurityHub"), True),
        (call("inspector2", "Disable"), True),
        # Another service's call of the same name.
        (call("connect", "Disable"), False),
        (call("access-analyzer", "DeleteAnalyzer"), True),
    ],
)
def test_switching_it_off_raises_an_alarm(event: dict[str, Any], *, raised: bool) -> None:
    graph = make(**WITH_TOPICS)
    assert counts(named(graph, "audit-less-recorded-filter")["pattern"], event) is raised
    assert named(graph, "audit-less-recorded")["alarmActions"] == [TOPIC]
    # And at once, by a second way.
    assert reported(graph, "audit-switched-off", event) is raised
    assert named(graph, "audit-switched-off-topic-1")["arn"] == TOPIC


def test_a_trail_that_is_off_for_whatever_reason_raises_an_alarm() -> None:
    graph = make(alarm_hours_without_events=2, **WITH_TOPICS)
    alarm = named(graph, "audit-silent")
    assert (alarm["namespace"], alarm["metricName"], alarm["statistic"]) == ("AWS/Logs", "IncomingLogEvents", "Sum")
    assert (alarm["comparisonOperator"], alarm["threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["period"], alarm["evaluationPeriods"], alarm["treatMissingData"]) == (3600, 2, "breaching")
    assert alarm["alarmActions"] == [TOPIC]


@pytest.mark.parametrize(
    ("source", "name", "more"),
    [
        ("s3", "PutBucketPolicy", {"requestParameters": {"bucketName": "audit-files-bucket"}}),
        ("logs", "DeleteMetricFilter", {"requestParameters": {"logGroupName": "audit-log"}}),
        ("kms", "ScheduleKeyDeletion", {"resources": [{"ARN": "key"}]}),
    ],
)
def test_changing_what_keeps_the_events_is_reported(source: str, name: str, more: dict[str, Any]) -> None:
    graph = make(**WITH_TOPICS)
    found = outputs(graph)
    real = {"audit-files-bucket": found["trail_bucket_name"], "audit-log": found["log_group_name"], "key": found["kms_key_arn"]}
    own = json.loads(re.sub('"(audit-files-bucket|audit-log|key)"(?!:)', lambda match: json.dumps(real[match[1]]), json.dumps(more)))
    assert reported(graph, "audit-evidence", call(source, name, **own)) is True
    assert reported(graph, "audit-evidence", call(source, name, **json.loads(json.dumps(more).replace("audit", "shop")))) is False


# The trail.


def test_cloudtrail_alone_writes_and_for_this_trail_alone() -> None:
    graph = make()
    arn = {"ArnLike": {"aws:SourceArn": [f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit-trail-*"]}}
    found = statements(named(graph, "audit-files-policy")["policy"])
    bucket = outputs(graph)["trail_bucket_arn"]
    assert found["TrailChecks"]["Condition"] == arn
    assert found["TrailWrites"]["Resource"] == [f"{bucket}/AWSLogs/{ACCOUNT}/*"]
    assert found["TrailWrites"]["Condition"] == {**arn, "StringEquals": {"s3:x-amz-acl": ["bucket-owner-full-control"]}}
    assert found["TrailWrites"]["Principal"] == {"Service": ["cloudtrail.amazonaws.com"]}
    key = statements(named(graph, "audit-key-policy")["policy"])
    assert key["CloudTrail"]["Condition"] == arn
    assert key["CloudTrail"]["Action"] == ["kms:GenerateDataKey*", "kms:Decrypt", "kms:DescribeKey"]
    group = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:audit-log-*"
    assert key["CloudWatchLogs"]["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": group}}


def test_the_trail_waits_for_the_policies_that_it_is_tried_with() -> None:
    graph = make()
    created = graph.one("aws:cloudtrail/trail:Trail")
    assert "audit-files-policy" in refs(graph, created, "s3BucketName")
    assert refs(graph, created, "kmsKeyId") == ["audit-key", "audit-key-policy"]
    assert refs(graph, created, "cloudWatchLogsRoleArn") == ["audit-trail-role", "audit-trail-role-policy"]
    assert created.inputs["cloudWatchLogsGroupArn"].endswith(":*")
    events = json.loads(named(graph, "audit-trail-role-policy")["policy"])["Statement"][0]
    group = created.inputs["cloudWatchLogsGroupArn"].removesuffix(":*")
    assert events["Resource"] == [f"{group}:log-stream:{ACCOUNT}_*"]
    assert outputs(graph)["trail_arn"] == created.outputs["arn"]


def test_an_organization_writes_under_its_own_path_and_that_of_its_management_account() -> None:
    graph = make(organization_id="o-exampleorgid")
    assert trail(graph)["isOrganizationTrail"] is True
    bucket = outputs(graph)["trail_bucket_arn"]
    paths = statements(named(graph, "audit-files-policy")["policy"])["TrailWrites"]["Resource"]
    assert paths == [f"{bucket}/AWSLogs/{ACCOUNT}/*", f"{bucket}/AWSLogs/o-exampleorgid/*"]
    streams = json.loads(named(graph, "audit-trail-role-policy")["policy"])["Statement"][0]["Resource"]
    assert [stream.rpartition(":")[2] for stream in streams] == [f"{ACCOUNT}_*", "o-exampleorgid_*"]


def test_a_bucket_of_another_account_is_told_what_its_policy_needs() -> None:
    graph = make(existing_trail_bucket_arn="arn:aws:s3:::central-logs", kms_key_arn=KEY, organization_id="o-exampleorgid")
    assert trail(graph)["s3BucketName"] == "central-logs"
    assert trail(graph)["kmsKeyId"] == KEY
    assert graph.of_type("aws:s3/bucket:Bucket", "aws:kms/key:Key") == []
    policy = statements(outputs(graph)["trail_bucket_policy"])
    assert policy["TrailChecks"]["Resource"] == ["arn:aws:s3:::central-logs"]
    assert policy["TrailWrites"]["Resource"] == [
        f"arn:aws:s3:::central-logs/AWSLogs/{ACCOUNT}/*",
        "arn:aws:s3:::central-logs/AWSLogs/o-exampleorgid/*",
    ]
    assert policy["TrailWrites"]["Condition"]["ArnLike"] == {
        "aws:SourceArn": [f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/audit-trail-*"]
    }


def test_with_compliance_bucket_and_key_stay() -> None:
    graph = make(lock_mode="COMPLIANCE")
    assert named(graph, "audit-files-object-lock")["rule"]["defaultRetention"]["mode"] == "COMPLIANCE"
    assert graph.named("audit-files-bucket").options["retainOnDelete"] is True
    assert graph.named("audit-key").options["retainOnDelete"] is True


def test_data_events_come_beside_all_management_events_and_not_of_the_trails_own_bucket() -> None:
    invoices = ["arn:aws:s3:::invoices/"]
    events = [{"resource_type": "AWS::S3::Object"}, {"resource_type": "AWS::S3::Object", "arn_prefixes": invoices}]
    graph = make(data_events=[*events, {"resource_type": "AWS::Lambda::Function"}], insights=True)
    management, everything, some, functions = [one["fieldSelectors"] for one in trail(graph)["advancedEventSelectors"]]
    assert management == [{"field": "eventCategory", "equals": ["Management"]}]
    data = {"field": "eventCategory", "equals": ["Data"]}
    objects = {"field": "resources.type", "equals": ["AWS::S3::Object"]}
    own = outputs(graph)["trail_bucket_arn"] + "/"
    assert everything == [data, objects, {"field": "resources.ARN", "notStartsWiths": [own]}]
    assert some == [data, objects, {"field": "resources.ARN", "startsWiths": invoices}]
    assert functions == [data, {"field": "resources.type", "equals": ["AWS::Lambda::Function"]}]
    assert [one["insightType"] for one in trail(graph)["insightSelectors"]] == ["ApiCallRateInsight", "ApiErrorRateInsight"]


def test_an_adopted_trail_has_the_alarms_and_nothing_else_is_created() -> None:
    graph = make(**ADOPTED, **WITH_TOPICS)
    assert graph.of_type("aws:cloudtrail/trail:Trail", "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:cloudwatch/logGroup:LogGroup") == []
    assert named(graph, "audit-root-use-filter")["logGroupName"] == "organization-events"
    assert named(graph, "audit-silent")["dimensions"] == {"LogGroupName": "organization-events"}
    rules = [one.name for one in graph.of_type("aws:cloudwatch/eventRule:EventRule")]
    assert rules == ["audit-switched-off"]
    found = outputs(graph)
    assert (found["trail_arn"], found["log_group_name"], found["kms_key_arn"]) == (TRAIL, "organization-events", "")


# What else raises an alarm.

USER = {"type": "IAMUser", "userName": "ana"}
SIGNED_IN = {"responseElements": {"ConsoleLogin": "Success"}, "userIdentity": USER}


@pytest.mark.parametrize(
    ("name", "event", "raised"),
    [
        ("denied", call("ec2", "RunInstances", errorCode="Client.UnauthorizedOperation"), True),
        ("denied", call("s3", "GetObject", errorCode="AccessDenied"), True),
        ("denied", call("s3", "GetObject"), False),
        ("failed-sign-ins", call("signin", "ConsoleLogin", errorMessage="Failed authentication"), True),
        ("failed-sign-ins", call("signin", "ConsoleLogin"), False),
        ("firewalls", call("ec2", "AuthorizeSecurityGroupIngress"), True),
        ("firewalls", call("ec2", "DescribeSecurityGroups"), False),
        ("iam", call("iam", "PutRolePolicy"), True),
        ("iam", call("iam", "AttachUserPolicy"), True),
        ("iam", call("iam", "ListRoles"), False),
        ("key-deletion", call("kms", "ScheduleKeyDeletion"), True),
        ("key-deletion", call("kms", "Encrypt"), False),
        ("network", call("ec2", "CreateRoute"), True),
        ("network", call("ec2", "CreateTags"), False),
        ("organization", call("organizations", "LeaveOrganization"), True),
        ("organization", call("organizations", "ListAccounts"), False),
        ("sign-in-without-mfa", call("signin", "ConsoleLogin", additionalEventData={"MFAUsed": "No"}, **SIGNED_IN), True),
        ("sign-in-without-mfa", call("signin", "ConsoleLogin", additionalEventData={"MFAUsed": "Yes"}, **SIGNED_IN), False),
        ("users", call("iam", "CreateAccessKey"), True),
        ("users", call("iam", "CreateRole"), False),
    ],
)
def test_a_watch_counts_what_it_is_named_after(name: str, event: dict[str, Any], *, raised: bool) -> None:
    assert counts(WATCHES[name].pattern, event) is raised


def test_names_of_services_are_quoted_in_patterns() -> None:
    assert '$.eventSource = "access-analyzer.amazonaws.com"' in WATCHED_OFF.pattern
    assert [key for key, one in WATCHES.items() if re.search('eventSource = [^"]', one.pattern)] == []


def test_patterns_are_within_the_limit_of_cloudwatch_logs() -> None:
    assert {
        key: len(one.pattern) for key, one in {**WATCHES, "root": ROOT_USE, "off": WATCHED_OFF}.items() if len(one.pattern) > 1024
    } == {}


def test_watches_are_chosen() -> None:
    graph = make(watches=["iam"], **WITH_TOPICS)
    filters = [one.name for one in graph.of_type("aws:cloudwatch/logMetricFilter:LogMetricFilter")]
    assert filters == ["audit-root-use-filter", "audit-less-recorded-filter", "audit-iam-filter"]


def test_without_topics_there_are_no_alarms() -> None:
    graph = make(**SERVICES)
    assert graph.of_type("aws:cloudwatch/eventRule:EventRule") == []
    assert graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/logMetricFilter:LogMetricFilter") == []


# AWS Config.


def test_config_has_a_bucket_of_its_own_without_object_lock_from_which_nothing_can_be_deleted() -> None:
    graph = make(recorder={})
    locks = graph.of_type("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")
    assert [one.name for one in locks] == ["audit-files-object-lock"]
    channel = graph.one("aws:cfg/deliveryChannel:DeliveryChannel")
    assert refs(graph, channel, "s3BucketName")[0] == "audit-config-bucket"
    assert refs(graph, channel, "s3KmsKeyArn") == ["audit-key", "audit-key-policy"]
    denied = statements(named(graph, "audit-config-policy")["policy"])["DenyDeletion"]
    assert (denied["Effect"], denied["Principal"]) == ("Deny", {"AWS": ["*"]})
    assert denied["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert named(graph, "audit-config-versioning")["versioningConfiguration"] == {"status": "Enabled"}
    assert refs(graph, graph.named("audit-config-logging"), "targetBucket")[0] == "audit-files-logs-bucket"


def test_the_recorder_is_started_after_its_channel_and_rules_come_last() -> None:
    graph = make(recorder={"frequency": "DAILY", "global_types": False})
    recorder, status = graph.one("aws:cfg/recorder:Recorder"), graph.one("aws:cfg/recorderStatus:RecorderStatus")
    assert recorder.inputs["recordingGroup"] == {"allSupported": True, "includeGlobalResourceTypes": False}
    assert recorder.inputs["recordingMode"] == {"recordingFrequency": "DAILY"}
    assert refs(graph, recorder, "roleArn") == ["audit-recorder-role", "audit-recorder-role-delivery", "audit-recorder-role-reads"]
    assert status.inputs["isEnabled"] is True
    rules = graph.of_type("aws:cfg/rule:Rule")
    assert {one.name: one.inputs["source"]["sourceIdentifier"] for one in rules} == {f"audit-{key}": one for key, one in RULES.items()}
    assert [one.name for one in rules if "audit-recorder-status" not in depends_on(graph, one)] == []
    assert "audit-channel" in depends_on(graph, status)
    assert "audit-recorder" in depends_on(graph, graph.one("aws:cfg/deliveryChannel:DeliveryChannel"))


def test_the_recorders_role_may_write_to_its_bucket_and_use_its_key_and_nothing_else() -> None:
    graph = make(recorder={})
    whole = json.loads(named(graph, "audit-recorder-role-delivery")["policy"])["Statement"]
    bucket = graph.named("audit-config").outputs["bucket_arn"]
    assert [one["Resource"] for one in whole] == [[bucket], [f"{bucket}/AWSLogs/*"], [outputs(graph)["kms_key_arn"]]]
    assert whole[2]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_an_adopted_recorder_has_rules_alone() -> None:
    rules = {"old-keys": {"identifier": "ACCESS_KEYS_ROTATED", "parameters": {"maxAccessKeyAge": "90"}}}
    graph = make(recorder={"existing_recorder_name": "default", "rules": rules}, **WITH_TOPICS)
    assert graph.of_type("aws:cfg/recorder:Recorder", "aws:cfg/deliveryChannel:DeliveryChannel") == []
    rule = graph.one("aws:cfg/rule:Rule")
    assert (rule.inputs["source"], rule.inputs["inputParameters"]) == (
        {"owner": "AWS", "sourceIdentifier": "ACCESS_KEYS_ROTATED"},
        '{"maxAccessKeyAge": "90"}',
    )
    assert outputs(graph)["recorder_name"] == "default"
    broken = {"messageType": "ComplianceChangeNotification", "configRuleName": rule.outputs["name"]}
    event = {"source": "aws.config", "detail-type": "Config Rules Compliance Change"}
    pattern = json.loads(named(graph, "audit-rule-broken")["eventPattern"])
    assert matches(pattern, {**event, "detail": {**broken, "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}})
    assert not matches(pattern, {**event, "detail": {**broken, "newEvaluationResult": {"complianceType": "COMPLIANT"}}})
    foreign = {**broken, "configRuleName": "other-old-keys-1a2b3c4", "newEvaluationResult": {"complianceType": "NON_COMPLIANT"}}
    assert not matches(pattern, {**event, "detail": foreign})


def test_a_hundred_rules_are_reported_by_one_pattern() -> None:
    rules = {f"rule-{number}": {"identifier": "ENCRYPTED_VOLUMES"} for number in range(100)}
    graph = make(recorder={"rules": rules}, **WITH_TOPICS)
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    assert len(named(graph, "audit-rule-broken")["eventPattern"]) <= 2048


# GuardDuty, Security Hub, Inspector, Access Analyzer.


def test_services_that_are_once_in_an_account_are_not_created_unless_asked_for() -> None:
    kinds = ("aws:cfg/", "aws:guardduty/", "aws:securityhub/", "aws:inspector2/", "aws:accessanalyzer/")
    assert [one.name for one in make(**WITH_TOPICS).resources if one.type.startswith(kinds)] == []


def test_each_plan_of_guardduty_is_stated() -> None:
    graph = make(detector={"features": ["S3_DATA_EVENTS"], "runtime_monitoring": True})
    found = {one.inputs["name"]: one.inputs["status"] for one in graph.of_type("aws:guardduty/detectorFeature:DetectorFeature")}
    assert found == {
        "S3_DATA_EVENTS": "ENABLED",
        "EKS_AUDIT_LOGS": "DISABLED",
        "EBS_MALWARE_PROTECTION": "DISABLED",
        "RDS_LOGIN_EVENTS": "DISABLED",
        "LAMBDA_NETWORK_LOGS": "DISABLED",
        "RUNTIME_MONITORING": "ENABLED",
    }
    assert "datasources" not in graph.one("aws:guardduty/detector:Detector").inputs


def test_the_hub_has_the_standards_that_are_named_after_the_recorder_runs() -> None:
    graph = make(recorder={}, hub={"standards": ["foundational", "cis"]})
    hub = graph.one("aws:securityhub/account:Account")
    assert hub.inputs["enableDefaultStandards"] is False
    assert "audit-recorder-status" in depends_on(graph, hub)
    subscriptions = graph.of_type("aws:securityhub/standardsSubscription:StandardsSubscription")
    assert [one.name for one in subscriptions if "audit-hub" not in depends_on(graph, one)] == []
    standards = {one.name: one.inputs["standardsArn"] for one in subscriptions}
    assert standards == {
        "audit-standard-foundational": "arn:aws:securityhub:eu-west-1::standards/aws-foundational-security-best-practices/v/1.0.0",
        "audit-standard-cis": "arn:aws:securityhub:eu-west-1::standards/cis-aws-foundations-benchmark/v/3.0.0",
    }


def test_inspector_scans_the_stacks_own_account_or_those_that_are_named() -> None:
    assert make(inspector={}).one("aws:inspector2/enabler:Enabler").inputs == {
        "accountIds": [ACCOUNT],
        "resourceTypes": ["EC2", "ECR", "LAMBDA", "LAMBDA_CODE"],
    }
    given = make(**ADOPTED, inspector={"account_ids": [OTHER_ACCOUNT]})
    assert given.one("aws:inspector2/enabler:Enabler").inputs["accountIds"] == [OTHER_ACCOUNT]


def test_analyzers_see_what_is_open_and_what_is_unused() -> None:
    graph = make(analyzer={"scope": "ORGANIZATION", "unused_access_days": 90})
    found = {one.name: one.inputs["type"] for one in graph.of_type("aws:accessanalyzer/analyzer:Analyzer")}
    assert found == {"audit-analyzer": "ORGANIZATION", "audit-unused": "ORGANIZATION_UNUSED_ACCESS"}
    assert named(graph, "audit-unused")["configuration"] == {"unusedAccess": {"unusedAccessAge": 90}}
    # Another scope or age is another analyzer of the same name.
    assert [graph.named(name).options["deleteBeforeReplace"] for name in found] == [True, True]


def test_what_exists_is_adopted() -> None:
    hub = f"arn:aws:securityhub:eu-west-1:{ACCOUNT}:hub/default"
    graph = make(
        recorder={"existing_recorder_name": "default"},
        detector={"existing_detector_id": "0" * 32},
        hub={"existing_hub_arn": hub, "standards": []},
    )
    assert graph.of_type("aws:guardduty/detector:Detector", "aws:guardduty/detectorFeature:DetectorFeature") == []
    assert [one.name for one in graph.resources if one.type.startswith("aws:securityhub/")] == []
    assert (outputs(graph)["detector_id"], outputs(graph)["hub_arn"]) == ("0" * 32, hub)


@pytest.mark.parametrize(
    ("rule", "event", "quiet"),
    [
        (
            "threat",
            {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"severity": 8}},
            {"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"severity": 4}},
        ),
        (
            "vulnerability",
            {
                "source": "aws.inspector2",
                "detail-type": "Inspector2 Finding",
                "detail": {"severity": "CRITICAL", "status": "ACTIVE", "exploitAvailable": "YES"},
            },
            {
                "source": "aws.inspector2",
                "detail-type": "Inspector2 Finding",
                "detail": {"severity": "CRITICAL", "status": "CLOSED", "exploitAvailable": "YES"},
            },
        ),
        (
            "open-to-others",
            {"source": "aws.access-analyzer", "detail-type": "Access Analyzer Finding", "detail": {"status": "ACTIVE"}},
            {"source": "aws.access-analyzer", "detail-type": "Access Analyzer Finding", "detail": {"status": "RESOLVED"}},
        ),
    ],
)
def test_findings_that_matter_are_reported(rule: str, event: dict[str, Any], quiet: dict[str, Any]) -> None:
    graph = make(**SERVICES, **WITH_TOPICS)
    pattern = json.loads(named(graph, f"audit-{rule}")["eventPattern"])
    assert (matches(pattern, event), matches(pattern, quiet)) == (True, False)
    assert named(graph, f"audit-{rule}-topic-1")["arn"] == TOPIC


def test_failed_checks_of_the_hub_are_reported_and_not_what_other_services_report_themselves() -> None:
    pattern = json.loads(named(make(**SERVICES, **WITH_TOPICS), "audit-check-failed")["eventPattern"])
    finding = {"RecordState": "ACTIVE", "Severity": {"Label": "CRITICAL"}, "Workflow": {"Status": "NEW"}}
    event = {"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported"}
    for product in ("Security Hub", "Security Hub CSPM"):
        assert matches(pattern, {**event, "detail": {"findings": [{**finding, "ProductName": product}]}})
    assert not matches(pattern, {**event, "detail": {"findings": [{**finding, "ProductName": "GuardDuty"}]}})


# What is refused.


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {**ADOPTED, "organization_id": "o-exampleorgid"},
            "existing_trail",
            "excludes organization_id: an adopted trail is not changed; both are given. Remove one of them.",
        ),
        (
            {**ADOPTED, "lock_mode": "COMPLIANCE"},
            "existing_trail",
            "excludes lock_mode: an adopted trail is not changed; both are given. Remove one of them.",
        ),
        (
            {**ADOPTED, "recorder": {"existing_recorder_name": "default"}, "retention_days": 30},
            "retention_days",
            "is for new buckets; with existing_trail and without a new recorder there are none. Remove it.",
        ),
        (
            {
                "existing_trail_bucket_arn": "arn:aws:s3:::central-logs",
                "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1",
                "lock_mode": "COMPLIANCE",
            },
            "existing_trail_bucket_arn",
            "excludes lock_mode: the bucket has a lock of its own; both are given. Remove one of them.",
        ),
        (
            {"data_events": [{"resource_type": "AWS::S3::Object", "arn_prefixes": ["invoices"]}]},
            "data_events.0.arn_prefixes.0",
            "is 'invoices'; must be the beginning of ARNs such as arn:aws:s3:::invoices/",
        ),
        (
            {"recorder": {"existing_recorder_name": "arn:aws:config:eu-west-1:123456789012:config-recorder/default"}},
            "recorder.existing_recorder_name",
            "is 'arn:aws:config:eu-west-1:123456789012:config-recorder/default'; must be the name of a recorder, not its ARN, such as "
            "default",
        ),
        (
            {"existing_trail_bucket_arn": "arn:aws:s3:::central-logs"},
            "kms_key_arn",
            "is missing; existing_trail_bucket_arn needs it: the key's policy and the bucket's belong together. Give it, or remove "
            "existing_trail_bucket_arn.",
        ),
        ({"hub": {}}, "recorder", "is missing; hub needs it: AWS Config does its checks. Give it, or remove hub."),
        (
            {**ADOPTED, "inspector": {}},
            "inspector.account_ids",
            "is missing; with existing_trail the stack's account is not known. Give it, as in ['123456789012'].",
        ),
        (
            {"inspector": {"resource_types": ["LAMBDA_CODE"]}},
            "inspector.resource_types",
            "has LAMBDA_CODE without LAMBDA, on which it builds. Add LAMBDA.",
        ),
        (
            {"detector": {"existing_detector_id": "0" * 32, "runtime_monitoring": True}},
            "detector.existing_detector_id",
            "excludes runtime_monitoring: it is not changed; both are given. Remove one of them.",
        ),
        (
            {"recorder": {"existing_recorder_name": "default", "frequency": "DAILY"}},
            "recorder.existing_recorder_name",
            "excludes frequency: it is not changed; both are given. Remove one of them.",
        ),
        (
            {"organization_id": "exampleorgid"},
            "organization_id",
            "is 'exampleorgid'; must be the id of an organization such as o-exampleorgid",
        ),
    ],
)
def test_what_would_be_refused_or_have_no_effect(args: dict[str, Any], path: str, reason: str) -> None:
    assert problems(**args) == [(path, reason)]


def test_a_name_that_no_trail_can_have_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: AuditTrail("audit--trail", {}))
    reason = "is 'audit--trail'; names of trails have letters and digits with single dashes between them, a letter first. Give such a name."
    assert list(caught.value.problems) == [("name", reason)]


def test_a_name_too_long_for_the_buckets_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: AuditTrail("audit-of-everything-that-happened-here", {}))
    [(path, reason)] = caught.value.problems
    assert path == "name"
    assert reason.startswith("has 38 characters; the child audit-of-everything-that-happened-here-files-logs-bucket would pass the 63 ")
