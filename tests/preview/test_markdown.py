"""The Markdown of a comment: what comes first, what cannot break it, and how long it may be."""

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from offline_preview.changes import Change, Changes, Gone, Property
from offline_preview.findings import Control, Finding, Known, PackReport, StackReport
from offline_preview.graph import Graph
from offline_preview.reports import markdown
from offline_preview.reports.markdown import LIMIT, MARK, render

from tests.preview.conftest import STACK_URN, URN

LOGS = f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs"
REMEDY = "Set tags."
CONTROL = Control("tags", "own", "Buckets have tags", "", "mandatory", "high", REMEDY, "https://example.com/tags")


def finding(**changes: Any) -> Finding:
    text = f"has no tags - tags. Remedy: {REMEDY}"
    return replace(Finding("tags", "own", "fail", "mandatory", "high", LOGS, text, REMEDY), **changes)


def report(graph: Graph, *findings: Finding, changes: Changes | None = None, **more: Any) -> StackReport:
    return StackReport(graph, (PackReport("own", "1", Path("own"), (CONTROL,), findings),), changes=changes, **more)


def as_html(text: str) -> str:
    """The comment as a page: GitHub's tables and HTML."""
    return MarkdownIt("commonmark", {"html": True}).enable("table").render(text)


def test_the_verdict_comes_first_and_findings_that_block_are_not_folded(graph: Graph) -> None:
    text = render([report(graph, finding(), finding(level="advisory", urn=STACK_URN))])
    assert (
        text
        == """\
## Offline preview: \N{CROSS MARK} Not compliant: dev

| stack | findings | profile | resources | changes |
|---|---|---|---|---|
| dev | 1 mandatory, 1 advisory | no profile | 3 | not compared |

**Mandatory findings: 1**

- **high** `s3.Bucket logs` `tags` at `store.py:7`
  - has no tags. `tags` (mandatory)
  - Fix: Set tags. [More](https://example.com/tags)

<details><summary>Advisory findings: 1</summary>

- **high** `shop-dev` `tags`
  - has no tags. `tags` (advisory)
  - Fix: Set tags. [More](https://example.com/tags)

</details>

<!-- offline-preview -->
"""
    )


def test_a_compliant_stack_and_one_without_packs(graph: Graph) -> None:
    assert render([report(graph)]).startswith("## Offline preview: \N{WHITE HEAVY CHECK MARK} Compliant\n")
    assert render([StackReport(graph)]).startswith("## Offline preview: Previewed without policy packs\n")


def test_known_unknown_exempted_and_gone_findings_are_folded(graph: Graph) -> None:
    some = [finding(verdict=verdict, level="advisory") for verdict in ("known", "known", "unknown", "exempt")]
    text = render([report(graph, *some, baseline="known.json", gone=(Known("own", "tags", LOGS, "has no tags"),))])
    assert "| dev | 1 unknown, 1 exempt, 2 known, 1 gone | no profile | 3 | not compared |" in text
    assert "<details><summary>Known findings: 2</summary>\n\n- `tags` 2: `s3.Bucket logs, logs`\n\n</details>" in text
    assert "<details><summary>Checks without a verdict: 1</summary>" in text
    assert "<details><summary>Exempted findings: 1</summary>" in text
    gone = "<details><summary>Findings of the baseline that are gone: 1</summary>\n\n- **tags** on `s3.Bucket logs`: has no tags\n"
    assert gone in text
    assert text.count("<details>") == text.count("</details>") == 4


def change(name: str = "logs", **more: Any) -> Change:
    return replace(Change("changed", f"{URN}aws:s3/bucket:Bucket::{name}", "aws:s3/bucket:Bucket", name), **more)


