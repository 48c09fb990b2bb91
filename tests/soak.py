"""A long day of `offline-preview --watch`: edits of many kinds, each verdict checked, and what grows is told.

`python -m tests.soak` makes a thousand edits, which takes half an hour; `--edits 50` is a look, and Ctrl-C ends it early. It prints the
seconds of an edit by kind, and what memory, descriptors, threads and files did meanwhile. It is no test: it ends with 1 when a verdict was
wrong.
"""

import argparse
import contextlib
import itertools
import os
import queue
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sandbox import processes
from sandbox.workspace import PACKS
from tests import installed

ROOT: Final = Path(__file__).resolve().parents[1]
_SECONDS: Final = 300.0
_DONE: Final = re.compile(r"offline-preview: .*watching\. Ctrl-C ends it\.")
_PROGRAM: Final = """import pulumi
import pulumi_aws as aws
import {module} as parts
import soaked
for number in range((pulumi.Config().get_int("size") or 5) // 5):
    vpc = aws.ec2.Vpc(f"v{{number}}", cidr_block="10.0.0.0/16")
    aws.ec2.Subnet(f"s{{number}}", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
    group = aws.ec2.SecurityGroup(f"g{{number}}", vpc_id=vpc.id, description="soak")
    aws.vpc.SecurityGroupIngressRule(
        f"r{{number}}", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="10.0.0.0/8", description="in"
    )
    aws.s3.Bucket(f"b{{number}}", tags={{"Owner": "soak"}})
for number in range(parts.MORE + soaked.NUMBER):
    aws.sqs.Queue(f"more{{number}}", sqs_managed_sse_enabled=True)
{last}
"""
_STACK: Final = "config:\n  aws:region: eu-west-1\n  soak:size: {size}\n"
_PACK: Final = """
from cloudpatterns_policies.core import Fail, Pass, Severity, control, serve
@control(
    id="queue-name", title="Queues have a good name", severity=Severity.CRITICAL, types=("aws:sqs/queue:Queue",), why="They do.",
    remediation="Rename it.", url="https://example.com", frameworks={}, pack="own",
)
def queue_name(resource):
    return Fail("has the name BAD") if resource.name == "BAD" else Pass()
serve("own", "0.0.1", [queue_name])
"""
_OPEN: Final = (
    'aws.vpc.SecurityGroupIngressRule("open", security_group_id=group.id, ip_protocol="tcp", from_port=22, to_port=22, '
    'cidr_ipv4="0.0.0.0/0")'
)


class WrongVerdict(Exception):
    """What was shown is not what the files say."""


