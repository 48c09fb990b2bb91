"""CloudTrail and AWS Config: trails and recorders record everything, and their logs are protected.

Trails and recorders exist once for an account or organisation and are often created by another stack, so no stack is required to have them.
"""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._references import sets_reference
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import read

_CLOUDTRAIL: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/cloudtrail-controls.html"
_CONFIG: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/config-controls.html"

_TRAIL: Final = "aws:cloudtrail/trail:Trail"
_KEYS: Final = ("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey", "aws:kms/externalKey:ExternalKey", "aws:kms/alias:Alias")
_LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
_RECORDER: Final = "aws:cfg/recorder:Recorder"
_RECORDER_STATUS: Final = "aws:cfg/recorderStatus:RecorderStatus"
_AGGREGATOR: Final = "aws:cfg/configurationAggregator:ConfigurationAggregator"

_SETTINGS_OF_A_TRAIL: Final = (
    ("enableLogging", True, "does not log"),
    ("isMultiRegionTrail", False, "records one region only"),
    ("includeGlobalServiceEvents", True, "leaves out global services, IAM among them"),
)


@control(
    id="cloudtrail-all-regions",
    title="Trails record all regions",
    severity=Severity.HIGH,
    types=(_TRAIL,),
    why="Intruders use the regions that nobody monitors.",
    remediation="Set is_multi_region_trail to True, and leave enable_logging and include_global_service_events at True.",
    url=f"{_CLOUDTRAIL}#cloudtrail-1",
    frameworks={"FSBP": ("CloudTrail.1",), "CIS 5.0": ("3.1",), "Checkov": ("CKV_AWS_67", "CKV_AWS_251")},
)
def cloudtrail_all_regions(resource: Resource) -> Iterator[Verdict]:
    for path, default, message in _SETTINGS_OF_A_TRAIL:
        if resource.is_unknown(path):
            yield Unknown(path)
        elif not resource.get(path, default):
            yield Fail(message, path)


@control(
    id="cloudtrail-management-events",
    title="Trails record all management events",
    severity=Severity.HIGH,
    types=(_TRAIL,),
    why="Read events show what an intruder looked for, and write events what was changed; both are needed.",
    remediation='Set read_write_type to "All" and omit exclude_management_event_sources, or omit event_selectors altogether.',
    url=f"{_CLOUDTRAIL}#cloudtrail-1",
    frameworks={"FSBP": ("CloudTrail.1",)},
)
def cloudtrail_management_events(resource: Resource) -> list[Verdict]:
    if resource.get("advancedEventSelectors"):
        return _advanced(resource)
    kinds: dict[str, str] = {}
    found: list[Verdict] = []
    count = len(resource.get("eventSelectors", ()))
    for selector in (f"eventSelectors.{index}" for index in range(count)):
        if not resource.get(f"{selector}.includeManagementEvents", True):
            continue
        kinds[resource.get(f"{selector}.readWriteType", "All")] = f"{selector}.readWriteType"
        # An unknown among them ends the control here, as it should.
        if excluded := [str(source) for source in resource.get(f"{selector}.excludeManagementEventSources", ())]:
            found.append(Fail(f"leaves out {' and '.join(excluded)}", f"{selector}.excludeManagementEventSources"))
    if count and not kinds:
        return [NotApplicable("records data events alone")]
    if len(kinds) == 1 and "All" not in kinds:
        kind, where = next(iter(kinds.items()))
        found.append(Fail(f"records {kind} management events alone", where))
    return found


def _advanced(resource: Resource) -> list[Verdict]:
    """The verdicts on advanced selectors. All fields of one must hold: with nothing but a category it takes everything."""
    narrowed: list[tuple[str, str]] = []
    halves: set[str] = set()
    for index in range(len(resource.get("advancedEventSelectors", ()))):
        path = f"advancedEventSelectors.{index}.fieldSelectors"
        fields = {resource.get(f"{path}.{item}.field", ""): f"{path}.{item}.equals" for item in range(len(resource.get(path, ())))}
        if "Management" not in resource.get(fields.pop("eventCategory", f"{path}.equals"), ()):
            continue
        if not fields:
            return [Pass()]
        if set(fields) == {"readOnly"}:
            halves.update(resource.get(fields["readOnly"], ()))
        narrowed.append((" and ".join(sorted(fields)), path))
    if not narrowed:
        return [NotApplicable("records data events alone")]
    # Two selectors, one for reads and one for writes, make a whole as well.
    return (
        [Pass()] if halves == {"true", "false"} else [Fail(f"filters its management events by {names}", path) for names, path in narrowed]
    )


@control(
    id="cloudtrail-log-validation",
    title="Trails have log file validation",
    severity=Severity.LOW,
    types=(_TRAIL,),
    why="Without digests, nobody can detect that a log file was changed or deleted afterwards.",
    remediation="Set enable_log_file_validation to True.",
    url=f"{_CLOUDTRAIL}#cloudtrail-4",
    frameworks={"FSBP": ("CloudTrail.4",), "CIS 5.0": ("3.2",), "Checkov": ("CKV_AWS_36",)},
)
def cloudtrail_log_validation(resource: Resource) -> Verdict:
    signed = resource.get("enableLogFileValidation", False)
    return Pass() if signed else Fail("has no log file validation", "enableLogFileValidation")


