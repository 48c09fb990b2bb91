"""Requests are judged by their content, before they reach a load balancer, an API or a CloudFront distribution.

Pattern: "Web Application Firewall" (Cloud Design Patterns for AWS; Architecting for the Cloud).
"""

from datetime import date
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import log_group
from cloudpatterns.core import Component, after
from cloudpatterns.network.web_application_firewall.arguments import WebApplicationFirewallArgs
from cloudpatterns.network.web_application_firewall.checks import firewall_problems
from cloudpatterns.network.web_application_firewall.rules import WebRule, address_sets, web_rules

_REDACTED_HEADERS = ("authorization", "cookie", "proxy-authorization", "x-api-key", "x-amz-security-token")


class WebApplicationFirewall(Component):
    """A WAFv2 web ACL with its rules, logs and associations (Cloud Design Patterns for AWS, "Web Application Firewall").

    Creates a resource per rule: blocked and allowed networks, AWS's managed groups (bad addresses, common attacks, known bad inputs, SQL
    injection), cross-site scripting, a rate limit per address and custom rules; full logs without credentials; and associations with load
    balancers and API stages. What no rule blocks is allowed. Sampling of requests is off, because samples show the credentials that the
    logs leave out.

    **Use when**: an HTTP endpoint is reachable from the internet.

    **Not when**: the protocol is not HTTP, or all clients are known: security groups and client certificates are enough.

    **Cost drivers**: the web ACL and each rule per month, requests, capacity above 1500 WCU, and the logs, which hold every request.

    **Trade-offs**: managed rules block some legitimate requests, so new rules should count first; bodies are inspected up to 8 KB, and
    larger ones are blocked unless an exception is made.

    **Proven by**: controls ``web-application-firewall``, ``web-acl-rules``, ``web-acl-logging``, ``web-acl-count-expires``,
    ``alb-web-acl``; ``test_web_application_firewall.py`` and ``test_web_application_firewall_arguments.py``.
    """

    web_acl_arn: pulumi.Output[str]
    """ARN of the web ACL, available after its rules; for CloudFront the distribution's ``web_acl_id``."""
    log_destination_arn: pulumi.Output[str]
    """ARN of what receives the logs."""
    log_group_name: pulumi.Output[str]
    """Name of the created log group; empty when the logs go to ``log_destination_arn``."""

    def __init__(self, name: str, args: WebApplicationFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(firewall_problems, name))
        self._checked, self._tags = checked, checked["tags"]
        # A web ACL of CloudFront, its sets and its logs live in us-east-1: https://docs.aws.amazon.com/waf/latest/developerguide/how-aws-waf-works-resources.html
        self._region = "us-east-1" if checked["scope"] == "CLOUDFRONT" else None
        for entry in checked["count_rules"]:
            if date.fromisoformat(entry["until"]) < date.today():
                pulumi.log.warn(f"{entry['rule']} should block since {entry['until']}: remove it from count_rules", self)
        acl = self._web_acl()
        set_arns = {key: self._ip_set(key, addresses).arn for key, addresses in address_sets(checked).items()}
        rules = [self._rule(rule, acl) for rule in web_rules(checked, set_arns)]
        logging = self._logging(acl)
        for key, arn in checked["associations"].items():
            aws.wafv2.WebAclAssociation(
                f"{name}-{key}",
                resource_arn=arn,
                web_acl_arn=acl.arn,
                # Its deletion frees the resource from whichever web ACL it has, so the old association must go before the new one comes.
                opts=self.child(depends_on=[*rules, logging], delete_before_replace=True),
            )
        # Not after the logs: they are deleted before they are replaced, and so would be whatever depends on them.
        self.web_acl_arn = after(acl.arn, *rules)
        self.register()

    def _web_acl(self) -> aws.wafv2.WebAcl:
        name = f"{self.pulumi_resource_name}-acl"
        # Tags that show policies and people what does not block.
        counting = {f"count-until:{entry['rule']}": entry["until"] for entry in self._checked["count_rules"]}
        exceptions = {f"exception:{entry['rule']}": entry["reason"] for entry in self._checked["exceptions"]}
        return aws.wafv2.WebAcl(
            name,
            scope=self._checked["scope"],
            region=self._region,
            default_action={"allow": {}},
            visibility_config={"cloudwatch_metrics_enabled": True, "metric_name": name, "sampled_requests_enabled": False},
            tags={**self._tags, **counting, **exceptions},
            # Rules are resources of their own: inline, an IP set could not be removed. Nothing but the tags may change here later: the
            # provider would write back the rules of its own state, which has none. So, too, no data protection: rules would erase it.
            # https://github.com/hashicorp/terraform-provider-aws/issues/39281, https://github.com/hashicorp/terraform-provider-aws/issues/49388
            opts=self.child(ignore_changes=["rules"]),
        )

    def _ip_set(self, key: str, addresses: list[str]) -> aws.wafv2.IpSet:
        return aws.wafv2.IpSet(
            f"{self.pulumi_resource_name}-{key}",
            scope=self._checked["scope"],
            region=self._region,
            ip_address_version="IPV4" if key.endswith("ipv4") else "IPV6",
            addresses=addresses,
            tags=self._tags,
            opts=self.child(),
        )

    def _rule(self, rule: WebRule, acl: aws.wafv2.WebAcl) -> aws.wafv2.WebAclRule:
        name = f"{self.pulumi_resource_name}-{rule.name}"
        counts = any(entry["rule"] == rule.name for entry in self._checked["count_rules"])
        action: dict[str, Any] = {"action": {"count" if counts else rule.action: {}}}
        if rule.group:
            action = {"override_action": {"count" if counts else "none": {}}}
        return aws.wafv2.WebAclRule(
            name,
            # Unique within the web ACL only; it appears in logs and tags, so it has no random part.
            name=rule.name,
            web_acl_arn=acl.arn,
            region=self._region,
            priority=rule.priority,
            statement=rule.statement,  # ty: ignore[invalid-argument-type]  # chosen at run time; tests compare it with AWS's form
            visibility_config={"cloudwatch_metrics_enabled": True, "metric_name": name, "sampled_requests_enabled": False},
            opts=self.child(),
            **action,
        )

    def _logging(self, acl: aws.wafv2.WebAcl) -> aws.wafv2.WebAclLoggingConfiguration:
        checked, name = self._checked, self.pulumi_resource_name
        destination_arn = checked.get("log_destination_arn")
        if destination_arn is not None:
            self.log_destination_arn, self.log_group_name = pulumi.Output.from_input(destination_arn), pulumi.Output.from_input("")
        else:
            # AWS demands the beginning of the name; the rest keeps stacks of one account apart. Not `name_prefix`, which auto-naming
            # hinders (https://github.com/pulumi/pulumi/issues/6155). WAF grants itself the right to write, in one policy per Region that
            # all web ACLs share: https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
            group_name = f"aws-waf-logs-{pulumi.get_project()}-{pulumi.get_stack()}-{name}"
            group = log_group(
                self,
                f"{name}-logs",
                checked["log_retention_days"],
                name=group_name,
                kms_key_arn=checked.get("kms_key_arn"),
                region=self._region,
                tags=self._tags,
            )
            self.log_destination_arn, self.log_group_name = group.arn, group.name
        headers = dict.fromkeys([*_REDACTED_HEADERS, *(header.lower() for header in checked["redacted_headers"])])
        redacted: list[dict[str, Any]] = [{"single_header": {"name": header}} for header in headers]
        if checked["redact_query_string"]:
            redacted.append({"query_string": {}})
        return aws.wafv2.WebAclLoggingConfiguration(
            f"{name}-logging",
            resource_arn=acl.arn,
            region=self._region,
            log_destination_configs=[self.log_destination_arn],
            redacted_fields=redacted,  # ty: ignore[invalid-argument-type]  # a plain dictionary is the TypedDict it asks for
            # A web ACL has one: deleting the old one after the new one has come would switch the logs off.
            opts=self.child(delete_before_replace=True),
        )
