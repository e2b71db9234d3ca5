"""HTTP to providers: connections that live as long as the process."""
