"""What can be published, and what the problem with the rest is."""

import gzip
import io
import os
import socket
import stat
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from publish import archive
from publish.problem import PublishError


def entry(name: str, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.mode, made.type, made.linkname = mode, kind, link
    return made


START = entry("bin/start", 0o755)
COMMAND = "pulumi config set --stack dev --path cloudpatterns:storefront.servers.artifact_kind"
APP = archive.Wanted("app", COMMAND, "t4g.small", "arm64")
STATIC = archive.Wanted("static", COMMAND, "t4g.small", "arm64")
SCRIPT = b"#!/bin/sh\n"
GIVEN = Path("dist/shop.tar.gz")


@pytest.fixture
def tar(tmp_path: Path) -> Callable[..., Path]:
    """Makes an archive of entries that are empty, but for the program that a server starts."""

    def make(*entries: tarfile.TarInfo, start: bytes = SCRIPT) -> Path:
        path = tmp_path / "made.tar.gz"
        with tarfile.open(path, "w:gz") as made:
            for one in entries:
                content = start if one.isfile() and one.name.endswith("bin/start") else b""
                one.size = len(content)
                made.addfile(one, io.BytesIO(content))
        return path

    return make


def refused(path: Path, wanted: archive.Wanted = APP, given: Path = GIVEN) -> list[str]:
    """The lines of the report but the first, without their indentation."""
    with pytest.raises(PublishError) as caught:
        archive.check(path, wanted, given)
    first, *lines = str(caught.value).splitlines()
    assert first == "ARTIFACT"
    return [line.strip() for line in lines]


def test_an_application_is_accepted(tar: Callable[..., Path]) -> None:
    links = [entry("lib", 0o755, tarfile.DIRTYPE), entry("lib/a"), entry("bin/a", 0o777, tarfile.SYMTYPE, "../lib/a")]
    archive.check(tar(START, *links, entry("bin/b", 0o755, tarfile.LNKTYPE, "lib/a")), APP, GIVEN)


def test_what_tar_makes_of_a_folder_is_accepted(build: Path, tmp_path: Path) -> None:
    """Names begin with ./ and the folder itself is an entry."""
    subprocess.run(["tar", "-C", build, "-czf", tmp_path / "made.tar.gz", "."], check=True)
    archive.check(tmp_path / "made.tar.gz", APP, GIVEN)


def test_a_static_site_is_accepted(tar: Callable[..., Path]) -> None:
    archive.check(tar(entry("index.html")), STATIC, GIVEN)


OUTSIDE = "is outside the archive's own folder"
NOT_OWNED = "and the application's user does not own it"
LINK = "which is absolute, leads outside or has .. after a name"


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([START, entry("/etc/passwd")], f"/etc/passwd: {OUTSIDE}"),
        ([START, entry("lib/../../x")], f"lib/../../x: {OUTSIDE}"),
        ([START, entry("null", kind=tarfile.CHRTYPE)], "null: is a device, a pipe or of another special type"),
        ([START, entry("pipe", kind=tarfile.FIFOTYPE)], "pipe: is a device, a pipe or of another special type"),
        ([START, entry("sudo", 0o4755)], "sudo: is set-user-id or set-group-id (mode 4755)"),
        ([START, entry("wall", 0o2755)], "wall: is set-user-id or set-group-id (mode 2755)"),
        ([START, entry("a", 0o777, tarfile.SYMTYPE, "/etc/passwd")], f"a: links to /etc/passwd, {LINK}"),
        ([START, entry("bin/a", 0o777, tarfile.SYMTYPE, "../../x")], f"bin/a: links to ../../x, {LINK}"),
        ([START, entry("a", 0o777, tarfile.SYMTYPE, "bin/../..")], f"a: links to bin/../.., {LINK}"),
        ([START, entry("a", 0o777, tarfile.SYMTYPE, "bin"), entry("a/x")], "a/x: is below a, which is not a folder"),
        ([START, entry("a/x"), entry("a", 0o777, tarfile.SYMTYPE, "bin")], "a/x: is below a, which is not a folder"),
        ([START, entry("a", kind=tarfile.LNKTYPE, link="../x")], "a: is a hard link to ../x, which is not a file before it in the archive"),
        ([START, entry("notes"), entry("./notes")], "./notes: occurs twice"),
        ([entry("notes")], "bin/start: is missing"),
        ([entry("shop/bin/start", 0o755)], "bin/start: is missing; shop/bin/start is there, one folder too deep"),
        ([entry("bin/start", 0o644)], "bin/start: is not executable (mode 0644)"),
        ([entry("bin/start", 0o744)], "bin/start: is not executable (mode 0744)"),
        ([START, entry("key", 0o600)], f"key: has mode 0600, {NOT_OWNED}"),
        # What `tar` makes of a folder from mktemp.
        ([entry("./", 0o700, tarfile.DIRTYPE), START], f".: has mode 0700, {NOT_OWNED}"),
        ([entry("bin/start", 0o777, tarfile.SYMTYPE, "shop"), entry("bin/shop", 0o755)], "bin/start: is not a regular file"),
    ],
)
def test_an_archive_that_servers_cannot_take_is_refused(tar: Callable[..., Path], entries: list[tarfile.TarInfo], problem: str) -> None:
    assert refused(tar(*entries)) == [
        "given:    dist/shop.tar.gz",
        f"problem:  {problem}",
        "allowed:  files and folders that all users may read, links inside the archive, and bin/start at its root, with mode 0755",
        "fix:      change the build; a folder given as ARTIFACT is packed with its own entries at the root, and modes that fit",
    ]


