"""A pretended EC2 instance, in which a real shell runs boot scripts: a root folder, a PATH of its own, the metadata service and AWS.

Real are the shell, the programs that a test lists (``instance.programs``), curl, the AWS CLI, and the HTTP between them. The rest are
stand-ins that record how they were called. A script takes the root folder from ``BOOT_ROOT``, which is not set on an instance.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from moto.server import ThreadedMotoServer

from tests.program import ROOT

REGION = "eu-west-1"
ACCOUNT = "123456789012"
INSTANCE = "i-0123456789abcdef0"
CLI = ROOT / ".venv" / "awscli"
BASH = shutil.which("bash", path=f"{os.environ.get('PATH', '')}:/bin:/usr/bin") or "/bin/bash"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_METADATA = "http://169.254.169.254"
_ROLE = "instance-role"
# What a boot script may expect of Amazon Linux, and what changes nothing outside the folders that it is given.
_PROGRAMS = (
    *("basename", "bash", "cat", "chmod", "cmp", "cp", "cut", "date", "dirname", "env", "flock", "grep", "gzip", "head", "install"),
    *("ln", "ls", "mkdir", "mktemp", "mv", "printf", "readlink", "rm", "rmdir", "sed", "sha256sum", "sort", "stat", "tail", "tar", "tee"),
    *("timeout", "touch", "tr", "true", "uniq", "wc"),
)
# Each notes its arguments, and keeps in $STATE what a second run must see.
_STAND_INS = {
    "dnf": (
        "[[ ! -e $STATE/dnf-fails ]] || exit 1\n"
        'for word; do [[ $word == -* || $word == install ]] || echo "$word"; done >>"$STATE/packages"'
    ),
    "id": (
        'for user; do :; done; [[ ${user:--} != -* ]] || exec "$REAL_ID" "$@"\n'
        '[[ -e $STATE/users ]] && grep --quiet --line-regexp --fixed-strings -e "$user" "$STATE/users"'
    ),
    "rpm": 'for word; do [[ $word == -* ]] || grep --quiet --line-regexp --fixed-strings -e "$word" "$STATE/packages" || exit 1; done',
    "sleep": "",
    # Units by state: enable and start note them, is-enabled and is-active ask.
    "systemctl": (
        "[[ ! -e $STATE/systemctl-fails ]] || exit 1\n"
        'now=; units=(); for word in "${@:2}"; do case $word in --now) now=yes ;; -*) ;; *) units+=("$word") ;; esac; done\n'
        'for unit in "${units[@]}"; do case $1 in\n'
        '  enable) touch "$STATE/enabled-$unit"; [[ -z $now ]] || touch "$STATE/active-$unit" ;;\n'
        '  disable) rm -f "$STATE/enabled-$unit" ;;\n'
        '  start | restart) touch "$STATE/active-$unit" ;;\n'
        '  stop) rm -f "$STATE/active-$unit" ;;\n'
        "  is-enabled | is-active) [[ -e $STATE/${1#is-}-$unit ]] || exit 3 ;;\n"
        "esac; done"
    ),
    "useradd": 'for user; do :; done; echo "$user" >>"$STATE/users"',
}


class Done(NamedTuple):
    """How a run ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str


