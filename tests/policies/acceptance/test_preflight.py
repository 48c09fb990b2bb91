"""Reading the rules of cdk-preflight."""

import os
import re
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies.acceptance import preflight

from tests.policies.acceptance.distributions import HEADER, install, rule

HELPER = {"name": "_lib/s3", "rego": f"{HEADER}\n_pf_has(name) if _pf_deep(name)\n"}
DEEP = {"name": "_lib/lists", "rego": f"{HEADER}\n# helpers\n_pf_deep(name) := true if input.resources[name]\n"}


def test_the_installed_rules(tmp_path: Path) -> None:
    rules = preflight.load(tmp_path)
    assert (rules.problem, rules.version) == ("", "1.9.1")
    assert len(rules.types) == 431
    numbers = {rule.id for rule in rules.of(rules.types)}
    assert len(numbers) == 3361
    found = {rule.id: rule for rule in rules.of(["AWS::ECS::Service"])}
    assert len(found) == rules.types["AWS::ECS::Service"] == 37
    one = found["pf-ecs-service-launch-type-capacity-provider"]
    assert (one.severity, one.types, one.family) == ("ERROR", ("AWS::ECS::Service",), "combination")
    assert "CreateService fails with" in one.message
    assert all(source.startswith(preflight.HEADER) for source in rules.shared(one.needs).values())
    assert rules.of(["AWS::No::Such"]) == []


def test_nothing_is_imported(tmp_path: Path) -> None:
    import sys

    preflight.load(tmp_path)
    assert not {"cdk_preflight", "jsii", "aws_cdk"} & sys.modules.keys()


def test_a_helper_brings_the_helpers_that_it_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, [rule("pf-a", '_pf_has("x"); name := "x"'), rule("pf-b")], [HELPER, DEEP])
    rules = preflight.load(tmp_path)
    assert {found.id: found.needs for found in rules.of(["AWS::S3::Bucket"])} == {"pf-a": ("_lib/lists", "_lib/s3"), "pf-b": ()}
    assert rules.shared(["_lib/s3"]) == {"_lib/s3": HELPER["rego"]}


