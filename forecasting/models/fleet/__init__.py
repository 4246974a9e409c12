"""One model for many sites: everything that differs between sites is a column, so that all are answered at once."""
