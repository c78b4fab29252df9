"""Commands for operators: `flask --app app …` and the making of models."""
