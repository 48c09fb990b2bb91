import json
from collections.abc import Callable
from pathlib import Path

import pytest
from offline_preview.errors import PreviewError
from offline_preview.project import load_project
from offline_preview.stack_config import PLACEHOLDER, StackConfig, load_stack_config

Write = Callable[..., Path]
PROJECT = "name: shop\nruntime: python\nconfig:\n"


@pytest.fixture
def load(project: Write) -> Callable[..., StackConfig]:
    """The configuration that a stack file, project declarations and settings give."""

    def run(stack: str, *sets: str, declared: str = "") -> StackConfig:
        folder = project(Pulumi__dev__yaml=stack, Pulumi__yaml=PROJECT + declared)
        return load_stack_config(load_project(folder), "dev", sets)

    return run


# What the Pulumi CLI 3.260 puts into PULUMI_CONFIG for the same stack file.
CLI = {
    "plain: yes": "yes",
    "float: 8.40": "8.4",
    "whole: 3.0": "3",
    "big: 12345678901234567890": "12345678901234567890",
    "small: 0.00001": "0.00001",
    "tiny: 0.0000001": "1e-7",
    "huge: 1e22": "1e+22",
    "exact: 123456789.125": "123456789.125",
    "nothing: ~": "",
    "truth: True": "true",
    "negative: -0x10": "-16",
    'html: {a: "<b>&", n: 1.0, t: [true, null, 0x1F]}': '{"a":"\\u003cb\\u003e\\u0026","n":1,"t":[true,null,31]}',
    "uml: {k: é}": '{"k":"é"}',
}


@pytest.mark.parametrize(("line", "text"), CLI.items())
def test_values_are_the_texts_that_the_cli_makes_of_them(load: Callable[..., StackConfig], line: str, text: str) -> None:
    assert load(f"config:\n  {line}\n").values == {f"shop:{line.split(':')[0]}": text}


def test_keys_without_a_namespace_get_the_projects(load: Callable[..., StackConfig]) -> None:
    assert load("config: {a: 1, 'aws:region': x}").values == {"shop:a": "1", "aws:region": "x"}


def test_an_empty_stack_file_has_no_configuration(load: Callable[..., StackConfig]) -> None:
    assert load("") == StackConfig({}, [], [])


def test_a_stacks_object_replaces_the_projects_default_whole(load: Callable[..., StackConfig]) -> None:
    config = load("config: {a: {y: 3}}", declared="  a: {type: object, default: {x: 1, y: 2}}\n  b: {type: object, default: {x: 1}}\n")
    assert config.values == {"shop:a": '{"y":3}', "shop:b": '{"x":1}'}


def test_encrypted_values_become_placeholders_and_make_their_key_secret(load: Callable[..., StackConfig]) -> None:
    config = load(
        "config: {a: {secure: v1:x}, b: {c: [{secure: v1:x}], d: 1}, n: {secure: v1:x}, t: {secure: v1:x}, plain: {secure: {}}}",
        declared="  n: {type: integer}\n  t: {type: boolean}\n",
    )
    assert config.values == {
        "shop:a": PLACEHOLDER,
        "shop:b": json.dumps({"c": [PLACEHOLDER], "d": 1}, separators=(",", ":")),
        "shop:n": "1",
        "shop:t": "true",
        "shop:plain": '{"secure":{}}',
    }
    assert config.secret_keys == ["shop:a", "shop:b", "shop:n", "shop:t"]


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("a=b=c", {"shop:a": "b=c"}),
        ("aws:region=us-east-1", {"aws:region": "us-east-1"}),
        ("a=true", {"shop:a": "true"}),
        ("o.x=2", {"shop:o": '{"l":[1,{"k":0}],"x":2}'}),
        ("o.y.z=true", {"shop:o": '{"l":[1,{"k":0}],"x":1,"y":{"z":true}}'}),
        ("o.l[0]=05", {"shop:o": '{"l":["05",{"k":0}],"x":1}'}),
        ("o.l[1].k=-7", {"shop:o": '{"l":[1,{"k":-7}],"x":1}'}),
        ("o.l[2]=1.5", {"shop:o": '{"l":[1,{"k":0},"1.5"],"x":1}'}),
        ('o["a.b\\"c"]=1', {"shop:o": '{"a.b\\"c":1,"l":[1,{"k":0}],"x":1}'}),
        ("new[0].x=0", {"shop:new": '[{"x":0}]'}),
        ("s.x=1", {"shop:s": '{"x":1}'}),
    ],
)
def test_settings_are_put_on_top(load: Callable[..., StackConfig], setting: str, values: dict[str, str]) -> None:
    config = load("config: {o: {x: 1, l: [1, {k: 0}]}, s: text}", setting)
    assert config.values == {"shop:o": '{"l":[1,{"k":0}],"x":1}', "shop:s": "text", **values}