def test_what_is_new_and_dangerous_is_seen_at_once_and_the_values_are_folded(graph: Graph) -> None:
    changes = Changes(
        "main.json",
        {},
        (
            change("data", kind="replaced", properties=(Property("bucket", "a", "b", True), Property("tags", None, {"a": 1}))),
            change("gone", kind="removed", notes=("it is protected, so the update is refused",)),
            change(is_known=False, properties=(Property("acl", "private", None),)),
        ),
        (finding(),),
        (Gone(finding(urn=STACK_URN), "it is exempted now"),),
    )
    text = render([report(graph, finding(), changes=changes)])
    at_once, _, folded = text.partition("<details>")
    assert "| dev | 1 mandatory | no profile | 3 | 1 replaced, 1 removed, 1 changed, 1 new finding, 1 finding gone |" in at_once
    assert "\n**New findings: 1**\n\n- **high** `s3.Bucket logs` `tags` at `store.py:7`\n" in at_once
    assert (
        """
**Replaced and removed**

- **replaced** `s3.Bucket data`, because `bucket` changes
- **removed** `s3.Bucket gone`, **it is protected, so the update is refused**
"""
        in at_once
    )
    assert (
        """
- **replaced** `s3.Bucket data`

  ```diff
  @@ bucket (replaces it) @@
  - "a"
  + "b"
  @@ tags @@
  + {"a": 1}
  ```

- **removed** `s3.Bucket gone`, **it is protected, so the update is refused**
- **changed** `s3.Bucket logs`, whether this replaces it is not known

  ```diff
  @@ acl @@
  - "private"
  ```
"""
        in folded
    )
    assert "- `tags` on `shop-dev`: has no tags - tags. (it is exempted now)" in folded


HOSTILE = "@everyone #1 </details><script>x</script> ``` | **b** [l](http://e.com) <img src=x> \\` www.e.com $x$ \n# h"


def test_no_text_of_the_program_changes_the_form_or_calls_anybody(graph: Graph) -> None:
    hostile = finding(message=f"{HOSTILE}. Remedy: {REMEDY}", urn=f"{URN}aws:s3/bucket:Bucket::{HOSTILE}")
    kept = change(HOSTILE, properties=(Property(f"tags[{HOSTILE!r}]", HOSTILE, f"````\n{HOSTILE}"),), former=f"{URN}a:b:C::{HOSTILE}")
    changes = Changes(HOSTILE, {}, (kept, replace(kept, kind="replaced")), (hostile,), (Gone(hostile, ""),))
    text = render([report(graph, hostile, finding(verdict="known", control=HOSTILE), changes=changes)])
    page = as_html(text)
    assert ("<script" in page, "<img" in page, "<h1" in page) == (False, False, False)
    assert page.count("<details>") == page.count("</details>") == text.count("<details><summary>")
    assert set(re.findall(r'href="([^"]*)"', page)) == {"https://example.com/tags"}
    outside = html.unescape(re.sub(r"<(code|pre)\b.*?</\1>", "", page, flags=re.DOTALL))
    assert re.findall(r"[@#](?=\w)|://(?=e)|www(?=\.)", re.sub(r'href="[^"]*"', "", outside)) == []


def test_a_link_is_only_one_of_the_web(graph: Graph) -> None:
    for url in ("javascript:alert(1)", "https://e.com/)<b>", "ftp://e.com"):
        pack = PackReport("own", "1", Path("own"), (replace(CONTROL, url=url),), (finding(),))
        assert "[More]" not in render([StackReport(graph, (pack,))])


@pytest.mark.parametrize("stacks", [1, 3, 150])
def test_a_comment_is_never_too_long_and_counts_what_is_left_out(graph: Graph, stacks: int) -> None:
    many = tuple(change(f"bucket-{index}", properties=(Property("tags", "x" * 300, f"{index}"),)) for index in range(2000))
    findings = tuple(finding(urn=f"{LOGS}-{index}", message=f"is {'y' * 900} {index}") for index in range(300))
    reports = [
        report(Graph("shop", f"stack-{number}", graph.resources), *findings, changes=Changes("m", {}, many, findings))
        for number in range(stacks)
    ]
    text = render(reports)
    assert len(text) <= LIMIT
    assert text.endswith(f"{MARK}\n")
    assert text.count("<details>") == text.count("</details>")
    if stacks < 4:
        assert len(text) > LIMIT * 0.8
        assert re.search(r"\n\d+ more do not fit into a comment: the JSON report has them\.\n", text)
    else:
        assert "50 more stacks are in the JSON report." in text


def test_long_lists_of_what_is_dangerous_are_cut(graph: Graph) -> None:
    many = tuple(change(f"b-{index}", kind="replaced", properties=(Property("bucket", "a", f"{index}", True),)) for index in range(25))
    text = render([report(graph, changes=Changes("m", {}, many))])
    assert text.count("because `bucket` changes") == markdown._MOST_LINES
    assert "- and 5 more, see below\n" in text
