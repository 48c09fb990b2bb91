"""The command ``offline-preview``."""

import argparse
import contextlib
import fnmatch
import functools
import glob
import importlib.util
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from offline_preview.earlier import Comparison, Files
from offline_preview.errors import PreviewError, listed
from offline_preview.packs import select_packs
from offline_preview.preview import Job, Outcome, judge, preview
from offline_preview.project import Project, load_project
from offline_preview.runner import ProgramError
from offline_preview.state import STANDARD_INPUT, load_state

COMPLIANT: Final = 0
VIOLATED: Final = 1
FAILED: Final = 2
_STANDARD_OUTPUT: Final = "-"
_PATTERN: Final = re.compile(r"[*?[]")
_REPORTS: Final = ("JSON", "SARIF", "JUnit", "Markdown")
_OUTPUTS: Final = (*(name.lower() for name in _REPORTS), "html", "svg")
_PROGRAM_OPTIONS: Final = ("project", "stack", "set", "config_file", "stack_reference", "as", "jobs", "watch")
"""Options that define how to run a program, by their names in the parsed command line."""
_EPILOG: Final = """\
exit codes: 0 compliant, 1 a mandatory control fails, 2 an error in the program, the settings, a pack or the command line,
130 interrupted

examples:
  offline-preview                                  every stack, every pack under policies/
  offline-preview --stack prod --json -            the whole graph of one stack as JSON
  offline-preview --stack prod --stack 'prod-cell-*'   some stacks, by name or pattern
  offline-preview --set network.nat.strategy=none  what a setting would change
  offline-preview --state export.json              an existing stack, from `pulumi stack export --file export.json`
  offline-preview --write-baseline baseline.json   record the findings of today; later only new ones fail: --baseline baseline.json
  offline-preview --against main.json              what is different from an earlier run, which wrote --json main.json
  offline-preview --html report.html               a page to look at: findings beside the picture, with their paths, and changes
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with the given arguments (default: the process's) and returns its exit code.

    ``KeyboardInterrupt`` passes through, see ``__main__``.
    """
    started = time.monotonic()
    options = _parser().parse_args(arguments)
    try:
        return _run(options, started)
    except PreviewError as error:
        _show_error(error, (), options.debug)
        return FAILED
    except BrokenPipeError:
        # The reader of standard output has ended, e.g. `head`. That is not an error, but Python would report it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="offline-preview",
        description="Previews a Pulumi Python program and runs its policy packs: no CLI, no plugin, no account, no network.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--project", metavar="DIR", type=Path, help="folder of Pulumi.yaml; default: this folder")
    add(
        "--stack",
        metavar="NAME",
        action="append",
        default=[],
        help="stack to preview, or a pattern such as 'prod-cell-*'; may be repeated; default: every Pulumi.<stack>.yaml",
    )
    add(
        "--policy-pack",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="folder of a policy pack, or an installed one's name; may be repeated; default: all in policies/",
    )
    add(
        "--policy-pack-config",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="profile of a pack, one for each in their order; default: <pack>/<stack>.json, for stack prod-cell-2 else <pack>/prod.json",
    )
    add(
        "--profile",
        metavar="NAME",
        default="",
        help="judge every stack by the profile <pack>/NAME.json of each pack, whatever the stack is called",
    )
    add(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="configuration in addition to the stack's; KEY may be a path: a.b[0].c",
    )
    add("--watch", action="store_true", help="judge again on each save, until Ctrl-C; findings as file:line: level: message")
    add("--jobs", metavar="N", type=_count, help="how many stacks run at the same time; default: as many as there are processors")
    _add_files(parser)
    _add_results(parser)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be a whole number, 1 or more")
    return int(text)


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Adds the options for what stands in other files than those of the stacks."""
    add = parser.add_argument
    add(
        "--config-file",
        metavar="FILE",
        action="append",
        default=[],
        help="configuration instead of Pulumi.<stack>.yaml, which names its stack; or a pattern of such files; may be repeated",
    )
    add(
        "--stack-reference",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="outputs of another stack, written by `pulumi stack output --json`",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the graph that is judged and for what is written."""
    add = parser.add_argument
    add(
        "--as",
        choices=("deployed", "preview"),
        help="deployed: invent what AWS would compute (default); preview: leave it unknown",
    )
    add(
        "--state",
        metavar="FILE",
        type=Path,
        help="check an existing stack, in any language, from the file of `pulumi stack export`, instead of a program; - is standard input",
    )
    add("--write-baseline", metavar="FILE", type=Path, help="record the findings as known, for --baseline; other stacks in FILE are kept")
    add("--baseline", metavar="FILE", type=Path, help="report the known findings in FILE apart, so that only new ones fail")
    add("--against", metavar="FILE", type=Path, help="show what changes since the run that wrote FILE by --json")
    for name in _REPORTS:
        add(f"--{name.lower()}", metavar="FILE", help=f"write a {name} report; - is standard output")
    add(
        "--html", metavar="FILE", help="write one page with findings, picture, changes and resources, for any browser; - is standard output"
    )
    add("--svg", metavar="FILE", help="draw one stack: what is where, and what can reach what; - is standard output")
    add("--debug", action="store_true", help="show tracebacks and what packs log")


