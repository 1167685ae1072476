"""What many runs say together: the paper's tables and claims, as measured. Rows in, results out."""
