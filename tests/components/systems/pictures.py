"""Pictures for tests, drawn with Pillow: as cameras, screens and attackers make them."""

import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image, ImageDraw

GPS_TEXT = b"GPS-52.5163N"
RED, GREEN, BLUE = (220, 20, 20), (20, 160, 20), (20, 20, 220)


def drawn(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """A picture that is red on the left, green on the right, and has a blue corner at the top left."""
    image = Image.new("RGB", (width, height), GREEN)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, width // 2 - 1, height - 1), RED)
    pen.rectangle((0, 0, width // 8, height // 8), BLUE)
    return image.convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture."""
    data = io.BytesIO()
    image.save(data, kind.upper(), **options)
    return data.getvalue()


def photo(orientation: int = 1, kind: str = "jpeg", **options: Any) -> bytes:
    """A photo that knows how the camera was held, where, and by whom."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x013B] = orientation, "Camera", "Ada Lovelace"
    exif.get_ifd(0x8825)[29] = GPS_TEXT.decode()
    more = {"comment": "taken at home"} if kind == "jpeg" else {}
    return encoded(drawn(), kind, exif=exif, **{"quality": 95, **more, **options})


def animation(kind: str, frames: int = 5, side: int = 40, **options: Any) -> bytes:
    """An animation whose square moves to the right."""
    pictures = []
    for number in range(frames):
        image = Image.new("RGB", (side, side), (250, 250, 250))
        ImageDraw.Draw(image).rectangle((number * 5, 10, number * 5 + 9, 29), RED)
        pictures.append(image)
    given = {"save_all": True, "append_images": pictures[1:], "duration": 120, "loop": 0, **options}
    return encoded(pictures[0], kind, **given)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few kilobytes that says it has billions of pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")


def gif_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A GIF of a small frame on an enormous screen."""
    data = bytearray(animation("gif", 2))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def archive() -> bytes:
    """A ZIP archive, as a JAR is one."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("Evil.class", b"\xca\xfe\xba\xbe")
    return data.getvalue()
