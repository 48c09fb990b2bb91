"""User data of web servers: the boot script with its parameters."""

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.blocks.server import USER_DATA_BYTES, compressed, packed
from cloudpatterns.core import ArgumentError, Problem, looks_secret

_RESERVED = ("AWS_REGION", "DATABASE_CA_FILE", "HEALTH_CHECK_PATH", "PORT")


def web_server_user_data(
    *,
    app_port: int,
    health_check_path: str,
    artifact_uri: pulumi.Input[str] | None = None,
    artifact_sha256: pulumi.Input[str] | None = None,
    artifact_kind: str = "app",
    packages: Sequence[str] = (),
    environment: Mapping[str, pulumi.Input[str]] | None = None,
    database_certificates: pulumi.Input[str] | None = None,
    log_group_name: pulumi.Input[str] | None = None,
) -> pulumi.Output[str]:
    """The boot script of a web server on Amazon Linux 2023 (``on_aws/boot.sh``) with its parameters.

    The server listens on ``app_port`` (1,024 to 65,535), answers ``health_check_path`` and serves ``artifact_uri`` (``s3://bucket/key`` of
    a ``.tar.gz`` with ``artifact_sha256``, which the instance's role must be allowed to read); without an artifact, a page that says that
    it is ready. An artifact of the kind ``app`` has an executable ``bin/start``, one of the kind ``static`` an ``index.html``; otherwise
    the boot fails. ``packages`` of Amazon Linux (``python3.13``) are installed before the start.

    The application gets ``environment``: endpoints, names, ARNs of secrets, never the secrets, because everyone who may
    describe the instance can read user data. Values are quoted, so none of them is ever run. ``database_certificates`` (PEM) are written
    to a file that the variable ``DATABASE_CA_FILE`` names. With ``log_group_name`` the CloudWatch agent sends the logs of boot, server
    and nginx there, in streams ``<instance id>/boot``, ``/server`` and ``/access``; the role must be allowed to write them.

    :raises ArgumentError: for a value that the script would refuse, and for a variable that looks like a secret.
    """
    environment = environment or {}
    known: dict[str, Any] = {"app_port": app_port, "health_check_path": health_check_path, "artifact_kind": artifact_kind}
    known |= {"packages": packages, "environment": environment, "database_certificates": database_certificates}
    if problems := list(user_data_problems(**known)):
        raise ArgumentError("web_server_user_data", "boot.sh", problems)
    parameters = _parameters(app_port, health_check_path, artifact_kind, packages)
    resolved = {
        "ARTIFACT_URI": artifact_uri or "",
        "ARTIFACT_SHA256": artifact_sha256 or "",
        "LOG_GROUP": log_group_name or "",
        "DATABASE_CA": database_certificates or "",
    }
    return pulumi.Output.all({**environment}, resolved).apply(lambda values: _render(parameters, *values))


def user_data_problems(
    *,
    app_port: int,
    health_check_path: str,
    artifact_kind: str = "app",
    packages: Sequence[str] = (),
    environment: Mapping[str, Any],
    database_certificates: Any = None,
) -> Iterator[Problem]:
    """What ``web_server_user_data`` refuses as far as it is known before anything is created; what is no text is not known yet."""
    plain = {name: value for name, value in environment.items() if isinstance(value, str)}
    yield from _problems(app_port, health_check_path, artifact_kind, packages)
    yield from environment_problems({**dict.fromkeys(environment, ""), **plain})
    parameters = _parameters(app_port, health_check_path, artifact_kind, packages)
    certificates = database_certificates if isinstance(database_certificates, str) else ""
    yield from _certificate_problems(certificates)
    resolved = {"ARTIFACT_URI": _long("uri"), "ARTIFACT_SHA256": _long("sha")[:64], "LOG_GROUP": _long("log"), "DATABASE_CA": certificates}
    unknown = {name: _long(name) for name in environment.keys() - plain.keys()}
    without, whole = (_script(parameters, variables, resolved) for variables in (unknown, unknown | plain))
    if len(packed(whole)) <= USER_DATA_BYTES:
        return
    if (left := USER_DATA_BYTES - len(compressed(without))) <= 0:
        yield "database_certificates", f"leave no room in user data, of which EC2 takes {USER_DATA_BYTES:,} bytes. Pass fewer."
    else:
        used = len(compressed(whole)) - len(compressed(without))
        reason = f"takes {used:,} bytes of user data, compressed; {left:,} are left beside the boot script"
        yield "environment", f"{reason}. Keep large values in S3 or Parameter Store, and pass their names."


