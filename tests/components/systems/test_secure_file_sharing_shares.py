"""Links to files, from the upload to the download, on an emulator behind a front that verifies CloudFront's signatures."""

import hashlib
import json
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.components.systems.sharing import ADA, BOB, FILES, SITE, Sharing, sharing
from tests.emulators.ministack import missing
from tests.emulators.viewers import fetch

CLEAN_TEXT = {"content-type": "text/plain", "content-disposition": "attachment; filename*=UTF-8''note.txt"}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sharing]:
    """One for all tests: it takes seconds to start."""
    if reason := missing():
        pytest.skip(reason)
    with sharing(tmp_path_factory.mktemp("sharing"), max_size_mib=1) as started:
        yield started


@pytest.fixture(scope="module")
def ada(system: Sharing) -> str:
    return system.token(ADA)


@pytest.fixture(scope="module")
def bob(system: Sharing) -> str:
    return system.token(BOB)


def state_of(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["state"]


def change(system: Sharing, link: str, **attributes: Any) -> None:
    """Changes the item of a link, as time does."""
    table = system.graph.one("aws:dynamodb/table:Table").outputs["name"]
    system.emulator.client("dynamodb").update_item(
        TableName=table,
        Key={"id": {"S": hashlib.sha256(link.encode()).hexdigest()}, "entry": {"S": "share"}},
        UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes),
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


def outcomes(system: Sharing, token: str, share: dict[str, Any]) -> list[str]:
    status, found = system.call("GET", f"/shares/{share['id']}/fetches", token)
    assert status == 200
    return [one["outcome"] for one in found["fetches"]]


def test_whoever_has_the_link_gets_the_file_by_an_address_that_holds_for_seconds(system: Sharing, ada: str) -> None:
    share = system.share(ada)
    assert share["url"].startswith(f"{SITE}/#")
    status, link = system.call("GET", "/link", share["link"])
    assert (status, link["state"], link["file_name"], link["size_bytes"]) == (200, "available", "note.txt", 5)
    status, found = system.call("POST", "/link/fetches", share["link"])
    assert (status, found["file_name"]) == (200, "note.txt")
    file = fetch(system.port, found["url"])
    assert (file.status, file.body) == (200, b"hello")
    assert CLEAN_TEXT.items() <= file.headers.items()
    # Nothing of it runs, and no other page learns of its address.
    assert (file.headers["content-security-policy"], file.headers["referrer-policy"]) == ("default-src 'none'; sandbox", "no-referrer")
    expires = int(found["url"].partition("Expires=")[2].partition("&")[0])
    assert 50 < expires - time.time() <= 60


def test_a_program_is_led_to_the_file(system: Sharing, ada: str) -> None:
    share = system.share(ada)
    response = system.request("POST", "/link/fetches", share["link"])
    assert (response.status, response.body) == (303, b"")
    assert fetch(system.port, response.headers["location"]).body == b"hello"
    assert response.headers["cache-control"] == "no-store"


def test_an_unsigned_a_changed_and_an_expired_address_are_refused(system: Sharing, ada: str) -> None:
    share = system.share(ada)
    url = system.call("POST", "/link/fetches", share["link"])[1]["url"]
    assert fetch(system.port, f"{FILES}/{share['key']}").status == 403
    assert fetch(system.port, url.replace(share["key"], system.share(ada)["key"])).status == 403
    assert fetch(system.port, url.replace("Expires=1", "Expires=2")).status == 403
    system.late_seconds = 61
    try:
        assert fetch(system.port, url).status == 403
    finally:
        system.late_seconds = 0
    assert system.seen[-4:] == ["MissingKey", "InvalidSignature", "InvalidSignature", "expired"]
    assert fetch(system.port, url).status == 200


def test_an_expired_link_opens_nothing(system: Sharing, ada: str) -> None:
    share = system.share(ada, hours=1)
    change(system, share["link"], expires_at={"N": str(int(time.time()))})
    assert state_of(system.call("GET", "/link", share["link"])) == (200, "expired")
    assert state_of(system.call("POST", "/link/fetches", share["link"])) == (410, "expired")
    assert outcomes(system, ada, share) == ["expired"]


def test_a_revoked_link_opens_nothing(system: Sharing, ada: str) -> None:
    share = system.share(ada)
    assert system.call("POST", "/link/fetches", share["link"])[0] == 200
    assert system.call("DELETE", f"/shares/{share['id']}", ada) == (200, {"id": share["id"], "state": "revoked"})
    assert state_of(system.call("POST", "/link/fetches", share["link"])) == (410, "revoked")
    assert outcomes(system, ada, share) == ["revoked", "fetched"]
    # A second time changes nothing.
    assert system.call("DELETE", f"/shares/{share['id']}", ada)[0] == 200


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "../../etc", "A" * 44])
def test_a_link_that_is_none_is_told_from_no_other(system: Sharing, token: str) -> None:
    status, body = system.call("GET", "/link", token)
    assert (status, "state" in body) in ((401, False), (403, False))
    assert system.call("POST", "/link/fetches", token)[0] == status


