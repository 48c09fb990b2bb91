"""Arguments of ``SecureFileSharing``: the options of the components that it composes, and where it stands."""

from collections.abc import Iterator
from typing import Annotated, NotRequired, TypedDict

from pydantic import Field

from cloudpatterns.core import Choice, Matches, Problem, Unique, is_given
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    DeletionProtection,
    EdgeCertificateArn,
    HostedZoneId,
    HostName,
    KmsKeyArn,
    LogRetentionDays,
    ShortNames,
    Tags,
)
from cloudpatterns.delivery import SigningKey
from cloudpatterns.network import ApiDomainArgs, WebApplicationFirewallOptions
from cloudpatterns.security import ExistingUserPool, UserDirectoryOptions

_ContentType = Annotated[str, Matches(r"[a-z0-9.+-]+/[a-z0-9.+-]+", "a content type without parameters such as image/png")]
_OFFICE = "application/vnd.openxmlformats-officedocument"
CONTENT_TYPES = (
    *("application/pdf", "application/zip", "image/jpeg", "image/png", "text/csv", "text/plain"),
    *(f"{_OFFICE}.{kind}" for kind in ("presentationml.presentation", "spreadsheetml.sheet", "wordprocessingml.document")),
)


class SecureFileSharingOptions(TypedDict):
    """What a user tunes of a ``SecureFileSharing``."""

    users: UserDirectoryOptions
    """The users, see ``UserDirectory``: a ``domain_prefix`` or ``custom_domain`` at least. The client ``site`` is added."""
    content_types: NotRequired[Annotated[list[_ContentType], Unique(), Field(default=list(CONTENT_TYPES), min_length=1, max_length=50)]]
    """Types that may be uploaded, by what the browser declares."""
    max_size_mib: NotRequired[Annotated[int, Field(default=100, ge=1, le=5120)]]
    """Largest file."""
    default_link_hours: NotRequired[Annotated[int, Field(default=72, ge=1, le=8760)]]
    """Hours that a link holds when its owner says nothing."""
    max_link_hours: NotRequired[Annotated[int, Field(default=720, ge=1, le=8760)]]
    """Longest time that a link may hold."""
    url_seconds: NotRequired[Annotated[int, Field(default=60, ge=5, le=3600)]]
    """Seconds in which the download must begin after somebody followed a link: so long does a revoked link work on for whoever followed it
    just before."""
    retention_days: NotRequired[Annotated[int, Field(default=90, ge=1, le=3650)]]
    """Days after which files are deleted, whatever their links say. Who may read the bucket can recover one for 90 days more."""
    audit_days: NotRequired[Annotated[int, Field(default=365, ge=1, le=3650)]]
    """Days that the record of a link's fetches is kept after the link has expired."""
    title: NotRequired[Annotated[str, Field(default="Secure file sharing", min_length=1, max_length=60)]]
    """What the site is called."""
    publish_site: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the site of this component is published. Otherwise you publish one, into ``site_bucket_name``, with what ``site_settings``
    says."""
    firewall: NotRequired[Annotated[WebApplicationFirewallOptions, Field(default={})]]
    """The web application firewalls, see ``WebApplicationFirewall``: one of the distributions, one of the API and the sign-in."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table of links and of who followed them."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroy deletes the files and the access logs; otherwise buckets with objects cannot be destroyed."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that logs of functions and of the API are kept."""


class SecureFileSharingArgs(SecureFileSharingOptions):
    """Arguments of ``SecureFileSharing``."""

    site_domain_name: HostName
    """Name of the site, such as share.example.com."""
    files_domain_name: HostName
    """Name of the distribution that delivers files, such as files.example.com: another one than the site's, so that no file is of its
    origin."""
    hosted_zone_id: NotRequired[HostedZoneId]
    """Public hosted zone of both names, for records and certificates. Default: you create the records."""
    edge_certificate_arn: NotRequired[EdgeCertificateArn]
    """Certificate for both names, in us-east-1. Default: a new one for each, validated in ``hosted_zone_id``."""
    signing_keys: Annotated[dict[str, SigningKey], ShortNames, Field(min_length=1, max_length=5)]
    """Pairs of keys that sign the addresses of files, see ``PrivateDataDelivery``."""
    sign_with: NotRequired[str]
    """Name of the key that signs. Default: the only one."""
    api_domain: NotRequired[ApiDomainArgs]
    """A name for the API, see ``ApiGateway``. Default: API Gateway's own."""
    account_logging_role: Annotated[str, Choice("create", "existing")]
    """``create`` (the role by which API Gateway writes logs, in the settings of the account and Region) or ``existing`` (they name one
    already), see ``ApiGateway``."""
    existing_user_pool: NotRequired[ExistingUserPool]
    """A user pool that is there, with its ``login_url`` or a domain in ``users``. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the files and of the record of links, whose policy must let the distribution ``files_distribution_arn``
    decrypt. Default: a new key."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify in this Region."""
    edge_alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics in us-east-1, where CloudFront's metrics are."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def problems(checked: SecureFileSharingArgs) -> Iterator[Problem]:
    """What does not go together."""
    usual, most, days = checked["default_link_hours"], checked["max_link_hours"], checked["retention_days"]
    if usual > most:
        yield "default_link_hours", f"is {usual}, more than max_link_hours {most}. Lower it."
    if most > days * 24:
        yield (
            "max_link_hours",
            f"is {most}, longer than the {days} days of retention_days: the file is gone then. Lower it.",
        )
    if checked["site_domain_name"] == checked["files_domain_name"]:
        yield "files_domain_name", "is that of the site; a file must not be of the site's origin. Name another one."
    if not is_given(checked, "edge_certificate_arn") and not is_given(checked, "hosted_zone_id"):
        yield "hosted_zone_id", "is missing; without edge_certificate_arn the certificates are validated in it. Give one of them."
    api_domain = checked.get("api_domain")
    if api_domain is not None and api_domain["domain_name"].startswith("*"):
        yield "api_domain.domain_name", f"is {api_domain['domain_name']!r}; the site calls the API by it. Give one name."
    users, existing = checked["users"], checked.get("existing_user_pool")
    if "site" in users["clients"]:
        yield "users.clients.site", "is the client of the site, which this component creates. Name yours otherwise."
    domain = users.get("domain_prefix") is not None or users.get("custom_domain") is not None
    if existing is not None and existing.get("login_url") is None and not domain:
        yield "existing_user_pool.login_url", "is missing; users sign in there. Give it, or users.domain_prefix."
    elif existing is None and not domain:
        yield "users.domain_prefix", "is missing; users sign in there. Give it, or users.custom_domain."
