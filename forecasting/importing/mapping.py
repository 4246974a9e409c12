"""What columns of a user's files hold: the mapping file of an import, as written in YAML.

Every field is described where it stands below, and in `parkwatt archive schema`; EXAMPLE shows the usual ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from forecasting.errors import ForecastError
from forecasting.importing.units import unit_for

EXAMPLE = """\
# What the columns of your files hold; 'parkwatt archive schema' describes every field.
time_zone: Europe/Berlin           # of times without an offset
files:
  - files: scada/*.csv             # measurements, a column for each series; paths start at this file's folder
    site: my_park                  # or site_column, site_in_name, or a site in each series
    time_column: time              # default: the first column
    stamp: start                   # a time marks the start of its interval
    missing: [-999]
    available_after: 20min         # known so long after its interval ended
    series:
      - {column: wind_kw, variable: wind, unit: kW, curtailed: {column: limited, values: [1]}}
      - {column: offices_kwh, variable: offices, unit: kWh}
      - {column: outflow_mw, variable: grid, unit: MW, sign: reversed}
  - files: meters.parquet          # measurements in a long table: a row for each series and time
    site_column: building
    sites: {B7: north_hall}
    time_column: when
    variable_column: what
    value_column: reading
    available_column: known_since  # a restated value stands beside the old one, with its own time
    series:
      - {column: heat, variable: heat, unit: MW}
  - files: nwp/run_*.csv           # runs of a weather model
    site: my_park_weather
    issue_in_name: run_%Y%m%d%H.csv  # or issue_column
    lead_column: step_h            # or time_column
    member_column: member
    available_after: 6h            # since when a run could be used; say what is true, backtests rest on it
    series:
      - {column: t2m, variable: temperature_2m, unit: K}
      - {column: ws100, variable: wind_speed_100m}
      - {column: u10, variable: wind_u_component_10m}   # with v becomes speed and direction
      - {column: v10, variable: wind_v_component_10m}
"""


class MappingError(ForecastError):
    """A mapping file is wrong; `problems` are all that was found, each with its place in the file."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{name}: {count} problem{'s' if count != 1 else ''}\n  " + "\n  ".join(self.problems))


def _duration(text: str) -> str:
    try:
        length = pd.Timedelta(text)
    except ValueError:
        length = pd.NaT
    if length is pd.NaT or length < pd.Timedelta(0):
        raise ValueError(f"{text!r} is not a duration; write it like 15min, 6h or 1 day")
    return text


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"{text!r} has {groups} pairs of parentheses; put one around the site, as in plant_(.+).csv")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {name!r} is unknown; use an IANA name such as Asia/Shanghai") from None
    return name


Name = Annotated[str, Field(min_length=1)]
Names = Name | tuple[Name, ...]
Duration = Annotated[str, AfterValidator(_duration)]
Zone = Annotated[str, AfterValidator(_zone)]
Cell = float | str


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Curtailed(_Strict):
    """Where the logs say that a plant was held back."""

    column: Name
    values: tuple[Cell, ...] = Field(default=(1.0,), description="cells that say so; all others say that it was not")


class Series(_Strict):
    """One series of the archive."""

    column: Name = Field(description="the column; in a long table the text in variable_column")
    variable: Name = Field(description="its name in the archive: an asset's, or that of weather, as wind_speed_100m")
    site: Name | None = Field(default=None, description="its site, where it is not the file's")
    unit: str | None = Field(default=None, description="unit in the file; default: the archive's own")
    scale: Annotated[float, Field(allow_inf_nan=False)] = Field(default=1.0, description="multiplied with, beside unit")
    sign: Literal["as_is", "reversed"] = Field(default="as_is", description="reversed: the file counts the other way")
    member: Annotated[int, Field(ge=0)] = Field(default=0, description="member of an ensemble with a column each")
    available_after: Duration | None = Field(default=None, description="as the file's, for this series alone")
    curtailed: Curtailed | None = None
    impossible: Literal["refuse", "missing"] = Field(
        default="refuse",
        description="weather beyond what can be: refused, or missing while it is no more than 5 % of a file",
    )

    @model_validator(mode="after")
    def _units(self) -> Self:
        unit_for(self.unit, self.variable)
        if self.scale == 0:
            raise ValueError("scale 0 would make every value 0; give another factor")
        return self


class Files(_Strict):
    """Files of one layout."""

    files: Names = Field(description="path or pattern such as scada/*.csv, from the mapping file's folder; or a list")
    series: tuple[Series, ...] = Field(min_length=1)
    site: Name | None = None
    site_column: Name | None = None
    site_in_name: Annotated[str, AfterValidator(_pattern)] | None = Field(
        default=None, description="regular expression of the file's name, with the site in parentheses"
    )
    sites: Mapping[str, Name] = Field(default={}, description="sites as the file calls them: as the archive does")
    variable_column: Name | None = Field(default=None, description="long table: the column of names")
    value_column: Name | None = Field(default=None, description="long table: the column of values")
    time_column: Names | None = Field(default=None, description="default: the first; a list is joined with a space")
    time_format: Name | None = Field(
        default=None, description="strptime pattern of times that are not written as ISO and the like"
    )
    time_zone: Zone | None = Field(default=None, description="of times without offset; default: the mapping's")
    stamp: Literal["start", "end"] | None = Field(
        default=None, description="which end of its interval a time marks; default: start, of runs end"
    )
    step: Duration | None = Field(default=None, description="length of an interval; default: the most frequent")
    issue_column: Name | None = Field(default=None, description="runs: when each was issued")
    issue_in_name: Name | None = Field(default=None, description="runs: strptime pattern of the file's name")
    lead_column: Name | None = Field(default=None, description="runs: lead, in place of time_column")
    lead_unit: Literal["min", "h", "d"] = "h"
    available_column: Name | None = Field(default=None, description="since when each row was known")
    available_after: Duration | None = Field(
        default=None, description="known so long after a run's issue, or a measurement's interval (default 15min)"
    )
    member_column: Name | None = None
    repeated: Literal["refuse", "first", "last"] = Field(
        default="refuse", description="which of two rows counts that say different things about one time"
    )
    missing: tuple[Cell, ...] = Field(default=(), description="cells that stand for missing, such as -999")
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] = "."
    skip_rows: Annotated[int, Field(ge=0)] = Field(default=0, description="lines before the header")

    @property
    def runs(self) -> bool:
        """Whether they hold issued forecasts; measurements otherwise."""
        return self.issue_column is not None or self.issue_in_name is not None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wrong = [text for is_wrong, text in self._rules() if is_wrong]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _rules(self) -> list[tuple[bool, str]]:
        long = self.variable_column is not None
        named = all(series.site for series in self.series)
        runs_only = "is for runs: give issue_column or issue_in_name"
        sited = bool(self.site), bool(self.site_column), bool(self.site_in_name)
        known_since = bool(self.available_column), bool(self.available_after)
        return [
            (sum(sited) > 1, "give one of site, site_column and site_in_name"),
            (not (any(sited) or named), "which site? give site, site_column, site_in_name, or one in each series"),
            (long != (self.value_column is not None), "a long table has variable_column and value_column"),
            (bool(self.issue_column and self.issue_in_name), "give issue_column or issue_in_name, not both"),
            (bool(self.lead_column) and not self.runs, f"lead_column {runs_only}"),
            (bool(self.lead_column and self.time_column), "give time_column or lead_column, not both"),
            (all(known_since), "give available_column or available_after, not both"),
            (bool(self.member_column) and not self.runs, f"member_column {runs_only}"),
            (
                self.runs and not any(known_since),
                "since when could a run be used? give available_after (such as 6h after its issue) or available_column",
            ),
            (self.runs and any(s.curtailed for s in self.series), "curtailed is for measurements"),
            (long and any(s.curtailed for s in self.series), "curtailed is for tables with a column for each series"),
        ]


class ImportMapping(_Strict):
    """What the files of an import hold."""

    files: tuple[Files, ...] = Field(min_length=1)
    time_zone: Zone | None = Field(default=None, description="of times without offset, for all files that say no other")


def read_mapping(path: Path | str) -> ImportMapping:
    """A mapping file; MappingError names all that is wrong with it, each with its place."""
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MappingError(str(path), [f"file: cannot be read: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise MappingError(str(path), [f"file: {where}is not YAML: {getattr(error, 'problem', error)}"]) from error
    if not isinstance(raw, dict):
        raise MappingError(str(path), [f"file: is not a mapping (found {type(raw).__name__}); start it with 'files:'"])
    return checked(raw, str(path))


def checked(raw: Mapping[str, Any], name: str = "mapping") -> ImportMapping:
    """A mapping that is given as one; `name` is what an error calls it."""
    try:
        return ImportMapping.model_validate(raw)
    except ValidationError as error:
        # A list is counted over its valid entries: where one is given, what is wrong with it is said already.
        all_errors = error.errors(include_url=False)
        told = [one for one in all_errors if one["type"] != "too_short" or not one["input"]]
        raise MappingError(name, [_problem(dict(one)) for one in told]) from error


_WORDS = (("Value error, ", ""), ("Input should", "should"), ("Input", "value"), ("tuple", "list"))
_MODELS: tuple[type[BaseModel], ...] = (ImportMapping, Files, Series, Curtailed)


def _problem(error: Mapping[str, Any]) -> str:
    """One of pydantic's errors as place, what was found and what would be accepted."""
    shapes = ("str", "float", "constrained-str", "tuple[constrained-str, ...]")  # branches of a choice of shapes
    parts = [part for part in error["loc"] if part not in shapes and not str(part).startswith("tuple[")]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".") or "file"
    kind, found = error["type"], error.get("input")
    if kind == "missing":
        return f"{path}: is missing{_described(parts)}"
    if kind == "extra_forbidden":
        return f"{path}: is not a known field; known are {', '.join(_owner(parts).model_fields)}"
    text = error["msg"]
    for theirs, ours in _WORDS:
        text = text.replace(theirs, ours)
    return f"{path}: {text}" if kind == "value_error" else f"{path}: {text} (found {found!r:.60}){_described(parts)}"


def _owner(parts: Sequence[int | str]) -> type[BaseModel]:
    depth = {"files": 1, "series": 2, "curtailed": 3}
    return _MODELS[max([0, *(depth.get(part, 0) for part in parts[:-1] if isinstance(part, str))])]


def _described(parts: Sequence[int | str]) -> str:
    field = _owner(parts).model_fields.get(str(parts[-1])) if parts else None
    return f"; {field.description}" if field is not None and field.description else ""


def schema() -> dict[str, Any]:
    """JSON schema of a mapping file, for editors."""
    return ImportMapping.model_json_schema()
