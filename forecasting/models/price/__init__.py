"""Day-ahead prices: what is known of a market as local days, members that learn from it, and their average."""
