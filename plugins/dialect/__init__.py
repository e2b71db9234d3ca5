"""What a provider accepts and how it says no. A quirk is a function here, and nothing elsewhere."""
