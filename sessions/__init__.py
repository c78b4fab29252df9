"""The exams that run now."""