def _run(options: argparse.Namespace, started: float) -> int:
    targets: dict[str, str] = {name: target for name in _OUTPUTS if (target := getattr(options, name)) is not None}
    _check_targets(targets)
    if options.write_baseline is not None:
        _check_file("write-baseline", options.write_baseline)
    files = Files(options.baseline, options.write_baseline, options.against)
    # When a report goes to standard output, nothing else may.
    to_stdout = _STANDARD_OUTPUT in targets.values()
    if "svg" in targets and importlib.util.find_spec("cloudpatterns_pictures") is None:
        raise PreviewError("--svg: needs the package cloudpatterns-pictures. Install it beside offline-preview.")
    if options.state is not None:
        return _run_state(options, files, started, targets, to_stdout)
    read = functools.partial(_job, options, sys.stderr if to_stdout else None)
    if options.watch:
        if targets or any((options.baseline, options.write_baseline, options.against)):
            raise PreviewError("--watch: shows findings as they are now; write reports and compare in a run without it.")
        from offline_preview.watch import Watch

        # Relative to where the command was started, which may be removed meanwhile.
        options.project = (options.project or Path()).absolute()
        Watch(read, options.project, []).run()
    job = read()
    project = job.project
    if "svg" in targets and len(job.stacks) > 1:
        raise PreviewError(f"--svg: draws one stack, and these are {len(job.stacks)}: {', '.join(job.stacks)}. Add --stack NAME.")
    comparison = files.open(project.name, job.stacks, "deployed" if job.deployed else "preview")
    with _progress() as progress:
        outcome = preview(job, progress, started)
    return _report(outcome, comparison, project.file.name, targets, options.debug, to_stdout)


def _job(options: argparse.Namespace, output: IO[str] | None) -> Job:
    """What the options choose, as the files are now."""
    project = load_project(options.project or Path())
    config_files = _config_files(options.config_file, options.stack)
    return Job(
        project=project,
        stacks=[*config_files] or _stacks(project, options.stack),
        packs=select_packs(project.root, options.policy_pack, options.policy_pack_config, options.profile),
        sets=options.set,
        config_files=config_files,
        stack_references=dict(_stack_reference(text) for text in options.stack_reference),
        deployed=getattr(options, "as") != "preview",
        at_once=options.jobs,
        output=functools.partial(_print, output),
    )


def _run_state(options: argparse.Namespace, files: Files, started: float, targets: dict[str, str], to_stdout: bool) -> int:
    """Checks an exported stack: packs and profiles are found as for a program in this folder."""
    for name in _PROGRAM_OPTIONS:
        if getattr(options, name):
            option = name.replace("_", "-")
            raise PreviewError(
                f"--{option}: is for running a program, but --state runs none: it checks the stack in the file. Remove --{option}."
            )
    folder = Path.cwd()
    packs = select_packs(folder, options.policy_pack, options.policy_pack_config, options.profile)
    if not packs and "svg" not in targets:
        raise PreviewError(
            f"--state: there is no policy pack under {folder / 'policies'}, so there is nothing to check with."
            " Add --policy-pack DIR, or the name of an installed pack, such as security."
        )
    state = load_state(options.state)
    comparison = files.open(state.graph.project, [state.graph.stack], "state")
    with _progress() as progress:
        outcome = judge(state.graph, packs, state.notes, progress, started)
    place = "Pulumi.yaml" if str(options.state) == STANDARD_INPUT else options.state.name
    return _report(outcome, comparison, place, targets, options.debug, to_stdout)


def _print(stream: IO[str] | None, line: str) -> None:
    # When the reader has ended, printing the result fails; the program still runs to its end.
    with contextlib.suppress(BrokenPipeError):
        print(line, file=stream, flush=True)


def _config_files(patterns: Sequence[str], names: Sequence[str]) -> dict[str, Path]:
    """The given files of configuration by the stack that each names."""
    files: list[Path] = []
    for pattern in patterns:
        matching = [Path(pattern)] if Path(pattern).is_file() else sorted(map(Path, glob.glob(pattern)))
        if not matching:
            raise PreviewError(f"--config-file: {pattern} does not exist.")
        files += matching
    if names and files and (len(names) > 1 or len(files) > 1 or _PATTERN.search(names[0])):
        raise PreviewError("--config-file: is for one stack; use one --stack, or none when each file is named Pulumi.<stack>.yaml.")
    found: dict[str, Path] = {}
    for file in files:
        stack = names[0] if names else _stack_of(file)
        if found.setdefault(stack, file) != file:
            raise PreviewError(f"--config-file: {found[stack]} and {file} are both of the stack '{stack}'. Keep one.")
    return found


def _stack_of(file: Path) -> str:
    """The stack that a file of configuration is named after."""
    stack = file.name.removeprefix("Pulumi.").removesuffix(file.suffix)
    if not file.name.startswith("Pulumi.") or not stack:
        raise PreviewError(f"--config-file: {file.name} does not name its stack. Add --stack NAME.")
    return stack


