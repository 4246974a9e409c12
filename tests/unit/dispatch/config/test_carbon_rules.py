"""The rule pack: its numbers, the days they are for, and that no number of it lives anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatch.assets.direct_line import DirectLine, supply_share_of_rule
from dispatch.config import carbon_rules
from dispatch.config.carbon_rules import Rule, grid_factors, read, rules
from dispatch.config.park import CONFIGS, load_site, shipped_names
from dispatch.emissions.coal_equivalent import KGCE_PER_KWH
from dispatch.errors import ConfigError, DataError
from dispatch.fields.series import Factor
from dispatch.presentation.findings import findings
from dispatch.signals import Horizon
from tests.parks import given, grid, hours, load, park
from tests.unit.dispatch.planned import planned
from tests.unit.dispatch.small_park import park as small_park
from tests.unit.dispatch.small_park import write
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # a fixture

PUBLISHED = {
    2021: {"national": 0.5568},
    2022: {"national": 0.5366, "residual": 0.5856, "fossil": 0.8325, "north": 0.6776, "northeast": 0.5564,
           "east": 0.5617, "central": 0.5395, "northwest": 0.5857, "south": 0.3869, "southwest": 0.2268,
           "hebei": 0.7252, "shanxi": 0.7096, "tianjin": 0.7041, "inner_mongolia": 0.6849, "anhui": 0.6782,
           "fujian": 0.4092, "guangxi": 0.4044, "qinghai": 0.1567, "sichuan": 0.1404, "yunnan": 0.1073},
    2023: {"national": 0.5306, "residual": 0.6096, "fossil": 0.8273, "north": 0.6361, "northeast": 0.5122,
           "east": 0.55, "central": 0.5271, "northwest": 0.5543},
}  # fmt: skip


def test_the_factors_are_those_published_and_checked_ones_are_marked_so() -> None:
    for year, factors in PUBLISHED.items():
        for region, value in factors.items():
            factor = grid_factors()[f"cn_{region}_{year}"]
            assert (factor.kg_per_kwh, factor.verified) == (value, True), factor
            assert factor.holds(date(year, 7, 1))
            assert factor.published is not None
            assert factor.published > date(year, 12, 31)
    assert not grid_factors()["cn_beijing_2022"].verified


def test_every_rule_has_a_source_and_days_and_no_two_of_one_name_share_a_day() -> None:
    for pack in carbon_rules.packs():
        found = read(pack)
        assert all(rule.source for rule in found)
        for rule in found:
            same = [other for other in found if other.name == rule.name and other.holds(rule.valid_from)]
            assert same == [rule]


def test_a_rule_is_that_of_the_day() -> None:
    last_day = date(2029, 12, 31)
    assert rules("direct_line", on=last_day).supply_share_min == 0.30
    assert rules("direct_line", on=last_day + timedelta(days=1)).supply_share_min == 0.35
    assert rules("ets_price", on=date(2024, 5, 1)).high_per_t == 106
    assert rules("ets_price", on=date(2025, 5, 1)).mean_per_t == 62.36
    assert rules("ccer_price", on=date(2025, 5, 1)).mean_per_t == 70.76
    assert rules("green_certificate_price", on=date(2024, 5, 1)).low_per_mwh == 0.15
    assert rules("green_certificate_price", on=date(2025, 8, 9)).mean_per_mwh == 5.66
    assert rules("offsets", on=date(2025, 5, 1)).share_of_obligation_max == 0.05


def test_a_day_without_a_rule_is_refused_with_what_there_is() -> None:
    with pytest.raises(DataError, match=r"'grid_factor_north' is for 2025-03-01; there is .*2023-01-01 to 2023-12-31"):
        rules("grid_factor_north", on=date(2025, 3, 1))
    with pytest.raises(
        DataError, match="'direct_line' is for 2024-01-01; there is 2025-05-21 to 2029-12-31, from 2030"
    ):
        rules("direct_line", on=date(2024, 1, 1))
    with pytest.raises(DataError, match="there is no 'direct_lime'; did you mean 'direct_line'"):
        rules("direct_lime", on=date(2026, 1, 1))
    with pytest.raises(ConfigError, match=r"none of 'eu'\. Accepted: one of cn"):
        rules("direct_line", on=date(2026, 1, 1), pack="eu")


def test_a_zero_carbon_park_by_its_size() -> None:
    rule = rules("zero_carbon_park", on=date(2026, 1, 1))
    assert rule.clean_share_min == 0.9
    assert (rule.least_use_tce, rule.t_per_tce_max) == (2e5, 0.2)
    assert (rule.large_from_tce, rule.large_t_per_tce_max) == (1e6, 0.3)


def test_coal_equivalents_are_heating_values_over_that_of_standard_coal() -> None:
    rule = rules("coal_equivalent", on=date(2026, 1, 1))
    for name, carrier in rule.carriers.items():
        assert carrier.kgce == pytest.approx(carrier.kj / rule.kj_per_kgce, rel=6e-4), name
    assert rule.carriers["electricity"].kgce == KGCE_PER_KWH["electricity"]


def test_what_a_direct_line_asks_by_default_is_the_rule_of_today() -> None:
    fields = DirectLine.model_fields
    for year in (2026, 2029, 2030):
        rule = rules("direct_line", on=date(year, 1, 1))
        assert fields["own_use_share_min"].default == rule.own_use_share_min
        assert fields["export_share_max"].default == rule.export_share_max
        assert supply_share_of_rule(hours(1, f"{year}-01-01T00:00")) == rule.supply_share_min


def tariffs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in shipped_names("tariffs"):
        yield name, yaml.safe_load((CONFIGS / "tariffs" / f"{name}.yaml").read_text("utf-8"))


def test_rebates_of_the_tariffs_that_ship_are_those_of_the_rule() -> None:
    rule = rules("two_part_tariff", on=date(2024, 1, 1))
    assert rule.mandatory_from_kva == 315
    rebates = [c["rebate"] for _, made in tariffs() for c in made["components"] if "rebate" in c]
    assert rebates
    for rebate in rebates:
        assert rebate == {"kwh_per_kva_month": rule.rebate_kwh_per_kva_month, "factor": rule.rebate_factor}


@pytest.mark.parametrize(
    ("tariff", "name"), [("guangdong_tou_two_part", "guangdong"), ("shanxi_tou_capacity", "shanxi")]
)
def test_prices_of_the_tariffs_that_ship_keep_the_ratios_of_the_rule(tariff: str, name: str) -> None:
    components = {c["name"]: c for c in dict(tariffs())[tariff]["components"]}
    rule: Any = rules(f"tou_ratios_{name}", on=date(2024, 1, 1))
    flat = components["flat"]["price_per_kwh"]
    assert components["peak"]["price_per_kwh"] == pytest.approx(rule.peak * flat)
    assert components["valley"]["price_per_kwh"] == pytest.approx(rule.valley * flat)
    sharp = next(c for label, c in components.items() if label.startswith("sharp"))
    assert sharp["price_per_kwh"] == pytest.approx(rule.sharp_above_peak * rule.peak * flat)
    if rule.peak_hours:
        assert tuple(components["peak"]["calendar"]["hours"]) == rule.peak_hours
        assert tuple(components["valley"]["calendar"]["hours"]) == rule.valley_hours


def test_prices_of_demand_and_capacity_that_ship_lie_in_the_range_of_the_rule() -> None:
    rule = rules("demand_prices", on=date(2024, 1, 1))
    components = dict(tariffs())
    demand = [c for c in components["guangdong_tou_two_part"]["components"] if c["basis"] == "demand"]
    capacity = [c for c in components["shanxi_tou_capacity"]["components"] if c["basis"] == "capacity"]
    price = demand[0]["price_per_kw_month"]
    assert rule.demand_price_per_kw_month_low <= price <= rule.demand_price_per_kw_month_high
    price = capacity[0]["price_per_kva_month"]
    assert rule.capacity_price_per_kva_month_low <= price <= rule.capacity_price_per_kva_month_high


def test_a_pack_that_contradicts_itself_or_is_not_understood_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "carbon").mkdir()
    monkeypatch.setattr(carbon_rules, "CONFIGS", tmp_path)
    once = {"kind": "offsets", "name": "offsets", "source": "s", "share_of_obligation_max": 0.05}
    own = tmp_path / "carbon" / "xx.yaml"
    for content, says in (
        (
            [once | {"valid_from": "2020-01-01"}, once | {"valid_from": "2021-01-01"}],
            "two rules 'offsets' hold on 2021",
        ),
        ([once | {"valid_from": "2020-01-01", "kind": "offset"}], "are not understood: 'offset'"),
        ([once], "valid_from"),
        ([once | {"valid_from": "2020-01-01", "share_of_obligation_max": 5}], "share_of_obligation_max"),
    ):
        own.write_text(yaml.safe_dump({"name": "xx", "rules": content}), encoding="utf-8")
        read.cache_clear()
        with pytest.raises(ConfigError, match=says):
            read("xx")
    read.cache_clear()


# --------------------------------------------------------------------------------------------------------- the command


def test_the_pack_is_printed_with_its_sources(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ended = run("rules", "--on", "2023-07-01")
    assert ended.status == 0, ended.err
    lines = ended.out.splitlines()
    (north,) = [line for line in lines if "cn_north_2023" in line]
    assert "2023-01-01 to 2023-12-31" in north
    assert "0.6361 kg/kWh" in north
    assert "announcement 2025 No. 47" in north
    assert "cn_guangdong_2023 †" in ended.out
    assert "rebate kwh per kva month: 260" in ended.out
    assert "direct_line" not in ended.out
    assert "cn_north_2022" in run("rules").out
    assert (
        "No factor of the grid describes 2026-01-05; the newest are of 2023" in run("rules", "--on", "2026-01-05").out
    )


def test_a_day_that_is_none_is_refused(run: Run) -> None:
    refused(run("rules", "--on", "tomorrow"), "--on 'tomorrow' is not a date", "2025-10-14")
    refused(run("rules", "--on", "1990-01-01"), "no rule of 'cn' is for that day; the first is from 2020-01-01")
    refused(run("rules", "--pack", "eu"), "none of 'eu'", "one of cn")


# ---------------------------------------------------------------------------------------------------------- park files


def connection(**fields: Any) -> dict[str, Any]:
    content = small_park()
    content["assets"][2] |= fields
    return content


def test_a_factor_is_used_by_name_with_its_days(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, connection(carbon_intensity_kg_per_kwh="cn_yunnan_2022")))
    (pcc,) = (a for a in site.assets if a.name == "pcc")
    factor: Any = getattr(pcc, "carbon_intensity_kg_per_kwh")  # noqa: B009 - of an asset of any kind
    assert isinstance(factor, Factor)
    assert (factor.kg_per_kwh, factor.entry, factor.valid_to) == (0.1073, "cn_yunnan_2022", date(2022, 12, 31))
    day = Horizon.local_day(date(2022, 5, 5), "Europe/Berlin", 60)
    assert (site.known_series(day)["pcc", "carbon_intensity_kg_per_kwh"] == 0.1073).all()


def test_the_residual_factor_of_claims_is_named_likewise(tmp_path: Path) -> None:
    """It ships for this very place: what nothing covers where certificates are sold apart."""
    named = load_site(write(tmp_path, small_park() | {"claims": {"residual_kg_per_kwh": "cn_residual_2023"}}))
    factor: Any = named.claims.residual_kg_per_kwh
    assert (factor.kg_per_kwh, factor.entry, factor.valid_to) == (0.6096, "cn_residual_2023", date(2023, 12, 31))
    stated = load_site(write(tmp_path, small_park() | {"claims": {"residual_kg_per_kwh": "700 g/kWh"}}))
    assert stated.claims.residual_kg_per_kwh == pytest.approx(0.7)
    with pytest.raises(ConfigError, match=r"claims.residual_kg_per_kwh .line.*did you mean 'cn_residual_2023'"):
        load_site(write(tmp_path, small_park() | {"claims": {"residual_kg_per_kwh": "cn_resdual_2023"}}))
    with pytest.raises(ConfigError, match=r"claims.residual_kg_per_kwh .line.*'feed'"):
        load_site(write(tmp_path, small_park() | {"claims": {"residual_kg_per_kwh": "feed"}}))


def test_a_name_that_is_none_is_refused_with_the_names(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"carbon_intensity_kg_per_kwh.*no 'cn_nort_2023'.*did you mean 'cn_north_2023'"
    ):
        load_site(write(tmp_path, connection(carbon_intensity_kg_per_kwh="cn_nort_2023")))
    with pytest.raises(
        ConfigError, match=r"marginal_intensity_kg_per_kwh.*'cn_north_2023' is what a kWh has on average"
    ):
        load_site(write(tmp_path, connection(marginal_intensity_kg_per_kwh="cn_north_2023")))
    fossil = load_site(write(tmp_path, connection(marginal_intensity_kg_per_kwh="cn_fossil_2023")))
    day = Horizon.local_day(date(2023, 5, 5), "Europe/Berlin", 60)
    assert (fossil.known_series(day)["pcc", "marginal_intensity_kg_per_kwh"] == 0.8273).all()


def test_a_factor_of_ones_own_file_keeps_its_source(tmp_path: Path) -> None:
    own = tmp_path / "supplier.yaml"
    own.write_text("carbon_intensity_kg_per_kwh: 320 g/kWh\nsource: supplier, 2024\nvalid_to: 2024-12-31\n")
    site = load_site(write(tmp_path, connection(carbon_intensity_kg_per_kwh="supplier.yaml")))
    made: Any = site.assets[-1]
    factor = made.carbon_intensity_kg_per_kwh
    assert (factor.kg_per_kwh, factor.source, factor.valid_to) == (0.32, "supplier, 2024", date(2024, 12, 31))
    own.write_text("carbon_intensity_kg_per_kwh: 0.3\n")
    made = load_site(tmp_path).assets[-1]
    assert made.carbon_intensity_kg_per_kwh == 0.3
    own.write_text("carbon_intensity_kg_per_kwh: -1\nsource: supplier\n")
    with pytest.raises(ConfigError, match=r"in supplier.yaml \(line 1\).*too small"):
        load_site(tmp_path)


def told(entry: str, day: date, *, residual: bool = False) -> list[tuple[str, str]]:
    known = grid_factors()[entry]
    factor = {name: getattr(known, name) for name in ("kg_per_kwh", "source", "valid_from", "valid_to", "verified")}
    named = factor | {"entry": entry, "region": f"cn_{known.region}"}
    average, claims = (0.5, {"residual_kg_per_kwh": named}) if residual else (named, {})
    site = park(load(), grid(carbon_intensity_kg_per_kwh=average), claims=claims)
    inputs = given(site, Horizon.local_day(day, "UTC", 360), {("load", "demand_kw"): 1.0})
    return [(f.severity, f.text) for f in findings(planned(site, inputs)) if entry in f.text]


def test_a_factor_of_its_own_year_is_not_spoken_of() -> None:
    assert told("cn_north_2022", date(2022, 12, 31)) == []


def test_a_factor_of_another_year_is_told_and_the_better_one_is_named() -> None:
    (found,) = told("cn_north_2022", date(2023, 3, 1))
    assert found[0] == "warning"
    assert found[1] == (
        "pcc: cn_north_2022 (0.6776 kg/kWh) describes 2022-01-01 to 2022-12-31, this plan is of 2023-03-01; "
        "cn_north_2023 is of that time (0.6361 kg/kWh)"
    )
    ((severity, text),) = told("cn_north_2022", date(2026, 3, 1))
    assert severity == "warning"
    assert text.endswith("cn_north_2023 is newer (0.6361 kg/kWh)")
    ((severity, text),) = told("cn_north_2023", date(2026, 3, 1))
    assert (severity, text.rpartition("; ")[2]) == ("info", "the library has none of this grid that is nearer")


def test_the_residual_factor_has_its_year_too() -> None:
    assert told("cn_residual_2022", date(2022, 3, 1), residual=True) == []
    ((severity, text),) = told("cn_residual_2022", date(2023, 3, 1), residual=True)
    assert severity == "warning"
    assert text.startswith("claims: cn_residual_2022 (0.5856 kg/kWh) describes 2022-01-01 to 2022-12-31")
    assert text.endswith("cn_residual_2023 is of that time (0.6096 kg/kWh)")


def test_a_factor_that_nobody_checked_is_told() -> None:
    found = told("cn_beijing_2022", date(2022, 3, 1))
    assert [severity for severity, _ in found] == ["info"]
    assert "cn_beijing_2022 (0.558 kg/kWh): not verified (the same announcement" in found[0][1]


def test_a_rule_says_its_figures_in_words() -> None:
    rule: Rule = rules("zero_carbon_park", on=date(2026, 1, 1))
    assert dict(rule.figures())["large_from_tce"] == "1,000,000"
    assert rule.span == "from 2025-06-30"
