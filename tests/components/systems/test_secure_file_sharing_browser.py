"""The site of a ``SecureFileSharing`` in Chromium, on a phone and on a desktop, against an emulator that is reached by AWS's own names.

Headers and origins are those of production, so that the browser enforces the Content-Security-Policy and CORS. It takes half a minute: a
browser, a server, and functions that start for each request.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.components.systems.sharing import ADA, BOB, SITE, Sharing, sharing
from tests.emulators import browser, ministack
from tests.emulators.users import PASSWORD

PDF = b"%PDF-1.4\n" + b"0" * 2000


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sharing]:
    if reason := browser.missing() or ministack.missing():
        pytest.skip(reason)
    with sharing(tmp_path_factory.mktemp("sharing"), max_size_mib=1) as started:
        yield started


@pytest.fixture(scope="module")
def chromium(system: Sharing) -> Generator[Any]:
    with browser.chromium(system.port) as started:
        yield started


@contextmanager
def signed_in(chromium: Any, email: str = ADA, size: tuple[int, int] = browser.DESKTOP, at: str = f"{SITE}/") -> Generator[Any]:
    """A page on which a user has signed in, by managed login."""
    with browser.page(chromium, size) as page:
        page.goto(at)
        page.get_by_role("button", name="Sign in").click()
        enter(page, email)
        page.locator("#sign-out").wait_for()
        # What managed login's own page lacks.
        page.problems.clear()
        yield page


def enter(page: Any, email: str) -> None:
    page.locator("input[name=username]").fill(email)
    page.keyboard.press("Enter")
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")


def upload(page: Any, folder: Path, name: str = "contract.pdf", content: bytes = PDF, recipients: str = "") -> None:
    (folder / name).write_bytes(content)
    page.get_by_label("File", exact=True).set_input_files(folder / name)
    page.get_by_label("Only for these people").fill(recipients)
    page.get_by_role("button", name="Upload and create the link").click()


def created(page: Any) -> str:
    """The link that the page shows."""
    page.get_by_role("heading", name="Your link", exact=True).wait_for()
    return page.get_by_label("Link", exact=True).input_value()


def shared(page: Any, system: Sharing, folder: Path, **more: Any) -> str:
    """A link to a file that is clean."""
    upload(page, folder, **more)
    link = created(page)
    system.scan()
    page.get_by_text("is ready. Send the link").wait_for()
    return link


def problem(page: Any) -> str:
    page.locator("#error").wait_for()
    return page.locator("#error").inner_text()


def fits(page: Any) -> bool:
    """Whether nothing is wider than the screen."""
    return page.locator("html").evaluate("html => html.scrollWidth <= html.clientWidth")


@pytest.mark.parametrize("size", [browser.PHONE, browser.DESKTOP], ids=["phone", "desktop"])
def test_sign_in_upload_share_fetch_and_revoke(system: Sharing, chromium: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    with signed_in(chromium, size=size) as page:
        # The code of the sign-in is in no history.
        assert page.url == f"{SITE}/"
        upload(page, tmp_path)
        link = created(page)
        with browser.page(chromium, size) as reader:
            reader.goto(link)
            reader.get_by_text("The file is being checked").wait_for()
            assert not reader.get_by_role("button", name="Download").is_visible()
            system.scan()
            page.get_by_text("is ready. Send the link").wait_for()
            reader.reload()
            reader.get_by_text("contract.pdf (2 KB)").wait_for()
            assert fits(reader)
            with reader.expect_download() as download:
                reader.get_by_role("button", name="Download").click()
            assert (download.value.suggested_filename, Path(download.value.path()).read_bytes()) == ("contract.pdf", PDF)
            # The page stays, and so does its address.
            assert reader.url == link
            page.get_by_role("button", name="Who opened contract.pdf").first.click()
            page.get_by_text("· downloaded · 127.0.0.1").wait_for()
            assert "· 1 download ·" in page.locator("#shares .facts").first.inner_text()
            assert fits(page)
            page.get_by_role("button", name="Revoke the link to contract.pdf").first.click()
            page.get_by_text("The link to contract.pdf is revoked.").wait_for()
            reader.get_by_role("button", name="Download").click()
            assert problem(reader) == "the link was revoked"
            assert [one for one in reader.problems if "410" not in one] == []
        assert page.problems == []


def test_a_link_that_has_expired_and_one_that_is_none_open_nothing(system: Sharing, chromium: Any, tmp_path: Path) -> None:
    token = system.token(ADA)
    share = system.share(token)
    table = system.graph.one("aws:dynamodb/table:Table").outputs["name"]
    system.emulator.client("dynamodb").update_item(
        TableName=table,
        Key={"id": {"S": share["id"]}, "entry": {"S": "share"}},
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    with browser.page(chromium) as page:
        page.goto(share["url"])
        page.get_by_text("The link does not work: it is expired.").wait_for()
        page.goto(f"{SITE}/#{'A' * 43}")
        page.get_by_text("There is no such link.").wait_for()
        assert not page.get_by_role("button", name="Download").is_visible()


def test_a_link_for_named_people_asks_to_sign_in_and_comes_back(system: Sharing, chromium: Any, tmp_path: Path) -> None:
    with signed_in(chromium) as page:
        link = shared(page, system, tmp_path, recipients=BOB)
    with browser.page(chromium, browser.PHONE) as reader:
        reader.goto(link)
        reader.get_by_role("button", name="Sign in to open it").click()
        enter(reader, BOB)
        reader.get_by_role("button", name="Download").wait_for()
        assert reader.url == link
        with reader.expect_download() as download:
            reader.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename == "contract.pdf"
    system.directory.invite("carol@example.com")
    with browser.page(chromium) as other:
        other.goto(link)
        other.get_by_role("button", name="Sign in to open it").click()
        enter(other, "carol@example.com")
        other.get_by_role("button", name="Download").click()
        assert problem(other) == "the link is for other people"


def test_what_cannot_be_shared_is_refused_by_the_page_and_by_s3(system: Sharing, chromium: Any, tmp_path: Path) -> None:
    large = b"0" * (1024 * 1024 + 1)
    with signed_in(chromium) as page:
        for name, content, message in (
            ("large.pdf", large, "The file is too large: at most 1.0 MB."),
            (
                "page.html",
                b"<script>alert(1)</script>",
                "Files of this type cannot be shared. Possible are PDF, ZIP, JPEG, PNG, CSV, text, ",
            ),
            ("empty.pdf", b"", "The file is empty."),
        ):
            upload(page, tmp_path, name, content)
            page.get_by_text(message).wait_for()
    settings = json.loads(system.graph.one("cloudpatterns:index:SecureFileSharing").outputs["site_settings"])
    with browser.page(chromium) as page:
        # A page that knows of no limit.
        page.route("**/config.json", lambda route: route.fulfill(json={**settings, "max_bytes": 2 * 1024 * 1024}))
        page.goto(f"{SITE}/")
        page.get_by_role("button", name="Sign in").click()
        enter(page, ADA)
        page.locator("#sign-out").wait_for()
        upload(page, tmp_path, "large.pdf", large)
        assert problem(page).startswith("The file is too large")


def test_a_threat_is_told_to_whoever_uploaded_it(system: Sharing, chromium: Any, tmp_path: Path) -> None:
    with signed_in(chromium) as page:
        upload(page, tmp_path)
        link = created(page)
        system.scan("THREATS_FOUND")
        assert problem(page) == "contract.pdf was refused: the check found a threat, or could not read the file."
    with browser.page(chromium) as reader:
        reader.goto(link)
        reader.get_by_text("The link does not work: it is refused").wait_for()


def test_a_code_that_this_tab_did_not_ask_for_signs_nobody_in(chromium: Any) -> None:
    with browser.page(chromium) as page:
        page.goto(f"{SITE}/?code=stolen&state=forged")
        assert problem(page) == "You could not be signed in. Please try again."
        assert page.get_by_role("button", name="Sign in").is_visible()
        assert page.url == f"{SITE}/"


def test_the_page_is_usable_without_a_mouse_and_keeps_no_session(chromium: Any) -> None:
    with signed_in(chromium, size=browser.PHONE) as page:
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.evaluate("() => document.activeElement.id") == "share-title"
        reached = []
        for _ in range(5):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("() => document.activeElement.id"))
        assert reached == ["file", "hours", "recipients", "most", "send"]
        named = page.evaluate(
            "() => [...document.querySelectorAll('input, select, textarea')].filter((one) => !one.labels.length).map((one) => one.id)"
        )
        assert named == []
        low = page.evaluate(
            "() => [...document.querySelectorAll('button, input, select')].filter((one) => one.offsetParent)"
            ".filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.id)"
        )
        assert low == []
        assert fits(page)
        # Nothing of a session outlives the page.
        assert page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Sign in").wait_for()


def test_a_path_that_is_none_shows_the_page_for_it(chromium: Any) -> None:
    with browser.page(chromium) as page:
        answer = page.goto(f"{SITE}/nothing/there.html")
        assert (answer.status, page.get_by_role("heading").inner_text()) == (404, "There is no such page")
