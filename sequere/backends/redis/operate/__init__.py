"""What an operator does with a graph in Redis: audit, statistics, permissions, the scripts themselves."""
