"""Web ACLs: attached where the internet arrives, not empty, and logged."""

from typing import Final

from cloudpatterns_policies.controls.load_balancer import BALANCERS, public_application
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Verdict, stack_control
from cloudpatterns_policies.graph.reading import from_provider

_WEB_ACL: Final = "aws:wafv2/webAcl:WebAcl"
_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
_RULES: Final = ("aws:wafv2/webAclRule:WebAclRule", "aws:wafv2/webAclRuleGroupAssociation:WebAclRuleGroupAssociation")
_INLINE_RULES: Final = ("rules", "ruleJson")
_LOGGING: Final = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"


@stack_control(
    id="alb-web-acl",
    title="Internet-facing application load balancers have a web ACL",
    severity=Severity.MEDIUM,
    types=BALANCERS,
    why="Without a web ACL, floods, scanners and known exploits reach the application itself.",
    remediation="Add an aws.wafv2.WebAclAssociation with the load balancer's ARN as resource_arn.",
    url="https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-associating-aws-resource.html",
    frameworks={"Checkov": ("CKV2_AWS_28",)},
)
def alb_web_acl(resource: Resource, stack: Stack) -> Verdict:
    if not public_application(resource):
        return NotApplicable("is internal or not an application load balancer")
    return Pass() if stack.referrers(resource, _ASSOCIATION, "resourceArn") else Fail("faces the internet without a web ACL")


@stack_control(
    id="web-acl-rules",
    title="Web ACLs have rules",
    severity=Severity.MEDIUM,
    types=(_WEB_ACL,),
    why="A web ACL without rules treats every request alike.",
    remediation="Add an aws.wafv2.WebAclRule with the web ACL's ARN as web_acl_arn, or rules in line.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/waf-controls.html#waf-10",
    frameworks={"FSBP": ("WAF.10",), "Checkov": ("CKV_AWS_175",)},
)
def web_acl_rules(resource: Resource, stack: Stack) -> Verdict:
    if any(stack.referrers(resource, kind, "webAclArn") for kind in _RULES):
        return Pass()
    inline = [resource.get(path) for path in _INLINE_RULES if not from_provider(resource, path)]
    return Pass() if any(inline) else Fail("has no rules")


@stack_control(
    id="web-acl-logging",
    title="Web ACLs log requests",
    severity=Severity.MEDIUM,
    types=(_WEB_ACL,),
    why="Without logs nobody can tell an attack from a rule that turns customers away.",
    remediation="Add an aws.wafv2.WebAclLoggingConfiguration with the web ACL's ARN as resource_arn.",
    url="https://docs.aws.amazon.com/waf/latest/developerguide/logging-management.html",
    frameworks={"Checkov": ("CKV2_AWS_31",)},
)
def web_acl_logging(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if stack.referrers(resource, _LOGGING, "resourceArn") else Fail("is not logged")
