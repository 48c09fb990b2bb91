"""The sample scripts of ``examples/bootstrap`` on a pretended instance."""

import pytest

from tests.emulators.instance import Instance
from tests.program import ROOT

APP = ROOT / "examples/bootstrap/app"


@pytest.fixture
def server(instance: Instance) -> Instance:
    instance.environment |= {"PORT": "8080", "TITLE": "Shop <all> & systems"}
    return instance


def test_the_scripts_make_a_status_page_of_a_general_image(server: Instance) -> None:
    for script in ("install-server.sh", "write-page.sh"):
        done = server.run(APP / script)
        assert done == (0, "", ""), done
    assert server.file("etc/nginx/conf.d/status.conf") == "server {\n  listen 8080 default_server;\n  root /srv/status;\n}\n"
    title = "Shop &lt;all> &amp; systems"
    assert server.tree()["srv/status/index.html"] == f"644 <!doctype html><title>{title}</title><h1>{title}</h1>\n"
    assert server.calls("dnf") == [["dnf", "--assumeyes", "--quiet", "install", "nginx"]]
    assert server.calls("systemctl")[0] == ["systemctl", "enable", "--now", "nginx.service"]


def test_a_second_run_changes_nothing(server: Instance) -> None:
    for _ in range(2):
        before = server.tree()
        assert all(server.run(APP / script).code == 0 for script in ("install-server.sh", "write-page.sh"))
    assert server.tree() == before
    assert len(server.calls("dnf")) == 1


def test_a_package_that_cannot_be_installed_is_a_failure(server: Instance) -> None:
    (server.state / "dnf-fails").touch()
    assert server.run(APP / "install-server.sh").code == 1
    assert server.calls("systemctl") == []
