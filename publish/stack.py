"""A stack as the Pulumi CLI knows it: its artifact bucket, and the setting that names the version that its servers run."""

import json
import re
import subprocess
from typing import Any, Final

from publish.archive import KINDS, Wanted
from publish.problem import PublishError

SECTION: Final = "cloudpatterns:storefront"
SETTING: Final = f"{SECTION}.servers.artifact_sha256"
PLACE_SETTING: Final = f"{SECTION}.servers.artifact_uri"
IMAGE_SETTING: Final = f"{SECTION}.containers.image"
KIND_SETTING: Final = f"{SECTION}.servers.artifact_kind"
BUCKET_OUTPUT: Final = "artifact_bucket"
# As in cloudpatterns.blocks.server, which needs the SDK; a test compares the two.
_GRAVITON: Final = re.compile(r"(a1|[a-z]+-?\d+[a-z]*g[a-z]*)\..+")


class Stack:
    """A stack of the project in the current folder. All methods raise ``PublishError`` when the CLI fails."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._config: dict[str, dict[str, Any]] = self._json("config")

    @property
    def region(self) -> str | None:
        """The region of its resources; None leaves it to boto3."""
        return self._config.get("aws:region", {}).get("value")

    @property
    def version(self) -> str | None:
        """The version that the setting names."""
        return self._servers().get("artifact_sha256")

    @property
    def place(self) -> str | None:
        """The object outside the artifact bucket that its servers take instead."""
        return self._servers().get("artifact_uri")

    @property
    def runs_containers(self) -> bool:
        """Whether it has containers, whose version is their image, instead of servers."""
        section = self._config.get(SECTION, {}).get("objectValue", {})
        return section.get("servers") is None and section.get("containers") is not None

    @property
    def wanted(self) -> Wanted:
        """What its servers can run."""
        servers, command = self._servers(), f"pulumi config set --stack {self.name} --path {KIND_SETTING}"
        kind = servers.get("artifact_kind", "app")
        if kind not in KINDS:
            raise PublishError(
                f"{KIND_SETTING} of stack {self.name}",
                given=json.dumps(kind),
                problem="is not a kind of artifact",
                allowed=" or ".join(KINDS),
                fix=f"{command} app",
            )
        # What is wrong with the types is reported by the settings, in a preview.
        types = servers.get("instance_types")
        first = types[0] if isinstance(types, list) and types and isinstance(types[0], str) else None
        architecture = None if first is None else "arm64" if _GRAVITON.fullmatch(first) else "x86_64"
        return Wanted(kind, command, first, architecture)

    def _servers(self) -> dict[str, Any]:
        section = self._config.get(SECTION, {})
        if section.get("secret"):
            raise PublishError(
                f"{SECTION} of stack {self.name}",
                given="[secret]",
                problem="one of its values is a secret, which hides the whole section and so the version",
                allowed="settings without secrets",
                fix=f"write the value without `secure:` in Pulumi.{self.name}.yaml",
            )
        # A section of the wrong type is reported by the settings, in a preview.
        servers = section.get("objectValue", {}).get("servers", {})
        return servers if isinstance(servers, dict) else {}

    def bucket(self) -> str | None:
        """The name of its artifact bucket; None until the stack is deployed with one."""
        return self.outputs().get(BUCKET_OUTPUT)

    def outputs(self) -> dict[str, Any]:
        """Its outputs; none before it is deployed."""
        return self._json("stack", "output")

    def config(self) -> dict[str, str]:
        """Its configuration as the program gets it, without secrets: objects are JSON text."""
        plain = {key: entry for key, entry in self._config.items() if not entry.get("secret")}
        return {key: json.dumps(entry["objectValue"]) if "objectValue" in entry else entry["value"] for key, entry in plain.items()}

    def set_version(self, version: str) -> None:
        """Changes the setting in the stack's file. The CLI keeps the comments there."""
        self._run("config", "set", "--path", SETTING, version)

    def _json(self, *arguments: str) -> dict[str, Any]:
        return json.loads(self._run(*arguments, "--json"))

    def _run(self, *arguments: str) -> str:
        command = ["pulumi", *arguments, "--stack", self.name, "--non-interactive", "--color", "never"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise PublishError(
                "pulumi",
                given="no such command on PATH",
                problem="the Pulumi CLI knows the stack's bucket and changes its setting",
                allowed="the CLI in the version of .pulumi.version, or a newer one",
                fix="https://www.pulumi.com/docs/iac/download-install/",
            ) from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().removeprefix("error: ")
            raise PublishError(
                "STACK",
                given=self.name,
                problem=f"`pulumi {' '.join(arguments)}` failed: {said}",
                allowed="a stack of this project in the backend of `pulumi login`, and its passphrase or key where it has secrets",
                fix="pulumi whoami --verbose\npulumi stack ls",
            )
        return done.stdout
