"""Models: their columns, and the factories that make their rows."""
