"""AWS's own validator for CloudFormation, with the rules of cdk-preflight for the types of one stack.

An engine is expensive to build (half a second and 300 MB for the types of one stack) and cheap to use, so it is built once, in the
background while the program still registers resources (`Validator.prepare`); the native library does not hold Python's lock meanwhile.
Types that nobody had prepared get a second engine, which judges by their rules alone. A rule that cannot be compiled or that fails is
left out and named in `Validator.gaps`.
"""

import atexit
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any, Final

from cloudpatterns_policies.acceptance.preflight import ANY_TYPE, HEADER, Preflight, Rule, load
from cloudpatterns_policies.acceptance.rules import (
    ANY,
    GROWING,
    REFERENCE,
    REFUSED_DESPITE_SEVERITY,
    RULES_OFF,
    RULES_UNLESS,
    family,
    is_advice,
    is_off,
    why_off,
)
from cloudpatterns_policies.acceptance.unknowns import (
    asks_for_unknown_list,
    depends_on_unknown,
    ends_in_reference,
    ends_in_unknown,
    is_unknown,
    leads_into_unknown,
    neighbours,
    unknown_paths,
    variants,
)

DISTRIBUTION: Final = "cloudformation-validate"
"""The distribution of AWS's validator."""

INSTALL: Final = f"pip install {DISTRIBUTION}"
"""The command that installs it."""

_NAMES: Final = (
    "CompositeEngine",
    "CompositeEngineConfig",
    "ExternalRuleSource",
    "PseudoParameterOverrides",
    "RuleFilterConfig",
    "ValidateConfig",
)
_REGION_PARAMETER, _ACCOUNT_PARAMETER = "CloudpatternsRegion", "CloudpatternsAccount"
# Rules read where the stack is deployed from these two, which are undefined where it is not known. Parameters carry them into the template,
# so that one engine serves all regions.
_PLACE: Final = f"""{HEADER}
deploy_region := input.parameters.{_REGION_PARAMETER}["default"]
deploy_account := input.parameters.{_ACCOUNT_PARAMETER}["default"]
"""
_MOST_LINES: Final = 15_000  # the validator refuses a source with 20,000
_MOST_BROKEN: Final = 20
# Copies of resources that are judged at once, in sizes of the template: rules compare states of state machines with each other, so that the
# time grows with the square of what is judged.
_COPIES: Final = 2
_PLACE_OF_ERROR: Final = re.compile(r"--> (\S+):\d+:\d+")
_SHOWS_UNKNOWN: Final = '{"__dynamic":'  # how the message of a rule in Rego shows a value that is not known
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_FIXES: Final[Mapping[str, str]] = {
    "E2504": "End the name with .fifo",
    "E2533": "Use a runtime that Lambda still creates functions with",
    "E3023": "Write the value in the form of the record's type",
    "E3027": "Use rate(5 minutes), or cron() with minutes, hours, day of month, month, day of week and year",
    "E3031": "Use a value of that form",
    "E3039": "Define each key among the attributes, and nothing else",
    "E3059": "Use a range within that of the VPC",
    "E3510": "Correct the statement",
    "E3601": "Correct the definition's states",
    "E3663": "Choose another name: Lambda sets this variable itself",
    "E3680": "Give subnets in two Availability Zones",
    "E3705": "Use a value in the range",
    "E3706": "Keep the minimum at or below the maximum",
    "E3717": "Use a value in the range",
    "E3718": "Use a value in the range",
    "E3719": "Use a value in the range",
    "F3002": "Remove the property, or correct its name",
    "F3003": "Add the property",
    "F3012": "Use a value of that type",
    "F3014": "Give exactly one of the properties",
    "F3017": "Give the properties that one of the alternatives needs",
    "F3018": "Give the properties of exactly one of the alternatives",
    "F3020": "Remove one of the properties",
    "F3021": "Add the property that is needed, or remove the one that needs it",
    "F3030": "Use that value",
    "F3031": "Use a value of that form",
    "F3032": "Change the number of items",
    "F3033": "Change the length",
    "F3034": "Use a value in the range",
    "F3037": "Remove the duplicates",
    "F3058": "Give one of the properties",
    "W3030": "Use one of these values",
}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What the validator says about one resource."""

    rule: str
    """The rule's id, such as `F3031` or `pf-ecs-fargate-network-mode`."""
    severity: str
    """The validator's own word: `FATAL`, `ERROR`, `WARN` or `INFO`."""
    refused: bool
    """Whether AWS refuses it; else it is advice."""
    family: str
    """`value`, `combination` or `reference`."""
    logical_id: str
    """The resource's logical id in the template."""
    path: tuple[str | int, ...]
    """The property in CloudFormation's names, below `Properties`; empty for the whole resource."""
    message: str
    """What is wrong, in the validator's words, which may quote the value."""
    url: str
    """A page of AWS's documentation."""
    fix: str
    """What to do; empty where nobody says."""


