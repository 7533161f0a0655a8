"""The rules: one module each, whose docstring is the rule's documentation."""
