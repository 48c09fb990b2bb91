"""The descriptions of arguments in the schema: their docstrings, and the defaults and limits that are declared beside their types."""

import typing

from pulumi.provider.experimental.analyzer import Analyzer

from cloudpatterns.core.arguments import declared, docstrings
from cloudpatterns.core.phrases import default_phrase, limit_phrases


class DescribingAnalyzer(Analyzer):
    """Pulumi's analyzer, with docstrings of inherited arguments, which it does not find, and with defaults and limits."""

    def get_docstring(self, typ: type, name: str) -> str | None:
        """The docstring of an argument or output, with default and limits: "Size of the disk. Default: 10; 1 to 65,536."."""
        text = self.docstring(typ, name)
        if not typing.is_typeddict(typ):
            return text
        hint = declared(typ)[name]
        default = default_phrase(hint)
        phrases = "; ".join([*([f"default: {default}"] if default else []), *limit_phrases(hint)])
        sentence = f"{phrases[0].upper()}{phrases[1:]}." if phrases else ""
        return " ".join(filter(None, [text and text.strip(), sentence])) or None

    def docstring(self, typ: type, name: str) -> str | None:
        """The docstring as it stands in the source, also of an inherited argument."""
        return docstrings(typ).get(name) if typing.is_typeddict(typ) else super().get_docstring(typ, name)
