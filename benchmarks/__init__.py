"""How fast the rendered suites are, as ratios: `uv run python -m benchmarks`."""
