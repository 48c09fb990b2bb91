"""MSK clusters and connectors."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import kafka as controls
from cloudpatterns_policies.core import Control, Fail, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

BROKERS, CLIENTS = "encryptionInfo.encryptionInTransit.inCluster", "encryptionInfo.encryptionInTransit.clientBroker"
PUBLIC = "brokerNodeGroupInfo.connectivityInfo.publicAccess.type"


def nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize(
    ("control", "path", "good", "bad"),
    [
        (controls.msk_tls_between_brokers, BROKERS, [True], {False: "sends records between brokers unencrypted"}),
        (
            controls.msk_tls_clients,
            CLIENTS,
            ["TLS"],
            {kind: f"accepts clients without TLS: {kind}" for kind in ("TLS_PLAINTEXT", "PLAINTEXT")},
        ),
        (controls.msk_private, PUBLIC, ["DISABLED"], {"SERVICE_PROVIDED_EIPS": "has public brokers"}),
    ],
)
def test_settings(control: Control, path: str, good: list[Any], bad: dict[Any, str]) -> None:
    def judged(props: dict[str, Any]) -> Verdict:
        (found,) = verdicts(control, resource("aws:msk/cluster:Cluster", props=props))
        return found

    assert [judged(nested(path, value)) for value in good] == [Pass()]
    assert [judged(nested(path, value)) for value in bad] == [Fail(message, path) for message in bad.values()]
    assert judged(nested(path, UNKNOWN)) == Unknown(path)
    # AWS's defaults are the safe ones.
    assert judged({}) == Pass()


OPEN = Fail("allows clients without authentication", "clientAuthentication.unauthenticated")
NO_LOGIN = Fail("has no client authentication", "clientAuthentication")


@pytest.mark.parametrize(
    ("authentication", "expected"),
    [
        ({"sasl": {"iam": True}}, Pass()),
        ({"sasl": {"scram": True}, "unauthenticated": False}, Pass()),
        ({"tls": {"certificateAuthorityArns": [UNKNOWN]}}, Pass()),
        ({"sasl": {"iam": True}, "unauthenticated": True}, OPEN),
        ({"sasl": {"iam": False}}, NO_LOGIN),
        ({"tls": {"certificateAuthorityArns": []}}, NO_LOGIN),
        (None, NO_LOGIN),
        ({"sasl": {"iam": True, "scram": UNKNOWN}}, Pass()),
        ({"sasl": {"iam": False, "scram": UNKNOWN}}, Unknown("clientAuthentication.sasl.scram")),
        ({"unauthenticated": UNKNOWN}, Unknown("clientAuthentication.unauthenticated")),
        ({"sasl": UNKNOWN}, Unknown("clientAuthentication.sasl.iam")),
        (UNKNOWN, Unknown("clientAuthentication.unauthenticated")),
    ],
)
def test_login(authentication: Any, expected: Verdict) -> None:
    props = {"clientAuthentication": authentication}
    assert verdicts(controls.msk_login_required, resource("aws:msk/cluster:Cluster", props=props)) == [expected]


@pytest.mark.parametrize(
    ("control", "type", "path"),
    [
        (controls.msk_broker_logs, "aws:msk/cluster:Cluster", "loggingInfo.brokerLogs"),
        (controls.msk_connector_logs, "aws:mskconnect/connector:Connector", "logDelivery.workerLogDelivery"),
    ],
)
def test_logs(control: Control, type: str, path: str) -> None:
    def judged(destinations: Any) -> Verdict:
        (found,) = verdicts(control, resource(type, props=nested(path, destinations)))
        return found

    assert control.types == (type,)
    for destination in ("cloudwatchLogs", "s3", "firehose"):
        assert judged({destination: {"enabled": True}}) == Pass()
        assert judged({destination: {"enabled": False}}) == Fail("writes no logs", f"{path}.cloudwatchLogs.enabled")
        assert judged({destination: {"enabled": UNKNOWN}}) == Unknown(f"{path}.{destination}.enabled")
    assert judged({"s3": {"enabled": True}, "firehose": {"enabled": UNKNOWN}}) == Pass()
    assert judged({}) == Fail("writes no logs", f"{path}.cloudwatchLogs.enabled")
    assert verdicts(control, resource(type)) == [Fail("writes no logs", f"{path}.cloudwatchLogs.enabled")]


@pytest.mark.parametrize(
    ("transit", "expected"),
    [
        ({"encryptionType": "TLS"}, Pass()),
        (
            {"encryptionType": "PLAINTEXT"},
            Fail("connects to brokers without TLS", "kafkaClusterEncryptionInTransit.encryptionType"),
        ),
        (None, Fail("connects to brokers without TLS", "kafkaClusterEncryptionInTransit.encryptionType")),
        ({"encryptionType": UNKNOWN}, Unknown("kafkaClusterEncryptionInTransit.encryptionType")),
    ],
)
def test_tls_of_a_connector(transit: Any, expected: Verdict) -> None:
    connector = resource("aws:mskconnect/connector:Connector", props={"kafkaClusterEncryptionInTransit": transit})
    assert verdicts(controls.msk_connector_tls, connector) == [expected]
