"""The image and the boot script of the NAT instance; a real shell runs it, with stand-ins for the commands that change a machine."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from cloudpatterns.blocks.server import architecture
from cloudpatterns.network.on_demand_nat.instance import user_data

SCRIPT = str(files("cloudpatterns").joinpath("network/on_demand_nat/on_aws/nat_instance.sh"))
BASH = shutil.which("bash") or "/bin/bash"
STAND_INS = ("aws", "dd", "dnf", "mkswap", "nft", "sleep", "shutdown", "swapon", "sysctl", "systemctl")
HEARTBEAT = "systemctl enable --now nat-heartbeat.timer"


@dataclass
class Machine:
    """A sandbox: a root folder, stand-in commands that note how they were called, and which of them fail."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def calls(self) -> list[str]:
        log = self.folder / "calls"
        return log.read_text().splitlines() if log.exists() else []

    def forget(self) -> None:
        (self.folder / "calls").unlink(missing_ok=True)

    def command(self, name: str, body: str = "") -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!{BASH}\necho "{name} $*" >>"{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    def without(self, name: str) -> None:
        (self.folder / "bin" / name).unlink(missing_ok=True)

    def meminfo(self, memory_kib: int, swap_kib: int = 0) -> None:
        path = self.root / "proc/meminfo"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"MemTotal:  {memory_kib} kB\nMemFree:  1 kB\nSwapTotal:  {swap_kib} kB\n")

    def forwards(self, value: str) -> None:
        path = self.root / "proc/sys/net/ipv4/ip_forward"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")

    def run(self, *arguments: str, cidr: str = "10.20.0.0/16", close: bool = True) -> subprocess.CompletedProcess[str]:
        script = self.folder / "part-001"
        script.write_text(user_data(cidr, close, 1))
        script.chmod(0o755)
        return self.execute(script, *arguments)

    def execute(self, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.folder / "bin"), "NAT_INSTANCE_ROOT": str(self.root)}
        return subprocess.run([BASH, str(script), *arguments], env=environment, capture_output=True, text=True, timeout=20, check=False)

    def text(self, path: str) -> str:
        return (self.root / path).read_text()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("cat", "chmod", "dirname", "install", "mkdir", "mv", "touch"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    for name in STAND_INS:
        made.command(name)
    # A t4g.micro.
    made.meminfo(937_984)
    made.forwards("1")
    made.command("curl", 'case "$*" in *instance-id) echo i-0a ;; */region) echo eu-west-1 ;; *) echo TOKEN ;; esac')
    return made


def test_the_shell_can_read_the_script() -> None:
    subprocess.run([BASH, "-n", SCRIPT], check=True)


def test_user_data_fits_and_is_the_script_with_its_settings_before_it() -> None:
    text = user_data("10.20.0.0/16", True, 1)
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
    assert len(text.encode()) < 16 * 1024
    assert text.splitlines()[:5] == [
        "#!/bin/bash",
        "NAT_SOURCE_CIDR=10.20.0.0/16",
        "NAT_METRIC_NAMESPACE=CloudPatterns/NatInstance",
        "NAT_REVISION=1",
        "NAT_CLOSE_AFTER_FIRST_BOOT=1",
    ]
    assert text.endswith(Path(SCRIPT).read_text())
    assert "NAT_CLOSE_AFTER_FIRST_BOOT=0\n" in user_data("10.20.0.0/16", False, 1)


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        *(("t4g.nano", "arm64"), ("c7gn.medium", "arm64"), ("im4gn.large", "arm64"), ("x2gd.medium", "arm64"), ("a1.medium", "arm64")),
        *(
            ("t3.nano", "x86_64"),
            ("c6in.large", "x86_64"),
            ("m7i-flex.large", "x86_64"),
            ("g4dn.xlarge", "x86_64"),
            ("gr6.4xlarge", "x86_64"),
        ),
    ],
)
def test_the_image_fits_the_processor(instance_type: str, expected: str) -> None:
    assert architecture(instance_type) == expected


def test_the_first_boot_installs_a_unit_and_closes(machine: Machine) -> None:
    assert machine.run().returncode == 0
    assert machine.calls == ["systemctl daemon-reload", "systemctl enable --now nat-instance.service", HEARTBEAT, "shutdown -h +1"]
    unit = machine.text("etc/systemd/system/nat-instance.service")
    assert "ExecStart=/usr/local/sbin/nat-instance configure\n" in unit
    assert "After=network-online.target\n" in unit
    assert "Restart=on-failure\n" in unit
    assert "WantedBy=multi-user.target\n" in unit
    installed = machine.root / "usr/local/sbin/nat-instance"
    assert installed.read_text() == user_data("10.20.0.0/16", True, 1)
    assert os.access(installed, os.X_OK)


