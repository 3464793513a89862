"""What the tests of crashes, full disks and lost power share."""