def test_a_static_site_needs_its_page(tar: Callable[..., Path]) -> None:
    assert refused(tar(entry("notes")), STATIC)[1:3] == [
        "problem:  index.html: is missing",
        "allowed:  files and folders that all users may read, links inside the archive, and index.html at its root",
    ]
    archive.check(tar(entry("index.html", 0o444)), STATIC, GIVEN)


def test_all_problems_are_reported_up_to_ten(tar: Callable[..., Path]) -> None:
    lines = refused(tar(*(entry(f"/{number}") for number in range(11))))
    assert lines[1:12] == ["problem:  /0: " + OUTSIDE, *(f"/{number}: {OUTSIDE}" for number in range(1, 10)), "and 2 more"]


@pytest.mark.parametrize("damage", ["text", "cut", "bit", "tar"])
def test_what_is_not_a_whole_archive_is_refused(build: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "made.tar.gz"
    archive.pack(build, path)
    whole = path.read_bytes()
    # The last eight bytes are the checksum and the length.
    flipped = whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:]
    path.write_bytes({"text": b"hello", "cut": whole[:-20], "bit": flipped, "tar": gzip.compress(b"hello" * 200)}[damage])
    lines = refused(path)
    assert lines[1].startswith("problem:  cannot be read as a gzip-compressed tar archive: ")
    assert lines[2:] == ["allowed:  a complete .tar.gz file, or a folder", "fix:      tar -C FOLDER -czf ARTIFACT.tar.gz ."]


