"""The script of ``OnDemandDisk``, run by a real shell on block devices, with real file systems and LVM.

A volume is a loop device. LVM itself is real: physical volumes, volume groups and extents stand on those devices. Where the kernel has no
device mapper, as in most containers, the logical volume's own block device cannot be: a loop device of its size takes its place. It needs
root, and skips elsewhere.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.storage import OnDemandDisk
from cloudpatterns.storage.on_demand_disk.script import boot_script

SCRIPT = str(files("cloudpatterns").joinpath("storage/on_demand_disk/on_aws/disk.sh"))
PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
BASH = shutil.which("bash") or "/bin/bash"
LVM = ("lvcreate", "lvextend", "lvs", "pvcreate", "pvresize", "pvs", "vgchange", "vgcreate", "vgextend", "vgs")
READERS = ("lvs", "pvs", "vgs")
TOOLS = (
    *("awk", "blkid", "cat", "chmod", "cmp", "date", "df", "dirname", "findmnt", "flock", "ls", "mkdir", "mkfs.ext4", "mkfs.xfs", "mount"),
    *("mountpoint", "mv", "readlink", "resize2fs", "rm", "sed", "sort", "sync", "tail", "tee", "tr", "umount", "xfs_growfs"),
)
# Each of these changes something that a power failure may cut off from the next.
WRITERS = (
    *("chmod", "lvcreate", "lvextend", "mkdir", "mkfs.ext4", "mkfs.xfs", "mount", "mv", "pvcreate", "pvresize", "resize2fs", "rm", "sync"),
    *("umount", "vgcreate", "vgextend", "xfs_growfs"),
)
MIB = 2**20


def _missing() -> str:
    """Why the tests cannot run here; empty where they can."""
    if os.geteuid() != 0:
        return "root is needed for loop devices and mounts"
    absent = [name for name in (*TOOLS, "lvm", "losetup") if shutil.which(name, path=PATH) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    made = subprocess.run(["losetup", "--find"], env={"PATH": PATH}, capture_output=True, text=True, check=False)
    return "" if made.returncode == 0 else f"no loop device is to be had: {made.stderr.strip()}"


REASON = _missing()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


# The kernel asks for it when ext4 grows; XFS needs root alone.
_SYS_RESOURCE = 1 << 24
GROWS_EXT4 = pytest.mark.skipif(
    not int(Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16) & _SYS_RESOURCE,
    reason="ext4 grows with CAP_SYS_RESOURCE alone",
)


def tool(name: str, *arguments: str) -> str:
    return subprocess.run([name, *arguments], env={"PATH": PATH}, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Machine:
    """An instance: a root folder, volumes, and commands that note how they were called."""

    folder: Path
    volumes: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def mount_path(self) -> Path:
        return self.root / "srv/data"

    @property
    def log(self) -> str:
        path = self.root / "var/log/on-demand-disk-data.log"
        return path.read_text() if path.exists() else ""

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def changes(self) -> list[str]:
        return [call for call in self.calls if call.split()[0] in WRITERS]

    @property
    def notes(self) -> list[str]:
        folder = self.root / "var/lib/on-demand-disk/data"
        return sorted(path.name for path in folder.iterdir() if path.name not in ("lock", "probe"))

    def attach(self, volume: str, mib: int) -> str:
        """A new volume, blank; the kernel shows it under its id."""
        image = self.folder / f"{volume}.img"
        with image.open("ab") as file:
            file.truncate(mib * MIB)
        device = tool("losetup", "--find", "--show", str(image))
        self.volumes[volume] = device
        self._link(volume, device)
        self._filter()
        return device

    def _link(self, volume: str, device: str) -> None:
        link = self.root / f"dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(device)

    def _filter(self) -> None:
        """LVM sees the volumes of this machine and no others."""
        accepted = "".join(f'"a|^{device}$|", ' for device in self.volumes.values())
        (self.folder / "lvm").mkdir(exist_ok=True)
        (self.folder / "lvm/lvm.conf").write_text(f'devices {{ use_devicesfile = 0\n filter = [ {accepted}"r|.*|" ] }}\n')

    def enlarge(self, volume: str, mib: int) -> None:
        with (self.folder / f"{volume}.img").open("ab") as file:
            file.truncate(mib * MIB)
        tool("losetup", "--set-capacity", self.volumes[volume])

    def command(self, name: str, body: str) -> None:
        """A command that notes its call, does ``body``, and loses power afterwards when it is the one that the test names."""
        path = self.folder / "bin" / name
        lines = [f"#!{BASH}", f'echo "{name} $*" >>"{self.folder}/calls"', body, "status=$?"]
        if name in WRITERS:
            # A new call is the last one of its run.
            survived = f"{self.folder}/survived"
            seen = f'while read -r line; do [[ "$line" != "{name} $*" ]] || seen=1; done <"{survived}"'
            lines += [f'if [[ -e "{survived}" ]]; then {seen}']
            lines += [f'[[ -n "${{seen:-}}" ]] || {{ echo "{name} $*" >>"{survived}"; kill -KILL 0; }}; fi']
        path.write_text("\n".join([*lines, 'exit "$status"', ""]))
        path.chmod(0o755)

    def _lvm(self, name: str) -> str:
        """The real command without the kernel's part, and a loop device in the place of the logical volume's own."""
        real = f'LVM_SYSTEM_DIR="{self.folder}/lvm" {shutil.which("lvm", path=PATH)} %s --driverloaded n'
        quiet = f'2> >(PATH="{PATH}" grep --invert-match "Activation disabled\\|not zeroed" >&2)'
        if name not in ("lvcreate", "lvextend", "vgchange"):
            return f'{real % name} "$@" {quiet}'
        # Without the kernel a logical volume is neither active nor wiped.
        changed = f"""
        arguments=("$@")
        for index in "${{!arguments[@]}}"; do [[ "${{arguments[index]}}" != y ]] || arguments[index]=n; done
        {real % name} "${{arguments[@]}}" {"--activate n" if name == "lvcreate" else ""} {quiet}
        status=$?"""
        shown = f"""
        PATH="{PATH}"
        read -r group volume size < <({real % "lvs"} --noheadings --nosuffix --units b -o vg_name,lv_name,lv_size 2>/dev/null)
        link="{self.root}/dev/$group/$volume"
        mkdir -p "${{link%/*}}"
        truncate --size "$size" "{self.folder.parent}/logical-volume.img"
        [[ -b "$link" ]] || ln -sfn "$(losetup --find --show "{self.folder.parent}/logical-volume.img")" "$link"
        losetup --set-capacity "$link"
        (exit "${{status:-0}}")"""
        return shown if name == "vgchange" else changed + shown

    def install(self) -> None:
        (self.folder / "bin").mkdir(parents=True)
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc/fstab").write_text("# the image's\nUUID=root / xfs defaults 0 0\n")
        (self.root / "usr/local/sbin").mkdir(parents=True)
        for name in TOOLS:
            self.command(name, f'{shutil.which(name, path=PATH)} "$@"')
        for name in LVM:
            self.command(name, self._lvm(name))
        self.command("systemctl", ":")
        self.command("dnf", "exit 1")
        self.command("sleep", ":")
        self.command("curl", 'case "$*" in *instance-id) echo i-0a ;; */region) echo eu-west-1 ;; *) echo TOKEN ;; esac')
        self.command("aws", ":")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "calls").unlink(missing_ok=True)
        given: Any = {
            "volumes": {"a": {"size_gib": 1}},
            "mount_path": "/srv/data",
            "availability_zone": "eu-west-1a",
        }
        checked: Any = OnDemandDisk.check("data", {**given, "attach_timeout_seconds": 30, **self.settings, "layout": "linear"})
        checked["layout"] = self.settings.get("layout", "linear")
        whole = boot_script("data", checked, list(self.volumes))
        whole = whole.replace("/usr/local/sbin", f"{self.root}/usr/local/sbin")
        script = self.folder / "user-data"
        script.write_text(whole)
        installed = self.root / "usr/local/sbin/on-demand-disk-data"
        command = [BASH, str(installed), *arguments] if arguments else [BASH, str(script)]
        environment = {"PATH": str(self.folder / "bin"), "BOOT_ROOT": str(self.root)}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        output, errors = process.communicate(timeout=60)
        if process.returncode == -signal.SIGKILL:
            self.lose_power()
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def lose_power(self) -> None:
        """Mounts are gone, and so are the kernel's block devices of logical volumes."""
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if (point := line.split()[1]).startswith(f"{self.root}/"):
                tool("umount", point)
        group = self.root / "dev" / self.settings.get("volume_group_name", "data")
        for link in group.iterdir() if group.is_dir() else ():
            tool("losetup", "--detach", str(link.resolve()))
            link.unlink()

    def move(self, volume: str, other: "Machine") -> None:
        """Detaches a volume and attaches it to another instance."""
        device = self.volumes.pop(volume)
        other.volumes[volume] = device
        other._link(volume, device)
        other._filter()

    def group(self, columns: str) -> str:
        environment = {"PATH": PATH, "LVM_SYSTEM_DIR": str(self.folder / "lvm")}
        command = ["lvm", "vgs", "--driverloaded", "n", "--noheadings", "-o", columns]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def used(self, column: str) -> int:
        return int(tool("df", f"--output={column}", "--block-size=1M", str(self.mount_path)).splitlines()[1])

    def end(self) -> None:
        self.lose_power()
        for device in self.volumes.values():
            tool("losetup", "--detach", device)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "one")
    made.install()
    yield made
    made.end()


