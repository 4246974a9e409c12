"""A config that a hurried person wrote: five mistakes of five sorts."""

from __future__ import annotations

from pathlib import Path

CONFIG = """\
name: hurried
time_zone: Asia/Beijing
currency: CNY
latitude_deg: 39.8
longitude_deg: 116.5
buses:
  - {name: mv, carrier: electricity}
assets:
  - {kind: pv, name: roof, bus: mw, peak_kw: 1300, tilt_deg: 20, azimuth_deg: 180}
  - {kind: batery, name: li, bus: mv, charge_kw: 1000, discharge_kw: 1000, energy_kwh: 2000}
  - {kind: wind, name: wind_1, bus: mv, rated_kw: 2400, count: two}
  - {kind: battery, name: li_2, bus: mv, charge_kw: 1000, discharge_kw: 1000, energy_kwh: 2000, colour: green}
"""

# Where a person has to look, as the messages name it.
PLACES = ("time_zone", "assets[0].bus", "assets[1].kind", "assets[2].count", "assets[3].colour")


def write(folder: Path) -> Path:
    path = folder / "hurried.yaml"
    path.write_text(CONFIG, "utf-8")
    return path
