"""Formulas without a network: TeX in pages and docstrings becomes MathML, which browsers draw by themselves."""

from __future__ import annotations

import html
import re
import textwrap
from typing import Any

import griffe
from latex2mathml.converter import convert

_DIRECTIVE = re.compile(r"^( *)\.\. math::[ ]*([^\n]*)\n((?:\1 +[^\n]*\n|\n)*)", re.MULTILINE)
_ROLE = re.compile(r":math:`([^`]+)`")
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


class Formulas(griffe.Extension):
    """Rewrites the reST formulas of docstrings as those of the pages, ``$...$`` and ``$$...$$``."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(r"$\1$", _DIRECTIVE.sub(_block, obj.docstring.value + "\n").rstrip())


def on_page_content(content: str, **kwargs: Any) -> str:
    """Called by mkdocs with the HTML of each page."""
    return _FORMULA.sub(_mathml, content)


def _block(match: re.Match[str]) -> str:
    indent, first, rest = match.groups()
    tex = textwrap.dedent(rest).strip() if not first else f"{first} {rest.strip()}".strip()
    return f"{indent}\n{indent}$$\n{textwrap.indent(tex, indent)}\n{indent}$$\n\n"


def _mathml(match: re.Match[str]) -> str:
    tex = html.unescape(match[2]).strip()
    if "&" in tex:
        tex = rf"\begin{{align*}} {tex} \end{{align*}}"
    return str(convert(tex, display="block" if match[1] == "div" else "inline"))
