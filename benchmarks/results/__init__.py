"""Every row of every topic on one page, measured as far as the time allows and read from manifests beyond."""
