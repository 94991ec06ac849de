"""The differential fuzzer: random requests to random apps, in both colours, on both entries and in plain Flask.

`python -m tests.fuzz --requests 1000000` runs it; `test_fuzz.py` runs a part of it. `parts/` are what apps are made of,
`generator.py` makes an app and its requests of a seed, `comparison.py` compares the answers, `shrink.py` makes a
difference small, and `known.py` lists those that are meant.
"""
