"""A virtual top node of OpenADR 3.1: programs, events, reports, VENs, resources and subscriptions of a tenant.

``shapes`` what goes in and out · ``timing`` when the intervals of an event or report are · ``sight`` who sees what ·
``telling`` who is told of a change · ``delivered`` reports as measurements · ``published`` awards and set-points as
events · the rest the routes. The standard is that of the OpenADR Alliance, version 3.1.0 (2025-08-07).
"""
