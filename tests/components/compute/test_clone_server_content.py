"""The scripts that bring the content of the master to the clones, run by a real shell with the real AWS CLI against an emulated S3.

A call of the AWS CLI takes half a second; the tests that publish make four to nine.
"""

from pathlib import Path

import pytest
from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.compute.clone_server import documents

from tests.emulators.instance import REGION, Done, Instance

FOLDER = Path(documents.__file__).parent / "on_aws"
STATE, SCRIPT = "var/lib/cloudpatterns-content", "usr/local/sbin/cloudpatterns-content"
TIMER = "etc/systemd/system/cloudpatterns-content.timer"
MASTER, CLONE = "i-0123456789abcdef0", "i-0123456789abcdef1"


@pytest.fixture(autouse=True)
def mounts(instance: Instance) -> Path:
    """The kernel's list of mounts."""
    instance.programs("realpath")
    return write(instance, "/dev/nvme0n1p1 / xfs rw 0 0\n", "proc/self/mounts")


def content(mode: str, folder: str, heartbeat: str = "") -> str:
    settings = {"MODE": mode, "BUCKET": "content", "PREFIX": "shop", "FOLDER": folder, "HEARTBEAT": heartbeat}
    return boot_script(FOLDER / "content.sh", settings)


def run(instance: Instance, mode: str, folder: str = "/srv/www", heartbeat: str = "") -> Done:
    """Runs the script on an instance where it is installed."""
    (instance.root / STATE).mkdir(parents=True, exist_ok=True)
    (instance.root / STATE / "instance").write_text(MASTER)
    return instance.run(content(mode, folder, heartbeat))


def install(instance: Instance, mode: str, minutes: int = 5) -> Done:
    settings = {"CONTENT_SCRIPT": content(mode, "/srv/www"), "MODE": mode, "INTERVAL_MINUTES": minutes}
    return instance.run(boot_script(FOLDER / "install.sh", settings))


def marker(instance: Instance) -> bytes:
    return instance.account.client("s3").get_object(Bucket="content", Key="shop/marker")["Body"].read()


def bucket(instance: Instance) -> None:
    instance.account.client("s3").create_bucket(Bucket="content", CreateBucketConfiguration={"LocationConstraint": REGION})


def write(instance: Instance, text: str, path: str = "srv/www/index.html") -> Path:
    file = instance.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_content_reaches_the_clones_and_never_goes_back(instance: Instance) -> None:
    bucket(instance)
    old = write(instance, "of the image", "srv/clone/old.html")
    # Nothing is published yet: what the image has stays.
    assert run(instance, "clone", "/srv/clone").code == 0
    assert old.exists()
    write(instance, "one")
    assert run(instance, "master", heartbeat="yes").code == 0
    first = marker(instance)
    [metric] = instance.account.client("cloudwatch").list_metrics(Namespace="CloudPatterns/CloneServer")["Metrics"]
    assert (metric["MetricName"], metric["Dimensions"]) == ("ContentPublished", [{"Name": "Content", "Value": "content/shop"}])
    assert (run(instance, "master").code, marker(instance)) == (0, first)
    instance.forget()
    assert run(instance, "clone", "/srv/clone").code == 0
    assert [path.name for path in (instance.root / "srv/clone").iterdir()] == ["index.html"]
    assert not [call for call in instance.calls("aws") if "put-object" in call or call[3:5] == ["-", "s3://content/shop/marker"]]
    # The marker is the same: a clone copies nothing.
    instance.forget()
    assert run(instance, "clone", "/srv/clone").code == 0
    assert not [call for call in instance.calls("aws") if "sync" in call]


def test_what_servers_share_below_the_folder_is_neither_published_nor_emptied(instance: Instance, mounts: Path) -> None:
    bucket(instance)
    for file in ("index.html", "media/logo.png", "shared [1]/of-the-master"):
        write(instance, "published", f"srv/www/{file}")
    shared, old = write(instance, "of all", "srv/clone/shared [1]/upload.png"), write(instance, "old", "srv/clone/media/old.png")
    lines = [
        f"127.0.0.1:/ {folder}/shared\\040[1] nfs4 rw 0 0\n/dev/nvme1n1 {folder}/media xfs rw 0 0" for folder in ("/srv/www", "/srv/clone")
    ]
    mounts.write_text("\n".join(["/dev/nvme0n1p1 / xfs rw 0 0", "127.0.0.1:/ /srv/clone2 nfs4 rw 0 0", *lines]) + "\n")
    assert run(instance, "master").code == 0
    found = instance.account.client("s3").list_objects_v2(Bucket="content", Prefix="shop/content/")["Contents"]
    assert [one["Key"] for one in found] == ["shop/content/index.html", "shop/content/media/logo.png"]
    assert run(instance, "clone", "/srv/clone").code == 0
    # A disk of the server's own is content.
    assert (shared.exists(), old.exists(), instance.file("srv/clone/media/logo.png")) == (True, False, "published")


