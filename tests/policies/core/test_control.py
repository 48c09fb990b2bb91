"""Metadata of controls, and how they are found."""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns_policies import core
from cloudpatterns_policies.core import Control, Fail, Pass, Resource, Severity, Stack, Verdict, control, discover, stack_control
from cloudpatterns_policies.core.registry import checked

GOOD: dict[str, Any] = {
    "id": "bucket-private",
    "title": "Buckets are private",
    "severity": Severity.HIGH,
    "types": ("aws:s3/bucket:Bucket",),
    "why": "Anyone could read.",
    "remediation": "Block it.",
    "url": "https://example.com",
}


def changed(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def check(resource: Resource) -> Verdict:
    return Pass()


def check_stack(stack: Stack) -> list[tuple[Resource, Verdict]]:
    return []


def check_each(resource: Resource, stack: Stack) -> Verdict:
    return Pass()


def check_configured(resource: Resource, *, config: dict[str, Any]) -> Verdict:
    return Pass()


def test_decorator_makes_a_control() -> None:
    made = control(**GOOD, frameworks={"FSBP": ("S3.8",)}, config={"days": {"type": "integer", "default": 7}})(check)
    assert (made.kind, made.check, made.per_resource, made.takes_config) == ("resource", check, True, False)
    assert made.frameworks == {"FSBP": ("S3.8",)}
    assert made.defaults() == {"days": 7}
    assert control(**GOOD)(check_configured).takes_config


@pytest.mark.parametrize(("decorate", "function"), [(control, check), (stack_control, check_each)])
def test_a_claim_can_be_partial(decorate: Callable[..., Any], function: Callable[..., Any]) -> None:
    frameworks = {"FSBP": ("S3.8", "S3.9"), "Checkov": ("CKV_AWS_1",)}
    assert decorate(**GOOD, frameworks=frameworks)(function).partial == {}
    made = decorate(**GOOD, frameworks=frameworks, partial={"S3.9": "bucket policies"})(function)
    assert made.partial == {"S3.9": "bucket policies"}
    assert (made.claims("FSBP"), made.claims("Checkov")) == (["S3.8", "S3.9 (partial)"], ["CKV_AWS_1"])


@pytest.mark.parametrize(("decorate", "function"), [(control, check), (stack_control, check_each)])
def test_a_control_belongs_to_a_pack(decorate: Callable[..., Any], function: Callable[..., Any]) -> None:
    assert decorate(**GOOD)(function).pack == "security"
    assert decorate(**GOOD, pack="operations")(function).pack == "operations"
    with pytest.raises(ValueError, match=r"^control 'bucket-private': pack must be kebab-case, as the pack's folder is$"):
        decorate(**GOOD, pack="My Pack")(function)


@pytest.mark.parametrize(("function", "per_resource"), [(check_stack, False), (check_each, True)])
def test_stack_control_has_two_forms(function: Callable[..., Any], per_resource: bool) -> None:
    made = stack_control(**GOOD)(function)
    assert (made.kind, made.per_resource) == ("stack", per_resource)


def test_only_a_control_of_the_whole_stack_may_have_no_types() -> None:
    bare = changed(types=())
    assert stack_control(**bare)(check_stack).types == ()
    for make, function in ((stack_control, check_each), (control, check)):
        with pytest.raises(ValueError, match="types must be a tuple of at least one resource type"):
            make(**bare)(function)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"id": "Bucket"}, "id must be kebab-case"),
        ({"id": "a--b"}, "id must be kebab-case"),
        ({"id": "a" * 101}, "of at most 100 characters"),
        ({"id": "all"}, "id is reserved"),
        ({"id": "exemptions"}, "id is reserved"),
        ({"id": "environments"}, "id is reserved"),
        ({"id": "unknowns"}, "id is reserved"),
        ({"title": " "}, "title is empty"),
        ({"why": ""}, "why is empty"),
        ({"remediation": ""}, "remediation is empty"),
        ({"url": "http://example.com"}, "url must begin with https://"),
        ({"frameworks": {"FSBP": ()}}, "framework 'FSBP' has no ids"),
        ({"frameworks": {"FSBP": "S3.8"}}, "framework 'FSBP' has no ids"),
        ({"partial": {"S3.8": "policies"}}, "partial 'S3.8' is no id of frameworks"),
        ({"frameworks": {"FSBP": ("S3.8",)}, "partial": {"S3.9": "policies"}}, "partial 'S3.9' is no id of frameworks"),
        ({"frameworks": {"FSBP": ("S3.8",)}, "partial": {"S3.8": " "}}, "partial 'S3.8' does not say what is not checked"),
        ({"config": {"days": {"type": "integer"}}}, "config 'days' has no default"),
        ({"config": {"onUnknown": {"default": "warn"}}}, "config 'onUnknown' is reserved: every control has it"),
        ({"types": "aws:s3/bucket:Bucket"}, "types must be a tuple"),
        ({"types": ("",)}, "types must be a tuple"),
    ],
)
def test_empty_or_malformed_metadata_is_refused(broken: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        control(**changed(**broken))(check)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"^control 'X': id must be .*; title is empty; url must begin with https://$"):
        control(**changed(id="X", title="", url=""))(check)


