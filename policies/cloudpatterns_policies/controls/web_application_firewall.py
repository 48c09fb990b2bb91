"""Web ACLs: attached to internet-facing HTTP endpoints, not empty, and logged; and the proof of the Web Application Firewall.

The proof goes from each internet-facing HTTP endpoint to its web ACL, to the rules in it, and to its logging. The rules of a web ACL of
another stack are not visible, so it is reported as unknown. Only `block` counts: a CAPTCHA or a challenge allows whoever solves it.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

from cloudpatterns_policies.controls._references import associations
from cloudpatterns_policies.controls._web_rules import GROUP_ASSOCIATION, RULE, WEB_ACL, Effect, default_blocks, web_rules
from cloudpatterns_policies.controls.api import REST_STAGE, V2_STAGE, of_private_api
from cloudpatterns_policies.controls.cloudfront import DISTRIBUTION
from cloudpatterns_policies.controls.load_balancer import BALANCERS, public_application
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    stack_control,
)
from cloudpatterns_policies.core.configuration import today
from cloudpatterns_policies.graph.reading import from_provider, read, refer, some

GRAPHQL_API: Final = "aws:appsync/graphQLApi:GraphQLApi"
_WEB_ENDPOINTS: Final = (*BALANCERS, REST_STAGE, GRAPHQL_API)
_OTHERS: Final = (
    "aws:amplify/app:App",
    "aws:apprunner/service:Service",
    "aws:cognito/userPool:UserPool",
    "aws:verifiedaccess/instance:Instance",
)
"""Other types that an association attaches a web ACL to."""

_ASSOCIATION: Final = "aws:wafv2/webAclAssociation:WebAclAssociation"
_RULES: Final = (RULE, GROUP_ASSOCIATION)
_INLINE_RULES: Final = ("rules", "ruleJson")
_LOGGING: Final = "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration"
_REST_API: Final = "aws:apigateway/restApi:RestApi"
_V2_API: Final = "aws:apigatewayv2/api:Api"
_V2_MAPPING: Final = "aws:apigatewayv2/apiMapping:ApiMapping"
_V2_DOMAIN: Final = "aws:apigatewayv2/domainName:DomainName"
_COUNT_UNTIL: Final = "count-until:"
_EXCEPTION: Final = "exception:"


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
    return Pass() if stack.referrers(resource, _ASSOCIATION, "resourceArn") else Fail("is internet-facing without a web ACL")


@stack_control(
    id="web-acl-rules",
    title="Web ACLs have rules",
    severity=Severity.MEDIUM,
    types=(WEB_ACL,),
    why="A web ACL without rules treats all requests alike.",
    remediation="Add an aws.wafv2.WebAclRule with the web ACL's ARN as web_acl_arn, or inline rules.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/waf-controls.html#waf-10",
    frameworks={"FSBP": ("WAF.10",), "Checkov": ("CKV_AWS_175",)},
    partial={"CKV_AWS_175": "web ACLs of WAF Classic"},
)
def web_acl_rules(resource: Resource, stack: Stack) -> Verdict:
    if any(stack.referrers(resource, kind, "webAclArn") for kind in _RULES):
        return Pass()
    inline = [resource.json(path) for path in _INLINE_RULES if not from_provider(resource, path)]
    return Pass() if any(inline) else Fail("has no rules")


@stack_control(
    id="web-acl-logging",
    title="Web ACLs have logging",
    severity=Severity.MEDIUM,
    types=(WEB_ACL,),
    why="Without logs, nobody can distinguish an attack from a rule that blocks customers.",
    remediation="Add an aws.wafv2.WebAclLoggingConfiguration with the web ACL's ARN as resource_arn.",
    url="https://docs.aws.amazon.com/waf/latest/developerguide/logging-management.html",
    frameworks={"Checkov": ("CKV2_AWS_31",)},
)
def web_acl_logging(resource: Resource, stack: Stack) -> Verdict:
    return Pass() if stack.referrers(resource, _LOGGING, "resourceArn") else Fail("is not logged")


@stack_control(
    id="web-application-firewall",
    title="Internet-facing HTTP endpoints have a web ACL that blocks and logs",
    severity=Severity.HIGH,
    types=(*BALANCERS, REST_STAGE, V2_STAGE, GRAPHQL_API, DISTRIBUTION),
    why="When the web ACL is missing, empty or only counts, floods, scanners and known exploits reach the application.",
    remediation="Attach a web ACL that has a blocking rule and logs, as the component WebApplicationFirewall creates it; put a CloudFront"
    " distribution that sends a secret header in front of an HTTP or WebSocket API.",
    url="https://docs.aws.amazon.com/waf/latest/developerguide/how-aws-waf-works-resources.html",
)
def web_application_firewall(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if (reason := _not_internet_facing(resource, stack)) is not None:
        yield NotApplicable(reason)
        return
    for verdict in _endpoint_findings(resource, stack):
        doubtful = isinstance(verdict, Fail) and resource.type == REST_STAGE and _api_unknown(resource, stack)
        yield Unknown("restApi") if doubtful else verdict


def _endpoint_findings(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if resource.type == V2_STAGE:
        yield _by_distribution(resource, stack)
        return
    acls = list(_web_acls(resource, stack))
    if not acls:
        yield Fail("is internet-facing without a web ACL", "webAclId" if resource.type == DISTRIBUTION else "")
    for acl, path in acls:
        if acl is None:
            yield Unknown(path)
        else:
            yield from _web_acl_findings(acl, stack)


def _api_unknown(stage: Resource, stack: Stack) -> bool:
    """Whether the API of a stage is unknown, and so whether it is private."""
    api = refer(stack, stage, "restApi", (_REST_API,))
    return api.unresolved or not api.certain


def _not_internet_facing(resource: Resource, stack: Stack) -> str | None:
    """Why the resource is not internet-facing; None when it is. Raises `UnknownValueError`."""
    if resource.type in BALANCERS and not public_application(resource):
        return "is internal or not an application load balancer"
    if resource.type == REST_STAGE and not _api_unknown(resource, stack) and of_private_api(resource, stack):
        return "belongs to a private API"
    if resource.type == GRAPHQL_API and not from_provider(resource, "visibility") and resource.get("visibility") == "PRIVATE":
        return "is a private API"
    return None


def _web_acls(resource: Resource, stack: Stack) -> Iterator[tuple[Resource | None, str]]:
    """The web ACLs of a resource; None, with what leaves it unknown, for one that is not in the stack or may belong to another resource."""
    holders = [(resource, "webAclId")] if resource.type == DISTRIBUTION else []
    if not holders:
        sure, possible = associations(stack, resource, _ASSOCIATION, "resourceArn", (*_WEB_ENDPOINTS, *_OTHERS))
        holders = [(found, "webAclArn") for found in sure]
        # A resource has at most one web ACL.
        yield from ((None, f"resourceArn of {found.name}") for found in possible if not sure)
    for holder, path in holders:
        if read(holder, path) is None:
            continue
        found = refer(stack, holder, path, (WEB_ACL,))
        of = "" if holder is resource else f" of {holder.name}"
        if found.certain and found.targets:
            yield from ((acl, path) for acl in found.targets)
        else:
            yield None, f"{path}{of}" if found.targets else f"{path}{of} (a web ACL outside the stack)"


def _web_acl_findings(acl: Resource, stack: Stack) -> Iterator[Verdict]:
    """Findings on a web ACL that does not protect; none when it does."""
    logs, possible = associations(stack, acl, _LOGGING, "resourceArn", (WEB_ACL,))
    if not logs and possible:
        yield Unknown(f"resourceArn of {possible[0].name}")
    elif not logs:
        yield Fail(f"has the web ACL {acl.name}, which is not logged", acl.name)
    if default_blocks(acl):
        return
    rules = list(web_rules(acl, stack))
    effects = {rule.effect for rule in rules}
    if Effect.BLOCKS in effects:
        return
    if Effect.UNKNOWN in effects:
        unclear = next(rule for rule in rules if rule.effect is Effect.UNKNOWN)
        yield Unknown(f"{unclear.where} of {unclear.name}")
        return
    counted = sorted(rule.name for rule in rules if rule.effect is Effect.COUNTS)
    note = f": {some(counted)} only count" if len(counted) > 1 else f": {counted[0]} only counts" if counted else ""
    yield Fail(f"has the web ACL {acl.name}, in which no rule blocks{note}", acl.name)


def _by_distribution(stage: Resource, stack: Stack) -> Verdict:
    """The verdict on a stage of an HTTP or WebSocket API, which does not support web ACLs.

    Only a distribution can have one in its place, and only when the API can recognise the distribution's requests by a header that it sends
    to its origin. No property shows whether the API really checks the header.
    """
    apis = stack.refs(stage, "apiId", _V2_API)
    mappings = [item for api in apis for item in stack.referrers(api, _V2_MAPPING, "apiId")]
    domains = [domain for item in mappings for domain in stack.refs(item, "domainName", _V2_DOMAIN)]
    wanted = {item.urn for item in (stage, *apis, *domains)}
    distributions = [item for item in stack.of_type(DISTRIBUTION) if any(target.urn in wanted for target in stack.refs(item, "origins"))]
    if not distributions and (doubt := _distribution_doubt(stage, stack)):
        return Unknown(doubt)
    if not distributions:
        return Fail("belongs to an API that supports no web ACL, and no distribution is in front of it", "apiId")
    for distribution in distributions:
        if not any(distribution.get(f"origins.{index}.customHeaders") for index in range(len(distribution.get("origins", [])))):
            return Fail(
                f"can be called directly, bypassing the distribution {distribution.name}, which sends no secret header to its origin",
                "apiId",
            )
    return Pass()


def _distribution_doubt(stage: Resource, stack: Stack) -> str:
    """What leaves it unknown whether a distribution is in front of a stage of an HTTP or WebSocket API; empty when none is."""
    distributions = stack.of_type(DISTRIBUTION)
    if distributions and refer(stack, stage, "apiId", (_V2_API,)).unresolved:
        return "apiId"
    for mapping in stack.of_type(_V2_MAPPING) if distributions else ():
        for path, token in (("apiId", _V2_API), ("domainName", _V2_DOMAIN)):
            if refer(stack, mapping, path, (token,)).unresolved:
                return f"{path} of {mapping.name}"
    return next((f"origins of {item.name}" for item in distributions if _has_unresolved_origin(item, stack)), "")


def _has_unresolved_origin(distribution: Resource, stack: Stack) -> bool:
    """Whether an origin's name is unknown, and may come from a resource outside the stack."""
    unknown = [path for path in distribution.unknown_paths("origins") if path.count(".") < 2 or path.endswith(".domainName")]
    found = [stack.by_urn(urn) for urn in distribution.property_dependencies.get("origins", ())]
    ours = [item for item in found if item is not None and item.type.startswith("aws:")]
    return bool(unknown) and (len(ours) < len(found) or len(ours) < len(unknown))


