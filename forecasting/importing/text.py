"""CSV files as they leave meters and spreadsheets: the encoding, the separator and the decimal mark that they have.

Only what is unambiguous is read; of anything else a message names what it may be. Nothing here needs a table library,
so that a park's file can be checked at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from forecasting.errors import ForecastError

_SEPARATORS = ",;\t"
_MARKS = (b"\xff\xfe", b"\xfe\xff")  # what Excel's "Unicode text" begins with
_HIGH = re.compile(rb"[\x80-\xff]+")
_LETTERS = re.compile(rb"[\xc0-\xff]+")
# In Latin-1 an accented letter or a sign (°, ², µ) stands alone among ASCII, two of them at most (Größe).
_LATIN_RUN = 2
_INSIDE_A_WORD = re.compile(r"[A-Za-z][\u3400-\u9fff][A-Za-z]")
_COMMA = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?(?:[eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SAVED_AS = "accepted: a file saved as UTF-8 (in Excel 'CSV UTF-8')"


def encoding_of(content: bytes, name: str) -> str:
    """UTF-8 with or without its mark, UTF-16 with it; else GB 18030 or Latin-1, whichever it must be.

    Args:
        content: of the file.
        name: of the file, for the message.

    Raises:
        ForecastError: it is none of them, or may be either of the last two.
    """
    if content[:2] in _MARKS:
        return "utf-16"
    if _decodes(content, "utf-8-sig"):
        return "utf-8-sig"
    runs = _HIGH.findall(content)
    latin = max(map(len, runs)) <= _LATIN_RUN and _decodes(content, "cp1252")
    if _decodes(content, "gb2312") and not _INSIDE_A_WORD.search(content.decode("gb2312")):
        if latin and all(_LETTERS.fullmatch(run) for run in runs):
            raise ForecastError(f"{name}: is no UTF-8, and may be GB 18030 or Latin-1 text; {_SAVED_AS}")
        return "gb18030"
    if latin:
        return "cp1252"
    if _decodes(content, "gb18030"):
        return "gb18030"
    raise ForecastError(f"{name}: is neither UTF-8 nor GB 18030 nor Latin-1 text; {_SAVED_AS}")


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def text_of(path: Path, name: str = "") -> str:
    """The whole file as text; where rows end with a carriage return alone, as old spreadsheets wrote, with newlines.

    Raises:
        ForecastError: it is empty or no text; the message calls it ``name``, by default its path.
    """
    name = name or str(path)
    content = path.read_bytes()
    if not content.strip():
        raise ForecastError(f"{name}: is empty; accepted: a row of column names and a row for each time below it")
    text = content.decode(encoding_of(content, name))
    return text if "\n" in text else text.replace("\r", "\n")


def separator_of(header: str) -> str:
    """The most frequent of comma, semicolon and tab in a header."""
    return max(_SEPARATORS, key=header.count)


def plain_numbers(cells: Sequence[str]) -> list[str]:
    """A column's cells with a decimal point and without separators of thousands; as they are where they are neither.

    One way of writing has to fit them all: ``1.877,3`` or ``1,877.3``.

    Raises:
        ValueError: both do, such as ``1,877`` in every row.
    """
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not any("," in cell for cell in filled):
        return list(cells)
    comma = all(_COMMA.fullmatch(cell) for cell in filled)
    grouped = all(_GROUPED.fullmatch(cell) for cell in filled)
    if comma and grouped:
        first = next(cell for cell in filled if "," in cell)
        point, whole = first.replace(",", "."), first.replace(",", "")
        raise ValueError(f"'{first}' may be {point} or {whole}, as may every other number of the column")
    if comma:
        return [cell.replace(".", "").replace(",", ".") for cell in cells]
    return [cell.replace(",", "") for cell in cells] if grouped else list(cells)
