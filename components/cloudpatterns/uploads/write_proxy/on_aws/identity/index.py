"""Says who a user of the file transfer server is: its role, session policy, folder and public keys.

Transfer Family invokes it with ``username``, ``password``, ``protocol``, ``serverId`` and ``sourceIp``, and refuses the login at an empty
answer. A login with a password is checked here, one with a key by Transfer Family, with the public keys of the answer.
https://docs.aws.amazon.com/transfer/latest/userguide/custom-lambda-idp.html

Environment: PREFIX of the parameters, one for each user (JSON: role, policy, home, public_keys, password_secret_arn).
"""

import hmac
import json
import logging
import os
import re
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

_LOG = logging.getLogger()
_LOG.setLevel(logging.INFO)


def handler(event: Mapping[str, Any], _context: object, ssm: Any = None, secrets: Any = None) -> dict[str, Any]:
    """The entry point."""
    name, protocol = event.get("username", ""), event.get("protocol", "")
    user = _user(name, ssm or boto3.client("ssm"))
    reason = "unknown user" if user is None else _refusal(user, event.get("password", ""), protocol, secrets)
    _LOG.info(json.dumps({"user": name, "protocol": protocol, "source": event.get("sourceIp"), "refused": reason}))
    if reason is not None or user is None:
        return {}
    answer = {
        "Role": user["role"],
        "Policy": user["policy"],
        "HomeDirectoryType": "LOGICAL",
        # A text in the answer, unlike in the API.
        "HomeDirectoryDetails": json.dumps([{"Entry": "/", "Target": user["home"]}]),
    }
    return answer if event.get("password") else {**answer, "PublicKeys": user["public_keys"]}


def _user(name: str, ssm: Any) -> dict[str, Any] | None:
    # Nothing else can be part of a parameter's name.
    if not re.fullmatch(r"[a-z0-9-]{3,100}", name):
        return None
    try:
        return json.loads(ssm.get_parameter(Name=f"{os.environ['PREFIX']}/{name}")["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return None
        raise


def _refusal(user: Mapping[str, Any], password: str, protocol: str, secrets: Any) -> str | None:
    """Why the login is refused; None where it is not, or where the key decides."""
    if not password:
        # Only SFTP goes on with a key: an empty password of any other protocol is a wrong one.
        return None if protocol == "SFTP" and user["public_keys"] else "no password"
    secret_arn = user["password_secret_arn"]
    if secret_arn is None:
        return "the user has no password"
    found = (secrets or boto3.client("secretsmanager")).get_secret_value(SecretId=secret_arn)["SecretString"]
    wanted = json.loads(found).get("password", "")
    right = isinstance(wanted, str) and wanted and hmac.compare_digest(wanted.encode(), password.encode())
    return None if right else "wrong password"
