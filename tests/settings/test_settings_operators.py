"""Problems of the sections operators and tags, with their exact texts and commands."""

import pytest

from tests.settings.configurations import ABSENT, broken, good, obey, problems
from tests.settings.expectations import NAMES, check_one, put, put_all, put_text, reported, rm

MAX_ENTRIES = "1 to 60, at least the number of entries of one address family; times the ports at most 60"
TAG_VALUE = "text of at most 256 letters, digits, spaces and + - = . _ : / @"
REQUIRED_TAGS = "every stack has the tags Owner, CostCenter and Environment"
ENTRY = "an IPv4 network of /8 or narrower or an IPv6 network of /32 or narrower, never the internet"


ONE = [
    ("operators[1].name", "devops", "another operator has this name", NAMES, put("operators[1].name", "devops-2")),
    ("operators[0].ports[0]", 0, None, "a port of the servers, 1 to 65535, not a data store's", put("operators[0].ports[0]", 22)),
    (
        "operators[0].ports[0]",
        3306,
        "a data store's port, which allows only the servers: give the role port 22 and forward the port through a server",
        "a port of the servers, 1 to 65535, not a data store's",
        put("operators[0].ports[0]", 22),
    ),
    ("operators[0].ports", [22, 22], "22 is listed twice", "at least one port, 1 to 65535, each once", rm("operators[0].ports[1]")),
    ("operators[0].entries[0].cidr", "0.0.0.0/0", "the whole internet", ENTRY, put("operators[0].entries[0].cidr", "203.0.113.10/32")),
    ("operators[0].entries[0].cidr", "::/0", "the whole internet", ENTRY, put("operators[0].entries[0].cidr", "203.0.113.10/32")),
    (
        "operators[0].entries[0].cidr",
        "128.0.0.0/1",
        "far too broad for an operator's network",
        ENTRY,
        put("operators[0].entries[0].cidr", "203.0.113.10/32"),
    ),
    (
        "operators[0].entries[0].cidr",
        "2001:db8::/31",
        "far too broad for an operator's network",
        ENTRY,
        put("operators[0].entries[0].cidr", "203.0.113.10/32"),
    ),
    (
        "operators[0].entries[0].description",
        "",
        None,
        "a description of the network, 1 to 255 characters",
        put("operators[0].entries[0].description", "Office"),
    ),
    ("tags.Owner", ABSENT, "is missing", REQUIRED_TAGS, put("tags.Owner", "platform")),
    ("tags.CostCenter", 1234, "a number, of which YAML drops zeros: write it in quotes", TAG_VALUE, put_text("tags.CostCenter", 1234)),
    ("tags.Owner", True, "a boolean, not text: write it in quotes", TAG_VALUE, put_text("tags.Owner", "true")),
    ("tags.Owner", "a, b", "has a character that AWS does not allow", TAG_VALUE, put("tags.Owner", "'a- b'")),
    ("tags.Owner", "x" * 257, None, TAG_VALUE, put("tags.Owner", "platform")),
    (
        'tags["aws:x"]',
        "y",
        "AWS does not allow this key",
        "a key of 1 to 128 letters, digits, spaces and + - = . _ : / @, not beginning with aws:",
        rm('tags["aws:x"]'),
    ),
]


@pytest.mark.parametrize(("path", "value", "because", "allowed", "fix"), ONE, ids=lambda value: str(value)[:40])
def test_one_wrong_operators_value_is_one_problem_and_its_command_fixes_it(path, value, because, allowed, fix):
    check_one(path, value, because, allowed, fix)


def entries(*cidrs):
    return [{"cidr": cidr, "description": "x"} for cidr in cidrs]


@pytest.mark.parametrize(
    ("cidrs", "last", "covers"),
    [
        (("10.0.0.0/8", "192.0.2.0/24", "11.0.0.0/8"), 2, "10.0.0.0/7"),
        (("2001:db8::/32", "2001:db9::/32"), 1, "2001:db8::/31"),
    ],
)
def test_entries_that_add_up_are_refused(cidrs, last, covers):
    ((key, given, because, fix),) = reported(broken({"operators[0].entries": entries(*cidrs)}))
    assert (key, given) == (f"operators[0].entries[{last}].cidr", f'"{cidrs[last]}"')
    assert because == f"together with the other entries, it covers {covers}"
    assert fix == (rm(f"operators[0].entries[{last}]"),)


def test_the_internet_in_halves_is_refused_twice():
    keys = [key for key, *_ in reported(broken({"operators[0].entries": entries("0.0.0.0/1", "128.0.0.0/1")}))]
    assert keys == ["operators[0].entries[0].cidr", "operators[0].entries[1].cidr"]


def test_a_repeated_entry_is_refused():
    ((key, _, because, fix),) = reported(broken({"operators[0].entries": entries("192.0.2.0/24", "192.0.2.0/24")}))
    assert (key, because, fix) == ("operators[0].entries[1].cidr", "another entry has the same network", (rm("operators[0].entries[1]"),))


@pytest.mark.parametrize(
    ("changes", "given", "because", "fix"),
    [
        (
            {"operators[0].ports": list(range(1, 20))},
            "10, the default",
            "10 entries for each of 19 ports are more than the 60 rules of a security group",
            put("operators[0].max_entries", 3),
        ),
        (
            {"operators[0].entries": entries(*(f"192.0.2.{n}/32" for n in range(0, 22, 2)))},
            "10, the default",
            "there are 11 entries",
            put("operators[0].max_entries", 11),
        ),
        (
            {
                "operators[0].entries": entries("192.0.2.0/32", "192.0.2.2/32"),
                "operators[0].ports": list(range(1, 32)),
                "operators[0].max_entries": 2,
            },
            "2",
            "2 entries for each of 31 ports are more than the 60 rules of a security group",
            rm("operators[0].ports[30]"),
        ),
        ({"operators[0].max_entries": 61}, "61", None, put("operators[0].max_entries", 10)),
    ],
)
def test_prefix_lists_fit_their_group(changes, given, because, fix):
    sections = broken(changes)
    assert reported(sections) == [("operators[0].max_entries", given, because, (fix,))]
    assert problems(sections)[0].allowed == MAX_ENTRIES
    obey((fix,), sections)
    good(sections)


def test_empty_operators_are_refused():
    (problem,) = problems(broken({"operators": []}))
    assert (problem.key, problem.given, problem.allowed) == ("cloudpatterns:operators", "[]", "a list of at least one operator")
    assert problem.fix == (
        put_all(
            **{
                "operators[0].name": "devops",
                "operators[0].ports[0]": 22,
                "operators[0].entries[0].cidr": "203.0.113.10/32",
                "operators[0].entries[0].description": "Office",
            }
        ),
    )


def test_tags_that_differ_in_capitals_and_too_many_tags_are_reported():
    assert reported(broken({"tags.Owner": ABSENT, "tags.owner": "x"})) == [
        ("tags.Owner", "nothing", "is missing; owner differs in case", (rm("tags.owner"), put("tags.Owner", "platform")))
    ]
    sections = broken({f"tags.k{n}": "v" for n in range(49)})
    ((key, _, because, fix),) = reported(sections)
    assert (key, because, fix) == ("tags", "52 tags", (rm("tags.k47"), rm("tags.k48")))
    obey(fix, sections)
    assert len(good(sections).tags) == 50
