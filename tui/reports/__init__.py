"""The reports as people read them: tables in the terminal, Markdown, CSV and pictures."""
