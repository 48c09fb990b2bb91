"""Domain names and method settings of API Gateway: TLS, and what is logged and cached."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Verdict, control

_REST_DOMAIN: Final = "aws:apigateway/domainName:DomainName"
_DOMAIN: Final = "aws:apigatewayv2/domainName:DomainName"
_SETTINGS: Final = "aws:apigateway/methodSettings:MethodSettings"

# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html
_TLS_POLICIES: Final = (
    *("TLS_1_2", "SecurityPolicy_TLS13_1_2_2021_06", "SecurityPolicy_TLS13_1_2_PQ_2025_09", "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"),
    *("SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09", "SecurityPolicy_TLS13_1_3_2025_09", "SecurityPolicy_TLS13_1_3_FIPS_2025_09"),
    *("SecurityPolicy_TLS12_2018_EDGE", "SecurityPolicy_TLS12_PFS_2025_EDGE", "SecurityPolicy_TLS13_2025_EDGE"),
)


@control(
    id="api-domain-tls",
    title="Domain names of APIs accept only TLS 1.2 and later",
    severity=Severity.MEDIUM,
    types=(_REST_DOMAIN, _DOMAIN),
    why="TLS 1.0 has known weaknesses, and an attacker in between can force the connection down to it.",
    remediation='Set security_policy to "TLS_1_2", or to a policy that begins with "SecurityPolicy_TLS13".',
    url="https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html",
    frameworks={"Checkov": ("CKV_AWS_206",)},
    config={
        "policies": {
            "type": "array",
            "items": {"type": "string"},
            "default": list(_TLS_POLICIES),
            "description": "The accepted security policies.",
        }
    },
)
def api_domain_tls(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    path = "securityPolicy" if resource.type == _REST_DOMAIN else "domainNameConfiguration.securityPolicy"
    policy = resource.get(path, "")
    if policy in config["policies"]:
        return Pass()
    return Fail(f"uses the security policy {policy}" if policy else "names no security policy", path)


@control(
    id="api-no-data-trace",
    title="Stages of REST APIs do not log whole requests and responses",
    severity=Severity.MEDIUM,
    types=(_SETTINGS,),
    why="Data tracing writes the bodies of all requests and responses to the log: passwords, tokens and personal data.",
    remediation="Set data_trace_enabled of settings to False.",
    url="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",
    frameworks={"Checkov": ("CKV_AWS_276",)},
)
def api_no_data_trace(resource: Resource) -> Verdict:
    path = "settings.dataTraceEnabled"
    return Fail("logs whole requests and responses", path) if resource.get(path, False) else Pass()


@control(
    id="api-cache-encrypted",
    title="Caches of REST APIs are encrypted",
    severity=Severity.MEDIUM,
    types=(_SETTINGS,),
    why="The cache holds the responses of the API, with whatever they say about its users.",
    remediation="Set cache_data_encrypted of settings to True.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/apigateway-controls.html#apigateway-5",
    frameworks={"FSBP": ("APIGateway.5",), "Checkov": ("CKV_AWS_308",)},
)
def api_cache_encrypted(resource: Resource) -> Verdict:
    if not resource.get("settings.cachingEnabled", False):
        return NotApplicable("caches nothing")
    path = "settings.cacheDataEncrypted"
    return Pass() if resource.get(path, False) else Fail("does not encrypt the cache", path)