def _stacks(project: Project, names: Sequence[str]) -> list[str]:
    """The stacks to preview, each once: those that are named in their order, those of a pattern and all of them in alphabetical order."""
    existing = project.stacks()
    found: dict[str, None] = {}
    for name in names:
        if _PATTERN.search(name) is None:
            project.check_stack(name)
            found[name] = None
            continue
        matching = fnmatch.filter(existing, name)
        if not matching:
            raise PreviewError(f"--stack: no stack matches '{name}'. Existing stacks: {listed(existing)}.")
        found |= dict.fromkeys(matching)
    stacks = [*found] or existing
    if not stacks:
        raise PreviewError(
            f"{project.stack_folder}: there is no Pulumi.<stack>.yaml, so there is no stack to preview."
            " Fix: pulumi stack init dev, or write Pulumi.dev.yaml."
        )
    return stacks


def _stack_reference(text: str) -> tuple[str, dict[str, Any]]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise PreviewError(f"--stack-reference: '{text}' must be NAME=FILE, e.g. organization/network/prod=outputs.json")
    try:
        outputs = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise PreviewError(f"--stack-reference: {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise PreviewError(f"--stack-reference: {file} is not valid JSON: {error}. Write it with `pulumi stack output --json`.") from error
    if not isinstance(outputs, dict):
        raise PreviewError(f"--stack-reference: {file} contains a {type(outputs).__name__}; it must be an object of outputs.")
    return name, outputs


def _check_targets(targets: dict[str, str]) -> None:
    """Checks before the work that reports can be written."""
    if list(targets.values()).count(_STANDARD_OUTPUT) > 1:
        raise PreviewError(f"--{', --'.join(targets)}: only one report can go to standard output; write the others to files.")
    for option, target in targets.items():
        if target != _STANDARD_OUTPUT:
            _check_file(option, Path(target))


def _check_file(option: str, path: Path) -> None:
    if path.is_dir():
        raise PreviewError(f"--{option}: {path} is a folder. Use the name of a file in it.")
    if not path.absolute().parent.is_dir():
        raise PreviewError(f"--{option}: there is no folder {path.absolute().parent}. Create it, or use another file.")


def _report(outcome: Outcome, comparison: Comparison, place: str, targets: dict[str, str], debug: bool, to_stdout: bool) -> int:
    from offline_preview.reports import terminal

    notes: list[str] = []
    try:
        outcome.reports, notes = comparison.complete(outcome.reports, failed=bool(outcome.errors))
    except PreviewError as error:
        outcome.fail("", error)
    out = terminal.console(stderr=to_stdout)
    terminal.show(out, outcome.reports)
    for note in dict.fromkeys([*(note for report in outcome.reports for note in report.notes), *notes]):
        print(f"note: {note}", file=sys.stderr)
    if debug:
        for log in outcome.logs:
            print(log, file=sys.stderr)
    if outcome.errors:
        sys.stdout.flush()
        for error in outcome.errors:
            _show_error(error, outcome.stacks[str(error)], debug)
        return FAILED
    for option, target in targets.items():
        _write(option, target, _rendered(option, outcome, place))
    return COMPLIANT if all(report.compliant for report in outcome.reports) else VIOLATED


def _rendered(option: str, outcome: Outcome, place: str) -> str:
    """A report as text; ``place`` is the file where findings without a source line are shown."""
    if option == "json":
        from offline_preview.reports import json_report

        return json_report.render(outcome.reports)
    if option == "sarif":
        from offline_preview.reports import sarif

        return sarif.render(outcome.reports, place)
    if option == "markdown":
        from offline_preview.reports import markdown

        return markdown.render(outcome.reports)
    if option == "html":
        from offline_preview.reports import html_report

        return html_report.render(outcome.reports)
    if option == "svg":
        from cloudpatterns_pictures import draw

        return draw(outcome.reports[0].graph)
    from offline_preview.reports import junit

    return junit.render(outcome.reports)


def _write(option: str, target: str, text: str) -> None:
    if target == _STANDARD_OUTPUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise PreviewError(f"--{option}: {target} cannot be written: {error.strerror}.") from error


def _show_error(error: Exception, stacks: Sequence[str], debug: bool) -> None:
    message = str(error)
    if isinstance(error, ProgramError):
        subject = f"stack {', '.join(stacks)}{f', {error.where}' if error.where else ''}"
        # A text of several lines, such as the list of all wrong settings, is shown unchanged.
        between = "\n" if "\n" in message else " "
        message = f"{subject}:{between}{message}"
    print(f"error: {message}", file=sys.stderr)
    if debug:
        if isinstance(error, PreviewError | ProgramError) and error.details:
            print(error.details, file=sys.stderr)
        traceback.print_exception(error)


@contextlib.contextmanager
def _progress() -> Generator[Callable[[str], None]]:
    """Shows the progress on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner

    spinner = Spinner("dots", "starting")
    # Output of programs is shown above the spinner, unless it is redirected.
    with Live(spinner, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()):
        yield lambda text: spinner.update(text=text)
