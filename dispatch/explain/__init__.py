"""Why a plan is as it is, why something cannot be, and what another decision would cost."""

from __future__ import annotations

from dispatch.explain.binding import Binding, Priced
from dispatch.explain.explanation import Explanation, Reason, explain_unmet, reason, reason_of, told_why, why_no_plan
from dispatch.explain.whatif import Deviation, deviations, what_if

__all__ = [
    "Binding",
    "Deviation",
    "Explanation",
    "Priced",
    "Reason",
    "deviations",
    "explain_unmet",
    "reason",
    "reason_of",
    "told_why",
    "what_if",
    "why_no_plan",
]
