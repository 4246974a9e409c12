"""Carbon intensity of electricity, hours to days ahead.

`model()` is the rhythm of days and weeks with what the generation mix was of late; where forecasts of weather
or of generation are in the archive under the target's weather sites it reads them, and observed weather never.
"""

from __future__ import annotations

from forecasting.learners.base import Learner
from forecasting.learners.boosted import Boosted
from forecasting.learners.conformal import Conformal
from forecasting.learners.empirical import Forest
from forecasting.learners.linear import Linear
from forecasting.learners.stack import Stack
from forecasting.models import recent
from forecasting.models.rhythm import Rhythm

MIX = ("generation_", "import_")
MEMORY_DAYS = 730


def learner() -> Learner:
    """Straight lines, boosted and empirical quantiles above the like days, weighed by their last blocks.

    On the winter of 2022/23 in Great Britain (trained before it) the mean pinball losses were 10.8, 11.4 and 11.9
    g/kWh in that order. Leaves are wide: with .7 days to a leaf instead of 5 boosting loses
    12.6, as its bands are far too narrow.
    """
    members = (
        Linear(base=recent.BASE, penalty=1e-2, half_life_blocks=365.0),
        Boosted(rounds=60, depth=3, leaf_blocks=5.0, base=recent.BASE),
        Forest(leaf_blocks=6.0, base=recent.BASE),
    )
    return Conformal(Stack(members, keep="empirical", blocks=90, folds=1), cells=(("lead_h", (12.0, 24.0)),), blocks=90)


def model() -> Rhythm:
    """The model of carbon intensity."""
    return Rhythm(learner(), MEMORY_DAYS, companions=MIX, name="carbon_intensity")
