"""axe-core, which says what of a page in the browser somebody without eyes or without a mouse cannot use."""

from typing import Any

from tests.program import ROOT

SCRIPT = ROOT / "tests" / "emulators" / "axe" / "node_modules" / "axe-core" / "axe.min.js"


def missing() -> str | None:
    """Why it is not here; None when it is."""
    return None if SCRIPT.is_file() else "axe-core is not installed: `make test` installs it with npm"


def violations(page: Any) -> list[str]:
    """What breaks a rule, and where, of all rules that are on by default."""
    # The page's policy refuses foreign scripts; the debugger's are none of the page's.
    page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [f"{rule['id']}: {node['html'][:200]}" for rule in result["violations"] for node in rule["nodes"]]
