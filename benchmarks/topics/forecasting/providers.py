"""Providers of weather, prices and carbon intensity: what each does when its service answers, errs or is silent."""

from __future__ import annotations

from benchmarks.cases.services.behaviours import BEHAVIOURS
from benchmarks.cases.services.probes import PROBES
from benchmarks.rows import CannotMeasure, Measured, row

INPUTS = (
    "benchmarks/cases/services",
    "benchmarks/topics/forecasting/providers.py",
    "forecasting/entsoe_platform.py",
    "forecasting/fetching.py",
    "forecasting/intensity",
    "forecasting/prices",
    "forecasting/replies.py",
    "forecasting/series_run.py",
    "forecasting/weather",
    "forecasting/weather_variables.py",
)


PAIRS = 187  # 11 providers, 17 behaviours: one fewer is a provider or a check that went missing


@row(
    "forecasting",
    name="provider behaviours that hold against a server that speaks the documented format",
    unit="",
    bar=f">= {PAIRS}",
    slow=True,
    inputs=INPUTS,
)
def provider_behaviours() -> Measured:
    """Pairs of provider and behaviour that hold, of all; where some do not, the row fails and names the first."""
    try:
        import entsoe  # noqa: F401 - without it its providers cannot be asked
    except ImportError:
        raise CannotMeasure("needs entsoe-py: pip install 'parkwatt[entsoe]'") from None
    failed = []
    for probe in PROBES:
        for behaviour in BEHAVIOURS:
            try:
                behaviour(probe)
            except AssertionError as error:
                failed.append(f"{probe.name}, {behaviour.__name__}: {error}")
    if failed:
        raise AssertionError(f"{len(failed)} do not hold; {'; '.join(failed[:3])}")
    return Measured(len(PROBES) * len(BEHAVIOURS), PAIRS)
