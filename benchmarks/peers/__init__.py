"""Programs of others that run in environments of their own, started as processes with files in and out."""
