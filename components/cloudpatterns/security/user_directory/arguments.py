"""Arguments of ``UserDirectory``."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import (
    Choice,
    Keys,
    Matches,
    Problem,
    Unique,
    WorkloadStatementArgs,
    excludes,
    is_given,
    needs,
    statement_problems,
    unknown,
)
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    Cidr,
    DeletionProtection,
    EdgeCertificateArn,
    FunctionArn,
    HostedZoneId,
    HostName,
    KmsKeyArn,
    LogRetentionDays,
    RegionalWebAclArn,
    ShortNames,
    Tags,
    UserPoolArn,
)

STANDARD_SCOPES = ("openid", "email", "profile", "phone", "aws.cognito.signin.user.admin")
"""Scopes of every user pool: https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html"""

_Url = Annotated[
    pulumi.Input[str],
    Matches(
        r"(https://[^\s#]+|http://localhost(:\d{1,5})?(/[^\s#]*)?|(?!https?:)[a-z][a-z0-9+.-]*://[^\s#]*)",
        "an HTTPS address without a fragment, http://localhost, or the scheme of an app such as https://files.example.com/",
    ),
]

DomainPrefix = Annotated[
    str,
    Matches(
        r"(?!.*(aws|amazon|cognito))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        "up to 63 of a-z, 0-9 and -, without aws, amazon and cognito, such as example-login",
    ),
]
"""Begins the address of managed login."""


class UserAttribute(TypedDict):
    """An attribute of users beside the standard ones; tokens have it as ``custom:<name>``. It can be neither changed nor removed later."""

    type: NotRequired[Annotated[str, Choice("String", "Number", "Boolean", "DateTime"), Field(default="String")]]
    """What its values are."""
    mutable: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether a value can be changed. One that an identity provider sets must be."""
    max_length: NotRequired[Annotated[int, Field(default=2048, ge=1, le=2048)]]
    """Longest text of a ``String``."""


class UserGroup(TypedDict):
    """A group of users, which tokens name in ``cognito:groups``."""

    description: NotRequired[Annotated[str, Field(max_length=2048)]]
    """What the group is for. Default: none."""
    precedence: NotRequired[Annotated[int, Field(ge=0, le=2_147_483_647)]]
    """Which role counts for a user in several groups: that of the lowest number. Default: the group has no say in it."""
    role_arn: NotRequired[pulumi.Input[str]]
    """Role that the identity pool gives to members; it trusts the identity pool. Default: that of all users."""


class UserClient(TypedDict):
    """An application whose users sign in: a site or an app, which keeps no secret."""

    callback_urls: Annotated[list[_Url], Field(min_length=1, max_length=100)]
    """Where managed login sends the browser with a code, exactly as the application states it."""
    logout_urls: NotRequired[Annotated[list[_Url], Field(default=[], max_length=100)]]
    """Where the browser may go after it has signed out."""
    scopes: NotRequired[Annotated[list[str], Field(default=["openid", "email"], min_length=1, max_length=50), Unique()]]
    """What the application may ask for: ``openid``, ``email``, ``profile``, ``phone``, ``aws.cognito.signin.user.admin`` and
    ``<identifier>/<scope>`` of ``resource_servers``."""
    access_token_minutes: NotRequired[Annotated[int, Field(default=15, ge=5, le=1440)]]
    """How long an access token holds: an API that checks its signature alone takes it to its end, whatever became of the user."""
    id_token_minutes: NotRequired[Annotated[int, Field(default=15, ge=5, le=1440)]]
    """How long an id token holds."""
    refresh_token_hours: NotRequired[Annotated[int, Field(default=12, ge=1, le=87_600)]]
    """Hours after which the user signs in again. Each use of a refresh token replaces it."""
    identity_providers: NotRequired[Annotated[list[str], Field(default=["COGNITO"], min_length=1), Unique()]]
    """Who may vouch for users: ``COGNITO`` is the pool itself, others are ``saml_providers``."""


class UserResourceServer(TypedDict):
    """An API with scopes of its own."""

    scopes: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=256)]],
        Keys(r"[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]{1,256}", "characters without spaces, quotes and slashes"),
        Field(min_length=1, max_length=100),
    ]
    """Scopes to what they allow, in words."""


class UserSamlProvider(TypedDict):
    """An identity provider of a company, over SAML."""

    metadata_url: Annotated[str, Matches(r"https://\S+", "an HTTPS address such as https://login.example.com/saml/metadata.xml")]
    """Where its metadata is, which Cognito reads again every six hours."""
    attributes: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """Attributes of the pool to those of the assertion. ``email`` must be among them."""
    identifiers: NotRequired[Annotated[list[str], Field(default=[], max_length=50)]]
    """Domains of e-mail addresses whose users are sent to it."""


