"""The web server's boot script, run by a real shell in a root folder of its own, with stand-ins for the system's commands."""

import getpass
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cloudpatterns.compute import web_server_user_data
from cloudpatterns.core import ArgumentError

from tests.harness import record

PROGRAMS = f"{os.environ['PATH']}:/usr/sbin:/sbin"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script is for Amazon Linux")

_REAL = ["bash", "cat", "chmod", "cmp", "dirname", "gzip", "ln", "mkdir", "mktemp", "mv", "readlink", "rm", "sha256sum", "tar", "tr"]

# Each stand-in notes its name and arguments, one line per call, separated by a character that no argument has.
_STAND_INS = {
    "dnf": (
        '[ ! -e "$STATE/dnf-fails" ] || exit 1; shift 3; printf "%s\\n" "$@" >>"$STATE/packages"; [ "$1" != amazon-cloudwatch-agent ] || '
        '{ mkdir -p "$BOOT_ROOT/opt/aws/amazon-cloudwatch-agent/bin"; ln -s "$BIN/agent" "$BOOT_ROOT/opt/aws/amazon-cloudwatch-agent/bin/'
        'amazon-cloudwatch-agent-ctl"; }'
    ),
    "rpm": 'shift 2; for package; do case " $(tr "\\n" " " <"$STATE/packages") " in *" $package "*) ;; *) exit 1 ;; esac; done',
    "agent": '[ ! -e "$STATE/agent-fails" ] || exit 1',
    "systemctl": "",
    "sleep": "",
    "id": '[ -e "$STATE/user" ]',
    "useradd": ': >"$STATE/user"',
    "aws": 'for target; do :; done; cat "$STATE/artifact" >"$target"',
    "curl": (
        'case "$*" in'
        " *latest/api/token*) echo a-token ;;"
        ' *"token: a-token"*placement/region*) echo eu-west-1 ;;'
        ' *127.0.0.1*) [ ! -e "$STATE/unhealthy" ] || exit 22 ;;'
        " *) exit 9 ;; esac"
    ),
}


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIBAgMEBQYHCAkKCwwNDg8Q\n-----END CERTIFICATE-----\n"


