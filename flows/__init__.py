"""Prefect flows and their command line: the only package that imports prefect.

It is also the only one that reads the environment. `nightly`, `backfill` and `users` are the flows,
one a file; `stages` holds the tasks, the only place where `extract`, `transform` and `warehouse`
meet; `pipeline` runs them for many days at once.
"""
