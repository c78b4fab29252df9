"""The snippet: pages of other sites that start an exam and show that it is watched."""
