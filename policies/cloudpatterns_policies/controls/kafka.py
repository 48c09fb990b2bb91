"""MSK clusters: TLS alone, private, and nobody without a login."""

from typing import Final

from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Unknown, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/msk-controls.html"
_CLUSTER: Final = "aws:msk/cluster:Cluster"
_TRANSIT: Final = "encryptionInfo.encryptionInTransit"
_LOGINS: Final = ("sasl.iam", "sasl.scram", "tls.certificateAuthorityArns")


@control(
    id="msk-tls-between-brokers",
    title="Kafka brokers talk to each other over TLS",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Every record crosses from zone to zone between brokers, and whoever listens there reads it.",
    remediation="Leave in_cluster of encryption_info.encryption_in_transit at True; it cannot be changed later.",
    url=f"{_PAGE}#msk-1",
    frameworks={"FSBP": ("MSK.1",), "Checkov": ("CKV_AWS_81",)},
)
def msk_tls_between_brokers(resource: Resource) -> Verdict:
    path = f"{_TRANSIT}.inCluster"
    return Pass() if resource.get(path, True) else Fail("sends records between brokers unencrypted", path)


@control(
    id="msk-tls-clients",
    title="Kafka clients connect over TLS alone",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Over a plaintext listener records, and the passwords that lead to them, can be read on their way.",
    remediation='Set client_broker of encryption_info.encryption_in_transit to "TLS".',
    url="https://docs.aws.amazon.com/msk/latest/developerguide/msk-encryption.html",
    frameworks={"Checkov": ("CKV_AWS_81",)},
)
def msk_tls_clients(resource: Resource) -> Verdict:
    path = f"{_TRANSIT}.clientBroker"
    listener = resource.get(path, "TLS")
    return Pass() if listener == "TLS" else Fail(f"takes clients without TLS: {listener}", path)


@control(
    id="msk-private",
    title="Kafka clusters are not reachable from the internet",
    severity=Severity.CRITICAL,
    types=(_CLUSTER,),
    why="Public brokers are found within hours, and everything of the business runs through them.",
    remediation='Leave out public_access of broker_node_group_info.connectivity_info, or set its type to "DISABLED".',
    url=f"{_PAGE}#msk-4",
    frameworks={"FSBP": ("MSK.4",), "Checkov": ("CKV_AWS_291",)},
)
def msk_private(resource: Resource) -> Verdict:
    path = "brokerNodeGroupInfo.connectivityInfo.publicAccess.type"
    return Pass() if resource.get(path, "DISABLED") == "DISABLED" else Fail("has public brokers", path)


@control(
    id="msk-login-required",
    title="Kafka clusters demand a login",
    severity=Severity.MEDIUM,
    types=(_CLUSTER,),
    why="Without a login every process that reaches a broker reads and writes every topic.",
    remediation="Set sasl.iam of client_authentication to True, and unauthenticated to False.",
    url=f"{_PAGE}#msk-6",
    frameworks={"FSBP": ("MSK.6",)},
)
def msk_login_required(resource: Resource) -> Verdict:
    path = "clientAuthentication.unauthenticated"
    if resource.get(path, False):
        return Fail("lets clients in without a login", path)
    logins = [f"clientAuthentication.{login}" for login in _LOGINS]
    unknown = [login for login in logins if resource.is_unknown(login)]
    if any(resource.get(login) for login in logins if login not in unknown):
        return Pass()
    return Unknown(unknown[0]) if unknown else Fail("knows no login", "clientAuthentication")
