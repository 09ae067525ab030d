"""Other programs that ours is measured against."""
