import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from cloudpatterns.security.secrets_vault.on_aws import index

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-abcdef"
CANARY = "canary-old-value"


class NotFound(Exception):
    pass


class FakeManager:
    """Secrets Manager with one secret, as far as a rotation sees it."""

    exceptions = SimpleNamespace(ResourceNotFoundException=NotFound)

    def __init__(self, current: str = CANARY, *, enabled: bool = True):
        self.enabled = enabled
        self.values = {"one": current}
        self.stages = {"one": ["AWSCURRENT"], "two": ["AWSPENDING"]}

    def describe_secret(self, SecretId: str) -> dict[str, Any]:
        assert SecretId == SECRET
        return {"RotationEnabled": self.enabled, "VersionIdsToStages": {key: list(value) for key, value in self.stages.items()}}

    def get_secret_value(self, SecretId: str, VersionStage: str, VersionId: str | None = None) -> dict[str, str]:
        for version, stages in self.stages.items():
            if VersionStage in stages and VersionId in (None, version) and version in self.values:
                return {"SecretString": self.values[version]}
        raise NotFound(VersionStage)

    def put_secret_value(self, SecretId: str, ClientRequestToken: str, SecretString: str, VersionStages: list[str]) -> None:
        assert ClientRequestToken not in self.values
        self.values[ClientRequestToken] = SecretString
        self.stages[ClientRequestToken] = VersionStages

    def update_secret_version_stage(self, SecretId: str, VersionStage: str, MoveToVersionId: str, RemoveFromVersionId: str) -> None:
        self.stages[RemoveFromVersionId].remove(VersionStage)
        self.stages[RemoveFromVersionId].append("AWSPREVIOUS")
        self.stages[MoveToVersionId].append(VersionStage)


def step(manager: FakeManager, name: str, token: str = "two") -> None:
    index.handler({"SecretId": SECRET, "ClientRequestToken": token, "Step": name}, None, manager)


def rotate(manager: FakeManager) -> None:
    for name in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        step(manager, name)


def test_a_rotation_makes_the_new_value_current() -> None:
    manager = FakeManager()
    rotate(manager)
    assert "AWSCURRENT" in manager.stages["two"]
    assert manager.stages["one"] == ["AWSPREVIOUS"]
    assert len(manager.values["two"]) == 40
    assert manager.values["two"].isalnum()


def test_two_rotations_make_two_values() -> None:
    first, second = FakeManager(), FakeManager()
    rotate(first)
    rotate(second)
    assert first.values["two"] != second.values["two"]


@pytest.mark.parametrize("current", ["[1]", "12", "plain text"])
def test_any_text_is_replaced_whole(current: str) -> None:
    manager = FakeManager(current)
    rotate(manager)
    assert manager.values["two"].isalnum()


def test_an_object_gets_a_new_password_and_keeps_the_rest() -> None:
    manager = FakeManager(json.dumps({"user": "app", "password": CANARY}))
    rotate(manager)
    renewed = json.loads(manager.values["two"])
    assert renewed["user"] == "app"
    assert renewed.keys() == {"user", "password"}
    assert renewed["password"] != CANARY


def test_the_placeholder_of_a_generated_secret_gets_its_first_password() -> None:
    manager = FakeManager("{}")
    rotate(manager)
    assert json.loads(manager.values["two"]).keys() == {"password"}


def test_each_step_may_be_repeated() -> None:
    manager = FakeManager()
    step(manager, "createSecret")
    made = manager.values["two"]
    step(manager, "createSecret")
    assert manager.values["two"] == made
    step(manager, "finishSecret")
    before = json.dumps(manager.stages)
    step(manager, "finishSecret")
    assert json.dumps(manager.stages) == before


def test_a_value_that_did_not_change_is_refused() -> None:
    manager = FakeManager()
    manager.values["two"] = CANARY
    with pytest.raises(ValueError, match="has the value it should replace"):
        step(manager, "testSecret")


def test_what_is_not_a_rotation_is_refused() -> None:
    with pytest.raises(ValueError, match="does not rotate"):
        step(FakeManager(enabled=False), "createSecret")
    with pytest.raises(ValueError, match="has no version three"):
        step(FakeManager(), "createSecret", "three")
    with pytest.raises(ValueError, match="dance is not a step of a rotation"):
        step(FakeManager(), "dance")
    manager = FakeManager()
    manager.stages["two"] = []
    with pytest.raises(ValueError, match=r"version two of .* is not pending"):
        step(manager, "createSecret")


def test_no_value_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    manager = FakeManager()
    with caplog.at_level(logging.DEBUG):
        rotate(manager)
    assert "createSecret done for version two" in caplog.text
    assert CANARY not in caplog.text
    assert manager.values["two"] not in caplog.text


def test_the_runtimes_client_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    manager, services = FakeManager(), []

    def client(service: str) -> FakeManager:
        services.append(service)
        return manager

    monkeypatch.setattr(index.importlib, "import_module", lambda name: SimpleNamespace(client=client) if name == "boto3" else None)
    index.handler({"SecretId": SECRET, "ClientRequestToken": "two", "Step": "createSecret"}, None)
    assert services == ["secretsmanager"]
    assert "two" in manager.values
