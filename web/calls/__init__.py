"""What all calls share: bodies, values, errors, the OpenAPI page, the audit."""
