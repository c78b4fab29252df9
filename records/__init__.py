"""What is read and decided after an exam."""
