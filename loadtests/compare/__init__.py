"""Two runs beside each other: whether they may be compared, and what differs beyond the noise. Pure."""
