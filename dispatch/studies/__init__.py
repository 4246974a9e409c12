"""Studies of a park over a long span, with their files and pages: hosting, absorption, backtests, fronts."""
