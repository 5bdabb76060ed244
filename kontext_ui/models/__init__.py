"""What is known about the models that edit pictures, whoever runs them: plain values, one family per file."""
