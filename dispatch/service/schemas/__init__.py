"""What goes in and out, as models."""