def test_a_number_that_is_absent_is_not_zero(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read(of: str, absent: str) -> str:
        return f'm := to_number(object.get({of}, "Memory", {absent})); x := object.get(c, "Name", null); name := "x"'

    given = {"pf-a": "c", "pf-b": 'object.get(_pf_of(c), "Limits", {})'}
    install(monkeypatch, tmp_path, [rule(name, read(of, "null")) for name, of in given.items()])
    found = {one.id: one.rego for one in preflight.load(tmp_path).of(["AWS::S3::Bucket"])}
    assert {name: read(of, '"__pf_absent"') in found[name] for name, of in given.items()} == {"pf-a": True, "pf-b": True}


def test_no_installed_rule_takes_what_is_absent_for_zero(tmp_path: Path) -> None:
    rules = preflight.load(tmp_path)
    assert [one.id for one in rules.of(rules.types) if re.search(r"to_number\(object\.get\(.*\bnull\)\)", one.rego)] == []


class TestCache:
    def test_the_second_read_does_not_open_the_archive(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        first = preflight.load(tmp_path / "cache")
        monkeypatch.setattr(preflight, "read", lambda archive: pytest.fail("read again"))
        second = preflight.load(tmp_path / "cache")
        assert second.of(["AWS::SQS::Queue"]) == first.of(["AWS::SQS::Queue"]) != []

    @pytest.mark.parametrize("damage", [b"", b"{}", b"not json\n", b'{"sum": 3}\n{}\n{}', "cut", "middle"])
    def test_a_damaged_file_is_read_and_written_anew(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: Any) -> None:
        install(monkeypatch, tmp_path, [rule("pf-a"), rule("pf-b")])
        preflight.load(tmp_path / "cache")
        (kept,) = (tmp_path / "cache").iterdir()
        whole = kept.read_bytes()
        changed = {"cut": whole[:-9], "middle": whole.replace(b"pf-a", b"pf-z")}
        kept.write_bytes(changed.get(damage, damage))
        assert [found.id for found in preflight.load(tmp_path / "cache").of(["AWS::S3::Bucket"])] == ["pf-a", "pf-b"]
        assert kept.read_bytes() == whole

    def test_a_folder_that_cannot_be_written_to_is_not_used(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        install(monkeypatch, tmp_path, [rule("pf-a")])
        (tmp_path / "file").write_text("no folder")
        assert len(preflight.load(tmp_path / "file" / "cache").of(["AWS::S3::Bucket"])) == 1

    def test_other_content_of_the_same_version_is_another_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        install(monkeypatch, tmp_path / "one", [rule("pf-a")])
        preflight.load(tmp_path / "cache")
        install(monkeypatch, tmp_path / "two", [rule("pf-b")])
        assert [found.id for found in preflight.load(tmp_path / "cache").of(["AWS::S3::Bucket"])] == ["pf-b"]

    def test_runs_at_the_same_time(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        install(monkeypatch, tmp_path, [rule(f"pf-{number}") for number in range(200)])
        counts: list[int] = []
        runs = [
            threading.Thread(target=lambda: counts.append(len(preflight.load(tmp_path / "c").of(["AWS::S3::Bucket"])))) for _ in range(8)
        ]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert counts == [200] * 8
        (kept,) = (tmp_path / "c").iterdir()
        if os.name == "posix":
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    def test_the_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert preflight.cache_folder() == tmp_path / "cloudpatterns"
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        monkeypatch.setattr(preflight.sys, "platform", "linux")
        assert preflight.cache_folder() == tmp_path / ".cache" / "cloudpatterns"
        monkeypatch.setattr(preflight.sys, "platform", "darwin")
        assert preflight.cache_folder() == tmp_path / "Library/Caches" / "cloudpatterns"


class TestProblems:
    def test_not_installed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def missing(name: str) -> None:
            raise preflight.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(preflight.metadata, "distribution", missing)
        rules = preflight.load(tmp_path)
        assert rules.problem == (
            "cdk-preflight is not installed: judged without its rules. Install it with `pip install --no-deps cdk-preflight`"
        )
        assert (rules.of(["AWS::S3::Bucket"]), dict(rules.types)) == ([], {})

    @pytest.mark.parametrize(
        ("rules", "more", "reason"),
        [
            ("exports.OTHER = [];", {}, "lib/rules.generated.js has no BUNDLED_RULES"),
            ('exports.BUNDLED_RULES = [{"id": "pf-a"}];', {}, "lib/rules.generated.js has no BUNDLED_LIBS"),
            ("exports.BUNDLED_RULES = [oops", {}, "JSONDecodeError"),
            ([], {}, "its rules are not of one Rego package"),
            ([rule("pf-a") | {"rego": "package other\n"}], {}, "its rules are not of one Rego package"),
            ([{"id": "pf-a", "rego": HEADER}], {}, "KeyError"),
            ([rule("pf-a")], {"member": "package/lib/rules.json"}, "its archive has no lib/rules.generated.js"),
        ],
    )
    def test_another_format(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rules: Any, more: Any, reason: str) -> None:
        install(monkeypatch, tmp_path, rules, **more)
        assert preflight.load(tmp_path).problem == f"cdk-preflight 2.0 has another format ({reason}): judged without its rules"

    @pytest.mark.parametrize(("content", "reason"), [(b"no archive", "ReadError"), (b"", "ReadError"), (None, "FileNotFoundError")])
    def test_a_damaged_archive(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str) -> None:
        archive = install(monkeypatch, tmp_path, [rule("pf-a")])
        archive.write_bytes(content) if content is not None else archive.unlink()
        assert preflight.load(tmp_path).problem == f"cdk-preflight 2.0 has another format ({reason}): judged without its rules"

    def test_no_archive(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        archive = install(monkeypatch, tmp_path, [rule("pf-a")])
        record = next((archive.parents[2]).glob("*.dist-info/RECORD"))
        record.write_text("cdk_preflight/__init__.py,,\n")
        assert preflight.load(tmp_path).problem == "cdk-preflight 2.0 has another format (it has no npm archive): judged without its rules"
