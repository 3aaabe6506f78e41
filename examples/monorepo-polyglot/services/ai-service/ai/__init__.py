"""The parts of ai-service. `sentiment` and `summary` know nothing of HTTP; `server` knows nothing of text."""
