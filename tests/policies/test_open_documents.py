"""Every document of the SDK that names principals is judged by a control, or a list says why not."""

import re
from importlib.metadata import version

import pytest
from cloudpatterns_policies.controls._document_places import DOCUMENTS, Kind
from cloudpatterns_policies.core import Severity

from tests.policies import open_documents as page
from tests.program import ROOT

NAMED = [(token, path) for token, path, kind in page.documents() if kind is not Kind.IDENTITY and token not in page.GRANTS_NOTHING]
CLOSED = {
    "aws:SourceArn": "arn:aws:s3:::bucket",
    "aws:PrincipalOrgID": "o-abcdefghij",
    "aws:PrincipalAccount": "123456789012",
    "aws:SourceVpce": "vpce-0123456789abcdef0",
}


def pinned() -> None:
    wanted = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    if version("pulumi-aws") != wanted["pulumi-aws"]:
        pytest.skip("the tables are of the pinned version")


def test_every_text_of_the_sdk_that_is_called_a_policy_is_known() -> None:
    pinned()
    found = page.called_policies()
    assert len(found) > 130
    known = {(token, path.partition(".")[0]) for token in DOCUMENTS for path in DOCUMENTS[token]}
    assert {(token, name) for token, name in found if (token, name) not in known and not page.other_language(token, name)} == set()
    assert {(token, name) for token, name in known if (token, name) not in found} == {
        ("aws:fsx/s3AccessPointAttachment:S3AccessPointAttachment", "s3AccessPoint"),
        ("aws:iam/role:Role", "inlinePolicies"),
        ("aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy", "details"),
    }


def test_every_nested_text_that_is_called_a_policy_is_known() -> None:
    pinned()
    assert page.nested_policies() == {
        ("fsx", "S3AccessPointAttachmentS3AccessPointArgs"),
        ("iam", "RoleInlinePolicyArgs"),
        ("s3control", "MultiRegionAccessPointPolicyDetailsArgs"),
    }


def test_no_list_names_what_the_sdk_does_not_have() -> None:
    pinned()
    shorts = {f"{token.split(':')[1]}.{name}" for token, name in page.called_policies()}
    names = {f"*.{short.partition('.')[2]}" for short in shorts}
    assert {item for items in page.OTHER_LANGUAGES.values() for item in items} - shorts - names == set()
    assert set(page.GRANTS_NOTHING) <= set(DOCUMENTS)


@pytest.mark.parametrize(("token", "path"), NAMED, ids=[f"{token.split(':')[1]}.{path}" for token, path in NAMED])
def test_every_document_that_names_principals_is_judged(token: str, path: str) -> None:
    judges = page.judges(token, path)
    assert judges
    assert all(control.severity >= Severity.HIGH for control in judges)
    for key, value in CLOSED.items():
        closed = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {"StringEquals": {key: value}}}]}
        one = page.open_document(token, path, closed)
        assert [found for control in judges for found in page.failures(control, one)] == []


@pytest.mark.parametrize(("token", "path"), page.WITHOUT_A_DOCUMENT.items())
def test_access_without_a_document_is_judged(token: str, path: str) -> None:
    assert page._by_setting(token, path)


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    pinned()
    assert page.main(["--check"]) == 0, capsys.readouterr().out
