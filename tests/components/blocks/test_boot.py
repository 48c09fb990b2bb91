"""Boot scripts with their parameters, and user data of several parts as cloud-init reads it."""

import email
import subprocess
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from cloudpatterns.blocks.boot import CLOUD_CONFIG, SHELL, BootPart, boot_script, multipart, parts_after

HOSTILE = "it's $(touch x) `touch y`\nand more"


def test_parameters_stand_before_the_script_and_are_never_run(tmp_path: Path) -> None:
    file = tmp_path / "boot.sh"
    file.write_text('#!/bin/bash\n# What it does.\nset -euo pipefail\n  # Why.\nprintf "%s" "$VALUE"; printf " %s" "$PORT" # 1\n')
    text = boot_script(file, {"VALUE": HOSTILE, "PORT": 80})
    assert text.splitlines()[0] == "#!/bin/bash"
    assert text.endswith('PORT=80\nset -euo pipefail\nprintf "%s" "$VALUE"; printf " %s" "$PORT" # 1\n')
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout, [path.name for path in tmp_path.iterdir()]) == (f"{HOSTILE} 80", ["boot.sh"])


def test_a_file_is_kept_whole_with_its_comments(tmp_path: Path) -> None:
    file = tmp_path / "boot.sh"
    file.write_text("#!/bin/bash\n# Why.\ntrue\n")
    assert boot_script(file, {"A": "b c"}, comments=True) == "#!/bin/bash\nA='b c'\n#!/bin/bash\n# Why.\ntrue\n"


def test_several_parts_are_read_as_they_were_given() -> None:
    parts = [BootPart("00-config", CLOUD_CONFIG, "#cloud-config\npackages: [jq]\n"), BootPart("01-run", SHELL, "#!/bin/bash\necho ü €\n")]
    text = multipart(parts)
    # cloud-init recognises it by this header: https://cloudinit.readthedocs.io/en/latest/explanation/format.html
    assert text.startswith('Content-Type: multipart/mixed; boundary="part-')
    assert "\nMIME-Version: 1.0\n\n" in text
    # As cloud-init does, which reads a text and not bytes.
    message = email.message_from_string(text)
    found = [(part.get_filename(), part.get_content_type(), part.get_payload(decode=True)) for part in message.walk()][1:]
    assert found == [(part.name, part.content_type, part.text.encode()) for part in parts]
    # What can be read in the console stays so.
    assert "\npackages: [jq]\n" in text
    assert text == multipart(parts)
    assert text != multipart(parts[:1])


@pytest.mark.parametrize("names", [("a", "a"), ("a b", "c"), ('"', "c")])
def test_names_that_cannot_order_the_parts_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="names of parts must differ"):
        multipart([BootPart(name, SHELL, "") for name in names])


def test_parts_come_after_others_whatever_they_are() -> None:
    parts = [BootPart("00-config", CLOUD_CONFIG, "#cloud-config\npackages: [jq]\n"), BootPart("01-run", SHELL, "#!/bin/bash\necho ü\n")]
    assert parts_after("20-more", multipart(parts)) == [part._replace(name=f"20-more-{part.name}") for part in parts]
    assert parts_after("20-more", "#!/bin/bash\n") == [BootPart("20-more", SHELL, "#!/bin/bash\n")]


def test_parts_that_another_tool_wrote_are_read() -> None:
    message = MIMEMultipart()
    for name, text in (("a b", "#!/bin/bash\necho ü\n"), (None, "#!/bin/bash\n")):
        part = MIMEText(text, "x-shellscript", "utf-8")
        if name is not None:
            part.add_header("Content-Disposition", "attachment", filename=name)
        message.attach(part)
    assert message.as_string().startswith("Content-Type: multipart/")
    assert parts_after("20", message.as_string()) == [
        BootPart("20-a-b", SHELL, "#!/bin/bash\necho ü\n"),
        BootPart("20-part-001", SHELL, "#!/bin/bash\n"),
    ]
