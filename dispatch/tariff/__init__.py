"""Tariffs and contracts as data: compiled once for a horizon, read by objective and bill alike.

``calendar`` when a line applies · ``components`` the lines · ``carried`` what is known outside the horizon · ``terms``
prices and periods on a horizon · ``tariff`` the whole · ``model`` what it adds to a problem · ``bill`` the bill of
metered powers · ``contracts`` green power, limits and demand response beside the tariff.
"""

from __future__ import annotations

from dispatch.tariff.calendar import Calendar
from dispatch.tariff.carried import Carried
from dispatch.tariff.charges import Line
from dispatch.tariff.components import Component
from dispatch.tariff.tariff import Tariff, Terms

__all__ = ["Calendar", "Carried", "Component", "Line", "Tariff", "Terms"]
