import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview import packs
from offline_preview.errors import PreviewError
from offline_preview.packs import find_profile, load_pack, main, select_packs

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


@pytest.mark.parametrize(
    ("files", "stack", "expected"),
    [
        (["prod"], "prod", "prod"),
        (["prod"], "prod-cell-2", "prod"),
        (["prod", "prod-cell-2"], "prod-cell-2", "prod-cell-2"),
        (["prod", "prod-cell"], "prod-cell-2", "prod"),
        (["prod", "prod-cell-2"], "prod", "prod"),
        (["prod"], "production", None),
        (["prod"], "staging-2", None),
        (["prod"], "-prod", None),
        ([], "prod", None),
    ],
)
def test_a_stack_without_a_profile_has_that_of_its_environment(pack: Write, files: list[str], stack: str, expected: str | None) -> None:
    folder = pack("")
    for name in files:
        (folder / f"{name}.json").write_text("{}")
    assert load_pack(folder).profile(stack) == (folder / f"{expected}.json" if expected else None)


def test_a_profile_that_is_missing_is_noted_only_where_others_have_one(pack: Write, tmp_path: Path) -> None:
    folder = pack("", "own")
    (selection,) = select_packs(tmp_path, [folder], [])
    assert selection.note("staging") is None
    (folder / "dev.json").write_text("{}")
    assert (selection.note("dev"), selection.note("dev-2")) == (None, None)
    assert selection.note("staging") == (
        "own: there is no profile for the stack staging (looked for staging.json), so the pack's own defaults apply: "
        "no exemptions and no forbidden paths are known. Name a profile: --profile dev"
    )
    (given,) = select_packs(tmp_path, [folder], [folder / "dev.json"])
    assert given.note("staging") is None


def test_a_named_profile_is_that_of_every_pack_that_has_any(pack: Write, tmp_path: Path) -> None:
    first, second, without = (pack("", name) for name in ("a", "b", "c"))
    for folder, name in ((first, "prod"), (second, "prod"), (first, "dev")):
        (folder / f"{name}.json").write_text("{}")
    selected = select_packs(tmp_path, [first, second, without], [], "prod")
    assert [one.profile("dev") for one in selected] == [first / "prod.json", second / "prod.json", None]
    with pytest.raises(PreviewError) as missing:
        select_packs(tmp_path, [first, second], [], "dev")
    assert str(missing.value) == f"--profile: {second} has no dev.json. Use one of prod, or write that file."
    with pytest.raises(PreviewError) as similar:
        select_packs(tmp_path, [first, second], [], "prdo")
    assert str(similar.value) == f"--profile: {first} has no prdo.json. Use one of dev, prod, or write that file. Did you mean 'prod'?"
    with pytest.raises(PreviewError) as both:
        select_packs(tmp_path, [first], [first / "dev.json"], "dev")
    assert str(both.value) == "--profile: names the profile of every pack, and --policy-pack-config gives the files; use one of them."


def test_the_profiles_of_packs_are_printed_in_their_order(
    pack: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (pack("", name) / "prod.json").write_text("{}")
    (tmp_path / "b" / "prod-cell-2.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert main(["prod-cell-2", "b", "a"]) == 0
    assert capsys.readouterr() == ("b/prod-cell-2.json\na/prod.json\n", "")


def test_a_profile_that_is_asked_for_and_missing_is_an_error(
    pack: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (pack("", "a") / "staging.json").write_text("{}")
    pack("", "b")
    monkeypatch.chdir(tmp_path)
    reason = (
        "b: there is no profile for the stack staging-cell-2 (looked for staging-cell-2.json and staging.json)."
        " Write b/staging.json, for example as a copy of another environment's profile."
    )
    assert main(["staging-cell-2", "a", "b"]) == 2
    assert capsys.readouterr() == ("", f"error: {reason}\n")
    with pytest.raises(PreviewError, match=r"there is no PulumiPolicy\.yaml in"):
        find_profile(tmp_path, "staging")


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
    assert str(error.value).startswith(
        f"--policy-pack: there is no PulumiPolicy.yaml in {tmp_path}. Use the folder of a policy pack, or the name"
    )
    folder = pack("", settings="runtime: nodejs\n")
    with pytest.raises(PreviewError) as error:
        load_pack(folder)
    assert str(error.value) == (
        f"{folder}/PulumiPolicy.yaml: 'runtime' is 'nodejs'; the offline preview runs packs in Python only, 'runtime: python'."
    )


class Installed:
    """A distribution's entry point of a pack."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name = name
        self._folder = folder

    def load(self) -> Callable[[str], Path]:
        if self._folder is None:
            raise ImportError("No module named 'gone'")
        return lambda name: self._folder / name if self._folder else Path()


def test_an_installed_pack_is_found_by_its_name(pack: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack("", "site/mine")
    found = [Installed("mine", tmp_path / "site"), Installed("gone", None)]
    monkeypatch.setattr(packs, "entry_points", lambda group: found if group == "offline_preview.packs" else [])
    monkeypatch.chdir(tmp_path)
    (selected,) = select_packs(tmp_path, [Path("mine")], [])
    assert selected.pack.folder == tmp_path / "site" / "mine"
    with pytest.raises(PreviewError) as broken:
        select_packs(tmp_path, [Path("gone")], [])
    assert str(broken.value) == "--policy-pack: the installed policy pack gone cannot be used: No module named 'gone'."
    for name in (Path("min"), tmp_path / "mine", Path("policies/mine")):
        with pytest.raises(PreviewError) as unknown:
            select_packs(tmp_path, [name], [])
        assert str(unknown.value).endswith("Use the folder of a policy pack, or the name of an installed one: gone, mine.")
    # A pack's folder of this name here comes first.
    here = pack("", "mine")
    (selected,) = select_packs(tmp_path, [Path("mine")], [])
    assert selected.pack.folder == here


def test_the_packs_of_this_repository_are_installed() -> None:
    assert {"security", "operations", "acceptance"} <= set(packs._installed())