def test_the_first_boot_of_an_instance_that_stays_on_does_not_close(machine: Machine) -> None:
    assert machine.run(close=False).returncode == 0
    assert "shutdown -h +1" not in machine.calls


def test_a_second_run_of_the_user_data_closes_no_window(machine: Machine) -> None:
    machine.run()
    machine.forget()
    assert machine.run().returncode == 0
    assert machine.calls == ["systemctl daemon-reload", "systemctl enable --now nat-instance.service", HEARTBEAT]


def test_a_first_run_that_fails_still_closes(machine: Machine) -> None:
    machine.command("systemctl", '[[ "$1" != enable ]]')
    result = machine.run()
    assert (result.returncode, machine.calls[-1]) == (0, "shutdown -h +1")
    assert "systemd tries again" in result.stderr


def test_every_boot_loads_the_rules_before_it_forwards(machine: Machine) -> None:
    machine.run()
    machine.forget()
    result = machine.execute(machine.root / "usr/local/sbin/nat-instance", "configure")
    assert result.returncode == 0
    rules, forwarding = machine.root / "etc/nat-instance/nat-instance.nft", machine.root / "etc/sysctl.d/90-nat-instance.conf"
    assert machine.calls == [f"nft -f {rules}", f"sysctl --quiet --load={forwarding}"]
    assert "net.ipv4.ip_forward = 1" in forwarding.read_text().splitlines()


def test_the_rules_masquerade_the_vpcs_traffic_to_elsewhere_alone(machine: Machine) -> None:
    machine.run("configure")
    assert machine.text("etc/nat-instance/nat-instance.nft").splitlines() == [
        "table ip nat_instance",
        "delete table ip nat_instance",
        "table ip nat_instance {",
        "  chain forward {",
        "    type filter hook forward priority filter; policy drop;",
        "    ct state established,related accept",
        "    ip saddr 10.20.0.0/16 ip daddr != 10.20.0.0/16 accept",
        "  }",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat; policy accept;",
        "    ip saddr 10.20.0.0/16 ip daddr != 10.20.0.0/16 masquerade",
        "  }",
        "}",
    ]


@pytest.mark.skipif(shutil.which("nft") is None, reason="no nft on PATH")
def test_nft_can_read_the_rules(machine: Machine) -> None:
    machine.run("configure")
    subprocess.run(["nft", "--check", "-f", str(machine.root / "etc/nat-instance/nat-instance.nft")], check=True)


def test_configuring_again_changes_nothing(machine: Machine) -> None:
    machine.run("configure")
    before = {path: path.read_text() for path in machine.root.rglob("*") if path.is_file()}
    assert len(before) == 4
    calls = machine.calls
    machine.forget()
    assert machine.run("configure").returncode == 0
    assert {path: path.read_text() for path in machine.root.rglob("*") if path.is_file()} == before
    assert machine.calls == calls


def test_the_packet_filter_is_installed_once_the_internet_is_there(machine: Machine) -> None:
    machine.without("nft")
    # The second attempt brings the command, as the package would.
    copy = f'if [[ -e "{machine.folder}/tried" ]]; then printf "#!{BASH}\\n" >"{machine.folder}/bin/nft"; '
    machine.command("dnf", f'{copy} {shutil.which("chmod")} +x "{machine.folder}/bin/nft"; else : >"{machine.folder}/tried"; exit 1; fi')
    assert machine.run("configure").returncode == 0
    assert machine.calls[:3] == ["dnf --quiet --assumeyes install nftables", "sleep 10", "dnf --quiet --assumeyes install nftables"]
    assert machine.calls[-1].startswith("sysctl")


def test_without_the_packet_filter_nothing_is_forwarded(machine: Machine) -> None:
    machine.without("nft")
    machine.command("dnf", "exit 1")
    assert machine.run("configure").returncode != 0
    assert [call for call in machine.calls if not call.startswith(("dnf", "sleep"))] == []
    assert len(machine.calls) == 12
    assert not (machine.root / "etc/sysctl.d").exists()


def test_rules_that_do_not_load_leave_forwarding_off(machine: Machine) -> None:
    machine.command("nft", "exit 1")
    assert machine.run("configure").returncode != 0
    assert not (machine.root / "etc/sysctl.d").exists()


# --- swap ---


