"""Talks to SmartConnect: client, export jobs, downloads. The only package that imports httpx."""
