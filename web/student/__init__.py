"""What a student's page says and hears."""