class UserTriggers(TypedDict):
    """Functions that Cognito invokes, in the pool's Region. Each has five seconds."""

    pre_sign_up: NotRequired[FunctionArn]
    """Admits or refuses who signs up. Default: none."""
    pre_authentication: NotRequired[FunctionArn]
    """Admits or refuses a sign-in. Default: none."""
    post_authentication: NotRequired[FunctionArn]
    """Learns of each sign-in. Default: none."""
    post_confirmation: NotRequired[FunctionArn]
    """Learns of each new user who has confirmed. Default: none."""
    pre_token_generation: NotRequired[FunctionArn]
    """Changes the claims of id and access tokens (event version 2). Default: none."""
    custom_message: NotRequired[FunctionArn]
    """Writes the messages. Default: Cognito's own texts."""
    custom_email_sender: NotRequired[FunctionArn]
    """Sends the messages, whose codes are encrypted: its role needs ``sender_statements()``. Default: Cognito or SES sends them."""


class UserEmail(TypedDict):
    """Who sends the messages: an identity of SES."""

    identity_arn: Annotated[pulumi.Input[str], Matches(r"arn:[^:]+:ses:[^:]+:\d{12}:identity/.+", "the ARN of a verified identity of SES")]
    """The identity, in the pool's Region or one that Cognito has for SES (us-east-1, us-west-2, eu-west-1)."""
    from_address: Annotated[str, Matches(r"[^@\s]+@[^@\s]+|[^<>]+ <[^@\s]+@[^@\s]+>", "an address such as Example <login@example.com>")]
    """The sender."""
    reply_to_address: NotRequired[Annotated[str, Matches(r"[^@\s]+@[^@\s]+", "an address such as help@example.com")]]
    """Where answers go. Default: to the sender."""
    configuration_set_name: NotRequired[str]
    """Configuration set of SES. Default: none."""


class UserCustomDomain(TypedDict):
    """A name of yours for managed login. Its parent, such as example.com for login.example.com, must have an address record."""

    domain_name: HostName
    """The name."""
    certificate_arn: NotRequired[EdgeCertificateArn]
    """A certificate for it in us-east-1. Default: a new one, for which ``hosted_zone_id`` is needed."""
    hosted_zone_id: NotRequired[HostedZoneId]
    """Hosted zone in which the name gets its record. Default: you create the record for ``domain_target``."""


class UserIdentityPool(TypedDict):
    """Credentials of AWS for users who have signed in; there are none for guests."""

    statements: Annotated[list[WorkloadStatementArgs], Field(min_length=1)]
    """What every user may do. ``${cognito-identity.amazonaws.com:sub}`` in a resource stands for the user's identity."""


class ExistingUserPool(TypedDict):
    """A user pool that is there. It is not changed: clients, groups, a domain and an identity pool are added to it."""

    arn: UserPoolArn
    """ARN of the user pool."""
    login_url: NotRequired[Annotated[pulumi.Input[str], Matches(r"https://[^\s/]+", "such as https://login.example.com")]]
    """Address of its managed login, not of the older hosted UI: clients get a look there. Default: none, or that of the new domain."""


class UserDirectoryOptions(TypedDict):
    """What a user tunes of a ``UserDirectory``."""

    sign_in_with: NotRequired[Annotated[str, Choice("email", "username"), Field(default="email")]]
    """``email`` (the address is the name of the user) or ``username`` (a name, or the address). It cannot be changed later."""
    self_sign_up: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether everybody on the internet may create a user. Otherwise an administrator does."""
    mfa: NotRequired[Annotated[str, Choice("required", "optional"), Field(default="required")]]
    """``required`` (every sign-in needs an authenticator app) or ``optional`` (risky sign-ins need it; managed login does not ask users to
    set it up, so users without it are blocked at a medium risk)."""
    threat_protection: NotRequired[Annotated[str, Choice("enforced", "audit"), Field(default="enforced")]]
    """``enforced`` (compromised passwords and risky sign-ins are refused) or ``audit`` (they are logged; for the first weeks)."""
    trusted_ip_ranges: NotRequired[Annotated[list[Cidr], Field(default=[], max_length=200), Unique()]]
    """Networks, in CIDR notation, whose sign-ins are not judged."""
    blocked_ip_ranges: NotRequired[Annotated[list[Cidr], Field(default=[], max_length=200), Unique()]]
    """Networks, in CIDR notation, whose sign-ins are refused."""
    password_min_length: NotRequired[Annotated[int, Field(default=12, ge=8, le=99)]]
    """Shortest password; it has letters of both cases, a digit and a symbol."""
    password_history: NotRequired[Annotated[int, Field(default=5, ge=0, le=24)]]
    """Last passwords that cannot be used again."""
    temporary_password_days: NotRequired[Annotated[int, Field(default=3, ge=1, le=7)]]
    """Days in which an invited user must sign in."""
    attributes: NotRequired[
        Annotated[
            dict[str, UserAttribute], Keys(r"[A-Za-z0-9_-]{1,20}", "1 to 20 letters, digits, _ and -"), Field(default={}, max_length=50)
        ]
    ]
    """Attributes of users by name. More can be added later; none can be changed or removed."""
    groups: NotRequired[Annotated[dict[str, UserGroup], Keys(r"[A-Za-z0-9_-]{1,128}", "letters, digits, _ and -"), Field(default={})]]
    """Groups by name."""
    clients: NotRequired[Annotated[dict[str, UserClient], ShortNames, Field(default={})]]
    """Applications by name, each with a client of its own."""
    resource_servers: NotRequired[
        Annotated[
            dict[str, UserResourceServer],
            Keys(r"[\x21\x23-\x5B\x5D-\x7E]{1,256}", "characters without spaces and quotes"),
            Field(default={}),
        ]
    ]
    """APIs with scopes, by identifier, such as ``https://api.example.com``."""
    saml_providers: NotRequired[
        Annotated[dict[str, UserSamlProvider], Keys(r"[A-Za-z0-9_-]{1,32}", "1 to 32 letters, digits, _ and -"), Field(default={})]
    ]
    """Identity providers of companies by name."""
    triggers: NotRequired[UserTriggers]
    """Functions of yours that take part. Default: none."""
    email: NotRequired[UserEmail]
    """Who sends the messages. Default: Cognito itself, for 50 messages a day."""
    domain_prefix: NotRequired[DomainPrefix]
    """Begins the address of managed login, ``<prefix>.auth.<region>.amazoncognito.com``; no other account in the Region has it.
    Default: none."""
    custom_domain: NotRequired[UserCustomDomain]
    """A name of yours for managed login. Default: none."""
    identity_pool: NotRequired[UserIdentityPool]
    """Credentials of AWS for users. Default: none, and no identity pool."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the pool, and with it every user."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of sign-ins and of undelivered messages are kept."""
    most_throttles: NotRequired[Annotated[int, Field(default=0, ge=0)]]
    """Throttled requests of a client in five minutes above which its alarm is raised."""


