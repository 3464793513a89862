"""Secrets and invented persons that must not be found, and the search for them in all bytes."""
