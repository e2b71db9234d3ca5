"""What is counted of a run and how sure one may be of it: figures, percentiles, chances, resampling. Pure."""
