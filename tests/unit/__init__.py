"""One module of dualapp at a time, and the benchmarks."""
