"""Looks at pictures that anybody may have sent, and makes renditions of them. A program: each picture has a process of its own.

The process has limits of memory and time and no credentials, so a picture that breaks the decoder breaks nothing else. The request is JSON
on standard input, the answer JSON on standard output: what was found, or ``refused`` with one of ``REASONS``. ``READY`` stands before it,
in a line of its own: whatever fails earlier is not the picture's fault.

A picture is known by its bytes, never by a name. It must end where its format says, and nothing else may be in the file: what is a picture
and an archive, a script or a document at the same time is refused. Renditions are encoded anew, without any metadata.
"""

import contextlib
import io
import json
import re
import resource
import struct
import sys
import warnings
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageOps

READY = "ready"
REASONS = (
    *("unknown_format", "truncated", "damaged", "foreign_content"),
    *("too_large", "too_many_pixels", "too_many_frames", "too_expensive"),
)
_ANIMATED = ("gif", "png", "webp", "avif")
_MOST_SIDE = 65_535
_NOTHING = b"\x00"
# What readers of archives, documents and pages look for: those of archives from the end of a file on, PDF in its first kilobyte.
_ARCHIVES = (b"PK\x05\x06", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
_PDF, _PDF_WITHIN = b"%PDF-", 1024
_SCRIPTS = re.compile(rb"<\?php\s|<script[\s>]|<html[\s>]|<!doctype\s+html", re.IGNORECASE)
_ZIP_END = 22


class Refused(Exception):
    """The picture is refused, for one of ``REASONS``."""


def format_of(data: bytes) -> str:
    """The format of a file by its first bytes."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return "avif"
    raise Refused("unknown_format")


def examine(data: bytes, accepted: list[str]) -> str:
    """The format of a file that is one picture and nothing else.

    :raises Refused: for all others.
    """
    kind = format_of(data)
    if kind not in accepted:
        raise Refused("unknown_format")
    try:
        end = _ENDS[kind](data)
    except (IndexError, struct.error) as error:
        raise Refused("truncated") from error
    if end > len(data):
        raise Refused("truncated")
    # Cameras put a second picture or a clip behind a JPEG; behind the other formats there is nothing but padding.
    if kind != "jpeg" and data[end:].strip(_NOTHING):
        raise Refused("foreign_content")
    if _PDF in data[:_PDF_WITHIN] or _SCRIPTS.search(data) or _has_archive(data):
        raise Refused("foreign_content")
    return kind


def _has_archive(data: bytes) -> bool:
    for signature in _ARCHIVES:
        place = data.find(signature)
        while place >= 0:
            if signature is not _ARCHIVES[0] or _is_zip_end(data, place):
                return True
            place = data.find(signature, place + 1)
    return False


def _is_zip_end(data: bytes, place: int) -> bool:
    """Whether the directory of a ZIP archive ends here: four bytes alone happen in a large picture."""
    record = data[place : place + _ZIP_END]
    if len(record) < _ZIP_END:
        return False
    disk, first, here, entries, size = struct.unpack("<4xHHHHI", record[:16])
    return disk == first and here == entries and size <= place


def _png_end(data: bytes) -> int:
    place = 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        place += 12 + length
        if place > len(data) or kind == b"IEND":
            return place


def _gif_end(data: bytes) -> int:
    def blocks(place: int) -> int:
        while data[place]:
            place += 1 + data[place]
        return place + 1

    def colors(flags: int) -> int:
        return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

    place = 13 + colors(data[10])
    while (kind := data[place]) != 0x3B:
        if kind == 0x21:
            place = blocks(place + 2)
        elif kind == 0x2C:
            # After the descriptor and its colours there is the size of the codes.
            place = blocks(place + 10 + colors(data[place + 9]) + 1)
        else:
            raise Refused("damaged")
    return place + 1


def _webp_end(data: bytes) -> int:
    (size,) = struct.unpack_from("<I", data, 4)
    return 8 + size


# In the coded data, 0xFF is followed by 0x00, or by the number of a restart.
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


def _jpeg_end(data: bytes) -> int:
    place = 2
    while True:
        found = _MARKER.search(data, place)
        if found is None:
            return len(data) + 1
        place, marker = found.end(), data[found.end() - 1]
        if marker == 0xD9:
            return place
        if marker not in (0x01, 0xD8):
            (length,) = struct.unpack_from(">H", data, place)
            place += length


def _avif_end(data: bytes) -> int:
    place = 0
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, place + 8)
        if size == 0:
            return len(data)
        if size < 8:
            raise Refused("damaged")
        place += size
    return place


_ENDS: dict[str, Callable[[bytes], int]] = {
    "avif": _avif_end,
    "gif": _gif_end,
    "jpeg": _jpeg_end,
    "png": _png_end,
    "webp": _webp_end,
}


def inspect(data: bytes, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a picture is, by its structure and header: no pixel is decoded, however many it says it has."""
    kind = examine(data, settings["accepted_formats"])
    with _opened(data, kind) as image:
        found = {"format": kind, "width": image.width, "height": image.height, "frames": _checked(image, kind, settings)}
    with _opened(data, kind) as image:
        # The checksums of a PNG. Whatever was asked of the picture before would be in the way.
        image.verify()
    return found


@contextlib.contextmanager
def _opened(data: bytes, kind: str) -> Generator[Image.Image]:
    """The picture, read by the decoder of its format alone; what it fails at refuses the picture."""
    try:
        with Image.open(io.BytesIO(data), formats=[kind.upper()]) as image:
            yield image
    except (Refused, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("too_many_pixels") from error
    except Exception as error:
        raise Refused("truncated" if "truncated" in str(error).lower() else "damaged") from error


def _checked(image: Image.Image, kind: str, settings: Mapping[str, Any]) -> int:
    """The number of frames of a picture that is within the limits."""
    width, height = image.size
    if width * height > settings["max_pixels"] or max(width, height) > _MOST_SIDE:
        raise Refused("too_many_pixels")
    frames = getattr(image, "n_frames", 1) if kind in _ANIMATED else 1
    kept = [one for one in settings["renditions"].values() if one["animated"]]
    if kept and frames > 1:
        # Frames are decoded one after the other, and kept as large as they are shown.
        shown, most = sum(one["width"] * one["height"] for one in kept), settings["max_pixels"]
        if frames > settings["max_frames"] or frames * width * height > 4 * most or frames * shown > most:
            raise Refused("too_many_frames")
    return frames


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:
        # Metadata that cannot be read turns nothing.
        return 1


def render(data: bytes, settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Writes the renditions into a folder, each under its name; what the picture is as it is shown, and each of them."""
    kind = examine(data, settings["accepted_formats"])
    with _opened(data, kind) as image:
        frames, size = _checked(image, kind, settings), image.size
        stills = {name: one for name, one in settings["renditions"].items() if frames == 1 or not one["animated"]}
        made: dict[str, Any] = {}
        if stills:
            if kind == "jpeg":
                # The decoder itself halves a JPEG, which saves time and memory; twice the size that is needed is left.
                image.draft(image.mode, _needed(image, list(stills.values())))
            whole = _plain(image)
            made |= {name: _saved(_sized(whole, one), one, folder / name) for name, one in stills.items()}
        for name, one in settings["renditions"].items():
            if name not in stills:
                made[name] = _animation(image, one, folder / name)
        # Of five to eight the picture lies on its side.
        width, height = size[::-1] if _orientation(image) >= 5 else size
    return {"width": width, "height": height, "renditions": made}


def _needed(image: Image.Image, renditions: list[Mapping[str, Any]]) -> tuple[int, int]:
    """Twice the size of the largest rendition, whichever way the picture is turned."""
    scale = 0.0
    for one in renditions:
        choose = max if one["fit"] == "cover" else min
        for box in ((one["width"], one["height"]), (one["height"], one["width"])):
            scale = max(scale, 2 * choose(box[0] / image.width, box[1] / image.height))
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def _plain(image: Image.Image) -> Image.Image:
    """The picture upright, in RGB or RGBA of eight bits in sRGB, without metadata."""
    profile = image.info.get("icc_profile")
    turned = ImageOps.exif_transpose(image) if _orientation(image) != 1 else image
    if turned.mode.startswith(("I", "F")):
        turned = _eight_bits(turned)
    alpha = turned.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in turned.info
    plain = _in_srgb(turned, profile, alpha=alpha)
    plain.info = {}
    return plain


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of more than eight bits: Pillow alone would cut off whatever is brighter than 255."""
    grey = image.convert("F").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    # A grey that counts as transparent is one of sixteen bits as well, and none of these.
    grey.info.pop("transparency", None)
    return grey


def _in_srgb(image: Image.Image, profile: bytes | None, *, alpha: bool) -> Image.Image:
    mode = "RGBA" if alpha else "RGB"
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image.convert(mode)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        bare = image.convert("RGB") if image.mode == "RGBA" else image
        colors = ImageCms.profileToProfile(bare, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A profile that is broken, or of other colours than the picture's.
        return image.convert(mode)
    assert colors is not None, "it is not converted in place"
    if alpha:
        colors.putalpha(image.convert("RGBA").getchannel("A"))
    return colors


def _sized(image: Image.Image, rendition: Mapping[str, Any]) -> Image.Image:
    """The picture in the box of a rendition, never larger than it was."""
    box = rendition["width"], rendition["height"]
    if rendition["fit"] == "cover":
        # A box that is larger than the picture shrinks in its proportions.
        scale = min(1.0, image.width / box[0], image.height / box[1])
        return ImageOps.fit(image, (max(1, round(box[0] * scale)), max(1, round(box[1] * scale))), Image.Resampling.LANCZOS)
    scale = min(1.0, box[0] / image.width, box[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.copy() if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _animation(image: Image.Image, rendition: Mapping[str, Any], file: Path) -> dict[str, Any]:
    frames, durations = [], []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frames.append(_sized(_plain(image), rendition).convert("RGBA"))
        durations.append(max(1, round(image.info.get("duration", 100))))
    # What does not say that it repeats is shown once; of AVIF, Pillow does not tell.
    loop = image.info.get("loop", 0 if image.format == "AVIF" else 1)
    more = {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": loop}
    return _saved(frames[0], rendition, file, frames=len(frames), **more)


def _saved(picture: Image.Image, rendition: Mapping[str, Any], file: Path, *, frames: int = 1, **more: Any) -> dict[str, Any]:
    kind, quality = rendition["format"], rendition["quality"]
    if kind == "jpeg" and picture.mode == "RGBA":
        ground = Image.new("RGB", picture.size, rendition["background"])
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    settings: dict[str, Any] = {
        "avif": {"quality": quality},
        "jpeg": {"quality": quality, "optimize": True, "progressive": True},
        "png": {"optimize": True},
        "webp": {"quality": quality, "method": 4},
    }[kind]
    picture.save(file, kind.upper(), **settings, **more)
    return {"width": picture.width, "height": picture.height, "frames": frames, "bytes": file.stat().st_size}


def _limit(settings: Mapping[str, Any]) -> None:
    """What the process may use. A picture that needs more fails in it, and nowhere else."""
    memory = settings["memory_mib"] * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    Image.MAX_IMAGE_PIXELS = settings["max_pixels"]
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def main() -> None:
    """Answers one request: ``file`` and ``settings``, and for renditions their ``folder``."""
    request = json.loads(sys.stdin.readline())
    settings = request["settings"]
    _limit(settings)
    print(READY, flush=True)
    try:
        data = Path(request["file"]).read_bytes()
        folder = request.get("folder")
        answer = inspect(data, settings) if folder is None else render(data, settings, Path(folder))
    except Refused as refused:
        answer = {"refused": str(refused)}
    except MemoryError:
        answer = {"refused": "too_expensive"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
