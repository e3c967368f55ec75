"""What checks are told of the rows: values without any row in them."""
