"""What a finished schedule amounts to: products, origin by the hour, heat cascade, survival, sums of carbon."""
