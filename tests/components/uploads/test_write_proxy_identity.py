"""The function that says who a user is, on moto."""

import json
import logging
from types import ModuleType
from typing import Any

import pytest

from tests.emulators.handlers import load_handler
from tests.emulators.locked_moto import client
from tests.program import ROOT

FILE = ROOT / "components/cloudpatterns/uploads/write_proxy/on_aws/identity/index.py"
ROLE = "arn:aws:iam::123456789012:role/alice"
KEYS = ["ssh-ed25519 AAAAC3Nz alice"]
KNOWN = {
    "Role": ROLE,
    "Policy": "{}",
    "HomeDirectoryType": "LOGICAL",
    "HomeDirectoryDetails": '[{"Entry": "/", "Target": "/uploads/incoming/alice"}]',
}


@pytest.fixture
def index(moto_account: None, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    secret = client("secretsmanager").create_secret(Name="alice", SecretString='{"password": "canary-1"}')["ARN"]
    empty = client("secretsmanager").create_secret(Name="empty", SecretString="{}")["ARN"]
    user = {"role": ROLE, "policy": "{}", "home": "/uploads/incoming/alice", "public_keys": KEYS, "password_secret_arn": secret}
    keyed, unkeyed = {**user, "password_secret_arn": None}, {**user, "public_keys": []}
    users = {"alice": user, "keyed": keyed, "unkeyed": unkeyed, "not-yet": {**user, "password_secret_arn": empty}}
    for name, value in users.items():
        client("ssm").put_parameter(Name=f"/uploads/shop/{name}", Type="String", Value=json.dumps(value))
    client("ssm").put_parameter(Name="/elsewhere/alice", Type="String", Value=json.dumps(user))
    monkeypatch.setenv("PREFIX", "/uploads/shop")
    return load_handler(FILE)


def login(index: ModuleType, username: str = "alice", password: str = "", protocol: str = "FTPS") -> dict[str, Any]:
    event = {"username": username, "protocol": protocol, "serverId": "s-01234567890abcdef", "sourceIp": "192.0.2.1"}
    return index.handler({**event, **({"password": password} if password else {})}, None)


@pytest.mark.parametrize("protocol", ["FTPS", "SFTP"])
def test_the_right_password_is_admitted_to_the_folder(index: ModuleType, protocol: str) -> None:
    assert login(index, password="canary-1", protocol=protocol) == KNOWN


def test_a_key_is_left_to_the_server_to_check(index: ModuleType) -> None:
    assert login(index, protocol="SFTP") == {**KNOWN, "PublicKeys": KEYS}


@pytest.mark.parametrize(
    ("username", "password", "protocol"),
    [
        ("alice", "canary-2", "FTPS"),
        ("alice", "canary-11", "SFTP"),
        ("alice", "ä", "FTPS"),
        ("alice", "", "FTPS"),
        ("keyed", "canary-1", "SFTP"),
        ("unkeyed", "", "SFTP"),
        ("not-yet", "None", "FTPS"),
        ("bob", "canary-1", "FTPS"),
        ("../../elsewhere/alice", "canary-1", "FTPS"),
        ("Alice", "canary-1", "FTPS"),
        ("", "canary-1", "FTPS"),
    ],
)
def test_everybody_else_is_refused(index: ModuleType, username: str, password: str, protocol: str) -> None:
    assert login(index, username, password, protocol) == {}


def test_the_log_says_who_and_why_and_never_the_password(index: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        login(index, password="canary-2")
        login(index, password="canary-1")
    lines = [json.loads(one.message) for one in caplog.records if one.message.startswith("{")]
    assert [(line["user"], line["source"], line["refused"]) for line in lines] == [
        ("alice", "192.0.2.1", "wrong password"),
        ("alice", "192.0.2.1", None),
    ]
    assert "canary" not in caplog.text
