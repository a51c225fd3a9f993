"""everai."""
