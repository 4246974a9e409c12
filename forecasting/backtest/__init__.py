"""Forecasts made again for past issue times from what was known then, and scored with what came."""

from __future__ import annotations

from forecasting.backtest.results import Results
from forecasting.backtest.run import Backtest, Executor, InTurn, run
from forecasting.backtest.tasks import Task, daily, retrained

__all__ = ["Backtest", "Executor", "InTurn", "Results", "Task", "daily", "retrained", "run"]
