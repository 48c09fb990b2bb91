"""The scripts of a server outside AWS, run by a real shell with the real AWS CLI and openssl, against an emulated S3 and CloudWatch."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cloudpatterns.storage import BackupServer
from cloudpatterns.storage.hybrid_backup.scripts import install_script
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.emulators.instance import REGION, Done, Instance

SERVER: BackupServer = {"common_name": "db1.example.com", "folders": ["/var/backups", "/etc/app"], "schedule": "Mon..Fri,02:30"}
FOUND = {
    "BUCKET": "backups",
    "REGION": REGION,
    "TRUST_ANCHOR_ARN": f"arn:aws:rolesanywhere:{REGION}:123456789012:trust-anchor/1",
    "PROFILE_ARN": f"arn:aws:rolesanywhere:{REGION}:123456789012:profile/1",
    "ROLE_ARN": "arn:aws:iam::123456789012:role/office-server-role",
}
JOB, UNITS = "usr/local/sbin/hybrid-backup-office", "etc/systemd/system/hybrid-backup-office"
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on PATH")
SCRIPTS = Path(__file__).parents[3] / "components/cloudpatterns/storage/hybrid_backup/on_aws"


def certificate(instance: Instance, name: str = "db1.example.com", valid_days: int = 30) -> None:
    """A certificate on the server, with its key."""
    folder = instance.root / "etc/hybrid-backup"
    folder.mkdir(parents=True, exist_ok=True)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    parts = ((NameOID.ORGANIZATION_NAME, "Example"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "backup"), (NameOID.COMMON_NAME, name))
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=valid_days))
    (folder / "certificate.pem").write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    private = folder / "private-key.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)


@pytest.fixture
def server(instance: Instance) -> Instance:
    instance.programs("openssl")
    # AWS's helper signs a request to IAM Roles Anywhere, which the emulator has not: it gives credentials of an hour.
    answer = '{"Version": 1, "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "example", "SessionToken": "token"}'
    instance.stand_in("aws_signing_helper", f"echo '{answer}'")
    certificate(instance)
    for folder in SERVER["folders"]:
        (instance.root / folder[1:]).mkdir(parents=True)
    (instance.root / "var/backups/shop.sql").write_text("a dump\n")
    instance.account.client("s3").create_bucket(Bucket="backups", CreateBucketConfiguration={"LocationConstraint": REGION})
    return instance


def install(instance: Instance, server: BackupServer = SERVER) -> Done:
    return instance.run(install_script("office", server, "HybridBackup/office", FOUND))


def run(instance: Instance) -> Done:
    instance.environment["AWS_CONFIG_FILE"] = str(instance.root / "etc/hybrid-backup/office.aws")
    return instance.run(instance.root / JOB)


def stored(instance: Instance) -> dict[str, str]:
    s3 = instance.account.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="backups").get("Contents", [])]
    return {key: s3.get_object(Bucket="backups", Key=key)["Body"].read().decode() for key in keys}


def metrics(instance: Instance) -> set[tuple[str, str]]:
    found = instance.account.client("cloudwatch").list_metrics(Namespace="HybridBackup/office")["Metrics"]
    return {(one["MetricName"], dimension["Value"]) for one in found for dimension in one["Dimensions"]}


def test_the_timer_runs_a_job_with_credentials_of_an_hour(server: Instance) -> None:
    assert install(server) == (0, "", "")
    assert "OnCalendar=Mon..Fri,02:30\n" in server.file(f"{UNITS}.timer")
    assert f"Environment=AWS_CONFIG_FILE={server.root}/etc/hybrid-backup/office.aws\n" in server.file(f"{UNITS}.service")
    # Keys that somebody left in ~/.aws/credentials go before a process that gives credentials.
    assert "Environment=AWS_SHARED_CREDENTIALS_FILE=/dev/null\n" in server.file(f"{UNITS}.service")
    configuration = server.file("etc/hybrid-backup/office.aws")
    assert f"aws_signing_helper credential-process --certificate {server.root}/etc/hybrid-backup/certificate.pem" in configuration
    assert configuration.endswith(
        f" --trust-anchor-arn {FOUND['TRUST_ANCHOR_ARN']} --profile-arn {FOUND['PROFILE_ARN']} --role-arn {FOUND['ROLE_ARN']} "
        f"--region {REGION}\n"
    )
    assert server.calls("systemctl") == [
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "hybrid-backup-office.timer"],
        ["systemctl", "restart", "hybrid-backup-office.timer"],
    ]


def test_a_second_run_changes_nothing(server: Instance) -> None:
    install(server)
    before = server.tree()
    server.forget()
    assert install(server).code == 0
    assert server.tree() == before
    assert [call[1] for call in server.calls("systemctl")] == ["is-active", "is-enabled"]


def test_a_timer_that_was_stopped_runs_again(server: Instance) -> None:
    install(server)
    server.run("systemctl stop hybrid-backup-office.timer")
    server.forget()
    install(server)
    assert server.calls("systemctl")[-1] == ["systemctl", "enable", "--now", "hybrid-backup-office.timer"]


def test_files_reach_the_bucket_under_the_servers_name_and_the_backup_is_reported(server: Instance) -> None:
    install(server)
    done = run(server)
    assert (done.code, done.stderr) == (0, "")
    assert stored(server) == {"db1.example.com/var/backups/shop.sql": "a dump\n"}
    assert metrics(server) == {("Succeeded", "db1.example.com"), ("Seconds", "db1.example.com")}
    # The credentials came from the helper.
    assert server.calls("aws_signing_helper") != []
    attributes = server.account.client("s3").head_object(
        Bucket="backups", Key="db1.example.com/var/backups/shop.sql", ChecksumMode="ENABLED"
    )
    assert attributes["ChecksumSHA256"]


def test_only_what_changed_is_sent_and_nothing_is_deleted(server: Instance) -> None:
    install(server)
    run(server)
    (server.root / "var/backups/shop.sql").unlink()
    (server.root / "etc/app/shop.conf").write_text("port = 1\n")
    assert run(server).code == 0
    assert set(stored(server)) == {"db1.example.com/var/backups/shop.sql", "db1.example.com/etc/app/shop.conf"}


def test_a_backup_that_is_not_complete_fails_and_does_not_count(server: Instance) -> None:
    install(server)
    (server.root / "etc/app").rmdir()
    done = run(server)
    assert (done.code, done.stderr) == (1, "hybrid-backup: /etc/app is not there, so it is not backed up\n")
    # What is there is backed up all the same.
    assert set(stored(server)) == {"db1.example.com/var/backups/shop.sql"}
    assert metrics(server) == {("Failed", "db1.example.com")}


def test_a_bucket_that_refuses_is_reported(server: Instance) -> None:
    install(server)
    server.account.client("s3").delete_bucket(Bucket="backups")
    done = run(server)
    assert done.code == 1
    assert "hybrid-backup: the backup of /var/backups is not complete\n" in done.stderr
    assert metrics(server) == {("Failed", "db1.example.com")}


def test_two_backups_never_run_at_once(server: Instance) -> None:
    install(server)
    lock = server.root / "run/lock/hybrid-backup-office"
    lock.parent.mkdir(parents=True)
    held = f'exec 8>"{lock}"; flock 8; "{server.root / JOB}"; echo "$?"'
    server.environment["AWS_CONFIG_FILE"] = "/dev/null"
    assert server.run(held) == (0, "0\n", "hybrid-backup: the backup before this one still runs\n")
    assert stored(server) == {}


def test_a_server_without_what_is_needed_says_so(server: Instance) -> None:
    key = server.root / "etc/hybrid-backup/private-key.pem"
    key.chmod(0o644)
    assert install(server) == (1, "", f"install-backup: others may read the private key: chmod 0600 {key}\n")
    certificate(server, "db2.example.com")
    reason = "install-backup: the certificate's common name is not db1.example.com, so AWS would refuse it\n"
    assert install(server) == (1, "", reason)
    certificate(server, valid_days=-1)
    assert install(server) == (1, "", "install-backup: the certificate has expired\n")
    server.without("aws_signing_helper")
    assert install(server) == (1, "", "install-backup: aws_signing_helper is not installed\n")
    assert [call for call in server.calls("systemctl") if call[1] != "is-active"] == []


def test_parameters_are_checked(server: Instance) -> None:
    text = install_script("office", SERVER, "HybridBackup/office", {**FOUND, "BUCKET": "a b"})
    assert server.run(text) == (1, "", "install-backup: BUCKET is not the name of a bucket\n")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck on PATH")
@pytest.mark.parametrize("script", ["install_backup.sh", "backup_job.sh"])
def test_shellcheck_finds_nothing(script: str) -> None:
    # The caller sets the parameters above the text.
    subprocess.run(["shellcheck", "--exclude=SC2154", str(SCRIPTS / script)], check=True)