def test_a_function_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="the function takes resource, stack;"):
        control(**GOOD)(check_each)
    with pytest.raises(ValueError, match="the function takes nothing;"):
        control(**GOOD)(lambda: Pass())


def test_a_failure_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"^Fail needs a message that states the weakness$"):
        Fail(" ")


def test_severities_are_ordered() -> None:
    assert sorted(Severity) == [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]
    assert [item.label for item in Severity] == ["low", "medium", "high", "critical"]


def test_an_id_used_twice_is_refused() -> None:
    first, second, third = control(**GOOD)(check), control(**GOOD)(check), control(**changed(id="another"))(check)
    assert checked([first, third]) == (third, first)
    with pytest.raises(ValueError, match=r"^control ids used twice: bucket-private$"):
        checked([first, third, second])


def write_controls(folder: Path, package: str, **modules: str) -> None:
    root = folder / package
    (root / "deep").mkdir(parents=True)
    for name in ("__init__.py", "deep/__init__.py"):
        (root / name).write_text("")
    head = "from cloudpatterns_policies.core import Pass, Severity, control\n"
    for name, body in modules.items():
        (root / f"{name.replace('__', '/')}.py").write_text(head + body)


def definition(name: str) -> str:
    return (
        f"@control(id='{name}', title='t', severity=Severity.LOW, types=('a:b:C',), why='w', remediation='r', url='https://x')\n"
        f"def {name.replace('-', '_')}(resource):\n    return Pass()\n"
    )


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_controls_are_found_in_every_module_once(importable: Path) -> None:
    write_controls(importable, "found", b=definition("two"), deep__a=definition("one"), c="from found.b import two\n")
    assert [item.id for item in discover("found")] == ["one", "two"]
    assert {"found.b", "found.deep.a"} <= sys.modules.keys()


def test_discovery_gives_one_pack(importable: Path) -> None:
    other = definition("two").replace("id='two'", "id='two', pack='operations'")
    write_controls(importable, "packed", a=definition("one"), b=other)
    assert [item.id for item in discover("packed")] == ["one"]
    assert [item.id for item in discover("packed", pack="operations")] == ["two"]
    assert [item.id for item in discover("packed", pack=None)] == ["one", "two"]


def test_discovery_refuses_duplicates_across_packs(importable: Path) -> None:
    other = definition("same").replace("id='same'", "id='same', pack='operations'")
    write_controls(importable, "doubled_packs", a=definition("same"), b=other)
    for pack in ("security", "operations", None):
        with pytest.raises(ValueError, match="control ids used twice: same"):
            discover("doubled_packs", pack=pack)


def test_discovery_refuses_duplicates(importable: Path) -> None:
    write_controls(importable, "doubled", a=definition("same"), b=definition("same"))
    with pytest.raises(ValueError, match="control ids used twice: same"):
        discover("doubled")


def test_own_controls_are_found() -> None:
    assert all(isinstance(item, Control) for item in discover())


def test_public_names() -> None:
    public = {name for name, value in vars(core).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert sorted(core.__all__) == sorted(public)
