"""What is done to the product so that it breaks: bad solvers, broken checkers, kills, writes that were never synced."""
