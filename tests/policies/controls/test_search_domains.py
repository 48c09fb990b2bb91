"""OpenSearch and Elasticsearch domains."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import search_domains as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, verdicts

TYPES = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")
PRIVATE, AT_REST, NODES = controls.search_domain_private, controls.search_domain_encrypted, controls.search_domain_node_to_node
HTTPS, TLS, ACCESS = controls.search_domain_https, controls.search_domain_tls_policy, controls.search_domain_access_control
PASSWORD, ERRORS, AUDIT = (
    controls.search_domain_password_not_in_state,
    controls.search_domain_error_log,
    controls.search_domain_audit_log,
)
MASTERS, ZONES = controls.search_domain_dedicated_masters, controls.search_domain_several_zones
ON_INTERNET = Fail("has an endpoint on the internet", "vpcOptions")
OLD_TLS = "domainEndpointOptions.tlsSecurityPolicy"
ANONYMOUS = "advancedSecurityOptions.anonymousAuthEnabled"
NO_ACCESS_CONTROL = Fail("has no fine-grained access control", "advancedSecurityOptions.enabled")
IN_STATE = Fail("keeps its master password in the state", "advancedSecurityOptions.masterUserOptions.masterUserPassword")
ELSEWHERE = NotApplicable("need not survive the loss of a zone: production is false in the profile")


def endpoint(**options: Any) -> dict[str, Any]:
    return {"domainEndpointOptions": options}


def security(**options: Any) -> dict[str, Any]:
    return {"advancedSecurityOptions": options}


def logs(*items: Any) -> dict[str, Any]:
    return {"logPublishingOptions": [{"cloudwatchLogGroupArn": UNKNOWN, **item} for item in items]}


def cluster(**settings: Any) -> dict[str, Any]:
    return {"clusterConfig": settings}


SWITCHES = [
    (AT_REST, "encryptAtRest", "stores its data unencrypted"),
    (NODES, "nodeToNodeEncryption", "sends documents between nodes unencrypted"),
]


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (PRIVATE, {"vpcOptions": {"subnetIds": [UNKNOWN]}}, Pass()),
        (PRIVATE, {"vpcOptions": {}}, ON_INTERNET),
        (PRIVATE, {}, ON_INTERNET),
        (PRIVATE, {"vpcOptions": UNKNOWN}, Unknown("vpcOptions")),
        *[(control, {name: {"enabled": True}}, Pass()) for control, name, _ in SWITCHES],
        *[(control, {name: {"enabled": False}}, Fail(weakness, f"{name}.enabled")) for control, name, weakness in SWITCHES],
        *[(control, {}, Fail(weakness, f"{name}.enabled")) for control, name, weakness in SWITCHES],
        *[(control, {name: {"enabled": UNKNOWN}}, Unknown(f"{name}.enabled")) for control, name, _ in SWITCHES],
        (HTTPS, endpoint(enforceHttps=True), Pass()),
        (HTTPS, endpoint(tlsSecurityPolicy="Policy-Min-TLS-1-2-2019-07"), Pass()),
        (HTTPS, endpoint(enforceHttps=False), Fail("accepts HTTP", "domainEndpointOptions.enforceHttps")),
        (HTTPS, {}, Fail("accepts HTTP", "domainEndpointOptions.enforceHttps")),
        (HTTPS, endpoint(enforceHttps=UNKNOWN), Unknown("domainEndpointOptions.enforceHttps")),
        (TLS, endpoint(tlsSecurityPolicy="Policy-Min-TLS-1-2-PFS-2023-10"), Pass()),
        (TLS, endpoint(tlsSecurityPolicy="Policy-Min-TLS-1-2-2019-07"), Pass()),
        (
            TLS,
            endpoint(tlsSecurityPolicy="Policy-Min-TLS-1-0-2019-07"),
            Fail("accepts old versions of TLS: Policy-Min-TLS-1-0-2019-07", OLD_TLS),
        ),
        (TLS, {}, Fail("accepts old versions of TLS: Policy-Min-TLS-1-0-2019-07", OLD_TLS)),
        (TLS, endpoint(tlsSecurityPolicy=UNKNOWN), Unknown(OLD_TLS)),
        (ACCESS, security(enabled=True), Pass()),
        (ACCESS, security(enabled=True, anonymousAuthEnabled=False), Pass()),
        (ACCESS, security(enabled=True, anonymousAuthEnabled=True), Fail("lets in clients without a login", ANONYMOUS)),
        (ACCESS, security(enabled=True, anonymousAuthEnabled=UNKNOWN), Unknown(ANONYMOUS)),
        (ACCESS, security(enabled=False), NO_ACCESS_CONTROL),
        (ACCESS, {}, NO_ACCESS_CONTROL),
        (ACCESS, security(enabled=UNKNOWN), Unknown("advancedSecurityOptions.enabled")),
        (PASSWORD, security(masterUserOptions={"masterUserArn": "arn:aws:iam::123456789012:role/search"}), Pass()),
        (PASSWORD, {}, Pass()),
        (PASSWORD, security(masterUserOptions={"masterUserPassword": "hunter2"}), IN_STATE),
        (PASSWORD, security(masterUserOptions={"masterUserPassword": secret("hunter2")}), IN_STATE),
        (PASSWORD, security(masterUserOptions={"masterUserPassword": UNKNOWN}), IN_STATE),
        (PASSWORD, {"advancedSecurityOptions": UNKNOWN}, Unknown("advancedSecurityOptions.masterUserOptions")),
    ],
)
@pytest.mark.parametrize("kind", TYPES)
def test_domain(kind: str, control: Control, props: dict[str, Any], expected: Verdict) -> None:
    assert control.types == TYPES
    assert verdicts(control, resource(kind, props=props)) == [expected]


@pytest.mark.parametrize(
    ("control", "log", "missing"),
    [
        (ERRORS, "ES_APPLICATION_LOGS", Fail("writes no error log", "logPublishingOptions")),
        (AUDIT, "AUDIT_LOGS", Fail("writes no audit log", "logPublishingOptions")),
    ],
)
def test_logs(control: Control, log: str, missing: Fail) -> None:
    def judged(props: dict[str, Any]) -> Verdict:
        (found,) = verdicts(control, resource(TYPES[0], props=props))
        return found

    other = {"logType": "INDEX_SLOW_LOGS"}
    assert judged(logs({"logType": log})) == Pass()
    assert judged(logs({"logType": UNKNOWN}, {"logType": log, "enabled": True})) == Pass()
    assert judged(logs(other, {"logType": log, "enabled": False})) == missing
    assert judged(logs(other)) == missing
    assert judged({}) == missing
    assert judged(logs({"logType": log, "enabled": UNKNOWN}, other)) == Unknown("logPublishingOptions.0.enabled")
    assert judged(logs(other, {"logType": UNKNOWN}, {"logType": UNKNOWN})) == Unknown("logPublishingOptions.1.logType")
    assert judged({"logPublishingOptions": UNKNOWN}) == Unknown("logPublishingOptions")


ENABLED, COUNT = "clusterConfig.dedicatedMasterEnabled", "clusterConfig.dedicatedMasterCount"
NO_MASTERS = Fail("has no dedicated master nodes", ENABLED)
ONE_ZONE = Fail("has all data nodes in one zone", "clusterConfig.zoneAwarenessEnabled")


@pytest.mark.parametrize(
    ("control", "props", "expected"),
    [
        (MASTERS, cluster(dedicatedMasterEnabled=True, dedicatedMasterCount=3), Pass()),
        (MASTERS, cluster(dedicatedMasterEnabled=True, dedicatedMasterCount=5), Pass()),
        (MASTERS, cluster(dedicatedMasterEnabled=True, dedicatedMasterCount=2), Fail("has 2 dedicated master nodes", COUNT)),
        (MASTERS, cluster(dedicatedMasterEnabled=True, dedicatedMasterCount=1), Fail("has 1 dedicated master node", COUNT)),
        (MASTERS, cluster(dedicatedMasterEnabled=True), Fail("has 0 dedicated master nodes", COUNT)),
        (MASTERS, cluster(dedicatedMasterCount=3), NO_MASTERS),
        (MASTERS, cluster(dedicatedMasterEnabled=False, dedicatedMasterCount=3), NO_MASTERS),
        (MASTERS, {}, NO_MASTERS),
        (MASTERS, cluster(dedicatedMasterEnabled=UNKNOWN), Unknown(ENABLED)),
        (MASTERS, cluster(dedicatedMasterEnabled=True, dedicatedMasterCount=UNKNOWN), Unknown(COUNT)),
        (ZONES, cluster(instanceCount=3, zoneAwarenessEnabled=True), Pass()),
        (ZONES, cluster(instanceCount=3, multiAzWithStandbyEnabled=True), Pass()),
        (ZONES, cluster(instanceCount=3, zoneAwarenessEnabled=False), ONE_ZONE),
        (ZONES, cluster(instanceCount=3), ONE_ZONE),
        (ZONES, cluster(instanceCount=2, zoneAwarenessEnabled=True), Fail("has 2 data nodes", "clusterConfig.instanceCount")),
        (ZONES, {}, Fail("has 1 data node", "clusterConfig.instanceCount")),
        (ZONES, cluster(instanceCount=UNKNOWN), Unknown("clusterConfig.instanceCount")),
        (ZONES, cluster(instanceCount=3, zoneAwarenessEnabled=UNKNOWN), Unknown("clusterConfig.zoneAwarenessEnabled")),
    ],
)
def test_production(control: Control, props: dict[str, Any], expected: Verdict) -> None:
    assert control.pack == "operations"
    for kind in TYPES:
        assert verdicts(control, resource(kind, props=props)) == [expected]
        assert verdicts(control, resource(kind, props=props), {"production": False}) == [ELSEWHERE]
