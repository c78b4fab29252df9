"""What other systems are told and ask: webhooks, learning platforms, secured browsers."""
