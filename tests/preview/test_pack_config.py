from pathlib import Path

import pytest
from offline_preview.errors import PreviewError
from offline_preview.pack_config import PolicyConfig, PolicySchema, read_profile, reconcile

SIZES = PolicySchema("sizes", "advisory", {"max": {"type": "integer", "default": 3, "minimum": 1}, "units": {"type": "string"}})
TAGS = PolicySchema("tags", "mandatory")


def test_without_a_profile_the_packs_defaults_hold() -> None:
    assert reconcile([SIZES, TAGS], {}, {}, "pack") == {
        "sizes": PolicyConfig("advisory", {"max": 3}),
        "tags": PolicyConfig("mandatory", {}),
    }


def test_the_profile_comes_after_the_packs_own_configuration_and_all_before_single_policies() -> None:
    initial = {"sizes": PolicyConfig("", {"max": 5, "units": "m"}), "all": PolicyConfig("disabled")}
    profile = {"all": PolicyConfig("advisory"), "sizes": PolicyConfig("mandatory", {"max": 7})}
    assert reconcile([SIZES, TAGS], initial, profile, "pack") == {
        "sizes": PolicyConfig("mandatory", {"max": 7, "units": "m"}),
        "tags": PolicyConfig("advisory", {}),
        "all": PolicyConfig("advisory", {}),
    }


def test_properties_alone_leave_the_level() -> None:
    assert reconcile([SIZES], {}, {"sizes": PolicyConfig("", {"units": "m"})}, "pack")["sizes"] == PolicyConfig(
        "advisory", {"max": 3, "units": "m"}
    )


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"tag": PolicyConfig("advisory")}, "dev.json: the pack has no control 'tag'. Did you mean 'tags'?"),
        ({"zzz": PolicyConfig("advisory")}, "dev.json: the pack has no control 'zzz'. It has: sizes, tags."),
        ({"sizes": PolicyConfig("", {"max": 0})}, "dev.json: 'sizes': max must be bigger than or equal to 1 (it is 0)"),
        ({"sizes": PolicyConfig("", {"max": "x"})}, "dev.json: 'sizes': max must be integer (it is 'x')"),
    ],
)
def test_a_wrong_profile_is_refused(profile: dict[str, PolicyConfig], message: str) -> None:
    with pytest.raises(PreviewError) as error:
        reconcile([SIZES, TAGS], {}, profile, "dev.json")
    assert str(error.value) == message


def test_a_required_property_must_be_given() -> None:
    schema = PolicySchema("owner", "advisory", {"name": {"type": "string"}}, ["name"])
    with pytest.raises(PreviewError) as error:
        reconcile([schema], {}, {}, "pack")
    assert str(error.value) == "pack: 'owner': must contain ['name'] properties (it is {})"
    assert reconcile([schema], {}, {"owner": PolicyConfig("", {"name": "me"})}, "pack")["owner"].properties == {"name": "me"}


def test_a_schema_that_is_none_is_the_packs_fault() -> None:
    with pytest.raises(PreviewError, match=r"^pack: 'a': the pack's own schema is wrong: "):
        reconcile([PolicySchema("a", "advisory", {"x": {"type": "nonsense"}})], {}, {}, "pack")


def test_a_profile_gives_levels_and_properties(tmp_path: Path) -> None:
    file = tmp_path / "dev.json"
    file.write_text('{"a": "mandatory", "b": {"enforcementLevel": "disabled", "x": 1}, "c": {"x": 2}, "environments": ["e"]}')
    assert read_profile(file) == {
        "a": PolicyConfig("mandatory"),
        "b": PolicyConfig("disabled", {"x": 1}),
        "c": PolicyConfig("", {"x": 2}),
    }
    file.write_text(" \n")
    assert read_profile(file) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":\n', ":2:1: is not valid JSON: Expecting value. Fix that line."),
        ("[]", ": contains a list; it must be an object of policies."),
        ('{"a": 3}', ": 'a' is 3; it must be a level (advisory, disabled, mandatory, remediate) or an object."),
        (
            '{"a": "mandatry"}',
            ": 'a' has the level 'mandatry'; allowed: advisory, disabled, mandatory, remediate. Did you mean 'mandatory'?",
        ),
        ('{"a": {"enforcementLevel": 1}}', ": 'a' has the level 1; allowed: advisory, disabled, mandatory, remediate."),
    ],
)
def test_a_profile_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "dev.json"
    file.write_text(text)
    with pytest.raises(PreviewError) as error:
        read_profile(file)
    assert str(error.value) == f"{file}{message}"


def test_a_profile_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PreviewError, match=r"dev\.json: cannot be read: No such file or directory\.$"):
        read_profile(tmp_path / "dev.json")
