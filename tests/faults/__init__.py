"""Comments under faults: real processes, a real stand-in for Akismet, a table of results."""

# The name under which a test's row travels to the process that prints the table.
PROPERTY = "comments under a fault"
