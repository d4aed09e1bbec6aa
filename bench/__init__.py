"""Each headline figure, measured side by side in one run with what people use instead."""