def test_the_shell_can_read_the_script() -> None:
    subprocess.run([BASH, "-n", SCRIPT], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck on PATH")
def test_shellcheck_finds_nothing(machine: Machine) -> None:
    subprocess.run(["shellcheck", SCRIPT], check=True)
    # With its settings and without its comments, as the instance has it.
    machine.attach("vol-0a", 320)
    machine.settings["layout"] = "single"
    machine.run()
    subprocess.run(["shellcheck", str(machine.root / "usr/local/sbin/on-demand-disk-data")], check=True)


@pytest.mark.parametrize("file_system", ["xfs", "ext4"])
def test_volumes_are_joined_formatted_and_mounted(machine: Machine, file_system: str) -> None:
    machine.settings["file_system"] = file_system
    size = 200 if file_system == "xfs" else 64
    for volume in ("vol-0a", "vol-0b"):
        machine.attach(volume, size)
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert machine.used("size") > size * 1.5
    assert machine.notes == []
    uuid = tool("findmnt", "--noheadings", "--output", "UUID", str(machine.mount_path))
    assert (machine.root / "etc/fstab").read_text().splitlines() == [
        "# the image's",
        "UUID=root / xfs defaults 0 0",
        f"UUID={uuid} /srv/data {file_system} noatime,nodev,nosuid,nofail,x-on-demand-disk=data 0 2",
    ]
    assert [line.split(": ", 1)[1] for line in machine.log.splitlines() if "on-demand-disk-data: " in line] == [
        f"created the file system {file_system} {uuid}",
        "mounted at /srv/data",
    ]


def test_the_boot_script_is_idempotent(machine: Machine) -> None:
    """The second run changes nothing: neither volumes nor fstab nor the files on the disk."""
    for volume in ("vol-0a", "vol-0b"):
        machine.attach(volume, 320)
    assert machine.run().returncode == 0
    (machine.mount_path / "orders").write_text("17")
    os.sync()
    fstab = (machine.root / "etc/fstab").read_text()
    group = machine.group("vg_seqno,vg_size,lv_size")
    result = machine.run()
    assert result.returncode == 0, result.stderr
    # The script installs itself anew, with the same text; xfs_growfs finds nothing to do.
    assert {call.split()[0] for call in machine.changes} == {"chmod", "mkdir", "mv", "sync", "xfs_growfs"}
    assert [call for call in machine.changes if call.startswith("mv")] == [
        f"mv {machine.root}/usr/local/sbin/on-demand-disk-data.new {machine.root}/usr/local/sbin/on-demand-disk-data"
    ]
    # LVM numbers each change of its metadata.
    assert machine.group("vg_seqno,vg_size,lv_size") == group
    assert (machine.root / "etc/fstab").read_text() == fstab
    assert (machine.mount_path / "orders").read_text() == "17"
    assert machine.log.count("created the file system") == machine.log.count("mounted at") == 1


@pytest.mark.parametrize(
    ("layout", "file_system"), [("single", "xfs"), pytest.param("single", "ext4", marks=GROWS_EXT4), ("linear", "xfs"), ("striped", "xfs")]
)
def test_a_grown_volume_grows_the_file_system(machine: Machine, layout: str, file_system: str) -> None:
    size = 320
    machine.settings |= {"layout": layout, "file_system": file_system}
    volumes = ["vol-0a"] if layout == "single" else ["vol-0a", "vol-0b"]
    for volume in volumes:
        machine.attach(volume, size)
    assert machine.run().returncode == 0
    (machine.mount_path / "orders").write_text("17")
    before = machine.used("size")
    for volume in volumes:
        machine.enlarge(volume, size * 2)
    result = machine.run()
    assert result.returncode == 0, result.stderr
    # While it is mounted.
    assert not any(call.startswith(("mount ", "umount ")) for call in machine.calls)
    assert machine.used("size") > before * 1.8
    assert (machine.mount_path / "orders").read_text() == "17"


def test_stripes_grow_when_all_their_volumes_have_grown(machine: Machine) -> None:
    machine.settings["layout"] = "striped"
    for volume in ("vol-0a", "vol-0b"):
        machine.attach(volume, 320)
    assert machine.run().returncode == 0
    assert "--stripes 2 --stripesize 64k" in next(call for call in machine.calls if call.startswith("lvcreate"))
    before = machine.used("size")
    machine.enlarge("vol-0a", 640)
    assert machine.run().returncode == 0
    assert machine.used("size") == before
    assert "80 extents are not in use: 2 stripes need as much on 2 volumes" in machine.log
    machine.enlarge("vol-0b", 640)
    assert machine.run().returncode == 0
    assert machine.used("size") > before * 1.8


def test_a_volume_that_is_added_grows_the_file_system(machine: Machine) -> None:
    machine.attach("vol-0a", 320)
    assert machine.run().returncode == 0
    (machine.mount_path / "orders").write_text("17")
    before = machine.used("size")
    machine.attach("vol-0b", 320)
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert machine.used("size") > before * 1.8
    assert (machine.mount_path / "orders").read_text() == "17"
    assert machine.notes == []


@pytest.mark.parametrize("layout", ["single", "linear"])
def test_the_disk_outlives_its_instance(machine: Machine, tmp_path: Path, layout: str) -> None:
    machine.settings["layout"] = layout
    machine.attach("vol-0a", 320)
    assert machine.run().returncode == 0
    (machine.mount_path / "orders").write_text("17")
    machine.lose_power()
    other = Machine(tmp_path / "two", settings=machine.settings)
    other.install()
    machine.move("vol-0a", other)
    try:
        result = other.run()
        assert result.returncode == 0, result.stderr
        assert (other.mount_path / "orders").read_text() == "17"
        assert not any(call.startswith(("mkfs", "pvcreate", "lvcreate")) for call in other.calls)
    finally:
        other.end()


def _files(device: str) -> str:
    tool("mkfs.ext4", "-q", device)
    return "ext4"


def _raw(device: str) -> str:
    # As a database on the raw device would.
    with open(device, "r+b") as file:
        file.seek(700_000)
        file.write(b"ORDERS")
    return ""


def _partitions(device: str) -> str:
    with open(device, "r+b") as file:
        entry = bytes([0x00, 0, 2, 0, 0x83, 0, 3, 0]) + (2048).to_bytes(4, "little") + (4096).to_bytes(4, "little")
        file.seek(446)
        file.write(entry)
        file.seek(510)
        file.write(b"\x55\xaa")
    return "partition table"


def _swap(device: str) -> str:
    tool("mkswap", device)
    return "swap"


@pytest.mark.parametrize(
    ("write", "layout", "reason"),
    [
        (_files, "linear", "volume vol-0b has data (ext4); it is not used for LVM, and nothing was written to it"),
        (_swap, "linear", "volume vol-0b has data (swap); it is not used for LVM, and nothing was written to it"),
        (_partitions, "linear", "volume vol-0b has data (partition table); it is not used for LVM, and nothing was written to it"),
        (_raw, "linear", "volume vol-0b is not blank, and has no known signature; nothing was written to it"),
        (_swap, "single", "the disk has data (swap), not a file system xfs; nothing was written to it"),
        (_files, "single", "the disk has data (ext4), not a file system xfs; nothing was written to it"),
        (_partitions, "single", "the disk has data (partition table), not a file system xfs; nothing was written to it"),
        (_raw, "single", "the disk is not blank, and has no known signature; nothing was written to it"),
    ],
)
def test_a_disk_with_data_on_it_is_never_formatted(machine: Machine, write: Any, layout: str, reason: str) -> None:
    machine.settings |= {"layout": layout, "file_system": "xfs"}
    if layout == "linear":
        machine.attach("vol-0a", 64)
    device = machine.attach("vol-0b", 64)
    write(device)
    tool("sync", device)
    before = {name: (machine.folder / f"{name}.img").read_bytes() for name in machine.volumes}
    for _ in range(2):
        result = machine.run()
        assert result.returncode == 1
        assert machine.log.splitlines()[-1].endswith(f"on-demand-disk-data: stopped: {reason}")
    # The blank volume beside it is as it was, too.
    assert {name: (machine.folder / f"{name}.img").read_bytes() for name in machine.volumes} == before
    assert machine.notes == []
    assert not (machine.mount_path).exists()


def test_a_volume_of_another_group_is_left_alone(machine: Machine) -> None:
    machine.attach("vol-0a", 320)
    assert machine.run().returncode == 0
    machine.settings["volume_group_name"] = "other"
    assert machine.run().returncode == 1
    reason = "stopped: volume vol-0a belongs to the volume group 'data', not to other; nothing was written to it"
    assert machine.log.splitlines()[-1].endswith(reason)
    machine.settings.pop("volume_group_name")


def test_an_existing_file_system_is_mounted_as_it_is(machine: Machine) -> None:
    machine.settings["layout"] = "single"
    device = machine.attach("vol-0a", 320)
    tool("mkfs.xfs", "-q", "-L", "old", device)
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert tool("findmnt", "--noheadings", "--output", "LABEL", str(machine.mount_path)) == "old"
    assert not any(call.startswith("mkfs") for call in machine.calls)


# --- power failures ---


def power_fails_until_done(machine: Machine) -> int:
    """Runs the script again and again; each run loses power after its first change that no run before it lost power at."""
    (machine.folder / "survived").touch()
    for failures in range(100):
        result = machine.run()
        if result.returncode == 0:
            (machine.folder / "survived").unlink()
            return failures
        assert result.returncode == -signal.SIGKILL, result.stderr
    raise AssertionError("it never ends")


@pytest.mark.parametrize("layout", ["single", "linear"])
def test_a_power_failure_between_any_two_commands_ends_right(machine: Machine, layout: str) -> None:
    """Of a first boot, and of a volume that has grown. It is slow: some forty boots."""
    machine.settings["layout"] = layout
    machine.attach("vol-0a", 320)
    failures = power_fails_until_done(machine)
    assert failures >= (14 if layout == "single" else 19)
    assert machine.log.count("mounted at /srv/data") >= 1
    assert machine.notes == []
    (machine.mount_path / "orders").write_text("17")
    before = machine.used("size")
    machine.enlarge("vol-0a", 640)
    if layout == "linear":
        machine.attach("vol-0b", 320)
    power_fails_until_done(machine)
    assert machine.used("size") > before * (1.8 if layout == "single" else 2.7)
    assert (machine.mount_path / "orders").read_text() == "17"
    assert machine.notes == []
    lines = [line for line in (machine.root / "etc/fstab").read_text().splitlines() if "/srv/data" in line]
    assert len(lines) == 1


@pytest.mark.parametrize("file_system", ["xfs", "ext4"])
def test_a_file_system_that_was_begun_is_finished(machine: Machine, file_system: str) -> None:
    """The creation itself is cut short: XFS has its superblock then, with the mark that it is not whole, and ext4 has none."""
    machine.settings |= {"layout": "single", "file_system": file_system}
    device = machine.attach("vol-0a", 320 if file_system == "xfs" else 64)
    real, offset = shutil.which(f"mkfs.{file_system}", path=PATH), 126 if file_system == "xfs" else 0x438
    torn = r"\x01" if file_system == "xfs" else r"\x00\x00"
    machine.command(
        f"mkfs.{file_system}",
        f'{real} "$@"; printf "{torn}" | PATH="{PATH}" dd of={device} bs=1 seek={offset} conv=notrunc status=none; kill -KILL 0',
    )
    assert machine.run().returncode == -signal.SIGKILL
    assert machine.notes == ["file-system"]
    machine.command(f"mkfs.{file_system}", f'{real} "$@"')
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert machine.notes == []
    assert machine.mount_path.is_mount()


def test_a_file_system_that_was_finished_is_kept(machine: Machine) -> None:
    """Power fails behind mkfs, before the script knows of it; somebody may have mounted the file system by hand since."""
    machine.settings["layout"] = "single"
    device = machine.attach("vol-0a", 320)
    real = shutil.which("mkfs.xfs", path=PATH)
    machine.command("mkfs.xfs", f'{real} "$@"; kill -KILL 0')
    assert machine.run().returncode == -signal.SIGKILL
    by_hand = machine.folder / "by-hand"
    by_hand.mkdir()
    tool("mount", device, str(by_hand))
    (by_hand / "orders").write_text("17")
    tool("umount", str(by_hand))
    assert machine.run().returncode == 0
    assert (machine.mount_path / "orders").read_text() == "17"
    assert not any(call.startswith("mkfs") for call in machine.calls)


# --- failures ---


def test_a_late_attachment_is_waited_for(machine: Machine) -> None:
    machine.attach("vol-0a", 320)
    link = machine.root / "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0a"
    device = link.resolve()
    link.unlink()
    machine.command("sleep", f'PATH="{PATH}" ln -s {device} {link}')
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert "sleep 5" in machine.calls


def test_a_volume_that_is_not_attached_stops_it(machine: Machine) -> None:
    machine.volumes["vol-0c"] = "/dev/null"
    # The shell's clock does not wait with the test.
    machine.settings["attach_timeout_seconds"] = 30
    machine.command("sleep", f'PATH="{PATH}" sleep 1')
    text = boot_script("data", {**OnDemandDisk.check("data", _ARGS)}, ["vol-0c"]).replace(
        "DISK_ATTACH_SECONDS=600", "DISK_ATTACH_SECONDS=1"
    )
    script = machine.folder / "late"
    script.write_text(text.replace("/usr/local/sbin", f"{machine.root}/usr/local/sbin"))
    environment = {"PATH": str(machine.folder / "bin"), "BOOT_ROOT": str(machine.root)}
    result = subprocess.run([BASH, str(script)], env=environment, capture_output=True, text=True, timeout=20, check=False)
    machine.volumes.clear()
    assert result.returncode == 1
    assert machine.log.splitlines()[-1].endswith("stopped: volume vol-0c is not attached after 1 seconds")


_ARGS: Any = {"volumes": {"a": {"size_gib": 1}}, "mount_path": "/srv/data", "availability_zone": "eu-west-1a"}


@pytest.mark.parametrize("command", ["pvcreate", "vgcreate", "lvcreate", "mkfs.xfs", "mount", "xfs_growfs", "systemctl", "mv"])
def test_each_failure_stops_with_its_reason_in_the_log(machine: Machine, command: str) -> None:
    machine.attach("vol-0a", 320)
    machine.command(command, f'echo "{command}: no luck" >&2; false')
    result = machine.run()
    assert result.returncode != 0
    if command == "mv":
        # The script is not there yet; cloud-init's log has the output.
        assert "mv: no luck" in result.stderr
        return
    last = machine.log.splitlines()[-1]
    assert f"on-demand-disk-data: stopped: {command} " in last, machine.log
    assert " failed with 1 in line " in last


def test_tools_that_are_missing_are_installed(machine: Machine) -> None:
    machine.attach("vol-0a", 320)
    (machine.folder / "bin/pvcreate").rename(machine.folder / "pvcreate")
    attempts = machine.folder / "attempts"
    machine.command(
        "dnf", f'[[ -e {attempts} ]] || {{ : >{attempts}; exit 1; }}; PATH="{PATH}" mv {machine.folder}/pvcreate {machine.folder}/bin/'
    )
    result = machine.run()
    assert result.returncode == 0, result.stderr
    assert [call for call in machine.calls if call.startswith(("dnf", "sleep"))] == [
        "dnf --quiet --assumeyes install lvm2",
        "sleep 10",
        "dnf --quiet --assumeyes install lvm2",
    ]
    assert "attempt 1 to install lvm2 failed" in machine.log


def test_tools_that_cannot_be_installed_stop_it(machine: Machine) -> None:
    machine.attach("vol-0a", 320)
    (machine.folder / "bin/pvcreate").unlink()
    assert machine.run().returncode == 1
    assert machine.log.splitlines()[-1].endswith("stopped: pvcreate is missing, and lvm2 could not be installed")


def test_files_below_the_mount_point_are_not_hidden(machine: Machine) -> None:
    machine.settings["layout"] = "single"
    machine.attach("vol-0a", 320)
    machine.mount_path.mkdir(parents=True)
    (machine.mount_path / "orders").write_text("17")
    assert machine.run().returncode == 1
    assert machine.log.splitlines()[-1].endswith("stopped: /srv/data is not empty; move what is there")
    (machine.mount_path / "orders").unlink()
    assert machine.run().returncode == 0


def test_an_entry_of_somebody_else_in_fstab_stops_it(machine: Machine) -> None:
    machine.settings["layout"] = "single"
    machine.attach("vol-0a", 320)
    with (machine.root / "etc/fstab").open("a") as file:
        file.write("LABEL=old /srv/data xfs defaults 0 0\n")
    assert machine.run().returncode == 1
    reason = "stopped: /srv/data has another entry in /etc/fstab: LABEL=old /srv/data xfs defaults 0 0"
    assert machine.log.splitlines()[-1].endswith(reason)


def test_every_boot_runs_the_script_again(machine: Machine) -> None:
    machine.settings["layout"] = "single"
    machine.attach("vol-0a", 320)
    machine.run()
    folder = machine.root / "etc/systemd/system"
    unit = (folder / "on-demand-disk-data.service").read_text()
    assert f"ExecStart={machine.root}/usr/local/sbin/on-demand-disk-data\n" in unit
    assert "TimeoutStartSec=930\n" in unit
    assert "WantedBy=multi-user.target\n" in unit
    assert "OnCalendar=minutely\n" in (folder / "on-demand-disk-data-report.timer").read_text()
    assert [call for call in machine.calls if call.startswith("systemctl")] == [
        "systemctl daemon-reload",
        "systemctl enable on-demand-disk-data.service",
        "systemctl enable --now on-demand-disk-data-report.timer",
    ]
    machine.lose_power()
    result = machine.run("configure")
    assert result.returncode == 0, result.stderr
    assert machine.mount_path.is_mount()


# --- the metric ---


def test_the_used_space_is_published_while_the_disk_is_mounted(machine: Machine) -> None:
    machine.settings["layout"] = "single"
    machine.attach("vol-0a", 320)
    machine.run()
    (machine.mount_path / "half").write_bytes(b"x" * 130 * MIB)
    assert machine.run("report").returncode == 0
    percent = int(tool("df", "--output=pcent", str(machine.mount_path)).splitlines()[1].strip(" %"))
    assert percent > 40
    assert machine.calls[-1] == (
        "aws cloudwatch put-metric-data --region eu-west-1 --namespace CloudPatterns/OnDemandDisk --metric-name UsedPercent --unit Percent "
        f"--value {percent} --dimensions Disk=data,InstanceId=i-0a --cli-connect-timeout 10 --cli-read-timeout 10"
    )
    machine.lose_power()
    assert machine.run("report").returncode == 1
    assert not any(call.startswith("aws") for call in machine.calls)
    assert machine.log.splitlines()[-1].endswith("stopped: nothing is mounted at /srv/data")


def test_inodes_can_run_out_first(machine: Machine) -> None:
    machine.settings["layout"] = "single"
    machine.attach("vol-0a", 320)
    machine.run()
    machine.command("df", 'echo "Use% IUse%"; echo "  8%   97%"')
    machine.run("report")
    assert "--value 97 " in machine.calls[-1]
    machine.command("df", 'echo "Use% IUse%"; echo "  8%     -"')
    machine.run("report")
    assert "--value 8 " in machine.calls[-1]


def test_an_unknown_command_is_refused(machine: Machine) -> None:
    machine.settings["layout"] = "single"
    machine.attach("vol-0a", 320)
    machine.run()
    assert machine.run("start").returncode == 1
    assert machine.log.splitlines()[-1].endswith("stopped: unknown command 'start'; known are configure and report")