def test_half_a_gibibyte_gets_swap_before_the_first_dnf(machine: Machine) -> None:
    machine.meminfo(430_000)
    machine.without("nft")
    machine.command("dd", f': >"{machine.root}/var/lib/nat-instance/swap.new"')
    machine.command("dnf", "exit 1")
    machine.run("configure")
    swap = machine.root / "var/lib/nat-instance/swap"
    assert machine.calls[:4] == [
        f"dd if=/dev/zero of={swap}.new bs=1M count=1024 status=none",
        f"mkswap {swap}.new",
        f"swapon {swap}",
        "dnf --quiet --assumeyes install nftables",
    ]
    assert (swap.stat().st_mode & 0o777, list(swap.parent.iterdir())) == (0o600, [swap])


def test_a_later_boot_uses_the_swap_file_that_is_there(machine: Machine) -> None:
    machine.meminfo(430_000)
    swap = machine.root / "var/lib/nat-instance/swap"
    swap.parent.mkdir(parents=True)
    swap.touch()
    assert machine.run("configure").returncode == 0
    assert machine.calls[0] == f"swapon {swap}"
    assert not any(call.startswith(("dd", "mkswap")) for call in machine.calls)


@pytest.mark.parametrize(("memory", "swapped"), [(937_984, 0), (430_000, 1_048_572)])
def test_enough_memory_or_swap_in_use_needs_none(machine: Machine, memory: int, swapped: int) -> None:
    machine.meminfo(memory, swapped)
    assert machine.run("configure").returncode == 0
    assert not any(call.startswith(("dd", "mkswap", "swapon")) for call in machine.calls)


@pytest.mark.parametrize("command", ["dd", "mkswap", "swapon"])
def test_a_machine_without_room_for_swap_goes_on(machine: Machine, command: str) -> None:
    machine.meminfo(430_000)
    machine.command("dd", f': >"{machine.root}/var/lib/nat-instance/swap.new"')
    machine.command(command, "exit 1")
    result = machine.run("configure")
    assert (result.returncode, machine.calls[-1].split()[0]) == (0, "sysctl")
    assert "swap file" in result.stderr


# --- the heartbeat ---


def test_a_timer_reports_every_minute(machine: Machine) -> None:
    machine.run()
    assert "ExecStart=/usr/local/sbin/nat-instance heartbeat\n" in machine.text("etc/systemd/system/nat-heartbeat.service")
    timer = machine.text("etc/systemd/system/nat-heartbeat.timer")
    assert "OnCalendar=minutely\n" in timer
    assert "WantedBy=timers.target\n" in timer


def test_the_heartbeat_is_published_once_the_rules_are_loaded_and_the_kernel_forwards(machine: Machine) -> None:
    assert machine.run("heartbeat").returncode == 0
    first, second, token, instance, region, published = machine.calls
    assert (first, second) == ("nft list chain ip nat_instance postrouting", "nft list chain ip nat_instance forward")
    assert token.endswith("http://169.254.169.254/latest/api/token")
    for call, path in ((instance, "instance-id"), (region, "placement/region")):
        assert call.endswith(f"--header X-aws-ec2-metadata-token: TOKEN http://169.254.169.254/latest/meta-data/{path}")
    assert published == (
        "aws cloudwatch put-metric-data --region eu-west-1 --namespace CloudPatterns/NatInstance --metric-name Heartbeat --unit Count "
        "--value 1 --dimensions InstanceId=i-0a --cli-connect-timeout 10 --cli-read-timeout 10"
    )


@pytest.mark.parametrize("fault", ["no nft", "no table", "no forwarding", "no metadata"])
def test_an_instance_that_does_not_forward_has_no_heartbeat(machine: Machine, fault: str) -> None:
    if fault == "no nft":
        machine.without("nft")
    elif fault == "no table":
        machine.command("nft", "exit 1")
    elif fault == "no forwarding":
        machine.forwards("0")
    else:
        machine.command("curl", "exit 22")
    assert machine.run("heartbeat").returncode != 0
    assert not any(call.startswith("aws") for call in machine.calls)


def test_a_heartbeat_that_cannot_be_published_is_a_failure_of_its_unit(machine: Machine) -> None:
    machine.command("aws", "exit 255")
    assert machine.run("heartbeat").returncode == 255


@pytest.mark.parametrize("cidr", ["", "10.20.0.0", "2001:db8::/32", "0.0.0.0/0; drop"])
def test_addresses_that_are_none_stop_it_before_anything_is_done(machine: Machine, cidr: str) -> None:
    result = machine.run(cidr=cidr)
    assert (result.returncode, machine.calls) == (2, [])
    assert "an IPv4 network such as 10.20.0.0/16 is needed" in result.stderr


def test_an_unknown_command_is_refused(machine: Machine) -> None:
    result = machine.run("start")
    assert (result.returncode, machine.calls) == (2, [])
    assert "unknown command 'start'; known are configure and heartbeat" in result.stderr
