import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview.errors import PreviewError
from offline_preview.packs import load_pack, select_packs

Write = Callable[..., Path]


def test_all_packs_of_the_project_are_the_default(pack: Write, tmp_path: Path) -> None:
    pack("", "project/policies/b")
    pack("", "project/policies/a")
    (tmp_path / "project" / "policies" / "library").mkdir()
    selected = select_packs(tmp_path / "project", [], [])
    assert [selection.pack.folder.name for selection in selected] == ["a", "b"]
    assert select_packs(tmp_path, [], []) == []


def test_a_stacks_profile_is_in_the_packs_folder_unless_one_is_given(pack: Write, tmp_path: Path) -> None:
    folder = pack("")
    (folder / "dev.json").write_text("{}")
    other = tmp_path / "other.json"
    other.write_text("{}")
    (own,) = select_packs(tmp_path, [folder], [])
    (given,) = select_packs(tmp_path, [folder], [other])
    assert (own.profile("dev"), own.profile("prod"), given.profile("dev")) == (folder / "dev.json", None, other)


def test_configs_belong_to_packs_one_by_one(pack: Write, tmp_path: Path) -> None:
    folder = pack("")
    with pytest.raises(PreviewError) as error:
        select_packs(tmp_path, [folder], [tmp_path / "a.json", tmp_path / "b.json"])
    assert str(error.value) == (f"--policy-pack-config: 2 given for 1 packs ({folder}); use one for each pack, in the same order, or none.")
    with pytest.raises(PreviewError, match=r"--policy-pack-config: .*/a\.json does not exist\."):
        select_packs(tmp_path, [folder], [tmp_path / "a.json"])


def test_a_pack_says_its_version_and_program(pack: Write) -> None:
    folder = pack("", settings="runtime: {name: python}\nversion: 2.0.0\nmain: ./app\n")
    loaded = load_pack(folder)
    assert (loaded.folder, loaded.program, loaded.version, loaded.interpreter) == (folder, folder / "app", "2.0.0", sys.executable)


def test_a_packs_own_virtual_environment_runs_it_when_it_exists(pack: Write) -> None:
    folder = pack("", settings="runtime: {name: python, options: {virtualenv: venv}}\n")
    assert load_pack(folder).interpreter == sys.executable
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert load_pack(folder).interpreter == str(python)


def test_what_is_no_python_pack_is_refused(pack: Write, tmp_path: Path) -> None:
    with pytest.raises(PreviewError) as error:
        load_pack(tmp_path)
    assert str(error.value) == f"--policy-pack: there is no PulumiPolicy.yaml in {tmp_path}. Use the folder of a policy pack."
    folder = pack("", settings="runtime: nodejs\n")
    with pytest.raises(PreviewError) as error:
        load_pack(folder)
    assert str(error.value) == (
        f"{folder}/PulumiPolicy.yaml: 'runtime' is 'nodejs'; the offline preview runs packs in Python only, 'runtime: python'."
    )
