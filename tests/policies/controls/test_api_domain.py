"""Domain names and method settings of APIs."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import api_domain as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]

SETTINGS = "aws:apigateway/methodSettings:MethodSettings"


@pytest.mark.parametrize(
    ("type", "path"),
    [
        ("aws:apigateway/domainName:DomainName", "securityPolicy"),
        ("aws:apigatewayv2/domainName:DomainName", "domainNameConfiguration.securityPolicy"),
    ],
)
def test_tls(type: str, path: str) -> None:
    control = controls.api_domain_tls

    def domain(value: Any) -> Any:
        for part in reversed(path.split(".")):
            value = {part: value}
        return resource(type, props=value)

    for good in ("TLS_1_2", "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "SecurityPolicy_TLS13_1_3_FIPS_2025_09"):
        assert verdicts(control, domain(good)) == [Pass()]
    assert verdicts(control, domain("TLS_1_0")) == [Fail("uses the security policy TLS_1_0", path)]
    assert verdicts(control, domain(UNKNOWN)) == [Unknown(path)]
    assert verdicts(control, domain(None)) == [Fail("names no security policy", path)]
    assert verdicts(control, domain("TLS_1_0"), {"policies": ["TLS_1_0"]}) == [Pass()]


def settings(**values: Any) -> Any:
    return resource(SETTINGS, props={"settings": values})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (False, Pass()),
        (None, Pass()),
        (True, Fail("logs whole requests and responses", "settings.dataTraceEnabled")),
        (UNKNOWN, Unknown("settings.dataTraceEnabled")),
    ],
)
def test_data_trace(value: Any, expected: Verdict) -> None:
    assert verdicts(controls.api_no_data_trace, settings(dataTraceEnabled=value)) == [expected]


PLAIN = Fail("does not encrypt the cache", "settings.cacheDataEncrypted")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cachingEnabled": True, "cacheDataEncrypted": True}, Pass()),
        ({"cachingEnabled": True, "cacheDataEncrypted": False}, PLAIN),
        ({"cachingEnabled": True}, PLAIN),
        ({"cachingEnabled": True, "cacheDataEncrypted": UNKNOWN}, Unknown("settings.cacheDataEncrypted")),
        ({"cachingEnabled": UNKNOWN}, Unknown("settings.cachingEnabled")),
        ({"cachingEnabled": False}, NotApplicable("caches nothing")),
        ({}, NotApplicable("caches nothing")),
    ],
)
def test_cache(values: Props, expected: Verdict) -> None:
    assert verdicts(controls.api_cache_encrypted, settings(**values)) == [expected]
