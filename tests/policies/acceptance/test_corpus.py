"""The corpus through the whole pack: what AWS accepts gives no refusal, what it refuses gives the expected one, and the unknown none."""

import json
import re

from cloudpatterns_policies.acceptance.judgement import gaps
from cloudpatterns_policies.core import Fail, discover

from tests.policies.acceptance.corpus import changed, judged, pairs, stacks, with_each_input_unknown
from tests.policies.helpers import verdicts

PAIRS = pairs()
MISTAKES = [pair for pair in PAIRS if pair.mistake]
# The fix follows the rule's id, or is what an API's model takes.
FIX = re.compile(r"\((?:[EFIW]\d{4}|pf-[\w-]+)\)\. [A-Z].{8,}\. https://docs\.aws\.amazon\.com/|must .*\(api-\w+\)\. https://", re.DOTALL)


def test_what_aws_accepts_is_not_refused() -> None:
    assert {str(pair): found for pair, found in judged("good", PAIRS) if found} == {}
    assert gaps() == ()


def test_what_aws_refuses_is_refused_at_the_programs_own_property() -> None:
    found = {str(pair): {(one.at, one.rule) for one in refusals} for pair, refusals in judged("bad", PAIRS)}
    assert found == {str(pair): {(pair.at, pair.rule), *map(tuple, pair.also)} for pair in PAIRS}


def test_what_is_unknown_is_not_refused() -> None:
    assert {str(pair): found for pair, found in judged("unknown", PAIRS) if found} == {}


def test_any_part_of_what_aws_accepts_may_be_unknown() -> None:
    assert {str(pair): found for pair, found in judged("good", [*with_each_input_unknown(PAIRS)]) if found} == {}


def test_the_corpus_is_of_many_types_and_services() -> None:
    assert len(PAIRS) == len({str(pair) for pair in PAIRS}) >= 400
    assert len({pair.type for pair in PAIRS}) >= 120
    assert len({pair.module for pair in PAIRS}) >= 50


def test_each_pair_differs_in_its_change_alone() -> None:
    for pair in PAIRS:
        unchanged = dict.fromkeys(pair.refused)
        assert pair.good != pair.bad, pair
        assert changed(pair.good, unchanged) == changed(pair.bad, unchanged), pair


def test_every_refusal_has_a_fix_and_a_link() -> None:
    for pair, refusals in judged("bad", PAIRS):
        for one in refusals:
            # Other controls have a remedy of their own, which the pack adds.
            assert FIX.search(one.message) or f"({one.rule})" not in one.message, (str(pair), one.message)


def test_sixty_mistakes_are_refused_in_the_words_of_aws() -> None:
    assert len(MISTAKES) == len({pair.mistake for pair in MISTAKES}) >= 60
    assert len({pair.module for pair in MISTAKES}) >= 20
    assert len([pair for pair in MISTAKES if '"ref"' in json.dumps(pair.bad)]) >= 10
    for pair, refusals in judged("bad", MISTAKES):
        [message] = [one.message for one in refusals if (one.at, one.rule) == (pair.at, pair.rule)]
        assert message.startswith("would be refused by AWS: "), pair.mistake
        assert pair.says in message, pair.mistake


def test_no_other_pack_tells_the_mistakes() -> None:
    def told(form: str) -> set[tuple[str, str, str]]:
        controls = discover(pack=None)
        return {
            (group[int(name)].mistake, control.id, str(verdict))
            for group, subject in stacks(form, MISTAKES)
            for control in controls
            for name, verdict in verdicts(control, subject)
            if isinstance(verdict, Fail) and name.isdigit()
        }

    assert told("bad") <= told("good")
