"""From a compiled problem to HiGHS and back, in this process or in one of its own; no physics."""