@stack_control(
    id="web-acl-count-expires",
    title="Rules of web ACLs that only count have an end date",
    severity=Severity.MEDIUM,
    types=(WEB_ACL,),
    why="Counting is meant for testing a rule. Without an end date, the rule stays in count mode and never blocks.",
    remediation="Make the rule block, or tag the web ACL with count-until:<rule> and the last day of counting, such as 2026-12-31;"
    " a rule inside a group is <rule>/<inner rule>, and may have the tag exception:<rule>/<inner rule> with a reason instead.",
    url="https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-testing.html",
    config={
        "maximumDays": {
            "type": "integer",
            "minimum": 1,
            "default": 90,
            "description": "Maximum number of days until the last day of counting.",
        }
    },
)
def web_acl_count_expires(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> Iterator[Verdict]:
    for rule in web_rules(resource, stack):
        if rule.effect is Effect.UNKNOWN:
            yield Unknown(f"{rule.where} of {rule.name}")
        if rule.counts:
            yield from _expiry(resource, rule.name, config["maximumDays"])
        for inner in rule.counted:
            name = f"{rule.name}/{inner}"
            exception = _tag(resource, f"{_EXCEPTION}{name}")
            if exception is UNKNOWN:
                yield Unknown(f"tags.{_EXCEPTION}{name}")
            elif not exception:
                yield from _expiry(resource, name, config["maximumDays"])


def _tag(acl: Resource, key: str) -> Any:
    """The value of a tag, including default tags of the provider; `UNKNOWN` when the tags are unknown."""
    for path in ("tags", "tagsAll"):
        tags = None if from_provider(acl, path) else acl.raw.get(path)
        if tags is UNKNOWN:
            return UNKNOWN
        if tags and key in tags:
            return tags[key]
    return None


def _expiry(acl: Resource, rule: str, maximum_days: int) -> Iterator[Verdict]:
    """Findings on the end date of a rule that counts."""
    key = f"{_COUNT_UNTIL}{rule}"
    value = _tag(acl, key)
    if value is UNKNOWN:
        yield Unknown(f"tags.{key}")
        return
    if not value:
        yield Fail(f"only counts matches of {rule}, without an end date", f"tags.{key}")
        return
    try:
        until = date.fromisoformat(value)
    except ValueError:
        yield Fail(f"counts matches of {rule} until {value!r}, which is not a date", f"tags.{key}")
        return
    if until < today():
        yield Fail(f"only counts matches of {rule}, but should have blocked since {until}", f"tags.{key}")
    elif until > today() + timedelta(days=maximum_days):
        yield Fail(f"only counts matches of {rule} until {until}, more than {maximum_days} days ahead", f"tags.{key}")
