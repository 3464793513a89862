"""Speed and memory against what a user would write instead, as ratios of one run."""
