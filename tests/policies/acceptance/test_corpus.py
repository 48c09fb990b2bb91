"""The corpus through the whole pack: what AWS accepts gives no refusal, what it refuses gives the expected one, and the unknown none."""

from cloudpatterns_policies.acceptance.judgement import gaps

from tests.policies.acceptance.corpus import changed, judged, pairs

PAIRS = pairs()


def test_what_aws_accepts_is_not_refused() -> None:
    assert {str(pair): found for pair, found in judged("good", PAIRS) if found} == {}
    assert gaps() == ()


def test_what_aws_refuses_is_refused_at_the_programs_own_property() -> None:
    found = {str(pair): {(one.at, one.rule) for one in refusals} for pair, refusals in judged("bad", PAIRS)}
    assert found == {str(pair): {(pair.at, pair.rule), *map(tuple, pair.also)} for pair in PAIRS}


def test_what_is_unknown_is_not_refused() -> None:
    assert {str(pair): found for pair, found in judged("unknown", PAIRS) if found} == {}


def test_the_corpus_is_of_many_types_and_services() -> None:
    assert len(PAIRS) == len({str(pair) for pair in PAIRS}) >= 400
    assert len({pair.type for pair in PAIRS}) >= 120
    assert len({pair.service for pair in PAIRS}) >= 50


def test_each_pair_differs_in_its_change_alone() -> None:
    for pair in PAIRS:
        unchanged = dict.fromkeys(pair.refused)
        assert pair.good != pair.bad, pair
        assert changed(pair.good, unchanged) == changed(pair.bad, unchanged), pair