def test_large_archives_are_refused(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "made.tar.gz"
    archive.pack(build, path)
    monkeypatch.setattr(archive, "LARGEST_UNPACKED_BYTES", 20)
    assert refused(path)[1] == "problem:  has more than 20 bytes when it is unpacked"
    monkeypatch.setattr(archive, "LARGEST_BYTES", 100)
    assert refused(path)[1:3] == [
        f"problem:  has {path.stat().st_size} bytes; every server downloads it when it boots",
        "allowed:  at most 100 bytes",
    ]


def test_the_start_of_another_kind_is_recognised(tar: Callable[..., Path]) -> None:
    lines = refused(tar(entry("index.html")))
    assert lines[1] == (
        "problem:  bin/start: is missing; index.html is there, as in an artifact of the kind static, and the stack's artifact_kind is app"
    )
    assert lines[-1] == f"fix:      {COMMAND} static"
    lines = refused(tar(START), STATIC)
    assert lines[1] == (
        "problem:  index.html: is missing; bin/start is there, as in an artifact of the kind app, and the stack's artifact_kind is static"
    )
    assert lines[-1] == f"fix:      {COMMAND} app"


def test_a_folder_whose_program_is_not_executable_gets_the_command_that_makes_it_so(build: Path, tmp_path: Path) -> None:
    (build / "bin" / "start").chmod(0o644)
    path = tmp_path / "made.tar.gz"
    archive.pack(build, path)
    assert refused(path, given=build)[-1] == f"fix:      chmod +x {build}/bin/start"


def elf(machine: int, *, big: bool = False) -> bytes:
    return b"\x7fELF" + bytes([2, 2 if big else 1, 1]) + bytes(11) + machine.to_bytes(2, "big" if big else "little") + bytes(44)


NO_INTERPRETER = "is no Linux program (ELF), and does not begin with #!, so Linux does not know what runs it"
WRITE_IT = "write its interpreter in its first line, such as #!/bin/bash, without spaces or a byte order mark before it"
CRLF = "has Windows line ends (CRLF), so Linux looks for an interpreter whose name ends in CR"
WITH_LF = "write it with LF line ends: sed -i 's/\\r$//' bin/start; in git: bin/start text eol=lf in .gitattributes"
OTHER_MACHINE = "build it for arm64, or set instance_types and image_parameter of servers of the other architecture"


@pytest.mark.parametrize(
    ("start", "problem", "fix"),
    [
        (b"", NO_INTERPRETER, WRITE_IT),
        (b"exec python3 -m shop\n", NO_INTERPRETER, WRITE_IT),
        (b"\xef\xbb\xbf#!/bin/sh\n", NO_INTERPRETER, WRITE_IT),
        # A program of macOS.
        (b"\xcf\xfa\xed\xfe" + bytes(60), NO_INTERPRETER, WRITE_IT),
        (b"#!/bin/sh\r\nexec shop\r\n", CRLF, WITH_LF),
        (elf(62), "is a program for x86_64, and the servers (t4g.small) are arm64", OTHER_MACHINE),
        (elf(243), "is a program for machine 243, and the servers (t4g.small) are arm64", OTHER_MACHINE),
        (elf(21, big=True), "is a program for machine 21, and the servers (t4g.small) are arm64", OTHER_MACHINE),
    ],
)
def test_a_program_that_linux_would_not_run_is_refused(tar: Callable[..., Path], start: bytes, problem: str, fix: str) -> None:
    lines = refused(tar(START, start=start))
    assert (lines[1], lines[-1]) == (f"problem:  bin/start: {problem}", f"fix:      {fix}")


def test_programs_that_linux_runs_are_accepted(tar: Callable[..., Path]) -> None:
    archive.check(tar(START, start=elf(183)), APP, GIVEN)
    # Whether the stack has the types of its servers is for its settings.
    archive.check(tar(START, start=elf(62)), archive.Wanted("app", COMMAND), GIVEN)
    # A script with an archive behind it, as zipapp makes it: only the first line is text.
    archive.check(tar(START, start=b"#!/usr/bin/python3\nPK\x03\x04\r\n"), APP, GIVEN)


def test_what_an_archive_holds_is_counted(build: Path, tmp_path: Path) -> None:
    path = tmp_path / "made.tar.gz"
    archive.pack(build, path)
    size = (build / "bin" / "start").stat().st_size + 6
    assert str(archive.check(path, APP, GIVEN)) == f"2 files, {size} bytes"


PRIVATE = "holds sources or credentials that are not meant for servers"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (".git/config", "", ".git: " + PRIVATE),
        # Of a worktree or submodule.
        ("lib/.git", "gitdir: x", "lib/.git: " + PRIVATE),
        (".env", "", ".env: " + PRIVATE),
        (".env.production", "", ".env.production: " + PRIVATE),
        ("conf/.envrc", "", "conf/.envrc: " + PRIVATE),
        ("keys/id_ed25519", "", "keys/id_ed25519: " + PRIVATE),
        ("id_rsa_deploy", "", "id_rsa_deploy: " + PRIVATE),
        (".aws/credentials", "", ".aws: " + PRIVATE),
        ("tls/shop.pem", "-----BEGIN EC PRIVATE KEY-----\nx\n", "tls/shop.pem: is a private key"),
        ("tls/shop.key", "-----BEGIN PRIVATE KEY-----\nx\n", "tls/shop.key: is a private key"),
    ],
)
def test_a_folder_with_what_is_private_is_refused(build: Path, name: str, content: str, reason: str) -> None:
    (build / name).parent.mkdir(parents=True, exist_ok=True)
    (build / name).write_text(content)
    with pytest.raises(PublishError) as caught:
        archive.refuse_private(build)
    assert str(caught.value).splitlines() == [
        "ARTIFACT",
        f"  given:    {build}",
        f"  problem:  {reason}",
        "  allowed:  a folder with what the application needs to run, and nothing else: every user of a server may read it",
        "  fix:      build into a folder of its own, without these; if the application does need one, pack an archive yourself and give "
        "that as ARTIFACT",
    ]