class Metadata:
    """The metadata service (IMDSv2) of the instance on a loopback port; ``fault`` is what is wrong with it.

    ``refused``: nothing listens; ``slow``: it answers after ``seconds``; ``disabled``: every answer is 403, as where it is switched off;
    ``empty``: it gives no token, as behind too many hops.
    """

    def __init__(self) -> None:
        self.fault = ""
        self.seconds = 10.0
        self.requests: list[str] = []
        self.tags: dict[str, str] | None = None
        """Tags that the metadata shows; None where ``instance_metadata_tags`` is not enabled."""
        self.paths = {"instance-id": INSTANCE, "placement/region": REGION, "placement/availability-zone": f"{REGION}a"}
        self._ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return "http://127.0.0.1:9" if self.fault == "refused" else f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> str | None:
        """What stands at a path below ``/latest/``."""
        paths = {f"meta-data/{name}": text for name, text in self.paths.items()}
        document = {"region": self.paths["placement/region"], "instanceId": self.paths["instance-id"], "accountId": ACCOUNT}
        paths["dynamic/instance-identity/document"] = json.dumps(document)
        credentials = {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "example"}
        credentials |= {"Token": "token", "LastUpdated": "2026-11-30T00:00:00Z", "Expiration": "2046-11-30T00:00:00Z"}
        paths |= {"meta-data/iam/security-credentials/": _ROLE, f"meta-data/iam/security-credentials/{_ROLE}": json.dumps(credentials)}
        if self.tags is not None:
            paths["meta-data/tags/instance/"] = paths["meta-data/tags/instance"] = "\n".join(self.tags)
            paths |= {f"meta-data/tags/instance/{key}": value for key, value in self.tags.items()}
        return paths.get(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        metadata = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                seconds = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
                valid = self.path == "/latest/api/token" and seconds.isdigit() and 1 <= int(seconds) <= 21_600
                self.give(*((200, "a-token") if valid else (400, "")))

            def do_GET(self) -> None:
                if self.headers.get("X-aws-ec2-metadata-token") != "a-token":
                    # IMDSv1 is switched off: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-returns.html
                    self.give(401, "")
                    return
                text = metadata.answer(self.path.removeprefix("/latest/"))
                self.give(*((404, "") if text is None else (200, text)))

            def give(self, code: int, text: str) -> None:
                metadata.requests.append(f"{self.command} {self.path} {code}")
                if metadata.fault == "slow":
                    metadata._ended.wait(metadata.seconds)
                if metadata.fault == "disabled":
                    code, text = 403, ""
                body = b"" if metadata.fault == "empty" and self.command == "PUT" else text.encode()
                try:
                    self.send_response(code)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *_: Any) -> None:
                pass

        return Handler