class Soak:
    """A project with one stack, an environment and a pack besides those of this repository, and the command that watches it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.project = folder, folder / "project"
        self.sizes, self.size = (size, size + 5), size
        self.more, self.installed, self.last, self.module = 0, 0, "", "parts"
        self.bad = "no"
        self.disabled = False
        (self.project / "policies" / "own").mkdir(parents=True)
        installed.environment(self.project / ".venv")
        self.install(0)
        self.write("Pulumi.yaml", "name: soak\nruntime: {name: python, options: {virtualenv: .venv}}\n")
        self.write("policies/own/PulumiPolicy.yaml", "runtime: {name: python, options: {virtualenv: ../launcher}}\nversion: 1.2.3\n")
        self.write_pack()
        self.write_profile()
        self.write_stack()
        self.write_module()
        self.write_program()
        (folder / "tmp").mkdir()
        packs = [option for pack in PACKS for option in ("--policy-pack", str(ROOT / "policies" / pack))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "offline_preview", "--watch", "--profile", "prod", *packs, "--policy-pack", "policies/own"],
            cwd=self.project,
            env={
                **os.environ,
                "NO_COLOR": "1",
                "TMPDIR": str(folder / "tmp"),
                "XDG_CACHE_HOME": str(folder / "cache"),
                "PULUMI_PYTHON_CMD": sys.executable,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def write(self, name: str, text: str) -> None:
        """As editors do it: a new file takes the place of the old one."""
        (self.project / f"{name}.tmp").write_text(text, encoding="utf-8")
        (self.project / f"{name}.tmp").replace(self.project / name)

    def write_program(self) -> None:
        self.write("__main__.py", _PROGRAM.format(module=self.module, last=self.last))

    def write_module(self) -> None:
        self.write(f"{self.module}.py", f"MORE = {self.more}\n")

    def write_stack(self) -> None:
        self.write("Pulumi.prod.yaml", _STACK.format(size=self.size))

    def write_pack(self) -> None:
        self.write("policies/own/__main__.py", _PACK.replace("BAD", self.bad))

    def write_profile(self) -> None:
        self.write("policies/own/prod.json", '{"queue-name": "disabled"}' if self.disabled else "{}")

    def install(self, number: int) -> None:
        """`pip install` of another version of a package that the program uses."""
        installed.install(self.project / ".venv", "soaked", number)
        self.installed = number

    def verdict(self, expected: Callable[[list[str]], bool], *, first: bool = True) -> None:
        """Waits for what is shown next, or with ``first=False`` for what is expected, within five minutes. Raises ``WrongVerdict``."""
        deadline = time.monotonic() + _SECONDS
        while True:
            shown: list[str] = []
            while True:
                try:
                    line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
                except queue.Empty:
                    raise WrongVerdict(f"nothing came; before: {shown[-5:]}") from None
                if line is None:
                    raise WrongVerdict("the command has ended")
                if _DONE.fullmatch(line):
                    break
                if not line.startswith("offline-preview: judging"):
                    shown.append(line)
            if expected(shown):
                return
            if first or time.monotonic() > deadline:
                # Of hundreds of findings.
                raise WrongVerdict("\n".join(line for line in shown if re.search(r": error: (stack|open|last)|^(prod|new) ", line)))

    def counted(self, shown: list[str]) -> bool:
        """Whether the stack has as many resources, and these findings, as the files say."""
        number = self.size + self.more + self.installed + (1 if self.last else 0)
        verdicts = [line.split()[:2] for line in shown if re.match(r"(prod|new) ", line)]
        named = any(line.endswith("[queue-name]") and ": error: " in line for line in shown)
        opened = any(": error: open: " in line for line in shown)
        failed = any(line.endswith("[program]") for line in shown)
        wanted = (f'"{self.bad}"' in self.last and not self.disabled, self.last == _OPEN, False)
        return verdicts == [["prod", str(number)]] and (named, opened, failed) == wanted

    def close(self) -> None:
        """Ends it; raises ``WrongVerdict`` when it leaves a process behind."""
        below = processes.descendants(self.process.pid)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        if processes.alive(below):
            raise WrongVerdict("a process was left behind")

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line.rstrip("\n"))


def edits(soak: Soak) -> dict[str, Callable[[int], None]]:
    """The kinds of edits; each saves, waits for the verdict, and checks it."""

    def program(number: int) -> None:
        soak.last = f'aws.sqs.Queue("last{number}", sqs_managed_sse_enabled=True)'
        soak.write_program()
        soak.verdict(soak.counted)

    def violation(_number: int) -> None:
        soak.last = _OPEN
        soak.write_program()
        soak.verdict(lambda shown: soak.counted(shown) and any(re.match(r"__main__\.py:15: error: open: ", line) for line in shown))

    def module(number: int) -> None:
        soak.more = (soak.more + 1) % 7
        soak.write_module()
        soak.verdict(soak.counted)

    def settings(_number: int) -> None:
        soak.size = soak.sizes[0] if soak.size == soak.sizes[1] else soak.sizes[1]
        soak.write_stack()
        soak.verdict(soak.counted)

    def wrong_settings(_number: int) -> None:
        soak.write("Pulumi.prod.yaml", "config: [\n")
        soak.verdict(lambda shown: len(shown) > 0 and "Pulumi.prod.yaml" in shown[0] and ": error: stack prod: " in shown[0])
        soak.write_stack()
        soak.verdict(soak.counted)

    def pack(number: int) -> None:
        soak.last, soak.bad = f'aws.sqs.Queue("last{number}", sqs_managed_sse_enabled=True)', "no"
        soak.write_program()
        soak.verdict(soak.counted)
        soak.bad = f"last{number}"
        soak.write_pack()
        soak.verdict(soak.counted)
        soak.bad = "no"
        soak.write_pack()
        soak.verdict(soak.counted)

    def profile(_number: int) -> None:
        soak.disabled = not soak.disabled
        soak.write_profile()
        soak.verdict(soak.counted)

    def deleted(_number: int) -> None:
        (soak.project / f"{soak.module}.py").unlink()
        soak.verdict(lambda shown: f"__main__.py:3: error: stack prod: ModuleNotFoundError: No module named '{soak.module}'" in shown[0])
        soak.write_module()
        soak.verdict(soak.counted)

    def syntax(_number: int) -> None:
        soak.write("__main__.py", "x = (\n")
        soak.verdict(lambda shown: shown[0].startswith("__main__.py:1: error: stack prod: SyntaxError"))
        soak.write_program()
        soak.verdict(soak.counted)

    def renamed(_number: int) -> None:
        before, soak.module = soak.module, "pieces" if soak.module == "parts" else "parts"
        (soak.project / f"{before}.py").rename(soak.project / f"{soak.module}.py")
        soak.write_program()
        soak.verdict(soak.counted, first=False)

    def new_stack(_number: int) -> None:
        soak.write("Pulumi.new.yaml", _STACK.format(size=5))
        soak.verdict(lambda shown: [line.split()[0] for line in shown if re.match(r"(prod|new) ", line)] == ["new", "prod"])
        (soak.project / "Pulumi.new.yaml").unlink()
        soak.verdict(soak.counted)

    def installation(_number: int) -> None:
        soak.install(soak.installed % 5 + 1)
        soak.verdict(soak.counted, first=False)

    def succession(_number: int) -> None:
        for more in (1, 2, 3, 4, 5, soak.more):
            kept, soak.more = soak.more, more
            soak.write_module()
            soak.more = kept
            time.sleep(0.01)
        soak.more = (soak.more + 1) % 7
        soak.write_module()
        soak.verdict(soak.counted, first=False)

    def while_running(number: int) -> None:
        soak.size = soak.sizes[0] if soak.size == soak.sizes[1] else soak.sizes[1]
        soak.write_stack()
        time.sleep(number % 10 / 10)
        soak.more = (soak.more + 1) % 7
        soak.write_module()
        soak.verdict(soak.counted, first=False)

    def pack_while_running(number: int) -> None:
        soak.last, soak.bad = f'aws.sqs.Queue("last{number}", sqs_managed_sse_enabled=True)', f"last{number}"
        soak.write_program()
        time.sleep(number % 10 / 10)
        soak.write_pack()
        soak.verdict(soak.counted, first=False)
        soak.last, soak.bad = "", "no"
        soak.write_program()
        soak.verdict(soak.counted)
        soak.write_pack()
        soak.verdict(soak.counted)

    kinds = (program, violation, module, program, settings, wrong_settings, profile, deleted, module, syntax, renamed, program, new_stack)
    return {
        f"{number} {kind.__name__}": kind
        for number, kind in enumerate((*kinds, succession, while_running, pack, installation, pack_while_running))
    }


def sample(process: int, folder: Path) -> dict[str, float]:
    """Memory, descriptors and threads of every process by what it is, and the files that are left."""
    found: dict[str, float] = defaultdict(float)
    for one in (process, *processes.descendants(process)):
        # One may end meanwhile.
        with contextlib.suppress(OSError):
            place = Path("/proc", str(one))
            status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
            found["processes"] += 1
            if status["State"].split()[0] == "Z":
                found["zombies"] += 1
                continue
            command = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
            name = "watch" if one == process else "parent" if "parent" in command else "pack " + Path(command[-2]).name
            memory = {line.split(":")[0]: line.split()[1] for line in (place / "smaps_rollup").read_text().splitlines()[1:]}
            found[f"{name}: MiB"] += int(memory["Rss"]) / 1024
            found[f"{name}: threads"] += int(status["Threads"])
            found[f"{name}: descriptors"] += len(list((place / "fd").iterdir()))
            found["all: MiB, shared pages once"] += int(memory["Pss"]) / 1024
    for name in ("tmp", "cache"):
        found[f"files in {name}"] = sum(len(files) for _, _, files in os.walk(folder / name))
    return found


def _report(seconds: dict[str, list[float]], samples: list[tuple[int, dict[str, float]]]) -> None:
    print(f"\n{'kind':24}{'times':>7}{'least':>8}{'median':>8}{'most':>8}  seconds")
    for kind, found in seconds.items():
        print(f"{kind:24}{len(found):7}{min(found):8.2f}{statistics.median(found):8.2f}{max(found):8.2f}")
    if not samples:
        return
    # The first edits fill what is meant to be kept.
    settled = [one for one in samples if one[0] >= samples[-1][0] // 5]
    print(f"\n{'what':36}{'first':>9}{'last':>9}{'most':>9}{'a thousand edits':>18}")
    for name in sorted({name for _, found in samples for name in found}):
        values = [found.get(name, 0.0) for _, found in settled]
        slope = statistics.linear_regression([edit for edit, _ in settled], values).slope * 1000 if len(settled) > 2 else 0.0
        print(f"{name:36}{values[0]:9.1f}{values[-1]:9.1f}{max(values):9.1f}{slope:+18.1f}")


def _turns(kinds: dict[str, Callable[[int], None]], count: int) -> Iterator[tuple[int, str, Callable[[int], None]]]:
    turns = itertools.cycle(kinds.items())
    return ((number, *next(turns)) for number in range(count))


def main() -> int:
    """Runs it; returns 1 when a verdict was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", metavar="N", type=int, default=1000, help="how many; default: 1000")
    parser.add_argument("--resources", metavar="N", type=int, default=200, help="of the stack, a multiple of 5; default: 200")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = defaultdict(list)
    samples: list[tuple[int, dict[str, float]]] = []
    wrong = 0
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    soak = Soak(folder, options.resources)
    try:
        soak.verdict(soak.counted)
        for number, kind, edit in _turns(edits(soak), options.edits):
            begin = time.monotonic()
            try:
                edit(number)
            except WrongVerdict as error:
                wrong += 1
                print(f"edit {number}, {kind}: {error}", flush=True)
                if soak.process.poll() is not None:
                    return 1
                soak.write_program()
            seconds[kind].append(time.monotonic() - begin)
            if number % 9 == 0:
                samples.append((number, sample(soak.process.pid, folder)))
            if number % 18 == 0:
                print(f"{number} edits, {wrong} wrong, {samples[-1][1]['all: MiB, shared pages once']:.0f} MiB", flush=True)
        soak.close()
    except KeyboardInterrupt:
        print("ended early")
    finally:
        processes.kill(soak.process.pid)
        shutil.rmtree(folder)
    _report(seconds, samples)
    print(f"\n{sum(map(len, seconds.values()))} edits, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
