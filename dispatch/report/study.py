"""The page of a study of a long span: figures, pictures and tables in one self-contained file without a script."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.report import wording
from dispatch.report.data import Section, is_words
from dispatch.report.files import read, template

__all__ = ["Section", "StudyPage", "render_study"]


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
    return template("study.html.j2").render(study=study, style=read("page.css"), wording=wording, is_words=is_words)
