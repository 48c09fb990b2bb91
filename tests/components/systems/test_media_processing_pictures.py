"""The program that looks at pictures and renders them, with real ones: from cameras, animated, huge, broken and hostile."""

import io
import json
import os
import random
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cloudpatterns.systems.media_processing import component
from PIL import Image, PngImagePlugin

from tests.components.systems.pictures import (
    BLUE,
    GPS_TEXT,
    GREEN,
    RED,
    animation,
    archive,
    bomb,
    chunk,
    drawn,
    encoded,
    gif_bomb,
    photo,
)
from tests.emulators.handlers import load_handler

PROGRAM = component._CODE / "stages" / "pictures.py"
FORMATS = ["avif", "gif", "jpeg", "png", "webp"]
RENDITION = {"width": 32, "height": 32, "fit": "inside", "format": "png", "quality": 80, "animated": False, "background": "#ffffff"}


def settings(**changes: Any) -> dict[str, Any]:
    given = {"accepted_formats": FORMATS, "max_pixels": 1_000_000, "max_frames": 100, "memory_mib": 400, "renditions": {"small": RENDITION}}
    return {**given, **changes}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", settings()["max_pixels"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield load_handler(PROGRAM)


def rendered(program: ModuleType, folder: Path, data: bytes, **changes: Any) -> tuple[dict[str, Any], Image.Image]:
    """What was answered, and the picture that was written."""
    answer = program.render(data, settings(renditions={"small": {**RENDITION, **changes}}), folder)
    return answer, Image.open(folder / "small")


def refused(program: ModuleType, folder: Path, data: bytes, **changes: Any) -> tuple[str, str]:
    """Why the picture is refused, by its first look and when it is decoded; empty where it is not."""
    reasons = []
    for step in (lambda: program.inspect(data, settings(**changes)), lambda: program.render(data, settings(**changes), folder)):
        try:
            step()
            reasons.append("")
        except program.Refused as error:
            reasons.append(str(error))
    assert set(reasons) <= {"", *program.REASONS}
    return reasons[0], reasons[1]


def near(color: Any, other: Any, tolerance: int = 16) -> bool:
    return all(abs(one - two) <= tolerance for one, two in zip(color, other, strict=True))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_is_known_by_its_bytes_and_not_by_its_name(program: ModuleType, tmp_path: Path, kind: str) -> None:
    data = encoded(drawn(), kind)
    assert program.inspect(data, settings()) == {"format": kind, "width": 64, "height": 48, "frames": 1}
    answer, image = rendered(program, tmp_path, data)
    assert answer["renditions"]["small"] | {"bytes": 0} == {"width": 32, "height": 24, "frames": 1, "bytes": 0}
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 24))
    assert near(image.getpixel((8, 12)), RED)
    assert near(image.getpixel((24, 12)), GREEN)
    others = [one for one in FORMATS if one != kind]
    assert refused(program, tmp_path, data, accepted_formats=others) == ("unknown_format", "unknown_format")


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 100, b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"BM" + b"\0" * 60, b"%!PS-Adobe"]
)
def test_what_is_no_picture_is_refused(program: ModuleType, tmp_path: Path, data: bytes) -> None:
    assert refused(program, tmp_path, data) == ("unknown_format", "unknown_format")


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_whichever_way_the_camera_was_held(program: ModuleType, tmp_path: Path, orientation: int, kind: str) -> None:
    answer, image = rendered(program, tmp_path, photo(orientation, kind), width=64, height=64)
    lies = orientation >= 5
    assert (answer["width"], answer["height"]) == ((48, 64) if lies else (64, 48))
    assert image.size == (answer["width"], answer["height"])
    right, bottom = image.width - 2, image.height - 2
    corner = {1: (1, 1), 2: (right, 1), 3: (right, bottom), 4: (1, bottom), 5: (1, 1), 6: (right, 1), 7: (right, bottom), 8: (1, bottom)}
    assert near(image.getpixel(corner[orientation]), BLUE, 60)


@pytest.mark.parametrize("kind", ["avif", "jpeg", "png", "webp"])
@pytest.mark.parametrize("source", ["jpeg", "png", "webp", "avif"])
def test_no_metadata_is_left_in_a_rendition(program: ModuleType, tmp_path: Path, source: str, kind: str) -> None:
    more: dict[str, Any] = {"xmp": b"<x:xmpmeta>GPSLatitude</x:xmpmeta>"} if source in ("webp", "jpeg", "avif") else {}
    if source == "png":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Author", "Ada Lovelace")
        more["pnginfo"] = notes
    data = photo(6, source, **more)
    assert GPS_TEXT in data
    _, image = rendered(program, tmp_path, data, format=kind)
    written = (tmp_path / "small").read_bytes()
    for secret in (GPS_TEXT, b"Ada", b"Camera", b"GPSLatitude", b"taken at home", b"Exif"):
        assert secret not in written
    assert not image.getexif()
    assert {"exif", "xmp", "comment", "Author"}.isdisjoint(image.info)


