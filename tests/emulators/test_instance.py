"""The pretended instance itself: a script sees what an instance would show it."""

import pytest

from tests.emulators.instance import INSTANCE, REGION, Instance

TOKEN = 'curl -sS --fail --max-time 1 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token'
ASK = 'curl -sS --fail -H "X-aws-ec2-metadata-token: $(' + TOKEN + ')" http://169.254.169.254/latest/meta-data/'


def test_the_metadata_service_wants_a_session_token(instance: Instance) -> None:
    instance.metadata.tags = {"app": "shop", "Name": "web"}
    done = instance.run(f"{ASK}instance-id; echo; {ASK}placement/region; echo; {ASK}tags/instance/; echo; {ASK}tags/instance/app")
    assert done == (0, f"{INSTANCE}\n{REGION}\napp\nName\nshop", "")
    assert instance.run("curl -sS --fail http://169.254.169.254/latest/meta-data/instance-id").code == 22
    assert instance.metadata.requests[-1] == "GET /latest/meta-data/instance-id 401"


def test_tags_are_there_only_where_they_are_enabled(instance: Instance) -> None:
    assert instance.run(f"{ASK}tags/instance/").code == 22
    assert instance.metadata.requests[-1] == "GET /latest/meta-data/tags/instance/ 404"


@pytest.mark.parametrize(("fault", "code"), [("refused", 7), ("slow", 28), ("disabled", 22)])
def test_the_metadata_service_fails_as_the_real_one_does(instance: Instance, fault: str, code: int) -> None:
    instance.metadata.fault = fault
    assert instance.run(TOKEN).code == code


def test_the_cli_is_the_real_one_and_has_the_instances_role(instance: Instance) -> None:
    instance.account.parameter("/shop/key", "value")
    instance.account.put("releases", "web/page", b"a page\n")
    script = "aws ssm get-parameter --name /shop/key --with-decryption --query Parameter.Value --output text\n"
    script += 'aws s3 cp --only-show-errors s3://releases/web/page "$BOOT_ROOT/page"'
    assert instance.run(f"export AWS_REGION={REGION}\n{script}") == (0, "value\n", "")
    assert instance.tree() == {"page": "644 a page\n"}
    # Credentials come from the metadata service.
    assert "GET /latest/meta-data/iam/security-credentials/instance-role 200" in instance.metadata.requests
    assert "region" in instance.run(script).stderr
    assert instance.run(f"export AWS_REGION={REGION}\naws s3 cp --no-such-option a b").stderr == "\nUnknown options: --no-such-option\n"


def test_the_stand_ins_keep_their_state(instance: Instance) -> None:
    script = "rpm --query --quiet nginx || dnf --assumeyes install nginx; id --user web >/dev/null || useradd --system web\n"
    script += "systemctl enable --now web.service; systemctl is-active web.service; systemctl is-enabled web.service; id --user >/dev/null"
    assert instance.run(script).code == 0
    assert [call[0] for call in instance.calls()][:5] == ["rpm", "dnf", "id", "useradd", "systemctl"]
    instance.forget()
    assert instance.run(script).code == 0
    assert [call[0] for call in instance.calls()][:3] == ["rpm", "id", "systemctl"]
    assert instance.run("systemctl stop web.service; systemctl is-active web.service").code == 3


def test_what_is_not_listed_is_not_there(instance: Instance) -> None:
    assert instance.run("mkfs.xfs /dev/sdf").code == 127
    instance.stand_in("mkfs.xfs", 'touch "$STATE/formatted"')
    assert instance.run("mkfs.xfs /dev/sdf 'a b'").code == 0
    assert instance.calls("mkfs.xfs") == [["mkfs.xfs", "/dev/sdf", "a b"]]