def test_nobody_has_the_links_of_others(system: Sharing, ada: str, bob: str) -> None:
    share = system.share(ada)
    for method, path in (("DELETE", f"/shares/{share['id']}"), ("GET", f"/shares/{share['id']}/fetches")):
        assert system.call(method, path, bob) == (404, {"message": "there is no such link"})
    assert share["id"] not in json.dumps(system.call("GET", "/shares", bob)[1])
    assert system.call("POST", "/link/fetches", share["link"])[0] == 200


def test_nobody_shares_the_uploads_of_others(system: Sharing, ada: str, bob: str) -> None:
    key = system.share(ada)["key"]
    for given in (key, "files/x", "../secret", 7, None, key.replace("files/", "")):
        answer = system.call("POST", "/shares", bob, {"key": given, "file_name": "note.txt"})
        assert answer == (404, {"message": "there is no such upload"}), given


def test_without_a_token_of_the_pool_nobody_uploads_or_shares(system: Sharing) -> None:
    for method, path in (("POST", "/uploads"), ("POST", "/shares"), ("GET", "/shares"), ("POST", "/fetches")):
        assert system.request(method, path, "eyJhbGciOiJub25lIn0.e30.", {} if method == "POST" else None).status == 401


def test_an_unscanned_file_is_served_to_nobody(system: Sharing, ada: str) -> None:
    _, key = system.send(ada)
    status, share = system.call("POST", "/shares", ada, {"key": key, "file_name": "note.txt"})
    token = share["url"].partition("#")[2]
    assert (status, *state_of(system.call("GET", "/link", token))) == (201, 200, "scanning")
    assert state_of(system.call("POST", "/link/fetches", token)) == (409, "scanning")
    # The bucket says so too, should the function not.
    url = system.call("POST", "/link/fetches", system.share(ada)["link"])[1]["url"]
    assert fetch(system.port, url).status == 200
    system.emulator.client("s3").delete_object_tagging(Bucket=system.bucket, Key=url.partition("?")[0].removeprefix(f"{FILES}/"))
    assert fetch(system.port, url).status == 403
    assert system.seen[-1] == "not clean"
    system.scan()
    assert system.call("POST", "/link/fetches", token)[0] == 200


@pytest.mark.parametrize("result", ["THREATS_FOUND", "UNSUPPORTED", "FAILED"])
def test_a_file_that_is_not_clean_is_served_to_nobody(system: Sharing, ada: str, result: str) -> None:
    _, key = system.send(ada)
    _, share = system.call("POST", "/shares", ada, {"key": key, "file_name": "note.txt"})
    system.scan(result)
    assert state_of(system.call("POST", "/link/fetches", share["url"].partition("#")[2])) == (410, "refused")
    assert state_of(system.call("POST", "/shares", ada, {"key": key, "file_name": "note.txt"})) == (409, "refused")


def test_a_file_that_was_deleted_is_gone(system: Sharing, ada: str) -> None:
    share = system.share(ada)
    system.emulator.client("s3").delete_object(Bucket=system.bucket, Key=share["key"])
    assert state_of(system.call("POST", "/link/fetches", share["link"])) == (410, "gone")
    answer = system.call("POST", "/shares", ada, {"key": share["key"], "file_name": "note.txt"})
    assert answer == (404, {"message": "there is no such upload"})


def test_too_large_a_file_and_another_type_are_refused_by_s3(system: Sharing, ada: str) -> None:
    assert system.send(ada, b"0" * (1024 * 1024 + 1))[0] == 400
    status, answer = system.call("POST", "/uploads", ada, {"content_type": "text/html", "file_name": "a.html", "redirect": False})
    assert (status, answer["message"].startswith("content_type must be one of application/pdf")) == (400, True)


def test_a_link_for_named_people_is_for_them_alone(system: Sharing, ada: str, bob: str) -> None:
    share = system.share(ada, recipients=["Bob@Example.com"])
    status, link = system.call("GET", "/link", share["link"])
    # What the file is called is theirs to know.
    assert (status, link["recipients_only"], "file_name" in link) == (200, True, False)
    assert state_of(system.call("POST", "/link/fetches", share["link"])) == (403, "sign_in")
    status, found = system.call("POST", "/fetches", bob, {"token": share["link"]})
    assert (status, fetch(system.port, found["url"]).body) == (200, b"hello")
    system.directory.invite("eve@example.com")
    eve = system.token("eve@example.com")
    assert state_of(system.call("POST", "/fetches", eve, {"token": share["link"]})) == (403, "foreign")
    assert system.call("POST", "/fetches", ada, {"token": share["link"]})[0] == 200
    assert outcomes(system, ada, share) == ["fetched", "foreign", "fetched", "sign_in"]


def test_an_address_that_is_not_verified_names_nobody(system: Sharing, ada: str) -> None:
    system.directory.invite("mallory@example.com")
    share = system.share(ada, recipients=["mallory@example.com"])
    mallory = system.token("mallory@example.com")
    unverified = [{"Name": "email_verified", "Value": "false"}]
    system.emulator.client("cognito-idp").admin_update_user_attributes(
        UserPoolId=system.directory.pool_id, Username="mallory@example.com", UserAttributes=unverified
    )
    assert state_of(system.call("POST", "/fetches", mallory, {"token": share["link"]})) == (403, "foreign")


