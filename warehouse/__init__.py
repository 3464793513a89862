"""Lake, DuckDB, snapshots, ledger and releases. The only package that imports duckdb."""