def test_colours_of_print_and_of_a_profile_become_those_of_the_web(program: ModuleType, tmp_path: Path) -> None:
    answer, image = rendered(program, tmp_path, encoded(drawn(mode="CMYK"), "jpeg", quality=95))
    assert image.mode == "RGB"
    assert near(image.getpixel((8, 18)), RED, 40)
    # A profile that is broken, or of other colours than the picture's, counts as none.
    for profile in (b"no profile", None):
        more = {} if profile is None else {"icc_profile": profile}
        _, image = rendered(program, tmp_path, encoded(drawn(), "jpeg", quality=95, **more))
        assert near(image.getpixel((24, 12)), GREEN)
    assert answer["renditions"]["small"]["frames"] == 1


def test_a_picture_in_another_colour_space_is_converted_and_keeps_its_alpha(program: ModuleType, tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    transparent = drawn(mode="RGBA")
    transparent.putalpha(100)
    _, image = rendered(program, tmp_path, encoded(transparent, "png", icc_profile=profile))
    assert image.mode == "RGBA"
    assert near(image.getpixel((24, 12)), (*GREEN, 100))
    assert "icc_profile" not in image.info


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_stays_and_gets_a_ground_in_jpeg(program: ModuleType, tmp_path: Path, mode: str) -> None:
    image = drawn(mode="RGBA")
    image.paste((0, 0, 0, 0), (32, 0, 64, 48))
    data = encoded(image, "gif") if mode == "P" else encoded(image.convert(mode), "png")
    _, kept = rendered(program, tmp_path, data)
    assert kept.mode == "RGBA"
    assert [kept.getpixel(place)[3] for place in ((4, 12), (28, 12))] == [255, 0]  # ty: ignore[not-subscriptable]
    _, flat = rendered(program, tmp_path, data, format="jpeg", background="#ffff00", quality=95)
    assert flat.mode == "RGB"
    assert near(flat.getpixel((28, 12)), (255, 255, 0))


def test_sixteen_bits_become_eight(program: ModuleType, tmp_path: Path) -> None:
    deep = Image.new("I;16", (16, 16))
    for x in range(16):
        for y in range(16):
            deep.putpixel((x, y), x * 4369)
    _, image = rendered(program, tmp_path, encoded(deep, "png"))
    assert [image.getpixel((x, 8)) for x in (0, 5, 10, 15)] == [(0, 0, 0), (85, 85, 85), (170, 170, 170), (255, 255, 255)]
    for mode in ("1", "L"):
        _, image = rendered(program, tmp_path, encoded(drawn(mode=mode), "png"))
        assert image.mode == "RGB"


@pytest.mark.parametrize(
    ("fit", "box", "source", "size"),
    [
        ("inside", (32, 32), (64, 48), (32, 24)),
        ("inside", (300, 300), (64, 48), (64, 48)),
        ("inside", (32, 32), (4000, 2), (32, 1)),
        ("cover", (32, 32), (64, 48), (32, 32)),
        ("cover", (64, 32), (60, 60), (60, 30)),
        ("cover", (300, 100), (64, 48), (64, 21)),
    ],
)
def test_a_rendition_fits_its_box_and_is_never_larger_than_the_picture(
    program: ModuleType, tmp_path: Path, fit: str, box: tuple[int, int], source: tuple[int, int], size: tuple[int, int]
) -> None:
    _, image = rendered(program, tmp_path, encoded(drawn(*source), "jpeg"), fit=fit, width=box[0], height=box[1])
    assert image.size == size


@pytest.mark.parametrize("kind", ["gif", "webp", "png", "avif"])
def test_an_animation_is_its_first_frame_or_stays_one_as_the_rendition_says(program: ModuleType, tmp_path: Path, kind: str) -> None:
    data = animation(kind)
    assert program.inspect(data, settings())["frames"] == 5
    answer, still = rendered(program, tmp_path, data)
    assert (answer["renditions"]["small"]["frames"], getattr(still, "n_frames", 1)) == (1, 1)
    assert near(still.getpixel((4, 16)), RED, 60)
    answer, moving = rendered(program, tmp_path, data, animated=True, format="webp")
    assert (answer["renditions"]["small"]["frames"], getattr(moving, "n_frames", 1)) == (5, 5)
    assert (moving.size, moving.info["loop"]) == ((32, 32), 0)
    moving.seek(4)
    assert near(moving.convert("RGB").getpixel((20, 16)), RED, 60)
    moving.load()
    assert moving.info["duration"] == 120


def test_an_animation_that_says_nothing_is_shown_once(program: ModuleType, tmp_path: Path) -> None:
    data = animation("gif", loop=None)
    _, moving = rendered(program, tmp_path, data, animated=True, format="webp")
    assert moving.info["loop"] == 1


def test_an_animation_is_limited_in_frames_and_in_pixels_only_where_it_stays_one(program: ModuleType, tmp_path: Path) -> None:
    data, moving = animation("gif", 12, 100), {"small": {**RENDITION, "animated": True, "format": "webp"}}
    assert refused(program, tmp_path, data, max_frames=11) == ("", "")
    assert refused(program, tmp_path, data, max_frames=11, renditions=moving) == ("too_many_frames", "too_many_frames")
    assert refused(program, tmp_path, data, max_frames=12, renditions=moving) == ("", "")
    # 12 frames of 10,000 pixels are four times 30,000; a box of 60 by 60 in each is 43,200.
    assert refused(program, tmp_path, data, max_pixels=29_999, renditions=moving)[0] == "too_many_frames"
    assert refused(program, tmp_path, data, max_pixels=30_000, renditions=moving) == ("", "")
    large = {"small": {**moving["small"], "width": 60, "height": 60}}
    assert refused(program, tmp_path, data, max_pixels=43_199, renditions=large)[0] == "too_many_frames"
    assert refused(program, tmp_path, data, max_pixels=43_200, renditions=large) == ("", "")


@pytest.mark.parametrize("data", [bomb(), gif_bomb(), bomb(70_000, 1)], ids=["png", "gif", "long"])
def test_a_decompression_bomb_is_refused_before_a_pixel_is_decoded(program: ModuleType, tmp_path: Path, data: bytes) -> None:
    assert len(data) < 10_000
    assert refused(program, tmp_path, data) == ("too_many_pixels", "too_many_pixels")


def test_a_picture_of_exactly_the_limit_is_taken(program: ModuleType, tmp_path: Path) -> None:
    data = encoded(drawn(100, 100), "png")
    assert refused(program, tmp_path, data, max_pixels=10_000) == ("", "")
    assert refused(program, tmp_path, data, max_pixels=9_999) == ("too_many_pixels", "too_many_pixels")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_is_cut_off_anywhere_is_refused(program: ModuleType, tmp_path: Path, kind: str) -> None:
    data = encoded(drawn(200, 150), kind)
    for share in range(1, 20):
        part = data[: len(data) * share // 20]
        assert refused(program, tmp_path, part)[0] in ("unknown_format", "truncated", "damaged"), share
    assert refused(program, tmp_path, data[:-1])[0] == "truncated"


def test_a_jpeg_that_says_where_it_ends_is_rendered_as_far_as_it_goes(program: ModuleType, tmp_path: Path) -> None:
    data = encoded(Image.effect_noise((200, 150), 80), "jpeg")
    assert refused(program, tmp_path, data[: len(data) // 2]) == ("truncated", "truncated")
    assert refused(program, tmp_path, data[: len(data) // 2] + b"\xff\xd9") == ("", "")


def test_a_checksum_that_is_wrong_is_refused(program: ModuleType, tmp_path: Path) -> None:
    data = bytearray(encoded(drawn(), "png"))
    data[data.index(b"IDAT") + 10] ^= 255
    assert refused(program, tmp_path, bytes(data))[0] == "damaged"


@pytest.mark.parametrize("kind", FORMATS)
def test_whatever_happens_to_the_bytes_is_refused_or_rendered_and_raises_nothing_else(
    program: ModuleType, tmp_path: Path, kind: str
) -> None:
    data, chance = encoded(drawn(), kind), random.Random(kind)
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        refused(program, tmp_path, bytes(broken))


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "avif"])
@pytest.mark.parametrize("tail", [b"x", b"<?php system($_GET['c']); ?>", b"MZ\x90"])
def test_what_stands_behind_a_picture_is_refused(program: ModuleType, tmp_path: Path, kind: str, tail: bytes) -> None:
    found = refused(program, tmp_path, encoded(drawn(), kind) + tail)
    # A box of AVIF without an end is one that is cut off.
    assert found[0] in (("truncated", "damaged", "foreign_content") if kind == "avif" else ("foreign_content",))
    assert refused(program, tmp_path, encoded(drawn(), "png") + b"\0\0") == ("", "")


@pytest.mark.parametrize(
    "hostile",
    [
        lambda data: data + archive(),
        lambda data: data + b"Rar!\x1a\x07\x01\x00",
        lambda data: data + b"7z\xbc\xaf\x27\x1c",
        lambda data: data + b"<?PHP system('id');",
        lambda data: data[:2] + b"\xff\xfe\x00\x20<script>alert(document.domain)//" + data[2:],
        lambda data: data[:2] + b"\xff\xfe\x00\x0a%PDF-1.7" + data[2:],
        lambda data: data + b"<!DOCTYPE  html>",
    ],
    ids=["zip", "rar", "7z", "php", "script", "pdf", "html"],
)
def test_a_picture_that_is_something_else_as_well_is_refused(program: ModuleType, tmp_path: Path, hostile: Any) -> None:
    assert refused(program, tmp_path, hostile(encoded(drawn(), "jpeg"))) == ("foreign_content", "foreign_content")


def test_a_script_in_the_text_of_a_png_is_refused(program: ModuleType, tmp_path: Path) -> None:
    data = encoded(drawn(), "png")
    at = data.index(b"IDAT") - 4
    text = data[:at] + chunk(b"tEXt", b"Comment\0<script>alert(1)</script>") + data[at:]
    assert refused(program, tmp_path, text)[0] == "foreign_content"


def test_a_second_picture_that_a_camera_appends_is_left_out(program: ModuleType, tmp_path: Path) -> None:
    both = io.BytesIO()
    drawn().save(both, "MPO", save_all=True, append_images=[drawn(mode="L")])
    assert program.inspect(both.getvalue(), settings())["format"] == "jpeg"
    answer, image = rendered(program, tmp_path, both.getvalue(), animated=True, format="webp")
    assert (answer["renditions"]["small"]["frames"], getattr(image, "n_frames", 1)) == (1, 1)
    assert program.inspect(photo() + b"SEFT trailer", settings())["width"] == 64


def test_four_bytes_of_an_archive_within_a_picture_are_none(program: ModuleType, tmp_path: Path) -> None:
    data = encoded(drawn(), "jpeg")
    assert refused(program, tmp_path, data + b"PK\x05\x06" + bytes(range(1, 40))) == ("", "")


def test_the_same_picture_becomes_the_same_bytes(program: ModuleType, tmp_path: Path) -> None:
    seen = set()
    for _ in range(2):
        rendered(program, tmp_path, photo(3), format="webp")
        seen.add((tmp_path / "small").read_bytes())
    assert len(seen) == 1


def ask(request: dict[str, Any]) -> tuple[int, list[str]]:
    """An answer of the program as a process."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], input=json.dumps(request), capture_output=True, text=True, env=environment, check=False
    )
    return done.returncode, done.stdout.splitlines()


def test_a_picture_that_needs_more_memory_than_its_process_may_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(encoded(Image.new("RGBA", (6000, 5000)), "png"))
    (tmp_path / "renditions").mkdir()
    small = settings(max_pixels=40_000_000, memory_mib=250)
    request = {"file": str(file), "folder": str(tmp_path / "renditions"), "settings": small}
    assert ask(request) == (0, ["ready", '{"refused": "too_expensive"}'])
    code, lines = ask({**request, "settings": {**small, "memory_mib": 800}})
    assert (code, json.loads(lines[1])["renditions"]["small"]["width"]) == (0, 32)


def test_a_picture_of_the_pixel_limit_fits_into_the_memory_that_follows_from_it(tmp_path: Path) -> None:
    """Half of the default limit, since the machine of the tests is small: upright by its metadata, with alpha, the most expensive."""
    from cloudpatterns.systems.media_processing.arguments import picture_memory_mib

    args: Any = {"max_megapixels": 25, "max_size_mib": 20}
    file, exif = tmp_path / "picture", Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "renditions").mkdir()
    for data in (
        encoded(Image.new("RGBA", (5000, 5000), (1, 2, 3, 4)), "png", exif=exif, compress_level=1),
        encoded(Image.new("CMYK", (5000, 5000)), "jpeg", exif=exif, progressive=True),
    ):
        file.write_bytes(data)
        limits = settings(max_pixels=25_000_000, memory_mib=picture_memory_mib(args, "render"))
        _, lines = ask({"file": str(file), "folder": str(tmp_path / "renditions"), "settings": limits})
        assert "renditions" in json.loads(lines[1])
