from cloudpatterns.core.problems import late, not_an_argument


def test_the_same_name_in_another_spelling_is_the_only_suggestion() -> None:
    assert not_an_argument("subnetId", ["subnet_ids", "subnet_id"]) == "is not an argument; did you mean subnet_id?"
    assert not_an_argument("subnet_id", ["subnetIds", "subnetId"]) == "is not an argument; did you mean subnetId?"


def test_at_most_three_names_are_suggested_the_nearest_first() -> None:
    known = ["subnet_ids_by_zone", "subnet_ids", "subnet_id_lists", "subnet_id_sets", "tags"]
    assert not_an_argument("subnet_idz", known) == "is not an argument; did you mean subnet_ids, subnet_id_sets or subnet_ids_by_zone?"


def test_a_short_word_is_not_looked_for_within_longer_names() -> None:
    assert not_an_argument("ids", ["subnet_ids"]) == "is not an argument; known are subnet_ids"
    # Without its unit.
    assert not_an_argument("cpu", ["cpu_units", "cpus_at_night"]) == "is not an argument; did you mean cpu_units?"
    assert not_an_argument("cpu", ["cpuUnits"]) == "is not an argument; did you mean cpuUnits?"
    assert not_an_argument("ids", []) == "is not an argument; known are none"


def test_only_a_map_by_zone_has_a_method_that_returns_it() -> None:
    reason = "is an output or a secret. It decides what is created, so it must be known when the program runs: give"
    assert late("callers", a_map=True, of_outputs=True) == f"{reason} a dictionary with plain keys, whose values may be outputs."
    assert late("data_subnet_ids_by_zone", a_map=True, of_outputs=True).endswith("; Network.subnet_ids(...) returns one.")
