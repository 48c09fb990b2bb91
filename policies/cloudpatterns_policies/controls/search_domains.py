"""OpenSearch and Elasticsearch domains: in a VPC, encrypted at rest and in transit, with access control and logs."""

from collections.abc import Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._settings import NOT_PRODUCTION, PRODUCTION, switched_on
from cloudpatterns_policies.core import Fail, Pass, Resource, Severity, Unknown, UnknownValueError, Verdict, control

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/opensearch-controls.html"
_TYPES: Final = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")
_LOGS: Final = "logPublishingOptions"


@control(
    id="search-domain-private",
    title="Search domains are in a VPC",
    severity=Severity.HIGH,
    types=_TYPES,
    why="The endpoint of a domain outside a VPC is on the internet: one wrong statement in its access policy opens all indexes.",
    remediation="Set vpc_options with private subnet_ids and security_group_ids; an existing domain has to be replaced.",
    url=f"{_PAGE}#opensearch-2",
    frameworks={"FSBP": ("Opensearch.2", "ES.2"), "Checkov": ("CKV_AWS_137",)},
)
def search_domain_private(resource: Resource) -> Verdict:
    return Pass() if resource.get("vpcOptions") else Fail("has an endpoint on the internet", "vpcOptions")


@control(
    id="search-domain-encrypted",
    title="Search domains are encrypted at rest",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Anyone who obtains a disk, a snapshot or the swap of an unencrypted domain can read the documents.",
    remediation="Set encrypt_at_rest with enabled=True, and kms_key_id to a customer-managed key if possible.",
    url=f"{_PAGE}#opensearch-1",
    frameworks={"FSBP": ("Opensearch.1", "ES.1"), "Checkov": ("CKV_AWS_5",)},
)
def search_domain_encrypted(resource: Resource) -> Verdict:
    return switched_on(resource, "encryptAtRest.enabled", "stores its data unencrypted")


@control(
    id="search-domain-node-to-node",
    title="Nodes of search domains use TLS between each other",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Documents are replicated between nodes across Availability Zones, where unencrypted traffic can be captured.",
    remediation="Set node_to_node_encryption with enabled=True.",
    url=f"{_PAGE}#opensearch-3",
    frameworks={"FSBP": ("Opensearch.3", "ES.3"), "Checkov": ("CKV_AWS_6",)},
)
def search_domain_node_to_node(resource: Resource) -> Verdict:
    return switched_on(resource, "nodeToNodeEncryption.enabled", "sends documents between nodes unencrypted")


@control(
    id="search-domain-https",
    title="Search domains require HTTPS",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Over HTTP, queries, documents and passwords can be read in transit.",
    remediation="Set domain_endpoint_options with enforce_https=True.",
    url="https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainEndpointOptions.html",
    frameworks={"Checkov": ("CKV_AWS_83",)},
)
def search_domain_https(resource: Resource) -> Verdict:
    # The provider's default is True, but only inside the block: without one, the domain accepts HTTP.
    options = resource.get("domainEndpointOptions")
    return switched_on(resource, "domainEndpointOptions.enforceHttps", "accepts HTTP", default=options is not None)


@control(
    id="search-domain-tls-policy",
    title="Search domains require TLS 1.2",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="The default policy accepts TLS 1.0, which has known weaknesses.",
    remediation='Set domain_endpoint_options with tls_security_policy="Policy-Min-TLS-1-2-PFS-2023-10".',
    url=f"{_PAGE}#opensearch-8",
    frameworks={"FSBP": ("Opensearch.8", "ES.8"), "Checkov": ("CKV_AWS_228",)},
    partial={
        "Opensearch.8": "policies of TLS 1.2 without forward secrecy; that HTTPS is required is checked by search-domain-https",
        "ES.8": "policies of TLS 1.2 without forward secrecy; that HTTPS is required is checked by search-domain-https",
    },
)
def search_domain_tls_policy(resource: Resource) -> Verdict:
    path = "domainEndpointOptions.tlsSecurityPolicy"
    policy = resource.get(path, "Policy-Min-TLS-1-0-2019-07")
    return Pass() if policy.startswith("Policy-Min-TLS-1-2") else Fail(f"accepts old versions of TLS: {policy}", path)


@control(
    id="search-domain-access-control",
    title="Search domains have fine-grained access control",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Without it, everyone whom the access policy lets in can read and delete every index.",
    remediation="Set advanced_security_options with enabled=True and master_user_options, and anonymous_auth_enabled to False.",
    url=f"{_PAGE}#opensearch-7",
    frameworks={"FSBP": ("Opensearch.7",), "Checkov": ("CKV2_AWS_52",)},
)
def search_domain_access_control(resource: Resource) -> Verdict:
    if not resource.get("advancedSecurityOptions.enabled", False):
        return Fail("has no fine-grained access control", "advancedSecurityOptions.enabled")
    path = "advancedSecurityOptions.anonymousAuthEnabled"
    return Fail("lets in clients without a login", path) if resource.get(path, False) else Pass()


