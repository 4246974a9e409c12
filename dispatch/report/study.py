"""The page of a study of a long span: figures, pictures and tables in one self-contained file without a script."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.report import wording
from dispatch.report.data import Table
from dispatch.report.drawings import Drawing
from dispatch.report.files import read, template
from dispatch.report.network_picture import NetworkDrawing


@dataclass(frozen=True)
class Section:
    """One part of a study's page."""

    title: str
    networks: tuple[NetworkDrawing, ...] = ()
    plots: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class StudyPage:
    """All that the page shows. ``figures`` are (label, value, unit, note)."""

    title: str
    site: str
    span: str
    settings: tuple[str, ...]
    figures: tuple[tuple[str, str, str, str], ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]


def render_study(study: StudyPage) -> str:
    """The page as one HTML text; the same values give the same bytes."""
    return template("study.html.j2").render(study=study, style=read("page.css"), wording=wording, is_words=_is_words)


def _is_words(cell: object) -> bool:
    """Does a cell hold words, which stand at the left, and no number in words?"""
    return isinstance(cell, str) and cell[:1].isalpha()
