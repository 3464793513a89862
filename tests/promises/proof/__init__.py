"""What is promised for each fault, which tests prove it, and which breakages those tests catch."""
