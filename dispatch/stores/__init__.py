"""What stores of every kind share: the stock equation, bands, limits, reserve, wear, and what is there in an outage."""
