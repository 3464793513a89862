"""What is measured: each side is a program of its own, run in a fresh process."""
