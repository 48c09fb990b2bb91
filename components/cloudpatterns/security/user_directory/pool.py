"""The user pool of a ``UserDirectory``, with its threat protection, triggers and logs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import allow_invocation, log_group
from cloudpatterns.core import Component
from cloudpatterns.security.user_directory.arguments import UserAttribute, UserDirectoryArgs, UserEmail

COGNITO = "cognito-idp.amazonaws.com"
LOGS = "/aws/vendedlogs/cognito/"
"""Begins the names of the log groups: CloudWatch Logs admits services to it by itself, without a statement for each group.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""
# What is versioned: the other triggers are an ARN alone.
_VERSIONS = {"pre_token_generation": ("pre_token_generation_config", "V2_0"), "custom_email_sender": ("custom_email_sender", "V1_0")}


class UserPool(NamedTuple):
    """The pool, and the log groups of what its users do and of messages that reach nobody."""

    pool: aws.cognito.UserPool
    delivery: aws.cognito.LogDeliveryConfiguration
    activity_log_group: aws.cloudwatch.LogGroup
    message_log_group: aws.cloudwatch.LogGroup


def user_pool(component: Component, checked: UserDirectoryArgs, kms_key_arn: pulumi.Output[str]) -> UserPool:
    """A new user pool, which judges each sign-in and writes it down."""
    name = component.pulumi_resource_name
    pool = _pool(component, checked, kms_key_arn)
    _risks(component, checked, pool)
    for trigger, arn in _given(checked).items():
        allow_invocation(component, f"{name}-{trigger.replace('_', '-')}-permission", arn, COGNITO, pool.arn)
    if (web_acl_arn := checked.get("web_acl_arn")) is not None:
        aws.wafv2.WebAclAssociation(f"{name}-web-acl", resource_arn=pool.arn, web_acl_arn=web_acl_arn, opts=component.child())
    activity, messages = (
        log_group(
            component,
            f"{name}-{kind}-log",
            checked["log_retention_days"],
            name_prefix=f"{LOGS}{name}-{kind}-",
            kms_key_arn=kms_key_arn,
            tags=checked["tags"],
        )
        for kind in ("activity", "message")
    )
    delivery = aws.cognito.LogDeliveryConfiguration(
        f"{name}-logs",
        user_pool_id=pool.id,
        log_configurations=[
            {"event_source": "userAuthEvents", "log_level": "INFO", "cloud_watch_logs_configuration": {"log_group_arn": activity.arn}},
            {"event_source": "userNotification", "log_level": "ERROR", "cloud_watch_logs_configuration": {"log_group_arn": messages.arn}},
        ],
        opts=component.child(),
    )
    return UserPool(pool, delivery, activity, messages)


def _pool(component: Component, checked: UserDirectoryArgs, kms_key_arn: pulumi.Output[str]) -> aws.cognito.UserPool:
    mode = checked["threat_protection"].upper()
    email = checked.get("email")
    by_email = checked["sign_in_with"] == "email"
    return aws.cognito.UserPool(
        f"{component.pulumi_resource_name}-pool",
        # A new pool has Essentials, which has neither threat protection nor the log of sign-ins.
        user_pool_tier="PLUS",
        user_pool_add_ons={"advanced_security_mode": mode, "advanced_security_additional_flows": {"custom_auth_mode": mode}},
        mfa_configuration="ON" if checked["mfa"] == "required" else "OPTIONAL",
        software_token_mfa_configuration={"enabled": True},
        username_attributes=["email"] if by_email else None,
        alias_attributes=None if by_email else ["email"],
        username_configuration={"case_sensitive": False},
        auto_verified_attributes=["email"],
        # The old address counts until the new one is verified: otherwise a stolen session could take the account over.
        user_attribute_update_settings={"attributes_require_verification_before_updates": ["email"]},
        account_recovery_setting={"recovery_mechanisms": [{"name": "verified_email", "priority": 1}]},
        admin_create_user_config={"allow_admin_create_user_only": not checked["self_sign_up"]},
        password_policy={
            "minimum_length": checked["password_min_length"],
            "require_lowercase": True,
            "require_uppercase": True,
            "require_numbers": True,
            "require_symbols": True,
            "password_history_size": checked["password_history"],
            "temporary_password_validity_days": checked["temporary_password_days"],
        },
        schemas=_schemas(checked),
        email_configuration={"email_sending_account": "COGNITO_DEFAULT"} if email is None else _email(email),
        lambda_config=_triggers(checked, kms_key_arn),
        deletion_protection="ACTIVE" if checked["deletion_protection"] else "INACTIVE",
        tags=checked["tags"],
        opts=component.child(),
    )


