"""The table of faults: what breaks a server of exams, made on real parts, and what was lost by it."""
