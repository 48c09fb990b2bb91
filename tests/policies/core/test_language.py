"""A remedy names properties as the program's language does."""

import inspect
import re
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws
import pytest
from cloudpatterns_policies.core import Fail, Severity, control
from cloudpatterns_policies.core.language import NO_PROPERTIES, in_camel_case, is_python_program
from cloudpatterns_policies.core.pack import Pack
from cloudpatterns_policies.core.profiles import PACKS
from cloudpatterns_policies.core.unknowns import UNKNOWNS_REMEDY, UNKNOWNS_REMEDY_ELSEWHERE

from tests.policies.core.test_profiles import META
from tests.policies.helpers import resource

REMEDIES = {control.id: control.remediation for controls in PACKS.values() for control in controls()}


@pytest.mark.parametrize(
    ("python", "others"),
    [
        ("Set publicly_accessible to False.", "Set publiclyAccessible to false."),
        (
            'Add an aws.lb.Listener with protocol="HTTPS" and enabled=True.',
            'Add an aws.lb.Listener with protocol: "HTTPS" and enabled: true.',
        ),
        ("Add an aws.lambda_.FunctionEventInvokeConfig.", "Add an aws.lambda.FunctionEventInvokeConfig."),
        ("Set rds.force_ssl to 1, on MySQL require_secure_transport.", "Set rds.force_ssl to 1, on MySQL require_secure_transport."),
        ("Set cidr_ipv4 and auth_token_wo; TLSv1.2_2021.", "Set cidrIpv4 and authTokenWo; TLSv1.2_2021."),
        ("Set encryption_info.encryption_in_transit.in_cluster.", "Set encryptionInfo.encryptionInTransit.inCluster."),
        ("Tag it cloudpatterns:internet=true.", "Tag it cloudpatterns:internet=true."),
    ],
)
def test_names_are_in_camel_case_for_all_but_python(python: str, others: str) -> None:
    assert in_camel_case(python) == others


def test_what_looks_like_a_property_in_a_remedy_is_one() -> None:
    """Else another language's users would look for a name that there is not: NO_PROPERTIES lists what must stay."""
    pairs = {
        pair
        for text in REMEDIES.values()
        for pair in zip(re.findall(r"[\w.]+", text), re.findall(r"[\w.]+", in_camel_case(text)), strict=True)
        if "_" in pair[0]
    }
    changed = {name for old, new in pairs if old != new and not old.startswith("aws.") for name in old.split(".") if "_" in name}
    assert len(changed) > 150
    folders = [str(Path(pulumi_aws.__file__).parent), str(Path(__file__).parents[3] / "components")]
    names = r"^ +def [a-z0-9_]+\(self\)|^    [a-z0-9_]+: "
    found = subprocess.run(["grep", "-rhoE", "--include=*.py", names, *folders], capture_output=True, text=True, check=True)
    known = {*re.findall(r"[a-z0-9]+(?:_[a-z0-9]+)+", found.stdout), *inspect.signature(pulumi.ResourceOptions).parameters}
    assert changed - known == set()
    assert {word for text in REMEDIES.values() for word in re.findall(r"\w+", text)} >= NO_PROPERTIES


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("name: shop\nruntime: python\n", True),
        ("name: shop\nruntime:\n  name: python\n", True),
        ("name: shop\nruntime: nodejs\n", False),
        ("name: other\nruntime: python\n", False),
        ("- a list", False),
        ("name: [", False),
    ],
)
def test_the_language_is_that_of_the_project_around_the_folder(tmp_path: Path, text: str, python: bool) -> None:
    (tmp_path / "Pulumi.yaml").write_text(text)
    (tmp_path / "deeper").mkdir()
    for folder in (tmp_path, tmp_path / "deeper"):
        assert is_python_program({"PULUMI_PROJECT": "shop", "PWD": str(folder)}) is python
    assert not is_python_program({"PULUMI_PROJECT": "shop"})
    assert not is_python_program({"PWD": str(tmp_path)})


def test_a_pack_for_another_language_says_so_in_every_remedy() -> None:
    about: dict[str, Any] = {**META, "remediation": "Set publicly_accessible to False."}
    closed = control(id="closed", severity=Severity.HIGH, **about)(lambda resource: Fail("is open"))
    for python, remedy, unknowns in (
        (True, "Set publicly_accessible to False.", UNKNOWNS_REMEDY),
        (False, "Set publiclyAccessible to false.", UNKNOWNS_REMEDY_ELSEWHERE),
    ):
        pack = Pack([closed], python=python)
        [finding] = pack.analyze(resource("a:b:C", "x", {})).findings
        assert f"is open. Remedy: {remedy}" in finding.message
        assert pack.controls[0].remediation == remedy
        assert pack.unknowns_remedy == unknowns
