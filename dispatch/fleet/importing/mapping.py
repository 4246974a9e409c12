"""What the columns of a list of stations hold: the mapping file of an import, as written in YAML.

The words are those of `parkwatt archive import`. Every field is described where it stands below, and in
`parkwatt fleet mapping --schema`; EXAMPLE shows the usual ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from dispatch.config.documents import Document, read_document
from dispatch.config.mistakes import near_miss, shown
from dispatch.errors import ConfigError, Problem
from dispatch.fields.frozen import Finite, Frozen

EXAMPLE = """\
# What the columns of your list of stations hold; 'parkwatt fleet mapping --schema' describes every field.
site_column: 场站编号                # letters, digits, '_' and '-'; every station its own
park_column: 类型                    # which park each station is like; without it the one of --template
parks: {光储: works.yaml, 楼宇: dc_building}   # files beside this one, or names of parks that ship
missing: [-999, 无]                  # cells that stand for missing
leave_out:
  - {column: 状态, values: [退役]}   # rows that are no stations to plan
fields:                              # an empty cell: as in the park
  - {column: 名称, field: title}
  - {column: 纬度, field: latitude_deg}
  - {column: 经度, field: longitude_deg}
  - {column: 装机容量(MW), field: roof.peak_kw, unit: MW, required: true}
  - {column: 储能容量, field: battery.energy_kwh, unit: MWh, least: 50, most: 20000}
labels:                              # kept beside the site, for shared limits, shares and groups
  - {column: 馈线, label: feeder}
  - {column: 业主, label: owner}
  - {column: 权益比例, label: equity, unit: "%"}
"""

Name = Annotated[str, Field(min_length=1)]
Cell = float | str


class _Strict(Frozen):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class MappedField(_Strict):
    """A column that holds a field of the park or of one of its assets."""

    column: Name
    field: Name = Field(description="as asset.field, such as roof.peak_kw; or title, latitude_deg, longitude_deg")
    unit: str | None = Field(default=None, description="unit in the file; default: the one the field's name ends in")
    scale: Annotated[float, Field(allow_inf_nan=False)] = Field(default=1.0, description="multiplied with, beside unit")
    required: bool = Field(default=False, description="an empty cell is a mistake; default: it is as in the park")
    least: Finite | None = Field(default=None, description="what is below is a mistake; in the field's own unit")
    most: Finite | None = Field(default=None, description="what is above is a mistake; in the field's own unit")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.scale == 0:
            raise ValueError("scale 0 would make every value 0; give another factor")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError(f"least {self.least:g} is above most {self.most:g}; exchange them")
        return self


class MappedLabel(_Strict):
    """A column that is kept beside the site."""

    column: Name
    label: Annotated[str, Field(pattern=r"^[^\s.]+$")] = Field(description="its name; without spaces and dots")
    unit: Literal["%", "1"] | None = Field(default=None, description="makes it a number; %: divided by a hundred")
    kind: Literal["text", "number"] = "text"
    required: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers."""
        return self.kind == "number" or self.unit is not None


class LeftOut(_Strict):
    """Rows that are left out, and counted."""

    column: Name
    values: tuple[Cell, ...] = Field(min_length=1)


class StationMapping(_Strict):
    """What the columns of a list of stations hold."""

    site_column: Name
    sites: Mapping[str, Name] = Field(default={}, description="stations as the file calls them: as the fleet does")
    park_column: Name | None = Field(default=None, description="which park each station is like")
    parks: Mapping[str, Name] = Field(default={}, description="parks as the file calls them: as they are found")
    fields: tuple[MappedField, ...] = ()
    labels: tuple[MappedLabel, ...] = ()
    missing: tuple[Cell, ...] = Field(default=(), description="cells that stand for missing, such as -999")
    leave_out: tuple[LeftOut, ...] = ()
    repeated: Literal["refuse", "first", "last"] = Field(
        default="refuse", description="which of two rows counts that say different things about one station"
    )
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] = "."
    skip_rows: Annotated[int, Field(ge=0)] = Field(default=0, description="lines before the header")
    sheet: Name | None = Field(default=None, description="of a workbook; default: the first")
    encoding: Name | None = Field(default=None, description="default: utf-8, gb18030 or latin-1, whichever it must be")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for what, names in (("field", [f.field for f in self.fields]), ("label", [one.label for one in self.labels])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"{what} '{twice[0]}' is mapped twice; give it one column")
        if self.parks and self.park_column is None:
            raise ValueError("parks says what is in park_column; give that too")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are named."""
        named = [self.site_column, self.park_column, *(one.column for one in self.leave_out)]
        named += [*(one.column for one in self.fields), *(one.column for one in self.labels)]
        return tuple(dict.fromkeys(name for name in named if name))


def read_mapping(path: Path) -> StationMapping:
    """A mapping file.

    Raises:
        ConfigError: all that is wrong with it, each with its place and line.
    """
    document = read_document(path, str(path))
    says = "is written twice in one mapping"
    repeated = [Problem(place, says, "one of the two", line) for place, line in document.repeated]
    try:
        mapping = StationMapping.model_validate(document.raw)
    except ValidationError as error:
        # A list is counted over its valid entries: where one is given, what is wrong with it is said already.
        told = [e for e in error.errors(include_url=False) if e["type"] != "too_short" or not e["input"]]
        raise ConfigError(str(path), [*repeated, *(_problem(dict(e), document) for e in told)]) from None
    if repeated:
        raise ConfigError(str(path), repeated)
    return mapping


_OWNERS: dict[str, type[_Strict]] = {"fields": MappedField, "labels": MappedLabel, "leave_out": LeftOut}


def _problem(error: Mapping[str, Any], document: Document) -> Problem:
    """One of pydantic's errors as place, what was found and what would be accepted."""
    parts = [part for part in error["loc"] if part not in ("str", "float")]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".") or "file"
    owner = _OWNERS.get(str(parts[0]), StationMapping) if len(parts) > 1 else StationMapping
    name, line = str(parts[-1]) if parts else "", document.line(path)
    field = owner.model_fields.get(name)
    accepted = (field.description or "") if field is not None else ""
    if error["type"] == "missing":
        return Problem(path, "is missing", accepted, line)
    if error["type"] == "extra_forbidden":
        return Problem(path, "is not a known field", near_miss(name, list(owner.model_fields)), line)
    text = error["msg"].replace("Value error, ", "").replace("Input should", "should").replace("Input", "value")
    found = "" if error["type"] == "value_error" else f" (found {shown(error.get('input'))})"
    return Problem(path, text.replace("tuple", "list") + found, accepted, line)


def schema() -> dict[str, Any]:
    """JSON schema of a mapping file, for editors."""
    return StationMapping.model_json_schema()
