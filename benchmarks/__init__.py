"""How fast session-lint is beside what else one could run: `python -m benchmarks --help`. Not part of the wheel."""
