"""The boot script of a caching proxy on a pretended instance: what it installs, that a second run changes nothing, and its failures."""

import ast
import base64
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.delivery import CacheProxy

from tests.components.delivery.test_cache_proxy import ARGUMENTS, ARTICLES, TEMPLATE
from tests.emulators.instance import Instance
from tests.harness import record

SYSTEM = "-----BEGIN CERTIFICATE-----\npublic\n-----END CERTIFICATE-----\n"
PRIVATE = "-----BEGIN CERTIFICATE-----\nprivate\n-----END CERTIFICATE-----\n"
AGENT = "opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"


def script(**changes: Any) -> str:
    graph = record(lambda: CacheProxy("cache", {**ARGUMENTS, **changes}), mode="deployed")
    data = base64.b64decode(graph.one(TEMPLATE).inputs["userData"])
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()


@pytest.fixture
def machine(instance: Instance) -> Instance:
    instance.stand_in("curl", "[[ ! -e $STATE/unhealthy ]] || exit 22")
    for path, text in (("etc/pki/tls/certs/ca-bundle.crt", SYSTEM), (AGENT, '#!/bin/bash\necho "$@" >>"$STATE/agent"\n')):
        file = instance.root / path
        file.parent.mkdir(parents=True)
        file.write_text(text)
    (instance.root / AGENT).chmod(0o755)
    return instance


def test_it_installs_the_proxy_and_starts_it(machine: Instance) -> None:
    done = machine.run(script())
    assert (done.code, done.stderr) == (0, "")
    packages = (machine.state / "packages").read_text().split()
    assert packages == ["nginx", "logrotate", "amazon-cloudwatch-agent"]
    assert "location /pictures/ {" in machine.file("etc/cache-proxy/nginx.conf")
    assert machine.file("etc/cache-proxy/certificates.pem") == SYSTEM
    unit = machine.file("etc/systemd/system/cache-proxy.service")
    for line in ("User=nginx", "KillSignal=SIGQUIT", "KillMode=mixed", "TimeoutStopSec=70", "CacheDirectory=cache-proxy"):
        assert f"\n{line}\n" in unit
    assert "ExecStart=/usr/bin/python3 -u /usr/local/lib/cache-proxy/sign.py /run/cache-proxy-signer/signer.sock\n" in machine.file(
        "etc/systemd/system/cache-proxy-signer.service"
    )
    calls = [call[1:] for call in machine.calls("systemctl")]
    assert calls == [
        ["daemon-reload"],
        ["enable", "--now", "logrotate.timer"],
        *(["enable", "cache-proxy-signer.service"], ["restart", "cache-proxy-signer.service"]),
        *(["enable", "cache-proxy.service"], ["restart", "cache-proxy.service"]),
    ]
    assert machine.calls("curl")[-1][-1] == "http://127.0.0.1:8080/cache-proxy/health"
    files = json.loads(machine.file("etc/cache-proxy/logs.json"))["logs"]["logs_collected"]["files"]["collect_list"]
    assert {file["file_path"] for file in files} >= {"/var/log/cache-proxy/access.log", "/var/log/cache-proxy.log"}
    # Opened by systemd, as root, so that it is rotated as root.
    assert "StandardOutput=append:/var/log/cache-proxy.log\n" in unit
    assert "\n\n\n" not in machine.file("etc/systemd/system/cache-proxy-signer.service")
    assert (machine.state / "agent").read_text() == "-a fetch-config -m ec2 -s -c file:/etc/cache-proxy/logs.json\n"


def test_a_second_run_changes_nothing(machine: Instance) -> None:
    assert machine.run(script()).code == 0
    before = machine.tree()
    machine.forget()
    assert machine.run(script()).code == 0
    assert machine.tree() == before
    assert [call[1] for call in machine.calls("systemctl")] == ["daemon-reload", "enable", *["enable", "start"] * 2]
    assert machine.calls("dnf") == []


def test_without_buckets_nothing_signs(machine: Instance) -> None:
    assert machine.run(script(origins={"/": ARTICLES}, certificate_authorities=PRIVATE)).code == 0
    assert not (machine.root / "usr/local/lib/cache-proxy/sign.py").exists()
    assert "cache-proxy-signer.service" not in {call[-1] for call in machine.calls("systemctl")}
    assert machine.file("etc/cache-proxy/certificates.pem").strip() == PRIVATE.strip(), "a public authority vouches for no service"


def test_with_buckets_the_public_authorities_stay(machine: Instance) -> None:
    assert machine.run(script(certificate_authorities=PRIVATE)).code == 0
    assert machine.file("etc/cache-proxy/certificates.pem").strip() == f"{SYSTEM}{PRIVATE}".strip()


def test_the_reason_of_a_failure_is_in_the_log(machine: Instance) -> None:
    (machine.state / "dnf-fails").touch()
    done = machine.run(script())
    assert done.code == 1
    assert done.stderr.endswith("cache-proxy: cannot install nginx; is the S3 gateway endpoint in the route table?\n")
    (machine.state / "dnf-fails").unlink()
    (machine.state / "unhealthy").touch()
    done = machine.run(script())
    assert (done.code, done.stderr) == (1, "cache-proxy: the proxy does not answer http://127.0.0.1:8080/cache-proxy/health\n")


def test_without_the_agent_the_proxy_still_serves(machine: Instance) -> None:
    (machine.root / AGENT).unlink()
    (machine.state / "packages").write_text("nginx\nlogrotate\n")
    (machine.state / "dnf-fails").touch()
    done = machine.run(script())
    assert done.code == 0
    assert "cannot install amazon-cloudwatch-agent, so no log reaches cache-logs" in done.stderr


def test_the_programs_run_as_they_are_installed(machine: Instance, tmp_path: Path) -> None:
    assert machine.run(script()).code == 0
    for name in ("purge.py", "sign.py"):
        program = machine.root / "usr/local/lib/cache-proxy" / name
        assert program.stat().st_mode & 0o777 == 0o755
        # Amazon Linux 2023 has Python 3.9, without datetime.UTC.
        ast.parse(program.read_text(), feature_version=(3, 9))
        assert "import UTC" not in program.read_text()
    (tmp_path / "cache/0/00").mkdir(parents=True)
    (tmp_path / "cache/0/00/a").write_bytes(b"\0header\nKEY: shop.example/news?a=b\nHTTP/1.1 200 OK\r\n\r\npage")
    command = [sys.executable, str(machine.root / "usr/local/lib/cache-proxy/purge.py"), str(tmp_path / "cache"), "0", "/news"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("purged 1 copies")
