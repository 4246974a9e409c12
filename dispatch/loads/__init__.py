"""What flexible loads and vehicles share: windows of time, work moved, sessions, fleets shared out."""
