"""Reports: one module for each form that a result is written in. They know nothing but the result."""
