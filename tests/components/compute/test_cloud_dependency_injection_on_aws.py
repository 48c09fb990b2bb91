"""The scripts of CloudDependencyInjection, run by a real shell with the real AWS CLI on a pretended instance."""

import json
from pathlib import Path

import cloudpatterns.compute.cloud_dependency_injection.component as component
import pytest
from cloudpatterns.blocks.boot import boot_script

from tests.emulators.instance import Done, Instance

FOLDER = Path(component.__file__).parent / "on_aws"
FILE = "etc/cloudpatterns/configuration.env"


@pytest.fixture
def server(instance: Instance) -> Instance:
    instance.programs("python3")
    instance.metadata.tags = {"app": "shop", "env": "prod", "role": "web", "Name": "web"}
    instance.account.parameter("/shop/prod/web/HOST", "db")
    return instance


def refresh(server: Instance, bucket: str = "") -> Done:
    return server.run(boot_script(FOLDER / "configuration.sh", {"BUCKET": bucket, "UNIT": "shop.service"}))


def restarts(server: Instance) -> int:
    return len([call for call in server.calls("systemctl") if call[1] == "restart"])


def test_the_file_has_every_page_and_no_siblings(server: Instance) -> None:
    for number in range(11):
        server.account.parameter(f"/shop/prod/web/KEY_{number}", f"{number}")
    server.account.parameter("/shop/prod/web2/OTHER", "no")
    server.account.parameter("/shop/prod/web/QUOTED", 'a "b" \\ $HOME `id`\né')
    assert refresh(server).code == 0
    text = server.file(FILE)
    assert text.startswith('HOST="db"\nKEY_0="0"\n')
    assert 'KEY_10="10"' in text
    assert 'QUOTED="a \\"b\\" \\\\ \\$HOME \\`id\\`\né"' in text
    assert "OTHER" not in text
    assert server.tree()[FILE].startswith("600 ")


def test_the_second_run_changes_nothing_and_a_change_restarts_the_unit(server: Instance) -> None:
    assert refresh(server).code == 0
    server.run("systemctl enable --now shop.service")
    before = server.tree()
    assert refresh(server).code == 0
    assert (server.tree(), restarts(server)) == (before, 0)
    server.account.parameter("/shop/prod/web/HOST", "other")
    assert refresh(server).stderr == "configuration: the configuration at shop/prod/web has changed\n"
    assert (server.file(FILE), restarts(server)) == ('HOST="other"\n', 1)
    assert refresh(server).code == 0
    assert restarts(server) == 1


def test_a_restart_that_fails_is_tried_again(server: Instance) -> None:
    server.stand_in("systemctl", "[[ $1 != restart || ! -e $STATE/broken ]]")
    (server.state / "broken").touch()
    done = refresh(server)
    assert (done.code, done.stderr.splitlines()[-1]) == (
        1,
        "configuration: shop.service does not restart with the new configuration; the next run tries again",
    )
    (server.state / "broken").unlink()
    assert refresh(server).code == 0
    assert restarts(server) == 2


def test_a_unit_that_is_ordered_after_the_service_is_not_waited_for(server: Instance) -> None:
    server.stand_in("systemctl", "[[ $1 != show ]] || echo 'sysinit.target cloudpatterns-configuration.service basic.target'")
    assert refresh(server).code == 0
    assert [call[1:] for call in server.calls("systemctl") if call[1] == "restart"] == [["restart", "--no-block", "shop.service"]]


def test_an_object_in_place_of_parameters(server: Instance) -> None:
    server.account.put("configurations", "shop/prod/web/configuration.json", json.dumps({"B": "2", "A": "1"}).encode())
    assert refresh(server, "configurations").code == 0
    assert server.file(FILE) == 'A="1"\nB="2"\n'
    done = refresh(server, "no-such-bucket")
    assert done.code == 1
    assert "configuration: cannot read no-such-bucket at shop/prod/web; do the tags name the role's own path" in done.stderr
    assert server.file(FILE) == 'A="1"\nB="2"\n'


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (None, "the metadata has no tag app; is the instance tagged, and instance_metadata_tags enabled?"),
        ({"app": "shop", "env": "prod"}, "the metadata has no tag role; is the instance tagged, and instance_metadata_tags enabled?"),
        ({"app": "shop", "env": "prod", "role": "web/../db"}, "the tag role is not letters, digits, hyphens and underscores"),
        ({"app": "shop", "env": "prod", "role": "db"}, "the configuration at shop/prod/db cannot be used; the file stays as it is"),
    ],
)
def test_what_fails_has_its_reason_and_leaves_the_file(server: Instance, tags: dict[str, str] | None, reason: str) -> None:
    assert refresh(server).code == 0
    before = server.tree()
    server.metadata.tags = tags
    done = refresh(server)
    assert (done.code, done.stderr.splitlines()[-1]) == (1, f"configuration: {reason}")
    assert server.tree() == before


def test_a_metadata_service_that_is_away(server: Instance) -> None:
    server.metadata.fault = "disabled"
    done = refresh(server)
    assert (done.code, done.stderr.splitlines()[-1]) == (1, "configuration: the instance metadata service does not answer")


def test_a_name_that_is_no_variable(server: Instance) -> None:
    server.account.parameter("/shop/prod/web/db-host", "hidden")
    done = refresh(server)
    assert done.code == 1
    assert "'db-host' is not the name of a variable" in done.stderr
    assert "hidden" not in done.stderr


def test_the_first_boot_installs_the_timer_and_reads_the_configuration(server: Instance) -> None:
    script = boot_script(FOLDER / "configuration.sh", {"BUCKET": "", "UNIT": "shop.service"})
    install = boot_script(FOLDER / "install.sh", {"CONFIGURATION_SCRIPT": script, "REFRESH_MINUTES": 7})
    done = server.run(install)
    assert done.code == 0, done.stderr
    assert server.file(FILE) == 'HOST="db"\n'
    assert "OnUnitInactiveSec=7min" in server.file("etc/systemd/system/cloudpatterns-configuration.timer")
    assert (server.state / "active-cloudpatterns-configuration.timer").exists()
    # Read at later boots, too, and not only when the timer comes.
    assert (server.state / "enabled-cloudpatterns-configuration.service").exists()
    assert "\nWantedBy=multi-user.target\n" in server.file("etc/systemd/system/cloudpatterns-configuration.service")
    before = server.tree()
    assert server.run(install).code == 0
    assert server.tree() == before