class UserDirectoryArgs(UserDirectoryOptions):
    """Arguments of ``UserDirectory``."""

    existing_user_pool: NotRequired[ExistingUserPool]
    """A user pool that is there. Default: a new one."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the logs and of the codes for ``custom_email_sender``, whose policy must let CloudWatch Logs use it.
    Default: a new key."""
    web_acl_arn: NotRequired[RegionalWebAclArn]
    """Regional web ACL in front of the pool's public endpoints and managed login. Default: none."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of throttled requests, compromised passwords and messages that reach nobody."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


_OF_NEW_POOLS = (
    *("sign_in_with", "self_sign_up", "mfa", "threat_protection", "trusted_ip_ranges", "blocked_ip_ranges", "password_min_length"),
    *("password_history", "temporary_password_days", "attributes", "triggers", "email", "log_retention_days", "kms_key_arn", "web_acl_arn"),
    "deletion_protection",
)


def problems(checked: UserDirectoryArgs) -> Iterator[Problem]:
    """What does not go together."""
    yield from excludes(checked, "existing_user_pool", *_OF_NEW_POOLS, why="the user pool is there already, and is not changed")
    yield from excludes(checked, "domain_prefix", "custom_domain", why="clients have one address of managed login")
    existing = checked.get("existing_user_pool")
    for name, client in checked["clients"].items():
        yield from _client_problems(checked, f"clients.{name}", client)
    if checked["clients"] and existing is None and not (is_given(checked, "domain_prefix") or is_given(checked, "custom_domain")):
        yield "domain_prefix", "is missing; the users of clients sign in by managed login there. Give domain_prefix or custom_domain."
    for name, provider in checked["saml_providers"].items():
        if name == "COGNITO":
            yield f"saml_providers.{name}", "is the name of the user pool itself among identity_providers. Choose another name."
        if "email" not in provider["attributes"]:
            yield f"saml_providers.{name}.attributes", "have no email, which every user has. Map it to an attribute of the assertion."
    domain = checked.get("custom_domain")
    if domain is not None and domain.get("certificate_arn") is None and domain.get("hosted_zone_id") is None:
        yield "custom_domain.certificate_arn", "is missing; without hosted_zone_id no certificate can be created. Give one of them."
    yield from needs(checked, "identity_pool", "clients")
    identity_pool = checked.get("identity_pool")
    if identity_pool is not None:
        yield from statement_problems(identity_pool["statements"], "identity_pool.statements")
    elif given := [name for name, group in checked["groups"].items() if group.get("role_arn") is not None]:
        yield f"groups.{given[0]}.role_arn", "is for an identity pool. Give identity_pool, or remove it."


def _client_problems(checked: UserDirectoryArgs, path: str, client: UserClient) -> Iterator[Problem]:
    refresh = client["refresh_token_hours"] * 60
    for kind in ("access_token_minutes", "id_token_minutes"):
        # https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
        minutes: Mapping[str, Any] = client
        if minutes[kind] > refresh:
            yield f"{path}.{kind}", f"is {minutes[kind]}, longer than the {refresh} minutes of refresh_token_hours. Shorten it."
    if checked.get("existing_user_pool") is not None:
        return
    known = [*STANDARD_SCOPES, *(f"{api}/{scope}" for api, server in checked["resource_servers"].items() for scope in server["scopes"])]
    for scope in client["scopes"]:
        if scope not in known:
            yield f"{path}.scopes", unknown(scope, "a scope", known)
    providers = ["COGNITO", *checked["saml_providers"]]
    for provider in client["identity_providers"]:
        if provider not in providers:
            yield f"{path}.identity_providers", unknown(provider, "an identity provider", providers)
