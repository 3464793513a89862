"""Damaged export files by the thousand, and a judge who knows the truth. Development only."""