def test_a_user_who_is_cut_off_opens_nothing_that_names_them(system: Sharing, ada: str) -> None:
    users, pool = system.emulator.client("cognito-idp"), system.directory.pool_id
    system.directory.invite("carol@example.com")
    share = system.share(ada, recipients=["carol@example.com"])
    carol = system.token("carol@example.com")
    assert system.call("POST", "/fetches", carol, {"token": share["link"]})[0] == 200
    # The access token holds for some minutes more.
    users.admin_disable_user(UserPoolId=pool, Username="carol@example.com")
    assert state_of(system.call("POST", "/fetches", carol, {"token": share["link"]})) == (403, "foreign")
    users.admin_delete_user(UserPoolId=pool, Username="carol@example.com")
    assert state_of(system.call("POST", "/fetches", carol, {"token": share["link"]})) == (403, "foreign")


def test_a_link_is_opened_as_often_as_it_may_be_however_many_try_at_once(system: Sharing, ada: str) -> None:
    share = system.share(ada, max_fetches=3)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: system.call("POST", "/link/fetches", share["link"]), range(8)))
    statuses = [status for status, _ in answers]
    # 503 is for whoever met others four times; there are at most as many as may be.
    assert statuses.count(200) <= 3
    while system.call("POST", "/link/fetches", share["link"])[0] == 200:
        statuses.append(200)
    assert statuses.count(200) == 3
    assert state_of(system.call("GET", "/link", share["link"])) == (200, "used_up")
    assert outcomes(system, ada, share).count("fetched") == 3


def test_the_owner_sees_who_fetched_what(system: Sharing, ada: str, bob: str) -> None:
    share = system.share(ada)
    system.call("POST", "/link/fetches", share["link"], **{"User-Agent": "curl/8"})
    system.call("POST", "/fetches", bob, {"token": share["link"]})
    status, found = system.call("GET", f"/shares/{share['id']}/fetches", ada)
    assert (status, found["share"]["fetches"], found["share"]["file_name"]) == (200, 2, "note.txt")
    signed_in, anybody = found["fetches"]
    assert signed_in["user_name"] != ""
    assert (anybody["user_name"], anybody["outcome"], anybody["ip"]) == ("", "fetched", "127.0.0.1")


def test_links_are_listed_newest_first_and_page_by_page(system: Sharing) -> None:
    system.directory.invite("list@example.com")
    token = system.token("list@example.com")
    _, key = system.send(token)
    system.scan()
    made = []
    for _ in range(27):
        made.append(system.call("POST", "/shares", token, {"key": key, "file_name": "note.txt"})[1]["id"])
    _, first = system.call("GET", "/shares", token)
    _, second = system.call("GET", f"/shares?after={first['after']}", token)
    assert (len(first["shares"]), len(second["shares"]), "after" in second) == (25, 2, False)
    assert {one["id"] for one in first["shares"] + second["shares"]} == set(made)
    assert system.call("GET", "/shares?after=nonsense", token)[0] == 400


def test_the_table_opens_nothing(system: Sharing, ada: str) -> None:
    share = system.share(ada)
    table = system.graph.one("aws:dynamodb/table:Table").outputs["name"]
    items = json.dumps(system.emulator.client("dynamodb").scan(TableName=table)["Items"])
    assert share["id"] in items
    assert share["link"] not in items
    assert share["link"] not in system.emulator.log.read_text(errors="replace")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"file_name": "a/b"}, "file_name must be the name of a file, such as report.pdf"),
        ({"hours": 721}, "hours must be a whole number from 1 to 720"),
        ({"hours": True}, "hours must be a whole number from 1 to 720"),
        ({"max_fetches": 0}, "max_fetches must be a whole number from 1 to 1000"),
        ({"recipients": "bob@example.com"}, "recipients must be a list of at most 50 addresses"),
        ({"recipients": ["bob"]}, "recipients must be addresses such as ada@example.com"),
        ({"size_bytes": -1}, "size_bytes must be a whole number from 0 to 8796093022208"),
    ],
)
def test_what_cannot_be_shared_is_refused(system: Sharing, ada: str, body: dict[str, Any], message: str) -> None:
    _, key = system.send(ada)
    answer = system.call("POST", "/shares", ada, {"key": key, "file_name": "note.txt", **body})
    assert answer == (400, {"message": message})


def test_pages_of_the_site_alone_read_the_answers(system: Sharing, ada: str) -> None:
    shown = system.request("GET", "/shares", ada, Origin=SITE)
    assert shown.headers["access-control-allow-origin"] == SITE
    asked = {"Access-Control-Request-Method": "POST", "Origin": SITE}
    assert fetch(system.port, f"{system.api}/shares", "OPTIONS", None, asked).headers["access-control-allow-origin"] == SITE
