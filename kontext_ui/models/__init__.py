"""What is known of the models that edit pictures, whoever runs them: plain values, one family in each file."""
