"""The founding document's claims, answered for the reference parks: every figure with its metric and its baseline."""
