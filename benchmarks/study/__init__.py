"""Studies: cases × methods × days × seeds, run once, kept and set side by side."""
