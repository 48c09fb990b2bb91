"""The layer with Pillow that the example of media processing builds."""

import io
import re
import zipfile
from pathlib import Path

from tests.emulators.handlers import load_handler
from tests.program import ROOT

EXAMPLE = ROOT / "examples" / "media_processing"


def test_the_layer_has_the_wheel_where_lambda_finds_it_and_the_same_wheel_gives_the_same_bytes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pillow-1-cp313-cp313-manylinux_2_28_aarch64.whl", "w") as wheel:
        wheel.writestr("PIL/", "")
        wheel.writestr("PIL/Image.py", "MODES = []")
        wheel.writestr("pillow.libs/libjpeg.so", b"\x7fELF")
    build = load_handler(EXAMPLE / "build_layer.py")
    content = build.layer(sorted(tmp_path.glob("*.whl")))
    with zipfile.ZipFile(io.BytesIO(content)) as layer:
        assert layer.namelist() == ["python/PIL/Image.py", "python/pillow.libs/libjpeg.so"]
        assert layer.read("python/PIL/Image.py") == b"MODES = []"
    assert build.layer(sorted(tmp_path.glob("*.whl"))) == content


def test_the_layer_has_the_version_that_the_tests_run_with() -> None:
    pinned = [
        re.search(r"^pillow==(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        for file in (EXAMPLE / "requirements.txt", ROOT / "requirements-dev.txt")
    ]
    versions = {found[1] for found in pinned if found}
    assert len(versions) == 1