class Account:
    """AWS as the instance reaches it: moto's server on loopback, which answers with the shapes of the real services."""

    def __init__(self, url: str) -> None:
        self.url = url

    def reset(self) -> None:
        """Empties the account."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=10) as answer:
            assert answer.status == 200

    def client(self, service: str, region: str = REGION) -> Any:
        credentials = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "example"}
        return boto3.client(service, region_name=region, endpoint_url=self.url, **credentials)

    def parameter(self, name: str, value: str, kind: str = "SecureString") -> None:
        self.client("ssm").put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """An object, in a bucket that is created if it is missing."""
        s3 = self.client("s3")
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key=key, Body=body)


@dataclass
class Instance:
    """A pretended instance: what a script finds on it, and what it did there."""

    folder: Path
    metadata: Metadata
    account: Account
    environment: dict[str, str] = field(default_factory=dict)
    """Variables beside PATH, BOOT_ROOT and those of AWS."""

    @property
    def root(self) -> Path:
        """What a script sees as ``/``."""
        return self.folder / "root"

    @property
    def state(self) -> Path:
        """Where stand-ins keep what a second run must see."""
        return self.folder / "state"

    @property
    def commands(self) -> Path:
        """The one folder of PATH."""
        return self.folder / "commands"

    def programs(self, *names: str) -> None:
        """Puts real programs on PATH."""
        for name in names:
            real = shutil.which(name, path=_PATH)
            assert real is not None, f"{name} is not on PATH"
            self.without(name)
            (self.commands / name).symlink_to(real)

    def stand_in(self, name: str, body: str = "") -> None:
        """Puts a command on PATH that records its arguments and then runs ``body`` in bash, with ``$STATE`` and ``$BOOT_ROOT``."""
        record = f'printf \'%s\\x1f\' {name} "$@" >>"$STATE/calls"; echo >>"$STATE/calls"'
        self.file_on_path(name, f"#!{BASH}\n{record}\n{body}\n")

    def file_on_path(self, name: str, text: str) -> None:
        self.without(name)
        path = self.commands / name
        path.write_text(text)
        path.chmod(0o755)

    def without(self, name: str) -> None:
        """Takes a command off PATH."""
        (self.commands / name).unlink(missing_ok=True)

    def run(self, script: str | Path, *arguments: str, seconds: float = 60, log: Path | None = None) -> Done:
        """Runs a script: a file, or the text of one. What it writes goes to ``log`` where there is one, as cloud-init does."""
        if isinstance(script, str):
            path = self.folder / "part-001"
            path.write_text(script)
            path.chmod(0o700)
            script = path
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors, ExitStack() as opened:
            # Files, not pipes: what the script leaves running does not hold up the test.
            both = None if log is None else opened.enter_context(log.open("a"))
            done = subprocess.run(
                [BASH, str(script), *arguments],
                env=self.variables(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=both or output,
                stderr=both or errors,
                timeout=seconds,
                check=False,
            )
            for file in (output, errors):
                file.seek(0)
            return Done(done.returncode, output.read(), errors.read())

    def variables(self) -> dict[str, str]:
        """The environment of a run."""
        return {
            **{"PATH": str(self.commands), "HOME": str(self.folder), "BOOT_ROOT": str(self.root), "STATE": str(self.state)},
            **{"AWS_ENDPOINT_URL": self.account.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata.url},
            **{"METADATA_URL": self.metadata.url, "BOOT_RETRY_SECONDS": "0", "REAL_ID": shutil.which("id", path=_PATH) or ""},
            **self.environment,
        }

    def calls(self, command: str = "") -> list[list[str]]:
        """How the stand-ins, curl and the AWS CLI were called, in order: name and arguments."""
        log = self.state / "calls"
        lines = log.read_text().split("\x1f\n")[:-1] if log.exists() else []
        calls = [line.split("\x1f") for line in lines]
        return [call for call in calls if not command or call[0] == command]

    def forget(self) -> None:
        """Forgets the calls so far; the state stays."""
        (self.state / "calls").unlink(missing_ok=True)
        self.metadata.requests.clear()

    def tree(self) -> dict[str, str]:
        """Every file below the root with its mode and content, every link with its target."""
        found: dict[str, str] = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_symlink():
                found[str(path.relative_to(self.root))] = f"-> {os.readlink(path)}"
            elif path.is_file():
                found[str(path.relative_to(self.root))] = f"{path.stat().st_mode & 0o777:o} {path.read_text(errors='replace')}"
        return found

    def file(self, path: str) -> str:
        return (self.root / path).read_text()


def cli_missing() -> str | None:
    """Why there is no AWS CLI for the pretended instance; None when there is."""
    return None if (CLI / "awscli").is_dir() else "the AWS CLI is not installed: `make test` installs it into .venv/awscli"


@contextmanager
def pretended(folder: Path, account: Account) -> Generator[Instance]:
    """An instance in a folder, until the end of the block."""
    metadata = Metadata()
    instance = Instance(folder, metadata, account)
    for path in (instance.root, instance.state, instance.commands):
        path.mkdir(parents=True)
    (instance.state / "packages").touch()
    instance.programs(*(name for name in _PROGRAMS if shutil.which(name, path=_PATH)))
    for name, body in _STAND_INS.items():
        instance.stand_in(name, body)
    # The address of the metadata service is the same everywhere; here it is a port of loopback.
    instance.stand_in("curl", f'exec {shutil.which("curl", path=_PATH)} "${{@/#{_METADATA.replace("/", chr(92) + "/")}/$METADATA_URL}}"')
    # Amazon Linux has version 2 of the CLI, which reads AWS_REGION; version 1, which pip installs, AWS_DEFAULT_REGION.
    region = '[[ -z ${AWS_REGION:-} ]] || export AWS_DEFAULT_REGION="$AWS_REGION"'
    instance.stand_in("aws", f'{region}\nPYTHONPATH={CLI} exec {sys.executable} -m awscli "$@"')
    try:
        yield instance
    finally:
        metadata.stop()


@contextmanager
def account() -> Generator[Account]:
    """An empty account, until the end of the block."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Account(f"http://{host}:{port}")
    finally:
        server.stop()
