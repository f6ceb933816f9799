"""Keys, the end-to-end box, and tokens. Time and randomness are arguments."""