def test_after_a_run_that_failed_the_next_one_writes_the_marker_for_the_clones(instance: Instance) -> None:
    bucket(instance)
    write(instance, "one")
    # The files arrive, and the marker does not.
    instance.stand_in("date", "exit 1")
    failed = run(instance, "master")
    assert (failed.code, failed.stderr.splitlines()[-1]) == (1, "content: the marker could not be written to s3://content/shop/marker")
    instance.programs("date")
    assert run(instance, "master").code == 0
    assert marker(instance) != b""
    # To a clone that knows an older marker, this one is news.
    write(instance, '"older"\t2026-11-01T00:00:00Z\n', f"{STATE}/seen")
    assert run(instance, "clone", "/srv/clone").code == 0
    assert instance.file("srv/clone/index.html") == "one"


@pytest.mark.parametrize("folder", ["/srv/www", "/srv/no-such-folder"])
def test_a_folder_without_files_publishes_nothing(instance: Instance, folder: str) -> None:
    (instance.root / "srv/www").mkdir(parents=True)
    done = run(instance, "master", folder)
    assert (done.code, done.stderr, instance.calls("aws")) == (1, f"content: {folder} has no files: nothing was published\n", [])


def test_a_bucket_that_cannot_be_read_leaves_the_content(instance: Instance) -> None:
    file = write(instance, "of the image")
    done = run(instance, "clone")
    assert (done.code, done.stderr.splitlines()[-1]) == (1, "content: s3://content could not be read")
    assert file.read_text() == "of the image"


def test_the_script_of_the_master_does_nothing_on_a_clone(instance: Instance) -> None:
    """Until the boot script has replaced it: its timer came with the image."""
    assert install(instance, "master").code == 0
    write(instance, "of the image")
    instance.metadata.paths["instance-id"] = CLONE
    instance.forget()
    assert instance.run(instance.root / SCRIPT).code == 0
    assert not instance.calls("aws")


def test_a_clone_gets_its_own_script_and_loses_the_state_of_the_master(instance: Instance) -> None:
    bucket(instance)
    assert install(instance, "master", minutes=7).code == 0
    assert "OnUnitInactiveSec=7min" in instance.file(TIMER)
    (instance.root / STATE / "unmarked").touch()
    instance.metadata.paths["instance-id"] = CLONE
    assert install(instance, "clone").code == 0
    tree = instance.tree()
    assert "MODE=clone\n" in tree[SCRIPT]
    assert "OnUnitInactiveSec=5min" in tree[TIMER]
    assert {path: text for path, text in tree.items() if path.startswith(STATE)} == {f"{STATE}/instance": f"644 {CLONE}\n"}
    assert ["systemctl", "enable", "--now", "cloudpatterns-content.timer"] in instance.calls("systemctl")


def test_the_second_installation_changes_nothing(instance: Instance) -> None:
    assert install(instance, "master").code == 0
    (instance.root / STATE / "unmarked").touch()
    before = instance.tree()
    instance.forget()
    assert install(instance, "master").code == 0
    assert instance.tree() == before
    assert [call[1] for call in instance.calls("systemctl")] == ["enable"]
    # The master has no content at its first boot: the timer begins.
    assert not instance.calls("aws")


@pytest.mark.parametrize("script", ["install", "content"])
def test_a_metadata_service_that_is_away(instance: Instance, script: str) -> None:
    instance.metadata.fault = "disabled"
    done = install(instance, "master") if script == "install" else run(instance, "master")
    assert (done.code, done.stderr.splitlines()[-1]) == (1, "content: the instance metadata service does not answer")
    assert not instance.calls("systemctl")


def test_a_timer_that_does_not_start_fails_the_boot_script(instance: Instance) -> None:
    instance.stand_in("systemctl", "[[ $1 != enable ]]")
    done = install(instance, "clone")
    assert (done.code, done.stderr) == (1, "content: the timer does not start, so no content would arrive\n")