@dataclass
class Machine:
    """A pretended instance: its root folder, and what the stand-ins were called with."""

    root: Path
    state: Path
    bin: Path

    def boot(self, script: str, code: int = 0) -> str:
        """Runs the script, expects the exit code, and gives back what it wrote to stderr."""
        environment = {"PATH": str(self.bin), "BIN": str(self.bin), "BOOT_ROOT": str(self.root), "STATE": str(self.state)}
        done = subprocess.run(["bash"], input=script, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr

    def calls(self, command: str = "") -> list[list[str]]:
        log = self.state / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        calls = [line.split("\x1f")[:-1] for line in lines]
        return [call for call in calls if not command or call[0] == command]

    def tree(self) -> dict[str, str]:
        """Every file below the root with its content, every link with its target."""
        return {
            str(path.relative_to(self.root)): os.readlink(path) if path.is_symlink() else path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_symlink() or path.is_file()
        }

    def file(self, path: str) -> str:
        return (self.root / path).read_text()

    def artifact(self, mode: int = 0o755, **files: str) -> dict[str, Any]:
        """Puts an archive into the pretended bucket; gives the arguments that fetch it. ``bin__start`` has the mode."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            for name, text in files.items():
                entry = tarfile.TarInfo(name.replace("__", "/").replace("_html", ".html"))
                entry.size, entry.mode = len(text), mode if name.startswith("bin") else 0o640
                archive.addfile(entry, io.BytesIO(text.encode()))
        (self.state / "artifact").write_bytes(buffer.getvalue())
        kind = "app" if "bin__start" in files else "static"
        checksum = hashlib.sha256(buffer.getvalue()).hexdigest()
        return {"artifact_uri": "s3://releases/shop.tar.gz", "artifact_sha256": checksum, "artifact_kind": kind}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "root", tmp_path / "state", tmp_path / "bin")
    for folder in (made.root, made.state, made.bin):
        folder.mkdir()
    (made.state / "packages").touch()
    for name in _REAL:
        real = shutil.which(name)
        assert real is not None, f"{name} is not on PATH"
        (made.bin / name).symlink_to(real)
    for name, body in _STAND_INS.items():
        stand_in = made.bin / name
        stand_in.write_text(f'#!{shutil.which("bash")}\nprintf \'%s\\x1f\' {name} "$@" >>"$STATE/calls"; echo >>"$STATE/calls"\n{body}\n')
        stand_in.chmod(0o755)
    return made


def script(**arguments: Any) -> str:
    """The rendered user data."""
    texts: list[str] = []
    given: dict[str, Any] = {"app_port": 8080, "health_check_path": "/healthz", **arguments}
    record(lambda: web_server_user_data(**given).apply(texts.append))
    [text] = texts
    return text


def test_without_an_artifact_nginx_serves_a_page(machine: Machine) -> None:
    machine.boot(script())
    assert set(machine.tree()) == {
        "etc/logrotate.d/web",
        "etc/systemd/system/logrotate.timer.d/hourly.conf",
        "etc/systemd/system/web.service",
        "etc/web/environment",
        "etc/web/nginx.conf",
        "srv/web/current",
        "srv/web/releases/default/index.html",
    }
    nginx = machine.file("etc/web/nginx.conf")
    assert "    listen 8080 default_server;\n    listen [::]:8080 default_server;\n    root /srv/web/current;\n" in nginx
    assert '    location = /healthz { access_log off; default_type text/plain; return 200 "ok\\n"; }\n' in nginx
    assert "This server is ready." in machine.file("srv/web/current/index.html")
    assert machine.calls("dnf") == [["dnf", "--assumeyes", "--quiet", "install", "nginx"]]
    assert machine.calls("systemctl") == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "--now", "logrotate.timer"],
        ["systemctl", "enable", "web.service"],
        ["systemctl", "restart", "web.service"],
    ]
    assert machine.calls("curl")[-1][-1] == "http://127.0.0.1:8080/healthz"
    assert machine.calls("aws") == []


def test_the_server_runs_unprivileged(machine: Machine) -> None:
    machine.boot(script())
    unit = machine.file("etc/systemd/system/web.service").splitlines()
    for line in (
        "User=web",
        "Group=web",
        "EnvironmentFile=/etc/web/environment",
        "ExecStart=/usr/sbin/nginx -e stderr -c /etc/web/nginx.conf",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "StandardOutput=append:/var/log/web.log",
        "StandardError=inherit",
        "LogsDirectory=web",
    ):
        assert line in unit
    [user] = machine.calls("useradd")
    assert user == ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/sbin/nologin", "web"]
    assert (machine.root / "etc/web/environment").stat().st_mode & 0o777 == 0o600


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    text = script(environment={"DATABASE_HOST": "db.internal"}, **machine.artifact(index_html="<p>shop"))
    machine.boot(text)
    before, first = machine.tree(), len(machine.calls())
    machine.boot(text)
    assert machine.tree() == before
    again = machine.calls()[first:]
    assert [call for call in again if call[0] in ("aws", "dnf", "useradd")] == []
    assert ["systemctl", "start", "web.service"] in again
    assert ["systemctl", "restart", "web.service"] not in again


def test_no_file_whose_name_begins_with_a_dot_is_served(machine: Machine) -> None:
    machine.boot(script(**machine.artifact(index_html="<p>shop")))
    assert "    location ~ /\\.(?!well-known/) { return 404; }\n" in machine.file("etc/web/nginx.conf")


@pytest.mark.skipif(shutil.which("nginx", path=PROGRAMS) is None, reason="no nginx on PATH")
def test_the_real_nginx_serves_pages_and_no_dotfiles(machine: Machine, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    machine.boot(script(app_port=port, **machine.artifact(index_html="<p>shop")))
    pages = machine.root / "srv/web/current"
    for path in (".env", ".git/config", "shop/.htpasswd", ".well-known/acme"):
        (pages / path).parent.mkdir(exist_ok=True)
        (pages / path).write_text("text")
    configuration = (
        machine.file("etc/web/nginx.conf").replace(f"listen [::]:{port} default_server;", "").replace(f" {port} ", f" 127.0.0.1:{port} ")
    )
    for path in ("/run/web", "/var/log/web", "/srv/web/current"):
        (tmp_path / path.replace("/", "-")).mkdir()
        configuration = configuration.replace(path, str(pages if path.startswith("/srv") else tmp_path / path.replace("/", "-")))
    # Not to the user that a packaged nginx runs workers as, who may not read the folder.
    (tmp_path / "nginx.conf").write_text(f"user {getpass.getuser()};\n" * (os.geteuid() == 0) + configuration)
    nginx = subprocess.Popen([shutil.which("nginx", path=PROGRAMS) or "", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")])
    try:
        codes = {
            path: _status(port, path)
            for path in ("/", "/healthz", "/.env", "/.git/config", "/shop/.htpasswd", "/%2eenv", "/.well-known/acme")
        }
    finally:
        nginx.terminate()
        nginx.wait(10)
    hidden = ("/.env", "/.git/config", "/shop/.htpasswd", "/%2eenv")
    assert codes == {"/": 200, "/healthz": 200, "/.well-known/acme": 200, **dict.fromkeys(hidden, 404)}


def _status(port: int, path: str) -> int:
    deadline = time.monotonic() + 10
    while True:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", path)
                return connection.getresponse().status
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


BROKEN = {
    "no start script": (
        {"kind": "app", "run_sh": "#!/bin/sh\n"},
        "the artifact has no bin/start; files to be served are an artifact of the kind static",
    ),
    "not executable": (
        {"kind": "app", "mode": 0o644, "bin__start": ""},
        "the artifact's bin/start is not executable; pack it with its mode bits",
    ),
    "no page": ({"kind": "static", "bin__start": ""}, "the artifact has no index.html; one with a bin/start is of the kind app"),
}


@pytest.mark.parametrize(("files", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_artifact_fails_the_boot_and_nothing_is_served(machine: Machine, files: dict[str, Any], reason: str) -> None:
    source = {**machine.artifact(**{name: text for name, text in files.items() if name != "kind"}), "artifact_kind": files["kind"]}
    assert machine.boot(script(**source, log_group_name="shop-logs"), code=1).endswith(f"boot: {reason}\n")
    assert list((machine.root / "srv/web/releases").iterdir()) == []
    assert machine.calls("systemctl") == []
    # The reason reaches the log group: the agent runs before the artifact is fetched.
    [agent] = machine.calls("agent")
    assert machine.calls().index(agent) < machine.calls().index(machine.calls("aws")[0])


def test_the_server_may_read_and_not_change_its_files(machine: Machine) -> None:
    source = machine.artifact(bin__start="#!/bin/sh\n", config="{}", mode=0o700)
    machine.boot(script(**source))
    release = machine.root / "srv/web/releases" / source["artifact_sha256"]
    modes = {path.name: path.stat().st_mode & 0o777 for path in (release, *release.rglob("*"))}
    assert modes == {release.name: 0o755, "bin": 0o755, "start": 0o755, "config": 0o644}


def test_logs_are_sent_to_the_log_group(machine: Machine) -> None:
    machine.boot(script(log_group_name="shop-logs-1a2b3c4"))
    assert machine.calls("dnf")[0][4:] == ["amazon-cloudwatch-agent", "logrotate"]
    assert machine.calls("agent") == [["agent", "-a", "fetch-config", "-m", "ec2", "-s", "-c", "file:/etc/web/logs.json"]]
    collected = json.loads(machine.file("etc/web/logs.json"))["logs"]["logs_collected"]["files"]["collect_list"]
    assert {entry["log_group_name"] for entry in collected} == {"shop-logs-1a2b3c4"}
    assert {entry["file_path"]: entry["log_stream_name"] for entry in collected} == {
        "/var/log/cloud-init-output.log": "{instance_id}/boot",
        "/var/log/web.log": "{instance_id}/server",
        "/var/log/web/access.log": "{instance_id}/access",
    }
    unit = machine.file("etc/systemd/system/web.service").splitlines()
    assert "After=network-online.target amazon-cloudwatch-agent.service" in unit


@pytest.mark.skipif(shutil.which("logrotate", path=PROGRAMS) is None, reason="no logrotate on PATH")
def test_logs_are_cut_every_time_they_grow(machine: Machine, tmp_path: Path) -> None:
    """With the real logrotate, under a distribution's defaults: dates in names would let it cut once a day."""
    machine.boot(script())
    log = tmp_path / "web.log"
    rules = machine.file("etc/logrotate.d/web").replace("/var/log/web.log", str(log)).split("/var/log/web/access.log")[0]
    (tmp_path / "conf").write_text(f"weekly\nrotate 4\ncreate\ndateext\n{rules.replace('100M', '1k')}")
    (tmp_path / "conf").chmod(0o644)
    for number in range(4):
        log.write_text(f"{number}" * 2000)
        command = [shutil.which("logrotate", path=PROGRAMS) or "", "--state", str(tmp_path / "rotated"), str(tmp_path / "conf")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr, log.read_text()) == (0, "", "")
    assert sorted(path.name for path in tmp_path.glob("web.log*")) == ["web.log", "web.log.1", "web.log.2"]


def test_an_agent_that_cannot_be_started_is_reported_and_the_server_serves(machine: Machine) -> None:
    (machine.state / "agent-fails").touch()
    stderr = machine.boot(script(log_group_name="shop-logs"))
    assert "boot: the CloudWatch agent does not start, so no log reaches shop-logs\n" in stderr
    assert machine.calls("systemctl")[-1] == ["systemctl", "restart", "web.service"]


def test_an_agent_that_cannot_be_installed_is_reported_and_the_server_serves(machine: Machine) -> None:
    (machine.state / "dnf-fails").touch()
    stderr = machine.boot(script(log_group_name="shop-logs", **machine.artifact(bin__start="#!/bin/sh\n")))
    assert "boot: cannot install amazon-cloudwatch-agent, so no log reaches shop-logs; is the S3 gateway endpoint" in stderr
    assert machine.calls("systemctl")[-1] == ["systemctl", "restart", "web.service"]


def test_packages_are_installed_before_the_application_starts(machine: Machine) -> None:
    text = script(packages=["python3.13", "java-25-amazon-corretto-headless"], **machine.artifact(bin__start="#!/bin/sh\n"))
    machine.boot(text)
    [installed] = machine.calls("dnf")
    assert installed[4:] == ["python3.13", "java-25-amazon-corretto-headless"]
    assert machine.calls().index(installed) < machine.calls().index(["systemctl", "restart", "web.service"])
    machine.boot(text)
    assert machine.calls("dnf") == [installed]


def test_the_databases_certificates_are_a_file_that_the_application_finds(machine: Machine) -> None:
    certificates = f"{CERTIFICATE}{CERTIFICATE}"
    machine.boot(script(database_certificates=certificates))
    assert machine.file("etc/web/database-ca.pem").strip() == certificates.strip()
    assert 'DATABASE_CA_FILE="/etc/web/database-ca.pem"' in machine.file("etc/web/environment").splitlines()


def test_an_artifact_of_static_files_is_served_by_nginx(machine: Machine) -> None:
    source = machine.artifact(index_html="<p>shop")
    machine.boot(script(**source))
    assert os.readlink(machine.root / "srv/web/current") == f"releases/{source['artifact_sha256']}"
    assert machine.file("srv/web/current/index.html") == "<p>shop"
    [fetched] = machine.calls("aws")
    assert fetched[:5] == ["aws", "s3", "cp", "--only-show-errors", "s3://releases/shop.tar.gz"]
    assert machine.calls("dnf") == [["dnf", "--assumeyes", "--quiet", "install", "nginx"]]


def test_an_artifact_with_a_start_command_is_run_without_nginx(machine: Machine) -> None:
    environment = {"DATABASE_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db", "MOTTO": 'a "b" \\ $HOME `id` #c'}
    machine.boot(script(environment=environment, **machine.artifact(bin__start="#!/bin/sh\n")))
    assert "ExecStart=/srv/web/current/bin/start" in machine.file("etc/systemd/system/web.service").splitlines()
    assert machine.file("etc/web/environment") == (
        'PORT="8080"\nHEALTH_CHECK_PATH="/healthz"\nAWS_REGION="eu-west-1"\n'
        'DATABASE_SECRET_ARN="arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"\n'
        'MOTTO="a \\"b\\" \\\\ $HOME `id` #c"\n'
    )
    assert machine.calls("dnf") == []
    assert not (machine.root / "etc/web/nginx.conf").exists()


def test_a_new_artifact_takes_the_place_of_the_old_one(machine: Machine) -> None:
    old = machine.artifact(index_html="old")
    machine.boot(script(**old))
    new = machine.artifact(index_html="new")
    machine.boot(script(**new))
    assert machine.file("srv/web/current/index.html") == "new"
    assert machine.calls("systemctl")[-1] == ["systemctl", "restart", "web.service"]
    assert {path.name for path in (machine.root / "srv/web/releases").iterdir()} == {old["artifact_sha256"], new["artifact_sha256"]}


def test_a_wrong_checksum_stops_the_boot_and_leaves_nothing_behind(machine: Machine) -> None:
    source = {**machine.artifact(index_html="evil"), "artifact_sha256": "0" * 64}
    assert machine.boot(script(**source), code=1).endswith("boot: the artifact's checksum is not ARTIFACT_SHA256\n")
    assert list((machine.root / "srv/web/releases").iterdir()) == []
    assert machine.calls("systemctl") == []


def test_a_missing_command_line_client_is_installed(machine: Machine) -> None:
    text = script(**machine.artifact(bin__start="#!/bin/sh\n"))
    (machine.bin / "dnf").chmod(0o755)
    client = (machine.bin / "aws").read_text()
    (machine.bin / "aws").unlink()
    with (machine.bin / "dnf").open("a") as dnf:
        dnf.write(f'cat >"$(dirname "$0")/aws" <<\'CLIENT\'\n{client}CLIENT\nchmod 755 "$(dirname "$0")/aws"\n')
    machine.boot(text)
    assert machine.calls("dnf") == [["dnf", "--assumeyes", "--quiet", "install", "awscli-2"]]


def test_packages_are_tried_five_times(machine: Machine) -> None:
    (machine.state / "dnf-fails").touch()
    stderr = machine.boot(script(), code=1)
    assert len(machine.calls("dnf")) == 5
    assert [call[1] for call in machine.calls("sleep")] == ["5", "10", "15", "20", "25"]
    assert stderr.endswith("boot: cannot install nginx; is the S3 gateway endpoint in the route table?\n")


def test_a_server_that_does_not_answer_fails_the_boot(machine: Machine) -> None:
    (machine.state / "unhealthy").touch()
    assert machine.boot(script(), code=1).endswith("boot: the server does not answer /healthz on port 8080\n")
    assert machine.calls("systemctl")[-1] == ["systemctl", "status", "--no-pager", "--full", "web.service"]


def test_the_root_as_health_path_is_the_page_itself(machine: Machine) -> None:
    machine.boot(script(health_check_path="/"))
    assert "location =" not in machine.file("etc/web/nginx.conf")


HOSTILE = ["$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '"; touch pwned; "', "a b\\", "$HOME", "x\\'; touch pwned; #"]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_is_ever_run(machine: Machine, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (machine.bin / "touch").symlink_to(shutil.which("touch") or "")
    source = {**machine.artifact(bin__start="#!/bin/sh\n"), "artifact_uri": f"s3://releases/{value}"}
    machine.boot(script(environment={"VALUE": value}, **source))
    assert machine.calls("aws")[0][4] == f"s3://releases/{value}"
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert machine.file("etc/web/environment").splitlines()[-1] == f'VALUE="{quoted}"'
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("APP_PORT", "80", "APP_PORT is not a port from 1024 to 65535"),
        ("APP_PORT", "65536", "APP_PORT is not a port from 1024 to 65535"),
        ("APP_PORT", "a[$(touch pwned)]", "APP_PORT is not a port from 1024 to 65535"),
        ("HEALTH_CHECK_PATH", "/x; } evil {", "HEALTH_CHECK_PATH is not a plain URL path"),
        ("ARTIFACT_URI", "https://example.org/x", "ARTIFACT_URI is not s3://bucket/key"),
        ("ARTIFACT_SHA256", "$(touch pwned)", "ARTIFACT_SHA256 is not a SHA-256 checksum"),
        ("ARTIFACT_KIND", "", "ARTIFACT_KIND is not app or static"),
        ("PACKAGES", "nginx --nogpgcheck", "PACKAGES has a name that is not a package's"),
        ("PACKAGES", "$(touch pwned)", "PACKAGES has a name that is not a package's"),
        ("LOG_GROUP", 'x", "y": "', "LOG_GROUP is not the name of a log group"),
        ("APP_ENVIRONMENT", "PATH=/tmp\nnot an entry", "APP_ENVIRONMENT has a line that is not NAME=value"),
    ],
)
def test_the_script_checks_its_parameters_itself(
    machine: Machine, name: str, value: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, _, body = script(**machine.artifact(index_html="x")).partition("set -euo pipefail\n")
    parameters = {
        "APP_PORT": "8080",
        "HEALTH_CHECK_PATH": "/healthz",
        "ARTIFACT_URI": "s3://releases/shop",
        "ARTIFACT_SHA256": "0" * 64,
        "ARTIFACT_KIND": "app",
        "PACKAGES": "",
        "APP_ENVIRONMENT": "",
        "DATABASE_CA": "",
        "LOG_GROUP": "",
        name: value,
    }
    lines = [f"{key}='{text}'" for key, text in parameters.items()]
    assert machine.boot("\n".join(["set -euo pipefail", *lines, body]), code=1) == f"boot: {message}\n"
    assert not list(tmp_path.rglob("pwned"))
    assert (machine.tree(), machine.calls()) == ({}, [])


def test_the_user_data_is_a_script_of_a_size_that_fits() -> None:
    text = script(environment={"CACHE_HOST": "cache.internal"})
    assert text.startswith("#!/bin/bash\nAPP_PORT=8080\nHEALTH_CHECK_PATH=/healthz\nARTIFACT_KIND=app\n")
    # Room for the certificates of RDS, 5 KB, and an environment.
    assert len(text.encode()) < 9_500
    # Comments are for those who read the file.
    assert "\n#" not in text
    assert subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False).stderr == ""