def test_a_folder_with_examples_and_public_keys_is_accepted(build: Path) -> None:
    for name in (".env.example", "id_rsa.pub", ".gitignore", "environment"):
        (build / name).touch()
    (build / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n")
    (build / "broken.pem").symlink_to("nowhere")
    archive.refuse_private(build)


def test_files_that_packing_opens_to_everyone_are_listed(build: Path) -> None:
    assert archive.opened_files(build) == []
    (build / "notes.txt").chmod(0o640)
    assert archive.opened_files(build) == ["notes.txt"]


def test_a_folder_is_packed_with_what_makes_it_run(build: Path, tmp_path: Path) -> None:
    (build / "bin" / "again").symlink_to("start")
    os.link(build / "notes.txt", build / "twin.txt")
    path = tmp_path / "made.tar.gz"
    archive.pack(build, path)
    archive.check(path, APP, GIVEN)
    with tarfile.open(path) as tar:
        found = [(one.name, one.type, one.mode, one.linkname) for one in tar]
        assert {(one.mtime, one.uid, one.gid, one.uname, one.gname) for one in tar} == {(0, 0, 0, "", "")}
        content = tar.extractfile("twin.txt")
        assert content is not None
        assert content.read() == b"hello\n"
    assert found == [
        ("bin", tarfile.DIRTYPE, 0o755, ""),
        ("bin/again", tarfile.SYMTYPE, 0o777, "start"),
        ("bin/start", tarfile.REGTYPE, 0o755, ""),
        ("notes.txt", tarfile.REGTYPE, 0o644, ""),
        ("twin.txt", tarfile.REGTYPE, 0o644, ""),
    ]


def test_the_same_content_is_the_same_version(build: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.tar.gz", tmp_path / "second.tar.gz"
    archive.pack(build, first)
    # Another time, another umask, another order of creation.
    (build / "notes.txt").unlink()
    (build / "notes.txt").write_text("hello\n")
    (build / "notes.txt").chmod(0o600)
    os.utime(build / "bin" / "start", (1, 1))
    (build / "bin").chmod(0o700)
    archive.pack(build, second)
    assert first.read_bytes() == second.read_bytes()
    (build / "notes.txt").chmod(0o755)
    archive.pack(build, second)
    assert archive.sha256(first) != archive.sha256(second)


def test_a_socket_in_a_folder_is_refused(build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(build)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("live")
    assert stat.S_ISSOCK((build / "live").lstat().st_mode)
    path = tmp_path / "made.tar.gz"
    archive.pack(build, path)
    assert refused(path)[1] == "problem:  live: is a device, a pipe or of another special type"


def test_the_version_is_the_sha256_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert archive.sha256(tmp_path / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
