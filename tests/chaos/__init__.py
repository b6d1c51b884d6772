"""Jobs run while workers, Redis and the network between them are killed, stopped and started again at random.

`make chaos` runs 10,000 of them; a small run is part of `make test` (tests/engine/test_faults.py).
"""
