"""What ran in a past period, from meters: their names, balances and units, and the account made of them."""
