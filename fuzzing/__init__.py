"""Fuzzing: programs that nobody wrote, and what has to hold of a run on each.

``python -m fuzzing --examples 1000000`` is the long run; ``tests/robustness/test_fuzzing.py`` is the short one of the tests.
"""
