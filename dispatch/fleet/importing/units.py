"""Units of a column, as people write them, and the way to a field's own."""

from __future__ import annotations

import re
import unicodedata

from dispatch.signals import accepted_units, parse_quantity, unit_of

# Chinese names, and the peak that photovoltaics are rated at. 万千瓦: ten thousand kilowatts; 度: a kilowatt-hour.
_ALIASES: dict[str, tuple[float, str]] = {
    "kWp": (1.0, "kW"),
    "MWp": (1.0, "MW"),
    "瓦": (1.0, "W"),
    "千瓦": (1.0, "kW"),
    "兆瓦": (1.0, "MW"),
    "万千瓦": (1e4, "kW"),
    "千瓦时": (1.0, "kWh"),
    "度": (1.0, "kWh"),
    "兆瓦时": (1.0, "MWh"),
    "万千瓦时": (1e4, "kWh"),
    "万度": (1e4, "kWh"),
    "千伏安": (1.0, "kVA"),
    "兆伏安": (1.0, "MVA"),
    "小时": (1.0, "h"),
    "分钟": (1.0, "min"),
    "米": (1.0, "m"),
    "度角": (1.0, "deg"),
}
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*)?")
_PLAIN = {"%": 0.01, "百分比": 0.01, "1": 1.0}


def factor(unit: str | None, field: str) -> float:
    """What a number in ``unit`` is multiplied with to be in the unit that the field's name ends in.

    Args:
        field: the path of a field; its last part says the unit. None as ``unit``: already the field's own.

    Raises:
        ValueError: the unit does not fit; the message says which do.
    """
    name = field.rpartition(".")[2]
    if unit is None:
        return 1.0
    text = unicodedata.normalize("NFKC", unit).strip()
    if unit_of(name) is None:
        if text not in _PLAIN:
            raise ValueError(f"'{unit}' does not fit '{name}', which has no unit; accepted: %, 1, or none")
        return _PLAIN[text]
    times, known = _ALIASES.get(text, (1.0, text))
    try:
        return times * parse_quantity(name, f"1 {known}")
    except ValueError:
        raise ValueError(f"'{unit}' does not fit '{name}'; accepted: {accepted_units(name)}") from None


def number(text: str, field: str, times: float, decimal: str = ".") -> float:
    """A cell as a number in the field's unit; a unit in the cell itself wins over the column's.

    Full-width digits and separators between thousands are read.

    Args:
        times: from the column's unit to the field's.
        decimal: "." or ",".

    Raises:
        ValueError: it is none.
    """
    plain = unicodedata.normalize("NFKC", text).strip().replace("\u2212", "-")
    plain = plain.replace(",", "") if decimal == "." else plain.replace(".", "").replace(",", ".")
    match = _NUMBER.fullmatch(plain)
    if match is None:
        raise ValueError(f"'{text}' is not a number")
    return float(match[1]) * (factor(match[2], field) if match[2] else times)