def test_values_that_are_not_known_yet_are_waited_for() -> None:
    texts: list[str] = []

    def program() -> None:
        host = pulumi.Output.from_input("db.internal")
        web_server_user_data(app_port=8080, health_check_path="/", environment={"DATABASE_HOST": host}).apply(texts.append)

    record(program)
    assert "APP_ENVIRONMENT=DATABASE_HOST=db.internal\n" in texts[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "x") for name in ("DB_PASS", "DBPASSWORD", "APIKEY", "SHOP_API_KEY", "SECRET_KEY_BASE", "SECRET_KEY", "DB_PWD", "TOKEN")),
        ("MYAPP_KEY", "sk_live_51H8abcdef"),
        ("BOT", "xoxb-12345-abc"),
        ("REPOSITORY", "ghp_abcdefghijklmnop"),
        ("KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("SIGNER", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"),
        ("QUEUE_URL", "amqps://shop:hunter2@mq.internal:5671/shop"),
        ("QUEUE", pulumi.Output.from_input("amqps://shop:hunter2@mq.internal:5671/shop")),
    ],
)
def test_what_looks_like_a_secret_is_refused_and_not_shown(name: str, value: pulumi.Input[str]) -> None:
    def program() -> None:
        with pytest.raises(ArgumentError) as caught:
            web_server_user_data(app_port=8080, health_check_path="/", environment={name: value})
        errors.append(caught.value)

    errors: list[ArgumentError] = []
    if isinstance(value, str):
        record(program)
    else:
        with pytest.raises(ArgumentError) as late:
            record(lambda: web_server_user_data(app_port=8080, health_check_path="/", environment={name: value}))
        errors.append(late.value)
    [(path, reason)] = errors[0].problems
    assert path == f"environment.{name}"
    assert "like a secret" in reason
    assert "hunter2" not in str(errors[0])
    assert "sk_live" not in str(errors[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"),
        ("API_KEY_ID", "k-17"),
        ("TOKEN_NAME", "shop"),
        ("PASSWORD_FILE", "/run/db"),
        ("TOKEN_URL", "https://login.example.com:8443/oauth/token"),
        ("PUBLIC_KEY", "x"),
        ("COMPASS", "north"),
        ("MAX_TOKENS", "4096"),
        ("CACHE_KEY_PREFIX", "shop"),
    ],
)
def test_what_only_names_a_secret_is_accepted(name: str, value: str) -> None:
    assert f"{name}={value}" in script(environment={name: value})


