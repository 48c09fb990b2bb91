"""A directory of users who sign in to applications, and get tokens that APIs accept.

Pattern: user authentication with Amazon Cognito, as in the designs of "Common AWS System Design Patterns" and the 2025 guide.
"""

import re
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, MetricMath, MetricSearch, alarm, create_key, logs_statement
from cloudpatterns.blocks.certificate import certificates
from cloudpatterns.blocks.distribution import EDGE_REGION
from cloudpatterns.blocks.dns import CLOUDFRONT_ZONE_ID, Destination, records
from cloudpatterns.core import (
    Component,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    by_name,
    document,
    iam_statement,
    region_of,
)
from cloudpatterns.security.user_directory.arguments import UserClient, UserCustomDomain, UserDirectoryArgs, UserIdentityPool, problems
from cloudpatterns.security.user_directory.pool import LOGS, UserPool, user_pool

# What a client that keeps no secret may do by itself: managed login needs neither.
_FLOWS = ("ALLOW_USER_AUTH", "ALLOW_USER_SRP_AUTH")
_NAMESPACE = "CloudPatterns/UserDirectory"
_ADMINISTRATION = (
    *("AdminAddUserToGroup", "AdminCreateUser", "AdminDisableUser", "AdminEnableUser", "AdminGetUser", "AdminListGroupsForUser"),
    *("AdminRemoveUserFromGroup", "AdminResetUserPassword", "AdminSetUserMFAPreference", "AdminUpdateUserAttributes"),
    *("AdminUserGlobalSignOut", "ListUsers", "ListUsersInGroup"),
)


