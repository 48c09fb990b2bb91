"""User data of web servers: the boot script with its parameters."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.core import ArgumentError

_RESERVED = ("AWS_REGION", "HEALTH_CHECK_PATH", "PORT")
_SECRET = re.compile(r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|API_KEY|ACCESS_KEY|PRIVATE_KEY)$")


def web_server_user_data(
    *,
    app_port: int,
    health_check_path: str,
    artifact_uri: pulumi.Input[str] | None = None,
    artifact_sha256: pulumi.Input[str] | None = None,
    environment: Mapping[str, pulumi.Input[str]] | None = None,
) -> pulumi.Output[str]:
    """The boot script of a web server on Amazon Linux 2023 (``on_aws/boot.sh``) with its parameters.

    It serves ``artifact_uri`` (``s3://bucket/key`` of a ``.tar.gz`` with ``artifact_sha256``, read by the instance's role), or a
    page of its own without one, on ``app_port`` (1,024 to 65,535), answers ``health_check_path`` and gives the application
    ``environment``: endpoints, names, ARNs of secrets, never the secrets, since everybody who may describe the instance reads user data.
    Values are quoted, so none of them is ever run.

    :raises ArgumentError: for a value that the script would refuse, and for an environment entry named like a secret.
    """
    parameters = {"APP_PORT": app_port, "HEALTH_CHECK_PATH": health_check_path}
    artifact = {"ARTIFACT_URI": artifact_uri or "", "ARTIFACT_SHA256": artifact_sha256 or ""}
    # Names are plain: what can be known is refused before anything is created.
    if problems := [*_parameter_problems(parameters), *_name_problems(environment or {})]:
        raise ArgumentError("web_server_user_data", "boot.sh", problems)
    return pulumi.Output.all(artifact, dict(environment or {})).apply(lambda values: _render(parameters, *values))


def _render(parameters: Mapping[str, Any], artifact: Mapping[str, str], environment: Mapping[str, str]) -> str:
    if problems := [*_artifact_problems(artifact), *_value_problems(environment)]:
        raise ArgumentError("web_server_user_data", "boot.sh", problems)
    lines = "\n".join(f"{name}={value}" for name, value in environment.items())
    values = {**parameters, **artifact, "APP_ENVIRONMENT": lines}
    shebang, _, body = (Path(__file__).parent / "on_aws/boot.sh").read_text(encoding="utf-8").partition("\n")
    return "\n".join([shebang, *[f"{name}={shlex.quote(str(value))}" for name, value in values.items()], body])


def _parameter_problems(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    port, path = parameters["APP_PORT"], parameters["HEALTH_CHECK_PATH"]
    if isinstance(port, bool) or not isinstance(port, int) or not 1024 <= port <= 65_535:
        problems.append(("app_port", f"is {port!r}; a port from 1024 to 65535 is needed, since the server is not privileged."))
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", path):
        problems.append(("health_check_path", f"is {path!r}; a plain URL path is needed, such as /healthz."))
    return problems


def _name_problems(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    for name in environment:
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            problems.append((f"environment.{name}", "is no name of a variable; capital letters, digits and _ are allowed."))
        elif name in _RESERVED:
            problems.append((f"environment.{name}", "is set by the boot script. Choose another name."))
        elif _SECRET.search(name):
            reason = f"is named like a secret, and user data can be read. Pass the secret's ARN as {name}_ARN and fetch it at run time."
            problems.append((f"environment.{name}", reason))
    return problems


def _artifact_problems(artifact: Mapping[str, str]) -> list[tuple[str, str]]:
    uri, checksum = artifact["ARTIFACT_URI"], artifact["ARTIFACT_SHA256"]
    problems: list[tuple[str, str]] = []
    if uri and not re.fullmatch(r"s3://[a-z0-9.-]+/[^\x00-\x1f\x7f]+", uri):
        problems.append(("artifact_uri", f"is {uri!r}; s3://bucket/key is needed."))
    if bool(uri) != bool(checksum) or not re.fullmatch(r"([0-9a-f]{64})?", checksum):
        problems.append(("artifact_sha256", f"is {checksum!r}; the artifact's SHA-256 in hexadecimal goes with artifact_uri."))
    return problems


def _value_problems(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    return [
        (f"environment.{name}", "has a line break or another control character; one line of text is needed.")
        for name, value in environment.items()
        if re.search(r"[\x00-\x1f\x7f]", str(value))
    ]
