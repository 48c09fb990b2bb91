import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.security import UserDirectory
from offline_preview.graph import Graph, Resource

from tests.harness import record, refs

POOL_ARN = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_aBcDeFgHi"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:mail"
SITE: Any = {"callback_urls": ["https://shop.example.com/"]}
POOL = "aws:cognito/userPool:UserPool"
CLIENT = "aws:cognito/userPoolClient:UserPoolClient"
DOMAIN = "aws:cognito/userPoolDomain:UserPoolDomain"
IDENTITIES = "aws:cognito/identityPool:IdentityPool"
READ: Any = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*"]}]


def make(**args: Any) -> Graph:
    given: Any = {"clients": {"site": SITE}, "domain_prefix": "example-login", **args}
    return record(lambda: UserDirectory("users", given), mode="deployed")


def adopt(**args: Any) -> Graph:
    given: Any = {"existing_user_pool": {"arn": POOL_ARN}, **args}
    return record(lambda: UserDirectory("users", given), mode="deployed")


def outputs(graph: Graph) -> dict[str, Any]:
    return graph.one("cloudpatterns:index:UserDirectory").outputs


def key_statement(graph: Graph, sid: str) -> dict[str, Any]:
    policy = json.loads(graph.one("aws:kms/keyPolicy:KeyPolicy").inputs["policy"])
    return next(statement for statement in policy["Statement"] if statement.get("Sid") == sid)


def alarm(graph: Graph, name: str) -> Resource:
    return graph.named(name)


def test_the_pool_has_the_plan_plus_with_mfa_and_threat_protection() -> None:
    pool = make().one(POOL)
    assert pool.inputs["userPoolTier"] == "PLUS"
    assert pool.inputs["mfaConfiguration"] == "ON"
    assert pool.inputs["softwareTokenMfaConfiguration"] == {"enabled": True}
    protection = {"advancedSecurityMode": "ENFORCED", "advancedSecurityAdditionalFlows": {"customAuthMode": "ENFORCED"}}
    assert pool.inputs["userPoolAddOns"] == protection
    assert pool.inputs["deletionProtection"] == "ACTIVE"
    assert pool.inputs["usernameConfiguration"] == {"caseSensitive": False}
    assert pool.inputs["passwordPolicy"] == {
        "minimumLength": 12,
        "requireLowercase": True,
        "requireUppercase": True,
        "requireNumbers": True,
        "requireSymbols": True,
        "passwordHistorySize": 5,
        "temporaryPasswordValidityDays": 3,
    }