class Validator:
    """AWS's validator for one process. Its engines are kept from one call to the next, for all templates. Thread-safe.

    `preflight` are the rules to add, by default those of the installed distribution.
    """

    def __init__(self, preflight: Preflight | None = None) -> None:
        self._preflight = preflight
        self._lock = threading.Lock()
        self._engines: list[_Engine] = []
        self._ready: set[str] = set()
        self._worker: threading.Thread | None = None
        self._module: ModuleType | None = None
        self._problem = ""
        self._gaps: dict[str, None] = {}

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be judged so far, one sentence each."""
        return tuple(self._gaps)

    def close(self) -> None:
        """Frees the engines."""
        with self._lock:
            self._engines.clear()

    def prepare(self, types: Iterable[str]) -> None:
        """Begins to build, in the background, what judges resources of these CloudFormation types; returns at once.

        Only the first call counts: give it all types that the stack is likely to have.
        """
        if self._worker is None:
            wanted = frozenset(types)
            self._worker = threading.Thread(target=self._extend, args=(wanted,), name="acceptance-engine", daemon=True)
            self._worker.start()

    def judge(
        self, template: Mapping[str, Any], types: Iterable[str], region: str | None = None, account: str | None = None
    ) -> list[Diagnostic]:
        """Judges the resources of a template, whose types are `types`; what was not prepared is built now.

        Without a `region` (or an `account`) rules that depend on it are not judged; it is that of all resources in the template. Never
        raises for a rule that fails, or for a package that is missing or different: `gaps` says what was not judged.
        """
        if self._worker is not None:
            self._worker.join()
        self._extend(frozenset(types))
        document = _placed(template, region, account)
        with self._lock:
            found = list(self._diagnostics(document, region))
            doubtful = [item for item in found if item.rule.startswith("pf-")]
            unfounded = self._unfounded(doubtful, document, region)
        return _without_repeats(item for item in found if item not in unfounded)

    def _diagnostics(self, document: Mapping[str, Any], region: str | None, *, builtin: bool = True) -> Iterator[Diagnostic]:
        content = json.dumps(document).encode()
        for engine in self._engines:
            for message in engine.run(content, region, builtin=builtin):
                if (diagnostic := _diagnostic(message, document, engine.rules)) is not None:
                    yield diagnostic
            self._gaps.update(dict.fromkeys(engine.gaps))

    def _unfounded(self, found: list[Diagnostic], document: Mapping[str, Any], region: str | None) -> set[Diagnostic]:
        """Those findings of Rego rules that would not hold for every value of what is unknown."""
        resources, parameters = document["Resources"], document.get("Parameters", {})
        if self._preflight is None or not parameters or not found:
            return set()
        rules = {name: rule for engine in self._engines for name, rule in engine.rules.items()}
        tried: dict[str, Diagnostic] = {}
        unfounded: set[Diagnostic] = set()
        copies: dict[str, Any] = {}
        near = neighbours(resources)
        for item in found:
            resource, rule = resources[item.logical_id], rules[item.rule]
            properties = resource.get("Properties", {})
            helpers = "\n".join(self._preflight.shared(rule.needs).values())
            if depends_on_unknown(rule, helpers, item.logical_id, document, near[item.logical_id]):
                unfounded.add(item)
                continue
            if next(unknown_paths(properties, parameters), None) is None:
                continue
            if asks_for_unknown_list(rule, helpers, properties, parameters):
                unfounded.add(item)
                continue
            before = len(tried)
            for variant in variants(rule, helpers, properties, parameters):
                name = f"Tried{len(tried)}"
                tried[name], copies[name] = item, {**resource, "Properties": variant}
            if len(tried) == before and ends_in_unknown(item.path, properties, parameters):
                unfounded.add(item)
        if not tried:
            return unfounded
        held = {
            (again.logical_id, again.rule, again.path)
            for batch in _batches(copies, _COPIES * len(json.dumps(document)))
            for again in self._diagnostics({**document, "Resources": {**resources, **batch}}, region, builtin=False)
        }
        return unfounded | {item for name, item in tried.items() if (name, item.rule, item.path) not in held}

    def _extend(self, types: frozenset[str]) -> None:
        """Builds what is still missing for `types`; waits for another thread that does."""
        with self._lock:
            new = (types | {ANY_TYPE}) - self._ready
            if not new or self._problem:
                return
            self._ready |= new
            try:
                self._build(new)
            except Exception as error:  # the packages' own failures must not end the pack
                self._gaps[f"{DISTRIBUTION} failed ({type(error).__name__}): not judged by it"] = None

    def _build(self, types: set[str] | frozenset[str]) -> None:
        if self._module is None:
            self._module, self._problem = validator_module()
            if self._module is None:
                self._gaps[self._problem] = None
                return
        if self._preflight is None:
            self._preflight = load()
        if self._preflight.problem:
            self._gaps[self._preflight.problem] = None
        known = {rule for engine in self._engines for rule in engine.rules}
        version = _numbers(_version())
        rules = [rule for rule in self._preflight.of(types) if rule.id not in known and _wanted(rule, version)]
        if rules or not self._engines:
            self._engines.append(_Engine(self._module, self._preflight, rules, builtin=not self._engines))


class _Engine:
    """One compiled engine: some rules in Rego and, when `builtin`, AWS's own."""

    def __init__(self, module: ModuleType, preflight: Preflight, rules: Sequence[Rule], *, builtin: bool) -> None:
        self._module, self._preflight, self._builtin = module, preflight, builtin
        self.rules: dict[str, Rule] = {rule.id: rule for rule in rules}
        self.gaps: list[str] = []
        self._parts = self._compiled(list(rules), builtin=builtin)

    def run(self, content: bytes, region: str | None, *, builtin: bool = True) -> Iterator[Any]:
        """Yields the validator's diagnostics, without `builtin` those of Rego rules. A rule that fails is left out from then on."""
        done = False
        while not done:
            done = True
            for part in list(self._parts):
                try:
                    report = part.engine.validate_template(content, self._config(region, builtin=builtin and part.builtin))
                except Exception as error:  # the package's class of errors is not the same in all versions
                    self._parts.remove(part)
                    self._parts += self._without_broken(part.modules, error, builtin=part.builtin)
                    done = False
                    break
                if report.status.name == "ANALYSIS_INCOMPLETE":
                    self.gaps.append(f"{DISTRIBUTION} stopped at its limits: some resources are not judged by it")
                part.diagnostics = report.diagnostics
        for part in self._parts:
            yield from part.diagnostics

    def _config(self, region: str | None, *, builtin: bool) -> Any:
        known = region if region and _REGION.fullmatch(region) else None
        return self._module.ValidateConfig(
            exclude=self._module.RuleFilterConfig(id_patterns=[f"^({pattern})$" for pattern in RULES_OFF]),
            pseudo_parameter_overrides=self._module.PseudoParameterOverrides(region=known),
            disable_builtin_rules=not builtin,
        )

    def _compiled(self, rules: list[Rule], *, builtin: bool, merged: bool = True) -> list["_Part"]:
        if not rules and not builtin:
            return []
        modules = _Modules(rules, self._preflight, merged=merged)
        sources = [self._module.ExternalRuleSource(name=name, content=text) for name, text in modules.sources.items()]
        try:
            engine = self._module.CompositeEngine(self._module.CompositeEngineConfig(rego_rules=sources))
        except Exception as error:  # the package's class of errors is not the same in all versions
            return self._without_broken(modules, error, builtin=builtin)
        return [_Part(engine, modules, builtin)]

    def _without_broken(self, modules: "_Modules", error: Exception, *, builtin: bool) -> list["_Part"]:
        """Compiles again without the rule that an error names; where it names none, in two halves, until one rule is left."""
        rules = modules.rules
        if not rules:
            self.gaps.append(f"{DISTRIBUTION} failed ({type(error).__name__}): not judged by it")
            return []
        if modules.merged:  # an error may be found only in the next rule of a merged source
            return self._compiled(rules, builtin=builtin, merged=False)
        broken = modules.broken(str(error)) or (rules if len(rules) == 1 else [])
        if len(self.gaps) > _MOST_BROKEN:
            broken = rules
        if broken:
            ids = ", ".join(rule.id for rule in broken[:3]) + (f" and {len(broken) - 3} more" if len(broken) > 3 else "")
            self.gaps.append(f"rules of cdk-preflight {self._preflight.version} fail and are not judged: {ids}")
            return self._compiled([rule for rule in rules if rule not in broken], builtin=builtin, merged=False)
        half = len(rules) // 2
        return [
            *self._compiled(rules[:half], builtin=builtin, merged=False),
            *self._compiled(rules[half:], builtin=False, merged=False),
        ]