@control(
    id="search-domain-password-not-in-state",
    title="Master passwords of search domains are not kept in the stack's state",
    severity=Severity.HIGH,
    types=_TYPES,
    why="Anyone who can read the state, its backups or a policy pack's input can read the password, and nobody rotates it.",
    remediation="Set master_user_arn of master_user_options to an IAM role instead of a name and a password.",
    url="https://docs.aws.amazon.com/opensearch-service/latest/developerguide/fgac.html",
)
def search_domain_password_not_in_state(resource: Resource) -> Verdict:
    path = "advancedSecurityOptions.masterUserOptions"
    # It is enough that it is set: its value is not read.
    given = (resource.get(path) or {}).get("masterUserPassword") is not None
    return Fail("keeps its master password in the state", f"{path}.masterUserPassword") if given else Pass()


def _writes(resource: Resource, log: str) -> Verdict:
    """Whether the domain publishes a log, of those that are not disabled."""
    unknown = ""
    for index in range(len(resource.get(_LOGS, ()))):
        kind, enabled = (f"{_LOGS}.{index}.{name}" for name in ("logType", "enabled"))
        try:
            if resource.get(kind) == log and resource.get(enabled, True):
                return Pass()
        except UnknownValueError as error:
            unknown = unknown or error.path
    names = {"ES_APPLICATION_LOGS": "error", "AUDIT_LOGS": "audit"}
    return Unknown(unknown) if unknown else Fail(f"writes no {names[log]} log", _LOGS)


@control(
    id="search-domain-error-log",
    title="Search domains write their error log",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Without it, nobody sees failed requests, corrupt shards and deprecated calls.",
    remediation='Add to log_publishing_options an item with log_type="ES_APPLICATION_LOGS" and a cloudwatch_log_group_arn.',
    url=f"{_PAGE}#opensearch-4",
    frameworks={"FSBP": ("Opensearch.4", "ES.4"), "Checkov": ("CKV_AWS_84",)},
)
def search_domain_error_log(resource: Resource) -> Verdict:
    return _writes(resource, "ES_APPLICATION_LOGS")


@control(
    id="search-domain-audit-log",
    title="Search domains write an audit log",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="After an incident, nobody can find out who logged in and which documents were read.",
    remediation='Add to log_publishing_options an item with log_type="AUDIT_LOGS" and a cloudwatch_log_group_arn.',
    url=f"{_PAGE}#opensearch-5",
    frameworks={"FSBP": ("Opensearch.5", "ES.5"), "Checkov": ("CKV_AWS_317",)},
)
def search_domain_audit_log(resource: Resource) -> Verdict:
    return _writes(resource, "AUDIT_LOGS")


@control(
    id="search-domain-dedicated-masters",
    title="Search domains of production have three dedicated master nodes",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="Data nodes under load lose the cluster's state; with fewer than three masters, one failure leaves no majority.",
    remediation="Set cluster_config with dedicated_master_enabled=True and dedicated_master_count=3.",
    url="https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-dedicatedmasternodes.html",
    frameworks={"FSBP": ("ES.7",), "Checkov": ("CKV_AWS_318", "CKV2_AWS_59")},
    partial={"CKV_AWS_318": "zone awareness, which search-domain-several-zones checks"},
    config={"production": PRODUCTION},
    pack="operations",
)
def search_domain_dedicated_masters(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if not config["production"]:
        return NOT_PRODUCTION
    enabled, count = "clusterConfig.dedicatedMasterEnabled", "clusterConfig.dedicatedMasterCount"
    if not resource.get(enabled, False):
        return Fail("has no dedicated master nodes", enabled)
    masters = resource.get(count, 0)
    return Pass() if masters >= 3 else Fail(f"has {masters} dedicated master node{'' if masters == 1 else 's'}", count)


@control(
    id="search-domain-several-zones",
    title="Search domains of production have three data nodes in several Availability Zones",
    severity=Severity.MEDIUM,
    types=_TYPES,
    why="When a node or its zone fails, indexes are unavailable or lost.",
    remediation="Set cluster_config with instance_count=3 or more, zone_awareness_enabled=True and a zone_awareness_config.",
    url=f"{_PAGE}#opensearch-6",
    frameworks={"FSBP": ("Opensearch.6", "ES.6")},
    config={"production": PRODUCTION},
    pack="operations",
)
def search_domain_several_zones(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if not config["production"]:
        return NOT_PRODUCTION
    nodes = resource.get("clusterConfig.instanceCount", 1)
    if nodes < 3:
        return Fail(f"has {nodes} data node{'' if nodes == 1 else 's'}", "clusterConfig.instanceCount")
    path = "clusterConfig.zoneAwarenessEnabled"
    if resource.get("clusterConfig.multiAzWithStandbyEnabled", False) or resource.get(path, False):
        return Pass()
    return Fail("has all data nodes in one zone", path)
