"""Load on a gateway and what it did to the answers. Nothing here imports the gateway: it is measured from outside."""