@dataclass(slots=True)
class _Part:
    engine: Any
    modules: "_Modules"
    builtin: bool
    diagnostics: Sequence[Any] = ()


class _Modules:
    """The sources of rules and of the helpers that they need; merged into a few, which compile faster, or one for each."""

    def __init__(self, rules: list[Rule], preflight: Preflight, *, merged: bool) -> None:
        self.rules, self.merged = rules, merged
        self.sources: dict[str, str] = {}
        if not rules:
            return
        texts = preflight.shared({name for rule in rules for name in rule.needs}) | {rule.id: rule.rego for rule in rules}
        self.sources = _merged(texts) if merged else texts
        self.sources["place"] = _PLACE

    def broken(self, error: str) -> list[Rule]:
        """The rules that are broken when the source is that an error's text names: that rule, or all that need the helper."""
        name = place[1] if (place := _PLACE_OF_ERROR.search(error)) is not None else ""
        return [rule for rule in self.rules if name == rule.id or name in rule.needs]


def _merged(texts: Mapping[str, str]) -> dict[str, str]:
    """Sources joined into as few as the validator takes."""
    bodies: list[list[str]] = [[]]
    lines = 0
    for text in texts.values():
        body = text.removeprefix(HEADER)
        lines += body.count("\n") + 1
        if lines > _MOST_LINES:
            bodies.append([])
            lines = body.count("\n") + 1
        bodies[-1].append(body)
    return {f"rules{number}": HEADER + "\n".join(body) for number, body in enumerate(bodies)}


