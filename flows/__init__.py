"""Prefect flows and their command line: the only package that imports prefect and reads the environment.

`nightly`, `backfill` and `users` are the flows, one a file. `stages` holds the tasks, the only place
where `extract`, `transform` and `warehouse` meet; `pipeline` runs them for many days at once.
"""
