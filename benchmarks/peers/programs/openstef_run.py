"""Rolling day-ahead forecasts by OpenSTEF 3, in its own environment: `openstef_run.py JOB.json`.

The job names a table (CSV, index UTC, `load` and all stored columns, in the units of its documentation), the model,
its quantiles, and for each issue the first and last step wanted and whether to train anew before it. At each issue the
load after it is taken away; all else is left as stored, as its own pipeline expects. It uses OpenSTEF's pipelines as
they are published, its default training horizons, features and settings.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import pandas as pd


def main(job_file: str) -> None:
    """Write the quantiles of all wanted steps to the job's `out` (CSV)."""
    import logging

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # those of a program that is not ours
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    table = pd.read_csv(job["table"], index_col=0, parse_dates=True)
    parts, trained = [], None
    for issue in job["issues"]:
        now = pd.Timestamp(issue["at"])
        known = table.copy()
        known.loc[known.index >= now, "load"] = float("nan")
        if issue["train"] or trained is None:
            trained = _trained(job, known[known.index < now])
        parts.append(_forecast(job, known[known.index < pd.Timestamp(issue["last"])], trained, issue))
    pd.concat(parts).to_csv(job["out"])


def _prediction_job(job: dict[str, Any]) -> Any:
    from openstef.data_classes.prediction_job import PredictionJobDataClass

    return PredictionJobDataClass(
        id=1,
        name="feeder",
        model=job["model"],
        forecast_type="demand",
        horizon_minutes=2880,
        resolution_minutes=15,
        quantiles=job["quantiles"],
        lat=job["latitude_deg"],
        lon=job["longitude_deg"],
    )


def _trained(job: dict[str, Any], past: pd.DataFrame) -> tuple[Any, Any]:
    from openstef.data_classes.model_specifications import ModelSpecificationDataClass
    from openstef.pipeline.train_model import train_model_pipeline_core

    model, _, specs, _ = train_model_pipeline_core(
        _prediction_job(job), ModelSpecificationDataClass(id=1), past, ignore_existing_models=True
    )
    model.path = ""  # its store of models would set it
    return model, specs


def _forecast(
    job: dict[str, Any], known: pd.DataFrame, trained: tuple[Any, Any], issue: dict[str, Any]
) -> pd.DataFrame:
    from openstef.pipeline.create_forecast import create_forecast_pipeline_core

    found = create_forecast_pipeline_core(_prediction_job(job), known, *trained)
    wanted = (found.index >= pd.Timestamp(issue["first"])) & (found.index < pd.Timestamp(issue["last"]))
    columns = [f"quantile_P{round(100 * level):02d}" for level in job["quantiles"]]
    return found.loc[wanted, columns]


if __name__ == "__main__":
    main(sys.argv[1])
