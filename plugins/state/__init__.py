"""What the replicas of a fleet know together: the facts that cross, and the stores that keep them."""
