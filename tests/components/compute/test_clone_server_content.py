"""The script that brings the content of the master to the clones, run by a real shell with the real AWS CLI against an emulated S3."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.compute.clone_server import documents

from tests.emulators.instance import REGION, Done, Instance

SCRIPT = Path(documents.__file__).parent / "on_aws/content.sh"


def run(instance: Instance, mode: str, folder: str = "/srv/www") -> Done:
    return instance.run(boot_script(SCRIPT, {"MODE": mode, "BUCKET": "content", "FOLDER": folder}))


def test_content_reaches_the_clones_and_never_goes_back(instance: Instance) -> None:
    s3 = instance.account.client("s3")
    s3.create_bucket(Bucket="content", CreateBucketConfiguration={"LocationConstraint": REGION})
    master, clone = instance.root / "srv/www", instance.root / "srv/clone"
    for folder in (master, clone):
        folder.mkdir(parents=True)
    (clone / "old.html").write_text("of the image")
    # Nothing is published yet: what the image has stays, and an empty folder of the master publishes nothing.
    assert run(instance, "clone", "/srv/clone").code == 0
    empty = run(instance, "master")
    assert (empty.code, empty.stderr) == (1, "content: /srv/www has no files: nothing was published\n")
    assert (clone / "old.html").exists()
    (master / "index.html").write_text("one")
    assert run(instance, "master").code == 0
    first = s3.get_object(Bucket="content", Key="marker")["Body"].read()
    assert (run(instance, "master").code, s3.get_object(Bucket="content", Key="marker")["Body"].read()) == (0, first)
    instance.forget()
    assert run(instance, "clone", "/srv/clone").code == 0
    assert [path.name for path in clone.iterdir()] == ["index.html"]
    assert not [call for call in instance.calls("aws") if "put-object" in call or call[3:5] == ["-", "s3://content/marker"]]
    # The marker is the same: a clone copies nothing.
    instance.forget()
    assert run(instance, "clone", "/srv/clone").code == 0
    assert not [call for call in instance.calls("aws") if "sync" in call]


def test_after_a_run_that_failed_the_next_one_writes_the_marker(instance: Instance) -> None:
    s3 = instance.account.client("s3")
    s3.create_bucket(Bucket="content", CreateBucketConfiguration={"LocationConstraint": REGION})
    (instance.root / "srv/www").mkdir(parents=True)
    (instance.root / "srv/www/index.html").write_text("one")
    assert run(instance, "master").code == 0
    first = s3.get_object(Bucket="content", Key="marker")["Body"].read()
    (instance.root / "srv/www/index.html").write_text("another")
    # The files arrive, and the marker does not.
    instance.stand_in("date", "exit 1")
    failed = run(instance, "master")
    assert (failed.code, s3.get_object(Bucket="content", Key="content/index.html")["Body"].read()) == (1, b"another")
    instance.programs("date")
    assert run(instance, "master").code == 0
    assert s3.get_object(Bucket="content", Key="marker")["Body"].read() not in (first, b"")


def test_a_bucket_that_cannot_be_read_leaves_the_content(instance: Instance) -> None:
    (instance.root / "srv/www").mkdir(parents=True)
    (instance.root / "srv/www/index.html").write_text("of the image")
    done = run(instance, "clone")
    assert (done.code, done.stderr.splitlines()[-1]) == (1, "content: s3://content could not be read")
    assert (instance.root / "srv/www/index.html").read_text() == "of the image"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck on PATH")
def test_the_script_passes_shellcheck() -> None:
    done = subprocess.run(["shellcheck", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
