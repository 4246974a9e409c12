"""What a kWh in store becomes where nothing is imported: prices passed back by hand through ammonia and methanol."""

from __future__ import annotations

import pytest

from dispatch.asset import Inputs
from dispatch.assets.haber_bosch import HaberBosch
from dispatch.config.park import load_site
from dispatch.planning.comparison import store_values
from dispatch.planning.stored_value import by_bus
from dispatch.site import Site
from tests.parks import given, hours, load, park
from tests.unit.dispatch.assets.hydrogen_parks import cell, sale
from tests.unit.dispatch.assets.hydrogen_parks import site as hydrogen_park

NH3, MEOH, H2 = 5.17, 5.53, 33.33


@pytest.fixture(scope="module")
def chifeng() -> tuple[Site, Inputs]:
    site = load_site("chifeng")
    return site, given(site, hours(24, zone="Asia/Shanghai"), {})


def test_a_tank_holds_what_its_product_is_sold_for(chifeng: tuple[Site, Inputs]) -> None:
    found = store_values(*chifeng)
    assert found["ammonia_tank"] == pytest.approx(3500 / 1000 / NH3, rel=1e-3)
    assert found["methanol_tank"] == pytest.approx(5000 / 1000 / MEOH, rel=1e-3)


def test_hydrogen_is_worth_what_the_use_that_earns_least_makes_of_it_less_its_electricity(
    chifeng: tuple[Site, Inputs],
) -> None:
    """Methanol earns more and is served first: a kWh more becomes ammonia."""
    found, (site, inputs) = by_bus(*chifeng), chifeng
    plant = next(a for a in site.assets if isinstance(a, HaberBosch))
    per_kwh = plant.per_input(inputs.horizon)
    value = found["nh3"] * float(per_kwh["ammonia"]) - found["mv"] * float(per_kwh["electricity"])
    assert found["h2_15bar"] == pytest.approx(value, rel=1e-6)
    assert found["h2_250bar"] == pytest.approx(found["h2_15bar"]), "a valve leads back"
    assert found["mv"] == pytest.approx(found["h2_15bar"] * 0.585, rel=0.05), "17.5 kg/MWh at the rating"
    assert store_values(site, inputs)["battery"] < found["mv"], "less what is lost on the way out"


def test_synthesis_earns_no_less_than_hydrogen_kept(chifeng: tuple[Site, Inputs]) -> None:
    """Else a plan would fill the tank and let the plant idle."""
    found, (site, inputs) = by_bus(*chifeng), chifeng
    plant = next(a for a in site.assets if isinstance(a, HaberBosch))
    flows = plant.per_input(inputs.horizon)
    earned = found["nh3"] * float(flows["ammonia"]) - found["mv"] * float(flows["electricity"])
    assert earned >= found["h2_15bar"] - 1e-9


def test_what_no_price_reaches_is_worth_nothing_and_a_process_at_a_loss_makes_nothing_worth_less() -> None:
    bare = hydrogen_park(cell(), sale(), load())
    assert by_bus(bare, given(bare, hours(4), {})) == pytest.approx({"h2": 0.0})
    paid = hydrogen_park(cell(), sale(price_per_t=2000), load())
    found = by_bus(paid, given(paid, hours(4), {}))
    assert found["h2"] == pytest.approx(2 / H2)
    assert found["main"] < found["h2"]
    none = park(load())
    assert by_bus(none, given(none, hours(4), {})) == {}
