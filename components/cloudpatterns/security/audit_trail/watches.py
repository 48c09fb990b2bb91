"""What raises an alarm: patterns of events, as metric filters read them, and as rules of EventBridge do.

The filters follow the monitoring section of the CIS AWS Foundations Benchmark:
https://docs.aws.amazon.com/securityhub/latest/userguide/cloudwatch-controls.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm
from cloudpatterns.core import Component

API_CALL = "AWS API Call via CloudTrail"
"""Type of the events that EventBridge receives for calls that change something."""


class Watch(NamedTuple):
    """A pattern of events, and what they mean."""

    meaning: str
    pattern: str


def _names(names: Iterable[str]) -> str:
    return " || ".join(f"($.eventName = {name})" for name in names)


def _calls(source: str, *names: str) -> str:
    # Quoted: a text with a hyphen is none of the words that a pattern may have as they are.
    return f'($.eventSource = "{source}.amazonaws.com") && ({_names(names)})'


SWITCHED_OFF: Mapping[str, Sequence[str]] = {
    "cloudtrail": ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail"),
    "config": ("DeleteConfigurationRecorder", "DeleteDeliveryChannel", "StopConfigurationRecorder"),
    "guardduty": ("DeleteDetector", "DisassociateFromAdministratorAccount", "UpdateDetector"),
    "securityhub": ("BatchDisableStandards", "DisableSecurityHub"),
    "inspector2": ("Disable",),
    "access-analyzer": ("DeleteAnalyzer",),
}
"""Calls, by service, after which less is recorded or reported."""

ROOT_USE = Watch(
    "The root user did something: nobody should, but for the few tasks that need it",
    '{ $.userIdentity.type = "Root" && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }',
)
_OFF = " || ".join(f"({_calls(service, *names)})" for service, names in SWITCHED_OFF.items())
WATCHED_OFF = Watch("The trail, or a service that watches the account, was switched off or changed", f"{{ {_OFF} }}")

WATCHES: Mapping[str, Watch] = {
    "denied": Watch(
        "Calls are denied: somebody tries what they may not do, or a deployment lacks rights",
        '{ ($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*") }',
    ),
    "failed-sign-ins": Watch(
        "Somebody could not sign in to the console",
        '{ ($.eventName = ConsoleLogin) && ($.errorMessage = "Failed authentication") }',
    ),
    "firewalls": Watch(
        "Security groups or network ACLs were changed",
        "{ "
        + _names(
            (
                "AuthorizeSecurityGroupIngress",
                "AuthorizeSecurityGroupEgress",
                "ModifySecurityGroupRules",
                "RevokeSecurityGroupIngress",
                "RevokeSecurityGroupEgress",
                "CreateNetworkAclEntry",
                "ReplaceNetworkAclEntry",
                "DeleteNetworkAclEntry",
                "ReplaceNetworkAclAssociation",
            )
        )
        + " }",
    ),
    "iam": Watch(
        "Policies or roles of IAM were changed",
        "{ "
        + _calls(
            "iam",
            *(f"{verb}{kind}Policy" for kind in ("Group", "Role", "User") for verb in ("Attach", "Detach", "Put", "Delete")),
            "CreatePolicyVersion",
            "SetDefaultPolicyVersion",
            "UpdateAssumeRolePolicy",
            "DeleteRolePermissionsBoundary",
        )
        + " }",
    ),
    "key-deletion": Watch(
        "A KMS key was disabled, or is to be deleted: what it encrypts is lost then",
        "{ " + _calls("kms", "DisableKey", "ScheduleKeyDeletion") + " }",
    ),
    "network": Watch(
        "Routes, gateways, peerings or VPCs were changed",
        "{ "
        + _calls(
            "ec2",
            *("CreateRoute", "ReplaceRoute", "DeleteRoute", "ReplaceRouteTableAssociation", "DisassociateRouteTable"),
            *("AttachInternetGateway", "DetachInternetGateway", "CreateCustomerGateway", "DeleteCustomerGateway"),
            *("CreateVpc", "DeleteVpc", "ModifyVpcAttribute", "AcceptVpcPeeringConnection", "DeleteVpcPeeringConnection"),
        )
        + " }",
    ),
    "organization": Watch(
        "Accounts or policies of the organization were changed",
        "{ "
        + _calls(
            "organizations",
            *("AttachPolicy", "CreateAccount", "DeletePolicy", "DetachPolicy", "DisablePolicyType", "LeaveOrganization"),
            *("MoveAccount", "RemoveAccountFromOrganization", "UpdatePolicy", "InviteAccountToOrganization", "CloseAccount"),
        )
        + " }",
    ),
    "sign-in-without-mfa": Watch(
        "An IAM user signed in to the console without MFA",
        '{ ($.eventName = ConsoleLogin) && ($.additionalEventData.MFAUsed != "Yes") && ($.userIdentity.type = "IAMUser") '
        '&& ($.responseElements.ConsoleLogin = "Success") }',
    ),
    "users": Watch(
        "An IAM user, an access key or a password was created: credentials that do not expire",
        "{ " + _calls("iam", "CreateUser", "CreateAccessKey", "CreateLoginProfile", "UpdateLoginProfile") + " }",
    ),
}
"""What an account may be watched for besides, by name."""


def watch(
    component: Component,
    log_group_name: pulumi.Input[str],
    watches: Mapping[str, Watch],
    topic_arns: Sequence[pulumi.Input[str]],
    tags: Mapping[str, pulumi.Input[str]],
) -> None:
    """A metric filter of the log group and an alarm for each of the watches, by the end of their names."""
    name = component.pulumi_resource_name
    for suffix, found in watches.items():
        metric = Metric(name, suffix, {}, "Sum")
        aws.cloudwatch.LogMetricFilter(
            f"{name}-{suffix}-filter",
            log_group_name=log_group_name,
            pattern=found.pattern,
            metric_transformation={"namespace": metric.namespace, "name": suffix, "value": "1", "default_value": "0"},
            opts=component.child(),
        )
        # It is about what happened, and ends by itself five minutes later: nobody needs to hear of that.
        alarm(component, f"{name}-{suffix}", found.meaning, metric, 0, period_seconds=300, actions=topic_arns, ok_actions=[], tags=tags)


def switched_off_events() -> dict[str, Any]:
    """The pattern of the calls after which less is recorded, as they reach EventBridge in less than a minute.

    A trail is stopped in its home Region alone, so that a rule there sees it.
    """
    return {
        "detail-type": [API_CALL],
        "detail": {
            "$or": [{"eventSource": [f"{service}.amazonaws.com"], "eventName": [*names]} for service, names in SWITCHED_OFF.items()]
        },
    }