def _long(name: str) -> str:
    """A text as long as the names and addresses of AWS are at most, and as hard to compress."""
    return base64.b32encode(hashlib.shake_256(name.encode()).digest(60)).decode()


def _parameters(app_port: int, health_check_path: str, artifact_kind: str, packages: Iterable[str]) -> dict[str, str | int]:
    return {
        "APP_PORT": app_port,
        "HEALTH_CHECK_PATH": health_check_path,
        "ARTIFACT_KIND": artifact_kind,
        "PACKAGES": " ".join(packages),
    }


def _render(parameters: Mapping[str, str | int], environment: Mapping[str, str], resolved: Mapping[str, str]) -> str:
    if problems := list(_resolved_problems(environment, resolved)):
        raise ArgumentError("web_server_user_data", "boot.sh", problems)
    return _script(parameters, environment, resolved)


def _script(parameters: Mapping[str, str | int], environment: Mapping[str, str], resolved: Mapping[str, str]) -> str:
    lines = "\n".join(f"{name}={value}" for name, value in environment.items())
    values = {**parameters, **resolved, "APP_ENVIRONMENT": lines}
    return boot_script(Path(__file__).parent / "on_aws/boot.sh", values)


def _problems(port: int, path: str, kind: str, packages: Iterable[str]) -> Iterator[Problem]:
    if isinstance(port, bool) or not isinstance(port, int) or not 1024 <= port <= 65_535:
        yield "app_port", f"is {port!r}; a port from 1024 to 65535 is needed, since the server is not privileged."
    if not re.fullmatch(r"/[A-Za-z0-9._~/-]*", path):
        yield "health_check_path", f"is {path!r}; a plain URL path is needed, such as /healthz."
    if kind not in ("app", "static"):
        yield "artifact_kind", f"is {kind!r}; app (it has a bin/start) or static (files that are served) is needed."
    for name in packages:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
            yield "packages", f"has {name!r}; the name of a package of Amazon Linux is needed, such as python3.13."


def environment_problems(environment: Mapping[str, str], reserved: Collection[str] = _RESERVED) -> Iterator[Problem]:
    """What is wrong with the variables of a boot script: names, control characters, and what looks like a secret."""
    for name, value in environment.items():
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            yield f"environment.{name}", "is not the name of a variable; capital letters, digits and _ are allowed. Rename it."
        elif name in reserved:
            yield f"environment.{name}", "is set by the boot script. Choose another name."
        elif reason := secret_reason(name, value):
            yield f"environment.{name}", reason
        elif re.search(r"[\x00-\x1f\x7f]", value):
            yield f"environment.{name}", "has a line break or another control character; one line of text is needed."


def secret_reason(name: str, value: str) -> str | None:
    """Why a variable does not belong into user data: it looks like a secret. None for others."""
    if not looks_secret(name, value):
        return None
    like = "is named" if looks_secret(name) else "has a value that looks"
    return f"{like} like a secret, and user data can be read. Pass the secret's ARN as {name}_ARN and fetch it at run time."


def _certificate_problems(certificates: str) -> Iterator[Problem]:
    if not re.fullmatch(r"(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\n*)*", certificates):
        yield "database_certificates", "are not certificates in PEM. Pass the text of the file alone."


def _resolved_problems(environment: Mapping[str, str], resolved: Mapping[str, str]) -> Iterator[Problem]:
    uri, checksum = resolved["ARTIFACT_URI"], resolved["ARTIFACT_SHA256"]
    if uri and not re.fullmatch(r"s3://[a-z0-9.-]+/[^\x00-\x1f\x7f]+", uri):
        yield "artifact_uri", f"is {uri!r}; s3://bucket/key is needed."
    if bool(uri) != bool(checksum) or not re.fullmatch(r"([0-9a-f]{64})?", checksum):
        yield "artifact_sha256", f"is {checksum!r}; the artifact's SHA-256 in hexadecimal is needed with artifact_uri."
    if not re.fullmatch(r"[A-Za-z0-9_/.#-]*", resolved["LOG_GROUP"]):
        yield "log_group_name", f"is {resolved['LOG_GROUP']!r}; the name of a log group is needed, not its ARN."
    yield from _certificate_problems(resolved["DATABASE_CA"])
    yield from environment_problems({name: str(value) for name, value in environment.items()})
