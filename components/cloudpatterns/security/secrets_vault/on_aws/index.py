"""Rotates secrets that only their readers need to know: signing keys, tokens between services.

Secrets Manager invokes it four times per rotation, with the steps `createSecret`, `setSecret`, `testSecret` and `finishSecret`, and again
after a failure, so every step may find its work done. https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_how.html
A secret that holds a JSON object gets a new `password` in it; any other text is replaced as a whole. No value is ever logged.
"""

import importlib
import json
import logging
import secrets
import string
from collections.abc import Mapping
from typing import Any

_LENGTH = 40
_ALPHABET = string.ascii_letters + string.digits
_FIELD = "password"
_log = logging.getLogger(__name__)
_log.setLevel(logging.INFO)


def handler(event: Mapping[str, str], _context: object, client: Any = None) -> None:
    """Does the one step that the event names.

    :raises ValueError: the secret does not rotate, the version is not waiting to become current, or the step is unknown.
    """
    secret_id, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    # Lambda's runtime brings boto3 along.
    manager = client or importlib.import_module("boto3").client("secretsmanager")
    secret = manager.describe_secret(SecretId=secret_id)
    if not secret.get("RotationEnabled"):
        raise ValueError(f"{secret_id} does not rotate")
    stages = secret["VersionIdsToStages"].get(token)
    if stages is None:
        raise ValueError(f"{secret_id} has no version {token}")
    if "AWSCURRENT" in stages:
        _log.info("%s: version %s is current already, nothing to do for %s", secret_id, token, step)
        return
    if "AWSPENDING" not in stages:
        raise ValueError(f"version {token} of {secret_id} is not pending")
    if step == "createSecret":
        _create(manager, secret_id, token)
    elif step == "setSecret":
        pass  # no other system keeps a copy
    elif step == "testSecret":
        _test(manager, secret_id, token)
    elif step == "finishSecret":
        _finish(manager, secret_id, token, secret["VersionIdsToStages"])
    else:
        raise ValueError(f"{step} is not a step of a rotation")
    _log.info("%s: %s done for version %s", secret_id, step, token)


def _create(manager: Any, secret_id: str, token: str) -> None:
    current = manager.get_secret_value(SecretId=secret_id, VersionStage="AWSCURRENT")["SecretString"]
    try:
        manager.get_secret_value(SecretId=secret_id, VersionId=token, VersionStage="AWSPENDING")
    except manager.exceptions.ResourceNotFoundException:
        manager.put_secret_value(SecretId=secret_id, ClientRequestToken=token, SecretString=_renewed(current), VersionStages=["AWSPENDING"])


def _renewed(current: str) -> str:
    fresh = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    try:
        fields = json.loads(current)
    except json.JSONDecodeError:
        return fresh
    return json.dumps({**fields, _FIELD: fresh}) if isinstance(fields, dict) else fresh


def _test(manager: Any, secret_id: str, token: str) -> None:
    pending = manager.get_secret_value(SecretId=secret_id, VersionId=token, VersionStage="AWSPENDING")["SecretString"]
    current = manager.get_secret_value(SecretId=secret_id, VersionStage="AWSCURRENT")["SecretString"]
    if pending == current:
        raise ValueError(f"version {token} of {secret_id} has the value it should replace")


def _finish(manager: Any, secret_id: str, token: str, versions: Mapping[str, list[str]]) -> None:
    current = next(version for version, stages in versions.items() if "AWSCURRENT" in stages)
    # Moves AWSPREVIOUS to the version that was current, by itself.
    manager.update_secret_version_stage(SecretId=secret_id, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