@cache
def shared() -> Validator:
    """The process's own validator."""
    validator = Validator()
    # The library's objects cannot be freed any more once the interpreter is torn down, and complain.
    atexit.register(validator.close)
    return validator


def judge(template: Mapping[str, Any], types: Iterable[str], region: str | None = None, account: str | None = None) -> list[Diagnostic]:
    """Judges a template with the process's own validator; see `Validator.judge`."""
    return shared().judge(template, types, region, account)


def validator_module() -> tuple[ModuleType | None, str]:
    """The validator's module, or None and why not."""
    try:
        import cloudformation_validate as module
    except ModuleNotFoundError:
        return None, f"{DISTRIBUTION} is not installed: not judged by AWS's validator nor by cdk-preflight. Install it with `{INSTALL}`"
    except Exception as error:  # a native library that does not fit the machine raises OSError or RuntimeError
        return None, f"{DISTRIBUTION} {_version()} cannot be loaded here ({_first_line(error)}): not judged by it nor by cdk-preflight"
    if missing := [name for name in _NAMES if not hasattr(module, name)]:
        reason = f"it has no {missing[0]}"
        return None, f"{DISTRIBUTION} {_version()} is too old or too new ({reason}): not judged by it nor by cdk-preflight"
    return module, ""


def _version() -> str:
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "of an unknown version"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _wanted(rule: Rule, version: tuple[int, ...]) -> bool:
    """Whether a rule is judged: it is not off, and the validator of this version does not find the same by itself."""
    return not why_off(rule.id) and not (rule.superseded and version >= _numbers(rule.superseded))


def _batches(copies: Mapping[str, Any], most_characters: int) -> Iterator[dict[str, Any]]:
    """The copies of resources in parts of about so many characters."""
    batch: dict[str, Any] = {}
    left = most_characters
    for name, copy in copies.items():
        batch[name] = copy
        left -= len(json.dumps(copy))
        if left <= 0:
            yield batch
            batch, left = {}, most_characters
    if batch:
        yield batch