def test_a_setting_hides_the_projects_default(load: Callable[..., StackConfig]) -> None:
    assert load("", "a.y=1", declared="  a: {type: object, default: {x: 1}}\n").values == {"shop:a": '{"y":1}'}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("a", "'a' must be KEY=VALUE, e.g. --set aws:region=eu-west-1 or --set network.nat.strategy=single"),
        ("=a", "'=a' must be KEY=VALUE"),
        ("aws:=a", "'aws:=a' must be KEY=VALUE"),
        ("o.l[5]=1", "'o.l[5]=1': the list has 1 items; allowed are the indices 0 to 1."),
        ("o.l.x=1", "'o.l.x=1': 'x' points into [1], which is not a mapping."),
        ("o.x.y=1", "'o.x.y=1': 'y' points into 1, which is not a mapping."),
        ("o[0]=1", "'o[0]=1': [0] points into {'x': 1, 'l': [1]}, which is not a list."),
        ("o[x]=1", "'o[x]=1': the path is invalid at '[x]'; use the form"),
        ("o[0]x=1", "'o[0]x=1': the path is invalid at 'x'; use the form"),
        ("o.=1", "'o.=1': the path is invalid at '.'; use the form"),
    ],
)
def test_a_wrong_setting_is_refused(load: Callable[..., StackConfig], setting: str, message: str) -> None:
    with pytest.raises(PreviewError) as error:
        load("config: {o: {x: 1, l: [1]}}", setting)
    assert str(error.value).startswith(f"--set: {message}")


@pytest.mark.parametrize(
    ("stack", "declared", "message"),
    [
        ("config: [a]", "", "'config' must be a mapping of keys to values; it is ['a']."),
        (
            "",
            "  a: {type: string}\n  b: {description: x}\n",
            "required by Pulumi.yaml and missing: shop:a, shop:b. Fix: pulumi config set a",
        ),
        ("config: {a: x}", "  a: {type: integer}\n", "shop:a is 'x'; it must be of the type 'integer'."),
        ("config: {a: {x: 1}}", "  a: {type: string}\n", "shop:a is {'x': 1}; it must be of the type 'string'."),
        (
            "config: {a: x}",
            "  a: {type: string, secret: true}\n",
            "shop:a is declared secret but stored in plain text. Fix: pulumi config set --secret",
        ),
        ("config: {a: {b: [.inf]}}", "", "a.b[0]: inf is not a number that configuration supports; write it as text in quotes."),
    ],
)
def test_a_configuration_that_the_cli_refuses_is_refused(load: Callable[..., StackConfig], stack: str, declared: str, message: str) -> None:
    with pytest.raises(PreviewError) as error:
        load(stack, declared=declared)
    assert f"Pulumi.dev.yaml: {message}" in str(error.value)


def test_a_declared_secret_may_be_set_in_plain_for_a_preview(load: Callable[..., StackConfig]) -> None:
    config = load("", "a=x", declared="  a: {type: string, secret: true}\n")
    assert (config.values, config.secret_keys) == ({"shop:a": "x"}, ["shop:a"])


def test_what_is_ignored_is_noted(load: Callable[..., StackConfig]) -> None:
    notes = load("confg: {}\nenvironment: [a]\nencryptionsalt: x\n").notes
    assert [note.split(": ", 1)[1] for note in notes] == [
        "'confg' is unknown to Pulumi and ignored.",
        "values of 'environment' (Pulumi ESC) are not available offline; set those that matter with --set.",
    ]


def test_another_file_may_stand_in_for_the_stacks(project: Write, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("config: {a: other}")
    assert load_stack_config(load_project(project()), "dev", file=other).values == {"shop:a": "other"}
