"""Puts the user pool of a recorded graph into an emulator, and signs its users in as a browser does: managed login, a code, PKCE."""

import base64
import hashlib
import html
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple

from offline_preview.graph import Graph

from tests.emulators.ministack import MiniStack

PASSWORD = "Correct-Horse-7-Battery"
"""Long enough, with all kinds of characters."""
_VERIFIER = "v" * 64


class Directory(NamedTuple):
    """The pool in the emulator, and the ids of its clients by the names of their resources."""

    emulator: MiniStack
    pool_id: str
    client_ids: dict[str, str]

    def invite(self, email: str, *groups: str) -> None:
        """A user with a password that holds."""
        client = self.emulator.client("cognito-idp")
        verified = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        client.admin_create_user(UserPoolId=self.pool_id, Username=email, UserAttributes=verified, MessageAction="SUPPRESS")
        client.admin_set_user_password(UserPoolId=self.pool_id, Username=email, Password=PASSWORD, Permanent=True)
        for group in groups:
            client.admin_add_user_to_group(UserPoolId=self.pool_id, Username=email, GroupName=group)


def put_users(emulator: MiniStack, graph: Graph) -> Directory:
    """The one user pool of a graph with its groups, scopes and clients. Nobody has an authenticator app: MFA is off."""
    client = emulator.client("cognito-idp")
    given = graph.one("aws:cognito/userPool:UserPool").inputs
    pool_id = client.create_user_pool(
        PoolName="users",
        UsernameAttributes=given["usernameAttributes"],
        AutoVerifiedAttributes=given["autoVerifiedAttributes"],
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": given["adminCreateUserConfig"]["allowAdminCreateUserOnly"]},
        Policies={"PasswordPolicy": {"MinimumLength": given["passwordPolicy"]["minimumLength"], "RequireSymbols": True}},
    )["UserPool"]["Id"]
    for group in graph.of_type("aws:cognito/userGroup:UserGroup"):
        client.create_group(UserPoolId=pool_id, GroupName=group.inputs["name"])
    for server in graph.of_type("aws:cognito/resourceServer:ResourceServer"):
        scopes = [{"ScopeName": one["scopeName"], "ScopeDescription": one["scopeDescription"]} for one in server.inputs["scopes"]]
        client.create_resource_server(UserPoolId=pool_id, Identifier=server.inputs["identifier"], Name=server.inputs["name"], Scopes=scopes)
    ids: dict[str, str] = {}
    for resource in graph.of_type("aws:cognito/userPoolClient:UserPoolClient"):
        created = client.create_user_pool_client(UserPoolId=pool_id, ClientName=resource.name, **client_settings(resource.inputs))
        ids[resource.name] = created["UserPoolClient"]["ClientId"]
    return Directory(emulator, pool_id, ids)


def client_settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What Cognito is asked for by a client of a graph."""
    units = {name[0].upper() + name[1:]: unit for name, unit in inputs["tokenValidityUnits"].items()}
    return {
        "GenerateSecret": inputs["generateSecret"],
        "AllowedOAuthFlowsUserPoolClient": inputs["allowedOauthFlowsUserPoolClient"],
        "AllowedOAuthFlows": inputs["allowedOauthFlows"],
        "AllowedOAuthScopes": inputs["allowedOauthScopes"],
        "CallbackURLs": inputs["callbackUrls"],
        "LogoutURLs": inputs.get("logoutUrls") or [],
        "SupportedIdentityProviders": inputs["supportedIdentityProviders"],
        "ExplicitAuthFlows": inputs["explicitAuthFlows"],
        "AccessTokenValidity": inputs["accessTokenValidity"],
        "IdTokenValidity": inputs["idTokenValidity"],
        "RefreshTokenValidity": inputs["refreshTokenValidity"],
        "TokenValidityUnits": units,
    }


class SignInError(Exception):
    """Managed login, or the exchange of the code, refused."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **named: Any) -> None:
        return None


def sign_in(
    directory: Directory, client_id: str, callback_url: str, email: str, password: str = PASSWORD, *, scope: str = "openid email"
) -> dict[str, Any]:
    """The tokens, after the pages of managed login."""
    code = authorization_code(directory, client_id, callback_url, email, password, scope=scope)
    return exchange(directory, client_id, callback_url, code)


def authorization_code(
    directory: Directory, client_id: str, callback_url: str, email: str, password: str = PASSWORD, *, scope: str = "openid email"
) -> str:
    """The code that the application is called back with.

    :raises SignInError: with what managed login shows, when it does not call back.
    """
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
    query = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": callback_url,
        "scope": scope,
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    status, location, page = _request(f"{directory.emulator.url}/oauth2/authorize?{urllib.parse.urlencode(query)}")
    # One page after another: name, perhaps a choice, password.
    for _ in range(4):
        if status == 302:
            found = urllib.parse.parse_qs(urllib.parse.urlsplit(location).query)
            if "code" not in found or found["state"] != ["s"]:
                raise SignInError(location)
            return found["code"][0]
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
        if status != 200:
            break
        if 'name="username"' in page:
            fields["username"] = email
        if 'name="password"' in page:
            fields["password"] = password
        data = urllib.parse.urlencode({name: html.unescape(value) for name, value in fields.items()}).encode()
        status, location, page = _request(f"{directory.emulator.url}/login", data)
    raise SignInError(page)


def exchange(directory: Directory, client_id: str, callback_url: str, code: str, verifier: str = _VERIFIER) -> dict[str, Any]:
    """The tokens for a code.

    :raises SignInError: with Cognito's answer, when it refuses.
    """
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "redirect_uri": callback_url,
        "code": code,
        "code_verifier": verifier,
    }
    status, _, text = _request(f"{directory.emulator.url}/oauth2/token", urllib.parse.urlencode(form).encode())
    if status != 200:
        raise SignInError(text)
    return json.loads(text)


def claims(token: str) -> dict[str, Any]:
    """What a token says; its signature is not looked at."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _request(url: str, data: bytes | None = None) -> tuple[int, str, str]:
    headers = {} if data is None else {"Content-Type": "application/x-www-form-urlencoded"}
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=30) as response:
            return response.status, "", response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", ""), error.read().decode()
