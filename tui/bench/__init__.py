"""`cnntop bench`: cnntop measures itself."""
