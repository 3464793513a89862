"""The published figures in a browser: a small server over the current release, no cloud."""
