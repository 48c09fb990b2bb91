"""AuditTrail: who did what in the account, in all Regions, kept for a year where nobody can change it; and who tries to switch that off."""

import pulumi
from cloudpatterns.security import AuditTrail

audit = AuditTrail(
    "audit",
    {
        # Who has s3:BypassGovernanceRetention can lift this lock. With "COMPLIANCE" nobody can, ever: try this one first.
        "lock_mode": "GOVERNANCE",
        "retention_days": 400,
        "transitions": [{"storage_class": "GLACIER_IR", "days": 90}],
        # Who read the invoices, beside who changed the account.
        "data_events": [{"resource_type": "AWS::S3::Object", "arn_prefixes": ["arn:aws:s3:::invoices-of-the-shop/"]}],
        # There is one of each in an account and Region. Remove those that another stack has, or name them: {"existing_detector_id": ...}.
        "recorder": {},
        "detector": {},
        "hub": {"standards": ["foundational", "cis"]},
        "inspector": {},
        "analyzer": {"unused_access_days": 90},
        "alarm_topic_arns": [pulumi.Config().require("alarm_topic_arn")],
    },
)

# aws cloudtrail validate-logs --trail-arn ... --start-time 2026-11-01T00:00:00Z
pulumi.export("trail_arn", audit.trail_arn)
# aws logs tail ... --since 1h
pulumi.export("log_group_name", audit.log_group_name)
