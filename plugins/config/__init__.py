"""From YAML files to one checked set of policies, with the line of every problem."""
