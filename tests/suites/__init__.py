"""The test suites of Flask, Quart and extensions, run with DualApp in the place of the framework's class."""
