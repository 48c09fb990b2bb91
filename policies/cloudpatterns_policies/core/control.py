"""A control: metadata and one pure function, combined by a decorator."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.verdicts import Severity, Verdict

RESERVED_IDS: Final = frozenset({"all", "environments", "exemptions", "unknowns"})
"""Names that mean something else in a profile."""

ON_UNKNOWN: Final = "onUnknown"
"""The property that every control has in a profile: how an unknown verdict is reported."""

FAIL_ON_UNKNOWN: Final = "fail"
"""The value of `onUnknown` that treats an unknown verdict as a failure; `warn`, the default, leaves it to the summary."""

ON_UNKNOWN_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "string",
    "enum": ["warn", FAIL_ON_UNKNOWN],
    "default": "warn",
    "description": "How to report a check that reads a value known only after deployment: warn, one advisory line for all such checks"
    " together; fail, a finding for each with the control's level.",
}
"""JSON schema of `onUnknown`."""

SECURITY: Final = "security"
"""The pack of controls that name none."""

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

ResourceCheck = Callable[..., "Verdict | Iterable[Verdict]"]
"""`(resource)` or `(resource, *, config)`."""
StackCheck = Callable[..., "Verdict | Iterable[Verdict | tuple[Resource, Verdict]]"]
"""`(stack)`, which yields pairs, or `(resource, stack)`, which gives verdicts for one resource; each may also take `config`."""


@dataclass(frozen=True)
class Control:
    """One rule. Raises `ValueError` when the metadata is empty or malformed."""

    id: str
    """Unique and stable, in kebab-case; the CrossGuard policy name."""
    title: str
    """The rule as a statement that holds when the control passes."""
    severity: Severity
    """The severity of a failure; it decides the default enforcement level."""
    types: tuple[str, ...]
    """Resource types that the control checks. May be empty only for a stack control of the form `(stack)`."""
    why: str
    """What can go wrong without it."""
    remediation: str
    """What to do, as a full sentence."""
    url: str
    """The page that defines or explains the rule."""
    frameworks: Mapping[str, tuple[str, ...]]
    """Framework name to its ids for this rule, such as `{"CIS 5.0": ("2.2.3",)}`. An id that the control covers in part is in `partial`."""
    kind: Literal["resource", "stack"]
    """Whether it checks one resource's inputs or the whole stack."""
    check: Callable[..., Any]
    """The function."""
    config: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """JSON schema of each property the control can be configured with; each has a `default`."""
    pack: str = SECURITY
    """The pack that it belongs to: the name of a folder next to the library."""
    disabled: str = ""
    """Why it is disabled by default, so that only a profile that names it enables it; empty for an enabled control."""
    partial: Mapping[str, str] = field(default_factory=dict)
    """Framework id to what its own rule checks and this control does not; ids that are covered as a whole are not in it."""
    last: bool = False
    """Whether it runs after all other controls of the stack, as one about what these have looked at must."""
    per_resource: bool = field(init=False)
    """Whether the runner calls the function once for each resource of `types`."""
    takes_config: bool = field(init=False)
    """Whether the function has a parameter `config`, a mapping of the configured properties."""

    def __post_init__(self) -> None:
        problems = []
        if not _ID.fullmatch(self.id) or len(self.id) > 100:
            problems.append("id must be kebab-case of at most 100 characters")
        if not _ID.fullmatch(self.pack):
            problems.append("pack must be kebab-case, as the pack's folder is")
        if self.id in RESERVED_IDS:
            problems.append("id is reserved")
        problems += [f"{name} is empty" for name in ("title", "why", "remediation") if not getattr(self, name).strip()]
        if not self.url.startswith("https://"):
            problems.append("url must begin with https://")
        problems += [f"framework {name!r} has no ids" for name, ids in self.frameworks.items() if not ids or isinstance(ids, str)]
        claimed = {item for ids in self.frameworks.values() for item in ids}
        problems += [f"partial {item!r} is no id of frameworks" for item in self.partial if item not in claimed]
        problems += [f"partial {item!r} does not say what is not checked" for item, gap in self.partial.items() if not gap.strip()]
        problems += [f"config {name!r} has no default" for name, schema in self.config.items() if "default" not in schema]
        if ON_UNKNOWN in self.config:
            problems.append(f"config {ON_UNKNOWN!r} is reserved: every control has it")
        parameters = [name for name in inspect.signature(self.check).parameters if name != "config"]
        object.__setattr__(self, "takes_config", "config" in inspect.signature(self.check).parameters)
        object.__setattr__(self, "per_resource", self.kind == "resource" or len(parameters) == 2)
        if len(parameters) not in ((1,) if self.kind == "resource" else (1, 2)):
            problems.append(
                f"the function takes {', '.join(parameters) or 'nothing'}; see cloudpatterns_policies.core.control for the forms"
            )
        if isinstance(self.types, str) or not all(self.types) or (self.per_resource and not self.types):
            problems.append("types must be a tuple of at least one resource type")
        if problems:
            raise ValueError(f"control {self.id!r}: {'; '.join(problems)}")

    @property
    def schema(self) -> dict[str, Mapping[str, Any]]:
        """JSON schema of each property that a profile may give the control: its configuration, and `onUnknown`."""
        return {**self.config, ON_UNKNOWN: ON_UNKNOWN_SCHEMA}

    def claims(self, framework: str) -> list[str]:
        """The control's ids in a framework, as reports show them: one that is covered in part says so."""
        return [f"{item} (partial)" if item in self.partial else item for item in self.frameworks[framework]]

    def defaults(self) -> dict[str, Any]:
        """The control's configuration when the profile says nothing."""
        return {name: schema["default"] for name, schema in self.config.items()}


def control(
    *,
    id: str,
    title: str,
    severity: Severity,
    types: tuple[str, ...],
    why: str,
    remediation: str,
    url: str,
    frameworks: Mapping[str, tuple[str, ...]] | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    pack: str = SECURITY,
    disabled: str = "",
    partial: Mapping[str, str] | None = None,
) -> Callable[[ResourceCheck], Control]:
    """Makes a control of a function `(resource)`, which gives a verdict or an iterable of verdicts; none at all means Pass."""

    def decorate(check: ResourceCheck) -> Control:
        about = (id, title, severity, types, why, remediation, url, dict(frameworks or {}))
        return Control(*about, "resource", check, dict(config or {}), pack, disabled, dict(partial or {}))

    return decorate


def stack_control(
    *,
    id: str,
    title: str,
    severity: Severity,
    why: str,
    remediation: str,
    url: str,
    types: tuple[str, ...] = (),
    frameworks: Mapping[str, tuple[str, ...]] | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    pack: str = SECURITY,
    disabled: str = "",
    partial: Mapping[str, str] | None = None,
    last: bool = False,
) -> Callable[[StackCheck], Control]:
    """Makes a control over the whole stack, of one of two kinds of function.

    `(resource, stack)` is called for each resource of `types` and gives its verdict or verdicts. Prefer it: an unknown value or an error
    ends the check of that resource only. `(stack)` yields `(resource, verdict)` pairs; an unknown value that it does not handle ends
    the whole control.
    """

    def decorate(check: StackCheck) -> Control:
        about = (id, title, severity, types, why, remediation, url, dict(frameworks or {}))
        return Control(*about, "stack", check, dict(config or {}), pack, disabled, dict(partial or {}), last)

    return decorate
