"""The page `report.html`: figures and pictures of a run in one file that needs neither network nor neighbours."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1150px;margin:2em auto;padding:0 1em;color:#1f2328}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .9em;border-bottom:1px solid #d0d7de;text-align:right}
td:first-child,th:first-child{text-align:left}img{max-width:100%;height:auto;display:block;margin:1em 0}
h2{margin-top:2em}code,.facts td{font-family:ui-monospace,monospace;font-size:13px}.facts td{text-align:left}
"""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """What the page shows.

    Args:
        title: its heading.
        figures: tables by their headings: rows of cells, the first of them the columns' names.
        pictures: files by the heading above them.
        facts: how the figures were made.
    """

    title: str
    figures: Mapping[str, Sequence[Sequence[object]]]
    pictures: Mapping[str, Sequence[Path]]
    facts: Mapping[str, object]


def write_page(page: ReportPage, path: Path) -> None:
    """Write the page; its pictures are part of it."""
    parts = [f"<h1>{escape(page.title)}</h1>"]
    for heading, rows in page.figures.items():
        parts += [f"<h2>{escape(heading)}</h2>", _table(rows)]
    for heading, files in page.pictures.items():
        parts.append(f"<h2>{escape(heading)}</h2>")
        parts += [f'<img alt="{escape(file.stem)}" src="{_inside(file)}">' for file in files]
    if page.facts:
        rows = [["", ""], *([name, _plain(value)] for name, value in page.facts.items())]
        parts += ["<h2>How this was made</h2>", _table(rows, "facts")]
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style>"
    )
    partial = path.with_name(f".{path.name}")
    body = "\n".join(parts)
    partial.write_text(f"<!doctype html>\n<html lang=en><head>{head}</head>\n<body>{body}</body></html>\n", "utf-8")
    partial.replace(path)


def _table(rows: Sequence[Sequence[object]], kind: str = "") -> str:
    columns, *others = rows
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in columns)
    lines = ["<tr>" + "".join(f"<td>{escape(_text(cell))}</td>" for cell in row) + "</tr>" for row in others]
    return f'<table class="{kind}"><tr>{head}</tr>\n' + "\n".join(lines) + "</table>"


def _text(cell: object) -> str:
    return f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _inside(file: Path) -> str:
    kind = "jpeg" if file.suffix == ".jpg" else "png"
    return f"data:image/{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"
