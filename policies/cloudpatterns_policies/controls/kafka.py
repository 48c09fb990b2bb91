"""MSK clusters and connectors: TLS only, private, with client authentication and logs."""

from typing import Final

from cloudpatterns_policies.controls._settings import any_set
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Unknown, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/msk-controls.html"
_CLUSTER: Final = "aws:msk/cluster:Cluster"
_CONNECTOR: Final = "aws:mskconnect/connector:Connector"
_TRANSIT: Final = "encryptionInfo.encryptionInTransit"
_DESTINATIONS: Final = ("cloudwatchLogs", "s3", "firehose")
_LOGINS: Final = ("sasl.iam", "sasl.scram", "tls.certificateAuthorityArns")


@control(
    id="msk-tls-between-brokers",
    title="Kafka brokers use TLS between each other",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Records are replicated between brokers across Availability Zones, where unencrypted traffic can be captured.",
    remediation="Leave in_cluster of encryption_info.encryption_in_transit at True; it cannot be changed later.",
    url=f"{_PAGE}#msk-1",
    frameworks={"FSBP": ("MSK.1",), "Checkov": ("CKV_AWS_81",)},
)
def msk_tls_between_brokers(resource: Resource) -> Verdict:
    path = f"{_TRANSIT}.inCluster"
    return Pass() if resource.get(path, True) else Fail("sends records between brokers unencrypted", path)


@control(
    id="msk-tls-clients",
    title="Kafka clients connect only over TLS",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Over a plaintext listener, records and passwords can be read in transit.",
    remediation='Set client_broker of encryption_info.encryption_in_transit to "TLS".',
    url="https://docs.aws.amazon.com/msk/latest/developerguide/msk-encryption.html",
    frameworks={"Checkov": ("CKV_AWS_81",)},
)
def msk_tls_clients(resource: Resource) -> Verdict:
    path = f"{_TRANSIT}.clientBroker"
    listener = resource.get(path, "TLS")
    return Pass() if listener == "TLS" else Fail(f"accepts clients without TLS: {listener}", path)


@control(
    id="msk-private",
    title="Kafka clusters are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=(_CLUSTER,),
    why="Scanners find public brokers within hours, and brokers carry much of the business data.",
    remediation='Omit public_access of broker_node_group_info.connectivity_info, or set its type to "DISABLED".',
    url=f"{_PAGE}#msk-4",
    frameworks={"FSBP": ("MSK.4",), "Checkov": ("CKV_AWS_291",)},
)
def msk_private(resource: Resource) -> Verdict:
    path = "brokerNodeGroupInfo.connectivityInfo.publicAccess.type"
    return Pass() if resource.get(path, "DISABLED") == "DISABLED" else Fail("has public brokers", path)


@control(
    id="msk-login-required",
    title="Kafka clusters require client authentication",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Without authentication, every process that reaches a broker can read and write every topic.",
    remediation="Set sasl.iam of client_authentication to True, and unauthenticated to False.",
    url=f"{_PAGE}#msk-6",
    frameworks={"FSBP": ("MSK.6",)},
)
def msk_login_required(resource: Resource) -> Verdict:
    path = "clientAuthentication.unauthenticated"
    if resource.get(path, False):
        return Fail("allows clients without authentication", path)
    logins = [f"clientAuthentication.{login}" for login in _LOGINS]
    unknown = [login for login in logins if resource.is_unknown(login)]
    if any(resource.get(login) for login in logins if login not in unknown):
        return Pass()
    return Unknown(unknown[0]) if unknown else Fail("has no client authentication", "clientAuthentication")


@control(
    id="msk-broker-logs",
    title="Kafka brokers write their logs",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Without broker logs, nobody can find out why clients were refused, or which partitions failed.",
    remediation="Set logging_info.broker_logs with cloudwatch_logs, s3 or firehose, and its enabled to True.",
    url="https://docs.aws.amazon.com/msk/latest/developerguide/msk-logging.html",
    frameworks={"Checkov": ("CKV_AWS_80",)},
)
def msk_broker_logs(resource: Resource) -> Verdict:
    return _writes_logs(resource, "loggingInfo.brokerLogs")


@control(
    id="msk-connector-logs",
    title="Kafka connectors write their logs",
    severity=Severity.MEDIUM,
    types=(_CONNECTOR,),
    why="Records that a connector cannot deliver are visible nowhere else.",
    remediation="Set log_delivery.worker_log_delivery with cloudwatch_logs, s3 or firehose, and its enabled to True.",
    url=f"{_PAGE}#msk-5",
    frameworks={"FSBP": ("MSK.5",)},
)
def msk_connector_logs(resource: Resource) -> Verdict:
    return _writes_logs(resource, "logDelivery.workerLogDelivery")


@control(
    id="msk-connector-tls",
    title="Kafka connectors use TLS",
    severity=Severity.MEDIUM,
    types=(_CONNECTOR,),
    why="Between connector and brokers, records and passwords can be read in transit.",
    remediation='Set encryption_type of kafka_cluster_encryption_in_transit to "TLS".',
    url=f"{_PAGE}#msk-3",
    frameworks={"FSBP": ("MSK.3",)},
)
def msk_connector_tls(resource: Resource) -> Verdict:
    path = "kafkaClusterEncryptionInTransit.encryptionType"
    return Pass() if resource.get(path, "PLAINTEXT") == "TLS" else Fail("connects to brokers without TLS", path)


def _writes_logs(resource: Resource, path: str) -> Verdict:
    """Whether one of the destinations under `path` is enabled."""
    return any_set(resource, [f"{path}.{destination}.enabled" for destination in _DESTINATIONS], "writes no logs")