def test_there_is_no_self_sign_up_unless_asked() -> None:
    assert make().one(POOL).inputs["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    assert make(self_sign_up=True).one(POOL).inputs["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": False}


def test_tokens_are_short_and_their_units_are_stated() -> None:
    client = make().one(CLIENT).inputs
    assert (client["accessTokenValidity"], client["idTokenValidity"], client["refreshTokenValidity"]) == (15, 15, 12)
    assert client["tokenValidityUnits"] == {"accessToken": "minutes", "idToken": "minutes", "refreshToken": "hours"}
    assert client["refreshTokenRotation"] == {"feature": "ENABLED", "retryGracePeriodSeconds": 30}
    # Rotation and this flow exclude each other.
    assert "ALLOW_REFRESH_TOKEN_AUTH" not in client["explicitAuthFlows"]
    assert client["enableTokenRevocation"] is True


def test_clients_have_no_secret_and_get_codes() -> None:
    client = make().one(CLIENT).inputs
    assert client["generateSecret"] is False
    assert client["allowedOauthFlowsUserPoolClient"] is True
    assert client["allowedOauthFlows"] == ["code"]
    assert client["allowedOauthScopes"] == ["openid", "email"]
    assert client["callbackUrls"] == SITE["callback_urls"]
    assert client["preventUserExistenceErrors"] == "ENABLED"
    assert not any("PASSWORD" in flow for flow in client["explicitAuthFlows"])


def test_managed_login_has_a_style_for_each_client() -> None:
    graph = make(clients={"site": SITE, "app": {"callback_urls": ["example://signed-in"]}})
    domain = graph.one(DOMAIN)
    assert (domain.inputs["domain"], domain.inputs["managedLoginVersion"]) == ("example-login", 2)
    styles = graph.of_type("aws:cognito/managedLoginBranding:ManagedLoginBranding")
    assert [refs(graph, style, "clientId") for style in styles] == [["users-client-site"], ["users-client-app"]]
    assert all(style.inputs["useCognitoProvidedValues"] for style in styles)
    # Cognito refuses such changes of a pool at the same time.
    waits = [{urn.rpartition("::")[2] for urn in style.dependencies} for style in styles]
    assert "users-domain" in waits[0]
    assert "users-style-site" in waits[1]
    assert outputs(graph)["login_url"] == "https://example-login.auth.eu-west-1.amazoncognito.com"
    assert set(outputs(graph)["client_ids"]) == {"site", "app"}
    pool_id = graph.one(POOL).outputs["id"]
    assert outputs(graph)["issuer_url"] == f"https://cognito-idp.eu-west-1.amazonaws.com/{pool_id}"


def test_a_domain_of_yours_has_a_certificate_in_the_edge_region_and_records() -> None:
    graph = make(domain_prefix=None, custom_domain={"domain_name": "login.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"})
    assert graph.one("aws:acm/certificate:Certificate").inputs["region"] == "us-east-1"
    assert refs(graph, graph.one(DOMAIN), "certificateArn") == ["users-certificate-validation"]
    for kind in ("a", "aaaa"):
        record = graph.named(f"users-record-{kind}")
        assert record.inputs["name"] == "login.example.com"
        assert record.inputs["aliases"][0]["zoneId"] == "Z2FDTNDATAQYW2"
        assert refs(graph, record, "aliases") == ["users-domain"]
    assert outputs(graph)["login_url"] == "https://login.example.com"
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000001"
    graph = make(domain_prefix=None, custom_domain={"domain_name": "login.example.com", "certificate_arn": certificate})
    assert graph.one(DOMAIN).inputs["certificateArn"] == certificate
    assert graph.of_type("aws:acm/certificate:Certificate", "aws:route53/record:Record") == []
    assert outputs(graph)["domain_target"] == graph.one(DOMAIN).outputs["cloudfrontDistribution"]


@pytest.mark.parametrize(
    ("mfa", "mode", "actions", "compromised"),
    [
        ("required", "enforced", ["NO_ACTION", "NO_ACTION", "BLOCK"], "BLOCK"),
        ("optional", "enforced", ["MFA_IF_CONFIGURED", "MFA_REQUIRED", "BLOCK"], "BLOCK"),
        ("optional", "audit", ["NO_ACTION", "NO_ACTION", "NO_ACTION"], "NO_ACTION"),
    ],
)
def test_risks_are_answered_as_mfa_allows(mfa: str, mode: str, actions: list[str], compromised: str) -> None:
    graph = make(mfa=mfa, threat_protection=mode, blocked_ip_ranges=["198.51.100.0/24"], trusted_ip_ranges=["203.0.113.0/24"])
    assert graph.one(POOL).inputs["mfaConfiguration"] == ("ON" if mfa == "required" else "OPTIONAL")
    assert graph.one(POOL).inputs["userPoolAddOns"]["advancedSecurityMode"] == mode.upper()
    risks = graph.one("aws:cognito/riskConfiguration:RiskConfiguration").inputs
    taken = risks["accountTakeoverRiskConfiguration"]["actions"]
    assert [taken[f"{level}Action"]["eventAction"] for level in ("low", "medium", "high")] == actions
    assert risks["compromisedCredentialsRiskConfiguration"]["actions"] == {"eventAction": compromised}
    ranges = {"blockedIpRangeLists": ["198.51.100.0/24"], "skippedIpRangeLists": ["203.0.113.0/24"]}
    assert risks["riskExceptionConfiguration"] == ranges


def test_attributes_state_their_constraints() -> None:
    attributes = {"customer": {"max_length": 12, "mutable": False}, "level": {"type": "Number"}, "vip": {"type": "Boolean"}}
    pool = make(attributes=attributes).one(POOL).inputs
    email, customer, level, vip = pool["schemas"]
    assert (email["name"], email["required"], email["mutable"]) == ("email", True, True)
    assert email["stringAttributeConstraints"] == {"minLength": "0", "maxLength": "2048"}
    assert (customer["mutable"], customer["stringAttributeConstraints"]) == (False, {"minLength": "0", "maxLength": "12"})
    assert level["numberAttributeConstraints"] == {"minValue": "-2147483648", "maxValue": "2147483647"}
    assert "stringAttributeConstraints" not in vip


def test_users_sign_in_with_an_address_or_a_name_never_both_kinds_of_name() -> None:
    pool = make().one(POOL).inputs
    assert (pool["usernameAttributes"], pool.get("aliasAttributes")) == (["email"], None)
    pool = make(sign_in_with="username").one(POOL).inputs
    assert (pool.get("usernameAttributes"), pool["aliasAttributes"]) == (None, ["email"])
    assert pool["userAttributeUpdateSettings"] == {"attributesRequireVerificationBeforeUpdates": ["email"]}


def test_sign_ins_and_undelivered_messages_are_logged_under_the_key() -> None:
    graph = make(log_retention_days=30)
    delivery = graph.one("aws:cognito/logDeliveryConfiguration:LogDeliveryConfiguration")
    configurations = delivery.inputs["logConfigurations"]
    assert [(one["eventSource"], one["logLevel"]) for one in configurations] == [("userAuthEvents", "INFO"), ("userNotification", "ERROR")]
    assert refs(graph, delivery, "logConfigurations") == ["users-activity-log", "users-message-log"]
    for group in graph.of_type("aws:cloudwatch/logGroup:LogGroup"):
        # Without this prefix Cognito needs a statement in the account's resource policy for each group.
        assert group.inputs["namePrefix"].startswith("/aws/vendedlogs/cognito/users-")
        assert group.inputs["retentionInDays"] == 30
        assert refs(graph, group, "kmsKeyId") == ["users-key", "users-key-policy"]
    condition = key_statement(graph, "CloudWatchLogs")["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert condition == "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/vendedlogs/cognito/users-*"
    assert outputs(graph)["activity_log_group_name"] == graph.named("users-activity-log").outputs["name"]


def test_triggers_are_admitted_and_codes_are_encrypted_for_the_sender() -> None:
    directory: list[UserDirectory] = []
    triggers = {"custom_email_sender": FUNCTION, "pre_token_generation": f"{FUNCTION}-claims", "pre_sign_up": f"{FUNCTION}-admits"}
    args: Any = {"triggers": triggers}
    graph = record(lambda: directory.append(UserDirectory("users", args)), mode="deployed")
    found = graph.one(POOL).inputs["lambdaConfig"]
    assert found["customEmailSender"] == {"lambdaArn": FUNCTION, "lambdaVersion": "V1_0"}
    assert found["preTokenGenerationConfig"] == {"lambdaArn": f"{FUNCTION}-claims", "lambdaVersion": "V2_0"}
    assert found["preSignUp"] == f"{FUNCTION}-admits"
    assert "users-key" in refs(graph, graph.one(POOL), "lambdaConfig")
    permissions = graph.of_type("aws:lambda/permission:Permission")
    assert {one.inputs["principal"] for one in permissions} == {"cognito-idp.amazonaws.com"}
    assert [refs(graph, one, "sourceArn") for one in permissions] == [["users-pool"]] * 3
    [statement] = directory[0].sender_statements()
    assert statement["actions"] == ["kms:Decrypt"]


def test_messages_come_from_an_identity_of_ses_where_one_is_given() -> None:
    assert make().one(POOL).inputs["emailConfiguration"] == {"emailSendingAccount": "COGNITO_DEFAULT"}
    identity = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"
    email = {"identity_arn": identity, "from_address": "Example <login@example.com>", "configuration_set_name": "logins"}
    found = make(email=email).one(POOL).inputs["emailConfiguration"]
    expected = {"emailSendingAccount": "DEVELOPER", "sourceArn": identity, "fromEmailAddress": "Example <login@example.com>"}
    expected["configurationSet"] = "logins"
    assert {name: value for name, value in found.items() if value is not None} == expected


def test_groups_keep_their_names() -> None:
    graph = make(groups={"Editors": {"description": "May edit", "precedence": 1}})
    group = graph.named("users-group-Editors")
    assert (group.inputs["name"], group.inputs["description"], group.inputs["precedence"]) == ("Editors", "May edit", 1)


def test_clients_wait_for_scopes_and_identity_providers() -> None:
    client = {**SITE, "scopes": ["openid", "https://api.example.com/read"], "identity_providers": ["COGNITO", "Staff"]}
    graph = make(
        clients={"site": client},
        resource_servers={"https://api.example.com": {"scopes": {"read": "Reads"}}},
        saml_providers={"Staff": {"metadata_url": "https://login.example.com/saml", "attributes": {"email": "mail"}}},
    )
    waits = {urn.rpartition("::")[2] for urn in graph.one(CLIENT).dependencies}
    assert {"users-api-https://api.example.com", "users-saml-Staff"} <= waits
    # AWS takes no colon and no slash in the name.
    assert graph.named("users-api-https://api.example.com").inputs["name"] == "https---api.example.com"
    provider = graph.named("users-saml-Staff")
    assert provider.inputs["providerDetails"]["MetadataURL"] == "https://login.example.com/saml"
    assert "providerDetails.ActiveEncryptionCertificate" in provider.options["ignoreChanges"]


def test_an_identity_pool_gives_users_and_no_guests_a_role() -> None:
    role = "arn:aws:iam::123456789012:role/editors"
    graph = make(identity_pool={"statements": READ}, groups={"editors": {"role_arn": role}})
    pool = graph.one(IDENTITIES)
    assert pool.inputs["allowUnauthenticatedIdentities"] is False
    [provider] = pool.inputs["cognitoIdentityProviders"]
    assert provider["serverSideTokenCheck"] is True
    assert f"https://{provider['providerName']}" == outputs(graph)["issuer_url"]
    trust = json.loads(graph.named("users-identity-role").inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Principal"] == {"Federated": ["cognito-identity.amazonaws.com"]}
    assert trust["Condition"] == {
        "StringEquals": {"cognito-identity.amazonaws.com:aud": pool.outputs["id"]},
        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
    }
    attached = graph.one("aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment")
    assert set(attached.inputs["roles"]) == {"authenticated"}
    [mapping] = attached.inputs["roleMappings"]
    assert mapping["type"] == "Token"
    without = make(identity_pool={"statements": READ}).one("aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment")
    assert without.inputs.get("roleMappings") is None


def test_alarms_tell_of_throttles_compromised_passwords_and_undelivered_messages() -> None:
    assert make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []
    graph = make(alarm_topic_arns=[TOPIC])
    throttled = alarm(graph, "users-site-throttled").inputs["metricQueries"]
    assert throttled[0]["expression"] == "FILL(signin, 0) + FILL(tokenrefresh, 0)"
    assert [query["metric"]["metricName"] for query in throttled[1:]] == ["SignInThrottles", "TokenRefreshThrottles"]
    pool_id = graph.one(POOL).outputs["id"]
    [query] = alarm(graph, "users-compromised").inputs["metricQueries"]
    assert query["expression"] == (
        'SELECT SUM(CompromisedCredentialRisk) FROM SCHEMA("AWS/Cognito", Operation, RiskLevel, UserPoolId) '
        f"WHERE UserPoolId = '{pool_id}'"
    )
    # Two stacks may have a directory of the same name; the log group is of one of them.
    log_group = graph.named("users-message-log").outputs["name"]
    transformation = graph.one("aws:cloudwatch/logMetricFilter:LogMetricFilter").inputs["metricTransformation"]
    undelivered = alarm(graph, "users-undelivered").inputs
    assert undelivered["metricName"] == transformation["name"] == f"{log_group}-undelivered"
    assert undelivered["namespace"] == transformation["namespace"] == "CloudPatterns/UserDirectory"
    assert refs(graph, graph.one("aws:cloudwatch/logMetricFilter:LogMetricFilter"), "logGroupName") == ["users-message-log"]
    assert {tuple(one.inputs["alarmActions"]) for one in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")} == {(TOPIC,)}


def test_a_web_acl_stands_in_front_of_the_pool() -> None:
    acl = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/web/00000000-0000-4000-8000-000000000001"
    graph = make(web_acl_arn=acl)
    association = graph.one("aws:wafv2/webAclAssociation:WebAclAssociation")
    assert association.inputs["webAclArn"] == acl
    assert refs(graph, association, "resourceArn") == ["users-pool"]


def test_a_pool_that_is_there_is_not_changed() -> None:
    graph = adopt(clients={"site": SITE}, groups={"editors": {}}, alarm_topic_arns=[TOPIC])
    assert {one.type.split(":")[-1] for one in graph.resources if one.type.startswith("aws:")} == {
        "MetricAlarm",
        "UserGroup",
        "UserPoolClient",
    }
    assert graph.one(CLIENT).inputs["userPoolId"] == "eu-west-1_aBcDeFgHi"
    found = outputs(graph)
    assert found["user_pool_arn"] == POOL_ARN
    assert found["issuer_url"] == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcDeFgHi"
    assert [found[name] for name in ("login_url", "kms_key_arn", "activity_log_group_name", "identity_pool_id")] == [""] * 4
    existing = {"arn": POOL_ARN, "login_url": "https://login.example.com"}
    graph = adopt(existing_user_pool=existing, clients={"site": SITE})
    assert outputs(graph)["login_url"] == "https://login.example.com"
    # Managed login has an error page for a client without a style.
    style = graph.one("aws:cognito/managedLoginBranding:ManagedLoginBranding")
    assert refs(graph, style, "clientId") == ["users-client-site"]


def test_an_api_takes_the_tokens_of_named_clients() -> None:
    found: list[Any] = []

    def program() -> None:
        args: Any = {"existing_user_pool": {"arn": POOL_ARN}, "clients": {"site": SITE, "app": SITE}}
        users = UserDirectory("users", args)
        found.extend([users.api_authorizer(), users.api_authorizer("app"), users.api_authorizer(kind="rest")])
        [administers] = users.administration_statements()
        assert "cognito-idp:AdminCreateUser" in administers["actions"]
        with pytest.raises(ArgumentError) as caught:
            users.api_authorizer("web")
        assert caught.value.problems == [("client", "is 'web', which is not a client; known are site, app.")]

    record(program)
    assert [len(one["user_pool"].get("client_ids", [])) for one in found] == [2, 1, 0]


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"domain_prefix": None}, "domain_prefix", "is missing; the users of clients sign in by managed login there."),
        ({"domain_prefix": "my-aws-login"}, "domain_prefix", "is 'my-aws-login'; must be up to 63 of a-z, 0-9 and -, without aws"),
        (
            {"custom_domain": {"domain_name": "login.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}},
            "domain_prefix",
            "excludes custom_domain: clients have one address of managed login",
        ),
        (
            {"domain_prefix": None, "custom_domain": {"domain_name": "login.example.com"}},
            "custom_domain.certificate_arn",
            "is missing; without hosted_zone_id no certificate can be created.",
        ),
        (
            {"clients": {"site": {"callback_urls": ["http://shop.example.com/"]}}},
            "clients.site.callback_urls.0",
            "is 'http://shop.example.com/'; must be an HTTPS address without a fragment",
        ),
        (
            {"clients": {"site": {**SITE, "scopes": ["orders"]}}},
            "clients.site.scopes",
            "is 'orders', which is not a scope; known are openid, email, profile, phone, aws.cognito.signin.user.admin.",
        ),
        (
            {"clients": {"site": {**SITE, "identity_providers": ["Google"]}}},
            "clients.site.identity_providers",
            "is 'Google', which is not an identity provider; known are COGNITO.",
        ),
        (
            {"clients": {"site": {**SITE, "access_token_minutes": 120, "refresh_token_hours": 1}}},
            "clients.site.access_token_minutes",
            "is 120, longer than the 60 minutes of refresh_token_hours. Shorten it.",
        ),
        (
            {"saml_providers": {"Staff": {"metadata_url": "https://login.example.com/saml"}}},
            "saml_providers.Staff.attributes",
            "have no email, which every user has.",
        ),
        (
            {"saml_providers": {"COGNITO": {"metadata_url": "https://login.example.com/saml", "attributes": {"email": "mail"}}}},
            "saml_providers.COGNITO",
            "is the name of the user pool itself among identity_providers. Choose another name.",
        ),
        (
            {"domain_prefix": None, "custom_domain": {"domain_name": "*.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}},
            "custom_domain.domain_name",
            "is '*.example.com'; must be one domain name in lower case",
        ),
        ({"groups": {"editors": {"role_arn": "arn:aws:iam::123456789012:role/e"}}}, "groups.editors.role_arn", "is for an identity pool."),
        (
            {"identity_pool": {"statements": [{"actions": ["s3:*"], "resources": ["*"]}]}},
            "identity_pool.statements.0.actions",
            "has s3:* in statement 0; every action is not least privilege.",
        ),
        (
            {"existing_user_pool": {"arn": POOL_ARN}, "mfa": "optional"},
            "existing_user_pool",
            "excludes mfa: the user pool is there already, and is not changed",
        ),
        ({"mfa": "off"}, "mfa", "is 'off'; must be one of required, optional"),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    assert path in dict(caught.value.problems)
    assert dict(caught.value.problems)[path].startswith(reason)