class UserDirectory(Component):
    """A Cognito user pool whose users sign in by managed login, with MFA and threat protection (2025 guide, and "Common AWS System Design
    Patterns").

    Applications are clients without a secret: they get a code, and exchange it with PKCE for tokens that hold for minutes. An administrator
    invites users, unless ``self_sign_up`` is set. The plan is Plus, which threat protection and the log of sign-ins need. For an
    ``ApiGateway``, ``api_authorizer()`` is the authorizer that accepts its tokens.

    **Use when**: people who are no users of AWS sign in to your site, app or API.

    **Not when**: employees sign in to AWS (IAM Identity Center), or programs call each other (``WorkloadRole``).

    **Cost drivers**: users who are active in a month, on the plan Plus, messages, logs of sign-ins, one key.

    **Trade-offs**: ``sign_in_with`` and attributes are for ever, and passwords cannot be exported. Cognito accepts a code without PKCE from
    a client that did not begin with it: the application must. An access token holds until it expires, whatever becomes of the user.
    Nothing is sent by text message.

    **Proven by**: controls ``cognito-user-pool-threat-protection``, ``cognito-identity-pool-no-guests``,
    ``cognito-threat-protection-tier``, ``cognito-oauth-enabled``; ``test_user_directory.py``, and ``test_user_directory_signed_in.py``,
    which signs in on an emulator.
    """

    user_pool_id: pulumi.Output[str]
    """Id of the user pool."""
    user_pool_arn: pulumi.Output[str]
    """ARN of the user pool."""
    issuer_url: pulumi.Output[str]
    """Who issues the tokens (``iss``); their keys are at ``/.well-known/jwks.json`` below it."""
    client_ids: pulumi.Output[dict[str, str]]
    """Name of each client to its id, available after its look at managed login."""
    login_url: pulumi.Output[str]
    """Address of managed login, without a slash at its end. Empty without a domain."""
    domain_target: pulumi.Output[str]
    """What the record of ``custom_domain`` points to. Empty without one."""
    identity_pool_id: pulumi.Output[str]
    """Id of the identity pool. Empty without one."""
    identity_role_arn: pulumi.Output[str]
    """ARN of the role of users who have signed in. Empty without ``identity_pool``."""
    activity_log_group_name: pulumi.Output[str]
    """Log group with every sign-in and its risk. Empty for an existing user pool."""
    kms_key_arn: pulumi.Output[str]
    """Key of the logs and of codes for ``custom_email_sender``. Empty for an existing user pool."""

    def __init__(self, name: str, args: UserDirectoryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names={"identity-role": 64})
        nothing = pulumi.Output.from_input("")
        self.activity_log_group_name = self.kms_key_arn = nothing
        created = self._create(name)
        self.domain_target = nothing
        # Cognito refuses some changes of a pool while another is under way: the domain and the styles come one after the other.
        self._in_turn: list[pulumi.Resource] = []
        self.login_url = self._domain(name)
        servers = self._resource_servers(name) + self._saml_providers(name)
        clients = {key: self._client(name, key, client, servers) for key, client in checked["clients"].items()}
        self._client_ids = {key: self._with_branding(name, key, client) for key, client in clients.items()}
        self.client_ids = by_name(self._client_ids)
        for key, group in checked["groups"].items():
            aws.cognito.UserGroup(
                f"{name}-group-{key}",
                user_pool_id=self.user_pool_id,
                name=key,
                description=group.get("description"),
                precedence=group.get("precedence"),
                role_arn=group.get("role_arn"),
                opts=self.child(),
            )
        self.identity_pool_id = self.identity_role_arn = nothing
        if (identity := checked.get("identity_pool")) is not None:
            self._identity_pool(name, identity)
        if checked["alarm_topic_arns"]:
            self._alarms(name, created)
        self.register()

    def api_authorizer(self, *clients: str, kind: str = "http") -> Any:
        """An entry of ``authorizers`` of an ``ApiGateway``: tokens of the named clients, or of all. A REST API takes those of every client
        of the pool, and access tokens for routes with ``scopes`` alone.

        :raises ArgumentError: for an unknown client, with those known.
        """
        chosen = clients if clients else tuple(self._client_ids)
        ids = [self.lookup(self._client_ids, key, "client", "a client") for key in chosen]
        return {"user_pool": {"user_pool_arns": [self.user_pool_arn], **({"client_ids": ids} if kind == "http" else {})}}

    def administration_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to invite users, put them into groups, and block them."""
        actions = [f"cognito-idp:{action}" for action in _ADMINISTRATION]
        return as_arguments([Statement(sid="AdministerUsers", actions=actions, resources=[self.user_pool_arn])])

    def sender_statements(self) -> list[WorkloadStatementArgs]:
        """What the role of a ``custom_email_sender`` needs to decrypt codes."""
        return as_arguments([Statement(sid="DecryptCodes", actions=["kms:Decrypt"], resources=[self.kms_key_arn])])

    def _create(self, name: str) -> UserPool | None:
        """A new user pool; None where there is one."""
        checked, existing, given = self._checked, self._checked.get("existing_user_pool"), self._checked.get("kms_key_arn")
        if existing is not None:
            self.user_pool_arn = pulumi.Output.from_input(existing["arn"])
            self.user_pool_id = self.user_pool_arn.apply(lambda arn: arn.rpartition("/")[2])
        else:
            self.kms_key_arn = pulumi.Output.from_input(given) if given is not None else self._key(name)
            created = user_pool(self, checked, self.kms_key_arn)
            self.user_pool_arn, self.user_pool_id = created.pool.arn, created.pool.id
            self.activity_log_group_name = after(created.activity_log_group.name, created.delivery)
        self._provider_name = pulumi.Output.concat("cognito-idp.", region_of(self.user_pool_arn), ".amazonaws.com/", self.user_pool_id)
        self.issuer_url = pulumi.Output.concat("https://", self._provider_name)
        return None if existing is not None else created

    def _key(self, name: str) -> pulumi.Output[str]:
        # Cognito encrypts codes by a grant, which whoever deploys the trigger gives it: the account's own rights are enough.
        # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-sender-triggers.html
        return create_key(
            self,
            f"{name}-key",
            f"Logs and codes of the users of {name}",
            lambda arn: [logs_statement(arn, f"{LOGS}{name}-*")],
            tags=self._checked["tags"],
        )

    def _domain(self, name: str) -> pulumi.Output[str]:
        """The address of managed login."""
        checked = self._checked
        prefix, custom, existing = checked.get("domain_prefix"), checked.get("custom_domain"), checked.get("existing_user_pool")
        if custom is not None:
            return self._custom_domain(name, custom)
        if prefix is not None:
            domain = aws.cognito.UserPoolDomain(
                f"{name}-domain",
                domain=prefix,
                user_pool_id=self.user_pool_id,
                managed_login_version=2,
                # A pool has one domain of each kind.
                opts=self.child(delete_before_replace=True),
            )
            self._in_turn.append(domain)
            return pulumi.Output.concat("https://", domain.domain, ".auth.", region_of(self.user_pool_arn), ".amazoncognito.com")
        given = None if existing is None else existing.get("login_url")
        return pulumi.Output.from_input("" if given is None else given)

    def _custom_domain(self, name: str, custom: UserCustomDomain) -> pulumi.Output[str]:
        certificate_arn, zone_id, host = custom.get("certificate_arn"), custom.get("hosted_zone_id"), custom["domain_name"]
        if certificate_arn is None:
            assert zone_id is not None, "a name without a certificate has a hosted zone"
            child_names = {EDGE_REGION: f"{name}-certificate"}
            issued = certificates(self, child_names, lambda _: f"{name}-validation", [host], zone_id, self._checked["tags"])
            certificate_arn = issued[EDGE_REGION]
        domain = aws.cognito.UserPoolDomain(
            f"{name}-domain",
            domain=host,
            certificate_arn=certificate_arn,
            user_pool_id=self.user_pool_id,
            managed_login_version=2,
            opts=self.child(delete_before_replace=True),
        )
        self._in_turn.append(domain)
        self.domain_target = domain.cloudfront_distribution
        url = pulumi.Output.concat("https://", domain.domain)
        if zone_id is None:
            return url
        alias: aws.route53.RecordAliasArgsDict = {
            "name": domain.cloudfront_distribution,
            "zone_id": CLOUDFRONT_ZONE_ID,
            "evaluate_target_health": False,
        }
        return after(url, *records(self, f"{name}-record", zone_id, host, ["A", "AAAA"], Destination(alias=alias)))

    def _resource_servers(self, name: str) -> list[pulumi.Resource]:
        return [
            aws.cognito.ResourceServer(
                f"{name}-api-{identifier}",
                user_pool_id=self.user_pool_id,
                identifier=identifier,
                # A name has fewer characters than an identifier.
                name=re.sub(r"[^\w\s+=,.@-]", "-", identifier),
                scopes=[{"scope_name": scope, "scope_description": text} for scope, text in sorted(server["scopes"].items())],
                opts=self.child(),
            )
            for identifier, server in self._checked["resource_servers"].items()
        ]

    def _saml_providers(self, name: str) -> list[pulumi.Resource]:
        found = ("ActiveEncryptionCertificate", "SLORedirectBindingURI", "SSORedirectBindingURI")
        return [
            aws.cognito.IdentityProvider(
                f"{name}-saml-{key}",
                user_pool_id=self.user_pool_id,
                provider_name=key,
                provider_type="SAML",
                provider_details={"MetadataURL": provider["metadata_url"], "IDPSignout": "false"},
                attribute_mapping=provider["attributes"],
                idp_identifiers=provider["identifiers"] or None,
                # Cognito adds what it finds in the metadata, which each update would take for a change.
                opts=self.child(ignore_changes=[f"providerDetails.{one}" for one in found]),
            )
            for key, provider in self._checked["saml_providers"].items()
        ]

    def _client(self, name: str, key: str, client: UserClient, known: list[pulumi.Resource]) -> aws.cognito.UserPoolClient:
        return aws.cognito.UserPoolClient(
            f"{name}-client-{key}",
            user_pool_id=self.user_pool_id,
            generate_secret=False,
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["code"],
            allowed_oauth_scopes=client["scopes"],
            callback_urls=client["callback_urls"],
            logout_urls=client["logout_urls"] or None,
            supported_identity_providers=client["identity_providers"],
            # Rotation excludes the flow ALLOW_REFRESH_TOKEN_AUTH, which a client has that states none.
            # https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html
            explicit_auth_flows=[*_FLOWS],
            refresh_token_rotation={"feature": "ENABLED", "retry_grace_period_seconds": 30},
            access_token_validity=client["access_token_minutes"],
            id_token_validity=client["id_token_minutes"],
            refresh_token_validity=client["refresh_token_hours"],
            token_validity_units={"access_token": "minutes", "id_token": "minutes", "refresh_token": "hours"},
            enable_token_revocation=True,
            prevent_user_existence_errors="ENABLED",
            opts=self.child(depends_on=known),
        )

    def _with_branding(self, name: str, key: str, client: aws.cognito.UserPoolClient) -> pulumi.Output[str]:
        """The client's id. Managed login shows an error page to a client without a style."""
        existing = self._checked.get("existing_user_pool")
        has_login = existing is not None and existing.get("login_url") is not None
        if not has_login and self._checked.get("domain_prefix") is None and self._checked.get("custom_domain") is None:
            return client.id
        style = aws.cognito.ManagedLoginBranding(
            f"{name}-style-{key}",
            user_pool_id=self.user_pool_id,
            client_id=client.id,
            use_cognito_provided_values=True,
            opts=self.child(depends_on=self._in_turn[-1:]),
        )
        self._in_turn.append(style)
        return after(client.id, style)

    def _identity_pool(self, name: str, given: UserIdentityPool) -> None:
        provider, clients = self._provider_name, self._client_ids
        pool = aws.cognito.IdentityPool(
            f"{name}-identities",
            identity_pool_name=name,
            allow_unauthenticated_identities=False,
            allow_classic_flow=False,
            cognito_identity_providers=[
                {"client_id": client_id, "provider_name": provider, "server_side_token_check": True} for client_id in clients.values()
            ],
            tags=self._checked["tags"],
            opts=self.child(),
        )
        issuer = "cognito-identity.amazonaws.com"
        trust = Statement(
            actions=["sts:AssumeRoleWithWebIdentity"],
            principals={"Federated": [issuer]},
            conditions={"StringEquals": {f"{issuer}:aud": pool.id}, "ForAnyValue:StringLike": {f"{issuer}:amr": "authenticated"}},
        )
        role = aws.iam.Role(
            f"{name}-identity-role",
            description=f"Users of {name} who have signed in",
            assume_role_policy=document(trust),
            tags=self._checked["tags"],
            opts=self.child(),
        )
        policy = document(*[iam_statement(statement) for statement in given["statements"]])
        allowed = aws.iam.RolePolicy(f"{name}-identity-policy", role=role.id, policy=policy, opts=self.child())
        # The role that the token names, which is that of the user's group, where it has one.
        by_group = any(group.get("role_arn") is not None for group in self._checked["groups"].values())
        mappings: list[aws.cognito.IdentityPoolRoleAttachmentRoleMappingArgsDict] = [
            {
                "identity_provider": pulumi.Output.concat(provider, ":", client_id),
                "type": "Token",
                "ambiguous_role_resolution": "AuthenticatedRole",
            }
            for client_id in clients.values()
        ]
        attached = aws.cognito.IdentityPoolRoleAttachment(
            f"{name}-identity-roles",
            identity_pool_id=pool.id,
            roles={"authenticated": role.arn},
            role_mappings=mappings if by_group else None,
            opts=self.child(depends_on=[allowed]),
        )
        self.identity_pool_id, self.identity_role_arn = after(pool.id, attached), after(role.arn, attached)

    def _alarms(self, name: str, created: UserPool | None) -> None:
        """Alarms: https://docs.aws.amazon.com/cognito/latest/developerguide/metrics-for-cognito-user-pools.html."""
        checked, topics = self._checked, self._checked["alarm_topic_arns"]
        for key, client_id in self._client_ids.items():
            dimensions = {"UserPool": self.user_pool_id, "UserPoolClient": client_id}
            metrics: dict[str, Metric] = {
                kind.lower(): Metric("AWS/Cognito", f"{kind}Throttles", dimensions, "Sum") for kind in ("SignIn", "TokenRefresh")
            }
            alarm(
                self,
                f"{name}-{key}-throttled",
                f"More than {checked['most_throttles']} requests of users of {key} throttled in five minutes",
                # A kind of request that nobody sends has no data.
                MetricMath(" + ".join(f"FILL({kind}, 0)" for kind in metrics), metrics),
                checked["most_throttles"],
                period_seconds=300,
                actions=topics,
                tags=checked["tags"],
            )
        # Over the operations and levels of risk, which are dimensions too.
        query = pulumi.Output.concat(
            'SELECT SUM(CompromisedCredentialRisk) FROM SCHEMA("AWS/Cognito", Operation, RiskLevel, UserPoolId) WHERE UserPoolId = \'',
            self.user_pool_id,
            "'",
        )
        alarm(
            self,
            f"{name}-compromised",
            f"Somebody used a password of {name} that is known to attackers",
            MetricSearch(query),
            0,
            period_seconds=300,
            actions=topics,
            ok_actions=[],
            tags=checked["tags"],
        )
        if created is not None:
            self._undelivered_alarm(name, created)

    def _undelivered_alarm(self, name: str, created: UserPool) -> None:
        # Another stack in the account and Region may have a directory of the same name; the log group is this one's alone.
        metric = Metric(_NAMESPACE, pulumi.Output.concat(created.message_log_group.name, "-undelivered"), {}, "Sum")
        aws.cloudwatch.LogMetricFilter(
            f"{name}-undelivered-filter",
            log_group_name=created.message_log_group.name,
            pattern="",
            metric_transformation={"namespace": metric.namespace, "name": metric.name, "value": "1"},
            opts=self.child(),
        )
        alarm(
            self,
            f"{name}-undelivered",
            f"Invitations and codes for users of {name} reach nobody: the log group {name}-message-log says why",
            metric,
            0,
            period_seconds=300,
            actions=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )
