"""Whether a run keeps what policies/slo.yaml promises. Pure but for `levels`, which reads that file."""
