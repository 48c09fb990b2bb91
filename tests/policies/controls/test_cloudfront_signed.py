"""What can be had without a signature beside what needs one."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.cloudfront_signed import cloudfront_signed_paths
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

Props = dict[str, Any]

FILES = {"originId": "files", "domainName": "files.s3.eu-west-1.amazonaws.com"}
SITE = {"originId": "site", "domainName": "site.s3.eu-west-1.amazonaws.com"}
PRIVATE = {**FILES, "originId": "private", "originPath": "/private"}
DEFAULT = "defaultCacheBehavior.trustedKeyGroups"
FIRST = "orderedCacheBehaviors.0.trustedKeyGroups"


def behavior(pattern: str = "", origin: Any = "files", *, signed: bool = False) -> Props:
    keys = {"trustedKeyGroups": [UNKNOWN]} if signed else {}
    return {"targetOriginId": origin, **keys, **({"pathPattern": pattern} if pattern else {})}


def signed(pattern: str = "", origin: str = "files") -> Props:
    return behavior(pattern, origin, signed=True)


def found(default: Any, *ordered: Any, config: Props | None = None, props: Props | None = None) -> list[Verdict]:
    values = {"origins": [FILES, SITE, PRIVATE], "defaultCacheBehavior": default, "orderedCacheBehaviors": list(ordered), **(props or {})}
    return verdicts(cloudfront_signed_paths, resource("aws:cloudfront/distribution:Distribution", "web", values), config)


def before(opened: str, private: str) -> Fail:
    what = f"the path pattern {private}, which needs one and matches the same requests"
    return Fail(f"serves {opened} without a signature before {what}", FIRST)


NO_DEFAULT = Fail("needs a signature for the path pattern private/*, and none for what no pattern names in the same origin files", DEFAULT)


@pytest.mark.parametrize(
    "ordered",
    [
        [],
        [behavior("/public/*")],
        [behavior("/denied.html"), behavior("/assets/*.css")],
        [behavior("/private/help/*"), signed("/private/*")],
        [signed("/private/*"), behavior("/private/help/*")],
        [behavior("/public/*"), signed("/courses/*")],
        [behavior("/a/?.txt"), signed("/a/??.txt")],
        [behavior("*", "site"), signed("/private/*")],
    ],
)
def test_what_stays_open_by_a_narrower_pattern_passes(ordered: list[Props]) -> None:
    assert set(found(signed(), *ordered)) == {Pass()}


@pytest.mark.parametrize(
    ("opened", "private"),
    [
        ("*.jpg", "/private/*"),
        ("/private/*", "/private/*"),
        ("/*", "private/*"),
        ("/files/*", "/files/7.pdf"),
        ("/a/*", "/?/b"),
        ("/a?c", "/a?c"),
    ],
)
def test_an_open_pattern_before_one_that_needs_a_signature_fails(opened: str, private: str) -> None:
    assert found(signed(), behavior(opened), signed(private)) == [before(opened.removeprefix("/"), private.removeprefix("/"))]


def test_the_order_alone_opens_what_needs_a_signature() -> None:
    assert found(signed(), signed("/private/*"), behavior("*.jpg")) == [Pass()]
    assert found(signed(), behavior("/*")) == [before("*", "*")]
    assert found(signed(), behavior("/**")) == [before("**", "*")]


def test_an_open_default_behavior_of_the_same_origin_fails() -> None:
    assert found(behavior(), signed("/private/*")) == [NO_DEFAULT]
    assert found(behavior(origin="site"), signed("/private/*")) == [Pass()]
    assert found(behavior(), signed("/private/*"), behavior("/public/*")) == [Pass(), NO_DEFAULT]


def test_origins_that_are_one_bucket_are_one_whatever_their_ids_and_paths() -> None:
    leak = "serves by *, without a signature, objects that need one by the path pattern members/*: their origins are one"
    assert found(behavior(), signed("/members/*", "private")) == [Fail(leak, DEFAULT)]
    apart = {"origins": [{**FILES, "originPath": "/public"}, PRIVATE]}
    assert found(behavior(), signed("/members/*", "private"), props=apart) == [Pass()]
    twin = {"origins": [FILES, {**FILES, "originId": "twin"}]}
    text = "needs a signature for the path pattern private/*, and none for what no pattern names in the same origin twin"
    assert found(behavior(origin="twin"), signed("/private/*"), props=twin) == [Fail(text, DEFAULT)]


def test_members_of_origin_groups_are_looked_at() -> None:
    group = [{"originId": "both", "members": [{"originId": "site"}, {"originId": "files"}]}]
    assert found(behavior(origin="both"), signed("/private/*"), props={"originGroups": group}) == [
        Fail("needs a signature for the path pattern private/*, and none for what no pattern names in the same origin both", DEFAULT)
    ]
    assert found(behavior(origin="private"), signed("/private/*", "site"), props={"originGroups": group}) == [Pass()]


def test_signers_of_accounts_count_as_key_groups() -> None:
    private = {**behavior("/private/*"), "trustedSigners": ["self"]}
    assert found(behavior(), private) == [NO_DEFAULT]


def test_a_profile_declares_paths_that_are_open() -> None:
    assert found(behavior(), signed("/private/*"), config={"openPaths": ["*"]}) == [Pass()]
    assert found(signed(), behavior("*.jpg"), signed("/private/*"), config={"openPaths": ["/*.jpg"]}) == [Pass()]
    assert found(behavior(), signed("/private/*"), config={"openPaths": ["/public/*"]}) == [NO_DEFAULT]


@pytest.mark.parametrize(
    ("default", "ordered", "props", "expected"),
    [
        (UNKNOWN, [], {}, [Unknown("defaultCacheBehavior")]),
        (behavior(), [{**behavior("/private/*"), "trustedKeyGroups": UNKNOWN}], {}, [Unknown(FIRST)]),
        (signed(), [{**behavior("x"), "pathPattern": UNKNOWN}], {}, [Unknown("orderedCacheBehaviors.0.pathPattern")]),
        (signed(), [behavior("/public/*", UNKNOWN)], {}, [Unknown("orderedCacheBehaviors.0.targetOriginId")]),
        (signed(), [UNKNOWN], {}, [Unknown("orderedCacheBehaviors.0.targetOriginId")]),
        (
            behavior(origin="site"),
            [signed("/private/*")],
            {"origins": [FILES, {**SITE, "domainName": UNKNOWN}]},
            [Unknown("origins.1.domainName")],
        ),
        (
            behavior(origin="private"),
            [signed("/private/*")],
            {"origins": [FILES, {**PRIVATE, "originPath": UNKNOWN}]},
            [Unknown("origins.1.originPath")],
        ),
        (signed(), [], {"orderedCacheBehaviors": UNKNOWN}, [Unknown("orderedCacheBehaviors")]),
        (behavior(origin="site"), [signed("/private/*")], {"origins": UNKNOWN}, [Unknown("origins")]),
    ],
)
def test_what_is_unknown_is_not_judged(default: Any, ordered: list[Any], props: Props, expected: list[Verdict]) -> None:
    assert found(default, *ordered, props=props) == expected


def test_it_is_about_distributions_that_have_key_groups() -> None:
    none = [NotApplicable("has no behavior with key groups")]
    assert found(behavior(), behavior("/a/*")) == none
    assert found({**behavior(), "trustedKeyGroups": []}) == none
    assert verdicts(cloudfront_signed_paths, resource("aws:cloudfront/distribution:Distribution", "web", {})) == none
