"""Writes the table of facts that `cloudpatterns_policies.acceptance.models` judges by.

    python -m tests.policies.acceptance.models.generate [--report]

It comes from two installed packages, `pulumi_aws` for the inputs and botocore for what AWS takes, by the rules of match.py and facts.py and
the entries of names.yaml. `--report` prints which constraints were left out and why.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from cloudpatterns_policies.acceptance.models import TABLE

from tests.policies.acceptance.models import history, sdk
from tests.policies.acceptance.models.facts import Facts
from tests.policies.acceptance.models.match import Leaf, Match, Matcher
from tests.policies.acceptance.models.names import names


def lines(facts: Facts) -> Iterator[str]:
    """The table: a line for each resource type of which something is judged, sorted. Token, tab, facts."""
    matcher = Matcher(names())
    found = (match for type in sdk.resource_types() if (match := matcher.match(type)) is not None)
    for match in sorted(found, key=lambda match: match.type.token):
        nodes = _Nodes(match, facts)
        root = nodes.node(match.root)
        if root is not None:
            line = {"api": f"{match.service.uid}/{match.operation}", "root": root, "nodes": nodes.all}
            yield f"{match.type.token}\t{json.dumps(line, separators=(',', ':'))}"


class _Nodes:
    """The blocks of one resource type, each kind once: those of firewall rules recur thousands of times."""

    def __init__(self, match: Match, facts: Facts) -> None:
        self._token = match.type.token
        self._facts = facts
        self._known: dict[str, int] = {}
        self.all: list[dict[str, Any]] = []

    def node(self, members: dict[str, Any]) -> int | None:
        """The number of the block with these members; None when nothing of it is judged."""
        judged = {name: fact for name, value in sorted(members.items()) if (fact := self._fact(value))}
        if not judged:
            return None
        key = json.dumps(judged)
        if key not in self._known:
            self._known[key] = len(self.all)
            self.all.append(judged)
        return self._known[key]

    def _fact(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Leaf):
            return self._facts.of(self._token, value)
        if value[0] == "block":
            number = self.node(value[1])
            return {} if number is None else {"node": number}
        _, each, own = value
        fact = self._facts.of(self._token, own) if own is not None else {}
        if each is not None and (inner := self._fact(each)):
            fact["each"] = inner
        return fact


def main() -> None:
    """Writes the table."""
    facts = Facts(history.read(), names())
    TABLE.write_text("\n".join(lines(facts)) + "\n", encoding="utf-8")
    if "--report" in sys.argv:
        for reason, count in facts.left.most_common():
            print(count, reason, *facts.examples[reason][:400], sep="\n    ")


if __name__ == "__main__":
    main()