def test_user_data_that_would_be_too_long_is_refused_before_anything_is_known() -> None:
    value = hashlib.shake_256(b"x").hexdigest(12_000)
    with pytest.raises(ArgumentError) as caught:
        script(environment={"HOST": pulumi.Output.from_input("db.internal"), "VALUE": value})
    [(path, reason)] = caught.value.problems
    assert path == "environment"
    found = re.fullmatch(
        r"takes (\S+) bytes of user data, compressed; (\S+) are left beside the boot script\. Keep large values in S3 or Parameter Store, "
        r"and pass their names\.",
        reason,
    )
    assert found is not None
    takes, left = (int(number.replace(",", "")) for number in found.groups())
    assert 12_000 < takes < 16_000
    assert 10_000 < left < 13_000
    bundle = "".join(
        f"-----BEGIN CERTIFICATE-----\n{value[start : start + 1000]}\n-----END CERTIFICATE-----\n" for start in range(0, 24_000, 1000)
    )
    with pytest.raises(ArgumentError) as caught:
        script(environment={}, database_certificates=bundle)
    assert caught.value.problems == [("database_certificates", "leave no room in user data, of which EC2 takes 16,384 bytes. Pass fewer.")]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"app_port": 80}, ("app_port", "is 80; a port from 1024 to 65535 is needed, since the server is not privileged.")),
        ({"app_port": "8080"}, ("app_port", "is '8080'; a port from 1024 to 65535 is needed, since the server is not privileged.")),
        ({"health_check_path": "/a;b"}, ("health_check_path", "is '/a;b'; a plain URL path is needed, such as /healthz.")),
        ({"health_check_path": "/a\n"}, ("health_check_path", "is '/a\\n'; a plain URL path is needed, such as /healthz.")),
        (
            {"environment": {"lower": "x"}},
            ("environment.lower", "is not the name of a variable; capital letters, digits and _ are allowed. Rename it."),
        ),
        ({"environment": {"PORT": "1"}}, ("environment.PORT", "is set by the boot script. Choose another name.")),
        (
            {"environment": {"DB_PASSWORD": "x"}},
            (
                "environment.DB_PASSWORD",
                "is named like a secret, and user data can be read. Pass the secret's ARN as DB_PASSWORD_ARN and fetch it at run time.",
            ),
        ),
        (
            {"environment": {"A": "x\nB=y"}},
            ("environment.A", "has a line break or another control character; one line of text is needed."),
        ),
        ({"environment": {"DATABASE_CA_FILE": "x"}}, ("environment.DATABASE_CA_FILE", "is set by the boot script. Choose another name.")),
        (
            {"artifact_kind": "folder"},
            ("artifact_kind", "is 'folder'; app (it has a bin/start) or static (files that are served) is needed."),
        ),
        (
            {"packages": ["--nogpgcheck"]},
            ("packages", "has '--nogpgcheck'; the name of a package of Amazon Linux is needed, such as python3.13."),
        ),
        (
            {"log_group_name": "arn:aws:logs:eu-west-1:123456789012:log-group:shop"},
            (
                "log_group_name",
                "is 'arn:aws:logs:eu-west-1:123456789012:log-group:shop'; the name of a log group is needed, not its ARN.",
            ),
        ),
        (
            {"database_certificates": "/etc/ca.pem"},
            ("database_certificates", "are not certificates in PEM. Pass the text of the file alone."),
        ),
        (
            {"artifact_uri": "https://x/y", "artifact_sha256": "0" * 64},
            ("artifact_uri", "is 'https://x/y'; s3://bucket/key is needed."),
        ),
        (
            {"artifact_uri": "s3://b/k"},
            ("artifact_sha256", "is ''; the artifact's SHA-256 in hexadecimal is needed with artifact_uri."),
        ),
        (
            {"artifact_uri": "s3://b/k", "artifact_sha256": "XYZ"},
            ("artifact_sha256", "is 'XYZ'; the artifact's SHA-256 in hexadecimal is needed with artifact_uri."),
        ),
    ],
)
def test_arguments_that_the_script_would_refuse_are_refused_first(arguments: Any, problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as error:
        script(**arguments)
    assert error.value.problems == [problem]