def _placed(template: Mapping[str, Any], region: str | None, account: str | None) -> dict[str, Any]:
    """The template with parameters that say where it is deployed."""
    places = {_REGION_PARAMETER: region, _ACCOUNT_PARAMETER: account}
    parameters = {name: {"Type": "String", "Default": value} for name, value in places.items() if value}
    return {**template, "Parameters": {**template.get("Parameters", {}), **parameters}} if parameters else dict(template)


def _diagnostic(message: Any, template: Mapping[str, Any], rules: Mapping[str, Rule]) -> Diagnostic | None:
    """Our form of a diagnostic; None for one about no resource, about what is unknown, or about a type that the validator does not know."""
    rule, severity, entity = message.rule_id, message.severity.name, message.entity
    resource = template["Resources"].get(entity.logical_id) if entity is not None else None
    if resource is None or is_off(message.message) or _SHOWS_UNKNOWN in message.message:
        return None
    name, value, _ = RULES_UNLESS.get(rule, ("", "", ""))
    held = resource.get("Properties", {}).get(name) if name else None
    unknown = is_unknown(held, template.get("Parameters", {}))
    if held is not None and (unknown or value == ANY or held == value or (isinstance(held, list) and value in held)):
        return None
    path = _path(message.property_path or "", resource)
    properties = resource.get("Properties", {})
    known = rules.get(rule)
    kind = known.family if known is not None else family(rule)
    # A rule of Rego that reads the value of an unknown one is tried with others, below; of a reference it would read our own id.
    may_end = kind == REFERENCE or (known is not None and ends_in_unknown(path, properties, template.get("Parameters", {})))
    if leads_into_unknown(path, properties) or (not may_end and ends_in_reference(path, properties)):
        return None
    last = next((part for part in reversed(path) if isinstance(part, str)), "")
    return Diagnostic(
        rule=rule,
        severity=severity,
        refused=_is_refused(rule, severity, last),
        family=kind,
        logical_id=entity.logical_id,
        path=path,
        message=message.message,
        url=_url(message.documentation_url, resource["Type"]),
        fix=message.suggested_fix or _FIXES.get(rule, ""),
    )


def _is_refused(rule: str, severity: str, name: str) -> bool:
    """Whether AWS refuses what a rule finds at a property of that name; else it is advice."""
    if rule in REFUSED_DESPITE_SEVERITY or rule == "E9006":
        return not GROWING.fullmatch(name)
    return severity in ("FATAL", "ERROR") and not is_advice(rule)


def _path(text: str, resource: Mapping[str, Any]) -> tuple[str | int, ...]:
    """The property path of a text such as `Properties.Rules.0.Status`; a key of the resource may itself have dots."""
    parts = re.split(r"[./]", re.sub(r"\[(\d+)\]", r".\1", text))
    if parts[0] != "Properties":
        return ()
    path: list[str | int] = []
    value: Any = resource.get("Properties", {})
    at = 1
    while at < len(parts):
        width = 1
        if isinstance(value, Mapping):
            width = next((wide for wide in range(1, len(parts) - at + 1) if ".".join(parts[at : at + wide]) in value), 1)
        key = ".".join(parts[at : at + width])
        path.append(int(key) if key.isdigit() and not isinstance(value, Mapping) else key)
        value = _inside(value, path[-1])
        at += width
    return tuple(path)


def _inside(value: Any, key: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return None


def _url(given: str | None, kind: str) -> str:
    """The page that the rule names, or the type's page."""
    if given and given.startswith("https://docs.aws.amazon.com/"):
        return given
    page = kind.replace("AWS::", "aws-resource-", 1).replace("::", "-").lower()
    return f"https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/{page}.html"


def _without_repeats(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted, and without a value outside an enum that another rule refuses at the same place with AWS's own words."""
    ordered = sorted(found, key=lambda item: (item.logical_id, [str(part) for part in item.path], item.rule, item.message))
    stricter = {(item.logical_id, item.path) for item in ordered if item.refused and item.rule != "W3030"}
    return [item for item in ordered if item.rule != "W3030" or (item.logical_id, item.path) not in stricter]


def _first_line(error: BaseException) -> str:
    """The error's type and the first line of its text that says something."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip() and "-->" not in line), "")
    return f"{type(error).__name__}: {text}"[:200] if text else type(error).__name__
