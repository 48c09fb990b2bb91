"""CloudFront: edge functions, keys, origins, and what must live in us-east-1."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import gives, targets
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Unknown, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import expand, read

_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
_VIEWER: Final = ("viewer-request", "viewer-response")
_HOME: Final = "us-east-1"
_CERTIFICATE: Final = "viewerCertificate.acmCertificateArn"
_CERTIFICATES: Final = ("aws:acm/certificate:Certificate", "aws:acm/certificateValidation:CertificateValidation")
_AT_HOME: Final = (
    (_DISTRIBUTION, _CERTIFICATE, _CERTIFICATES),
    (_DISTRIBUTION, "webAclId", ("aws:wafv2/webAcl:WebAcl",)),
    (_DISTRIBUTION, "defaultCacheBehavior.lambdaFunctionAssociations.*.lambdaArn", ("aws:lambda/function:Function",)),
    ("aws:cognito/userPoolDomain:UserPoolDomain", "certificateArn", _CERTIFICATES),
    ("aws:apigateway/domainName:DomainName", "certificateArn", _CERTIFICATES),
    ("aws:appsync/domainName:DomainName", "certificateArn", _CERTIFICATES),
    ("aws:route53/queryLog:QueryLog", "cloudwatchLogGroupArn", ("aws:cloudwatch/logGroup:LogGroup",)),
)
"""Properties of global resources, and what they name."""
_WEBSITE: Final = re.compile(r".*\.s3-website[.-][a-z0-9-]+\.amazonaws\.com(\.cn)?")

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="cloudfront-edge-functions",
    title="A cache behavior has CloudFront Functions or Lambda@Edge at the viewer, not both",
    types=(_DISTRIBUTION,),
    why="CloudFront refuses a behavior with both kinds in viewer events.",
    remediation="Move the Lambda function to origin-request or origin-response, or write both as one kind.",
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html",
)
def cloudfront_edge_functions(resource: Resource) -> Iterator[Verdict]:
    for behavior in ("defaultCacheBehavior", *expand(resource, "orderedCacheBehaviors.*")):
        functions = read(resource, f"{behavior}.functionAssociations")
        lambdas = read(resource, f"{behavior}.lambdaFunctionAssociations")
        if functions is UNKNOWN or lambdas is UNKNOWN:
            yield Unknown(behavior)
        elif functions and any(_event(item) in _VIEWER for item in lambdas or ()):
            yield Fail("has both CloudFront functions and Lambda@Edge functions in viewer events", behavior)


@_refusal(
    id="cloudfront-key-newline",
    title="The text of a public key ends in a newline",
    types=("aws:cloudfront/publicKey:PublicKey",),
    why="CloudFront returns the key with a newline at its end, so without one each deployment replaces the key, and signed URLs break.",
    remediation="End encoded_key in a newline.",
    url="https://github.com/hashicorp/terraform-provider-aws/issues/40295",
)
def cloudfront_key_newline(resource: Resource) -> Iterator[Verdict]:
    key = resource.get("encodedKey")
    if isinstance(key, str) and not key.endswith("\n"):
        yield Fail("has no newline at the end of the key", "encodedKey")


@stack_control(
    id="global-service-us-east-1",
    title="What a global resource names is in us-east-1",
    severity=Severity.HIGH,
    types=tuple(dict.fromkeys(type_ for type_, _, _ in _AT_HOME)),
    why="CloudFront and what is built on it take certificates, web ACLs and functions from us-east-1 alone, and AWS refuses others.",
    remediation='Create it with region="us-east-1", or with a provider of that region.',
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html",
    pack="acceptance",
)
def global_service_us_east_1(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    for type_, pattern, named in _AT_HOME:
        for path, item in targets(stack, resource, pattern, *named) if resource.type == type_ else ():
            if path == _CERTIFICATE and given(item, "region") is not None:
                continue  # distribution-global-parts says it
            region = _region(item, stack)
            if isinstance(region, str) and region != _HOME:
                yield Fail(f"names {item.name}, which is in {region}", path)


@stack_control(
    id="cloudfront-access-control-origin",
    title="No origin access control is on an S3 website endpoint",
    severity=Severity.HIGH,
    types=(_DISTRIBUTION,),
    why="A website endpoint takes no signed requests: CloudFront refuses the origin, or visitors get 403.",
    remediation="Set domain_name to bucket_regional_domain_name of the bucket, or leave origin_access_control_id out.",
    url="https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html",
    pack="acceptance",
)
def cloudfront_access_control_origin(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    for origin in expand(resource, "origins.*"):
        name = read(resource, f"{origin}.domainName")
        if gives(resource, f"{origin}.originAccessControlId") and isinstance(name, str) and _WEBSITE.fullmatch(name):
            yield Fail(f"has an origin access control on the website endpoint {name}", f"{origin}.domainName")


def _event(association: Any) -> Any:
    event = association.get("eventType") if isinstance(association, dict) else None
    return None if event is UNKNOWN else event


def _region(resource: Resource, stack: Stack) -> Any:
    """The region that a resource is in; None where the program does not say."""
    own = given(resource, "region")
    if own is not None:
        return own
    message = resource.message
    provider = stack.by_urn(getattr(getattr(message, "provider", None), "urn", "") or "")
    return None if provider is None else given(provider, "region")
