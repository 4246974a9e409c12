"""Terms of the objective that emissions bring: quota and steps of price, certificates, limits at meters."""