@stack_control(
    id="cloudtrail-encrypted",
    title="Trails encrypt their log files with a KMS key",
    severity=Severity.MEDIUM,
    types=(_TRAIL,),
    why="Anyone who can read the bucket can read the account's whole history; a KMS key requires a second permission.",
    remediation="Set kms_key_id to the ARN of a key whose policy allows CloudTrail.",
    url=f"{_CLOUDTRAIL}#cloudtrail-2",
    frameworks={"FSBP": ("CloudTrail.2",), "CIS 5.0": ("3.5",), "Checkov": ("CKV_AWS_35",)},
)
def cloudtrail_encrypted(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if sets_reference(stack, resource, "kmsKeyId", *_KEYS) else Fail("has no KMS key", "kmsKeyId")


@stack_control(
    id="cloudtrail-log-group",
    title="Trails send events to CloudWatch Logs",
    severity=Severity.LOW,
    types=(_TRAIL,),
    why="Log files in a bucket cannot trigger an alarm.",
    remediation='Set cloud_watch_logs_group_arn to the log group\'s ARN followed by ":*", and cloud_watch_logs_role_arn.',
    url=f"{_CLOUDTRAIL}#cloudtrail-5",
    frameworks={"FSBP": ("CloudTrail.5",), "Checkov": ("CKV2_AWS_10",)},
)
def cloudtrail_log_group(resource: Resource, stack: Stack) -> Verdict:
    path = "cloudWatchLogsGroupArn"
    return Pass() if sets_reference(stack, resource, path, _LOG_GROUP) else Fail("does not send events to CloudWatch Logs", path)


@stack_control(
    id="config-recorder-started",
    title="Configuration recorders are started",
    severity=Severity.CRITICAL,
    types=(_RECORDER,),
    why="A recorder that was never started records nothing, so AWS Config rules find nothing.",
    remediation="Add an aws.cfg.RecorderStatus with the recorder's name and is_enabled=True.",
    url=f"{_CONFIG}#config-1",
    frameworks={"FSBP": ("Config.1",), "CIS 5.0": ("3.3",), "Checkov": ("CKV2_AWS_45",)},
)
def config_recorder_started(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if stack.referrers(resource, _RECORDER_STATUS, "name") else Fail("is never started")


@control(
    id="config-recorder-enabled",
    title="Configuration recorders are not stopped",
    severity=Severity.CRITICAL,
    types=(_RECORDER_STATUS,),
    why="While the recorder is stopped, changes are not recorded, and AWS Config rules evaluate outdated data.",
    remediation="Set is_enabled to True.",
    url=f"{_CONFIG}#config-1",
    frameworks={"FSBP": ("Config.1",), "CIS 5.0": ("3.3",), "Checkov": ("CKV2_AWS_45",)},
)
def config_recorder_enabled(resource: Resource) -> Verdict:
    return Pass() if resource.get("isEnabled", False) else Fail("stops the recorder", "isEnabled")


@control(
    id="config-recorder-complete",
    title="Configuration recorders record all types",
    severity=Severity.CRITICAL,
    types=(_RECORDER,),
    why="AWS Config rules never evaluate resource types that are not recorded.",
    remediation="Omit recording_group, or set all_supported to True in it.",
    url=f"{_CONFIG}#config-1",
    frameworks={"FSBP": ("Config.1",), "CIS 5.0": ("3.3",), "Checkov": ("CKV2_AWS_45",)},
)
def config_recorder_complete(resource: Resource) -> Verdict:
    if resource.get("recordingGroup.allSupported", True):
        return Pass()
    count = len(resource.get("recordingGroup.resourceTypes", ()))
    return Fail(f"records {count} type{'s' if count > 1 else ''} only" if count else "excludes types", "recordingGroup.allSupported")


@control(
    id="config-aggregator-all-regions",
    title="Configuration aggregators cover all regions",
    severity=Severity.LOW,
    types=(_AGGREGATOR,),
    why="Nobody monitors a region that is not aggregated.",
    remediation="Set all_regions to True in account_aggregation_source or organization_aggregation_source.",
    url="https://docs.aws.amazon.com/config/latest/developerguide/aggregate-data.html",
    frameworks={"Checkov": ("CKV_AWS_121",)},
)
def config_aggregator_all_regions(resource: Resource) -> Verdict:
    sources = [source for source in ("accountAggregationSource", "organizationAggregationSource") if read(resource, source) is not None]
    for source in sources:
        if not resource.get(f"{source}.allRegions", False):
            regions = ", ".join(map(str, resource.get(f"{source}.regions", ())))
            return Fail(f"covers {regions or 'no region'} only", f"{source}.allRegions")
    return Pass()
