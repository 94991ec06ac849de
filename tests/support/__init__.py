"""What the tests stand on: one module for each of their tools, and its test beside it."""
