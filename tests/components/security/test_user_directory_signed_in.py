"""Users of a directory sign in on an emulator, by managed login and PKCE, and an API takes their tokens."""

from typing import Any

import pytest
from cloudpatterns.security import UserDirectory

from tests.emulators.ministack import MiniStack
from tests.emulators.users import Directory, SignInError, authorization_code, claims, exchange, put_users, sign_in
from tests.harness import record

SITE = "https://shop.example.com/"
READ = "https://api.example.com/read"
ARGS: Any = {
    "domain_prefix": "example-login",
    "groups": {"editors": {}},
    "resource_servers": {"https://api.example.com": {"scopes": {"read": "Reads"}}},
    "clients": {"site": {"callback_urls": [SITE], "scopes": ["openid", "email", READ]}},
}


@pytest.fixture(scope="module")
def directory(emulator: MiniStack) -> Directory:
    graph = record(lambda: UserDirectory("users", ARGS), mode="deployed")
    found = put_users(emulator, graph)
    found.invite("reader@example.com")
    found.invite("editor@example.com", "editors")
    return found


@pytest.fixture(scope="module")
def client_id(directory: Directory) -> str:
    return directory.client_ids["users-client-site"]


def test_a_user_gets_tokens_that_hold_for_minutes(directory: Directory, client_id: str) -> None:
    tokens = sign_in(directory, client_id, SITE, "editor@example.com", scope=f"openid email {READ}")
    access, identity = claims(tokens["access_token"]), claims(tokens["id_token"])
    assert access["exp"] - access["iat"] == 900
    assert (access["client_id"], access["token_use"], access["cognito:groups"]) == (client_id, "access", ["editors"])
    assert READ in access["scope"].split()
    assert (identity["email"], identity["aud"]) == ("editor@example.com", client_id)
    assert "cognito:groups" not in claims(sign_in(directory, client_id, SITE, "reader@example.com")["access_token"])


def test_a_code_without_its_verifier_is_worth_nothing(directory: Directory, client_id: str) -> None:
    code = authorization_code(directory, client_id, SITE, "reader@example.com")
    with pytest.raises(SignInError, match="PKCE"):
        exchange(directory, client_id, SITE, code, "w" * 64)


def test_a_code_is_good_for_one_exchange(directory: Directory, client_id: str) -> None:
    code = authorization_code(directory, client_id, SITE, "reader@example.com")
    assert exchange(directory, client_id, SITE, code)["token_type"] == "Bearer"
    with pytest.raises(SignInError, match="invalid_grant"):
        exchange(directory, client_id, SITE, code)


def test_managed_login_calls_back_nobody_but_the_application(directory: Directory, client_id: str) -> None:
    with pytest.raises(SignInError, match="redirect_uri"):
        authorization_code(directory, client_id, "https://evil.example.net/", "reader@example.com")


def test_a_wrong_password_gets_no_code(directory: Directory, client_id: str) -> None:
    with pytest.raises(SignInError, match="Incorrect username or password"):
        authorization_code(directory, client_id, SITE, "reader@example.com", "Wrong-Horse-7-Battery")