def _schemas(checked: UserDirectoryArgs) -> list[aws.cognito.UserPoolSchemaArgsDict]:
    """Every text states its limits: Cognito fills in what is left out, and each later update would see a change, which it refuses.

    https://github.com/hashicorp/terraform-provider-aws/issues/21654
    """
    email = _schema("email", {"type": "String", "mutable": True, "max_length": 2048}, required=True)
    return [email, *(_schema(name, attribute, required=False) for name, attribute in checked["attributes"].items())]


def _schema(name: str, attribute: UserAttribute, *, required: bool) -> aws.cognito.UserPoolSchemaArgsDict:
    schema: aws.cognito.UserPoolSchemaArgsDict = {
        "name": name,
        "attribute_data_type": attribute["type"],
        "developer_only_attribute": False,
        "mutable": attribute["mutable"],
        "required": required,
    }
    if attribute["type"] == "String":
        schema["string_attribute_constraints"] = {"min_length": "0", "max_length": str(attribute["max_length"])}
    elif attribute["type"] == "Number":
        schema["number_attribute_constraints"] = {"min_value": "-2147483648", "max_value": "2147483647"}
    return schema


def _email(email: UserEmail) -> aws.cognito.UserPoolEmailConfigurationArgsDict:
    return {
        "email_sending_account": "DEVELOPER",
        "source_arn": email["identity_arn"],
        "from_email_address": email["from_address"],
        "reply_to_email_address": email.get("reply_to_address"),
        "configuration_set": email.get("configuration_set_name"),
    }


def _given(checked: UserDirectoryArgs) -> dict[str, pulumi.Input[str]]:
    triggers = checked.get("triggers")
    given: Mapping[str, Any] = {} if triggers is None else {**triggers}
    return {trigger: arn for trigger, arn in given.items() if arn is not None}


def _triggers(checked: UserDirectoryArgs, kms_key_arn: pulumi.Output[str]) -> Any:
    triggers: dict[str, Any] = {}
    for trigger, arn in _given(checked).items():
        if trigger in _VERSIONS:
            argument, version = _VERSIONS[trigger]
            triggers[argument] = {"lambda_arn": arn, "lambda_version": version}
        else:
            triggers[trigger] = arn
    if "custom_email_sender" in triggers:
        triggers["kms_key_id"] = kms_key_arn
    return triggers or None


def _risks(component: Component, checked: UserDirectoryArgs, pool: aws.cognito.UserPool) -> None:
    """What Cognito does at each risk. With MFA for everybody there is no further factor to ask for: only the highest risk is refused.

    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-adaptive-authentication.html
    """
    enforced = checked["threat_protection"] == "enforced"
    asks = enforced and checked["mfa"] == "optional"
    low, medium = ("MFA_IF_CONFIGURED", "MFA_REQUIRED") if asks else ("NO_ACTION", "NO_ACTION")
    ranges: aws.cognito.RiskConfigurationRiskExceptionConfigurationArgsDict = {}
    if checked["blocked_ip_ranges"]:
        ranges["blocked_ip_range_lists"] = checked["blocked_ip_ranges"]
    if checked["trusted_ip_ranges"]:
        ranges["skipped_ip_range_lists"] = checked["trusted_ip_ranges"]
    aws.cognito.RiskConfiguration(
        f"{component.pulumi_resource_name}-risks",
        user_pool_id=pool.id,
        compromised_credentials_risk_configuration={
            "actions": {"event_action": "BLOCK" if enforced else "NO_ACTION"},
            "event_filters": ["PASSWORD_CHANGE", "SIGN_IN", "SIGN_UP"],
        },
        account_takeover_risk_configuration={
            "actions": {
                # Messages about risks need an identity of SES and texts for each: the alarm and the log tell of them.
                "low_action": {"event_action": low, "notify": False},
                "medium_action": {"event_action": medium, "notify": False},
                "high_action": {"event_action": "BLOCK" if enforced else "NO_ACTION", "notify": False},
            }
        },
        risk_exception_configuration=ranges or None,
        opts=component.child(),
    )
