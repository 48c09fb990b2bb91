"""Reads the corpus: small networks with the verdict that a person found right for them, and the reason in one line.

A file is about one proof:

    proof: no-path                  the control's id
    bases: {name: [resources]}      networks that cases build on
    cases:
    - why: One line of reason.
      base: name                    optional: what the case starts from,
      without: [names]              what it leaves out of it,
      change: {name: {key: value}}  what it changes in it (a null takes a property away),
      network: [resources]          and what it adds; `tests.policies.corpus.notation` says how resources are written
      config: {...}                 the control's configuration, as a profile gives it
      only: preview | deployed      optional: a network that there is in this form alone
      verdict: PASS | FAIL | UNKNOWN | NOT_APPLICABLE
      at: [names]                   resources at which it fails, or that leave it unknown; `name.property` says where in them
      unsure: [names]               for FAIL: what is unknown besides
      path: a > b > c               for no-path: the way that must be told, by the last words of each hop

Whatever else is written is an error: a misspelt key must not make a case pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.policies.corpus.notation import CorpusError, build, name_of

HERE: Final = Path(__file__).parent
VERDICTS: Final = ("PASS", "FAIL", "UNKNOWN", "NOT_APPLICABLE")
_FILE_KEYS: Final = {"proof", "bases", "cases"}
_CASE_KEYS: Final = {"why", "base", "without", "change", "network", "config", "only", "verdict", "at", "unsure", "path"}
_FORMS: Final = ("preview", "deployed")


@dataclass(frozen=True, slots=True)
class Case:
    """One network and its right verdict."""

    proof: str
    why: str
    network: Sequence[Mapping[str, Any]]
    config: Mapping[str, Any]
    forms: tuple[str, ...]
    """In which forms it is judged: before and after deployment."""
    verdict: str
    at: tuple[str, ...]
    unsure: tuple[str, ...]
    path: tuple[str, ...]


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, which YAML readers let pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise CorpusError(f"{node.start_mark}: {key!r} is written twice")
        return super().construct_mapping(node, deep)


def files() -> list[Path]:
    """The files of the corpus."""
    return sorted(HERE.glob("*.yaml"))


def read(path: Path) -> list[Case]:
    """The cases of one file. Raises `CorpusError`."""
    return parse(path.read_text(encoding="utf-8"), path.name)


def parse(text: str, name: str) -> list[Case]:
    """The cases that a file's text holds. Raises `CorpusError`, which names the file and the case."""
    try:
        document = yaml.load(text, _Loader)
        if not isinstance(document, Mapping):
            raise CorpusError("the file is no map of proof, bases and cases")
        _known(document, _FILE_KEYS, "the file")
        proof, bases, written = document.get("proof"), document.get("bases") or {}, document.get("cases")
        if not isinstance(proof, str) or not isinstance(written, list) or not isinstance(bases, Mapping):
            raise CorpusError("the file needs proof (a control's id) and cases (a list)")
        cases = [_case(proof, bases, item, index) for index, item in enumerate(written)]
        reasons = [case.why for case in cases]
        for why in reasons:
            if reasons.count(why) > 1:
                raise CorpusError(f"two cases have the reason {why!r}")
    except (CorpusError, yaml.YAMLError) as error:
        raise CorpusError(f"{name}: {error}") from None
    return cases


def _case(proof: str, bases: Mapping[str, Any], item: Any, index: int) -> Case:
    if not isinstance(item, Mapping):
        raise CorpusError(f"case {index + 1} is no map")
    why = item.get("why")
    if not isinstance(why, str) or not why.strip() or "\n" in why.strip():
        raise CorpusError(f"case {index + 1} has no reason; write one line after why:")
    try:
        return _read_case(proof, bases, item, why)
    except CorpusError as error:
        raise CorpusError(f"case {index + 1} ({why}): {error}") from None


def _read_case(proof: str, bases: Mapping[str, Any], item: Mapping[str, Any], why: str) -> Case:
    _known(item, _CASE_KEYS, "a case")
    verdict, at, unsure = item.get("verdict"), _names(item, "at"), _names(item, "unsure")
    path = tuple(hop.strip() for hop in str(item["path"]).split(" > ")) if "path" in item else ()
    if verdict not in VERDICTS:
        raise CorpusError(f"verdict is {verdict!r}; write one of {', '.join(VERDICTS)}")
    if bool(at) != (verdict in ("FAIL", "UNKNOWN")):
        raise CorpusError("at goes with FAIL and UNKNOWN, and they need it")
    if verdict != "FAIL" and (unsure or path):
        raise CorpusError("unsure and path go with FAIL")
    if item.get("only") not in (None, *_FORMS):
        raise CorpusError(f"only is {item['only']!r}; write preview or deployed")
    network = _network(bases, item)
    config = item.get("config") or {}
    if not isinstance(config, Mapping):
        raise CorpusError("config is no map")
    for deployed in (False, True):
        build(network, deployed=deployed)
    names = {name_of(entry) for entry in network}
    for entry in (*at, *unsure):
        if entry.partition(".")[0] not in names:
            raise CorpusError(f"nothing in the case is called {entry.partition('.')[0]!r}")
    forms = (item["only"],) if item.get("only") else _FORMS
    return Case(proof, why.strip(), network, config, forms, verdict, at, unsure, path)


def _network(bases: Mapping[str, Any], item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "base" in item and item["base"] not in bases:
        raise CorpusError(f"there is no base {item['base']!r}; there are {', '.join(sorted(map(str, bases)))}")
    start = {name_of(entry): dict(entry) for entry in (bases[item["base"]] if "base" in item else ())}
    for name in _names(item, "without"):
        if start.pop(name, None) is None:
            raise CorpusError(f"without names {name!r}, which the base does not have")
    changes = item.get("change") or {}
    for name, change in changes.items() if isinstance(changes, Mapping) else ():
        if name not in start or not isinstance(change, Mapping):
            raise CorpusError(f"change names {name!r}, which the base does not have, or says no properties")
        start[name] = {key: value for key, value in (start[name] | dict(change)).items() if value is not None}
    added = item.get("network") or []
    if not isinstance(changes, Mapping) or not isinstance(added, list) or not (start or added):
        raise CorpusError("the case has no network; write base, network or both, and change as a map")
    for entry in added:
        if name_of(entry) in start:
            raise CorpusError(f"two resources are called {name_of(entry)!r}")
    return [*start.values(), *added]


def _names(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = item.get(key, [])
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name for name in names) or (key in item and not names):
        raise CorpusError(f"{key} is {value!r}; write a name or a list of names")
    return tuple(names)


def _known(item: Mapping[Any, Any], allowed: set[str], what: str) -> None:
    for key in item:
        if key not in allowed:
            raise CorpusError(f"{what} has no key {key!r}; it has {', '.join(sorted(allowed))}")
