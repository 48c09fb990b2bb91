"""How what cannot be published is reported: in the same words and order as problems of the settings."""


class PublishError(Exception):
    """What the problem is about, what was given, what is wrong with it, what is allowed, and what fixes it. The text is for the user."""

    def __init__(self, what: str, *, given: str, problem: str, allowed: str, fix: str) -> None:
        rows = {"given": given, "problem": problem, "allowed": allowed, "fix": fix}
        super().__init__("\n".join([what, *(f"  {f'{name}:':<10}{_indented(text)}" for name, text in rows.items())]))


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 12)
